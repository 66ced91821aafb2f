/* SPDX-License-Identifier: MIT */
/* ivcctl arrived: is a guest that was moved here back on IVC? */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "attach.h"
#include "domain.h"
#include "ivcctl.h"
#include "table.h"

#define WAIT_DEFAULT 30
#define WAIT_MAX 3600
#define LOOK_US 20000

struct arrived_options {
	const char *guest, *backend, *debugfs;
	int wait;
};

static long long contexts(const struct arrived_options *o, unsigned int domid)
{
	long long n = -1;
	struct table t;
	int row;

	if (table_read(&t, o->debugfs, "frontends"))
		return -1;
	row = table_find(&t, "domid", domid);
	if (row >= 0)
		n = table_number(&t, (unsigned int)row, "contexts");
	table_free(&t);
	return n;
}

static int arrived(struct store *s, const struct arrived_options *o,
		   const struct device *d, const char *name)
{
	time_t end = time(NULL) + o->wait;
	long long n;
	int ret;

	while (!store_exists(s, "%s/backend", d->fe)) {
		if (time(NULL) >= end) {
			complain("%s is here and not attached: ivcctl attach "
				 "%s, or ivcctl attach --all --watch",
				 name, name);
			return EXIT_FAILED;
		}
		usleep(LOOK_US);
	}
	ret = device_wait(s, d, o->wait, device_both_connected);
	if (ret) {
		explain_states(s, d, name);
		return EXIT_FAILED;
	}
	/* Its processes come back by themselves, behind one another. */
	do {
		n = contexts(o, d->guest);
		if (n > 0)
			break;
		usleep(LOOK_US);
	} while (time(NULL) < end && n < 0);
	report("%s is connected here, %lld processes are registered", name,
	       n < 0 ? 0 : n);
	return EXIT_FINE;
}

static int parse(struct arrived_options *o, int argc, char **argv)
{
	enum { O_WAIT = 256, O_BACKEND, O_DEBUGFS };
	static const struct option longopts[] = {
		{ "wait", required_argument, NULL, O_WAIT },
		{ "backend", required_argument, NULL, O_BACKEND },
		{ "debugfs", required_argument, NULL, O_DEBUGFS },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*o = (struct arrived_options){ .backend = "0",
				       .debugfs = "/sys/kernel/debug",
				       .wait = WAIT_DEFAULT };
	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		switch (c) {
		case O_WAIT:
			o->wait = number_arg("wait", optarg, 1, WAIT_MAX);
			if (o->wait < 0)
				return EXIT_WRONG;
			break;
		case O_BACKEND:
			o->backend = optarg;
			break;
		case O_DEBUGFS:
			o->debugfs = optarg;
			break;
		default:
			return option_error();
		}
	}
	if (argc - optind != 1)
		return usage_error("which guest? Give its name or number");
	o->guest = argv[optind];
	return EXIT_FINE;
}

int cmd_arrived(int argc, char **argv)
{
	char name[DOMAIN_NAME_MAX];
	struct arrived_options o;
	int status = parse(&o, argc, argv);
	struct device d;
	struct store s;

	if (status)
		return status;
	if (store_open(&s))
		return EXIT_FAILED;
	status = EXIT_FAILED;
	if (!device_locate(&s, o.guest, o.backend, &d, name))
		status = arrived(&s, &o, &d, name);
	store_close(&s);
	return status;
}
