/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The local protocol by hand, to break it: what libivc never does.
 * include/ivc/protocol/local.h is the reference. What must work ends the
 * program if it does not; what is being tested is returned.
 */
#ifndef LOCAL_RAW_H
#define LOCAL_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ivc/protocol/local.h>
#include <ivc/protocol/ring.h>

#include "check.h"

/*
 * In which what takes no time must have come about, be the machine ever so
 * busy; and what would be far too long for that.
 */
#define SOON_MS 30000
#define RAW_LINGER_S 90

/* To ivcd, without and with a proper HELLO. */
int raw_connect(void);
int raw_hello(void);

/* @n descriptors go with it, as many as can. 0 or -errno. */
#define RAW_FDS_MAX 253
int raw_send(int fd, const void *buf, size_t len, const int *fds, int n);

/*
 * The next packet within @ms. Returns its length, 0 at the end of the
 * connection, -EAGAIN when nothing came. Descriptors: the first to *@fd.
 */
int raw_recv(int fd, void *buf, size_t len, int *got, int ms);

/* Has the other side hung up within @ms? Packets before that are skipped. */
bool raw_ended(int fd, int ms);

/* A request, and the reply to it; events before it are skipped. */
int raw_call(int fd, struct ivc_msg *msg, const int *fds, int n);
uint64_t raw_register(int fd, uint64_t magic, uint32_t id);

/* The member of process @id, when it is there. */
uint64_t raw_find(int fd, uint64_t member, uint32_t id);

/* A channel's socket pair; [0] is ours. */
void raw_pair(int sv[2]);

/*
 * *@fd: a TCP socket whose close lingers, since its peer, which is returned,
 * reads nothing. -1: there is no TCP here.
 */
int raw_lingering(int *fd);

/* A proper memory of an end, or nearly so. */
#define RAW_SEALS IVC_LOCAL_SEALS
int raw_memory(size_t size, int seals, uint8_t **map);

struct ivc_local_greeting raw_greeting(uint32_t ring);

#endif
