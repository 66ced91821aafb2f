/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ivc-faults: makes the kernel's allocations and user copies fail, one at a
 * time (/proc/self/fail-nth, on the debug kernel). The program repeats the life
 * of a channel; in each life another point fails: the first, the second, and so
 * on until all have failed once. Each call must succeed or return an error that
 * the fault explains, and the life after it must be complete.
 *
 *   ivc-faults connect|accept MAGIC    as root; the other end is ivc-victim
 *   ivc-faults load FILE NAME          as root; the module is not loaded
 *   ivc-faults bind BUS DEVICE         as root; the module is loaded, and the
 *                                      device exists and is not bound
 *
 * "load" loads and unloads the module instead, without a device; "bind" binds
 * the driver to the device and unbinds it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <ivc/protocol/abi.h>
#include "log.h"

#define OUR_ID 666u
#define PAGE 4096u
#define RING (16 * PAGE)
#define ENOUGH 20 /* fewer points cannot be all */

static int nth_fd;
static uint64_t magic;
static bool accepting;
static sigjmp_buf out;

static void fail_at(unsigned int n)
{
	char s[16];

	snprintf(s, sizeof(s), "%u", n);
	/* A rest of the last fault may hit this copy, and is used up then. */
	if (pwrite(nth_fd, s, strlen(s), 0) < 0 &&
	    (errno != EFAULT || pwrite(nth_fd, s, strlen(s), 0) < 0))
		die("/proc/self/fail-nth: %s", strerror(errno));
}

/* Whether the point has failed. */
static bool has_failed(void)
{
	char s[16] = { 0 };

	return pread(nth_fd, s, sizeof(s) - 1, 0) > 0 && atoi(s) == 0;
}

static void fault(int sig)
{
	(void)sig;
	siglongjmp(out, 1);
}

/*
 * A call has failed: for lack of memory, because its argument could not be
 * copied, or because an earlier step had failed.
 */
static bool excused(int err)
{
	switch (err) {
	case ENOMEM:
	case EFAULT:
	case EINTR:
	case EAGAIN:
	case ENFILE:
	case EMFILE:
	case ENOSPC:
	case ECONNABORTED:
	case ECONNRESET:
	case ECONNREFUSED:
	case EPIPE:
	case EPROTO:
	case ENOTCONN:
		return true;
	default:
		return false;
	}
}

static int failed(const char *what, unsigned int nth)
{
	int err = errno;

	fail_at(0);
	if (!nth || !excused(err))
		die("%s, with point %u failing: %s", what, nth, strerror(err));
	return -1;
}

static int open_channel(int ctx, unsigned int nth)
{
	struct ivc_abi_host hosts[16] = { 0 };
	struct ivc_abi_hosts h = { .buf = (uintptr_t)hosts, .count = 16 };
	struct ivc_abi_connect con = { .tx_size = RING, .rx_size = RING };
	struct ivc_abi_accept acc = { 0 };
	struct pollfd p = { .fd = ctx, .events = POLLIN };
	int tries;

	if (accepting) {
		if (poll(&p, 1, 5000) <= 0)
			return failed("no offer", nth);
		if (ioctl(ctx, IVC_IOC_ACCEPT, &acc))
			return failed("ACCEPT", nth);
		return acc.fd;
	}
	if (ioctl(ctx, IVC_IOC_HOSTS, &h))
		return failed("HOSTS", nth);
	/* In the first life the victim may still be starting. */
	for (tries = 0; !h.count && !nth && tries < 300; tries++) {
		sleep_ms(100);
		h.count = 16;
		if (ioctl(ctx, IVC_IOC_HOSTS, &h))
			return failed("HOSTS", nth);
	}
	if (!h.count)
		die("the victim has ended");
	con.member = hosts[0].member;
	if (ioctl(ctx, IVC_IOC_CONNECT, &con))
		return failed("CONNECT", nth);
	p = (struct pollfd){ .fd = con.fd, .events = POLLOUT };
	if (poll(&p, 1, 5000) <= 0)
		errno = EAGAIN;
	else
		return con.fd;
	close(con.fd);
	return failed("nobody accepts", nth);
}

static int use_channel(int fd, unsigned int nth)
{
	struct ivc_abi_info info = { 0 };
	struct ivc_abi_delivery delivery = { 0 };
	uint8_t *own, *peer;
	void *kctl;
	int sum = 0;

	if (ioctl(fd, IVC_IOC_INFO, &info))
		return failed("INFO", nth);
	if (info.state != IVC_ABI_OPEN) {
		if (!nth)
			return -1;
		errno = ECONNRESET;
		return failed("not open", nth);
	}
	kctl = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, IVC_MAP_KCTL);
	own = mmap(NULL, PAGE + info.tx_size, PROT_READ | PROT_WRITE,
		   MAP_SHARED, fd, IVC_MAP_OWN);
	peer = mmap(NULL, PAGE + info.rx_size, PROT_READ, MAP_SHARED, fd,
		    IVC_MAP_PEER);
	if (kctl == MAP_FAILED || own == MAP_FAILED || peer == MAP_FAILED) {
		failed("mmap", nth);
	} else if (!sigsetjmp(out, 1)) {
		/* A page fault can report an error only by a signal. */
		memset(own + PAGE, 0, info.tx_size);
		sum = peer[0] + peer[PAGE] + *(uint8_t *)kctl;
	}
	if (kctl != MAP_FAILED)
		munmap(kctl, PAGE);
	if (own != MAP_FAILED)
		munmap(own, PAGE + info.tx_size);
	if (peer != MAP_FAILED)
		munmap(peer, PAGE + info.rx_size);
	ioctl(fd, IVC_IOC_ARM);
	ioctl(fd, IVC_IOC_KICK);
	ioctl(fd, IVC_IOC_CLOSE);
	ioctl(fd, IVC_IOC_DELIVERY, &delivery);
	return sum < 0;
}

