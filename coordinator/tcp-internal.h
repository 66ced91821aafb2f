/* SPDX-License-Identifier: MIT */
/*
 * The TCP network: who is where, how two meet, what goes over a connection.
 *
 *   tcp          the functions of net.h, and the loop
 *   tcp-address  interfaces, and what others are told of them
 *   tcp-connect  connections: made, greeted, chosen, mended
 *   tcp-link     a link: two streams of bytes that outlive their connection
 *   tcp-retry    when a link is connected, and connected again
 *   tcp-watch    epoll and its timer
 *   mirror-buffer  a queue of bytes that never wraps
 *
 * A file calls those below it and none above; layers.sh checks that.
 */
#ifndef COORD_TCP_INTERNAL_H
#define COORD_TCP_INTERNAL_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "mirror-buffer.h"
#include "tcp.h"

#define MS 1000000ull
#define SECOND (1000 * MS)

#define TCP_ADDRESSES 8u   /* that are told of one process */
#define TCP_URGENT 8192u   /* bytes of a buffer for urgent messages alone */
#define TCP_VISITORS 256u  /* who has connected and not said who it is */
#define TCP_VISITOR_S 10u  /* for so long */
#define TCP_CONNECT_S 5u   /* until another address is tried */
#define TCP_GREETING_S 30u /* the same, of one that takes connections */

/* One way to a process. */
struct tcp_place {
	uint8_t family; /* 4 or 6 */
	uint8_t prefix; /* bits of the network */
	uint16_t port;	/* big-endian, as the address */
	uint8_t addr[16];
};

/* What address() gives. */
struct tcp_address {
	uint32_t version; /* 1, little-endian */
	uint32_t count;
	uint8_t key[16];
	struct tcp_place place[TCP_ADDRESSES];
};

#define GREETING_MAGIC 0x54435649u /* "IVCT" */
#define GREETING_VERSION 1u

/* The first bytes each way on a connection. Little-endian. */
struct tcp_greeting {
	uint32_t magic;
	uint32_t version;
	uint64_t from, to;
	uint8_t key[16]; /* of who is to read it */
	uint64_t got;	 /* bytes of the other's stream, over all connections */
	uint32_t epoch;	 /* of the connection: each is higher than the last */
	uint32_t reply;	 /* 0: of who connected, 1: the answer */
	uint64_t reserved;
};

/* Everything after it is units: this, and data filled up to 8 bytes. */
struct tcp_unit {
	uint32_t len; /* of the data, without what fills up */
	uint32_t kind;
};

enum tcp_kind {
	UNIT_MESSAGE = 1,
	UNIT_ACK = 2, /* u64: so many bytes of the stream have come */
	UNIT_BYE = 3, /* nothing comes after this */
};

_Static_assert(sizeof(struct tcp_place) == 20, "tcp_place");
_Static_assert(sizeof(struct tcp_greeting) == 64, "tcp_greeting");
_Static_assert(sizeof(struct tcp_unit) == 8, "tcp_unit");

#define TCP_TICK (2 * MS)	    /* between two looks at what goes by time */
#define TCP_BACKOFF_MAX (1000 * MS) /* between two attempts to connect */

enum tcp_watch_kind { WATCH_LISTENER, WATCH_VISITOR, WATCH_LINK, WATCH_TIMER };

/* What epoll hands back. */
struct tcp_watch {
	enum tcp_watch_kind kind;
	int fd; /* -1: none */
};

/* A connection of which nobody knows yet whose it is. */
struct tcp_visitor {
	struct tcp_watch watch;
	LIST_ENTRY(tcp_visitor) entry;
	uint64_t until;
	size_t got;
	struct tcp_greeting greeting;
};

enum tcp_state {
	LINK_IDLE,	 /* never needed */
	LINK_CONNECTING, /* TCP is at it */
	LINK_GREETING,	 /* it has, and the answer is awaited */
	LINK_UP,
	LINK_WAITING, /* until it is time for another attempt */
	LINK_ENDED,   /* `error` says why */
};

struct net_link {
	struct tcp_watch watch;
	struct net *net;
	LIST_ENTRY(net_link) entry;
	uint64_t name;
	void *owner;
	struct tcp_address at;

