// SPDX-License-Identifier: GPL-2.0
/*
 * Walking along the records of a ring: one's own, or the copy of a peer's.
 *
 * Nothing is believed: a header is judged by ivc_ring_parse() as in the
 * library, a walk never goes further than once around, and where a copy has no
 * page it has no record.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "front.h"

/* The cell at @pos, or NULL if its page is not there. */
void *ivc_walk_cell(const struct ivc_walk *w, u32 pos)
{
	size_t off = (size_t)(pos & (w->cells - 1)) << IVC_CELL_SHIFT;
	struct page *page = w->data[off >> PAGE_SHIFT];

	return page ? page_address(page) + offset_in_page(off) : NULL;
}

/* The header of the record at @pos, 0 if there is none. */
static u64 header(const struct ivc_walk *w, u32 pos)
{
	const u64 *cell = ivc_walk_cell(w, pos);
	/* Acquire pairs with the producer's release of the header. */
	u64 hdr = cell ? ivc_load_acq(cell) : 0;

	if (!hdr && w->hidden)
		hdr = w->hidden[pos & (w->cells - 1)];
	return hdr;
}

/* The record at @pos, as ivc_ring_parse(). */
int ivc_walk_record(const struct ivc_walk *w, u32 pos, u32 *len)
{
	return ivc_ring_parse(header(w, pos), pos, w->cells, len);
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

/*
 * Where a reader is whose word is @at: in the record at *@pos, of which it has
 * used *@used bytes. Returns the cells of that record, 0 if the reader has not
 * begun one, or -EPROTO.
 */
int ivc_walk_at(const struct ivc_walk *w, u64 at, u32 *pos, u32 *used)
{
	u32 len = 0;
	int n = 0;

	*pos = ivc_reader_cell(at);
	*used = ivc_reader_used(at);
	if (at & IVC_READER_BEGUN)
		n = ivc_walk_record(w, *pos, &len);
	return ivc_reader_pos_ok(at, n, len) ? n : -EPROTO;
}

/* The position behind what @at says is read, or begun. */
int ivc_walk_past(const struct ivc_walk *w, u64 at, u32 *pos)
{
	u32 used;
	int n = ivc_walk_at(w, at, pos, &used);

	if (n < 0)
		return n;
	*pos += n;
	return 0;
}

/* Copy the headers of all records from @from on; where they end. */
static u32 collect(const struct ivc_walk *w, u32 from, u64 *hdrs)
{
	u32 done, len;
	u64 hdr;
	int n;

	for (done = 0; done < w->cells; done += n) {
		hdr = header(w, from + done);
		n = ivc_ring_parse(hdr, from + done, w->cells, &len);
		if (n <= 0)
			break;
		hdrs[(from + done) & (w->cells - 1)] = hdr;
	}
	return from + done;
}

/*
 * Take the headers of all records out of the ring that the reader, whose place
 * is *@at, has not come to: the last first, so that it cannot get past the ones
 * that are gone, and look again before each whether it is there already. They
 * are put into an array of one word for each cell, the caller's to kvfree().
 *
 * A reader only goes on, and not beyond the last record. One whose word says
 * something else lies, and what is not hidden by then stays where it is.
 */
u64 *ivc_walk_hide(struct ivc_walk *w, const u64 *at)
{
	u64 *hidden = kvcalloc(w->cells, sizeof(*hidden), GFP_KERNEL_ACCOUNT);
	u32 first, from, end, pos;

	if (!hidden || ivc_walk_past(w, ivc_load(at), &first))
		return hidden;
	end = collect(w, first, hidden);
	for (pos = end; pos-- != first;) {
		if (!hidden[pos & (w->cells - 1)])
			continue;
		w->hidden = hidden; /* for a record begun whose header went */
		if (ivc_walk_past(w, ivc_load(at), &from) ||
		    from - first > pos - first)
			break;
		ivc_store((u64 *)ivc_walk_cell(w, pos), 0);
	}
	w->hidden = hidden;
	return hidden;
}

/* Put them back: nobody who must not see them can any more. */
void ivc_walk_show(struct ivc_walk *w)
{
	u32 pos;

	for (pos = 0; w->hidden && pos < w->cells; pos++)
		if (w->hidden[pos])
			ivc_store_rel((u64 *)ivc_walk_cell(w, pos),
				      w->hidden[pos]);
	w->hidden = NULL;
}
