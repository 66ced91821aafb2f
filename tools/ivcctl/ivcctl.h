/* SPDX-License-Identifier: MIT */
/* What the sub-commands share: their table, exit statuses, what they say. */
#ifndef IVCCTL_H
#define IVCCTL_H

#include <stdbool.h>

enum {
	EXIT_FINE = 0,
	EXIT_FAILED = 1,
	EXIT_WRONG = 64, /* the command line */
};

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *args; /* for the usage line */
	const char *help; /* one line */
	const char *more; /* options and examples */
	bool changes;	  /* a guest: it does not stop half-way */
};

extern const struct command commands[];

int cmd_arrived(int argc, char **argv);
int cmd_attach(int argc, char **argv);
int cmd_detach(int argc, char **argv);
int cmd_realm(int argc, char **argv);
int cmd_migrate(int argc, char **argv);
int cmd_list(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_policy(int argc, char **argv);

/* "ivcctl: ..." on standard error, or in the system's log in a daemon. */
__attribute__((format(printf, 1, 2))) void complain(const char *fmt, ...);
/* What was done: standard output, or the log. One line. */
__attribute__((format(printf, 1, 2))) void report(const char *fmt, ...);
void say_to_syslog(void);

/* The same and EXIT_WRONG, with where to read on. */
__attribute__((format(printf, 1, 2))) int usage_error(const char *fmt, ...);

/* The same where getopt has said already what is wrong. */
int option_error(void);

/* The number after --@what, within bounds, or -1 after complaining. */
long long number_arg(const char *what, const char *s, long long min,
		     long long max);

#endif
