/* SPDX-License-Identifier: GPL-2.0 */
/* The stubs behave as Linux 6.1 does. */
#ifndef STUB_LINUX_VERSION_H
#define STUB_LINUX_VERSION_H

#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))
#define LINUX_VERSION_CODE KERNEL_VERSION(6, 1, 0)

#endif
