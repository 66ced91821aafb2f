/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "ivc-pair.h"

#define SERVER 2

ivc_context *ivc_pair_register(uint64_t magic, bool server)
{
	return ivc_register(magic, server ? SERVER : 1);
}

int ivc_pair_connect(ivc_context *ctx, bool server, uint32_t ring,
		     ivc_channel **ch, unsigned int n)
{
	struct ivc_channel_options opt = { .tx_size = ring,
					   .rx_size = ring,
					   .timeout_ms = IVC_PAIR_TIMEOUT_MS };
	ivc_peer peer;
	int ret = 0;

	if (!server)
		ret = ivc_find(ctx, SERVER, IVC_PAIR_TIMEOUT_MS, &peer);
	for (unsigned int i = 0; i < n && !ret; i++)
		ret = server ? ivc_accept_opt(ctx, &opt, &ch[i])
			     : ivc_connect_opt(ctx, peer, &opt, &ch[i]);
	return ret;
}
