/* SPDX-License-Identifier: MIT */
/* Reading the policy file. */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/text-file.h"
#include "ivcctl.h"
#include "policy.h"

#define BLANK " \t\r\n"
/* Far more than one line for each guest that a host can have. */
#define TEXT_MAX (1u << 20)

const struct limit limits[LIMITS] = {
#define LIMIT_ENTRY(index, name, usual, max, meaning)                          \
	[LIMIT_##index] = { name, usual, max },
	POLICY_LIMITS(LIMIT_ENTRY)
#undef LIMIT_ENTRY
};

struct rule {
	struct rule *next;
	int line;
	bool deny;
	struct rules rules;
	char glob[];
};

struct policy {
	struct rule *first;
};

struct reading {
	const char *path;
	int line;
};

void rules_default(struct rules *r)
{
	strcpy(r->realm, "default");
	for (int i = 0; i < LIMITS; i++)
		r->limit[i] = limits[i].usual;
}

bool realm_valid(const char *realm)
{
	size_t len = strlen(realm);

	if (!len || len > REALM_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)realm[i]) &&
		    !strchr("._-", realm[i]))
			return false;
	return true;
}

int limit_find(const char *name, size_t len)
{
	for (int i = 0; i < LIMITS; i++)
		if (strlen(limits[i].name) == len &&
		    !memcmp(limits[i].name, name, len))
			return i;
	return -1;
}

__attribute__((format(printf, 2, 3))) static int wrong(const struct reading *in,
						       const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	complain("%s:%d: %s", in->path, in->line, what);
	return -EINVAL;
}

static int set_limit(const struct reading *in, struct rule *r, int which,
		     const char *value)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(value, &end, 10);
	if (!isdigit((unsigned char)*value) || *end || errno ||
	    v > limits[which].max)
		return wrong(in, "%s must be a number from 0 to %u, not '%s'",
			     limits[which].name, limits[which].max, value);
	r->rules.limit[which] = v;
	return 0;
}

/* name=value */
static int set_word(const struct reading *in, struct rule *r, const char *word)
{
	const char *eq = strchr(word, '=');
	int which;

	if (!eq)
		return wrong(in,
			     "'%s' is not understood here; there are deny, "
			     "realm=NAME and max-...=N",
			     word);
	if (!strncmp(word, "realm=", 6)) {
		if (!realm_valid(eq + 1))
			return wrong(in,
				     "a realm is 1 to %d of A-Z a-z 0-9 . "
				     "_ -, not '%s'",
				     REALM_MAX, eq + 1);
		strcpy(r->rules.realm, eq + 1);
		return 0;
	}
	which = limit_find(word, eq - word);
	if (which < 0)
		return wrong(in,
			     "there is nothing called '%.*s'; there are "
			     "realm, max-contexts, max-channels, "
			     "max-pages, max-pending and max-rate",
			     (int)(eq - word), word);
	return set_limit(in, r, which, eq + 1);
}

static int read_words(const struct reading *in, struct rule *r, char **save)
{
	bool settings = false;
	char *word;
	int ret;

	while ((word = strtok_r(NULL, BLANK, save))) {
		if (!strcmp(word, "deny")) {
			r->deny = true;
			continue;
		}
		settings = true;
		ret = set_word(in, r, word);
		if (ret)
			return ret;
	}
	if (r->deny && settings)
		return wrong(in, "deny stands alone: a guest that is denied "
				 "needs no settings");
	return 0;
}

/* An empty line leaves *rule NULL. */
static int read_line(const struct reading *in, char *line, struct rule **rule)
{
	char *save, *word, *glob;
	struct rule *r;
	int ret;

	*rule = NULL;
	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, BLANK, &save);
	if (!word)
		return 0;
	if (strcmp(word, "guest"))
		return wrong(in, "a rule begins with 'guest', not '%s'", word);
	glob = strtok_r(NULL, BLANK, &save);
	if (!glob)
		return wrong(in, "which guest? Write: guest NAME realm=NAME "
				 "(or: guest * ...)");
	r = calloc(1, sizeof(*r) + strlen(glob) + 1);
	if (!r)
		return wrong(in, "out of memory");
	r->line = in->line;
	strcpy(r->glob, glob);
	rules_default(&r->rules);
	ret = read_words(in, r, &save);
	if (ret) {
		free(r);
		return ret;
	}
	*rule = r;
	return 0;
}

static int read_rules(struct reading *in, char *text, struct policy *p)
{
	struct rule **tail = &p->first;
	char *line;
	int ret = 0;

	while (!ret && (line = strsep(&text, "\n"))) {
		in->line++;
		ret = read_line(in, line, tail);
		if (*tail)
			tail = &(*tail)->next;
	}
	return ret;
}

static void let_all_in(struct policy *p)
{
	p->first = calloc(1, sizeof(*p->first) + 2);
	if (!p->first)
		return;
	strcpy(p->first->glob, "*");
	rules_default(&p->first->rules);
}

struct policy *policy_read(const char *path)
{
	struct reading in = { .path = path ? path : POLICY_FILE };
	struct policy *p = calloc(1, sizeof(*p));
	char *text;
	int ret;

	if (!p)
		return NULL;
	ret = text_file_read(in.path, TEXT_MAX, &text, NULL);
	if (ret == -ENOENT && !path) {
		let_all_in(p);
		return p;
	}
	if (ret == -EFBIG)
		complain("%s: over %u bytes, so this is no policy; nothing is "
			 "attached",
			 in.path, TEXT_MAX);
	else if (ret)
		complain("%s: %s; nothing is attached", in.path,
			 strerror(-ret));
	if (!ret) {
		ret = read_rules(&in, text, p);
		free(text);
	}
	if (!ret)
		return p;
	policy_free(p);
	return NULL;
}

void policy_free(struct policy *p)
{
	while (p && p->first) {
		struct rule *r = p->first;

		p->first = r->next;
		free(r);
	}
	free(p);
}

bool policy_for(const struct policy *p, const char *name, struct rules *rules,
		int *line)
{
	const struct rule *r = p->first;

	while (r && fnmatch(r->glob, name, 0))
		r = r->next;
	if (line)
		*line = r ? r->line : 0;
	if (!r || r->deny)
		return false;
	*rules = r->rules;
	return true;
}
