/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Wrong offers to the frontend of another guest, and wrong answers to its own:
 * see front.h. The other end is tests/hostile/victim.c, which accepts every
 * offer and sometimes connects to this program.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ivc/protocol/barrier.h>
#include <ivc/protocol/ring.h>
#include "front.h"

static const char *const wrong_name[WRONGS] = {
	"nothing wrong",
	"directory's magic",
	"directory without references",
	"a reference too few",
	"a reference too many",
	"a huge count",
	"directory without an end",
	"directory that names itself",
	"no directory",
	"a page granted to somebody else",
	"reference 0",
	"a huge reference",
	"a page no longer granted",
	"kernel page's magic",
	"kernel page's version",
	"a ring larger than what is granted",
	"no port",
};

void end_free(struct front *f, struct end *e)
{
	if (e->port >= 0)
		xenevtchn_unbind(f->evtchn, (evtchn_port_t)e->port);
	if (e->dir)
		xengntshr_unshare(f->gntshr, e->dir, 1);
	if (e->pages)
		xengntshr_unshare(f->gntshr, e->pages, PAGES);
	if (e->other)
		xengntshr_unshare(f->gntshr, e->other, 1);
}

static void spoil(struct front *f, struct end *e, enum wrong how, uint16_t to)
{
	struct ivc_kctl *kctl = (struct ivc_kctl *)e->pages;

	switch (how) {
	case DIR_MAGIC:
		e->dir->magic++;
		break;
	case DIR_NONE:
		e->dir->count = 0;
		break;
	case DIR_FEW:
		e->dir->count--;
		break;
	case DIR_MANY:
		e->dir->count++;
		break;
	case DIR_HUGE:
		e->dir->count = 0xffffffff;
		break;
	case DIR_NOT_LAST:
		e->dir->last = 0;
		break;
	case DIR_CIRCLE:
		e->dir->count = IVC_DIR_REFS;
		e->dir->last = 0;
		e->dir->next = e->dir_ref;
		e->shift = 24;
		break;
	case DIR_REF:
		e->dir_ref = 0xfffff;
		break;
	case REF_OTHERS:
		e->other = xengntshr_share_pages(f->gntshr, to + 100u, 1,
						 &e->dir->ref[2], 0);
		break;
	case REF_0:
		e->dir->ref[1] = 0;
		break;
	case REF_HUGE:
		e->dir->ref[2] = 0xffffffff;
		break;
	case REF_REVOKED:
		xengntshr_unshare(f->gntshr, e->pages, PAGES);
		e->pages = NULL;
		break;
	case KCTL_MAGIC:
		kctl->magic = 0;
		break;
	case KCTL_VERSION:
		kctl->version = IVC_PROTOCOL_VERSION - 1;
		break;
	case BAD_SHIFT:
		e->shift = 16;
		break;
	default:
		break;
	}
}

void end_make(struct front *f, struct end *e, enum wrong how, uint16_t to)
{
	struct ivc_kctl *kctl;
	uint32_t i;

	memset(e, 0, sizeof(*e));
	e->shift = 12;
	e->port = -1;
	e->dir = xengntshr_share_pages(f->gntshr, to, 1, &e->dir_ref, 0);
	e->pages = xengntshr_share_pages(f->gntshr, to, PAGES, e->refs, 0);
	if (!e->dir || !e->pages)
		die("no pages to share: %s", strerror(errno));
	memset(e->dir, 0, PAGE);
	memset(e->pages, 0, PAGES * PAGE);
	kctl = (struct ivc_kctl *)e->pages;
	kctl->magic = IVC_KCTL_MAGIC;
	kctl->version = IVC_PROTOCOL_VERSION;
	kctl->state = IVC_WIRE_OPEN;
	e->dir->magic = IVC_DIR_MAGIC;
	e->dir->count = PAGES;
	e->dir->last = 1;
	for (i = 0; i < PAGES; i++)
		e->dir->ref[i] = e->refs[i];
	spoil(f, e, how, to);
}

