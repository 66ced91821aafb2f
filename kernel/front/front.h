/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ivc-front: the driver in a guest, which speaks for the guest's processes.
 *
 * The first five files are the entries: the kernel and processes call them.
 * Each other file calls only files above itself, and no entry.
 *
 *   main.c          module init and exit
 *   xenbus.c        the device: probe, states, connect, disconnect
 *   context-fd.c    /dev/ivc: the descriptor of a context
 *   channel-fd.c    the descriptor of a channel, and its file system
 *   debugfs.c       the contexts, channels and resources, as text
 *
 *   backend-page.c  a page that is granted to the backend
 *   request.c       requests to the backend, and the lists in which they wait
 *   ctlring.c       the control ring: requests out, replies and events in
 *   hosts.c         the list of a group's members
 *   offer.c         offers that wait in a context
 *   owner.c         the process that a descriptor belongs to
 *   context.c       contexts: register, attach and detach, events
 *
 *   grant.c         pages granted to the peer, and their directory
 *   map.c           the peer's pages, mapped in this kernel
 *   record.c        the records of a ring, one after the other
 *   handover.h      how far each ring of a channel has been handed over
 *   unread.c        the copy of the peer's data that our process has not read
 *   mmap.c          the pages in a process: faults, revocation, PV page tables
 *   undelivered.c   the part of our process's writes that was not delivered
 *   doorbell.c      the event channel
 *   connection.c    the channel at the backend: its number, CLOSE, EV_GONE
 *   channel-state.c the states of a channel, and how a channel ends
 *   channel.c       the object, and the work item that carries out events
 *   connect.c       how a channel is made: offer, accept, local pairs
 *   suspend.c       the hand-over of all channels, within one bound
 *   audit.c         the resources that are held, and whether they are charged
 *
 * Lifetimes. A channel is referenced by its descriptor, by the list of channels
 * until none of its pages is granted any more, by its work item while that is
 * queued, and by a request that is not answered yet. A context is referenced by
 * its descriptor, by its channels, by the list while it is registered, and by a
 * request that is not answered yet.
 *
 * Locks, outermost first:
 *   conn_lock          of xenbus.c: connecting and disconnecting
 *   mmap_lock          of a process; the core takes it before our fault and
 *                      mmap handlers, so nothing below may touch user memory
 *   ivc_chan.lock      state and pages of one channel; never two at once
 *   ivc_pv_mmap.lock   taken by MMU notifiers, too
 *   unmap_lock         of map.c
 *   ivc_front.lock     spinlock: lists of contexts and channels
 *   ivc_ctx.lock       spinlock: offers and events of a context
 *   ivc_ctl.lock       spinlock: requests
 *
 * Functions and variables that the linker sees begin with ivcf_; types and
 * constants begin with ivc_, as do those of include/ivc.
 */
#ifndef IVC_FRONT_H
#define IVC_FRONT_H

#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/memcontrol.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <xen/grant_table.h>
#include <xen/xenbus.h>

#include <ivc/protocol/abi.h>
#include <ivc/protocol/ring.h>
#include <ivc/protocol/state.h>
#include <ivc/protocol/wire.h>

#include "handover.h"

/* ----------------------------------------------------------------- main.c */

extern struct ivc_front {
	spinlock_t lock;
	struct list_head ctxs;
	struct list_head chans;
	struct list_head all;	   /* every channel that is not freed yet */
	struct xarray conns;	   /* number of a connection -> ivc_chan */
	struct xenbus_device *dev; /* NULL while no backend is connected */
	struct workqueue_struct *wq;
	wait_queue_head_t moved; /* a channel has got a step further */
	bool frozen;		 /* the guest is suspended */
} ivc_front;

/* ---------------------------------------------------------- backend-page.c */

/* A page for the backend: allocated zeroed, and granted. See backend-page.c. */
struct ivc_backend_page {
	struct list_head node;
	void *at;
	grant_ref_t ref;
};

