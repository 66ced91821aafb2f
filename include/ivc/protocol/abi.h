/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The ioctl ABI of /dev/ivc. Programs use libivc (ivc/ivc.h); this header is
 * for libivc and for authors of another library.
 *
 * Two kinds of descriptors:
 *
 *   context   open("/dev/ivc"). REGISTER makes it a member of a group.
 *             poll: POLLIN when ACCEPT would not return -EAGAIN: an offer is
 *             pending, or there is no backend. POLLPRI: an event is pending.
 *   channel   returned by CONNECT and ACCEPT, always O_CLOEXEC. poll: POLLIN
 *             when the doorbell has rung since the last ARM, when the channel
 *             is established, until the first ARM, and when the channel has
 *             ended (then POLLHUP, too). POLLOUT once it is established.
 *
 * A context belongs to the process that calls REGISTER, a channel to the
 * process that calls CONNECT or ACCEPT. Both end when that process has no
 * descriptor of them any more, closed explicitly or by exit() or exec(), even
 * if a child or another process still has one. The kernel identifies the
 * process by its table of descriptors.
 *
 * A descriptor can always be closed, and close() never waits for another party.
 * A channel outlives the context from which it was made: closing the context's
 * descriptor, which unregisters the context, only stops offers and events.
 *
 * Memory of a channel: three regions, each mapped shared and as a whole:
 *
 *   IVC_MAP_KCTL  4 KiB, read-only: struct ivc_kctl of this end. `status` is
 *                 0 while the channel is alive, then a negative errno; during
 *                 the hand-over when a guest leaves its host it is -EAGAIN.
 *   IVC_MAP_OWN   4 KiB struct ivc_ctrl, then the ring of this end; read and
 *                 write. Once writing has ended, stores to this region have no
 *                 effect: check `status` after each write, and ask DELIVERY how
 *                 much of the write was in time.
 *   IVC_MAP_PEER  4 KiB struct ivc_ctrl of the peer, then the peer's ring;
 *                 read-only. After the peer has gone the region shows what the
 *                 peer had written and this end has not consumed; an access
 *                 never faults.
 *
 * A child of fork() does not inherit the mappings. A mapping cannot be moved or
 * grown, and stays valid after its descriptor is closed, until munmap(). OWN
 * and PEER can be mapped once the channel is established. mmap() of a region
 * that is already mapped fails with -EBUSY.
 *
 * Versioning: call VERSION first. A structure never changes its size; additions
 * come with a new feature bit or a new ioctl. Reserved fields must be zero,
 * otherwise the call returns -EINVAL. Every call is thread-safe.
 *
 * Errors beyond those named at a call: -EFAULT, -EINTR (a signal while the call
 * waited for the backend), -ENODEV (no backend: not attached, or detached
 * meanwhile), -ETIMEDOUT (the backend did not answer within 5 s), -ENOTTY.
 */
#ifndef IVC_ABI_H
#define IVC_ABI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define IVC_ABI_VERSION 2

#define IVC_FEATURE_LOCAL (1ull << 0) /* channels within one guest */
#define IVC_FEATURE_KEEP (1ull << 1)  /* unread data outlives the peer */
#define IVC_FEATURE_LEAVE (1ull << 2) /* DELIVERY, UNDELIVERED, hand-over */

struct ivc_abi_version {
	__u32 abi; /* out: IVC_ABI_VERSION of the module */
	__u32 protocol;
	__u64 features;	    /* out: IVC_FEATURE_* */
	__u32 ring_min;	    /* out: bytes */
	__u32 ring_max;	    /* out: bytes */
	__u32 ring_default; /* out: bytes */
	__u32 attached;	    /* out: 1 if a backend is connected now */
};

struct ivc_abi_register {
	__u64 magic;  /* in: names the job */
	__u32 id;     /* in: process id, unique in the group */
	__u32 flags;  /* in: 0 */
	__u64 member; /* out: names this registration */
	__u32 domid;  /* out: domain number of this guest */
	__u32 reserved;
};

struct ivc_abi_host {
	__u64 member;
	__u32 id;
	__u16 domid;
	__u16 local; /* not 0: in this guest */
};

struct ivc_abi_hosts {
	__u64 buf;	  /* in: struct ivc_abi_host[count] */
	__u32 count;	  /* in: entries in buf; out: entries written */
	__u32 total;	  /* out: members of the group except this one */
	__u32 generation; /* out: changes with every join and leave */
	__u32 reserved;
};

struct ivc_abi_connect {
	__u64 member;  /* in: the peer, from HOSTS */
	__u32 tx_size; /* in: bytes of this end's ring, 2^n; 0: default */
	__u32 rx_size; /* in: bytes asked of the peer's ring; 0: default */
	__s32 fd;      /* out: channel, not yet established: poll for POLLOUT */
	__u32 reserved;
};

struct ivc_abi_accept {
	__u32 tx_max; /* in: limit in bytes for this end's ring; 0: none */
	__s32 fd;     /* out: channel, established */
	struct ivc_abi_host peer; /* out */
	__u64 reserved;
};

