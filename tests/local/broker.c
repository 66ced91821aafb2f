/* SPDX-License-Identifier: GPL-2.0 */
/* Against ivcd. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "hostile.h"

#define MAGIC 98

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ll + ts.tv_nsec / 1000000;
}

/* A packet that must end the connection. */
static void fatal(const char *what, bool hello, const void *buf, size_t len,
		  const int *fds, int n)
{
	int fd = hello ? raw_hello() : raw_connect();
	int ret = raw_send(fd, buf, len, fds, n);

	check(!ret && raw_ended(fd, SOON_MS), "%s%s: disconnected", what,
	      hello ? "" : ", before hello");
	close(fd);
}

static void wrong_lengths(void)
{
	static const size_t lengths[] = { 0, 1, 8, 63, 65, 128, 4160, 60000 };
	static char buf[60000];
	struct ivc_msg msg = { .op = IVC_MSG_REGISTER, .cookie = 1 };
	char what[64];
	size_t i;

	memcpy(buf, &msg, sizeof(msg));
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		snprintf(what, sizeof(what), "a packet of %zu bytes",
			 lengths[i]);
		fatal(what, false, buf, lengths[i], NULL, 0);
		fatal(what, true, buf, lengths[i], NULL, 0);
	}
}

static void wrong_hello(void)
{
	struct ivc_local_hello h = { IVC_LOCAL_MAGIC, 7, 9 };
	struct ivc_msg msg = { .op = IVC_LOCAL_HELLO };
	int fd = raw_connect();

	memcpy(msg.raw, &h, sizeof(h));
	check(raw_call(fd, &msg, NULL, 0) == -EPROTONOSUPPORT,
	      "versions 7 to 9: EPROTONOSUPPORT");
	check(raw_ended(fd, SOON_MS), "versions 7 to 9: disconnected");
	close(fd);

	/*
	 * Older versions send their HELLO in the same place, and get the same
	 * answer.
	 */
	fd = raw_connect();
	msg = (struct ivc_msg){ .op = IVC_LOCAL_HELLO };
	h = (struct ivc_local_hello){ IVC_LOCAL_MAGIC, 1,
				      IVC_LOCAL_VERSION - 1 };
	memcpy((char *)&msg + 16, &h, sizeof(h));
	check(raw_call(fd, &msg, NULL, 0) == -EPROTONOSUPPORT,
	      "the version before: EPROTONOSUPPORT");
	check(raw_ended(fd, SOON_MS), "the version before: disconnected");
	close(fd);

	msg = (struct ivc_msg){ .op = IVC_LOCAL_HELLO };
	h = (struct ivc_local_hello){ 0x12345678, 1, 1 };
	memcpy(msg.raw, &h, sizeof(h));
	fatal("a hello with the wrong magic", false, &msg, sizeof(msg), NULL,
	      0);
	h = (struct ivc_local_hello){ IVC_LOCAL_MAGIC, 2, 1 };
	memcpy(msg.raw, &h, sizeof(h));
	fatal("a hello from 2 to 1", false, &msg, sizeof(msg), NULL, 0);
	msg.op = IVC_MSG_HOSTS;
	fatal("hosts instead of hello", false, &msg, sizeof(msg), NULL, 0);
}

static void wrong_descriptors(void)
{
	static const int counts[] = { 1, 2, 12, 13, RAW_FDS_MAX };
	struct ivc_msg msg = { .op = IVC_MSG_REGISTER, .cookie = 1 };
	struct ivc_msg con = { .op = IVC_MSG_CONNECT, .cookie = 1 };
	int fds[RAW_FDS_MAX], sv[2];
	char what[64];
	size_t i;

	raw_pair(sv);
	for (i = 0; i < RAW_FDS_MAX; i++)
		fds[i] = sv[i % 2];
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		snprintf(what, sizeof(what), "register with %d descriptors",
			 counts[i]);
		fatal(what, true, &msg, sizeof(msg), fds, counts[i]);
		fatal(what, false, &msg, sizeof(msg), fds, counts[i]);
		if (counts[i] == 1)
			continue;
		snprintf(what, sizeof(what), "connect with %d descriptors",
			 counts[i]);
		fatal(what, true, &con, sizeof(con), fds, counts[i]);
	}
	fatal("connect without a descriptor", true, &con, sizeof(con), NULL, 0);
	fatal("an empty packet with a descriptor", true, &con, 0, fds, 1);
	close(sv[0]);
	close(sv[1]);
}

