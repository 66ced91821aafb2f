/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ivc-peer: a process that writes random bytes to all memory of a channel that
 * it can write, at full speed, while an honest program (victim.c) uses the
 * other end. It uses the ioctls of include/ivc/protocol/abi.h directly, since
 * libivc would not do this.
 *
 *   ivc-peer MAGIC SECONDS
 *
 * It also tries to write the pages of the peer and of its own kernel, which
 * must fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <ivc/protocol/abi.h>
#include "../fuzz/fuzz.h"
#include "log.h"

#define OUR_ID 666u
#define PAGE 4096u

static void random_bytes(uint8_t *buf, size_t len)
{
	static uint64_t s = 2463534242u;
	size_t i;

	for (i = 0; i < len; i++) {
		s ^= s << 13;
		s ^= s >> 7;
		s ^= s << 17;
		buf[i] = (uint8_t)(s >> 24);
	}
}

static void *map(int fd, off_t at, size_t size, int prot)
{
	void *p = mmap(NULL, size, prot, MAP_SHARED, fd, at);

	return p == MAP_FAILED ? NULL : p;
}

/* Map again, or move: both must fail, and the mapping must stay usable. */
static void once_and_here(int fd, off_t at, uint8_t *map_at, size_t size)
{
	int i;

	must(!map(fd, at, size, PROT_READ) && errno == EBUSY);
	for (i = 0; i < 3; i++) {
		void *there = mmap(NULL, size, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		must(there != MAP_FAILED);
		must(mremap(map_at, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
			    there) == MAP_FAILED);
		(void)*(volatile uint8_t *)map_at;
		(void)*(volatile uint8_t *)(map_at + size - 1);
	}
	must(!map(fd, at, size, PROT_READ) && errno == EBUSY);
	must(madvise(map_at, size, MADV_DOFORK));
}

/* Try every way to write to the pages of the peer and of the kernel. */
static void forbidden(int fd, uint8_t *peer, size_t peer_size, void *kctl)
{
	static const char word[8] = "written";
	int mem;

	must(!map(fd, IVC_MAP_PEER, peer_size, PROT_READ | PROT_WRITE));
	must(!map(fd, IVC_MAP_KCTL, PAGE, PROT_READ | PROT_WRITE));
	must(mprotect(peer, peer_size, PROT_READ | PROT_WRITE));
	must(mprotect(kctl, PAGE, PROT_READ | PROT_WRITE));
	must(mprotect(peer, peer_size, PROT_READ | PROT_EXEC));
	must(mremap(peer, peer_size, peer_size + PAGE, MREMAP_MAYMOVE) ==
	     MAP_FAILED);
	mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	must(mem >= 0);
	must(pwrite(mem, word, sizeof(word), (off_t)(uintptr_t)peer) < 0);
	must(pwrite(mem, word, sizeof(word), (off_t)(uintptr_t)kctl) < 0);
	close(mem);
	/* Memory beyond the channel cannot be mapped. */
	must(!map(fd, IVC_MAP_PEER + peer_size, PAGE, PROT_READ));
	must(!map(fd, IVC_MAP_PEER, peer_size + PAGE, PROT_READ));
	must(!map(fd, IVC_MAP_OWN + 0x0ffff000, PAGE, PROT_READ));
	must(!map(fd, IVC_MAP_KCTL, 2 * PAGE, PROT_READ));
}

static void scribble(int fd, const struct ivc_abi_info *info, int ms)
{
	size_t own_size = PAGE + info->tx_size,
	       peer_size = PAGE + info->rx_size;
	uint8_t *own = map(fd, IVC_MAP_OWN, own_size, PROT_READ | PROT_WRITE);
	uint8_t *peer = map(fd, IVC_MAP_PEER, peer_size, PROT_READ);
	const struct ivc_kctl *kctl = map(fd, IVC_MAP_KCTL, PAGE, PROT_READ);
	const struct ivc_ctrl *reader = (const void *)peer;
	int64_t end = now_ms() + ms;
	uint8_t bytes[4096];
	uint32_t sum = 0, i;

	must(own && peer && kctl);
	forbidden(fd, peer, peer_size, (void *)(uintptr_t)kctl);
	once_and_here(fd, IVC_MAP_PEER, peer, peer_size);
	once_and_here(fd, IVC_MAP_OWN, own, own_size);
	once_and_here(fd, IVC_MAP_KCTL, (uint8_t *)(uintptr_t)kctl, PAGE);
	while (now_ms() < end) {
		struct script s = { bytes, sizeof(bytes) };

		random_bytes(bytes, sizeof(bytes));
		while (s.left) {
			uint32_t at =
				ivc_reader_cell(ivc_load(&reader->reader_pos));

			/*
			 * Where the victim reads, and how far this side could
			 * have.
			 */
			scribble_ring(&s, own + PAGE, info->tx_size / IVC_CELL,
				      at);
			scribble_ctrl(&s, (struct ivc_ctrl *)own, at);
		}
		for (i = 0; i < peer_size; i += 512)
			sum += peer[i];
		ioctl(fd, IVC_IOC_KICK);
	}
	/*
	 * Close some channels, leave others, and let some mappings outlive
	 * them.
	 */
	if (sum & 1)
		ioctl(fd, IVC_IOC_CLOSE);
	close(fd);
	random_bytes(own, own_size);
	munmap(own, own_size);
	munmap(peer, peer_size);
	munmap((void *)(uintptr_t)kctl, PAGE);
}

/* A channel that is established, or is being established. */
static bool use(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	struct ivc_abi_info info = { 0 };

	/* Shorter than the victims wait for an accept, or all wait in vain. */
	if (poll(&p, 1, 300) <= 0 || ioctl(fd, IVC_IOC_INFO, &info) ||
	    info.state != IVC_ABI_OPEN) {
		close(fd);
		return false;
	}
	scribble(fd, &info, ms);
	return true;
}

int main(int argc, char **argv)
{
	struct ivc_abi_register reg = { .id = OUR_ID };
	unsigned long accepted = 0, connected = 0;
	int64_t end;
	int ctx;

	must(argc == 3);
	reg.magic = strtoull(argv[1], NULL, 0);
	end = now_ms() + atoi(argv[2]) * 1000;
	ctx = open("/dev/ivc", O_RDWR | O_CLOEXEC);
	must(ctx >= 0 && !ioctl(ctx, IVC_IOC_REGISTER, &reg));
	while (now_ms() < end) {
		struct ivc_abi_accept acc = { 0 };
		struct ivc_abi_host hosts[16] = { 0 };
		struct ivc_abi_hosts h = { .buf = (uintptr_t)hosts,
					   .count = 16 };
		uint32_t i;

		if (!ioctl(ctx, IVC_IOC_ACCEPT, &acc))
			accepted += use(acc.fd, 150);
		if (ioctl(ctx, IVC_IOC_HOSTS, &h))
			continue;
		for (i = 0; i < h.count; i++) {
			struct ivc_abi_connect con = { .member =
							       hosts[i].member,
						       .tx_size = 4096 };

			if (!ioctl(ctx, IVC_IOC_CONNECT, &con))
				connected += use(con.fd, 150);
		}
	}
	printf("peer: %lu channels accepted, %lu connected\n", accepted,
	       connected);
	return accepted && connected ? 0 : 1;
}
