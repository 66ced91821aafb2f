/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An imitation of /dev/ivc, so that lib/xen.c goes through all its calls. The
 * behaviour after a failed call is libivc's own and needs no hypervisor.
 * $IVC_DEVICE names a file that has no ioctl(). Each ioctl() first goes to that
 * file, where it can fail on order, and is then answered here.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <ivc/protocol/abi.h>

#include "company.h"

#define RING 4096u
#define CHANNEL_SIZE (IVC_MAP_PEER + (1 << 20))

/*
 * Pages of zeros are the memory of an open channel, empty in both directions.
 */
static int channel(void)
{
	int fd = memfd_create("ivc-device", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, CHANNEL_SIZE))
		return -1;
	return fd;
}

static int answer(unsigned long request, void *arg)
{
	switch (request) {
	case IVC_IOC_VERSION:
		((struct ivc_abi_version *)arg)->abi = IVC_ABI_VERSION;
		((struct ivc_abi_version *)arg)->attached = 1;
		return 0;
	case IVC_IOC_REGISTER:
		((struct ivc_abi_register *)arg)->member = 1;
		return 0;
	case IVC_IOC_HOSTS: {
		struct ivc_abi_hosts *hosts = arg;
		struct ivc_abi_host peer = { .member = 2, .id = PEER };

		hosts->total = 1;
		hosts->count = hosts->count > 0;
		if (hosts->count)
			memcpy((void *)(uintptr_t)hosts->buf, &peer,
			       sizeof(peer));
		return 0;
	}
	case IVC_IOC_CONNECT:
		((struct ivc_abi_connect *)arg)->fd = channel();
		return 0;
	case IVC_IOC_ACCEPT:
		((struct ivc_abi_accept *)arg)->fd = channel();
		return 0;
	case IVC_IOC_INFO:
		((struct ivc_abi_info *)arg)->state = IVC_ABI_OPEN;
		((struct ivc_abi_info *)arg)->tx_size = RING;
		((struct ivc_abi_info *)arg)->rx_size = RING;
		return 0;
	case IVC_IOC_NEXT_EVENT:
		errno = EAGAIN;
		return -1;
	default: /* KICK, ARM, CLOSE */
		return 0;
	}
}

/* The program's own ioctl(), found before the one of the preloaded library. */
int ioctl(int fd, unsigned long request, ...)
{
	static __typeof__(ioctl) *next;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (!next)
		next = (__typeof__(ioctl) *)dlsym(RTLD_NEXT, "ioctl");
	/* ENOTTY comes from the file, any other error was ordered. */
	if (next(fd, request, arg) < 0 && errno != ENOTTY && errno != EINVAL)
		return -1;
	return answer(request, arg);
}

int device_scenario(const char **step)
{
	static const struct ivc_channel_options stuck = { .timeout_ms =
								  STUCK_MS };
	ivc_channel *own = NULL, *theirs = NULL;
	ivc_context *ctx;
	struct ivc_event ev;
	ivc_peer peer;
	int ret;

	*step = "ivc_register";
	errno = 0;
	ctx = ivc_register(MAGIC, SUBJECT);
	if (!ctx)
		return errno ? -errno : -EINVAL;
	*step = "ivc_find";
	ret = ivc_find(ctx, PEER, STUCK_MS, &peer);
	if (ret)
		goto out;
	*step = "ivc_connect_opt";
	ret = ivc_connect_opt(ctx, peer, &stuck, &own);
	if (ret)
		goto out;
	*step = "ivc_accept_opt";
	ret = ivc_accept_opt(ctx, &stuck, &theirs);
	if (ret)
		goto out;
	*step = "ivc_arm";
	ret = ivc_arm(own, IVC_READABLE);
	if (ret)
		goto out;
	/* The peer has joined, or the list of members failed. */
	*step = "ivc_next_event";
	ret = ivc_next_event(ctx, &ev, 0);
	if (ret > 0)
		ret = 0;
out:
	ivc_close(own);
	ivc_close(theirs);
	ivc_unregister(ctx);
	return ret;
}
