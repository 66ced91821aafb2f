/* SPDX-License-Identifier: MIT */
/*
 * One thread, one poll().
 *
 * While bytes move, or have moved over IVC a moment ago, the loop runs without
 * system calls other than those of the socket, and polls the other descriptors
 * a few thousand times a second. Otherwise it arms the channels and sleeps in
 * ppoll() on the socket, the context and the channels. A channel without
 * anything to wait for is polled only for its end.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "roam.h"

#define LOOK_EVERY (100u * 1000u)    /* ns between two polls while busy */
#define SLEEP_MAX ((uint64_t)SECOND) /* in case a wake-up is lost */
#define AWAY (2 * (uint64_t)SECOND)  /* longer than any sleep: frozen */
#define FAREWELL_MS 2000
#define SPIN_DEFAULT 50000

struct loop {
	const struct options *o;
	struct stream *stream;
	struct traffic *traffic;
	struct record *record;
	struct group group;
	uint64_t spin;
	uint64_t pass;	/* the begin of the last pass */
	uint64_t moved; /* the last pass that moved bytes */
	uint64_t looked;
	uint64_t heard,
		heard_at;	 /* the last message, and its silence's begin */
	uint64_t to_ivc, to_tcp; /* switches reported */
};

void notice(const struct options *o, const char *fmt, ...)
{
	static uint64_t start;
	uint64_t now = clock_ns();
	va_list ap;

	if (!start)
		start = now;
	if (o->quiet)
		return;
	fprintf(stderr, "%10.3f s  ", (double)(now - start) / SECOND);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static uint64_t spin_of(const struct options *o)
{
	if (o->spin_ns >= 0)
		return (uint64_t)o->spin_ns;
	/* On one processor, spinning would keep the peer from running. */
	return sysconf(_SC_NPROCESSORS_ONLN) > 1 ? SPIN_DEFAULT : 0;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Arm a channel for poll(). False: it is ready already, do not sleep. */
static bool link_poll(struct loop *l, const struct link *link, struct pollfd *p)
{
	int events = stream_wants(l->stream, link);

	if (!traffic_wants_input(l->traffic) && link == l->stream->in)
		events &= ~IVC_READABLE;
	p->fd = ivc_channel_fd(link->ch);
	p->events = events ? POLLIN : 0;
	return !events || !ivc_arm(link->ch, events);
}

/* Poll the descriptors, and sleep if @idle. */
static void look(struct loop *l, uint64_t now, bool idle)
{
	const struct stream *s = l->stream;
	struct pollfd p[3 + STREAM_LINKS] = { 0 };
	struct timespec ts = { 0 };
	unsigned int n, context;
	uint64_t left = 0;

	p[0].fd = wire_fd(s->wire);
	p[0].events = (wire_has_room(s->wire) ? POLLIN : 0) |
		      (wire_pending(s->wire) ? POLLOUT : 0);
	/* poll() would report a hangup for ever. */
	if (!p[0].events || wire_error(s->wire))
		p[0].fd = -1;
	context = 1 + group_poll(&l->group, p + 1);
	n = context;
	for (unsigned int i = 0; idle && i < s->n_links; i++)
		/* A channel that has ended has nothing to wait for. */
		if (!s->links[i]->ended && !s->links[i]->bad)
			idle = link_poll(l, s->links[i], &p[n++]);
	if (idle) {
		uint64_t at = sooner(group_deadline(&l->group),
				     traffic_deadline(l->traffic));

		at = sooner(at, now + SLEEP_MAX);
		now = clock_ns();
		left = at > now ? at - now : 0;
	}
	ts.tv_sec = (time_t)(left / SECOND);
	ts.tv_nsec = (long)(left % SECOND);
	if (ppoll(p, n, &ts, NULL) <= 0)
		return;
	for (unsigned int i = 1; i < context; i++)
		l->group.look |= p[i].revents != 0;
	if (p[0].revents & (POLLIN | POLLHUP | POLLERR))
		wire_fill(s->wire);
}

static void tell(struct loop *l)
{
	const struct stream *s = l->stream;

	if (s->to_tcp != l->to_tcp) {
		l->to_tcp = s->to_tcp;
		record_switch(l->record, false);
		notice(l->o, "back on TCP: %s; %llu bytes sent again",
		       strerror(-s->last_end),
		       (unsigned long long)s->last_back);
	}
	if (s->to_ivc != l->to_ivc) {
		l->to_ivc = s->to_ivc;
		record_switch(l->record, true);
		notice(l->o, "on IVC, channel %u", s->out_gen);
	}
}

static int broken(const struct loop *l, int err)
{
	switch (err) {
	case -EBADMSG:
		complain("%s", l->traffic->fault);
		return EXIT_FAULT;
	case -EPROTO:
		complain("received data that breaks the protocol: the other "
			 "side is no ivc-roam, or an IVC ring was damaged");
		return EXIT_LOST;
	case -EPIPE:
	case -ECONNRESET:
		complain("the other side has gone: its process or guest ended");
		return EXIT_LOST;
	default:
		complain("the connection is broken: %s", strerror(-err));
		return EXIT_LOST;
	}
}

/* 1: bytes were moved, 0: none, or -errno, which is permanent. */
static int pass(struct loop *l, uint64_t now)
{
	struct stream *s = l->stream;
	int moved, ret;

	group_step(&l->group, now);
	ret = stream_step(s);
	if (ret)
		return ret;
	if (!s->in)
		wire_fill(s->wire);
	moved = traffic_step(l->traffic, now);
	if (moved < 0)
		return moved;
	/* Flush last: it makes room for the next pass. */
	ret = wire_flush(s->wire);
	tell(l);
	return ret < 0 ? ret : moved | ret;
}

/*
 * Has nothing been received for --timeout? Time in which this process itself
 * was frozen does not count.
 */
static bool deserted(struct loop *l, uint64_t now)
{
	if (now - l->pass > AWAY)
		l->heard_at += now - l->pass;
	if (l->traffic->heard_at != l->heard) {
		l->heard = l->traffic->heard_at;
		l->heard_at = now;
	}
	return l->o->timeout_s &&
	       now - l->heard_at > l->o->timeout_s * (uint64_t)SECOND;
}

static int turn(struct loop *l)
{
	struct stream *s = l->stream;
	uint64_t now = clock_ns();
	bool busy;
	int ret;

	if (interrupted)
		traffic_stop(l->traffic);
	if (interrupted > 1)
		return EXIT_SIGNAL;
	record_tick(l->record, now, s->out);
	ret = pass(l, now);
	if (traffic_done(l->traffic))
		return -1;
	if (ret < 0)
		return broken(l, ret);
	if (deserted(l, now)) {
		complain("nothing has come for %u s (--timeout): the other "
			 "side hangs, or the network is down",
			 l->o->timeout_s);
		return EXIT_LOST;
	}
	l->pass = now;
	if (ret)
		l->moved = now;
	busy = ret || ((s->in || s->out) && now - l->moved < l->spin);
	if (busy && now - l->looked < LOOK_EVERY)
		return 0;
	l->looked = now;
	look(l, now, !busy);
	return 0;
}

/*
 * Both sides have all messages. But closing the socket while the peer's last
 * frame is still arriving would reset the connection and discard this side's
 * last frame. So wait until the peer has closed, too.
 */
static void farewell(struct wire *w)
{
	struct pollfd p = { .fd = wire_fd(w), .events = POLLIN };
	uint64_t until = clock_ns() + FAREWELL_MS * (uint64_t)MS;

	shutdown(p.fd, SHUT_WR);
	while (!wire_error(w) && wire_has_room(w) && clock_ns() < until) {
		poll(&p, 1, FAREWELL_MS);
		wire_fill(w);
	}
}

int loop_run(const struct options *o, struct stream *s, struct traffic *t,
	     struct record *r)
{
	struct loop l = { .o = o,
			  .stream = s,
			  .traffic = t,
			  .record = r,
			  .spin = spin_of(o),
			  .pass = clock_ns() };
	int ret;

	l.heard = t->heard_at;
	l.heard_at = l.pass;
	group_init(&l.group, o, s);
	do
		ret = turn(&l);
	while (!ret);
	record_end(r, clock_ns(), s->out);
	if (ret < 0)
		farewell(s->wire);
	group_free(&l.group);
	return ret < 0 ? EXIT_FINE : ret;
}
