/* SPDX-License-Identifier: MIT */
/*
 * The data path: the calls that a program makes for every message.
 *
 * Each call tries the ring first, and asks for the reason only when the ring
 * was full or empty. A call makes a system call only if the peer sleeps.
 *
 * A channel can end during a write. The kernel ends a channel at any moment:
 * it stores the reason in `status` and then replaces the ring by other memory.
 * So a write loads `status` after its stores, not before them. If `status` is
 * still 0, all of the write was in time: the kernel stores `status` before it
 * replaces the ring, a store to the ring after that faults, and the load of
 * `status` follows the fault. If `status` is not 0, the write asks the
 * transport how much of it was in time.
 *
 * Names. A function _fast handles one record that fits in front of the stop
 * cell; ivc_write() and ivc_read() have a copy of it for each way to move the
 * payload (enum ivc_ring_kind). A function _slow handles everything else.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "channel.h"
#include "cldemote.h"
#include "context.h"
#include "entry.h"

/*
 * Out of line, and the last thing that a call does, so that the fast path saves
 * no registers.
 */
#define IVC_ASIDE __attribute__((noinline, cold))

/* Wake the reader that sleeps. Returns @ret, for a tail call. */
static IVC_ASIDE ssize_t wake_reader(struct ivc_channel *ch, ssize_t ret)
{
	ivc_channel_kick(ch);
	return ret;
}

/* Count @bytes that have been published, and wake the reader if it sleeps. */
static inline ssize_t count_and_wake(struct ivc_channel *ch, size_t bytes)
{
	ch->tx_bytes += bytes;
	ch->tx_calls++;
	if (unlikely(ivc_tx_peer_sleeps(&ch->tx)))
		return wake_reader(ch, (ssize_t)bytes);
	return (ssize_t)bytes;
}

/*
 * If credits were returned since @before: wake the writer that waits for them.
 */
static inline void wake_writer(struct ivc_channel *ch, uint32_t before)
{
	if (unlikely(ch->rx.published != before) &&
	    unlikely(ivc_rx_peer_sleeps(ch->tx.peer)))
		ivc_channel_kick(ch);
}

/*
 * Remember how many free cells the ring demands before it accepts anything of
 * the next write or reservation. IVC_WRITABLE is reported only when that many
 * are free. With a lower number ivc_wait() would return at once and the write
 * would fail again, for ever.
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

/* The ring accepted nothing: returns 0 if it is full, or its error @ret. */
static ssize_t write_full(struct ivc_channel *ch, size_t len, int64_t ret)
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
 * The channel ended while the records from position @from on were written. Take
 * back the records that were not in time. @before bytes, which the same call
 * wrote earlier, are known to be in time. Returns the bytes in time; if
 * there are none, the error that a write to an ended channel gets.
 */
