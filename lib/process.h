/* SPDX-License-Identifier: MIT */
/*
 * The contexts and channels of this process, and what fork() does to them.
 *
 * A context or channel belongs to the process that made it. A child has a copy
 * of the structure and nothing else. The memory of channels is not mapped in
 * the child, and the library's thread does not run there. A lock that another
 * thread held at the fork() is never released there. So the child can only free
 * the handle; every other call on it fails with -ESTALE.
 *
 * fork() runs the library's handlers. Before the fork they take process.lock
 * and then the lock of the local transport. Everything that must be complete in
 * a child is changed under one of the two. In the child the thread that called
 * fork() holds both locks and releases them. The child closes its copies of the
 * descriptors, and puts each channel on an idle ring with the status -ESTALE,
 * so that the data path needs no test.
 *
 * _Fork() and clone() do not run the handlers. The next call of the library in
 * the child notices: the kernel has wiped a page that the library set up for
 * that (MADV_WIPEONFORK). Then the locks are initialized again. The data that
 * they guard may be incomplete and is left alone: descriptors stay open until
 * exec, exit, or the close of the handle. Reading from such a channel or
 * writing to it is undefined, like the use of a freed pointer.
 */
#ifndef IVC_PROCESS_H
#define IVC_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

struct ivc_channel;
struct ivc_context;

/* The number of this process; greater than that of its parent. */
uint32_t ivc_process(void);

/*
 * Held for a short time: during the change of a list, or of a pointer that a
 * child follows when it frees a handle.
 */
void ivc_process_lock(void);
void ivc_process_unlock(void);

/*
 * add: before the context or channel has a descriptor that a child would have
 * to close. remove: when it has none any more, except cancel_fd or wake_fd,
 * which remove closes.
 */
void ivc_process_add_context(struct ivc_context *ctx);
void ivc_process_add_channel(struct ivc_channel *ch);
void ivc_process_remove_context(struct ivc_context *ctx);
void ivc_process_remove_channel(struct ivc_channel *ch);

#endif /* IVC_PROCESS_H */
