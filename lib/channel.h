/* SPDX-License-Identifier: MIT */
/*
 * A channel: its two private halves, one for the writing and one for the
 * reading thread, and what both need when they do not get on.
 */
#ifndef IVC_CHANNEL_H
#define IVC_CHANNEL_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <ivc/protocol/ring.h>
#include <ivc/protocol/wire.h>
#include "process.h"
#include "transport.h"

/* Lines move between CPUs in pairs (x86's adjacent-line prefetcher). */
#define IVC_APART _Alignas(128)

/* The rings begin that far into OWN and PEER, behind struct ivc_ctrl. */
#define IVC_CTRL_SIZE 4096u

#define IVC_EVENTS (IVC_READABLE | IVC_WRITABLE)

/* The memory of a channel, mapped; sizes are the kernel's, never the peer's. */
struct ivc_map {
	const struct ivc_kctl *kctl;
	struct ivc_ctrl *own;	     /* followed by the own ring */
	const struct ivc_ctrl *peer; /* followed by the peer's */
	size_t own_size;
	size_t peer_size;
};

struct ivc_channel {
	/* Read by both threads, written when the channel is established. */
	const struct ivc_kctl *kctl; /* map.kctl, or &idle before */
	const struct ivc_transport *ops;
	void *priv; /* the transport's, from malloc() */
	int fd;
	bool open; /* established, mapped: for good, even after its end */
	bool told; /* ivc_next_event() has told of its end */
	int64_t spin;
	ivc_peer peer;
	struct ivc_map map;
	uintptr_t writer; /* the thread that has written last: see cldemote.h */

	uint32_t process; /* that has made it: see process.h */
	/* The context it was made from, or NULL. Under ivc_process_lock(). */
	struct ivc_context *ctx;
	LIST_ENTRY(ivc_channel) in_process;
	LIST_ENTRY(ivc_channel) in_ctx;

	/* The writer's. */
	IVC_APART struct ivc_tx tx;
	uint64_t tx_bytes, tx_full, tx_calls;
	uint32_t need;	  /* cells that the last failed write lacked, */
	uint32_t need_at; /* if the position is still that one */
	uintptr_t demote, demote_end; /* a record: see cldemote.h */
	bool demote_looked;

	/* The reader's. */
	IVC_APART struct ivc_rx rx;
	uint64_t rx_bytes, rx_empty, rx_calls;

	/* The sleepers': see wait.c. */
	IVC_APART pthread_mutex_t lock;
	bool polling; /* a thread polls the descriptor for all */
	unsigned int followers;
	int wake_fd; /* eventfd that the followers poll, -1 at first */
	uint64_t sleeps;

	/*
	 * Before the channel is established both rings stand on these, so that
	 * the data path need not ask: an empty ring of one cell to read, no
	 * room to write, and a status that is not 0.
	 */
	struct ivc_kctl idle;
	struct ivc_ctrl idle_ctrl;
	uint64_t idle_cell[IVC_CELL / sizeof(uint64_t)];
};

/* connect.c. idle: put both rings on nothing, which ends with @status. */
int ivc_channel_new(const struct ivc_transport *ops, struct ivc_channel **chp);
void ivc_channel_idle(struct ivc_channel *ch, int status);

/* channel.c: what a child has of it: close the copies of descriptors. */
void ivc_channel_orphan(struct ivc_channel *ch);

/* Made by a parent of this process. */
static inline bool ivc_channel_foreign(const struct ivc_channel *ch)
{
	return ch->process != ivc_process();
}

/*
 * Why the channel has ended: -errno, or 0 while it lives or is connecting. Also
 * 0 while a guest leaves and the ends hand over: then there is nothing to write
 * to, and what there is to read comes.
 */
static inline int ivc_channel_status(const struct ivc_channel *ch)
{
	/*
	 * Acquire pairs with the kernel's release: who sees the end sees the
	 * kept copy of what the peer had written before it.
	 */
	int status = ivc_load_acq(&ch->kctl->status);

	return status == -EINPROGRESS || status == -EAGAIN ? 0 : status;
}

/* May it be written to? Not before it is there, nor from its end on. */
static inline bool ivc_channel_alive(const struct ivc_channel *ch)
{
	return !ivc_load(&ch->kctl->status);
}

/* The peer sleeps and waits for what we have just done: the unlikely path. */
static inline void ivc_channel_kick(const struct ivc_channel *ch)
{
	/*
	 * An error here is the channel's status, which the next call on an
	 * empty or full ring finds where it looks anyway.
	 */
	(void)ch->ops->kick(ch);
}

/*
 * wait.c: as ivc_wait(), until a time.
 * channel.c: those of @events that are true now.
 */
int ivc_wait_until(struct ivc_channel *ch, int events, int64_t deadline);
int ivc_channel_ready(struct ivc_channel *ch, int events);

#endif /* IVC_CHANNEL_H */
