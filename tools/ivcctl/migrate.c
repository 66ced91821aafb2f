/* SPDX-License-Identifier: MIT */
/*
 * ivcctl migrate: hand over the channels, let xl migrate the guest, then ask
 * the other host whether the guest is back on IVC.
 *
 * The first step is a detach with a reason, the node "leaving": the channels
 * are handed over while the guest still runs, so that no time is spent on that
 * while the guest is frozen. If xl fails, the guest is attached again with the
 * same rules.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attach.h"
#include "domain.h"
#include "ivcctl.h"
#include "options.h"

#define WAIT_DEFAULT 30
#define POLL_MS 5

struct migrate_options {
	const char *guest, *host, *backend, *xl, *ssh, *remote;
	long long wait;
	bool frozen;
};

/* Times of events in ms since the command began; -1: not seen. */
struct times {
	double told, drained, frozen, awake, arrived;
};

static double now_ms(void)
{
	static struct timespec start;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	if (!start.tv_sec)
		start = ts;
	return (double)(ts.tv_sec - start.tv_sec) * 1e3 +
	       (double)(ts.tv_nsec - start.tv_nsec) / 1e6;
}

/* Run a shell command and read its output. NULL after complaining. */
__attribute__((format(printf, 1, 2))) static FILE *start(const char *fmt, ...)
{
	char command[1024];
	va_list ap;
	FILE *f;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(command)) {
		usage_error("that is too long for a command");
		return NULL;
	}
	fflush(NULL);
	/* An ignored signal would stay ignored in what the shell runs. */
	signal(SIGPIPE, SIG_DFL);
	f = popen(command, "r");
	signal(SIGPIPE, SIG_IGN);
	if (!f)
		complain("no shell can be started: %s", strerror(errno));
	return f;
}

static int finish(FILE *f)
{
	int status = pclose(f);

	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

/* Print a line of xl with the time; one line tells that the guest runs there.
 */
static void xl_says(char *line, struct times *t)
{
	line[strcspn(line, "\r\n")] = '\0';
	if (!*line)
		return;
	if (strstr(line, "reports successful startup"))
		t->awake = now_ms();
	report("%9.0f ms  xl: %s", now_ms(), line);
}

/* Read xl's output until its end, and watch for the guest to be frozen. */
static void follow(int fd, unsigned int domid, struct times *t)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	char line[512];
	size_t n = 0;
	ssize_t got;

	for (;;) {
		if (t->frozen < 0 && domain_suspended(domid))
			t->frozen = now_ms();
		if (poll(&pfd, 1, POLL_MS) <= 0)
			continue;
		got = read(fd, line + n, 1);
		if (got <= 0)
			break;
		if (line[n] == '\n' || line[n] == '\r' ||
		    n == sizeof(line) - 2) {
			line[n + 1] = '\0';
			xl_says(line, t);
			n = 0;
		} else {
			n++;
		}
	}
}

static int run_xl(const struct migrate_options *o, unsigned int domid,
		  struct times *t)
{
	FILE *f = start("exec %s migrate %s%s%s %u '%s' 2>&1", o->xl,
			o->ssh ? "-s '" : "", o->ssh ? o->ssh : "",
			o->ssh ? "'" : "", domid, o->host);

	if (!f)
		return EXIT_FAILED;
	follow(fileno(f), domid, t);
	return finish(f);
}

/* Ask the other host, and print its answer. */
static int ask_there(const struct migrate_options *o, const char *name,
		     struct times *t)
{
	FILE *f = start("exec %s '%s' 'ivcctl arrived %s --wait %lld' 2>&1",
			o->remote, o->host, name, o->wait);
	char line[512];
	int status;

	if (!f)
		return EXIT_FAILED;
	while (fgets(line, sizeof(line), f))
		printf("%9.0f ms  %s: %s", now_ms(), o->host, line);
	status = finish(f);
	if (!status)
		t->arrived = now_ms();
	return status;
}

static void summary(const struct times *t)
{
	report("notice and drain  %9.0f ms  channels handed over while it ran",
	       t->drained - t->told);
	if (t->frozen >= 0 && t->awake >= 0)
		report("blackout          %9.0f ms  frozen here to running "
		       "there",
		       t->awake - t->frozen);
	else
		report("blackout                  ?     xl did not say");
	if (t->arrived >= 0 && t->awake >= 0)
		report("back on IVC       %9.0f ms  after that: connected, "
		       "processes registered",
		       t->arrived - t->awake);
}