/* Or an ERR_PTR. */
struct ivc_backend_page *ivcf_backend_page_grant(struct xenbus_device *dev);
/* @p may be NULL. Does not wait for the backend to unmap the page. */
void ivcf_backend_page_end(struct ivc_backend_page *p);
void ivcf_backend_page_exit(void);

/* --------------------------------------------------------------- request.c */

/* What to do with a request when the backend is too busy for it (-EBUSY) */
enum ivc_request_kind {
	IVC_REQUEST_ASK,     /* the caller gets the error */
	IVC_REQUEST_END,     /* CLOSE, UNREGISTER: send it again */
	IVC_REQUEST_REFUSAL, /* CLOSE of an offer: send it again; counted */
};

/*
 * A request to the backend. The function @done runs once, before the waiter, if
 * there still is a waiter, is woken. @done runs in the event work, in the order
 * of the control ring and before any later event is handled. Only for a request
 * that was never in the ring, @done runs in the context of the caller that
 * gives the request up. @done must not sleep for another request.
 */
struct ivc_request {
	struct list_head node; /* in a list of struct ivc_requests, or empty */
	struct kref ref;
	struct ivc_msg msg; /* the request; from the reply on, the reply */
	enum ivc_request_kind kind;
	u32 epoch;  /* the backend it is meant for; 0: the present one */
	int status; /* the reply's, or -ENODEV */
	void (*done)(struct ivc_request *req);
	void *data;		/* for @done */
	struct ivc_host *table; /* HOSTS: a copy, made with the reply */
	struct completion completed;
};

struct ivc_request *ivcf_request_new(u16 op, u32 epoch, u64 member);
void ivcf_request_put(struct ivc_request *req);
void ivcf_request_finish(struct ivc_request *req, int status);

/* Requests that are not in the ring yet */
struct ivc_requests {
	struct list_head waiting; /* for a slot of the ring */
	u32 nr_refusals;	  /* IVC_REQUEST_REFUSAL in @waiting */
	/*
	 * The backend fills one table for all HOSTS requests, and may write to
	 * it from HOSTS to the reply. So only one such request at a time, the
	 * lister, is sent.
	 */
	struct ivc_request *lister;
	struct list_head listers; /* for the lister to be answered */
};

void ivcf_requests_add(struct ivc_requests *q, struct ivc_request *req);
void ivcf_requests_remove(struct ivc_requests *q, struct ivc_request *req);
void ivcf_requests_pass_table(struct ivc_requests *q,
			      const struct ivc_request *req);
struct ivc_request *ivcf_requests_take(struct ivc_requests *q);

/* --------------------------------------------------------------- ctlring.c */

/*
 * The functions that the control ring calls for events; given at connect. They
 * run in the event work, one at a time and in the order of the ring.
 */
struct ivc_ctl_ops {
	void (*offer)(const struct ivc_msg *msg);
	void (*accepted)(const struct ivc_msg *msg);
	void (*gone)(const struct ivc_msg *msg);
	void (*hosts)(const struct ivc_msg *msg);
	/* The backend broke the ring. No function is called afterwards. */
	void (*broken)(void);
};

#define IVC_REPLY_TIMEOUT (5 * HZ)

int ivcf_ctl_connect(struct xenbus_device *dev, const struct ivc_ctl_ops *ops);
void ivcf_ctl_disconnect(void);
bool ivcf_ctl_broken(void);
u32 ivcf_ctl_epoch(void);
bool ivcf_ctl_is(u32 epoch);
void ivcf_ctl_send(struct ivc_request *req);
int ivcf_ctl_wait(struct ivc_request *req, long timeout);
void ivcf_ctl_audit(u64 *charged, u64 *held);

/* ----------------------------------------------------------------- hosts.c */

int ivcf_hosts(u32 epoch, u64 member, struct ivc_abi_host *hosts, u32 max,
	       u32 *total, u32 *generation);

/* --------------------------------------------------------------- context.c */

