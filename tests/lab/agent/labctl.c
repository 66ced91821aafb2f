// SPDX-License-Identifier: GPL-2.0
/*
 * Dom0's end of the lab's control path (proto.h), and its eyes.
 *
 *   labctl exec [-t SECONDS] DOM COMMAND   run COMMAND in the guest; its
 *                                          output and status become ours
 *   labctl ready DOM SECONDS               wait until the agent is there
 *   labctl gone DOM SECONDS                wait until the domain is not
 *   labctl domid DOM                       its number
 *   labctl usage                           event channels and grants (usage.c)
 *
 * DOM is a number or a name.  (xl knows names too, but takes 30 times as
 * long to start under emulation.)
 * 124 says that time ran out, 255 that the domain went away. The SECONDS of
 * exec are those in which nothing comes from the guest. On a slow or busy
 * machine all are longer: LAB_SLOWER, from the environment, says how many
 * times.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "labctl.h"
#include "proto.h"
#include "wire.h"

static unsigned int domid;
static time_t deadline;	  /* 0: none */
static time_t patience;	  /* the length of the time limit */
static char out_dir[128]; /* to be removed however we end */

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void set_deadline(const char *seconds)
{
	const char *slower = getenv("LAB_SLOWER");

	patience = (time_t)atoi(seconds) * (slower ? atoi(slower) : 1);
	deadline = now() + patience;
}

static void die(const char *what)
{
	fprintf(stderr, "labctl: %s: %s\n", what, strerror(errno));
	exit(LAB_EXIT_GONE);
}

static const char *node(const char *fmt, ...)
{
	static char path[256];
	int n = snprintf(path, sizeof(path), "/local/domain/%u/", domid);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path + n, sizeof(path) - n, fmt, ap);
	va_end(ap);
	return path;
}

/* The next watch event, or NULL when time is up. */
static char *next_event(void)
{
	struct pollfd fd = { .fd = wire_fd(), .events = POLLIN };
	char *event;
	int ms;

	while (!(event = wire_event())) {
		if (errno != EAGAIN)
			die("xenstore watch");
		ms = deadline ? (deadline - now()) * 1000 : -1;
		if (deadline && ms <= 0)
			return NULL;
		if (poll(&fd, 1, ms) < 0 && errno != EINTR)
			die("poll");
	}
	return event;
}

/*
 * When this process ends (by a signal, also by SIGKILL at a time limit), the
 * guest must learn of it and stop the command.  A child waits for our death on
 * a pipe and removes out_dir.
 */
static void guard(void)
{
	int fds[2];
	char c;

	if (pipe(fds))
		die("pipe");
	if (fork() == 0) {
		setsid();
		close(fds[1]);
		close(0);
		close(1);
		close(2);
		signal(SIGPIPE, SIG_IGN);
		while (read(fds[0], &c, 1) < 0 && errno == EINTR)
			;
		/* Its own connection: the parent's is in use. */
		if (wire_open() == 0)
			wire_rm(out_dir);
		_exit(0);
	}
	close(fds[0]);
}

static bool exists(const char *path)
{
	unsigned int len;
	char *value = wire_read(path, &len);

	free(value);
	return value != NULL;
}

static bool alive(void)
{
	return wire_introduced(domid);
}

static const char *out_node(const char *leaf)
{
	static char path[192];

	snprintf(path, sizeof(path), "%s/%s", out_dir, leaf);
	return path;
}

static void acknowledge(unsigned int next)
{
	char ack[16];

	sprintf(ack, "%u", next);
	wire_write(out_node("ack"), ack, strlen(ack));
	fflush(stdout);
}

/* Consumes the chunks that lie ready; says how many were consumed ever. */
static unsigned int consume(unsigned int next)
{
	unsigned int seq, stream, len, from = next;
	char *value, *data, slot[16];

	for (;;) {
		sprintf(slot, "%u", next % LAB_WINDOW);
		value = wire_read(out_node(slot), &len);
		data = value ? memchr(value, '\n', len) : NULL;
		if (!data || sscanf(value, "%u %u", &seq, &stream) != 2 ||
		    seq != next) {
			free(value);
			break;
		}
		data++;
		fwrite(data, 1, len - (data - value),
		       stream == 2 ? stderr : stdout);
		free(value);
		next++;
		if (next - from >= LAB_WINDOW / 2) {
			acknowledge(next);
			from = next;
		}
	}
	if (next != from)
		acknowledge(next);
	return next;
}

