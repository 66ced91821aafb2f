/* SPDX-License-Identifier: GPL-2.0 */
/*
 * "Exactly once, to the byte" with the sources of the frontend: two guests of
 * world.h, and in each a process that uses libivc. At any moment a process
 * closes or is killed; a guest is suspended, and waits for its peer or cuts the
 * peer off; or a guest is destroyed.
 *
 * In one of eight channels the peer's kernel and process are hostile and write
 * anything, while the honest kernel copies, counts and cuts off.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../../lib/channel.h"
#include "side.h"
#include "world.h"

#define PAGE 4096u

static struct end {
	struct side side;
	int co;		/* its process */
	uint32_t turns; /* turns of the process before it closes, if it does */
	bool closes, settled, gone;
	bool frozen;
	ssize_t lost;
	uint64_t unread; /* unread bytes just before its close, */
	bool took;	 /* all of which the kernel had taken over */
} ends[2];

static struct ivc_transport transport;
static uint8_t scratches[2][STREAM_MAX];
static bool local, enemy;
static bool pair_failed; /* both ends are in one guest, whose backend is lost */
static int happening[8]; /* coroutines of events to come */
static unsigned int n_happening;

static int end_number(const struct ivc_channel *ch)
{
	return ch == ends[1].side.ch;
}

/* -------------------------------------------------- the transport */

static int info(const struct ivc_channel *ch, struct ivc_abi_info *inf)
{
	const struct end *e = ch->priv;

	memset(inf, 0, sizeof(*inf));
	inf->state = IVC_ABI_OPEN;
	inf->tx_size = e->side.size;
	inf->rx_size = e->side.peer->size;
	return 0;
}

static int map(struct ivc_channel *ch, const struct ivc_abi_info *inf)
{
	int i = (int)((struct end *)ch->priv - ends);
	struct ivc_map *m = &ch->map;
	size_t size;

	(void)inf;
	m->kctl = world_view(i, VIEW_KCTL, &size);
	m->own = world_view(i, VIEW_OWN, &m->own_size);
	m->peer = world_view(i, VIEW_PEER, &m->peer_size);
	return 0;
}

static int nothing(const struct ivc_channel *ch)
{
	(void)ch;
	return 0;
}

static int delivery(const struct ivc_channel *ch, struct ivc_abi_delivery *f)
{
	return world_delivery(end_number(ch), f);
}

static int undelivered(const struct ivc_channel *ch,
		       struct ivc_abi_undelivered *un)
{
	return world_undelivered(end_number(ch), un);
}

static void close_end(struct ivc_channel *ch)
{
	int i = end_number(ch);

	world_close(i);
	memset(&ch->map, 0, sizeof(ch->map));
	world_release(i);
}

static void faulted(int sig, siginfo_t *si, void *context)
{
	int saved = errno;

	(void)context;
	(void)sig;
	if (!world_fault(si->si_addr))
		wrong("a signal at %p", si->si_addr);
	errno = saved;
}

/* --------------------------------------------------- a process */

/* The bytes that ivc_read() would return; the channel may be alive. */
static uint64_t still_unread(struct end *e)
{
	struct ivc_ctrl nobody = { 0 };
	struct ivc_rx rx = e->side.ch->rx;
	int64_t n;

	rx.ctrl = &nobody;
	n = ivc_rx_read(&rx, e->side.scratch, STREAM_MAX);
	return n > 0 ? (uint64_t)n : 0;
}

static void settle(struct end *e)
{
	ssize_t why;

	if (rng_one_in(&dice, 2)) {
		why = side_read_out(&e->side);
		e->lost = ivc_undelivered(e->side.ch);
	} else {
		e->lost = ivc_undelivered(e->side.ch);
		why = side_read_out(&e->side);
	}
	if (e->lost < 0 || (uint64_t)e->lost > e->side.out.wrote)
		wrong("%llu written, undelivered %zd, error %zd",
		      (unsigned long long)e->side.out.wrote, e->lost, why);
	side_recall(&e->side, (uint64_t)e->lost);
	must(ivc_undelivered(e->side.ch) == e->lost);
	must(ivc_write(e->side.ch, "", 1) == why);
	account_lossy += e->lost > 0;
	e->settled = true;
}

/*
 * Note the data that was taken over for the process. While the peer decides on
 * a cut-off it is hidden. A process that is killed here leaves no note.
 */
static void about_to_close(struct end *e, int i)
{
	bool took = world_took(i) && !world_hidden(i);
	uint64_t unread = still_unread(e);

	e->took = took;
	e->unread = unread;
}

static void process(int i)
{
	struct end *e = &ends[i];

	while (ivc_undelivered(e->side.ch) == -EAGAIN) {
		if (!e->turns && e->closes) {
			about_to_close(e, i);
			break;
		}
		if (e->turns) {
			e->turns--;
			if (rng_one_in(&dice, 4))
				world_zap(i);
			side_call(&e->side);
		}
		co_yield ();
	}
	if (ivc_undelivered(e->side.ch) != -EAGAIN) {
		e->took = false;
		e->unread = 0;
		settle(e);
	}
	e->side.closed = true;
	ivc_close(e->side.ch);
	e->gone = true;
}

