// SPDX-License-Identifier: GPL-2.0
/*
 * Control groups of memory, one for each process. As
 * get_obj_cgroup_from_current() in mm/memcontrol.c of 6.1: with __GFP_ACCOUNT
 * the group is charged that the task has set, else its process's; a kernel
 * thread has none.
 */
#include <stdlib.h>

#include <linux/memcontrol.h>
#include <linux/sched/mm.h>

#include "inner.h"

_Thread_local struct task_struct stub_task;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct mem_cgroup *stub_memcg_new(void)
{
	struct mem_cgroup *memcg = calloc(1, sizeof(*memcg));

	BUG_ON(!memcg);
	memcg->refs = 1;
	return memcg;
}

struct mem_cgroup *get_mem_cgroup_from_mm(struct mm_struct *mm)
{
	struct mem_cgroup *memcg = mm ? mm->stub_memcg : NULL;

	if (!memcg)
		return NULL;
	stub_lock(&lock);
	memcg->refs++;
	stub_unlock(&lock);
	return memcg;
}

void mem_cgroup_put(struct mem_cgroup *memcg)
{
	bool last;

	if (!memcg)
		return;
	stub_lock(&lock);
	BUG_ON(!memcg->refs);
	last = !--memcg->refs;
	stub_unlock(&lock);
	if (last)
		free(memcg);
}

void stub_charge(gfp_t gfp)
{
	struct mem_cgroup *memcg = current->active_memcg;

	if (!(gfp & __GFP_ACCOUNT))
		return;
	if (!memcg && current->mm)
		memcg = current->mm->stub_memcg;
	if (!memcg)
		return;
	stub_lock(&lock);
	BUG_ON(!memcg->refs && "charged to a group that is gone");
	memcg->charges++;
	stub_unlock(&lock);
}

u64 stub_charges(struct stub_proc *p)
{
	u64 n;

	stub_lock(&lock);
	n = stub_proc_mm(p)->stub_memcg->charges;
	stub_unlock(&lock);
	return n;
}
