/* SPDX-License-Identifier: MIT */
/*
 * The layers of the coordinator, from top to bottom:
 *
 *   coordinator  open, close, progress
 *   idle         sleeping until there may be something to do
 *   peer         one other process: added, removed, what is told of it
 *   receive      from a channel or the network to the caller, in order
 *   connect      the group on this host, and how two make a channel
 *   path-switch  the hand-over from the network to a channel and back
 *   send         from the caller to a channel or to the network
 *   step         the lock, the clock and the lists of a call of progress
 *
 * A file calls those below it and none above; layers.sh checks that.
 *
 * Locks. `step` is held by the thread that makes progress: all of a peer but
 * what is under its own lock is that thread's. A peer's `lock` guards what
 * sending needs; who holds `step` may take it, never the other way round, and
 * no callback is made under it. Without threads neither is taken.
 */
#ifndef COORD_INTERNAL_H
#define COORD_INTERNAL_H

#include <ivc/ivc.h>
#include <pthread.h>
#include <stdatomic.h>

#include "coordinator.h"
#include "frame.h"
#include "lane.h"

#define MS 1000000ull
#define SECOND (1000 * MS)

#define COORD_VISITORS 256u

/* An accepted channel that has not said yet whose it is. */
struct visitor {
	LIST_ENTRY(visitor) entry;
	ivc_channel *ch;
	uint64_t until;
};

TAILQ_HEAD(coord_queue, coord_send);

struct coord_peer {
	struct coordinator *c;
	LIST_ENTRY(coord_peer) entry;
	uint64_t name;
	uint8_t key[COORD_KEY];
	uint32_t ivc_id;
	void *user;
	struct net_link *link;

	/* What sending needs. */
	pthread_mutex_t lock;
	ivc_channel *out;  /* frames go there; NULL: not now, or not */
	uint64_t *written; /* of out's lane */
	bool pads;	   /* it has room to leave behind messages */
	bool to_net;	   /* frames go there */
	bool waits;	   /* the queue is not empty, or neither of these */
	bool counted;	   /* in n_waiting */
	int error;	   /* there is no way any more */
	atomic_bool used;  /* there was traffic: worth a channel */
	enum coord_state state; /* changed under the lock */
	struct coord_queue queue;
	struct coord_queue going; /* the network has them, but cannot send */
	uint64_t mark_end;	  /* the last mark, in what goes over it */
	uint64_t ivc_sent, net_sent, queued;

	/* The rest is the progressing thread's. */
	bool active; /* on the IVC-active list */
	bool ready;  /* the network has something for it, or had */
	bool co_located;
	ivc_peer member;
	struct lane *lane;  /* in use, or being left */
	struct lane *next;  /* being established */
	uint32_t gen;	    /* the last that was made or heard of */
	uint32_t flush_gen; /* of the last FLUSH of the peer */
	uint64_t retry_at, leave_at;
	unsigned int refusals; /* in a row, of a channel */
	bool leave, sever_next;
	/* What came back from a channel and is to go over the network. */
	uint8_t *back;
	size_t back_at, back_len;
	uint64_t skip; /* bytes of frames that will come again */
};

struct coordinator {
	struct coord_options o;
	struct coord_user u;
	const struct net_ops *ops;
	struct net *net;
	size_t frame_max;
	size_t ring_least; /* the one asked for, or that a frame needs */
	size_t ring_most;  /* less, once there was no memory for it */

	pthread_mutex_t step;
	bool stepping; /* without threads: a callback's progress does nothing */
	bool closing;
	bool lack_told, quota_told;

	ivc_context *ctx;
	int ctx_fd;
	uint32_t ivc_id;
	uint64_t register_at;
	uint64_t list_at; /* not before, all of them are asked for */
	ivc_peer *members;
	unsigned int n_members, room_members;

	LIST_HEAD(, coord_peer) peers;
	unsigned int n_peers, room_peers;
	struct coord_peer **active, **ready; /* room for all of them */
	unsigned int n_active, n_ready;
	atomic_uint n_waiting; /* peers with a queue, or something going */
	LIST_HEAD(, visitor) visitors;
	unsigned int n_visitors;
	struct pollfd *fds; /* what a sleep waits for */
	unsigned int room_fds;
	struct {
		unsigned int calls; /* since the clock was read */
		bool again;	    /* right after a sleep in vain */
		uint64_t read;
		uint64_t since; /* ns; 0: not in vain */
	} vain;			/* progress that finds nothing */

