/* SPDX-License-Identifier: MIT */
/*
 * What the coordinator needs of a network: messages to any process of the job,
 * each delivered once, in order, as long as both processes live and can be
 * reached. A connection that breaks is the implementation's to mend. TCP is one
 * (tcp.h); another is a table of these functions.
 *
 * Threads. post, commit and push are called by one thread at a time per link,
 * which may be another than the one that calls everything else; all else is
 * called by one thread at a time. Nothing here waits. Functions return 0 or
 * -errno unless they say otherwise.
 */
#ifndef COORD_NET_H
#define COORD_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net;
struct net_link; /* to one process, and for as long as it is needed */

/* What the network asks of its user. */
struct net_user {
	/*
	 * A process that nobody has a link to wants to talk: make one with
	 * link(), if it is of the job, or NULL.
	 */
	struct net_link *(*stranger)(void *arg, uint64_t name);
	/* There is something to front(), or room again, or an error. */
	void (*ready)(void *arg, void *owner);
	/*
	 * This process has lacked descriptors or memory for connections of
	 * others for half of the time after which they give up.
	 */
	void (*lacks)(void *arg, int error);
	void *arg;
};

struct net_ops {
	const char *name;

	/* What others need to reach this process. Returns its length. */
	int (*address)(struct net *n, void *buf, size_t max);

	/*
	 * A link to process @name, whose address() is @addr: it is checked and
	 * copied. @owner is handed to ready(). Nothing is sent before
	 * link_need() or the first post(), or until the other side begins.
	 */
	int (*link)(struct net *n, uint64_t name, const void *addr, size_t len,
		    void *owner, struct net_link **link);
	void (*link_need)(struct net_link *l);
	/* Drops what has not been sent. NULL is fine. */
	void (*link_free)(struct net_link *l);

	/*
	 * Room for a message of @len bytes, to be filled and sent by commit().
	 * @urgent ones find room where others do not: they are few and short.
	 * NULL with *@err 0: not now, ready() will tell; or *@err: never.
	 * commit() returns where the message ends in all that this side has
	 * committed to the link: a number that only grows.
	 */
	void *(*post)(struct net_link *l, size_t len, bool urgent, int *err);
	uint64_t (*commit)(struct net_link *l, size_t len);
	/* Send what has been committed, as far as it can be at this moment. */
	void (*push)(struct net_link *l);
	/*
	 * All that ends there or before is on its way: it reaches the other
	 * process without another call of this one, unless the connection
	 * breaks. The rest needs poll(), which fd() asks for; so a message is
	 * not sent, to who has given it, before this says so.
	 */
	uint64_t (*gone)(struct net_link *l);

	/*
	 * The oldest message that has come, until take(). Its bytes do not
	 * change meanwhile. 1, 0: none, or why none will come any more.
	 */
	int (*front)(struct net_link *l, const void **msg, size_t *len);
	void (*take)(struct net_link *l);

	/* Readable when poll() would find something. */
	int (*fd)(const struct net *n);
	/* Look what has come, mend what is broken. How many links moved. */
	int (*poll)(struct net *n, uint64_t now_ns);

	/*
	 * Say goodbye on all links. Then poll() until done() says that all who
	 * have heard it have answered, or as long as one likes.
	 */
	void (*bye)(struct net *n);
	bool (*done)(const struct net *n);
	void (*close)(struct net *n);

	/* For tests: let the connection break, at once. */
	void (*sever)(struct net_link *l);
};

#endif /* COORD_NET_H */
