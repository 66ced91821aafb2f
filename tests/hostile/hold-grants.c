/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hold pages of another guest: map them and do not unmap them after their
 * channels have closed; and ring the doorbells of such channels. See front.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <ivc/protocol/barrier.h>
#include "front.h"

#define SHIFT 22 /* ask for a ring of 4 MiB */
#define REFS (IVC_DIR_HEAD + (1u << (SHIFT - 12)))
#define MAX_HELD 8

static struct {
	struct end end;
	void *map;
	uint32_t nr; /* pages mapped there */
} held[MAX_HELD];

/* Map all pages that the directory names, or one page of the directory. */
static void hold_pages(struct front *f, int n, uint32_t domid, uint32_t dir,
		       bool only_dir)
{
	held[n].nr = only_dir ? 1 : REFS;
	held[n].map = only_dir ? xengnttab_map_grant_ref(f->gnttab, domid, dir,
							 PROT_READ)
			       : peer_map(f, domid, dir, REFS, NULL);
	if (!held[n].map && errno != EINVAL)
		die("the victim's pages: %s", strerror(errno));
}

/*
 * Close one more channel and hold its pages. Returns 1; 0 if the offer was
 * refused; or -1 if the victim had closed the channel before its pages were
 * mapped, which takes long on a slow machine.
 */
static int hold_one(struct front *f, uint64_t me, const struct ivc_host *to,
		    int n, bool only_dir)
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

		hold_pages(f, n, to->domid, ev.accept.dir_gref, only_dir);
		ret = held[n].map ? 1 : -1;
		ivc_store_rel(&kctl->state, IVC_WIRE_CLOSED);
		xenevtchn_notify(f->evtchn, (evtchn_port_t)e->port);
	}
	if (ret != 1)
		end_free(f, e);
	close_conn(f, me, conn, -EPIPE);
	return ret;
}

static bool hold(struct front *f, uint64_t me, const struct ivc_host *to, int n,
		 bool only_dir)
{
	int64_t end = now_ms() + patience_ms();
	int ret;

	do {
		if (now_ms() > end)
			die("the victim closed each channel before its pages "
			    "were mapped");
		ret = hold_one(f, me, to, n, only_dir);
	} while (ret < 0);
	return ret;
}

/* Hold as many channels as the victim allows. Returns their number. */
static int hold_all(struct front *f, uint64_t me, const struct ivc_host *to,
		    bool only_dir)
{
	int n = 0;

	while (n < MAX_HELD && hold(f, me, to, n, only_dir)) {
		n++;
		/* Wait until the frontend counts the pages as overdue. */
		sleep_ms(4000);
	}
	if (n == MAX_HELD)
		die("the victim still accepts with %s of %d channels held",
		    only_dir ? "the directories" : "all pages", n);
	if (!n)
		die("the victim accepted no channel at all");
	return n;
}

static void let_go(struct front *f, int n)
{
	while (n--) {
		xengnttab_unmap(f->gnttab, held[n].map, held[n].nr);
		xenevtchn_notify(f->evtchn, (evtchn_port_t)held[n].end.port);
		end_free(f, &held[n].end);
	}
	sleep_ms(4000);
}

void attack_hold_grants(struct front *f, uint64_t magic, int seconds)
{
	struct ivc_host to;
	int64_t end;
	uint64_t rings = 0;
	uint64_t me;
	int n, dirs, i;

	front_connect(f);
	me = front_register(f, magic, OUR_ID);
	while (!find_victim(f, me, 1, &to))
		sleep_ms(50);
	/* One held page of the directory holds a whole channel. */
	dirs = hold_all(f, me, &to, true);
	let_go(f, dirs);
	n = hold_all(f, me, &to, false);
	close(creat("/tmp/ringing", 0644)); /* the scenario measures now */
	for (end = now_ms() + seconds * 1000; now_ms() < end; rings++)
		for (i = 0; i < n; i++)
			xenevtchn_notify(f->evtchn,
					 (evtchn_port_t)held[i].end.port);
	let_go(f, n);
	if (!hold(f, me, &to, 0, false))
		die("no channel, although all pages are unmapped");
	let_go(f, 1);
	front_disconnect(f);
	passed("hold-grants: %d directories, %u pages, then no more; rung %llu "
	       "times",
	       dirs, n * REFS, (unsigned long long)rings * (unsigned int)n);
}
