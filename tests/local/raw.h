/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The local protocol without libivc, to break it in ways that libivc never
 * does. include/ivc/protocol/local.h is the reference. A call that must succeed
 * ends the program if it fails; the result of a call under test is returned.
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
 * A time in which a step of milliseconds must be done, even on a busy machine;
 * and a time that is far too long for such a step.
 */
#define SOON_MS 30000
#define RAW_LINGER_S 90

/* To ivcd, without and with a proper HELLO. */
int raw_connect(void);
int raw_hello(void);

/* Send a packet with @n descriptors, or as many as possible. 0 or -errno. */
#define RAW_FDS_MAX 253
int raw_send(int fd, const void *buf, size_t len, const int *fds, int n);

/*
 * The next packet within @ms. Returns its length, 0 at the end of the
 * connection, or -EAGAIN if nothing came. *@got is the first descriptor.
 */
int raw_recv(int fd, void *buf, size_t len, int *got, int ms);

/* Does the other side hang up within @ms? Packets before that are skipped. */
bool raw_ended(int fd, int ms);

/* Send a request and receive its reply; events before the reply are skipped. */
int raw_call(int fd, struct ivc_msg *msg, const int *fds, int n);
uint64_t raw_register(int fd, uint64_t magic, uint32_t id);

/* The member number of process @id, once it has joined. */
uint64_t raw_find(int fd, uint64_t member, uint32_t id);

/* A socket pair for a channel; [0] stays here. */
void raw_pair(int sv[2]);

/*
 * *@fd: a TCP socket whose close lingers, since its peer, which is returned,
 * reads nothing. -1: TCP is not available.
 */
int raw_lingering(int *fd);

/* The memory of an end, right or nearly so. */
#define RAW_SEALS IVC_LOCAL_SEALS
int raw_memory(size_t size, int seals, uint8_t **map);

struct ivc_local_greeting raw_greeting(uint32_t ring);

#endif
