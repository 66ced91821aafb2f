/* SPDX-License-Identifier: MIT */
/*
 * The transport libxenvchan, which every Xen has. With `--wait sleep` it uses
 * blocking calls, as the documentation of libxenvchan shows; otherwise it
 * polls, and sleeps on the descriptor of the event channel.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libxenvchan.h>

#include "transport.h"

#define RING_DEFAULT 65536u
#define RETRY_US 200000
#define PIECE_MAX (1u << 30) /* its counts are int */

struct vchan {
	struct libxenvchan *ctrl;
	char path[256];
};

static struct vchan *vchan_of(struct transport *t)
{
	struct vchan *v = t->priv;

	if (!v)
		v = t->priv = calloc(1, sizeof(*v));
	if (!v)
		return NULL;
	/* A path without a leading / is relative to that of the server. */
	if (t->server || t->addr.path[0] == '/')
		snprintf(v->path, sizeof(v->path), "%s", t->addr.path);
	else
		snprintf(v->path, sizeof(v->path), "/local/domain/%d/%s",
			 t->addr.domid, t->addr.path);
	return v;
}

/* Silence the library's logger: this program prints its own messages. */
static int vchan_listen(struct transport *t)
{
	struct vchan *v = vchan_of(t);
	uint32_t ring = t->addr.ring ? t->addr.ring : RING_DEFAULT;

	if (!v)
		return -ENOMEM;
	if (access("/dev/xen/gntalloc", F_OK))
		return -ENODEV;
	v->ctrl = libxenvchan_server_init(NULL, t->addr.domid, v->path, ring,
					  ring);
	if (!v->ctrl)
		return errno ? -errno : -EIO;
	return 0;
}

static int vchan_accept(struct transport *t)
{
	struct vchan *v = t->priv;

	/* A vchan serves one client: make a new one for the next client. */
	if (!v->ctrl) {
		int ret = vchan_listen(t);

		if (ret)
			return ret;
	}
	if (libxenvchan_is_open(v->ctrl) == 1)
		return 0;
	usleep(RETRY_US);
	return -EAGAIN;
}

static int vchan_connect(struct transport *t)
{
	struct vchan *v = vchan_of(t);

	if (!v)
		return -ENOMEM;
	if (access("/dev/xen/gntdev", F_OK))
		return -ENODEV;
	errno = 0;
	v->ctrl = libxenvchan_client_init(NULL, t->addr.domid, v->path);
	if (v->ctrl)
		return 0;
	if (errno == EACCES || errno == EPERM)
		return -errno;
	usleep(RETRY_US);
	return -EAGAIN;
}

static int result(int n)
{
	/* The library's only error: the other end has gone. */
	return n < 0 ? -EPIPE : n;
}

static bool blocks(const struct transport *t)
{
	return t->may_block && t->wait == WAIT_SLEEP;
}

static int clip(size_t len)
{
	return len > PIECE_MAX ? (int)PIECE_MAX : (int)len;
}

static ssize_t vchan_read(struct transport *t, void *buf, size_t len)
{
	struct vchan *v = t->priv;

	int n;

	v->ctrl->blocking = blocks(t);
	n = libxenvchan_read(v->ctrl, buf, clip(len));
	/*
	 * The library checks for data first and for the end of the connection
	 * then. Data that arrived between the two checks must still be read.
	 */
	if (n < 0 && libxenvchan_data_ready(v->ctrl) > 0) {
		v->ctrl->blocking = 0;
		n = libxenvchan_read(v->ctrl, buf, clip(len));
	}
	return result(n);
}

static ssize_t vchan_write(struct transport *t, const void *buf, size_t len)
{
	struct vchan *v = t->priv;

	v->ctrl->blocking = blocks(t);
	return result(libxenvchan_write(v->ctrl, buf, clip(len)));
}

static int vchan_wait(struct transport *t, int events, int timeout_ms)
{
	struct vchan *v = t->priv;
	struct pollfd p = {
		.fd = libxenvchan_fd_for_select(v->ctrl),
		.events = POLLIN,
	};
	int n;

	(void)events; /* one event channel serves both directions */
	n = poll(&p, 1, timeout_ms);
	if (n < 0)
		return -errno;
	/* Consume the event, so that the next one can arrive. */
	if (n && libxenvchan_wait(v->ctrl) < 0)
		return errno == EINTR ? -EINTR : -EPIPE;
	return n;
}

static void vchan_hangup(struct transport *t)
{
	struct vchan *v = t->priv;

	if (v && v->ctrl) {
		libxenvchan_close(v->ctrl);
		v->ctrl = NULL;
	}
}

static void vchan_end(struct transport *t)
{
	vchan_hangup(t);
	free(t->priv);
	t->priv = NULL;
}

static void vchan_describe(struct transport *t, char *buf, size_t len)
{
	struct vchan *v = t->priv;

	snprintf(buf, len, "vchan with domain %d at %s", t->addr.domid,
		 v->path);
}

static const char *vchan_advice(struct transport *t, int err)
{
	if (err == EAGAIN)
		return "start the server with --vchan-server, this domain's "
		       "number and the same path";
	if (t->server)
		return "load xen-gntalloc and xen-evtchn, and mount xenfs on "
		       "/proc/xen";
	return "load xen-gntdev and xen-evtchn, and mount xenfs on /proc/xen";
}

const struct transport_ops vchan_transport = {
	.name = "vchan",
	.polls_per_clock = 16,
	.listen = vchan_listen,
	.accept = vchan_accept,
	.connect = vchan_connect,
	.read = vchan_read,
	.write = vchan_write,
	.wait = vchan_wait,
	.hangup = vchan_hangup,
	.close = vchan_end,
	.describe = vchan_describe,
	.advice = vchan_advice,
};
