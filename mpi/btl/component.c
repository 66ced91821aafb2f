/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "btl_ivc.h"
#include "../../coordinator/tcp.h"
#include "opal/mca/base/mca_base_var.h"
#include "opal/mca/pmix/pmix.h"
#include "opal/threads/threads.h"
#include "opal/util/output.h"

/*
 * Between ranks of one system vader comes first; TCP comes after this
 * component.
 */
#define EXCLUSIVITY (MCA_BTL_EXCLUSIVITY_HIGH - 1)

/* A message of 32 KiB and the header of ob1 are one piece. */
#define PIECE (32 * 1024 + BTL_IVC_HEAD)

static void param_uint(const char *name, const char *help, unsigned int *value)
{
	mca_base_component_var_register(&mca_btl_ivc_component.super
						 .btl_version,
					name, help,
					MCA_BASE_VAR_TYPE_UNSIGNED_INT, NULL, 0,
					0, OPAL_INFO_LVL_5,
					MCA_BASE_VAR_SCOPE_READONLY, value);
}

static void param_int(const char *name, const char *help, int *value)
{
	mca_base_component_var_register(&mca_btl_ivc_component.super
						 .btl_version,
					name, help, MCA_BASE_VAR_TYPE_INT, NULL,
					0, 0, OPAL_INFO_LVL_4,
					MCA_BASE_VAR_SCOPE_READONLY, value);
}

static void param_text(const char *name, const char *help, char **value)
{
	mca_base_component_var_register(&mca_btl_ivc_component.super
						 .btl_version,
					name, help, MCA_BASE_VAR_TYPE_STRING,
					NULL, 0, 0, OPAL_INFO_LVL_1,
					MCA_BASE_VAR_SCOPE_READONLY, value);
}

static void param_bool(const char *name, const char *help, bool *value)
{
	mca_base_component_var_register(&mca_btl_ivc_component.super
						 .btl_version,
					name, help, MCA_BASE_VAR_TYPE_BOOL,
					NULL, 0, 0, OPAL_INFO_LVL_5,
					MCA_BASE_VAR_SCOPE_READONLY, value);
}

static void param_peers(void)
{
	static const mca_base_var_enum_value_t values[] = {
		{ BTL_IVC_HOST, "host" },
		{ BTL_IVC_ALL, "all" },
		{ 0, NULL },
	};
	struct btl_ivc_component *c = &mca_btl_ivc_component;
	mca_base_var_enum_t *peers = NULL;

	c->peers = BTL_IVC_HOST;
	mca_base_var_enum_create("btl_ivc_peers", values, &peers);
	mca_base_component_var_register(
		&c->super.btl_version, "peers",
		"Which ranks use this component. host: the ranks on this host "
		"when the job connects them. Other ranks use another BTL (tcp, "
		"openib) and never change to IVC, even if their guest comes to "
		"this host later. all: every rank that has the component. "
		"Pairs on different hosts use the component's TCP, even if "
		"another BTL is faster, and change to IVC when both are on one "
		"host.",
		MCA_BASE_VAR_TYPE_INT, peers, 0, 0, OPAL_INFO_LVL_3,
		MCA_BASE_VAR_SCOPE_READONLY, &c->peers);
	if (peers)
		OBJ_RELEASE(peers);
}