	unsigned int calls;  /* of progress, since it looked at the clock */
	unsigned int period; /* until it does again */
	bool mixed;	     /* a peer is talked to over the network alone */
	unsigned int hot; /* more of them that look at the network each time */
	uint64_t now, polled, ticked, group_ticked;
	uint64_t random;
	struct coord_stats stats;
};

static inline void coord_lock(struct coord_peer *p)
{
	if (p->c->o.threads)
		pthread_mutex_lock(&p->lock);
}

static inline void coord_unlock(struct coord_peer *p)
{
	if (p->c->o.threads)
		pthread_mutex_unlock(&p->lock);
}

/* There is traffic. Stored once: each time would be a fence in every message.
 */
static inline void coord_use(struct coord_peer *p)
{
	if (!atomic_load_explicit(&p->used, memory_order_relaxed))
		p->used = true;
}

/* step.c. False: another thread has it, or this one, in a callback. */
bool coord_step_begin(struct coordinator *c);
void coord_step_end(struct coordinator *c);
/* CLOCK_MONOTONIC, in ns. */
uint64_t coord_now(void);
uint64_t coord_random(struct coordinator *c);
struct coord_peer *coord_find(struct coordinator *c, uint64_t name);
/* The same; the user may add a peer that is not known. */
struct coord_peer *coord_ask(struct coordinator *c, uint64_t name);
/* The lists that progress goes through: room for one peer more. */
int coord_make_room(struct coordinator *c);
void coord_set_ready(struct coord_peer *p);
void coord_set_active(struct coord_peer *p, bool active);
/* Off both lists. */
void coord_forget(struct coord_peer *p);

/* send.c. The first three under the peer's lock. 1: done, 0: not now, -errno.
 */
int coord_mark(struct coord_peer *p, enum frame_type type, uint32_t gen,
	       uint64_t bytes);
int coord_resend(struct coord_peer *p);
/* Where frames go follows from the state. */
void coord_route(struct coord_peer *p);
/* Send what is queued, end what has gone. Calls back. Returns how many. */
int coord_push(struct coord_peer *p);
/* Take all that is not sent. */
void coord_unqueue(struct coord_peer *p, struct coord_queue *q);
/* Answer for the messages of @q. Calls back. */
void coord_end_queued(struct coord_peer *p, struct coord_queue *q, int status);
/* There is no way to @p any more. Calls back. */
void coord_fail(struct coord_peer *p, int error);

/* path-switch.c: do what is to be done. Without the peer's lock. */
void coord_path_switch(struct coord_peer *p);
/* A FLUSH has come for the lane that was to be next, which will not be. */
void coord_refuse(struct coord_peer *p, struct lane *l);
/* A frame that is not DATA: 1 taken, 0 not now, -errno. */
int coord_marked(struct coord_peer *p, enum frame_type type, uint32_t gen,
		 uint64_t bytes);
/* All of the lane up to the peer's BACK may be here. */
int coord_check_through(struct coord_peer *p);
void coord_lane_free(struct lane *l);

/* connect.c: all that is to be done for @p's channels. */
void coord_switch(struct coord_peer *p);
void coord_group_tick(struct coordinator *c);
void coord_group_close(struct coordinator *c);
void coord_group_find(struct coord_peer *p);
/* Is a process with that id in the group? Asks, if it is not known to be. */
bool coord_group_has(struct coordinator *c, uint32_t ivc_id);
int coord_register(struct coordinator *c);
/* Is it for this side to make a channel, when its time has come? */
bool coord_is_ours(const struct coord_peer *p);

/* receive.c: how many messages were delivered. */
int coord_receive_lane(struct coord_peer *p);
int coord_receive_net(struct coord_peer *p);

/* peer.c. */
void coord_peer_free(struct coord_peer *p);

/* idle.c: a step has found nothing. */
void coord_found_nothing(struct coordinator *c);

#endif /* COORD_INTERNAL_H */
