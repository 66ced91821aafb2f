/* SPDX-License-Identifier: MIT */
/* Xenstore's nodes, transactions and watches. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "ivcctl.h"
#include "xenstore.h"

#define RETRIES 1000
#define ALIVE_MS 2000

/* Dom0 is where the kernel says that this domain controls others. */
static bool in_control(void)
{
	char buf[64];
	int fd = open("/proc/xen/capabilities", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return false;
	buf[n] = '\0';
	return strstr(buf, "control_d") != NULL;
}

/*
 * If no xenstored runs in Dom0, libxenstore would ask through the kernel and
 * wait there for ever.
 */
static bool daemon_answers(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0)
		return false;
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", xs_daemon_socket());
	ok = !connect(fd, (struct sockaddr *)&sun, sizeof(sun));
	close(fd);
	return ok;
}

int store_open(struct store *s)
{
	*s = (struct store){ .t = XBT_NULL };
	if (in_control() && !daemon_answers()) {
		complain("xenstored is not running in this Dom0; start Xen's "
			 "services (xencommons) first");
		return -ECONNREFUSED;
	}
	s->xs = xs_open(0);
	if (s->xs)
		return 0;
	if (errno == EACCES || errno == EPERM)
		complain("xenstore is for root: try sudo");
	else
		complain("xenstore cannot be reached (%s): is this Dom0, and "
			 "is xenstored running?",
			 strerror(errno));
	return -errno;
}

void store_close(struct store *s)
{
	xs_close(s->xs);
	s->xs = NULL;
}

bool store_alive(struct store *s)
{
	return store_exists(s, "/local/domain") || errno == ENOENT ||
	       errno == EACCES;
}

/* Malloced, or NULL with errno. */
__attribute__((format(printf, 2, 0))) static char *
read_node(struct store *s, const char *fmt, va_list ap)
{
	char path[STORE_PATH_MAX];
	unsigned int len;
	int n = vsnprintf(path, sizeof(path), fmt, ap);

	if (n < 0 || n >= STORE_PATH_MAX) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	return xs_read(s->xs, s->t, path, &len);
}

char *store_read(struct store *s, const char *fmt, ...)
{
	va_list ap;
	char *value;

	va_start(ap, fmt);
	value = read_node(s, fmt, ap);
	va_end(ap);
	return value;
}

bool store_exists(struct store *s, const char *fmt, ...)
{
	va_list ap;
	char *value;

	va_start(ap, fmt);
	value = read_node(s, fmt, ap);
	va_end(ap);
	free(value);
	return value != NULL;
}

long store_number(struct store *s, const char *fmt, ...)
{
	char *value, *end;
	va_list ap;
	long v = -1;

	va_start(ap, fmt);
	value = read_node(s, fmt, ap);
	va_end(ap);
	if (value) {
		v = strtol(value, &end, 10);
		if (end == value || *end || v < 0)
			v = -1;
	}
	free(value);
	return v;
}

int store_write(struct store *s, const char *dir, const char *node,
		const char *value)
{
	char path[STORE_PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", dir, node);

	if (n < 0 || n >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return xs_write(s->xs, s->t, path, value, strlen(value)) ? 0 : -errno;
}

int store_write_number(struct store *s, const char *dir, const char *node,
		       unsigned long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lu", value);
	return store_write(s, dir, node, text);
}

int store_mkdir(struct store *s, const char *dir, unsigned int owner,
		unsigned int reader)
{
	struct xs_permissions perms[2] = {
		{ .id = owner, .perms = XS_PERM_NONE },
		{ .id = reader, .perms = XS_PERM_READ },
	};

	if (!xs_mkdir(s->xs, s->t, dir))
		return -errno;
	if (!xs_set_permissions(s->xs, s->t, dir, perms, 2))
		return -errno;
	return 0;
}

int store_remove(struct store *s, const char *dir, int up)
{
	char path[STORE_PATH_MAX], **left;
	unsigned int n;

	if (snprintf(path, sizeof(path), "%s", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	if (!xs_rm(s->xs, s->t, path) && errno != ENOENT)
		return -errno;
	while (up-- > 0) {
		*strrchr(path, '/') = '\0';
		left = xs_directory(s->xs, s->t, path, &n);
		free(left);
		if (!left || n)
			break;
		if (!xs_rm(s->xs, s->t, path) && errno != ENOENT)
			return -errno;
	}
	return 0;
}

unsigned int *store_list(struct store *s, const char *dir, unsigned int *n)
{
	unsigned int count = 0, *list = NULL;
	char **names = xs_directory(s->xs, s->t, dir, &count);

	*n = 0;
	if (names && count)
		list = calloc(count, sizeof(*list));
	for (unsigned int i = 0; list && i < count; i++) {
		char *end;
		unsigned long v = strtoul(names[i], &end, 10);

		if (end != names[i] && !*end && v < 0x7ff0)
			list[(*n)++] = v;
	}
	free(names);
	return list;
}

int store_transaction(struct store *s, int (*fn)(struct store *s, void *arg),
		      void *arg)
{
	for (int i = 0; i < RETRIES; i++) {
		int ret;

		s->t = xs_transaction_start(s->xs);
		if (s->t == XBT_NULL)
			return -errno;
		ret = fn(s, arg);
		if (ret < 0 && ret != -EAGAIN) {
			xs_transaction_end(s->xs, s->t, true);
			s->t = XBT_NULL;
			return ret;
		}
		if (xs_transaction_end(s->xs, s->t, ret == -EAGAIN)) {
			s->t = XBT_NULL;
			if (ret != -EAGAIN)
				return ret;
			continue;
		}
		s->t = XBT_NULL;
		if (errno != EAGAIN)
			return -errno;
	}
	return -EAGAIN;
}

int store_wait(struct store *s, int timeout_ms, char **token)
{
	struct pollfd p = { .fd = xs_fileno(s->xs), .events = POLLIN };
	int slice =
		timeout_ms < 0 || timeout_ms > ALIVE_MS ? ALIVE_MS : timeout_ms;
	char **event;
	int n;

	*token = NULL;
	n = poll(&p, 1, slice);
	if (n < 0)
		return -errno;
	/* The death of xenstored does not wake poll(), so ask for it. */
	if (!n)
		return store_alive(s) ? 0 : -ECONNRESET;
	event = xs_check_watch(s->xs);
	if (!event)
		return errno == EAGAIN ? 0 : -ECONNRESET;
	*token = strdup(event[XS_WATCH_TOKEN]);
	free(event);
	return 1;
}
