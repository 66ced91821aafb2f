/* SPDX-License-Identifier: MIT */
/* ivcctl: attach guests to IVC and look after them, see --help. */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include <ivc/version.h>

#include "../common/escape.h"
#include "../common/output.h"
#include "../common/stdfds.h"
#include "ivcctl.h"
#include "options.h"

static const struct command *running;
static bool to_syslog;

static const struct command *const commands[] = {
	&attach_command,  &detach_command, &realm_command, &migrate_command,
	&arrived_command, &list_command,   &stat_command,  &policy_command,
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

__attribute__((format(printf, 4, 0), nonnull)) static void
say(FILE *f, int level, const char *prefix, const char *fmt, va_list ap)
{
	char raw[2048], line[2 * sizeof(raw)];

	/* Parts of a message may come from a guest: its name, its errors. */
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
	fprintf(stderr, "Try: ivcctl %s --help\n", running->name);
	return EXIT_WRONG;
}

static const char *usage_of(const struct command *c)
{
	static char line[64];

	snprintf(line, sizeof(line), "ivcctl %s%s%s", c->name,
		 *c->args ? " " : "", c->args);
	return line;
}

int words_check(int argc, char **argv, int min, int max)
{
	if (argc - optind < min)
		return usage_error("a word is missing; the command is: %s",
				   usage_of(running));
	if (argc - optind > max)
		return usage_error("'%s' is one word too many; the command is: "
				   "%s",
				   argv[optind + max], usage_of(running));
	return EXIT_FINE;
}

static void help(void)
{
	puts("Attach Xen guests to IVC and look after them. For the "
	     "administrator, in Dom0.\n");
	for (size_t i = 0; i < COMMANDS; i++) {
		const struct command *c = commands[i];

		printf("  %-31s %s\n", usage_of(c), c->help);
	}
	puts("\nTo begin:\n"
	     "  modprobe ivc-back              here, in Dom0\n"
	     "  ivcctl attach web1 --wait 10   for each guest that "
	     "runs\n"
	     "  modprobe ivc-front             in each guest\n"
	     "\nEach has options: ivcctl attach --help. More: man ivcctl");
}

static void help_on(const struct command *c)
{
	printf("%s\n\n%c%s.\n%s\n", usage_of(c), c->help[0] - 'a' + 'A',
	       c->help + 1, c->about);
	options_print(c->options);
	printf("\n%s", c->examples);
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
	stdfds_occupy();
	if (argc < 2) {
		fprintf(stderr, "ivcctl: a command is missing, such as ivcctl "
				"list. Try: ivcctl --help\n");
		return EXIT_WRONG;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") ||
	    !strcmp(argv[1], "help")) {
		help();
		return EXIT_FINE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
		puts("ivcctl " IVC_VERSION);
		return EXIT_FINE;
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		const struct command *c = commands[i];

		if (strcmp(c->name, argv[1]))
			continue;
		running = c;
		if (wants_help(argc - 2, argv + 2)) {
			help_on(c);
			return EXIT_FINE;
		}
		/*
		 * When the reader of the output goes away, a command that has
		 * detached a guest must still be able to attach the guest
		 * again.
		 */
		if (c->changes)
			signal(SIGPIPE, SIG_IGN);
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
