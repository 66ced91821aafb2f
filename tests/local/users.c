/* SPDX-License-Identifier: GPL-2.0 */
/* One user with many processes tries to get more than another user's share. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "hostile.h"

#define MAGIC 97
#define OFFERER 1000 /* its id, after those that wait */

/* To ivcd each connection is a process. */
void user_waiting(int clients)
{
	int i;

	for (i = 1; i <= clients; i++)
		raw_register(raw_hello(), MAGIC, (uint32_t)i);
	printf("ready\n");
	pause();
}

void user_crowd(int clients, int share)
{
	int fd = raw_hello(), i, ret, taken = 0, refused = 0, sv[2];
	uint64_t me = raw_register(fd, MAGIC, OFFERER);
	struct ivc_msg msg;

	raw_pair(sv);
	for (i = 1; i <= clients; i++) {
		uint64_t peer = raw_find(fd, me, (uint32_t)i);
		int n;

		for (n = 0; n <= share; n++) {
			msg = (struct ivc_msg){ .op = IVC_MSG_CONNECT,
						.member = me,
						.offer = { .peer = peer,
							   .tx_shift = 12,
							   .rx_shift = 12 } };
			ret = raw_call(fd, &msg, &sv[1], 1);
			taken += !ret;
			refused += ret == -EBUSY;
			if (ret && ret != -EBUSY)
				die("offer: %s", strerror(-ret));
		}
	}
	check(taken == share && refused,
	      "%d offers to %d processes of one user: %d taken, of %d",
	      taken + refused, clients, taken, share);
}
