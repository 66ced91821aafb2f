/* SPDX-License-Identifier: MIT */
/*
 * The layers of the TCP network, from top to bottom:
 *
 *   tcp            the functions of net.h, and the event loop
 *   tcp-address    interfaces, and the address that others get
 *   tcp-connect    connections: made, greeted, chosen
 *   tcp-link       a link: two streams of bytes that outlive their connection
 *   tcp-retry      when a link connects, and connects again
 *   tcp-watch      epoll and its timer
 *   mirror-buffer  a queue of bytes that never wraps
 *
 * A file calls files below it and none above; layers.sh checks that.
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

#define TCP_ADDRESSES 8u   /* addresses of one process */
#define TCP_URGENT 8192u   /* bytes of a buffer that only urgent messages use */
#define TCP_VISITORS 256u  /* connections whose greeting has not come */
#define TCP_VISITOR_S 10u  /* seconds that a greeting may take */
#define TCP_CONNECT_S 5u   /* seconds until the next address is tried */
#define TCP_GREETING_S 30u /* the same, when the connection was accepted */

/* An address and port of a process. */
struct tcp_place {
	uint8_t family; /* 4 or 6 */
	uint8_t prefix; /* length of the network's prefix, bits */
	uint16_t port;	/* big-endian, as the address */
	uint8_t addr[16];
};

/* The address of address(). */
struct tcp_address {
	uint32_t version; /* 1, little-endian */
	uint32_t count;
	uint8_t key[16];
	struct tcp_place place[TCP_ADDRESSES];
};

#define GREETING_MAGIC 0x54435649u /* "IVCT" */
#define GREETING_VERSION 1u

/* The first bytes each way of a connection. Little-endian. */
struct tcp_greeting {
	uint32_t magic;
	uint32_t version;
	uint64_t from, to;
	uint8_t key[16]; /* the receiver's */
	uint64_t got;	 /* bytes received of the other's stream */
	uint32_t epoch;	 /* of the connection; higher than that of the last */
	uint32_t reply;	 /* 0: from the process that connects, 1: the answer */
	uint64_t reserved;
};

/* After the greeting come units: this header, the data, zeros up to 8 bytes. */
struct tcp_unit {
	uint32_t len; /* of the data, without the zeros */
	uint32_t kind;
};

enum tcp_kind {
	UNIT_MESSAGE = 1,
	UNIT_ACK = 2, /* u64: number of bytes of the stream that have come */
	UNIT_BYE = 3, /* no unit follows */
};

_Static_assert(sizeof(struct tcp_place) == 20, "tcp_place");
_Static_assert(sizeof(struct tcp_greeting) == 64, "tcp_greeting");
_Static_assert(sizeof(struct tcp_unit) == 8, "tcp_unit");

#define TCP_TICK (2 * MS)	    /* between two checks of timeouts */
#define TCP_BACKOFF_MAX (1000 * MS) /* between two attempts to connect */

enum tcp_watch_kind { WATCH_LISTENER, WATCH_VISITOR, WATCH_LINK, WATCH_TIMER };

/* epoll returns a pointer to one of these as its data. */
struct tcp_watch {
	enum tcp_watch_kind kind;
	int fd; /* -1: none */
};

/* An accepted connection whose greeting has not come. */
struct tcp_visitor {
	struct tcp_watch watch;
	LIST_ENTRY(tcp_visitor) entry;
	uint64_t until;
	size_t got;
	struct tcp_greeting greeting;
};

enum tcp_state {
	LINK_IDLE,	 /* never needed */
	LINK_CONNECTING, /* TCP is connecting */
	LINK_GREETING,	 /* connected; the answer to the greeting is awaited */
	LINK_UP,
	LINK_WAITING, /* until the time of the next attempt */
	LINK_ENDED,   /* for ever: see `error` */
};

struct net_link {
	struct tcp_watch watch;
	struct net *net;
	LIST_ENTRY(net_link) entry;
	uint64_t name;
	void *owner;
	struct tcp_address at;

	/*
	 * Guards all below but the received bytes, which only the thread that
	 * calls front() reads. For the two threads of net.h. No thread holds
	 * two of these locks.
	 */
	pthread_mutex_t lock;
	enum tcp_state state;
	int error;	  /* the last one */
	uint32_t epoch;	  /* of the present or last connection */
	uint32_t attempt; /* of the connection that is being made, or 0 */
	unsigned int tries;
	bool watching_out; /* epoll reports room in the socket */
	bool starved;	   /* post() found no room */
	bool bye_said, bye_heard;
	uint64_t since, retry_at, deadline;

	/* Offsets into a stream that never ends. */
	struct mirror tx;
	uint64_t tx_acked, tx_sent, tx_end;
	bool posted;	   /* the caller fills a message at tx_end */
	uint64_t ack_late; /* acknowledgement to send after `posted`; or 0 */

	struct mirror rx;
	uint64_t rx_got, rx_taken;
	uint64_t ack_said;
	struct tcp_greeting
		greeting; /* the answer, of which `greeted` bytes are here */
	size_t greeted;
};

struct net {
	struct net_user user;
	struct tcp_options o;
	uint64_t name;
	int epoll;
	struct tcp_watch listener[2]; /* IPv4, IPv6 */
	struct tcp_watch timer;	      /* expires when tcp_tick() is due */
	struct tcp_address self;
	uint64_t now, ticked;
	uint64_t random;
	bool closing;
	atomic_bool needed; /* some idle link is needed now */
	/*
	 * Since when this process lacks descriptors or memory while others
	 * connect; 0: it does not.
	 */
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

/* tcp-watch.c: lets epoll report input on @w, with @out also room. */
int tcp_watch(struct net *n, struct tcp_watch *w, bool out);
/* Lets epoll report the timer in @ns, at least 1. */
void tcp_wake(struct net *n, uint64_t ns);

/* tcp-address.c: listens, and fills in `self`. */
int tcp_listen(struct net *n);
int tcp_address_check(const void *blob, size_t len, struct tcp_address *a);
/* Puts addresses in a network of this process first. */
void tcp_address_sort(const struct net *n, struct tcp_address *a);

/* tcp-retry.c; all need the link's lock. Connects at the next poll. */
void tcp_need(struct net_link *l);
/* Closes the connection and plans the next. */
void tcp_broken(struct net_link *l, int error);
/* Plans the next attempt after a pause. */
void tcp_retry_later(struct net_link *l, int error);

/* tcp-link.c. All but tcp_take_in() need the link's lock. */
int tcp_link_buffers(struct net_link *l);
void tcp_flush(struct net_link *l);
/* Reads from the socket. Returns 1: something came, 0, or -errno: broken. */
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
/* Needs the link's lock: an event in state CONNECTING or GREETING. */
void tcp_connect_event(struct net_link *l, uint32_t events);
/* Handles timeouts. Returns whether any timeout is pending. */
bool tcp_tick(struct net *n);

#endif /* COORD_TCP_INTERNAL_H */
