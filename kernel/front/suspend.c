// SPDX-License-Identifier: GPL-2.0
/*
 * The guest leaves this host, or its device leaves the guest: every channel
 * is handed over to both sides (docs/reference/protocol.md 3.4), all at once
 * and within one bound, because a guest that is suspended cannot wait for a
 * peer that does not answer.
 *
 * While a guest is suspended its processes are frozen and xenbus delivers no
 * watch, but interrupts come and work items run: the channels go on by
 * themselves, driven by their doorbells, and all that is done here is to start
 * them, to wait, and to cut off who is left.
 */
#include <linux/jiffies.h>
#include <linux/module.h>

#include "front.h"

/* A guest that is slow is waited for, as long as it gets on; not for ever. */
#define LEAVE_TIMES 10

static unsigned int leave_ms = 500;
module_param(leave_ms, uint, 0644);
MODULE_PARM_DESC(
	leave_ms,
	"milliseconds without an answer of any peer when the guest leaves");

/* A channel that round @round has not seen, with a reference; or NULL. */
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
 * Do something with every channel. Rounds come one after the other, from
 * xenbus's thread or, when the module goes, without it.
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
 * The two ends of one guest share their pages, and each reads on what the other
 * has written until it finds its own end. So neither may find it before the
 * other has stopped writing. Under ch->lock.
 */
static void stop_pair(struct ivc_chan *ch, int reason)
{
	if (!ch->local || reason == -EREMCHG)
		return;
	if (ch->state == IVC_CHAN_OFFERED) {
		/* It does not open between its partner's end and its own. */
		ivcf_chan_event(ch, IVC_CHAN_FAIL, reason);
	} else if (ch->state == IVC_CHAN_OPEN) {
		/* As in a hand-over: a write that is too late asks. */
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

/* How much is left to wait for? @released: also for pages that are granted. */
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

/* Returns when no channel has anything of a peer mapped any more. */
void ivcf_hand_over_all(int reason, bool released)
{
	for_each(stop_pair, reason);
	for_each(leave, reason);
	wait_for_peers(released);
	for_each(cut, 0);
}

/* The backend is gone, for these channels: nobody else will speak of them. */
void ivcf_orphan_all(void)
{
	for_each(orphan, 0);
}

/* The module goes, and every channel that is left. */
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