struct ivc_ctx {
	struct kref ref;
	struct list_head node; /* ivc_front.ctxs, while it is registered */
	spinlock_t lock;
	enum ivc_ctx_state state;
	u32 round;	  /* the last attach or detach that handled it */
	fl_owner_t owner; /* the process that has registered */
	u64 magic;
	u32 id;
	struct mem_cgroup *memcg; /* of the process; see struct ivc_alloc */
	u64 member;		  /* 0 while there is no backend */
	u32 epoch;		  /* the backend that @member is a number of */
	u32 domid;
	struct ivc_request *asked; /* REGISTER, until it is answered */
	struct list_head offers;
	unsigned int nr_offers;
	u32 generation;
	bool hosts_changed;
	bool channels; /* some ended because a guest was suspended */
	bool detached;
	int detach_reason;
	bool attached;
	int attach_status;
	wait_queue_head_t wq;
};

/* Does its process want to be a member of a group? */
static inline bool ivcf_ctx_registered(const struct ivc_ctx *ctx)
{
	switch (READ_ONCE(ctx->state)) {
	case IVC_CTX_MEMBER:
	case IVC_CTX_AWAY:
	case IVC_CTX_RETURNING:
		return true;
	default:
		return false;
	}
}

struct ivc_ctx *ivcf_ctx_new(void);
void ivcf_ctx_put(struct ivc_ctx *ctx);
u64 ivcf_ctx_member(struct ivc_ctx *ctx, u32 *epoch);
int ivcf_ctx_register(struct ivc_ctx *ctx, u64 magic, u32 id);
void ivcf_ctx_end(struct ivc_ctx *ctx);
int ivcf_ctx_next_event(struct ivc_ctx *ctx, struct ivc_abi_event *ev);
void ivcf_ctx_offer(const struct ivc_msg *msg);
bool ivcf_ctx_withdraw(const struct ivc_msg *msg);
void ivcf_ctx_hosts(const struct ivc_msg *msg);
void ivcf_ctx_channels(struct ivc_ctx *ctx);
void ivcf_ctx_attach_all(void);
void ivcf_ctx_detach_all(int reason, bool tell);

/*
 * Work items and xenbus's callbacks allocate memory for the process of @ctx.
 * Between ivcf_alloc_begin() and ivcf_alloc_end() that memory is charged to the
 * process, as if the process had allocated it.
 *
 * While the guest is suspended nothing is charged, and no allocation may wait
 * for I/O. Processes are frozen, among them any that serve a file system, and
 * disks may be stopped, so a wait for memory to be reclaimed could be endless.
 */
struct ivc_alloc {
	struct mem_cgroup *memcg;
	unsigned int noio;
};

static inline struct ivc_alloc ivcf_alloc_begin(const struct ivc_ctx *ctx)
{
	bool frozen = READ_ONCE(ivc_front.frozen);
	struct ivc_alloc before = {
		.memcg = set_active_memcg(ctx && !frozen ? ctx->memcg : NULL),
		.noio = memalloc_noio_save(),
	};

	if (!frozen)
		memalloc_noio_restore(before.noio);
	return before;
}

static inline void ivcf_alloc_end(struct ivc_alloc before)
{
	memalloc_noio_restore(before.noio);
	set_active_memcg(before.memcg);
}

/* ----------------------------------------------------------------- offer.c */

struct ivc_offer {
	struct list_head node;
	u32 epoch;
	struct ivc_msg msg;
};

/* More than any quota allows, so that only a backend that lies reaches this. */
#define IVC_MAX_OFFERS 1024

int ivcf_offer_add(struct ivc_ctx *ctx, const struct ivc_msg *msg);
struct ivc_offer *ivcf_offer_take(struct ivc_ctx *ctx);
bool ivcf_offer_withdraw(struct ivc_ctx *ctx, u32 conn);
void ivcf_offer_drop_all(struct ivc_ctx *ctx);
void ivcf_offer_refuse(u32 epoch, u64 member, u32 conn, int reason);

/* ----------------------------------------------------------------- grant.c */

/*
 * The pages of an end that the peer may map: kernel control page, control page,
 * data ring.
 */
struct ivc_grant {
	u32 nr;
	u32 granted; /* references of @refs and @dir_refs that are not ended */
	struct page **pages;
	grant_ref_t *refs;
	u32 nr_dir; /* pages of the directory, which is freed once the peer has
		       read it */
	struct page **dir;
	grant_ref_t *dir_refs;
};

