/* SPDX-License-Identifier: MIT */
/* A context: membership in a group. Any thread may use it; see the lock. */
#ifndef IVC_CONTEXT_H
#define IVC_CONTEXT_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>
#include "process.h"
#include "transport.h"

/* A list of members, ascending by member, each once. */
struct ivc_members {
	ivc_peer *peer; /* room for one more than count: the end marker */
	uint32_t count;
	uint32_t room;
};

struct ivc_context {
	const struct ivc_transport *ops;
	void *priv;	  /* the transport's, from malloc() */
	uint32_t process; /* that has made it: see process.h */
	LIST_ENTRY(ivc_context) in_process;
	int fd;
	/* Set by open(): to poll for an offer, for an event. */
	struct pollfd offers;
	struct pollfd events;
	bool attached; /* xen: the device had a backend */
	uint64_t magic;
	uint32_t id;

	/* Set by enroll(). */
	uint64_t member;
	uint16_t domid;

	/* entry.c: the calls under way. */
	pthread_mutex_t entry_lock;
	pthread_cond_t out;   /* the last has come out */
	unsigned int inside;  /* calls */
	unsigned int holders; /* of the memory */
	bool cancelled;	      /* it is being unregistered: nobody comes in */
	int cancel_fd;	      /* eventfd, readable from then on */

	/*
	 * Guards all below. Never held while waiting for something to come, but
	 * while the backend is asked.
	 */
	pthread_mutex_t lock;
	struct ivc_members listed; /* what ivc_get_hosts() returned */

	/*
	 * Joins and leaves are the difference of two lists, walked in step:
	 * one event per call, however many happened between two looks.
	 */
	struct ivc_members known; /* what the program has been told of */
	struct ivc_members fresh; /* what is there now */
	uint32_t known_at;	  /* how far each list has been walked */
	uint32_t fresh_at;
	bool walking; /* between the two lists */
	bool dirty;   /* the group may have changed since the last look */

	bool going; /* this guest has left and not arrived yet */
	bool ended; /* a channel may have ended that was not told of */
	/* Under ivc_process_lock(). */
	LIST_HEAD(, ivc_channel) channels;
	struct ivc_channel *look_at; /* the next that may have ended */
};

/* Made by a parent of this process. */
static inline bool ivc_context_foreign(const struct ivc_context *ctx)
{
	return ctx->process != ivc_process();
}

/*
 * context.c: the channels made from a context. look_again: some may have ended
 * because a guest left. ivc_context_ended() returns one that has, each once;
 * NULL when all have been looked at since.
 */
void ivc_context_add(struct ivc_context *ctx, struct ivc_channel *ch);
void ivc_context_forget(struct ivc_channel *ch);
void ivc_context_look_again(struct ivc_context *ctx);
struct ivc_channel *ivc_context_ended(struct ivc_context *ctx);

/* context.c: what a child has of it: close the copies of descriptors. */
void ivc_context_orphan(struct ivc_context *ctx);

/* context.c: fill @list with all members. -ETIMEDOUT: no answer came. */
int ivc_members_get(struct ivc_context *ctx, struct ivc_members *list,
		    int64_t deadline);

/*
 * context.c: wait for @what, ctx->offers or ctx->events, when the caller has
 * just found nothing. *@stale is the caller's, 0 at first.
 * Returns 0 (look again), -EINTR, -ECANCELED, or -ETIMEDOUT at @deadline.
 */
int ivc_context_wait(const struct ivc_context *ctx, const struct pollfd *what,
		     int64_t deadline, unsigned int *stale);

#endif /* IVC_CONTEXT_H */
