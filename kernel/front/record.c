// SPDX-License-Identifier: GPL-2.0
/*
 * The records of a ring: of our own, or of the copy of the peer's.
 *
 * Nothing in a ring is trusted. ivc_ring_parse() judges each header, as in the
 * library. A walk goes around the ring once at most. Where a copy has no page
 * it has no record.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "front.h"

/* The cell at @pos, or NULL if the copy has no page there. */
void *ivcf_record_cell(const struct ivc_records *r, u32 pos)
{
	size_t off = (size_t)(pos & (r->cells - 1)) << IVC_CELL_SHIFT;
	struct page *page = r->data[off >> PAGE_SHIFT];

	return page ? page_address(page) + offset_in_page(off) : NULL;
}

/* The header of the record at @pos; 0 if there is no record. */
static u64 header(const struct ivc_records *r, u32 pos)
{
	const u64 *cell = ivcf_record_cell(r, pos);
	/* Acquire pairs with the producer's release of the header. */
	u64 hdr = cell ? ivc_load_acq(cell) : 0;

	if (!hdr && r->hidden)
		hdr = r->hidden[pos & (r->cells - 1)];
	return hdr;
}

/* The size in cells of the record at @pos, as ivc_ring_parse() returns it. */
int ivcf_record_parse(const struct ivc_records *r, u32 pos, u32 *len)
{
	return ivc_ring_parse(header(r, pos), pos, r->cells, len);
}

/*
 * Walk from @pos to the first position without a record, which goes to *@end;
 * the number of bytes in the records goes to *@bytes. -EPROTO if the walk ends
 * at a malformed header.
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
 * Decode the reader position @at: the reader has read *@used bytes of the
 * record at *@pos. Returns the size in cells of that record, 0 if the reader
 * has not begun it, or -EPROTO.
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

/*
 * The position behind all records that @at says are read or begun.
 */
int ivcf_record_past(const struct ivc_records *r, u64 at, u32 *pos)
{
	u32 used;
	int n = ivcf_record_reader(r, at, pos, &used);

	if (n < 0)
		return n;
	*pos += n;
	return 0;
}

/* Copy the headers of all records from @from on. Returns where they end. */
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
 * Take out of the ring the headers of all records that the reader has not
 * begun. *@at is the reader position, which may change meanwhile.
 *
 * The last header goes first, so that the reader cannot get past a record that
 * is gone. Before each header the reader position is loaded again, and the
 * removal ends where the reader has arrived. The headers are returned in an
 * array of one word per cell, for the caller to kvfree(); NULL if there is no
 * memory.
 *
 * A correct reader only advances, and not beyond the last record. If the reader
 * position says something else, the reader lies, and the headers that are not
 * removed yet stay.
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
		r->hidden = hidden; /* for a record that is begun, and whose
				       header is gone */
		if (ivcf_record_past(r, ivc_load(at), &from) ||
		    from - first > pos - first)
			break;
		ivc_store((u64 *)ivcf_record_cell(r, pos), 0);
	}
	r->hidden = hidden;
	return hidden;
}

/*
 * Put the headers back. By now the reader cannot see the ring, or may read on.
 */
void ivcf_record_restore(struct ivc_records *r)
{
	u32 pos;

	for (pos = 0; r->hidden && pos < r->cells; pos++)
		if (r->hidden[pos])
			ivc_store_rel((u64 *)ivcf_record_cell(r, pos),
				      r->hidden[pos]);
	r->hidden = NULL;
}
