/* SPDX-License-Identifier: MIT */
/*
 * What became of what was written, on a local channel.
 *
 * Nobody takes the ring away here: it stands as the two processes left it, and
 * the peer, which has closed or died before the end can be seen, has read what
 * its `at` says and will read no more. What it has not read of a write that met
 * the end is taken back; what it has not read of earlier ones was not
 * delivered.
 *
 * `at` is an enemy's word. It is believed where it names a record of ours.
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

/* Where the peer has stopped reading. */
static int stopped_at(const struct ivc_channel *ch, uint32_t *pos)
{
	uint64_t at = ivc_load(&ch->map.peer->at);
	uint32_t len;
	int n;

	*pos = ivc_at_pos(at);
	if (ch->tx.pos - *pos > ch->tx.cells)
		return -EPROTO;
	if (!(at & IVC_AT_BEGUN))
		return 0;
	n = record(ch, *pos, &len);
	if (n <= 0)
		return -EPROTO;
	*pos += (uint32_t)n;
	return 0;
}

int local_fate(const struct ivc_channel *ch, struct ivc_abi_fate *fate)
{
	uint32_t from = fate->from, stop = 0;
	int64_t before = 0, after = 0;
	int ret = stopped_at(ch, &stop);

	fate->status = ivc_load(&ch->kctl->status);
	fate->final = from;
	fate->written = 0;
	fate->undelivered = 0;
	if (!ret && from - stop <= ch->tx.cells)
		before = count(ch, stop, from);
	else if (!ret)
		after = count(ch, from, stop);
	if (ret || before < 0 || after < 0) {
		fate->status = -EPROTO;
		return 0;
	}
	fate->undelivered = (uint64_t)before;
	fate->written = (uint64_t)after;
	if (after)
		fate->final = stop;
	return 0;
}

int local_unsent(const struct ivc_channel *ch, struct ivc_abi_unsent *un)
{
	uint8_t *buf = (uint8_t *)(uintptr_t)un->buf;
	uint64_t skip = un->offset, done = 0;
	uint32_t pos = 0, len = 0;
	int ret = stopped_at(ch, &pos);

	while (!ret && pos != ch->tx.pos && done < un->len) {
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
	return ret;
}