static int tell(struct store *s, const struct migrate_options *o,
		const struct device *d, const char *name, struct times *t)
{
	int ret;

	t->told = now_ms();
	if (!o->frozen) {
		ret = store_write_number(s, d->be, "leaving", 1);
		if (!ret)
			ret = detach_one(s, d, name, o->wait, false);
		if (ret)
			return ret;
	}
	t->drained = now_ms();
	return 0;
}

static int migrate(struct store *s, const struct migrate_options *o,
		   const struct device *d, const char *name)
{
	struct times t = { -1, -1, -1, -1, -1 };
	struct rules rules;
	bool attached = store_exists(s, "%s/backend", d->fe);
	int status;

	if (!attached)
		report("%s has no IVC device; it is moved without", name);
	device_rules(s, d, &rules);
	if (attached && tell(s, o, d, name, &t))
		return EXIT_FAILED;
	status = run_xl(o, d->guest, &t);
	if (status) {
		complain("%s was not moved: xl migrate ended with %d", name,
			 status);
		if (attached && !o->frozen &&
		    store_exists(s, "/local/domain/%u", d->guest))
			attach_one(s, d, name, &rules);
		return EXIT_FAILED;
	}
	if (attached && ask_there(o, name, &t)) {
		complain("%s is on %s, but IVC is not: there, modprobe "
			 "ivc-back and ivcctl attach %s, or ivcctl attach "
			 "--all --watch",
			 name, o->host, name);
		status = EXIT_FAILED;
	}
	if (attached)
		summary(&t);
	return status;
}

static const struct option_rule rules[] = {
	{ .letter = 's',
	  .value = "COMMAND",
	  .type = OPTION_TEXT,
	  .offset = offsetof(struct migrate_options, ssh),
	  .help = "-s of xl migrate: how it reaches HOST (default ssh)" },
	OPTION_RULE_TEXT(struct migrate_options, remote, "remote", "COMMAND",
			 "run as: COMMAND HOST 'ivcctl arrived ...' (default "
			 "ssh)"),
	OPTION_RULE_FLAG(struct migrate_options, frozen, "frozen",
			 "hand over while the guest is frozen, for a "
			 "comparison"),
	OPTION_RULE_NUMBER(struct migrate_options, wait, "wait", "SECONDS", 1,
			   WAIT_MAX,
			   "for the detach here, then the attach there "
			   "(default "
			   "30)"),
	OPTION_RULE_TEXT(struct migrate_options, xl, "xl", "PATH",
			 "the xl to run (default: xl of $PATH)"),
	OPTION_RULE_BACKEND(struct migrate_options),
	OPTION_RULE_END,
};

static int parse(struct migrate_options *o, int argc, char **argv)
{
	int status = options_parse(rules, o, argc, argv);

	if (!status)
		status = words_check(argc, argv, 2, 2);
	if (status)
		return status;
	o->guest = argv[optind];
	o->host = argv[optind + 1];
	/* Both become words of a shell's command line, in single quotes. */
	if (strchr(o->host, '\''))
		return usage_error("%s: the name of a host has no quotes",
				   o->host);
	if (o->ssh && strchr(o->ssh, '\''))
		return usage_error("-s %s: a command with single quotes cannot "
				   "be passed on; put it into a script",
				   o->ssh);
	return EXIT_FINE;
}

static int migrate_run(int argc, char **argv)
{
	struct migrate_options o = { .backend = BACKEND_DEFAULT,
				     .xl = "xl",
				     .remote = "ssh",
				     .wait = WAIT_DEFAULT };
	char name[DOMAIN_NAME_MAX];
	int status = parse(&o, argc, argv);
	struct device d;
	struct store s;

	if (status)
		return status;
	if (store_open(&s))
		return EXIT_FAILED;
	status = EXIT_FAILED;
	if (device_locate(&s, o.guest, o.backend, &d, name))
		goto out;
	if (strchr(name, '\'') || strchr(name, ' '))
		complain("a guest with such a name cannot be asked for there");
	else
		status = migrate(&s, &o, &d, name);
out:
	store_close(&s);
	return status;
}

const struct command migrate_command = {
	.name = "migrate",
	.run = migrate_run,
	.args = "GUEST HOST",
	.help = "move a guest to another host, its channels first",
	.about =
		"The channels are handed over while the guest still runs; then "
		"xl migrate\nmoves it; then HOST is asked whether the guest is "
		"back on IVC, for which\nivcctl attach --all --watch has to "
		"run "
		"there. Prints how long each part took.\n"
		"Plain xl migrate, save and restore work too, but then the "
		"handover happens\nwhile the guest is frozen, and a peer that "
		"does not answer within half a\nsecond is cut off.\n",
	.options = rules,
	.examples = "  ivcctl migrate web1 host2\n",
	.changes = true,
};
