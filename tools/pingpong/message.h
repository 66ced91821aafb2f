/* SPDX-License-Identifier: MIT */
/*
 * One end of a running test, and the messages it moves.
 *
 * With verification, every byte of a message follows from the session's seed,
 * the direction, the number of the message and the position of the byte. So a
 * lost, repeated, reordered or changed message reads as a wrong message. Both
 * ends number the messages of each direction from 0 over the whole session.
 */
#ifndef PINGPONG_MESSAGE_H
#define PINGPONG_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plan.h"
#include "transport.h"

struct session {
	struct transport *t;
	struct hello hello;
	uint64_t tx_key, rx_key; /* seed and direction */
	uint64_t tx_seq, rx_seq; /* number of the next message */
	uint64_t rx_bytes;
	uint8_t *tx_buf, *rx_buf;
	size_t buf_size;
	enum fault fault; /* the first fault; nothing is checked after it */
	uint64_t fault_seq;
	uint64_t fault_offset;
	unsigned int touched; /* keeps the reads of --zero-copy alive */
};

int session_init(struct session *s, struct transport *t,
		 const struct hello *hello);
void session_free(struct session *s);
/* Make room for messages of @size. */
int session_room(struct session *s, size_t size);

/* Send or receive one message of @size, and wait as long as necessary. */
int message_send(struct session *s, size_t size);
int message_recv(struct session *s, size_t size);

/*
 * The same for tests of both directions at once: move as much as possible now.
 * *@off counts the bytes of the message that have been moved; after the last
 * byte it is 0. Returns the number of bytes, 0 or -errno.
 */
ssize_t message_send_some(struct session *s, size_t size, size_t *off);
ssize_t message_recv_some(struct session *s, size_t size, size_t *off);

/* Sizes of STEP_MIXED: mostly small, some up to @max. Same at both ends. */
size_t mixed_size(uint64_t key, uint64_t seq, size_t max);

#endif