int ivcf_grant_alloc(struct ivc_grant *g, u32 size);
int ivcf_grant_pages(struct ivc_grant *g, domid_t domid, u32 *dir_gref);
void ivcf_grant_end_dir(struct ivc_grant *g);
bool ivcf_grant_end(struct ivc_grant *g);
void ivcf_grant_free(struct ivc_grant *g);

static inline struct ivc_kctl *ivcf_grant_kctl(const struct ivc_grant *g)
{
	return page_address(g->pages[0]);
}

static inline struct ivc_ctrl *ivcf_grant_ctrl(const struct ivc_grant *g)
{
	return page_address(g->pages[1]);
}

/* ------------------------------------------------------------------- map.c */

/* The same pages of the peer, mapped read-only in this kernel */
struct ivc_map {
	u32 nr;
	domid_t domid;
	struct page **pages;
	grant_ref_t *refs; /* a copy of the peer's directory */
	grant_handle_t *handles;
};

int ivcf_map_pages(struct ivc_map *map, domid_t domid, u32 dir_gref, u32 size);
void ivcf_unmap_ring(struct ivc_map *map);
void ivcf_unmap_pages(struct ivc_map *map);

/* --------------------------------------------------------------- channel.c */

/*
 * CONNECT and ACCEPT tell the other end the numbers of our grants and of our
 * port. As long as the other end may still use those numbers, they must not be
 * given to anything else. So pages and port stay until then, even if our
 * process is gone.
 */
enum ivc_invite {
	IVC_INVITE_NONE,  /* the other end knows no numbers, or has used them */
	IVC_INVITE_ASKED, /* the backend has not answered CONNECT or ACCEPT */
	IVC_INVITE_OUT,	  /* the other end may use the numbers at any time */
};

/* The time between two attempts to end our grants */
#define IVC_RETRY_MIN_MS 10
#define IVC_RETRY_MAX_MS 1000

struct ivc_chan {
	struct kref ref;
	void (*free)(struct kref *ref); /* for ivcf_chan_put() */
	struct list_head node;		/* ivc_front.chans, until DEAD */
	struct list_head in_all;	/* ivc_front.all, until it is freed */
	u32 audit;			/* the last audit that counted it */
	u32 round;			/* the last round of suspend.c */
	struct mutex lock;

	enum ivc_chan_state state;
	enum ivc_tx_state tx_state;
	enum ivc_rx_state rx_state;
	enum ivc_invite invite;
	int status;	  /* 0, or the error that ended it */
	int leave_reason; /* 0, or the error to end a hand-over with */

	/*
	 * Facts that are no states. Each becomes true once, in any of several
	 * states, and stays true.
	 */
	bool local; /* both ends are in this guest; set at the beginning */
	bool established; /* the memory of both ends is there */
	bool gone;	  /* EV_GONE came: the backend answers no more */
	bool conn_closed; /* CLOSE is sent, or its backend is gone */
	bool abandoned;	  /* unloading: the work item does nothing */

	struct ivc_ctx *ctx; /* the context that made it */
	u64 member;	     /* the number that the context had then */
	u32 epoch;	     /* the backend of @member and @conn */
	u32 conn;	     /* 0 until the backend has given a number */
	struct ivc_abi_host peer;
	struct ivc_chan *partner; /* of a local pair; with a reference */
	u32 tx_size;
	u32 rx_size;
	struct ivc_grant grant;
	struct ivc_map map;

	/* unread.c */
	struct page **unread; /* the copy; NULL where nothing was copied */
	u32 nr_unread;
	u32 took_until;	    /* the position behind the copied records */
	u64 *unread_hidden; /* the headers taken out of the copy */
	u64 unread_bytes;

	/* undelivered.c */
	struct page *scrap;   /* the process stores here once STOPPED */
	u64 *hidden;	      /* the headers taken out of our ring */
	u32 undelivered_from; /* undelivered are the records from here, */
	u32 lost_skip;	      /* without the first bytes of the first record, */
	u32 final;	      /* to here; */
	u64 undelivered;      /* and that is their number of bytes */

