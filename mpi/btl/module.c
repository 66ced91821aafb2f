/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "btl_ivc.h"
#include "opal/class/opal_bitmap.h"
#include "opal/util/output.h"

#define CLOSE_MS 3000 /* ms to wait for the goodbye of the others */

struct btl_ivc_module btl_ivc_module;

/*
 * Whether the component takes the rank. With "host", it leaves to other BTLs
 * every rank to which there will be no channel.
 */
static bool is_for_us(const void *addr, size_t len)
{
	const struct btl_ivc_component *c = &mca_btl_ivc_component;

	return c->peers == BTL_IVC_ALL || coord_is_here(c->c, addr, len);
}

/*
 * @asked: Open MPI asks, and may have another BTL for the rank. Otherwise the
 * peer connects.
 */
static struct mca_btl_base_endpoint_t *endpoint_of(struct opal_proc_t *proc,
						   bool asked)
{
	struct coordinator *c = mca_btl_ivc_component.c;
	struct mca_btl_base_endpoint_t *ep = calloc(1, sizeof(*ep)), *known;
	void *addr = NULL;
	size_t len;

	if (!ep || btl_ivc_told(proc, &addr, &len) < 0)
		goto err_free;
	if (asked && !is_for_us(addr, len))
		goto err_free;
	ep->proc = proc;
	ep->peer =
		coord_peer_add(c, btl_ivc_name(proc->proc_name), addr, len, ep);
	if (!ep->peer)
		goto err_free;
	free(addr);
	/* The peer may have connected before Open MPI named it. */
	known = coord_peer_user(ep->peer);
	if (known != ep)
		free(ep);
	return known;

err_free:
	free(addr);
	free(ep);
	return NULL;
}

static struct coord_peer *stranger(void *arg, uint64_t name)
{
	opal_process_name_t n = { .jobid = (uint32_t)(name >> 32),
				  .vpid = (uint32_t)name };
	struct mca_btl_base_endpoint_t *ep;
	struct opal_proc_t *proc;

	(void)arg;
	proc = opal_proc_for_name(n);
	ep = proc ? endpoint_of(proc, false) : NULL;
	return ep ? ep->peer : NULL;
}

static void deliver(void *arg, struct coord_peer *p, uint8_t tag,
		    const void *data, size_t len)
{
	mca_btl_base_segment_t segment = { .seg_len = len };
	mca_btl_base_descriptor_t des = { .des_segments = &segment,
					  .des_segment_count = 1 };
	const mca_btl_active_message_callback_t *to;

	(void)arg;
	(void)p;
	segment.seg_addr.pval = (void *)data;
	if (tag >= MCA_BTL_TAG_MAX)
		return;
	to = mca_btl_base_active_message_trigger + tag;
	/* A layer may be missing in this process. */
	if (OPAL_LIKELY(to->cbfunc))
		to->cbfunc(&btl_ivc_module.super, tag, &des, to->cbdata);
}

/* The cure, where it is known. */
static const char *cure_of(int error)
{
	switch (error) {
	case -EMFILE:
		return ": raise this rank's limit of descriptors (ulimit -n)";
	case -ENFILE:
		return ": raise the machine's limit of descriptors (sysctl "
		       "fs.file-max)";
	case -ENOMEM:
		return ": raise this rank's limit (ulimit -v), or give the "
		       "machine more memory";
	case -ECONNREFUSED:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
	case -ETIMEDOUT:
		return ": check that it runs, and the network and its firewall "
		       "(btl_ivc_tcp_port_min, btl_ivc_tcp_if_include)";
	}
	return "";
}

static void end_job(struct opal_proc_t *proc, char *why)
{
	/* The callback prints the message. */
	if (btl_ivc_module.error)
		btl_ivc_module.error(&btl_ivc_module.super,
				     MCA_BTL_ERROR_FLAGS_FATAL, proc, why);
	else
		opal_output(0, "%s", why);
}

