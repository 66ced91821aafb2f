/* SPDX-License-Identifier: MIT */
/*
 * ivc-roam: a conversation that goes on while its ends move between hosts.
 *
 *   main     the order of things          options, help   the command line
 *   loop     one thread, one poll()       tcp, hello      how the two meet
 *   traffic  what is said, and checked    message, crc32  a message
 *   stream   which way a byte goes        wire            frames over TCP
 *   group    who is here, new channels    record, plot    what came of it
 *
 * A byte goes traffic -> stream -> wire or a channel of libivc -> stream ->
 * traffic. Only stream.c knows that there are two ways. Functions return 0 or
 * -errno unless they say otherwise; times are nanoseconds of clock_ns().
 */
#ifndef ROAM_H
#define ROAM_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <ivc/ivc.h>

#include "../common/clock.h"
#include "../common/histogram.h"

#define MS 1000000u
#define SECOND 1000000000u

/* Exit statuses, as the man page has them. */
enum {
	EXIT_FINE = 0,
	EXIT_FAULT = 1,	 /* something was lost, doubled, moved or changed */
	EXIT_LOST = 2,	 /* no peer, or it has gone */
	EXIT_WRONG = 64, /* the command line */
	EXIT_SIGNAL = 130,
};

enum mode { MODE_LATENCY, MODE_STREAM, MODES };

extern const char *const mode_names[MODES];

struct options {
	uint64_t magic;
	uint32_t id, peer;
	const char *listen;	  /* port, or NULL */
	const char *host, *port;  /* --connect, or NULL */
	enum mode mode;		  /* these five: of the side that connects */
	uint32_t size;		  /* of a message, the largest if they differ */
	uint32_t rate;		  /* messages per second; 0: no limit */
	double seconds;		  /* 0: no limit */
	uint64_t messages;	  /* 0: no limit */
	const char *table, *plot; /* files, or NULL */
	bool ascii, quiet;
	uint32_t interval_ms;
	uint32_t timeout_s; /* 0: for ever */
	int64_t spin_ns;    /* -1: not given */
};

extern const char help_text[];

/* Exits by itself on --help, --version and whatever is wrong. */
void options_parse(struct options *o, int argc, char **argv);

/* To standard error, after the program's name. */
__attribute__((format(printf, 1, 2))) void complain(const char *fmt, ...);

/* How often the user asked for an end: 1 in good order, 2 now. */
extern volatile sig_atomic_t interrupted;

/*
 * wire: frames {u32 type, u32 length, data}, little-endian, over a socket. One
 * buffer for each direction; nothing here waits.
 */
enum frame_type {
	FRAME_HELLO = 1,  /* struct hello */
	FRAME_DATA = 2,	  /* bytes of the stream */
	FRAME_SWITCH = 3, /* u32: go on with the channel of that generation */
	FRAME_END = 4,	  /* the sender has all, and nothing more to say */
};

#define FRAME_HEAD 8u
#define FRAME_MAX 16384u
#define HELLO_SIZE 40u

struct frame {
	uint32_t type;
	const uint8_t *data;
	size_t len; /* DATA: as much of it as is here; else all of it */
};

struct wire;

struct wire *wire_new(int fd);
void wire_free(struct wire *w);
int wire_fd(const struct wire *w);
/* Take from the socket what is there. 1: something, 0, or why it has ended. */
int wire_fill(struct wire *w);
bool wire_has_room(const struct wire *w);
/* Why nothing more will come, or 0. */
int wire_error(const struct wire *w);
/* The frame in front: 1, 0 (not here yet), -EPROTO, or why it has ended. */
int wire_head(struct wire *w, struct frame *f);
/* @n bytes of it are done with; all of it makes the next one the front. */
void wire_take(struct wire *w, size_t n);
/* How much data a frame can have that is put now: at most @want. */
size_t wire_room(const struct wire *w, size_t want);
/* Put one for which there is room. */
void wire_put(struct wire *w, enum frame_type type, const void *data,
	      size_t len);
