/* SPDX-License-Identifier: GPL-2.0 */
/* See fuzz.h. */
#include <pthread.h>
#include <sys/mman.h>
#include "fuzz.h"

#define PAGE 4096u

void guarded(void *p, size_t size)
{
	uint8_t *map, **area = p;

	if (!*area) {
		map = mmap(NULL, size + 3 * PAGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must(map != MAP_FAILED);
		must(!mprotect(map + PAGE, size, PROT_READ | PROT_WRITE));
		*area = map + PAGE;
	}
	memset(*area, 0, size);
}

bool stormy(void)
{
	static int is = -1;

	if (is < 0)
		is = getenv("IVC_FUZZ_STORM") != NULL;
	return is;
}

void *exact(size_t len)
{
	void *p = malloc(len ? len : 1);

	must(p);
	return p;
}

static void put(uint8_t *data, uint32_t cells, uint32_t pos, uint64_t hdr)
{
	ivc_store((uint64_t *)(data + ivc_ring_at(pos, cells - 1)), hdr);
}

void scribble_ring(struct script *s, uint8_t *data, uint32_t cells,
		   uint32_t pos)
{
	uint8_t how = take8(s);
	uint32_t at = pos + (how >> 4 & 3);
	uint32_t words = cells * IVC_CELL / sizeof(uint64_t);

	switch (how & 7) {
	case 0: /* an honest record, if its length is right */
	case 1:
		put(data, cells, at + ivc_ring_cells(how), 0);
		put(data, cells, at, ivc_ring_hdr(at, take_len(s, 8192)));
		break;
	case 2:
		put(data, cells, at, ivc_ring_hdr(at, IVC_RING_SKIP));
		break;
	case 3: /* the wrong sequence */
		put(data, cells, at,
		    ivc_ring_hdr(at + (int8_t)take8(s), take_len(s, 8192)));
		break;
	case 4: /* any length */
		put(data, cells, at, ivc_ring_hdr(at, take32(s)));
		break;
	case 5:
		put(data, cells, at, 0);
		break;
	case 6: /* anything anywhere */
		ivc_store((uint64_t *)data + take32(s) % words,
			  (uint64_t)take32(s) << 32 | take32(s));
		break;
	default: /* anything here */
		put(data, cells, at, (uint64_t)take32(s) << 32 | take32(s));
		break;
	}
}

void scribble_ctrl(struct script *s, struct ivc_ctrl *ctrl, uint32_t sent)
{
	uint8_t how = take8(s);
	uint32_t pos;

	switch (how & 7) {
	case 0: /* everything has been read */
		ivc_store(&ctrl->cons, sent);
		break;
	case 1: /* some data, or more than exists */
	case 2:
		ivc_store(&ctrl->cons, sent + (int8_t)take8(s));
		break;
	case 3:
		ivc_store(&ctrl->cons, take32(s));
		break;
	case 4:
		ivc_store(&ctrl->want, take8(s));
		break;
	case 5:
		ivc_store(&ctrl->reader_pos,
			  (uint64_t)(sent + (int8_t)take8(s)));
		break;
	case 6:
		pos = sent + (uint32_t)(int8_t)take8(s);
		ivc_store(&ctrl->reader_pos,
			  ivc_reader_pos(pos, take_len(s, 8192)));
		break;
	default:
		ivc_store(&ctrl->reader_pos,
			  (uint64_t)take32(s) << 32 | take32(s));
		break;
	}
}

struct storm {
	pthread_t thread;
	struct script script;
	uint8_t *data;
	uint32_t cells;
	struct ivc_ctrl *ctrl;
	uint32_t rx_pos;
	uint32_t tx_pos;
	int stop;
};

/* Races with the honest end are the purpose. */
static void *rage(void *arg)
{
	struct storm *st = arg;

	while (!ivc_load(&st->stop)) {
		struct script s = st->script;

		do {
			if (st->data)
				scribble_ring(&s, st->data, st->cells,
					      ivc_load(&st->rx_pos));
			if (st->ctrl)
				scribble_ctrl(&s, st->ctrl,
					      ivc_load(&st->tx_pos));
		} while (s.left && !ivc_load(&st->stop));
	}
	return NULL;
}

struct storm *storm_begin(struct script *s, uint8_t *data, uint32_t cells,
			  struct ivc_ctrl *ctrl)
{
	struct storm *st = calloc(1, sizeof(*st));

	must(st);
	st->script = *s;
	st->data = data;
	st->cells = cells;
	st->ctrl = ctrl;
	must(!pthread_create(&st->thread, NULL, rage, st));
	return st;
}

void storm_aim(struct storm *st, uint32_t rx_pos, uint32_t tx_pos)
{
	ivc_store(&st->rx_pos, rx_pos);
	ivc_store(&st->tx_pos, tx_pos);
}

void storm_end(struct storm *st)
{
	ivc_store(&st->stop, 1);
	must(!pthread_join(st->thread, NULL));
	free(st);
}
