/* SPDX-License-Identifier: GPL-2.0 */
/* Wrong indices, wrong messages, and a page that changes: see front.h. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <ivc/protocol/barrier.h>
#include "front.h"

/* The backend gives up this ring, and reports that. */
static void broken(struct front *f, const char *what)
{
	back_must_be(f, CLOSING, CLOSED, what);
	front_proves(f, what);
}

/*
 * The backend only stores its own indices and never reads them back: it
 * overwrites values that this program writes there, and answers each request at
 * the right place.
 */
static void its_own_indices(struct front *f)
{
	uint32_t i, cons, prod;
	int64_t end;

	front_connect(f);
	front_register(f, front_job(f), 6);
	for (i = 0; i < 100; i++) {
		cons = f->req_prod + 1;
		prod = f->ev_cons + 1;
		ivc_store(&f->ctl->req_cons, i & 1 ? cons + 1 : rnd());
		ivc_store(&f->ctl->ev_prod, i & 1 ? prod + 3 : rnd());
		front_post(f, &(struct ivc_msg){ .op = IVC_MSG_CLOSE });
		end = now_ms() + patience_ms();
		while (ivc_load_acq(&f->ctl->req_cons) != cons ||
		       ivc_load_acq(&f->ctl->ev_prod) != prod) {
			if (now_ms() > end)
				die("its own indices: %u and %u, not %u and %u",
				    f->ctl->req_cons, f->ctl->ev_prod, cons,
				    prod);
			sleep_ms(1);
		}
		ivc_store_rel(&f->ctl->ev_cons, ++f->ev_cons);
	}
	front_disconnect(f);
	front_proves(f, "its own indices");
}

void attack_ctlring(struct front *f)
{
	static const uint32_t ahead[] = { IVC_CTL_REQS + 1, 1000, 0x7fffffff,
					  0x80000000, 0xffffffff };
	static const uint32_t taken[] = { 1, 33, 0x80000000, 0u - 33 };
	size_t i;

	for (i = 0; i < sizeof(ahead) / sizeof(ahead[0]); i++) {
		front_connect(f);
		front_register(f, front_job(f), 6);
		ivc_store_rel(&f->ctl->req_prod, f->req_prod + ahead[i]);
		front_notify(f);
		broken(f, "req_prod");
	}
	for (i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		front_connect(f);
		front_register(f, front_job(f), 6);
		/*
		 * 33 events are unread, or more were read than ever were sent.
		 */
		ivc_store_rel(&f->ctl->ev_cons, f->ev_cons + taken[i]);
		front_post(f, &(struct ivc_msg){ .op = IVC_MSG_REGISTER });
		broken(f, "ev_cons");
	}
	its_own_indices(f);
	passed("wrong indices: %zu; of the backend's own: 100",
	       i + sizeof(ahead) / sizeof(ahead[0]));
}

static void want_status(struct front *f, struct ivc_msg req, int want,
			const char *what)
{
	int got = front_ask(f, &req, NULL);

	if (got != want)
		die("%s: %d, not %d", what, got, want);
}

/* Each wrong request has its own answer. */
static void wrong_requests(struct front *f)
{
	struct ivc_msg req = { 0 };
	uint64_t me;
	uint32_t i;

	front_connect(f);
	me = front_register(f, front_job(f), 7);
	for (i = 0; i < 65536; i = i < 64 ? i + 1 : i * 3) {
		if (i >= IVC_MSG_REGISTER && i <= IVC_MSG_CLOSE)
			continue;
		req.op = (uint16_t)i;
		want_status(f, req, -EOPNOTSUPP, "an unknown op");
	}
	req = (struct ivc_msg){ .op = IVC_MSG_REGISTER };
	req.reg.magic = front_job(f);
	req.reg.id = 7;
	want_status(f, req, -EADDRINUSE, "REGISTER again");
	/* Members of other guests, and none: all numbers that may exist now. */
	for (i = 0; i < me + 3; i++) {
		static const uint16_t ops[] = { IVC_MSG_UNREGISTER,
						IVC_MSG_HOSTS, IVC_MSG_LOOKUP,
						IVC_MSG_CONNECT,
						IVC_MSG_ACCEPT };
		size_t k;

		if (i == me || (i > 60 && i + 60 < me))
			continue;
		for (k = 0; k < sizeof(ops) / sizeof(ops[0]); k++) {
			req = (struct ivc_msg){ .op = ops[k], .member = i };
			req.offer.peer = me;
			want_status(f, req, -ENOENT, "another's member");
		}
		req = (struct ivc_msg){ .op = IVC_MSG_CLOSE, .member = i };
		req.close.conn = i;
		want_status(f, req, -ENOENT, "another's connection");
		req.member = me;
		want_status(f, req, -ENOENT, "another's connection as me");
		/* In another group, in another realm, or no member at all. */
		req = (struct ivc_msg){ .op = IVC_MSG_LOOKUP, .member = me };
		req.lookup.member = i;
		want_status(f, req, -ENOENT, "a member of another group");
		req = (struct ivc_msg){ .op = IVC_MSG_CONNECT, .member = me };
		req.offer.peer = i;
		req.offer.tx_shift = req.offer.rx_shift = 16;
		want_status(f, req, -ENOENT, "to a member of another group");
	}
	/* To another context of this guest: invalid sizes. */
	req = (struct ivc_msg){ .op = IVC_MSG_CONNECT, .member = me };
	req.offer.peer = front_register(f, front_job(f), 8);
	for (i = 0; i < 256; i++) {
		if (i >= 12 && i <= 24)
			continue;
		req.offer.tx_shift = (uint8_t)i;
		req.offer.rx_shift = 12;
		want_status(f, req, -EINVAL, "tx_shift");
		req.offer.tx_shift = 12;
		req.offer.rx_shift = (uint8_t)i;
		want_status(f, req, -EINVAL, "rx_shift");
	}
	/* As many contexts as the quota allows, and one more. */
	for (i = 0; i < 62; i++)
		front_register(f, 0x600e, i);
	req = (struct ivc_msg){ .op = IVC_MSG_REGISTER };
	req.reg.magic = 0x600e;
	req.reg.id = 1000;
	want_status(f, req, -EDQUOT, "one context too many");
	front_disconnect(f);
	passed("wrong requests");
}

