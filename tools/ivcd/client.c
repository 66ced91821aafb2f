/* SPDX-License-Identifier: MIT */
/*
 * A client's connection. ivcd reads one packet at a time from each client in
 * turn, and only after the reply to the last packet was sent. Events that wait
 * to be sent are flags of the member or channel that they are about. So a
 * client that does not read delays only itself, and is disconnected after a
 * while.
 *
 * A client that breaks the rules of packets (their length, HELLO first,
 * descriptors only where they belong) is disconnected at once: it does not
 * speak the protocol, so an error would not be understood. A request that is
 * refused gets an error, and the client stays connected.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../common/unix-packet.h"
#include "ivcd.h"

/* A client that sends no HELLO within this time is disconnected. */
#define HELLO_NS (5 * SEC)

/*
 * Send buffer of a client's socket: some 20 packets, each of which can be an
 * offer with a descriptor. Descriptors in flight count for ivcd's user, and
 * without a capability their number is limited to that of open descriptors: a
 * few users whose clients do not read must not be able to exhaust that.
 */
#define UNDER_WAY 8192

struct clients clients = TAILQ_HEAD_INITIALIZER(clients);
static struct clients graveyard = TAILQ_HEAD_INITIALIZER(graveyard);

union packet {
	struct ivc_msg msg;
	char raw[IVC_LOCAL_PACKET];
};

static void poll_again(struct client *c)
{
	uint32_t events = EPOLLRDHUP;

	if (c->dead)
		return;
	if (!c->waits && (c->unsent || !TAILQ_EMPTY(&c->owed)))
		events |= EPOLLOUT;
	if (!c->unsent && !c->throttled)
		events |= EPOLLIN;
	if (events == c->polled)
		return;
	c->polled = events;
	loop_rewatch(c->fd, c, events);
}

/* For sockets of clients for whose user there is no memory. */
static struct closer nameless = { .first = -1, .last = -1 };

/* Send the error to a client that is rejected, and close its socket. */
static void turn_away(int fd, struct user *u, int err)
{
	struct ivc_msg msg = { .op = IVC_MSG_REPLY, .status = err };

	(void)ivc_packet_send(fd, &msg, sizeof(msg), -1);
	closer_hangup(u ? &u->sockets : &nameless, fd);
}

void client_new(int fd)
{
	const int under_way = UNDER_WAY;
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);
	struct client *c;
	struct user *u;
	uint64_t realm = 0;
	int err = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len)) {
		closer_hangup(&nameless, fd);
		return;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &under_way,
			 sizeof(under_way));
	u = user_of(cred.uid);
	err = u ? user_realm(cred.uid, cred.gid, &realm) : -ENOMEM;
	if (err)
		goto err_fd;
	c = calloc(1, sizeof(*c));
	if (!c) {
		err = -ENOMEM;
		goto err_fd;
	}
	c->fd = fd;
	c->pid = cred.pid;
	c->realm = realm;
	c->since = now_ns();
	LIST_INIT(&c->members);
	LIST_INIT(&c->ends);
	TAILQ_INIT(&c->owed);
	c->user = u;
	err = user_enter(u);
	if (err)
		goto err_client;
	c->polled = EPOLLIN | EPOLLRDHUP;
	err = loop_watch(fd, c, c->polled);
	if (err)
		goto err_user;
	TAILQ_INSERT_TAIL(&clients, c, node);
	log_detail("client: pid %d, uid %u", (int)c->pid, cred.uid);
	return;

err_user:
	user_put(c->user);
err_client:
	free(c);
err_fd:
	log_line("rejected: pid %d, uid %u: %s", (int)cred.pid, cred.uid,
		 strerror(-err));
	turn_away(fd, u, err);
}

void client_owe(struct client *c, struct owed *owed, unsigned int events)
{
	if (c->dead)
		return;
	if (!owed->events)
		TAILQ_INSERT_TAIL(&c->owed, owed, node);
	owed->events |= events;
	/*
	 * flush() sends it in the client's turn: sending here could disconnect
	 * the client while the caller still uses it.
	 */
	poll_again(c);
}

void client_owe_nothing(struct client *c, struct owed *owed)
{
	if (!owed->events)
		return;
	TAILQ_REMOVE(&c->owed, owed, node);
	owed->events = 0;
}

static void paid(struct client *c, struct owed *owed)
{
	unsigned int events = owed->events;

	client_owe_nothing(c, owed);
	if (owed->conn)
		conn_paid(owed, events);
}

