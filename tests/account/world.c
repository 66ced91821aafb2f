// SPDX-License-Identifier: GPL-2.0
/*
 * Two guests: see world.h. kernel/front's channel.c, channel-state.c,
 * connection.c, record.c, suspend.c, undelivered.c and unread.c are compiled as
 * they are, against the headers of tests/kernel. The files world*.c have the
 * functions that those call. Pages, foreign mappings and views of processes
 * work as in tests/kernel, but without threads. The backend knows one
 * connection.
 */
#include <sys/mman.h>

#include "world-guest.h"

struct ivc_front ivc_front;
_Thread_local struct task_struct stub_task;

struct world_end world_ends[2];
int world_guest;
static struct ivc_front saved[2];
static struct ivc_ctx ctx;

void world_switch(int to);

/* Each guest's driver has its own list. */
void world_switch(int to)
{
	if (to == world_guest)
		return;
	saved[world_guest] = ivc_front;
	ivc_front = saved[to];
	world_guest = to;
}

struct world_end *world_end_of(const struct ivc_chan *ch)
{
	return &world_ends[ch == world_ends[1].ch];
}

struct world_end *world_other(const struct world_end *e)
{
	return &world_ends[e == &world_ends[0]];
}

bool world_runs(const struct world_end *e)
{
	return e->ch && !e->crashed;
}

/* ------------------------------------------------------- system calls */

int world_delivery(int i, void *arg)
{
	struct ivc_chan *ch = world_ends[i].ch;
	int err;

	co_enter_kernel();
	mutex_lock(&ch->lock);
	err = ivcf_delivery(ch, arg);
	mutex_unlock(&ch->lock);
	co_leave_kernel();
	return err;
}

/* Like chan_undelivered() of channel-fd.c. */
int world_undelivered(int i, void *arg)
{
	struct ivc_chan *ch = world_ends[i].ch;
	int err = 0;

	co_enter_kernel();
	mutex_lock(&ch->lock);
	if (ch->state != IVC_CHAN_ENDED)
		err = ch->tx_state == IVC_TX_LIVE ? -EINVAL : -EAGAIN;
	else if (ch->status == -EPROTO)
		err = -EPROTO;
	mutex_unlock(&ch->lock);
	if (!err)
		err = ivcf_undelivered_copy(ch, arg);
	co_leave_kernel();
	return err;
}

void world_close(int i)
{
	co_enter_kernel();
	ivcf_chan_close(world_ends[i].ch, -EPIPE);
	co_leave_kernel();
}

void world_release(int i)
{
	struct world_end *e = &world_ends[i];
	struct ivc_chan *ch = e->ch, *partner;

	co_enter_kernel();
	world_unmap_views(e, 0);
	ivcf_chan_close(ch, -ECONNRESET);
	mutex_lock(&ch->lock);
	ch->mapping = NULL;
	partner = ch->partner;
	ch->partner = NULL;
	mutex_unlock(&ch->lock);
	if (partner)
		ivcf_chan_put(partner);
	ivcf_chan_put(ch);
	co_leave_kernel();
}

void world_leave(int i, int reason)
{
	struct world_end *e = &world_ends[i];

	co_enter_kernel();
	ivcf_hand_over_all(reason, rng_below(&dice, 2));
	must(!e->ch || !e->ch->map.nr);
	co_leave_kernel();
}

void world_crash(int i)
{
	struct world_end *e = &world_ends[i];

	e->crashed = true;
	e->reason = -ECONNRESET;
	world_unmap_views(e, 0);
	if (e->ch)
		world_unmap_from(&e->ch->map, 0);
	world_backend_closes(e);
}

/* -------------------------------------------------- for the account */

bool world_took(int i)
{
	return world_ends[i].ch ? world_ends[i].ch->rx_state >= IVC_RX_COPIED
				: world_ends[i].took_over;
}

bool world_tried_cut(int i)
{
	return world_ends[i].tried_cut;
}

bool world_hidden(int i)
{
	return world_ends[i].ch->unread_hidden;
}

bool world_cut(int i)
{
	return world_ends[i].ch ? world_was_cut_off(world_ends[i].ch)
				: world_ends[i].cut;
}

