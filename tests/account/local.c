/* SPDX-License-Identifier: GPL-2.0 */
/*
 * "Exactly once, to the byte" on the local transport.
 *
 * Two ends of a channel are in one process. Each has the memory, the socket and
 * the code that it would have in a process of its own; there is no ivcd. Random
 * numbers decide which end makes the next call. Pages of a ring are made
 * inaccessible, so that a call stops in its middle. Then the other end makes
 * calls, or closes, or the process of the call dies there. So a seed repeats a
 * run, and in time every interleaving of two steps occurs.
 *
 * Some channels are used by two real threads.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../lib/local/local.h"
#include "side.h"

#define PAGE 4096u
#define RACE 64 /* one channel in 64 */

struct end {
	struct side side;
	struct end *peer;
	struct local_channel *lc;
	int memory; /* until the other end has mapped it */
	uint8_t *own;
	const uint8_t *view; /* of the peer's */
	bool inside;	     /* of a call */
	bool armed;	     /* some pages are inaccessible */
	bool closed, dead, noticed;
	bool shown;	  /* data is peeked and not released */
	uint8_t *scratch; /* STREAM_MAX bytes */
	sigjmp_buf death;
};

static struct end ends[2];
static struct ivc_transport transport;
static uint8_t scratches[2][STREAM_MAX]; /* two, as calls can be nested */

/* ------------------------------------------------------- a channel */

static int info(const struct ivc_channel *ch, struct ivc_abi_info *inf)
{
	struct local_channel *lc = ch->priv;

	memset(inf, 0, sizeof(*inf));
	inf->state = IVC_ABI_OPEN;
	inf->tx_size = lc->tx_size;
	inf->rx_size = lc->rx_size;
	return 0;
}

static void end_make(struct end *e, int fd)
{
	must(!ivc_channel_new(&transport, &e->side.ch));
	must(!local_channel_new(e->side.ch, &e->lc));
	e->side.ch->fd = fd;
	e->memory = local_memory_make(e->side.size, &e->lc->own);
	must(e->memory >= 0);
	e->own = e->lc->own;
}

static void end_open(struct end *e)
{
	must(!local_memory_map(e->peer->memory, e->peer->side.size,
			       &e->lc->peer));
	e->view = e->lc->peer;
	e->lc->tx_size = e->side.size;
	e->lc->rx_size = e->peer->side.size;
	e->lc->state = IVC_CHAN_OPEN;
	local_kctl(e->lc)->state = IVC_WIRE_OPEN;
	must(!ivc_connected(e->side.ch, 0));
}

/* As if @pos cells had passed through the ring before. */
static void begin_at(struct end *w, uint32_t pos)
{
	struct ivc_ctrl *reader = w->peer->side.ch->map.own;

	ivc_tx_begin_at(&w->side.ch->tx, pos);
	ivc_rx_begin_at(&w->peer->side.ch->rx, pos);
	reader->cons = pos;
	reader->reader_pos = pos;
}

static uint32_t some_size(void)
{
	static const uint32_t sizes[] = { 1, 1, 1, 1, 2, 2, 4, 16 };

	return PAGE * sizes[rng_below(&dice, 8)];
}

static void channel_make(void)
{
	int fds[2];

	must(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds));
	memset(ends, 0, sizeof(ends));
	for (int i = 0; i < 2; i++) {
		ends[i].peer = &ends[!i];
		ends[i].side.peer = &ends[!i].side;
		ends[i].side.size = some_size();
		ends[i].side.out.stream = (unsigned int)i;
		ends[i].side.scratch = scratches[i];
		end_make(&ends[i], fds[i]);
	}
	for (int i = 0; i < 2; i++)
		end_open(&ends[i]);
	for (int i = 0; i < 2; i++) {
		close(ends[i].memory);
		if (rng_one_in(&dice, 3))
			begin_at(&ends[i], rng_one_in(&dice, 2)
						   ? (uint32_t)rng_next(&dice)
						   : -rng_below(&dice, 256));
	}
}

/* Do the work of the thread or doorbell that finds the peer gone. */
static void notice(struct end *e)
{
	if (e->side.closed || !(e->peer->side.closed || e->peer->side.dead))
		return;
	pthread_mutex_lock(&local.lock);
	local_channel_ended(e->lc);
	pthread_mutex_unlock(&local.lock);
}

