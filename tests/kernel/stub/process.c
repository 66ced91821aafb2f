// SPDX-License-Identifier: GPL-2.0
/* Processes: descriptors, system calls, and copies to and from their memory. */
#include <stdlib.h>

#include <linux/fdtable.h>
#include <linux/sched.h>

#include "inner.h"
#include "file.h"

#define MAX_FDS 1024u

struct stub_proc {
	struct stub_dom *dom;
	struct mm_struct *mm;
	bool killed;
	pthread_mutex_t lock;
	unsigned int max_fds;
	struct file *file[MAX_FDS];
	bool taken[MAX_FDS];
};

_Thread_local struct stub_proc *stub_in_proc;

static struct stub_proc *current_proc(void)
{
	BUG_ON(!stub_in_proc);
	return stub_in_proc;
}

struct stub_proc *stub_proc_new(unsigned int max_fds)
{
	struct stub_proc *p = calloc(1, sizeof(*p));

	BUG_ON(!p || max_fds > MAX_FDS);
	p->dom = stub_current();
	p->max_fds = max_fds;
	p->mm = stub_mm_new();
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void stub_proc_enter(struct stub_proc *p)
{
	stub_in_proc = p;
	current->mm = p ? p->mm : NULL;
	current->files = (struct files_struct *)p;
	if (p)
		stub_in_dom = p->dom;
}

struct mm_struct *stub_proc_mm(struct stub_proc *p)
{
	return p->mm;
}

struct stub_proc *stub_fork(void)
{
	struct stub_proc *from = current_proc(), *p;
	unsigned int i;

	p = stub_proc_new(from->max_fds);
	stub_lock(&from->lock);
	for (i = 0; i < MAX_FDS; i++) {
		if (!from->file[i])
			continue;
		p->file[i] = get_file(from->file[i]);
		p->taken[i] = true;
	}
	stub_unlock(&from->lock);
	stub_mm_fork(from->mm, p->mm);
	return p;
}

void stub_proc_kill(struct stub_proc *p)
{
	WRITE_ONCE(p->killed, true);
}

bool stub_killed(void)
{
	return stub_in_proc && READ_ONCE(stub_in_proc->killed);
}

/* As filp_close(): for each descriptor, even if others have the file. */
static void close_file(struct stub_proc *p, struct file *file)
{
	if (file->f_op->flush)
		file->f_op->flush(file, p);
	fput(file);
}

static void close_all(struct stub_proc *p)
{
	unsigned int i;

	for (i = 0; i < MAX_FDS; i++)
		if (p->file[i])
			stub_close((int)i);
}

/* Memory first, then the descriptors, all of which are O_CLOEXEC. */
void stub_exec(void)
{
	struct stub_proc *p = current_proc();

	stub_mm_exit(p->mm);
	stub_mm_put(p->mm);
	p->mm = stub_mm_new();
	current->mm = p->mm;
	close_all(p);
}

void stub_proc_exit(struct stub_proc *p)
{
	struct stub_proc *before = stub_in_proc;

	stub_proc_enter(p);
	stub_mm_exit(p->mm);
	close_all(p);
	stub_mm_put(p->mm);
	pthread_mutex_destroy(&p->lock);
	stub_proc_enter(before == p ? NULL : before);
	free(p);
}

/* --------------------------------------------------------- descriptors */

int get_unused_fd_flags(unsigned int flags)
{
	struct stub_proc *p = current_proc();
	unsigned int i;

	(void)flags;
	stub_lock(&p->lock);
	for (i = 0; i < p->max_fds && p->taken[i]; i++)
		;
	if (i < p->max_fds)
		p->taken[i] = true;
	stub_unlock(&p->lock);
	return i < p->max_fds ? (int)i : -EMFILE;
}

void put_unused_fd(unsigned int fd)
{
	struct stub_proc *p = current_proc();

	stub_lock(&p->lock);
	BUG_ON(!p->taken[fd] || p->file[fd]);
	p->taken[fd] = false;
	stub_unlock(&p->lock);
}

void fd_install(unsigned int fd, struct file *file)
{
	struct stub_proc *p = current_proc();

	stub_lock(&p->lock);
	BUG_ON(!p->taken[fd] || p->file[fd]);
	p->file[fd] = file;
	stub_unlock(&p->lock);
}

/* With a reference, or NULL. */
struct file *stub_file(int fd)
{
	struct stub_proc *p = current_proc();
	struct file *file = NULL;

