/* SPDX-License-Identifier: MIT */
/* ivcctl detach and ivcctl realm. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "attach.h"
#include "domain.h"
#include "ivcctl.h"

#define WAIT_DEFAULT 10
#define WAIT_MAX 3600

struct detach_options {
	const char *guest, *realm, *backend;
	int wait;
	bool force;
};

/*
 * A side that never left Initialising has no driver that could close it.
 * device_wait() knows only the states, hence these.
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
	/* Without a frontend there is nobody for the backend to wait for. */
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

/* Also a guest that is gone, by its number, as long as there are nodes. */
static int find(struct store *s, const char *who, unsigned int backend)
{
	char *end;
	long v = strtol(who, &end, 10);

	if (end != who && !*end && v >= 0 && v < DOMAIN_MAX &&
	    store_exists(s, "/local/domain/%u/backend/ivc/%ld/0", backend, v))
		return v;
	return domain_find(s, who);
}

static int parse(struct detach_options *o, int argc, char **argv, int most)
{
	enum { O_FORCE = 256, O_WAIT, O_BACKEND };
	static const struct option longopts[] = {
		{ "force", no_argument, NULL, O_FORCE },
		{ "wait", required_argument, NULL, O_WAIT },
		{ "backend", required_argument, NULL, O_BACKEND },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*o = (struct detach_options){ .backend = "0", .wait = WAIT_DEFAULT };
	while ((c = getopt_long(argc, argv, "", longopts, NULL)) != -1) {
		switch (c) {
		case O_FORCE:
			o->force = true;
			break;
		case O_WAIT:
			o->wait = number_arg("wait", optarg, 0, WAIT_MAX);
			if (o->wait < 0)
				return EXIT_WRONG;
			break;
		case O_BACKEND:
			o->backend = optarg;
			break;
		default:
			return option_error();
		}
	}
	if (optind == argc)
		return usage_error("which guest? Give its name or number");
	if (argc - optind > most)
		return usage_error("'%s' is one word too many",
				   argv[optind + most]);
	o->guest = argv[optind++];
	if (optind < argc)
		o->realm = argv[optind];
	if (o->realm && !realm_valid(o->realm))
		return usage_error("a realm is 1 to %d of A-Z a-z 0-9 . _ -, "
				   "not '%s'",
				   REALM_MAX, o->realm);
	return EXIT_FINE;
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

int cmd_detach(int argc, char **argv)
{
	char name[DOMAIN_NAME_MAX];
	struct detach_options o;
	struct device d;
	struct store s;
	int status = parse(&o, argc, argv, 1);

	if (status)
		return status;
	if (store_open(&s))
		return EXIT_FAILED;
	status = EXIT_FAILED;
	if (!locate(&s, &o, &d, name) &&
	    !detach_one(&s, &d, name, o.wait, o.force))
		status = EXIT_FINE;
	store_close(&s);
	return status;
}

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

int cmd_realm(int argc, char **argv)
{
	char name[DOMAIN_NAME_MAX], *old;
	struct detach_options o;
	struct device d;
	struct store s;
	int status = parse(&o, argc, argv, 2);

	if (status)
		return status;
	if (o.force)
		return usage_error("--force is for detach");
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
