/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * What crosses between domains, other than the rings themselves: the control
 * ring between a frontend and the backend, the host table, the directory of
 * grant references, and the kernel's control page of a channel.
 *
 * docs/reference/protocol.md specifies all of this and is right in case of
 * conflict. Only offsets, lengths, grant references and event-channel ports
 * cross, never pointers. All fields are little-endian; reserved ones must be
 * zero. Everything read from such a page is copied once and then checked.
 */
#ifndef IVC_WIRE_H
#define IVC_WIRE_H

#ifdef __KERNEL__
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/types.h>
#define IVC_WIRE_ASSERT(e) static_assert(e)
#else
#include <errno.h>
#include <linux/types.h>
#ifdef __cplusplus
#define IVC_WIRE_ASSERT(e) static_assert(e, #e)
#else
#define IVC_WIRE_ASSERT(e) _Static_assert(e, #e)
#endif
#endif

#define IVC_PROTOCOL_VERSION 2

/* Messages of the control ring. Requests come from the frontend and are
 * answered by IVC_MSG_REPLY with the same cookie; events come from the
 * backend and are not answered.
 */
enum ivc_msg_op {
	/* frontend to backend */
	IVC_MSG_REGISTER = 1,	/* join a group; reply: member */
	IVC_MSG_UNREGISTER = 2, /* leave it; its channels stay open */
	IVC_MSG_HOSTS = 3,	/* fill the host table */
	IVC_MSG_LOOKUP = 4,	/* where is that member */
	IVC_MSG_CONNECT = 5,	/* offer a channel; reply: conn */
	IVC_MSG_ACCEPT = 6,	/* take an offered channel */
	IVC_MSG_CLOSE = 7,	/* cancel, refuse or close a channel */
	/* backend to frontend */
	IVC_MSG_REPLY = 32,
	IVC_MSG_EV_OFFER = 33,	  /* somebody connects to a context */
	IVC_MSG_EV_ACCEPTED = 34, /* an offer of ours was taken */
	IVC_MSG_EV_GONE = 35,	  /* the other side of a channel is gone */
	IVC_MSG_EV_HOSTS = 36,	  /* the group of a context has changed */
};

#define IVC_OFFER_LOCAL 1u /* both ends in one guest: no grants, no port */

struct ivc_msg {
	__u16 op;     /* enum ivc_msg_op */
	__u16 flags;  /* IVC_OFFER_*, else zero */
	__s32 status; /* of a reply: 0 or -errno (Linux x86 numbers) */
	__u64 cookie; /* of a request, repeated in its reply: never the same */
	union {
		struct {
			__u64 magic;
			__u32 id;
			__u32 reserved;
		} reg; /* REGISTER */
		struct {
			__u64 member;
			__u16 domid; /* of the frontend that asked */
			__u16 reserved;
			__u32 max_channels; /* the guest's quota */
			__u32 max_pages;
		} reged; /* reply to REGISTER */
		struct {
			__u64 after; /* members above that one, ascending */
		} hosts;	     /* HOSTS */
		struct {
			__u32 count; /* entries in the table page */
			__u32 more;  /* not 0: ask again after the last */
			__u32 generation;
		} hosted; /* reply to HOSTS, and EV_HOSTS (generation) */
		struct {
			__u64 member;
		} lookup; /* LOOKUP */
		struct {
			__u64 member;
			__u32 id;
			__u16 domid;
			__u16 local; /* not 0: the asker's own domain */
		} looked;	     /* reply to LOOKUP */
		struct {
			__u64 peer;    /* CONNECT: member to connect to */
			__u32 conn;    /* reply and EV_OFFER */
			__u32 peer_id; /* EV_OFFER: process id of the offerer */
			__u32 dir_gref; /* first directory page, granted to peer
					 */
			__u32 port;  /* event channel, unbound, for the peer */
			__u16 domid; /* EV_OFFER: domain of the offerer */
			__u8 tx_shift; /* log2 of the offerer's ring */
			__u8 rx_shift; /* log2 of the ring it asks for */
		} offer;	       /* CONNECT, its reply, EV_OFFER */
		struct {
			__u32 conn;
			__u32 dir_gref;
			__u8 tx_shift; /* log2 of the accepter's ring */
			__u8 reserved[3];
		} accept; /* ACCEPT, EV_ACCEPTED */
		struct {
			__u32 conn;
			__s32 reason; /* -errno the other side is told */
		} close;	      /* CLOSE, EV_GONE */
		__u8 raw[40];
	};
	__u64 member; /* the context it is about, 0 if none */
};

