// SPDX-License-Identifier: GPL-2.0
/* Processes: descriptors, system calls, and copies to and from their memory. */
#include <stdlib.h>

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

void stub_proc_exit(struct stub_proc *p)
{
	struct stub_proc *before = stub_in_proc;
	unsigned int i;

	stub_proc_enter(p);
	stub_mm_exit(p->mm);
	for (i = 0; i < MAX_FDS; i++)
		if (p->file[i])
			fput(p->file[i]);
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
	if (file->f_op->flush)
		file->f_op->flush(file, p);
	fput(file);
	return 0;
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
