/* SPDX-License-Identifier: GPL-2.0 */
/* An honest frontend, step by step: see front.h. */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ivc/protocol/barrier.h>
#include "front.h"

/* A fixed seed: each run makes the same attacks in the same order. */
uint32_t rnd(void)
{
	static uint64_t s = 1;

	s = s * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(s >> 32);
}

uint32_t rnd_below(uint32_t n)
{
	return n ? rnd() % n : 0;
}

static char *node_of(const char *dir, const char *node, char *path, size_t size)
{
	if ((size_t)snprintf(path, size, "%s/%s", dir, node) >= size)
		die("path too long: %s/%s", dir, node);
	return path;
}

/* The value of a node, or NULL. The caller frees it. */
static char *node_read(struct front *f, const char *dir, const char *node)
{
	char path[256];

	return xs_read(f->xs, XBT_NULL, node_of(dir, node, path, sizeof(path)),
		       NULL);
}

static unsigned int node_number(struct front *f, const char *dir,
				const char *node)
{
	char *s = node_read(f, dir, node);
	unsigned int n = s ? (unsigned int)strtoul(s, NULL, 10) : 0;

	free(s);
	return n;
}

void front_open(struct front *f)
{
	char *s;

	memset(f, 0, sizeof(*f));
	f->port = -1;
	f->xs = xs_open(0);
	f->evtchn = xenevtchn_open(NULL, 0);
	f->gntshr = xengntshr_open(NULL, 0);
	f->gnttab = xengnttab_open(NULL, 0);
	if (!f->xs || !f->evtchn || !f->gntshr || !f->gnttab)
		die("no xenstore, evtchn, gntalloc or gntdev: %s",
		    strerror(errno));
	s = xs_read(f->xs, XBT_NULL, "domid", NULL);
	if (!s)
		die("no domid");
	f->domid = (uint32_t)atoi(s);
	free(s);
	snprintf(f->dir, sizeof(f->dir), "/local/domain/%u/device/ivc/0",
		 f->domid);
	s = node_read(f, f->dir, "backend");
	if (!s || strlen(s) >= sizeof(f->backend))
		die("%s has no backend", f->dir);
	strcpy(f->backend, s);
	free(s);
	f->back_id = node_number(f, f->dir, "backend-id");
}

void front_make(struct front *f)
{
	f->ctl =
		xengntshr_share_pages(f->gntshr, f->back_id, 1, &f->ctl_ref, 1);
	f->table = xengntshr_share_pages(f->gntshr, f->back_id, 1,
					 &f->table_ref, 1);
	f->port = xenevtchn_bind_unbound_port(f->evtchn, f->back_id);
	if (!f->ctl || !f->table || f->port < 0)
		die("no page or port to share: %s", strerror(errno));
	memset(f->ctl, 0, PAGE);
	memset(f->table, 0, PAGE);
	f->req_prod = 0;
	f->ev_cons = 0;
	f->nr_events = 0;
}

void front_unmake(struct front *f)
{
	if (f->port >= 0)
		xenevtchn_unbind(f->evtchn, (evtchn_port_t)f->port);
	f->port = -1;
	if (f->table)
		xengntshr_unshare(f->gntshr, f->table, 1);
	f->table = NULL;
	if (f->ctl)
		xengntshr_unshare(f->gntshr, f->ctl, 1);
	f->ctl = NULL;
}

