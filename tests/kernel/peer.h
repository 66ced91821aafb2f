/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The end of a channel in a guest whose frontend is the test itself: pages
 * granted to the other domain, as docs/reference/protocol.md, 3, has them, to
 * be written by the test as it likes.
 */
#ifndef PEER_H
#define PEER_H

#include <ivc/protocol/ring.h>

#include "guest.h"

struct peer {
	struct guest *g;
	u64 member;
	u32 conn;
	u8 shift;
	u32 nr;		    /* pages: kernel control, control, data */
	struct page **page; /* of @g's */
	int *ref;
	struct page *dir;
	int dir_ref;
};

/* For a channel between @member of @g and domain @to; kctl says OPEN. */
struct peer *peer_new(struct guest *g, u64 member, domid_t to, u8 shift);
/* The pages go once the other domain lets go of them. */
void peer_free(struct peer *p);
/* Take the offer @offer: the backend's status. */
int peer_take(struct peer *p, const struct ivc_msg *offer);
/* Wait for an offer to @p->member, and take it. */
void peer_accept(struct peer *p);
/* CLOSED and DETACHED, and CLOSE to the backend. */
void peer_close(struct peer *p, int reason);

static inline struct ivc_kctl *peer_kctl(const struct peer *p)
{
	return page_address(p->page[0]);
}

static inline struct ivc_ctrl *peer_ctrl(const struct peer *p)
{
	return page_address(p->page[1]);
}

#endif /* PEER_H */
