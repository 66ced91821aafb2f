/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * What domains share, apart from the rings themselves: the control ring between
 * a frontend and the backend, the host table, the directory of grant
 * references, and the kernel control page of a channel's end.
 *
 * docs/reference/protocol.md specifies all of this and is right in case of
 * conflict.
 *
 * These structures carry offsets, lengths, grant references and event-channel
 * ports, never pointers. All fields are little-endian; reserved ones must be
 * zero. A reader copies a field once and then checks the copy, since the other
 * side can change the page at any time.
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

/*
 * Messages of the control ring. The frontend sends requests, and the backend
 * answers each with IVC_MSG_REPLY and the same cookie. The backend sends
 * events, which have no answer.
 */
enum ivc_msg_op {
	/* frontend to backend */
	IVC_MSG_REGISTER = 1,	/* join a group; reply: member */
	IVC_MSG_UNREGISTER = 2, /* leave it; its channels stay open */
	IVC_MSG_HOSTS = 3,	/* fill the host table */
	IVC_MSG_LOOKUP = 4,	/* in which domain a member is */
	IVC_MSG_CONNECT = 5,	/* offer a channel; reply: conn */
	IVC_MSG_ACCEPT = 6,	/* accept an offered channel */
	IVC_MSG_CLOSE = 7,	/* cancel, refuse or close a channel */
	/* backend to frontend */
	IVC_MSG_REPLY = 32,
	IVC_MSG_EV_OFFER = 33,	  /* a member offers a channel to a context */
	IVC_MSG_EV_ACCEPTED = 34, /* the peer has accepted an offer */
	IVC_MSG_EV_GONE = 35,	  /* the other end has closed, or is gone */
	IVC_MSG_EV_HOSTS = 36,	  /* the group of a context has changed */
};

#define IVC_OFFER_LOCAL 1u /* both ends in one guest: no grants, no port */

struct ivc_msg {
	__u16 op;     /* enum ivc_msg_op */
	__u16 flags;  /* IVC_OFFER_*, else zero */
	__s32 status; /* of a reply: 0 or -errno (Linux x86 numbers) */
	__u64 cookie; /* chosen by the frontend, repeated in the reply; never
			 reused */
	union {
		struct {
			__u64 magic;
			__u32 id;
			__u32 reserved;
		} reg; /* REGISTER */
		struct {
			__u64 member;
			__u16 domid; /* of the frontend that asks */
			__u16 reserved;
			__u32 max_channels; /* quotas of the guest */
			__u32 max_pages;
		} reged; /* reply to REGISTER */
		struct {
			__u64 after; /* list members with higher numbers,
					ascending */
		} hosts;	     /* HOSTS */
		struct {
			__u32 count; /* entries in the table page */
			__u32 more;  /* not 0: there are more after the last one
				      */
			__u32 generation;
		} hosted; /* reply to HOSTS, and EV_HOSTS (generation) */
		struct {
			__u64 member;
		} lookup; /* LOOKUP */
		struct {
			__u64 member;
			__u32 id;
			__u16 domid;
			__u16 local; /* not 0: the domain that asks */
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
			__u8 rx_shift; /* log2 of the ring asked of the peer */
		} offer;	       /* CONNECT, its reply, EV_OFFER */
		struct {
			__u32 conn;
			__u32 dir_gref;
			__u8 tx_shift; /* log2 of the accepter's ring */
			__u8 reserved[3];
		} accept; /* ACCEPT, EV_ACCEPTED */
		struct {
			__u32 conn;
			__s32 reason; /* -errno for the other end */
		} close;	      /* CLOSE, EV_GONE */
		__u8 raw[40];
	};
	__u64 member; /* the context it concerns, 0 if none */
};

#define IVC_CTL_REQS 16u   /* slots frontend -> backend */
#define IVC_CTL_EVENTS 32u /* slots backend -> frontend */

/*
 * The page of the control ring: granted by the frontend, written by both sides.
 * Indices run freely from 0; each has one writer. At most IVC_CTL_REQS requests
 * may be unanswered.
 */
struct ivc_ctl_page {
	__u32 req_prod; /* frontend */
	__u32 ev_cons;	/* frontend */
	__u32 pad0[14];
	__u32 req_cons; /* backend */
	__u32 ev_prod;	/* backend */
	__u32 ev_want;	/* backend: notify it when ev_cons moves */
	__u32 pad1[13];
	struct ivc_msg req[IVC_CTL_REQS];
	struct ivc_msg ev[IVC_CTL_EVENTS];
};

/* The host table: granted by the frontend, written by the backend. */
struct ivc_host {
	__u64 member; /* never 0, names one registration for ever */
	__u32 id;     /* as given to ivc_register() */
	__u16 domid;
	__u16 reserved;
};

#define IVC_TABLE_HOSTS (4096u / sizeof(struct ivc_host))

/*
 * Directory of the grant references of one end: a chain of pages, granted
 * read-only to the peer, which copies it once and unmaps it. The references
 * are, in this order, of the kernel control page, the control page and the
 * pages of the ring.
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

/* References ahead of the ring: kernel control page, control page. */
#define IVC_DIR_HEAD 2u

/*
 * The kernel control page of one end of a channel. Only the kernel of the guest
 * that owns the end writes it; the peer's kernel and the owner's process read
 * it.
 */
#define IVC_KCTL_MAGIC 0x4b435649u /* "IVCK" */

enum ivc_wire_state {
	IVC_WIRE_OPENING = 0,
	IVC_WIRE_OPEN = 1,
	IVC_WIRE_LEAVING =
		2, /* has stopped writing, reads what the peer wrote */
	IVC_WIRE_CLOSED = 3,   /* writes and reads no more */
	IVC_WIRE_DETACHED = 4, /* and has unmapped the peer's ring */
};

/* Whether this end cuts off its peer, which did not answer in time. */
enum ivc_wire_cut_off {
	IVC_WIRE_UNCUT = 0,
	IVC_WIRE_CUTTING = 1, /* being decided; the peer waits */
	IVC_WIRE_CUT = 2, /* the peer reads no record that it has not begun */
};

struct ivc_kctl {
	__u32 magic;
	__u32 version;
	__u32 state;  /* enum ivc_wire_state, for the peer's kernel */
	__s32 reason; /* -errno for the peer, once `state` is beyond OPEN */
	/*
	 * If took_over is 1: all records of the peer before position took_until
	 * have been read, or copied for this end's process to read.
	 */
	__u32 took_until;
	__u32 took_over;
	__u32 cut_off; /* enum ivc_wire_cut_off */
	__u32 pad0[25];
	__s32 status; /* for the owner's process: 0, or why the channel ended */
	__u32 pad1[31];
};

/*
 * A reason from the other side as this side reports it to its process. Anything
 * but the reasons that the protocol knows counts as a reset.
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
