// SPDX-License-Identifier: GPL-2.0
/*
 * Two guests with the real frontend at the real backend. A process of one
 * writes to a process of the other, through pages that the drivers grant, map,
 * and put into both processes. However the channel ends, the data that is read
 * is the beginning of the data that was written, and in the end no page is
 * granted, mapped or allocated.
 */
#include <sys/mman.h>

#include <ivc/protocol/ring.h>

#include "job.h"

#define RING 16384u

enum ending {
	WRITER_CLOSES,
	WRITER_DIES,
	READER_CLOSES,
	WRITER_DETACHED,
};

struct side {
	struct stub_dom *dom;
	int (*init)(void);
	void (*exit)(void);
	u64 member; /* 0: not registered yet */
	u64 bytes;
	u64 until; /* stop after so many bytes */
	enum ending ending;
};

static struct stub_dom *dom0;
static struct side writer = { .init = stub_front_init,
			      .exit = stub_front_exit };
static struct side reader = { .init = stub_front2_init,
			      .exit = stub_front2_exit };

static u8 byte_at(u64 n)
{
	return (u8)(n * 7 + (n >> 8) * 3 + (n >> 16));
}

static bool closed(int fd)
{
	return job_info(fd).state == IVC_ABI_CLOSED;
}

static void *map(int fd, bool own)
{
	void *p = stub_mmap(PAGE_SIZE + RING,
			    own ? PROT_READ | PROT_WRITE : PROT_READ,
			    MAP_SHARED, fd, own ? IVC_MAP_OWN : IVC_MAP_PEER);

	STUB_CHECK(!IS_ERR(p));
	return p;
}

static void write_all(struct side *s, int fd)
{
	struct ivc_tx tx;
	u8 buf[3000];
	s64 n;
	u32 i;

	ivc_tx_init(&tx, (u8 *)map(fd, true) + PAGE_SIZE, RING, map(fd, false));
	while (s->bytes < s->until) {
		for (i = 0; i < sizeof(buf); i++)
			buf[i] = byte_at(s->bytes + i);
		n = ivc_tx_write(&tx, buf, 1 + stub_random(sizeof(buf)));
		STUB_CHECK(n >= 0);
		WRITE_ONCE(s->bytes, s->bytes + (u64)n);
		if (!n && closed(fd))
			return;
		if (!n)
			usleep_range(10, 100);
	}
}

static void read_all(struct side *s, int fd)
{
	struct ivc_rx rx;
	bool end = false;
	u8 buf[3000];
	s64 n, i;

	ivc_rx_init(&rx, (u8 *)map(fd, false) + PAGE_SIZE, RING, map(fd, true));
	while (s->bytes < s->until) {
		n = ivc_rx_read(&rx, buf, 1 + stub_random(sizeof(buf)));
		STUB_CHECK(n >= 0);
		for (i = 0; i < n; i++)
			STUB_CHECK(buf[i] == byte_at(s->bytes + (u64)i));
		s->bytes += (u64)n;
		if (n)
			continue;
		/* Read once more: data may have been written before the end. */
		if (end)
			return;
		end = closed(fd);
		usleep_range(10, 100);
	}
}

static void finish(struct stub_proc *p, int fd, bool closes)
{
	if (closes) {
		STUB_CHECK(!stub_ioctl(fd, IVC_IOC_CLOSE, NULL));
		STUB_CHECK(!stub_close(fd));
	}
	stub_proc_exit(p);
}

static int begin(struct side *s, struct stub_proc **p, u32 id)
{
	u64 member;
	int ctx;

	stub_enter(s->dom);
	STUB_CHECK(!s->init());
	stub_attach(dom0, s->dom);
	*p = stub_proc_new(16);
	stub_proc_enter(*p);
	ctx = job_register(id, &member);
	WRITE_ONCE(s->member, member);
	return ctx;
}

static void *run_writer(void *arg)
{
	struct side *s = arg;
	struct stub_proc *p;
	int ctx = begin(s, &p, 1), fd;

	STUB_WAIT_FOR(READ_ONCE(reader.member));
	fd = job_connect(ctx, READ_ONCE(reader.member), RING);
	STUB_CHECK(fd >= 0);
	STUB_WAIT_FOR(stub_poll(fd, POLLOUT, -1));
	if (!closed(fd))
		write_all(s, fd);
	finish(p, fd, s->ending != WRITER_DIES);
	return NULL;
}

static void *run_reader(void *arg)
{
	struct side *s = arg;
	struct stub_proc *p;
	int ctx = begin(s, &p, 2), fd = job_accept(ctx);

	STUB_CHECK(fd >= 0);
	read_all(s, fd);
	finish(p, fd, true);
	return NULL;
}

static void detach(struct stub_dom *dom)
{
	char dir[64], node[96];

	stub_path(dir, sizeof(dir), dom0, dom, true);
	snprintf(node, sizeof(node), "%s/online", dir);
	stub_write(node, "0");
	snprintf(node, sizeof(node), "%s/state", dir);
	stub_write(node, "%d", XenbusStateClosing);
}

static bool has_nothing(struct stub_dom *d)
{
	struct stub_count c = stub_count(d);

	return !c.grants && !c.handles && !c.irqs && !c.ports;
}

static void exchange(bool pv, enum ending ending)
{
	pthread_t w, r;

	dom0 = stub_dom_new(0, true);
	writer.dom = stub_dom_new(1, pv);
	reader.dom = stub_dom_new(2, pv);
	writer.ending = ending;
	reader.ending = ending;
	writer.until = ending == WRITER_DETACHED ? U64_MAX : 200000;
	reader.until = ending == READER_CLOSES ? 50000 : U64_MAX;
	stub_enter(dom0);
	STUB_CHECK(!stub_back_init());
	stub_jitter(20);
	w = stub_thread(dom0, run_writer, &writer);
	r = stub_thread(dom0, run_reader, &reader);
	if (ending == WRITER_DETACHED) {
		STUB_WAIT_FOR(READ_ONCE(writer.bytes) > RING);
		detach(writer.dom);
	}
	stub_join(w);
	stub_join(r);
	if (ending == WRITER_CLOSES || ending == WRITER_DIES)
		STUB_CHECK(writer.bytes >= writer.until &&
			   reader.bytes == writer.bytes);
	STUB_CHECK(reader.bytes <= writer.bytes);
	/*
	 * The modules are unloaded at once, in whatever state the channels are.
	 */
	stub_enter(writer.dom);
	writer.exit();
	stub_enter(reader.dom);
	reader.exit();
	STUB_WAIT_FOR(has_nothing(writer.dom) && has_nothing(reader.dom));
	stub_enter(dom0);
	stub_back_exit();
	STUB_CHECK(has_nothing(dom0));
}

static void pvh(void)
{
	exchange(false, WRITER_CLOSES);
}

static void pv(void)
{
	exchange(true, WRITER_CLOSES);
}

static void dies(void)
{
	exchange(stub_random(2), WRITER_DIES);
}

static void reader_closes(void)
{
	exchange(stub_random(2), READER_CLOSES);
}

static void detached(void)
{
	exchange(stub_random(2), WRITER_DETACHED);
}

const struct stub_test stub_tests[] = {
	{ "pvh", pvh },		  { "pv", pv },
	{ "dies", dies },	  { "reader_closes", reader_closes },
	{ "detached", detached }, {},
};
