/* SPDX-License-Identifier: GPL-2.0 */
/* A test that is a member of a group: calls that must succeed. */
#ifndef LOCAL_MEMBER_H
#define LOCAL_MEMBER_H

#include <ivc/ivc.h>

#include "check.h"

#define SOON_MS 30000

ivc_context *must_register(uint64_t magic, uint32_t id);
ivc_peer must_find(ivc_context *ctx, uint32_t id);

#endif