/* --------------------------------------------------- what happens */

static void wait_a_while(void)
{
	uint32_t n = rng_below(&dice, rng_one_in(&dice, 3) ? 2000 : 100);

	while (n--)
		co_yield ();
}

static void leaves(int i)
{
	struct end *e = &ends[i];

	wait_a_while();
	/* The process is frozen if the guest is suspended. */
	e->frozen = rng_one_in(&dice, 2) && !e->gone;
	if (e->frozen)
		co_freeze(e->co, true);
	world_leave(i, local || rng_one_in(&dice, 3) ? -ENODEV : -EREMCHG);
	if (e->frozen)
		co_freeze(e->co, false);
	e->frozen = false;
}

static void killed(int i)
{
	struct end *e = &ends[i];

	wait_a_while();
	while (!e->gone && !co_kill(e->co))
		co_yield ();
	if (!e->gone) {
		e->side.closed = e->side.dead = true;
		e->gone = true;
		world_release(i);
	}
}

static void crashes(int i)
{
	struct end *e = &ends[i];

	wait_a_while();
	if (!e->gone) {
		e->side.closed = e->side.dead = true;
		e->gone = true;
	}
	co_destroy(i);
	world_crash(i);
}

/* ------------------------------------------------------- the account */

/* Check the direction in which @w wrote. */
static void check_direction(struct end *w, struct end *r)
{
	const struct account *a = &w->side.out;
	uint64_t delivered = a->wrote - (uint64_t)w->lost;
	uint64_t least = a->got, most = a->asked;
	bool cut_w = world_cut((int)(w - ends)),
	     cut_r = world_cut((int)(r - ends));
	/* A tried cut-off: the peer may have taken over less than was there. */
	bool tried = world_tried_cut((int)(w - ends));
	/*
	 * The reader can go on reading: the copy, or the ring of a local pair.
	 */
	bool kept = world_took((int)(r - ends)) || (pair_failed && !r->settled);

	if (w->settled) {
		/* After the bound one record is uncertain: protocol.md 3.4. */
		if (tried)
			least -= least < w->side.size / 4 ? least
							  : w->side.size / 4;
		if (cut_w || kept)
			most = a->wrote;
		/* Taken over for a process that closed without reading it. */
		if (!tried && !r->settled && world_took((int)(r - ends)))
			least += r->unread;
		if (!tried && r->took)
			most = least;
		if (delivered < least || delivered > most)
			wrong("end %d: %llu written, %llu read (at most %llu), "
			      "%s%llu unread, undelivered %zd%s%s",
			      (int)(w - ends), (unsigned long long)a->wrote,
			      (unsigned long long)a->got,
			      (unsigned long long)a->asked,
			      r->took ? "kept, " : "",
			      (unsigned long long)r->unread, w->lost,
			      cut_w ? ", has cut" : "",
			      cut_r ? ", was cut" : "");
		return;
	}
	/* The peer reads all data written before the close or death. */
	if (r->settled && !cut_r && !tried &&
	    (a->got < a->wrote || a->got > w->side.tried))
		wrong("end %d: %llu written, at most %llu, then closed; %llu "
		      "read",
		      (int)(w - ends), (unsigned long long)a->wrote,
		      (unsigned long long)w->side.tried,
		      (unsigned long long)a->got);
}

static bool over(void)
{
	for (unsigned int i = 0; i < n_happening; i++)
		if (co_lives(happening[i]))
			return false;
	return ends[0].gone && ends[1].gone && world_gone();
}

/* ------------------------------------------------------- an enemy */

static uint64_t garbage(uint32_t pos, uint32_t size)
{
	switch (rng_below(&dice, 4)) {
	case 0:
		return ivc_ring_hdr(pos, 1 + rng_below(&dice, size));
	case 1:
		return ivc_ring_hdr(pos, 8);
	case 2:
		return 0;
	default:
		return rng_next(&dice);
	}
}

/* Hostile: end @i and the kernel of its guest write anything. */
static void rages(int i)
{
	struct end *honest = &ends[!i];
	uint32_t n = rng_below(&dice, 3000), pos;
	uint32_t size = ends[i].side.size, cells = size / IVC_CELL;
	struct world_words w;

	if (ends[i].gone)
		return;
	world_words(i, &w);
	while (n-- && !honest->gone && !ends[i].gone) {
		/* Mostly at the position that the honest end reads next. */
		pos = honest->side.ch->rx.pos;
		if (rng_one_in(&dice, 2))
			pos += rng_below(&dice, cells);
		switch (rng_below(&dice, 16)) {
		case 0:
			ivc_store(w.reader_pos,
				  ivc_reader_pos(pos, rng_below(&dice, 64)));
			break;
		case 1:
			ivc_store(w.reader_pos, rng_next(&dice));
			break;
		case 2:
			ivc_store(w.state, rng_below(&dice, 6));
			break;
		case 3:
			ivc_store(w.cut_off, rng_below(&dice, 3));
			break;
		case 4:
			ivc_store(w.took_over, rng_below(&dice, 2));
			ivc_store(w.took_until, pos);
			break;
		default:
			ivc_store(world_header(i, pos % cells),
				  garbage(pos, size));
		}
		if (rng_one_in(&dice, 4))
			co_yield ();
	}
}

