/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Do what systemd does for ivcd.socket: make the socket, wait for a connection,
 * and start the program with the socket. activate SOCKET PROGRAM ARGUMENT...
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct pollfd pfd = { .events = POLLIN };
	char pid[32];

	if (argc < 3)
		return 2;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", argv[1]);
	unlink(argv[1]);
	pfd.fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	if (bind(pfd.fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(pfd.fd, 16) || poll(&pfd, 1, -1) != 1)
		return 1;
	if (pfd.fd != 3 && (dup2(pfd.fd, 3) != 3 || close(pfd.fd)))
		return 1;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	execvp(argv[2], argv + 2);
	return 1;
}
