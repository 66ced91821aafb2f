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

/* As wide as it prints. */
/* clang-format off */
static const char help[] =
	"usage: ivcd [options]\n"
	"\n"
	"The broker of IVC channels between processes of this machine: programs that\n"
	"use libivc find each other through it. It needs no privileges.\n"
	"\n"
	"Where it listens, and who may use it\n"
	"  -s, --socket PATH     listen on PATH. Default: $IVC_SOCKET; else, for root,\n"
	"                        /run/ivc/ivcd.sock; else $XDG_RUNTIME_DIR/ivc/ivcd.sock\n"
	"                        or /tmp/ivc-UID/ivcd.sock. Programs look there, too.\n"
	"  -m, --mode OCTAL      permissions of the socket (666)\n"
	"  -r, --realm uid|gid|any\n"
	"                        which processes see each other: those of one user (uid),\n"
	"                        of one primary group (gid), or all of them (any); (uid)\n"
	"\n"
	"What each user may have (numbers may end in K, M or G)\n"
	"      --max-clients N   processes connected (%u)\n"
	"      --max-contexts N  registered contexts (%u)\n"
	"      --max-channels N  channel ends (%u)\n"
	"      --max-bytes N     memory of their rings (%lluG)\n"
	"      --max-pending N   offers waiting for an accept (%u)\n"
	"      --max-rate N      requests per second; more have to wait (%u)\n"
	"      --stall SECONDS   disconnect a client that has read nothing for so long (10)\n"
	"\n"
	"  -v, --verbose         also log who comes and goes\n"
	"  -h, --help\n"
	"  -V, --version\n"
	"\n"
	"To try it, in three terminals:\n"
	"  ivcd\n"
	"  ivc-pingpong --magic 42 --server\n"
	"  ivc-pingpong --magic 42 --client\n"
	"For all users of a machine: systemctl enable --now ivcd.socket\n"
	"SIGUSR1 makes it log what it has: clients, members and channels.\n"
	"The manual is ivcd(8).\n";
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
		log_line("ends: %s", strerror(-err));
	else
		log_line("ends");
	return err ? 1 : 0;
}
