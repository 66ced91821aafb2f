/* SPDX-License-Identifier: MIT */
/* Getting rid of descriptors that an enemy has passed, for libivc and ivcd. */
#ifndef IVC_DISCARD_H
#define IVC_DISCARD_H

#include "packet.h"

/*
 * Close all of @p. Returns at once: it is done by a thread of its own, counted
 * in *@busy until it is through.
 */
void ivc_discard(struct ivc_packet *p, unsigned int *busy);

/* The same for one. */
void ivc_discard_fd(int fd, unsigned int *busy);

/*
 * Close a UNIX packet socket of ours to which an enemy has the other end, for
 * all who have it too, and get rid of what he may have left in it. Returns at
 * once. @fd < 0 is fine.
 */
void ivc_hangup(int fd, unsigned int *busy);

#endif /* IVC_DISCARD_H */