/* Give the socket what it takes. 1: some, and there is room again; 0. */
int wire_flush(struct wire *w);
bool wire_pending(const struct wire *w);

/* stream: see the top of stream.c. */
#define STREAM_LINKS 16

struct link {
	ivc_channel *ch;
	uint32_t gen;		    /* 0: not heard yet */
	uint8_t mine[4], theirs[4]; /* the hello, said and heard */
	unsigned int said, heard;   /* bytes of it */
	bool bad;		    /* not to be used by anybody */
	bool ended;		    /* nothing can be written any more */
	uint64_t written;	    /* of the stream */
};

struct stream {
	struct wire *wire;
	bool connector;	   /* this side connects, and numbers the channels */
	uint32_t last_gen; /* the highest there is */
	struct link *links[STREAM_LINKS];
	unsigned int n_links;

	/* Sending: over @out, or over TCP if that is NULL. */
	struct link *out;
	uint32_t out_gen;	 /* the last switched to */
	bool full;		 /* @out took nothing at the last try */
	struct link *back;	 /* what came back of it goes first, */
	size_t skip, left;	 /* this much, from there */
	uint64_t to_ivc, to_tcp; /* switches */
	uint64_t again;		 /* bytes that came back, in all */
	uint64_t last_back;	 /* at the last end */
	int last_end;		 /* why that was */

	/* Receiving. */
	struct link *in;
	uint32_t in_gen;
	uint64_t empty; /* switches to channels that had nothing */
	bool peer_end;	/* the peer has all, and nothing more to say */
};

void stream_init(struct stream *s, struct wire *w, bool connector);
void stream_free(struct stream *s);
/* An established channel, the stream's from now on. -ENOSPC: not taken. */
int stream_add(struct stream *s, ivc_channel *ch);
/* Is there a channel that lives? */
bool stream_has_channel(const struct stream *s);
/* All that is to be done when nothing is read or written. */
int stream_step(struct stream *s);
/* Bytes taken, 0 when nothing can go now, or -errno: for good. */
ssize_t stream_write(struct stream *s, const void *buf, size_t len);
/* Bytes that came, 0 when nothing is here now, or -errno: for good. */
ssize_t stream_read(struct stream *s, void *buf, size_t len);
/* What to wait for on a link: IVC_READABLE, IVC_WRITABLE, both or none. */
int stream_wants(const struct stream *s, const struct link *l);

/* message */
enum message_type {
	MESSAGE_DATA = 1,
	MESSAGE_STOP = 2, /* please end */
	MESSAGE_FIN = 3,  /* the last one */
};

#define MESSAGE_HEAD 24u
#define MESSAGE_MAX 65536u

struct message {
	enum message_type type;
	uint64_t seq;
	uint32_t len; /* with the head */
};

uint32_t crc32_of(uint32_t crc, const void *buf, size_t len);
/* Build one at @buf. */
void message_make(const struct message *m, uint8_t *buf);
/*
 * The one that begins at @buf, of which @len bytes are here: 1, 0 if that is
 * not all of it, or -EBADMSG and in @why what is wrong.
 */
int message_parse(struct message *m, const uint8_t *buf, size_t len,
		  const char **why);
/* Mostly small, some up to @max: the same at both ends. */
uint32_t message_size(uint64_t seq, uint32_t max);

/* record: what came when. */
struct row {
	float t; /* seconds, at its end */
	bool ivc;
	uint16_t to_ivc, to_tcp; /* switches within */
	uint32_t count;
	float p50, p99, max; /* microseconds */
};

struct record {
	const struct options *o;
	bool gaps; /* of a sample: time between messages, not latency */
	struct output *table, *plot, *data; /* NULL: not wanted */
	uint64_t start, next;		    /* of the interval */
	uint64_t last, gap, gap_at;
	struct row now;
	uint32_t now_ivc; /* samples by IVC in the interval */
	struct row *rows;
	size_t n_rows, max_rows;
	struct histogram interval, by[2]; /* TCP, IVC */
	int error;
};

