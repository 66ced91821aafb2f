/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The layout of all shared structures, compared with the numbers of
 * docs/reference/protocol.md. The numbers are repeated here, since a macro
 * would change together with the structure.
 */
#include <stddef.h>
#include <ivc/protocol/abi.h>
#include <ivc/ivc.h>
#include <ivc/protocol/wire.h>
#include "unit.h"

#define AT(type, field, offset, bytes)                                         \
	do {                                                                   \
		ck_assert_uint_eq(offsetof(type, field), offset);              \
		ck_assert_uint_eq(sizeof(((type *)0)->field), bytes);          \
	} while (0)

START_TEST(ring_pages)
{
	AT(struct ivc_ctrl, cons, 0, 4);
	AT(struct ivc_ctrl, want, 128, 4);
	AT(struct ivc_ctrl, reader_pos, 256, 8);
	ck_assert_uint_eq(IVC_READER_BEGUN, 1ull << 32);
	ck_assert_uint_eq(IVC_READER_USED_SHIFT, 33);
	ck_assert_uint_eq(ivc_reader_pos(7, 5),
			  7 + (1ull << 32) + (5ull << 33));
	ck_assert_uint_eq(sizeof(struct ivc_ctrl), 384);
	ck_assert_uint_eq(IVC_CELL, 64);
	ck_assert_uint_eq(IVC_RING_HDR, 8);
	ck_assert_uint_eq(IVC_RING_SKIP, 0xffffffffu);
	ck_assert_uint_eq(IVC_WANT_DATA, 1);
	ck_assert_uint_eq(IVC_WANT_SPACE, 2);
	ck_assert_uint_eq(1u << IVC_RING_MIN_SHIFT, 4096);
	ck_assert_uint_eq(1u << IVC_RING_MAX_SHIFT, 16777216);
	ck_assert_uint_eq(1u << IVC_RING_DEFAULT_SHIFT, 65536);
}
END_TEST

/* A record as bytes: u32 length, u32 position + 1, payload; all little-endian.
 */
START_TEST(record)
{
	static const uint8_t want[16] = { 3,	0,    0,   0,	0x04, 0x03,
					  0x02, 0x01, 'i', 'v', 'c' };
	struct pair p;

	pair_init(&p, 4096, 0x01020303);
	ck_assert_int_eq(ivc_tx_write(&p.tx, "ivc", 3), 3);
	ck_assert_mem_eq(p.data + (0x03 * 64), want, sizeof(want));
	pair_free(&p);
}
END_TEST

START_TEST(control_ring)
{
	AT(struct ivc_ctl_page, req_prod, 0, 4);
	AT(struct ivc_ctl_page, ev_cons, 4, 4);
	AT(struct ivc_ctl_page, req_cons, 64, 4);
	AT(struct ivc_ctl_page, ev_prod, 68, 4);
	AT(struct ivc_ctl_page, ev_want, 72, 4);
	AT(struct ivc_ctl_page, req, 128, 16 * 64);
	AT(struct ivc_ctl_page, ev, 1152, 32 * 64);
	AT(struct ivc_msg, op, 0, 2);
	AT(struct ivc_msg, flags, 2, 2);
	AT(struct ivc_msg, status, 4, 4);
	AT(struct ivc_msg, cookie, 8, 8);
	AT(struct ivc_msg, raw, 16, 40);
	AT(struct ivc_msg, member, 56, 8);
	ck_assert_uint_eq(sizeof(struct ivc_msg), 64);
}
END_TEST

