// SPDX-License-Identifier: GPL-2.0
/*
 * Background jobs of a guest.  /run/lab/TAG.{out,rc,pid,lock}: the job's
 * parent holds a lock on TAG.lock for as long as the job lives, so that
 * waiting for it is sleeping on that lock.  Nothing of this is tied to a
 * domain id or to a host: a job and its waiters live through a migration.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "proto.h"

#define JOB_DIR "/run/lab"

static const char *job_path(const char *tag, const char *suffix)
{
	static char path[256];

	snprintf(path, sizeof(path), JOB_DIR "/%s.%s", tag, suffix);
	return path;
}

static long job_number(const char *tag, const char *suffix)
{
	FILE *f = fopen(job_path(tag, suffix), "re");
	long n = -1;

	if (f) {
		if (fscanf(f, "%ld", &n) != 1)
			n = -1;
		fclose(f);
	}
	return n;
}

static void job_note(const char *tag, const char *suffix, long n)
{
	FILE *f = fopen(job_path(tag, suffix), "we");

	if (f) {
		fprintf(f, "%ld\n", n);
		fclose(f);
	}
}

static void job_exec(const char *tag, const char *cmd)
{
	int out = open(job_path(tag, "out"),
		       O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	setpgid(0, 0);
	dup2(out, 1);
	dup2(out, 2);
	execl("/bin/sh", "sh", "-c", cmd, NULL);
	_exit(127);
}

int job_start(const char *tag, const char *cmd)
{
	int lock, null, status = 0;
	pid_t pid;

	mkdir(JOB_DIR, 0755);
	lock = open(job_path(tag, "lock"), O_WRONLY | O_CREAT | O_CLOEXEC,
		    0644);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB)) {
		fprintf(stderr, "agent: job %s: %s\n", tag,
			errno == EWOULDBLOCK ? "is running already"
					     : strerror(errno));
		return 1;
	}
	unlink(job_path(tag, "rc"));
	/* A wait that comes before the job has begun must not see the last
	 * one's. */
	unlink(job_path(tag, "out"));

	/* The lock is ours before this returns: a wait right after it works. */
	pid = fork();
	if (pid)
		return pid < 0;
	setsid();
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);

	pid = fork();
	if (pid == 0)
		job_exec(tag, cmd);
	setpgid(pid, pid);
	job_note(tag, "pid", pid);
	waitpid(pid, &status, 0);
	job_note(tag, "rc",
		 WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				     : WEXITSTATUS(status));
	return 0;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* What job @tag has printed since the last call goes to stdout: was there any?
 */
static bool show(const char *tag)
{
	static int out = -1;
	char buf[65536];
	bool any = false;
	ssize_t n;

	if (out < 0)
		out = open(job_path(tag, "out"), O_RDONLY | O_CLOEXEC);
	while ((n = read(out, buf, sizeof(buf))) > 0) {
		any = true;
		if (write(1, buf, n) < 0)
			break;
	}
	return any;
}

/*
 * The output is passed on as it comes: Dom0 takes it for movement. @seconds are
 * those in which the job prints nothing.
 */
int job_wait(const char *tag, int seconds)
{
	struct sigaction sa = { .sa_handler = on_alarm }; /* no SA_RESTART */
	struct itimerval each = { { 1, 0 }, { 1, 0 } };
	int lock = open(job_path(tag, "lock"), O_RDONLY | O_CLOEXEC);
	int idle = 0;

	if (lock < 0) {
		fprintf(stderr, "agent: no job %s\n", tag);
		return 127;
	}
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &each, NULL);
	while (flock(lock, idle < seconds ? LOCK_SH : LOCK_SH | LOCK_NB)) {
		if (idle >= seconds) {
			fprintf(stderr,
				"agent: job %s still runs and printed nothing "
				"for %d s\n",
				tag, seconds);
			return LAB_EXIT_TIMEOUT;
		}
		idle = show(tag) ? 0 : idle + 1;
	}
	show(tag);
	return job_number(tag, "rc");
}

int job_kill(const char *tag, int sig)
{
	long pid = job_number(tag, "pid");

	if (pid <= 0 || kill(-pid, sig)) {
		fprintf(stderr, "agent: job %s is not running\n", tag);
		return 1;
	}
	return 0;
}
