/* SPDX-License-Identifier: MIT */
/* ivcctl attach: its options, and attaching one guest; --all is in watch.c. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "device.h"
#include "domain.h"
#include "ivcctl.h"
#include "options.h"
#include "watch.h"

#define NOT_GIVEN (-1)

struct attach_options {
	const char *guest, *backend, *realm;
	long long limit[LIMITS]; /* NOT_GIVEN: the usual value */
	long long wait;
	bool all, once;
	struct watch_options watch;
	struct rules rules; /* made of realm and limit */
};

/* The error that the driver of @dir has written into xenstore, if any. */
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

/* clang-format off */
#define LIMIT_RULE(index_, name_, usual_, max_, meaning_)                      \
	OPTION_RULE_NUMBER(struct attach_options, limit[LIMIT_##index_],       \
			   name_, "N", 0, max_,                                \
			   meaning_ ", at most " #max_ " (default " #usual_ ")"),

static const struct option_rule rules[] = {
	OPTION_RULE_TEXT(struct attach_options, realm, "realm", "NAME",
		"guests of one realm can connect to each other\n"
		"(default: default)"),
	POLICY_LIMITS(LIMIT_RULE)
	OPTION_RULE_BACKEND(struct attach_options),
	OPTION_RULE_NUMBER(struct attach_options, wait, "wait", "SECONDS",
		0, WAIT_MAX,
		"wait until both drivers are connected\n"
		"(default 0: do not wait)"),
	OPTION_RULE_FLAG(struct attach_options, all, "all",
		"instead of GUEST: every running guest that the\n"
		"policy allows; the options below go with it"),
	OPTION_RULE_TEXT(struct attach_options, watch.policy, "policy", "FILE",
		"policy file (default " POLICY_FILE ";\n"
		"without that file every guest is allowed)"),
	OPTION_RULE_FLAG(struct attach_options, once, "once",
		"exit after that (the default)"),
	OPTION_RULE_FLAG(struct attach_options, watch.watch, "watch",
		"stay: attach guests that start, remove the devices\n"
		"of those that end; SIGHUP rereads the policy"),
	OPTION_RULE_FLAG(struct attach_options, watch.daemon, "daemon",
		"with --watch: in the background, messages to syslog"),
	OPTION_RULE_TEXT(struct attach_options, watch.pid_file, "pid-file", "FILE",
		"with --watch: write the PID to FILE and lock it"),
	OPTION_RULE_END,
};
/* clang-format on */

/* Were any options given that the policy file decides with --all? */
static bool own_rules(const struct attach_options *o)
{
	for (int i = 0; i < LIMITS; i++)
		if (o->limit[i] != NOT_GIVEN)
			return true;
	return o->realm;
}

int realm_error(const char *realm)
{
	return usage_error("the realm's name must have 1 to %d characters of "
			   "A-Z a-z 0-9 . _ -, not '%s'",
			   REALM_MAX, realm);
}

static int check(const struct attach_options *o, int words)
{
	const struct watch_options *k = &o->watch;

	if (o->all && words)
		return usage_error(
			"--all and GUEST exclude each other: give one of "
			"them");
	if (!o->all && words != 1)
		return usage_error(
			"GUEST is missing: give the name or number of "
			"one guest, as xl list shows it, or --all");
	if (!o->all &&
	    (k->watch || k->daemon || k->policy || k->pid_file || o->once))
		return usage_error("--policy, --watch, --once, --daemon and "
				   "--pid-file need --all");
	if (o->all && own_rules(o))
		return usage_error(
			"--realm and --max-... are for one guest; with "
			"--all write them into the policy file");
	if (o->all && o->wait)
		return usage_error("--wait is for one guest, not for --all");
	if (k->watch && o->once)
		return usage_error(
			"--watch and --once exclude each other: give "
			"one of them");
	if ((k->daemon || k->pid_file) && !k->watch)
		return usage_error("--daemon and --pid-file need --watch");
	return EXIT_FINE;
}

static int parse(struct attach_options *o, int argc, char **argv)
{
	int status;

	*o = (struct attach_options){ .backend = BACKEND_DEFAULT };
	for (int i = 0; i < LIMITS; i++)
		o->limit[i] = NOT_GIVEN;
	status = options_parse(rules, o, argc, argv);
	if (!status)
		status = check(o, argc - optind);
	if (status)
		return status;
	if (o->realm && !realm_valid(o->realm))
		return realm_error(o->realm);
	if (!o->all)
		o->guest = argv[optind];
	o->watch.backend = o->backend;
	rules_default(&o->rules);
	if (o->realm)
		strcpy(o->rules.realm, o->realm);
	for (int i = 0; i < LIMITS; i++)
		if (o->limit[i] != NOT_GIVEN)
			o->rules.limit[i] = (unsigned int)o->limit[i];
	return EXIT_FINE;
}

static int attach_run(int argc, char **argv)
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

const struct command attach_command = {
	.name = "attach",
	.run = attach_run,
	.args = "GUEST | --all",
	.help = "give a guest its IVC device",
	.about = "GUEST is a name or a number, as in xl list.\n",
	.options = rules,
	.examples = "  ivcctl attach web1 --realm shop --wait 10\n"
		    "  ivcctl attach --all --watch --daemon --pid-file "
		    "/run/ivcctl.pid\n",
	.changes = true,
};
