// SPDX-License-Identifier: GPL-2.0
/*
 * The descriptor of a channel: ioctl, poll, mmap, close.
 *
 * Each descriptor has an inode of its own. unmap_mapping_range() revokes all
 * mappings of an inode, and must not reach other channels. The inodes are in a
 * file system that users cannot mount. It is mounted while such a file exists,
 * and holds the module until its superblock is gone, which is after the last
 * file.
 */
#include <linux/file.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/poll.h>
#include <linux/pseudo_fs.h>
#include <linux/uaccess.h>

#include "front.h"

#define IVC_FS_MAGIC 0x49564346 /* "IVCF" */

static struct vfsmount *ivc_mnt; /* for simple_pin_fs() */
static int ivc_mnt_count;

static void chan_info(struct ivc_chan *ch, struct ivc_abi_info *info)
{
	memset(info, 0, sizeof(*info));
	mutex_lock(&ch->lock);
	switch (ch->state) {
	case IVC_CHAN_NEW:
	case IVC_CHAN_OFFERED:
		info->state = IVC_ABI_CONNECTING;
		break;
	case IVC_CHAN_OPEN:
	case IVC_CHAN_LEFT:
	case IVC_CHAN_KEPT:
		info->state = IVC_ABI_OPEN;
		break;
	default:
		info->state = IVC_ABI_CLOSED;
		info->status = ch->status;
	}
	info->peer = ch->peer;
	info->tx_size = ch->tx_size;
	info->rx_size = ch->established ? ch->rx_size : 0;
	info->kicks = ch->kicks;
	info->wakeups = READ_ONCE(ch->wakeups);
	info->spurious = READ_ONCE(ch->spurious);
	info->kept = ch->unread_bytes;
	mutex_unlock(&ch->lock);
}

static int chan_kick(struct ivc_chan *ch)
{
	int ret;

	mutex_lock(&ch->lock);
	switch (ch->state) {
	case IVC_CHAN_OPEN:
		ch->kicks++;
		ivcf_doorbell_ring(ch);
		fallthrough;
	case IVC_CHAN_LEFT:
	case IVC_CHAN_KEPT:
		ret = 0;
		break;
	default:
		ret = ch->status ?: -ENOTCONN;
	}
	mutex_unlock(&ch->lock);
	return ret;
}

static long chan_delivery(struct ivc_chan *ch, void __user *arg)
{
	struct ivc_abi_delivery delivery;
	int err;

	if (copy_from_user(&delivery, arg, sizeof(delivery)))
		return -EFAULT;
	if (delivery.reserved)
		return -EINVAL;
	mutex_lock(&ch->lock);
	err = ivcf_delivery(ch, &delivery);
	mutex_unlock(&ch->lock);
	if (err)
		return err;
	return copy_to_user(arg, &delivery, sizeof(delivery)) ? -EFAULT : 0;
}

static long chan_undelivered(struct ivc_chan *ch, void __user *arg)
{
	struct ivc_abi_undelivered un;
	int err = 0;

	if (copy_from_user(&un, arg, sizeof(un)))
		return -EFAULT;
	if (un.reserved)
		return -EINVAL;
	mutex_lock(&ch->lock);
	if (ch->state != IVC_CHAN_ENDED)
		err = ch->tx_state == IVC_TX_LIVE ? -EINVAL : -EAGAIN;
	else if (ch->status == -EPROTO)
		err = -EPROTO;
	mutex_unlock(&ch->lock);
	if (!err)
		err = ivcf_undelivered_copy(ch, &un);
	if (err)
		return err;
	return copy_to_user(arg, &un, sizeof(un)) ? -EFAULT : 0;
}