START_TEST(messages)
{
	AT(struct ivc_msg, reg.magic, 16, 8);
	AT(struct ivc_msg, reg.id, 24, 4);
	AT(struct ivc_msg, reged.member, 16, 8);
	AT(struct ivc_msg, reged.domid, 24, 2);
	AT(struct ivc_msg, reged.max_channels, 28, 4);
	AT(struct ivc_msg, reged.max_pages, 32, 4);
	AT(struct ivc_msg, hosts.after, 16, 8);
	AT(struct ivc_msg, hosted.count, 16, 4);
	AT(struct ivc_msg, hosted.more, 20, 4);
	AT(struct ivc_msg, hosted.generation, 24, 4);
	AT(struct ivc_msg, lookup.member, 16, 8);
	AT(struct ivc_msg, looked.member, 16, 8);
	AT(struct ivc_msg, looked.id, 24, 4);
	AT(struct ivc_msg, looked.domid, 28, 2);
	AT(struct ivc_msg, looked.local, 30, 2);
	AT(struct ivc_msg, offer.peer, 16, 8);
	AT(struct ivc_msg, offer.conn, 24, 4);
	AT(struct ivc_msg, offer.peer_id, 28, 4);
	AT(struct ivc_msg, offer.dir_gref, 32, 4);
	AT(struct ivc_msg, offer.port, 36, 4);
	AT(struct ivc_msg, offer.domid, 40, 2);
	AT(struct ivc_msg, offer.tx_shift, 42, 1);
	AT(struct ivc_msg, offer.rx_shift, 43, 1);
	AT(struct ivc_msg, accept.conn, 16, 4);
	AT(struct ivc_msg, accept.dir_gref, 20, 4);
	AT(struct ivc_msg, accept.tx_shift, 24, 1);
	AT(struct ivc_msg, close.conn, 16, 4);
	AT(struct ivc_msg, close.reason, 20, 4);
	ck_assert_int_eq(IVC_MSG_REGISTER, 1);
	ck_assert_int_eq(IVC_MSG_UNREGISTER, 2);
	ck_assert_int_eq(IVC_MSG_HOSTS, 3);
	ck_assert_int_eq(IVC_MSG_LOOKUP, 4);
	ck_assert_int_eq(IVC_MSG_CONNECT, 5);
	ck_assert_int_eq(IVC_MSG_ACCEPT, 6);
	ck_assert_int_eq(IVC_MSG_CLOSE, 7);
	ck_assert_int_eq(IVC_MSG_REPLY, 32);
	ck_assert_int_eq(IVC_MSG_EV_OFFER, 33);
	ck_assert_int_eq(IVC_MSG_EV_ACCEPTED, 34);
	ck_assert_int_eq(IVC_MSG_EV_GONE, 35);
	ck_assert_int_eq(IVC_MSG_EV_HOSTS, 36);
}
END_TEST

START_TEST(pages)
{
	AT(struct ivc_host, member, 0, 8);
	AT(struct ivc_host, id, 8, 4);
	AT(struct ivc_host, domid, 12, 2);
	ck_assert_uint_eq(sizeof(struct ivc_host), 16);
	ck_assert_uint_eq(IVC_TABLE_HOSTS, 256);
	AT(struct ivc_dir, magic, 0, 4);
	AT(struct ivc_dir, count, 4, 4);
	AT(struct ivc_dir, next, 8, 4);
	AT(struct ivc_dir, last, 12, 4);
	AT(struct ivc_dir, ref, 16, 1020 * 4);
	ck_assert_uint_eq(sizeof(struct ivc_dir), 4096);
	ck_assert_uint_eq(IVC_DIR_MAGIC, 0x44435649);
	ck_assert_uint_eq(IVC_DIR_HEAD, 2);
	AT(struct ivc_kctl, magic, 0, 4);
	AT(struct ivc_kctl, version, 4, 4);
	AT(struct ivc_kctl, state, 8, 4);
	AT(struct ivc_kctl, reason, 12, 4);
	AT(struct ivc_kctl, took_until, 16, 4);
	AT(struct ivc_kctl, took_over, 20, 4);
	AT(struct ivc_kctl, cut_off, 24, 4);
	ck_assert_int_eq(IVC_WIRE_CUTTING, 1);
	ck_assert_int_eq(IVC_WIRE_CUT, 2);
	AT(struct ivc_kctl, status, 128, 4);
	ck_assert_uint_eq(IVC_KCTL_MAGIC, 0x4b435649);
	ck_assert_int_eq(IVC_WIRE_OPENING, 0);
	ck_assert_int_eq(IVC_WIRE_OPEN, 1);
	ck_assert_int_eq(IVC_WIRE_LEAVING, 2);
	ck_assert_int_eq(IVC_WIRE_CLOSED, 3);
	ck_assert_int_eq(IVC_WIRE_DETACHED, 4);
}
END_TEST

