/* SPDX-License-Identifier: MIT */
/*
 * The component of Open MPI: a thin shim. It hands messages of the layer above
 * (ob1) to the coordinator, and back; all that is known of channels, networks
 * and switches is there.
 *
 *   component   parameters, beginning, what others are told
 *   module      peers, what comes, the end
 *   fragment    what goes
 *   counters    which way it went
 *   quota       why it did not go by IVC
 */
#ifndef BTL_IVC_H
#define BTL_IVC_H

#include "opal_config.h"
#include "opal/class/opal_free_list.h"
#include "opal/mca/btl/base/base.h"
#include "opal/mca/btl/btl.h"
#include "opal/util/proc.h"

#include "../../coordinator/coordinator.h"

/* The header of ob1 goes there, where its data stays where it is. */
#define BTL_IVC_HEAD 256u
/* The longest message that btl_sendi() puts together on its stack. */
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

/* For whom the component stands. */
enum btl_ivc_peers {
	BTL_IVC_HOST, /* those with whom a channel can be made now */
	BTL_IVC_ALL,  /* everybody who has it, over the network meanwhile */
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
	bool finalizing; /* the layer above may be gone: it is not called */
	size_t longest;	 /* message of this layer */
	opal_free_list_t heads, eager, max; /* fragments, by their room */
};

struct btl_ivc_module {
	mca_btl_base_module_t super;
	mca_btl_base_module_error_cb_fn_t error;
};

/* The one name that the shared object shows. */
extern __attribute__((
	visibility("default"))) struct btl_ivc_component mca_btl_ivc_component;
extern struct btl_ivc_module btl_ivc_module;

static inline uint64_t btl_ivc_name(opal_process_name_t name)
{
	return (uint64_t)name.jobid << 32 | name.vpid;
}

/* component.c: the address that the process of @proc has told, or less than 0
 */
int btl_ivc_told(const struct opal_proc_t *proc, void **addr, size_t *len);

/* module.c: the functions, and those that the coordinator calls. */
void btl_ivc_module_init(void);
extern const struct coord_user btl_ivc_user;
/* This process cannot go on, and says so: the job ends. */
void btl_ivc_lacks(int error);

/* quota.c: the job is told, once on each host. */
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
