/* SPDX-License-Identifier: MIT */
/* ivcctl attach: one guest here, all of them in watch.c. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "device.h"
#include "domain.h"
#include "ivcctl.h"
#include "watch.h"

#define WAIT_MAX 3600

enum {
	O_ALL = 256,
	O_REALM,
	O_BACKEND,
	O_WAIT,
	O_POLICY,
	O_WATCH,
	O_ONCE,
	O_DAEMON,
	O_PID_FILE,
	O_LIMIT, /* and the following */
};

struct attach_options {
	const char *guest, *backend;
	struct rules rules;
	bool rules_given;
	int wait;
	bool all, once;
	struct watch_options watch;
};

/* What a driver itself has written down of its trouble. */
static void show_driver_error(struct store *s, unsigned int domid,
			      const char *dir, const char *who)
{
	/* dir is /local/domain/<domid>/..., the error below .../error/... */
	const char *rest = dir + strlen("/local/domain/");
	char *error;

	rest += strcspn(rest, "/");
	error = store_read(s, "/local/domain/%u/error%s/error", domid, rest);
	if (error)
		complain("the %s says: %s", who, error);
	free(error);
}

void explain_states(struct store *s, const struct device *d, const char *name)
{
	int fe, be;

	device_states(s, d, &fe, &be);
	if (fe < 0 && be < 0) {
		complain("%s has gone or was detached meanwhile", name);
		return;
	}
	complain("%s is attached but not connected: guest %s, backend %s", name,
		 state_name(fe), state_name(be));
	show_driver_error(s, d->backend, d->be, "backend");
	show_driver_error(s, d->guest, d->fe, "guest");
	if (be == STATE_INITIALISING)
		complain("  the backend did not come: in domain %u, modprobe "
			 "ivc-back",
			 d->backend);
	if (fe == STATE_INITIALISING)
		complain("  the guest did not come: in %s, modprobe ivc-front",
			 name);
}

static int wait_connected(struct store *s, const struct device *d,
			  const char *name, int seconds)
{
	int ret = device_wait(s, d, seconds, device_both_connected);

	if (!ret) {
		report("%s is connected", name);
		return EXIT_FINE;
	}
	if (ret == -ETIMEDOUT)
		explain_states(s, d, name);
	else if (ret == -EINTR)
		complain("interrupted; %s stays attached", name);
	else
		complain("xenstored has gone: %s", strerror(-ret));
	return EXIT_FAILED;
}

int attach_one(struct store *s, const struct device *d, const char *name,
	       const struct rules *rules)
{
	int ret = device_create(s, d, rules);

	switch (ret) {
	case 0:
		report("attached %s (domain %u) in realm %s", name, d->guest,
		       rules->realm);
		return 0;
	case -EEXIST:
		complain("%s is attached already; ivcctl list shows it, ivcctl "
			 "detach %s takes it away",
			 name, name);
		break;
	case -ENOENT:
		complain("%s has gone", name);
		break;
	case -EACCES:
	case -EPERM:
		complain("xenstore does not let us write: only Dom0's root may "
			 "attach guests");
		break;
	default:
		complain("%s could not be attached: %s", name, strerror(-ret));
	}
	return ret;
}

static int attach_guest(struct store *s, const struct attach_options *o)
{
	char name[DOMAIN_NAME_MAX];
	struct device d;

	if (device_locate(s, o->guest, o->backend, &d, name))
		return EXIT_FAILED;
	if (domain_life(d.guest) == DOMAIN_CRASHED ||
	    domain_life(d.guest) == DOMAIN_GONE) {
		complain("%s is dead; it can be attached when it runs again",
			 name);
		return EXIT_FAILED;
	}
	if (attach_one(s, &d, name, &o->rules))
		return EXIT_FAILED;
	return o->wait ? wait_connected(s, &d, name, o->wait) : EXIT_FINE;
}

static int parse_limit(struct attach_options *o, int which, const char *arg)
{
	long long v = number_arg(limits[which].name, arg, 0, limits[which].max);

	o->rules.limit[which] = v;
	o->rules_given = true;
	return v < 0 ? EXIT_WRONG : EXIT_FINE;
}

