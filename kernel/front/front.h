/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ivc-front: the guest's side of IVC.
 *
 *   main.c          module init and exit
 *   xenbus.c        the device: probe, states, connect, disconnect
 *   request.c       requests to the backend, and where they wait
 *   ctlring.c       the control ring: requests out, replies and events in
 *   backend-page.c  pages granted to the backend
 *   hosts.c         the list of a group's members
 *   offer.c         offers that wait in a context
 *   context.c       contexts: register, hosts, events
 *   context-fd.c    /dev/ivc: the descriptor of a context
 *   owner.c         whose a descriptor is
 *   connect.c       how a channel comes to be: offer, accept, local pairs
 *   connection.c    what the backend knows of a channel: its number, its end
 *   channel.c       a channel: how it begins, its work item
 *   channel-state.c states of a channel and how it ends
 *   channel-fd.c    the descriptor of a channel, and its file system
 *   grant.c         own pages: allocated, granted, taken back; the directory
 *   map.c           the peer's pages, in the kernel
 *   mmap.c          the pages in a process: faults, revocation, PV page tables
 *   record.c        along the records of a ring
 *   unread.c        the copy of what a peer left unread
 *   undelivered.c   what became of what our process wrote
 *   suspend.c       the guest leaves this host: all channels, within one bound
 *   doorbell.c      the event channel
 *   audit.c         what is held, and whether it is charged
 *   debugfs.c       the state, readable
 *   handover.h      how far the two rings of a channel have been handed over
 *
 * Lifetimes. A channel is held by its descriptor, by the list of channels
 * until no page of it is granted any more, by work that is queued and by a
 * request that is under way. A context is held by its descriptor, by the list
 * while it is registered, and by a request under way.
 *
 * Locks, outermost first:
 *   conn_lock          of xenbus.c: connecting and disconnecting
 *   mmap_lock          of a process; taken by the core before our fault and
 *                      mmap handlers, so nothing below may touch user memory
 *   ivc_chan.lock      state and pages of one channel; never two at once
 *   ivc_pv_mmap.lock   inside, from MMU notifiers
 *   unmap_lock         of map.c, inside
 *   ivc_front.lock     spinlock: lists of contexts and channels
 *   ivc_ctx.lock       spinlock: offers and events of a context
 *   ivc_ctl.lock       spinlock: requests
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
	struct list_head all; /* every channel, also those nobody waits for */
	struct xarray conns;  /* conn -> ivc_chan, not of local accepters */
	struct xenbus_device *dev; /* NULL: none connected */
	struct workqueue_struct *wq;
	wait_queue_head_t moved; /* some channel has gone a step further */
	bool frozen;		 /* the guest is suspended */
} ivc_front;

/* ---------------------------------------------------------- backend-page.c */

/* A page for the backend: zeroed, granted, and remembered until it lets go. */
struct ivc_backend_page {
	struct list_head node;
	void *at;
	grant_ref_t ref;
};

/* ERR_PTR. */
struct ivc_backend_page *ivcf_backend_page_grant(struct xenbus_device *dev);
/* NULL is fine. Whatever the backend does, nobody waits for it. */
void ivcf_backend_page_end(struct ivc_backend_page *p);
void ivcf_backend_page_exit(void);

/* --------------------------------------------------------------- request.c */

/* What becomes of a request that the backend is too busy for (-EBUSY)? */
enum ivc_request_kind {
	IVC_REQUEST_ASK,     /* the caller gets the error */
	IVC_REQUEST_END,     /* CLOSE or UNREGISTER: it is sent again */
	IVC_REQUEST_REFUSAL, /* as END; and the backend's offer caused it */
};

/*
 * A request to the backend. @done runs once: in the event work, in the order of
 * the control ring, before any later event is handled; or, if the request has
 * never been in the ring, in the context of the caller that gives it up. @done
 * must not sleep for another request. Then the waiter, if there still is one,
 * is woken.
 */
struct ivc_request {
	struct list_head node; /* in a list of struct ivc_requests, or empty */
	struct kref ref;
	struct ivc_msg msg; /* out: request; in: reply */
	enum ivc_request_kind kind;
	u32 epoch;  /* the backend that it is for; 0: the one there is */
	int status; /* of the reply, or -ENODEV */
	void (*done)(struct ivc_request *req);
	void *data;		/* for @done */
	struct ivc_host *table; /* HOSTS: a copy, from the reply on */
	struct completion completed;
};

