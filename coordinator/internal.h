/* SPDX-License-Identifier: MIT */
/*
 * Inside the coordinator. From top to bottom:
 *
 *   coordinator  open, close, progress
 *   peer         one other process; who they are
 *   send         from the caller to a channel or to the network
 *   receive      from there to the caller, in order
 *   path-switch  the states, and what is said when they change
 *   connect      how two come by a channel, and who is on this host
 *   idle         sleeping until there may be something to do
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

#define MS 1000000ull
#define SECOND (1000 * MS)

#define COORD_VISITORS 256u

/* One channel to a peer, from the attempt until both are through with it. */
struct lane {
	ivc_channel *ch; /* NULL: none (any more) on this side */
	uint32_t gen;
	uint32_t ring; /* asked for by this side */
	bool open;     /* the library has established it */
	bool heard;    /* the peer's hello */
	bool said;     /* our own */
	uint64_t since;

	/* What we send. Bytes are of frames; the hello is not counted. */
	uint64_t written;
	bool closed; /* by this side: the peer has all of it, or will */
	bool flush_said;
	uint64_t flush_end; /* of that, in what goes over the network */
	bool flush_gone;    /* it is on its way: so is what is written here */
	bool stop_said;
	bool confirmed; /* DRAINED has come */
	bool back_said;

	/* What we receive. */
	uint64_t read;
	bool found;   /* the last look found a message, */
	bool stream;  /* and the one before: they come one upon the other */
	bool flushed; /* the peer's FLUSH has come */
	bool stopped; /* its STOP, for `stop` */
	bool drained_said;
	bool backed;  /* its BACK, for `back` */
	bool through; /* and all of it is here */
	uint64_t stop, back;
};

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
	bool look;   /* the network has something for it, or had */
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
	struct coord_peer **active, **look; /* room for all of them */
	unsigned int n_active, n_look;
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
	uint64_t now, looked, ticked, met;
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

/* CLOCK_MONOTONIC, in ns. */
uint64_t coord_now(void);
uint64_t coord_random(struct coordinator *c);

/* There is traffic. Stored once: each time would be a fence in every message.
 */
static inline void coord_use(struct coord_peer *p)
{
	if (!atomic_load_explicit(&p->used, memory_order_relaxed))
		p->used = true;
}

/* coordinator.c. False: another thread has it, or this one, in a callback. */
bool coord_step_begin(struct coordinator *c);
void coord_step_end(struct coordinator *c);
/* The lists that progress goes through. */
void coord_set_look(struct coord_peer *p);
void coord_set_active(struct coord_peer *p, bool active);
/* peer.c: there is no way to @p any more. Calls back. */
void coord_fail(struct coord_peer *p, int error);
struct coord_peer *coord_find(struct coordinator *c, uint64_t name);
struct coord_peer *coord_ask(struct coordinator *c, uint64_t name);
void coord_peer_free(struct coord_peer *p);

/* send.c. The first three under the peer's lock. 1: done, 0: not now, -errno.
 */
int coord_mark(struct coord_peer *p, enum frame_type type, uint32_t gen,
	       uint64_t bytes);
int coord_resend(struct coord_peer *p);
/* Where frames go follows from the state. */
void coord_route(struct coord_peer *p);
/* Send what is queued, end what has gone. Calls back. Returns how many. */
int coord_push(struct coord_peer *p);
/* Take all that is not sent; its messages are the caller's to answer for. */
void coord_unqueue(struct coord_peer *p, struct coord_queue *q);
/* Take what is sent, and nobody has been told. */
void coord_take_gone(struct coord_peer *p, struct coord_queue *q);

/* receive.c: how many messages were delivered. */
int coord_receive_lane(struct coord_peer *p);
int coord_receive_net(struct coord_peer *p);

/* path-switch.c: do what is to be done. Without the peer's lock. */
void coord_switch(struct coord_peer *p);
/* A frame that is not DATA: 1 taken, 0 not now, -errno. */
int coord_marked(struct coord_peer *p, enum frame_type type, uint32_t gen,
		 uint64_t bytes);
/* All of the lane up to the peer's BACK may be here. */
int coord_check_through(struct coord_peer *p);
void coord_lane_free(struct coordinator *c, struct lane *l);

/* idle.c: a step has found nothing. */
void coord_in_vain(struct coordinator *c);

/* connect.c. */
void coord_group_tick(struct coordinator *c);
void coord_group_close(struct coordinator *c);
void coord_group_look(struct coord_peer *p);
/* Is a process with that id in the group? Asks, if it is not known to be. */
bool coord_group_has(struct coordinator *c, uint32_t ivc_id);
int coord_register(struct coordinator *c);
/* Is it for this side to make a channel, when its time has come? */
bool coord_is_ours(const struct coord_peer *p);
/* Go on with p->next. */
void coord_meet(struct coord_peer *p);

#endif /* COORD_INTERNAL_H */
