/* SPDX-License-Identifier: MIT */
/* Threads that a library or a server starts for its own work. */
#ifndef IVC_THREAD_H
#define IVC_THREAD_H

#include <pthread.h>
#include <stddef.h>

/*
 * Start a thread that runs @run(@arg) with all signals blocked: the program's
 * signals are for the program's own threads. @stack is the size of its stack,
 * beside PTHREAD_STACK_MIN. @thread gets its number; NULL: it is detached.
 * Returns 0 or -errno.
 */
int ivc_thread_start(pthread_t *thread, size_t stack, void *(*run)(void *),
		     void *arg);

#endif /* IVC_THREAD_H */
