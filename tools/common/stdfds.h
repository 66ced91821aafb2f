/* SPDX-License-Identifier: MIT */
/* The standard descriptors, for every tool's first step. */
#ifndef TOOLS_COMMON_STDFDS_H
#define TOOLS_COMMON_STDFDS_H

/*
 * Occupy those of descriptors 0, 1 and 2 that are closed. Otherwise the next
 * file or socket that the program opens gets that number, and what the program
 * prints is written into it. Reading or writing the placeholder fails with
 * EBADF, as it would with the descriptor closed: output that nobody gets is
 * still an error. Exits if there is no /dev/null to occupy them with.
 */
void stdfds_occupy(void);

#endif
