/* SPDX-License-Identifier: MIT */
/*
 * TCP connects a socket to itself where nobody listens on the port it asks for
 * and the system has just given it that port. It reads its own words then, and
 * whoever wants to listen there finds the port taken, even after the close.
 */
#ifndef IVC_TCP_SELF_CONNECT_H
#define IVC_TCP_SELF_CONNECT_H

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

/* Is it so? If it is, a close() lets go of the port at once. */
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
