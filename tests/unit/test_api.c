/* SPDX-License-Identifier: GPL-2.0 */
/* What the library returns without a device, and for wrong arguments. */
#include <errno.h>
#include <ivc/ivc.h>
#include "unit.h"

static void no_device(const char *path)
{
	ck_assert_int_eq(setenv("IVC_DEVICE", path, 1), 0);
	errno = 0;
	ck_assert_ptr_null(ivc_register(1, 1));
	ck_assert_msg(errno == ENODEV, "%s: errno %d", path, errno);
}

START_TEST(without_device)
{
	no_device("/nonexistent/ivc");
	no_device("/dev/null/ivc");
	/* A file that is no IVC device. */
	no_device("/dev/null");
	no_device("/dev/zero");
}
END_TEST

START_TEST(version)
{
	ck_assert_uint_eq(ivc_version(), (uint32_t)IVC_VERSION_MAJOR << 16 |
						 IVC_VERSION_MINOR);
}
END_TEST

START_TEST(null_context)
{
	struct ivc_channel_options opt = { .timeout_ms = 0 };
	ivc_peer peer = { .member = 1 }, found;
	ivc_channel *ch = (ivc_channel *)1;
	struct ivc_event ev;

	ivc_unregister(NULL);
	errno = 0;
	ck_assert_ptr_null(ivc_get_hosts(NULL));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(ivc_hosts(NULL, &found, 1), -EINVAL);
	ck_assert_int_eq(ivc_find(NULL, 1, 0, &found), -EINVAL);
	ck_assert_int_eq(ivc_next_event(NULL, &ev, 0), -EINVAL);
	ck_assert_int_eq(ivc_context_fd(NULL), -EINVAL);
	errno = 0;
	ck_assert_ptr_null(ivc_connect(NULL, peer));
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(ivc_connect_opt(NULL, peer, &opt, &ch), -EINVAL);
	ck_assert_ptr_null(ch);
	ck_assert_int_eq(ivc_connect_opt(NULL, peer, &opt, NULL), -EINVAL);
	errno = 0;
	ck_assert_ptr_null(ivc_accept(NULL));
	ck_assert_int_eq(errno, EINVAL);
	ch = (ivc_channel *)1;
	ck_assert_int_eq(ivc_accept_opt(NULL, &opt, &ch), -EINVAL);
	ck_assert_ptr_null(ch);
	ck_assert_int_eq(ivc_accept_opt(NULL, &opt, NULL), -EINVAL);
}
END_TEST

START_TEST(null_channel)
{
	struct ivc_stats st;
	uint8_t buf[8];
	ivc_peer peer;

	ck_assert_int_eq(ivc_close(NULL), 0);
	ck_assert_int_eq(ivc_connected(NULL, 0), -EINVAL);
	ck_assert_int_eq(ivc_wait(NULL, IVC_READABLE, 0), -EINVAL);
	ck_assert_int_eq(ivc_arm(NULL, IVC_READABLE), -EINVAL);
	ck_assert_int_eq(ivc_channel_fd(NULL), -EINVAL);
	ck_assert_int_eq(ivc_get_stats(NULL, &st), -EINVAL);
	ck_assert_int_eq(ivc_write_all(NULL, buf, 8, 0, NULL), -EINVAL);
	ck_assert_int_eq(ivc_read_all(NULL, buf, 8, 0, NULL), -EINVAL);
	ck_assert_uint_eq(ivc_peer_id(NULL), 0);
	ivc_peer_of(NULL, &peer);
	ck_assert_uint_eq(peer.member, 0);
	ivc_peer_of(NULL, NULL);
	ivc_set_spin(NULL, 0);
}
END_TEST

Suite *suite_api(void)
{
	Suite *s = suite_create("api");
	TCase *t = tcase_create("api");

	tcase_add_test(t, version);
	tcase_add_test(t, without_device);
	tcase_add_test(t, null_context);
	tcase_add_test(t, null_channel);
	suite_add_tcase(s, t);
	return s;
}
