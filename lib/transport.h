/* SPDX-License-Identifier: MIT */
/*
 * The interface of a transport, which connects the members of a group and maps
 * the memory of a channel. The rings, waiting and everything that a program
 * sees are above the transport and the same for all transports. No function of
 * a transport is on the data path, except `kick` when the peer sleeps.
 *
 * Functions return 0 (or what their comment says) or -errno, and block no
 * longer than one answer of the backend or broker takes. A function with a
 * @deadline does not wait much longer than that for the answer; hosts() returns
 * -ETIMEDOUT then. Functions without a result accept incomplete objects, with
 * an `fd` of -1 or a mapping that is NULL.
 */
#ifndef IVC_TRANSPORT_H
#define IVC_TRANSPORT_H

#include <stdint.h>
#include <ivc/protocol/abi.h>
#include <ivc/ivc.h>

/* Around a fork(); see process.h. */
enum ivc_fork {
	IVC_FORK_PREPARE, /* take the lock, so that lists are consistent */
	IVC_FORK_PARENT,  /* release it */
	IVC_FORK_CHILD,	  /* start with nothing; close descriptors */
	IVC_FORK_UNSEEN,  /* the same without PREPARE: lists may be broken */
};

struct ivc_transport {
	/*
	 * Contexts. open() sets ctx->fd, the descriptor that ivc_context_fd()
	 * returns, and ctx->offers and ctx->events, which the library polls. It
	 * returns -ENODEV if this transport is not available. leave() undoes
	 * open() and enroll(), also after either has failed.
	 */
	int (*open)(struct ivc_context *ctx);
	int (*enroll)(struct ivc_context *ctx);
	void (*leave)(struct ivc_context *ctx);
	/*
	 * List the other members, in any order: store at most @max of them in
	 * @peers, and their number in *@written. Returns how many exist.
	 */
	int (*hosts)(struct ivc_context *ctx, ivc_peer *peers, uint32_t max,
		     uint32_t *written, int64_t deadline);
	/* -EAGAIN: no event now. */
	int (*event)(struct ivc_context *ctx, struct ivc_abi_event *ev);
	/*
	 * Both give @ch its descriptor, which can be polled as abi.h says.
	 * After connect() the channel is not established yet; after accept() it
	 * is. accept() returns -EAGAIN if there is no offer, -ECONNABORTED if
	 * the offer was withdrawn.
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
	/* The delivery: DELIVERY and UNDELIVERED of abi.h. */
	int (*delivery)(const struct ivc_channel *ch,
			struct ivc_abi_delivery *delivery);
	int (*undelivered)(const struct ivc_channel *ch,
			   struct ivc_abi_undelivered *un);
	/* Tell the peer, then unmap, then close the descriptor. */
	void (*close)(struct ivc_channel *ch);

	/*
	 * fork() is NULL if contexts share nothing. The orphan functions close
	 * a child's copies of descriptors and do nothing else: they take no
	 * lock, touch no memory of the channel, and do nothing that the parent
	 * or a peer notices. They are called before fork(IVC_FORK_CHILD), and
	 * when the child frees the handle.
	 */
	void (*fork)(enum ivc_fork what);
	void (*orphan)(struct ivc_context *ctx);
	void (*orphan_channel)(struct ivc_channel *ch);

	/* The poll event of a channel that has been established or refused. */
	short established;
};

/* xen.c: /dev/ivc of ivc-front. local/context.c: ivcd. */
extern const struct ivc_transport ivc_xen;
extern const struct ivc_transport ivc_local;

/* transport.c: choose a transport for @ctx and open it. */
int ivc_transport_open(struct ivc_context *ctx);

#endif /* IVC_TRANSPORT_H */