/* A random number; often one that exists, or a neighbour of one. */
static struct ivc_msg any_message(uint32_t about)
{
	struct ivc_msg m;
	uint32_t *w = (uint32_t *)&m;
	size_t i;

	for (i = 0; i < sizeof(m) / 4; i++)
		w[i] = rnd_below(2) ? about - 8 + rnd_below(16)
				    : rnd() >> rnd_below(32);
	m.op = (uint16_t)rnd_below(9);
	m.flags = (uint16_t)rnd();
	if (m.op == IVC_MSG_REGISTER) {
		m.reg.magic = rnd_below(3);
		m.reg.id = rnd_below(100);
	} else if (m.op == IVC_MSG_CONNECT && rnd_below(4)) {
		m.offer.tx_shift = (uint8_t)(12 + rnd_below(3));
		m.offer.rx_shift = (uint8_t)(12 + rnd_below(13));
	}
	return m;
}

/* Rings full of random requests; sometimes events are not read for long. */
void attack_messages(struct front *f, int seconds)
{
	uint64_t asked = 0, refused = 0;
	struct ivc_msg none;
	uint32_t about, i;
	int64_t end;

	wrong_requests(f);
	end = now_ms() + seconds * 1000;
	front_connect(f);
	about = front_register(f, 1, 1000);
	while (now_ms() < end) {
		for (i = 0; i < IVC_CTL_REQS; i++, asked++) {
			struct ivc_msg m = any_message(about + 4);

			if (f->req_prod - ivc_load_acq(&f->ctl->req_cons) >=
			    IVC_CTL_REQS)
				break;
			front_post(f, &m);
		}
		if (!rnd_below(40))
			sleep_ms(20);
		if (rnd_below(4))
			front_poll(f, 0, &none);
		/* Numbers of members and connections continue from there. */
		for (i = 0; i < f->nr_events && i < 64; i++)
			refused += f->events[i].op == IVC_MSG_EV_GONE;
		f->nr_events = 0;
		if (!rnd_below(50))
			about += 16;
	}
	if (back_state(f) != CONNECTED)
		die("random messages: backend in state %d", back_state(f));
	front_proves(f, "random messages");
	passed("random messages: %llu, %llu ends told of",
	       (unsigned long long)asked, (unsigned long long)refused);
}

struct rewriter {
	struct ivc_ctl_page *ctl;
	bool all; /* the whole page, with its indices */
	int stop;
};

/* The guest owns the page: it changes values after the backend checked them. */
static void *rewrite(void *arg)
{
	struct rewriter *r = arg;
	uint32_t *w = (uint32_t *)r->ctl;
	uint32_t first = r->all ? 0 : 32, n = PAGE / 4;
	uint64_t s = 88172645463325252ull;

	while (!ivc_load(&r->stop)) {
		uint32_t at;

		s ^= s << 13;
		s ^= s >> 7;
		s ^= s << 17;
		at = first + (uint32_t)(s >> 32) % (n - first);
		ivc_store(&w[at], (uint32_t)s & (s & 256 ? 0xf : ~0u));
	}
	return NULL;
}

static void with_rewriter(struct front *f, bool all, int ms)
{
	struct rewriter r = { .ctl = f->ctl, .all = all };
	int64_t end = now_ms() + ms;
	struct ivc_msg none;
	pthread_t thread;

	if (pthread_create(&thread, NULL, rewrite, &r))
		die("no thread");
	while (now_ms() < end) {
		struct ivc_msg m = any_message(20);

		if (all ||
		    f->req_prod - ivc_load(&f->ctl->req_cons) < IVC_CTL_REQS)
			front_post(f, &m);
		if (all)
			front_notify(f);
		else
			front_poll(f, 0, &none);
	}
	ivc_store(&r.stop, 1);
	pthread_join(thread, NULL);
}

void attack_rewrite(struct front *f, int seconds)
{
	int64_t end = now_ms() + seconds * 1000;
	int rounds = 0;

	/* Only slots: a request differs each time that it is loaded. */
	front_connect(f);
	with_rewriter(f, false, seconds * 300);
	if (back_state(f) != CONNECTED)
		die("rewritten slots: backend in state %d", back_state(f));
	front_proves(f, "rewritten slots");
	/* The whole page: each time the ring is soon broken. */
	while (now_ms() < end) {
		front_connect(f);
		with_rewriter(f, true, 30);
		/* The last values may be valid by chance; they stay then. */
		ivc_store(&f->ctl->req_prod, 0x80000000u);
		front_notify(f);
		back_must_be(f, CLOSING, CLOSED, "a page of noise");
		rounds++;
	}
	front_proves(f, "pages of noise");
	passed("rewritten: %d pages of noise", rounds);
}
