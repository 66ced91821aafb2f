/* SPDX-License-Identifier: MIT */
/* Getting rid of descriptors that an enemy has passed, for libivc. */
#ifndef IVC_FD_CLOSER_H
#define IVC_FD_CLOSER_H

#include <stdbool.h>

#include "../common/unix-packet.h"

/*
 * So many descriptors, of all enemies together, may wait to be closed before
 * nothing more is received that could bring some: two packets full of them.
 * Half of what a process may have open where nobody has raised that.
 */
#define IVC_CLOSER_MAX 512

/*
 * May @n descriptors more be received, if they turn out to be no good? If not,
 * the caller leaves them where they are: in the socket.
 */
bool ivc_closer_room(unsigned int n);

/* Try again what there was no thread for. True: there still is none. */
bool ivc_closer_again(void);

/* Close all of @p. Returns at once: a thread of its own does it. */
void ivc_closer_add(struct ivc_packet *p);

/*
 * Close a UNIX packet socket of ours to which an enemy has the other end, for
 * all who have it too, and get rid of what he may have left in it. Returns at
 * once. @fd < 0 is fine.
 */
void ivc_closer_hangup(int fd);

/* In a child: its copy of what waits is its own to close. */
void ivc_closer_fork(void);

#endif /* IVC_FD_CLOSER_H */
