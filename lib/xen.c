/* SPDX-License-Identifier: MIT */
/*
 * The transport between Xen guests: /dev/ivc of ivc-front, see abi.h.
 *
 * The library trusts the kernel, which fills in sizes, members and errors, and
 * has checked everything that comes from the peer.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "channel.h"
#include "context.h"

#define IVC_PAGE 4096u

_Static_assert(sizeof(struct ivc_abi_host) == sizeof(ivc_peer),
	       "hosts are converted in place");

static int xen_ioctl(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) < 0 ? -errno : 0;
}

/* -ENODEV for each error that means "not an IVC device". */
static int xen_no_device(int err)
{
	switch (err) {
	case ENOENT:
	case ENOTDIR:
	case ENXIO:
	case ENOTTY:
		return -ENODEV;
	default:
		return -err;
	}
}

static int xen_open(struct ivc_context *ctx)
{
	/*
	 * NULL in a set-user-id program: its caller must not choose the device.
	 */
	const char *path = secure_getenv("IVC_DEVICE");
	struct ivc_abi_version version = { 0 };
	int ret;

	if (!path || !*path)
		path = "/dev/ivc";
	ctx->fd = open(path, O_RDWR | O_CLOEXEC);
	if (ctx->fd < 0)
		return xen_no_device(errno);
	ret = xen_ioctl(ctx->fd, IVC_IOC_VERSION, &version);
	if (ret)
		return xen_no_device(-ret);
	if (version.abi != IVC_ABI_VERSION)
		return -EPROTONOSUPPORT;
	ctx->attached = version.attached;
	ctx->offers = (struct pollfd){ ctx->fd, POLLIN, 0 };
	ctx->events = (struct pollfd){ ctx->fd, POLLPRI, 0 };
	return 0;
}

static int xen_enroll(struct ivc_context *ctx)
{
	struct ivc_abi_register reg = { .magic = ctx->magic, .id = ctx->id };
	int ret = xen_ioctl(ctx->fd, IVC_IOC_REGISTER, &reg);

	if (ret)
		return ret;
	ctx->member = reg.member;
	ctx->domid = (uint16_t)reg.domid;
	return 0;
}

/*
 * The variable is changed before the close(), so that xen_orphan() in a child
 * cannot close a descriptor that has another use by then.
 */
static void xen_close_fd(int *fd)
{
	int old = *fd;

	*fd = -1;
	if (old >= 0)
		close(old);
}

static void xen_leave(struct ivc_context *ctx)
{
	xen_close_fd(&ctx->fd);
}

static void xen_orphan(struct ivc_context *ctx)
{
	xen_close_fd(&ctx->fd);
}

/* Without IVC_IOC_CLOSE, which would end the parent's channel, too. */
static void xen_orphan_channel(struct ivc_channel *ch)
{
	xen_close_fd(&ch->fd);
}

static ivc_peer xen_peer(const struct ivc_abi_host *host)
{
	return (ivc_peer){ .id = host->id,
			   .member = host->member,
			   .domid = host->domid,
			   .local = host->local };
}

static int xen_hosts(struct ivc_context *ctx, ivc_peer *peers, uint32_t max,
		     uint32_t *written, int64_t deadline)
{
	struct ivc_abi_hosts hosts = { .buf = (uintptr_t)peers, .count = max };
	struct ivc_abi_host host;
	uint32_t i;
	int ret;

	(void)deadline; /* the driver has its own bound */
	ret = xen_ioctl(ctx->fd, IVC_IOC_HOSTS, &hosts);
	if (ret)
		return ret;
	if (hosts.count > max || hosts.total > INT32_MAX)
		return -EPROTO;
	for (i = 0; i < hosts.count; i++) {
		memcpy(&host, &peers[i], sizeof(host));
		peers[i] = xen_peer(&host);
	}
	*written = hosts.count;
	return (int)hosts.total;
}

static int xen_event(struct ivc_context *ctx, struct ivc_abi_event *ev)
{
	return xen_ioctl(ctx->fd, IVC_IOC_NEXT_EVENT, ev);
}

static int xen_connect(struct ivc_context *ctx, struct ivc_channel *ch,
		       uint64_t member, uint32_t tx_size, uint32_t rx_size,
		       int64_t deadline)
{
	struct ivc_abi_connect conn = { .member = member,
					.tx_size = tx_size,
					.rx_size = rx_size,
					.fd = -1 };
	int ret = xen_ioctl(ctx->fd, IVC_IOC_CONNECT, &conn);

	(void)deadline;
	if (!ret)
		ch->fd = conn.fd;
	return ret;
}

