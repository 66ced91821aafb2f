/* SPDX-License-Identifier: MIT */
/* The command line. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <ivc/version.h>

#include "../common/args.h"
#include "../common/output.h"
#include "options.h"

#define TIMEOUT_DEFAULT 30
#define SPIN_DEFAULT_NS 50000
#define VCHAN_PATH "data/ivc-pingpong"

const char *const test_names[TESTS] = {
	[TEST_LATENCY] = "latency", [TEST_BANDWIDTH] = "bandwidth",
	[TEST_RATE] = "rate",	    [TEST_BIBW] = "bibw",
	[TEST_MIXED] = "mixed",
};

const char program_name[] = "ivc-pingpong";

static void parse_sizes(struct options *o, char *list)
{
	char *save, *s = strtok_r(list, ",", &save);

	o->n_sizes = 0;
	for (; s; s = strtok_r(NULL, ",", &save)) {
		if (o->n_sizes == SIZES_MAX)
			wrong("--sizes: more than %d sizes", SIZES_MAX);
		if (!strcmp(s, "0"))
			wrong("--sizes 0: a stream has no empty messages; the "
			      "smallest is 1");
		o->sizes[o->n_sizes++] = number("sizes", s, 1, MESSAGE_MAX);
	}
	if (!o->n_sizes)
		wrong("--sizes: no size given; write for example --sizes "
		      "4,64,1K");
	o->own_sizes = true;
}

static void parse_tests(struct options *o, char *list)
{
	char *save, *s = strtok_r(list, ",", &save);

	o->tests = 0;
	for (; s; s = strtok_r(NULL, ",", &save)) {
		int i;

		for (i = 0; i < TEST_MIXED && strcmp(s, test_names[i]); i++)
			;
		if (i == TEST_MIXED)
			wrong("--tests %s: must be latency, bandwidth, rate or "
			      "bibw%s",
			      s,
			      strcmp(s, "mixed") ? ""
						 : "; mixed sizes: --mixed N");
		o->tests |= 1u << i;
	}
	if (!o->tests)
		wrong("--tests: no test given; write for example --tests "
		      "latency,rate");
}

static void parse_wait(struct options *o, const char *s)
{
	static const char *const names[WAIT_MODES] = {
		[WAIT_ADAPTIVE] = "adaptive",
		[WAIT_SPIN] = "spin",
		[WAIT_SLEEP] = "sleep",
	};

	for (int i = 0; i < WAIT_MODES; i++) {
		if (!strcmp(s, names[i])) {
			o->hello.wait = i;
			return;
		}
	}
	wrong("--wait %s: must be spin, sleep or adaptive", s);
}

static void over(struct options *o, const struct transport_ops *ops)
{
	if (o->ops && o->ops != ops)
		wrong("--magic, --tcp, --unix and --vchan exclude each other: "
		      "give one of them");
	o->ops = ops;
}

static void role(struct options *o, int r)
{
	if (o->role != ROLE_NONE && (int)o->role != r)
		wrong("--server, --client and --compare exclude each other: "
		      "give one of them");
	o->role = r;
}

/* HOST:PORT, [ADDRESS]:PORT, :PORT or, at the server, PORT. */
static void parse_tcp(struct options *o, char *s)
{
	char *colon = strrchr(s, ':'), *bracket;

	over(o, &tcp_transport);
	if (!port_valid(colon ? colon + 1 : s))
		wrong("--tcp %s: must be HOST:PORT, at a server also PORT "
		      "alone, with a PORT between 1 and 65535",
		      s);
	o->addr.host = NULL;
	if (!colon) {
		o->addr.port = s;
		return;
	}
	*colon = '\0';
	o->addr.port = colon + 1;
	bracket = strchr(s, ']');
	if (*s == '[' && bracket) {
		*bracket = '\0';
		s++;
	}
	if (*s)
		o->addr.host = s;
}

#ifdef WITH_VCHAN
static void parse_vchan(struct options *o, const char *opt, char *s)
{
	char *colon = strchr(s, ':');

	over(o, &vchan_transport);
	if (colon)
		*colon++ = '\0';
	o->addr.domid = (int)number(opt, s, 0, 0x7fef);
	o->addr.path = colon && *colon ? colon : VCHAN_PATH;
}
#endif

