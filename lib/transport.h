/* SPDX-License-Identifier: MIT */
/*
 * What carries channels: the part of the library that knows whom it talks to.
 *
 * A transport brings members together and maps the memory of a channel; the
 * rings, waiting and everything a program sees are above it and the same for
 * all. None of this is on the data path, kick excepted, and that only when
 * the peer sleeps.
 *
 * Functions return 0 (or what they say) or -errno and never block longer than
 * one answer of the backend takes. Those that are given a @deadline do not wait
 * for that answer beyond it, or not much; hosts() is -ETIMEDOUT then. Those
 * without a result take half-built objects: an `fd` of -1, a mapping that is
 * NULL.
 */
#ifndef IVC_TRANSPORT_H
#define IVC_TRANSPORT_H

#include <stdint.h>
#include <ivc/protocol/abi.h>
#include <ivc/ivc.h>

/* Around a fork(); see process.h. */
enum ivc_fork {
	IVC_FORK_PREPARE, /* take the lock: lists and descriptors are whole */
	IVC_FORK_PARENT,  /* give it back */
	IVC_FORK_CHILD,	  /* begin anew, with nothing; close descriptors */
	IVC_FORK_UNSEEN,  /* the same without a PREPARE: lists may be torn */
};

struct ivc_transport {
	/*
	 * Contexts. open() sets ctx->fd, which polls as ivc_context_fd() says,
	 * and what the library itself polls, ctx->offers and ctx->events. It is
	 * -ENODEV where there is no such transport. leave() undoes both open()
	 * and enroll(), whether they failed or not.
	 */
	int (*open)(struct ivc_context *ctx);
	int (*enroll)(struct ivc_context *ctx);
	void (*leave)(struct ivc_context *ctx);
	/*
	 * The other members, in any order: at most @max into @peers, how many
	 * into *@written. Returns how many there are.
	 */
	int (*hosts)(struct ivc_context *ctx, ivc_peer *peers, uint32_t max,
		     uint32_t *written, int64_t deadline);
	/* -EAGAIN: none now. */
	int (*event)(struct ivc_context *ctx, struct ivc_abi_event *ev);
	/*
	 * Both give @ch its descriptor, which polls as abi.h says of a channel.
	 * connect(): it is not yet established. accept(): it is; -EAGAIN: no
	 * offer waits, -ECONNABORTED: it was withdrawn.
	 */
	int (*connect)(struct ivc_context *ctx, struct ivc_channel *ch,
		       uint64_t member, uint32_t tx_size, uint32_t rx_size,
		       int64_t deadline);
	int (*accept)(struct ivc_context *ctx, struct ivc_channel *ch,
		      uint32_t tx_max, int64_t deadline);

	/* Channels. */
	int (*info)(const struct ivc_channel *ch, struct ivc_abi_info *info);
	/* Fill ch->map from the sizes in @info, once established. */
	int (*map)(struct ivc_channel *ch, const struct ivc_abi_info *info);
	int (*kick)(const struct ivc_channel *ch);
	int (*arm)(const struct ivc_channel *ch);
	/* What became of what was written: as abi.h says of DELIVERY,
	 * UNDELIVERED. */
	int (*delivery)(const struct ivc_channel *ch,
			struct ivc_abi_delivery *delivery);
	int (*undelivered)(const struct ivc_channel *ch,
			   struct ivc_abi_undelivered *un);
	/* In order: tell the peer, unmap, close the descriptor. */
	void (*close)(struct ivc_channel *ch);

	/*
	 * fork(). NULL: nothing is shared between contexts. orphan(): close the
	 * copies of descriptors that a child has, and nothing else: no lock, no
	 * memory of the channel, nothing that the parent or a peer would
	 * notice. Before CHILD, and when the child frees the handle.
	 */
	void (*fork)(enum ivc_fork what);
	void (*orphan)(struct ivc_context *ctx);
	void (*orphan_channel)(struct ivc_channel *ch);

	/* A channel being established polls for that when there is news. */
	short established;
};

/* xen.c: /dev/ivc of ivc-front. local.c: ivcd. */
extern const struct ivc_transport ivc_xen;
extern const struct ivc_transport ivc_local;

/* transport.c: choose one for @ctx and open it. */
int ivc_transport_open(struct ivc_context *ctx);

#endif /* IVC_TRANSPORT_H */
