/* SPDX-License-Identifier: MIT */
/*
 * Xenstore: nodes, with paths formatted as by printf(), transactions and
 * watches. Functions return 0 or -errno unless their comment says otherwise.
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

/* Complains on failure. */
int store_open(struct store *s);
void store_close(struct store *s);
/* Does xenstored still run? */
bool store_alive(struct store *s);

/* The value, to be freed, or NULL with errno. */
__attribute__((format(printf, 2, 3))) char *store_read(struct store *s,
						       const char *fmt, ...);
/* The value as a number, or -1 if there is no node or no number. */
__attribute__((format(printf, 2, 3))) long store_number(struct store *s,
							const char *fmt, ...);
__attribute__((format(printf, 2, 3))) bool store_exists(struct store *s,
							const char *fmt, ...);
int store_write(struct store *s, const char *dir, const char *node,
		const char *value);
int store_write_number(struct store *s, const char *dir, const char *node,
		       unsigned long value);
/* A directory that @owner owns and @reader may read, as may its later nodes. */
int store_mkdir(struct store *s, const char *dir, unsigned int owner,
		unsigned int reader);
/* Remove @dir, and up to @up of its parents as long as they are empty. */
int store_remove(struct store *s, const char *dir, int up);
/* The *n entries that are numbers, in an array to be freed. NULL: none. */
unsigned int *store_list(struct store *s, const char *dir, unsigned int *n);

/*
 * Run @fn in a transaction, and again if another client changed the nodes
 * meanwhile. A result of @fn below 0 aborts the transaction and is returned.
 */
int store_transaction(struct store *s, int (*fn)(struct store *s, void *arg),
		      void *arg);

/*
 * Wait for a watched node to change. 1: *token names the watch (to be freed,
 * may be NULL); 0: timeout; -errno: -EINTR, or xenstored has gone.
 */
int store_wait(struct store *s, int timeout_ms, char **token);

#endif