/* What shall be written: 0 or an exit status after saying why not. */
int record_open(struct record *r, const struct options *o);
void record_start(struct record *r, bool gaps, uint64_t now);
/* A message has come at @now, and has taken @ns. */
void record_sample(struct record *r, uint64_t now, uint64_t ns, bool ivc);
void record_switch(struct record *r, bool ivc);
/* Close the intervals that are over. @ivc: what is in use. */
void record_tick(struct record *r, uint64_t now, bool ivc);
void record_end(struct record *r, uint64_t now, bool ivc);
/* Close the files: 0 or an exit status after saying which is not whole. */
int record_close(struct record *r);
const char *record_what(const struct record *r);

/* The script and its data, into r->plot and r->data, for --plot @path. */
void plot_files(const struct record *r, const char *path);
void plot_ascii(const struct record *r, FILE *f);

/* traffic */
struct traffic {
	enum mode mode;
	uint32_t size;
	bool active;	   /* this side began, and ends it */
	uint64_t period;   /* ns between messages, 0: none */
	uint64_t messages; /* 0: no limit */
	uint64_t until;	   /* 0: no limit */
	struct stream *stream;
	struct record *record;

	uint64_t tx_seq, rx_seq, tx_bytes, rx_bytes;
	uint64_t next_at; /* not before */
	uint64_t sent_at; /* the ping */
	uint64_t heard_at;
	bool awaiting; /* an answer */
	bool owing;    /* one */
	bool stopping; /* no new messages */
	bool asked;    /* STOP was sent */
	bool fin_made, fin_got, end_put;
	char fault[160]; /* what was wrong */

	size_t out_len, out_at, in_len, in_at;
	uint8_t out[MESSAGE_MAX], in[4 * MESSAGE_MAX];
};

void traffic_init(struct traffic *t, struct stream *s, struct record *r,
		  const struct options *o, bool active, uint64_t now);
/* 1: something moved, 0, or -errno: for good. -EBADMSG: see @fault. */
int traffic_step(struct traffic *t, uint64_t now);
/* End in good order. */
void traffic_stop(struct traffic *t);
bool traffic_done(const struct traffic *t);
bool traffic_wants_input(const struct traffic *t);
/* When there is something to do even if nothing comes; UINT64_MAX: never. */
uint64_t traffic_deadline(const struct traffic *t);

/* group: this process among the others of the job on this host. */
struct group {
	const struct options *o;
	struct stream *stream;
	bool connector;
	ivc_context *ctx;
	bool backend; /* there was one when it was last asked */
	bool present; /* @peer is here */
	bool look;    /* there is, or may be, something to do now */
	ivc_peer peer;
	ivc_channel *connecting;
	uint64_t give_up;	      /* when, with @connecting */
	uint64_t next_join, next_try; /* not before */
	uint64_t next_look;
	int said; /* the last error that was complained of */
};

void group_init(struct group *g, const struct options *o, struct stream *s);
void group_free(struct group *g);
void group_step(struct group *g, uint64_t now);
/* The descriptors to wait for, at most two. Returns how many. */
unsigned int group_poll(const struct group *g, struct pollfd *p);
uint64_t group_deadline(const struct group *g);

/* tcp, hello, loop: 0, or an exit status after they have said why. */
int tcp_listen(const char *port, int *fd);
int tcp_connect(const struct options *o, int *fd);
void tcp_tune(int fd);
/* @o is given the mode, size and rate of the side that connects. */
int hello_listen(struct options *o, struct wire **w);
int hello_connect(struct options *o, struct wire **w);
int loop_run(const struct options *o, struct stream *s, struct traffic *t,
	     struct record *r);
/* What happens, and when; not with --quiet. */
__attribute__((format(printf, 2, 3))) void notice(const struct options *o,
						  const char *fmt, ...);

#endif