static int component_register(void)
{
	struct btl_ivc_component *c = &mca_btl_ivc_component;
	mca_btl_base_module_t *m = &btl_ivc_module.super;

	c->tcp_if_include = NULL;
	param_text("tcp_if_include",
		   "Interfaces for messages that do not use IVC: names or "
		   "prefixes, separated by commas (\"eth0,10.1.0.0/16\"). Not "
		   "together with btl_ivc_tcp_if_exclude.",
		   &c->tcp_if_include);
	c->tcp_if_exclude = NULL;
	param_text("tcp_if_exclude",
		   "Interfaces not to use, in the same form. Empty: loopback, "
		   "unless there is no other interface.",
		   &c->tcp_if_exclude);
	c->tcp_family = 0;
	param_int("tcp_family", "4: IPv4 only, 6: IPv6 only, 0: both.",
		  &c->tcp_family);
	c->tcp_port_min = 0;
	param_int("tcp_port_min",
		  "The lowest port to listen on, 0 to 65535. 0: any.",
		  &c->tcp_port_min);
	c->tcp_port_range = 1024;
	param_int("tcp_port_range",
		  "Number of ports from btl_ivc_tcp_port_min on to try.",
		  &c->tcp_port_range);
	c->tcp_buffer = 1 << 20;
	param_uint("tcp_buffer",
		   "Bytes that may be on their way to a peer; the sender "
		   "retains them until the peer has them. At least 4 times the "
		   "longest fragment.",
		   &c->tcp_buffer);
	c->tcp_timeout = 60;
	param_uint("tcp_timeout",
		   "Seconds until a peer that cannot be reached ends the job.",
		   &c->tcp_timeout);
	c->ring_size = 0;
	param_uint("ring_size",
		   "Bytes of a channel's ring, each way: a power of two up to "
		   "16777216, at least 4 times the longest fragment. 0: the "
		   "least between guests; between processes of one machine up "
		   "to 2 MiB, and 16 MiB for all rings of a process.",
		   &c->ring_size);
	param_peers();
	c->always = false;
	param_bool("always",
		   "Run also without IVC, over TCP, so that a guest finds IVC "
		   "on another host later. Sets btl_ivc_peers to \"all\".",
		   &c->always);
	c->sleep_after = 0;
	param_uint("sleep_after",
		   "Microseconds of polling in vain until a process sleeps, "
		   "for hosts with more processes or virtual CPUs than CPUs. "
		   "0: never.",
		   &c->sleep_after);
	c->switch_ms = 0;
	param_uint("switch_ms",
		   "For tests: leave each channel at random within so many "
		   "milliseconds, and make another. 0: never.",
		   &c->switch_ms);
	c->switch_sever = true;
	param_bool("switch_sever",
		   "For tests: half of these times without a mark to the peer.",
		   &c->switch_sever);

	btl_ivc_counters_register();
	m->btl_exclusivity = EXCLUSIVITY;
	/*
	 * A message that is sent at once may be as long as a piece of a longer
	 * one.
	 */
	m->btl_eager_limit = PIECE;
	m->btl_rndv_eager_limit = PIECE;
	m->btl_max_send_size = PIECE;
	m->btl_rdma_pipeline_send_length = m->btl_max_send_size;
	m->btl_rdma_pipeline_frag_size = m->btl_max_send_size;
	m->btl_min_rdma_pipeline_size = 0;
	/*
	 * Without SEND_INPLACE ob1 calls btl_sendi(), which needs one call and
	 * no descriptor.
	 */
	m->btl_flags = MCA_BTL_FLAGS_SEND;
	m->btl_bandwidth = 10000;
	m->btl_latency = 1;
	return mca_btl_base_param_register(&c->super.btl_version, m);
}

static size_t longest(void)
{
	const mca_btl_base_module_t *m = &btl_ivc_module.super;
	size_t max = m->btl_max_send_size;

	if (max < m->btl_eager_limit)
		max = m->btl_eager_limit;
	return max < m->btl_rndv_eager_limit ? m->btl_rndv_eager_limit : max;
}

static int open_tcp(void *arg, const struct net_user *user, uint64_t name,
		    const uint8_t key[COORD_KEY], size_t frame_max,
		    struct net **n)
{
	const struct btl_ivc_component *c = &mca_btl_ivc_component;
	struct tcp_options o = { .include = c->tcp_if_include,
				 .exclude = c->tcp_if_exclude,
				 .port = (unsigned int)c->tcp_port_min,
				 .ports = (unsigned int)c->tcp_port_range,
				 .buffer = c->tcp_buffer,
				 .message_max = frame_max,
				 .timeout_s = c->tcp_timeout,
				 .threads = c->threads };

	(void)arg;
	if (c->tcp_family)
		o.family = c->tcp_family == 6 ? AF_INET6 : AF_INET;
	if (o.buffer < 4 * frame_max)
		o.buffer = 4 * frame_max;
	return tcp_open(&o, user, name, key, n);
}

/* Whether this is a guest, whose device may find IVC on another host. */
static bool has_device(void)
{
	const char *device = getenv("IVC_DEVICE");

	return !access(device ? device : "/dev/ivc", F_OK);
}

static int open_coordinator(void)
{
	struct btl_ivc_component *c = &mca_btl_ivc_component;
	const opal_process_name_t me = OPAL_PROC_MY_NAME;
	struct coord_options o = { .name = btl_ivc_name(me),
				   .message_max = c->longest,
				   .ring = c->ring_size,
				   .use_ivc = true,
				   .threads = c->threads,
				   .sleep_after_us = c->sleep_after,
				   .switch_ms = c->switch_ms,
				   .sever = c->switch_sever };
	int ret;

	/*
	 * All jobs of an mpirun share a group. Another mpirun may have the same
	 * number; this does no harm, since the keys differ.
	 */
	o.magic = 0x49564d5000000000ull | me.jobid >> 16;
	if (getrandom(o.key, sizeof(o.key), 0) != sizeof(o.key))
		return -EIO;
	ret = coord_open(&o, &btl_ivc_user, &tcp_ops, open_tcp, NULL, &c->c);
	if (ret)
		return ret;
	/* Without IVC no rank is known to be on this host. */
	if (coord_has_ivc(c->c) || c->always ||
	    (c->peers == BTL_IVC_ALL && has_device()))
		return 0;
	coord_close(c->c, 0);
	c->c = NULL;
	return -ENODEV;
}

