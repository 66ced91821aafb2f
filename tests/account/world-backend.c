// SPDX-License-Identifier: GPL-2.0
/* The peer's pages, the doorbell, requests, and the backend's one connection.
 */
#include <stdlib.h>

#include "world-guest.h"

void world_unmap_from(struct ivc_map *map, u32 first)
{
	while (map->nr > first) {
		map->pages[--map->nr]->granted--;
		map->pages[map->nr] = NULL;
	}
}

void ivcf_unmap_ring(struct ivc_map *map)
{
	world_unmap_from(map, IVC_DIR_HEAD);
}

void ivcf_unmap_pages(struct ivc_map *map)
{
	world_unmap_from(map, 0);
	kfree(map->pages);
	map->pages = NULL;
}

void ivcf_grant_end_dir(struct ivc_grant *g)
{
	(void)g;
}

bool ivcf_grant_end(struct ivc_grant *g)
{
	u32 i;

	g->granted = 0;
	for (i = 0; i < g->nr; i++)
		g->granted += g->pages[i]->granted;
	return !g->granted;
}

/* `hidden` stays set when the ring has been returned. */
bool world_was_cut_off(const struct ivc_chan *ch)
{
	return ch->tx_state >= IVC_TX_CUT_OFF && ch->hidden;
}

void ivcf_grant_free(struct ivc_grant *g)
{
	struct ivc_chan *ch = container_of(g, struct ivc_chan, grant);
	struct world_end *e = world_end_of(ch);
	u32 i;

	e->took_over = ch->rx_state >= IVC_RX_COPIED;
	e->cut = world_was_cut_off(ch);
	for (i = 0; i < g->nr; i++)
		__free_page(g->pages[i]);
	kfree(g->pages);
	e->ch = NULL;
	e->freed = true;
}

void ivcf_doorbell_ring(struct ivc_chan *ch)
{
	if (!ch->partner && ch->irq >= 0)
		world_other(world_end_of(ch))->rung = true;
}

void ivcf_doorbell_see(struct ivc_chan *ch)
{
	ch->peer_kctl = page_address(ch->map.pages[0]);
}

void ivcf_doorbell_blind(struct ivc_chan *ch)
{
	ch->peer_kctl = NULL;
}

void ivcf_doorbell_free(struct ivc_chan *ch)
{
	ch->irq = -1;
}

/* Like doorbell.c, but without a sleeper. */
void world_interrupts(int i)
{
	struct world_end *e = &world_ends[i];

	for (; world_runs(e); co_yield ()) {
		const struct ivc_kctl *peer;

		if (!e->rung || e->ch->irq < 0)
			continue;
		e->rung = false;
		peer = e->ch->peer_kctl;
		if (!peer || ivc_load_acq(&peer->state) >= IVC_WIRE_LEAVING)
			ivcf_chan_queue_work(e->ch);
	}
}

/* Not called: the channels are open from the beginning. */
int ivcf_map_pages(struct ivc_map *map, domid_t domid, u32 dir_gref, u32 size)
{
	(void)map;
	(void)domid;
	(void)dir_gref;
	(void)size;
	return -EPROTO;
}

int xa_insert(struct xarray *xa, unsigned long index, void *entry, gfp_t gfp)
{
	(void)xa;
	(void)index;
	(void)entry;
	(void)gfp;
	return -EBUSY;
}

void *xa_load(struct xarray *xa, unsigned long index)
{
	(void)xa;
	return world_ends[index - 1].listed ? world_ends[index - 1].ch : NULL;
}

void *__xa_erase(struct xarray *xa, unsigned long index)
{
	(void)xa;
	world_ends[index - 1].listed = false;
	return NULL;
}

struct ivc_request *ivcf_request_new(u16 op, u32 epoch, u64 member)
{
	struct ivc_request *req = calloc(1, sizeof(*req));

	kref_init(&req->ref);
	req->epoch = epoch;
	req->msg.op = op;
	req->msg.member = member;
	return req;
}

static void request_free(struct kref *ref)
{
	free(container_of(ref, struct ivc_request, ref));
}

void ivcf_request_put(struct ivc_request *req)
{
	kref_put(&req->ref, request_free);
}

/* EV_GONE for end @i. */
static void gone(int i)
{
	struct ivc_msg msg = { .op = IVC_MSG_EV_GONE };

	msg.close.conn = (u32)i + 1;
	msg.close.reason = world_other(&world_ends[i])->reason;
	co_yield ();
	if (world_runs(&world_ends[i]))
		ivcf_conn_gone(&msg);
}

void world_backend_closes(struct world_end *e)
{
	if (e->closed)
		return;
	e->closed = true;
	if (!e->local)
		co_start(gone, !(e - world_ends), !(e - world_ends));
}

static void reply(int i)
{
	struct world_end *e = &world_ends[i];
	struct ivc_request *req = e->req;

	co_yield ();
	e->reason = req->msg.close.reason;
	req->msg.close.conn = e->local || !world_other(e)->closed;
	world_backend_closes(e);
	co_yield ();
	if (e->crashed)
		return;
	req->done(req);
	ivcf_request_put(req);
}

void ivcf_ctl_send(struct ivc_request *req)
{
	struct world_end *e = world_end_of(req->data);

	must(req->msg.op == IVC_MSG_CLOSE && !e->req);
	kref_get(&req->ref);
	e->req = req;
	co_start(reply, (int)(e - world_ends),
		 e->local ? 0 : (int)(e - world_ends));
}

void ivcf_ctx_put(struct ivc_ctx *c)
{
	(void)c;
}

void ivcf_ctx_channels(struct ivc_ctx *c)
{
	(void)c;
}