/* Programs are compiled against these: a change breaks them. */
START_TEST(api)
{
	AT(ivc_peer, member, 0, 8);
	AT(ivc_peer, id, 8, 4);
	AT(ivc_peer, domid, 12, 2);
	AT(ivc_peer, local, 14, 2);
	ck_assert_uint_eq(sizeof(ivc_peer), 16);
	AT(struct ivc_channel_options, tx_size, 0, 4);
	AT(struct ivc_channel_options, rx_size, 4, 4);
	AT(struct ivc_channel_options, timeout_ms, 8, 4);
	ck_assert_uint_eq(sizeof(struct ivc_channel_options), 32);
	AT(struct ivc_event, type, 0, 4);
	AT(struct ivc_event, status, 4, 4);
	AT(struct ivc_event, peer, 8, 16);
	ck_assert_uint_eq(sizeof(struct ivc_event), 40);
	AT(struct ivc_stats, tx_bytes, 0, 8);
	AT(struct ivc_stats, rx_bytes, 24, 8);
	AT(struct ivc_stats, sleeps, 48, 8);
	AT(struct ivc_stats, kicks, 56, 8);
	AT(struct ivc_stats, tx_size, 80, 4);
	AT(struct ivc_stats, kept, 88, 8);
	ck_assert_uint_eq(sizeof(struct ivc_stats), 128);
}
END_TEST

START_TEST(ioctls)
{
	AT(struct ivc_abi_register, member, 16, 8);
	AT(struct ivc_abi_register, domid, 24, 4);
	AT(struct ivc_abi_host, member, 0, 8);
	AT(struct ivc_abi_host, id, 8, 4);
	AT(struct ivc_abi_host, domid, 12, 2);
	AT(struct ivc_abi_host, local, 14, 2);
	AT(struct ivc_abi_connect, member, 0, 8);
	AT(struct ivc_abi_connect, tx_size, 8, 4);
	AT(struct ivc_abi_connect, rx_size, 12, 4);
	AT(struct ivc_abi_connect, fd, 16, 4);
	AT(struct ivc_abi_accept, peer, 8, 16);
	AT(struct ivc_abi_info, peer, 8, 16);
	ck_assert_uint_eq(IVC_ABI_VERSION, 2);
	ck_assert_uint_eq(IVC_PROTOCOL_VERSION, 2);
	ck_assert_uint_eq(IVC_IOC_VERSION, 0x8020e700);
	ck_assert_uint_eq(IVC_IOC_REGISTER, 0xc020e701);
	ck_assert_uint_eq(IVC_IOC_HOSTS, 0xc018e702);
	ck_assert_uint_eq(IVC_IOC_CONNECT, 0xc018e703);
	ck_assert_uint_eq(IVC_IOC_ACCEPT, 0xc020e704);
	ck_assert_uint_eq(IVC_IOC_NEXT_EVENT, 0x8010e705);
	ck_assert_uint_eq(IVC_IOC_INFO, 0x8040e710);
	ck_assert_uint_eq(IVC_IOC_KICK, 0xe711);
	ck_assert_uint_eq(IVC_IOC_ARM, 0xe712);
	ck_assert_uint_eq(IVC_IOC_CLOSE, 0xe713);
	ck_assert_uint_eq(IVC_MAP_KCTL, 0);
	ck_assert_uint_eq(IVC_MAP_OWN, 0x10000000);
	ck_assert_uint_eq(IVC_MAP_PEER, 0x20000000);
}
END_TEST

Suite *suite_layout(void)
{
	Suite *s = suite_create("layout");
	TCase *t = tcase_create("layout");

	tcase_add_test(t, ring_pages);
	tcase_add_test(t, record);
	tcase_add_test(t, control_ring);
	tcase_add_test(t, messages);
	tcase_add_test(t, pages);
	tcase_add_test(t, api);
	tcase_add_test(t, ioctls);
	suite_add_tcase(s, t);
	return s;
}
