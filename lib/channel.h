/* SPDX-License-Identifier: MIT */
/*
 * A channel. The structure has one part that only the writing thread uses, one
 * that only the reading thread uses, and one for threads that sleep.
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

/*
 * In OWN and in PEER, the ring begins after so many bytes of struct ivc_ctrl.
 */
#define IVC_CTRL_SIZE 4096u

#define IVC_EVENTS (IVC_READABLE | IVC_WRITABLE)

/*
 * The mapped memory of a channel. The sizes come from the transport, never from
 * the peer.
 */
struct ivc_map {
	const struct ivc_kctl *kctl;
	struct ivc_ctrl *own;	     /* followed by the own ring */
	const struct ivc_ctrl *peer; /* followed by the peer's */
	size_t own_size;
	size_t peer_size;
};

struct ivc_channel {
	/* Read by both threads, written when the channel is established. */
	const struct ivc_kctl *kctl; /* map.kctl; &idle until established */
	const struct ivc_transport *ops;
	void *priv; /* the transport's part, from malloc() */
	int fd;
	bool open; /* established and mapped; stays true after the end */
	bool told; /* ivc_next_event() has reported the end */
	int64_t spin;
	ivc_peer peer;
	struct ivc_map map;
	uintptr_t writer; /* the last thread that wrote: see cldemote.h */

	uint32_t process; /* the process that made the channel: see process.h */
	/* The channel's context, or NULL. Under ivc_process_lock(). */
	struct ivc_context *ctx;
	LIST_ENTRY(ivc_channel) in_process;
	LIST_ENTRY(ivc_channel) in_ctx;

	/* For the writing thread. */
	IVC_APART struct ivc_tx tx;
	uint64_t tx_bytes, tx_full, tx_calls;
	uint32_t need;	  /* free cells that the last refused write needs */
	uint32_t need_at; /* tx.pos then; at another position `need` is void */
	uintptr_t demote, demote_end; /* a record: see cldemote.h */
	bool demote_polled;

	/* For the reading thread. */
	IVC_APART struct ivc_rx rx;
	uint64_t rx_bytes, rx_empty, rx_calls;

	/* For threads that sleep: see wait.c. */
	IVC_APART pthread_mutex_t lock;
	bool polling; /* the leader polls the descriptor for all */
	unsigned int followers;
	int wake_fd; /* eventfd that the followers poll; -1 until needed */
	uint64_t sleeps;

	/*
	 * Until the channel is established, both rings use this memory: a ring
	 * of one cell, which is empty for the reader and full for the writer,
	 * and a status other than 0. So the data path needs no test for a
	 * channel that is not established.
	 */
	struct ivc_kctl idle;
	struct ivc_ctrl idle_ctrl;
	uint64_t idle_cell[IVC_CELL / sizeof(uint64_t)];
};

/* connect.c. idle: put both rings on the idle memory, with @status. */
int ivc_channel_new(const struct ivc_transport *ops, struct ivc_channel **chp);
void ivc_channel_idle(struct ivc_channel *ch, int status);

/* channel.c: in a child process: close the copies of the descriptors. */
void ivc_channel_orphan(struct ivc_channel *ch);

/* Was the channel made by a parent of this process? */
static inline bool ivc_channel_foreign(const struct ivc_channel *ch)
{
	return ch->process != ivc_process();
}

/*
 * The reason for which the channel has ended: -errno. 0 while it is alive or is
 * being connected, and during a hand-over (a guest is suspended): then writing
 * is impossible, and unread data still arrives.
 */
static inline int ivc_channel_status(const struct ivc_channel *ch)
{
	/*
	 * Acquire pairs with the kernel's release: a thread that sees the end
	 * sees the copy of the data that the peer wrote before it.
	 */
	int status = ivc_load_acq(&ch->kctl->status);

	return status == -EINPROGRESS || status == -EAGAIN ? 0 : status;
}

/* Can the channel be written to? Only from established to its end. */
static inline bool ivc_channel_alive(const struct ivc_channel *ch)
{
	return !ivc_load(&ch->kctl->status);
}

/* Wake the peer, which sleeps until data or space comes: the unlikely path. */
static inline void ivc_channel_kick(const struct ivc_channel *ch)
{
	/*
	 * An error here is also the channel's status, which the next call
	 * that finds the ring empty or full will load.
	 */
	(void)ch->ops->kick(ch);
}

/*
 * ivc_wait_until(), wait.c: ivc_wait() with a deadline.
 * ivc_channel_ready(), channel.c: those of @events that are true now.
 */
int ivc_wait_until(struct ivc_channel *ch, int events, int64_t deadline);
int ivc_channel_ready(struct ivc_channel *ch, int events);

#endif /* IVC_CHANNEL_H */
