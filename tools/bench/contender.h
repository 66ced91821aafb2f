/* SPDX-License-Identifier: MIT */
/*
 * One end of what is measured. Every contender fills this small table; the
 * loops of loops.c run over it and are the same for all.
 *
 * All functions return 0 or -errno, wait by spinning and move whole messages.
 * Both ends know from the step how many messages of which size go which way.
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
	TEST_BI,  /* both ways at once, summed */
	TESTS,
};

#define CAN(test) (1u << (test))
#define CAN_ALL (CAN(TEST_LATENCY) | CAN(TEST_UNI) | CAN(TEST_BI))

struct end;

struct contender {
	const char *name;
	unsigned int can;
	/*
	 * How many ways it has to do TEST_UNI, e->mode being which of them: the
	 * faster is measured. 0 is 1.
	 */
	unsigned int modes;
	/* In the parent, before it forks; then in each of the two. */
	int (*prepare)(struct end *e);
	int (*open)(struct end *e);
	void (*close)(struct end *e);

	int (*send)(struct end *e, const void *buf, size_t len);
	int (*recv)(struct end *e, void *buf, size_t len);
	/*
	 * @out messages of @len bytes from e->out and @in into e->in, with as
	 * many on their way as the transport can have. One of the two may be 0.
	 */
	int (*burst)(struct end *e, size_t len, unsigned int out,
		     unsigned int in);
};

struct end {
	const struct contender *contender;
	bool server; /* the second process */
	unsigned int mode;
	uint32_t ring;	   /* ivc: bytes per direction, 0 for the default */
	uint64_t magic;	   /* ivc: the same in both */
	uint8_t *out, *in; /* page-aligned, of the largest size, touched */
	void *priv;	   /* the contender's */
};

/* What the program at hand was linked with; ended by a NULL. */
extern const struct contender *const contenders[];

#endif
