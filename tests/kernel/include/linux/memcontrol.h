/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who is charged for memory: stub/memcg.c. Charges are counted and never given
 * back; there is no limit.
 */
#ifndef STUB_LINUX_MEMCONTROL_H
#define STUB_LINUX_MEMCONTROL_H

#include <linux/mm.h>
#include <linux/sched.h>

struct mem_cgroup {
	u32 refs;
	u64 charges;
};

/* With a reference. NULL: of no process. */
struct mem_cgroup *get_mem_cgroup_from_mm(struct mm_struct *mm);
/* NULL is fine. */
void mem_cgroup_put(struct mem_cgroup *memcg);

#endif
