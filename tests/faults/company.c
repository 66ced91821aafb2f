/* SPDX-License-Identifier: GPL-2.0 */
/* See company.h. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "company.h"

#define BYSTANDERS 0xfa2
#define NAP_NS 500000
#define ECHO 'e'
#define CONNECT_BACK 'c'

static const struct ivc_channel_options stuck = { .timeout_ms = STUCK_MS };

/* Shared with the processes: their progress, and their error. */
static struct shared {
	uint32_t rounds;
	char wrong[128];
} * shared;

static pid_t pids[3];
static uint32_t rounds_seen;

static void wrong(const char *who, const char *what, int ret)
{
	if (!shared->wrong[0])
		snprintf(shared->wrong, sizeof(shared->wrong), "%s: %s: %s",
			 who, what, ret < 0 ? strerror(-ret) : "not so");
}

static void nap(void)
{
	const struct timespec ts = { 0, NAP_NS };

	nanosleep(&ts, NULL);
}

static void not_detached(ivc_context *ctx, const char *who)
{
	struct ivc_event ev;
	int ret;

	while ((ret = ivc_next_event(ctx, &ev, 0)) > 0)
		if (ev.type == IVC_EVENT_DETACHED)
			wrong(who, "out of its group", 0);
	if (ret)
		wrong(who, "events", ret);
}

static ivc_context *join(uint64_t magic, uint32_t id, const char *who)
{
	ivc_context *ctx = ivc_register(magic, id);

	if (!ctx) {
		wrong(who, "register", -errno);
		_exit(1);
	}
	return ctx;
}

static int one_byte(ivc_channel *ch, char byte)
{
	char back = 0;
	ssize_t ret;

	ret = ivc_write_all(ch, &byte, 1, STUCK_MS, NULL);
	if (ret == 1)
		ret = ivc_read_all(ch, &back, 1, STUCK_MS, NULL);
	if (ret < 0)
		return (int)ret;
	return back == byte ? 0 : -EBADMSG;
}

static void bystander_client(void)
{
	ivc_context *ctx = join(BYSTANDERS, 1, "bystander");
	ivc_channel *ch = NULL;
	ivc_peer peer;
	int ret;

	ret = ivc_find(ctx, 2, SOON_MS, &peer);
	if (!ret)
		ret = ivc_connect_opt(ctx, peer, &stuck, &ch);
	while (!ret) {
		ret = one_byte(ch, ECHO);
		not_detached(ctx, "bystander");
		__atomic_fetch_add(&shared->rounds, 1, __ATOMIC_RELAXED);
		nap();
	}
	wrong("bystander", "exchange", ret);
}

/* ivcd may have refused just once, for lack of a resource. */
static int connect_back(ivc_context *ctx, ivc_peer peer, ivc_channel **ch)
{
	int ret = ivc_connect_opt(ctx, peer, &stuck, ch);

	return ret ? ivc_connect_opt(ctx, peer, &stuck, ch) : 0;
}

/* Echo all data until the other side closes. */
static void give_back(ivc_context *ctx, ivc_channel *ch, const char *who)
{
	ivc_channel *back;
	ivc_peer peer;
	char byte;

	while (ivc_read_all(ch, &byte, 1, STUCK_MS, NULL) == 1) {
		not_detached(ctx, who);
		if (byte == ECHO) {
			(void)ivc_write_all(ch, &byte, 1, STUCK_MS, NULL);
			continue;
		}
		ivc_peer_of(ch, &peer);
		if (!connect_back(ctx, peer, &back))
			give_back(ctx, back, who);
	}
	ivc_close(ch);
}

static void echo(uint64_t magic, uint32_t id, const char *who)
{
	static const struct ivc_channel_options ever = { .timeout_ms = -1 };
	ivc_context *ctx = join(magic, id, who);
	ivc_channel *ch;
	int ret;

	while (!(ret = ivc_accept_opt(ctx, &ever, &ch))) {
		ivc_set_spin(ch, 0);
		give_back(ctx, ch, who);
	}
	wrong(who, "accept", ret);
}

static pid_t spawn(int which)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (which == 0)
		echo(MAGIC, PEER, "peer");
	else if (which == 1)
		echo(BYSTANDERS, 2, "bystander");
	else
		bystander_client();
	_exit(1);
}

void company_start(void)
{
	int i;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	for (i = 0; i < 3; i++)
		pids[i] = spawn(i);
}

const char *company_disturbed(void)
{
	int i;

	if (!shared)
		return NULL;
	for (i = 0; i < SOON_MS * (1000000 / NAP_NS); i++) {
		if (shared->wrong[0])
			return shared->wrong;
		if (__atomic_load_n(&shared->rounds, __ATOMIC_RELAXED) !=
		    rounds_seen)
			break;
		nap();
	}
	if (rounds_seen == __atomic_load_n(&shared->rounds, __ATOMIC_RELAXED))
		return "the bystanders exchange nothing";
	rounds_seen = __atomic_load_n(&shared->rounds, __ATOMIC_RELAXED);
	return NULL;
}

static ivc_context *stays;

void company_stays(void)
{
	stays = join(MAGIC + 2, SUBJECT, "subject");
}

void company_end(void)
{
	int i;

	ivc_unregister(stays);
	for (i = 0; i < 3; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

/* Take events until there are none. Returns 0 or the error. */
static int events(ivc_context *ctx)
{
	struct ivc_event ev;
	int ret;

	while ((ret = ivc_next_event(ctx, &ev, 0)) > 0)
		if (ev.type == IVC_EVENT_DETACHED)
			return -ENOTCONN;
	return ret;
}

static int members(ivc_context *ctx)
{
	ivc_peer list[4];
	int ret;

	errno = 0;
	if (!ivc_get_hosts(ctx))
		return -errno;
	ret = ivc_hosts(ctx, list, 4);
	return ret < 0 ? ret : ret ? 0 : -ENOENT;
}

static int with_peer(ivc_context *ctx, const char **step)
{
	ivc_channel *own = NULL, *theirs = NULL;
	char byte = CONNECT_BACK;
	ivc_peer peer;
	int ret;

#define STEP(call)                                                             \
	do {                                                                   \
		*step = #call;                                                 \
		ret = call;                                                    \
		if (ret)                                                       \
			goto out;                                              \
	} while (0)

	STEP(ivc_find(ctx, PEER, STUCK_MS, &peer));
	STEP(ivc_connect_opt(ctx, peer, &stuck, &own));
	ivc_set_spin(own, 0);
	STEP(one_byte(own, ECHO));
	STEP(ivc_write_all(own, &byte, 1, STUCK_MS, NULL) != 1);
	STEP(ivc_accept_opt(ctx, &stuck, &theirs));
	ivc_set_spin(theirs, 0);
	STEP(one_byte(theirs, ECHO));
	STEP(events(ctx));
	STEP(members(ctx));
	STEP(ivc_close(own));
	own = NULL;
	STEP(ivc_close(theirs));
	theirs = NULL;
#undef STEP
out:
	ivc_close(own);
	ivc_close(theirs);
	return ret;
}

int scenario(const char **step)
{
	ivc_context *ctx;
	int ret;

	*step = "ivc_register";
	errno = 0;
	ctx = ivc_register(MAGIC, SUBJECT);
	if (!ctx)
		return errno ? -errno : -EINVAL;
	ret = with_peer(ctx, step);
	ivc_unregister(ctx);
	if (stays && !ret) {
		*step = "the context beside";
		ret = events(stays);
	}
	return ret;
}
