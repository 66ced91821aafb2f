/* SPDX-License-Identifier: MIT */
/*
 * The variables of the local transport, and the epoll set in which the
 * library's thread sleeps: which channels are in it, and how to wake the
 * thread.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "local.h"

struct local local = {
	.lock = PTHREAD_MUTEX_INITIALIZER, .epoll = -1, .poke = -1, .link = -1
};

void local_poke(void)
{
	uint64_t one = 1;

	while (write(local.poke, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* Make room in the table of watched channels for descriptor @fd. */
static int watched_room(size_t fd)
{
	size_t room = local.watched_room ? local.watched_room : 64;
	struct local_channel **table;

	if (fd < local.watched_room)
		return 0;
	while (fd >= room)
		room *= 2;
	table = reallocarray(local.watched, room, sizeof(*table));
	if (!table)
		return -ENOMEM;
	memset(table + local.watched_room, 0,
	       (room - local.watched_room) * sizeof(*table));
	local.watched = table;
	local.watched_room = room;
	return 0;
}

/*
 * The lower half of a key is the channel's descriptor, the index in the table.
 * The upper half is a number that distinguishes the channel from an earlier one
 * with the same descriptor.
 */
int local_watch(struct local_channel *lc)
{
	uint32_t fd = (uint32_t)lc->ch->fd;
	/* No EPOLLIN: doorbells are for other threads. Hang-ups always come. */
	struct epoll_event ev = { .events = EPOLLRDHUP };
	int ret = watched_room(fd);

	if (ret)
		return ret;
	if (!++local.next_key)
		++local.next_key;
	ev.data.u64 = (uint64_t)local.next_key << 32 | fd;
	if (epoll_ctl(local.epoll, EPOLL_CTL_ADD, lc->ch->fd, &ev))
		return -errno;
	lc->key = ev.data.u64;
	local.watched[fd] = lc;
	return 0;
}

void local_unwatch(struct local_channel *lc)
{
	if (!lc->key)
		return;
	epoll_ctl(local.epoll, EPOLL_CTL_DEL, lc->ch->fd, NULL);
	local.watched[(uint32_t)lc->key] = NULL;
	lc->key = 0;
}
