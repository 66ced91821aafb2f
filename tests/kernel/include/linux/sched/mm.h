/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STUB_LINUX_SCHED_MM_H
#define STUB_LINUX_SCHED_MM_H

#include <linux/sched.h>
#include <linux/slab.h>

static inline unsigned int memalloc_noio_save(void)
{
	unsigned int flags = current->flags & PF_MEMALLOC_NOIO;

	current->flags |= PF_MEMALLOC_NOIO;
	return flags;
}

static inline void memalloc_noio_restore(unsigned int flags)
{
	current->flags = (current->flags & ~PF_MEMALLOC_NOIO) | flags;
}

static inline struct mem_cgroup *set_active_memcg(struct mem_cgroup *memcg)
{
	struct mem_cgroup *before = current->active_memcg;

	current->active_memcg = memcg;
	return before;
}

#endif
