// SPDX-License-Identifier: GPL-2.0
/*
 * The lab's agent in a guest: one binary, several small jobs.
 *
 *   agent serve                 take commands from Dom0 (see proto.h)
 *   agent bg TAG COMMAND        start COMMAND, survive the session
 *   agent wait TAG SECONDS      its output and exit status, once it ended
 *   agent kill TAG [SIGNAL]     signal its process group
 *   agent hold-grant DOMID      share a page with DOMID, and keep it
 *   agent hold-port DOMID       keep an unbound event channel for DOMID
 *
 * The hold-* jobs exist to prove that the leak checks see what they must.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "proto.h"
#include "wire.h"

static void die(const char *what)
{
	fprintf(stderr, "agent: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* A session execs this binary anew: its xenstore connection is its own. */
static void start_session(const char *id, const char *cmd)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		execl("/proc/self/exe", "agent", "session", id, cmd, NULL);
		_exit(127);
	}
}

static void take_commands(void)
{
	char path[128], *ids, *id, *cmd;
	unsigned int total, len;

	ids = wire_directory(LAB_CMD, &total);
	if (!ids)
		return; /* after a migration: nothing there yet */
	for (id = ids; id < ids + total; id += strlen(id) + 1) {
		snprintf(path, sizeof(path), LAB_CMD "/%s", id);
		cmd = wire_read(path, &len);
		if (!cmd)
			continue;
		/* Removed before it runs: a command runs at most once. */
		if (wire_rm(path))
			start_session(id, cmd);
		free(cmd);
	}
	free(ids);
}

static void serve(void)
{
	struct pollfd fd = { .events = POLLIN };
	char *event;

	if (wire_open())
		die("xenstore");
	signal(SIGCHLD, SIG_IGN);
	wire_mkdir(LAB_CMD);
	if (!wire_watch(LAB_CMD, "cmd"))
		die("watch");
	fd.fd = wire_fd();
	for (;;) {
		event = wire_event();
		if (!event) {
			if (errno != EAGAIN)
				die("xenstore");
			poll(&fd, 1, -1);
			continue;
		}
		free(event);
		/*
		 * Written again at every event: after a migration the subtree
		 * is new, and the only sign of that is the watch, which is
		 * registered again and fires.
		 */
		if (!wire_write(LAB_READY, "1", 1))
			die(LAB_READY);
		take_commands();
	}
}

static int usage(void)
{
	fprintf(stderr,
		"usage: agent serve | bg TAG COMMAND | wait TAG SECONDS |\n"
		"       kill TAG [SIGNAL] | hold-grant DOMID | hold-port "
		"DOMID\n");
	return 2;
}

int main(int argc, char **argv)
{
	const char *job = argc > 1 ? argv[1] : "";

	if (argc == 2 && !strcmp(job, "serve"))
		serve();
	if (argc == 4 && !strcmp(job, "session"))
		return session_run(argv[2], argv[3]);
	if (argc == 4 && !strcmp(job, "bg"))
		return job_start(argv[2], argv[3]);
	if (argc == 4 && !strcmp(job, "wait"))
		return job_wait(argv[2], atoi(argv[3]));
	if ((argc == 3 || argc == 4) && !strcmp(job, "kill"))
		return job_kill(argv[2], argc == 4 ? atoi(argv[3]) : SIGTERM);
	if (argc == 3 && !strcmp(job, "hold-grant"))
		return hold_grant(atoi(argv[2]));
	if (argc == 3 && !strcmp(job, "hold-port"))
		return hold_port(atoi(argv[2]));
	return usage();
}
