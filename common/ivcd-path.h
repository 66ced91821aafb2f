/* SPDX-License-Identifier: MIT */
/* Where ivcd's socket is: ivcd makes it there, libivc looks for it there. */
#ifndef IVCD_PATH_H
#define IVCD_PATH_H

#include <stdbool.h>
#include <sys/un.h>

/* In the order in which they are looked at. */
enum ivcd_path {
	IVCD_PATH_RUNTIME, /* $XDG_RUNTIME_DIR, or what it would be */
	IVCD_PATH_TMP,	   /* a user's own where there is no such directory */
	IVCD_PATH_MACHINE, /* /run: root's, for all users */
	IVCD_PATHS,
};

/* Returns 0, or -ENAMETOOLONG for a path that is empty or no socket's. */
int ivcd_path_named(const char *path, struct sockaddr_un *addr);

/*
 * The socket at @place, for the user that this process acts for. @make: its
 * directory is made if it is missing. -ENODEV: it is not to be had, or not
 * safe, there; -errno: or the directory cannot be made.
 */
int ivcd_path_get(enum ivcd_path place, bool make, struct sockaddr_un *addr);

/*
 * @fd is connected to @addr, the socket at @place: is it an ivcd that the user
 * of this process may trust? That is an ivcd of his own, root's, or at the
 * machine's place that of the user to whom root has given the directory. A
 * socket that was named (IVC_SOCKET) needs no such question.
 */
bool ivcd_path_trusted(enum ivcd_path place, const struct sockaddr_un *addr,
		       int fd);

#endif /* IVCD_PATH_H */
