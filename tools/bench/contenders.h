/* SPDX-License-Identifier: MIT */
/* The contenders that need nothing but this machine and libivc. */
#ifndef BENCH_CONTENDERS_H
#define BENCH_CONTENDERS_H

#include "contender.h"

extern const struct end_kind line_kind, pipeline_kind, copy_kind;
extern const struct end_kind ivc_kind, ivc_wait_kind, ivc_place_kind;
extern const struct end_kind unix_kind, pipe_kind, tcp_kind;

/* For kinds that need a way to talk besides: a pair of sockets. */
struct fds {
	int rd, wr;
};

int unix_prepare(struct end *e);
int fd_open(struct end *e);
void fd_close(struct end *e);
int fd_send(struct end *e, const void *buf, size_t len);
int fd_recv(struct end *e, void *buf, size_t len);

#endif
