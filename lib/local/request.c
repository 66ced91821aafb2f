/* SPDX-License-Identifier: MIT */
/*
 * Requests to ivcd for which a thread of the program waits. outbox.c sends the
 * messages for which no thread waits; session.c receives the replies.
 *
 * An ivcd that does not answer within 5 s is given up: the link is closed and
 * made again, so that the library and ivcd agree on what exists. A caller with
 * less time returns when its time is over. A later answer is found by its
 * cookie, and undone if it is not wanted any more.
 */
#include <errno.h>
#include <stdlib.h>

#include "../../common/clock.h"
#include "../fd-closer.h"
#include "local.h"

/*
 * A caller with a timeout of 0 still waits for ivcd's answer, which takes some
 * microseconds, or the next time slice on a busy machine. But after ivcd was
 * silent once, such a caller does not wait again until ivcd has answered.
 */
#define ANSWER_NS (200 * IVC_MS)

/* Between two tries to send a message for which there was no memory. */
#define NO_MEMORY_NS (10 * IVC_MS)

/* Wait for local.changed. Returns 0 or -ETIMEDOUT. */
static int wait_change(int64_t deadline)
{
	struct timespec ts = ivc_timespec(deadline);

	if (pthread_cond_timedwait(&local.changed, &local.lock, &ts) !=
	    ETIMEDOUT)
		return 0;
	return ivc_now() >= deadline ? -ETIMEDOUT : 0;
}

int64_t local_request_until(int64_t deadline)
{
	int64_t answer = ivc_now() + (local.silent ? 0 : ANSWER_NS);

	return deadline > answer ? deadline : answer;
}

/* No answer came: the link is given up, unless only the caller's time is over.
 */
static int no_answer(int64_t patience, bool sent)
{
	if (ivc_now() >= patience) {
		local_session_down();
	} else if (sent) {
		local.silent = true;
		local_poke(); /* the thread goes on waiting for the answer */
		return -EINPROGRESS;
	}
	local_poke();
	return -ETIMEDOUT;
}

static int request(struct local_wait *w, struct ivc_msg *msg, int fd,
		   int64_t until)
{
	int64_t patience = ivc_now() + LOCAL_REQUEST_NS;
	int ret;

	if (until > patience)
		until = patience;
	if (local.state != LOCAL_UP)
		return -ENODEV;
	w->reply = msg;
	w->cookie = msg->cookie = local_cookie();
	while ((ret = local_link_send(msg, fd)) == -EAGAIN) {
		ret = wait_change(until);
		if (!ret && local.state != LOCAL_UP)
			ret = -ENODEV;
		if (ret)
			break;
	}
	if (ret)
		return ret == -ETIMEDOUT ? no_answer(patience, false) : ret;
	TAILQ_INSERT_TAIL(&local.waits, w, node);
	while (!w->done && !ret)
		ret = wait_change(until);
	/* If this process was stopped, the answer may have come meanwhile. */
	if (!w->done)
		local_session_event(0);
	if (w->done)
		return msg->status;
	TAILQ_REMOVE(&local.waits, w, node);
	return no_answer(patience, true);
}

int local_request(struct ivc_msg *msg, int fd, struct ivc_host *table,
		  int64_t until)
{
	struct local_wait w = { .table = table };

	return request(&w, msg, fd, until);
}

void local_request_surely(struct ivc_msg *msg)
{
	int64_t patience = ivc_now() + LOCAL_REQUEST_NS;
	int ret;

	while ((ret = local_request(msg, -1, NULL, IVC_NEVER)) == -ENOMEM &&
	       ivc_now() < patience)
		(void)wait_change(ivc_now() + NO_MEMORY_NS);
	/* When the link ends ivcd drops the member; the thread connects again.
	 */
	if (ret == -ENOMEM) {
		local_session_down();
		local_poke();
	}
}

int local_request_register(struct local_context *lc)
{
	struct local_wait w = { .enrolls = lc };
	struct ivc_msg msg = { .op = IVC_MSG_REGISTER,
			       .reg = { .magic = lc->ctx->magic,
					.id = lc->ctx->id } };

	return request(&w, &msg, -1, IVC_NEVER);
}
