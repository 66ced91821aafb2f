/* SPDX-License-Identifier: MIT */
/*
 * A TCP socket can connect to itself: if no process listens on the port that it
 * connects to, and the system has just chosen that port as its own. The program
 * then reads its own data, and a server that wants to listen on the port finds
 * it in use, even for a time after the close.
 */
#ifndef IVC_TCP_SELF_CONNECT_H
#define IVC_TCP_SELF_CONNECT_H

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

/* Is @fd connected to itself? If so, its close() frees the port at once. */
static inline bool ivc_tcp_self_connected(int fd)
{
	const struct linger now = { .l_onoff = 1 };
	struct sockaddr_storage here = { 0 }, there = { 0 };
	socklen_t n = sizeof(here), m = sizeof(there);

	if (getsockname(fd, (struct sockaddr *)&here, &n) ||
	    getpeername(fd, (struct sockaddr *)&there, &m) || n != m ||
	    memcmp(&here, &there, n))
		return false;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	return true;
}

#endif /* IVC_TCP_SELF_CONNECT_H */
