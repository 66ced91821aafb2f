/* SPDX-License-Identifier: GPL-2.0 */
/* A test that is a member of a group: its checks, and what must succeed. */
#ifndef LOCAL_MEMBER_H
#define LOCAL_MEMBER_H

#include <ivc/ivc.h>

#define SOON_MS 30000

/* One line per check, as in run.sh. */
void check(int is, int want, const char *about, const char *what);
extern int failed;

__attribute__((noreturn)) void die(const char *what);
ivc_context *must_register(uint64_t magic, uint32_t id);
ivc_peer must_find(ivc_context *ctx, uint32_t id);

#endif
