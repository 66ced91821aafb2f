/* SPDX-License-Identifier: MIT */
/* A context. Any thread may use it; the comment on the lock says how. */
#ifndef IVC_CONTEXT_H
#define IVC_CONTEXT_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>
#include "process.h"
#include "transport.h"

/* A list of members, in ascending order of the member number, each once. */
struct ivc_members {
	ivc_peer *peer; /* room for one more than count: the end marker */
	uint32_t count;
	uint32_t room;
};

struct ivc_context {
	const struct ivc_transport *ops;
	void *priv;	  /* the transport's part, from malloc() */
	uint32_t process; /* the process that made the context: see process.h */
	LIST_ENTRY(ivc_context) in_process;
	int fd;
	/* Set by open(): what to poll for an offer, and for an event. */
	struct pollfd offers;
	struct pollfd events;
	bool attached; /* xen: the device had a backend at open() */
	uint64_t magic;
	uint32_t id;

	/* Set by enroll(). */
	uint64_t member;
	uint16_t domid;

	/* entry.c: the calls that are running. */
	pthread_mutex_t entry_lock;
	pthread_cond_t out;   /* the last call has returned */
	unsigned int inside;  /* number of calls */
	unsigned int holders; /* references to the memory */
	bool cancelled;	      /* being unregistered: new calls fail */
	int cancel_fd;	      /* eventfd, readable once cancelled */

	/*
	 * Guards the fields below. Held during a request to the backend, but
	 * never while waiting for an event.
	 */
	pthread_mutex_t lock;
	struct ivc_members listed; /* what ivc_get_hosts() returned */

	/*
	 * JOIN and LEAVE events are the difference between two lists, which
	 * are walked in parallel. Each call returns one event, however many
	 * changes happened since the last listing.
	 */
	struct ivc_members known; /* members that the program knows of */
	struct ivc_members fresh; /* members at the last listing */
	uint32_t known_at;	  /* how far each list has been walked */
	uint32_t fresh_at;
	bool walking; /* a walk is under way */
	bool dirty;   /* the group may have changed since the last listing */

	bool going; /* after GOING, before ARRIVED */
	bool ended; /* some channel's end may not have been reported */
	/* Under ivc_process_lock(). */
	LIST_HEAD(, ivc_channel) channels;
	struct ivc_channel *scan; /* the next channel to check for its end */
};

/* Was the context made by a parent of this process? */
static inline bool ivc_context_foreign(const struct ivc_context *ctx)
{
	return ctx->process != ivc_process();
}

/*
 * context.c: the channels of a context. ivc_context_scan(): a guest was
 * suspended, so some may have ended. From then on ivc_context_ended() returns
 * those that have ended, each once, and NULL when all have been checked.
 */
void ivc_context_add(struct ivc_context *ctx, struct ivc_channel *ch);
void ivc_context_forget(struct ivc_channel *ch);
void ivc_context_scan(struct ivc_context *ctx);
struct ivc_channel *ivc_context_ended(struct ivc_context *ctx);

/* context.c: in a child process: close the copies of the descriptors. */
void ivc_context_orphan(struct ivc_context *ctx);

/* context.c: fill @list with all members. -ETIMEDOUT: no answer in time. */
int ivc_members_get(struct ivc_context *ctx, struct ivc_members *list,
		    int64_t deadline);

/*
 * context.c: wait for @what, ctx->offers or ctx->events, after the caller found
 * none. *@stale belongs to the caller and is 0 at first.
 * Returns 0 (try again), -EINTR, -ECANCELED, or -ETIMEDOUT at @deadline.
 */
int ivc_context_wait(const struct ivc_context *ctx, const struct pollfd *what,
		     int64_t deadline, unsigned int *stale);

#endif /* IVC_CONTEXT_H */
