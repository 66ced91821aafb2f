/* SPDX-License-Identifier: MIT */
/*
 * The options of a sub-command. One table serves the parser and --help, so that
 * neither can know an option that the other does not.
 */
#ifndef IVCCTL_OPTIONS_H
#define IVCCTL_OPTIONS_H

#include <stddef.h>

/* The type of the member that an option sets. */
enum option_type {
	OPTION_FLAG,   /* bool; the option takes no value */
	OPTION_TEXT,   /* const char * */
	OPTION_NUMBER, /* long long, between min and max */
};

struct option_rule {
	const char *name;  /* of --name, NULL: it has a letter only */
	char letter;	   /* of -l, 0: it has a name only */
	const char *value; /* what --help calls its value, NULL for a flag */
	enum option_type type;
	size_t offset; /* of the member within the sub-command's structure */
	long long min, max;
	const char *help; /* may have several lines */
};

#define OPTION_RULE_FLAG(type_, member_, name_, help_)                         \
	{                                                                      \
		.name = name_, .type = OPTION_FLAG,                            \
		.offset = offsetof(type_, member_), .help = help_              \
	}
#define OPTION_RULE_TEXT(type_, member_, name_, value_, help_)                 \
	{                                                                      \
		.name = name_, .value = value_, .type = OPTION_TEXT,           \
		.offset = offsetof(type_, member_), .help = help_              \
	}
#define OPTION_RULE_NUMBER(type_, member_, name_, value_, min_, max_, help_)   \
	{                                                                      \
		.name = name_, .value = value_, .type = OPTION_NUMBER,         \
		.offset = offsetof(type_, member_), .min = min_, .max = max_,  \
		.help = help_                                                  \
	}
#define OPTION_RULE_END                                                        \
	{                                                                      \
		.name = NULL                                                   \
	}

/* Options of several sub-commands; the members have the same names there. */
#define OPTION_RULE_BACKEND(type_)                                             \
	OPTION_RULE_TEXT(type_, backend, "backend", "DOMAIN",                  \
			 "domain that runs ivc-back, name or number "          \
			 "(default 0)")
#define OPTION_RULE_DEBUGFS(type_)                                             \
	OPTION_RULE_TEXT(type_, debugfs, "debugfs", "DIR",                     \
			 "where debugfs is mounted (default "                  \
			 "/sys/kernel/debug)")

#define BACKEND_DEFAULT "0"
#define DEBUGFS_DEFAULT "/sys/kernel/debug"
#define WAIT_MAX 3600 /* seconds, of every --wait */

/*
 * Set the members of @values, which hold the defaults, by the options of @argv.
 * The words that are no options are moved to the end of @argv, from optind on.
 * Returns 0, or EXIT_WRONG after complaining.
 */
int options_parse(const struct option_rule *rules, void *values, int argc,
		  char **argv);

void options_print(const struct option_rule *rules);

#endif
