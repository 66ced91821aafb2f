/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ivc-hostile-back: a process in Dom0 that takes the place of ivc-back and
 * breaks every rule of docs/reference/protocol.md towards the frontend of one
 * guest. In that guest ivc-ioctl sends all kinds of requests meanwhile.
 *
 *   ivc-hostile-back DOMID SECONDS [stay]
 *
 * The program repeats all of its attacks for SECONDS. After each attack the
 * frontend must connect to an honest backend again. With "stay" the program
 * breaks the ring once, and then does nothing more.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>
#include <ivc/protocol/barrier.h>
#include <ivc/protocol/wire.h>
#include "log.h"

#define PAGE 4096u
#define UNANSWERED 65536u /* requests that wait in the frontend, at most */

enum { INITIALISING = 1, INIT_WAIT, INITIALISED, CONNECTED, CLOSING, CLOSED };

static struct xs_handle *xs;
static xenevtchn_handle *evtchn;
static xengnttab_handle *gnttab;
static char back_dir[64], front_dir[64];
static uint32_t domid;

static struct ivc_ctl_page *ctl; /* the host table follows it */
static struct ivc_host *table;
static int port = -1;
static uint32_t req_cons, ev_prod, member = 1;
static uint64_t asked, lies;
static uint32_t unanswered;

static uint32_t rnd(void)
{
	static uint64_t s = 1;

	s = s * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(s >> 32);
}

static void set(const char *node, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", back_dir, node);
	if (!xs_write(xs, XBT_NULL, path, value, (unsigned int)strlen(value)))
		die("cannot write %s", path);
}

static void state(int n)
{
	char s[12];

	snprintf(s, sizeof(s), "%d", n);
	set("state", s);
}

static uint32_t front_number(const char *node)
{
	char path[128], *s;
	uint32_t n;

	snprintf(path, sizeof(path), "%s/%s", front_dir, node);
	s = xs_read(xs, XBT_NULL, path, NULL);
	n = s ? (uint32_t)strtoul(s, NULL, 10) : 0;
	free(s);
	return n;
}

static void front_must_be(uint32_t want, uint32_t or, const char *why)
{
	int64_t end = now_ms() + patience_ms();
	uint32_t is;

	do {
		is = front_number("state");
		if (is == want || is == or)
			return;
		usleep(5000);
	} while (now_ms() < end);
	die("%s: the frontend is in state %u, not in %u", why, is, want);
}

static void let_go(void)
{
	if (port >= 0)
		xenevtchn_unbind(evtchn, (evtchn_port_t)port);
	if (ctl)
		xengnttab_unmap(gnttab, ctl, 2);
	port = -1;
	ctl = NULL;
}

/* Bring the frontend from any state to Closed. */
static void reset(const char *why)
{
	state(CLOSING);
	front_must_be(CLOSED, CLOSED, why);
	let_go();
}

static void connect_to(const char *why)
{
	uint32_t refs[2];

	reset(why);
	set("versions", "1,2,77");
	set("features", "");
	state(INIT_WAIT);
	front_must_be(INITIALISED, INITIALISED, why);
	refs[0] = front_number("ring-ref");
	refs[1] = front_number("table-ref");
	ctl = xengnttab_map_domain_grant_refs(gnttab, 2, domid, refs,
					      PROT_READ | PROT_WRITE);
	port = xenevtchn_bind_interdomain(evtchn, domid,
					  front_number("event-channel"));
	if (!ctl || port < 0)
		die("%s: cannot map or bind what the frontend offers", why);
	table = (struct ivc_host *)((uint8_t *)ctl + PAGE);
	req_cons = ev_prod = 0;
	state(CONNECTED);
	front_must_be(CONNECTED, CONNECTED, why);
}

static void notify(void)
{
	xenevtchn_notify(evtchn, (evtchn_port_t)port);
}

static bool next_request(struct ivc_msg *req)
{
	if (ivc_load_acq(&ctl->req_prod) == req_cons)
		return false;
	*req = ctl->req[req_cons % IVC_CTL_REQS];
	ivc_store_rel(&ctl->req_cons, ++req_cons);
	asked++;
	return true;
}

static bool put(const struct ivc_msg *msg)
{
	if (ev_prod - ivc_load_acq(&ctl->ev_cons) >= IVC_CTL_EVENTS)
		return false;
	ctl->ev[ev_prod % IVC_CTL_EVENTS] = *msg;
	ivc_store_rel(&ctl->ev_prod, ++ev_prod);
	notify();
	return true;
}

