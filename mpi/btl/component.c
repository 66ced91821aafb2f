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

/* Between ranks of one system vader is there first; TCP comes behind. */
#define EXCLUSIVITY (MCA_BTL_EXCLUSIVITY_HIGH - 1)

/* A message of 32 KiB is one, with the header of ob1. */
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
		"For whom it stands. host: those that are on this host when "
		"the two meet, so that a channel can be made; others are left "
		"to other BTLs (tcp, openib), and such a pair never goes over "
		"to IVC, even if a guest comes to this host later. all: "
		"everybody who has this component, over its own TCP as long as "
		"there is no channel, even if another BTL were faster; such a "
		"pair goes over to IVC when the two come to one host.",
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
		   "Interfaces for what does not go over IVC: names or "
		   "prefixes, with commas between (\"eth0,10.1.0.0/16\"). Not "
		   "together with btl_ivc_tcp_if_exclude.",
		   &c->tcp_if_include);
	c->tcp_if_exclude = NULL;
	param_text("tcp_if_exclude",
		   "All interfaces but these. Default: all but loopback, or "
		   "that if there is no other.",
		   &c->tcp_if_exclude);
	c->tcp_family = 0;
	param_int("tcp_family", "4: IPv4 alone, 6: IPv6 alone, 0: both.",
		  &c->tcp_family);
	c->tcp_port_min = 0;
	param_int("tcp_port_min", "The lowest port to listen on. 0: any.",
		  &c->tcp_port_min);
	c->tcp_port_range = 1024;
	param_int("tcp_port_range",
		  "How many ports from btl_ivc_tcp_port_min on may be tried.",
		  &c->tcp_port_range);
	c->tcp_buffer = 1 << 20;
	param_uint("tcp_buffer",
		   "Bytes that may be on their way to a peer, and are kept "
		   "until it has them.",
		   &c->tcp_buffer);
	c->tcp_timeout = 60;
	param_uint("tcp_timeout",
		   "Seconds until a peer that cannot be reached is an error.",
		   &c->tcp_timeout);
	c->ring_size = 0;
	param_uint("ring_size",
		   "Bytes of a channel's ring, each way: a power of two, and "
		   "at least four times what is sent at once. 0: as small as "
		   "that allows between guests; between processes of one "
		   "machine up to 2 MiB, and 16 MiB of all of a process.",
		   &c->ring_size);
	param_peers();
	c->always = false;
	param_bool("always",
		   "Be there for a host without IVC, too, so that a job can "
		   "begin there and find IVC on another. btl_ivc_peers is "
		   "\"all\" then.",
		   &c->always);
	c->sleep_after = 0;
	param_uint("sleep_after",
		   "Microseconds of looking for messages in vain until a "
		   "process sleeps, where processes or virtual CPUs are more "
		   "than CPUs. 0: it looks all the time.",
		   &c->sleep_after);
	c->switch_ms = 0;
	param_uint("switch_ms",
		   "For tests: leave every channel, for the network and "
		   "another channel, at random after up to so many "
		   "milliseconds. 0: never.",
		   &c->switch_ms);
	c->switch_sever = true;
	param_bool("switch_sever",
		   "For tests: half of these times without a word to the peer.",
		   &c->switch_sever);

	btl_ivc_counters_register();
	m->btl_exclusivity = EXCLUSIVITY;
	/* What goes at once is as long as a piece of what does not. */
	m->btl_eager_limit = PIECE;
	m->btl_rndv_eager_limit = PIECE;
	m->btl_max_send_size = PIECE;
	m->btl_rdma_pipeline_send_length = m->btl_max_send_size;
	m->btl_rdma_pipeline_frag_size = m->btl_max_send_size;
	m->btl_min_rdma_pipeline_size = 0;
	/*
	 * Not SEND_INPLACE, with which ob1 takes two calls and a descriptor for
	 * what btl_sendi() does at once.
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

/* A guest whose device waits for a host that has IVC. */
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
	 * All jobs of one mpirun meet in one group. That another one has the
	 * same number does no harm: nobody has a key of the other.
	 */
	o.magic = 0x49564d5000000000ull | me.jobid >> 16;
	if (getrandom(o.key, sizeof(o.key), 0) != sizeof(o.key))
		return -EIO;
	ret = coord_open(&o, &btl_ivc_user, &tcp_ops, open_tcp, NULL, &c->c);
	if (ret)
		return ret;
	/* Without it nobody is known to be on this host. */
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

static mca_btl_base_module_t **component_init(int *n, bool progress_threads,
					      bool mpi_threads)
{
	struct btl_ivc_component *c = &mca_btl_ivc_component;
	mca_btl_base_module_t **modules;
	int ret;

	(void)progress_threads;
	*n = 0;
	if (c->tcp_if_include && c->tcp_if_exclude) {
		opal_output(0, "btl ivc: tcp_if_include and tcp_if_exclude are "
			       "not to be given together");
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
		/* That there is no IVC is none of anybody's business. */
		if (ret != -ENODEV)
			opal_output(0, "btl ivc: not used: %s%s",
				    strerror(-ret),
				    ret == -EINVAL ? ": see ompi_info --param "
						     "btl ivc --level 9"
						   : "");
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

	/* After the end it is still called. */
	return OPAL_LIKELY(c != NULL) ? coord_progress(c) : 0;
}

static int component_close(void)
{
	struct btl_ivc_component *c = &mca_btl_ivc_component;

	/* Where it was opened and not used. */
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
