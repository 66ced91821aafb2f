/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A job of processes on this machine, for the tests of the coordinator.
 *
 * A test defines what each process does, and job_run() forks the processes.
 * Each opens a coordinator, publishes its address and talks to the others. A
 * process that fails a check exits with 1, which fails the test. main() prints
 * the sums of the processes' counters at the end.
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

/* Fails this process with a message. */
#define must(cond, ...)                                                        \
	do {                                                                   \
		if (!(cond))                                                   \
			job_die(__FILE__, __LINE__, #cond, __VA_ARGS__);       \
	} while (0)
__attribute__((format(printf, 4, 5), noreturn)) void
job_die(const char *file, int line, const char *cond, const char *fmt, ...);

/* Memory that all processes of a job share. */
struct board {
	int arrived, round; /* barrier */
	uint8_t address[RANKS_MAX][COORD_ADDRESS_MAX];
	size_t address_len[RANKS_MAX];
	int pid[RANKS_MAX];
	uint64_t magic;
	struct coord_stats stats; /* of all jobs of this program */
	uint64_t messages, bytes, breaks;
	uint64_t word[8]; /* for each test's own use */
};

extern struct board *board;

struct job {
	int ranks;
	int ends; /* ranks from this number on may die by SIGKILL; 0: none */
	void (*rank)(const struct job *j, int me);
	/* For job_open(). */
	bool use_ivc, threads, sever;
	unsigned int switch_ms, sleep_after_us;
	unsigned int poll_us; /* least duration of a poll of the network */
	bool lazy_net;	      /* the network sends in poll() only */
	size_t message_max, buffer;
	bool ring_chosen; /* by the coordinator; otherwise a small ring */
	unsigned int timeout_s;
	const char *include;
	int family;
	/* For traffic(). */
	unsigned int messages; /* from each rank to each */
	size_t size_max;
	unsigned int switch_every, break_every; /* messages; 0: never */
	int seconds;				/* limit of the job */
	unsigned int seed;
};

/* For the test's process. */
void job_run(const struct job *j);

/* For the process of a rank. */
struct rank {
	const struct job *j;
	int me;
	struct coordinator *c;
	struct coord_peer *peer[RANKS_MAX];
	uint64_t rng;
	/* By peer: number of messages received and sent. */
	uint32_t got[RANKS_MAX], sent[RANKS_MAX];
	unsigned int waiting; /* queued messages without sent() */
	int failed[RANKS_MAX];
	int lacks; /* the error of lacks(), or 0 */
};

void job_open(struct rank *r, const struct job *j, int me);
/* Adds all other ranks as peers. */
void job_add_all(struct rank *r);
void job_close(struct rank *r);
/* Waits for all ranks, and makes progress meanwhile. */
void job_barrier(struct rank *r);
bool job_late(void);
/* Read and write a word of the board, which all ranks share. */
uint64_t job_word(int i);
void job_tell(int i, uint64_t value);
/* Sends until the channel to rank @to is active in both directions. */
void job_use_ivc(struct rank *r, int to);
/* Makes progress until no message waits to be sent. */
void job_send_all(struct rank *r);

uint32_t job_random(uint64_t *rng, uint32_t below);

/* The header of a message. The bytes behind it follow from its fields. */
struct letter {
	uint32_t from, to, seq, len;
};

void letter_write(void *at, uint32_t from, uint32_t to, uint32_t seq,
		  size_t len);
void letter_check(const struct rank *r, int from, const void *at, size_t len,
		  uint8_t tag);

/* Sends a message of random size, by coord_send() or coord_send_now(). */
void send_one(struct rank *r, int to, uint64_t *rng);

TCase *case_state(void);
TCase *case_switch(void);
TCase *case_net(void);
TCase *case_hostile(void);
TCase *case_death(void);
TCase *case_ring(void);
TCase *case_rest(void);

#endif
