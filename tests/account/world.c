// SPDX-License-Identifier: GPL-2.0
/*
 * Two guests: see world.h. kernel/front's channel.c, channel-state.c,
 * connection.c, record.c, suspend.c, undelivered.c and unread.c are compiled as
 * they are, against the headers of tests/kernel; here is what they call. Pages,
 * foreign mappings and views of processes are those of tests/kernel, without
 * threads; the backend knows one connection.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../kernel/front/front.h"

/* side.h and account.h, without what the library's headers bring along. */
struct dice;
extern struct dice dice;
uint32_t dice_below(struct dice *d, uint32_t n);
void wrong(const char *fmt, ...) __attribute__((noreturn));
#include "world.h"

#define FRAMES 1024u
#define MAX_PAGES (1u + 16u) /* of a view */
#define GIVES_UP_MS 600	     /* more than leave_ms */

struct ivc_front ivc_front;
_Thread_local struct task_struct stub_task;

static struct end {
	struct ivc_chan *ch; /* until it is freed */
	bool local, crashed, freed;
	bool rung;   /* an interrupt is due */
	bool listed; /* by its number */
	bool tried_cut;
	bool took_over, cut; /* as the channel had it when it was freed */
	bool closed;	     /* for the backend */
	int reason;	     /* of its CLOSE */
	struct ivc_request *req;
	uint8_t *view[VIEWS];
	u32 nr[VIEWS];
	struct page *shown[VIEWS][MAX_PAGES];
} ends[2];

static struct page frames[FRAMES];
static u32 free_frames[FRAMES], nr_free;
static char *direct;
static int memory = -1;
static u64 objects, wakeups, now_ms;
static struct ivc_front saved[2];
static int guest;
static struct ivc_ctx ctx;

void world_switch(int to);

