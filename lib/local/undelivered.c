/* SPDX-License-Identifier: MIT */
/*
 * What became of what was written, on a local channel.
 *
 * Nobody takes the ring away here: it stands as the two processes left it, and
 * the peer, which has closed or died before the end can be seen, has read what
 * its `reader_pos` says and will read no more. Of a write that met the end, the
 * records that the peer has not come to are taken back; what it has not read of
 * all others was not delivered.
 *
 * `reader_pos` is an enemy's word, taken once (end_with()). It is believed
 * where it names a byte of a record of ours.
 */
#include <errno.h>
#include <string.h>

#include "local.h"

/* The record at @pos of our own ring, as ivc_ring_parse(). */
static int record(const struct ivc_channel *ch, uint32_t pos, uint32_t *len)
{
	const struct ivc_tx *tx = &ch->tx;
	const uint8_t *cell = tx->data + ivc_ring_at(pos, tx->cells - 1);

	return ivc_ring_parse(ivc_load((const uint64_t *)cell), pos, tx->cells,
			      len);
}

/*
 * Bytes in the records from @pos on, before @end, and where the last of them
 * ends. -EPROTO: no record begins at @end.
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

/* The end of the channel, and where the peer has stopped reading. */
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
	 * Acquire pairs with end_with()'s release. A writer has seen the end by
	 * a relaxed load, after which `reader_pos` could still be its old
	 * value.
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
	 * The peer has come further than @from, if only to a part of a record.
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
	/* Behind the end of all of it is behind the end. */
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
