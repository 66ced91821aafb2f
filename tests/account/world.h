/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two guests with a channel between them. The end of a channel is handled by
 * the frontend's own sources. There are no threads: a process, a kernel's work,
 * interrupts, the backend, and a suspend are coroutines. At each point where a
 * kernel or process could be interrupted, random numbers decide which coroutine
 * continues. So a seed repeats a run.
 *
 * This header connects the files that use the kernel's headers (world*.c) with
 * those that use the library's (kernel.c): only numbers and addresses pass.
 */
#ifndef ACCOUNT_WORLD_H
#define ACCOUNT_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ------------------------------------------------------------ coroutines */

/* Start @fn(@arg) in guest @guest. */
int co_start(void (*fn)(int arg), int arg, int guest);
/* Let another coroutine run, perhaps. */
void co_yield (void);
/* Wait until @ready(the arg of co_start). */
void co_wait(bool (*ready)(int arg));
/* The running coroutine, a number other than 0. */
int co_self(void);
/* End @co. Returns false if it is in the kernel or has ended. */
bool co_kill(int co);
bool co_lives(int co);
/* Run the coroutines in random order until @done(). */
void co_run(bool (*done)(void));
void co_reset(void);
/* End all coroutines of @guest, wherever they are. */
void co_destroy(int guest);
/* The coroutine enters or leaves the kernel. */
void co_enter_kernel(void);
void co_leave_kernel(void);
/* A frozen process does not run its own code. */
void co_freeze(int co, bool frozen);

/* ----------------------------------------------------------- the channel */

enum { VIEW_KCTL, VIEW_OWN, VIEW_PEER, VIEWS };

/*
 * Make a channel, open at both ends, with these ring sizes. @local: in one
 * guest.
 */
void world_make(const uint32_t size[2], bool local);
/* Both ends are freed. */
bool world_gone(void);
/* Fail unless all pages and memory are free. */
void world_check(void);

/* The mapping of a view in the process of end @i. */
void *world_view(int i, int view, size_t *size);
/* Handle a page fault. Returns false if @at is in no view. */
bool world_fault(void *at);
/* Remove all page table entries of end @i; faults restore them. */
void world_zap(int i);

/* System calls of end @i. */
int world_delivery(int i, void *delivery);
int world_undelivered(int i, void *undelivered);
void world_close(int i); /* CLOSE */
void world_release(
	int i); /* the descriptor is closed, or the process is dead */

/* Events of guest @i. */
void world_leave(int i, int reason); /* suspend or detach */
void world_crash(int i); /* destroyed: none of its code runs again */

/* For the account. */
bool world_took(int i);	     /* unread data was taken over for end @i */
bool world_hidden(int i);    /* but is hidden from its process */
bool world_cut(int i);	     /* end @i has cut its peer off */
bool world_tried_cut(int i); /* or tried to, and its peer answered */

/* For a hostile peer: a header of its ring, and its control words. */
uint64_t *world_header(int i, uint32_t pos);
struct world_words {
	uint64_t *reader_pos;
	uint32_t *cons, *state, *took_over, *took_until, *cut_off;
};
void world_words(int i, struct world_words *w);

#endif /* ACCOUNT_WORLD_H */
