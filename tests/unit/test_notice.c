/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Notices of a group that changes: docs/reference/protocol.md, section 2.1,
 * on EV_HOSTS.
 */
#include <ivc/protocol/notice.h>
#include "unit.h"

#define GAP 50000000ull

START_TEST(told_once)
{
	struct ivc_notice n = { 0 };
	uint64_t now;

	ck_assert(ivc_notice_change(&n, 0));
	/*
	 * No second notice, however late, before the member has listed the
	 * group.
	 */
	for (now = 0; now < 100 * GAP; now += GAP / 3) {
		ck_assert(!ivc_notice_change(&n, now));
		ck_assert(!ivc_notice_due(&n, now));
	}
	ivc_notice_asked(&n);
	ck_assert(!ivc_notice_due(&n, now));
	ck_assert(ivc_notice_change(&n, now));
}
END_TEST

START_TEST(not_too_often)
{
	struct ivc_notice n = { 0 };

	ck_assert(ivc_notice_change(&n, 5 * GAP));
	ivc_notice_asked(&n);
	ck_assert(!ivc_notice_change(&n, 6 * GAP - 1));
	ck_assert_uint_eq(n.state, IVC_NOTICE_LATE);
	ck_assert_uint_eq(n.next, 6 * GAP);
	ck_assert(!ivc_notice_change(&n, 6 * GAP - 1));
	ck_assert(!ivc_notice_due(&n, 6 * GAP - 1));
	/* After the list, one notice. */
	ck_assert(ivc_notice_due(&n, 6 * GAP));
	ck_assert(!ivc_notice_due(&n, 7 * GAP));
	ck_assert(!ivc_notice_change(&n, 8 * GAP));
}
END_TEST

START_TEST(asked_before_it_was_due)
{
	struct ivc_notice n = { 0 };

	ck_assert(ivc_notice_change(&n, GAP));
	ivc_notice_asked(&n);
	ck_assert(!ivc_notice_change(&n, GAP + 1));
	ivc_notice_asked(&n);
	ck_assert(!ivc_notice_due(&n, 9 * GAP));
	/* The interval since the last notice has passed. */
	ck_assert(ivc_notice_change(&n, 9 * GAP));
}
END_TEST

/*
 * In any order of changes and requests: notices are not too frequent, and the
 * last change is always reported.
 */
START_TEST(at_random)
{
	struct rng r = { 1234 };
	struct ivc_notice n = { 0 };
	uint64_t now = 0, last = 0, told = 0;
	bool news = false, knows_of_news = false;
	int i;

	for (i = 0; i < 1000000; i++) {
		bool tell = false;

		now += rng_below(&r, 3) ? rng_below(&r, GAP / 8)
					: rng_below(&r, 2 * GAP);
		switch (rng_below(&r, 3)) {
		case 0:
			tell = ivc_notice_change(&n, now);
			news = true;
			break;
		case 1:
			tell = ivc_notice_due(&n, now);
			break;
		default:
			ivc_notice_asked(&n);
			news = knows_of_news = false;
			break;
		}
		if (tell) {
			ck_assert(news && !knows_of_news);
			ck_assert(!told || now - last >= GAP);
			knows_of_news = true;
			last = now;
			told++;
		}
		/*
		 * While a change is unreported, a timer is set for the earliest
		 * notice.
		 */
		if (news && !knows_of_news) {
			ck_assert_uint_eq(n.state, IVC_NOTICE_LATE);
			ck_assert_uint_eq(n.next, last + GAP);
		}
	}
	ck_assert_uint_gt(told, 10000);
}
END_TEST

Suite *suite_notice(void)
{
	Suite *s = suite_create("notice");
	TCase *c = tcase_create("notice");

	tcase_add_test(c, told_once);
	tcase_add_test(c, not_too_often);
	tcase_add_test(c, asked_before_it_was_due);
	tcase_add_test(c, at_random);
	suite_add_tcase(s, c);
	return s;
}
