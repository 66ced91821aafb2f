/* SPDX-License-Identifier: MIT */
/*
 * A registered context: its member number, its offers, and the eventfds that
 * are readable while there is something to accept or an event to take.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "../fd-closer.h"
#include "local.h"

static void set_readable(int fd, bool *lit, bool want)
{
	uint64_t count = 1;
	ssize_t ret;

	if (*lit == want)
		return;
	*lit = want;
	do
		ret = want ? write(fd, &count, sizeof(count))
			   : read(fd, &count, sizeof(count));
	while (ret < 0 && errno == EINTR);
}

void local_context_signal(struct local_context *lc)
{
	set_readable(lc->offer_fd, &lc->offer_readable,
		     !TAILQ_EMPTY(&lc->offers) || lc->lack ||
			     lc->attach_status);
	set_readable(lc->event_fd, &lc->event_readable,
		     lc->detached || lc->attached || lc->hosts_changed);
}

static unsigned int hash(uint64_t member)
{
	return member % LOCAL_HASH;
}

void local_context_set_member(struct local_context *lc, uint64_t member)
{
	if (lc->member)
		LIST_REMOVE(lc, in_hash);
	lc->member = member;
	lc->ctx->member = member;
	if (member)
		LIST_INSERT_HEAD(&local.members[hash(member)], lc, in_hash);
}

struct local_context *local_context_of(uint64_t member)
{
	struct local_context *lc;

	if (!member)
		return NULL;
	LIST_FOREACH (lc, &local.members[hash(member)], in_hash)
		if (lc->member == member)
			return lc;
	return NULL;
}

/*
 * Tell ivcd, unless ivcd has withdrawn the offer itself. The peer sees the
 * socket hang up.
 */
void local_offer_drop(struct local_context *lc, struct local_offer *o,
		      int reason)
{
	struct ivc_msg msg = { .op = IVC_MSG_CLOSE,
			       .member = lc->member,
			       .close = { .conn = o->conn, .reason = reason } };

	if (o->conn && lc->member)
		(void)local_link_send(&msg, -1);
	TAILQ_REMOVE(&lc->offers, o, node);
	ivc_closer_hangup(o->fd);
	free(o);
	local_context_signal(lc);
}
