/* SPDX-License-Identifier: MIT */
/*
 * The network as the coordinator needs it: messages to any process of the job,
 * each delivered once and in order, as long as both processes live and can be
 * reached. The implementation repairs broken connections. TCP is one
 * implementation (tcp.h); another is a table of these functions.
 *
 * Threads. At any time one thread calls post, commit and push for a link, and
 * one thread calls everything else; these may be different threads. No function
 * waits. Functions return 0 or -errno unless their comment says otherwise.
 */
#ifndef COORD_NET_H
#define COORD_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net;
struct net_link; /* the link to one process */

/* The callbacks of the network. */
struct net_user {
	/*
	 * A process without a link connects. Returns a link from link(), if the
	 * process is of the job, or NULL.
	 */
	struct net_link *(*stranger)(void *arg, uint64_t name);
	/* front() has a message or an error, or post() has room again. */
	void (*ready)(void *arg, void *owner);
	/*
	 * This process has lacked descriptors or memory for the connections of
	 * others for half of the time after which they give up.
	 */
	void (*lacks)(void *arg, int error);
	void *arg;
};

struct net_ops {
	const char *name;

	/*
	 * Writes the address by which others reach this process. Returns its
	 * length.
	 */
	int (*address)(struct net *n, void *buf, size_t max);

	/*
	 * Makes a link to process @name, whose address() is @addr; @addr is
	 * checked and copied. ready() gets @owner. The link sends nothing
	 * before link_need() or the first post(), or until the other side
	 * connects.
	 */
	int (*link)(struct net *n, uint64_t name, const void *addr, size_t len,
		    void *owner, struct net_link **link);
	void (*link_need)(struct net_link *l);
	/* Discards messages that were not sent. NULL is fine. */
	void (*link_free)(struct net_link *l);

	/*
	 * Reserves room for a message of @len bytes, to be filled, and sent by
	 * commit(). @urgent messages, which are few and short, have room of
	 * their own. Returns NULL with *@err 0: no room now, ready() will tell;
	 * or with the error of the link in *@err. commit() returns the position
	 * of the message's end in the stream of this side's messages, a number
	 * that only grows.
	 */
	void *(*post)(struct net_link *l, size_t len, bool urgent, int *err);
	uint64_t (*commit)(struct net_link *l, size_t len);
	/* Sends committed messages, as far as the system accepts them. */
	void (*push)(struct net_link *l);
	/*
	 * Returns the position up to which messages have left this process:
	 * they reach the peer without another call, unless the connection
	 * breaks. Messages behind it need poll(), for which fd() asks. So a
	 * message must not be reported as sent before this position has passed
	 * it.
	 */
	uint64_t (*gone)(struct net_link *l);

	/*
	 * Gives the oldest message that has come, until take(). Its bytes do
	 * not change meanwhile. Returns 1, 0: none, or the error after which no
	 * message comes any more.
	 */
	int (*front)(struct net_link *l, const void **msg, size_t *len);
	void (*take)(struct net_link *l);

	/* A descriptor that is readable when poll() has something to do. */
	int (*fd)(const struct net *n);
	/*
	 * Reads from the connections and repairs them. Returns the number of
	 * links with an event.
	 */
	int (*poll)(struct net *n, uint64_t now_ns);

	/*
	 * Says goodbye on all links. The caller then calls poll() until done()
	 * says that all peers have answered, or until a timeout of its own.
	 */
	void (*bye)(struct net *n);
	bool (*done)(const struct net *n);
	void (*close)(struct net *n);

	/* For tests: break the connection now. */
	void (*sever)(struct net_link *l);
};

#endif /* COORD_NET_H */