void front_set(struct front *f, const char *node, const char *fmt, ...)
{
	char path[256], value[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	if (!xs_write(f->xs, XBT_NULL,
		      node_of(f->dir, node, path, sizeof(path)), value,
		      (unsigned int)strlen(value)))
		die("cannot write %s: %s", path, strerror(errno));
}

void front_rm(struct front *f, const char *node)
{
	char path[256];

	xs_rm(f->xs, XBT_NULL, node_of(f->dir, node, path, sizeof(path)));
}

void front_state(struct front *f, int state)
{
	front_set(f, "state", "%d", state);
}

int back_state(struct front *f)
{
	return (int)node_number(f, f->backend, "state");
}

void back_must_be(struct front *f, int state, int or, const char *why)
{
	int64_t end = now_ms() + patience_ms();
	int is;

	do {
		is = back_state(f);
		if (is == state || is == or) {
			moves();
			return;
		}
		sleep_ms(5);
	} while (now_ms() < end);
	die("%s: the backend is in state %d, not in %d", why, is, state);
}

void front_publish(struct front *f)
{
	front_set(f, "version", "%u", IVC_PROTOCOL_VERSION);
	front_set(f, "ring-ref", "%u", f->ctl_ref);
	front_set(f, "table-ref", "%u", f->table_ref);
	front_set(f, "event-channel", "%d", f->port);
}

void front_reset(struct front *f)
{
	/*
	 * Wait for each step: the backend may not have read yet what an earlier
	 * frontend wrote last, and must not mistake it for this one's.
	 */
	front_state(f, CLOSING);
	back_must_be(f, CLOSING, CLOSED, "after Closing");
	front_state(f, CLOSED);
	back_must_be(f, CLOSED, CLOSED, "after Closed");
	front_unmake(f);
	front_state(f, INITIALISING);
	back_must_be(f, INIT_WAIT, INIT_WAIT, "after Initialising");
}

void front_connect(struct front *f)
{
	front_reset(f);
	front_make(f);
	front_publish(f);
	front_state(f, INITIALISED);
	back_must_be(f, CONNECTED, CONNECTED, "after Initialised");
	front_state(f, CONNECTED);
}

void front_disconnect(struct front *f)
{
	front_state(f, CLOSING);
	front_state(f, CLOSED);
	back_must_be(f, CLOSED, CLOSED, "after Closed");
	front_unmake(f);
}

void front_notify(struct front *f)
{
	xenevtchn_notify(f->evtchn, (evtchn_port_t)f->port);
}

void front_post(struct front *f, const struct ivc_msg *req)
{
	f->ctl->req[f->req_prod % IVC_CTL_REQS] = *req;
	ivc_store_rel(&f->ctl->req_prod, ++f->req_prod);
	front_notify(f);
}

bool front_poll(struct front *f, uint64_t cookie, struct ivc_msg *reply)
{
	bool found = false;

	while (ivc_load_acq(&f->ctl->ev_prod) != f->ev_cons) {
		struct ivc_msg m = f->ctl->ev[f->ev_cons % IVC_CTL_EVENTS];

		ivc_store_rel(&f->ctl->ev_cons, ++f->ev_cons);
		if (m.op != IVC_MSG_REPLY) {
			f->events[f->nr_events++ % 64] = m;
		} else if (m.cookie == cookie) {
			*reply = m;
			found = true;
		}
	}
	ivc_fence();
	if (ivc_load(&f->ctl->ev_want))
		front_notify(f);
	return found;
}

int front_ask(struct front *f, struct ivc_msg *req, struct ivc_msg *reply)
{
	struct pollfd pfd = { .fd = xenevtchn_fd(f->evtchn), .events = POLLIN };
	int64_t end = now_ms() + patience_ms();
	struct ivc_msg mine;
	int port;

	if (!reply)
		reply = &mine;
	req->cookie = ++f->cookie;
	front_post(f, req);
	while (!front_poll(f, req->cookie, reply)) {
		if (now_ms() > end)
			die("no reply to op %u", req->op);
		if (poll(&pfd, 1, 100) <= 0)
			continue;
		port = xenevtchn_pending(f->evtchn);
		if (port >= 0)
			xenevtchn_unmask(f->evtchn, (evtchn_port_t)port);
	}
	moves();
	return reply->status;
}

uint64_t front_job(const struct front *f)
{
	return 0x600d0000 | f->domid;
}

uint64_t front_register(struct front *f, uint64_t magic, uint32_t id)
{
	struct ivc_msg req = { .op = IVC_MSG_REGISTER }, reply;
	int err;

	req.reg.magic = magic;
	req.reg.id = id;
	err = front_ask(f, &req, &reply);
	if (err)
		die("REGISTER of %u: %d", id, err);
	return reply.reged.member;
}

bool front_event(struct front *f, uint16_t op, struct ivc_msg *ev, int ms)
{
	int64_t end = now_ms() + ms;
	struct ivc_msg none;
	unsigned int i;

	do {
		front_poll(f, 0, &none);
		for (i = 0; i < f->nr_events && i < 64; i++) {
			if (f->events[i].op != op)
				continue;
			*ev = f->events[i];
			f->events[i].op = 0;
			return true;
		}
		sleep_ms(2);
	} while (now_ms() < end);
	return false;
}

void front_proves(struct front *f, const char *after)
{
	struct ivc_msg req = { .op = IVC_MSG_UNREGISTER };

	front_connect(f);
	req.member = front_register(f, front_job(f), 1);
	if (front_ask(f, &req, NULL))
		die("%s: UNREGISTER failed", after);
	front_disconnect(f);
}