#define must(x)                                                                \
	do {                                                                   \
		if (!(x))                                                      \
			wrong("%s:%d: not so: %s", __FILE__, __LINE__, #x);    \
	} while (0)

/* Each guest's driver has its own list. */
void world_switch(int to)
{
	if (to == guest)
		return;
	saved[guest] = ivc_front;
	ivc_front = saved[to];
	guest = to;
}

static struct end *end_of(const struct ivc_chan *ch)
{
	return &ends[ch == ends[1].ch];
}

static struct end *other(const struct end *e)
{
	return &ends[e == &ends[0]];
}

/* -------------------------------------------------- pages and memory */

void *page_address(const struct page *page)
{
	return direct + ((page - frames) << PAGE_SHIFT);
}

struct page *alloc_page(gfp_t gfp)
{
	struct page *page;

	co_yield ();
	must(nr_free);
	page = &frames[free_frames[--nr_free]];
	must(!page->used);
	page->used = true;
	memset(page_address(page), gfp & __GFP_ZERO ? 0 : 0x5a, PAGE_SIZE);
	return page;
}

void __free_page(struct page *page)
{
	must(page->used && !page->mapped && !page->granted);
	page->used = false;
	memset(page_address(page), 0xdd, PAGE_SIZE);
	free_frames[nr_free++] = (u32)(page - frames);
}

struct page *stub_zero_page(void)
{
	return &frames[0];
}

void *kmalloc(size_t size, gfp_t gfp)
{
	co_yield ();
	objects++;
	return gfp & __GFP_ZERO ? calloc(1, size) : malloc(size);
}

void kfree(const void *p)
{
	objects -= !!p;
	free((void *)p);
}

unsigned long copy_to_user(void *to, const void *from, unsigned long n)
{
	memcpy(to, from, n);
	co_yield ();
	return 0;
}

static void memory_begin(void)
{
	u32 i;

	if (memory < 0) {
		memory = memfd_create("pages", MFD_CLOEXEC);
		must(memory >= 0);
		must(!ftruncate(memory, (off_t)FRAMES << PAGE_SHIFT));
		direct = mmap(NULL, (size_t)FRAMES << PAGE_SHIFT,
			      PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
		must(direct != MAP_FAILED);
	}
	memset(frames, 0, sizeof(frames));
	nr_free = 0;
	for (i = FRAMES; --i;)
		free_frames[nr_free++] = i;
	frames[0].used = true;
	objects = 0;
}

/* --------------------------------------------- locks, time, and work */

static int *owner(struct mutex *m)
{
	return (int *)&m->m;
}

void mutex_init(struct mutex *m)
{
	*owner(m) = 0;
}

void mutex_lock(struct mutex *m)
{
	do {
		must(*owner(m) != co_self());
		co_yield ();
	} while (*owner(m));
	*owner(m) = co_self();
}

void mutex_unlock(struct mutex *m)
{
	must(*owner(m) == co_self());
	*owner(m) = 0;
	co_yield ();
}

void spin_lock_init(spinlock_t *l)
{
	(void)l;
}

void spin_lock(spinlock_t *l)
{
	(void)l;
}

void spin_unlock(spinlock_t *l)
{
	(void)l;
}

void might_sleep(void)
{
}

void cond_resched(void)
{
	co_yield ();
}

void usleep_range(unsigned long min_us, unsigned long max_us)
{
	u32 n = dice_below(&dice, 64);

	(void)min_us;
	(void)max_us;
	/* ivcf_undelivered_cut_off(), and nobody else, gives a store time. */
	ends[guest].tried_cut = true;
	while (n--)
		co_yield ();
}

ktime_t ktime_get(void)
{
	return (ktime_t)(now_ms * NSEC_PER_MSEC);
}

u64 stub_wakeups(void)
{
	return wakeups;
}

void stub_wake(wait_queue_head_t *wq)
{
	(void)wq;
	wakeups++;
}

/* Time passes only where somebody waits for it to. */
void stub_wait(u64 seen, long ms)
{
	(void)seen;
	(void)ms;
	if (!dice_below(&dice, 200))
		now_ms += GIVES_UP_MS;
	co_yield ();
}

void stub_log(const char *fmt, ...)
{
	static int on = -1;
	va_list args;

	if (on < 0)
		on = !!getenv("STUB_LOG");
	if (!on)
		return;
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
}

void stub_bug(const char *what, const char *file, int line)
{
	wrong("%s:%d: %s", file, line, what);
}

void stub_delayed_work_init(struct delayed_work *d, work_func_t fn)
{
	memset(d, 0, sizeof(*d));
	d->work.func = fn;
}

bool queue_delayed_work(struct workqueue_struct *wq, struct delayed_work *d,
			unsigned long delay)
{
	bool was = d->work.pending;

	(void)wq;
	(void)delay;
	d->work.pending = true;
	return !was;
}

bool mod_delayed_work(struct workqueue_struct *wq, struct delayed_work *d,
		      unsigned long delay)
{
	return !queue_delayed_work(wq, d, delay);
}

bool cancel_delayed_work(struct delayed_work *d)
{
	bool was = d->work.pending;

	d->work.pending = false;
	return was;
}

bool cancel_delayed_work_sync(struct delayed_work *d)
{
	return cancel_delayed_work(d);
}

static bool runs(const struct end *e)
{
	return e->ch && !e->crashed;
}

static void worker(int i)
{
	struct end *e = &ends[i];

	for (; runs(e); co_yield ()) {
		if (!e->ch->work.work.pending)
			continue;
		e->ch->work.work.pending = false;
		e->ch->work.work.func(&e->ch->work.work);
	}
}

/* -------------------------------------------------- the peer, the backend */

static void unmap_from(struct ivc_map *map, u32 first)
{
	while (map->nr > first) {
		map->pages[--map->nr]->granted--;
		map->pages[map->nr] = NULL;
	}
}

void ivcf_unmap_ring(struct ivc_map *map)
{
	unmap_from(map, IVC_DIR_HEAD);
}

void ivcf_unmap_pages(struct ivc_map *map)
{
	unmap_from(map, 0);
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

/* The ring may have been returned since; what was hidden stays in @hidden. */
static bool was_cut_off(const struct ivc_chan *ch)
{
	return ch->tx_state >= IVC_TX_CUT_OFF && ch->hidden;
}

void ivcf_grant_free(struct ivc_grant *g)
{
	struct ivc_chan *ch = container_of(g, struct ivc_chan, grant);
	struct end *e = end_of(ch);
	u32 i;

	e->took_over = ch->rx_state >= IVC_RX_COPIED;
	e->cut = was_cut_off(ch);
	for (i = 0; i < g->nr; i++)
		__free_page(g->pages[i]);
	kfree(g->pages);
	e->ch = NULL;
	e->freed = true;
}

void ivcf_doorbell_ring(struct ivc_chan *ch)
{
	if (!ch->partner && ch->irq >= 0)
		other(end_of(ch))->rung = true;
}

void ivcf_doorbell_blind(struct ivc_chan *ch)
{
	ch->peer_kctl = NULL;
}

void ivcf_doorbell_free(struct ivc_chan *ch)
{
	ch->irq = -1;
}

/* As doorbell.c has it, without a sleeper to be woken. */
static void interrupts(int i)
{
	struct end *e = &ends[i];

	for (; runs(e); co_yield ()) {
		const struct ivc_kctl *peer;

		if (!e->rung || e->ch->irq < 0)
			continue;
		e->rung = false;
		peer = e->ch->peer_kctl;
		if (!peer || ivc_load_acq(&peer->state) >= IVC_WIRE_LEAVING)
			ivcf_chan_queue_work(e->ch);
	}
}

/* The channels are open from the beginning: neither is called. */
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
	return ends[index - 1].listed ? ends[index - 1].ch : NULL;
}

void *__xa_erase(struct xarray *xa, unsigned long index)
{
	(void)xa;
	ends[index - 1].listed = false;
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
	msg.close.reason = other(&ends[i])->reason;
	co_yield ();
	if (runs(&ends[i]))
		ivcf_conn_gone(&msg);
}

static void backend_closes(struct end *e)
{
	if (e->closed)
		return;
	e->closed = true;
	if (!e->local)
		co_start(gone, !(e - ends), !(e - ends));
}

static void reply(int i)
{
	struct end *e = &ends[i];
	struct ivc_request *req = e->req;

	co_yield ();
	e->reason = req->msg.close.reason;
	req->msg.close.conn = e->local || !other(e)->closed;
	backend_closes(e);
	co_yield ();
	if (e->crashed)
		return;
	req->done(req);
	ivcf_request_put(req);
}

void ivcf_ctl_send(struct ivc_request *req)
{
	struct end *e = end_of(req->data);

	must(req->msg.op == IVC_MSG_CLOSE && !e->req);
	kref_get(&req->ref);
	e->req = req;
	co_start(reply, (int)(e - ends), e->local ? 0 : (int)(e - ends));
}

void ivcf_ctx_put(struct ivc_ctx *c)
{
	(void)c;
}

void ivcf_ctx_channels(struct ivc_ctx *c)
{
	(void)c;
}

/* -------------------------------------------------- what a process sees */

static void hide(struct end *e, int v, u32 p)
{
	if (!e->shown[v][p])
		return;
	must(!mprotect(e->view[v] + p * PAGE_SIZE, PAGE_SIZE, PROT_NONE));
	e->shown[v][p]->mapped--;
	e->shown[v][p] = NULL;
}

static void show(struct end *e, int v, u32 p, struct page *page)
{
	uint8_t *at = e->view[v] + p * PAGE_SIZE;

	hide(e, v, p);
	must(page->used);
	must(mmap(at, PAGE_SIZE, PROT_READ | (v == VIEW_OWN ? PROT_WRITE : 0),
		  MAP_SHARED | MAP_FIXED, memory,
		  (off_t)(page - frames) << PAGE_SHIFT) == at);
	page->mapped++;
	e->shown[v][p] = page;
}

void unmap_mapping_range(struct address_space *mapping, loff_t start,
			 loff_t len, int even_cows)
{
	struct end *e = (struct end *)mapping;
	int v = start >= (loff_t)IVC_MAP_PEER ? VIEW_PEER : VIEW_OWN;
	u32 p = (u32)(start & 0xfffffff) >> PAGE_SHIFT;

	(void)even_cows;
	for (; len > 0; len -= PAGE_SIZE)
		hide(e, v, p++);
}

/* mmap.c */
void ivcf_mmap_revoke(struct ivc_chan *ch)
{
	if (ch->partner || !ivc_rx_event(&ch->rx_state, IVC_RX_REVOKE))
		return;
	if (ch->mapping)
		unmap_mapping_range(ch->mapping, IVC_MAP_PEER,
				    PAGE_SIZE + (loff_t)ch->rx_size, 1);
}

static struct page *peer_page(struct ivc_chan *ch, u32 i)
{
	if (ch->partner)
		return ch->partner->grant.pages[i + 1];
	if (ch->rx_state == IVC_RX_LIVE)
		return ch->map.pages[i + 1];
	if (ch->unread && i < ch->nr_unread && ch->unread[i])
		return ch->unread[i];
	return ZERO_PAGE(0);
}

static void fault(struct end *e, int v, u32 p)
{
	struct ivc_chan *ch = e->ch;
	u32 i;

	mutex_lock(&ch->lock);
	if (v == VIEW_PEER)
		show(e, v, p, peer_page(ch, p));
	else if (v == VIEW_KCTL)
		show(e, v, p, ch->grant.pages[0]);
	else if (ch->tx_state != IVC_TX_LIVE)
		show(e, v, p, p ? ch->scrap : ch->grant.pages[1]);
	else
		for (i = 0; i < e->nr[v]; i++)
			show(e, v, i, ch->grant.pages[1 + i]);
	mutex_unlock(&ch->lock);
}

bool world_fault(void *at)
{
	int i, v;

	for (i = 0; i < 2; i++) {
		for (v = 0; v < VIEWS; v++) {
			size_t off = (size_t)((uint8_t *)at - ends[i].view[v]);

			if (off >= ends[i].nr[v] * PAGE_SIZE)
				continue;
			co_enter_kernel();
			fault(&ends[i], v, off >> PAGE_SHIFT);
			co_leave_kernel();
			co_yield ();
			return true;
		}
	}
	return false;
}

static void unmap_views(struct end *e, int first)
{
	int v;
	u32 p;

	for (v = first; v < VIEWS; v++)
		for (p = 0; p < e->nr[v]; p++)
			hide(e, v, p);
}

void world_zap(int i)
{
	unmap_views(&ends[i], VIEW_OWN);
}

void *world_view(int i, int view, size_t *size)
{
	*size = ends[i].nr[view] * PAGE_SIZE;
	return ends[i].view[view];
}

/* ------------------------------------------------------- system calls */

int world_delivery(int i, void *arg)
{
	struct ivc_chan *ch = ends[i].ch;
	int err;

	co_enter_kernel();
	mutex_lock(&ch->lock);
	err = ivcf_delivery(ch, arg);
	mutex_unlock(&ch->lock);
	co_leave_kernel();
	return err;
}

/* As chan_undelivered() of channel-fd.c. */
int world_undelivered(int i, void *arg)
{
	struct ivc_chan *ch = ends[i].ch;
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
	ivcf_chan_close(ends[i].ch, -EPIPE);
	co_leave_kernel();
}

void world_release(int i)
{
	struct end *e = &ends[i];
	struct ivc_chan *ch = e->ch, *partner;

	co_enter_kernel();
	unmap_views(e, 0);
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
	struct end *e = &ends[i];

	co_enter_kernel();
	ivcf_hand_over_all(reason, dice_below(&dice, 2));
	must(!e->ch || !e->ch->map.nr);
	co_leave_kernel();
}

void world_crash(int i)
{
	struct end *e = &ends[i];

	e->crashed = true;
	e->reason = -ECONNRESET;
	unmap_views(e, 0);
	if (e->ch)
		unmap_from(&e->ch->map, 0);
	backend_closes(e);
}

/* ------------------------------------------------------- the account */

bool world_took(int i)
{
	return ends[i].ch ? ends[i].ch->rx_state >= IVC_RX_COPIED
			  : ends[i].took_over;
}

bool world_tried_cut(int i)
{
	return ends[i].tried_cut;
}

bool world_hidden(int i)
{
	return ends[i].ch->unread_hidden;
}

bool world_cut(int i)
{
	return ends[i].ch ? was_cut_off(ends[i].ch) : ends[i].cut;
}

uint64_t *world_header(int i, uint32_t pos)
{
	size_t off = (size_t)pos << IVC_CELL_SHIFT;

	return page_address(ends[i].ch->grant.pages[IVC_DIR_HEAD +
						    (off >> PAGE_SHIFT)]) +
	       offset_in_page(off);
}

void world_words(int i, struct world_words *w)
{
	struct ivc_grant *g = &ends[i].ch->grant;
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
	return (ends[0].freed || ends[0].crashed) &&
	       (ends[1].freed || ends[1].crashed);
}

void world_check(void)
{
	u32 i;

	if (ends[0].crashed || ends[1].crashed)
		return;
	must(!objects);
	for (i = 1; i < FRAMES; i++)
		must(!frames[i].used);
}

/* ----------------------------------------------------- it begins */

static void end_make(int i, u32 size)
{
	struct end *e = &ends[i];
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

static void map_peer(struct end *e)
{
	struct ivc_chan *ch = e->ch, *peer = other(e)->ch;
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

static void map_views(struct end *e)
{
	struct ivc_chan *ch = e->ch;
	int v;

	e->nr[VIEW_KCTL] = 1;
	e->nr[VIEW_OWN] = 1 + (ch->tx_size >> PAGE_SHIFT);
	e->nr[VIEW_PEER] = 1 + (ch->rx_size >> PAGE_SHIFT);
	for (v = 0; v < VIEWS && !e->view[v]; v++) {
		e->view[v] = mmap(NULL, MAX_PAGES * PAGE_SIZE, PROT_NONE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must(e->view[v] != MAP_FAILED);
	}
	show(e, VIEW_KCTL, 0, ch->grant.pages[0]);
}

void world_make(const uint32_t size[2], bool local)
{
	int i, v;

	memory_begin();
	for (i = 0; i < 2; i++) {
		uint8_t *view[VIEWS];

		memcpy(view, ends[i].view, sizeof(view));
		memset(&ends[i], 0, sizeof(ends[i]));
		memcpy(ends[i].view, view, sizeof(view));
		ends[i].local = local;
		for (v = 0; v < VIEWS; v++)
			if (view[v])
				mprotect(view[v], MAX_PAGES * PAGE_SIZE,
					 PROT_NONE);
	}
	kref_init(&ctx.ref);
	refcount_set(&ctx.ref.count, 1000);
	now_ms = 1;
	for (i = 0; i < 2; i++) {
		world_switch(local ? 0 : i);
		if (!i || !local) {
			INIT_LIST_HEAD(&ivc_front.chans);
			INIT_LIST_HEAD(&ivc_front.all);
		}
		end_make(i, size[i]);
	}
	for (i = 0; i < 2; i++) {
		struct end *e = &ends[i];

		world_switch(local ? 0 : i);
		map_peer(e);
		e->ch->rx_size = other(e)->ch->tx_size;
		map_views(e);
		e->ch->mapping = (struct address_space *)e;
		mutex_lock(&e->ch->lock);
		ivcf_chan_event(e->ch, IVC_CHAN_TAKEN, 0);
		mutex_unlock(&e->ch->lock);
		co_start(worker, i, local ? 0 : i);
		if (!local)
			co_start(interrupts, i, i);
	}
}
