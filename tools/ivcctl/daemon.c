/* SPDX-License-Identifier: MIT */
/* Going into the background, without losing the first errors. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon.h"
#include "ivcctl.h"

static int ready_fd = -1, pid_fd = -1;

/* Exit with the status that the daemon sends, or EXIT_FAILED if it dies. */
static void wait_until_ready(int fd)
{
	unsigned char status = EXIT_FAILED;

	if (read(fd, &status, 1) != 1)
		status = EXIT_FAILED;
	_exit(status);
}

int daemon_begin(void)
{
	int fds[2];
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid) {
		close(fds[1]);
		wait_until_ready(fds[0]);
	}
	close(fds[0]);
	ready_fd = fds[1];
	setsid();
	return chdir("/") ? -errno : 0;
}

/* From here on messages go to the system's log instead of the terminal. */
void daemon_ready(int status)
{
	unsigned char byte = status;
	int null;

	if (ready_fd < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		if (null > 2)
			close(null);
	}
	if (!status)
		say_to_syslog();
	if (write(ready_fd, &byte, 1) != 1)
		complain("the process that started this one has gone");
	close(ready_fd);
	ready_fd = -1;
}

/* Is the file empty, or does it hold a number and nothing else? */
static bool pid_file_like(int fd)
{
	char text[24];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	n = pread(fd, text, sizeof(text) - 1, 0);
	if (n < 0 || n == sizeof(text) - 1)
		return false;
	text[n] = '\0';
	n = (ssize_t)strspn(text, "0123456789");
	return !text[n] || !strcmp(text + n, "\n");
}

int pid_file_take(const char *path)
{
	char text[24];
	int n, ret, fd;

	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		  0644);
	if (fd < 0)
		return -errno;
	/* Never overwrite a file that is no PID file. */
	ret = -EINVAL;
	if (!pid_file_like(fd))
		goto err_close;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		ret = errno == EWOULDBLOCK ? -EEXIST : -errno;
		goto err_close;
	}
	n = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	ret = -EIO;
	if (ftruncate(fd, 0) || write(fd, text, n) != n)
		goto err_close;
	pid_fd = fd;
	return 0;

err_close:
	close(fd);
	return ret;
}

/* Does @path still name the file that this process has locked? */
static bool pid_file_ours(const char *path)
{
	struct stat named, held;

	return !lstat(path, &named) && !fstat(pid_fd, &held) &&
	       named.st_dev == held.st_dev && named.st_ino == held.st_ino;
}

void pid_file_drop(const char *path)
{
	if (pid_fd < 0)
		return;
	if (pid_file_ours(path))
		unlink(path);
	close(pid_fd);
	pid_fd = -1;
}
