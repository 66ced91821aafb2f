// SPDX-License-Identifier: GPL-2.0
/* /dev/ivc: the descriptor of a context. include/ivc/protocol/abi.h is its
 * manual. */
#include <linux/file.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "front.h"

/* The limit of one IVC_IOC_HOSTS */
#define MAX_HOSTS 65536u

static int get_version(void __user *arg)
{
	struct ivc_abi_version v = {
		.abi = IVC_ABI_VERSION,
		.protocol = IVC_PROTOCOL_VERSION,
		.features = IVC_FEATURE_LOCAL | IVC_FEATURE_KEEP |
			    IVC_FEATURE_LEAVE,
		.ring_min = 1u << IVC_RING_MIN_SHIFT,
		.ring_max = 1u << IVC_RING_MAX_SHIFT,
		.ring_default = 1u << IVC_RING_DEFAULT_SHIFT,
		.attached = !!READ_ONCE(ivc_front.dev),
	};

	return copy_to_user(arg, &v, sizeof(v)) ? -EFAULT : 0;
}

static int do_register(struct ivc_ctx *ctx, void __user *arg)
{
	struct ivc_abi_register reg;
	int err;

	if (copy_from_user(&reg, arg, sizeof(reg)))
		return -EFAULT;
	if (reg.flags || reg.reserved)
		return -EINVAL;
	err = ivcf_ctx_register(ctx, reg.magic, reg.id);
	if (err)
		return err;
	spin_lock(&ctx->lock);
	reg.member = ctx->member;
	reg.domid = ctx->domid;
	spin_unlock(&ctx->lock);
	return copy_to_user(arg, &reg, sizeof(reg)) ? -EFAULT : 0;
}

static int do_hosts(struct ivc_ctx *ctx, void __user *arg)
{
	struct ivc_abi_host *hosts;
	struct ivc_abi_hosts h;
	u32 epoch, i;
	u64 member;
	int err;

	if (copy_from_user(&h, arg, sizeof(h)))
		return -EFAULT;
	if (h.reserved)
		return -EINVAL;
	member = ivcf_ctx_member(ctx, &epoch);
	if (!member)
		return ivcf_ctx_registered(ctx) ? -ENODEV : -ENOTCONN;
	h.count = min(h.count, MAX_HOSTS);
	hosts = kvcalloc(max(h.count, 1u), sizeof(*hosts), GFP_KERNEL_ACCOUNT);
	if (!hosts)
		return -ENOMEM;
	err = ivcf_hosts(epoch, member, hosts, h.count, &h.total,
			 &h.generation);
	if (err)
		goto out;
	h.count = min(h.count, h.total);
	for (i = 0; i < h.count; i++)
		hosts[i].local = hosts[i].domid == ctx->domid;
	if (copy_to_user(u64_to_user_ptr(h.buf), hosts,
			 h.count * sizeof(*hosts)) ||
	    copy_to_user(arg, &h, sizeof(h)))
		err = -EFAULT;
out:
	kvfree(hosts);
	return err;
}

/*
 * Give the process a descriptor of @ch, and take over the caller's reference.
 * The descriptor's number goes to @fdp, which is part of @copy, before @copy is
 * copied out. The file is installed last: until then no other thread can reach
 * it.
 */
static int hand_over(struct ivc_chan *ch, void __user *arg, void *copy,
		     size_t size, __s32 *fdp)
{
	int fd = get_unused_fd_flags(O_CLOEXEC);
	struct file *file;
	int err;

	if (fd < 0) {
		err = fd;
		goto err_chan;
	}
	file = ivcf_channel_file(ch);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto err_fd;
	}
	*fdp = fd;
	if (copy_to_user(arg, copy, size)) {
		put_unused_fd(fd);
		fput(file); /* closes the channel */
		return -EFAULT;
	}
	fd_install(fd, file);
	return 0;

err_fd:
	put_unused_fd(fd);