/* The right answer, as far as this program has a group at all. */
static struct ivc_msg answer_to(const struct ivc_msg *req)
{
	struct ivc_msg m = { .op = IVC_MSG_REPLY, .cookie = req->cookie };

	switch (req->op) {
	case IVC_MSG_REGISTER:
		m.reged.member = ++member;
		m.reged.domid = (uint16_t)domid;
		m.reged.max_channels = m.reged.max_pages = 10000;
		break;
	case IVC_MSG_HOSTS:
		table[0] = (struct ivc_host){ .member = member - 1,
					      .id = 7,
					      .domid = (uint16_t)domid };
		m.hosted.count = member - 1 > req->hosts.after;
		break;
	case IVC_MSG_LOOKUP:
		m.looked.member = req->lookup.member;
		m.looked.domid = (uint16_t)domid;
		m.looked.local = rnd() & 1;
		break;
	case IVC_MSG_CONNECT:
		m.offer.conn = rnd() % 50;
		break;
	default:
		break;
	}
	return m;
}

/* Wait for requests of a frontend that has connected again. */
static void proves(const char *after)
{
	int64_t end = now_ms() + patience_ms();
	uint32_t registered = 0;
	struct ivc_msg req, m;

	connect_to(after);
	while (registered < 3) {
		if (now_ms() > end)
			die("%s: no process registers any more", after);
		if (!next_request(&req)) {
			usleep(1000);
			continue;
		}
		registered += req.op == IVC_MSG_REGISTER;
		m = answer_to(&req);
		put(&m);
	}
	reset(after);
}

static void lie_by_nodes(void)
{
	static const char *const versions[] = { "1",  "0",  "",
						"x",  "2x", ",",
						"22", "-1", "4294967298" };
	static const int states[] = { 0, 1, 3, 7, 8, 9, 99, 4, 5, 6 };
	size_t i;
	char path[128];

	for (i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
		reset("before a wrong version");
		set("versions", versions[i]);
		state(INIT_WAIT);
		usleep(100000);
		front_must_be(CLOSED, CLOSED, "a wrong version");
	}
	reset("before no version");
	snprintf(path, sizeof(path), "%s/versions", back_dir);
	xs_rm(xs, XBT_NULL, path);
	state(INIT_WAIT);
	usleep(100000);
	front_must_be(CLOSED, CLOSED, "no version");
	for (i = 0; i < 60; i++) {
		state(states[rnd() % 10]);
		if (!(rnd() % 4))
			usleep(20000);
		if (!(rnd() % 20))
			connect_to("states at random");
	}
	proves("nodes and states");
}

static void lie_by_indices(void)
{
	static const uint32_t ahead[] = { 33, 1000, 0x80000000, 0xffffffff };
	size_t i;

	for (i = 0; i < 4; i++) {
		connect_to("before a wrong index");
		ivc_store_rel(&ctl->ev_prod, ev_prod + ahead[i]);
		notify();
		front_must_be(CLOSING, CLOSED, "a wrong index");
	}
	/* This index is the backend's own. */
	connect_to("before a wrong req_cons");
	ivc_store_rel(&ctl->req_cons, 0xdeadbeef);
	usleep(200000);
	proves("wrong indices");
}

/* An unexpected event, or a spoiled copy of a right reply. */
static struct ivc_msg lie(const struct ivc_msg *req)
{
	struct ivc_msg m = answer_to(req);
	uint32_t *w = (uint32_t *)&m;
	uint32_t n = rnd() % 4;

	lies++;
	switch (rnd() % 10) {
	case 0:
		m.cookie += rnd() % 3;
		break;
	case 1:
		m.status = (int32_t)rnd() >> (rnd() % 31);
		break;
	case 2:
		m.hosted.more = 1;
		m.hosted.count = rnd() % 300;
		break;
	case 3:
		while (n--)
			w[2 + rnd() % 14] = rnd() >> (rnd() % 32);
		break;
	case 4:
	case 5: /* an offer between any two members */
		m.op = IVC_MSG_EV_OFFER;
		m.flags = rnd() % 4 ? 0 : IVC_OFFER_LOCAL;
		m.member = member - rnd() % 4;
		m.offer.peer = rnd();
		m.offer.conn = rnd() % 50;
		m.offer.dir_gref = rnd() % 2000;
		m.offer.port = rnd() % 100;
		m.offer.domid =
			rnd() % 3 ? (uint16_t)(rnd() % 4) : (uint16_t)rnd();
		m.offer.tx_shift = (uint8_t)(12 + rnd() % 14);
		m.offer.rx_shift = (uint8_t)(12 + rnd() % 14);
		break;
	case 6:
		m.op = IVC_MSG_EV_ACCEPTED;
		m.accept.conn = rnd() % 50;
		m.accept.dir_gref = rnd() % 2000;
		m.accept.tx_shift = (uint8_t)(12 + rnd() % 14);
		break;
	case 7:
		m.op = IVC_MSG_EV_GONE;
		m.member = member - rnd() % 4;
		m.close.conn = rnd() % 50;
		m.close.reason = (int32_t)rnd() >> (rnd() % 31);
		break;
	case 8:
		m.op = (uint16_t)rnd();
		break;
	default:
		break;
	}
	return m;
}

