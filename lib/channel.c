/* SPDX-License-Identifier: MIT */
/*
 * The data path: what a program calls for every message.
 *
 * Each call goes to the ring first and asks why it got nothing only then. No
 * system call is made unless the peer sleeps.
 *
 * The end of writing. The kernel ends it at any moment by putting other memory
 * in the place of the ring, and says so in `status`. So a write looks there
 * behind the storing, not before: what finds nothing was in time, since the
 * kernel stores the status before it takes the ring away, and a store that
 * comes after that faults, and the load behind it is done after the fault. What
 * finds something asks how much was in time.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "channel.h"
#include "cldemote.h"
#include "context.h"
#include "entry.h"

/* Out of line, and the last thing that a call does: no registers to save. */
#define IVC_ASIDE __attribute__((noinline, cold))

/* The peer sleeps until what has just been written; @ret is for the caller. */
static IVC_ASIDE ssize_t wake_reader(struct ivc_channel *ch, ssize_t ret)
{
	ivc_channel_kick(ch);
	return ret;
}

/* Something has been published for the peer to read. */
static inline ssize_t sent(struct ivc_channel *ch, size_t bytes)
{
	ch->tx_bytes += bytes;
	ch->tx_calls++;
	if (unlikely(ivc_tx_peer_sleeps(&ch->tx)))
		return wake_reader(ch, (ssize_t)bytes);
	return (ssize_t)bytes;
}

/* If cells have been given back since @before, a waiting writer hears of it. */
static inline void freed(struct ivc_channel *ch, uint32_t before)
{
	if (unlikely(ch->rx.published != before) &&
	    unlikely(ivc_rx_peer_sleeps(ch->tx.peer)))
		ivc_channel_kick(ch);
}

/*
 * How many free cells the next try needs to take anything at all, as the ring
 * decides it: IVC_WRITABLE comes with these, or a waiter would be told at once
 * that there is room and then be refused, for ever.
 */
static void need_for_write(struct ivc_channel *ch, size_t len)
{
	struct ivc_tx *tx = &ch->tx;
	uint32_t contig = ivc_ring_contig(tx->pos, tx->cells);
	uint32_t need = tx->cells / 16;

	if (len < ivc_ring_room(need))
		need = ivc_ring_cells((uint32_t)len);
	ch->need = need < contig ? need : contig;
	ch->need_at = tx->pos;
}

static void need_for_reserve(struct ivc_channel *ch, uint32_t min)
{
	struct ivc_tx *tx = &ch->tx;
	uint32_t contig = ivc_ring_contig(tx->pos, tx->cells);
	uint32_t need = ivc_ring_cells(min ? min : 1);

	ch->need = need <= contig ? need : contig + need;
	ch->need_at = tx->pos;
}

/* Nothing was written: 0 or the ring's error. */
static ssize_t write_none(struct ivc_channel *ch, size_t len, int64_t ret)
{
	if (ret < 0)
		return ret;
	ch->tx_calls++;
	if (!len)
		return 0;
	ch->tx_full++;
	need_for_write(ch, len);
	return 0;
}

/*
 * Something was written from position @from on while the channel ended, behind
 * @before bytes of the same call that are known to be in time: what was not is
 * taken back. Returns what was, or as a write into an ended one.
 */
static IVC_ASIDE ssize_t write_late(struct ivc_channel *ch, uint32_t from,
				    size_t before)
{
	struct ivc_abi_delivery delivery = { .from = from };
	int ret = ch->ops->delivery(ch, &delivery);

	if (!ret)
		ivc_tx_end(&ch->tx, delivery.final);
	else if (!before)
		return ret;
	else
		delivery.written = 0;
	if (!delivery.written && !before)
		return ivc_channel_status(ch);
	ch->tx_bytes += before + delivery.written;
	ch->tx_calls++;
	return (ssize_t)(before + delivery.written);
}

/*
 * All but the common case, which is kept small by that.
 *
 * A peer that reads meanwhile makes room again and again, so one call may move
 * far more than a ring. How much of it was in time is found by walking its
 * records, which must all be there still. So ivc_tx_write() moves less than a
 * ring, and this looks at the status before it goes on: what is behind the look
 * is known to be in time.
 */
