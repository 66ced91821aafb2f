// SPDX-License-Identifier: GPL-2.0
/*
 * Whatever Dom0 holds for a guest is charged to that guest until it is gone, so
 * quotas bound what it holds. The driver is built with IVC_AUDIT: after each
 * request it counts everything anew, and a difference ends the program.
 */
#include <stdlib.h>

#include <ivc/protocol/barrier.h>
#include <ivc/protocol/limits.h>

#include "guest.h"

#define MAGIC 4711

static u32 conns(void)
{
	char *text = stub_debugfs("ivc-back", "channels");
	u32 n = 0;
	char *p;

	for (p = text; *p; p++)
		n += *p == '\n';
	free(text);
	return n - 1; /* the names of the columns */
}

/* A column of the guest's line in "frontends". */
static u32 account(struct guest *g, const char *name)
{
	char *text = stub_debugfs("ivc-back", "frontends");
	char *line, *rest = text, *p, *word;
	u32 column = 0, i, value = U32_MAX;

	line = strsep(&rest, "\n");
	strsep(&line, " "); /* the # */
	while ((word = strsep(&line, " ")) && strcmp(word, name))
		column++;
	STUB_CHECK(word);
	while ((line = strsep(&rest, "\n")) && *line) {
		if (strtoul(line, NULL, 10) != stub_domid(g->dom))
			continue;
		p = line;
		for (i = 0; i < column; i++)
			strsep(&p, " ");
		value = (u32)strtoul(p, NULL, 10);
	}
	free(text);
	return value;
}

/* ------------------------------------------------------------- one hoards */

static struct guest *member(struct stub_dom *dom0, domid_t id, u64 *nr)
{
	struct guest *g = guest_new(dom0, id);

	guest_policy(g, "max-rate", 1000000);
	guest_open(g);
	STUB_CHECK(!guest_register(g, MAGIC, id, nr));
	return g;
}

/* Offers that are withdrawn, of which the other never says a word. */
static void withdrawn(void)
{
	struct stub_dom *dom0 = backend_new();
	u32 conn, i, made = 0, refused = 0;
	struct guest *a, *b;
	u64 ma, mb;

	a = member(dom0, 1, &ma);
	b = member(dom0, 2, &mb);
	for (i = 0; i < 4 * IVC_GUEST_PENDING; i++) {
		if (guest_connect(a, ma, mb, 12, &conn) == -EBUSY) {
			refused++;
			continue;
		}
		made++;
		guest_event(b, IVC_MSG_EV_OFFER);
		STUB_CHECK(!guest_hangup(a, ma, conn, NULL));
	}
	STUB_CHECK(made == ivc_pending_share(IVC_GUEST_PENDING) && refused);
	STUB_CHECK(conns() == made);
	STUB_CHECK(account(b, "pending") == made);
	STUB_CHECK(account(a, "closing") == made);
	STUB_CHECK(!account(a, "channels") && !account(a, "pages"));
	/* What the guest answers to in the end it is not charged for. */
	for (i = 0; i < made; i++) {
		conn = guest_event(b, IVC_MSG_EV_GONE).close.conn;
		STUB_CHECK(!guest_hangup(b, mb, conn, NULL));
		guest_event(a, IVC_MSG_EV_GONE);
	}
	STUB_CHECK(!conns() && !account(b, "pending"));
	STUB_CHECK(!account(a, "closing") && !account(b, "closing"));
	guest_close(a);
	guest_close(b);
	guest_free(a);
	guest_free(b);
	backend_end(dom0);
}

