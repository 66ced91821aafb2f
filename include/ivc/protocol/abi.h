/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The ioctl ABI of /dev/ivc. Programs use libivc (ivc/ivc.h); this is for
 * libivc and for who writes another library.
 *
 * Two kinds of descriptors:
 *
 *   context   open("/dev/ivc"). After REGISTER it is a member of a group.
 *             poll: POLLIN when ACCEPT would not say -EAGAIN: an offer waits,
 *             or there is no backend. POLLPRI: an event for NEXT_EVENT.
 *   channel   returned by CONNECT and ACCEPT, always O_CLOEXEC. poll: POLLIN
 *             when the doorbell has rung since the last ARM, when the channel
 *             is established, until the first ARM, and when it has ended (then
 *             POLLHUP too). POLLOUT once it is established.
 *
 * A context belongs to the process that calls REGISTER, a channel to the one
 * that calls CONNECT or ACCEPT. Either ends when that process has no descriptor
 * of it any more: closed, by exit() and exec() too, even if a child or another
 * process still has one. (Its table of descriptors stands for the process.)
 *
 * Closing a descriptor is always possible and never waits for another party.
 * A channel outlives the context it was made from; UNREGISTER by closing the
 * context descriptor only stops offers and events.
 *
 * Memory of a channel: three regions, mapped shared, each as a whole:
 *
 *   IVC_MAP_KCTL  4 KiB, read-only: struct ivc_kctl of this end. `status` is
 *                 0 while the channel is alive, then a negative errno: first
 *                 -EAGAIN for a while if a guest leaves.
 *   IVC_MAP_OWN   4 KiB struct ivc_ctrl, then the own ring; read and write.
 *                 When writing has ended what is stored there goes nowhere:
 *                 look at `status` after each write, and ask DELIVERY.
 *   IVC_MAP_PEER  4 KiB struct ivc_ctrl of the peer, then its ring;
 *                 read-only. Once the peer has gone it shows what had been
 *                 written and not yet been consumed; it never faults.
 *
 * A mapping does not survive fork() in the child, cannot be moved or grown,
 * and stays valid after the descriptor is closed, until munmap(). OWN and
 * PEER can be mapped once the channel is established. Each region can be mapped
 * once at a time: -EBUSY while a mapping of it exists.
 *
 * Versioning: VERSION first. A structure never changes its size; what is
 * added comes with a new feature bit or a new ioctl. Reserved fields must be
 * zero, else -EINVAL. Threads: every call is thread-safe.
 *
 * Errors beyond those named at a call: -EFAULT, -EINTR (a signal while
 * waiting for the backend), -ENODEV (no backend: not attached, or detached
 * meanwhile), -ETIMEDOUT (the backend did not answer within 5 s), -ENOTTY.
 */
#ifndef IVC_ABI_H
#define IVC_ABI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define IVC_ABI_VERSION 2

#define IVC_FEATURE_LOCAL (1ull << 0) /* channels inside one guest */
#define IVC_FEATURE_KEEP (1ull << 1)  /* unread data outlives the peer */
#define IVC_FEATURE_LEAVE                                                      \
	(1ull << 2) /* DELIVERY, UNDELIVERED, and what they tell of            \
		     */

struct ivc_abi_version {
	__u32 abi; /* out: IVC_ABI_VERSION of the module */
	__u32 protocol;
	__u64 features;	    /* out: IVC_FEATURE_* */
	__u32 ring_min;	    /* out: bytes */
	__u32 ring_max;	    /* out: bytes */
	__u32 ring_default; /* out: bytes */
	__u32 attached;	    /* out: is a backend connected now */
};

struct ivc_abi_register {
	__u64 magic;  /* in: the job */
	__u32 id;     /* in: the process within the job */
	__u32 flags;  /* in: 0 */
	__u64 member; /* out */
	__u32 domid;  /* out: of this guest */
	__u32 reserved;
};

struct ivc_abi_host {
	__u64 member;
	__u32 id;
	__u16 domid;
	__u16 local; /* same guest */
};

struct ivc_abi_hosts {
	__u64 buf;	  /* in: struct ivc_abi_host[count] */
	__u32 count;	  /* in: room; out: how many were written */
	__u32 total;	  /* out: how many there are, this one not counted */
	__u32 generation; /* out: changes with every join and leave */
	__u32 reserved;
};

struct ivc_abi_connect {
	__u64 member;  /* in: from HOSTS */
	__u32 tx_size; /* in: own ring in bytes, a power of two; 0: default */
	__u32 rx_size; /* in: ring asked from the peer; 0: default */
	__s32 fd;      /* out: channel, not yet established: poll for POLLOUT */
	__u32 reserved;
};

struct ivc_abi_accept {
	__u32 tx_max; /* in: own ring at most that large; 0: as asked */
	__s32 fd;     /* out: channel, established */
	struct ivc_abi_host peer; /* out */
	__u64 reserved;
};

enum ivc_abi_event_type {
	IVC_ABI_EVENT_HOSTS = 1,    /* the group has changed: HOSTS tells how,
				     * and this does not come again before it
				     */
	IVC_ABI_EVENT_DETACHED = 2, /* the backend has gone */
	IVC_ABI_EVENT_ATTACHED = 3, /* and is back; registered again */
	IVC_ABI_EVENT_CHANNELS = 4, /* channels have ended with -EREMCHG */
};

struct ivc_abi_event {
	__u32 type;
	__s32 status; /* ATTACHED: 0, or why registering failed. DETACHED:
		       * -EREMCHG when this guest leaves, else -ENODEV
		       */
	__u32 generation;
	__u32 reserved;
};

enum ivc_abi_state {
	IVC_ABI_CONNECTING = 1,
	IVC_ABI_OPEN = 2,
	IVC_ABI_CLOSED = 3,
};

