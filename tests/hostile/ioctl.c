/* SPDX-License-Identifier: GPL-2.0 */
/* Operations on descriptors of /dev/ivc: see ioctl.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <ivc/protocol/abi.h>
#include "ioctl.h"

#define CTXS 12
#define CHANS 24
#define THREADS 6

/* Only numbers: a descriptor that one thread closes another may open anew. */
static int ctxs[CTXS], chans[CHANS];
static uint64_t magic;
static volatile time_t since[THREADS];
static volatile unsigned int doing[THREADS];
static unsigned long calls, opened;
static volatile int stop;
static unsigned int too_long = 15;

static int swap(int *slot, int fd)
{
	return __atomic_exchange_n(slot, fd, __ATOMIC_RELAXED);
}

static void keep(struct rng *r, int fd)
{
	__atomic_fetch_add(&opened, 1, __ATOMIC_RELAXED);
	close(swap(&chans[below(r, CHANS)], fd));
}

/* Change some bytes of a right argument. */
static void mutate(struct rng *r, void *arg, size_t size)
{
	uint8_t *p = arg;
	uint32_t n = below(r, 4) ? 0 : 1 + below(r, 3);

	while (n--)
		p[below(r, (uint32_t)size)] = (uint8_t)rnd(r);
}

static void ask_hosts(struct rng *r, int fd, uint64_t *member)
{
	struct ivc_abi_host hosts[64] = { 0 };
	struct ivc_abi_hosts h = { .count = 64 };

	h.buf = (uintptr_t)memory_any(r, hosts);
	mutate(r, &h.count, 4);
	if (!ioctl(fd, IVC_IOC_HOSTS, memory_any(r, &h)) && h.count &&
	    h.count <= 64)
		*member = hosts[below(r, h.count)].member;
}

static void context_step(struct rng *r)
{
	static __thread uint64_t member = 1;
	int *slot = &ctxs[below(r, CTXS)];
	struct ivc_abi_register reg = { .magic = magic, .id = below(r, 40) };
	struct ivc_abi_connect con = { .member = member,
				       .tx_size = 4096u << below(r, 5),
				       .rx_size = 4096u << below(r, 5) };
	struct ivc_abi_accept acc = { 0 };
	struct ivc_abi_event ev;
	struct ivc_abi_version v;

	switch (below(r, 16)) {
	case 0:
	case 1:
		close(swap(slot, open("/dev/ivc", O_RDWR | O_CLOEXEC)));
		break;
	case 2:
	case 3:
		mutate(r, &reg, sizeof(reg));
		ioctl(*slot, IVC_IOC_REGISTER, memory_any(r, &reg));
		break;
	case 4:
		ask_hosts(r, *slot, &member);
		break;
	case 5:
		ioctl(*slot, IVC_IOC_NEXT_EVENT, memory_any(r, &ev));
		break;
	case 6:
		ioctl(*slot, IVC_IOC_VERSION, memory_any(r, &v));
		break;
	case 7:
		keep(r, dup(*slot));
		break;
	case 8:
	case 9:
	case 10:
		if (!below(r, 4))
			acc.tx_max = 4096u << below(r, 5);
		mutate(r, &acc, 4);
		if (!ioctl(*slot, IVC_IOC_ACCEPT, memory_any(r, &acc)) &&
		    acc.fd > 2)
			keep(r, acc.fd);
		break;
	default:
		ask_hosts(r, *slot, &member);
		con.member = member;
		mutate(r, &con, sizeof(con));
		if (!ioctl(*slot, IVC_IOC_CONNECT, memory_any(r, &con)) &&
		    con.fd > 2)
			keep(r, con.fd);
		break;
	}
}