uint64_t *world_header(int i, uint32_t pos)
{
	size_t off = (size_t)pos << IVC_CELL_SHIFT;

	return page_address(
		       world_ends[i].ch->grant.pages[IVC_DIR_HEAD +
						     (off >> PAGE_SHIFT)]) +
	       offset_in_page(off);
}

void world_words(int i, struct world_words *w)
{
	struct ivc_grant *g = &world_ends[i].ch->grant;
	struct ivc_ctrl *ctrl = ivcf_grant_ctrl(g);
	struct ivc_kctl *kctl = ivcf_grant_kctl(g);

	w->reader_pos = &ctrl->reader_pos;
	w->cons = &ctrl->cons;
	w->state = &kctl->state;
	w->took_over = &kctl->took_over;
	w->took_until = &kctl->took_until;
	w->cut_off = &kctl->cut_off;
}

bool world_gone(void)
{
	return (world_ends[0].freed || world_ends[0].crashed) &&
	       (world_ends[1].freed || world_ends[1].crashed);
}

void world_check(void)
{
	if (!world_ends[0].crashed && !world_ends[1].crashed)
		must(world_memory_is_free());
}

/* --------------------------------------------------- the beginning */

static void end_make(int i, u32 size)
{
	struct world_end *e = &world_ends[i];
	struct ivc_chan *ch = ivcf_chan_new(&ctx, 0, (u32)i + 1);
	u32 p;

	e->ch = ch;
	ch->tx_size = size;
	ch->conn = (u32)i + 1;
	ch->local = e->local;
	ch->grant.nr = 2 + (size >> PAGE_SHIFT);
	ch->grant.pages =
		kcalloc(ch->grant.nr, sizeof(*ch->grant.pages), GFP_KERNEL);
	for (p = 0; p < ch->grant.nr; p++)
		ch->grant.pages[p] = alloc_page(GFP_KERNEL | __GFP_ZERO);
	e->listed = true;
	ivcf_chan_get(ch);
	list_add(&ch->node, &ivc_front.chans);
}

static void map_peer(struct world_end *e)
{
	struct ivc_chan *ch = e->ch, *peer = world_other(e)->ch;
	u32 p;

	if (e->local) {
		ivcf_chan_get(peer);
		ch->partner = peer;
		return;
	}
	ch->map.nr = peer->grant.nr;
	ch->map.pages =
		kcalloc(peer->grant.nr, sizeof(*peer->grant.pages), GFP_KERNEL);
	for (p = 0; p < peer->grant.nr; p++) {
		ch->map.pages[p] = peer->grant.pages[p];
		peer->grant.pages[p]->granted++;
	}
	ch->peer_kctl = page_address(ch->map.pages[0]);
	ch->irq = 1;
}

void world_make(const uint32_t size[2], bool local)
{
	int i, v;

	world_memory_begin();
	for (i = 0; i < 2; i++) {
		uint8_t *view[VIEWS];

		memcpy(view, world_ends[i].view, sizeof(view));
		memset(&world_ends[i], 0, sizeof(world_ends[i]));
		memcpy(world_ends[i].view, view, sizeof(view));
		world_ends[i].local = local;
		for (v = 0; v < VIEWS; v++)
			if (view[v])
				mprotect(view[v], MAX_PAGES * PAGE_SIZE,
					 PROT_NONE);
	}
	kref_init(&ctx.ref);
	refcount_set(&ctx.ref.count, 1000);
	world_time_begin();
	for (i = 0; i < 2; i++) {
		world_switch(local ? 0 : i);
		if (!i || !local) {
			INIT_LIST_HEAD(&ivc_front.chans);
			INIT_LIST_HEAD(&ivc_front.all);
		}
		end_make(i, size[i]);
	}
	for (i = 0; i < 2; i++) {
		struct world_end *e = &world_ends[i];

		world_switch(local ? 0 : i);
		map_peer(e);
		e->ch->rx_size = world_other(e)->ch->tx_size;
		world_map_views(e);
		e->ch->mapping = (struct address_space *)e;
		mutex_lock(&e->ch->lock);
		ivcf_chan_event(e->ch, IVC_CHAN_TAKEN, 0);
		mutex_unlock(&e->ch->lock);
		co_start(world_worker, i, local ? 0 : i);
		if (!local)
			co_start(world_interrupts, i, i);
	}
}
