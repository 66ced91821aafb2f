/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the coordinator share: a job of processes on this machine.
 *
 * A test says what each process does; job_run() forks them, each opens a
 * coordinator, tells the others its address and talks to them; a process that
 * fails a check exits with 1, which fails the test. What the processes have
 * counted is added up and printed by main() in the end.
 */
#ifndef JOB_H
#define JOB_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../coordinator/coordinator.h"
#include "../../coordinator/tcp.h"

#define RANKS_MAX 8
#define NAME(rank) (1000u + (unsigned int)(rank))

/* Fails this process, with a message. */
#define must(cond, ...)                                                        \
	do {                                                                   \
		if (!(cond))                                                   \
			job_die(__FILE__, __LINE__, #cond, __VA_ARGS__);       \
	} while (0)
__attribute__((format(printf, 4, 5), noreturn)) void
job_die(const char *file, int line, const char *cond, const char *fmt, ...);

/* In memory that all processes of a job share. */
struct board {
	int arrived, round; /* barrier */
	uint8_t address[RANKS_MAX][COORD_ADDRESS_MAX];
	size_t address_len[RANKS_MAX];
	int pid[RANKS_MAX];
	uint64_t magic;
	struct coord_stats stats; /* of all jobs of this program */
	uint64_t messages, bytes, breaks;
	uint64_t word[8]; /* a test's own */
};

extern struct board *board;

struct job {
	int ranks;
	int ends; /* ranks from this one on may die of SIGKILL; 0: none */
	void (*rank)(const struct job *j, int me);
	/* For what job_open() opens. */
	bool use_ivc, threads, sever;
	unsigned int switch_ms, sleep_after_us;
	unsigned int poll_us; /* that a look at the network takes at least */
	bool lazy_net;	      /* it sends nothing but in poll() */
	size_t message_max, buffer;
	bool ring_chosen; /* by the coordinator; else a small one */
	unsigned int timeout_s;
	const char *include;
	int family;
	/* What traffic() sends. */
	unsigned int messages; /* from each to each */
	size_t size_max;
	unsigned int switch_every, break_every; /* after so many; 0: never */
	int seconds;				/* in which it must be done */
	unsigned int seed;
};

/* In the test's process. */
void job_run(const struct job *j);

/* In a rank's. */
struct rank {
	const struct job *j;
	int me;
	struct coordinator *c;
	struct coord_peer *peer[RANKS_MAX];
	uint64_t rng;
	/* By peer: how many have come, how many are sent. */
	uint32_t got[RANKS_MAX], sent[RANKS_MAX];
	unsigned int waiting; /* queued, and sent() not called */
	int failed[RANKS_MAX];
	int lacks; /* what this process was told that it lacks */
};

void job_open(struct rank *r, const struct job *j, int me);
/* Add all others. */
void job_add_all(struct rank *r);
void job_close(struct rank *r);
/* All ranks; goes on making progress. */
void job_barrier(struct rank *r);
bool job_late(void);
/* One of the board's words, for what the ranks tell each other by memory. */
uint64_t job_word(int i);
void job_tell(int i, uint64_t value);
/* Send, until the channel to rank @to is active in both directions. */
void job_use_ivc(struct rank *r, int to);
/* Make progress until no message waits to be sent. */
void job_send_all(struct rank *r);

uint32_t job_random(uint64_t *rng, uint32_t below);

/* A message: who, to whom, which, how long; then bytes that follow from it. */
struct letter {
	uint32_t from, to, seq, len;
};

void letter_write(void *at, uint32_t from, uint32_t to, uint32_t seq,
		  size_t len);
void letter_check(const struct rank *r, int from, const void *at, size_t len,
		  uint8_t tag);

/* One message of a random size, by one of the ways there are. */
void send_one(struct rank *r, int to, uint64_t *rng);

TCase *case_state(void);
TCase *case_switch(void);
TCase *case_net(void);
TCase *case_hostile(void);
TCase *case_death(void);
TCase *case_ring(void);
TCase *case_rest(void);

#endif