static IVC_ASIDE ssize_t write_truncated(struct ivc_channel *ch, uint32_t from,
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
 * Write more than one record, or to a ring that is full, or to a channel that
 * has ended.
 *
 * A peer that reads at the same time makes room again and again, so one call
 * can write far more than a ring. If the channel ends, write_truncated() finds
 * out how much was in time by walking the records, which must all be in the
 * ring still. So ivc_tx_write() moves less than a ring, and the loop checks the
 * status after each part: the parts before a good status are in time.
 */
static __attribute__((noinline)) ssize_t write_slow(struct ivc_channel *ch,
						    const void *buf, size_t len)
{
	const uint8_t *src = buf;
	size_t done = 0;
	uint32_t from;
	int64_t ret;

	if (!ivc_channel_alive(ch)) {
		ret = ivc_channel_status(ch);
		return ret ? ret : write_full(ch, len, 0);
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
			return write_truncated(ch, from, done);
		done += (size_t)ret;
	} while (done < len && ivc_tx_round(&ch->tx, from));
	if (!done)
		return write_full(ch, len, ret);
	return count_and_wake(ch, done);
}

/* One record is published, and the channel has ended or the reader sleeps. */
static IVC_ASIDE ssize_t finish_slow(struct ivc_channel *ch, size_t len)
{
	if (!ivc_channel_alive(ch))
		return write_truncated(ch,
				       ch->tx.pos -
					       ivc_ring_cells((uint32_t)len),
				       0);
	return count_and_wake(ch, len);
}

/*
 * One record is published: count it. In the common case the channel is alive
 * and the reader awake; one OR tests both.
 */
static inline __attribute__((always_inline)) ssize_t
finish_fast(struct ivc_channel *ch, size_t len)
{
	ivc_in_order();
	if (unlikely((uint32_t)ivc_load(&ch->kctl->status) |
		     ivc_load(&ch->tx.peer->want)))
		return finish_slow(ch, len);
	ch->tx_bytes += len;
	ch->tx_calls++;
	return (ssize_t)len;
}

static inline __attribute__((always_inline)) ssize_t
write_fast(struct ivc_channel *ch, const void *buf, size_t len,
	   enum ivc_ring_kind kind)
{
	if (unlikely(!ivc_tx_write_one(&ch->tx, buf, (uint32_t)len, kind)))
		return write_slow(ch, buf, len);
	return finish_fast(ch, len);
}

static __attribute__((noinline)) ssize_t
write_fast_any(struct ivc_channel *ch, const void *buf, size_t len)
{
	const uint8_t *cell = ch->tx.cell;
	ssize_t ret = write_fast(ch, buf, len, IVC_RING_ANY);

	if (likely(ret > 0))
		ivc_demote_written(ch, cell);
	return ret;
}

static __attribute__((noinline)) ssize_t
write_fast_line(struct ivc_channel *ch, const void *buf, size_t len)
{
	return write_fast(ch, buf, len, IVC_RING_LINE);
}

ssize_t ivc_write(ivc_channel *ch, const void *buf, size_t len)
{
	if (likely(ivc_ring_words(len)))
		return write_fast(ch, buf, len, IVC_RING_WORDS);
	if (ivc_ring_line(len))
		return write_fast_line(ch, buf, len);
	if (ivc_ring_one(len, ch->tx.cells))
		return write_fast_any(ch, buf, len);
	return write_slow(ch, buf, len);
}

/* Copy @parts, one after the other, to @to. */
static inline void gather(uint8_t *to, const struct iovec *parts, int n)
{
	for (int i = 0; i < n; i++) {
		uint32_t len = (uint32_t)parts[i].iov_len;

		if (len && parts[i].iov_base)
			ivc_ring_move(to, parts[i].iov_base, len, IVC_RING_ANY);
		to += len;
	}
}

/* A record that is empty, long, or does not fit in front of the stop cell. */
static __attribute__((noinline)) ssize_t record_slow(struct ivc_channel *ch,
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
		/* A longer part could make the sum overflow. */
		if (unlikely(parts[i].iov_len > UINT32_MAX))
			return -EMSGSIZE;
		len += parts[i].iov_len;
	}
	if (unlikely(len - 1 >= ivc_ring_room(tx->cells / 4)))
		return record_slow(ch, parts, n, len);
	cells = ivc_ring_cells((uint32_t)len);
	next = cell + (size_t)cells * IVC_CELL;
	if (unlikely(next > tx->stop))
		return record_slow(ch, parts, n, len);
	gather(cell + IVC_RING_HDR, parts, n);
	ivc_ring_put(cell, next, ivc_ring_hdr(pos, (uint32_t)len));
	tx->pos = pos + cells;
	tx->cell = next;
	if (!ivc_ring_line(len))
		ivc_demote_written(ch, cell);
	return finish_fast(ch, len);
}

/*
 * The ring was empty: find out why. If the channel has ended, read the ring
 * again: the peer can have written between the read that found nothing and the
 * load of the status. (The kernel has put a copy of those bytes in the place of
 * the peer's pages before it stored the status.)
 */
static __attribute__((noinline)) ssize_t
read_empty(struct ivc_channel *ch, void *buf, size_t len, int64_t ret)
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

/* Read several records, or part of one, or from an empty ring. */
static __attribute__((noinline)) ssize_t read_slow(struct ivc_channel *ch,
						   void *buf, size_t len)
{
	uint32_t before = ch->rx.published;
	int64_t ret;

	if (len > SSIZE_MAX)
		len = SSIZE_MAX;
	ret = ivc_rx_read(&ch->rx, buf, len);
	wake_writer(ch, before);
	if (ret <= 0)
		return read_empty(ch, buf, len, ret);
	ch->rx_bytes += (uint64_t)ret;
	ch->rx_calls++;
	return ret;
}

/* At the stop cell: credits may be due. Returns @ret, for a tail call. */
static IVC_ASIDE ssize_t return_credits(struct ivc_channel *ch, ssize_t ret)
{
	uint32_t before = ch->rx.published;

	ivc_rx_turn(&ch->rx);
	wake_writer(ch, before);
	return ret;
}

static inline __attribute__((always_inline)) ssize_t
read_fast(struct ivc_channel *ch, void *buf, size_t len,
	  enum ivc_ring_kind kind)
{
	bool turn;

