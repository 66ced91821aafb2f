// SPDX-License-Identifier: GPL-2.0
/*
 * xenstore: nodes, transactions, watches. Promised as by xen's
 * docs/misc/xenstore.txt and Linux's xenbus_xs.c: a watch fires once when it is
 * set, and for whatever changes at or under its node; one thread of each
 * domain handles them in their order; when a watch has been unregistered its
 * callback neither runs nor will, unless it has unregistered itself.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "inner.h"

#define NODES 4096

struct entry {
	char path[96];
	char *value;
};

static struct entry entries[NODES];
static u32 nr;
static struct entry saved[NODES]; /* of the transaction that runs */
static u32 nr_saved;
static bool in_transaction;

/* One transaction at a time, so that none has to be repeated. */
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t queue_cond = PTHREAD_COND_INITIALIZER;
static LIST_HEAD(watches);

/* ----------------------------------------------------- the watch threads */

/* Under queue_lock. */
static void enqueue(struct stub_dom *d, struct xenbus_watch *w,
		    const char *path, void (*fn)(void *arg), void *arg,
		    bool *done)
{
	struct stub_event *e = calloc(1, sizeof(*e));

	BUG_ON(!e);
	e->watch = w;
	e->fn = fn;
	e->arg = arg;
	e->done = done;
	strscpy(e->path, path, sizeof(e->path));
	list_add_tail(&e->node, &d->events);
	pthread_cond_broadcast(&queue_cond);
}

static void *handle_events(void *arg)
{
	struct stub_dom *d = arg;
	struct stub_event *e;

	stub_lock(&queue_lock);
	for (;;) {
		e = list_first_entry_or_null(&d->events, struct stub_event,
					     node);
		if (!e) {
			pthread_cond_wait(&queue_cond, &queue_lock);
			continue;
		}
		stub_unlock(&queue_lock);
		stub_lock(&d->watch_mutex);
		/* It may have been taken out meanwhile. */
		stub_lock(&queue_lock);
		e = list_first_entry_or_null(&d->events, struct stub_event,
					     node);
		if (e)
			list_del(&e->node);
		d->handling = !!e;
		stub_unlock(&queue_lock);
		if (e) {
			stub_pause();
			if (e->watch)
				e->watch->callback(e->watch, e->path, "");
			else
				e->fn(e->arg);
		}
		stub_unlock(&d->watch_mutex);
		stub_lock(&queue_lock);
		d->handling = false;
		if (e && e->done)
			*e->done = true;
		pthread_cond_broadcast(&queue_cond);
		free(e);
	}
	return NULL;
}

void stub_start_store(struct stub_dom *d)
{
	pthread_mutex_init(&d->watch_mutex, NULL);
	stub_spawn(d, handle_events, d, &d->watch_thread);
	pthread_detach(d->watch_thread);
}

/* Have @d's xenstore thread call @fn. */
void stub_call(struct stub_dom *d, void (*fn)(void *arg), void *arg, bool wait)
{
	bool done = false;

	stub_lock(&queue_lock);
	enqueue(d, NULL, "", fn, arg, wait ? &done : NULL);
	while (wait && !done)
		pthread_cond_wait(&queue_cond, &queue_lock);
	stub_unlock(&queue_lock);
}

static void nothing(void *arg)
{
	(void)arg;
}

void stub_store_flush(struct stub_dom *d)
{
	stub_call(d, nothing, NULL, true);
}

static void absolute(char *to, size_t size, const struct stub_dom *d,
		     const char *node)
{
	if (*node == '/')
		snprintf(to, size, "%s", node);
	else
		snprintf(to, size, "/local/domain/%u/%s", d->id, node);
}

static bool is_under(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return !strncmp(path, dir, len) && (!path[len] || path[len] == '/');
}

static void fire(const char *path, bool removed)
{
	struct xenbus_watch *w;
	char node[128];
	size_t home;

	stub_lock(&queue_lock);
	list_for_each_entry (w, &watches, list) {
		struct stub_dom *d = w->stub_dom;

		absolute(node, sizeof(node), d, w->node);
		if (!is_under(path, node) && !(removed && is_under(node, path)))
			continue;
		/* As it was asked for: relative to the domain's own. */
		home = *w->node == '/' || !is_under(path, node)
			       ? 0
			       : strlen(node) - strlen(w->node);
		enqueue(d, w, path + home, NULL, NULL, NULL);
	}
	stub_unlock(&queue_lock);
}

