/* SPDX-License-Identifier: MIT */
/*
 * libfabric's shm provider, reliable datagrams. Debian has no fabtests, and
 * fi_pingpong knows neither windows nor percentiles.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <rdma/fabric.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>

#include "contenders.h"

#define VERSION FI_VERSION(1, 11)
#define NAME_MAX_BYTES 256
#define REAP 64

struct fabric {
	struct fi_info *info;
	struct fid_fabric *fabric;
	struct fid_domain *domain;
	struct fid_av *av;
	struct fid_cq *sent, *got;
	struct fid_ep *ep;
	fi_addr_t peer;
};

static struct fabric f;

static int fabric_find(void)
{
	struct fi_info *hints = fi_allocinfo();
	int ret;

	if (!hints)
		return -ENOMEM;
	hints->fabric_attr->prov_name = strdup("shm");
	hints->ep_attr->type = FI_EP_RDM;
	hints->caps = FI_MSG;
	hints->tx_attr->msg_order = FI_ORDER_SAS;
	hints->rx_attr->msg_order = FI_ORDER_SAS;
	hints->domain_attr->threading = FI_THREAD_DOMAIN;
	hints->domain_attr->mr_mode = FI_MR_VIRT_ADDR;
	ret = fi_getinfo(VERSION, NULL, NULL, 0, hints, &f.info);
	fi_freeinfo(hints);
	return ret;
}

static int fabric_endpoint(void)
{
	struct fi_cq_attr cq = { .format = FI_CQ_FORMAT_CONTEXT };
	struct fi_av_attr av = { .type = FI_AV_TABLE };
	int ret = fabric_find();

	if (!ret)
		ret = fi_fabric(f.info->fabric_attr, &f.fabric, NULL);
	if (!ret)
		ret = fi_domain(f.fabric, f.info, &f.domain, NULL);
	if (!ret)
		ret = fi_av_open(f.domain, &av, &f.av, NULL);
	cq.size = f.info ? f.info->tx_attr->size : 0;
	if (!ret)
		ret = fi_cq_open(f.domain, &cq, &f.sent, NULL);
	if (!ret)
		ret = fi_cq_open(f.domain, &cq, &f.got, NULL);
	if (!ret)
		ret = fi_endpoint(f.domain, f.info, &f.ep, NULL);
	if (!ret)
		ret = fi_ep_bind(f.ep, &f.av->fid, 0);
	if (!ret)
		ret = fi_ep_bind(f.ep, &f.sent->fid, FI_TRANSMIT);
	if (!ret)
		ret = fi_ep_bind(f.ep, &f.got->fid, FI_RECV);
	if (!ret)
		ret = fi_enable(f.ep);
	return ret;
}

static int fabric_open(struct end *e)
{
	char mine[NAME_MAX_BYTES] = "", theirs[NAME_MAX_BYTES];
	size_t len = sizeof(mine);
	int ret = fd_open(e);

	if (!ret)
		ret = fabric_endpoint();
	if (!ret)
		ret = fi_getname(&f.ep->fid, mine, &len);
	if (!ret)
		ret = fd_send(e, mine, sizeof(mine));
	if (!ret)
		ret = fd_recv(e, theirs, sizeof(theirs));
	if (!ret && fi_av_insert(f.av, theirs, 1, &f.peer, 0, NULL) != 1)
		ret = -EINVAL;
	/* Send only after both have the other's address. */
	if (!ret)
		ret = fd_send(e, "", 1);
	if (!ret)
		ret = fd_recv(e, mine, 1);
	return ret;
}

/* Count completions of @cq; this call also makes the provider progress. */
static int reap(struct fid_cq *cq, unsigned int *done)
{
	struct fi_cq_entry entries[REAP];
	ssize_t n = fi_cq_read(cq, entries, REAP);

	if (n > 0)
		*done += (unsigned int)n;
	return n > 0 || n == -FI_EAGAIN ? 0 : (int)n;
}

/* The number of messages of one direction: in all, posted, completed. */
struct flow {
	unsigned int all, posted, done;
};

static int post_send(struct flow *flow, const void *buf, size_t len)
{
	ssize_t ret;

	if (flow->posted == flow->all)
		return 0;
	if (len <= f.info->tx_attr->inject_size) {
		ret = fi_inject(f.ep, buf, len, f.peer);
		flow->done += !ret;
	} else {
		ret = fi_send(f.ep, buf, len, NULL, f.peer, NULL);
	}
	flow->posted += !ret;
	return ret == -FI_EAGAIN ? 0 : (int)ret;
}

static int post_recv(struct flow *flow, void *buf, size_t len)
{
	ssize_t ret;

	if (flow->posted == flow->all ||
	    flow->posted - flow->done >= f.info->rx_attr->size)
		return 0;
	ret = fi_recv(f.ep, buf, len, NULL, FI_ADDR_UNSPEC, NULL);
	flow->posted += !ret;
	return ret == -FI_EAGAIN ? 0 : (int)ret;
}

static inline int move(const void *out, struct flow *tx, void *in,
		       struct flow *rx, size_t len)
{
	int ret = 0;

	while (!ret && (tx->done < tx->all || rx->done < rx->all)) {
		unsigned int before;

		do {
			before = rx->posted;
			ret = post_recv(rx, in, len);
		} while (!ret && rx->posted != before);
		do {
			before = tx->posted;
			if (!ret)
				ret = post_send(tx, out, len);
		} while (!ret && tx->posted != before);
		if (!ret && tx->done < tx->posted)
			ret = reap(f.sent, &tx->done);
		/* Also without messages to receive: it makes room to send. */
		if (!ret)
			ret = reap(f.got, &rx->done);
	}
	return ret;
}

static int fabric_send(struct end *e, const void *buf, size_t len)
{
	struct flow tx = { .all = 1 }, rx = { 0 };

	(void)e;
	return move(buf, &tx, NULL, &rx, len);
}

static int fabric_recv(struct end *e, void *buf, size_t len)
{
	struct flow tx = { 0 }, rx = { .all = 1 };

	(void)e;
	return move(NULL, &tx, buf, &rx, len);
}

static int fabric_burst(struct end *e, size_t len, unsigned int out,
			unsigned int in)
{
	struct flow tx = { .all = out }, rx = { .all = in };

	return move(e->out, &tx, e->in, &rx, len);
}

static void shut(struct fid *fid)
{
	if (fid)
		fi_close(fid);
}

static void fabric_close(struct end *e)
{
	/* Wait until the other side has fetched the last injected message. */
	fd_send(e, "", 1);
	fd_recv(e, &(char){ 0 }, 1);
	shut(f.ep ? &f.ep->fid : NULL);
	shut(f.sent ? &f.sent->fid : NULL);
	shut(f.got ? &f.got->fid : NULL);
	shut(f.av ? &f.av->fid : NULL);
	shut(f.domain ? &f.domain->fid : NULL);
	shut(f.fabric ? &f.fabric->fid : NULL);
	fi_freeinfo(f.info);
	fd_close(e);
}

static const struct contender fabric_contender = {
	.name = "libfabric",
	.can = CAN_ALL,
	.prepare = unix_prepare,
	.open = fabric_open,
	.close = fabric_close,
	.send = fabric_send,
	.recv = fabric_recv,
	.burst = fabric_burst,
};

const struct contender *const contenders[] = { &fabric_contender, NULL };
