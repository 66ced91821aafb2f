/* SPDX-License-Identifier: MIT */
/* ivcctl list. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "../common/json-string.h"
#include "device.h"
#include "domain.h"
#include "ivcctl.h"
#include "options.h"
#include "table.h"

struct list_options {
	const char *backend, *debugfs;
	bool json, members, channels;
};

struct line {
	unsigned int domid;
	char name[DOMAIN_NAME_MAX];
	char *realm;
	int fe, be;
	const struct table *t;
	int row; /* in the driver's table, -1: not there */
};

static void number_or_dash(const struct line *l, const char *column)
{
	const char *cell = l->row < 0 ? NULL : table_cell(l->t, l->row, column);

	printf(" %9s", cell ? cell : "-");
}

static void print_line(const struct line *l)
{
	printf("%5u %-16s %-16s %-13s %-13s", l->domid, l->name,
	       l->realm ? l->realm : "-", state_name(l->fe), state_name(l->be));
	number_or_dash(l, "contexts");
	number_or_dash(l, "channels");
	number_or_dash(l, "pages");
	putchar('\n');
}

static void json_line(const struct line *l, bool first)
{
	static const char *const columns[] = {
		"contexts", "channels", "pages",
		"pending",  "requests", "refused",
	};

	printf("%s\n  {\"domid\": %u, \"name\": ", first ? "" : ",", l->domid);
	json_string(stdout, l->name);
	printf(", \"realm\": \"%s\", \"guest_state\": \"%s\", "
	       "\"backend_state\": \"%s\"",
	       l->realm && realm_valid(l->realm) ? l->realm : "",
	       state_name(l->fe), state_name(l->be));
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		const char *cell =
			l->row < 0 ? NULL
				   : table_cell(l->t, l->row, columns[i]);

		printf(", \"%s\": ", columns[i]);
		if (cell)
			json_value(cell);
		else
			printf("null");
	}
	putchar('}');
}

static void list_guests(struct store *s, unsigned int backend,
			const struct table *t, bool json)
{
	char dir[STORE_PATH_MAX];
	unsigned int n, *ids;

	snprintf(dir, sizeof(dir), "/local/domain/%u/backend/ivc", backend);
	ids = store_list(s, dir, &n);
	if (json)
		putchar('[');
	else if (n)
		printf("%5s %-16s %-16s %-13s %-13s %9s %9s %9s\n", "domid",
		       "name", "realm", "guest", "backend", "contexts",
		       "channels", "pages");
	else
		puts("no guest is attached; ivcctl attach GUEST does that");
	for (unsigned int i = 0; i < n; i++) {
		struct line l = { .domid = ids[i], .t = t };
		struct device d;

		device_init(&d, ids[i], backend);
		domain_name(s, ids[i], l.name);
		l.realm = store_read(s, "%s/realm", d.be);
		device_states(s, &d, &l.fe, &l.be);
		l.row = table_find(t, "domid", ids[i]);
		if (json)
			json_line(&l, !i);
		else
			print_line(&l);
		free(l.realm);
	}
	if (json)
		puts("\n]");
	free(ids);
}

static int list_all(const struct list_options *o)
{
	struct table t;
	struct store s;
	int backend, ret, status = EXIT_FAILED;

	if (store_open(&s))
		return EXIT_FAILED;
	backend = domain_find(&s, o->backend);
	if (backend < 0)
		goto out;
	/* Without the driver, show at least the nodes in xenstore. */
	ret = table_read(&t, o->debugfs, "frontends");
	list_guests(&s, backend, &t, o->json);
	table_free(&t);
	if (ret && !o->json)
		table_explain(o->debugfs, ret);
	status = EXIT_FINE;
out:
	store_close(&s);
	return status;
}

static int list_table(const struct list_options *o, const char *name)
{
	struct table t;
	int ret = table_read(&t, o->debugfs, name);

	if (ret) {
		table_explain(o->debugfs, ret);
		return EXIT_FAILED;
	}
	if (o->json)
		table_json(&t);
	else
		table_print(&t);
	table_free(&t);
	return EXIT_FINE;
}

static const struct option_rule rules[] = {
	OPTION_RULE_FLAG(struct list_options, members, "members",
			 "the registered processes instead of the guests"),
	OPTION_RULE_FLAG(struct list_options, channels, "channels",
			 "the channels between them instead of the guests"),
	OPTION_RULE_FLAG(struct list_options, json, "json",
			 "as JSON, for programs"),
	OPTION_RULE_BACKEND(struct list_options),
	OPTION_RULE_DEBUGFS(struct list_options),
	OPTION_RULE_END,
};

static int list_run(int argc, char **argv)
{
	struct list_options o = { .backend = BACKEND_DEFAULT,
				  .debugfs = DEBUGFS_DEFAULT };
	int status = options_parse(rules, &o, argc, argv);

	if (!status)
		status = words_check(argc, argv, 0, 0);
	if (status)
		return status;
	if (o.members && o.channels)
		return usage_error("--members and --channels exclude each "
				   "other: give one of them");
	if (o.members || o.channels)
		return list_table(&o, o.members ? "members" : "channels");
	return list_all(&o);
}

const struct command list_command = {
	.name = "list",
	.run = list_run,
	.args = "",
	.help = "guests, realms, states and what they use",
	.about = "",
	.options = rules,
	.examples = "  ivcctl list\n"
		    "  ivcctl list --channels --json\n",
};