enum {
	O_LOOP = 256,
	O_COMPARE,
	O_BY,
	O_ID,
	O_TCP,
	O_UNIX,
	O_VCHAN,
	O_VCHAN_SERVER,
	O_RING,
	O_SIZES,
	O_MIN,
	O_MAX,
	O_SECONDS,
	O_WARMUP,
	O_WINDOW,
	O_BATCH,
	O_VERIFY,
	O_MIXED,
	O_SEED,
	O_WAIT,
	O_SPIN,
	O_TIMEOUT,
	O_CPU,
	O_CSV,
	O_JSON,
	O_LABEL,
};

static const struct option longopts[] = {
	{ "server", no_argument, NULL, 's' },
	{ "client", no_argument, NULL, 'c' },
	{ "magic", required_argument, NULL, 'm' },
	{ "tests", required_argument, NULL, 't' },
	{ "iterations", required_argument, NULL, 'n' },
	{ "zero-copy", no_argument, NULL, 'z' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "loop", no_argument, NULL, O_LOOP },
	{ "compare", no_argument, NULL, O_COMPARE },
	{ "by", required_argument, NULL, O_BY },
	{ "id", required_argument, NULL, O_ID },
	{ "tcp", required_argument, NULL, O_TCP },
	{ "unix", required_argument, NULL, O_UNIX },
	{ "vchan", required_argument, NULL, O_VCHAN },
	{ "vchan-server", required_argument, NULL, O_VCHAN_SERVER },
	{ "ring", required_argument, NULL, O_RING },
	{ "sizes", required_argument, NULL, O_SIZES },
	{ "min", required_argument, NULL, O_MIN },
	{ "max", required_argument, NULL, O_MAX },
	{ "seconds", required_argument, NULL, O_SECONDS },
	{ "warmup", required_argument, NULL, O_WARMUP },
	{ "window", required_argument, NULL, O_WINDOW },
	{ "batch", required_argument, NULL, O_BATCH },
	{ "verify", no_argument, NULL, O_VERIFY },
	{ "mixed", required_argument, NULL, O_MIXED },
	{ "seed", required_argument, NULL, O_SEED },
	{ "wait", required_argument, NULL, O_WAIT },
	{ "spin", required_argument, NULL, O_SPIN },
	{ "timeout", required_argument, NULL, O_TIMEOUT },
	{ "cpu", required_argument, NULL, O_CPU },
	{ "csv", required_argument, NULL, O_CSV },
	{ "json", required_argument, NULL, O_JSON },
	{ "label", required_argument, NULL, O_LABEL },
	{ NULL, 0, NULL, 0 },
};

static void one_option(struct options *o, int c, char *arg)
{
	switch (c) {
	case 's':
		role(o, ROLE_SERVER);
		break;
	case 'c':
		role(o, ROLE_CLIENT);
		break;
	case O_COMPARE:
		role(o, ROLE_COMPARE);
		break;
	case O_LOOP:
		o->loop = true;
		break;
	case O_BY:
		o->by = arg;
		break;
	case 'm':
		over(o, &ivc_transport);
		o->addr.magic = number("magic", arg, 0, UINT64_MAX);
		break;
	case O_ID:
		o->addr.id = number("id", arg, 0, UINT32_MAX);
		break;
	case O_TCP:
		parse_tcp(o, arg);
		break;
	case O_UNIX:
		over(o, &unix_transport);
		o->addr.path = arg;
		break;
#ifdef WITH_VCHAN
	case O_VCHAN:
		parse_vchan(o, "vchan", arg);
		role(o, ROLE_CLIENT);
		break;
	case O_VCHAN_SERVER:
		parse_vchan(o, "vchan-server", arg);
		role(o, ROLE_SERVER);
		break;
#else
	case O_VCHAN:
	case O_VCHAN_SERVER:
		wrong("--vchan: this ivc-pingpong was built without "
		      "libxenvchan; build it where libxenvchan.h is installed");
#endif
	case O_RING:
		o->addr.ring = number("ring", arg, 1024, 16u << 20);
		break;
	case 't':
		parse_tests(o, arg);
		break;
	case O_SIZES:
		parse_sizes(o, arg);
		break;
	case O_MIN:
		o->min = number("min", arg, 1, MESSAGE_MAX);
		break;
	case O_MAX:
		o->max = number("max", arg, 1, MESSAGE_MAX);
		break;
	case O_SECONDS:
		o->seconds = seconds(arg, 86400);
		break;
	case 'n':
		o->iterations = number("iterations", arg, 1, COUNT_MAX);
		break;
	case O_WARMUP:
		o->warmup = number("warmup", arg, 0, COUNT_MAX);
		break;
	case O_WINDOW:
		o->window = number("window", arg, 1, WINDOW_MAX);
		break;
	case O_BATCH:
		o->batch = number("batch", arg, 1, 1000000);
		break;
	case O_VERIFY:
		o->hello.verify = true;
		break;
	case O_MIXED:
		o->mixed = number("mixed", arg, 1, COUNT_MAX);
		o->hello.verify = true;
		break;
	case O_SEED:
		o->hello.seed = number("seed", arg, 0, UINT64_MAX);
		break;
	case 'z':
		o->hello.zero_copy = true;
		break;
	case O_WAIT:
		parse_wait(o, arg);
		break;
	case O_SPIN:
		o->hello.spin_ns = number("spin", arg, 0, 1000000000);
		break;
	case O_TIMEOUT:
		o->timeout_s = number("timeout", arg, 1, TIMEOUT_MAX);
		break;
	case O_CPU:
		o->cpu = number("cpu", arg, 0, 1023);
		break;
	case O_CSV:
		o->csv = arg;
		break;
	case O_JSON:
		o->json = arg;
		break;
	case O_LABEL:
		o->label = arg;
		break;
	case 'h':
		fputs(help_text, stdout);
		exit(output_end(program_name, EXIT_FINE, EXIT_LOST));
	case 'V':
		puts("ivc-pingpong " IVC_VERSION);
		exit(output_end(program_name, EXIT_FINE, EXIT_LOST));
	default:
		fprintf(stderr, "Try: ivc-pingpong --help\n");
		exit(EXIT_WRONG);
	}
}

