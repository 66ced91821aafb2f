/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files, descriptors, devices, memory of processes, debugfs: stub/file.c and
 * stub/process.c.
 */
#ifndef STUB_LINUX_FS_H
#define STUB_LINUX_FS_H

#include <fcntl.h>
#include <poll.h>

#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/wait.h>

struct super_block;

struct address_space {
	struct rw_semaphore i_mmap_rwsem;
	struct list_head i_mmap;
};

struct inode {
	refcount_t refs;
	struct address_space i_data;
	struct address_space *i_mapping;
	void *i_private;
	struct super_block *i_sb;
};

struct file_operations;

struct file {
	refcount_t refs;
	const struct file_operations *f_op;
	void *private_data;
	struct inode *f_inode;
	struct address_space *f_mapping;
	struct vfsmount *mnt; /* NULL: /dev */
	unsigned int f_flags;
};

typedef unsigned int __poll_t;
typedef struct poll_table_struct poll_table;
typedef void *fl_owner_t;
struct seq_file;

struct file_operations {
	struct module *owner;
	loff_t (*llseek)(struct file *file, loff_t off, int whence);
	long (*unlocked_ioctl)(struct file *file, unsigned int cmd,
			       unsigned long arg);
	long (*compat_ioctl)(struct file *file, unsigned int cmd,
			     unsigned long arg);
	int (*mmap)(struct file *file, struct vm_area_struct *vma);
	int (*open)(struct inode *inode, struct file *file);
	int (*flush)(struct file *file, fl_owner_t id);
	int (*release)(struct inode *inode, struct file *file);
	__poll_t (*poll)(struct file *file, poll_table *wait);
	int (*stub_show)(struct seq_file *s, void *unused);
};

#define EPOLLIN POLLIN
#define EPOLLPRI POLLPRI
#define EPOLLOUT POLLOUT
#define EPOLLERR POLLERR
#define EPOLLHUP POLLHUP
#define EPOLLRDNORM 0x40
#define EPOLLWRNORM 0x100

static inline void poll_wait(struct file *file, wait_queue_head_t *wq,
			     poll_table *wait)
{
	(void)file;
	(void)wait;
	READ_ONCE(wq->wakeups);
}

loff_t noop_llseek(struct file *file, loff_t off, int whence);
long compat_ptr_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
int stream_open(struct inode *inode, struct file *file);
struct file *get_file(struct file *file);
void fput(struct file *file);
int get_unused_fd_flags(unsigned int flags);
void put_unused_fd(unsigned int fd);
void fd_install(unsigned int fd, struct file *file);

#define file_count(file) refcount_read(&(file)->refs)

static inline struct inode *file_inode(const struct file *file)
{
	return file->f_inode;
}

/* ------------------------------------------------------- pseudo fs */

struct vfsmount {
	struct super_block *mnt_sb;
	refcount_t refs;
};

struct fs_context {
	void *fs_private;
};

struct file_system_type {
	const char *name;
	struct module *owner;
	int (*init_fs_context)(struct fs_context *fc);
	void (*kill_sb)(struct super_block *sb);
};

void *init_pseudo(struct fs_context *fc, unsigned long magic);
void kill_anon_super(struct super_block *sb);
int simple_pin_fs(struct file_system_type *type, struct vfsmount **mount,
		  int *count);
void simple_release_fs(struct vfsmount **mount, int *count);
struct inode *alloc_anon_inode(struct super_block *sb);
void iput(struct inode *inode);
struct file *alloc_file_pseudo(struct inode *inode, struct vfsmount *mnt,
			       const char *name, int flags,
			       const struct file_operations *fops);

/* ---------------------------------------------------- /dev, debugfs */

#define MISC_DYNAMIC_MINOR 255

struct miscdevice {
	int minor;
	const char *name;
	const struct file_operations *fops;
	unsigned short mode;
	void *stub_dom;
	struct list_head stub_node;
};

int misc_register(struct miscdevice *m);
void misc_deregister(struct miscdevice *m);

struct dentry;

struct dentry *debugfs_create_dir(const char *name, struct dentry *parent);
struct dentry *debugfs_create_file(const char *name, unsigned short mode,
				   struct dentry *parent, void *data,
				   const struct file_operations *fops);
void debugfs_remove_recursive(struct dentry *d);
#define debugfs_remove(d) debugfs_remove_recursive(d)

void seq_puts(struct seq_file *s, const char *text);
void seq_printf(struct seq_file *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define DEFINE_SHOW_ATTRIBUTE(name)                                            \
	static const struct file_operations name##_fops = {                    \
		.stub_show = name##_show,                                      \
	}

/* ----------------------------------------------- memory of a process */

unsigned long copy_from_user(void *to, const void __user *from,
			     unsigned long n);
unsigned long copy_to_user(void __user *to, const void *from, unsigned long n);

static inline void __user *u64_to_user_ptr(u64 p)
{
	return (void __user *)(unsigned long)p;
}

#endif