/* Channels that one closes and the other does not: only the other is stuck. */
static void unclosed(void)
{
	struct stub_dom *dom0 = backend_new();
	u32 conn, i, left, told = 0;
	struct guest *a, *b;
	u64 ma, mb;
	int err;

	a = member(dom0, 1, &ma);
	b = member(dom0, 2, &mb);
	for (i = 0; i < 2 * IVC_GUEST_CHANNELS; i++) {
		STUB_CHECK(!guest_connect(a, ma, mb, 12, &conn));
		STUB_CHECK(guest_event(b, IVC_MSG_EV_OFFER).offer.conn == conn);
		err = guest_accept(b, mb, conn, 12);
		STUB_CHECK(err == (i < IVC_GUEST_CHANNELS ? 0 : -EDQUOT));
		STUB_CHECK(!guest_hangup(a, ma, conn, &left));
		told += !!left;
		if (err)
			guest_hangup(b, mb, conn, NULL);
	}
	STUB_CHECK(account(b, "channels") == IVC_GUEST_CHANNELS);
	STUB_CHECK(!account(a, "channels"));
	STUB_CHECK(conns() == IVC_GUEST_CHANNELS);
	STUB_CHECK(told >= IVC_GUEST_CHANNELS);
	/* Their number is told as soon as there is room. */
	guest_close(b);
	for (i = 0; i < IVC_GUEST_CHANNELS; i++)
		guest_event(a, IVC_MSG_EV_GONE);
	STUB_CHECK(!conns() && !account(a, "closing"));
	guest_close(a);
	guest_free(a);
	guest_free(b);
	backend_end(dom0);
}

/*
 * Those that do not close have each their share of what another may wait for,
 * and together no more than all of it.
 */
static void share(void)
{
	const u32 channels = 4, peers = 5, n = 6;
	const u32 most = ivc_closing_max(channels);
	const u32 each = ivc_pending_share(most);
	struct stub_dom *dom0 = backend_new();
	u32 conn, i, j, left, told, all = 0;
	struct guest *a, *b[5];
	u64 ma, mb[5];

	a = guest_new(dom0, 1);
	guest_policy(a, "max-channels", channels);
	guest_open(a);
	STUB_CHECK(!guest_register(a, MAGIC, 1, &ma));
	for (i = 0; i < peers; i++) {
		b[i] = member(dom0, (domid_t)(2 + i), &mb[i]);
		for (j = 0, told = 0; j < n; j++) {
			STUB_CHECK(!guest_connect(a, ma, mb[i], 12, &conn));
			guest_event(b[i], IVC_MSG_EV_OFFER);
			STUB_CHECK(!guest_accept(b[i], mb[i], conn, 12));
			STUB_CHECK(!guest_hangup(a, ma, conn, &left));
			told += !!left;
		}
		STUB_CHECK(told == min(each, most - all));
		all += told;
	}
	STUB_CHECK(account(a, "closing") == most && conns() == peers * n);
	/* As many as that are told, and no more. */
	for (i = 0; i < peers; i++)
		guest_close(b[i]);
	for (i = 0; i < most; i++)
		guest_event(a, IVC_MSG_EV_GONE);
	STUB_CHECK(!conns() && !account(a, "closing"));
	guest_close(a);
	guest_free(a);
	for (i = 0; i < peers; i++)
		guest_free(b[i]);
	backend_end(dom0);
}

/* --------------------------------------------------- anything that is sent */

#define GUESTS 4
#define MEMBERS 4
#define CONNS 64
/* Small, so that they are met; what a guest may have closed follows. */
#define CHANNELS 6
#define PENDING 4
#define CONTEXTS 3

struct player {
	struct guest *g;
	u64 member[MEMBERS]; /* as it believes, 0: none */
};

static struct player players[GUESTS];
static u32 known[CONNS]; /* numbers of connections that were heard of */

static u64 any_member(void)
{
	struct player *p = &players[stub_random(GUESTS)];

	if (!stub_random(8))
		return stub_random(64);
	return p->member[stub_random(MEMBERS)];
}

static u32 any_conn(void)
{
	return stub_random(8) ? known[stub_random(CONNS)] : stub_random(256);
}

static u8 any_shift(void)
{
	return (u8)(stub_random(8) ? 12 + stub_random(3) : stub_random(256));
}

static void heard(u32 conn)
{
	if (conn)
		known[stub_random(CONNS)] = conn;
}

static void hear(struct player *p)
{
	u32 i;

	guest_drain(p->g);
	for (i = 0; i < p->g->nr_events; i++)
		if (p->g->event[i].op == IVC_MSG_EV_OFFER)
			heard(p->g->event[i].offer.conn);
	p->g->nr_events = 0;
}

