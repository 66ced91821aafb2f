/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fork-pair.h"

static void failed(int sig)
{
	int status;

	(void)sig;
	if (waitpid(-1, &status, WNOHANG) > 0 && status)
		_exit(1);
}

pid_t fork_pair(void)
{
	pid_t first = getpid(), second;

	if (signal(SIGCHLD, failed) == SIG_ERR)
		return -errno;
	second = fork();
	if (second < 0)
		return -errno;
	if (!second) {
		signal(SIGCHLD, SIG_DFL);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != first)
			_exit(1);
	}
	return second;
}

void fork_pair_end(pid_t second, int ret)
{
	signal(SIGCHLD, SIG_DFL);
	if (ret)
		kill(second, SIGKILL);
	waitpid(second, NULL, 0);
}
