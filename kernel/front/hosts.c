// SPDX-License-Identifier: GPL-2.0
/*
 * The list of a group's members: a page of the host table at a time.
 *
 * The backend writes the table, and may write to it at any moment. So with its
 * reply the event work copies it into the request that asked (ctlring.c), and
 * only the copy is looked at. What a process waits for is its own reply: the
 * table belongs to a request and to nobody who waits.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "front.h"

/* Take @count entries over; those beyond @max are counted only. */
static int take_hosts(const struct ivc_host *table, u32 count, u64 *after,
		      struct ivc_abi_host *hosts, u32 max, u32 *total)
{
	u32 i;

	if (count > IVC_TABLE_HOSTS)
		return -EPROTO;
	for (i = 0; i < count; i++) {
		const struct ivc_host *h = &table[i];

		/* Ascending, so that this ends. */
		if (h->member <= *after)
			return -EPROTO;
		*after = h->member;
		if (*total < max)
			hosts[*total] = (struct ivc_abi_host){
				.member = h->member,
				.id = h->id,
				.domid = h->domid,
			};
		++*total;
	}
	return 0;
}

/*
 * The other members of @member's group; the first @max of them in @hosts. Not
 * for longer than two replies may take, however many others wait for the table
 * and however long the backend says the list is.
 */
int ivcf_hosts(u32 epoch, u64 member, struct ivc_abi_host *hosts, u32 max,
	       u32 *total, u32 *generation)
{
	unsigned long end = jiffies + 2 * IVC_REPLY_TIMEOUT;
	u64 after = 0;
	u32 more = 1;
	int err = 0;
	long left;

	*total = 0;
	while (more && !err) {
		struct ivc_request *req =
			ivcf_request_new(IVC_MSG_HOSTS, epoch, member);

		req->msg.hosts.after = after;
		req->table = kmalloc(PAGE_SIZE, GFP_KERNEL_ACCOUNT);
		if (!req->table) {
			ivcf_request_put(req);
			return -ENOMEM;
		}
		ivcf_ctl_send(req);
		left = max((long)(end - jiffies), 1L);
		err = ivcf_ctl_wait(req, min(left, (long)IVC_REPLY_TIMEOUT));
		if (!err) {
			*generation = req->msg.hosted.generation;
			more = req->msg.hosted.more;
			err = take_hosts(req->table, req->msg.hosted.count,
					 &after, hosts, max, total);
			if (more && !req->msg.hosted.count)
				err = -EPROTO;
			else if (more && time_after(jiffies, end))
				err = -ETIMEDOUT;
		}
		ivcf_request_put(req);
	}
	return err;
}