/*
 * The honest process writes and reads. Later it scribbles on its own control
 * page, which its kernel must not trust, either.
 */
static void bears(int i)
{
	struct end *e = &ends[i];
	struct ivc_ctrl *own = e->side.ch->map.own;
	ssize_t n;

	while (ivc_undelivered(e->side.ch) == -EAGAIN && e->turns--) {
		if (rng_one_in(&dice, 4))
			world_zap(i);
		(void)ivc_write(e->side.ch, e->side.scratch,
				account_size(&dice, e->side.size));
		(void)ivc_read(e->side.ch, e->side.scratch,
			       account_size(&dice, e->side.size));
		if (rng_one_in(&dice, 16))
			ivc_store(&own->cons,
				  e->side.ch->rx.pos + rng_below(&dice, 64));
		if (rng_one_in(&dice, 16))
			ivc_store(&own->reader_pos, rng_below(&dice, 1024));
		co_yield ();
	}
	n = ivc_undelivered(e->side.ch);
	must(n < 0 || n <= (ssize_t)e->side.size);
	if (n > 0) {
		ssize_t m =
			ivc_recall(e->side.ch, e->side.scratch, STREAM_MAX, 0);

		must(m == n || m == -EPROTO);
	}
	e->side.closed = true;
	ivc_close(e->side.ch);
	e->gone = true;
}

/* The hostile process itself only closes; rages() does the rest. */
static void shuts(int i)
{
	wait_a_while();
	wait_a_while();
	ends[i].side.closed = true;
	ivc_close(ends[i].side.ch);
	ends[i].gone = true;
}

/* ------------------------------------------------------- channels */

static uint32_t some_size(void)
{
	static const uint32_t sizes[] = { 1, 1, 1, 1, 1, 2, 4, 16 };

	return PAGE * sizes[rng_below(&dice, 8)];
}

static void channel_make(void)
{
	uint32_t size[2] = { some_size(), enemy ? 16 * PAGE : some_size() };

	co_reset();
	world_make(size, local);
	memset(ends, 0, sizeof(ends));
	n_happening = 0;
	pair_failed = false;
	for (int i = 0; i < 2; i++) {
		struct side *s = &ends[i].side;

		s->peer = &ends[!i].side;
		s->size = size[i];
		s->out.stream = (unsigned int)i;
		s->scratch = scratches[i];
		s->fallible = true;
		ends[i].turns = rng_below(&dice, 60);
		must(!ivc_channel_new(&transport, &s->ch));
		s->ch->priv = &ends[i];
	}
	for (int i = 0; i < 2; i++) {
		must(!ivc_connected(ends[i].side.ch, 0));
		ends[i].co = co_start(!enemy ? process
				      : i    ? shuts
					     : bears,
				      i, local ? 0 : i);
	}
}

static void start(void (*fn)(int i), int i, int guest)
{
	happening[n_happening++] = co_start(fn, i, local ? 0 : guest);
}

static void channel_run(void)
{
	bool any = false;

	if (enemy)
		start(rages, 1, 1);
	for (int i = 0; i < 2; i++) {
		ends[i].closes = rng_one_in(&dice, 3);
		any |= ends[i].closes;
		if (rng_one_in(&dice, 3) && (!local || !any)) {
			start(leaves, i, i);
			pair_failed = local;
			any = true;
		}
		if (rng_one_in(&dice, 6)) {
			start(killed, i, i);
			any = true;
		}
	}
	if (!local && !enemy && rng_one_in(&dice, 8)) {
		int i = (int)rng_below(&dice, 2);

		start(crashes, i, !i);
		any = true;
	}
	if (!any)
		ends[0].closes = true;
	co_run(over);
	if (!enemy) {
		check_direction(&ends[0], &ends[1]);
		check_direction(&ends[1], &ends[0]);
	}
	world_check();
	account_ends += 2;
}

static void channel(void)
{
	enemy = rng_one_in(&dice, 8);
	local = !enemy && rng_one_in(&dice, 8);
	channel_make();
	channel_run();
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_sigaction = faulted,
				 .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigaction(SIGSEGV, &act, NULL);
	transport = ivc_xen;
	transport.info = info;
	transport.map = map;
	transport.kick = transport.arm = nothing;
	transport.delivery = delivery;
	transport.undelivered = undelivered;
	transport.close = close_end;
	return account_main(argc, argv, channel);
}
