/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fake libivc for two ivc-roam processes, with constant trouble: the
 * functions that ivc-roam uses, over a shared file, $IVC_DEVICE. $FAKE_SEED is
 * the seed of the trouble of a process.
 *
 * Channels end at any moment and deliver any part of the bytes written, and the
 * two sides learn of the end at different times. A guest loses its device, or
 * is migrated, and returns. Offers are refused, and calls return the errors
 * that libivc may return.
 *
 * This does not test wake-ups: every descriptor is readable each millisecond.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <ivc/ivc.h>

#define RING 16384u
#define CONNS 64
#define TROUBLE_NS 1000000ull

enum phase { ALIVE, HANDING_OVER, ENDED };

struct conn {
	bool used, offered, open;
	int error;
	enum phase phase[2]; /* of the connecting and the accepting side */
	bool closed[2];
	uint64_t sent[2], read[2], cut[2]; /* [0]: by the connecting side */
	uint8_t data[2][RING];
};

struct member {
	uint64_t member; /* 0: not in the group */
	uint32_t id;
};

static struct host {
	atomic_flag lock;
	uint64_t next_member;
	struct member member[2]; /* the process with the lower slot first */
	int slots;
	struct conn conn[CONNS];
} * host;

struct ivc_context {
	uint64_t magic;
	uint32_t id;
	int fd;
	struct member known; /* the peer, as the events told */
	bool away, away_told, moved;
	uint64_t back_at;
};

struct ivc_channel {
	struct conn *c;
	int side;
	int fd;
	uint32_t peer;
	uint64_t end_at;
};

static struct ivc_context the_context;
static bool registered;
static int slot = -1;
static uint64_t rng_state, trouble_at;
static struct ivc_channel *mine[CONNS];

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint32_t below(uint32_t n)
{
	uint64_t x = rng_state += 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return n ? (uint32_t)(((x ^ x >> 31) >> 32) * n >> 32) : 0;
}

static void lock(void)
{
	while (atomic_flag_test_and_set(&host->lock))
		sched_yield();
}

static void unlock(void)
{
	atomic_flag_clear(&host->lock);
}

