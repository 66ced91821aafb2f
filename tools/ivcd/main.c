/* SPDX-License-Identifier: MIT */
/* The command line of ivcd. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <ivc/ivc.h>

#include "ivcd.h"

struct config config = {
	.realm = REALM_UID,
	.max = { .clients = IVC_USER_CLIENTS,
		 .contexts = IVC_USER_CONTEXTS,
		 .channels = IVC_USER_CHANNELS,
		 .bytes = IVC_USER_BYTES,
		 .pending = IVC_USER_PENDING,
		 .rate = IVC_USER_RATE },
	.stall_ns = 10 * SEC,
};

static const char help[] =
	"usage: ivcd [options]\n"
	"\n"
	"The broker of local IVC channels, between processes of this machine.\n"
	"\n"
	"  -s, --socket PATH     listen there (IVC_SOCKET; as root\n"
	"                        /run/ivc/ivcd.sock, else\n"
	"                        $XDG_RUNTIME_DIR/ivc/ivcd.sock or\n"
	"                        /tmp/ivc-UID/ivcd.sock)\n"
	"  -m, --mode OCTAL      the socket's mode (666)\n"
	"  -r, --realm uid|gid|any\n"
	"                        who may meet: processes of one user (uid), "
	"of\n"
	"                        one primary group (gid), all of them (any)\n"
	"      --max-clients N   per user: processes\n"
	"      --max-contexts N  registered contexts\n"
	"      --max-channels N  channel ends\n"
	"      --max-bytes N     memory of their rings\n"
	"      --max-pending N   offers waiting for an accept\n"
	"      --max-rate N      requests per second\n"
	"      --stall SECONDS   disconnect who reads nothing for that long "
	"(10)\n"
	"  -v, --verbose         say who comes and goes, too\n"
	"  -h, --help\n"
	"  -V, --version\n"
	"\n"
	"SIGUSR1: a line with the number of clients, members and channels.\n"
	"The manual is ivcd(8).\n";

enum {
	OPT_CLIENTS = 256,
	OPT_CONTEXTS,
	OPT_CHANNELS,
	OPT_BYTES,
	OPT_PENDING,
	OPT_RATE,
	OPT_STALL,
};

static const struct option options[] = {
	{ "socket", required_argument, NULL, 's' },
	{ "mode", required_argument, NULL, 'm' },
	{ "realm", required_argument, NULL, 'r' },
	{ "max-clients", required_argument, NULL, OPT_CLIENTS },
	{ "max-contexts", required_argument, NULL, OPT_CONTEXTS },
	{ "max-channels", required_argument, NULL, OPT_CHANNELS },
	{ "max-bytes", required_argument, NULL, OPT_BYTES },
	{ "max-pending", required_argument, NULL, OPT_PENDING },
	{ "max-rate", required_argument, NULL, OPT_RATE },
	{ "stall", required_argument, NULL, OPT_STALL },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static __attribute__((noreturn)) void bad(const char *what, const char *arg)
{
	fprintf(stderr, "ivcd: %s: %s; see ivcd --help\n", what, arg);
	exit(64);
}

static uint64_t number(const char *arg, int base, uint64_t max)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(arg, &end, base);
	if (errno || end == arg || *end || *arg == '-' || !v || v > max)
		bad("not a number in range", arg);
	return v;
}

static enum realm_kind realm(const char *arg)
{
	if (!strcmp(arg, "uid"))
		return REALM_UID;
	if (!strcmp(arg, "gid"))
		return REALM_GID;
	if (!strcmp(arg, "any"))
		return REALM_ANY;
	bad("not uid, gid or any", arg);
}

struct args {
	const char *path;
	mode_t mode;
};

static void parse_one(int c, const char *arg, struct args *args)
{
	switch (c) {
	case 's':
		args->path = arg;
		break;
	case 'm':
		args->mode = (mode_t)number(arg, 8, 0777);
		break;
	case 'r':
		config.realm = realm(arg);
		break;
	case OPT_CLIENTS:
		config.max.clients = number(arg, 10, 1u << 20);
		break;
	case OPT_CONTEXTS:
		config.max.contexts = number(arg, 10, 1u << 20);
		break;
	case OPT_CHANNELS:
		config.max.channels = number(arg, 10, 1u << 24);
		break;
	case OPT_BYTES:
		config.max.bytes = number(arg, 10, 1ull << 43);
		break;
	case OPT_PENDING:
		config.max.pending = number(arg, 10, 1u << 20);
		break;
	case OPT_RATE:
		config.max.rate = number(arg, 10, SEC);
		break;
	case OPT_STALL:
		config.stall_ns = (int64_t)number(arg, 10, 3600) * SEC;
		break;
	case 'v':
		config.verbose = true;
		break;
	case 'h':
		fputs(help, stdout);
		exit(0);
	case 'V':
		printf("ivcd %d.%d\n", IVC_VERSION_MAJOR, IVC_VERSION_MINOR);
		exit(0);
	default:
		exit(64);
	}
}

/* A descriptor per client, and one per offer that is under way. */
static void raise_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

int main(int argc, char **argv)
{
	struct args args = { .mode = 0666 };
	int c, err;

	while ((c = getopt_long(argc, argv, "s:m:r:vhV", options, NULL)) != -1)
		parse_one(c, optarg, &args);
	if (optind < argc)
		bad("superfluous", argv[optind]);
	setvbuf(stderr, NULL, _IOLBF, 0);
	raise_limit();
	err = groups_init();
	if (!err)
		err = users_init();
	if (!err)
		err = listen_open(args.path, args.mode);
	if (!err)
		err = loop_run();
	listen_close();
	if (err)
		log_line("ends: %s", strerror(-err));
	else
		log_line("ends");
	return err ? 1 : 0;
}
