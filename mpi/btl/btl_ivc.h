/* SPDX-License-Identifier: MIT */
/*
 * The component of Open MPI: a thin shim. It hands messages of the layer above
 * (ob1) to the coordinator, and back. The coordinator has everything about
 * channels, networks and switches.
 *
 *   component   parameters, start, the address that other ranks get
 *   module      peers, messages that come, the end
 *   fragment    messages that are sent
 *   counters    counters of both paths
 *   quota       the message about an exceeded quota
 */
#ifndef BTL_IVC_H
#define BTL_IVC_H

#include "opal_config.h"
#include "opal/class/opal_free_list.h"
#include "opal/mca/btl/base/base.h"
#include "opal/mca/btl/btl.h"
#include "opal/util/proc.h"

#include "../../coordinator/coordinator.h"

/* Room for the header of ob1, when its data is sent from where it is. */
#define BTL_IVC_HEAD 256u
/* The longest data that btl_sendi() packs on its stack. */
#define BTL_IVC_INLINE 1024u

struct mca_btl_base_endpoint_t {
	struct coord_peer *peer;
	struct opal_proc_t *proc;
};

struct btl_ivc_frag {
	mca_btl_base_descriptor_t base;
	mca_btl_base_segment_t segment[2];
	struct coord_send send;
	struct mca_btl_base_endpoint_t *endpoint;
	opal_free_list_t *list;
	size_t room;
	uint8_t *data;
};
typedef struct btl_ivc_frag btl_ivc_frag_t;
OBJ_CLASS_DECLARATION(btl_ivc_frag_t);

/* The ranks that use the component. */
enum btl_ivc_peers {
	BTL_IVC_HOST, /* ranks in the group on this host now */
	BTL_IVC_ALL,  /* all ranks that have it, over the network meanwhile */
};

struct btl_ivc_component {
	mca_btl_base_component_3_0_0_t super;

	/* Parameters. */
	unsigned int ring_size;
	char *tcp_if_include, *tcp_if_exclude;
	int tcp_family, tcp_port_min, tcp_port_range;
	unsigned int tcp_buffer, tcp_timeout;
	unsigned int switch_ms;
	bool switch_sever, always;
	int peers; /* enum btl_ivc_peers */
	unsigned int sleep_after;

	struct coordinator *c;
	bool threads;
	bool finalizing; /* the layer above may be gone: no callbacks */
	size_t longest;	 /* longest message of this layer */
	opal_free_list_t heads, eager, max; /* fragments, by their room */
};

struct btl_ivc_module {
	mca_btl_base_module_t super;
	mca_btl_base_module_error_cb_fn_t error;
};

/* The only symbol that the shared object exports. */
extern __attribute__((
	visibility("default"))) struct btl_ivc_component mca_btl_ivc_component;
extern struct btl_ivc_module btl_ivc_module;

static inline uint64_t btl_ivc_name(opal_process_name_t name)
{
	return (uint64_t)name.jobid << 32 | name.vpid;
}

/*
 * component.c: gets the address of the process of @proc. Returns less than 0 if
 * it has none.
 */
int btl_ivc_told(const struct opal_proc_t *proc, void **addr, size_t *len);

/*
 * module.c: the functions for Open MPI, and the callbacks of the coordinator.
 */
void btl_ivc_module_init(void);
extern const struct coord_user btl_ivc_user;
/* Reports that this process cannot go on; the job ends. */
void btl_ivc_lacks(int error);

/* quota.c: prints one line for each job and host. */
void btl_ivc_over_quota(void *arg, enum coord_quota which);

/* counters.c. */
void btl_ivc_counters_register(void);

/* fragment.c. */
mca_btl_base_descriptor_t *btl_ivc_alloc(mca_btl_base_module_t *btl,
					 struct mca_btl_base_endpoint_t *ep,
					 uint8_t order, size_t size,
					 uint32_t flags);
int btl_ivc_free(mca_btl_base_module_t *btl, mca_btl_base_descriptor_t *des);
mca_btl_base_descriptor_t *
btl_ivc_prepare_src(mca_btl_base_module_t *btl,
		    struct mca_btl_base_endpoint_t *ep,
		    opal_convertor_t *convertor, uint8_t order, size_t reserve,
		    size_t *size, uint32_t flags);
int btl_ivc_send(mca_btl_base_module_t *btl, struct mca_btl_base_endpoint_t *ep,
		 mca_btl_base_descriptor_t *des, mca_btl_base_tag_t tag);
int btl_ivc_sendi(mca_btl_base_module_t *btl,
		  struct mca_btl_base_endpoint_t *ep,
		  opal_convertor_t *convertor, void *header, size_t header_size,
		  size_t payload_size, uint8_t order, uint32_t flags,
		  mca_btl_base_tag_t tag, mca_btl_base_descriptor_t **des);
void btl_ivc_sent(void *arg, struct coord_peer *p, struct coord_send *s,
		  int status);
int btl_ivc_fragments_init(void);

#endif /* BTL_IVC_H */
