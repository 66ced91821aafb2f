/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Activity while something ends: requests in the ring of a device that closes,
 * and records of a long ring that change while the other end takes over the
 * unread data. See front.h.
 */
#include <errno.h>
#include <string.h>
#include <ivc/protocol/barrier.h>
#include <ivc/protocol/ring.h>
#include "front.h"

/* Close the device while its ring is full of requests. */
void attack_closes(struct front *f, int seconds)
{
	int64_t end = now_ms() + seconds * 1000;
	unsigned int n = 0;
	uint32_t i;

	while (now_ms() < end) {
		front_connect(f);
		for (i = 0; i < IVC_CTL_REQS; i++) {
			struct ivc_msg req = { .op = IVC_MSG_REGISTER,
					       .cookie = i + 1 };

			req.reg.magic = 0xc105e;
			req.reg.id = i;
			front_post(f, &req);
		}
		front_state(f, rnd_below(2) ? CLOSING : CLOSED);
		n++;
	}
	front_proves(f, "requests in a ring that closes");
	passed("closes: %u times, each with %u requests", n, IVC_CTL_REQS);
}

#define SHIFT 18 /* log2 of the bytes of this side's ring */
#define DATA (1u << (SHIFT - 12))
#define CELLS (1u << (SHIFT - 6))

/* A channel's pages: kernel control, control, ring; and their directory. */
struct ring {
	struct ivc_dir *dir;
	uint32_t dir_ref;
	uint8_t *pages;
	int port;
};

/* Pages of earlier channels count until the other end has unmapped them. */
static void *share(struct front *f, uint16_t to, uint32_t nr, uint32_t *refs)
{
	void *pages;
	int tries;

	for (tries = 0; tries < 200; tries++) {
		pages = xengntshr_share_pages(f->gntshr, to, nr, refs, 0);
		if (pages)
			return memset(pages, 0, (size_t)nr * PAGE);
		sleep_ms(50);
	}
	die("no pages to share: %s", strerror(errno));
}

static void ring_make(struct front *f, struct ring *r, uint16_t to)
{
	struct ivc_kctl *kctl;

	r->dir = share(f, to, 1, &r->dir_ref);
	r->pages = share(f, to, IVC_DIR_HEAD + DATA, r->dir->ref);
	kctl = (struct ivc_kctl *)r->pages;
	kctl->magic = IVC_KCTL_MAGIC;
	kctl->version = IVC_PROTOCOL_VERSION;
	kctl->state = IVC_WIRE_OPEN;
	r->dir->magic = IVC_DIR_MAGIC;
	r->dir->count = IVC_DIR_HEAD + DATA;
	r->dir->last = 1;
	r->port = xenevtchn_bind_unbound_port(f->evtchn, to);
}

static void ring_free(struct front *f, struct ring *r)
{
	xenevtchn_unbind(f->evtchn, (evtchn_port_t)r->port);
	xengntshr_unshare(f->gntshr, r->pages, IVC_DIR_HEAD + DATA);
	xengntshr_unshare(f->gntshr, r->dir, 1);
}

static void header(struct ring *r, uint32_t pos, uint32_t len)
{
	uint8_t *data = r->pages + IVC_DIR_HEAD * PAGE;

	ivc_store_rel((uint64_t *)(data + (pos & (CELLS - 1)) * IVC_CELL),
		      ivc_ring_hdr(pos, len));
}

/*
 * A frontend that takes over unread data walks the records from the reader's
 * position, which can be any record. So many cells have headers, of short
 * records and of records as long as the ring, which change all the time; the
 * end of the channel is reported meanwhile.
 */
static void change(struct front *f, struct ring *r, int ms)
{
	struct ivc_kctl *kctl = (struct ivc_kctl *)r->pages;
	int64_t end = now_ms() + ms;
	uint32_t n = 0, pos, len;

	for (pos = 0; pos < CELLS - 1; pos++)
		header(r, pos, 1 + rnd_below(56));
	while (now_ms() < end) {
		pos = rnd_below(4) ? rnd_below(64) : rnd_below(CELLS);
		len = rnd_below(2) ? 1 + rnd_below(56)
				   : rnd_below((CELLS - pos) * IVC_CELL);
		header(r, pos, len);
		if (++n == 5000) {
			kctl->reason = -EPIPE;
			ivc_store_rel(&kctl->state, rnd_below(2)
							    ? IVC_WIRE_CLOSED
							    : IVC_WIRE_LEAVING);
			xenevtchn_notify(f->evtchn, (evtchn_port_t)r->port);
		}
	}
	ivc_store_rel(&kctl->state, IVC_WIRE_DETACHED);
	xenevtchn_notify(f->evtchn, (evtchn_port_t)r->port);
}

static bool end_one(struct front *f, uint64_t me, const struct ivc_host *to)
{
	struct ivc_msg req = { .op = IVC_MSG_CONNECT, .member = me }, reply, ev;
	struct ring r;
	int err;

	ring_make(f, &r, to->domid);
	req.offer.peer = to->member;
	req.offer.dir_gref = r.dir_ref;
	req.offer.port = (uint32_t)r.port;
	req.offer.tx_shift = SHIFT;
	req.offer.rx_shift = 12;
	err = front_ask(f, &req, &reply);
	if (err && err != -ENOENT && err != -EBUSY)
		die("CONNECT: %d", err);
	if (!err) {
		err = offer_outcome(f, reply.offer.conn, &ev, 8000);
		if (err == 1) {
			change(f, &r, 120);
			/*
			 * Linux ends grants of pages that are still mapped at
			 * a rate of ten a second: wait until they are unmapped.
			 */
			offer_outcome(f, reply.offer.conn, &ev, 8000);
			sleep_ms(300);
		}
		close_conn(f, me, reply.offer.conn, -EPIPE);
	}
	ring_free(f, &r);
	return err == 1;
}

void attack_ends(struct front *f, uint64_t magic, int seconds)
{
	int64_t end = now_ms() + seconds * 1000;
	unsigned int n = 0, turn;
	struct ivc_host to;
	uint64_t me;

	front_connect(f);
	me = front_register(f, magic, OUR_ID);
	for (turn = 0; now_ms() < end; turn++) {
		if (find_victim(f, me, 1 + turn % 2, &to))
			n += end_one(f, me, &to);
		else
			sleep_ms(50);
	}
	if (!n)
		die("the victim accepted no offer");
	if (back_state(f) != CONNECTED)
		die("ends: backend in state %d", back_state(f));
	front_disconnect(f);
	passed("ends: %u rings of %u pages changed while they ended", n, DATA);
}
