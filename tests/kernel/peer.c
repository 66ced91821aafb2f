// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>

#include "peer.h"

static struct page *grant(domid_t to, int *ref)
{
	struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO | __GFP_NOFAIL);

	*ref = gnttab_grant_foreign_access(to, page_to_pfn(page), 1);
	STUB_CHECK(*ref > 0);
	return page;
}

struct peer *peer_new(struct guest *g, u64 member, domid_t to, u8 shift)
{
	struct peer *p = calloc(1, sizeof(*p));
	struct ivc_dir *dir;
	u32 i;

	stub_enter(g->dom);
	p->g = g;
	p->member = member;
	p->shift = shift;
	p->nr = IVC_DIR_HEAD + (1u << (shift - PAGE_SHIFT));
	STUB_CHECK(p->nr <= IVC_DIR_REFS);
	p->page = calloc(p->nr, sizeof(*p->page));
	p->ref = calloc(p->nr, sizeof(*p->ref));
	p->dir = grant(to, &p->dir_ref);
	dir = page_address(p->dir);
	dir->magic = IVC_DIR_MAGIC;
	dir->count = p->nr;
	dir->last = 1;
	for (i = 0; i < p->nr; i++) {
		p->page[i] = grant(to, &p->ref[i]);
		dir->ref[i] = (u32)p->ref[i];
	}
	peer_kctl(p)->magic = IVC_KCTL_MAGIC;
	peer_kctl(p)->version = IVC_PROTOCOL_VERSION;
	peer_kctl(p)->state = IVC_WIRE_OPEN;
	return p;
}

void peer_free(struct peer *p)
{
	u32 i;

	stub_enter(p->g->dom);
	gnttab_end_foreign_access((grant_ref_t)p->dir_ref, p->dir);
	for (i = 0; i < p->nr; i++)
		gnttab_end_foreign_access((grant_ref_t)p->ref[i], p->page[i]);
	free(p->page);
	free(p->ref);
	free(p);
}

int peer_take(struct peer *p, const struct ivc_msg *offer)
{
	struct ivc_msg msg = { .op = IVC_MSG_ACCEPT, .member = p->member };

	stub_enter(p->g->dom);
	p->conn = offer->offer.conn;
	msg.accept.conn = p->conn;
	msg.accept.dir_gref = (u32)p->dir_ref;
	msg.accept.tx_shift = p->shift;
	return guest_call(p->g, &msg);
}

void peer_accept(struct peer *p)
{
	struct ivc_msg msg;

	stub_enter(p->g->dom);
	msg = guest_event(p->g, IVC_MSG_EV_OFFER);
	STUB_CHECK(msg.member == p->member);
	STUB_CHECK(!peer_take(p, &msg));
}

void peer_close(struct peer *p, int reason)
{
	struct ivc_msg msg = { .op = IVC_MSG_CLOSE, .member = p->member };

	stub_enter(p->g->dom);
	peer_kctl(p)->reason = reason;
	ivc_store_rel(&peer_kctl(p)->state, IVC_WIRE_CLOSED);
	ivc_store_rel(&peer_kctl(p)->state, IVC_WIRE_DETACHED);
	msg.close.conn = p->conn;
	msg.close.reason = reason;
	guest_call(p->g, &msg);
}
