/* SPDX-License-Identifier: MIT */
/*
 * The connection to ivcd.
 *
 *          local_link_need()            HELLO answered
 *   DOWN --------------------> HELLO ------------------> UP
 *    ^      or the time to       |                        |
 *    |      try again            | refused, silent        | ended, silent
 *    +---------------------------+------------------------+
 *
 * While anybody is registered a lost link is tried again by itself, and then
 * every context registers again and every open channel is entered in the new
 * ivcd's books. The channels themselves do not notice.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../common/clock.h"
#include "../../common/ivcd-path.h"
#include "../fd-closer.h"
#include "local.h"

#define LINK_TIMEOUT_NS (5 * IVC_SEC)
#define RETRY_MIN_NS (10 * IVC_MS)
#define RETRY_MAX_NS (250 * IVC_MS)
/* So many packets at a time, then somebody else gets the lock. */
#define LINK_BATCH 64

/* No ivcd, by any of the ways in which a socket can fail to have one. */
static int no_link(int err)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
	case ECONNREFUSED:
	case EPROTOTYPE:
	case ENOTSOCK:
		return -ENODEV;
	default:
		return -err;
	}
}

static int connect_to(int fd, const struct sockaddr_un *addr)
{
	while (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)))
		if (errno != EINTR)
			return no_link(errno);
	return 0;
}

static int link_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0);

	return fd < 0 ? ivc_packet_error(errno) : fd;
}

/* Somebody whom this user must not trust: a new socket, for the next place. */
static int reject(int *fd)
{
	int other = link_socket();

	if (other < 0)
		return other;
	ivc_closer_hangup(*fd);
	*fd = other;
	return -EACCES;
}

/*
 * The one that is named, else the first that is there: the user's own, the
 * machine's. One that is there and will not have us is the error to tell only
 * if no other will.
 */
static int connect_any(int *fd)
{
	const char *path = secure_getenv("IVC_SOCKET");
	struct sockaddr_un addr;
	int place, why = -ENODEV, ret;

	if (path && *path) {
		ret = ivcd_path_named(path, &addr);
		return ret ? ret : connect_to(*fd, &addr);
	}
	for (place = 0; place < IVCD_PATHS; place++) {
		ret = ivcd_path_get(place, false, &addr);
		if (!ret)
			ret = connect_to(*fd, &addr);
		if (!ret && !ivcd_path_trusted(place, &addr, *fd))
			ret = reject(fd);
		/* EAGAIN: it is there, and has much to do. */
		if (!ret || ret == -EAGAIN)
			return ret;
		if (ret != -ENODEV)
			why = ret;
	}
	return why;
}

static int link_watch(int op)
{
	struct epoll_event ev = {
		.events = EPOLLIN | EPOLLRDHUP | (local.full ? EPOLLOUT : 0),
		.data.u64 = LOCAL_KEY_LINK,
	};

	return epoll_ctl(local.epoll, op, local.link, &ev) ? -errno : 0;
}

static int say_hello(void)
{
	struct ivc_local_hello hello = { .magic = IVC_LOCAL_MAGIC,
					 .lowest = IVC_LOCAL_VERSION,
					 .highest = IVC_LOCAL_VERSION };
	struct ivc_msg msg = { .op = IVC_LOCAL_HELLO,
			       .cookie = ++local.next_cookie };

	memcpy(msg.raw, &hello, sizeof(hello));
	return ivc_packet_send(local.link, &msg, sizeof(msg), -1);
}

static int link_try(void)
{
	int ret;

	ret = link_socket();
	if (ret < 0)
		return ret;
	local.link = ret;
	local.full = false;
	ret = connect_any(&local.link);
	if (ret)
		goto err_link;
	/* Turned away already? Why, is there to be read. */
	ret = say_hello();
	if (ret && ret != -EPIPE && ret != -ECONNRESET)
		goto err_link;
	ret = link_watch(EPOLL_CTL_ADD);
	if (ret)
		goto err_link;
	local.state = LOCAL_HELLO;
	local.status = 0;
	local.retry_at = ivc_now() + LINK_TIMEOUT_NS;
	local_poke();
	return 0;

err_link:
	local_close_fd(&local.link);
	return ret;
}

int local_link_need(void)
{
	int64_t deadline = ivc_now() + LINK_TIMEOUT_NS;
	struct timespec ts;
	int64_t next = 0;
	int ret;

	while (local.state != LOCAL_UP) {
		int64_t until = deadline;

		if (local.state == LOCAL_DOWN && ivc_now() >= next) {
			ret = link_try();
			/* EAGAIN: its backlog is full, it will come to us. */
			if (ret && ret != -EAGAIN)
				return ret;
			next = ivc_now() + RETRY_MIN_NS;
		}
		if (local.state == LOCAL_DOWN)
			until = next;
		if (ivc_now() >= deadline)
			return -ETIMEDOUT;
		ts = ivc_timespec(until);
		pthread_cond_timedwait(&local.changed, &local.lock, &ts);
		if (local.state == LOCAL_DOWN && local.status)
			return local.status;
	}
	return 0;
}

static void retry_later(void)
{
	if (local.retry_ns < RETRY_MIN_NS)
		local.retry_ns = RETRY_MIN_NS;
	local.retry_at = ivc_now() + local.retry_ns;
	local.retry_ns *= 2;
	if (local.retry_ns > RETRY_MAX_NS)
		local.retry_ns = RETRY_MAX_NS;
}

void local_link_hangup(void)
{
	int fd = local.link;

	local.link = -1;
	ivc_closer_hangup(fd);
}