/* What only makes sense, or does not, together. */
static void check(struct options *o, int argc, char **argv)
{
	if (o->role == ROLE_COMPARE) {
		o->files = argv + optind;
		o->n_files = argc - optind;
		if (o->n_files < 1)
			wrong("--compare: no file given; name the files that "
			      "--json "
			      "wrote");
		return;
	}
	if (optind < argc)
		wrong("'%s' is one word too many", argv[optind]);
	if (!o->ops)
		wrong("no transport given: give --magic N for IVC, with the "
		      "same N at both ends, or --tcp HOST:PORT or --unix PATH");
	if (o->role == ROLE_NONE)
		o->role = ROLE_CLIENT;
	if (o->ops == &tcp_transport && o->role == ROLE_CLIENT && !o->addr.host)
		wrong("--tcp :%s: a client needs the server's host, too: --tcp "
		      "HOST:%s",
		      o->addr.port, o->addr.port);
	if (o->hello.zero_copy && !o->ops->reserve)
		wrong("--zero-copy needs IVC (--magic): %s always copies",
		      o->ops->name);
	if (o->addr.ring & (o->addr.ring - 1))
		wrong("--ring %u: must be a power of two", o->addr.ring);
	if (o->min > o->max)
		wrong("--min %u is larger than --max %u", o->min, o->max);
	if (o->loop && o->role != ROLE_SERVER)
		wrong("--loop needs --server");
	if (o->csv && o->json && !strcmp(o->csv, "-") && !strcmp(o->json, "-"))
		wrong("--csv - and --json -: only one of them can use standard "
		      "output");
}

static void defaults(struct options *o)
{
	if (!o->tests && !o->mixed)
		o->tests = (1u << TEST_MIXED) - 1;
	if (o->mixed)
		o->tests |= 1u << TEST_MIXED;
	if (!o->n_sizes) {
		for (uint64_t s = o->min; s <= o->max; s *= 2)
			o->sizes[o->n_sizes++] = s;
	}
	if (!o->label && o->ops)
		o->label = o->ops->name;
	o->hello.timeout_s = o->timeout_s ? o->timeout_s : TIMEOUT_DEFAULT;
}

void options_parse(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options){
		.cpu = -1,
		.min = 1,
		.max = 65536,
		.seconds = 1,
		.warmup = UINT64_MAX,
		.window = 64,
		.by = "p50",
		.hello = { .spin_ns = SPIN_DEFAULT_NS },
	};
	if (getrandom(&o->hello.seed, sizeof(o->hello.seed), 0) < 0)
		o->hello.seed = 1;
	o->hello.seed >>= 32; /* short enough to be typed again */
	while ((c = getopt_long(argc, argv, "scm:t:n:zhV", longopts, NULL)) !=
	       -1)
		one_option(o, c, optarg);
	check(o, argc, argv);
	defaults(o);
}
