/* SPDX-License-Identifier: MIT */
/*
 * The layers of the coordinator, from top to bottom:
 *
 *   coordinator  open, close, progress
 *   idle         sleeping until there may be something to do
 *   peer         one other process: added, removed, questions about it
 *   receive      from a channel or the network to the caller, in order
 *   connect      the group on this host, and how two members make a channel
 *   path-switch  from the network to a channel and back
 *   send         from the caller to a channel or to the network
 *   step         the lock, the clock and the lists of a call of progress
 *
 * A file calls files below it and none above; layers.sh checks that.
 *
 * Locks. The thread that makes progress holds `step` and owns every peer,
 * except the fields under the peer's own lock. A peer's `lock` guards the
 * fields that sending needs. The holder of `step` may take a peer's lock, never
 * the other way round, and makes no callback under it. Without threads nobody
 * takes either.
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

/* An accepted channel whose hello has not come yet. */
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

	/*
	 * Under `lock`: what sending needs. coord_route() derives the path
	 * (out, written, pads, to_net, waits) from the state, so that a send
	 * does not.
	 */
	pthread_mutex_t lock;
	ivc_channel *out;  /* DATA goes there; NULL: not to a channel now */
	uint64_t *written; /* counts the bytes of the lane of `out` */
	bool pads;	   /* the ring is so large that PAD is worth it */
	bool to_net;	   /* DATA goes over the network */
	bool waits;	   /* the queue is not empty, or no path is open */
	bool counted;	   /* counted in n_waiting */
	int error;	   /* the pair has failed: no path any more */
	atomic_bool used;  /* there was traffic: a channel is worth it */
	enum coord_state state; /* changed under the lock */
	struct coord_queue queue;
	struct coord_queue going; /* accepted by the network, not sent */
	uint64_t mark_end; /* end of the last mark in the network's stream */
	uint64_t ivc_sent, net_sent, queued;

	/* The rest belongs to the thread that holds `step`. */
	bool active; /* on the list of peers whose lane is polled */
	bool ready;  /* on the list of peers that the network is asked for */
	bool co_located;
	ivc_peer member;
	struct lane *lane; /* in use, or being left */
	struct lane *next; /* being made */
	uint32_t gen; /* number of the last lane that was made or announced */
	uint32_t flush_gen; /* lane of the peer's last FLUSH */
	uint64_t retry_at, leave_at;
	unsigned int refusals; /* failed attempts to connect, in a row */
	bool leave, sever_next;
	/* Undelivered frames of a lane, which go over the network. */
	uint8_t *back;
	size_t back_at, back_len;
	uint64_t skip; /* bytes to discard: their frames come a second time */
};

struct coordinator {
	struct coord_options o;
	struct coord_user u;
	const struct net_ops *ops;
	struct net *net;
	size_t frame_max;
	size_t ring_least; /* as asked for, or as a frame needs */
	size_t ring_most;  /* halved each time that a quota is exceeded */

	pthread_mutex_t step;
	bool stepping; /* within a call; progress in a callback does nothing */
	bool closing;
	bool lack_told, quota_told;

	ivc_context *ctx;
	int ctx_fd;
	uint32_t ivc_id;
	uint64_t register_at;
	uint64_t list_at; /* earliest time to ask for the whole list again */
	ivc_peer *members;
	unsigned int n_members, room_members;

	LIST_HEAD(, coord_peer) peers;
	unsigned int n_peers, room_peers;
	struct coord_peer **active, **ready; /* each has room for all peers */
	unsigned int n_active, n_ready;
	atomic_uint
		n_waiting; /* number of peers with messages that are not sent */
	LIST_HEAD(, visitor) visitors;
	unsigned int n_visitors;
	struct pollfd *fds; /* for poll(2) in idle.c */
	unsigned int room_fds;
	struct {
		unsigned int calls; /* since the clock was read */
		bool again; /* the last sleep ended without anything to do */
		uint64_t read;
		uint64_t since; /* when the idle time began, ns; 0: not idle */
	} vain;			/* calls of progress that find nothing */

