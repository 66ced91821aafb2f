/* SPDX-License-Identifier: MIT */
/* ivcctl: attach guests to IVC and look after them, see --help. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "../common/escape.h"
#include "../common/output.h"
#include "../common/stdfds.h"
#include "ivcctl.h"

static const char *running; /* the sub-command */
static bool to_syslog;

/* Texts as wide as they print. */
/* clang-format off */
const struct command commands[] = {
	{ "attach", cmd_attach, "GUEST | --all", "give a guest its IVC device",
	  "GUEST is a name or a number, as in xl list.\n"
	  "      --realm NAME       which guests it may meet (default: default)\n"
	  "      --max-contexts N   processes registered at once (64)\n"
	  "      --max-channels N   channels (256)\n"
	  "      --max-pages N      pages shared, 4 KiB each (16384)\n"
	  "      --max-pending N    connections waiting to be accepted (64)\n"
	  "      --max-rate N       requests per second (5000)\n"
	  "      --backend DOM      where ivc-back runs (default 0)\n"
	  "      --wait SECONDS     until both drivers are connected\n"
	  "  --all                  every running guest that the policy allows\n"
	  "      --policy FILE      default /etc/ivc/policy.conf, if it is there\n"
	  "      --watch            stay, attach guests as they come, clean up\n"
	  "                         after those that go; SIGHUP reads the policy again\n"
	  "      --once             one look, then exit (the default without --watch)\n"
	  "      --daemon           with --watch: in the background, to the system log\n"
	  "      --pid-file FILE    of the daemon\n"
	  "\n"
	  "  ivcctl attach web1 --realm shop --wait 10\n"
	  "  ivcctl attach --all --watch --daemon --pid-file /run/ivcctl.pid\n",
	  true },
	{ "detach", cmd_detach, "GUEST", "take the device away in good order",
	  "Programs of the guest get ENODEV on their channels.\n"
	  "      --wait SECONDS     for both drivers to let go (default 10)\n"
	  "      --force            remove the device even if they do not\n"
	  "      --backend DOM      where ivc-back runs (default 0)\n"
	  "\n"
	  "  ivcctl detach web1\n",
	  true },
	{ "realm", cmd_realm, "GUEST [NAME]",
	  "show which realm a guest is in, or move it",
	  "The realm of an attached guest is fixed: to move it, it is detached\n"
	  "and attached again, and its channels end.\n"
	  "      --wait SECONDS     for the detach and the attach (default 10)\n"
	  "      --backend DOM      where ivc-back runs (default 0)\n"
	  "\n"
	  "  ivcctl realm web1\n"
	  "  ivcctl realm web1 shop\n",
	  true },
	{ "migrate", cmd_migrate, "GUEST HOST",
	  "move a guest to another host, its channels first",
	  "Its peers are told and the channels handed over while it still runs;\n"
	  "then xl migrate; then HOST is asked whether it is back on IVC there,\n"
	  "where ivcctl attach --all --watch has to run. Says how long each took.\n"
	  "Plain xl migrate, save and restore work too: then all that is done\n"
	  "while the guest is frozen; a peer that is silent for half a second is cut off.\n"
	  "  -s COMMAND             as for xl migrate (default there: ssh)\n"
	  "      --remote COMMAND   COMMAND HOST 'ivcctl ...' asks HOST (ssh)\n"
	  "      --frozen           do not hand over before, for a comparison\n"
	  "      --wait SECONDS     for the detach here, and the attach there (30)\n"
	  "      --xl PATH          another xl\n"
	  "      --backend DOM      where ivc-back runs (default 0)\n"
	  "\n"
	  "  ivcctl migrate web1 host2\n",
	  true },
	{ "arrived", cmd_arrived, "GUEST",
	  "is a guest that was moved here back on IVC?",
	  "      --wait SECONDS     for it to attach and connect (30)\n"
	  "      --backend DOM      where ivc-back runs (default 0)\n"
	  "      --debugfs DIR      default /sys/kernel/debug\n"
	  "\n"
	  "  ivcctl arrived web1\n",
	  false },
	{ "list", cmd_list, "", "guests, realms, states and what they use",
	  "      --members          processes registered\n"
	  "      --channels         channels between them\n"
	  "      --json             for programs\n"
	  "      --backend DOM      where ivc-back runs (default 0)\n"
	  "      --debugfs DIR      default /sys/kernel/debug\n"
	  "\n"
	  "  ivcctl list\n",
	  false },
	{ "stat", cmd_stat, "[GUEST]", "counters live, per second",
	  "      --interval S       seconds between two lines (default 1)\n"
	  "      --count N          lines, then exit (default: until Ctrl-C)\n"
	  "      --debugfs DIR      default /sys/kernel/debug\n"
	  "\n"
	  "  ivcctl stat web1 --interval 5\n",
	  false },
	{ "policy", cmd_policy, "[NAME...]",
	  "check the policy file, ask what it says of guests",
	  "      --policy FILE      default /etc/ivc/policy.conf\n"
	  "\n"
	  "  ivcctl policy web1 db1\n",
	  false },
	{ NULL, NULL, NULL, NULL, NULL, false },
};
/* clang-format on */