static int xen_accept(struct ivc_context *ctx, struct ivc_channel *ch,
		      uint32_t tx_max, int64_t deadline)
{
	struct ivc_abi_accept acc = { .tx_max = tx_max, .fd = -1 };
	int ret = xen_ioctl(ctx->fd, IVC_IOC_ACCEPT, &acc);

	(void)deadline;
	if (ret)
		return ret;
	ch->fd = acc.fd;
	ch->peer = xen_peer(&acc.peer);
	return 0;
}

static int xen_info(const struct ivc_channel *ch, struct ivc_abi_info *info)
{
	return xen_ioctl(ch->fd, IVC_IOC_INFO, info);
}

static int xen_map_one(int fd, uint64_t offset, size_t size, int prot,
		       void *out)
{
	void *p = mmap(NULL, size, prot, MAP_SHARED, fd, (off_t)offset);

	/*
	 * EAGAIN means that the memory cannot be locked (mlockall(2)). In the
	 * library -EAGAIN means "not yet".
	 */
	if (p == MAP_FAILED)
		return errno == EAGAIN ? -ENOMEM : -errno;
	memcpy(out, &p, sizeof(p));
	return 0;
}

/* After a failure xen_close() unmaps the parts mapped so far. */
static int xen_map(struct ivc_channel *ch, const struct ivc_abi_info *info)
{
	struct ivc_map *m = &ch->map;
	int ret;

	if (!ivc_ring_size_ok(info->tx_size) ||
	    !ivc_ring_size_ok(info->rx_size))
		return -EPROTO;
	m->own_size = IVC_PAGE + info->tx_size;
	m->peer_size = IVC_PAGE + info->rx_size;
	ret = xen_map_one(ch->fd, IVC_MAP_KCTL, IVC_PAGE, PROT_READ, &m->kctl);
	if (ret)
		return ret;
	ret = xen_map_one(ch->fd, IVC_MAP_OWN, m->own_size,
			  PROT_READ | PROT_WRITE, &m->own);
	if (ret)
		return ret;
	return xen_map_one(ch->fd, IVC_MAP_PEER, m->peer_size, PROT_READ,
			   &m->peer);
}

static int xen_kick(const struct ivc_channel *ch)
{
	return xen_ioctl(ch->fd, IVC_IOC_KICK, NULL);
}

static int xen_arm(const struct ivc_channel *ch)
{
	return xen_ioctl(ch->fd, IVC_IOC_ARM, NULL);
}

static int xen_delivery(const struct ivc_channel *ch,
			struct ivc_abi_delivery *delivery)
{
	return xen_ioctl(ch->fd, IVC_IOC_DELIVERY, delivery);
}

static int xen_undelivered(const struct ivc_channel *ch,
			   struct ivc_abi_undelivered *un)
{
	return xen_ioctl(ch->fd, IVC_IOC_UNDELIVERED, un);
}

static void xen_unmap(const void *p, size_t size)
{
	if (p)
		munmap((void *)p, size);
}

static void xen_close(struct ivc_channel *ch)
{
	struct ivc_map *m = &ch->map;

	/* Without this the peer would be told that this process has died. */
	if (ch->fd >= 0)
		(void)xen_ioctl(ch->fd, IVC_IOC_CLOSE, NULL);
	xen_unmap(m->peer, m->peer_size);
	xen_unmap(m->own, m->own_size);
	xen_unmap(m->kctl, IVC_PAGE);
	memset(m, 0, sizeof(*m));
	xen_close_fd(&ch->fd);
}

const struct ivc_transport ivc_xen = {
	.open = xen_open,
	.enroll = xen_enroll,
	.leave = xen_leave,
	.hosts = xen_hosts,
	.event = xen_event,
	.connect = xen_connect,
	.accept = xen_accept,
	.info = xen_info,
	.map = xen_map,
	.kick = xen_kick,
	.arm = xen_arm,
	.delivery = xen_delivery,
	.undelivered = xen_undelivered,
	.close = xen_close,
	.orphan = xen_orphan,
	.orphan_channel = xen_orphan_channel,
	.established = POLLOUT,
};
