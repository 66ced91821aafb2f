/* SPDX-License-Identifier: MIT */
/*
 * The delivery of the writes on a local channel that has ended.
 *
 * The ring stays as the two processes left it. The peer has closed or died
 * before this side can see the end; it has read up to its `reader_pos` and will
 * read no more. If the channel ended during a write, the records of that write
 * that the peer has not begun are taken back. All other bytes that the peer has
 * not read are undelivered.
 *
 * `reader_pos` comes from a peer that may be hostile, and is loaded once
 * (end_with()). It is believed only if it names a byte of a record in this
 * ring.
 */
#include <errno.h>
#include <string.h>

#include "local.h"

/* Parse the record at @pos of the own ring, like ivc_ring_parse(). */
static int record(const struct ivc_channel *ch, uint32_t pos, uint32_t *len)
{
	const struct ivc_tx *tx = &ch->tx;
	const uint8_t *cell = tx->data + ivc_ring_at(pos, tx->cells - 1);

	return ivc_ring_parse(ivc_load((const uint64_t *)cell), pos, tx->cells,
			      len);
}

/* The bytes in the records from @pos to @end. -EPROTO: no record ends at @end.
 */
static int64_t count(const struct ivc_channel *ch, uint32_t pos, uint32_t end)
{
	uint32_t left = end - pos, len;
	int64_t bytes = 0;
	int n;

	while (left) {
		n = record(ch, end - left, &len);
		if (n <= 0 || (uint32_t)n > left)
			return -EPROTO;
		bytes += len;
		left -= (uint32_t)n;
	}
	return bytes;
}

/* Why the channel has ended, and where the peer has stopped reading. */
struct stop {
	int status;
	uint32_t pos;
	uint32_t used; /* bytes of the record there */
	uint32_t past; /* the position behind that record, if @used is not 0 */
};

static int stopped_at(const struct ivc_channel *ch, struct stop *stop)
{
	const struct local_channel *lc = ch->priv;
	uint32_t len = 0;
	int n = 0;

	/*
	 * Acquire pairs with the release in end_with(). The writer has seen the
	 * end by a relaxed load, which does not order the load of `reader_pos`.
	 */
	stop->status = ivc_load_acq(&ch->kctl->status);
	stop->pos = stop->past = ivc_reader_cell(lc->reader_pos);
	stop->used = ivc_reader_used(lc->reader_pos);
	if (ch->tx.pos - stop->pos > ch->tx.cells)
		return -EPROTO;
	if (lc->reader_pos & IVC_READER_BEGUN)
		n = record(ch, stop->pos, &len);
	if (!ivc_reader_pos_ok(lc->reader_pos, n, len))
		return -EPROTO;
	if (stop->used)
		stop->past += (uint32_t)n;
	return 0;
}

int local_delivery(const struct ivc_channel *ch,
		   struct ivc_abi_delivery *delivery)
{
	int64_t written = 0, left = -EPROTO;
	uint32_t from = delivery->from;
	struct stop stop;
	int ret = stopped_at(ch, &stop);

	delivery->status = stop.status;
	delivery->final = from;
	delivery->written = 0;
	delivery->undelivered = 0;
	/*
	 * The peer has begun a record that was written at @from or later.
	 */
	if (!ret && ch->tx.pos - stop.past < ch->tx.pos - from) {
		written = count(ch, from, stop.past);
		delivery->final = stop.past;
	}
	if (!ret && written >= 0)
		left = count(ch, stop.pos, delivery->final);
	if (left < stop.used) {
		delivery->final = from;
		delivery->status = -EPROTO;
		return 0;
	}
	delivery->undelivered = (uint64_t)left - stop.used;
	delivery->written = (uint64_t)written;
	return 0;
}

int local_undelivered(const struct ivc_channel *ch,
		      struct ivc_abi_undelivered *un)
{
	uint8_t *buf = (uint8_t *)(uintptr_t)un->buf;
	uint64_t skip = un->offset, done = 0;
	uint32_t pos, len = 0;
	struct stop stop;
	int ret = stopped_at(ch, &stop);

	if (ret)
		return ret;
	pos = stop.pos;
	/* The sum below would overflow, far past the end of the data. */
	if (skip > UINT64_MAX - stop.used)
		pos = ch->tx.pos;
	skip += stop.used;
	while (pos != ch->tx.pos && done < un->len) {
		const uint8_t *cell =
			ch->tx.data + ivc_ring_at(pos, ch->tx.cells - 1);
		int n = record(ch, pos, &len);

		if (n <= 0)
			return -EPROTO;
		pos += (uint32_t)n;
		if (skip >= len) {
			skip -= len;
			continue;
		}
		len -= (uint32_t)skip;
		if (len > un->len - done)
			len = (uint32_t)(un->len - done);
		memcpy(buf + done, cell + IVC_RING_HDR + skip, len);
		done += len;
		skip = 0;
	}
	un->len = done;
	return 0;
}
