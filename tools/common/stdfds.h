/* SPDX-License-Identifier: MIT */
/* The standard descriptors. Every tool calls this first. */
#ifndef TOOLS_COMMON_STDFDS_H
#define TOOLS_COMMON_STDFDS_H

/*
 * Open /dev/null at those of the descriptors 0, 1 and 2 that are closed.
 * Otherwise the next file or socket that the program opens would get that
 * number, and the program would print into it. Reading or writing the
 * placeholder fails with EBADF, as with a closed descriptor, so lost output is
 * still an error. Exits if /dev/null cannot be opened.
 */
void stdfds_occupy(void);

#endif
