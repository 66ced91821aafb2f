/* SPDX-License-Identifier: GPL-2.0 */
/* The thread's task: of a process, or of the kernel. */
#ifndef STUB_LINUX_SCHED_H
#define STUB_LINUX_SCHED_H

#include <linux/kernel.h>

#define PF_MEMALLOC_NOIO 0x00080000u

struct files_struct;
struct mm_struct;
struct mem_cgroup;

struct task_struct {
	struct mm_struct *mm; /* NULL, and the next: a kernel thread */
	struct files_struct *files;
	unsigned int flags;
	struct mem_cgroup *active_memcg;
};

extern _Thread_local struct task_struct stub_task;
#define current (&stub_task)

#endif
