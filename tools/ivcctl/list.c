/* SPDX-License-Identifier: MIT */
/* ivcctl list. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "device.h"
#include "domain.h"
#include "ivcctl.h"
#include "table.h"

struct list_options {
	const char *backend, *debugfs, *table;
	bool json;
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
	/* A name is a string also if it looks like a number. */
	printf("\"");
	for (const char *p = l->name; *p; p++) {
		if (*p == '"' || *p == '\\')
			putchar('\\');
		if ((unsigned char)*p >= 0x20)
			putchar(*p);
	}
	printf("\", \"realm\": \"%s\", \"guest_state\": \"%s\", "
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
	/* Without the driver there are still the nodes to show. */
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

static int list_table(const struct list_options *o)
{
	struct table t;
	int ret = table_read(&t, o->debugfs, o->table);

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

int cmd_list(int argc, char **argv)
{
	enum { O_JSON = 256, O_MEMBERS, O_CHANNELS, O_BACKEND, O_DEBUGFS };
	static const struct option longopts[] = {
		{ "json", no_argument, NULL, O_JSON },
		{ "members", no_argument, NULL, O_MEMBERS },
		{ "channels", no_argument, NULL, O_CHANNELS },
		{ "backend", required_argument, NULL, O_BACKEND },
		{ "debugfs", required_argument, NULL, O_DEBUGFS },
		{ NULL, 0, NULL, 0 },
	};
	struct list_options o = {
		.backend = "0",
		.debugfs = "/sys/kernel/debug",
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		switch (c) {
		case O_JSON:
			o.json = true;
			break;
		case O_MEMBERS:
		case O_CHANNELS:
			if (o.table)
				return usage_error("either --members or "
						   "--channels");
			o.table = c == O_MEMBERS ? "members" : "channels";
			break;
		case O_BACKEND:
			o.backend = optarg;
			break;
		case O_DEBUGFS:
			o.debugfs = optarg;
			break;
		default:
			return option_error();
		}
	}
	if (optind < argc)
		return usage_error("'%s' is one word too many", argv[optind]);
	return o.table ? list_table(&o) : list_all(&o);
}