static __attribute__((noinline)) ssize_t
write_other(struct ivc_channel *ch, const void *buf, size_t len)
{
	const uint8_t *src = buf;
	size_t done = 0;
	uint32_t from;
	int64_t ret;

	if (!ivc_channel_alive(ch)) {
		ret = ivc_channel_status(ch);
		return ret ? ret : write_none(ch, len, 0);
	}
	if (len > SSIZE_MAX)
		len = SSIZE_MAX;
	do {
		from = ch->tx.pos;
		ret = ivc_tx_write(&ch->tx, src + done, len - done);
		if (ret <= 0)
			break;
		ivc_in_order();
		if (unlikely(!ivc_channel_alive(ch)))
			return write_late(ch, from, done);
		done += (size_t)ret;
	} while (done < len && ivc_tx_round(&ch->tx, from));
	if (!done)
		return write_none(ch, len, ret);
	return sent(ch, done);
}

/* One record has been written, and somebody wants something. */
static IVC_ASIDE ssize_t write_look(struct ivc_channel *ch, size_t len)
{
	if (!ivc_channel_alive(ch))
		return write_late(ch,
				  ch->tx.pos - ivc_ring_cells((uint32_t)len),
				  0);
	return sent(ch, len);
}

/* One record has been written; all is as ever, most of the time. */
static inline __attribute__((always_inline)) ssize_t
wrote(struct ivc_channel *ch, size_t len)
{
	ivc_in_order();
	/* Is it over, does the peer sleep? As in sent(), at once. */
	if (unlikely((uint32_t)ivc_load(&ch->kctl->status) |
		     ivc_load(&ch->tx.peer->want)))
		return write_look(ch, len);
	ch->tx_bytes += len;
	ch->tx_calls++;
	return (ssize_t)len;
}

static inline __attribute__((always_inline)) ssize_t
write_one(struct ivc_channel *ch, const void *buf, size_t len,
	  enum ivc_ring_kind kind)
{
	if (unlikely(!ivc_tx_write_one(&ch->tx, buf, (uint32_t)len, kind)))
		return write_other(ch, buf, len);
	return wrote(ch, len);
}

static __attribute__((noinline)) ssize_t
write_record(struct ivc_channel *ch, const void *buf, size_t len)
{
	const uint8_t *cell = ch->tx.cell;
	ssize_t ret = write_one(ch, buf, len, IVC_RING_ANY);

	if (likely(ret > 0))
		ivc_demote_written(ch, cell);
	return ret;
}

static __attribute__((noinline)) ssize_t write_line(struct ivc_channel *ch,
						    const void *buf, size_t len)
{
	return write_one(ch, buf, len, IVC_RING_LINE);
}

ssize_t ivc_write(ivc_channel *ch, const void *buf, size_t len)
{
	if (likely(ivc_ring_words(len)))
		return write_one(ch, buf, len, IVC_RING_WORDS);
	if (ivc_ring_line(len))
		return write_line(ch, buf, len);
	if (ivc_ring_one(len, ch->tx.cells))
		return write_record(ch, buf, len);
	return write_other(ch, buf, len);
}

/* @parts, one behind the other, to @to. */
static inline void gather(uint8_t *to, const struct iovec *parts, int n)
{
	for (int i = 0; i < n; i++) {
		uint32_t len = (uint32_t)parts[i].iov_len;

		if (len && parts[i].iov_base)
			ivc_ring_move(to, parts[i].iov_base, len, IVC_RING_ANY);
		to += len;
	}
}

/* All but the common case. */
static __attribute__((noinline)) ssize_t record_other(struct ivc_channel *ch,
						      const struct iovec *parts,
						      int n, size_t len)
{
	void *room = NULL;
	ssize_t ret;

	if (!len)
		return -EINVAL;
	ret = ivc_reserve(ch, len, len, &room);
	if (ret <= 0)
		return ret;
	gather(room, parts, n);
	ret = ivc_commit(ch, len);
	if (ret)
		return ret == -EAGAIN ? 0 : ret;
	return (ssize_t)len;
}

ssize_t ivc_write_record(ivc_channel *ch, const struct iovec *parts, int n)
{
	struct ivc_tx *tx = &ch->tx;
	uint32_t pos = tx->pos, cells;
	uint8_t *cell = tx->cell, *next;
	size_t len = 0;

	for (int i = 0; i < n; i++) {
		/* So that the sum is right, too. */
		if (unlikely(parts[i].iov_len > UINT32_MAX))
			return -EMSGSIZE;
		len += parts[i].iov_len;
	}
	if (unlikely(len - 1 >= ivc_ring_room(tx->cells / 4)))
		return record_other(ch, parts, n, len);
	cells = ivc_ring_cells((uint32_t)len);
	next = cell + (size_t)cells * IVC_CELL;
	if (unlikely(next > tx->stop))
		return record_other(ch, parts, n, len);
	gather(cell + IVC_RING_HDR, parts, n);
	ivc_ring_put(cell, next, ivc_ring_hdr(pos, (uint32_t)len));
	tx->pos = pos + cells;
	tx->cell = next;
	if (!ivc_ring_line(len))
		ivc_demote_written(ch, cell);
	return wrote(ch, len);
}