static void failed(void *arg, struct coord_peer *p, int error)
{
	struct mca_btl_base_endpoint_t *ep = coord_peer_user(p);
	const opal_process_name_t me = OPAL_PROC_MY_NAME;
	char why[320];

	(void)arg;
	snprintf(why, sizeof(why),
		 "btl ivc: rank %u cannot reach rank %u on %s: %s%s", me.vpid,
		 (unsigned int)coord_peer_name(p),
		 ep->proc->proc_hostname ? ep->proc->proc_hostname
					 : "another host",
		 strerror(-error), cure_of(error));
	end_job(ep->proc, why);
}

void btl_ivc_lacks(int error)
{
	const opal_process_name_t me = OPAL_PROC_MY_NAME;
	char why[200];

	snprintf(why, sizeof(why),
		 "btl ivc: rank %u cannot accept messages of other ranks: %s%s",
		 me.vpid, strerror(-error), cure_of(error));
	end_job(opal_proc_local_get(), why);
}

static void lacks(void *arg, int error)
{
	(void)arg;
	btl_ivc_lacks(error);
}

const struct coord_user btl_ivc_user = {
	.deliver = deliver,
	.sent = btl_ivc_sent,
	.failed = failed,
	.lacks = lacks,
	.over_quota = btl_ivc_over_quota,
	.stranger = stranger,
};

static int add_procs(mca_btl_base_module_t *btl, size_t n,
		     struct opal_proc_t **procs,
		     struct mca_btl_base_endpoint_t **eps,
		     struct opal_bitmap_t *reachable)
{
	(void)btl;
	for (size_t i = 0; i < n; i++) {
		if (procs[i] == opal_proc_local_get())
			continue;
		eps[i] = endpoint_of(procs[i], true);
		/* Open MPI finds another component for the other ranks. */
		if (eps[i] && reachable)
			opal_bitmap_set_bit(reachable, (int)i);
	}
	return OPAL_SUCCESS;
}

/*
 * Messages for these ranks may not be sent yet, and the ranks may still send.
 * They are freed with all others, at the end.
 */
static int del_procs(mca_btl_base_module_t *btl, size_t n,
		     struct opal_proc_t **procs,
		     struct mca_btl_base_endpoint_t **eps)
{
	(void)btl;
	(void)n;
	(void)procs;
	(void)eps;
	return OPAL_SUCCESS;
}

/* With btl_base_verbose: prints how many messages took which path. */
static void report(void)
{
	struct coord_stats st;

	coord_get_stats(mca_btl_ivc_component.c, &st);
	opal_output_verbose(10, opal_btl_base_framework.framework_output,
			    "btl ivc: %" PRIu64 " messages over IVC, %" PRIu64
			    " over the network, %" PRIu64
			    " queued; to IVC %" PRIu64 " times, back %" PRIu64
			    " times",
			    st.ivc_sent, st.net_sent, st.queued, st.to_ivc,
			    st.to_net);
}

static int finalize(mca_btl_base_module_t *btl)
{
	(void)btl;
	report();
	mca_btl_ivc_component.finalizing = true;
	coord_close(mca_btl_ivc_component.c, CLOSE_MS);
	mca_btl_ivc_component.c = NULL;
	return OPAL_SUCCESS;
}

static int register_error(mca_btl_base_module_t *btl,
			  mca_btl_base_module_error_cb_fn_t error)
{
	(void)btl;
	btl_ivc_module.error = error;
	return OPAL_SUCCESS;
}

void btl_ivc_module_init(void)
{
	mca_btl_base_module_t *m = &btl_ivc_module.super;

	m->btl_component = &mca_btl_ivc_component.super;
	m->btl_add_procs = add_procs;
	m->btl_del_procs = del_procs;
	m->btl_finalize = finalize;
	m->btl_alloc = btl_ivc_alloc;
	m->btl_free = btl_ivc_free;
	m->btl_prepare_src = btl_ivc_prepare_src;
	m->btl_send = btl_ivc_send;
	m->btl_sendi = btl_ivc_sendi;
	m->btl_register_error = register_error;
}
