/* SPDX-License-Identifier: MIT */
/* See thread.h. */
#include <limits.h>
#include <signal.h>

#include "thread.h"

int ivc_thread_start(pthread_t *thread, size_t stack, void *(*run)(void *),
		     void *arg)
{
	sigset_t all, old;
	pthread_attr_t attr;
	pthread_t detached;
	int ret;

	pthread_attr_init(&attr);
	if (!thread) {
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
		thread = &detached;
	}
	pthread_attr_setstacksize(&attr, stack + PTHREAD_STACK_MIN);
	/* The new thread inherits the mask. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(thread, &attr, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return -ret;
}