static void channel_step(struct rng *r)
{
	int *slot = &chans[below(r, CHANS)];
	struct ivc_abi_delivery delivery = { .from = rnd(r) >> below(r, 32) };
	struct ivc_abi_info info;
	struct ivc_abi_undelivered un = { .len = below(r, 5000),
					  .offset = below(r, 5000) };
	struct pollfd p = { .fd = *slot, .events = POLLIN | POLLOUT | POLLPRI };
	char buf[5000];

	switch (below(r, 16)) {
	case 0:
		close(swap(slot, -1));
		break;
	case 1:
		ioctl(*slot, IVC_IOC_INFO, memory_any(r, &info));
		break;
	case 2:
		ioctl(*slot, IVC_IOC_KICK, rnd(r));
		break;
	case 3:
		ioctl(*slot, IVC_IOC_ARM, rnd(r));
		break;
	case 4:
		if (!below(r, 4))
			ioctl(*slot, IVC_IOC_CLOSE, 0);
		break;
	case 5:
		mutate(r, &delivery, sizeof(delivery));
		ioctl(*slot, IVC_IOC_DELIVERY, memory_any(r, &delivery));
		break;
	case 6:
		un.buf = (uintptr_t)memory_any(r, buf);
		if (!below(r, 8))
			un.len = (uint64_t)rnd(r) << 32 | rnd(r);
		ioctl(*slot, IVC_IOC_UNDELIVERED, memory_any(r, &un));
		break;
	case 7:
		poll(&p, 1, (int)below(r, 10));
		break;
	case 8: /* any ioctl, known or not, on either kind */
		ioctl(below(r, 2) ? *slot : ctxs[below(r, CTXS)],
		      _IOC(below(r, 4), IVC_IOC, below(r, 32), below(r, 80)),
		      memory_any(r, buf));
		break;
	case 9: /* other system calls on a descriptor */
		if (read(*slot, buf, 64) < 0 && write(*slot, buf, 64) < 0)
			lseek(*slot, rnd(r), SEEK_SET);
		ftruncate(*slot, below(r, 2)) ? (void)0 : abort();
		break;
	default:
		memory_map(r, *slot);
		break;
	}
}

/* A child inherits descriptors but no mapping; it continues for a moment. */
static void fork_step(struct rng *r)
{
	pid_t pid = fork();
	int i, status;

	if (!pid) {
		alarm(too_long);
		for (i = 0; i < 30; i++) {
			channel_step(r);
			context_step(r);
		}
		_exit(0);
	}
	if (pid < 0)
		return;
	if (below(r, 2))
		kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static void *run(void *arg)
{
	unsigned int me = (unsigned int)(uintptr_t)arg;
	struct rng r = { 88172645463325252ull + 7919 * me + magic +
			 (uint64_t)getpid() };
	unsigned long n = 0;

	while (!stop) {
		since[me] = time(NULL);
		doing[me] = below(&r, 1000);
		if (doing[me] == 0)
			fork_step(&r);
		else if (doing[me] < 300)
			context_step(&r);
		else if (doing[me] < 600)
			channel_step(&r);
		else
			memory_step(&r);
		n++;
	}
	since[me] = 0;
	__atomic_fetch_add(&calls, n, __ATOMIC_RELAXED);
	return NULL;
}

/* Report the thread that hangs. */
static void watch(time_t now)
{
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		if (since[i] && now - since[i] > (time_t)too_long) {
			fprintf(stderr, "FAIL: thread %u hangs in step %u\n", i,
				doing[i]);
			_exit(1);
		}
	}
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	time_t end;
	unsigned int i;

	if (argc < 3) {
		fprintf(stderr, "usage: ivc-ioctl MAGIC SECONDS [TOO-LONG]\n");
		return 2;
	}
	magic = strtoull(argv[1], NULL, 0);
	end = time(NULL) + atoi(argv[2]);
	if (argc > 3)
		too_long = (unsigned int)atoi(argv[3]);
	/* Where allocations are made to fail, this one may fail, too. */
	for (i = 0; i < 100; i++) {
		ctxs[0] = open("/dev/ivc", O_RDWR | O_CLOEXEC);
		if (ctxs[0] >= 0 || errno != ENOMEM)
			break;
	}
	if (ctxs[0] < 0) {
		perror("/dev/ivc");
		return 1;
	}
	for (i = 1; i < CTXS; i++)
		ctxs[i] = -1;
	for (i = 0; i < CHANS; i++)
		chans[i] = -1;
	memory_begin();
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, run,
				   (void *)(uintptr_t)i))
			return 1;
	while (time(NULL) < end) {
		sleep(1);
		watch(time(NULL));
	}
	stop = 1;
	for (i = 0; i < too_long; i++) {
		watch(time(NULL));
		usleep(200000);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("ioctl: %lu steps, %lu descriptors of channels\n", calls,
	       opened);
	return opened ? 0 : 1;
}