/* Right in most of its parts, most of the time. */
static void one_request(struct player *p)
{
	u64 *mine = &p->member[stub_random(MEMBERS)];
	struct ivc_msg msg = { .member = *mine };
	int err;

	if (!stub_random(20))
		msg.member = any_member();
	switch (stub_random(8)) {
	case 0:
		msg.op = IVC_MSG_REGISTER;
		msg.reg.magic = MAGIC + stub_random(2);
		msg.reg.id = stub_random(8);
		break;
	case 1:
		msg.op = IVC_MSG_UNREGISTER;
		if (stub_random(3))
			msg.op = IVC_MSG_HOSTS;
		break;
	case 2:
	case 3:
	case 4:
		msg.op = IVC_MSG_CONNECT;
		msg.offer.peer = any_member();
		msg.offer.tx_shift = any_shift();
		msg.offer.rx_shift = any_shift();
		break;
	case 5:
		msg.op = IVC_MSG_ACCEPT;
		msg.accept.conn = any_conn();
		msg.accept.tx_shift = stub_random(4) ? 12 : any_shift();
		break;
	case 6:
		msg.op = IVC_MSG_CLOSE;
		msg.close.conn = any_conn();
		msg.close.reason = -(int)stub_random(200);
		break;
	default:
		msg.op = (u16)stub_random(20);
		msg.flags = (u16)stub_random(65536);
		break;
	}
	if (msg.op == IVC_MSG_UNREGISTER)
		*mine = 0;
	if (msg.op == IVC_MSG_REGISTER && !*mine) {
		err = guest_call(p->g, &msg);
		*mine = err ? 0 : msg.reged.member;
	} else if (msg.op == IVC_MSG_CONNECT) {
		err = guest_call(p->g, &msg);
		heard(err ? 0 : msg.offer.conn);
	} else {
		guest_call(p->g, &msg);
	}
}

/* Many at once, and perhaps with the ring broken, when the guest goes. */
static void go_and_return(struct player *p)
{
	struct ivc_msg msg = { .op = IVC_MSG_REGISTER };
	u32 i;

	for (i = stub_random(IVC_CTL_REQS); i; i--) {
		msg.op = (u16)(1 + stub_random(7));
		msg.member = p->member[stub_random(MEMBERS)];
		guest_post(p->g, &msg);
	}
	switch (stub_random(3)) {
	case 0:
		ivc_store_rel(&p->g->ctl->req_prod, stub_random(1000));
		break;
	case 1:
		ivc_store_rel(&p->g->ctl->ev_cons, stub_random(1000));
		break;
	default:
		break;
	}
	guest_notify(p->g);
	guest_close(p->g);
	memset(p->member, 0, sizeof(p->member));
	guest_open(p->g);
}

static void random_requests(void)
{
	/* Of each guest: CHANNELS open, four times as many closing, PENDING. */
	const u32 most = GUESTS * (5 * CHANNELS + PENDING);
	struct stub_dom *dom0 = backend_new();
	unsigned int n = stub_times(6000), i;
	struct player *p;

	for (i = 0; i < GUESTS; i++) {
		p = &players[i];
		p->g = guest_new(dom0, (domid_t)(1 + i));
		guest_policy(p->g, "max-rate", 1000000);
		guest_policy(p->g, "max-channels", CHANNELS);
		guest_policy(p->g, "max-pending", PENDING);
		guest_policy(p->g, "max-contexts", CONTEXTS);
		guest_open(p->g);
	}
	for (i = 0; i < n; i++) {
		p = &players[stub_random(GUESTS)];
		stub_enter(p->g->dom);
		/* Most of the time it does not look at what it is told. */
		if (!stub_random(6))
			hear(p);
		if (stub_random(200))
			one_request(p);
		else
			go_and_return(p);
		STUB_CHECK(i % 16 || conns() <= most);
	}
	for (i = 0; i < GUESTS; i++) {
		guest_close(players[i].g);
		guest_free(players[i].g);
	}
	STUB_CHECK(!conns());
	backend_end(dom0);
}

const struct stub_test stub_tests[] = {
	{ "withdrawn", withdrawn },
	{ "unclosed", unclosed },
	{ "share", share },
	{ "random_requests", random_requests },
	{},
};