static int run(const char *cmd)
{
	unsigned int len, total, next = 0;
	char *value, id[48], *event;
	int n, status;

	if (strlen(cmd) > LAB_CMD_MAX) {
		fprintf(stderr, "labctl: a command may have %d bytes\n",
			LAB_CMD_MAX);
		return 2;
	}
	snprintf(id, sizeof(id), "%d-%lx", getpid(), (long)time(NULL));
	snprintf(out_dir, sizeof(out_dir), "%s", node(LAB_OUT "/%s", id));
	guard();
	if (!wire_write(out_node("ack"), "0", 1) ||
	    !wire_watch(out_dir, "out") ||
	    !wire_watch("@releaseDomain", "gone") ||
	    !wire_write(node(LAB_CMD "/%s", id), cmd, strlen(cmd)))
		die("xenstore");

	while ((event = next_event())) {
		char *leaf = strrchr(event, '/');
		bool gone = event[0] == '@' && !alive();
		bool end = leaf && !strcmp(leaf, "/exit");
		bool mine = leaf && !strcmp(leaf, "/ack");

		free(event);
		if (gone) {
			fprintf(stderr, "labctl: domain %u went away\n", domid);
			return LAB_EXIT_GONE;
		}
		if (!mine) {
			unsigned int before = next;

			next = consume(next);
			if (next != before && deadline)
				deadline = now() + patience;
		}
		if (!end)
			continue;
		value = wire_read(out_node("exit"), &len);
		n = value ? sscanf(value, "%u %d", &total, &status) : 0;
		free(value);
		if (n == 2 && total == next)
			return status;
	}
	fprintf(stderr, "labctl: domain %u: no end of '%.60s' in time\n", domid,
		cmd);
	return LAB_EXIT_TIMEOUT;
}

static int wait_ready(void)
{
	char *event;

	if (!wire_watch(node(LAB_READY), "ready") ||
	    !wire_watch("@releaseDomain", "gone"))
		die("watch");
	while ((event = next_event())) {
		free(event);
		if (exists(node(LAB_READY)))
			return 0;
		/* Its name is written before xenstored is told of it. */
		if (!alive() && !exists(node("name")))
			return LAB_EXIT_GONE;
	}
	return LAB_EXIT_TIMEOUT;
}

static int wait_gone(void)
{
	char *event;

	if (!wire_watch("@releaseDomain", "gone"))
		die("watch");
	while ((event = next_event())) {
		free(event);
		if (!alive())
			return 0;
	}
	return LAB_EXIT_TIMEOUT;
}

static bool find_domain(const char *name)
{
	unsigned int total, len;
	char path[64], *ids, *id, *value, *end;
	bool found = false;

	domid = strtoul(name, &end, 10);
	if (!*end)
		return alive();
	ids = wire_directory("/local/domain", &total);
	for (id = ids; ids && id < ids + total && !found;
	     id += strlen(id) + 1) {
		snprintf(path, sizeof(path), "/local/domain/%s/name", id);
		value = wire_read(path, &len);
		found = value && !strcmp(value, name);
		domid = strtoul(id, NULL, 10);
		free(value);
	}
	free(ids);
	return found;
}

static int usage(void)
{
	fprintf(stderr, "usage: labctl exec [-t SECONDS] DOM COMMAND | ready "
			"DOM SECONDS |\n"
			"       gone DOM SECONDS | domid DOM | usage\n");
	return 2;
}

int main(int argc, char **argv)
{
	const char *job = argc > 1 ? argv[1] : "";

	if (argc == 2 && !strcmp(job, "usage"))
		return usage_print();

	if (wire_open())
		die("xenstore");
	if (argc == 6 && !strcmp(job, "exec") && !strcmp(argv[2], "-t")) {
		set_deadline(argv[3]);
		argv += 2;
		argc -= 2;
	}
	if (argc < 3 || !find_domain(argv[2])) {
		if (argc < 3)
			return usage();
		if (!strcmp(job, "gone"))
			return 0;
		fprintf(stderr, "labctl: no domain %s\n", argv[2]);
		return LAB_EXIT_GONE;
	}
	if (!strcmp(job, "domid")) {
		printf("%u\n", domid);
		return 0;
	}
	if (argc != 4)
		return usage();
	if (!strcmp(job, "exec"))
		return run(argv[3]);
	set_deadline(argv[3]);
	if (!strcmp(job, "ready"))
		return wait_ready();
	if (!strcmp(job, "gone"))
		return wait_gone();
	return usage();
}