struct ivc_abi_info {
	__u32 state;		  /* out: enum ivc_abi_state */
	__s32 status;		  /* out: 0, or -errno why it is closed */
	struct ivc_abi_host peer; /* out */
	__u32 tx_size;		  /* out: bytes of the own ring */
	__u32 rx_size;		  /* out: bytes of the peer's; 0: not open */
	__u64 kicks;		  /* out: doorbells rung */
	__u64 wakeups;		  /* out: doorbells heard */
	__u64 spurious;		  /* out: events that nobody had asked for */
	__u64 kept;		  /* out: bytes kept when the peer went */
};

/* What became of what was written, once `status` is not 0. */
struct ivc_abi_delivery {
	__u32 from;    /* in: a position at which a record was written */
	__u32 final;   /* out: records before it were written in time */
	__u64 written; /* out: bytes in the records from @from on to there */
	__u64 undelivered; /* out: bytes written in time that the peer has not
			    * read and has not kept
			    */
	__s32 status;	   /* out: as in the page: -EAGAIN: not known yet */
	__u32 reserved;
};

struct ivc_abi_undelivered {
	__u64 buf;    /* in: bytes */
	__u64 len;    /* in: room; out: how many were copied */
	__u64 offset; /* in: of the undelivered bytes, how many to skip */
	__u64 reserved;
};

#define IVC_IOC 0xe7

/* Either descriptor. */
#define IVC_IOC_VERSION _IOR(IVC_IOC, 0, struct ivc_abi_version)

/*
 * Context. REGISTER: -EALREADY (this descriptor is registered), -EADDRINUSE
 * (the id is taken in this group), -EDQUOT (the guest's contexts are used up).
 */
#define IVC_IOC_REGISTER _IOWR(IVC_IOC, 1, struct ivc_abi_register)
/* HOSTS: -ENOTCONN (not registered). */
#define IVC_IOC_HOSTS _IOWR(IVC_IOC, 2, struct ivc_abi_hosts)
/*
 * CONNECT: does not wait for the peer's accept. -ENOENT (no such member in
 * this group: gone, or never was), -EINVAL (sizes), -EDQUOT (channels or
 * pages), -EBUSY (the peer's backlog or the request rate, or its guest does not
 * let go of what it was granted before), -ENOMEM, -ENOSPC (no grant,
 * event channel or mapping left).
 * Later, in INFO's status: -ECONNREFUSED, -ENOENT.
 */
#define IVC_IOC_CONNECT _IOWR(IVC_IOC, 3, struct ivc_abi_connect)
/*
 * ACCEPT: -EAGAIN (no offer waits; poll), -ECONNABORTED (it was withdrawn, or
 * its pages were no good), -ENODEV (there is no backend), -EDQUOT, -ENOMEM.
 */
#define IVC_IOC_ACCEPT _IOWR(IVC_IOC, 4, struct ivc_abi_accept)
/* NEXT_EVENT: -EAGAIN (none). */
#define IVC_IOC_NEXT_EVENT _IOR(IVC_IOC, 5, struct ivc_abi_event)

/* Channel. */
#define IVC_IOC_INFO _IOR(IVC_IOC, 16, struct ivc_abi_info)
/* Ring the peer's doorbell. Never blocks. 0, or the channel's status. */
#define IVC_IOC_KICK _IO(IVC_IOC, 17)
/*
 * Forget that the doorbell has rung. Order for a sleeper: ARM, set `want`, full
 * fence, look at the ring once more, then poll(). Not the other way round: the
 * wake-up clears `want`, and an ARM behind it would swallow the ring.
 */
#define IVC_IOC_ARM _IO(IVC_IOC, 18)
/*
 * Orderly close: the peer reads what was written, then gets -EPIPE. Closing
 * the descriptor without it tells the peer -ECONNRESET. -EPERM: the channel is
 * another process's.
 */
#define IVC_IOC_CLOSE _IO(IVC_IOC, 19)
/*
 * DELIVERY: -EINVAL while the channel can be written to. `undelivered` is 0
 * while `status` is -EAGAIN. -EPROTO: the peer named a position that is none;
 * how much it has taken is unknown.
 */
#define IVC_IOC_DELIVERY _IOWR(IVC_IOC, 20, struct ivc_abi_delivery)
/* UNDELIVERED: the undelivered bytes themselves. -EAGAIN, -EPROTO as DELIVERY.
 */
#define IVC_IOC_UNDELIVERED _IOWR(IVC_IOC, 21, struct ivc_abi_undelivered)

/* Offsets for mmap(). */
#define IVC_MAP_KCTL 0x00000000ull
#define IVC_MAP_OWN 0x10000000ull
#define IVC_MAP_PEER 0x20000000ull

#ifndef __KERNEL__
#ifdef __cplusplus
#define IVC_ABI_SIZE(t, n) static_assert(sizeof(struct t) == n, #t)
#else
#define IVC_ABI_SIZE(t, n) _Static_assert(sizeof(struct t) == n, #t)
#endif
IVC_ABI_SIZE(ivc_abi_version, 32);
IVC_ABI_SIZE(ivc_abi_register, 32);
IVC_ABI_SIZE(ivc_abi_host, 16);
IVC_ABI_SIZE(ivc_abi_hosts, 24);
IVC_ABI_SIZE(ivc_abi_connect, 24);
IVC_ABI_SIZE(ivc_abi_accept, 32);
IVC_ABI_SIZE(ivc_abi_event, 16);
IVC_ABI_SIZE(ivc_abi_info, 64);
IVC_ABI_SIZE(ivc_abi_delivery, 32);
IVC_ABI_SIZE(ivc_abi_undelivered, 32);
#endif

#endif /* IVC_ABI_H */