int register_xenbus_watch(struct xenbus_watch *w)
{
	w->stub_dom = stub_current();
	stub_lock(&queue_lock);
	list_add_tail(&w->list, &watches);
	enqueue(w->stub_dom, w, w->node, NULL, NULL, NULL);
	stub_unlock(&queue_lock);
	return 0;
}

void unregister_xenbus_watch(struct xenbus_watch *w)
{
	struct stub_dom *d = w->stub_dom;
	struct stub_event *e, *next;

	stub_lock(&queue_lock);
	list_del(&w->list);
	list_for_each_entry_safe (e, next, &d->events, node) {
		if (e->watch != w)
			continue;
		list_del(&e->node);
		free(e);
	}
	stub_unlock(&queue_lock);
	if (pthread_equal(pthread_self(), d->watch_thread))
		return;
	stub_lock(&d->watch_mutex);
	stub_unlock(&d->watch_mutex);
}

/* ---------------------------------------------------------------- nodes */

static struct entry *find(const char *path)
{
	u32 i;

	for (i = 0; i < nr; i++)
		if (!strcmp(entries[i].path, path))
			return &entries[i];
	return NULL;
}

static void join(char *to, size_t size, const char *dir, const char *node)
{
	char path[128];

	snprintf(path, sizeof(path), "%s%s%s", dir, *node ? "/" : "", node);
	absolute(to, size, stub_current(), path);
}

/* Something at it, or under it? */
static bool exists(const char *path)
{
	u32 i;

	for (i = 0; i < nr; i++)
		if (is_under(entries[i].path, path))
			return true;
	return false;
}

static void set(const char *path, const char *value)
{
	struct entry *e = find(path);

	if (!e) {
		BUG_ON(nr == NODES);
		e = &entries[nr++];
		strscpy(e->path, path, sizeof(e->path));
	} else {
		free(e->value);
	}
	e->value = strdup(value);
}

static void remove_all(const char *path)
{
	u32 i, n = 0;

	for (i = 0; i < nr; i++) {
		if (is_under(entries[i].path, path))
			free(entries[i].value);
		else
			entries[n++] = entries[i];
	}
	nr = n;
}

static void restore(bool keep)
{
	u32 i;

	if (!keep) {
		for (i = 0; i < nr; i++)
			free(entries[i].value);
		memcpy(entries, saved, sizeof(*saved) * nr_saved);
		nr = nr_saved;
		return;
	}
	for (i = 0; i < nr_saved; i++)
		free(saved[i].value);
}

int xenbus_transaction_start(struct xenbus_transaction *t)
{
	u32 i;

	might_sleep();
	stub_lock(&lock);
	BUG_ON(in_transaction);
	in_transaction = true;
	for (i = 0; i < nr; i++) {
		saved[i] = entries[i];
		saved[i].value = strdup(entries[i].value);
	}
	nr_saved = nr;
	t->id = 1;
	return 0;
}

int xenbus_transaction_end(struct xenbus_transaction t, int abort)
{
	BUG_ON(!t.id || !in_transaction);
	restore(!abort);
	in_transaction = false;
	stub_unlock(&lock);
	return 0;
}

int xenbus_write(struct xenbus_transaction t, const char *dir, const char *node,
		 const char *value)
{
	char path[128];

	(void)t;
	might_sleep();
	stub_pause();
	join(path, sizeof(path), dir, node);
	stub_lock(&lock);
	set(path, value);
	stub_unlock(&lock);
	fire(path, false);
	return 0;
}

int xenbus_rm(struct xenbus_transaction t, const char *dir, const char *node)
{
	char path[128];
	bool was;

	(void)t;
	might_sleep();
	join(path, sizeof(path), dir, node);
	stub_lock(&lock);
	was = exists(path);
	remove_all(path);
	stub_unlock(&lock);
	if (!was)
		return -ENOENT;
	fire(path, true);
	return 0;
}