/* Disconnect. @why is logged; NULL: the client has disconnected by itself. */
void client_drop(struct client *c, const char *why)
{
	struct member *m;

	if (c->dead)
		return;
	if (why)
		log_line("disconnected: pid %d, uid %u: %s", (int)c->pid,
			 c->user->uid, why);
	else
		log_detail("closed: pid %d, uid %u", (int)c->pid, c->user->uid);
	c->dead = true;
	while (!TAILQ_EMPTY(&c->owed))
		paid(c, TAILQ_FIRST(&c->owed));
	while ((m = LIST_FIRST(&c->members)))
		member_leave(m);
	conn_drop_client(c);
	user_put(c->user);
	loop_unwatch(c->fd);
	closer_hangup(&c->user->sockets, c->fd);
	c->fd = -1;
	TAILQ_REMOVE(&clients, c, node);
	TAILQ_INSERT_TAIL(&graveyard, c, node);
}

static void unsent_free(struct client *c)
{
	if (c->unsent != (char *)&c->late)
		free(c->unsent);
	c->unsent = NULL;
}

void clients_bury(void)
{
	struct client *c;

	while ((c = TAILQ_FIRST(&graveyard))) {
		TAILQ_REMOVE(&graveyard, c, node);
		unsent_free(c);
		free(c);
	}
}

/*
 * 0: sent. -EAGAIN: the client's buffer is full. -ENOMEM: no memory now.
 * -ETOOMANYREFS: @fd cannot be sent, since too many of ivcd's descriptors are
 * in flight to clients that do not receive them. After any other error the
 * client has been disconnected.
 */
static int send_to(struct client *c, const void *buf, size_t len, int fd)
{
	int err = ivc_packet_send(c->fd, buf, len, fd);

	if (!err) {
		c->stalled = 0;
		return 0;
	}
	if (err == -EAGAIN) {
		if (!c->stalled)
			c->stalled = now_ns();
		return err;
	}
	if (err == -ENOMEM) {
		c->waits = true;
		return err;
	}
	if (err == -ETOOMANYREFS && fd >= 0)
		return err;
	client_drop(c, err == -EPIPE || err == -ECONNRESET ? NULL
							   : strerror(-err));
	return err;
}

static void reply_to(struct client *c, const union packet *out, size_t len)
{
	int err = send_to(c, out, len, -1);

	if (err != -EAGAIN && err != -ENOMEM)
		return;
	c->late = out->msg;
	c->unsent = (char *)&c->late;
	c->unsent_len = sizeof(c->late);
	if (len == sizeof(c->late))
		return;
	c->unsent = malloc(len);
	c->unsent_len = len;
	if (c->unsent) {
		memcpy(c->unsent, out, len);
		return;
	}
	/* c->late needs no memory; after -ENOMEM the client may ask again. */
	c->late.status = -ENOMEM;
	memset(c->late.raw, 0, sizeof(c->late.raw));
	c->unsent = (char *)&c->late;
	c->unsent_len = sizeof(c->late);
}

/* Send the waiting reply and events. False: the client takes no more. */
static bool flush(struct client *c)
{
	struct owed *owed;

	if (c->unsent) {
		if (send_to(c, c->unsent, c->unsent_len, -1))
			return false;
		unsent_free(c);
	}
	while ((owed = TAILQ_FIRST(&c->owed))) {
		struct ivc_msg msg = { 0 };
		int fd = -1, err;

		if (owed->conn) {
			conn_event(owed, owed->events, &msg, &fd);
		} else {
			struct member *m =
				(struct member *)((char *)owed -
						  offsetof(struct member,
							   owed));

			msg.op = IVC_MSG_EV_HOSTS;
			msg.member = m->nr;
			msg.hosted.generation = m->group->generation;
		}
		err = send_to(c, &msg, sizeof(msg), fd);
		if (err == -ETOOMANYREFS && fd >= 0) {
			/* The offerer sees its socket closed. */
			conn_refuse(owed);
			continue;
		}
		if (err)
			return false;
		paid(c, owed);
	}
	return true;
}

