/* SPDX-License-Identifier: GPL-2.0 */
/* What the stubs know of each other. */
#ifndef STUB_INNER_H
#define STUB_INNER_H

#include "stub.h"

#define STUB_FRAMES (1u << 17) /* 512 MiB, if all were used */
#define STUB_REFS (1u << 16)
#define STUB_PORTS 4096u
#define STUB_IRQS 4096u

struct stub_grant {
	bool used;
	bool readonly;
	domid_t to;
	u32 maps;
	struct page *page;
	bool deferred; /* Linux frees the page when it is not mapped any more */
};

struct stub_handle {
	bool used;
	struct stub_dom *from;
	grant_ref_t ref;
	u64 host_addr;
	bool pte;
};

enum stub_port_state { PORT_FREE, PORT_UNBOUND, PORT_BOUND };

struct stub_port {
	enum stub_port_state state;
	domid_t remote_dom;
	u32 remote;
	bool pending;
	int irq; /* -1: none */
};

struct stub_irq {
	bool used;
	irq_handler_t handler;
	void *data;
	u32 port;
	u32 disabled;
	bool running;
	bool masked; /* until the late EOI */
};

struct stub_event {
	struct list_head node;
	struct xenbus_watch *watch; /* or */
	void (*fn)(void *arg);
	void *arg;
	bool *done;
	char path[96];
};

struct stub_dom {
	struct list_head node;
	domid_t id;
	bool pv;

	/* grant.c: under the hypervisor's lock, as the ports */
	u32 max_grants, max_handles, max_ports;
	struct stub_grant grants[STUB_REFS];
	u32 free_ref[STUB_REFS], nr_free_ref, nr_refs;
	struct stub_handle handles[STUB_REFS];
	u32 free_handle[STUB_REFS], nr_free_handle, nr_handles;
	struct stub_count count;

	/* event.c */
	struct stub_port ports[STUB_PORTS];
	struct stub_irq irqs[STUB_IRQS];
	u32 next_irq;

	/* store.c */
	struct list_head events;
	pthread_mutex_t watch_mutex;
	pthread_t watch_thread;
	bool handling;

	/* xenbus.c */
	struct list_head devices;
	struct list_head drivers;
};

/* The hypervisor: grants and event channels. A leaf, but for the frames. */
extern pthread_mutex_t stub_xen;
extern pthread_cond_t stub_xen_cond;
/* Page tables of processes, and frames. The innermost of all. */
extern pthread_mutex_t stub_ptl;

extern struct list_head stub_doms;
struct stub_dom *stub_dom_find(domid_t id);

extern _Thread_local struct stub_dom *stub_in_dom;
extern _Thread_local struct stub_proc *stub_in_proc;
extern _Thread_local unsigned int stub_atomic; /* spinlocks held, or an irq */

void stub_lock(pthread_mutex_t *m);
void stub_unlock(pthread_mutex_t *m);
void stub_pause(void); /* stub_jitter() */
void stub_act(void);   /* only what stub_at_pause() says */

/* thread.c */
void stub_spawn(struct stub_dom *d, void *(*fn)(void *arg), void *arg,
		pthread_t *t);

/* page.c */
extern struct page stub_page[STUB_FRAMES];
int stub_memory(void); /* the file */
void stub_show_frame(struct page *at, struct page *frame, bool write);
void stub_hide_frame(struct page *at);
bool stub_may_alloc(gfp_t gfp);

/* memcg.c */
struct mem_cgroup *stub_memcg_new(void);
void stub_charge(gfp_t gfp);

/* work.c: freezable items of @d (NULL: of no domain) do not run. */
void stub_freeze(struct stub_dom *d);
/* Is the thread in the kernel of a guest that is frozen? */
bool stub_frozen(void);

/* vma.c */
int stub_pte_map(u64 pte, u32 frame);
int stub_pte_unmap(u64 pte, u32 frame);
struct mm_struct *stub_mm_new(void);
void stub_mm_get(struct mm_struct *mm);
void stub_mm_put(struct mm_struct *mm);
void stub_mm_exit(struct mm_struct *mm);
void stub_mm_fork(struct mm_struct *from, struct mm_struct *to);
struct mm_struct *stub_proc_mm(struct stub_proc *p);

/* event.c */
void stub_start_events(struct stub_dom *d);
int stub_port_new(struct stub_dom *d, domid_t remote);

/* store.c */
void stub_start_store(struct stub_dom *d);
void stub_call(struct stub_dom *d, void (*fn)(void *arg), void *arg, bool wait);

#endif
