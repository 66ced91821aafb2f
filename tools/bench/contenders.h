/* SPDX-License-Identifier: MIT */
/* The contenders that need only the kernel and libivc. */
#ifndef BENCH_CONTENDERS_H
#define BENCH_CONTENDERS_H

#include "contender.h"

extern const struct contender floor_contender, pipefloor_contender,
	copy_contender;
extern const struct contender ivc_contender, ivc_wait_contender,
	ivc_place_contender;
extern const struct contender unix_contender, pipe_contender, tcp_contender;

/* A socket pair, for contenders that need a control channel besides. */
struct fds {
	int rd, wr;
};

int unix_prepare(struct end *e);
int fd_open(struct end *e);
void fd_close(struct end *e);
int fd_send(struct end *e, const void *buf, size_t len);
int fd_recv(struct end *e, void *buf, size_t len);

#endif
