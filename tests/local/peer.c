/* SPDX-License-Identifier: GPL-2.0 */
/* A hostile peer of a process that uses libivc. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "hostile.h"

#define MAGIC 99
#define RING 65536u
#define SIZE (IVC_LOCAL_HEAD + RING)

/* Memory that is not as it must be. */
static int bad_memory(const char *how)
{
	uint8_t *map;
	int fd, p[2];

	if (!strcmp(how, "unsealed"))
		return raw_memory(SIZE, 0, NULL);
	if (!strcmp(how, "can shrink"))
		return raw_memory(SIZE, RAW_SEALS & ~F_SEAL_SHRINK, NULL);
	if (!strcmp(how, "can grow"))
		return raw_memory(SIZE, RAW_SEALS & ~F_SEAL_GROW, NULL);
	if (!strcmp(how, "can be written by others"))
		return raw_memory(SIZE, RAW_SEALS & ~0x10, NULL);
	if (!strcmp(how, "can be sealed"))
		return raw_memory(SIZE, RAW_SEALS & ~F_SEAL_SEAL, NULL);
	if (!strcmp(how, "short"))
		return raw_memory(SIZE - 4096, RAW_SEALS, NULL);
	if (!strcmp(how, "long"))
		return raw_memory(SIZE + 4096, RAW_SEALS, NULL);
	if (!strcmp(how, "empty"))
		return raw_memory(0, RAW_SEALS, NULL);
	if (!strcmp(how, "without a header")) {
		fd = raw_memory(SIZE, 0, &map);
		memset(map, 0, 4096);
		if (fcntl(fd, F_ADD_SEALS, RAW_SEALS))
			die("seals");
		return fd;
	}
	if (!strcmp(how, "cannot be read")) {
		char path[40];

		fd = raw_memory(SIZE, RAW_SEALS, NULL);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		p[0] = open(path, O_WRONLY | O_CLOEXEC);
		close(fd);
		return p[0];
	}
	if (!strcmp(how, "a file")) {
		char path[] = "/tmp/ivc-hostile-XXXXXX";

		fd = mkstemp(path);
		unlink(path);
		if (ftruncate(fd, SIZE))
			die("ftruncate");
		return fd;
	}
	if (!strcmp(how, "/dev/zero"))
		return open("/dev/zero", O_RDWR);
	if (!strcmp(how, "a directory"))
		return open("/", O_RDONLY);
	if (!strcmp(how, "a pipe")) {
		if (pipe(p))
			die("pipe");
		close(p[1]);
		return p[0];
	}
	if (!strcmp(how, "a socket"))
		return socket(AF_UNIX, SOCK_SEQPACKET, 0);
	return -1;
}

static const char *const memories[] = {
	"unsealed",
	"can shrink",
	"can grow",
	"can be written by others",
	"can be sealed",
	"short",
	"long",
	"empty",
	"without a header",
	"cannot be read",
	"a file",
	"/dev/zero",
	"a directory",
	"a pipe",
	"a socket",
};

#define N_MEMORIES (sizeof(memories) / sizeof(memories[0]))

/*
 * Greet with the memory @how, or wrongly in another way. Returns false for no
 * greeting.
 */
static bool greet(int sock, const char *how)
{
	struct ivc_local_greeting g = raw_greeting(RING);
	char buf[256] = { 0 };
	size_t len = sizeof(g);
	int fds[2], n = 1;

	fds[0] = bad_memory(how);
	if (fds[0] < 0)
		fds[0] = raw_memory(SIZE, RAW_SEALS, NULL);
	fds[1] = fds[0];
	if (!strcmp(how, "silence"))
		return false;
	if (!strcmp(how, "no descriptor"))
		n = 0;
	else if (!strcmp(how, "two descriptors"))
		n = 2;
	else if (!strcmp(how, "torn"))
		len = 10;
	else if (!strcmp(how, "too long"))
		len = 65;
	else if (!strcmp(how, "a doorbell"))
		len = 1;
	else if (!strcmp(how, "an empty packet"))
		len = 0;
	else if (!strcmp(how, "wrong magic"))
		g.magic ^= 1;
	else if (!strcmp(how, "wrong version"))
		g.version = IVC_LOCAL_VERSION + 1;
	else if (!strcmp(how, "another ring"))
		g.ring *= 2;
	else if (!strcmp(how, "an odd ring"))
		g.ring -= 1;
	else if (!strcmp(how, "reserved"))
		g.reserved[12] = 1;
	memcpy(buf, &g, sizeof(g));
	if (raw_send(sock, buf, len, fds, n))
		die("greeting: %s", strerror(errno));
	close(fds[0]);
	return true;
}

