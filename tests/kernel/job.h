/* SPDX-License-Identifier: GPL-2.0 */
/* A guest with the real frontend at the real backend, and a process in it. */
#ifndef JOB_H
#define JOB_H

#include <ivc/protocol/abi.h>

#include "stub.h"

#define JOB_MAGIC 7

struct job {
	struct stub_dom *dom0, *dom;
	struct stub_proc *proc;
	int ctx; /* registered as JOB_MAGIC, 1 */
	u64 member;
};

/* Dom0 with the backend, domain 1 attached to it, and a process of it. */
void job_begin(struct job *j, bool pv);
void job_enter(struct job *j);
/* The process ends, then the frontend's module; and the backend's. */
void job_end(struct job *j);
void job_exit(struct job *j);

/* A descriptor of the current process, registered as process @id. */
int job_register(u32 id, u64 *member);
/* A descriptor, or -errno. */
int job_connect(int ctx, u64 member, u32 size);
/* A descriptor of the first offer that comes, or -errno. */
int job_accept(int ctx);
struct ivc_abi_info job_info(int fd);
/* Check that all that the frontend holds is charged, once work has ended. */
void job_audit(void);

#endif /* JOB_H */
