/* SPDX-License-Identifier: MIT */
/* ivcctl arrived: check that a guest that was moved here is back on IVC. */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attach.h"
#include "domain.h"
#include "ivcctl.h"
#include "options.h"
#include "table.h"

#define WAIT_DEFAULT 30
#define LOOK_US 20000

struct arrived_options {
	const char *backend, *debugfs;
	long long wait;
};

static long long contexts(const struct arrived_options *o, unsigned int domid)
{
	long long n = -1;
	struct table t;
	int row;

	if (table_read(&t, o->debugfs, "frontends"))
		return -1;
	row = table_find(&t, "domid", domid);
	if (row >= 0)
		n = table_number(&t, (unsigned int)row, "contexts");
	table_free(&t);
	return n;
}

static int arrived(struct store *s, const struct arrived_options *o,
		   const struct device *d, const char *name)
{
	time_t end = time(NULL) + o->wait;
	long long n;
	int ret;

	while (!store_exists(s, "%s/backend", d->fe)) {
		if (time(NULL) >= end) {
			complain("%s is here and not attached: ivcctl attach "
				 "%s, or ivcctl attach --all --watch",
				 name, name);
			return EXIT_FAILED;
		}
		usleep(LOOK_US);
	}
	ret = device_wait(s, d, o->wait, device_both_connected);
	if (ret) {
		explain_states(s, d, name);
		return EXIT_FAILED;
	}
	/* The processes of the guest register again one after the other. */
	do {
		n = contexts(o, d->guest);
		if (n > 0)
			break;
		usleep(LOOK_US);
	} while (time(NULL) < end && n < 0);
	report("%s is connected here, %lld processes are registered", name,
	       n < 0 ? 0 : n);
	return EXIT_FINE;
}

static const struct option_rule rules[] = {
	OPTION_RULE_NUMBER(struct arrived_options, wait, "wait", "SECONDS", 1,
			   WAIT_MAX,
			   "for the device to appear and connect (default 30)"),
	OPTION_RULE_BACKEND(struct arrived_options),
	OPTION_RULE_DEBUGFS(struct arrived_options),
	OPTION_RULE_END,
};

static int arrived_run(int argc, char **argv)
{
	struct arrived_options o = { .backend = BACKEND_DEFAULT,
				     .debugfs = DEBUGFS_DEFAULT,
				     .wait = WAIT_DEFAULT };
	int status = options_parse(rules, &o, argc, argv);
	char name[DOMAIN_NAME_MAX];
	struct device d;
	struct store s;

	if (!status)
		status = words_check(argc, argv, 1, 1);
	if (status)
		return status;
	if (store_open(&s))
		return EXIT_FAILED;
	status = EXIT_FAILED;
	if (!device_locate(&s, argv[optind], o.backend, &d, name))
		status = arrived(&s, &o, &d, name);
	store_close(&s);
	return status;
}

const struct command arrived_command = {
	.name = "arrived",
	.run = arrived_run,
	.args = "GUEST",
	.help = "check that a guest that was moved here is back on IVC",
	.about = "",
	.options = rules,
	.examples = "  ivcctl arrived web1\n",
};
