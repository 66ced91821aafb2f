/* SPDX-License-Identifier: MIT */
/*
 * The IVC device of one guest: its two directories in xenstore, as
 * docs/reference/protocol.md section 1 has them.
 */
#ifndef IVCCTL_DEVICE_H
#define IVCCTL_DEVICE_H

#include "domain.h"
#include "policy.h"
#include "xenstore.h"

enum {
	STATE_INITIALISING = 1,
	STATE_INIT_WAIT,
	STATE_INITIALISED,
	STATE_CONNECTED,
	STATE_CLOSING,
	STATE_CLOSED,
};

struct device {
	unsigned int guest, backend;
	char fe[64], be[64]; /* the directories */
};

void device_init(struct device *d, unsigned int guest, unsigned int backend);

/*
 * The device of the guest called or numbered @guest, whose backend domain is
 * @backend, and the guest's name. 0, or -ENOENT after complaining.
 */
int device_locate(struct store *s, const char *guest, const char *backend,
		  struct device *d, char name[DOMAIN_NAME_MAX]);

/* The states; -1: the directory does not exist. */
void device_states(struct store *s, const struct device *d, int *fe, int *be);
const char *state_name(int state);
/* For device_wait(). */
bool device_both_connected(int fe, int be);

/*
 * Write both directories in one transaction. -EEXIST: the guest has the device,
 * -ENOENT: the guest has gone. Nodes of an earlier guest with the same number
 * are removed.
 */
int device_create(struct store *s, const struct device *d,
		  const struct rules *rules);
/* Ask both drivers to disconnect; they answer with the state Closed. */
int device_close(struct store *s, const struct device *d);
/* Read the realm and limits, so that the guest can be attached again with them.
 */
void device_rules(struct store *s, const struct device *d, struct rules *rules);
/* Remove both directories. */
int device_remove(struct store *s, const struct device *d);

/*
 * Wait up to @seconds until @until is true of the two states. 0, -ETIMEDOUT,
 * -EINTR or xenstore's error. On a terminal it shows that it waits.
 */
int device_wait(struct store *s, const struct device *d, int seconds,
		bool (*until)(int fe, int be));

#endif