	if (fd < 0 || (unsigned int)fd >= MAX_FDS)
		return NULL;
	stub_lock(&p->lock);
	if (p->file[fd])
		file = get_file(p->file[fd]);
	stub_unlock(&p->lock);
	return file;
}

/* -------------------------------------------------------- system calls */

int stub_open(const char *misc)
{
	int fd = get_unused_fd_flags(0);
	struct file *file;

	if (fd < 0)
		return fd;
	file = stub_misc_open(misc);
	if (IS_ERR(file)) {
		put_unused_fd((unsigned int)fd);
		return (int)PTR_ERR(file);
	}
	fd_install((unsigned int)fd, file);
	return fd;
}

int stub_close(int fd)
{
	struct stub_proc *p = current_proc();
	struct file *file = NULL;

	stub_lock(&p->lock);
	if (fd >= 0 && (unsigned int)fd < MAX_FDS && p->file[fd]) {
		file = p->file[fd];
		p->file[fd] = NULL;
		p->taken[fd] = false;
	}
	stub_unlock(&p->lock);
	if (!file)
		return -EBADF;
	close_file(p, file);
	return 0;
}

int stub_dup(int fd)
{
	struct file *file = stub_file(fd);
	int copy;

	if (!file)
		return -EBADF;
	copy = get_unused_fd_flags(0);
	if (copy < 0)
		fput(file);
	else
		fd_install((unsigned int)copy, file);
	return copy;
}

int iterate_fd(struct files_struct *files, unsigned int from,
	       int (*fn)(const void *p, struct file *file, unsigned int fd),
	       const void *p)
{
	struct stub_proc *proc = (struct stub_proc *)files;
	int ret = 0;

	stub_lock(&proc->lock);
	for (; from < MAX_FDS && !ret; from++)
		if (proc->file[from])
			ret = fn(p, proc->file[from], from);
	stub_unlock(&proc->lock);
	return ret;
}

long stub_ioctl(int fd, unsigned int cmd, void *arg)
{
	struct file *file = stub_file(fd);
	long ret;

	if (!file)
		return -EBADF;
	ret = file->f_op->unlocked_ioctl(file, cmd, (unsigned long)arg);
	fput(file);
	return ret;
}

unsigned int stub_poll(int fd, unsigned int events, int ms)
{
	struct file *file = stub_file(fd);
	u64 seen, end = ktime_get_ns() + (u64)ms * NSEC_PER_MSEC;
	unsigned int got;

	if (!file)
		return POLLNVAL;
	for (;;) {
		seen = stub_wakeups();
		got = file->f_op->poll(file, NULL) &
		      (events | POLLHUP | POLLERR);
		if (got || stub_killed() || !ms ||
		    (ms > 0 && ktime_get_ns() >= end))
			break;
		stub_wait(seen, -1);
	}
	fput(file);
	return got;
}

/* NULL is the one address at which a process never has anything. */
unsigned long copy_from_user(void *to, const void *from, unsigned long n)
{
	might_sleep();
	stub_pause();
	if (!from)
		return n;
	memcpy(to, from, n);
	return 0;
}

unsigned long copy_to_user(void *to, const void *from, unsigned long n)
{
	might_sleep();
	stub_pause();
	if (!to)
		return n;
	memcpy(to, from, n);
	return 0;
}