struct ivc_request *ivcf_request_new(u16 op, u32 epoch, u64 member);
void ivcf_request_put(struct ivc_request *req);
void ivcf_request_finish(struct ivc_request *req, int status);

/* Requests that are not in the ring yet. */
struct ivc_requests {
	struct list_head waiting; /* for a slot of the ring */
	u32 nr_refusals;	  /* of those */
	/*
	 * The table of hosts is the backend's from HOSTS to its reply, so that
	 * one request at a time has it.
	 */
	struct ivc_request *lister;
	struct list_head listers; /* wait until @lister is through */
};

void ivcf_requests_add(struct ivc_requests *q, struct ivc_request *req);
void ivcf_requests_remove(struct ivc_requests *q, struct ivc_request *req);
void ivcf_requests_pass_table(struct ivc_requests *q,
			      const struct ivc_request *req);
struct ivc_request *ivcf_requests_take(struct ivc_requests *q);

/* --------------------------------------------------------------- ctlring.c */

/*
 * What the control ring tells the rest of the driver; given at connect. All run
 * in the event work, one at a time and in the order of the ring.
 */
struct ivc_ctl_ops {
	void (*offer)(const struct ivc_msg *msg);
	void (*accepted)(const struct ivc_msg *msg);
	void (*gone)(const struct ivc_msg *msg);
	void (*hosts)(const struct ivc_msg *msg);
	/* The backend broke the ring. The ring handles no further event. */
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
	struct list_head node; /* ivc_front.ctxs, while it is in a group */
	spinlock_t lock;
	enum ivc_ctx_state state;
	u32 round;	  /* of attach and detach, the last that saw it */
	fl_owner_t owner; /* who has registered */
	u64 magic;
	u32 id;
	struct mem_cgroup *memcg; /* of the process, which pays for it all */
	u64 member;		  /* 0 while there is no backend, */
	u32 epoch;		  /* and of which backend it is the number */
	u32 domid;
	struct ivc_request *asked; /* REGISTER, until it is answered */
	struct list_head offers;
	unsigned int nr_offers;
	u32 generation;
	bool hosts_changed;
	bool channels; /* some have ended because a guest left */
	bool detached;
	int detach_reason;
	bool attached;
	int attach_status;
	wait_queue_head_t wq;
};

/* Does its process want to be in a group? */
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
 * What work items and xenbus's callbacks allocate for a process, of @ctx, is
 * charged to that process, not to nobody. While the guest is suspended it is
 * not: its processes stand still, those that serve a file system included, and
 * its disks may, so that nothing can be reclaimed from them, and nothing that
 * is allocated may wait for them.
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

/* More than any quota lets wait; a backend that lies is not believed. */
#define IVC_MAX_OFFERS 1024

int ivcf_offer_add(struct ivc_ctx *ctx, const struct ivc_msg *msg);
struct ivc_offer *ivcf_offer_take(struct ivc_ctx *ctx);
bool ivcf_offer_withdraw(struct ivc_ctx *ctx, u32 conn);
void ivcf_offer_drop_all(struct ivc_ctx *ctx);
void ivcf_offer_refuse(u32 epoch, u64 member, u32 conn, int reason);

/* ----------------------------------------------------------------- grant.c */

/* Pages of ours that a peer may map: kernel control, control, data. */
struct ivc_grant {
	u32 nr;
	u32 granted; /* refs, of both kinds, that have not been ended yet */
	struct page **pages;
	grant_ref_t *refs;
	u32 nr_dir; /* directory pages: granted until it is established */
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

/* The same pages of the peer, mapped read-only in this kernel. */
struct ivc_map {
	u32 nr;
	domid_t domid;
	struct page **pages;
	grant_ref_t *refs; /* as the directory said when it was copied */
	grant_handle_t *handles;
};

int ivcf_map_pages(struct ivc_map *map, domid_t domid, u32 dir_gref, u32 size);
void ivcf_unmap_ring(struct ivc_map *map);
void ivcf_unmap_pages(struct ivc_map *map);

/* --------------------------------------------------------------- channel.c */

/*
 * CONNECT and ACCEPT tell the other end the numbers of grants and of a port of
 * ours. As long as it may still come to what has these numbers they must not be
 * used for anything else, so all of it stays, also when our process has gone.
 */
enum ivc_invite {
	IVC_INVITE_NONE,  /* no numbers are out; or the other end has come */
	IVC_INVITE_ASKED, /* the backend has not answered */
	IVC_INVITE_OUT,	  /* the other end may come at any time */
};

/* Between two tries to take our pages back. */
#define IVC_RETRY_MIN_MS 10
#define IVC_RETRY_MAX_MS 1000

struct ivc_chan {
	struct kref ref;
	void (*free)(struct kref *ref); /* by ivcf_chan_put() */
	struct list_head node;		/* ivc_front.chans, until DEAD */
	struct list_head in_all;	/* ivc_front.all, until it is freed */
	u32 audit;			/* the last audit that counted it */
	u32 round; /* the last round of suspend.c over it */
	struct mutex lock;