/*
 * One life, in which the @nth point fails if there are so many. *@whole: the
 * life had a channel, and used it.
 */
static bool live_once(unsigned int nth, bool *whole)
{
	struct ivc_abi_register reg = { .magic = magic, .id = OUR_ID };
	struct ivc_abi_event ev;
	bool hit;
	int ctx, fd = -1;

	fail_at(nth);
	ctx = open("/dev/ivc", O_RDWR | O_CLOEXEC);
	if (ctx < 0)
		failed("open", nth);
	else if (ioctl(ctx, IVC_IOC_REGISTER, &reg))
		failed("REGISTER", nth);
	else
		fd = open_channel(ctx, nth);
	*whole = fd >= 0 && !use_channel(fd, nth);
	if (fd >= 0)
		close(fd);
	if (ctx >= 0) {
		ioctl(ctx, IVC_IOC_NEXT_EVENT, &ev);
		close(ctx);
	}
	/* A life that the fault ended early has used up the count. */
	hit = has_failed();
	fail_at(0);
	return nth && hit;
}

static bool live(unsigned int nth)
{
	bool hit, whole;
	int tries = 0;

	do {
		/* The victim uses a channel for 150 ms only. */
		hit = live_once(nth, &whole);
	} while (!nth && !whole && ++tries < 20);
	if (!nth && !whole)
		die("no channel was open in %d lives", tries);
	return hit;
}

static const char *file, *name;

static void unload(void)
{
	int tries;

	/* A reader of the module's files holds the module for a moment. */
	for (tries = 0; tries < 100; tries++) {
		if (!syscall(SYS_delete_module, name, O_NONBLOCK))
			return;
		sleep_ms(100);
	}
	die("%s cannot be unloaded: %s", name, strerror(errno));
}

static bool load(unsigned int nth)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	bool loaded, hit;

	if (fd < 0)
		die("%s: %s", file, strerror(errno));
	fail_at(nth);
	loaded = !syscall(SYS_finit_module, fd, "", 0);
	hit = nth && has_failed();
	if (loaded)
		fail_at(0);
	else
		failed("finit_module", nth);
	close(fd);
	if (loaded)
		unload();
	return hit;
}

/* The driver's file @what, to be told of the device; *@hit: with a failure. */
static int tell_driver(const char *what, unsigned int nth, bool *hit)
{
	char path[64];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/sys/bus/%s/drivers/ivc/%s", file, what);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	fail_at(nth);
	if (write(fd, name, strlen(name)) < 0)
		err = errno;
	*hit = nth && has_failed();
	fail_at(0);
	close(fd);
	return err;
}

static bool bind_once(unsigned int nth)
{
	bool hit, no;
	int err = tell_driver("bind", nth, &hit);

	/* The error of the bus, whatever it is. */
	if (err && !nth)
		die("bind: %s", strerror(err));
	/* ENODEV: the device was not bound. */
	err = tell_driver("unbind", 0, &no);
	if (err && (err != ENODEV || !nth))
		die("unbind: %s", strerror(err));
	return hit;
}

/* Repeat @once with each point failing once. Returns the number of points. */
static unsigned int each(bool (*once)(unsigned int nth))
{
	unsigned int nth = 1;

	once(0);
	while (once(nth)) {
		/* After each fault the next run must succeed. */
		if (!(nth++ % 8))
			once(0);
	}
	once(0);
	if (nth < ENOUGH)
		die("only %u points can fail", nth - 1);
	return nth - 1;
}

static const struct way {
	const char *word;
	int argc;
	bool (*once)(unsigned int nth);
} ways[] = {
	{ "connect", 3, live },
	{ "accept", 3, live },
	{ "load", 4, load },
	{ "bind", 4, bind_once },
	{ NULL },
};

int main(int argc, char **argv)
{
	const struct way *way;
	struct sigaction sa = { .sa_handler = fault, .sa_flags = SA_NODEFER };
	unsigned int points;

	for (way = ways; way->word; way++)
		if (argc == way->argc && !strcmp(argv[1], way->word))
			break;
	if (!way->word)
		die("usage: ivc-faults connect|accept MAGIC, load FILE NAME, "
		    "or bind BUS DEVICE");
	nth_fd = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth_fd < 0)
		die("/proc/self/fail-nth: %s", strerror(errno));
	if (way->once == live) {
		accepting = !strcmp(way->word, "accept");
		magic = strtoull(argv[2], NULL, 0);
		sigaction(SIGBUS, &sa, NULL);
		sigaction(SIGSEGV, &sa, NULL);
	} else {
		file = argv[2];
		name = argv[3];
	}
	points = each(way->once);
	passed("faults: %s: each of %u points has failed once", way->word,
	       points);
	return 0;
}
