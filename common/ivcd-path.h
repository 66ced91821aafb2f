/* SPDX-License-Identifier: MIT */
/* The path of ivcd's socket, which ivcd creates and libivc connects to. */
#ifndef IVCD_PATH_H
#define IVCD_PATH_H

#include <stdbool.h>
#include <sys/un.h>

/* In the order in which libivc tries them. */
enum ivcd_path {
	IVCD_PATH_RUNTIME, /* the user's $XDG_RUNTIME_DIR or /run/user/UID */
	IVCD_PATH_TMP,	   /* the user's directory in /tmp */
	IVCD_PATH_MACHINE, /* /run/ivc: root's, for all users */
	IVCD_PATHS,
};

/* Returns 0, or -ENAMETOOLONG if @path is empty or too long for a socket. */
int ivcd_path_named(const char *path, struct sockaddr_un *addr);

/*
 * The address of the socket at @place for the effective user of this process.
 * @make: create its directory if that is missing. -ENODEV: this user has no
 * such place, or its directory is not safe. Other errors: the directory could
 * not be created.
 */
int ivcd_path_get(enum ivcd_path place, bool make, struct sockaddr_un *addr);

/*
 * @fd is connected to @addr, the socket at @place. May the user of this process
 * trust the ivcd there? Yes for an ivcd of the same user and of root, and at
 * IVCD_PATH_MACHINE for an ivcd of the user to whom root has given the
 * directory. A socket that the user has named (IVC_SOCKET) needs no such check.
 */
bool ivcd_path_trusted(enum ivcd_path place, const struct sockaddr_un *addr,
		       int fd);

#endif /* IVCD_PATH_H */
