/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * When to send a member the notice (EV_HOSTS) that its group has changed:
 * docs/reference/protocol.md, section 2.1. A member that joins and leaves in a
 * loop must not wake all others each time, and yet every member must learn of
 * the last change. So notices are rate-limited. ivc-back and ivcd have one
 * struct ivc_notice for each member, and a timer for the members that are LATE.
 *
 *              change, and time since the          HOSTS from the start
 *              last notice has passed
 *       QUIET ---------------------------> TOLD ---------------------> QUIET
 *         |                                  ^
 *         | change soon after a notice       | time has passed
 *         v                                  |
 *       LATE --------------------------------'
 *         `---------------> QUIET: HOSTS from the start
 *
 * A change in TOLD needs no notice: the member has not asked for the list yet,
 * and will see the change when it does. For the same reason HOSTS from the
 * start cancels a notice that is LATE.
 */
#ifndef IVC_NOTICE_H
#define IVC_NOTICE_H

#include <linux/types.h>

/* Least time between two notices to one member. */
#define IVC_NOTICE_NS 50000000ull

enum ivc_notice_state {
	IVC_NOTICE_QUIET,
	IVC_NOTICE_TOLD,
	IVC_NOTICE_LATE,
};

/* All zero: QUIET, and no notice sent yet. */
struct ivc_notice {
	__u64 next; /* time of the next notice at the earliest, ns */
	__u32 state;
};

/* Returns 1 if a notice may be sent at @now: any monotonic clock, in ns. */
static inline __u32 ivc_notice_tell(struct ivc_notice *n, __u64 now)
{
	if (now < n->next)
		return 0;
	n->next = now + IVC_NOTICE_NS;
	n->state = IVC_NOTICE_TOLD;
	return 1;
}

/*
 * The group has changed. Returns 1 if the caller has to send the notice now. If
 * the state is LATE afterwards, the caller's timer has to call
 * ivc_notice_due().
 */
static inline __u32 ivc_notice_change(struct ivc_notice *n, __u64 now)
{
	if (n->state != IVC_NOTICE_QUIET)
		return 0;
	n->state = IVC_NOTICE_LATE;
	return ivc_notice_tell(n, now);
}

/* The member has asked for the list of members, from the start. */
static inline void ivc_notice_asked(struct ivc_notice *n)
{
	n->state = IVC_NOTICE_QUIET;
}

/* The timer has expired. Returns 1 if the caller has to send the notice now. */
static inline __u32 ivc_notice_due(struct ivc_notice *n, __u64 now)
{
	return n->state == IVC_NOTICE_LATE && ivc_notice_tell(n, now);
}

#endif /* IVC_NOTICE_H */
