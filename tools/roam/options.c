/* SPDX-License-Identifier: MIT */
/* The command line. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <ivc/version.h>

#include "../common/args.h"
#include "../common/output.h"
#include "roam.h"

#define SIZE_LATENCY 64u
#define TIMEOUT_DEFAULT 60

const char program_name[] = "ivc-roam";

/* HOST:PORT or [ADDRESS]:PORT. */
static void where(struct options *o, char *s)
{
	char *colon = strrchr(s, ':'), *bracket = strchr(s, ']');

	if (!colon || colon == s || (bracket && bracket > colon) ||
	    !port_valid(colon + 1))
		wrong("--connect %s: must be HOST:PORT with a PORT between 1 "
		      "and 65535",
		      s);
	*colon = '\0';
	o->port = colon + 1;
	if (*s == '[' && bracket) {
		*bracket = '\0';
		s++;
	}
	o->host = s;
}

static enum mode mode_of(const char *s)
{
	for (int i = 0; i < MODES; i++)
		if (!strcmp(s, mode_names[i]))
			return i;
	wrong("--mode %s: must be latency or stream", s);
}

enum {
	O_ID = 256,
	O_PEER,
	O_LISTEN,
	O_CONNECT,
	O_MODE,
	O_SIZE,
	O_SECONDS,
	O_MESSAGES,
	O_RATE,
	O_TABLE,
	O_PLOT,
	O_ASCII,
	O_INTERVAL,
	O_SPIN,
	O_TIMEOUT,
};

static const struct option longopts[] = {
	{ "magic", required_argument, NULL, 'm' },
	{ "id", required_argument, NULL, O_ID },
	{ "peer", required_argument, NULL, O_PEER },
	{ "listen", required_argument, NULL, O_LISTEN },
	{ "connect", required_argument, NULL, O_CONNECT },
	{ "mode", required_argument, NULL, O_MODE },
	{ "size", required_argument, NULL, O_SIZE },
	{ "seconds", required_argument, NULL, O_SECONDS },
	{ "messages", required_argument, NULL, O_MESSAGES },
	{ "rate", required_argument, NULL, O_RATE },
	{ "table", required_argument, NULL, O_TABLE },
	{ "plot", required_argument, NULL, O_PLOT },
	{ "ascii", no_argument, NULL, O_ASCII },
	{ "interval", required_argument, NULL, O_INTERVAL },
	{ "spin", required_argument, NULL, O_SPIN },
	{ "timeout", required_argument, NULL, O_TIMEOUT },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* Options without a value that means "not given". */
struct given {
	bool magic, id, peer;
	const char *active; /* an option that only --connect allows */
};

static void one_option(struct options *o, struct given *g, int c, char *arg)
{
	switch (c) {
	case 'm':
		o->magic = number("magic", arg, 0, UINT64_MAX);
		g->magic = true;
		break;
	case O_ID:
		o->id = (uint32_t)number("id", arg, 0, UINT32_MAX);
		g->id = true;
		break;
	case O_PEER:
		o->peer = (uint32_t)number("peer", arg, 0, UINT32_MAX);
		g->peer = true;
		break;
	case O_LISTEN:
		number("listen", arg, 1, 65535);
		o->listen = arg;
		break;
	case O_CONNECT:
		where(o, arg);
		break;
	case O_MODE:
		o->mode = mode_of(arg);
		g->active = "mode";
		break;
	case O_SIZE:
		o->size = (uint32_t)number("size", arg, MESSAGE_HEAD,
					   MESSAGE_MAX);
		g->active = "size";
		break;
	case O_SECONDS:
		o->seconds = seconds(arg, 1e6);
		g->active = "seconds";
		break;
	case O_MESSAGES:
		o->messages = number("messages", arg, 1, UINT64_MAX / 2);
		g->active = "messages";
		break;
	case O_RATE:
		o->rate = (uint32_t)number("rate", arg, 1, 100000000);
		g->active = "rate";
		break;
	case O_TABLE:
		o->table = arg;
		break;
	case O_PLOT:
		o->plot = arg;
		break;
	case O_ASCII:
		o->ascii = true;
		break;
	case O_INTERVAL:
		o->interval_ms = (uint32_t)number("interval", arg, 1, 3600000);
		break;
	case O_SPIN:
		o->spin_ns = (int64_t)number("spin", arg, 0, SECOND);
		break;
	case O_TIMEOUT:
		o->timeout_s = (uint32_t)number("timeout", arg, 0, 1000000);
		break;
	case 'q':
		o->quiet = true;
		break;
	case 'h':
		fputs(help_text, stdout);
		exit(output_end(program_name, EXIT_FINE, EXIT_LOST));
	case 'V':
		puts("ivc-roam " IVC_VERSION);
		exit(output_end(program_name, EXIT_FINE, EXIT_LOST));
	default:
		fprintf(stderr, "Try: ivc-roam --help\n");
		exit(EXIT_WRONG);
	}
}

static void check(const struct options *o, const struct given *g)
{
	if (!o->listen && !o->host)
		wrong("no address given: give --listen PORT on one side and "
		      "--connect HOST:PORT on the other");
	if (o->listen && o->host)
		wrong("--listen and --connect exclude each other: give one of "
		      "them");
	if (!g->magic)
		wrong("--magic N is missing: the number names the job and must "
		      "be the same on both sides");
	if (!g->id || !g->peer)
		wrong("--%s N is missing: --id is the process id of this side, "
		      "--peer that of the other side",
		      g->id ? "peer" : "id");
	if (o->id == o->peer)
		wrong("--id %u and --peer %u: each side must have its own "
		      "number",
		      o->id, o->peer);
	if (o->listen && g->active)
		wrong("--%s is for the side with --connect; this side adopts "
		      "it from there",
		      g->active);
	if (o->plot && !*o->plot)
		wrong("--plot: the name of a file is missing");
}

void options_parse(struct options *o, int argc, char **argv)
{
	struct given g = { 0 };
	int c;

	*o = (struct options){
		.interval_ms = 100,
		.timeout_s = TIMEOUT_DEFAULT,
		.spin_ns = -1,
	};
	while ((c = getopt_long(argc, argv, "m:qhV", longopts, NULL)) != -1)
		one_option(o, &g, c, optarg);
	if (optind < argc)
		wrong("'%s' is one word too many", argv[optind]);
	check(o, &g);
	if (!o->size)
		o->size = o->mode == MODE_LATENCY ? SIZE_LATENCY : MESSAGE_MAX;
}
