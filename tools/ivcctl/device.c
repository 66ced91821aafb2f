/* SPDX-License-Identifier: MIT */
/* Writing, watching and removing a device's nodes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "device.h"

struct creation {
	const struct device *d;
	const struct rules *rules;
};

void device_init(struct device *d, unsigned int guest, unsigned int backend)
{
	d->guest = guest;
	d->backend = backend;
	snprintf(d->fe, sizeof(d->fe), "/local/domain/%u/device/ivc/0", guest);
	snprintf(d->be, sizeof(d->be), "/local/domain/%u/backend/ivc/%u/0",
		 backend, guest);
}

void device_states(struct store *s, const struct device *d, int *fe, int *be)
{
	*fe = store_number(s, "%s/state", d->fe);
	*be = store_number(s, "%s/state", d->be);
}

int device_locate(struct store *s, const char *guest, const char *backend,
		  struct device *d, char name[DOMAIN_NAME_MAX])
{
	int be = domain_find(s, backend);
	int fe = be < 0 ? -1 : domain_find(s, guest);

	if (fe < 0)
		return -ENOENT;
	device_init(d, (unsigned int)fe, (unsigned int)be);
	domain_name(s, d->guest, name);
	return 0;
}

bool device_both_connected(int fe, int be)
{
	return fe == STATE_CONNECTED && be == STATE_CONNECTED;
}

const char *state_name(int state)
{
	static const char *const names[] = {
		"unknown",     "initialising",	"init-wait",
		"initialised", "connected",	"closing",
		"closed",      "reconfiguring", "reconfigured",
	};

	if (state < 0)
		return "absent";
	return state < 9 ? names[state] : names[0];
}

static int write_backend(struct store *s, const struct creation *c)
{
	const struct device *d = c->d;
	int ret = store_mkdir(s, d->be, d->backend, d->guest);

	if (!ret)
		ret = store_write(s, d->be, "frontend", d->fe);
	if (!ret)
		ret = store_write_number(s, d->be, "frontend-id", d->guest);
	if (!ret)
		ret = store_write_number(s, d->be, "online", 1);
	if (!ret)
		ret = store_write(s, d->be, "realm", c->rules->realm);
	for (int i = 0; i < LIMITS && !ret; i++)
		ret = store_write_number(s, d->be, limits[i].name,
					 c->rules->limit[i]);
	if (!ret)
		ret = store_write_number(s, d->be, "state", STATE_INITIALISING);
	return ret;
}

/*
 * The state is written last: the driver may get the watch of each node
 * separately, and starts when it sees the state.
 */
static int write_frontend(struct store *s, const struct creation *c)
{
	const struct device *d = c->d;
	int ret = store_mkdir(s, d->fe, d->guest, d->backend);

	if (!ret)
		ret = store_write(s, d->fe, "backend", d->be);
	if (!ret)
		ret = store_write_number(s, d->fe, "backend-id", d->backend);
	if (!ret)
		ret = store_write_number(s, d->fe, "state", STATE_INITIALISING);
	return ret;
}

static int write_both(struct store *s, void *arg)
{
	const struct creation *c = arg;
	int ret;

	/* Nodes created now would outlive a guest that has just ended. */
	if (!store_exists(s, "/local/domain/%u", c->d->guest))
		return -ENOENT;
	if (store_exists(s, "%s/backend", c->d->fe))
		return -EEXIST;
	ret = write_backend(s, c);
	return ret ? ret : write_frontend(s, c);
}

static int remove_leftover(struct store *s, void *arg)
{
	const struct device *d = ((struct creation *)arg)->d;

	if (store_exists(s, "%s/backend", d->fe) ||
	    !store_exists(s, "%s", d->be))
		return 0;
	return store_remove(s, d->be, 1);
}

int device_create(struct store *s, const struct device *d,
		  const struct rules *rules)
{
	struct creation c = { .d = d, .rules = rules };
	int ret;

	/*
	 * In a transaction of its own, so that the backend driver sees the old
	 * device disappear before the new device appears.
	 */
	ret = store_transaction(s, remove_leftover, &c);
	return ret ? ret : store_transaction(s, write_both, &c);
}

static int write_closing(struct store *s, void *arg)
{
	const struct device *d = arg;
	int ret;

	if (!store_exists(s, "%s/state", d->be))
		return 0;
	ret = store_write_number(s, d->be, "online", 0);
	return ret ? ret : store_write_number(s, d->be, "state", STATE_CLOSING);
}

int device_close(struct store *s, const struct device *d)
{
	return store_transaction(s, write_closing, (void *)d);
}

/* Linux's xenbus writes the errors of a driver there and never removes them. */
static int remove_errors(struct store *s, const struct device *d)
{
	char dir[STORE_PATH_MAX];
	int ret;

	snprintf(dir, sizeof(dir), "/local/domain/%u/error/device/ivc/0",
		 d->guest);
	ret = store_remove(s, dir, 2);
	if (ret)
		return ret;
	snprintf(dir, sizeof(dir), "/local/domain/%u/error/backend/ivc/%u/0",
		 d->backend, d->guest);
	return store_remove(s, dir, 3);
}

static int remove_both(struct store *s, void *arg)
{
	const struct device *d = arg;
	int ret = store_remove(s, d->fe, 1);

	if (!ret)
		ret = store_remove(s, d->be, 2);
	return ret ? ret : remove_errors(s, d);
}

int device_remove(struct store *s, const struct device *d)
{
	return store_transaction(s, remove_both, (void *)d);
}

void device_rules(struct store *s, const struct device *d, struct rules *rules)
{
	char *realm = store_read(s, "%s/realm", d->be);

	rules_default(rules);
	if (realm && realm_valid(realm))
		strcpy(rules->realm, realm);
	free(realm);
	for (int i = 0; i < LIMITS; i++) {
		long v = store_number(s, "%s/%s", d->be, limits[i].name);

		if (v >= 0 && v <= (long)limits[i].max)
			rules->limit[i] = v;
	}
}

static time_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static void show_waiting(int fe, int be, int left)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr,
			"\r\033[Kwaiting: guest %s, backend %s, %d s "
			"left ",
			state_name(fe), state_name(be), left);
}

static void watch_states(struct store *s, const struct device *d, bool on)
{
	const char *const dirs[] = { d->fe, d->be };
	char path[STORE_PATH_MAX];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/state", dirs[i]);
		if (on)
			xs_watch(s->xs, path, "state");
		else
			xs_unwatch(s->xs, path, "state");
	}
}

int device_wait(struct store *s, const struct device *d, int seconds,
		bool (*until)(int fe, int be))
{
	time_t end = now_s() + seconds;
	int ret = 0;

	watch_states(s, d, true);
	for (;;) {
		time_t left = end - now_s();
		char *token;
		int fe, be;

		device_states(s, d, &fe, &be);
		if (until(fe, be))
			break;
		if (left <= 0) {
			ret = -ETIMEDOUT;
			break;
		}
		show_waiting(fe, be, left);
		ret = store_wait(s, 1000, &token);
		free(token);
		if (ret < 0)
			break;
		ret = 0;
	}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	if (ret != -ECONNRESET)
		watch_states(s, d, false);
	return ret;
}
