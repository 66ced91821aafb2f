/* SPDX-License-Identifier: MIT */
/*
 * One end of a running test, and the messages it moves.
 *
 * With verification every byte of a message follows from the session's seed,
 * the direction, the message's number and the byte's place, so a message that
 * is lost, repeated, moved or altered reads as a wrong one. Both ends count
 * messages from 0 in each direction over the whole session.
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
	enum fault fault; /* the first one; after it nothing is checked */
	uint64_t fault_seq;
	uint64_t fault_offset;
	unsigned int touched; /* keeps the reads of --zero-copy alive */
};

int session_init(struct session *s, struct transport *t,
		 const struct hello *hello);
void session_free(struct session *s);
/* Room for messages of @size. */
int session_room(struct session *s, size_t size);

/* Send, receive one message of @size, waiting as long as it takes. */
int message_send(struct session *s, size_t size);
int message_recv(struct session *s, size_t size);

/*
 * The same for tests that go both ways at once: move what can be moved now.
 * @off is how much of the message has been, and is 0 again after its end.
 * Returns bytes moved, 0 or -errno.
 */
ssize_t message_send_some(struct session *s, size_t size, size_t *off);
ssize_t message_recv_some(struct session *s, size_t size, size_t *off);

/* Sizes of STEP_MIXED: mostly small, some up to @max. Same at both ends. */
size_t mixed_size(uint64_t key, uint64_t seq, size_t max);

#endif
