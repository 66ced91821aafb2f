/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ivc-back: who is on this host, and who may talk to whom.
 *
 *   main.c      module init and exit
 *   xenbus.c    one device per frontend: probe, states, connect, disconnect
 *   ring.c      the control ring of a frontend, both directions
 *   request.c   what a frontend may ask
 *   group.c     groups and their members
 *   notice.c    when members are told that their group has changed
 *   conn.c      connections between members
 *   policy.c    realm, quotas, request rate
 *   debugfs.c   the state, readable
 *
 * One mutex, ivc_back.lock, covers everything: the backend is never on the
 * data path and each request is short. A frontend's work item takes it for one
 * request at a time, so frontends take turns; the request rate bounds what one
 * of them can cost the others.
 */
#ifndef IVC_BACK_H
#define IVC_BACK_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <xen/xenbus.h>

#include <ivc/notice.h>
#include <ivc/wire.h>

#define IVC_REALM_MAX 64
/* What a guest may have, or has. policy.c */
struct ivc_quota {
	u32 contexts;
	u32 channels;
	u32 pages;
	u32 pending;
	u32 rate;
};

/* An object that owes its frontend events; on ivc_fe.owed while it does. */
struct ivc_owed {
	struct list_head node;
	unsigned int events; /* OWE_* */
	bool conn;	     /* inside an ivc_conn's end, else an ivc_member */
};

#define OWE_OFFER 1u
#define OWE_ACCEPTED 2u
#define OWE_GONE 4u
#define OWE_HOSTS 8u

/* A frontend, from backend_connect() to backend_disconnect(). */
struct ivc_fe {
	struct list_head node; /* ivc_back.fes */
	struct xenbus_device *dev;
	domid_t domid;
	char realm[IVC_REALM_MAX];
	struct ivc_quota max;
	struct ivc_quota used;

	struct ivc_ctl_page *ctl; /* the guest's page: an enemy's */
	struct ivc_host *table;	  /* likewise, written only */
	int irq;
	u32 req_cons; /* private: the shared copies are output only */
	u32 ev_prod;
	u32 ev_notified;
	bool broken;
	bool replying; /* a free event slot is spoken for */
	struct delayed_work work;

	struct list_head members;
	struct list_head ends;
	struct list_head owed;

	unsigned long window; /* start of the rate's current second */
	u32 in_window;
	u64 requests;
	u64 refused;
};

/* All members of one job in one realm; freed with the last of them. */
struct ivc_group {
	struct list_head node; /* ivc_back.groups */
	char realm[IVC_REALM_MAX];
	u64 magic;
	u32 generation;
	struct list_head members; /* ascending nr */
};

/* A registered context. */
struct ivc_member {
	u64 nr; /* key in ivc_back.members */
	u32 id;
	struct ivc_fe *fe;
	struct ivc_group *group;
	struct list_head in_group;
	struct list_head in_fe;
	struct ivc_notice notice;
	struct list_head late; /* ivc_back.late, while the notice is */
	struct ivc_owed owed;
};

enum ivc_conn_state { CONN_OFFERED, CONN_OPEN, CONN_HALF };

/* One side of a connection: [0] offered it, [1] accepts it. */
struct ivc_end {
	struct ivc_conn *conn;
	struct ivc_fe *fe; /* NULL once the frontend has gone */
	struct list_head in_fe;
	u64 member; /* number: the member itself may have left */
	u32 id;
	domid_t domid;
	u32 pages; /* charged */
	u32 dir_gref;
	u8 tx_shift;
	bool charged; /* one channel, and pages */
	bool closed;
	int reason; /* it is told that, with OWE_GONE */
	struct ivc_owed owed;
};

struct ivc_conn {
	u32 nr; /* key in ivc_back.conns */
	enum ivc_conn_state state;
	bool busy;     /* not to be freed under our hands */
	bool accepted; /* once it was, each frontend closes its own end */
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

/* ring.c: */
void ivc_ring_owe(struct ivc_fe *fe, struct ivc_owed *owed, unsigned int ev);
void ivc_ring_work(struct work_struct *work); /* takes ivc_back.lock */

/* request.c */
void ivc_request(struct ivc_fe *fe, const struct ivc_msg *req,
		 struct ivc_msg *reply);

/* group.c */
struct ivc_member *ivc_member_join(struct ivc_fe *fe, u64 magic, u32 id);
void ivc_member_leave(struct ivc_member *m);
struct ivc_member *ivc_member_of(struct ivc_fe *fe, u64 nr);
struct ivc_member *ivc_member_peer(struct ivc_member *m, u64 nr);
u32 ivc_group_list(struct ivc_member *m, u64 after, struct ivc_host *table,
		   bool *more);

/* notice.c */
void ivc_notice_init(void);
void ivc_notice_news(struct ivc_member *m);
void ivc_notice_none(struct ivc_member *m);
void ivc_notice_exit(void);

/* conn.c */
int ivc_conn_offer(struct ivc_member *from, struct ivc_member *to,
		   const struct ivc_msg *req, u32 *nr);
int ivc_conn_accept(struct ivc_member *m, const struct ivc_msg *req);
int ivc_conn_close(struct ivc_fe *fe, const struct ivc_msg *req, u32 *left);
void ivc_conn_refuse_member(struct ivc_member *m);
void ivc_conn_drop_fe(struct ivc_fe *fe);
void ivc_conn_event(struct ivc_owed *owed, unsigned int ev,
		    struct ivc_msg *msg);
void ivc_conn_paid(struct ivc_owed *owed);

/* policy.c */
void ivc_policy_read(struct ivc_fe *fe);
enum ivc_rate { RATE_OK, RATE_REFUSE, RATE_STALL };
enum ivc_rate ivc_policy_rate(struct ivc_fe *fe);

/* xenbus.c */
int ivcb_xenbus_init(void);
void ivc_fe_drop(struct ivc_fe *fe);
void ivcb_xenbus_exit(void);

/* debugfs.c */
void ivcb_debugfs_init(void);
void ivcb_debugfs_exit(void);

#endif /* IVC_BACK_H */
