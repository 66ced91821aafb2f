/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ivc-back: the backend, which knows the members on this host and decides which
 * of them may connect.
 *
 *   main.c      the module and its parts
 *   xenbus.c    one device per frontend: probe, states, connect, disconnect
 *   ctlring.c   the control ring of a frontend, both directions
 *   request.c   the requests of a frontend, one function each
 *   group.c     groups and their members
 *   notify.c    notices to members that their group has changed
 *   conn.c      connections between members
 *   policy.c    realm, quotas, request rate
 *   debugfs.c   the state as text
 *   audit.c     compares the resources held with those charged
 *
 * A file calls only files below it here, xenbus.c > request.c > group.c >
 * notify.c and conn.c > ctlring.c > policy.c. What ctlring.c needs from above
 * it calls through struct ivc_fe_ops and struct ivc_owed_ops.
 *
 * Locking. One mutex, ivc_back.lock, protects everything: the backend is never
 * on the data path, and each request is short. A frontend's work item takes the
 * mutex for one request at a time, so frontends take turns; the request rate
 * bounds the time that one frontend can take from the others.
 *
 * Memory. A kworker or the thread of xenbus makes all allocations for a guest,
 * so no memory cgroup can bound them. Quotas do: each object is charged to one
 * guest (ivc_fe.used) from before it is allocated until it is freed, and the
 * charges of a guest never exceed ivc_fe.max.
 */
#ifndef IVC_BACK_H
#define IVC_BACK_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <xen/xenbus.h>

#include <ivc/protocol/notice.h>
#include <ivc/protocol/wire.h>

#define IVC_REALM_MAX 64

/* Quotas of a guest (policy.c), or what it uses of them. */
struct ivc_quota {
	u32 contexts;
	u32 channels; /* ends that the guest has offered or opened */
	u32 pages;    /* pages that those ends grant */
	u32 pending;  /* offers that the guest has not answered */
	u32 closing;  /* ends closed by the guest that still owe it events */
	u32 rate;     /* requests per second */
};

/* A frontend's connections with one other guest, counted. conn.c */
struct ivc_pair {
	domid_t domid; /* of the other guest: key in ivc_fe.pairs */
	u32 ends;      /* the pair is freed with the last of them */
	u32 pending;
	u32 closing;
};

struct ivc_owed;

/* What the owner of an ivc_owed, a member or an end, does for ctlring.c. */
struct ivc_owed_ops {
	/* Fill in @msg, which is zeroed, for the one event @ev. */
	void (*event)(struct ivc_owed *owed, unsigned int ev,
		      struct ivc_msg *msg);
	/* All events have been sent; may free the owner. NULL: nothing to do */
	void (*told)(struct ivc_owed *owed);
};

/* An object that owes its frontend events; on ivc_fe.owed while it does. */
struct ivc_owed {
	struct list_head node;
	unsigned int events; /* OWE_* */
	const struct ivc_owed_ops *ops;
};

#define OWE_OFFER 1u
#define OWE_ACCEPTED 2u
#define OWE_GONE 4u
#define OWE_HOSTS 8u

/*
 *   STARTING --> OPEN --> BROKEN --> ENDED
 *        |         |                   ^
 *        |         |  (xenbus)         |
 *        `---------+-------------------'
 */
enum ivc_fe_state {
	FE_STARTING, /* the work item does nothing yet */
	FE_OPEN,
	FE_BROKEN, /* the guest broke its ring: the work item drops it */
	FE_ENDED,  /* nothing is read, written or queued any more */
};

struct ivc_fe;

/* What ctlring.c calls for a frontend, under ivc_back.lock. */
struct ivc_fe_ops {
	/* Do what @req asks and fill in @reply. */
	void (*request)(struct ivc_fe *fe, const struct ivc_msg *req,
			struct ivc_msg *reply);
	/* The guest has broken its ring: let go of all members and ends. */
	void (*drop)(struct ivc_fe *fe);
};

/* A frontend, from fe_connect() to fe_disconnect(). */
struct ivc_fe {
	struct list_head node; /* ivc_back.fes */
	const struct ivc_fe_ops *ops;
	struct xenbus_device *dev;
	domid_t domid;
	char realm[IVC_REALM_MAX];
	struct ivc_quota max;
	struct ivc_quota used;

	struct ivc_ctl_page *ctl; /* the guest's page: it may be hostile */
	struct ivc_host *table;	  /* the guest's page: only written here */
	int irq;
	u32 req_cons; /* private: the shared copies are never read back */
	u32 ev_prod;
	u32 ev_notified;
	enum ivc_fe_state state;
	const char *fault; /* BROKEN: the index that was invalid */
	bool replying;	   /* a free event slot is reserved for a reply */
	struct delayed_work work;