err_chan:
	ivcf_chan_drop(ch, -ECONNRESET);
	return err;
}

static int do_connect(struct ivc_ctx *ctx, void __user *arg)
{
	struct ivc_abi_connect con;
	struct ivc_chan *ch;
	int err;

	if (copy_from_user(&con, arg, sizeof(con)))
		return -EFAULT;
	if (con.reserved)
		return -EINVAL;
	err = ivcf_connect(ctx, &con, &ch);
	if (err)
		return err;
	return hand_over(ch, arg, &con, sizeof(con), &con.fd);
}

static int do_accept(struct ivc_ctx *ctx, void __user *arg)
{
	struct ivc_abi_accept acc;
	struct ivc_chan *ch;
	int err;

	if (copy_from_user(&acc, arg, sizeof(acc)))
		return -EFAULT;
	if (acc.reserved)
		return -EINVAL;
	err = ivcf_accept(ctx, &acc, &ch);
	if (err)
		return err;
	return hand_over(ch, arg, &acc, sizeof(acc), &acc.fd);
}

static int do_event(struct ivc_ctx *ctx, void __user *arg)
{
	struct ivc_abi_event ev;
	int err = ivcf_ctx_next_event(ctx, &ev);

	if (err)
		return err;
	return copy_to_user(arg, &ev, sizeof(ev)) ? -EFAULT : 0;
}

static long ctx_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ivc_ctx *ctx = file->private_data;
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case IVC_IOC_VERSION:
		return get_version(uarg);
	case IVC_IOC_REGISTER:
		return do_register(ctx, uarg);
	case IVC_IOC_HOSTS:
		return do_hosts(ctx, uarg);
	case IVC_IOC_CONNECT:
		return do_connect(ctx, uarg);
	case IVC_IOC_ACCEPT:
		return do_accept(ctx, uarg);
	case IVC_IOC_NEXT_EVENT:
		return do_event(ctx, uarg);
	default:
		return -ENOTTY;
	}
}

static __poll_t ctx_poll(struct file *file, poll_table *wait)
{
	struct ivc_ctx *ctx = file->private_data;
	__poll_t mask = 0;

	poll_wait(file, &ctx->wq, wait);
	spin_lock(&ctx->lock);
	if (ctx->nr_offers || (ivcf_ctx_registered(ctx) && !ctx->member))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (ctx->channels || ctx->detached || ctx->attached ||
	    ctx->hosts_changed)
		mask |= EPOLLPRI;
	spin_unlock(&ctx->lock);
	return mask;
}

static int ctx_open(struct inode *inode, struct file *file)
{
	struct ivc_ctx *ctx = ivcf_ctx_new();

	if (!ctx)
		return -ENOMEM;
	file->private_data = ctx;
	return stream_open(inode, file);
}

/* For each close(), exit() and exec() of each process that has a descriptor. */
static int ctx_flush(struct file *file, fl_owner_t id)
{
	struct ivc_ctx *ctx = file->private_data;

	if (ivcf_owner_leaves(READ_ONCE(ctx->owner), file, id))
		ivcf_ctx_end(ctx);
	return 0;
}

static int ctx_release(struct inode *inode, struct file *file)
{
	struct ivc_ctx *ctx = file->private_data;

	ivcf_ctx_end(ctx);
	ivcf_ctx_put(ctx);
	return 0;
}

static const struct file_operations ctx_fops = {
	.owner = THIS_MODULE,
	.open = ctx_open,
	.flush = ctx_flush,
	.release = ctx_release,
	.unlocked_ioctl = ctx_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = ctx_poll,
	.llseek = noop_llseek,
};

static struct miscdevice ivc_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ivc",
	.fops = &ctx_fops,
	.mode = 0660, /* udev gives it to group ivc: scripts/60-ivc.rules */
};

int ivcf_context_fd_init(void)
{
	return misc_register(&ivc_misc);
}

void ivcf_context_fd_exit(void)
{
	misc_deregister(&ivc_misc);
}
