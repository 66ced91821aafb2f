/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The data path above the ring, on plain memory: how a channel ends, and when
 * ivc_wait() reports an event. The lab tests the parts that need a kernel.
 */
#include <signal.h>
#include <sys/mman.h>
#include "../../lib/channel.h"
#include "unit.h"

static struct ivc_channel *a, *b;
static struct ivc_kctl *kctl_a, *kctl_b;
static struct ivc_ctrl *ctrl_a, *ctrl_b;
static uint8_t *ring_a, *ring_b;

#define SIZE 4096u

static void *zeroed(size_t len)
{
	void *p = aligned_alloc(128, len);

	ck_assert_ptr_nonnull(p);
	memset(p, 0, len);
	return p;
}

/*
 * The kernel's answer to a write during which the channel ended: @in_time
 * bytes, in one record, were written before the end.
 */
static uint32_t in_time;

static int delivery(const struct ivc_channel *ch, struct ivc_abi_delivery *f)
{
	f->written = in_time;
	f->final = f->from + (in_time ? ivc_ring_cells(in_time) : 0);
	f->status = ch->kctl->status;
	return 0;
}

static struct ivc_transport transport;

static struct ivc_channel *end(struct ivc_kctl *kctl, struct ivc_ctrl *own,
			       const struct ivc_ctrl *peer, uint8_t *out,
			       const uint8_t *in)
{
	struct ivc_channel *ch;

	ck_assert_int_eq(ivc_channel_new(&transport, &ch), 0);
	ivc_tx_init(&ch->tx, out, SIZE, peer);
	ivc_rx_init(&ch->rx, in, SIZE, own);
	ch->map.own = own;
	ch->kctl = kctl;
	ch->open = true;
	return ch;
}

static void setup(void)
{
	in_time = 0;
	transport = ivc_xen;
	transport.delivery = delivery;
	kctl_a = zeroed(sizeof(*kctl_a));
	kctl_b = zeroed(sizeof(*kctl_b));
	ctrl_a = zeroed(sizeof(*ctrl_a));
	ctrl_b = zeroed(sizeof(*ctrl_b));
	ring_a = zeroed(SIZE);
	ring_b = zeroed(SIZE);
	a = end(kctl_a, ctrl_a, ctrl_b, ring_a, ring_b);
	b = end(kctl_b, ctrl_b, ctrl_a, ring_b, ring_a);
}

/* No descriptor and no mapping: a close only frees the object. */
static void drop(struct ivc_channel *ch)
{
	memset(&ch->map, 0, sizeof(ch->map));
	ivc_close(ch);
}

static void teardown(void)
{
	drop(a);
	drop(b);
	free(kctl_a);
	free(kctl_b);
	free(ctrl_a);
	free(ctrl_b);
	free(ring_a);
	free(ring_b);
}

static size_t fill(struct ivc_channel *ch, size_t piece)
{
	uint8_t *buf = exact(piece);
	size_t total = 0;
	ssize_t n;

	do {
		bytes_fill(1, total, buf, piece);
		n = ivc_write(ch, buf, piece);
		ck_assert_int_ge(n, 0);
		total += (size_t)n;
	} while (n);
	free(buf);
	return total;
}