enum ivc_abi_event_type {
	/* The group has changed. Not repeated before the next HOSTS. */
	IVC_ABI_EVENT_HOSTS = 1,
	IVC_ABI_EVENT_DETACHED = 2, /* the backend has gone */
	IVC_ABI_EVENT_ATTACHED = 3, /* the backend is back; see `status` */
	IVC_ABI_EVENT_CHANNELS = 4, /* channels have ended with -EREMCHG */
};

struct ivc_abi_event {
	__u32 type;
	/*
	 * ATTACHED: 0 if the context is registered again, else the error.
	 * DETACHED: -EREMCHG if this guest leaves its host, else -ENODEV.
	 */
	__s32 status;
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
	__s32 status;		  /* out: 0, or the error that ended it */
	struct ivc_abi_host peer; /* out */
	__u32 tx_size;		  /* out: bytes of this end's ring */
	__u32 rx_size;		  /* out: of the peer's; 0: not established */
	__u64 kicks;		  /* out: doorbells rung */
	__u64 wakeups;		  /* out: doorbells heard */
	__u64 spurious;		  /* out: doorbells nobody had asked for */
	__u64 kept;		  /* out: unread bytes copied at the end */
};

/* How many of the bytes written were delivered, once `status` is not 0. */
struct ivc_abi_delivery {
	__u32 from;    /* in: position of a record that this end wrote */
	__u32 final;   /* out: all records before it were in time */
	__u64 written; /* out: bytes in the records from @from to @final */
	/* out: bytes in time that the peer neither read nor took over */
	__u64 undelivered;
	__s32 status; /* out: as in IVC_MAP_KCTL; -EAGAIN: not known yet */
	__u32 reserved;
};

struct ivc_abi_undelivered {
	__u64 buf;    /* in: where to copy them */
	__u64 len;    /* in: size of buf; out: bytes copied */
	__u64 offset; /* in: number of undelivered bytes to skip */
	__u64 reserved;
};

#define IVC_IOC 0xe7

/* On either kind of descriptor. */
#define IVC_IOC_VERSION _IOR(IVC_IOC, 0, struct ivc_abi_version)

/*
 * On a context. REGISTER: -EALREADY (this descriptor is registered),
 * -EADDRINUSE (another member of the group has this id), -EDQUOT (the guest has
 * as many contexts as its quota allows).
 */
#define IVC_IOC_REGISTER _IOWR(IVC_IOC, 1, struct ivc_abi_register)
/* HOSTS: -ENOTCONN (not registered). */
#define IVC_IOC_HOSTS _IOWR(IVC_IOC, 2, struct ivc_abi_hosts)
/*
 * CONNECT does not wait for the peer to accept. -ENOENT (no such member in the
 * group, or the member has left), -EINVAL (a size), -EDQUOT (quota of channels
 * or pages), -EBUSY (the peer has too many pending offers, this guest exceeds
 * its request rate, or the peer's guest does not unmap pages that it was
 * granted earlier), -ENOMEM, -ENOSPC (no grant, event channel or mapping left).
 * Later, in the status that INFO returns: -ECONNREFUSED, -ENOENT.
 */
#define IVC_IOC_CONNECT _IOWR(IVC_IOC, 3, struct ivc_abi_connect)
/*
 * ACCEPT: -EAGAIN (no offer is pending; poll), -ECONNABORTED (the offer was
 * withdrawn, or its pages violate the protocol), -ENODEV (no backend), -EDQUOT,
 * -ENOMEM.
 */
#define IVC_IOC_ACCEPT _IOWR(IVC_IOC, 4, struct ivc_abi_accept)
/* NEXT_EVENT: -EAGAIN (no event is pending). */
#define IVC_IOC_NEXT_EVENT _IOR(IVC_IOC, 5, struct ivc_abi_event)

/* On a channel. */
#define IVC_IOC_INFO _IOR(IVC_IOC, 16, struct ivc_abi_info)
/* Ring the peer's doorbell. Never blocks. 0, or the status of the channel. */
#define IVC_IOC_KICK _IO(IVC_IOC, 17)
/*
 * Forget that the doorbell has rung. A process that wants to sleep calls ARM,
 * sets `want`, executes a full fence, tests the ring once more and then calls
 * poll(). ARM must come before `want` is set: the wake-up clears `want`, and an
 * ARM after it would forget that wake-up.
 */
#define IVC_IOC_ARM _IO(IVC_IOC, 18)
/*
 * Orderly close: the peer reads all data that was written, then gets -EPIPE. If
 * the descriptor is closed without it, the peer gets -ECONNRESET. -EPERM: the
 * channel belongs to another process.
 */
#define IVC_IOC_CLOSE _IO(IVC_IOC, 19)
/*
 * DELIVERY: -EINVAL while the channel can be written to. `undelivered` is 0
 * while `status` is -EAGAIN. -EPROTO: the peer reported an invalid position, so
 * the amount delivered cannot be determined.
 */
#define IVC_IOC_DELIVERY _IOWR(IVC_IOC, 20, struct ivc_abi_delivery)
/* UNDELIVERED copies the undelivered bytes. Errors as for DELIVERY. */
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