void local_link_down(void)
{
	struct local_channel *ch, *next;
	struct local_context *lc;

	if (local.state == LOCAL_DOWN)
		return;
	/* Out of the epoll set first: its file may outlive this. */
	epoll_ctl(local.epoll, EPOLL_CTL_DEL, local.link, NULL);
	local_link_hangup();
	local.state = LOCAL_DOWN;
	local.losses++;
	local_call_heard();
	local.full = false;
	retry_later();
	local_call_lost();
	LIST_FOREACH (lc, &local.contexts, node) {
		struct local_offer *o;

		if (lc->registered && lc->member) {
			lc->detached = true;
			lc->attached = false;
			lc->hosts_changed = false;
		}
		local_context_named(lc, 0);
		if (lc->registered)
			local_due_context(lc);
		TAILQ_FOREACH (o, &lc->offers, node)
			o->conn = 0;
		local_context_lit(lc);
	}
	for (ch = LIST_FIRST(&local.channels); ch; ch = next) {
		next = LIST_NEXT(ch, node);
		ch->conn = 0;
		/* A CONNECT: its socket ends, too, if it was not passed on. */
		if (ch->due == LOCAL_DUE_REPLY)
			ch->refused = -ENODEV;
		local_due_no_channel(ch);
		if (ch->state == IVC_CHAN_OPEN)
			local_due_channel(ch);
		if (ch->closing) {
			LIST_REMOVE(ch, node);
			free(ch);
		}
	}
	pthread_cond_broadcast(&local.changed);
}

/* HELLO is answered. */
void local_link_welcome(const struct ivc_msg *msg)
{
	struct ivc_local_welcome welcome;

	memcpy(&welcome, msg->raw, sizeof(welcome));
	local.status = msg->status;
	if (!local.status && (welcome.magic != IVC_LOCAL_MAGIC ||
			      welcome.version != IVC_LOCAL_VERSION))
		local.status = -EPROTONOSUPPORT;
	if (local.status) {
		local_link_down();
		return;
	}
	local.state = LOCAL_UP;
	local.retry_at = IVC_NEVER;
	local.retry_ns = RETRY_MIN_NS;
	pthread_cond_broadcast(&local.changed);
}

int local_link_send(const struct ivc_msg *msg, int fd)
{
	int ret;

	if (local.link < 0)
		return -ENODEV;
	if (local.full)
		return -EAGAIN;
	ret = ivc_packet_send(local.link, msg, sizeof(*msg), fd);
	if (!ret && msg->cookie && local.silent_at == IVC_NEVER)
		local.silent_at = ivc_now() + LINK_TIMEOUT_NS;
	if (ret == -EAGAIN) {
		local.full = true;
		link_watch(EPOLL_CTL_MOD);
	} else if (ret == -EPIPE || ret == -ECONNRESET) {
		/* The thread hears of it, too, after what is left to read. */
		ret = -ENODEV;
	}
	return ret;
}

/* Take one packet. False: no more now, or no link any more. */
static bool link_take(void)
{
	static union {
		struct ivc_msg msg;
		char raw[IVC_LOCAL_PACKET];
	} in; /* under the lock */
	struct ivc_packet fds;
	ssize_t n;

	if (local.link < 0)
		return false;
	/*
	 * Offers that were withdrawn, and whose sockets take long to close:
	 * without a link no more of them come.
	 */
	if (!ivc_closer_room(1)) {
		local_link_down();
		return false;
	}
	n = ivc_packet_recv(local.link, &in, sizeof(in), &fds);
	/* No memory just now is no end of it: epoll comes again. */
	if (n == -EAGAIN || n == -ENOMEM)
		return false;
	/*
	 * ivcd may have gone with requests of ours unread; its last words
	 * come after the error.
	 */
	if (n == -ECONNRESET)
		n = ivc_packet_recv(local.link, &in, sizeof(in), &fds);
	local_call_heard();
	if (n < (ssize_t)sizeof(in.msg) || fds.cut) {
		if (n >= 0)
			ivc_closer_add(&fds);
		local_link_down();
		return false;
	}
	local_dispatch(&in.msg, (struct ivc_host *)(&in.msg + 1),
		       ((size_t)n - sizeof(in.msg)) / sizeof(struct ivc_host),
		       &fds);
	ivc_closer_add(&fds);
	return true;
}

void local_link_event(uint32_t events)
{
	int i;

	if (events & EPOLLOUT && local.full) {
		local.full = false;
		link_watch(EPOLL_CTL_MOD);
		pthread_cond_broadcast(&local.changed);
	}
	for (i = 0; i < LINK_BATCH && link_take(); i++)
		;
}

static bool link_wanted(void)
{
	struct local_context *lc;

	LIST_FOREACH (lc, &local.contexts, node)
		if (lc->registered)
			return true;
	return !LIST_EMPTY(&local.channels);
}

/* What is due by now: another try, the end of patience, things to send. */
int64_t local_link_tick(void)
{
	int64_t now = ivc_now();

	switch (local.state) {
	case LOCAL_DOWN:
		if (!link_wanted())
			return IVC_NEVER;
		if (now < local.retry_at)
			return local.retry_at;
		if (ivc_closer_room(1) && !link_try())
			return local.retry_at;
		retry_later();
		return local.retry_at;
	case LOCAL_HELLO:
		if (now >= local.retry_at) {
			local.status = -ETIMEDOUT;
			local_link_down();
		}
		return local.retry_at;
	case LOCAL_UP:
		/* This process may have been stopped, and not ivcd. */
		if (now >= local.silent_at)
			local_link_event(0);
		if (now >= local.silent_at)
			local_link_down();
		else
			local_flush();
		return local.retry_at < local.silent_at ? local.retry_at
							: local.silent_at;
	}
	return IVC_NEVER;
}