void broker_packets(void)
{
	wrong_lengths();
	wrong_hello();
	wrong_descriptors();
}

static void expect(int fd, struct ivc_msg msg, int *passed, int want,
		   const char *what)
{
	int ret = raw_call(fd, &msg, passed, passed ? 1 : 0);

	check(ret == want, "%s: %s", what, strerror(-ret));
}

static struct ivc_msg connect_msg(uint64_t member, uint64_t peer)
{
	return (struct ivc_msg){
		.op = IVC_MSG_CONNECT,
		.member = member,
		.offer = { .peer = peer, .tx_shift = 16, .rx_shift = 16 }
	};
}

/*
 * Descriptors whose close takes long. ivcd is stopped meanwhile, so that ivcd
 * closes them last.
 */
static void lingering_close(const char *what, pid_t ivcd, int fd,
			    const void *buf, size_t len, int n)
{
	int fds[RAW_FDS_MAX], other = raw_lingering(fds), i, ret = 0, sane;
	int64_t start;

	if (other < 0) {
		printf("note no TCP here, not tried: %s\n", what);
		return;
	}
	/* The last of the descriptors. */
	fds[n - 1] = fds[0];
	for (i = 0; i < n - 1; i++)
		fds[i] = STDERR_FILENO;
	sane = raw_hello();
	kill(ivcd, SIGSTOP);
	/*
	 * The bytes before it, as a packet of their own, if there is more than
	 * one packet.
	 */
	if (len != sizeof(struct ivc_msg))
		ret = raw_send(fd, buf, 1, NULL, 0);
	if (!ret)
		ret = raw_send(fd, buf, len, fds, n);
	close(fds[n - 1]);
	kill(ivcd, SIGCONT);
	start = now_ms();
	expect(sane, (struct ivc_msg){ .op = 999 }, NULL, -EOPNOTSUPP,
	       "an answer while a close lingers");
	check(!ret && now_ms() - start < SOON_MS,
	      "%s: a close that lingers holds up nobody: %d ms", what,
	      (int)(now_ms() - start));
	close(other);
	close(sane);
}

/* The same in the queue of a socket that is offered to @b, which has left. */
static void lingering_offer(pid_t ivcd, int fd, uint64_t a, uint64_t b)
{
	struct ivc_msg msg = connect_msg(a, b);
	int sv[2], f, other = raw_lingering(&f), ret;
	int64_t start;

	if (other < 0)
		return;
	raw_pair(sv);
	msg.cookie = 1;
	ret = raw_send(sv[0], &msg, 1, &f, 1);
	close(f);
	kill(ivcd, SIGSTOP);
	if (!ret)
		ret = raw_send(fd, &msg, sizeof(msg), &sv[1], 1);
	close(sv[0]);
	close(sv[1]);
	kill(ivcd, SIGCONT);
	start = now_ms();
	expect(fd, (struct ivc_msg){ .op = 999 }, NULL, -EOPNOTSUPP,
	       "an answer while one lingers in an offered socket");
	check(!ret && now_ms() - start < SOON_MS,
	      "an offered socket with one in it holds up nobody: %d ms",
	      (int)(now_ms() - start));
	close(other);
}

static void wrong_sockets(int fd, uint64_t a, uint64_t b, pid_t ivcd)
{
	struct ivc_msg msg = connect_msg(a, b);
	int p[2], f;

	msg.cookie = 1;
	if (pipe(p))
		die("pipe");
	expect(fd, connect_msg(a, b), &p[0], -EINVAL, "connect with a pipe");
	f = open("/dev/zero", O_RDONLY);
	expect(fd, connect_msg(a, b), &f, -EINVAL, "connect with /dev/zero");
	close(f);
	f = raw_memory(4096, 0, NULL);
	expect(fd, connect_msg(a, b), &f, -EINVAL, "connect with a memfd");
	close(f);
	f = socket(AF_UNIX, SOCK_DGRAM, 0);
	expect(fd, connect_msg(a, b), &f, -EINVAL,
	       "connect with a datagram "
	       "socket");
	close(f);
	lingering_close("connect", ivcd, fd, &msg, sizeof(msg), 1);
	f = raw_hello();
	lingering_close("more than ivcd wants", ivcd, f, &msg, sizeof(msg),
			RAW_FDS_MAX);
	close(f);
	f = raw_hello();
	lingering_close("behind a packet that ends it", ivcd, f, &msg, 8, 3);
	close(f);
	lingering_offer(ivcd, fd, a, 0);
	close(p[0]);
	close(p[1]);
}

