/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * The version of IVC, in this place only: library, tools, modules, libivc.pc
 * and the documents take it from here. CHANGELOG.md says what a version
 * changes.
 */
#ifndef IVC_VERSION_H
#define IVC_VERSION_H

#define IVC_VERSION_MAJOR 0
#define IVC_VERSION_MINOR 2

#define IVC_VERSION_TEXT_(major, minor) #major "." #minor
#define IVC_VERSION_TEXT(major, minor) IVC_VERSION_TEXT_(major, minor)
/* "MAJOR.MINOR" */
#define IVC_VERSION IVC_VERSION_TEXT(IVC_VERSION_MAJOR, IVC_VERSION_MINOR)

#endif /* IVC_VERSION_H */