START_TEST(bytes_before_the_end)
{
	static const size_t pieces[] = { 8, 56, 57, 1000 };
	size_t total = fill(b, pieces[_i]), got = 0;
	uint8_t buf[64];
	const void *view = NULL;
	void *room = NULL;
	ssize_t n;

	kctl_a->status = -ECONNRESET;
	ck_assert_int_eq(ivc_write(a, buf, 8), -ECONNRESET);
	ck_assert_int_eq(ivc_write(a, buf, 64), -ECONNRESET);
	ck_assert_int_eq(ivc_reserve(a, 1, 8, &room), -ECONNRESET);
	ck_assert_int_eq(ivc_wait(a, IVC_READABLE, 0), IVC_READABLE);
	ck_assert_int_eq(ivc_wait(a, IVC_WRITABLE, 0), IVC_WRITABLE);
	while (got < total) {
		if (got % 3) {
			n = ivc_read(a, buf, 1 + got % 64);
			ck_assert_int_gt(n, 0);
			bytes_check(1, got, buf, (size_t)n);
		} else {
			n = ivc_peek(a, &view);
			ck_assert_int_gt(n, 0);
			n = n > 7 ? 7 : n;
			bytes_check(1, got, view, (size_t)n);
			ck_assert_int_eq(ivc_release(a, (size_t)n), 0);
		}
		got += (size_t)n;
	}
	ck_assert_int_eq(ivc_read(a, buf, 8), -ECONNRESET);
	ck_assert_int_eq(ivc_read(a, buf, 64), -ECONNRESET);
	ck_assert_int_eq(ivc_peek(a, &view), -ECONNRESET);
	ck_assert_int_eq(ivc_read_all(a, buf, 1, 1000, NULL), -ECONNRESET);
	ck_assert_int_eq(ivc_write_all(a, buf, 1, 1000, NULL), -ECONNRESET);
}
END_TEST

/* A commit that comes too late returns an error. */
START_TEST(commit_after_the_end)
{
	void *room = NULL;

	ck_assert_int_eq(ivc_reserve(a, 8, 8, &room), 8);
	kctl_a->status = -EPIPE;
	ck_assert_int_eq(ivc_commit(a, 8), -EPIPE);
	ck_assert_uint_eq(a->tx.pos, 0);
	ck_assert_int_eq(ivc_commit(a, 8), -EINVAL);
}
END_TEST

/* During a hand-over nothing can be written; unread data can be read. */
START_TEST(handing_over)
{
	uint8_t buf[64] = { 0 };
	void *room = NULL;

	ck_assert_int_eq(ivc_write(b, buf, 5), 5);
	ck_assert_int_eq(ivc_reserve(a, 8, 8, &room), 8);
	kctl_a->status = -EAGAIN;
	ck_assert_int_eq(ivc_commit(a, 8), -EAGAIN);
	ck_assert_int_eq(ivc_write(a, buf, 8), 0);
	ck_assert_int_eq(ivc_write(a, buf, 64), 0);
	ck_assert_int_eq(ivc_reserve(a, 8, 8, &room), 0);
	ck_assert_int_eq(ivc_wait(a, IVC_WRITABLE, 0), 0);
	ck_assert_int_eq(ivc_wait(a, IVC_READABLE, 0), IVC_READABLE);
	ck_assert_int_eq(ivc_undelivered(a), -EAGAIN);
	ck_assert_int_eq(ivc_read(a, buf, 64), 5);
	ck_assert_int_eq(ivc_read(a, buf, 64), 0);
	ck_assert_int_eq(ivc_wait(a, IVC_READABLE, 0), 0);
	kctl_a->status = -EREMCHG;
	ck_assert_int_eq(ivc_wait(a, IVC_READABLE, 0), IVC_READABLE);
	ck_assert_int_eq(ivc_read(a, buf, 64), -EREMCHG);
	ck_assert_int_eq(ivc_write(a, buf, 8), -EREMCHG);
	ck_assert_int_eq(ivc_undelivered(a), 0);
}
END_TEST

/*
 * A write during which the channel ends returns the bytes in time, the next
 * write the error.
 */
START_TEST(written_in_time)
{
	static const uint32_t sizes[] = { 8, 56, 57, 3000 };
	uint8_t buf[3000] = { 0 };

	in_time = sizes[_i] / 2;
	kctl_a->status = -EAGAIN;
	/*
	 * As if the status had changed between the store and the load of the
	 * status.
	 */
	ck_assert_int_eq(ivc_tx_write(&a->tx, buf, 1), 1);
	ck_assert_int_eq(ivc_write(a, buf, 8), in_time);
	ck_assert_uint_eq(a->tx.pos, 1 + ivc_ring_cells(in_time));
	ck_assert_int_eq(ivc_write(a, buf, 8), 0);
	kctl_a->status = -ECONNRESET;
	ck_assert_int_eq(ivc_write(a, buf, 8), -ECONNRESET);
	ck_assert_uint_eq(a->tx.pos, 1 + ivc_ring_cells(in_time));
}
END_TEST