void broker_questions(int ivcd)
{
	int fd = raw_hello(), fd2 = raw_hello(), sv[2];
	uint64_t a = raw_register(fd, MAGIC, 1);
	uint64_t b = raw_register(fd2, MAGIC, 2);
	uint64_t c = raw_register(fd2, MAGIC + 1, 3);
	struct ivc_msg msg;

	raw_pair(sv);
	expect(fd, (struct ivc_msg){ .op = 999 }, NULL, -EOPNOTSUPP,
	       "an unknown op");
	expect(fd, (struct ivc_msg){ .op = IVC_MSG_REPLY }, NULL, -EOPNOTSUPP,
	       "a reply to ivcd");
	expect(fd, (struct ivc_msg){ .op = IVC_MSG_HOSTS, .flags = 1 }, NULL,
	       -EINVAL, "flags");
	msg = (struct ivc_msg){ .op = IVC_MSG_HOSTS, .member = a };
	msg.raw[39] = 1;
	expect(fd, msg, NULL, -EINVAL, "bytes that must be 0");
	expect(fd, (struct ivc_msg){ .op = IVC_MSG_HOSTS, .member = b }, NULL,
	       -ENOENT, "hosts of somebody else's member");
	expect(fd, (struct ivc_msg){ .op = IVC_MSG_UNREGISTER, .member = b },
	       NULL, -ENOENT, "unregister somebody else's member");
	expect(fd, connect_msg(b, a), &sv[1], -ENOENT,
	       "connect as somebody else's member");
	expect(fd, connect_msg(a, c), &sv[1], -ENOENT,
	       "connect to a member of another group");
	expect(fd, connect_msg(a, a), &sv[1], -ENOENT, "connect to oneself");
	msg = connect_msg(a, b);
	msg.offer.tx_shift = 11;
	expect(fd, msg, &sv[1], -EINVAL, "a ring of 2 KiB");
	msg.offer.tx_shift = 255;
	expect(fd, msg, &sv[1], -EINVAL, "a ring of 2^255 bytes");
	msg = connect_msg(a, b);
	msg.offer.rx_shift = 25;
	expect(fd, msg, &sv[1], -EINVAL, "a ring of 32 MiB at the peer");
	wrong_sockets(fd, a, b, ivcd);

	msg = connect_msg(a, b);
	check(!raw_call(fd, &msg, &sv[1], 1), "a proper offer");
	expect(fd,
	       (struct ivc_msg){
		       .op = IVC_MSG_ACCEPT,
		       .member = a,
		       .accept = { .conn = msg.offer.conn, .tx_shift = 16 } },
	       NULL, -ENOENT, "accept one's own offer");
	expect(fd2,
	       (struct ivc_msg){
		       .op = IVC_MSG_ACCEPT,
		       .member = b,
		       .accept = { .conn = msg.offer.conn, .tx_shift = 17 } },
	       NULL, -EINVAL, "accept with a larger ring than asked");
	expect(fd2,
	       (struct ivc_msg){ .op = IVC_MSG_CLOSE,
				 .member = c,
				 .close = { .conn = msg.offer.conn } },
	       NULL, -ENOENT, "close with the wrong member");
	/* ivcd has closed its copy of the accepter's socket by now. */
	close(sv[1]);
	close(fd2);
	check(raw_ended(sv[0], SOON_MS),
	      "an offer to a member that has left is refused");
	expect(fd,
	       (struct ivc_msg){ .op = IVC_MSG_CLOSE,
				 .member = a,
				 .close = { .conn = msg.offer.conn } },
	       NULL, 0, "CLOSE of a refused offer");
	expect(fd,
	       (struct ivc_msg){ .op = IVC_MSG_CLOSE,
				 .member = a,
				 .close = { .conn = msg.offer.conn } },
	       NULL, -ENOENT, "close it twice");
	close(fd);
	close(sv[0]);
}