/* Write random bytes to all pages that the other end maps, for @ms. */
static void noise(struct front *f, struct end *e, int ms)
{
	struct ivc_kctl *kctl = (struct ivc_kctl *)e->pages;
	struct ivc_ctrl *ctrl = (struct ivc_ctrl *)(e->pages + PAGE);
	uint64_t *cells = (uint64_t *)(e->pages + 2 * PAGE);
	int64_t end = now_ms() + ms;
	uint32_t pos = 0, n = 0;

	while (now_ms() < end) {
		switch (rnd_below(8)) {
		case 0:
			ivc_store(&ctrl->cons,
				  rnd_below(2) ? rnd_below(64) : rnd());
			break;
		case 1:
			ivc_store(&ctrl->want, rnd());
			break;
		case 2:
			ivc_store(&ctrl->reader_pos,
				  (uint64_t)rnd() << 32 | rnd());
			break;
		case 3:
			ivc_store(&cells[rnd_below(512)],
				  (uint64_t)rnd() << 32 | rnd());
			break;
		default:
			ivc_store(&cells[(pos & 63) * 8 + 8], 0);
			ivc_store_rel(&cells[(pos & 63) * 8],
				      ivc_ring_hdr(pos, 1 + rnd_below(56)));
			pos++;
			break;
		}
		if (!(++n % 64) && e->port >= 0)
			xenevtchn_notify(f->evtchn, (evtchn_port_t)e->port);
	}
	/* An end of the channel that ivc-front would never report. */
	ivc_store(&kctl->took_until, rnd());
	ivc_store(&kctl->took_over, rnd());
	ivc_store(&kctl->cut_off, rnd_below(4));
	ivc_store(&kctl->reason, (int32_t)rnd());
	ivc_store(&kctl->state, rnd_below(2) ? rnd_below(6) : rnd());
	if (e->port >= 0)
		xenevtchn_notify(f->evtchn, (evtchn_port_t)e->port);
}

int close_conn(struct front *f, uint64_t me, uint32_t conn, int reason)
{
	struct ivc_msg req = { .op = IVC_MSG_CLOSE, .member = me };

	req.close.conn = conn;
	req.close.reason = reason;
	return front_ask(f, &req, NULL);
}

int offer_outcome(struct front *f, uint32_t conn, struct ivc_msg *ev, int ms)
{
	int64_t end = now_ms() + ms;

	while (now_ms() < end) {
		if (front_event(f, IVC_MSG_EV_ACCEPTED, ev, 5) &&
		    ev->accept.conn == conn)
			return 1;
		if (front_event(f, IVC_MSG_EV_GONE, ev, 5) &&
		    ev->close.conn == conn)
			return ev->close.reason;
	}
	return 0;
}

int offer_send(struct front *f, uint64_t me, const struct ivc_host *to,
	       struct end *e, uint8_t rx_shift, uint32_t *conn)
{
	struct ivc_msg req = { .op = IVC_MSG_CONNECT, .member = me }, reply;
	int err;

	req.offer.peer = to->member;
	req.offer.dir_gref = e->dir_ref;
	req.offer.port = e->port < 0 ? 0xffff : (uint32_t)e->port;
	req.offer.tx_shift = e->shift;
	req.offer.rx_shift = rx_shift;
	err = front_ask(f, &req, &reply);
	*conn = reply.offer.conn;
	return err;
}

struct tally {
	unsigned int taken, refused[WRONGS], answered, bare;
};

void *peer_map(struct front *f, uint32_t domid, uint32_t ref, uint32_t nr,
	       void (*look)(const struct ivc_dir *dir))
{
	uint32_t *refs = calloc(nr, sizeof(*refs));
	struct ivc_dir *dir = NULL;
	void *map = NULL;
	uint32_t n = 0;

	while (refs && n < nr) {
		dir = xengnttab_map_grant_ref(f->gnttab, domid, ref, PROT_READ);
		if (!dir)
			break;
		if (dir->magic != IVC_DIR_MAGIC || !dir->count ||
		    dir->count > nr - n || dir->count > IVC_DIR_REFS)
			die("the victim's directory is invalid");
		if (look)
			look(dir);
		memcpy(refs + n, dir->ref, dir->count * sizeof(*refs));
		n += dir->count;
		ref = dir->next;
		xengnttab_unmap(f->gnttab, dir, 1);
	}
	if (refs && dir)
		map = xengnttab_map_domain_grant_refs(f->gnttab, nr, domid,
						      refs, PROT_READ);
	free(refs);
	return map;
}

/* All but the bytes from @from to @to, which have a meaning, must be 0. */
static void must_be_zero(const uint8_t *page, uint32_t from, uint32_t to,
			 const char *what)
{
	uint32_t i;

	for (i = 0; i < PAGE; i++)
		if ((i < from || i >= to) && page[i])
			die("%s, byte %u: not 0, data of the guest leaks", what,
			    i);
}

static void directory_must_be_bare(const struct ivc_dir *dir)
{
	must_be_zero((const uint8_t *)dir, 0,
		     (uint32_t)offsetof(struct ivc_dir, ref[dir->count]),
		     "directory");
}

/*
 * Check the pages that the victim grants with its offer, before either side has
 * written: they must hold no data but the channel's. False: the
 * victim has withdrawn its offer.
 */
