/* SPDX-License-Identifier: MIT */
/*
 * A contender: a way to move messages between two processes. Every contender
 * fills this small table; the loops of loops.c are the same for all.
 *
 * All functions return 0 or -errno, wait by spinning and move whole messages.
 * The step tells both ends the number, size and direction of its messages.
 */
#ifndef BENCH_CONTENDER_H
#define BENCH_CONTENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum test {
	TEST_LATENCY,
	TEST_UNI, /* bandwidth and message rate, one way */
	TEST_BI,  /* both directions at once, summed */
	TESTS,
};

#define CAN(test) (1u << (test))
#define CAN_ALL (CAN(TEST_LATENCY) | CAN(TEST_UNI) | CAN(TEST_BI))

struct end;

struct contender {
	const char *name;
	unsigned int can;
	/*
	 * The number of modes of TEST_UNI; e->mode selects one. The fastest is
	 * measured. 0 means 1.
	 */
	unsigned int modes;
	/* prepare: before the fork. open, close: in each of the two processes.
	 */
	int (*prepare)(struct end *e);
	int (*open)(struct end *e);
	void (*close)(struct end *e);

	int (*send)(struct end *e, const void *buf, size_t len);
	int (*recv)(struct end *e, void *buf, size_t len);
	/*
	 * Send @out messages of @len bytes from e->out and receive @in messages
	 * into e->in, with as many in transit as the transport allows. One of
	 * the two may be 0.
	 */
	int (*burst)(struct end *e, size_t len, unsigned int out,
		     unsigned int in);
};

struct end {
	const struct contender *contender;
	bool server; /* the second process */
	unsigned int mode;
	uint32_t ring;	   /* ivc: bytes per direction, 0 for the default */
	uint64_t magic;	   /* ivc: the same in both processes */
	uint8_t *out, *in; /* page-aligned, of the largest size, touched */
	void *priv;	   /* the contender's */
};

/* The contenders that this program was linked with, and NULL. */
extern const struct contender *const contenders[];

#endif
