/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a test says to the stubs: domains, threads, processes, xenstore, faults.
 * README.md has an example.
 */
#ifndef STUB_H
#define STUB_H

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <xen/xenbus.h>

/* -------------------------------------------------------------- domains */

struct stub_dom;

/* PV or PVH, with interrupts and xenstore's thread. Never freed. */
struct stub_dom *stub_dom_new(domid_t id, bool pv);
domid_t stub_domid(const struct stub_dom *d);
/* From here on this thread runs in the kernel of @d. */
void stub_enter(struct stub_dom *d);
/* Whose kernel it is in. Ends the program if there is none. */
struct stub_dom *stub_current(void);

/* A thread in @d's kernel, and its end. */
pthread_t stub_thread(struct stub_dom *d, void *(*fn)(void *arg), void *arg);
void stub_join(pthread_t t);

/* A thread that stands here is held for up to @us microseconds, at random, so
 * that others get in between. 0: never (the default).
 */
void stub_jitter(unsigned int us);
/*
 * And calls this, as an allocation does that may sleep; it takes no lock. NULL:
 * nothing.
 */
void stub_at_pause(void (*fn)(void));

/* ---------------------------------------------------- drivers under test */

int stub_back_init(void);
void stub_back_exit(void);
int stub_front_init(void);
void stub_front_exit(void);
/* The same driver with variables of its own: of another guest. */
int stub_front2_init(void);
void stub_front2_exit(void);

/* ------------------------------------------------------------- processes */

struct stub_proc;

/* A process of the thread's domain, and into it: system calls below are its. */
struct stub_proc *stub_proc_new(unsigned int max_fds);
void stub_proc_enter(struct stub_proc *p);
/* A child, with its parent's descriptors and what it inherits of its memory. */
struct stub_proc *stub_fork(void);
/* Another program: it has no memory, and no descriptor, of the one before. */
void stub_exec(void);
/* What it has ends as when a process dies: memory first, then descriptors. */
void stub_proc_exit(struct stub_proc *p);
/* A fatal signal for each thread of it. */
void stub_proc_kill(struct stub_proc *p);

/* System calls: as in Linux, -errno. */
int stub_open(const char *misc);
int stub_close(int fd);
int stub_dup(int fd);
long stub_ioctl(int fd, unsigned int cmd, void *arg);
unsigned int stub_poll(int fd, unsigned int events, int ms);
/* -errno as a pointer: IS_ERR(). */
void *stub_mmap(size_t len, int prot, int flags, int fd, off_t off);
int stub_munmap(void *at, size_t len);
void *stub_mremap(void *at, size_t old, size_t len, int flags, void *to);
int stub_madvise(void *at, size_t len, int advice);
int stub_mprotect(void *at, size_t len, int prot);
/* Load or store one byte as the process: 0, or the signal that it gets. */
int stub_touch(void *at, bool write);
struct file *stub_file(int fd);

/* -------------------------------------------------------------- xenstore */

void stub_write(const char *path, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* The value, to be freed by free(), or NULL. */
char *stub_read(const char *path);
void stub_rm(const char *path);
/*
 * What a toolstack writes for a device of @front in @back, and the devices that
 * the two kernels make of it.
 */
void stub_attach(struct stub_dom *back, struct stub_dom *front);
/* Only the nodes, and the backend's device: the test is the frontend. */
void stub_attach_back(struct stub_dom *back, struct stub_dom *front);
/* Only the nodes, and the frontend's device: the test is the backend. */
void stub_attach_front(struct stub_dom *back, struct stub_dom *front);
/* Everything that is queued for xenstore's thread of @d has been handled. */
void stub_store_flush(struct stub_dom *d);
/* The frontend's and the backend's directory. */
void stub_path(char *to, size_t size, const struct stub_dom *back,
	       const struct stub_dom *front, bool backend);
/*
 * Suspend and resume the frontend devices of @d, as xenstore's thread does. In
 * between the guest is frozen: freezable work waits, and an allocation that may
 * wait for a disk ends the program. Processes are threads of the test: it must
 * not let them run meanwhile.
 */
void stub_suspend(struct stub_dom *d);
void stub_resume(struct stub_dom *d);
/* Instead of the latter: the suspend was cancelled. */
void stub_cancel_suspend(struct stub_dom *d);

/* ------------------------------------------------------------ accounting */

struct stub_count {
	u64 grants;   /* not ended */
	u64 handles;  /* of grants mapped */
	u64 ports;    /* open */
	u64 irqs;     /* bound */
	u64 eois;     /* late EOIs, and how many of them */
	u64 spurious; /* were flagged as spurious */
	u64 notified; /* hypercalls to notify */
};

struct stub_count stub_count(struct stub_dom *d);
/* Pages in use by all domains, and objects of kmalloc. */
u64 stub_pages(void);
u64 stub_objects(void);

/* How often something was charged to the process's control group. */
u64 stub_charges(struct stub_proc *p);

/* Limits, which a test may lower. */
void stub_max_grants(struct stub_dom *d, u32 n);
void stub_max_handles(struct stub_dom *d, u32 n);
void stub_max_ports(struct stub_dom *d, u32 n);

/* The @n-th allocation of memory from here on fails (1: the next); 0: none. */
void stub_fail(u64 n);

/* ------------------------------------------------------------- debugfs */

/* What is read from <dir>/<file>, to be freed by free(); NULL: no such file. */
char *stub_debugfs(const char *dir, const char *file);

/* ---------------------------------------------------------------- tests */

/*
 * A test is a function in a list; main() of test.c runs those named on the
 * command line, or all, each in a process of its own.
 */
struct stub_test {
	const char *name;
	void (*fn)(void);
};

extern const struct stub_test stub_tests[]; /* the last has no name */

/* How often: @n, or as many times more as STUB_TIMES says. */
unsigned int stub_times(unsigned int n);
/* A random number below @n, from STUB_SEED, different in each thread. */
u32 stub_random(u32 n);
/* Wait until it is true; if nothing happens for long, the test fails. */
#define STUB_WAIT_FOR(cond)                                                    \
	do {                                                                   \
		u64 end_ = ktime_get_ns() + 60 * NSEC_PER_SEC;                 \
                                                                               \
		while (!(cond)) {                                              \
			if (ktime_get_ns() > end_)                             \
				stub_bug("waiting for " #cond, __FILE__,       \
					 __LINE__);                            \
			usleep_range(50, 200);                                 \
		}                                                              \
	} while (0)
#define STUB_CHECK(cond)                                                       \
	do {                                                                   \
		if (!(cond))                                                   \
			stub_bug("not so: " #cond, __FILE__, __LINE__);        \
	} while (0)

#endif /* STUB_H */
