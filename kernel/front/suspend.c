// SPDX-License-Identifier: GPL-2.0
/*
 * The hand-over of all channels when the guest is suspended or its device
 * detached (docs/reference/protocol.md 3.4). All channels are handed over at
 * once and within one bound, because a suspend cannot wait for a peer that does
 * not answer.
 *
 * During a suspend the processes are frozen and xenbus delivers no watch, but
 * interrupts come and work items run. The channels proceed by themselves,
 * driven by their doorbells. This file starts them, waits, and cuts off the
 * peers that have not answered.
 */
#include <linux/jiffies.h>
#include <linux/module.h>

#include "front.h"

/* A hand-over that makes progress may take this many times leave_ms. */
#define LEAVE_TIMES 10

static unsigned int leave_ms = 500;
module_param(leave_ms, uint, 0644);
MODULE_PARM_DESC(
	leave_ms,
	"milliseconds without an answer of any peer when the guest leaves");

/* A channel that round @round has not handled yet, with a reference; or NULL */
static struct ivc_chan *unseen(u32 round)
{
	struct ivc_chan *ch, *found = NULL;

	spin_lock(&ivc_front.lock);
	list_for_each_entry (ch, &ivc_front.chans, node) {
		if (ch->round == round)
			continue;
		ch->round = round;
		ivcf_chan_get(ch);
		found = ch;
		break;
	}
	spin_unlock(&ivc_front.lock);
	return found;
}

/*
 * Call @fn for each channel. Rounds do not overlap: they run under xenbus.c's
 * conn_lock, or when the module is unloaded.
 */
static void for_each(void (*fn)(struct ivc_chan *ch, int arg), int arg)
{
	static u32 round;
	struct ivc_alloc before;
	struct ivc_chan *ch;

	round++;
	while ((ch = unseen(round))) {
		before = ivcf_alloc_begin(ch->ctx);
		mutex_lock(&ch->lock);
		fn(ch, arg);
		mutex_unlock(&ch->lock);
		ivcf_alloc_end(before);
		ivcf_chan_put(ch);
	}
}

/*
 * The ends of a local pair share their pages, and each reads the other's writes
 * until it sees that its own end is over. So no end may see that before both
 * have stopped writing. Under ch->lock.
 */
static void stop_pair(struct ivc_chan *ch, int reason)
{
	if (!ch->local || reason == -EREMCHG)
		return;
	if (ch->state == IVC_CHAN_OFFERED) {
		/* An offer must not be accepted after one end is over. */
		ivcf_chan_event(ch, IVC_CHAN_FAIL, reason);
	} else if (ch->state == IVC_CHAN_OPEN) {
		/*
		 * As in a hand-over: a write that is too late sees the status.
		 */
		ivc_store_rel(&ivcf_grant_kctl(&ch->grant)->status, -EAGAIN);
		ivcf_stop_writes(ch);
	}
}

static void leave(struct ivc_chan *ch, int reason)
{
	ivcf_chan_leave(ch, reason);
}

static void cut(struct ivc_chan *ch, int unused)
{
	ivcf_chan_cut_off(ch);
}

static void orphan(struct ivc_chan *ch, int unused)
{
	ivcf_chan_orphan(ch);
}

/*
 * The number of steps to wait for. With @released, granted pages count as a
 * step.
 */
static unsigned int steps_left(bool released)
{
	struct ivc_chan *ch;
	unsigned int left = 0;

	spin_lock(&ivc_front.lock);
	list_for_each_entry (ch, &ivc_front.chans, node) {
		switch (READ_ONCE(ch->state)) {
		case IVC_CHAN_LEFT:
			left += 3;
			break;
		case IVC_CHAN_KEPT:
			left += 2;
			break;
		case IVC_CHAN_ENDED:
		case IVC_CHAN_CLOSING:
			left += released && READ_ONCE(ch->grant.granted);
			break;
		default:
			break;
		}
	}
	spin_unlock(&ivc_front.lock);
	return left;
}

static void wait_for_peers(bool released)
{
	unsigned long end = jiffies + LEAVE_TIMES * msecs_to_jiffies(leave_ms);
	unsigned int left = steps_left(released), before = left + 1;

	while (left && left < before && time_before(jiffies, end)) {
		before = left;
		wait_event_timeout(ivc_front.moved,
				   steps_left(released) < before,
				   msecs_to_jiffies(leave_ms) + 1);
		left = steps_left(released);
	}
}

/*
 * When this returns, no channel has a page of its peer mapped.
 */
void ivcf_hand_over_all(int reason, bool released)
{
	for_each(stop_pair, reason);
	for_each(leave, reason);
	wait_for_peers(released);
	for_each(cut, 0);
}

/* The backend of these channels is gone: no further event will come. */
void ivcf_orphan_all(void)
{
	for_each(orphan, 0);
}

/* The module is unloaded: give up all channels that are left. */
void ivcf_abandon_all(void)
{
	struct ivc_chan *ch;

	for (;;) {
		spin_lock(&ivc_front.lock);
		ch = list_first_entry_or_null(&ivc_front.chans, struct ivc_chan,
					      node);
		if (ch)
			list_del_init(&ch->node);
		spin_unlock(&ivc_front.lock);
		if (!ch)
			return;
		ivcf_chan_abandon(ch);
		ivcf_chan_put(ch);
	}
}