/*
 * Unread data can be had twice: by ivc_unread() as a whole, then by ivc_read().
 */
/* As the kernel does, at the first store that is too late. */
static void take_ring(int sig)
{
	(void)sig;
	mmap(a->tx.data, SIZE, PROT_READ | PROT_WRITE,
	     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ivc_store_rel(&kctl_a->status, -ECONNRESET);
}

/*
 * A record does not fit in front of the end of the ring. A reserve, and the
 * write of a record, store a skip record there; the ring is replaced before
 * that store.
 */
START_TEST(ended_at_the_wrap)
{
	struct sigaction act = { .sa_handler = take_ring };
	uint8_t piece[600] = { 0 };
	struct iovec whole = { piece, sizeof(piece) };
	uint32_t from;
	void *room;

	ivc_tx_init(&a->tx,
		    mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
		    SIZE, ctrl_b);
	ivc_rx_init(&b->rx, a->tx.data, SIZE, ctrl_b);
	while (ivc_ring_contig(a->tx.pos, a->tx.cells) >=
	       ivc_ring_cells(sizeof(piece))) {
		ck_assert_int_eq(ivc_write(a, piece, sizeof(piece)),
				 sizeof(piece));
		ck_assert_int_eq(ivc_read(b, piece, sizeof(piece)),
				 sizeof(piece));
	}
	from = a->tx.pos;
	sigaction(SIGSEGV, &act, NULL);
	ck_assert_int_eq(mprotect(a->tx.data, SIZE, PROT_NONE), 0);
	if (_i)
		ck_assert_int_eq(ivc_write_record(a, &whole, 1), -ECONNRESET);
	else
		ck_assert_int_eq(ivc_reserve(a, sizeof(piece), sizeof(piece),
					     &room),
				 -ECONNRESET);
	signal(SIGSEGV, SIG_DFL);
	/*
	 * From that position on, the library asks the kernel for the bytes in
	 * time.
	 */
	ck_assert_uint_eq(a->tx.pos, from);
	munmap(a->tx.data, SIZE);
}
END_TEST

START_TEST(unread)
{
	size_t total = fill(b, 100 + (size_t)_i * 57);
	uint8_t *buf = exact(total);
	void *copy = NULL;

	ck_assert_int_eq(ivc_unread(a, &copy), -EAGAIN);
	ck_assert_ptr_null(copy);
	ck_assert_int_eq(ivc_read(a, buf, 10), 10);
	kctl_a->status = -EREMCHG;
	ck_assert_int_eq(ivc_unread(a, &copy), total - 10);
	bytes_check(1, 10, copy, total - 10);
	free(copy);
	ck_assert_int_eq(ivc_read(a, buf, total), total - 10);
	bytes_check(1, 10, buf, total - 10);
	ck_assert_int_eq(ivc_unread(a, &copy), 0);
	ck_assert_ptr_null(copy);
	free(buf);
}
END_TEST

/*
 * `reader_pos` is exact, since the other end derives its undelivered count from
 * it.
 */
/*
 * A local peer can live and go on writing after its socket has hung up. Here
 * the peer is always just ahead of the reader: it writes more when the reader
 * comes to that page. Still, no more than one ring can be unread.
 */
#define LAPS 100

static struct {
	uint8_t *ring;
	uint32_t pos;
} ahead;

static void write_on(int sig, siginfo_t *info, void *context)
{
	uint8_t *at = info->si_addr;
	size_t page = (size_t)(at - ahead.ring) / 4096;
	uint32_t i;

	(void)sig;
	(void)context;
	if (at < ahead.ring || page > 1)
		abort();
	mprotect(ahead.ring + page * 4096, 4096, PROT_READ | PROT_WRITE);
	for (i = 0; i < 64; i++, ahead.pos++)
		ivc_store((uint64_t *)(ahead.ring + page * 4096 + i * 64),
			  ahead.pos < LAPS * 128 ? ivc_ring_hdr(ahead.pos, 56)
						 : 0);
	mprotect(ahead.ring + (1 - page) * 4096, 4096, PROT_NONE);
}

START_TEST(unread_without_end)
{
	struct sigaction sa = { .sa_sigaction = write_on,
				.sa_flags = SA_SIGINFO };
	void *all = &all;

	ahead.ring =
		mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert(ahead.ring != MAP_FAILED);
	ck_assert_int_eq(sigaction(SIGSEGV, &sa, NULL), 0);
	ivc_rx_init(&a->rx, ahead.ring, 8192, ctrl_a);
	kctl_a->status = -ECONNRESET;
	ck_assert_int_eq(ivc_unread(a, &all), -EPROTO);
	ck_assert_ptr_null(all);
	signal(SIGSEGV, SIG_DFL);
	munmap(ahead.ring, 8192);
}
END_TEST

START_TEST(position)
{
	uint8_t buf[200] = { 0 };
	const void *view = NULL;

	ck_assert_int_eq(ivc_write(b, buf, 8), 8);
	ck_assert_int_eq(ivc_write(b, buf, 200), 200);
	ck_assert_int_eq(ivc_wait(a, IVC_READABLE, 0), IVC_READABLE);
	ck_assert_uint_eq(ctrl_a->reader_pos, 0);
	ck_assert_int_eq(ivc_read(a, buf, 8), 8);
	ck_assert_uint_eq(ctrl_a->reader_pos, 1);
	ck_assert_int_eq(ivc_read(a, buf, 7), 7);
	ck_assert_uint_eq(ctrl_a->reader_pos, ivc_reader_pos(1, 7));
	ck_assert_int_gt(ivc_peek(a, &view), 0);
	ck_assert_uint_eq(ctrl_a->reader_pos, ivc_reader_pos(1, 7));
	ck_assert_int_eq(ivc_release(a, 3), 0);
	ck_assert_uint_eq(ctrl_a->reader_pos, ivc_reader_pos(1, 10));
	ck_assert_int_eq(ivc_read(a, buf, 190), 190);
	ck_assert_uint_eq(ctrl_a->reader_pos, 1 + ivc_ring_cells(200));
	ck_assert_int_eq(ivc_write(b, buf, 9), 9);
	ck_assert_int_eq(ivc_peek(a, &view), 9);
	ck_assert_uint_eq(ctrl_a->reader_pos,
			  ivc_reader_pos(1 + ivc_ring_cells(200), 0));
	ck_assert_int_eq(ivc_release(a, 9), 0);
	ck_assert_uint_eq(ctrl_a->reader_pos, 2 + ivc_ring_cells(200));
}
END_TEST

START_TEST(not_established)
{
	struct ivc_channel *ch;
	uint8_t buf[100] = { 0 };
	const struct iovec part = { buf, sizeof(buf) };
	const void *view = NULL;
	void *room = NULL;

	ck_assert_int_eq(ivc_channel_new(&ivc_xen, &ch), 0);
	ck_assert_int_eq(ivc_write(ch, buf, 8), 0);
	ck_assert_int_eq(ivc_write(ch, buf, 100), 0);
	ck_assert_int_eq(ivc_read(ch, buf, 8), 0);
	ck_assert_int_eq(ivc_read(ch, buf, 100), 0);
	ck_assert_int_eq(ivc_reserve(ch, 1, 1, &room), 0);
	ck_assert_int_eq(ivc_commit(ch, 1), -EINVAL);
	ck_assert_int_eq(ivc_commit(ch, 0), 0);
	ck_assert_int_eq(ivc_write_record(ch, &part, 1), 0);
	ck_assert_int_eq(ivc_peek(ch, &view), 0);
	ck_assert_int_eq(ivc_release(ch, 1), -EINVAL);
	/* And if it never is. */
	ch->idle.status = -ECONNREFUSED;
	ck_assert_int_eq(ivc_connected(ch, 1000), -ECONNREFUSED);
	ck_assert_int_eq(ivc_write(ch, buf, 8), -ECONNREFUSED);
	ck_assert_int_eq(ivc_read(ch, buf, 8), -ECONNREFUSED);
	ck_assert_int_eq(ivc_wait(ch, IVC_READABLE, 1000), IVC_READABLE);
	ck_assert_int_eq(ivc_close(ch), -ECONNREFUSED);
}
END_TEST

/*
 * When a write or a reserve took nothing, IVC_WRITABLE is true if and only if
 * the same call would now take something.
 */
START_TEST(writable_is_right)
{
	static const uint32_t sizes[] = { 1,   56,  57,	  100,	200,  248,  249,
					  500, 900, 1016, 1017, 3000, 10000 };
	enum { N_SIZES = sizeof(sizes) / sizeof(sizes[0]) };
	struct rng r = { (uint64_t)_i };
	uint8_t *buf = exact(10000);
	int i, refused = 0;

	bytes_fill(1, 0, buf, 10000);
	for (i = 0; i < 20000; i++) {
		uint32_t len = sizes[rng_below(&r, N_SIZES)];
		bool reserve = rng_below(&r, 2) && len <= 1016;
		ssize_t n;
		void *room;

		n = reserve ? ivc_reserve(a, len, len, &room)
			    : ivc_write(a, buf, len);
		ck_assert_int_ge(n, 0);
		if (n && reserve)
			ck_assert_int_eq(ivc_commit(a, (size_t)n), 0);
		while (!n) {
			uint32_t k = 1 + rng_below(&r, 200);
			int ready;

			refused++;
			ck_assert_int_eq(ivc_wait(a, IVC_WRITABLE, 0), 0);
			/* Whatever amount the reader reads at a time. */
			ck_assert_int_gt(ivc_read(b, buf, k), 0);
			ready = ivc_wait(a, IVC_WRITABLE, 0);
			n = reserve ? ivc_reserve(a, len, len, &room)
				    : ivc_write(a, buf, len);
			ck_assert_int_ge(n, 0);
			ck_assert_msg((n > 0) == (ready == IVC_WRITABLE),
				      "%s of %u: took %zd, wait said %d",
				      reserve ? "reserve" : "write", len, n,
				      ready);
			if (n && reserve)
				ck_assert_int_eq(ivc_commit(a, (size_t)n), 0);
		}
	}
	ck_assert_int_gt(refused, 1000);
	free(buf);
}
END_TEST

/* A record of @len bytes in parts of random lengths, some of them empty. */
static ssize_t write_parts(struct ivc_channel *ch, struct rng *r,
			   const uint8_t *buf, size_t len)
{
	struct iovec parts[5];
	size_t at = 0;

	for (int i = 0; i < 5; i++) {
		size_t n = i < 4 ? rng_below(r, (uint32_t)(len - at) + 1)
				 : len - at;

		/* Checked part by part, so that a failure names the part. */
		parts[i].iov_base = exact(n);
		memcpy(parts[i].iov_base, buf + at, n);
		parts[i].iov_len = n;
		at += n;
	}
	len = (size_t)ivc_write_record(ch, parts, 5);
	for (int i = 0; i < 5; i++)
		free(parts[i].iov_base);
	return (ssize_t)len;
}

/*
 * All or nothing, and one record at the other end; several times around the
 * ring.
 */
START_TEST(record)
{
	static const uint32_t sizes[] = { 1,  7,   8,	16,  17,  55,	56,
					  57, 120, 121, 504, 505, 1000, 1016 };
	enum { N_SIZES = sizeof(sizes) / sizeof(sizes[0]), MOST = 64 };
	struct rng r = { (uint64_t)_i };
	uint32_t pending[MOST], first = 0, last = 0, refused = 0;
	uint64_t out = 0, in = 0;
	uint8_t buf[1016];

	for (int i = 0; i < 20000; i++) {
		uint32_t len = sizes[rng_below(&r, N_SIZES)];
		const void *view = NULL;

		bytes_fill(1, out, buf, len);
		if (last - first < MOST) {
			ssize_t n = write_parts(a, &r, buf, len);

			if (n) {
				ck_assert_int_eq(n, len);
				pending[last++ % MOST] = len;
				out += len;
			}
			refused += !n;
			ck_assert(n || ivc_wait(a, IVC_WRITABLE, 0) == 0);
		}
		if (rng_below(&r, 2) && first != last) {
			len = pending[first++ % MOST];
			ck_assert_int_eq(ivc_peek(b, &view), len);
			bytes_check(1, in, view, len);
			ck_assert_int_eq(ivc_release(b, len), 0);
			in += len;
		}
		ck_assert(first != last || !ivc_peek(b, &view));
	}
	ck_assert_uint_gt(refused, 100);
	ck_assert_uint_eq(a->tx_bytes, out);
}
END_TEST

START_TEST(record_refused)
{
	uint8_t buf[1017] = { 0 };
	struct iovec part = { buf, 1017 };
	struct iovec huge[2] = { { buf, SIZE_MAX }, { buf, 9 } };
	void *room = NULL;

	ck_assert_int_eq(ivc_write_record(a, &part, 1), -EMSGSIZE);
	ck_assert_int_eq(ivc_write_record(a, huge, 2), -EMSGSIZE);
	ck_assert_int_eq(ivc_write_record(a, &part, 0), -EINVAL);
	part.iov_len = 0;
	ck_assert_int_eq(ivc_write_record(a, &part, 1), -EINVAL);
	part.iov_len = 8;
	/* A write cancels the reservation. */
	ck_assert_int_eq(ivc_reserve(a, 8, 8, &room), 8);
	ck_assert_int_eq(ivc_write_record(a, &part, 1), 8);
	ck_assert_int_eq(ivc_commit(a, 8), -EINVAL);
	/* In time, too late, and during a hand-over. */
	kctl_a->status = -EAGAIN;
	in_time = 8;
	ck_assert_int_eq(ivc_write_record(a, &part, 1), 8);
	ck_assert_uint_eq(a->tx.pos, 2);
	ck_assert_int_eq(ivc_write_record(a, &part, 1), 0);
	kctl_a->status = -EPIPE;
	ck_assert_int_eq(ivc_write_record(a, &part, 1), -EPIPE);
	ck_assert_uint_eq(a->tx.pos, 2);
	/* Broken by the reader. */
	fill(b, 8);
	ctrl_a->cons = 1000;
	ck_assert_int_eq(ivc_write_record(b, &part, 1), -EPROTO);
}
END_TEST

/* Room that is not written is read as part of the record. */
START_TEST(record_with_room)
{
	uint8_t head[100], tail[60];
	struct iovec parts[3] = { { head, 100 }, { NULL, 300 }, { tail, 60 } };
	const void *view = NULL;

	for (int i = 0; i < 500; i++) {
		const uint8_t *at;

		memset(head, i, sizeof(head));
		memset(tail, ~i, sizeof(tail));
		ck_assert_int_eq(ivc_write_record(a, parts, 3), 460);
		ck_assert_int_eq(ivc_peek(b, &view), 460);
		at = view;
		ck_assert(!memcmp(at, head, 100));
		ck_assert(!memcmp(at + 400, tail, 60));
		ck_assert_int_eq(ivc_release(b, 460), 0);
	}
}
END_TEST

START_TEST(broken_peers)
{
	uint8_t buf[8] = { 0 };
	const void *view = NULL;

	*(uint64_t *)(void *)ring_b = 0xdeadbeef00000008ull;
	ck_assert_int_eq(ivc_read(a, buf, 8), -EPROTO);
	ck_assert_int_eq(ivc_peek(a, &view), -EPROTO);
	ck_assert_int_eq(ivc_wait(a, IVC_READABLE, 0), IVC_READABLE);
	ck_assert_int_eq(ivc_read_all(a, buf, 1, 1000, NULL), -EPROTO);
	/* The other direction still works: it was not broken. */
	ck_assert_int_eq(ivc_write(a, buf, 8), 8);
	ck_assert_int_eq(ivc_read(b, buf, 8), 8);

	fill(a, 8);
	ctrl_b->cons = 1000;
	ck_assert_int_eq(ivc_write(a, buf, 8), -EPROTO);
	ck_assert_int_eq(ivc_wait(a, IVC_WRITABLE, 0), IVC_WRITABLE);
	ck_assert_int_eq(ivc_write_all(a, buf, 8, 1000, NULL), -EPROTO);
}
END_TEST

START_TEST(arguments)
{
	uint8_t buf[8];
	void *room = NULL;

	ck_assert_int_eq(ivc_reserve(a, 1, 1, NULL), -EINVAL);
	ck_assert_int_eq(ivc_reserve(a, SIZE / 4, SIZE, &room), -EMSGSIZE);
	ck_assert_int_eq(ivc_reserve(a, (size_t)1 << 32, (size_t)1 << 32,
				     &room),
			 -EMSGSIZE);
	ck_assert_int_eq(ivc_reserve(a, 1, (size_t)1 << 32, &room),
			 SIZE / 4 - 8);
	ck_assert_int_eq(ivc_commit(a, ((size_t)1 << 32) + 1), -EINVAL);
	ck_assert_int_eq(ivc_peek(a, NULL), -EINVAL);
	ck_assert_int_eq(ivc_release(a, (size_t)1 << 32), -EINVAL);
	ck_assert_int_eq(ivc_release(a, 1), -EINVAL);
	ck_assert_int_eq(ivc_wait(a, 0, 0), -EINVAL);
	ck_assert_int_eq(ivc_wait(a, 4, 0), -EINVAL);
	ck_assert_int_eq(ivc_arm(a, 0), -EINVAL);
	ck_assert_int_eq(ivc_write(a, buf, 0), 0);
	ck_assert_int_eq(ivc_read(a, buf, 0), 0);
	ck_assert_int_eq(ivc_write_all(a, NULL, 1, 0, NULL), -EINVAL);
	ck_assert_int_eq(ivc_read_all(a, NULL, 1, 0, NULL), -EINVAL);
	ck_assert_int_eq(ivc_write_all(a, buf, 0, 0, NULL), 0);
}
END_TEST

START_TEST(counters)
{
	uint8_t buf[600] = { 0 };
	const void *view = NULL;
	void *room = NULL;

	ck_assert_int_eq(ivc_write(a, buf, 8), 8);
	ck_assert_int_eq(ivc_write(a, buf, 600), 600);
	ck_assert_int_eq(ivc_reserve(a, 10, 10, &room), 10);
	ck_assert_int_eq(ivc_commit(a, 5), 0);
	ck_assert_uint_eq(a->tx_bytes, 613);
	ck_assert_uint_eq(a->tx_calls, 3);
	ck_assert_uint_eq(a->tx_full, 0);
	ck_assert_int_eq(ivc_read(b, buf, 8), 8);
	ck_assert_int_eq(ivc_read(b, buf, 600), 600);
	ck_assert_int_eq(ivc_peek(b, &view), 5);
	ck_assert_int_eq(ivc_release(b, 5), 0);
	ck_assert_int_eq(ivc_read(b, buf, 8), 0);
	ck_assert_uint_eq(b->rx_bytes, 613);
	ck_assert_uint_eq(b->rx_calls, 4);
	ck_assert_uint_eq(b->rx_empty, 1);
	fill(a, 100);
	ck_assert_uint_eq(a->tx_full, 1);
}
END_TEST

Suite *suite_channel(void)
{
	Suite *s = suite_create("channel");
	TCase *t = tcase_create("channel");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, bytes_before_the_end, 0, 4);
	tcase_add_test(t, commit_after_the_end);
	tcase_add_test(t, handing_over);
	tcase_add_loop_test(t, written_in_time, 0, 4);
	tcase_add_loop_test(t, ended_at_the_wrap, 0, 2);
	tcase_add_loop_test(t, unread, 0, 4);
	tcase_add_test(t, unread_without_end);
	tcase_add_test(t, position);
	tcase_add_test(t, not_established);
	tcase_add_loop_test(t, writable_is_right, 0, 8);
	tcase_add_loop_test(t, record, 0, 4);
	tcase_add_test(t, record_with_room);
	tcase_add_test(t, record_refused);
	tcase_add_test(t, broken_peers);
	tcase_add_test(t, arguments);
	tcase_add_test(t, counters);
	suite_add_tcase(s, t);
	return s;
}
