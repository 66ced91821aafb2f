/* SPDX-License-Identifier: MIT */
/*
 * What belongs to this process, and what a fork() leaves of it in a child.
 *
 * A context or channel is of the process that has made it. A child has a copy
 * of the structure, and of nothing else: the memory of channels is not mapped
 * in it, the library's thread is not there, and whoever held a lock at that
 * moment never gives it back. So the child can free the handle, and every other
 * call on it fails with -ESTALE.
 *
 * fork() runs our handlers: they take the two locks that all that a child must
 * find whole is changed under, process.lock and then the transport's. The
 * thread that called fork() has them in the child, too, and unlocks them there.
 * Descriptors are closed, and each channel is put on rings of its own, in which
 * -ESTALE is all there is: so the data path asks nothing.
 *
 * _Fork() and clone() do not run them. The next call on the library finds that
 * by a page which the kernel wipes in a child. Then the locks are made anew;
 * but what they guard may be half done, so it is left alone: descriptors
 * stay open until exec, exit or the close of the handle, and reading or writing
 * is as good as doing it through a pointer that was freed.
 */
#ifndef IVC_PROCESS_H
#define IVC_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

struct ivc_channel;
struct ivc_context;

/* The number of this process: its parent had a lower one. */
uint32_t ivc_process(void);

/*
 * Held for moments: while a list is changed, or a pointer that a child will
 * follow when it frees a handle.
 */
void ivc_process_lock(void);
void ivc_process_unlock(void);

/*
 * From the moment at which there is something to close in a child, to the one
 * at which there is nothing: of the descriptors that the two have above the
 * transport, remove closes what is there.
 */
void ivc_process_add_context(struct ivc_context *ctx);
void ivc_process_add_channel(struct ivc_channel *ch);
void ivc_process_remove_context(struct ivc_context *ctx);
void ivc_process_remove_channel(struct ivc_channel *ch);

#endif /* IVC_PROCESS_H */