static void disarm(struct end *e)
{
	if (!e->armed)
		return;
	e->armed = false;
	must(!mprotect(e->own + 2 * PAGE, e->side.size,
		       PROT_READ | PROT_WRITE));
	must(!mprotect((void *)(e->view + PAGE), PAGE + e->peer->side.size,
		       PROT_READ));
}

static void end_close(struct end *e)
{
	disarm(e);
	e->side.closed = true;
	ivc_close(e->side.ch);
}

/* The process dies: its memory stays as it is. */
static void end_die(struct end *e)
{
	uint8_t *own = e->own;

	disarm(e);
	e->side.closed = e->side.dead = true;
	e->lc->own = NULL;
	ivc_close(e->side.ch);
	local_memory_unmap(own, e->side.size);
}

/* One call of the process that has @e. */
static void act(struct end *e)
{
	if (e->side.closed || e->inside)
		return;
	e->inside = true;
	if (!sigsetjmp(e->death, 0)) {
		if (rng_one_in(&dice, 4)) {
			e->armed = true;
			must(!mprotect(e->own + 2 * PAGE, e->side.size,
				       PROT_NONE));
			must(!mprotect((void *)(e->view + PAGE),
				       PAGE + e->peer->side.size, PROT_NONE));
		}
		side_call(&e->side);
		disarm(e);
	} else {
		end_die(e);
	}
	e->inside = false;
}

/* ------------------------------------------- in the middle of a call */

static bool in_area(const uint8_t *p, const uint8_t *area, size_t len)
{
	return p >= area && p < area + len;
}

/*
 * Make the page accessible; it stays so, as one instruction can touch two. The
 * peer's control page becomes inaccessible again at each fault on another page.
 */
static bool trap(struct end *e, uint8_t *at)
{
	uint8_t *page = at - (uintptr_t)at % PAGE;

	if (!e->armed)
		return false;
	if (in_area(at, e->own + 2 * PAGE, e->side.size)) {
		must(!mprotect(page, PAGE, PROT_READ | PROT_WRITE));
	} else if (in_area(at, e->view + PAGE, PAGE + e->peer->side.size)) {
		must(!mprotect(page, PAGE, PROT_READ));
		if (page == e->view + PAGE)
			return true;
	} else {
		return false;
	}
	must(!mprotect((void *)(e->view + PAGE), PAGE, PROT_NONE));
	return true;
}

static void trapped(int sig, siginfo_t *si, void *context)
{
	struct end *e = &ends[0];
	int saved = errno;

	(void)context;
	if (!trap(e, si->si_addr)) {
		e = &ends[1];
		if (!trap(e, si->si_addr)) {
			signal(sig, SIG_DFL);
			return;
		}
	}
	/* Inside the library's lock: not the subject of this test. */
	if (pthread_mutex_trylock(&local.lock))
		return;
	pthread_mutex_unlock(&local.lock);
	for (uint32_t n = rng_below(&dice, 4); n; n--)
		act(e->peer);
	if (rng_one_in(&dice, 48) && !e->peer->side.closed && !e->peer->inside)
		end_close(e->peer);
	if (rng_one_in(&dice, 2))
		notice(e);
	if (rng_one_in(&dice, 64))
		siglongjmp(e->death, 1);
	errno = saved;
}

/* ------------------------------------------------------- the account */

/* The remaining end reads to the end; its peer wrote all of that. */
static void read_out(struct end *e)
{
	const struct side *peer = e->side.peer;

	must(side_read_out(&e->side) == (peer->dead ? -ECONNRESET : -EPIPE));
	if (peer->out.got < peer->out.wrote || peer->out.got > peer->tried)
		wrong("%llu bytes written, at most %llu, and %llu read",
		      (unsigned long long)peer->out.wrote,
		      (unsigned long long)peer->tried,
		      (unsigned long long)peer->out.got);
}

static void settle(struct end *e)
{
	struct account *out = &e->side.out;
	ssize_t lost = ivc_undelivered(e->side.ch);

	if (lost < 0 || (uint64_t)lost > out->wrote ||
	    out->wrote - (uint64_t)lost < out->got ||
	    out->wrote - (uint64_t)lost > out->asked)
		wrong("%llu written, %llu read (at most %llu), undelivered %zd",
		      (unsigned long long)out->wrote,
		      (unsigned long long)out->got,
		      (unsigned long long)out->asked, lost);
	side_recall(&e->side, (uint64_t)lost);
	must(ivc_undelivered(e->side.ch) == lost);
	account_lossy += lost > 0;
}