static int parse_realm(struct attach_options *o, const char *realm)
{
	if (!realm_valid(realm))
		return usage_error("a realm is 1 to %d of A-Z a-z 0-9 . _ -, "
				   "not '%s'",
				   REALM_MAX, realm);
	strcpy(o->rules.realm, realm);
	o->rules_given = true;
	return EXIT_FINE;
}

static int parse_one(struct attach_options *o, int c, char *arg)
{
	switch (c) {
	case O_ALL:
		o->all = true;
		break;
	case O_REALM:
		return parse_realm(o, arg);
	case O_BACKEND:
		o->backend = arg;
		break;
	case O_WAIT:
		o->wait = number_arg("wait", arg, 0, WAIT_MAX);
		return o->wait < 0 ? EXIT_WRONG : EXIT_FINE;
	case O_POLICY:
		o->watch.policy = arg;
		break;
	case O_WATCH:
		o->watch.watch = true;
		break;
	case O_ONCE:
		o->once = true;
		break;
	case O_DAEMON:
		o->watch.daemon = true;
		break;
	case O_PID_FILE:
		o->watch.pid_file = arg;
		break;
	default:
		if (c >= O_LIMIT && c < O_LIMIT + LIMITS)
			return parse_limit(o, c - O_LIMIT, arg);
		return option_error();
	}
	return EXIT_FINE;
}

static int check(const struct attach_options *o, int words)
{
	const struct watch_options *k = &o->watch;

	if (o->all && words)
		return usage_error("either --all or one guest");
	if (!o->all && words != 1)
		return usage_error("which guest? Give its name or number, or "
				   "--all");
	if (!o->all &&
	    (k->watch || k->daemon || k->policy || k->pid_file || o->once))
		return usage_error("--policy, --watch, --once, --daemon and "
				   "--pid-file go with --all");
	if (o->all && o->rules_given)
		return usage_error("with --all realms and limits come from the "
				   "policy file");
	if (o->all && o->wait)
		return usage_error("--wait is for one guest");
	if (k->watch && o->once)
		return usage_error("either --watch or --once");
	if ((k->daemon || k->pid_file) && !k->watch)
		return usage_error("--daemon and --pid-file go with --watch");
	return EXIT_FINE;
}

static int parse(struct attach_options *o, int argc, char **argv)
{
	static struct option longopts[] = {
		{ "all", no_argument, NULL, O_ALL },
		{ "realm", required_argument, NULL, O_REALM },
		{ "backend", required_argument, NULL, O_BACKEND },
		{ "wait", required_argument, NULL, O_WAIT },
		{ "policy", required_argument, NULL, O_POLICY },
		{ "watch", no_argument, NULL, O_WATCH },
		{ "once", no_argument, NULL, O_ONCE },
		{ "daemon", no_argument, NULL, O_DAEMON },
		{ "pid-file", required_argument, NULL, O_PID_FILE },
		{ "max-contexts", required_argument, NULL,
		  O_LIMIT + LIMIT_CONTEXTS },
		{ "max-channels", required_argument, NULL,
		  O_LIMIT + LIMIT_CHANNELS },
		{ "max-pages", required_argument, NULL, O_LIMIT + LIMIT_PAGES },
		{ "max-pending", required_argument, NULL,
		  O_LIMIT + LIMIT_PENDING },
		{ "max-rate", required_argument, NULL, O_LIMIT + LIMIT_RATE },
		{ NULL, 0, NULL, 0 },
	};
	int c, status;

	*o = (struct attach_options){ .backend = "0" };
	rules_default(&o->rules);
	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		status = parse_one(o, c, optarg);
		if (status)
			return status;
	}
	status = check(o, argc - optind);
	if (!status && !o->all)
		o->guest = argv[optind];
	o->watch.backend = o->backend;
	return status;
}

int cmd_attach(int argc, char **argv)
{
	struct attach_options o;
	struct store s;
	int status = parse(&o, argc, argv);

	if (status)
		return status;
	if (o.all)
		return watch_run(&o.watch);
	if (store_open(&s))
		return EXIT_FAILED;
	status = attach_guest(&s, &o);
	store_close(&s);
	return status;
}