static bool must_be_bare(struct front *f, const struct ivc_msg *ev)
{
	uint32_t nr = IVC_DIR_HEAD + (1u << (ev->offer.tx_shift - 12)), i;
	uint8_t *pages = peer_map(f, ev->offer.domid, ev->offer.dir_gref, nr,
				  directory_must_be_bare);

	if (!pages)
		return false;
	must_be_zero(pages, 0, sizeof(struct ivc_kctl), "kernel page");
	must_be_zero(pages + PAGE, 0, sizeof(struct ivc_ctrl), "control page");
	for (i = IVC_DIR_HEAD; i < nr; i++)
		must_be_zero(pages + i * PAGE, 0, 0, "ring");
	xengnttab_unmap(f->gnttab, pages, nr);
	return true;
}

static void offer(struct front *f, uint64_t me, const struct ivc_host *to,
		  enum wrong how, struct tally *t)
{
	struct ivc_msg ev;
	struct end e;
	uint32_t conn;
	int err;

	end_make(f, &e, how, to->domid);
	if (how != PORT)
		e.port = xenevtchn_bind_unbound_port(f->evtchn, to->domid);
	err = offer_send(f, me, to, &e, 12, &conn);
	/* The victim may have left, or be slow. */
	if (err && err != -ENOENT && err != -EBUSY)
		die("CONNECT: %d", err);
	if (!err) {
		err = offer_outcome(f, conn, &ev, 8000);
		if (err == 1) {
			t->taken++;
			noise(f, &e, 60);
		} else if (err == -EPROTO) {
			t->refused[how]++;
		}
		if (how != RIGHT && err == 1)
			die("accepted in spite of: %s", wrong_name[how]);
		close_conn(f, me, conn, (int)rnd());
	}
	end_free(f, &e);
}

/* Answer an offer of the other end. */
static void answer(struct front *f, uint64_t me, const struct ivc_msg *ev,
		   enum wrong how, struct tally *t)
{
	struct ivc_msg req = { .op = IVC_MSG_ACCEPT, .member = me }, gone;
	struct end e;
	int err;

	t->bare += must_be_bare(f, ev);
	end_make(f, &e, how, ev->offer.domid);
	e.port = xenevtchn_bind_interdomain(f->evtchn, ev->offer.domid,
					    ev->offer.port);
	req.accept.conn = ev->offer.conn;
	req.accept.dir_gref = e.dir_ref;
	req.accept.tx_shift = e.shift;
	err = front_ask(f, &req, NULL);
	/* A larger ring than the offer asks for: the backend must refuse. */
	if (!err)
		err = offer_outcome(f, ev->offer.conn, &gone,
				    how == RIGHT ? 100 : 3000);
	if (!err && how == RIGHT) {
		noise(f, &e, 60);
		t->answered++;
	}
	close_conn(f, me, ev->offer.conn, (int)rnd());
	end_free(f, &e);
}

bool find_victim(struct front *f, uint64_t me, uint32_t id, struct ivc_host *to)
{
	struct ivc_msg req = { .op = IVC_MSG_HOSTS, .member = me }, reply;
	uint32_t i;

	if (front_ask(f, &req, &reply))
		die("HOSTS: %d", reply.status);
	for (i = 0; i < reply.hosted.count && i < IVC_TABLE_HOSTS; i++) {
		*to = f->table[i];
		if (id ? to->id == id : to->id != OUR_ID)
			return true;
	}
	return false;
}

void attack_offers(struct front *f, uint64_t magic, int seconds)
{
	int64_t end = now_ms() + seconds * 1000;
	struct tally t = { 0 };
	struct ivc_host to = { 0 };
	struct ivc_msg ev;
	uint32_t how = 0;
	uint64_t me;

	front_connect(f);
	me = front_register(f, magic, OUR_ID);
	while (now_ms() < end || how < 4 * WRONGS) {
		if (now_ms() > end + 90000)
			die("no end of it: %u of %u", how, 4 * WRONGS);
		if (front_event(f, IVC_MSG_EV_OFFER, &ev, 1))
			answer(f, me, &ev, how % WRONGS, &t);
		if (!find_victim(f, me, 1 + how % 2, &to)) {
			sleep_ms(50);
			continue;
		}
		offer(f, me, &to, how / 2 % WRONGS, &t);
		how++;
	}
	for (how = DIR_MAGIC; how < WRONGS; how++)
		if (!t.refused[how])
			die("not refused with -EPROTO: %s", wrong_name[how]);
	if (!t.bare)
		die("no victim has offered a channel");
	if (!t.taken)
		die("the victim accepted not even a right offer");
	if (back_state(f) != CONNECTED)
		die("wrong offers: backend in state %d", back_state(f));
	front_disconnect(f);
	passed("offers: %u accepted, each of %d wrongs refused; %u answers "
	       "taken; %u offers granted nothing else",
	       t.taken, WRONGS - 1, t.answered, t.bare);
}