/* HELLO: agree on a version. */
static void hello(struct client *c, const struct ivc_msg *req)
{
	struct ivc_local_welcome welcome = { IVC_LOCAL_MAGIC,
					     IVC_LOCAL_VERSION };
	struct ivc_local_hello h;
	union packet out = { 0 };

	memcpy(&h, req->raw, sizeof(h));
	if (req->op != IVC_LOCAL_HELLO || h.magic != IVC_LOCAL_MAGIC ||
	    h.lowest > h.highest) {
		client_drop(c, "its first packet is no greeting");
		return;
	}
	out.msg.op = IVC_MSG_REPLY;
	out.msg.cookie = req->cookie;
	if (h.lowest > IVC_LOCAL_VERSION || h.highest < IVC_LOCAL_VERSION)
		out.msg.status = -EPROTONOSUPPORT;
	memcpy(out.msg.raw, &welcome, sizeof(welcome));
	c->welcome = true;
	reply_to(c, &out, sizeof(out.msg));
	if (out.msg.status)
		client_drop(c, "it speaks no protocol version of this ivcd: "
			       "update the older of the two");
}

static void serve(struct client *c, const struct ivc_msg *req, int *fd)
{
	static union packet out; /* one thread */
	size_t len = sizeof(out.msg);

	memset(&out.msg, 0, sizeof(out.msg));
	out.msg.status = request(c, req, fd, &out.msg,
				 (struct ivc_host *)(&out.msg + 1));
	if (!req->cookie || c->dead)
		return;
	out.msg.op = IVC_MSG_REPLY;
	out.msg.cookie = req->cookie;
	out.msg.member = req->member;
	if (req->op == IVC_MSG_HOSTS && !out.msg.status)
		len += out.msg.hosted.count * sizeof(struct ivc_host);
	else if (out.msg.status)
		memset(out.msg.raw, 0, sizeof(out.msg.raw));
	reply_to(c, &out, len);
}

/* The rule that a packet of @n bytes breaks, or NULL. */
static const char *rules(const struct client *c, const struct ivc_msg *req,
			 ssize_t n, const struct ivc_packet *fds)
{
	unsigned int want = c->welcome && req->op == IVC_MSG_CONNECT;

	if (n != sizeof(*req))
		return "a packet of the wrong length";
	if (fds->cut)
		return "a packet of which something was cut off";
	/* A descriptor that the kernel dropped counts: see do_connect(). */
	if (fds->nr + fds->lack != want)
		return "a packet with the wrong number of descriptors";
	return NULL;
}

static void receive(struct client *c)
{
	struct ivc_packet fds;
	struct ivc_msg req;
	const char *wrong;
	unsigned int i;
	ssize_t n;

	n = ivc_packet_recv(c->fd, &req, sizeof(req), &fds);
	if (n == -EAGAIN || n == -ENOMEM)
		return;
	if (n < 0 || (!n && !fds.some)) {
		client_drop(c, NULL);
		return;
	}
	closer_opened((int)fds.nr);
	wrong = rules(c, &req, n, &fds);
	if (wrong)
		client_drop(c, wrong);
	else if (!c->welcome)
		hello(c, &req);
	else
		serve(c, &req, fds.nr ? &fds.fd[0] : NULL);
	/* An offer that is passed on has taken its descriptor: it is -1. */
	for (i = 0; i < fds.nr; i++)
		if (fds.fd[i] >= 0)
			closer_add(&c->user->files, fds.fd[i]);
}

void client_event(struct client *c, uint32_t events)
{
	if (c->dead)
		return;
	/* The client has gone: requests in its last packets are void. */
	if (events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)) {
		client_drop(c, NULL);
		return;
	}
	if (events & EPOLLOUT)
		(void)flush(c);
	if (!c->dead && (events & EPOLLIN) && !c->unsent) {
		c->throttled = !user_may_ask(c->user, now_ns());
		if (!c->throttled)
			receive(c);
	}
	poll_again(c);
}

/* Disconnect and resume clients by time. Returns when to call it again. */
int64_t clients_tick(int64_t now)
{
	struct client *c, *next;
	int64_t patience =
		config.stall_ns < HELLO_NS ? config.stall_ns : HELLO_NS;
	int64_t again = NEVER;

	for (c = TAILQ_FIRST(&clients); c; c = next) {
		int64_t due = NEVER;

		next = TAILQ_NEXT(c, node);
		if (!c->welcome)
			due = c->since + patience;
		if (c->stalled && c->stalled + config.stall_ns < due)
			due = c->stalled + config.stall_ns;
		if (due <= now) {
			client_drop(c, c->welcome ? "it does not read"
						  : "it sends no greeting");
			continue;
		}
		if (c->throttled || c->waits) {
			c->throttled = false;
			c->waits = false;
			poll_again(c);
			due = now + 10 * MS;
		}
		if (due < again)
			again = due;
	}
	return again;
}
