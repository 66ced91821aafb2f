/* SPDX-License-Identifier: MIT */
/*
 * ivcctl attach --all: attach guests as the policy says, and remove the nodes
 * of guests that have gone.
 *
 * A guest is attached once in its life, or again after its name or the policy
 * has changed. So a guest that the administrator detached stays detached.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "daemon.h"
#include "device.h"
#include "domain.h"
#include "ivcctl.h"
#include "watch.h"

/* A guest that was attached or left out. */
struct known {
	struct known *next;
	unsigned int domid;
	bool seen; /* in this pass over the guests */
	char name[DOMAIN_NAME_MAX];
};

struct watcher {
	const struct watch_options *o;
	struct store s;
	struct policy *policy;
	unsigned int backend;
	struct known *known;
	bool failed; /* some guest could not be attached */
};

static volatile sig_atomic_t stop, reload;

static void on_signal(int sig)
{
	if (sig == SIGHUP)
		reload = 1;
	else
		stop = 1;
}

static void handle_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

static void watch_name(struct watcher *k, unsigned int domid, bool on)
{
	char path[STORE_PATH_MAX];

	if (!k->o->watch)
		return;
	snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
	if (on)
		xs_watch(k->s.xs, path, "name");
	else
		xs_unwatch(k->s.xs, path, "name");
}

static struct known *find_known(struct watcher *k, unsigned int domid)
{
	struct known *n = k->known;

	while (n && n->domid != domid)
		n = n->next;
	return n;
}

static struct known *add_known(struct watcher *k, unsigned int domid)
{
	struct known *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->domid = domid;
	n->next = k->known;
	k->known = n;
	watch_name(k, domid, true);
	return n;
}

static void forget(struct watcher *k, bool all)
{
	struct known **at = &k->known;

	while (*at) {
		struct known *n = *at;

		if (n->seen && !all) {
			n->seen = false;
			at = &n->next;
			continue;
		}
		watch_name(k, n->domid, false);
		*at = n->next;
		free(n);
	}
}

static bool attached(struct watcher *k, unsigned int domid)
{
	return store_exists(&k->s, "/local/domain/%u/device/ivc/0/backend",
			    domid);
}

static int attach_new(struct watcher *k, unsigned int domid, const char *name)
{
	struct device d;
	struct rules rules;
	int line, ret;

	if (attached(k, domid))
		return 0;
	if (!policy_for(k->policy, name, &rules, &line)) {
		if (line)
			report("left out %s (domain %u): the policy's line %d",
			       name, domid, line);
		else
			report("left out %s (domain %u): no line of the policy "
			       "fits it",
			       name, domid);
		return 0;
	}
	device_init(&d, domid, k->backend);
	ret = attach_one(&k->s, &d, name, &rules);
	if (ret && ret != -ENOENT && ret != -EEXIST)
		k->failed = true;
	return ret == -EBADF || ret == -ECONNRESET ? ret : 0;
}

/* A running guest: new, renamed, or already known. */
static int look_at_guest(struct watcher *k, unsigned int domid)
{
	struct known *n = find_known(k, domid);
	char name[DOMAIN_NAME_MAX];

	domain_name(&k->s, domid, name);
	if (!n)
		n = add_known(k, domid);
	if (!n)
		return -ENOMEM;
	n->seen = true;
	if (!strcmp(n->name, name))
		return 0;
	strcpy(n->name, name);
	return attach_new(k, domid, name);
}

static int clean_up(struct watcher *k, unsigned int domid, const char *why)
{
	struct device d;
	int ret;

	device_init(&d, domid, k->backend);
	if (!store_exists(&k->s, "%s", d.fe) &&
	    !store_exists(&k->s, "%s", d.be))
		return 0;
	ret = device_remove(&k->s, &d);
	if (ret)
		complain("the nodes of domain %u could not be removed: %s",
			 domid, strerror(-ret));
	else
		report("removed the device of domain %u, which has %s", domid,
		       why);
	return ret == -EBADF || ret == -ECONNRESET ? ret : 0;
}

static bool is_gone(struct watcher *k, unsigned int domid)
{
	enum domain_life life = domain_life(domid);

	if (life == DOMAIN_UNKNOWN)
		return !store_exists(&k->s, "/local/domain/%u", domid);
	return life == DOMAIN_GONE;
}

