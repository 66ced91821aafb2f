// SPDX-License-Identifier: GPL-2.0
/* Files, inodes, /dev and debugfs, as far as the drivers need them. */
#include <stdarg.h>
#include <stdlib.h>

#include "inner.h"
#include "file.h"

/* -------------------------------------------------------------- inodes */

struct inode *stub_inode_new(void)
{
	struct inode *inode = calloc(1, sizeof(*inode));

	BUG_ON(!inode);
	refcount_set(&inode->refs, 1);
	init_rwsem(&inode->i_data.i_mmap_rwsem);
	INIT_LIST_HEAD(&inode->i_data.i_mmap);
	inode->i_mapping = &inode->i_data;
	return inode;
}

struct inode *alloc_anon_inode(struct super_block *sb)
{
	struct inode *inode;

	if (!stub_may_alloc(GFP_KERNEL))
		return ERR_PTR(-ENOMEM);
	inode = stub_inode_new();
	inode->i_sb = sb;
	return inode;
}

void iput(struct inode *inode)
{
	if (!refcount_dec_and_test(&inode->refs))
		return;
	BUG_ON(!list_empty(&inode->i_data.i_mmap));
	free(inode);
}

/* --------------------------------------------------------------- files */

struct super_block {
	struct file_system_type *type;
};

static pthread_mutex_t pin_lock = PTHREAD_MUTEX_INITIALIZER;
static void mnt_put(struct vfsmount *mnt);

struct file *stub_file_new(struct inode *inode, const struct file_operations *f)
{
	struct file *file = calloc(1, sizeof(*file));

	BUG_ON(!file);
	refcount_set(&file->refs, 1);
	file->f_op = f;
	file->f_inode = inode;
	file->f_mapping = inode->i_mapping;
	return file;
}

struct file *alloc_file_pseudo(struct inode *inode, struct vfsmount *mnt,
			       const char *name, int flags,
			       const struct file_operations *fops)
{
	struct file *file;

	(void)name;
	if (!stub_may_alloc(GFP_KERNEL))
		return ERR_PTR(-ENOMEM);
	/* The caller has taken the module for it. */
	file = stub_file_new(inode, fops);
	refcount_inc(&mnt->refs);
	file->mnt = mnt;
	file->f_flags = (unsigned int)flags;
	return file;
}

struct file *get_file(struct file *file)
{
	refcount_inc(&file->refs);
	return file;
}

/* At once; Linux does it a little later, when the thread holds nothing. */
void fput(struct file *file)
{
	if (!refcount_dec_and_test(&file->refs))
		return;
	might_sleep();
	if (file->f_op->release)
		file->f_op->release(file->f_inode, file);
	module_put(file->f_op->owner);
	stub_pause();
	iput(file->f_inode);
	mnt_put(file->mnt);
	free(file);
}

loff_t noop_llseek(struct file *file, loff_t off, int whence)
{
	(void)file;
	(void)off;
	(void)whence;
	return 0;
}

long compat_ptr_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return file->f_op->unlocked_ioctl(file, cmd, (u32)arg);
}

int stream_open(struct inode *inode, struct file *file)
{
	(void)inode;
	(void)file;
	return 0;
}

/* ----------------------------------------------------------- pseudo fs */

void *init_pseudo(struct fs_context *fc, unsigned long magic)
{
	(void)magic;
	return fc;
}

void kill_anon_super(struct super_block *sb)
{
	(void)sb;
}

/* The superblock holds the type's module for as long as it needs the type. */
static struct vfsmount *mount_new(struct file_system_type *type)
{
	struct fs_context fc = { NULL };
	struct vfsmount *mnt;

	if (!stub_may_alloc(GFP_KERNEL) || type->init_fs_context(&fc))
		return NULL;
	mnt = calloc(1, sizeof(*mnt));
	BUG_ON(!mnt);
	mnt->mnt_sb = calloc(1, sizeof(*mnt->mnt_sb));
	BUG_ON(!mnt->mnt_sb);
	mnt->mnt_sb->type = type;
	refcount_set(&mnt->refs, 1);
	BUG_ON(!type->owner && "the module may go before the superblock");
	__module_get(type->owner);
	return mnt;
}

