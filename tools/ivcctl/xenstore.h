/* SPDX-License-Identifier: MIT */
/*
 * Xenstore: reading and writing nodes by printf-like paths, transactions,
 * watches. Functions return -errno unless they say otherwise.
 */
#ifndef IVCCTL_XENSTORE_H
#define IVCCTL_XENSTORE_H

#include <stdbool.h>
#include <stdint.h>

#include <xenstore.h>
#include <xenstore_lib.h>

#define STORE_PATH_MAX 256

struct store {
	struct xs_handle *xs;
	xs_transaction_t t; /* XBT_NULL outside of store_transaction() */
};

/* Complains if it fails. */
int store_open(struct store *s);
void store_close(struct store *s);
/* Is xenstored still there? */
bool store_alive(struct store *s);

/* Malloced, or NULL with errno. */
__attribute__((format(printf, 2, 3))) char *store_read(struct store *s,
						       const char *fmt, ...);
/* The number there, or -1: none, or no number. */
__attribute__((format(printf, 2, 3))) long store_number(struct store *s,
							const char *fmt, ...);
__attribute__((format(printf, 2, 3))) bool store_exists(struct store *s,
							const char *fmt, ...);
int store_write(struct store *s, const char *dir, const char *node,
		const char *value);
int store_write_number(struct store *s, const char *dir, const char *node,
		       unsigned long value);
/* A directory whose nodes, made afterwards, inherit: owner, may read. */
int store_mkdir(struct store *s, const char *dir, unsigned int owner,
		unsigned int reader);
/* Remove it, and its parents as long as they are empty, @up at most. */
int store_remove(struct store *s, const char *dir, int up);
/* Entries that are numbers: malloced array, *n of them. NULL: none. */
unsigned int *store_list(struct store *s, const char *dir, unsigned int *n);

/*
 * Run @fn in a transaction, again whenever somebody else was quicker. What
 * @fn returns below 0 abandons it and is returned.
 */
int store_transaction(struct store *s, int (*fn)(struct store *s, void *arg),
		      void *arg);

/*
 * Wait for something watched to change. 1: something has, *token is which
 * watch (malloced, may be NULL); 0: timeout; -errno: -EINTR, or xenstored has
 * gone.
 */
int store_wait(struct store *s, int timeout_ms, char **token);

#endif