static int look_at_guests(struct watcher *k)
{
	unsigned int n, *ids = store_list(&k->s, "/local/domain", &n);
	int ret = 0;

	if (!ids)
		return store_alive(&k->s) ? 0 : -ECONNRESET;
	for (unsigned int i = 0; i < n && !ret; i++) {
		if (!ids[i] || ids[i] == k->backend)
			continue;
		if (domain_life(ids[i]) == DOMAIN_CRASHED)
			ret = clean_up(k, ids[i], "crashed");
		else if (!is_gone(k, ids[i]) &&
			 xs_is_domain_introduced(k->s.xs, ids[i]))
			ret = look_at_guest(k, ids[i]);
	}
	free(ids);
	forget(k, false);
	return ret;
}

static int look_at_leftovers(struct watcher *k)
{
	char dir[STORE_PATH_MAX];
	unsigned int n, *ids;
	int ret = 0;

	snprintf(dir, sizeof(dir), "/local/domain/%u/backend/ivc", k->backend);
	ids = store_list(&k->s, dir, &n);
	for (unsigned int i = 0; i < n && !ret; i++)
		if (is_gone(k, ids[i]))
			ret = clean_up(k, ids[i], "gone");
	free(ids);
	return ret;
}

static int look(struct watcher *k)
{
	int ret = look_at_leftovers(k);

	return ret ? ret : look_at_guests(k);
}

static void read_again(struct watcher *k)
{
	struct policy *p = policy_read(k->o->policy);

	if (!p) {
		complain("the policy stays as it was");
		return;
	}
	policy_free(k->policy);
	k->policy = p;
	forget(k, true);
	report("read the policy again");
}

/* Wait for guests until a signal ends it or xenstored has gone. */
static int watch(struct watcher *k)
{
	int ret = 0;

	if (!xs_watch(k->s.xs, "@introduceDomain", "domains") ||
	    !xs_watch(k->s.xs, "@releaseDomain", "domains"))
		return -errno;
	while (!stop) {
		char *token;

		if (reload) {
			reload = 0;
			read_again(k);
			ret = look(k);
			if (ret)
				break;
		}
		ret = store_wait(&k->s, -1, &token);
		free(token);
		if (ret < 0 && ret != -EINTR)
			break;
		if (ret > 0)
			ret = look(k);
		if (ret < 0 && ret != -EINTR)
			break;
		ret = 0;
	}
	return ret;
}

static int start(struct watcher *k)
{
	int backend, ret;

	k->policy = policy_read(k->o->policy);
	if (!k->policy)
		return -EINVAL;
	if (k->o->pid_file) {
		ret = pid_file_take(k->o->pid_file);
		if (ret == -EEXIST)
			complain("%s is in use: a daemon runs already",
				 k->o->pid_file);
		else if (ret == -EINVAL)
			complain("--pid-file %s: is something else than a PID "
				 "file; name one that does not exist",
				 k->o->pid_file);
		else if (ret)
			complain("%s cannot be written: %s", k->o->pid_file,
				 strerror(-ret));
		if (ret)
			return ret;
	}
	ret = store_open(&k->s);
	if (ret)
		return ret;
	backend = domain_find(&k->s, k->o->backend);
	if (backend < 0)
		return -ENOENT;
	k->backend = backend;
	return 0;
}

static int run(struct watcher *k)
{
	int ret = look(k);

	if (!ret && k->o->watch) {
		report("watching for guests");
		ret = watch(k);
	}
	if (ret == -EBADF || ret == -ECONNRESET)
		complain("xenstored has gone; start ivcctl again when it is "
			 "back, to attach new guests");
	else if (ret)
		complain("cannot go on: %s", strerror(-ret));
	else if (k->o->watch)
		report("stopped; attached guests stay attached");
	return ret || (k->failed && !k->o->watch) ? EXIT_FAILED : EXIT_FINE;
}

int watch_run(const struct watch_options *o)
{
	struct watcher k = { .o = o, .s = { .t = XBT_NULL } };
	int status;

	handle_signals();
	if (o->daemon && daemon_begin()) {
		complain("cannot go into the background");
		return EXIT_FAILED;
	}
	status = start(&k) ? EXIT_FAILED : EXIT_FINE;
	daemon_ready(status);
	if (!status)
		status = run(&k);
	forget(&k, true);
	if (k.s.xs)
		store_close(&k.s);
	if (o->pid_file)
		pid_file_drop(o->pid_file);
	policy_free(k.policy);
	return status;
}
