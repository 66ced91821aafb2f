/* SPDX-License-Identifier: GPL-2.0 */
/* Coroutines: see world.h. */
#include <setjmp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "side.h"
#include "world.h"

#define STACK (256u << 10)
#define MAX 16
#define PATIENCE 3000000 /* turns of one channel */

/* world.c: make the driver of @guest the current one */
void world_switch(int guest);

static struct co {
	jmp_buf at;	    /* where it continues, once it has begun */
	ucontext_t context; /* where it begins */
	bool begun;
	void *stack;
	void (*fn)(int arg);
	bool (*ready)(int arg); /* NULL: always */
	int arg, guest;
	unsigned int kernel; /* calls into it, nested */
	bool lives, frozen;
} all[MAX];

static jmp_buf scheduler;
static int running = -1;

/*
 * _setjmp() and _longjmp() make no system call. swapcontext() would make one
 * for the signal mask, which never changes here.
 */
static void leave(void)
{
	if (!_setjmp(all[running].at))
		_longjmp(scheduler, 1);
}

static void enter(struct co *c)
{
	if (_setjmp(scheduler))
		return;
	if (c->begun)
		_longjmp(c->at, 1);
	c->begun = true;
	setcontext(&c->context);
}

static void begin(void)
{
	struct co *c = &all[running];

	c->fn(c->arg);
	c->lives = false;
	leave();
}

int co_start(void (*fn)(int arg), int arg, int guest)
{
	struct co *c;
	int i = 0;

	while (i < MAX && all[i].lives)
		i++;
	must(i < MAX);
	c = &all[i];
	if (!c->stack)
		c->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(c->stack != MAP_FAILED);
	getcontext(&c->context);
	c->context.uc_stack.ss_sp = c->stack;
	c->context.uc_stack.ss_size = STACK;
	c->context.uc_link = NULL;
	c->begun = false;
	c->fn = fn;
	c->arg = arg;
	c->guest = guest;
	c->kernel = 0;
	c->ready = NULL;
	c->frozen = false;
	c->lives = true;
	makecontext(&c->context, begin, 0);
	return i;
}

void co_yield (void)
{
	if (running >= 0)
		leave();
}

void co_wait(bool (*ready)(int arg))
{
	all[running].ready = ready;
	co_yield ();
}

int co_self(void)
{
	return running >= 0 ? running + 1 : MAX + 1;
}

bool co_lives(int co)
{
	return all[co].lives;
}

bool co_kill(int co)
{
	if (!all[co].lives || all[co].kernel)
		return false;
	all[co].lives = false;
	return true;
}

void co_enter_kernel(void)
{
	if (running >= 0)
		all[running].kernel++;
}

void co_leave_kernel(void)
{
	if (running >= 0)
		all[running].kernel--;
}

void co_freeze(int co, bool frozen)
{
	all[co].frozen = frozen;
}

void co_reset(void)
{
	for (int i = 0; i < MAX; i++)
		all[i].lives = false;
}

void co_destroy(int guest)
{
	for (int i = 0; i < MAX; i++)
		if (all[i].guest == guest)
			all[i].lives = false;
}

void co_run(bool (*done)(void))
{
	unsigned int turns = 0, patient = 0;
	uint32_t starved = 0;

	while (!done()) {
		int i = (int)rng_below(&dice, MAX);
		struct co *c = &all[i];

		/*
		 * At times some coroutines get no turn for long, like virtual
		 * CPUs.
		 */
		if (patient) {
			patient--;
			if (starved >> i & 1)
				continue;
		} else if (rng_one_in(&dice, 256)) {
			starved = (uint32_t)(rng_next(&dice) & rng_next(&dice));
			patient = rng_below(&dice, 4000);
		}

		if (!c->lives || (c->frozen && !c->kernel) ||
		    (c->ready && !c->ready(c->arg)))
			continue;
		c->ready = NULL;
		if (turns++ > PATIENCE)
			wrong("nothing moves");
		running = i;
		world_switch(c->guest);
		enter(c);
		running = -1;
	}
}
