/* SPDX-License-Identifier: GPL-2.0 */
/* The command line of ivc-apitest. */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "apitest.h"

static const struct command commands[] = {
	{ "echo", cmd_echo, "[--count C] [--errno NAME]",
	  "accept for ever (or C channels) and send everything back; an accept "
	  "may fail like that" },
	{ "stream", cmd_stream,
	  "--peer J [--messages N|--until FILE] [--max B --seed S "
	  "--zero-copy --both]",
	  "send numbered messages of mixed sizes to a sink, N of them or until "
	  "that file is there, then close" },
	{ "sink", cmd_sink, "[--zero-copy] [--count C]",
	  "accept one stream (or C) and verify every byte of it" },
	{ "hosts", cmd_hosts,
	  "[--expect A,B,..|none] [--forbid A,B] [--hold S]",
	  "wait for exactly these others; never see the forbidden" },
	{ "reach", cmd_reach, "--member MEMBER --errno NAME",
	  "connect to a member number out of the blue: must fail like that" },
	{ "events", cmd_events, "--count C",
	  "print that many joins, leaves, detaches and attaches" },
	{ "many", cmd_many, "--peer J [--channels N] [--count ROUNDS]",
	  "N channels to an echo at once, each used in turn, with poll()" },
	{ "cycle", cmd_cycle, "--peer J [--count C]",
	  "connect to an echo, use and close the channel, C times" },
	{ "remote-peer", cmd_remote_peer, "",
	  "do what a `closers` elsewhere commands" },
	{ "closers", cmd_closers, "--peer J",
	  "every way to open, wait and close, against a remote-peer" },
	{ "die", cmd_die,
	  "--peer J [--after B] [--how kill|abort|exit|wait|close]",
	  "send B bytes and die of it" },
	{ "expect-end", cmd_expect_end,
	  "--errno NAME[,NAME] [--after B] [--within-ms T] [--how read|write]",
	  "accept; all that was sent comes, and then exactly that error" },
	{ "shuttle", cmd_shuttle,
	  "[--expect A,B,.. --channels N] [--count C] [--errno NAME] "
	  "[--how moves] [--zero-copy]",
	  "N channels to each, and C from others, until they all end; "
	  "accounts" },
	{ "load", cmd_load,
	  "--channels N --hold S [--after S] [--within-ms T] [--max B]",
	  "N channels to each other member and back, messages and answers, "
	  "each within T ms of the last; join and leave at random, within S "
	  "seconds of --after each time" },
	{ "fate", cmd_fate,
	  "[--peer J] [--until FILE] [--how again|rush|queue|loop]",
	  "connect, or else accept, once that file is there, and then do "
	  "nothing for ever; again: until it works, rush: so, being over the "
	  "guest's rate meanwhile, queue: with requests for nobody in line "
	  "before, loop: close it and begin again, for ever" },
	{ "states", cmd_states, "", "the table of a channel's states" },
	{ "figure5-client", cmd_figure5_client, "", "the paper's program" },
	{ "figure5-server", cmd_figure5_server, "", "and its other half" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *f)
{
	size_t i;

	fputs("usage: ivc-apitest COMMAND --magic M --id I [options]\n\n", f);
	for (i = 0; i < N_COMMANDS; i++)
		fprintf(f, "  %s %s\n\t%s\n", commands[i].name,
			commands[i].args, commands[i].help);
	fputs("\nFor all: --timeout S (without progress: failure; 60)\n"
	      "\t--tx-size B --rx-size B (rings) --spin NS (negative: for "
	      "ever)\n"
	      "Exit status: 0 all was as it should be, 1 not, 2 usage.\n"
	      "IVC_DEVICE names a device other than /dev/ivc.\n",
	      f);
}

enum {
	OPT_MAGIC = 256,
	OPT_ID,
	OPT_PEER,
	OPT_MEMBER,
	OPT_MESSAGES,
	OPT_MAX,
	OPT_SEED,
	OPT_COUNT,
	OPT_AFTER,
	OPT_CHANNELS,
	OPT_TX_SIZE,
	OPT_RX_SIZE,
	OPT_SPIN,
	OPT_TIMEOUT,
	OPT_HOLD,
	OPT_WITHIN,
	OPT_ERRNO,
	OPT_HOW,
	OPT_UNTIL,
	OPT_ZERO_COPY,
	OPT_BOTH,
	OPT_EXPECT,
	OPT_FORBID,
	OPT_HELP,
};

static const struct option long_options[] = {
	{ "magic", required_argument, NULL, OPT_MAGIC },
	{ "id", required_argument, NULL, OPT_ID },
	{ "peer", required_argument, NULL, OPT_PEER },
	{ "member", required_argument, NULL, OPT_MEMBER },
	{ "messages", required_argument, NULL, OPT_MESSAGES },
	{ "max", required_argument, NULL, OPT_MAX },
	{ "seed", required_argument, NULL, OPT_SEED },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "after", required_argument, NULL, OPT_AFTER },
	{ "channels", required_argument, NULL, OPT_CHANNELS },
	{ "tx-size", required_argument, NULL, OPT_TX_SIZE },
	{ "rx-size", required_argument, NULL, OPT_RX_SIZE },
	{ "spin", required_argument, NULL, OPT_SPIN },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "hold", required_argument, NULL, OPT_HOLD },
	{ "within-ms", required_argument, NULL, OPT_WITHIN },
	{ "errno", required_argument, NULL, OPT_ERRNO },
	{ "how", required_argument, NULL, OPT_HOW },
	{ "until", required_argument, NULL, OPT_UNTIL },
	{ "zero-copy", no_argument, NULL, OPT_ZERO_COPY },
	{ "both", no_argument, NULL, OPT_BOTH },
	{ "expect", required_argument, NULL, OPT_EXPECT },
	{ "forbid", required_argument, NULL, OPT_FORBID },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static __attribute__((noreturn)) void bad(const char *what, const char *arg)
{
	fprintf(stderr, "ivc-apitest: %s: %s\n", what, arg);
	exit(2);
}

