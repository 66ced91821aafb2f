/* SPDX-License-Identifier: MIT */
/*
 * Closing descriptors that a hostile peer may have passed to this process. ivcd
 * has a closer of its own (tools/ivcd/closer.c): it counts per user, and
 * interrupts its threads by a signal, which a library must not do.
 */
#ifndef IVC_FD_CLOSER_H
#define IVC_FD_CLOSER_H

#include <stdbool.h>

#include "../common/unix-packet.h"

/*
 * How many descriptors of all peers together may wait to be closed. Above that
 * the library receives nothing that could bring more. The number is that of two
 * full packets, and half of the default limit of open files.
 */
#define IVC_CLOSER_MAX 512

/*
 * May @n more descriptors be received that may have to be closed? If not, the
 * caller leaves the packet in the socket.
 */
bool ivc_closer_room(unsigned int n);

/* Try again to start a thread. Returns true if there is still none. */
bool ivc_closer_again(void);

/* Close all descriptors of @p in another thread. Returns at once. */
void ivc_closer_add(struct ivc_packet *p);

/*
 * Shut down and close a UNIX packet socket whose other end a hostile peer may
 * have, and close the descriptors that the peer left in it. Returns at once.
 * @fd < 0: does nothing.
 */
void ivc_closer_hangup(int fd);

/* In a child: count the descriptors whose copies the child has to close. */
void ivc_closer_fork(void);

#endif /* IVC_FD_CLOSER_H */
