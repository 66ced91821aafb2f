/* SPDX-License-Identifier: MIT */
/* Getting rid of descriptors that an enemy has passed, for libivc and ivcd. */
#ifndef IVC_DISCARD_H
#define IVC_DISCARD_H

#include "packet.h"

/*
 * Close all of @p. Returns at once: what may take its time to close is closed
 * by a thread of its own, counted in *@busy until it is done.
 */
void ivc_discard(struct ivc_packet *p, unsigned int *busy);

#endif /* IVC_DISCARD_H */
