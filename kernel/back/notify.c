// SPDX-License-Identifier: GPL-2.0
/*
 * Notices (EV_HOSTS) to members that their group has changed. The states and
 * the rate limit are in include/ivc/protocol/notice.h; this file has the timer,
 * and sends the event. All functions run under ivc_back.lock.
 */
#include <linux/jiffies.h>
#include <linux/ktime.h>

#include "back.h"

static void tell_late(struct work_struct *work);
static DECLARE_DELAYED_WORK(late_work, tell_late);

static void hosts_event(struct ivc_owed *owed, unsigned int ev,
			struct ivc_msg *msg)
{
	struct ivc_member *m = container_of(owed, struct ivc_member, owed);

	msg->op = IVC_MSG_EV_HOSTS;
	msg->member = m->nr;
	msg->hosted.generation = m->group->generation;
}

const struct ivc_owed_ops ivcb_notify_ops = { .event = hosts_event };

static void look_again(u64 wait)
{
	queue_delayed_work(ivc_back.wq, &late_work, nsecs_to_jiffies(wait) + 1);
}

/* The group of @m has changed: send a notice now, or when its time comes. */
void ivcb_notify_change(struct ivc_member *m)
{
	u64 now = ktime_get_ns();

	if (ivc_notice_change(&m->notice, now)) {
		ivcb_ctlring_owe(m->fe, &m->owed, OWE_HOSTS);
	} else if (m->notice.state == IVC_NOTICE_LATE && list_empty(&m->late)) {
		list_add_tail(&m->late, &ivc_back.late);
		/*
		 * No effect if the work is already queued for an earlier time.
		 */
		look_again(m->notice.next - now);
	}
}

/* @m has just listed the group, or is leaving it: drop its pending notice. */
void ivcb_notify_cancel(struct ivc_member *m)
{
	ivc_notice_asked(&m->notice);
	list_del_init(&m->late);
}

static void tell_late(struct work_struct *work)
{
	u64 now = ktime_get_ns(), soonest = U64_MAX;
	struct ivc_member *m, *next;

	mutex_lock(&ivc_back.lock);
	list_for_each_entry_safe (m, next, &ivc_back.late, late) {
		if (ivc_notice_due(&m->notice, now)) {
			list_del_init(&m->late);
			ivcb_ctlring_owe(m->fe, &m->owed, OWE_HOSTS);
		} else {
			soonest = min(soonest, m->notice.next);
		}
	}
	if (soonest != U64_MAX)
		look_again(soonest - now);
	mutex_unlock(&ivc_back.lock);
}

/* The caller has removed all members. */
void ivcb_notify_exit(void)
{
	cancel_delayed_work_sync(&late_work);
}