static int tell(void)
{
	struct btl_ivc_component *c = &mca_btl_ivc_component;
	uint8_t address[COORD_ADDRESS_MAX];
	int len = coord_address(c->c, address, sizeof(address));
	int ret;

	if (len < 0)
		return OPAL_ERROR;
	OPAL_MODEX_SEND(ret, OPAL_PMIX_GLOBAL, &c->super.btl_version, address,
			(size_t)len);
	return ret;
}

int btl_ivc_told(const struct opal_proc_t *proc, void **addr, size_t *len)
{
	uint8_t *got = NULL;
	int ret;

	OPAL_MODEX_RECV(ret, &mca_btl_ivc_component.super.btl_version,
			&proc->proc_name, &got, len);
	if (ret != OPAL_SUCCESS || !got) {
		free(got);
		return -ENOENT;
	}
	*addr = got;
	return 0;
}

/* The parameters to change, where that is known. */
static const char *cure_of(int error)
{
	switch (error) {
	case -EINVAL:
		return ": btl_ivc_ring_size must be 0 or a power of two of at "
		       "least 4 times the longest fragment, and interfaces "
		       "names or prefixes (ompi_info --param btl ivc --level "
		       "9)";
	case -EADDRNOTAVAIL:
		return ": btl_ivc_tcp_if_include, btl_ivc_tcp_if_exclude and "
		       "btl_ivc_tcp_family leave no interface";
	case -EADDRINUSE:
		return ": raise btl_ivc_tcp_port_range, no port from "
		       "btl_ivc_tcp_port_min on is free";
	}
	return "";
}

static mca_btl_base_module_t **component_init(int *n, bool progress_threads,
					      bool mpi_threads)
{
	struct btl_ivc_component *c = &mca_btl_ivc_component;
	mca_btl_base_module_t **modules;
	int ret;

	(void)progress_threads;
	*n = 0;
	if (c->tcp_if_include && c->tcp_if_exclude) {
		opal_output(0,
			    "btl ivc: not used: give btl_ivc_tcp_if_include or "
			    "btl_ivc_tcp_if_exclude, not both");
		return NULL;
	}
	if (c->always)
		c->peers = BTL_IVC_ALL;
	c->threads = mpi_threads || opal_using_threads();
	c->longest = longest();
	btl_ivc_module_init();
	if (btl_ivc_fragments_init() != OPAL_SUCCESS)
		return NULL;
	modules = malloc(sizeof(*modules));
	if (!modules)
		return NULL;
	ret = open_coordinator();
	if (ret) {
		/* Running without IVC is normal: no message. */
		if (ret != -ENODEV)
			opal_output(0, "btl ivc: not used: %s%s",
				    strerror(-ret), cure_of(ret));
		goto err_free;
	}
	if (tell() != OPAL_SUCCESS)
		goto err_close;
	modules[0] = &btl_ivc_module.super;
	*n = 1;
	return modules;

err_close:
	coord_close(c->c, 0);
	c->c = NULL;
err_free:
	free(modules);
	return NULL;
}

static int component_progress(void)
{
	struct coordinator *c = mca_btl_ivc_component.c;

	/* Open MPI calls this also after the end. */
	return OPAL_LIKELY(c != NULL) ? coord_progress(c) : 0;
}

static int component_close(void)
{
	struct btl_ivc_component *c = &mca_btl_ivc_component;

	/* If the component was opened and not used. */
	coord_close(c->c, 0);
	c->c = NULL;
	return OPAL_SUCCESS;
}

struct btl_ivc_component mca_btl_ivc_component = {
	.super = {
		.btl_version = {
			MCA_BTL_DEFAULT_VERSION("ivc"),
			.mca_close_component = component_close,
			.mca_register_component_params = component_register,
		},
		.btl_data = {
			MCA_BASE_METADATA_PARAM_CHECKPOINT,
		},
		.btl_init = component_init,
		.btl_progress = component_progress,
	},
};
