/* SPDX-License-Identifier: MIT */
/* Parsing and printing the options of a sub-command. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ivcctl.h"
#include "options.h"

#define RULES_MAX 16
/* What getopt_long() returns for the first rule: more than any letter. */
#define FIRST_RULE 256

static bool is_end(const struct option_rule *r)
{
	return !r->name && !r->letter;
}

/* "--wait" or "-s" */
static const char *spelled(const struct option_rule *r)
{
	static char text[32];

	if (r->name)
		snprintf(text, sizeof(text), "--%s", r->name);
	else
		snprintf(text, sizeof(text), "-%c", r->letter);
	return text;
}

static int set_number(const struct option_rule *r, long long *to,
		      const char *text)
{
	char *end;

	errno = 0;
	*to = strtoll(text, &end, 0);
	if (!errno && end != text && !*end && *to >= r->min && *to <= r->max)
		return EXIT_FINE;
	return usage_error("%s %s: must be a number between %lld and %lld",
			   spelled(r), text, r->min, r->max);
}

static int set(const struct option_rule *r, void *values, const char *text)
{
	void *to = (char *)values + r->offset;

	switch (r->type) {
	case OPTION_FLAG:
		*(bool *)to = true;
		break;
	case OPTION_TEXT:
		*(const char **)to = text;
		break;
	case OPTION_NUMBER:
		return set_number(r, to, text);
	}
	return EXIT_FINE;
}

static const struct option_rule *find(const struct option_rule *rules, int c)
{
	if (c >= FIRST_RULE)
		return &rules[c - FIRST_RULE];
	for (; !is_end(rules); rules++)
		if (c && rules->letter == c)
			return rules;
	return NULL;
}

/* getopt_long() has found no rule for @word, or more than one. */
static int no_such_option(const struct option_rule *rules, const char *word)
{
	char list[512] = "";

	for (; !is_end(rules); rules++) {
		strcat(list, " ");
		strcat(list, spelled(rules));
	}
	return usage_error("%s: this command has no such option, or several "
			   "that begin so. Its options:%s",
			   word, list);
}

/* For getopt_long(): the rules' names, and their letters. */
static void translate(const struct option_rule *rules,
		      struct option names[RULES_MAX + 1],
		      char letters[2 * RULES_MAX + 2])
{
	/* A colon: return ':' for a missing value instead of printing. */
	*letters++ = ':';
	for (int i = 0; i < RULES_MAX && !is_end(&rules[i]); i++) {
		if (rules[i].name)
			*names++ = (struct option){ rules[i].name,
						    rules[i].value
							    ? required_argument
							    : no_argument,
						    NULL, FIRST_RULE + i };
		if (rules[i].letter) {
			*letters++ = rules[i].letter;
			if (rules[i].value)
				*letters++ = ':';
		}
	}
	*names = (struct option){ 0 };
	*letters = '\0';
}

int options_parse(const struct option_rule *rules, void *values, int argc,
		  char **argv)
{
	struct option names[RULES_MAX + 1];
	char letters[2 * RULES_MAX + 2];
	const struct option_rule *r;
	int c, status;

	translate(rules, names, letters);
	opterr = 0;
	while ((c = getopt_long(argc, argv, letters, names, NULL)) != -1) {
		/* Where getopt_long() fails, optopt is the rule, if any. */
		r = find(rules, c == '?' || c == ':' ? optopt : c);
		if (!r && optopt)
			return no_such_option(rules,
					      (char[]){ '-', (char)optopt,
							'\0' });
		if (!r)
			return no_such_option(rules, argv[optind - 1]);
		if (c == '?')
			return usage_error("%s takes no value", spelled(r));
		if (c == ':')
			return usage_error("%s: %s is missing", spelled(r),
					   r->value);
		status = set(r, values, optarg);
		if (status)
			return status;
	}
	return EXIT_FINE;
}

void options_print(const struct option_rule *rules)
{
	for (; !is_end(rules); rules++) {
		const char *line = rules->help;
		char left[64];
		size_t n;

		snprintf(left, sizeof(left), "%s%s%s%s",
			 rules->letter ? "" : "    ", spelled(rules),
			 rules->value ? " " : "",
			 rules->value ? rules->value : "");
		for (;; line += n + 1) {
			n = strcspn(line, "\n");
			printf("  %-22s %.*s\n", left, (int)n, line);
			if (!line[n])
				break;
			*left = '\0';
		}
	}
}
