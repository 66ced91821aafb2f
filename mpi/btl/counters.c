/* SPDX-License-Identifier: MIT */
/*
 * Performance variables btl_ivc_*, for programs that use MPI_T: how many
 * messages took which path. They are those of this process and all its peers
 * together.
 */
#include <stddef.h>

#include "btl_ivc.h"
#include "opal/mca/base/mca_base_pvar.h"

static const struct counter {
	const char *name, *help;
	size_t at; /* in struct coord_stats */
} counters[] = {
	{ "sent_ivc", "Messages sent through IVC.",
	  offsetof(struct coord_stats, ivc_sent) },
	{ "sent_net", "Messages sent over the network.",
	  offsetof(struct coord_stats, net_sent) },
	{ "switches_ivc",
	  "Number of times that a pair of this process changed to IVC.",
	  offsetof(struct coord_stats, to_ivc) },
	{ "switches_net",
	  "Number of times that a pair changed back to the network.",
	  offsetof(struct coord_stats, to_net) },
};

static int value_of(const struct mca_base_pvar_t *pvar, void *value, void *obj)
{
	const struct coordinator *c = mca_btl_ivc_component.c;
	const struct counter *counter = pvar->ctx;
	struct coord_stats st = { 0 };

	(void)obj;
	if (c)
		coord_get_stats(c, &st);
	*(unsigned long long *)value =
		*(const uint64_t *)((const char *)&st + counter->at);
	return OPAL_SUCCESS;
}

void btl_ivc_counters_register(void)
{
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		mca_base_component_pvar_register(
			&mca_btl_ivc_component.super.btl_version,
			counters[i].name, counters[i].help, OPAL_INFO_LVL_4,
			MCA_BASE_PVAR_CLASS_COUNTER,
			MCA_BASE_VAR_TYPE_UNSIGNED_LONG_LONG, NULL,
			MCA_BASE_VAR_BIND_NO_OBJECT,
			MCA_BASE_PVAR_FLAG_READONLY |
				MCA_BASE_PVAR_FLAG_CONTINUOUS,
			value_of, NULL, NULL, (void *)&counters[i]);
}