/* One client sends nothing; another one asks and never reads the answers. */
void broker_patience(int stall)
{
	struct ivc_msg msg = { .op = IVC_MSG_HOSTS, .cookie = 1 };
	int silent = raw_connect(), deaf = raw_hello();
	int64_t start = now_ms();
	int fl = fcntl(deaf, F_GETFL);
	unsigned long sent = 0;

	msg.member = raw_register(deaf, MAGIC, 1);
	fcntl(deaf, F_SETFL, fl | O_NONBLOCK);
	/* Until ivcd reads no more, since its answers are not read. */
	while (!raw_send(deaf, &msg, sizeof(msg), NULL, 0))
		sent++;
	check(sent > 100,
	      "%lu requests are accepted from a client that does not read",
	      sent);
	check(raw_ended(silent, stall * 1000 + SOON_MS),
	      "a client that sends nothing is disconnected");
	while (now_ms() - start < stall * 1000 + SOON_MS &&
	       raw_send(deaf, &msg, sizeof(msg), NULL, 0) != -EPIPE)
		usleep(10000);
	check(raw_send(deaf, &msg, sizeof(msg), NULL, 0) == -EPIPE,
	      "a client that does not read is disconnected");
	close(silent);
	close(deaf);
}

/* Send valid requests as fast as possible. Print how often ivcd answered. */
void broker_flood(int ms)
{
	uint32_t id = (uint32_t)getpid();
	int fd = raw_hello();
	int64_t end = now_ms() + ms;
	unsigned long n = 0;

	while (now_ms() < end) {
		struct ivc_msg msg = { .op = IVC_MSG_REGISTER,
				       .reg = { .magic = MAGIC + 7,
						.id = id } };

		if (raw_call(fd, &msg, NULL, 0))
			die("register: %s", strerror(-msg.status));
		msg = (struct ivc_msg){ .op = IVC_MSG_UNREGISTER,
					.member = msg.reged.member };
		if (raw_call(fd, &msg, NULL, 0))
			die("unregister: %s", strerror(-msg.status));
		n += 2;
	}
	printf("note %lu requests in %d ms\n", n, ms);
	close(fd);
}

/*
 * The number of EV_HOSTS on @fd within @ms. @ask: list the members after each.
 */
static unsigned int notices(int fd, uint64_t member, bool ask, int ms)
{
	struct {
		struct ivc_msg msg;
		struct ivc_host host[256];
	} in = { 0 };
	unsigned int n = 0;

	while (raw_recv(fd, &in, sizeof(in), NULL, ms) > 0) {
		struct ivc_msg msg = { .op = IVC_MSG_HOSTS, .member = member };

		if (in.msg.op != IVC_MSG_EV_HOSTS)
			continue;
		n++;
		if (ask && raw_send(fd, &msg, sizeof(msg), NULL, 0))
			die("hosts: not sent");
	}
	return n;
}

/*
 * A member joins and leaves without end: which notices does another member get?
 */
void broker_storm(void)
{
	int fd = raw_hello(), other = raw_hello();
	uint64_t me = raw_register(fd, MAGIC + 8, 1);
	struct ivc_msg msg;
	unsigned int n, i;
	int64_t ms = now_ms();

	for (i = 0; i < 300; i++) {
		msg = (struct ivc_msg){ .op = IVC_MSG_UNREGISTER };
		msg.member = raw_register(other, MAGIC + 8, 2);
		if (raw_call(other, &msg, NULL, 0))
			die("unregister: %s", strerror(-msg.status));
	}
	n = notices(fd, me, false, 200);
	check(n == 1, "a member that does not list is told once: %u times", n);

	msg = (struct ivc_msg){ .op = IVC_MSG_HOSTS, .member = me };
	raw_call(fd, &msg, NULL, 0);
	ms = now_ms();
	for (i = 0, n = 0; now_ms() - ms < 500; i++) {
		msg = (struct ivc_msg){ .op = IVC_MSG_UNREGISTER };
		msg.member = raw_register(other, MAGIC + 8, 2);
		n += notices(fd, me, true, 0);
		raw_call(other, &msg, NULL, 0);
		n += notices(fd, me, true, 0);
	}
	ms = now_ms() - ms;
	check(n > 1 && n <= 2 + ms / 50,
	      "%u changes in %d ms: a member that lists each time is told %u "
	      "times",
	      2 * i, (int)ms, n);
	/* The late notice comes: the last change is never missed. */
	notices(fd, me, true, 200);
	raw_register(other, MAGIC + 8, 3);
	check(notices(fd, me, false, 200) == 1, "and of the last, too");
	close(other);
	close(fd);
}
