/* SPDX-License-Identifier: GPL-2.0 */
/* Grants: stub/grant.c. */
#ifndef STUB_XEN_GRANT_TABLE_H
#define STUB_XEN_GRANT_TABLE_H

#include <linux/mm.h>

typedef u16 domid_t;
typedef u32 grant_ref_t;
typedef u32 grant_handle_t;

#define DOMID_SELF 0x7ff0u
#define INVALID_GRANT_REF ((grant_ref_t)-1)
#define INVALID_GRANT_HANDLE ((grant_handle_t)-1)

#define GNTMAP_host_map 2u
#define GNTMAP_readonly 4u
#define GNTMAP_application_map 8u
#define GNTMAP_contains_pte 16u
#define _GNTMAP_guest_avail0 16

#define GNTST_okay 0
#define GNTST_general_error (-1)
#define GNTST_bad_domain (-2)
#define GNTST_bad_gntref (-3)
#define GNTST_bad_handle (-4)
#define GNTST_bad_virt_addr (-5)
#define GNTST_no_device_space (-7)
#define GNTST_permission_denied (-8)
#define GNTST_no_space (-13)

#define GNTTABOP_map_grant_ref 0
#define GNTTABOP_unmap_grant_ref 1

struct gnttab_map_grant_ref {
	u64 host_addr;
	u32 flags;
	grant_ref_t ref;
	domid_t dom;
	s16 status;
	grant_handle_t handle;
	u64 dev_bus_addr;
};

struct gnttab_unmap_grant_ref {
	u64 host_addr;
	u64 dev_bus_addr;
	grant_handle_t handle;
	s16 status;
};

static inline void gnttab_set_map_op(struct gnttab_map_grant_ref *op,
				     phys_addr_t addr, u32 flags,
				     grant_ref_t ref, domid_t dom)
{
	*op = (struct gnttab_map_grant_ref){
		.host_addr = addr, .flags = flags, .ref = ref, .dom = dom
	};
}

static inline void gnttab_set_unmap_op(struct gnttab_unmap_grant_ref *op,
				       phys_addr_t addr, u32 flags,
				       grant_handle_t handle)
{
	(void)flags;
	*op = (struct gnttab_unmap_grant_ref){ .host_addr = addr,
					       .handle = handle };
}

int gnttab_grant_foreign_access(domid_t dom, unsigned long gfn, int readonly);
int gnttab_try_end_foreign_access(grant_ref_t ref);
void gnttab_end_foreign_access(grant_ref_t ref, struct page *page);
int gnttab_alloc_pages(int nr, struct page **pages);
void gnttab_free_pages(int nr, struct page **pages);
int gnttab_map_refs(struct gnttab_map_grant_ref *ops,
		    struct gnttab_map_grant_ref *kops, struct page **pages,
		    unsigned int count);
int gnttab_unmap_refs(struct gnttab_unmap_grant_ref *ops,
		      struct gnttab_unmap_grant_ref *kops, struct page **pages,
		      unsigned int count);
int HYPERVISOR_grant_table_op(unsigned int cmd, void *ops, unsigned int count);

#endif