/*
 * Nothing was read: say why. The status is looked at after the ring was found
 * empty, and once it is there the ring is looked at again: bytes written
 * before the end are never lost to a race with it. (By then the kernel has put
 * a copy of them where the peer's pages were.)
 */
static __attribute__((noinline)) ssize_t
read_none(struct ivc_channel *ch, void *buf, size_t len, int64_t ret)
{
	int status;

	if (ret < 0)
		return ret;
	ch->rx_calls++;
	if (!len)
		return 0;
	status = ivc_channel_status(ch);
	if (!status) {
		ch->rx_empty++;
		ivc_demote_idle(ch);
		return 0;
	}
	ret = ivc_rx_read(&ch->rx, buf, len);
	if (!ret)
		return status;
	if (ret > 0)
		ch->rx_bytes += (uint64_t)ret;
	return ret;
}

/* All but the common case. */
static __attribute__((noinline)) ssize_t read_other(struct ivc_channel *ch,
						    void *buf, size_t len)
{
	uint32_t before = ch->rx.published;
	int64_t ret;

	if (len > SSIZE_MAX)
		len = SSIZE_MAX;
	ret = ivc_rx_read(&ch->rx, buf, len);
	freed(ch, before);
	if (ret <= 0)
		return read_none(ch, buf, len, ret);
	ch->rx_bytes += (uint64_t)ret;
	ch->rx_calls++;
	return ret;
}

/* At the turn: perhaps cells are given back. @ret is for the caller. */
static IVC_ASIDE ssize_t give_back(struct ivc_channel *ch, ssize_t ret)
{
	uint32_t before = ch->rx.published;

	ivc_rx_turn(&ch->rx);
	freed(ch, before);
	return ret;
}

static inline __attribute__((always_inline)) ssize_t
read_one(struct ivc_channel *ch, void *buf, size_t len, enum ivc_ring_kind kind)
{
	bool turn;

	if (!ivc_rx_read_one(&ch->rx, buf, (uint32_t)len, kind, &turn))
		return read_other(ch, buf, len);
	ch->rx_bytes += len;
	ch->rx_calls++;
	if (unlikely(turn))
		return give_back(ch, (ssize_t)len);
	return (ssize_t)len;
}

static __attribute__((noinline)) ssize_t read_record(struct ivc_channel *ch,
						     void *buf, size_t len)
{
	return read_one(ch, buf, len, IVC_RING_ANY);
}

static __attribute__((noinline)) ssize_t read_line(struct ivc_channel *ch,
						   void *buf, size_t len)
{
	return read_one(ch, buf, len, IVC_RING_LINE);
}

ssize_t ivc_read(ivc_channel *ch, void *buf, size_t len)
{
	if (likely(ivc_ring_words(len)))
		return read_one(ch, buf, len, IVC_RING_WORDS);
	if (ivc_ring_line(len))
		return read_line(ch, buf, len);
	if (ivc_ring_one(len, ch->rx.cells))
		return read_record(ch, buf, len);
	return read_other(ch, buf, len);
}

ssize_t ivc_reserve(ivc_channel *ch, size_t min, size_t max, void **p)
{
	uint32_t from = ch->tx.pos;
	int64_t ret;

	if (unlikely(!p))
		return -EINVAL;
	if (unlikely(!ivc_channel_alive(ch)))
		return ivc_channel_status(ch);
	/* More than a ring can be is more than a quarter of it, too. */
	if (min > UINT32_MAX)
		return -EMSGSIZE;
	if (max > UINT32_MAX)
		max = UINT32_MAX;
	ret = ivc_tx_reserve(&ch->tx, (uint32_t)min, (uint32_t)max, p);
	/* What fills up the ring's end is written, too, so in time or not. */
	if (unlikely(ch->tx.pos != from)) {
		ivc_in_order();
		if (unlikely(!ivc_channel_alive(ch)))
			return write_late(ch, from, 0);
	}
	if (!ret) {
		ch->tx_calls++;
		ch->tx_full++;
		need_for_reserve(ch, (uint32_t)min);
	}
	return ret;
}