	enum ivc_chan_state state;
	enum ivc_tx_state tx_state;
	enum ivc_rx_state rx_state;
	enum ivc_invite invite;
	int status;	  /* 0, or why it ended */
	int leave_reason; /* 0, or the status when a guest has left */

	/*
	 * Facts that are no state. Each becomes true once, in any of several
	 * states, and stays true.
	 */
	bool local;	  /* both ends are in this guest: before it is listed */
	bool established; /* both ends' memory is there; a partner reads it
			     without our lock */
	bool gone;	  /* the backend said so: nobody will answer */
	bool conn_closed; /* CLOSE is sent, or there is no backend for it */
	bool abandoned;	  /* the module goes: the work item does nothing */

	struct ivc_ctx *ctx; /* the context it was made from, and */
	u64 member;	     /* the number of that context */
	u32 epoch;	     /* at this backend */
	u32 conn;	     /* 0: not known yet */
	struct ivc_abi_host peer;
	struct ivc_chan *partner; /* local: the other end, a reference */
	u32 tx_size;
	u32 rx_size;
	struct ivc_grant grant;
	struct ivc_map map;

	/* unread.c */
	struct page **unread; /* PEER from COPIED on: NULL where nothing was */
	u32 nr_unread;
	u32 took_until;	    /* where the records end that were copied */
	u64 *unread_hidden; /* the headers taken out of the copy */
	u64 unread_bytes;

	/* undelivered.c */
	struct page *scrap;   /* the process stores there once STOPPED */
	u64 *hidden;	      /* CUT_OFF: the headers taken out of our ring */
	u32 undelivered_from; /* not delivered: the records from there, */
	u32 lost_skip;	      /* without so many bytes of the first, */
	u32 final;	      /* to there, */
	u64 undelivered;      /* which makes so many bytes */

	/* doorbell.c */
	const struct ivc_kctl *peer_kctl; /* NULL: do not read it */
	evtchn_port_t port;
	int irq;
	/*
	 * No states either: the process (ARM) and the interrupt set and clear
	 * these at any time, without a lock.
	 */
	bool rung;	 /* for poll(): since the last ARM */
	bool armed;	 /* ARM since the last event: one may come */
	u32 heard_state; /* of the peer, by the last event */
	wait_queue_head_t wq;
	u64 kicks, wakeups, spurious;

	/* Noted by events, carried out by @work, in this order. */
	spinlock_t todo_lock;
	bool todo_accepted; /* EV_ACCEPTED came, with these two */
	u32 todo_dir_gref;
	u8 todo_tx_shift;
	int todo_gone;	  /* 0, or the backend's reason */
	int todo_partner; /* 0, or a local partner's reason */
	struct delayed_work work;
	unsigned int retry_ms; /* until the next try to release our pages */
	bool overdue; /* many tries were in vain; connect.c reads it without
			 the lock */

	fl_owner_t owner;	     /* whose the descriptor is */
	unsigned int mmaps[3];	     /* VMAs of KCTL, OWN, PEER */
	struct ivc_pv_mmap *pv_mmap; /* PV: see mmap.c */
	struct address_space *mapping;
};

/*
 * References, and the work item, which holds one while it is queued. A caller
 * needs nothing of channel.c for these: ivcf_chan_new() has given each channel
 * its two functions.
 */
static inline void ivcf_chan_get(struct ivc_chan *ch)
{
	kref_get(&ch->ref);
}

static inline void ivcf_chan_put(struct ivc_chan *ch)
{
	kref_put(&ch->ref, ch->free);
}

/* Have the work item look at the channel. Any context. */
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

/* Pages of closed channels that a domain may hold and still get further ones:
 * after some seconds, and at any moment.
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

/* ---------------------------------------------------------------- record.c */

struct ivc_records {
	struct page **data; /* NULL: not there */
	u32 cells;
	const u64 *hidden; /* by cell: what was taken out, or NULL */
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
void ivcf_debugfs_init(void);
void ivcf_debugfs_exit(void);

#endif /* IVC_FRONT_H */