static int ticking(void)
{
	struct itimerspec each = { { 0, 1000000 }, { 0, 1000000 } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	timerfd_settime(fd, 0, &each, NULL);
	return fd;
}

static void untick(int fd)
{
	uint64_t n;
	ssize_t ret = read(fd, &n, sizeof(n));

	(void)ret;
}

static void conn_end(struct conn *c, int error)
{
	if (!c->used || c->error)
		return;
	c->error = error;
	for (int i = 0; i < 2; i++) {
		uint32_t more = (uint32_t)(c->sent[i] - c->read[i]);

		c->cut[i] = c->read[i] + (below(2) ? more : below(more + 1));
		c->phase[i] = HANDING_OVER;
	}
	if (!c->open)
		c->cut[0] = 0;
}

static void leave_group(struct ivc_context *ctx, bool moved)
{
	ctx->away = true;
	ctx->away_told = false;
	ctx->moved = moved;
	ctx->back_at = now_ns() + (1 + below(40)) * 1000000ull;
	host->member[slot].member = 0;
	for (int i = 0; i < CONNS; i++)
		conn_end(&host->conn[i], moved ? -EREMCHG : -ENODEV);
}

/* Make trouble for this side from time to time. The caller holds the lock. */
static void trouble(void)
{
	uint64_t now = now_ns();

	if (now < trouble_at)
		return;
	trouble_at = now + TROUBLE_NS;
	for (int i = 0; i < CONNS; i++) {
		struct ivc_channel *ch = mine[i];

		if (!ch)
			continue;
		if (!ch->c->error && below(40) == 0)
			conn_end(ch->c, below(2) ? -EREMCHG : -ECONNRESET);
		if (ch->c->phase[ch->side] != HANDING_OVER)
			continue;
		if (!ch->end_at)
			ch->end_at = now + below(8) * 1000000ull;
		if (now >= ch->end_at)
			ch->c->phase[ch->side] = ENDED;
	}
	if (registered && !the_context.away && below(500) == 0)
		leave_group(&the_context, below(2));
}

static void open_host(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	const char *seed = getenv("FAKE_SEED");
	void *p;

	if (fd < 0)
		return;
	if (ftruncate(fd, sizeof(*host)))
		abort();
	p = mmap(NULL, sizeof(*host), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		 0);
	close(fd);
	if (p == MAP_FAILED)
		abort();
	host = p;
	rng_state = (seed ? strtoull(seed, NULL, 0) : 1) * 7919 +
		    (uint64_t)getpid();
	lock();
	slot = host->slots++;
	unlock();
	if (slot > 1)
		abort();
}

static void join_group(struct ivc_context *ctx)
{
	host->member[slot] =
		(struct member){ .id = ctx->id, .member = ++host->next_member };
}

ivc_context *ivc_register(uint64_t magic, uint32_t id)
{
	const char *path = getenv("IVC_DEVICE");
	struct ivc_context *ctx = &the_context;

	if (!host && path)
		open_host(path);
	if (!host || registered || below(6) == 0) {
		errno = ENODEV;
		return NULL;
	}
	*ctx = (struct ivc_context){ .magic = magic, .id = id };
	ctx->fd = ticking();
	lock();
	join_group(ctx);
	unlock();
	registered = true;
	return ctx;
}

void ivc_unregister(ivc_context *ctx)
{
	if (!ctx)
		return;
	lock();
	host->member[slot].member = 0;
	unlock();
	close(ctx->fd);
	registered = false;
}

int ivc_context_fd(const ivc_context *ctx)
{
	return ctx->fd;
}

static int told_of(struct ivc_event *ev, enum ivc_event_type type,
		   struct member m)
{
	ev->type = type;
	ev->peer.id = m.id;
	ev->peer.member = m.member;
	return 1;
}

static int next_event(ivc_context *ctx, struct ivc_event *ev)
{
	struct member there = { 0 };

	if (!ctx->away)
		there = host->member[!slot];
	if (ctx->away && !ctx->away_told) {
		ctx->away_told = true;
		ev->type = ctx->moved ? IVC_EVENT_GOING : IVC_EVENT_DETACHED;
		return 1;
	}
	if (ctx->known.member && ctx->known.member != there.member) {
		told_of(ev, IVC_EVENT_LEAVE, ctx->known);
		ctx->known.member = 0;
		return 1;
	}
	if (ctx->away && now_ns() > ctx->back_at) {
		ctx->away = false;
		ev->type = ctx->moved ? IVC_EVENT_ARRIVED : IVC_EVENT_ATTACHED;
		ev->status = below(20) ? 0 : -EDQUOT;
		if (!ev->status)
			join_group(ctx);
		return 1;
	}
	if (!there.member || ctx->known.member)
		return 0;
	ctx->known = there;
	return told_of(ev, IVC_EVENT_JOIN, there);
}

int ivc_next_event(ivc_context *ctx, struct ivc_event *ev, int timeout_ms)
{
	int ret;

	(void)timeout_ms;
	memset(ev, 0, sizeof(*ev));
	untick(ctx->fd);
	if (below(50) == 0)
		return -ETIMEDOUT;
	lock();
	trouble();
	ret = next_event(ctx, ev);
	unlock();
	return ret;
}

static struct ivc_channel *channel(struct conn *c, int side, uint32_t peer)
{
	struct ivc_channel *ch = calloc(1, sizeof(*ch));

	if (!ch)
		abort();
	ch->c = c;
	ch->side = side;
	ch->peer = peer;
	ch->fd = ticking();
	for (int i = 0; i < CONNS; i++) {
		if (!mine[i]) {
			mine[i] = ch;
			break;
		}
	}
	return ch;
}

int ivc_connect_opt(ivc_context *ctx, ivc_peer peer,
		    const struct ivc_channel_options *opt, ivc_channel **chp)
{
	struct conn *c = NULL;

	(void)opt;
	*chp = NULL;
	if (ctx->away)
		return -ENODEV;
	if (below(10) == 0)
		return -EBUSY;
	lock();
	for (int i = 0; i < CONNS && !c; i++)
		if (!host->conn[i].used)
			c = &host->conn[i];
	if (c && host->member[!slot].member == peer.member) {
		memset(c, 0, sizeof(*c));
		c->used = c->offered = true;
		*chp = channel(c, 0, peer.id);
	}
	unlock();
	return *chp ? 0 : c ? -ENOENT : -EDQUOT;
}

int ivc_connected(ivc_channel *ch, int timeout_ms)
{
	int ret = -ETIMEDOUT;

	(void)timeout_ms;
	lock();
	if (ch->c->open)
		ret = 0;
	else if (ch->c->error)
		ret = ch->c->error;
	unlock();
	return ret;
}

int ivc_accept_opt(ivc_context *ctx, const struct ivc_channel_options *opt,
		   ivc_channel **chp)
{
	(void)opt;
	*chp = NULL;
	/*
	 * -ETIMEDOUT as with ivcd; seldom -ENODEV as with Xen, which would then
	 * signal the return by POLLPRI, as this fake cannot.
	 */
	if (ctx->away)
		return below(100) ? -ETIMEDOUT : -ENODEV;
	lock();
	for (int i = 0; i < CONNS && !*chp; i++) {
		struct conn *c = &host->conn[i];

		if (!c->used || !c->offered || c->error)
			continue;
		c->offered = false;
		if (below(10) == 0) {
			conn_end(c, -ECONNREFUSED);
			c->closed[1] = true;
			continue;
		}
		c->open = true;
		*chp = channel(c, 1, host->member[!slot].id);
	}
	unlock();
	return *chp ? 0 : -ETIMEDOUT;
}

uint32_t ivc_peer_id(const ivc_channel *ch)
{
	return ch->peer;
}

int ivc_channel_fd(const ivc_channel *ch)
{
	return ch->fd;
}

ssize_t ivc_write(ivc_channel *ch, const void *buf, size_t len)
{
	struct conn *c = ch->c;
	uint64_t *sent = &c->sent[ch->side];
	ssize_t ret = 0;

	lock();
	trouble();
	if (c->phase[ch->side] == ENDED)
		ret = c->error;
	else if (!c->error) {
		size_t room = RING - (size_t)(*sent - c->read[ch->side]);

		if (len > room)
			len = room;
		for (size_t i = 0; i < len; i++)
			c->data[ch->side][(*sent + i) % RING] =
				((const uint8_t *)buf)[i];
		*sent += len;
		ret = (ssize_t)len;
	}
	unlock();
	return ret;
}

static ssize_t here(const ivc_channel *ch)
{
	const struct conn *c = ch->c;
	int from = !ch->side;
	uint64_t end = c->error ? c->cut[from] : c->sent[from];

	if (end > c->read[from])
		return (ssize_t)(end - c->read[from]);
	return c->phase[ch->side] == ENDED ? c->error : 0;
}

ssize_t ivc_read(ivc_channel *ch, void *buf, size_t len)
{
	struct conn *c = ch->c;
	uint64_t *at = &c->read[!ch->side];
	ssize_t n;

	lock();
	trouble();
	n = here(ch);
	if (n > (ssize_t)len)
		n = (ssize_t)len;
	for (ssize_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] =
			c->data[!ch->side][(*at + (uint64_t)i) % RING];
	if (n > 0)
		*at += (uint64_t)n;
	unlock();
	return n;
}

ssize_t ivc_peek(ivc_channel *ch, const void **p)
{
	ssize_t n;

	lock();
	n = here(ch);
	unlock();
	*p = NULL;
	return n;
}

ssize_t ivc_undelivered(ivc_channel *ch)
{
	const struct conn *c = ch->c;

	if (c->phase[ch->side] != ENDED)
		return -EAGAIN;
	return (ssize_t)(c->sent[ch->side] - c->cut[ch->side]);
}

ssize_t ivc_recall(ivc_channel *ch, void *buf, size_t len, size_t skip)
{
	const struct conn *c = ch->c;
	uint64_t from = c->cut[ch->side] + skip;

	if (len > c->sent[ch->side] - from)
		len = (size_t)(c->sent[ch->side] - from);
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = c->data[ch->side][(from + i) % RING];
	return (ssize_t)len;
}

int ivc_arm(ivc_channel *ch, int events)
{
	ssize_t n;

	untick(ch->fd);
	lock();
	trouble();
	n = here(ch);
	unlock();
	return n && (events & IVC_READABLE) ? IVC_READABLE : 0;
}

int ivc_close(ivc_channel *ch)
{
	if (!ch)
		return 0;
	lock();
	conn_end(ch->c, -EPIPE);
	ch->c->closed[ch->side] = true;
	/* An offer that was not accepted has one end. */
	if (ch->c->closed[!ch->side] || !ch->c->open)
		ch->c->used = false;
	unlock();
	for (int i = 0; i < CONNS; i++)
		if (mine[i] == ch)
			mine[i] = NULL;
	close(ch->fd);
	free(ch);
	return 0;
}
