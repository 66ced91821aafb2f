/* SPDX-License-Identifier: MIT */
/* Time in nanoseconds of CLOCK_MONOTONIC. IVC_NEVER is later than any time. */
#ifndef IVC_CLOCK_H
#define IVC_CLOCK_H

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <time.h>

#define IVC_NEVER INT64_MAX
#define IVC_MS 1000000ll
#define IVC_SEC 1000000000ll

static inline int64_t ivc_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * IVC_SEC + ts.tv_nsec;
}

static inline int64_t ivc_deadline(int timeout_ms)
{
	return timeout_ms < 0 ? IVC_NEVER : ivc_now() + timeout_ms * IVC_MS;
}

static inline struct timespec ivc_timespec(int64_t ns)
{
	return (struct timespec){ .tv_sec = ns / IVC_SEC,
				  .tv_nsec = ns % IVC_SEC };
}

/*
 * ppoll() until @deadline. Returns the number of ready descriptors or -errno.
 */
static inline int ivc_ppoll(struct pollfd *pfd, nfds_t n, int64_t deadline)
{
	struct timespec ts, *tsp = NULL;
	int ret;

	if (deadline != IVC_NEVER) {
		int64_t left = deadline - ivc_now();

		if (left < 0)
			left = 0;
		ts = ivc_timespec(left);
		tsp = &ts;
	}
	ret = ppoll(pfd, n, tsp, NULL);
	return ret < 0 ? -errno : ret;
}

/*
 * The same for one descriptor. Returns its revents, 0 at @deadline, or -errno.
 * With @fd < 0 this only sleeps until @deadline.
 */
static inline int ivc_poll(int fd, short events, int64_t deadline)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int ret = ivc_ppoll(&pfd, 1, deadline);

	return ret > 0 ? pfd.revents : ret;
}

#endif /* IVC_CLOCK_H */
