// SPDX-License-Identifier: GPL-2.0
/*
 * Walking along the records of a ring, one's own or the peer's.
 *
 * Nothing is believed: a header is judged by ivc_ring_parse() as in the
 * library, and a walk never goes further than once around.
 */
#include <linux/mm.h>

#include "front.h"

/* The cell at @pos. */
void *ivc_walk_cell(const struct ivc_walk *w, u32 pos)
{
	size_t off = (size_t)(pos & (w->cells - 1)) << IVC_CELL_SHIFT;

	return page_address(w->data[off >> PAGE_SHIFT]) + offset_in_page(off);
}

/* The record at @pos, as ivc_ring_parse(). */
int ivc_walk_record(const struct ivc_walk *w, u32 pos, u32 *len)
{
	/* Acquire pairs with the producer's release of the header. */
	u64 hdr = ivc_load_acq((const u64 *)ivc_walk_cell(w, pos));

	if (w->cut_hdr && pos == w->cut_pos)
		hdr = w->cut_hdr;
	return ivc_ring_parse(hdr, pos, w->cells, len);
}

/*
 * From @pos to the first position without a record: that one in *@end, and how
 * many bytes the records have. -EPROTO: there the walk came upon something that
 * is no record.
 */
int ivc_walk(const struct ivc_walk *w, u32 pos, u32 *end, u64 *bytes)
{
	u32 done = 0, len;
	int n = 0;

	*bytes = 0;
	while (done < w->cells) {
		n = ivc_walk_record(w, pos + done, &len);
		if (n <= 0)
			break;
		done += n;
		*bytes += len;
	}
	*end = pos + done;
	return n < 0 || done >= w->cells ? -EPROTO : 0;
}
