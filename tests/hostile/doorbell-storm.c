/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An open channel whose doorbell rings in a loop, although the other end has
 * not asked to be woken.
 */
#include <errno.h>
#include "front.h"

void attack_doorbell_storm(struct front *f, uint64_t magic, int seconds)
{
	struct ivc_host to;
	struct ivc_msg ev;
	uint64_t rings = 0;
	uint64_t me;
	uint32_t conn;
	struct end e;
	int64_t until;
	int err;

	front_connect(f);
	me = front_register(f, magic, OUR_ID);
	while (!find_victim(f, me, 1, &to))
		sleep_ms(50);
	end_make(f, &e, RIGHT, to.domid);
	e.port = xenevtchn_bind_unbound_port(f->evtchn, to.domid);
	err = offer_send(f, me, &to, &e, 12, &conn);
	if (!err)
		err = offer_outcome(f, conn, &ev, 8000);
	if (err != 1)
		die("no channel to ring for: %d", err);
	for (until = now_ms() + seconds * 1000; now_ms() < until; rings++)
		xenevtchn_notify(f->evtchn, (evtchn_port_t)e.port);
	close_conn(f, me, conn, -EPIPE);
	end_free(f, &e);
	front_disconnect(f);
	passed("doorbell-storm: %llu for an open channel",
	       (unsigned long long)rings);
}