	if (!ivc_rx_read_one(&ch->rx, buf, (uint32_t)len, kind, &turn))
		return read_slow(ch, buf, len);
	ch->rx_bytes += len;
	ch->rx_calls++;
	if (unlikely(turn))
		return return_credits(ch, (ssize_t)len);
	return (ssize_t)len;
}

static __attribute__((noinline)) ssize_t read_fast_any(struct ivc_channel *ch,
						       void *buf, size_t len)
{
	return read_fast(ch, buf, len, IVC_RING_ANY);
}

static __attribute__((noinline)) ssize_t read_fast_line(struct ivc_channel *ch,
							void *buf, size_t len)
{
	return read_fast(ch, buf, len, IVC_RING_LINE);
}

ssize_t ivc_read(ivc_channel *ch, void *buf, size_t len)
{
	if (likely(ivc_ring_words(len)))
		return read_fast(ch, buf, len, IVC_RING_WORDS);
	if (ivc_ring_line(len))
		return read_fast_line(ch, buf, len);
	if (ivc_ring_one(len, ch->rx.cells))
		return read_fast_any(ch, buf, len);
	return read_slow(ch, buf, len);
}

ssize_t ivc_reserve(ivc_channel *ch, size_t min, size_t max, void **p)
{
	uint32_t from = ch->tx.pos;
	int64_t ret;

	if (unlikely(!p))
		return -EINVAL;
	if (unlikely(!ivc_channel_alive(ch)))
		return ivc_channel_status(ch);
	/* The limit is a quarter of the ring, which is far less. */
	if (min > UINT32_MAX)
		return -EMSGSIZE;
	if (max > UINT32_MAX)
		max = UINT32_MAX;
	ret = ivc_tx_reserve(&ch->tx, (uint32_t)min, (uint32_t)max, p);
	/*
	 * A skip record was written to fill up the ring's end. Like any other
	 * record it can be too late.
	 */
	if (unlikely(ch->tx.pos != from)) {
		ivc_in_order();
		if (unlikely(!ivc_channel_alive(ch)))
			return write_truncated(ch, from, 0);
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
		(void)count_and_wake(ch, len);
		return 0;
	}
	ret = write_truncated(ch, from, 0);
	if (ret > 0)
		return 0;
	/*
	 * A hand-over has begun at this moment: nothing can be written, and the
	 * status that says why is still to come.
	 */
	return ret ? (int)ret : -EAGAIN;
}

/*
 * Nothing to peek at. Inline: a reader that polls gets here at most of its
 * calls.
 */
static inline ssize_t peek_empty(struct ivc_channel *ch)
{
	ch->rx_calls++;
	ch->rx_empty++;
	ivc_demote_idle(ch);
	return 0;
}

/* Peek at the end of the ring, at a record in parts, or at an ended channel. */
static __attribute__((noinline)) ssize_t peek_slow(struct ivc_channel *ch,
						   const void **p)
{
	uint32_t before = ch->rx.published;
	int64_t ret;
	int status;

	ret = ivc_rx_peek_other(&ch->rx, p);
	wake_writer(ch, before);
	if (ret)
		return ret;
	/* The ring once more after the status: see read_empty(). */
	status = ivc_channel_status(ch);
	if (!status)
		return peek_empty(ch);
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
		return peek_empty(ch);
	return peek_slow(ch, p);
}

/* Release part of a record, or at the stop cell. */
static __attribute__((noinline)) int release_slow(struct ivc_channel *ch,
						  size_t len)
{
	uint32_t before = ch->rx.published;
	int ret;

	if (unlikely(len > UINT32_MAX))
		return -EINVAL;
	ret = ivc_rx_release_other(&ch->rx, (uint32_t)len);
	if (ret)
		return ret;
	wake_writer(ch, before);
	ch->rx_bytes += len;
	ch->rx_calls++;
	return 0;
}

int ivc_release(ivc_channel *ch, size_t len)
{
	bool turn;

	if (!ivc_rx_release_line(&ch->rx, len, &turn))
		return release_slow(ch, len);
	ch->rx_bytes += len;
	ch->rx_calls++;
	if (unlikely(turn))
		return (int)return_credits(ch, 0);
	return 0;
}

/* Would a read return data or an error, and not 0? */
static bool readable(struct ivc_channel *ch)
{
	uint32_t before = ch->rx.published;
	int ret = ivc_rx_next(&ch->rx);

	wake_writer(ch, before);
	return ret;
}

/*
 * Would the next write be accepted, at least in part? If the last write was
 * refused, and nothing was written since, this asks for that write.
 */
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

/*
 * In a child process: the parent's channel goes on. ch->lock is not touched: a
 * thread that the child does not have may hold it.
 */
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
