/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Dom0 whose backend is the test itself, and a guest with the real frontend:
 * the backend answers when it likes and what it likes. One thread at a time.
 */
#ifndef HOST_H
#define HOST_H

#include <ivc/protocol/abi.h>
#include <ivc/protocol/wire.h>

#include "stub.h"

#define HOST_MAGIC 7

/* A page that the guest has granted to the domain that this thread is in. */
struct seen {
	struct page *page;
	grant_handle_t handle;
};

struct host {
	struct stub_dom *dom0, *dom;
	char front_dir[64], back_dir[64];
	struct seen seen[2];
	struct ivc_ctl_page *ctl;
	struct ivc_host *table;
	int irq;
	u32 req_cons, ev_prod;
};

/* Both domains, and the frontend's module; the device is not connected. */
struct host *host_new(void);
/* To Connected, and from there to Closed. The latter leaves pages and port as
 * they are: host_let_go().
 */
void host_connect(struct host *h);
void host_close(struct host *h);
void host_let_go(struct host *h);
/* The module goes, and everything. */
void host_free(struct host *h);

void host_state(struct host *h, enum xenbus_state state);
enum xenbus_state host_front_state(struct host *h);

/* The next request, if there is one; with its ring slot's order. */
bool host_take(struct host *h, struct ivc_msg *req);
/* Wait for the next request, which must be @op. */
struct ivc_msg host_request(struct host *h, u16 op);
/* Into the ring when there is room, and the frontend is notified. */
void host_put(struct host *h, const struct ivc_msg *msg);
void host_notify(struct host *h);
/* The reply to @req, with what @reply says besides. */
void host_reply(struct host *h, const struct ivc_msg *req, int status,
		struct ivc_msg reply);

/* The frontend has handled all that was put, and has nothing to ask. */
void host_quiet(struct host *h);
void *host_map(struct host *h, grant_ref_t ref, struct seen *s);
void host_unmap(struct seen *s);

/* ------------------------------------------------ processes of the guest */

/* A thread that makes one system call in a process of its own. */
struct caller {
	struct host *host;
	struct stub_proc *proc;
	pthread_t thread;
	int fd;
	unsigned int cmd;
	void *arg;
	long ret;
	bool done;
};

/* A process with a context; not registered. */
void caller_new(struct caller *c, struct host *h);
/* Begin the call, and wait for its end. */
void caller_call(struct caller *c, unsigned int cmd, void *arg);
long caller_wait(struct caller *c);
/* Registered as member @member of HOST_MAGIC. */
void caller_register(struct caller *c, u32 id, u64 member);
/* The process ends; a call that it makes ends before. */
void caller_exit(struct caller *c);

#endif /* HOST_H */
