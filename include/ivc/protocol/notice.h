/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * When a member is told (EV_HOSTS) that its group has changed:
 * docs/reference/protocol.md, section 2.1. Whoever joins and leaves without
 * end must not wake all others each time, nor may they go without the last
 * news. ivc-back and ivcd keep one struct ivc_notice for each member, and a
 * timer for those that are late.
 *
 *                change, long since told         HOSTS from the start
 *       QUIET ---------------------------> TOLD ---------------------> QUIET
 *         |                                  ^  (changes: it has to ask anyway)
 *         | change, just told                |
 *         v                                  | time
 *       LATE ---------------------------------
 *         `---------------> QUIET: HOSTS from the start, which shows it all
 */
#ifndef IVC_NOTICE_H
#define IVC_NOTICE_H

#include <linux/types.h>

#define IVC_NOTICE_NS 50000000ull /* from one notice to the next */

enum ivc_notice_state {
	IVC_NOTICE_QUIET,
	IVC_NOTICE_TOLD,
	IVC_NOTICE_LATE,
};

/* All zero: QUIET, and never told. */
struct ivc_notice {
	__u64 next; /* not told again before that time */
	__u32 state;
};

/* @now is of any clock that does not go back, in ns. */
static inline __u32 ivc_notice_tell(struct ivc_notice *n, __u64 now)
{
	if (now < n->next)
		return 0;
	n->next = now + IVC_NOTICE_NS;
	n->state = IVC_NOTICE_TOLD;
	return 1;
}

/* The group has changed. 1: tell the member now. It may be LATE afterwards. */
static inline __u32 ivc_notice_change(struct ivc_notice *n, __u64 now)
{
	if (n->state != IVC_NOTICE_QUIET)
		return 0;
	n->state = IVC_NOTICE_LATE;
	return ivc_notice_tell(n, now);
}

/* It has asked who is there, from the start. */
static inline void ivc_notice_asked(struct ivc_notice *n)
{
	n->state = IVC_NOTICE_QUIET;
}

/* Time has passed. 1: tell the member now. */
static inline __u32 ivc_notice_due(struct ivc_notice *n, __u64 now)
{
	return n->state == IVC_NOTICE_LATE && ivc_notice_tell(n, now);
}

#endif /* IVC_NOTICE_H */