static const char *const greetings[] = {
	"silence",	 "no descriptor", "two descriptors", "torn",
	"too long",	 "a doorbell",	  "an empty packet", "wrong magic",
	"wrong version", "another ring",  "an odd ring",     "reserved",
};

#define N_GREETINGS (sizeof(greetings) / sizeof(greetings[0]))

static int offer(int fd, uint64_t member, uint64_t peer, int sock)
{
	struct ivc_msg msg = {
		.op = IVC_MSG_CONNECT,
		.member = member,
		.offer = { .peer = peer, .tx_shift = 16, .rx_shift = 16 }
	};

	return raw_call(fd, &msg, &sock, 1);
}

static void offer_one(int fd, uint64_t member, uint64_t peer, const char *what,
		      const char *how)
{
	int sv[2];

	raw_pair(sv);
	greet(sv[0], how);
	if (offer(fd, member, peer, sv[1]))
		die("the offer is not taken");
	close(sv[1]);
	check(raw_ended(sv[0], SOON_MS), "offer, %s: %s: refused", what, how);
	close(sv[0]);
}

/* After a wrong greeting, a descriptor that closes slowly. */
static void offer_lingering(int fd, uint64_t member, uint64_t peer)
{
	int sv[2], f, other = raw_lingering(&f);

	if (other < 0)
		return;
	raw_pair(sv);
	greet(sv[0], "torn");
	if (raw_send(sv[0], &f, 1, &f, 1))
		die("packet: %s", strerror(errno));
	close(f);
	if (offer(fd, member, peer, sv[1]))
		die("the offer is not taken");
	close(sv[1]);
	check(raw_ended(sv[0], SOON_MS),
	      "offer, and a descriptor that lingers: refused");
	close(sv[0]);
	offer_one(fd, member, peer, "beside what lingers", "unsealed");
	close(other);
}

/* Offers of a socket of which the hostile process keeps a copy. */
static void offer_kept(int fd, uint64_t member, uint64_t peer, const char *how)
{
	const struct sockaddr_un any = { .sun_family = AF_UNIX };
	struct pollfd pfd;
	const int yes = 1;
	int sv[2], flags;

	raw_pair(sv);
	if (!strcmp(how, "it brings its sender's pidfd")) {
		/* Linux before 6.5 has no such option. */
		(void)setsockopt(sv[1], SOL_SOCKET, 76 /* SO_PASSPIDFD */, &yes,
				 sizeof(yes));
		greet(sv[0], "torn");
	} else if (!strcmp(how, "it is full")) {
		greet(sv[0], "");
		flags = fcntl(sv[1], F_GETFL);
		fcntl(sv[1], F_SETFL, flags | O_NONBLOCK);
		while (!raw_send(sv[1], "", 1, NULL, 0))
			;
	} else {
		close(sv[1]);
		sv[1] = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		if (bind(sv[1], (const void *)&any, sizeof(any.sun_family)) ||
		    listen(sv[1], 1))
			die("listen: %s", strerror(errno));
	}
	if (offer(fd, member, peer, sv[1]))
		die("the offer is not taken");
	/* The victim has shut the socket down, which shows on every copy. */
	pfd = (struct pollfd){ .fd = sv[1] };
	check(poll(&pfd, 1, SOON_MS) == 1, "offer, a socket: %s: refused", how);
	close(sv[0]);
	close(sv[1]);
}

/*
 * As many descriptors as possible, of which the last one lingers, over a socket
 * whose options make the kernel add data to each packet. Nothing may be cut
 * off.
 */
static void offer_added(int fd, uint64_t member, uint64_t peer)
{
	static const int options[] = { SO_PASSCRED, SO_TIMESTAMP, SO_PASSSEC,
				       76 /* SO_PASSPIDFD */ };
	int sv[2], fds[RAW_FDS_MAX], last, other = raw_lingering(&last);
	const int yes = 1;
	size_t i;

	if (other < 0)
		return;
	raw_pair(sv);
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(sv[1], SOL_SOCKET, options[i], &yes,
				 sizeof(yes));
	for (i = 0; i < RAW_FDS_MAX - 1; i++)
		fds[i] = sv[0];
	fds[RAW_FDS_MAX - 1] = last;
	if (raw_send(sv[0], "", 1, fds, RAW_FDS_MAX))
		die("packet: %s", strerror(errno));
	close(last);
	if (offer(fd, member, peer, sv[1]))
		die("the offer is not taken");
	close(sv[1]);
	check(raw_ended(sv[0], SOON_MS), "offer, and the kernel adds: refused");
	close(sv[0]);
	close(other);
}

