/* SPDX-License-Identifier: MIT */
/* The transport IVC: a channel of libivc. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include <ivc/ivc.h>

#include "transport.h"

#define SLICE_MS 1000
#define CONNECT_MS 5000
#define ID_TRIES 16

struct ivc_end {
	ivc_context *ctx;
	ivc_channel *ch;
};

/* The id of a client must only differ from all others in the group. */
static uint32_t random_id(void)
{
	uint32_t id;

	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		id = (uint32_t)getpid() << 16;
	return id | 0x80000000u;
}

static int join(struct transport *t)
{
	struct ivc_end *e = t->priv;

	if (!e)
		e = t->priv = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	if (e->ctx)
		return 0;
	if (t->server) {
		e->ctx = ivc_register(t->addr.magic, t->addr.id);
		return e->ctx ? 0 : -errno;
	}
	for (int i = 0; i < ID_TRIES && !e->ctx; i++) {
		e->ctx = ivc_register(t->addr.magic, random_id());
		if (!e->ctx && errno != EADDRINUSE)
			return -errno;
	}
	return e->ctx ? 0 : -EADDRINUSE;
}

static int end_accept(struct transport *t)
{
	struct ivc_end *e = t->priv;
	struct ivc_channel_options opt = {
		.tx_size = t->addr.ring,
		.timeout_ms = SLICE_MS,
	};
	int ret = ivc_accept_opt(e->ctx, &opt, &e->ch);

	return ret == -ETIMEDOUT || ret == -EINTR ? -EAGAIN : ret;
}

static int end_connect(struct transport *t)
{
	struct ivc_channel_options opt = {
		.tx_size = t->addr.ring,
		.rx_size = t->addr.ring,
		.timeout_ms = CONNECT_MS,
	};
	struct ivc_end *e;
	ivc_peer peer;
	int ret = join(t);

	if (ret)
		return ret;
	e = t->priv;
	ret = ivc_find(e->ctx, t->addr.id, SLICE_MS, &peer);
	if (!ret)
		ret = ivc_connect_opt(e->ctx, peer, &opt, &e->ch);
	switch (ret) {
	case -ETIMEDOUT:
	case -EINTR:
	case -ENOENT:
	case -ECONNREFUSED:
	case -EBUSY:
		return -EAGAIN;
	}
	return ret;
}

static void end_tune(struct transport *t)
{
	struct ivc_end *e = t->priv;

	ivc_set_spin(e->ch, t->wait == WAIT_SPIN    ? -1
			    : t->wait == WAIT_SLEEP ? 0
						    : t->spin_ns);
}

static ssize_t end_read(struct transport *t, void *buf, size_t len)
{
	return ivc_read(((struct ivc_end *)t->priv)->ch, buf, len);
}

static ssize_t end_write(struct transport *t, const void *buf, size_t len)
{
	return ivc_write(((struct ivc_end *)t->priv)->ch, buf, len);
}

static int end_wait(struct transport *t, int events, int timeout_ms)
{
	struct ivc_end *e = t->priv;

	return ivc_wait(e->ch,
			(events & CAN_READ ? IVC_READABLE : 0) |
				(events & CAN_WRITE ? IVC_WRITABLE : 0),
			timeout_ms);
}

static ssize_t end_reserve(struct transport *t, size_t max, void **p)
{
	return ivc_reserve(((struct ivc_end *)t->priv)->ch, 1, max, p);
}

static int end_commit(struct transport *t, size_t len)
{
	return ivc_commit(((struct ivc_end *)t->priv)->ch, len);
}

static ssize_t end_peek(struct transport *t, const void **p)
{
	return ivc_peek(((struct ivc_end *)t->priv)->ch, p);
}

static int end_release(struct transport *t, size_t len)
{
	return ivc_release(((struct ivc_end *)t->priv)->ch, len);
}

static void end_hangup(struct transport *t)
{
	struct ivc_end *e = t->priv;

	if (e) {
		ivc_close(e->ch);
		e->ch = NULL;
	}
}

static void end_close(struct transport *t)
{
	struct ivc_end *e = t->priv;

	if (!e)
		return;
	end_hangup(t);
	ivc_unregister(e->ctx);
	free(e);
	t->priv = NULL;
}

static void end_describe(struct transport *t, char *buf, size_t len)
{
	struct ivc_end *e = t->priv;
	struct ivc_stats st;
	ivc_peer peer;
	int n;

	if (!e->ch) {
		snprintf(buf, len, "magic %llu, id %u",
			 (unsigned long long)t->addr.magic, t->addr.id);
		return;
	}
	ivc_peer_of(e->ch, &peer);
	if (peer.local)
		n = snprintf(buf, len, "IVC to a process of this guest");
	else
		n = snprintf(buf, len, "IVC to domain %u", peer.domid);
	if (n > 0 && (size_t)n < len && !ivc_get_stats(e->ch, &st))
		snprintf(buf + n, len - n, ", rings of %u and %u bytes",
			 st.tx_size, st.rx_size);
}

static const char *end_advice(struct transport *t, int err)
{
	switch (err) {
	case ENODEV:
	case ENOENT:
		return "between processes of this machine: start ivcd. In a "
		       "guest: load the driver\n  (modprobe ivc-front), and "
		       "attach the guest (in Dom0: ivcctl attach GUEST)";
	case EACCES:
	case EPERM:
		return "/dev/ivc is for root and members of the group ivc: "
		       "usermod -a -G ivc USER";
	case EDQUOT:
		return "the quota of this guest (in Dom0: ivcctl list) or of "
		       "this user (ivcd --max-...)\n  is used up";
	case EADDRINUSE:
		return t->server ? "a server with this magic is running "
				   "already; give another --magic or --id"
				 : NULL;
	case EAGAIN:
		return "start the server with the same --magic and --id. "
		       "Between "
		       "guests: both need ivc-front,\n  must be attached, and "
		       "be in one realm (in Dom0: ivcctl list)";
	case ETIMEDOUT:
		return "the backend does not answer: in Dom0, modprobe "
		       "ivc-back. Between processes of this\n  machine: ivcd "
		       "does not answer; check whether it is stopped";
	case EMFILE:
		return "this process has no free descriptor: raise ulimit -n";
	case EFBIG:
		return "a ring of processes of this machine counts as a file: "
		       "raise ulimit -f, or give a\n  smaller --ring";
	case ENOMEM:
		return "no memory, or a limit of this process: ulimit -v, or "
		       "ulimit -l if it locks its memory";
	}
	return NULL;
}

const struct transport_ops ivc_transport = {
	.name = "ivc",
	.polls_per_clock = 256,
	.listen = join,
	.accept = end_accept,
	.connect = end_connect,
	.tune = end_tune,
	.read = end_read,
	.write = end_write,
	.wait = end_wait,
	.reserve = end_reserve,
	.commit = end_commit,
	.peek = end_peek,
	.release = end_release,
	.hangup = end_hangup,
	.close = end_close,
	.describe = end_describe,
	.advice = end_advice,
};