__attribute__((format(printf, 4, 0), nonnull)) static void
say(FILE *f, int level, const char *prefix, const char *fmt, va_list ap)
{
	char raw[2048], line[2 * sizeof(raw)];

	/* Guests write some of what is shown, such as their drivers' errors. */
	vsnprintf(raw, sizeof(raw), fmt, ap);
	escape(line, sizeof(line), raw);
	if (to_syslog) {
		syslog(level, "%s", line);
		return;
	}
	fprintf(f, "%s%s\n", prefix, line);
	output_push(f);
}

void complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(stderr, LOG_ERR, "ivcctl: ", fmt, ap);
	va_end(ap);
}

void report(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(stdout, LOG_INFO, "", fmt, ap);
	va_end(ap);
}

void say_to_syslog(void)
{
	openlog("ivcctl", LOG_PID, LOG_DAEMON);
	to_syslog = true;
}

int usage_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(stderr, LOG_ERR, "ivcctl: ", fmt, ap);
	va_end(ap);
	fprintf(stderr, "Try: ivcctl %s --help\n", running);
	return EXIT_WRONG;
}

int option_error(void)
{
	fprintf(stderr, "Try: ivcctl %s --help\n", running);
	return EXIT_WRONG;
}

long long number_arg(const char *what, const char *s, long long min,
		     long long max)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(s, &end, 0);
	if (!errno && end != s && !*end && v >= min && v <= max)
		return v;
	usage_error("--%s %s: must be a number between %lld and %lld", what, s,
		    min, max);
	return -1;
}

static void help(void)
{
	puts("Attach Xen guests to IVC and look after them. For the "
	     "administrator, in Dom0.\n");
	for (const struct command *c = commands; c->name; c++) {
		char line[64];

		snprintf(line, sizeof(line), "%s %s", c->name, c->args);
		printf("  ivcctl %-24s %s\n", line, c->help);
	}
	puts("\nTo begin with:\n"
	     "  modprobe ivc-back              here, in Dom0\n"
	     "  ivcctl attach web1 --wait 10   for each guest, running "
	     "already\n"
	     "  modprobe ivc-front             in each guest\n"
	     "\nEach has options: ivcctl attach --help. More: man ivcctl");
}

static void help_on(const struct command *c)
{
	printf("ivcctl %s %s\n\n%c%s.\n%s", c->name, c->args,
	       c->help[0] - 'a' + 'A', c->help + 1, c->more);
}

static bool wants_help(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

static int run(int argc, char **argv)
{
	static char name[32];

	stdfds_occupy();
	if (argc < 2) {
		fprintf(stderr, "ivcctl: what shall be done? Try: ivcctl "
				"--help\n");
		return EXIT_WRONG;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help")) {
		help();
		return EXIT_FINE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("ivcctl 0.1");
		return EXIT_FINE;
	}
	for (const struct command *c = commands; c->name; c++) {
		if (strcmp(c->name, argv[1]))
			continue;
		running = c->name;
		if (wants_help(argc - 2, argv + 2)) {
			help_on(c);
			return EXIT_FINE;
		}
		/* Whoever reads the output may go: a guest that is being moved
		 * must not be left detached for that.
		 */
		if (c->changes)
			signal(SIGPIPE, SIG_IGN);
		/* As which getopt complains. */
		snprintf(name, sizeof(name), "ivcctl %s", c->name);
		argv[1] = name;
		return c->run(argc - 1, argv + 1);
	}
	fprintf(stderr,
		"ivcctl: there is no command '%s'. Try: ivcctl --help\n",
		argv[1]);
	return EXIT_WRONG;
}

int main(int argc, char **argv)
{
	return output_end("ivcctl", run(argc, argv), EXIT_FAILED);
}
