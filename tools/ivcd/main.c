/* SPDX-License-Identifier: MIT */
/* The command line of ivcd. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <ivc/version.h>

#include "../common/args.h"
#include "../common/stdfds.h"
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

/* Lines are as wide as they print. */
/* clang-format off */
static const char help[] =
	"Usage: ivcd [OPTION...]\n"
	"\n"
	"The broker of IVC channels between processes of one machine: programs with libivc\n"
	"connect to each other through it. ivcd needs no privileges.\n"
	"\n"
	"Socket and users\n"
	"  -s, --socket PATH     listen on PATH. Default: $IVC_SOCKET; without that, for\n"
	"                        root /run/ivc/ivcd.sock, for other users\n"
	"                        $XDG_RUNTIME_DIR/ivc/ivcd.sock or /tmp/ivc-UID/ivcd.sock.\n"
	"                        Programs try the same places.\n"
	"  -m, --mode OCTAL      permissions of the socket (default 666)\n"
	"  -r, --realm uid|gid|any\n"
	"                        which processes are in one group: those of one user (uid,\n"
	"                        the default), of one primary group (gid), or all (any)\n"
	"\n"
	"Limits of each user (numbers may end in K, M or G)\n"
	"      --max-clients N   connected processes (default %u)\n"
	"      --max-contexts N  registered contexts (default %u)\n"
	"      --max-channels N  channel ends (default %u)\n"
	"      --max-bytes N     memory of their rings (default %lluG)\n"
	"      --max-pending N   offers that wait for an accept (default %u)\n"
	"      --max-rate N      requests per second; more are delayed (default %u)\n"
	"      --stall SECONDS   disconnect a client that reads nothing for this time\n"
	"                        (default 10)\n"
	"\n"
	"  -v, --verbose         also log clients and members that come or go\n"
	"  -h, --help            print this text\n"
	"  -V, --version         print the version\n"
	"\n"
	"To try it, in three terminals:\n"
	"  ivcd\n"
	"  ivc-pingpong --magic 42 --server\n"
	"  ivc-pingpong --magic 42 --client\n"
	"For all users of a machine: systemctl enable --now ivcd.socket\n"
	"SIGUSR1 logs the numbers of clients, members and channels.\n"
	"More: man ivcd\n";
/* clang-format on */

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

const char program_name[] = "ivcd";

static mode_t octal(const char *arg)
{
	unsigned long v;
	char *end;

	v = strtoul(arg, &end, 8);
	if (*arg < '0' || *arg > '7' || *end || !v || v > 0777)
		wrong("--mode %s: must be an octal number between 1 and 777",
		      arg);
	return (mode_t)v;
}

static enum realm_kind realm(const char *arg)
{
	if (!strcmp(arg, "uid"))
		return REALM_UID;
	if (!strcmp(arg, "gid"))
		return REALM_GID;
	if (strcmp(arg, "any"))
		wrong("--realm %s: must be uid, gid or any", arg);
	return REALM_ANY;
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
		args->mode = octal(arg);
		break;
	case 'r':
		config.realm = realm(arg);
		break;
	case OPT_CLIENTS:
		config.max.clients = number("max-clients", arg, 1, 1u << 20);
		break;
	case OPT_CONTEXTS:
		config.max.contexts = number("max-contexts", arg, 1, 1u << 20);
		break;
	case OPT_CHANNELS:
		config.max.channels = number("max-channels", arg, 1, 1u << 24);
		break;
	case OPT_BYTES:
		config.max.bytes = number("max-bytes", arg, 1, 1ull << 43);
		break;
	case OPT_PENDING:
		config.max.pending = number("max-pending", arg, 1, 1u << 20);
		break;
	case OPT_RATE:
		config.max.rate = number("max-rate", arg, 1, SEC);
		break;
	case OPT_STALL:
		config.stall_ns = (int64_t)number("stall", arg, 1, 3600) * SEC;
		break;
	case 'v':
		config.verbose = true;
		break;
	case 'h':
		printf(help, IVC_USER_CLIENTS, IVC_USER_CONTEXTS,
		       IVC_USER_CHANNELS, IVC_USER_BYTES >> 30,
		       IVC_USER_PENDING, IVC_USER_RATE);
		exit(0);
	case 'V':
		puts("ivcd " IVC_VERSION);
		exit(0);
	default:
		/* getopt has named the culprit. */
		fputs("Try: ivcd --help\n", stderr);
		exit(EX_USAGE);
	}
}

int main(int argc, char **argv)
{
	struct args args = { .mode = 0666 };
	int c, err;

	stdfds_occupy();
	/* Clients must not notice that the log has no reader, or no room. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	while ((c = getopt_long(argc, argv, "s:m:r:vhV", options, NULL)) != -1)
		parse_one(c, optarg, &args);
	if (optind < argc)
		wrong("'%s' is one word too many", argv[optind]);
	err = closers_init();
	if (!err)
		err = groups_init();
	if (!err)
		err = users_init();
	if (!err)
		err = listen_open(args.path, args.mode);
	if (!err)
		err = loop_run();
	listen_close();
	if (err)
		log_line("exiting: %s", strerror(-err));
	else
		log_line("exiting");
	return err ? 1 : 0;
}
