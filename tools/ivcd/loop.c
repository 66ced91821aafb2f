/* SPDX-License-Identifier: MIT */
/* The loop: epoll, signals, and timers. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ivcd.h"

#define EVENTS 64

/*
 * A throttled client is not polled until the next tick, while the others are
 * served. Users without clients are freed after a while.
 */
#define TICK_NS (10 * MS)
#define USERS_NS SEC

static int epoll_fd = -1, signal_fd = -1;
static int listen_tag, signal_tag; /* their addresses are epoll's data */
static bool full;		   /* accept no client before full_until */
static int64_t full_until;

int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SEC + ts.tv_nsec;
}

int loop_watch(int fd, void *what, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = what };

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

void loop_rewatch(int fd, void *what, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = what };

	(void)epoll_ctl(epoll_fd, EPOLL_CTL_MOD, fd, &ev);
}

/* close() alone would not do it: a peer may have the same open file. */
void loop_unwatch(int fd)
{
	(void)epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

/*
 * Stop polling the listening socket for a while: it stays readable, so the loop
 * would spin.
 */
static void let_nobody_in(int64_t ns)
{
	full = true;
	full_until = now_ns() + ns;
	loop_rewatch(listen_fd(), &listen_tag, 0);
}

/* Accept one client per turn, so that new clients do not delay the others. */
static void come_in(void)
{
	int fd;

	if (!closer_may_accept()) {
		log_line("no new clients for now: too many open descriptors");
		let_nobody_in(TICK_NS);
		return;
	}
	fd = accept4(listen_fd(), NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0) {
		closer_opened(1);
		client_new(fd);
		return;
	}
	switch (errno) {
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
		log_line("no new clients for now: %m");
		let_nobody_in(100 * MS);
		break;
	}
}

static void report(void)
{
	struct client *c;
	unsigned int n = 0;

	TAILQ_FOREACH (c, &clients, node)
		n++;
	log_answer("state: clients %u members %u channels %u users %u", n,
		   members_count(), conns_count(), users_count());
}

/* False: end. */
static bool signalled(void)
{
	struct signalfd_siginfo si;

	if (read(signal_fd, &si, sizeof(si)) != sizeof(si))
		return true;
	if (si.ssi_signo == SIGUSR1) {
		report();
		return true;
	}
	return false;
}

static int open_all(void)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (epoll_fd < 0 || signal_fd < 0)
		return -errno;
	err = loop_watch(signal_fd, &signal_tag, EPOLLIN);
	return err ? err : loop_watch(listen_fd(), &listen_tag, EPOLLIN);
}

static int ms_until(int64_t when)
{
	int64_t left;

	if (when == NEVER)
		return -1;
	left = (when - now_ns() + MS - 1) / MS;
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* Run the timers that are due. Returns when to call it again. */
static int64_t tick(void)
{
	static int64_t last, users_at;
	int64_t now = now_ns(), next, late;
	static bool leaving;

	if (full && now >= full_until) {
		full = false;
		loop_rewatch(listen_fd(), &listen_tag, EPOLLIN);
	}
	/* Not at every packet, since it visits every client. */
	if (now - last < TICK_NS)
		return last + TICK_NS;
	last = now;
	next = clients_tick(now);
	late = groups_tick(now);
	if (late < next)
		next = late;
	if (full && full_until < next)
		next = full_until;
	if (now >= users_at) {
		leaving = users_tick();
		users_at = now + USERS_NS;
	}
	if (leaving && users_at < next)
		next = users_at;
	return next;
}

int loop_run(void)
{
	struct epoll_event ev[EVENTS];
	int64_t next = NEVER;
	bool go_on = true;
	int i, n, err;

	err = open_all();
	while (!err && go_on) {
		n = epoll_wait(epoll_fd, ev, EVENTS, ms_until(next));
		if (n < 0 && errno != EINTR)
			err = -errno;
		for (i = 0; i < n; i++) {
			if (ev[i].data.ptr == &listen_tag)
				come_in();
			else if (ev[i].data.ptr == &signal_tag)
				go_on = signalled();
			else
				client_event(ev[i].data.ptr, ev[i].events);
		}
		next = tick();
		clients_bury();
	}
	while (!TAILQ_EMPTY(&clients))
		client_drop(TAILQ_FIRST(&clients), NULL);
	clients_bury();
	if (signal_fd >= 0)
		close(signal_fd);
	if (epoll_fd >= 0)
		close(epoll_fd);
	return err;
}