static uint64_t number(const char *arg, uint64_t max)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(arg, &end, 0);
	if (errno || end == arg || *end || *arg == '-' || v > max)
		bad("not a number in range", arg);
	return v;
}

static void parse_ids(struct ids *ids, const char *arg)
{
	char *copy = strdup(arg), *save = NULL, *word;

	if (!copy)
		bad("out of memory", arg);
	ids->given = true;
	ids->n = 0;
	if (strcmp(arg, "none")) {
		for (word = strtok_r(copy, ",", &save); word;
		     word = strtok_r(NULL, ",", &save)) {
			if (ids->n == IDS_MAX)
				bad("too many ids", arg);
			ids->id[ids->n++] = (uint32_t)number(word, UINT32_MAX);
		}
	}
	free(copy);
}

/* NAME; or NAME,OTHER if the result depends on a race. */
static void parse_errnos(struct options *opt, const char *arg)
{
	char *copy = strdup(arg), *other;

	if (!copy)
		bad("out of memory", arg);
	other = strchr(copy, ',');
	if (other)
		*other++ = '\0';
	opt->error = errnumber(copy);
	opt->other_error = other ? errnumber(other) : opt->error;
	if (opt->error < 0 || opt->other_error < 0)
		bad("unknown errno", arg);
	free(copy);
}

static void parse_one(struct options *opt, int c, const char *arg)
{
	switch (c) {
	case OPT_MAGIC:
		opt->magic = number(arg, UINT64_MAX);
		break;
	case OPT_ID:
		opt->id = (uint32_t)number(arg, UINT32_MAX);
		break;
	case OPT_PEER:
		opt->peer = (uint32_t)number(arg, UINT32_MAX);
		break;
	case OPT_MEMBER:
		opt->member = number(arg, UINT64_MAX);
		break;
	case OPT_MESSAGES:
		opt->messages = number(arg, UINT64_MAX);
		break;
	case OPT_MAX:
		opt->max = (uint32_t)number(arg, 16u << 20);
		break;
	case OPT_SEED:
		opt->seed = number(arg, UINT64_MAX);
		break;
	case OPT_COUNT:
		opt->count = number(arg, UINT64_MAX);
		break;
	case OPT_AFTER:
		opt->after = number(arg, UINT64_MAX - 1);
		break;
	case OPT_CHANNELS:
		opt->channels = (uint32_t)number(arg, 4096);
		break;
	case OPT_TX_SIZE:
		opt->tx_size = (uint32_t)number(arg, UINT32_MAX);
		break;
	case OPT_RX_SIZE:
		opt->rx_size = (uint32_t)number(arg, UINT32_MAX);
		break;
	case OPT_SPIN:
		opt->spin_given = true;
		opt->spin = *arg == '-' ? -1 : (int64_t)number(arg, INT64_MAX);
		break;
	case OPT_TIMEOUT:
		opt->timeout_ms = (int)number(arg, INT_MAX / 1000) * 1000;
		break;
	case OPT_HOLD:
		opt->hold_ms = (int)number(arg, INT_MAX / 1000) * 1000;
		break;
	case OPT_WITHIN:
		opt->within_ms = (int)number(arg, INT_MAX);
		break;
	case OPT_ERRNO:
		parse_errnos(opt, arg);
		break;
	case OPT_HOW:
		opt->how = arg;
		break;
	case OPT_UNTIL:
		opt->until = arg;
		break;
	case OPT_ZERO_COPY:
		opt->zero_copy = true;
		break;
	case OPT_BOTH:
		opt->both = true;
		break;
	case OPT_EXPECT:
		parse_ids(&opt->expect, arg);
		break;
	case OPT_FORBID:
		parse_ids(&opt->forbid, arg);
		break;
	case OPT_HELP:
		usage(stdout);
		exit(0);
	default:
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct options opt = { .magic = 0x1c,
			       .messages = 10000,
			       .max = 8192,
			       .seed = 1,
			       .after = UINT64_MAX,
			       .channels = 64,
			       .timeout_ms = 60000,
			       .how = "" };
	const char *name = argc > 1 ? argv[1] : "--help";
	size_t i;
	int c;

	if (!strcmp(name, "--help") || !strcmp(name, "help")) {
		usage(stdout);
		return argc > 1 ? 0 : 2;
	}
	while ((c = getopt_long(argc - 1, argv + 1, "", long_options, NULL)) !=
	       -1)
		parse_one(&opt, c, optarg);
	if (optind != argc - 1)
		bad("superfluous", argv[optind + 1]);
	opt.timeout_ms = slower(opt.timeout_ms);
	opt.within_ms = slower(opt.within_ms);
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return commands[i].run(&opt);
	bad("no such command", name);
}