static void lie_by_messages(int ms)
{
	int64_t end;
	struct ivc_msg req = { 0 }, m;

	connect_to("before lies");
	for (end = now_ms() + ms; now_ms() < end;) {
		if (next_request(&req) && rnd() % 8) {
			m = rnd() % 3 ? answer_to(&req) : lie(&req);
			put(&m);
		}
		if (!(rnd() % 4)) {
			m = lie(&req);
			put(&m);
		}
		/* Sometimes no answer until the processes time out. */
		if (!(rnd() % 40000))
			sleep(1);
	}
	proves("lies");
}

/* Random bytes in all that the frontend reads, while it reads. */
static void lie_by_noise(int rounds)
{
	uint32_t *w;
	int64_t end;

	while (rounds--) {
		connect_to("before noise");
		w = (uint32_t *)ctl;
		for (end = now_ms() + 50; now_ms() < end;) {
			/* Also the frontend's indices and requests. */
			ivc_store(&w[16 + rnd() % (PAGE / 4 - 16)],
				  rnd() >> (rnd() % 32));
			ivc_store(&w[PAGE / 4 + rnd() % (PAGE / 4)],
				  rnd() >> (rnd() % 32));
			notify();
		}
	}
	proves("noise");
}

/*
 * Offers to no member, and no answers when the frontend refuses them. Each
 * refusal is a request that waits in the guest's memory, until the frontend
 * gives up the backend.
 */
static void lie_by_silence(void)
{
	int64_t end, full = 0;
	struct ivc_msg m = { .op = IVC_MSG_EV_OFFER };

	connect_to("before silence");
	end = now_ms() + 180000;
	while (full < 500) {
		m.member = rnd();
		m.offer.conn = rnd();
		if (put(&m)) {
			full = 0;
			continue;
		}
		usleep(1000);
		full++;
		if (now_ms() > end)
			die("silence: the frontend still accepts events after "
			    "%u offers",
			    ev_prod);
	}
	/* Requests of processes wait meanwhile, too. */
	if (ev_prod < UNANSWERED / 2 ||
	    ev_prod > UNANSWERED + IVC_CTL_REQS + 2 * IVC_CTL_EVENTS)
		die("silence: the frontend stops after %u offers", ev_prod);
	front_must_be(CLOSING, CLOSED, "silence");
	unanswered = ev_prod;
	proves("silence");
}

int main(int argc, char **argv)
{
	int64_t end;
	int rounds = 0;

	if (argc < 3)
		die("usage: ivc-hostile-back DOMID SECONDS [stay]");
	domid = (uint32_t)atoi(argv[1]);
	xs = xs_open(0);
	evtchn = xenevtchn_open(NULL, 0);
	gnttab = xengnttab_open(NULL, 0);
	if (!xs || !evtchn || !gnttab)
		die("no xenstore, evtchn or gntdev: %s", strerror(errno));
	snprintf(back_dir, sizeof(back_dir), "/local/domain/0/backend/ivc/%u/0",
		 domid);
	snprintf(front_dir, sizeof(front_dir), "/local/domain/%u/device/ivc/0",
		 domid);
	if (argc > 3) {
		connect_to("before a broken ring");
		ivc_store_rel(&ctl->ev_prod, 1000);
		notify();
		front_must_be(CLOSING, CLOSING, "a broken ring");
		sleep((unsigned int)atoi(argv[2]));
		return 0;
	}
	end = now_ms() + atoi(argv[2]) * 1000;
	do {
		lie_by_nodes();
		lie_by_indices();
		lie_by_messages(6000);
		lie_by_noise(20);
		lie_by_silence();
		rounds++;
	} while (now_ms() < end);
	passed("hostile backend: %d rounds, %llu requests, %llu lies, not "
	       "listened to after %u offers",
	       rounds, (unsigned long long)asked, (unsigned long long)lies,
	       unanswered);
	return 0;
}
