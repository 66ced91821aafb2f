/* SPDX-License-Identifier: MIT */
/* ivc-roam: messages that survive migrations, see --help. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../common/args.h"
#include "../common/output.h"
#include "../common/stdfds.h"
#include "roam.h"

volatile sig_atomic_t interrupted;

void complain(const char *fmt, ...)
{
	va_list ap;

	output_push(stdout);
	fprintf(stderr, "ivc-roam: ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void on_signal(int sig)
{
	(void)sig;
	interrupted = interrupted ? 2 : 1;
}

/* Without SA_RESTART: system calls that wait return and see `interrupted`. */
static void handle_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void print_by(const struct record *r)
{
	static const char *const names[] = { "TCP", "IVC" };

	printf("%s, microseconds\n%-5s %12s %12s %12s %12s\n", record_what(r),
	       "by", "count", "p50", "p99", "max");
	for (int i = 1; i >= 0; i--) {
		const struct histogram *s = &r->by[i];

		if (!s->n) {
			printf("%-5s %12d %12s %12s %12s\n", names[i], 0, "-",
			       "-", "-");
			continue;
		}
		printf("%-5s %12llu %12.1f %12.1f %12.1f\n", names[i],
		       (unsigned long long)s->n,
		       histogram_percentile(s, 50) / 1000,
		       histogram_percentile(s, 99) / 1000,
		       (double)s->max / 1000);
	}
}

static void print_sum(const struct stream *s, const struct traffic *t,
		      const struct record *r, bool fine)
{
	typedef unsigned long long ull;

	printf("sent %llu messages, %llu bytes; %llu bytes of them twice, "
	       "since a channel had not delivered them\n",
	       (ull)t->tx_seq, (ull)t->tx_bytes, (ull)s->again);
	printf("%llu messages, %llu bytes, %llu switches to IVC, %llu switches "
	       "to TCP, longest gap %.1f ms at %.3f s, %s\n",
	       (ull)t->rx_seq, (ull)t->rx_bytes, (ull)s->to_ivc, (ull)s->to_tcp,
	       (double)r->gap / MS,
	       r->gap ? (double)(r->gap_at - r->start) / SECOND : 0,
	       fine ? "0 lost, 0 doubled, 0 out of order"
		    : "not ended in good order");
}

static void print_all(const struct options *o, const struct stream *s,
		      const struct traffic *t, const struct record *r,
		      bool fine)
{
	print_by(r);
	if (o->ascii)
		plot_ascii(r, stdout);
	if (o->plot)
		plot_files(r, o->plot);
	if (r->error)
		complain("out of memory: the table and the plots lack some "
			 "intervals");
	print_sum(s, t, r, fine);
}

/* Static, since they are large. */
static struct traffic traffic;
static struct record record;

static int talk(const struct options *o, struct wire *w)
{
	struct stream stream;
	bool active = o->host;
	uint64_t now = clock_ns();
	int ret;

	record_start(&record, !active || o->mode != MODE_LATENCY, now);
	stream_init(&stream, w, o->id < o->peer);
	traffic_init(&traffic, &stream, &record, o, active, now);
	notice(o, "on TCP, %s, messages of %s%u bytes", mode_names[o->mode],
	       o->mode == MODE_STREAM ? "up to " : "", o->size);
	ret = loop_run(o, &stream, &traffic, &record);
	print_all(o, &stream, &traffic, &record, !ret);
	stream_free(&stream);
	return ret;
}

int main(int argc, char **argv)
{
	struct wire *w = NULL;
	struct options o;
	int ret, written;

	stdfds_occupy();
	options_parse(&o, argc, argv);
	handle_signals();
	/*
	 * Open the files after the connection: if that fails, a waiting peer
	 * sees the connection end.
	 */
	ret = o.host ? hello_connect(&o, &w) : hello_listen(&o, &w);
	if (!ret)
		ret = record_open(&record, &o);
	if (!ret)
		ret = talk(&o, w);
	wire_free(w);
	written = record_close(&record);
	return output_end(program_name, ret ? ret : written, EXIT_LOST);
}
