/* SPDX-License-Identifier: MIT */
/*
 * The network over TCP, IPv4 and IPv6, over the chosen interfaces.
 * docs/reference/mpi-protocol.md, 8, has the bytes of a connection.
 */
#ifndef COORD_TCP_H
#define COORD_TCP_H

#include "net.h"

struct tcp_options {
	/* Interfaces: names or prefixes ("eth0,10.1.0.0/16"), or NULL. */
	const char *include; /* only these */
	const char *exclude; /* all but these; NULL: all but loopback */
	int family;	     /* 0, AF_INET or AF_INET6 */
	unsigned int port;   /* the lowest port to listen on; 0: any */
	unsigned int ports;  /* number of ports from there on to try */
	size_t buffer;	     /* bytes retained until they are acknowledged */
	size_t message_max;
	unsigned int
		timeout_s; /* seconds until an unreachable peer is an error */
	bool threads;
};

extern const struct net_ops tcp_ops;

/*
 * Listens. @name is the name of this process. @key is its secret, which another
 * process must know to connect. Returns -EADDRNOTAVAIL if the options leave no
 * interface, -EINVAL if an option makes no sense.
 */
int tcp_open(const struct tcp_options *o, const struct net_user *user,
	     uint64_t name, const uint8_t key[16], struct net **n);

#endif /* COORD_TCP_H */
