/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of the world share: the ends of the channel, as the kernels of
 * the two guests have them. Compiled against the kernel's headers.
 *
 *   world.c           the ends, system calls, and answers for the account
 *   world-memory.c    pages and memory
 *   world-sched.c     locks, time, work, the log
 *   world-backend.c   the peer's pages, the doorbell, requests, the backend
 *   world-view.c      what a process sees
 */
#ifndef ACCOUNT_WORLD_GUEST_H
#define ACCOUNT_WORLD_GUEST_H

#include "../../kernel/front/front.h"

#include "../rng.h"
#include "world.h"

#define FRAMES 1024u
#define MAX_PAGES (1u + 16u) /* of a view */

extern struct rng dice;

/* Declared in account.h, whose includes conflict with the kernel's. */
__attribute__((noreturn)) void wrong(const char *fmt, ...);

#define must(x)                                                                \
	do {                                                                   \
		if (!(x))                                                      \
			wrong("%s:%d: not so: %s", __FILE__, __LINE__, #x);    \
	} while (0)

struct world_end {
	struct ivc_chan *ch; /* NULL: freed */
	bool local, crashed, freed;
	bool rung;   /* an interrupt is due */
	bool listed; /* xa_load() finds it by its number */
	bool tried_cut;
	bool took_over, cut; /* of the channel, when it was freed */
	bool closed;	     /* for the backend */
	int reason;	     /* in its CLOSE */
	struct ivc_request *req;
	uint8_t *view[VIEWS];
	u32 nr[VIEWS];
	struct page *shown[VIEWS][MAX_PAGES];
};

extern struct world_end world_ends[2];
extern int world_guest; /* the guest whose driver runs */

struct world_end *world_end_of(const struct ivc_chan *ch);
struct world_end *world_other(const struct world_end *e);
bool world_runs(const struct world_end *e);
bool world_was_cut_off(const struct ivc_chan *ch);

/* world-memory.c */
extern struct page world_frames[FRAMES];
extern int world_memory; /* memfd of all pages */
void world_memory_begin(void);
bool world_memory_is_free(void);

/* world-sched.c */
void world_time_begin(void);
void world_worker(int i); /* a coroutine: the work of end @i */

/* world-backend.c */
void world_unmap_from(struct ivc_map *map, u32 first);
void world_backend_closes(struct world_end *e);
void world_interrupts(int i); /* a coroutine: the doorbell of end @i */

/* world-view.c */
void world_map_views(struct world_end *e);
void world_unmap_views(struct world_end *e, int first);

#endif /* ACCOUNT_WORLD_GUEST_H */
