/* SPDX-License-Identifier: MIT */
/* ivcctl detach and ivcctl realm. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "domain.h"
#include "ivcctl.h"
#include "options.h"

#define WAIT_DEFAULT 10

struct detach_options {
	const char *guest, *realm, *backend;
	long long wait;
	bool force;
};

/*
 * A side that never left Initialising has no driver that could close it.
 * device_wait() passes only the states, so these variables tell both_let_go().
 */
static bool fe_was_there, be_was_there;

static bool let_go(int state, bool was_there)
{
	return state < 0 || state == STATE_CLOSED || !was_there;
}

static bool both_let_go(int fe, int be)
{
	return let_go(fe, fe_was_there) && let_go(be, be_was_there);
}

static void explain_stuck(struct store *s, const struct device *d,
			  const char *name, int seconds)
{
	int fe, be;

	device_states(s, d, &fe, &be);
	complain("%s has not let go within %d s: guest %s, backend %s", name,
		 seconds, state_name(fe), state_name(be));
	if (!let_go(fe, fe_was_there))
		complain("  the guest hangs or is paused; --force takes the "
			 "device away nevertheless");
	else
		complain("  the backend has not answered; look at dmesg in "
			 "domain %u, or use --force",
			 d->backend);
}

int detach_one(struct store *s, const struct device *d, const char *name,
	       int seconds, bool force)
{
	int fe, be, ret;

	device_states(s, d, &fe, &be);
	if (fe < 0 && be < 0) {
		complain("%s is not attached; ivcctl list shows who is", name);
		return -ENODEV;
	}
	fe_was_there = fe > STATE_INITIALISING;
	/* Without a frontend the backend has nothing to disconnect from. */
	be_was_there = be > STATE_INITIALISING && fe_was_there;
	ret = device_close(s, d);
	if (!ret)
		ret = device_wait(s, d, seconds, both_let_go);
	if (ret == -ETIMEDOUT && !force) {
		explain_stuck(s, d, name, seconds);
		return ret;
	}
	if (ret == -ETIMEDOUT) {
		complain("%s has not let go within %d s; forced", name,
			 seconds);
		ret = 0;
	}
	if (!ret)
		ret = device_remove(s, d);
	if (ret)
		complain("%s could not be detached: %s", name, strerror(-ret));
	else
		report("detached %s (domain %u)", name, d->guest);
	return ret;
}

/* As domain_find(), but finds a guest that has gone while its nodes exist. */
static int find(struct store *s, const char *who, unsigned int backend)
{
	char *end;
	long v = strtol(who, &end, 10);

	if (end != who && !*end && v >= 0 && v < DOMAIN_MAX &&
	    store_exists(s, "/local/domain/%u/backend/ivc/%ld/0", backend, v))
		return v;
	return domain_find(s, who);
}

#define DETACH_DEFAULTS                                                        \
	{                                                                      \
		.backend = BACKEND_DEFAULT, .wait = WAIT_DEFAULT               \
	}

static int locate(struct store *s, const struct detach_options *o,
		  struct device *d, char name[DOMAIN_NAME_MAX])
{
	int backend = domain_find(s, o->backend), guest;

	if (backend < 0)
		return -ENOENT;
	guest = find(s, o->guest, backend);
	if (guest < 0)
		return -ENOENT;
	device_init(d, guest, backend);
	domain_name(s, guest, name);
	return 0;
}

static const struct option_rule detach_rules[] = {
	OPTION_RULE_NUMBER(struct detach_options, wait, "wait", "SECONDS", 0,
			   WAIT_MAX,
			   "for both drivers to disconnect (default 10)"),
	OPTION_RULE_FLAG(struct detach_options, force, "force",
			 "after that remove the device in any case"),
	OPTION_RULE_BACKEND(struct detach_options),
	OPTION_RULE_END,
};

static int detach_run(int argc, char **argv)
{
	struct detach_options o = DETACH_DEFAULTS;
	int status = options_parse(detach_rules, &o, argc, argv);
	char name[DOMAIN_NAME_MAX];
	struct device d;
	struct store s;

	if (!status)
		status = words_check(argc, argv, 1, 1);
	if (status)
		return status;
	o.guest = argv[optind];
	if (store_open(&s))
		return EXIT_FAILED;
	status = EXIT_FAILED;
	if (!locate(&s, &o, &d, name) &&
	    !detach_one(&s, &d, name, o.wait, o.force))
		status = EXIT_FINE;
	store_close(&s);
	return status;
}

const struct command detach_command = {
	.name = "detach",
	.run = detach_run,
	.args = "GUEST",
	.help = "take the device away in good order",
	.about = "Programs of the guest get ENODEV on their channels.\n",
	.options = detach_rules,
	.examples = "  ivcctl detach web1\n",
	.changes = true,
};

static int move(struct store *s, const struct device *d, const char *name,
		const char *old, const struct detach_options *o)
{
	struct rules rules;

	if (!strcmp(old, o->realm)) {
		report("%s is in realm %s already", name, old);
		return EXIT_FINE;
	}
	device_rules(s, d, &rules);
	strcpy(rules.realm, o->realm);
	report("moving %s from realm %s to %s: its channels end", name, old,
	       o->realm);
	if (detach_one(s, d, name, o->wait, false))
		return EXIT_FAILED;
	return attach_one(s, d, name, &rules) ? EXIT_FAILED : EXIT_FINE;
}

static const struct option_rule realm_rules[] = {
	OPTION_RULE_NUMBER(struct detach_options, wait, "wait", "SECONDS", 0,
			   WAIT_MAX,
			   "for both drivers to disconnect (default 10)"),
	OPTION_RULE_BACKEND(struct detach_options),
	OPTION_RULE_END,
};

static int realm_run(int argc, char **argv)
{
	struct detach_options o = DETACH_DEFAULTS;
	int status = options_parse(realm_rules, &o, argc, argv);
	char name[DOMAIN_NAME_MAX], *old;
	struct device d;
	struct store s;

	if (!status)
		status = words_check(argc, argv, 1, 2);
	if (status)
		return status;
	o.guest = argv[optind];
	o.realm = argc - optind > 1 ? argv[optind + 1] : NULL;
	if (o.realm && !realm_valid(o.realm))
		return realm_error(o.realm);
	if (store_open(&s))
		return EXIT_FAILED;
	status = EXIT_FAILED;
	if (locate(&s, &o, &d, name))
		goto out;
	old = store_read(&s, "%s/realm", d.be);
	if (!old) {
		complain("%s is not attached, so in no realm: ivcctl attach %s "
			 "--realm NAME",
			 name, o.guest);
	} else if (o.realm) {
		status = move(&s, &d, name, old, &o);
	} else {
		report("%s", old);
		status = EXIT_FINE;
	}
	free(old);
out:
	store_close(&s);
	return status;
}

const struct command realm_command = {
	.name = "realm",
	.run = realm_run,
	.args = "GUEST [NAME]",
	.help = "show which realm a guest is in, or move it",
	.about = "The realm of an attached guest is fixed: to move it, it is "
		 "detached\nand attached again, and its channels end.\n",
	.options = realm_rules,
	.examples = "  ivcctl realm web1\n"
		    "  ivcctl realm web1 shop\n",
	.changes = true,
};