/*
 * The peer's word is arbitrary and keeps changing: the count is bounded and
 * does not change.
 */
static void settle_lie(struct end *e, uint64_t *word)
{
	ssize_t lost = ivc_undelivered(e->side.ch);
	ssize_t n;

	must(lost == -EPROTO || (lost >= 0 && lost <= (ssize_t)e->side.size));
	*word = rng_next(&dice);
	must(ivc_undelivered(e->side.ch) == lost);
	n = ivc_recall(e->side.ch, e->side.scratch, STREAM_MAX, 0);
	must(n == lost);
}

static uint64_t lie(const struct end *e)
{
	uint32_t pos = e->side.ch->tx.pos -
		       rng_below(&dice, e->side.size / 32) +
		       rng_below(&dice, 8);

	switch (rng_below(&dice, 4)) {
	case 0:
		return pos;
	case 1:
		return ivc_reader_pos(pos, rng_below(&dice, 64));
	case 2:
		return ivc_reader_pos(pos, (uint32_t)rng_next(&dice) >> 1);
	default:
		return rng_next(&dice);
	}
}

/* --------------------------------------------------------- channels */

static void channel_end(void)
{
	struct end *left = &ends[rng_below(&dice, 2)];
	uint64_t *word = NULL;

	if (left->side.closed)
		left = left->peer;
	if (left->side.closed) {
		account_ends += 2;
		return;
	}
	if (!left->peer->side.closed && rng_one_in(&dice, 8)) {
		/* The memory stays mapped: this peer never unmaps. */
		word = &left->peer->side.ch->map.own->reader_pos;
		*word = lie(left);
		left->peer->lc->own = NULL;
		end_close(left->peer);
	} else if (!left->peer->side.closed) {
		if (rng_one_in(&dice, 4))
			end_die(left->peer);
		else
			end_close(left->peer);
	}
	notice(left);
	if (word) {
		settle_lie(left, word);
		local_memory_unmap(left->peer->own, left->peer->side.size);
	} else if (rng_one_in(&dice, 2)) {
		read_out(left);
		settle(left);
	} else {
		settle(left);
		read_out(left);
	}
	must(word || ivc_write(left->side.ch, "", 1) < 0);
	end_close(left);
	account_ends += 2;
}

static void take_turns(void)
{
	uint32_t turns = rng_below(&dice, rng_one_in(&dice, 4) ? 200 : 20);

	while (turns--) {
		struct end *e = &ends[rng_below(&dice, 2)];

		act(e);
		if (e->side.closed && rng_one_in(&dice, 4))
			notice(e->peer);
	}
}

/* ------------------------------------------------- really at one time */

static struct rng reader_dice;

static void *reader(void *arg)
{
	struct end *e = arg;
	struct account *in = &e->peer->side.out;
	uint32_t rounds = rng_below(&reader_dice, 2000);
	static uint8_t buf[4 * PAGE];
	ssize_t n;

	while (rounds--) {
		n = ivc_read(e->side.ch, buf,
			     account_size(&reader_dice, sizeof(buf)));
		must(n >= 0);
		account_got(in, buf, (size_t)n);
	}
	end_close(e);
	notice(e->peer);
	return NULL;
}

static void race(void)
{
	struct end *w = &ends[0];
	pthread_t thread;
	ssize_t n;

	reader_dice.state = rng_next(&dice);
	must(!pthread_create(&thread, NULL, reader, w->peer));
	do {
		size_t len = STREAM_MAX >> rng_below(&dice, 12);

		n = ivc_write(w->side.ch, stream_at(0, w->side.out.wrote), len);
		if (n > 0)
			w->side.out.wrote += (uint64_t)n;
	} while (n >= 0);
	must(!pthread_join(thread, NULL));
	settle(w);
	end_close(w);
	account_ends += 2;
}

static void channel(void)
{
	channel_make();
	if (account_seed % RACE) {
		take_turns();
		channel_end();
	} else {
		race();
	}
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_sigaction = trapped,
				 .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &act, NULL);
	transport = ivc_local;
	transport.info = info;
	/*
	 * Without the library's thread: notice() decides when an end is seen.
	 */
	local.users = 1;
	return account_main(argc, argv, channel);
}