static void mnt_put(struct vfsmount *mnt)
{
	struct file_system_type *type;

	if (!mnt || !refcount_dec_and_test(&mnt->refs))
		return;
	type = mnt->mnt_sb->type;
	type->kill_sb(mnt->mnt_sb);
	free(mnt->mnt_sb);
	free(mnt);
	module_put(type->owner);
}

int simple_pin_fs(struct file_system_type *type, struct vfsmount **mount,
		  int *count)
{
	int err = 0;

	stub_lock(&pin_lock);
	if (!*mount)
		*mount = mount_new(type);
	else
		refcount_inc(&(*mount)->refs);
	if (*mount)
		++*count;
	else
		err = -ENOMEM;
	stub_unlock(&pin_lock);
	return err;
}

void simple_release_fs(struct vfsmount **mount, int *count)
{
	struct vfsmount *mnt;

	stub_lock(&pin_lock);
	mnt = *mount;
	if (!--*count)
		*mount = NULL;
	stub_unlock(&pin_lock);
	mnt_put(mnt);
}

/* ---------------------------------------------------------------- /dev */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static LIST_HEAD(miscs);

int misc_register(struct miscdevice *m)
{
	if (!stub_may_alloc(GFP_KERNEL))
		return -ENOMEM;
	m->stub_dom = stub_current();
	stub_lock(&lock);
	list_add_tail(&m->stub_node, &miscs);
	stub_unlock(&lock);
	return 0;
}

void misc_deregister(struct miscdevice *m)
{
	stub_lock(&lock);
	list_del(&m->stub_node);
	stub_unlock(&lock);
}

/* ERR_PTR. */
struct file *stub_misc_open(const char *name)
{
	const struct file_operations *fops = NULL;
	struct miscdevice *m;
	struct inode *inode;
	struct file *file;
	int err;

	stub_lock(&lock);
	list_for_each_entry (m, &miscs, stub_node)
		if (!strcmp(m->name, name) && m->stub_dom == stub_current())
			fops = m->fops;
	stub_unlock(&lock);
	if (!fops)
		return ERR_PTR(-ENOENT);
	inode = stub_inode_new();
	file = stub_file_new(inode, fops);
	__module_get(fops->owner);
	err = fops->open(inode, file);
	if (!err)
		return file;
	module_put(fops->owner);
	free(file);
	iput(inode);
	return ERR_PTR(err);
}

/* ------------------------------------------------------------- debugfs */

struct dentry {
	struct list_head node;
	struct dentry *parent;
	const char *name;
	const struct file_operations *fops;
};

struct seq_file {
	FILE *to;
};

static LIST_HEAD(dentries);

struct dentry *debugfs_create_file(const char *name, unsigned short mode,
				   struct dentry *parent, void *data,
				   const struct file_operations *fops)
{
	struct dentry *d = calloc(1, sizeof(*d));

	(void)mode;
	(void)data;
	BUG_ON(!d);
	d->name = name;
	d->parent = parent;
	d->fops = fops;
	stub_lock(&lock);
	list_add_tail(&d->node, &dentries);
	stub_unlock(&lock);
	return d;
}

struct dentry *debugfs_create_dir(const char *name, struct dentry *parent)
{
	return debugfs_create_file(name, 0, parent, NULL, NULL);
}

/* Waits for readers. */
void debugfs_remove_recursive(struct dentry *dir)
{
	struct dentry *d, *next;

	if (IS_ERR_OR_NULL(dir))
		return;
	stub_lock(&lock);
	list_for_each_entry_safe (d, next, &dentries, node) {
		if (d->parent != dir)
			continue;
		list_del(&d->node);
		free(d);
	}
	list_del(&dir->node);
	stub_unlock(&lock);
	free(dir);
}

char *stub_debugfs(const char *dir, const char *file)
{
	struct seq_file s = { NULL };
	struct dentry *d;
	char *text = NULL;
	size_t len;

	stub_lock(&lock);
	list_for_each_entry (d, &dentries, node) {
		if (strcmp(d->name, file) || !d->parent ||
		    strcmp(d->parent->name, dir))
			continue;
		s.to = open_memstream(&text, &len);
		d->fops->stub_show(&s, NULL);
		fclose(s.to);
		break;
	}
	stub_unlock(&lock);
	return text;
}

void seq_puts(struct seq_file *s, const char *text)
{
	fputs(text, s->to);
}

void seq_printf(struct seq_file *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(s->to, fmt, args);
	va_end(args);
}