/* Against a victim that accepts all offers. */
void peer_offers(uint32_t victim)
{
	int fd = raw_hello();
	uint64_t member = raw_register(fd, MAGIC, 1000);
	uint64_t peer = raw_find(fd, member, victim);
	size_t i;

	for (i = 0; i < N_MEMORIES; i++)
		offer_one(fd, member, peer, "memory", memories[i]);
	for (i = 0; i < N_GREETINGS; i++)
		offer_one(fd, member, peer, "greeting", greetings[i]);
	offer_kept(fd, member, peer, "it brings its sender's pidfd");
	offer_kept(fd, member, peer, "it is full");
	offer_kept(fd, member, peer, "it listens");
	offer_added(fd, member, peer);
	offer_lingering(fd, member, peer);
	close(fd);
}

/*
 * Get an offer, and greet in the given way; "?" lists the ways. The victim is
 * told the member to connect to, and prints its result.
 */
void peer_accept(const char *how)
{
	struct ivc_msg msg;
	int fd, sock = -1, n;
	size_t i;

	if (!strcmp(how, "?")) {
		for (i = 0; i < N_MEMORIES; i++)
			puts(memories[i]);
		for (i = 1; i < N_GREETINGS; i++)
			puts(greetings[i]);
		return;
	}
	fd = raw_hello();
	printf("member %llu\n",
	       (unsigned long long)raw_register(fd, MAGIC, 1000));
	fflush(stdout);
	do {
		n = raw_recv(fd, &msg, sizeof(msg), &sock, SOON_MS);
		if (n <= 0)
			die("no offer");
	} while (msg.op != IVC_MSG_EV_OFFER);
	if (sock < 0)
		die("an offer without a socket");
	if (!strcmp(how, "refusal")) {
		close(sock);
	} else {
		greet(sock, how);
		/* Until the victim ends. */
		(void)raw_ended(sock, SOON_MS);
	}
	close(fd);
}

/* An honest channel to the victim, which then turns hostile. */
void peer_channel(uint32_t victim, const char *how)
{
	struct ivc_local_greeting g = raw_greeting(RING);
	int fd = raw_hello(), sv[2], memory, i;
	uint64_t member = raw_register(fd, MAGIC, 1000);
	uint64_t peer = raw_find(fd, member, victim);
	struct ivc_kctl *kctl;
	struct ivc_ctrl *ctrl;
	uint8_t *map;

	raw_pair(sv);
	memory = raw_memory(SIZE, 0, &map);
	if (fcntl(memory, F_ADD_SEALS, RAW_SEALS))
		die("seals: %s", strerror(errno));
	kctl = (struct ivc_kctl *)map;
	ctrl = (struct ivc_ctrl *)(map + IVC_LOCAL_CTRL);
	if (raw_send(sv[0], &g, sizeof(g), &memory, 1) ||
	    offer(fd, member, peer, sv[1]))
		die("the offer is not taken");
	close(sv[1]);
	if (raw_recv(sv[0], &g, sizeof(g), &i, SOON_MS) != sizeof(g))
		die("no greeting came");
	if (!strcmp(how, "bells")) {
		/* Send as many doorbells as fit. */
		int fl = fcntl(sv[0], F_GETFL);

		fcntl(sv[0], F_SETFL, fl | O_NONBLOCK);
		for (i = 0; i < 3000; i++) {
			(void)raw_send(sv[0], map, 1, NULL, 0);
			if (i % 100 == 99)
				usleep(1000);
		}
		/* An end with a reason that is not allowed. */
		kctl->reason = -EADDRINUSE;
		ivc_store_rel(&kctl->state, 17u);
	} else if (!strcmp(how, "long bell")) {
		(void)raw_send(sv[0], map, 2, NULL, 0);
	} else if (!strcmp(how, "bell with memory")) {
		(void)raw_send(sv[0], map, 1, &memory, 1);
	} else if (!strcmp(how, "bell that lingers")) {
		/* The receiver is the last owner. */
		if (raw_lingering(&i) < 0)
			i = memory;
		(void)raw_send(sv[0], map, 1, &i, 1);
		close(i);
	} else if (!strcmp(how, "garbage")) {
		memset(map + IVC_LOCAL_HEAD, 0xa5, RING);
	} else if (!strcmp(how, "cons")) {
		ivc_store_rel(&ctrl->cons, 12345u);
	}
	/*
	 * Send a doorbell in case the victim sleeps, and wait until it has seen
	 * it.
	 */
	if (strcmp(how, "bells")) {
		(void)raw_send(sv[0], map, 1, NULL, 0);
		(void)raw_ended(sv[0], SOON_MS);
	}
	close(sv[0]);
	close(fd);
}