	/* doorbell.c */
	const struct ivc_kctl *peer_kctl; /* NULL: must not be read */
	evtchn_port_t port;
	int irq;
	u32 heard_state; /* the peer's wire state at the last doorbell */
	/*
	 * No states either: ARM and the interrupt handler set and clear these
	 * at any time, without a lock.
	 */
	bool rung;  /* a doorbell has come since the last ARM */
	bool armed; /* ARM has come since the last doorbell */
	wait_queue_head_t wq;
	u64 kicks, wakeups, spurious;

	/*
	 * Notes of events. The work item takes them back, and carries them out
	 * in this order.
	 */
	spinlock_t todo_lock;
	bool todo_accepted; /* EV_ACCEPTED came, with the next two */
	u32 todo_dir_gref;
	u8 todo_tx_shift;
	int todo_gone;	  /* 0, or the backend's reason */
	int todo_partner; /* 0, or a local partner's reason */
	struct delayed_work work;
	unsigned int retry_ms; /* until the next attempt to end our grants */
	bool overdue; /* no state: connect.c reads this without our lock */

	fl_owner_t owner;	     /* the process that has the descriptor */
	unsigned int mmaps[3];	     /* mappings of KCTL, OWN, PEER */
	struct ivc_pv_mmap *pv_mmap; /* in a PV guest: see mmap.c */
	struct address_space *mapping;
};

/*
 * References, and the work item, which has a reference while it is queued.
 * These need no function of channel.c: ivcf_chan_new() has put the two that
 * they call into each channel. So files below channel.c can use them.
 */
static inline void ivcf_chan_get(struct ivc_chan *ch)
{
	kref_get(&ch->ref);
}

static inline void ivcf_chan_put(struct ivc_chan *ch)
{
	kref_put(&ch->ref, ch->free);
}

/* Have the work item examine the channel. Any context. */
static inline void ivcf_chan_queue_work(struct ivc_chan *ch)
{
	ivcf_chan_get(ch);
	if (mod_delayed_work(ivc_front.wq, &ch->work, 0))
		ivcf_chan_put(ch); /* it was queued already */
}

struct ivc_chan *ivcf_chan_new(struct ivc_ctx *ctx, u32 epoch, u64 member);
int ivcf_chan_map_peer(struct ivc_chan *ch, u32 dir_gref, u8 shift);
void ivcf_chan_answered(struct ivc_chan *ch, int status);
void ivcf_chan_close(struct ivc_chan *ch, int reason);
void ivcf_chan_drop(struct ivc_chan *ch, int reason);

/* --------------------------------------------------------- channel-state.c */

bool ivcf_chan_event(struct ivc_chan *ch, enum ivc_chan_event ev, int reason);
void ivcf_chan_end_invite(struct ivc_chan *ch);
void ivcf_chan_read_peer(struct ivc_chan *ch);
void ivcf_chan_release(struct ivc_chan *ch);
void ivcf_chan_leave(struct ivc_chan *ch, int reason);
void ivcf_chan_cut_off(struct ivc_chan *ch);
void ivcf_chan_orphan(struct ivc_chan *ch);
void ivcf_chan_abandon(struct ivc_chan *ch);

/* ------------------------------------------------------------ connection.c */

int ivcf_conn_add(struct ivc_chan *ch, u32 conn, gfp_t gfp);
void ivcf_conn_remove(struct ivc_chan *ch);
struct ivc_chan *ivcf_conn_find(u32 conn);
void ivcf_conn_close(struct ivc_chan *ch, int reason);
void ivcf_conn_accepted(const struct ivc_msg *msg);
void ivcf_conn_gone(const struct ivc_msg *msg);

/* --------------------------------------------------------------- suspend.c */

void ivcf_hand_over_all(int reason, bool released);
void ivcf_orphan_all(void);
void ivcf_abandon_all(void);

/* --------------------------------------------------------------- connect.c */

