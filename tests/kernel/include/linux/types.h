/* SPDX-License-Identifier: GPL-2.0 */
#ifndef STUB_LINUX_TYPES_H
#define STUB_LINUX_TYPES_H

#include_next <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* In Linux the C names are these types, in the C library some are not. */
#ifdef STUB_DRIVER
#define uint64_t __u64
#define int64_t __s64
#endif

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s8 s8;
typedef __s16 s16;
typedef __s32 s32;
typedef __s64 s64;
typedef unsigned int gfp_t;
typedef unsigned int fmode_t;
typedef u64 phys_addr_t;

#define __user
#define __iomem
#define __init
#define __exit

#endif