void *xenbus_read(struct xenbus_transaction t, const char *dir,
		  const char *node, unsigned int *len)
{
	char path[128], *value = NULL;
	struct entry *e;

	(void)t;
	might_sleep();
	if (!stub_may_alloc(GFP_NOIO))
		return ERR_PTR(-ENOMEM);
	join(path, sizeof(path), dir, node);
	stub_lock(&lock);
	e = find(path);
	if (e) {
		value = kmalloc(strlen(e->value) + 1, GFP_NOIO | __GFP_NOFAIL);
		strcpy(value, e->value);
	}
	stub_unlock(&lock);
	if (!value)
		return ERR_PTR(-ENOENT);
	if (len)
		*len = (unsigned int)strlen(value);
	return value;
}

int xenbus_exists(struct xenbus_transaction t, const char *dir,
		  const char *node)
{
	char path[128];
	bool is;

	(void)t;
	join(path, sizeof(path), dir, node);
	stub_lock(&lock);
	is = exists(path);
	stub_unlock(&lock);
	return is;
}

/* Only how many there are: nobody asks for their names. */
char **xenbus_directory(struct xenbus_transaction t, const char *dir,
			const char *node, unsigned int *num)
{
	char path[128];
	u32 i;

	(void)t;
	join(path, sizeof(path), dir, node);
	stub_lock(&lock);
	*num = 0;
	for (i = 0; i < nr; i++)
		*num += is_under(entries[i].path, path) &&
			strcmp(entries[i].path, path);
	if (!exists(path))
		*num = UINT_MAX;
	stub_unlock(&lock);
	if (*num == UINT_MAX)
		return ERR_PTR(-ENOENT);
	return kmalloc(1, GFP_KERNEL | __GFP_NOFAIL);
}

int xenbus_scanf(struct xenbus_transaction t, const char *dir, const char *node,
		 const char *fmt, ...)
{
	char *value = xenbus_read(t, dir, node, NULL);
	va_list args;
	int n;

	if (IS_ERR(value))
		return (int)PTR_ERR(value);
	va_start(args, fmt);
	n = vsscanf(value, fmt, args);
	va_end(args);
	kfree(value);
	return n > 0 ? n : -ERANGE;
}

int xenbus_printf(struct xenbus_transaction t, const char *dir,
		  const char *node, const char *fmt, ...)
{
	char value[256];
	va_list args;

	if (!stub_may_alloc(GFP_NOIO))
		return -ENOMEM;
	va_start(args, fmt);
	vsnprintf(value, sizeof(value), fmt, args);
	va_end(args);
	return xenbus_write(t, dir, node, value);
}

int xenbus_gather(struct xenbus_transaction t, const char *dir, ...)
{
	const char *node, *fmt;
	char *value;
	va_list args;
	void *place;
	int err = 0;

	va_start(args, dir);
	while (!err && (node = va_arg(args, const char *))) {
		fmt = va_arg(args, const char *);
		place = va_arg(args, void *);
		value = xenbus_read(t, dir, node, NULL);
		if (IS_ERR(value)) {
			err = (int)PTR_ERR(value);
			break;
		}
		BUG_ON(strcmp(fmt, "%u"));
		if (sscanf(value, "%u", (unsigned int *)place) != 1)
			err = -EINVAL;
		kfree(value);
	}
	va_end(args);
	return err;
}

unsigned int xenbus_read_unsigned(const char *dir, const char *node,
				  unsigned int otherwise)
{
	unsigned int v;

	return xenbus_scanf(XBT_NIL, dir, node, "%u", &v) == 1 ? v : otherwise;
}

/* ---------------------------------------------------------- for a test */

void stub_write(const char *path, const char *fmt, ...)
{
	char value[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(value, sizeof(value), fmt, args);
	va_end(args);
	xenbus_write(XBT_NIL, path, "", value);
}

char *stub_read(const char *path)
{
	struct entry *e;
	char *value;

	stub_lock(&lock);
	e = find(path);
	value = e ? strdup(e->value) : NULL;
	stub_unlock(&lock);
	return value;
}

void stub_rm(const char *path)
{
	xenbus_rm(XBT_NIL, path, "");
}
