/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two guests with a channel between them: the frontend's own sources for how a
 * channel ends, and nothing that runs by itself. What would be threads (a
 * process, a kernel's work, interrupts, the backend, a suspend) are coroutines;
 * wherever a kernel or a process could be interrupted, dice say who goes on. So
 * a seed gives the same run again.
 *
 * This is the line between the kernel's headers (world.c) and the library's
 * (kernel.c): numbers and addresses.
 */
#ifndef ACCOUNT_WORLD_H
#define ACCOUNT_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ------------------------------------------------------------ coroutines */

/* @fn(@arg) goes on when the dice say so, in guest @guest. */
int co_start(void (*fn)(int arg), int arg, int guest);
/* Somebody else's turn, perhaps. */
void co_yield (void);
/* Not before @ready(arg of co_start). */
void co_wait(bool (*ready)(int arg));
/* Who runs: a number that is not 0. */
int co_self(void);
/* It is not continued. False: it is in the kernel, or through. */
bool co_kill(int co);
bool co_lives(int co);
/* Until @done(): everybody in turns. */
void co_run(bool (*done)(void));
void co_reset(void);
/* Nothing of guest @guest runs any more, wherever it is. */
void co_destroy(int guest);
/* As the process's code, or as its kernel's. */
void co_enter_kernel(void);
void co_leave_kernel(void);
/* A process that is frozen stands still in its own code. */
void co_freeze(int co, bool frozen);

/* ----------------------------------------------------------- the channel */

enum { VIEW_KCTL, VIEW_OWN, VIEW_PEER, VIEWS };

/* Open at both ends; rings of so many bytes. @local: in one guest. */
void world_make(const uint32_t size[2], bool local);
/* Everybody has let go of everything. */
bool world_gone(void);
/* Nothing is left: no page, no memory. */
void world_check(void);

/* What the process of end @i has mapped. */
void *world_view(int i, int view, size_t *size);
/* A page is touched that is not there. False: it is not of a view. */
bool world_fault(void *at);
/* All page table entries of end @i go; they come again by faults. */
void world_zap(int i);

/* System calls of end @i. */
int world_delivery(int i, void *delivery);
int world_undelivered(int i, void *undelivered);
void world_close(int i); /* CLOSE */
void world_release(
	int i); /* the descriptor is closed, or its process is dead */

/* What happens to guest @i. */
void world_leave(int i, int reason); /* as a suspend or a detach */
void world_crash(int i);	     /* destroyed: nothing of it runs again */

/* For the account. */
bool world_took(int i);	     /* what was unread is kept for end @i */
bool world_hidden(int i);    /* but not shown to its process */
bool world_cut(int i);	     /* end @i has cut its peer off */
bool world_tried_cut(int i); /* or was about to, and its peer answered */

/* A peer that writes where it may: a header of its ring, or its words. */
uint64_t *world_header(int i, uint32_t pos);
struct world_words {
	uint64_t *reader_pos;
	uint32_t *cons, *state, *took_over, *took_until, *cut_off;
};
void world_words(int i, struct world_words *w);

#endif /* ACCOUNT_WORLD_H */
