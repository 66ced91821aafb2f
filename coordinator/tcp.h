/* SPDX-License-Identifier: MIT */
/*
 * The network over TCP: IPv4 and IPv6, over those interfaces that are asked
 * for. docs/reference/mpi-protocol.md, 8, has what goes over a connection.
 */
#ifndef COORD_TCP_H
#define COORD_TCP_H

#include "net.h"

struct tcp_options {
	/* Of interfaces: names or prefixes ("eth0,10.1.0.0/16"), or NULL. */
	const char *include; /* those alone */
	const char *exclude; /* all but those; NULL: all but loopback */
	int family;	     /* 0, AF_INET or AF_INET6 */
	unsigned int port;   /* the lowest to listen on; 0: any */
	unsigned int ports;  /* how many from there on may be tried */
	size_t buffer;	     /* bytes kept until they are acknowledged */
	size_t message_max;
	unsigned int timeout_s; /* for how long one that is gone is tried */
	bool threads;
};

extern const struct net_ops tcp_ops;

/*
 * Listens. @name is this process; @key is a secret of the job that others must
 * know to talk to it. -EADDRNOTAVAIL: no interface is left by the options;
 * -EINVAL: one of them makes no sense.
 */
int tcp_open(const struct tcp_options *o, const struct net_user *user,
	     uint64_t name, const uint8_t key[16], struct net **n);

#endif /* COORD_TCP_H */