int ivc_commit(ivc_channel *ch, size_t len)
{
	const uint8_t *cell = ch->tx.cell;
	uint32_t from = ch->tx.pos;
	ssize_t ret;

	if (unlikely(len > UINT32_MAX))
		return -EINVAL;
	ret = ivc_tx_commit(&ch->tx, (uint32_t)len);
	if (ret || !len)
		return (int)ret;
	ivc_in_order();
	if (likely(ivc_channel_alive(ch))) {
		if (!ivc_ring_line(len))
			ivc_demote_written(ch, cell);
		(void)sent(ch, len);
		return 0;
	}
	ret = write_late(ch, from, 0);
	if (ret > 0)
		return 0;
	/* Handed over at this moment: nothing can be sent, and why comes. */
	return ret ? (int)ret : -EAGAIN;
}

/* Most looks are such: who waits looks all the time. */
static inline ssize_t saw_none(struct ivc_channel *ch)
{
	ch->rx_calls++;
	ch->rx_empty++;
	ivc_demote_idle(ch);
	return 0;
}

/* All but the common cases. */
static __attribute__((noinline)) ssize_t peek_other(struct ivc_channel *ch,
						    const void **p)
{
	uint32_t before = ch->rx.published;
	int64_t ret;
	int status;

	ret = ivc_rx_peek_other(&ch->rx, p);
	freed(ch, before);
	if (ret)
		return ret;
	/* As in read_none(). */
	status = ivc_channel_status(ch);
	if (!status)
		return saw_none(ch);
	ret = ivc_rx_peek(&ch->rx, p);
	return ret ? ret : status;
}

ssize_t ivc_peek(ivc_channel *ch, const void **p)
{
	uint32_t len;
	bool rests = false;

	if (unlikely(!p))
		return -EINVAL;
	len = ivc_rx_peek_line(&ch->rx, p, &rests);
	if (len)
		return (ssize_t)len;
	if (rests && !ivc_channel_status(ch))
		return saw_none(ch);
	return peek_other(ch, p);
}

/* All but the common case. */
static __attribute__((noinline)) int release_other(struct ivc_channel *ch,
						   size_t len)
{
	uint32_t before = ch->rx.published;
	int ret;

	if (unlikely(len > UINT32_MAX))
		return -EINVAL;
	ret = ivc_rx_release_other(&ch->rx, (uint32_t)len);
	if (ret)
		return ret;
	freed(ch, before);
	ch->rx_bytes += len;
	ch->rx_calls++;
	return 0;
}

int ivc_release(ivc_channel *ch, size_t len)
{
	bool turn;

	if (!ivc_rx_release_line(&ch->rx, len, &turn))
		return release_other(ch, len);
	ch->rx_bytes += len;
	ch->rx_calls++;
	if (unlikely(turn))
		return (int)give_back(ch, 0);
	return 0;
}

/* Would the reader get something, if only an error? */
static bool readable(struct ivc_channel *ch)
{
	uint32_t before = ch->rx.published;
	int ret = ivc_rx_next(&ch->rx);

	freed(ch, before);
	return ret;
}

/* Would the next write take something, or the last one that took nothing? */
static bool writable(struct ivc_channel *ch)
{
	struct ivc_tx *tx = &ch->tx;
	uint32_t need = tx->pos == ch->need_at && ch->need ? ch->need : 1;

	if (!ivc_channel_alive(ch))
		return false;
	return tx->error || ivc_tx_known_free(tx) >= need ||
	       ivc_tx_refresh(tx) || ivc_tx_known_free(tx) >= need;
}

int ivc_channel_ready(struct ivc_channel *ch, int events)
{
	int ready = 0;

	if (ivc_channel_status(ch))
		return events;
	if ((events & IVC_READABLE) && readable(ch))
		ready |= IVC_READABLE;
	if ((events & IVC_WRITABLE) && writable(ch))
		ready |= IVC_WRITABLE;
	return ready;
}

void ivc_channel_orphan(struct ivc_channel *ch)
{
	ch->ops->orphan_channel(ch);
	if (ch->wake_fd >= 0)
		close(ch->wake_fd);
	ch->wake_fd = -1;
}

/* In a child: the parent's channel goes on. Its lock may be held by nobody. */
static int close_orphan(struct ivc_channel *ch)
{
	ivc_channel_orphan(ch);
	free(ch->priv);
	free(ch);
	return 0;
}

int ivc_close(ivc_channel *ch)
{
	int cancel, ret;

	if (!ch)
		return 0;
	if (ivc_channel_foreign(ch))
		return close_orphan(ch);
	cancel = ivc_cancel_off();
	ret = ivc_channel_status(ch);
	if (!ret)
		ret = ch->tx.error ? ch->tx.error : ch->rx.error;
	ivc_context_forget(ch);
	ch->ops->close(ch);
	ivc_process_remove_channel(ch);
	pthread_mutex_destroy(&ch->lock);
	free(ch);
	ivc_cancel_on(cancel);
	return ret;
}
