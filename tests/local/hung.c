/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls with a timeout while ivcd hangs: hung PID-OF-IVCD. ivcd is stopped, and
 * continued later. A call must not wait for ivcd beyond its timeout: neither
 * for ever, which ends this program, nor until ivcd is given up, which causes
 * an event. One line per check, as in run.sh.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "member.h"

#define MAGIC 0x4086
#define HUNG_S 120 /* seconds; never reached */

static const struct ivc_channel_options now = { .timeout_ms = 0 };
static const struct ivc_channel_options short_time = { .timeout_ms = 50 };
static const struct ivc_channel_options soon = { .timeout_ms = SOON_MS };

static pid_t broker, peer_pid;

static void clean_up(void)
{
	kill(broker, SIGCONT);
	if (peer_pid > 0)
		kill(peer_pid, SIGKILL);
}

/* Async-signal-safe. */
static void never_ends(int sig)
{
	static const char text[] = "FAIL a call does not come back\n";

	(void)sig;
	clean_up();
	_exit(write(STDOUT_FILENO, text, sizeof(text) - 1) < 0 ? 2 : 1);
}

/* Offer one channel; then accept all offers, and read a byte from each. */
static __attribute__((noreturn)) void be_peer(void)
{
	ivc_context *ctx = must_register(MAGIC, 2);
	ivc_peer peer = must_find(ctx, 1);
	ivc_channel *offered, *ch;
	char byte = 'p';

	if (ivc_connect_opt(ctx, peer, &now, &offered))
		die("the peer's offer: %s", strerror(errno));
	if (ivc_connected(offered, SOON_MS) ||
	    ivc_write_all(offered, &byte, 1, SOON_MS, NULL) != 1)
		die("the peer's channel: %s", strerror(errno));
	while (!ivc_accept_opt(ctx, &soon, &ch)) {
		(void)ivc_read_all(ch, &byte, 1, SOON_MS, NULL);
		ivc_close(ch);
	}
	exit(1);
}

/* When the context's descriptor is readable, the peer's offer has come. */
static void wait_for_offer(ivc_context *ctx)
{
	struct pollfd pfd = { ivc_context_fd(ctx), POLLIN, 0 };

	if (poll(&pfd, 1, SOON_MS) != 1)
		die("no offer: %s", strerror(errno));
}

/* Accept that offer, and read the data that its peer writes at once. */
static int take_offer(ivc_context *ctx, ivc_channel **ch)
{
	char byte;
	int ret = ivc_accept_opt(ctx, &now, ch);

	return ret ? ret : (int)ivc_read_all(*ch, &byte, 1, SOON_MS, NULL);
}

static int detached(ivc_context *ctx)
{
	struct ivc_event ev;
	int seen = 0;

	while (ivc_next_event(ctx, &ev, 200) > 0)
		seen |= ev.type == IVC_EVENT_DETACHED;
	return seen;
}

int main(int argc, char **argv)
{
	ivc_context *ctx, *other;
	ivc_channel *late, *nobody, *given_up, *accepted;
	ivc_peer peer, none = { .member = 0xfffffff0 };
	struct ivc_event ev;
	char byte = 'x';
	ivc_peer found;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2)
		return 64;
	broker = (pid_t)atol(argv[1]);
	peer_pid = fork();
	if (!peer_pid)
		be_peer();
	atexit(clean_up);
	signal(SIGALRM, never_ends);
	alarm(HUNG_S);
	ctx = must_register(MAGIC, 1);
	other = must_register(MAGIC, 3);
	peer = must_find(ctx, 2);
	wait_for_offer(ctx);

	kill(broker, SIGSTOP);
	check_is(ivc_find(ctx, 4, 0, &found), -ETIMEDOUT, "ivcd hangs",
		 "to look once");
	check_is(ivc_find(ctx, 4, 50, &found), -ETIMEDOUT, "ivcd hangs",
		 "to look for a time");
	check_is(ivc_next_event(other, &ev, 0), 0, "ivcd hangs", "events");
	check_is(ivc_connect_opt(ctx, peer, &now, &late), 0, "ivcd hangs",
		 "an offer");
	check_is(ivc_connected(late, 0), -ETIMEDOUT, "ivcd hangs",
		 "is not taken");
	check_is(ivc_connect_opt(ctx, none, &now, &nobody), 0, "ivcd hangs",
		 "an offer to nobody");
	check_is(ivc_connect_opt(ctx, peer, &short_time, &given_up), -ETIMEDOUT,
		 "ivcd hangs", "to connect");
	check_is(take_offer(ctx, &accepted), 1, "ivcd hangs",
		 "an offer that was there is taken");
	check_is(ivc_accept_opt(ctx, &now, &given_up), -ETIMEDOUT, "ivcd hangs",
		 "there is no other");
	kill(broker, SIGCONT);

	check_is(ivc_connected(late, SOON_MS), 0, "ivcd goes on",
		 "then the offer is taken");
	check_is((int)ivc_write_all(late, &byte, 1, SOON_MS, NULL), 1,
		 "ivcd goes on", "a byte");
	check_is(ivc_connected(nobody, SOON_MS), -ENOENT, "ivcd goes on",
		 "by nobody it is not");
	check_is(ivc_find(ctx, 3, SOON_MS, &found), 0, "ivcd goes on",
		 "a member is found");
	check_is(detached(other), 0, "ivcd goes on", "it was not given up");
	ivc_close(late);
	ivc_close(nobody);
	ivc_close(accepted);
	ivc_unregister(ctx);
	ivc_unregister(other);
	kill(peer_pid, SIGKILL);
	waitpid(peer_pid, NULL, 0);
	peer_pid = 0;
	return failed ? 1 : 0;
}
