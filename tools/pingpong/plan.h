/* SPDX-License-Identifier: MIT */
/*
 * The records that client and server exchange besides the measured messages.
 *All are little-endian and of fixed length, and the receiver checks every
 *field.
 *
 *	client                            server
 *	  hello ------------------------->
 *	       <------------------------- reply   (accepted, or the reason why
 *not) step -------------------------->
 *	       <===== the step's messages =====>
 *	       <------------------------- reply   (result of the verification)
 *	  ... more steps, the last of them STEP_END, which has a reply too
 *
 * The step tells both ends the number, size and direction of its messages, so
 * that only messages are sent while the clock runs.
 */
#ifndef PINGPONG_PLAN_H
#define PINGPONG_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport.h"

#define PLAN_VERSION 1
#define HELLO_BYTES 48
#define STEP_BYTES 48
#define REPLY_BYTES 64

#define MESSAGE_MAX (64u << 20)
#define WINDOW_MAX 65536u
#define COUNT_MAX (1ull << 40)
#define TIMEOUT_MAX 86400u
#define ACK_BYTES 4u

enum step_kind {
	STEP_END,
	STEP_LATENCY,
	STEP_BANDWIDTH, /* windows client -> server, an ack back */
	STEP_BIBW,	/* windows both ways */
	STEP_MIXED,	/* mixed sizes, both ways at once */
	STEP_KINDS,
};

struct hello {
	bool verify, zero_copy;
	enum wait_mode wait;
	uint32_t timeout_s;
	int64_t spin_ns;
	uint64_t seed;
};

struct step {
	enum step_kind kind;
	uint32_t size;	 /* of a message; mixed: the largest */
	uint32_t window; /* messages */
	uint64_t count;	 /* round trips, windows, or messages each way */
};

/* How a message was wrong, as far as the receiver can tell. */
enum fault {
	FAULT_NONE,
	FAULT_CHANGED,
	FAULT_LOST,
	FAULT_DUPLICATE,
	FAULT_REORDERED,
	FAULT_SURPLUS, /* more bytes than were sent */
	FAULT_KINDS,
};

struct reply {
	uint32_t status; /* 0, or an errno: refused */
	uint32_t version;
	enum fault fault;
	uint64_t fault_seq;	  /* message counted from 0 */
	uint64_t messages, bytes; /* received so far, all checked if verify */
};

void hello_encode(const struct hello *h, uint8_t buf[HELLO_BYTES]);
void step_encode(const struct step *s, uint8_t buf[STEP_BYTES]);
void reply_encode(const struct reply *r, uint8_t buf[REPLY_BYTES]);

/*
 * NULL, or the mistake in the record. A hello of another version has *version
 * set to that.
 */
const char *hello_decode(struct hello *h, const uint8_t buf[HELLO_BYTES],
			 uint32_t *version);
const char *step_decode(struct step *s, const uint8_t buf[STEP_BYTES]);
const char *reply_decode(struct reply *r, const uint8_t buf[REPLY_BYTES]);

const char *fault_name(enum fault fault);

#endif
