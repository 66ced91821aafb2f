/* SPDX-License-Identifier: GPL-2.0 */
/* The C library's <errno.h> includes this one, too. */
#ifndef STUB_LINUX_ERRNO_H
#define STUB_LINUX_ERRNO_H

#include <asm/errno.h>

#define ERESTARTSYS 512
#define MAX_ERRNO 4095

#endif
