/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pages of another guest that are mapped and not let go of, long after their
 * channels are closed; and doorbells that ring for such channels: see front.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ivc/barrier.h>
#include "front.h"

#define SHIFT 22 /* the ring we ask for: 4 MiB */
#define REFS (IVC_DIR_HEAD + (1u << (SHIFT - 12)))
#define MAX_HELD 8

static struct {
	struct end end;
	void *map;
} held[MAX_HELD];

/*
 * One more channel that is closed and kept. 0: it was refused. -1: its victim
 * has closed it before we had its pages, which takes long on a slow machine.
 */
static int hold_one(struct front *f, uint32_t me, const struct ivc_host *to,
		    int n)
{
	struct end *e = &held[n].end;
	struct ivc_msg ev;
	uint32_t conn;
	int err, ret = 0;

	end_make(f, e, RIGHT, to->domid);
	e->port = xenevtchn_bind_unbound_port(f->evtchn, to->domid);
	err = offer_send(f, me, to, e, SHIFT, &conn);
	if (err)
		die("CONNECT: %d", err);
	err = offer_outcome(f, conn, &ev, 8000);
	if (err == 1) {
		struct ivc_kctl *kctl = (struct ivc_kctl *)e->pages;

		held[n].map =
			peer_map(f, to->domid, ev.accept.dir_gref, REFS, NULL);
		if (!held[n].map && errno != EINVAL)
			die("the victim's pages: %s", strerror(errno));
		ret = held[n].map ? 1 : -1;
		ivc_store_rel(&kctl->state, IVC_WIRE_CLOSED);
		xenevtchn_notify(f->evtchn, (evtchn_port_t)e->port);
	}
	if (ret != 1)
		end_free(f, e);
	close_conn(f, me, conn, -EPIPE);
	return ret;
}

static bool hold(struct front *f, uint32_t me, const struct ivc_host *to, int n)
{
	int ret, tries = 0;

	do {
		if (tries++ > 20)
			die("the victim's pages: they are gone each time");
		ret = hold_one(f, me, to, n);
	} while (ret < 0);
	return ret;
}

static void let_go(struct front *f, int n)
{
	while (n--) {
		xengnttab_unmap(f->gnttab, held[n].map, REFS);
		xenevtchn_notify(f->evtchn, (evtchn_port_t)held[n].end.port);
		end_free(f, &held[n].end);
	}
}

void attack_held(struct front *f, uint64_t magic, int seconds)
{
	struct ivc_host to;
	int64_t end;
	uint64_t rings = 0;
	uint32_t me;
	int n = 0, i;

	front_connect(f);
	me = front_register(f, magic, OUR_ID);
	while (!find_victim(f, me, 1, &to))
		sleep_ms(50);
	while (n < MAX_HELD && hold(f, me, &to, n)) {
		n++;
		/* As long as it takes until that is noticed to be too long. */
		sleep_ms(4000);
	}
	if (n == MAX_HELD)
		die("%u pages held, and it goes on", n * REFS);
	if (!n)
		die("not even one channel");
	for (end = now_ms() + seconds * 1000; now_ms() < end; rings++)
		for (i = 0; i < n; i++)
			xenevtchn_notify(f->evtchn,
					 (evtchn_port_t)held[i].end.port);
	let_go(f, n);
	sleep_ms(4000);
	if (!hold(f, me, &to, 0))
		die("no channel even after all was let go");
	let_go(f, 1);
	front_disconnect(f);
	passed("held: %u pages, then no more; rung %llu times", n * REFS,
	       (unsigned long long)rings * (unsigned int)n);
}
