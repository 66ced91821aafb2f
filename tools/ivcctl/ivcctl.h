/* SPDX-License-Identifier: MIT */
/* What the sub-commands share: their type, exit statuses, messages. */
#ifndef IVCCTL_H
#define IVCCTL_H

#include <stdbool.h>

enum {
	EXIT_FINE = 0,
	EXIT_FAILED = 1,
	EXIT_WRONG = 64, /* the command line */
};

struct option_rule;

/* A sub-command, defined in the file that implements it. */
struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *args;     /* for the usage line */
	const char *help;     /* one line */
	const char *about;    /* --help: before the options */
	const char *examples; /* and after them */
	const struct option_rule *options;
	bool changes; /* it changes a guest and must not stop half-way */
};

extern const struct command arrived_command, attach_command, detach_command,
	list_command, migrate_command, policy_command, realm_command,
	stat_command;

/* Print "ivcctl: ..." to standard error, or in a daemon to the system's log. */
__attribute__((format(printf, 1, 2))) void complain(const char *fmt, ...);
/* Print a line about a success to standard output, or to the log. */
__attribute__((format(printf, 1, 2))) void report(const char *fmt, ...);
void say_to_syslog(void);

/* complain(), name the sub-command's --help, and return EXIT_WRONG. */
__attribute__((format(printf, 1, 2))) int usage_error(const char *fmt, ...);

/*
 * Are there between @min and @max words behind the options? 0, or EXIT_WRONG
 * after complaining.
 */
int words_check(int argc, char **argv, int min, int max);

#endif