	/*
	 * Guards all below but what is received, which one thread looks at. For
	 * the two threads of net.h; nobody holds two of these.
	 */
	pthread_mutex_t lock;
	enum tcp_state state;
	int error;	  /* the last one */
	uint32_t epoch;	  /* of the connection that is or was */
	uint32_t attempt; /* of the one that is being made, or 0 */
	unsigned int tries;
	bool watching_out; /* epoll tells when there is room */
	bool starved;	   /* a post found no room */
	bool bye_said, bye_heard;
	uint64_t since, retry_at, deadline;

	/* Offsets into a stream that never ends. */
	struct mirror tx;
	uint64_t tx_acked, tx_sent, tx_end;
	bool posted;	   /* what is at tx_end is being filled */
	uint64_t ack_late; /* to be said as soon as it is not; or 0 */

	struct mirror rx;
	uint64_t rx_got, rx_taken;
	uint64_t ack_said;
	struct tcp_greeting greeting; /* the answer, as far as it is here */
	size_t greeted;
};

struct net {
	struct net_user user;
	struct tcp_options o;
	uint64_t name;
	int epoll;
	struct tcp_watch listener[2]; /* IPv4, IPv6 */
	struct tcp_watch timer;	      /* it is time for tcp_tick() */
	struct tcp_address self;
	uint64_t now, ticked;
	uint64_t random;
	bool closing;
	atomic_bool needed; /* a link is, that was idle */
	/* Others wait while this process lacks something; 0: it does not. */
	uint64_t lack_since, lacked;
	unsigned int n_visitors;
	LIST_HEAD(, tcp_visitor) visitors;
	LIST_HEAD(, net_link) link;
};

static inline void tcp_lock(struct net_link *l)
{
	if (l->net->o.threads)
		pthread_mutex_lock(&l->lock);
}

static inline void tcp_unlock(struct net_link *l)
{
	if (l->net->o.threads)
		pthread_mutex_unlock(&l->lock);
}

/* tcp-watch.c: have epoll tell of @w, also when it can be written to. */
int tcp_watch(struct net *n, struct tcp_watch *w, bool out);
/* Have it tell in @ns, at least 1, that there is something to do. */
void tcp_wake(struct net *n, uint64_t ns);

/* tcp-address.c: listen, and fill in self. */
int tcp_listen(struct net *n);
int tcp_address_check(const void *blob, size_t len, struct tcp_address *a);
/* Those first that are in a network of ours. */
void tcp_address_sort(const struct net *n, struct tcp_address *a);

/* tcp-retry.c, under the link's lock. Begin, at the next poll. */
void tcp_need(struct net_link *l);
/* The connection is no more. */
void tcp_broken(struct net_link *l, int error);
/* Nor is the attempt at one; the next is made after a while. */
void tcp_retry_later(struct net_link *l, int error);

/* tcp-link.c. All under the link's lock, but tcp_take_in(). */
int tcp_link_buffers(struct net_link *l);
void tcp_flush(struct net_link *l);
/* Read what is there. 1: something, 0, -errno: the connection is broken. */
int tcp_take_in(struct net_link *l);
void *tcp_post(struct net_link *l, size_t len, bool urgent, int *err);
uint64_t tcp_commit(struct net_link *l, size_t len);
void tcp_push(struct net_link *l);
uint64_t tcp_gone(const struct net_link *l);
int tcp_front(struct net_link *l, const void **msg, size_t *len);
void tcp_take(struct net_link *l);
void tcp_say_bye(struct net_link *l);

/* tcp-connect.c. */
void tcp_accept(struct net *n, struct tcp_watch *listener);
void tcp_visitor_event(struct net *n, struct tcp_visitor *g);
void tcp_visitor_drop(struct net *n, struct tcp_visitor *g);
/* Under the link's lock: CONNECTING or GREETING, and something happened. */
void tcp_connect_event(struct net_link *l, uint32_t events);
/* Time has passed. Is there something that goes by time? */
bool tcp_tick(struct net *n);

#endif /* COORD_TCP_INTERNAL_H */
