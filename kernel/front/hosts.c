// SPDX-License-Identifier: GPL-2.0
/*
 * The list of a group's members, in pages of the table of hosts.
 *
 * The backend fills the table, and may write to it at any moment. So the event
 * work copies the table into the request when the reply comes (ctlring.c), and
 * only that copy is read. A process waits for its own reply only: the table is
 * assigned to a request, not to a process that might die while it has the
 * table.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "front.h"

/* Append @count entries to @hosts. Entries beyond @max are only counted. */
static int take_hosts(const struct ivc_host *table, u32 count, u64 *after,
		      struct ivc_abi_host *hosts, u32 max, u32 *total)
{
	u32 i;

	if (count > IVC_TABLE_HOSTS)
		return -EPROTO;
	for (i = 0; i < count; i++) {
		const struct ivc_host *h = &table[i];

		/*
		 * Numbers ascend, so that a list that a backend makes up has an
		 * end.
		 */
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
 * List the other members of @member's group, the first @max of them in @hosts.
 * Returns after two reply timeouts at the latest, however many processes wait
 * for the table, and however long a list the backend claims.
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
