// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "wire.h"

struct event {
	struct event *next;
	char *path;
};

static struct event *events, **events_end = &events;
static int fd = -1;

int wire_open(void)
{
	struct sockaddr_un addr = {
		.sun_family = AF_UNIX,
		.sun_path = "/run/xenstored/socket",
	};

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return 0;
	close(fd);
	fd = open("/dev/xen/xenbus", O_RDWR | O_CLOEXEC);
	return fd < 0 ? -1 : 0;
}

int wire_fd(void)
{
	return fd;
}

static bool get(void *buf, size_t len)
{
	ssize_t n;

	for (; len; buf = (char *)buf + n, len -= n) {
		n = read(fd, buf, len);
		if (n == 0)
			errno = EPIPE;
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return false;
	}
	return true;
}

static bool put(const void *buf, size_t len)
{
	ssize_t n;

	for (; len; buf = (const char *)buf + n, len -= n) {
		n = write(fd, buf, len);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return false;
	}
	return true;
}

/* One message; its payload is the caller's. */
static char *get_message(struct xsd_sockmsg *msg)
{
	char *body;

	if (!get(msg, sizeof(*msg)))
		return NULL;
	body = malloc(msg->len + 1);
	if (!body)
		return NULL;
	body[msg->len] = '\0';
	if (!get(body, msg->len)) {
		free(body);
		return NULL;
	}
	return body;
}

static void queue_event(char *path)
{
	struct event *ev = malloc(sizeof(*ev));

	if (!ev)
		abort();
	ev->path = path; /* its token follows it; nobody asks for that */
	ev->next = NULL;
	*events_end = ev;
	events_end = &ev->next;
}

char *wire_event(void)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct xsd_sockmsg msg;
	struct event *ev;
	char *path;

	while (!events && poll(&p, 1, 0) > 0) {
		path = get_message(&msg);
		if (!path)
			return NULL;
		if (msg.type == XS_WATCH_EVENT)
			queue_event(path);
		else
			free(path);
	}
	ev = events;
	if (!ev) {
		errno = EAGAIN;
		return NULL;
	}
	events = ev->next;
	if (!events)
		events_end = &events;
	path = ev->path;
	free(ev);
	return path;
}

static int wire_errno(const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
		if (!strcmp(name, xsd_errors[i].errstring))
			return xsd_errors[i].errnum;
	return EINVAL;
}

/* A request of two parts, sent in one write as the kernel's device wants. */
static char *talk(int type, const char *a, size_t alen, const void *b,
		  size_t blen, unsigned int *len)
{
	struct xsd_sockmsg msg = { .type = type, .len = alen + blen };
	char buf[sizeof(msg) + XENSTORE_PAYLOAD_MAX], *body;

	if (alen + blen > XENSTORE_PAYLOAD_MAX) {
		errno = E2BIG;
		return NULL;
	}
	memcpy(buf, &msg, sizeof(msg));
	memcpy(buf + sizeof(msg), a, alen);
	memcpy(buf + sizeof(msg) + alen, b, blen);
	if (!put(buf, sizeof(msg) + alen + blen))
		return NULL;
	while ((body = get_message(&msg)) && msg.type == XS_WATCH_EVENT)
		queue_event(body);
	if (!body)
		return NULL;
	if (msg.type == XS_ERROR) {
		errno = wire_errno(body);
		free(body);
		return NULL;
	}
	if (len)
		*len = msg.len;
	return body;
}

static bool talk_ok(int type, const char *path, const void *b, size_t blen)
{
	char *body = talk(type, path, strlen(path) + 1, b, blen, NULL);

	free(body);
	return body != NULL;
}

char *wire_read(const char *path, unsigned int *len)
{
	return talk(XS_READ, path, strlen(path) + 1, "", 0, len);
}

char *wire_directory(const char *path, unsigned int *len)
{
	return talk(XS_DIRECTORY, path, strlen(path) + 1, "", 0, len);
}

bool wire_write(const char *path, const void *data, unsigned int len)
{
	return talk_ok(XS_WRITE, path, data, len);
}

bool wire_mkdir(const char *path)
{
	return talk_ok(XS_MKDIR, path, "", 0);
}

bool wire_rm(const char *path)
{
	return talk_ok(XS_RM, path, "", 0);
}

bool wire_watch(const char *path, const char *token)
{
	return talk_ok(XS_WATCH, path, token, strlen(token) + 1);
}

bool wire_introduced(unsigned int domid)
{
	char id[16], *body;
	bool yes;

	snprintf(id, sizeof(id), "%u", domid);
	body = talk(XS_IS_DOMAIN_INTRODUCED, id, strlen(id) + 1, "", 0, NULL);
	yes = body && !strcmp(body, "T");
	free(body);
	return yes;
}
