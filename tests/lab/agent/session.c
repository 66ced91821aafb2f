// SPDX-License-Identifier: GPL-2.0
/*
 * One command of Dom0's: run it, carry its output through xenstore.
 * proto.h says how; the sequence numbers run freely, slots are % LAB_WINDOW.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "proto.h"
#include "wire.h"

struct session {
	const char *id;
	unsigned int sent, acked;
	pid_t pid;
	int out[2]; /* what we read: its stdout, its stderr */
	bool exited;
	int status;
};

static const char *node(const struct session *s, const char *leaf)
{
	static char path[160];

	snprintf(path, sizeof(path), LAB_OUT "/%s/%s", s->id, leaf);
	return path;
}

/* The node is gone when Dom0 gave up, or when we woke up on another host. */
static bool read_ack(struct session *s)
{
	unsigned int len;
	char *value = wire_read(node(s, "ack"), &len);

	if (!value)
		return false;
	s->acked = strtoul(value, NULL, 10);
	free(value);
	return true;
}

static bool room(const struct session *s)
{
	return s->sent - s->acked < LAB_WINDOW;
}

/* One chunk of stream @i; closes the stream at its end. */
static bool forward(struct session *s, int i)
{
	char buf[LAB_CHUNK + 32], slot[16];
	int head = sprintf(buf, "%u %d\n", s->sent, i + 1);
	ssize_t n = read(s->out[i], buf + head, LAB_CHUNK);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0) {
		close(s->out[i]);
		s->out[i] = -1;
		return true;
	}
	sprintf(slot, "%u", s->sent % LAB_WINDOW);
	if (!wire_write(node(s, slot), buf, head + n))
		return false;
	s->sent++;
	return true;
}

static bool start(struct session *s, const char *cmd)
{
	int out[2], err[2];

	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		return false;
	s->pid = fork();
	if (s->pid < 0)
		return false;
	if (s->pid == 0) {
		sigset_t none;

		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		setsid(); /* so that a kill takes its children along */
		dup2(open("/dev/null", O_RDONLY), 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		execl("/bin/sh", "sh", "-c", cmd, NULL);
		_exit(127);
	}
	close(out[1]);
	close(err[1]);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	s->out[0] = out[0];
	s->out[1] = err[0];
	return true;
}

/*
 * After the command itself has ended, the bytes in the pipes are still its
 * output, but a daemon that it left behind must not keep the session open: each
 * pipe that poll() then finds empty is closed.
 */
static bool pump(struct session *s, int sigfd)
{
	struct pollfd fds[4];
	bool drain;
	char *event;
	int i;

	/* First: a write's wait for its reply may have queued an event. */
	while ((event = wire_event())) {
		free(event);
		if (!read_ack(s))
			return false;
	}

	drain = s->exited && room(s);
	fds[0] = (struct pollfd){ .fd = wire_fd(), .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = s->exited ? -1 : sigfd,
				  .events = POLLIN };
	for (i = 0; i < 2; i++)
		fds[2 + i] = (struct pollfd){ .fd = room(s) ? s->out[i] : -1,
					      .events = POLLIN };
	if (poll(fds, 4, drain ? 0 : -1) < 0)
		return errno == EINTR;

	if (fds[1].revents && waitpid(s->pid, &s->status, WNOHANG) == s->pid)
		s->exited = true;
	for (i = 0; i < 2; i++) {
		if (fds[2 + i].revents) {
			if (room(s) && !forward(s, i))
				return false;
		} else if (drain && s->out[i] >= 0) {
			close(s->out[i]);
			s->out[i] = -1;
		}
	}
	return true;
}

int session_run(const char *id, const char *cmd)
{
	struct session s = { .id = id, .out = { -1, -1 } };
	char end[32], dir[128];
	sigset_t chld;
	int code, sigfd;

	signal(SIGCHLD,
	       SIG_DFL); /* the agent ignores it, and exec keeps that */
	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);

	if (wire_open() || !wire_watch(node(&s, "ack"), "ack") || !read_ack(&s))
		return 1;
	sigprocmask(SIG_BLOCK, &chld, NULL);
	sigfd = signalfd(-1, &chld, SFD_CLOEXEC);
	if (sigfd < 0 || !start(&s, cmd))
		return 1;

	while (!s.exited || s.out[0] >= 0 || s.out[1] >= 0) {
		if (!pump(&s, sigfd)) {
			kill(-s.pid, SIGKILL);
			/* What a lost race wrote after Dom0 tidied up. */
			snprintf(dir, sizeof(dir), LAB_OUT "/%s", id);
			wire_rm(dir);
			return 1;
		}
	}
	code = WIFSIGNALED(s.status) ? 128 + WTERMSIG(s.status)
				     : WEXITSTATUS(s.status);
	sprintf(end, "%u %d", s.sent, code);
	return !wire_write(node(&s, "exit"), end, strlen(end));
}