#define IVC_CTL_REQS 16u   /* slots frontend -> backend */
#define IVC_CTL_EVENTS 32u /* slots backend -> frontend */

/*
 * The control page: granted by the frontend, written by both. Indices are
 * free-running from 0; each is written by one side. The frontend keeps at most
 * IVC_CTL_REQS requests unanswered.
 */
struct ivc_ctl_page {
	__u32 req_prod; /* frontend */
	__u32 ev_cons;	/* frontend */
	__u32 pad0[14];
	__u32 req_cons; /* backend */
	__u32 ev_prod;	/* backend */
	__u32 ev_want;	/* backend: events wait for room, notify me */
	__u32 pad1[13];
	struct ivc_msg req[IVC_CTL_REQS];
	struct ivc_msg ev[IVC_CTL_EVENTS];
};

/* The host table: granted by the frontend, written by the backend. */
struct ivc_host {
	__u64 member; /* never 0, never used again for somebody else */
	__u32 id;     /* as given to ivc_register() */
	__u16 domid;
	__u16 reserved;
};

#define IVC_TABLE_HOSTS (4096u / sizeof(struct ivc_host))

/*
 * Directory of the grant references of one direction: a chain of pages,
 * granted read-only to the peer, which copies it once and unmaps it.
 * References in order: kernel control page, control page, data pages.
 */
#define IVC_DIR_MAGIC 0x44435649u /* "IVCD" */
#define IVC_DIR_REFS 1020u

struct ivc_dir {
	__u32 magic;
	__u32 count; /* references in this page */
	__u32 next;  /* grant reference of the next directory page */
	__u32 last;  /* not 0: there is no next page */
	__u32 ref[IVC_DIR_REFS];
};

/* Pages granted ahead of the data pages: kernel control, control. */
#define IVC_DIR_HEAD 2u

/*
 * The kernel's control page of one end of a channel. Its owner's kernel alone
 * writes it; the peer's kernel and the owner's process read it.
 */
#define IVC_KCTL_MAGIC 0x4b435649u /* "IVCK" */

enum ivc_wire_state {
	IVC_WIRE_OPENING = 0,
	IVC_WIRE_OPEN = 1,
	IVC_WIRE_LEAVING = 2,  /* writes no more, waits for the peer's rest */
	IVC_WIRE_CLOSED = 3,   /* nothing more will be written or read */
	IVC_WIRE_DETACHED = 4, /* and the peer's ring is unmapped */
};

/* Is the peer, which did not answer in time, cut off? */
enum ivc_wire_cut_off {
	IVC_WIRE_UNCUT = 0,
	IVC_WIRE_CUTTING = 1, /* that is being decided */
	IVC_WIRE_CUT = 2,     /* what it has not read it shall not read */
};

struct ivc_kctl {
	__u32 magic;
	__u32 version;
	__u32 state;	  /* enum ivc_wire_state: for the peer's kernel */
	__s32 reason;	  /* why it is beyond OPEN: -errno the peer shall see */
	__u32 took_until; /* if @took_over: all before this position of the
			     peer's ring */
	__u32 took_over;  /* has been read, or is kept for who will */
	__u32 cut_off;	  /* enum ivc_wire_cut_off */
	__u32 pad0[25];
	__s32 status; /* 0, or -errno: for the owner's process */
	__u32 pad1[31];
};

/*
 * The reasons that one side gives and the other passes on to its process: what
 * is not one of them is a reset.
 */
static inline int ivc_wire_reason(int reason)
{
	switch (reason) {
	case -EPIPE:
	case -ECONNRESET:
	case -ECONNREFUSED:
	case -ETIMEDOUT:
	case -EPROTO:
	case -ENOMEM:
	case -EREMCHG:
		return reason;
	default:
		return -ECONNRESET;
	}
}

IVC_WIRE_ASSERT(sizeof(struct ivc_msg) == 64);
IVC_WIRE_ASSERT(sizeof(struct ivc_host) == 16);
IVC_WIRE_ASSERT(sizeof(struct ivc_dir) == 4096);
IVC_WIRE_ASSERT(sizeof(struct ivc_ctl_page) <= 4096);
IVC_WIRE_ASSERT(sizeof(struct ivc_kctl) <= 4096);

#endif /* IVC_WIRE_H */