/*
 * A domain that still maps so many pages of closed channels is granted no
 * others: pages that are overdue, and pages of any age.
 */
#define IVC_MAX_OVERDUE 1024u
#define IVC_MAX_CLOSED 16384u

int ivcf_connect(struct ivc_ctx *ctx, struct ivc_abi_connect *arg,
		 struct ivc_chan **chp);
int ivcf_accept(struct ivc_ctx *ctx, struct ivc_abi_accept *arg,
		struct ivc_chan **chp);

/* ------------------------------------------------------------ channel-fd.c */

struct file *ivcf_channel_file(struct ivc_chan *ch);

/* ----------------------------------------------------------------- owner.c */

fl_owner_t ivcf_owner(void);
bool ivcf_owner_leaves(fl_owner_t owner, struct file *file, fl_owner_t id);

/* ------------------------------------------------------------------ mmap.c */

int ivcf_mmap(struct ivc_chan *ch, struct vm_area_struct *vma);
void ivcf_mmap_revoke(struct ivc_chan *ch);
void ivcf_mmap_audit(const struct ivc_chan *ch, u64 *charged, u64 *held);

/* ---------------------------------------------------------------- unread.c */

int ivcf_unread_copy(struct ivc_chan *ch);
void ivcf_unread_check_cut(struct ivc_chan *ch);
void ivcf_unread_end(struct ivc_chan *ch);
void ivcf_unread_free(struct ivc_chan *ch);
/* The page that a process sees at page @i of PEER. Under ch->lock. */
struct page *ivcf_peer_page(struct ivc_chan *ch, u32 i);

/* ---------------------------------------------------------------- record.c */

struct ivc_records {
	struct page **data; /* NULL: not copied */
	u32 cells;
	const u64 *hidden; /* NULL, or by cell the headers taken out */
};

void *ivcf_record_cell(const struct ivc_records *r, u32 pos);
int ivcf_record_parse(const struct ivc_records *r, u32 pos, u32 *len);
int ivcf_record_walk(const struct ivc_records *r, u32 pos, u32 *end,
		     u64 *bytes);
int ivcf_record_reader(const struct ivc_records *r, u64 at, u32 *pos,
		       u32 *used);
int ivcf_record_past(const struct ivc_records *r, u64 at, u32 *pos);
u64 *ivcf_record_hide(struct ivc_records *r, const u64 *at);
void ivcf_record_restore(struct ivc_records *r);

/* ----------------------------------------------------------- undelivered.c */

void ivcf_stop_writes(struct ivc_chan *ch);
bool ivcf_undelivered_cut_off(struct ivc_chan *ch);
void ivcf_undelivered_restore(struct ivc_chan *ch);
int ivcf_undelivered_settle(struct ivc_chan *ch);
int ivcf_delivery(const struct ivc_chan *ch, struct ivc_abi_delivery *delivery);
int ivcf_undelivered_copy(const struct ivc_chan *ch,
			  struct ivc_abi_undelivered *un);

/* -------------------------------------------------------------- doorbell.c */

int ivcf_doorbell_offer(struct ivc_chan *ch, domid_t domid);
int ivcf_doorbell_bind(struct ivc_chan *ch, domid_t domid, evtchn_port_t port);
void ivcf_doorbell_ring(struct ivc_chan *ch);
bool ivcf_doorbell_heard(struct ivc_chan *ch);
/* The peer is mapped: its state counts. ivcf_doorbell_blind() ends that. */
void ivcf_doorbell_see(struct ivc_chan *ch);
void ivcf_doorbell_blind(struct ivc_chan *ch);
void ivcf_doorbell_free(struct ivc_chan *ch);

/* ----------------------------------------------------------------- audit.c */

struct seq_file;

void ivcf_audit(struct seq_file *s);

/* ---------------------------------------------------------------- the rest */

int ivcf_context_fd_init(void);
void ivcf_context_fd_exit(void);
int ivcf_xenbus_init(void);
void ivcf_xenbus_exit(void);
int ivcf_debugfs_init(void);
void ivcf_debugfs_exit(void);

#endif /* IVC_FRONT_H */
