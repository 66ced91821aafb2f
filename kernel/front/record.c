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
void *ivcf_record_cell(const struct ivc_records *r, u32 pos)
{
	size_t off = (size_t)(pos & (r->cells - 1)) << IVC_CELL_SHIFT;
	struct page *page = r->data[off >> PAGE_SHIFT];

	return page ? page_address(page) + offset_in_page(off) : NULL;
}

/* The header of the record at @pos, 0 if there is none. */
static u64 header(const struct ivc_records *r, u32 pos)
{
	const u64 *cell = ivcf_record_cell(r, pos);
	/* Acquire pairs with the producer's release of the header. */
	u64 hdr = cell ? ivc_load_acq(cell) : 0;

	if (!hdr && r->hidden)
		hdr = r->hidden[pos & (r->cells - 1)];
	return hdr;
}

/* The record at @pos, as ivc_ring_parse(). */
int ivcf_record_parse(const struct ivc_records *r, u32 pos, u32 *len)
{
	return ivc_ring_parse(header(r, pos), pos, r->cells, len);
}

/*
 * From @pos to the first position without a record: that one in *@end, and how
 * many bytes the records have. -EPROTO: there the walk came upon something that
 * is no record.
 */
int ivcf_record_walk(const struct ivc_records *r, u32 pos, u32 *end, u64 *bytes)
{
	u32 done = 0, len;
	int n = 0;

	*bytes = 0;
	while (done < r->cells) {
		n = ivcf_record_parse(r, pos + done, &len);
		if (n <= 0)
			break;
		done += n;
		*bytes += len;
	}
	*end = pos + done;
	return n < 0 || done >= r->cells ? -EPROTO : 0;
}

/*
 * Where a reader is whose word is @at: in the record at *@pos, of which it has
 * used *@used bytes. Returns the cells of that record, 0 if the reader has not
 * begun one, or -EPROTO.
 */
int ivcf_record_reader(const struct ivc_records *r, u64 at, u32 *pos, u32 *used)
{
	u32 len = 0;
	int n = 0;

	*pos = ivc_reader_cell(at);
	*used = ivc_reader_used(at);
	if (at & IVC_READER_BEGUN)
		n = ivcf_record_parse(r, *pos, &len);
	return ivc_reader_pos_ok(at, n, len) ? n : -EPROTO;
}

/* The position behind what @at says is read, or begun. */
int ivcf_record_past(const struct ivc_records *r, u64 at, u32 *pos)
{
	u32 used;
	int n = ivcf_record_reader(r, at, pos, &used);

	if (n < 0)
		return n;
	*pos += n;
	return 0;
}

/* Copy the headers of all records from @from on; where they end. */
static u32 collect(const struct ivc_records *r, u32 from, u64 *hdrs)
{
	u32 done, len;
	u64 hdr;
	int n;

	for (done = 0; done < r->cells; done += n) {
		hdr = header(r, from + done);
		n = ivc_ring_parse(hdr, from + done, r->cells, &len);
		if (n <= 0)
			break;
		hdrs[(from + done) & (r->cells - 1)] = hdr;
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
u64 *ivcf_record_hide(struct ivc_records *r, const u64 *at)
{
	u64 *hidden = kvcalloc(r->cells, sizeof(*hidden), GFP_KERNEL_ACCOUNT);
	u32 first, from, end, pos;

	if (!hidden || ivcf_record_past(r, ivc_load(at), &first))
		return hidden;
	end = collect(r, first, hidden);
	for (pos = end; pos-- != first;) {
		if (!hidden[pos & (r->cells - 1)])
			continue;
		r->hidden = hidden; /* for a record begun whose header went */
		if (ivcf_record_past(r, ivc_load(at), &from) ||
		    from - first > pos - first)
			break;
		ivc_store((u64 *)ivcf_record_cell(r, pos), 0);
	}
	r->hidden = hidden;
	return hidden;
}

/* Put them back: nobody who must not see them can any more. */
void ivcf_record_restore(struct ivc_records *r)
{
	u32 pos;

	for (pos = 0; r->hidden && pos < r->cells; pos++)
		if (r->hidden[pos])
			ivc_store_rel((u64 *)ivcf_record_cell(r, pos),
				      r->hidden[pos]);
	r->hidden = NULL;
}
