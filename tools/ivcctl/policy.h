/* SPDX-License-Identifier: MIT */
/* Realm and limits of a guest, and the policy file: ivc-policy(5). */
#ifndef IVCCTL_POLICY_H
#define IVCCTL_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#define POLICY_FILE "/etc/ivc/policy.conf"
#define REALM_MAX 63

/* Each limit: its index, its name, its usual value, its maximum, its meaning.
 */
#define POLICY_LIMITS(X)                                                       \
	X(CONTEXTS, "max-contexts", 64, 65536, "registered processes")         \
	X(CHANNELS, "max-channels", 256, 1048576, "channels")                  \
	X(PAGES, "max-pages", 16384, 16777216, "shared pages of 4 KiB")        \
	X(PENDING, "max-pending", 64, 65536, "connections not yet accepted")   \
	X(RATE, "max-rate", 5000, 1000000, "requests per second")

enum {
#define LIMIT_INDEX(index, name, usual, max, meaning) LIMIT_##index,
	POLICY_LIMITS(LIMIT_INDEX)
#undef LIMIT_INDEX
		LIMITS,
};

struct limit {
	const char *name; /* of the node, the option, the keyword */
	unsigned int usual, max;
};

extern const struct limit limits[LIMITS];

struct rules {
	char realm[REALM_MAX + 1];
	unsigned int limit[LIMITS];
};

void rules_default(struct rules *r);
/* 1 to REALM_MAX characters of A-Z a-z 0-9 . _ - */
bool realm_valid(const char *realm);
/* Index of the limit called @name of @len characters, or -1. */
int limit_find(const char *name, size_t len);

struct policy;

/*
 * Read the file. @path NULL: POLICY_FILE, or without that file a policy that
 * puts every guest into the realm `default`. NULL after complaining with the
 * file, the line and the mistake.
 */
struct policy *policy_read(const char *path);
void policy_free(struct policy *p);

/*
 * The rules for a guest of that name. False: do not attach the guest. @line:
 * that of the rule, 0 if none fits (may be NULL).
 */
bool policy_for(const struct policy *p, const char *name, struct rules *rules,
		int *line);

#endif