static long chan_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ivc_chan *ch = file->private_data;
	struct ivc_abi_info info;

	switch (cmd) {
	case IVC_IOC_KICK:
		return chan_kick(ch);
	case IVC_IOC_ARM:
		WRITE_ONCE(ch->rung, false);
		WRITE_ONCE(ch->armed, true);
		return 0;
	case IVC_IOC_INFO:
		chan_info(ch, &info);
		return copy_to_user((void __user *)arg, &info, sizeof(info))
			       ? -EFAULT
			       : 0;
	case IVC_IOC_CLOSE:
		/* A child must not close the channel of its parent. */
		if (ch->owner != ivcf_owner())
			return -EPERM;
		ivcf_chan_close(ch, -EPIPE);
		return 0;
	case IVC_IOC_DELIVERY:
		return chan_delivery(ch, (void __user *)arg);
	case IVC_IOC_UNDELIVERED:
		return chan_undelivered(ch, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

static __poll_t chan_poll(struct file *file, poll_table *wait)
{
	struct ivc_chan *ch = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &ch->wq, wait);
	switch (READ_ONCE(ch->state)) {
	case IVC_CHAN_NEW:
	case IVC_CHAN_OFFERED:
		break;
	case IVC_CHAN_OPEN:
	case IVC_CHAN_LEFT:
	case IVC_CHAN_KEPT:
		mask = EPOLLOUT | EPOLLWRNORM;
		if (READ_ONCE(ch->rung))
			mask |= EPOLLIN | EPOLLRDNORM;
		break;
	default:
		mask = EPOLLIN | EPOLLRDNORM | EPOLLHUP;
	}
	return mask;
}

static int chan_mmap(struct file *file, struct vm_area_struct *vma)
{
	return ivcf_mmap(file->private_data, vma);
}

/* For each close(), exit() and exec() of each process that has a descriptor. */
static int chan_flush(struct file *file, fl_owner_t id)
{
	struct ivc_chan *ch = file->private_data;

	if (ivcf_owner_leaves(ch->owner, file, id))
		ivcf_chan_close(ch, -ECONNRESET);
	return 0;
}

/* No mapping is left, because each mapping holds the file. */
static int chan_release(struct inode *inode, struct file *file)
{
	/* Does nothing if the process has closed the channel in order. */
	ivcf_chan_drop(file->private_data, -ECONNRESET);
	simple_release_fs(&ivc_mnt, &ivc_mnt_count);
	return 0;
}

static const struct file_operations chan_fops = {
	.owner = THIS_MODULE,
	.flush = chan_flush,
	.release = chan_release,
	.unlocked_ioctl = chan_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = chan_poll,
	.mmap = chan_mmap,
	.llseek = noop_llseek,
};

static int ivc_init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, IVC_FS_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type ivc_fs_type = {
	.owner = THIS_MODULE,
	.name = "ivc",
	.init_fs_context = ivc_init_fs_context,
	.kill_sb = kill_anon_super,
};

/*
 * Make a file for @ch, which belongs to the current process. Takes over the
 * caller's reference.
 */
struct file *ivcf_channel_file(struct ivc_chan *ch)
{
	struct inode *inode;
	struct file *file;
	int err;

	err = simple_pin_fs(&ivc_fs_type, &ivc_mnt, &ivc_mnt_count);
	if (err)
		return ERR_PTR(err);
	inode = alloc_anon_inode(ivc_mnt->mnt_sb);
	if (IS_ERR(inode)) {
		file = ERR_CAST(inode);
		goto err_fs;
	}
	__module_get(
		THIS_MODULE); /* fput() puts it, because of chan_fops.owner */
	file = alloc_file_pseudo(inode, ivc_mnt, "ivc", O_RDWR, &chan_fops);
	if (IS_ERR(file))
		goto err_inode;
	file->private_data = ch;
	ch->owner = ivcf_owner();
	mutex_lock(&ch->lock);
	WRITE_ONCE(ch->mapping, inode->i_mapping);
	mutex_unlock(&ch->lock);
	return file;

err_inode:
	module_put(THIS_MODULE);
	iput(inode);
err_fs:
	simple_release_fs(&ivc_mnt, &ivc_mnt_count);
	return file;
}
