/* SPDX-License-Identifier: MIT */
/*
 * Transports: a connection carries bytes in order in both directions. Every
 * transport fills the same small table, so that a comparison of two transports
 * compares nothing else.
 *
 * Functions return -errno on errors. read and write move as many bytes as they
 * can and return the number; 0 means none now. They block only if `may_block`
 * is set and the user asked for `--wait sleep`, and only in transports that
 * have a blocking call (a plain recv(), a blocking vchan), as programs that do
 * not spin would use these.
 */
#ifndef PINGPONG_TRANSPORT_H
#define PINGPONG_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CAN_READ 1
#define CAN_WRITE 2

enum wait_mode {
	WAIT_ADAPTIVE, /* spin for spin_ns, then sleep */
	WAIT_SPIN,
	WAIT_SLEEP,
	WAIT_MODES,
};

/* The address of the server; each transport reads its own part. */
struct address {
	uint64_t magic;	  /* ivc */
	uint32_t id;	  /* ivc: the server's process id in the group */
	const char *host; /* tcp: NULL is any (server) */
	const char *port; /* tcp */
	const char *path; /* unix, vchan */
	int domid;	  /* vchan: the other domain */
	uint32_t ring;	  /* bytes per direction, 0: the transport's default */
};

struct transport;

struct transport_ops {
	const char *name;
	/*
	 * Polls per reading of the clock, a power of two: so many that the
	 * clock costs less than the polls.
	 */
	unsigned int polls_per_clock;
	/* The server: listen once, then accept once per client. */
	int (*listen)(struct transport *t);
	/* Both wait for about a second; -EAGAIN: no peer yet, call again. */
	int (*accept)(struct transport *t);
	int (*connect)(struct transport *t);
	/* Apply wait and spin_ns to the connection just made. */
	void (*tune)(struct transport *t);

	ssize_t (*read)(struct transport *t, void *buf, size_t len);
	ssize_t (*write)(struct transport *t, const void *buf, size_t len);
	/* Wait for one of the events. > 0, 0 on timeout, or -EINTR. */
	int (*wait)(struct transport *t, int events, int timeout_ms);

	/* Without copies, as ivc_reserve() etc. All four may be NULL. */
	ssize_t (*reserve)(struct transport *t, size_t max, void **p);
	int (*commit)(struct transport *t, size_t len);
	ssize_t (*peek)(struct transport *t, const void **p);
	int (*release)(struct transport *t, size_t len);

	/* End this connection; a server may then accept another. */
	void (*hangup)(struct transport *t);
	void (*close)(struct transport *t);
	/* The peer, for people: "domain 3, rings of 65536 + 65536". */
	void (*describe)(struct transport *t, char *buf, size_t len);
	/* The cure of error @err (a positive errno), or NULL. */
	const char *(*advice)(struct transport *t, int err);
};

struct transport {
	const struct transport_ops *ops;
	struct address addr;
	enum wait_mode wait;
	int64_t spin_ns;
	int timeout_s; /* give up after this time without a byte */
	bool may_block;
	bool server;
	void *priv;
};

extern const struct transport_ops ivc_transport;
extern const struct transport_ops tcp_transport;
extern const struct transport_ops unix_transport;
#ifdef WITH_VCHAN
extern const struct transport_ops vchan_transport;
#endif

/* Set by the signal handler: functions that wait return -EINTR. */
extern volatile int stopped;

/* The time without progress; zero it at the start of every wait. */
struct idle {
	unsigned int polls;
	uint64_t since_ns;
};

/*
 * Call when no byte could be moved: spins or sleeps, as --wait says. 0: try
 * again. -EINTR: interrupted; -ETIMEDOUT: the peer was silent for timeout_s.
 */
int transport_idle(struct transport *t, int events, struct idle *idle);

/*
 * Call after an attempt that moved @n bytes, or failed with @n < 0. Where @n is
 * 0 it waits for @events. 0: try again, or go on; else -errno.
 */
static inline int transport_after(struct transport *t, int events,
				  struct idle *idle, ssize_t n)
{
	if (n < 0)
		return (int)n;
	if (!n)
		return transport_idle(t, events, idle);
	*idle = (struct idle){ 0 };
	return 0;
}

/* Move all @len bytes. 0 or -errno. */
int transport_send(struct transport *t, const void *buf, size_t len);
int transport_recv(struct transport *t, void *buf, size_t len);

#endif
