/* SPDX-License-Identifier: MIT */
/* Where ivcd's socket is: ivcd makes it there, libivc looks for it there. */
#ifndef IVC_PLACE_H
#define IVC_PLACE_H

#include <stdbool.h>
#include <sys/un.h>

/* In the order in which they are looked at. */
enum ivc_place {
	IVC_PLACE_RUNTIME, /* $XDG_RUNTIME_DIR, or what it would be */
	IVC_PLACE_TMP,	   /* a user's own where there is no such directory */
	IVC_PLACE_MACHINE, /* /run: root's, for all users */
	IVC_PLACES,
};

/* Returns 0, or -ENAMETOOLONG for a path that is empty or no socket's. */
int ivc_place_named(const char *path, struct sockaddr_un *addr);

/*
 * The socket at @place, for the user that this process acts for. @make: its
 * directory is made if it is missing. -ENODEV: it is not to be had, or not
 * safe, there; -errno: or the directory cannot be made.
 */
int ivc_place(enum ivc_place place, bool make, struct sockaddr_un *addr);

/*
 * @fd is connected to @addr, the socket at @place: is it an ivcd that the user
 * of this process may trust? That is an ivcd of his own, root's, or at the
 * machine's place that of the user to whom root has given the directory. A
 * socket that was named (IVC_SOCKET) needs no such question.
 */
bool ivc_place_trusted(enum ivc_place place, const struct sockaddr_un *addr,
		       int fd);

#endif /* IVC_PLACE_H */
