/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "tcp-internal.h"

int tcp_watch(struct net *n, struct tcp_watch *w, bool out)
{
	struct epoll_event ev = { .events = EPOLLIN | (out ? EPOLLOUT : 0),
				  .data.ptr = w };

	if (w->kind == WATCH_LINK)
		((struct net_link *)w)->watching_out = out;
	if (!epoll_ctl(n->epoll, EPOLL_CTL_MOD, w->fd, &ev))
		return 0;
	return epoll_ctl(n->epoll, EPOLL_CTL_ADD, w->fd, &ev) ? -errno : 0;
}

void tcp_wake(struct net *n, uint64_t ns)
{
	struct itimerspec in = { .it_value = { .tv_nsec = (long)ns } };

	timerfd_settime(n->timer.fd, 0, &in, NULL);
}