	unsigned int calls;  /* of progress since the clock was read */
	unsigned int period; /* number of calls until the clock is read again */
	bool mixed;	     /* some peer in use has no channel */
	unsigned int
		hot; /* number of further calls that poll the network each */
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

/*
 * Marks that there is traffic. Stores only once: a store for each message would
 * be a fence for each.
 */
static inline void coord_use(struct coord_peer *p)
{
	if (!atomic_load_explicit(&p->used, memory_order_relaxed))
		p->used = true;
}

/*
 * step.c. Returns false if another thread is in a step, or if a callback of
 * this one calls.
 */
bool coord_step_begin(struct coordinator *c);
void coord_step_end(struct coordinator *c);
/* CLOCK_MONOTONIC, in ns. */
uint64_t coord_now(void);
uint64_t coord_random(struct coordinator *c);
struct coord_peer *coord_find(struct coordinator *c, uint64_t name);
/* The same, but the user may add an unknown peer in a callback. */
struct coord_peer *coord_ask(struct coordinator *c, uint64_t name);
/* Grows both lists for one more peer. */
int coord_make_room(struct coordinator *c);
void coord_set_ready(struct coord_peer *p);
void coord_set_active(struct coord_peer *p, bool active);
/* Takes @p off both lists. */
void coord_forget(struct coord_peer *p);

/*
 * send.c. The first three need the peer's lock. Return 1: done, 0: not now,
 * -errno.
 */
int coord_mark(struct coord_peer *p, enum frame_type type, uint32_t gen,
	       uint64_t bytes);
int coord_resend(struct coord_peer *p);
/* Derives from the state where DATA goes. */
void coord_route(struct coord_peer *p);
/*
 * Sends queued messages and calls sent() for those that have left. Returns
 * their number.
 */
int coord_push(struct coord_peer *p);
/* Moves all messages that are not sent to @q. */
void coord_unqueue(struct coord_peer *p, struct coord_queue *q);
/* Calls sent() with @status for each message of @q. */
void coord_end_queued(struct coord_peer *p, struct coord_queue *q, int status);
/* Fails the pair. Calls failed() and sent(). */
void coord_fail(struct coord_peer *p, int error);

/*
 * path-switch.c: sends the marks that are due and changes the state. Needs the
 * peer's lock to be free.
 */
void coord_path_switch(struct coord_peer *p);
/* Answers the peer's FLUSH for @l, which was to be next and has ended. */
void coord_refuse(struct coord_peer *p, struct lane *l);
/* Handles a mark. Returns 1: accepted, 0: not now, -errno. */
int coord_marked(struct coord_peer *p, enum frame_type type, uint32_t gen,
		 uint64_t bytes);
/* Checks whether the lane has been read up to the peer's BACK. */
int coord_check_through(struct coord_peer *p);
void coord_lane_free(struct lane *l);

/* connect.c: goes on with the next lane, then with the lane in use. */
void coord_switch(struct coord_peer *p);
void coord_group_tick(struct coordinator *c);
void coord_group_close(struct coordinator *c);
void coord_group_find(struct coord_peer *p);
/* Whether the group has that process. Asks the backend if it is not known. */
bool coord_group_has(struct coordinator *c, uint32_t ivc_id);
int coord_register(struct coordinator *c);
/* Whether this process is the one to connect, now or after the pause. */
bool coord_is_ours(const struct coord_peer *p);

/* receive.c: both return the number of delivered messages. */
int coord_receive_lane(struct coord_peer *p);
int coord_receive_net(struct coord_peer *p);

/* peer.c. */
void coord_peer_free(struct coord_peer *p);

/* idle.c: to be called at the end of a step that found nothing. */
void coord_found_nothing(struct coordinator *c);

#endif /* COORD_INTERNAL_H */