	struct list_head members;
	struct list_head ends;
	struct list_head owed;
	struct xarray pairs;

	unsigned long window; /* jiffies: start of the rate's current second */
	u32 in_window;
	u64 requests;
	u64 refused;
};

/* All members of one job in one realm; freed with the last member. */
struct ivc_group {
	struct list_head node; /* ivc_back.groups */
	char realm[IVC_REALM_MAX];
	u64 magic;
	u32 generation;
	struct list_head members; /* ascending nr */
};

/* A registered context of a frontend. */
struct ivc_member {
	u64 nr; /* key in ivc_back.members */
	u32 id;
	struct ivc_fe *fe;
	struct ivc_group *group;
	struct list_head in_group;
	struct list_head in_fe;
	struct ivc_notice notice;
	struct list_head late;	 /* ivc_back.late, while the notice is LATE */
	struct list_head offers; /* ends that are PENDING at this member */
	struct ivc_owed owed;
};

/* conn.c explains the states, and how each is charged to the guest. */
enum ivc_end_state { END_PENDING, END_OPEN, END_CLOSING, END_DONE };

/* One end of a connection: [0] is the offerer's, [1] the accepter's. */
struct ivc_end {
	struct ivc_conn *conn;
	enum ivc_end_state state;
	struct ivc_fe *fe; /* NULL when DONE, as is @pair */
	struct ivc_pair *pair;
	struct list_head in_fe;
	struct list_head in_member; /* while PENDING */
	u64 member; /* a number, since the member may have left */
	u32 id;
	domid_t domid;
	u32 pages; /* charged, while OPEN */
	u32 dir_gref;
	u8 tx_shift;
	int reason; /* of OWE_GONE, for the guest */
	struct ivc_owed owed;
};

struct ivc_conn {
	u32 nr;	    /* key in ivc_back.conns */
	bool local; /* both ends in one guest */
	u32 port;
	u8 rx_shift;
	unsigned long since; /* jiffies */
	struct ivc_end end[2];
};

extern struct ivc_back {
	struct mutex lock;
	struct list_head fes;
	struct list_head groups;
	struct list_head late;
	struct xarray members;
	struct xarray conns;
	u64 next_member;
	u32 next_conn;
	struct workqueue_struct *wq;
} ivc_back;

/* ctlring.c */
void ivcb_ctlring_owe(struct ivc_fe *fe, struct ivc_owed *owed,
		      unsigned int ev);
void ivcb_ctlring_work(struct work_struct *work); /* takes ivc_back.lock */

/* request.c */
void ivcb_request(struct ivc_fe *fe, const struct ivc_msg *req,
		  struct ivc_msg *reply);

/* group.c */
struct ivc_member *ivcb_member_join(struct ivc_fe *fe, u64 magic, u32 id);
void ivcb_member_leave(struct ivc_member *m);
struct ivc_member *ivcb_member_of(struct ivc_fe *fe, u64 nr);
struct ivc_member *ivcb_member_peer(struct ivc_member *m, u64 nr);
u32 ivcb_group_list(struct ivc_member *m, u64 after, struct ivc_host *table,
		    bool *more);

/* notify.c */
extern const struct ivc_owed_ops ivcb_notify_ops; /* of a member */
void ivcb_notify_change(struct ivc_member *m);
void ivcb_notify_cancel(struct ivc_member *m);
void ivcb_notify_exit(void);

/* conn.c */
int ivcb_conn_offer(struct ivc_member *from, struct ivc_member *to,
		    const struct ivc_msg *req, u32 *nr);
int ivcb_conn_accept(struct ivc_member *m, const struct ivc_msg *req);
int ivcb_conn_close(struct ivc_fe *fe, const struct ivc_msg *req, u32 *left);
void ivcb_conn_refuse_member(struct ivc_member *m);
void ivcb_conn_drop_fe(struct ivc_fe *fe);
const char *ivcb_conn_state(const struct ivc_conn *c);

/* policy.c */
void ivcb_policy_read(struct ivc_fe *fe);
enum ivc_rate { RATE_OK, RATE_REFUSE, RATE_STALL };
enum ivc_rate ivcb_policy_rate(struct ivc_fe *fe);

/* xenbus.c */
int ivcb_xenbus_init(void);
void ivcb_xenbus_exit(void);

/* debugfs.c */
int ivcb_debugfs_init(void);
void ivcb_debugfs_exit(void);

/* audit.c: under ivc_back.lock; WARNs if a charge is wrong. */
#ifdef IVC_AUDIT
void ivcb_audit(void);
#else
static inline void ivcb_audit(void)
{
}
#endif

#endif /* IVC_BACK_H */
