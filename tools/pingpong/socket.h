/* SPDX-License-Identifier: MIT */
/* The parts that the transports TCP and UNIX share. */
#ifndef PINGPONG_SOCKET_H
#define PINGPONG_SOCKET_H

#include "transport.h"

struct sock {
	int listener, fd; /* -1: none */
	char peer[128];
};

/* The socket of @t, allocated at the first call; NULL: no memory. */
struct sock *sock_of(struct transport *t);

int sock_accept(struct transport *t);
void sock_tune(struct transport *t);
ssize_t sock_read(struct transport *t, void *buf, size_t len);
ssize_t sock_write(struct transport *t, const void *buf, size_t len);
int sock_wait(struct transport *t, int events, int timeout_ms);
void sock_hangup(struct transport *t);
void sock_close(struct transport *t);
void sock_describe(struct transport *t, char *buf, size_t len);

/* -EAGAIN if @err (positive) only means that nobody listens yet. */
int sock_not_yet(int err);

#endif
