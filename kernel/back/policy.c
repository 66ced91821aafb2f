// SPDX-License-Identifier: GPL-2.0
/*
 * The policy of Dom0 for a guest: realm, quotas and rate of requests. The nodes
 * are in the backend's own xenstore directory, which the toolstack can write
 * and the guest cannot.
 */
#include <linux/ctype.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include <ivc/protocol/limits.h>

#include "back.h"

static bool realm_ok(const char *s, unsigned int len)
{
	unsigned int i;

	if (!len || len >= IVC_REALM_MAX)
		return false;
	for (i = 0; i < len; i++)
		if (!isalnum(s[i]) && !strchr("._-", s[i]))
			return false;
	return true;
}

/*
 * If the realm cannot be read, the guest must not share a realm with others: it
 * gets a realm of its own, with a name that the toolstack cannot set.
 */
static void read_realm(struct ivc_fe *fe)
{
	unsigned int len;
	char *s = xenbus_read(XBT_NIL, fe->dev->nodename, "realm", &len);

	if (IS_ERR(s)) {
		if (PTR_ERR(s) == -ENOENT)
			strscpy(fe->realm, "default", sizeof(fe->realm));
		else
			snprintf(fe->realm, sizeof(fe->realm), "/unread/%u",
				 fe->domid);
		return;
	}
	if (realm_ok(s, len) && strlen(s) == len) {
		strscpy(fe->realm, s, sizeof(fe->realm));
	} else {
		snprintf(fe->realm, sizeof(fe->realm), "/bad/%u", fe->domid);
		xenbus_dev_error(fe->dev, -EINVAL,
				 "realm is not 1-63 of A-Za-z0-9._-; guest %u "
				 "is alone",
				 fe->domid);
	}
	kfree(s);
}

void ivcb_policy_read(struct ivc_fe *fe)
{
	const char *node = fe->dev->nodename;

	read_realm(fe);
	fe->max.contexts =
		xenbus_read_unsigned(node, "max-contexts", IVC_GUEST_CONTEXTS);
	fe->max.channels =
		xenbus_read_unsigned(node, "max-channels", IVC_GUEST_CHANNELS);
	fe->max.closing = ivc_closing_max(fe->max.channels);
	fe->max.pages =
		xenbus_read_unsigned(node, "max-pages", IVC_GUEST_PAGES);
	fe->max.pending =
		xenbus_read_unsigned(node, "max-pending", IVC_GUEST_PENDING);
	fe->max.rate = xenbus_read_unsigned(node, "max-rate", IVC_GUEST_RATE);
	fe->window = jiffies;
}

/*
 * Count one request. Above the rate the request is refused. Above twice the
 * rate the ring is not served until the second is over, so that the refusals,
 * too, cost Dom0 a bounded share of its time.
 */
enum ivc_rate ivcb_policy_rate(struct ivc_fe *fe)
{
	if (time_after_eq(jiffies, fe->window + HZ)) {
		fe->window = jiffies;
		fe->in_window = 0;
	}
	if (fe->in_window >= 2 * (u64)fe->max.rate)
		return RATE_STALL;
	return fe->in_window++ < fe->max.rate ? RATE_OK : RATE_REFUSE;
}
