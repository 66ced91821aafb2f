/* SPDX-License-Identifier: MIT */
/*
 * ivc-roam: messages between two processes whose guests are migrated meanwhile.
 *
 *   main     the whole run                  options, help   the command line
 *   loop     one thread, one poll()         tcp, hello      the TCP connection
 *   traffic  the messages and their check   message, crc32  one message
 *   stream   the path of each byte          wire            frames over TCP
 *   group    the peer, new channels         record, plot    the results
 *
 * A byte goes traffic -> stream -> wire or a channel of libivc -> stream ->
 * traffic. Only stream.c knows that there are two paths. Functions return 0 or
 * -errno unless their comment says otherwise; times are nanoseconds of
 * clock_ns().
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
	EXIT_FAULT = 1,	 /* a message was lost, doubled, moved or changed */
	EXIT_LOST = 2,	 /* no peer, or the peer has gone */
	EXIT_WRONG = 64, /* wrong command line */
	EXIT_SIGNAL = 130,
};

enum mode { MODE_LATENCY, MODE_STREAM, MODES };

extern const char *const mode_names[MODES];

struct options {
	uint64_t magic;
	uint32_t id, peer;
	const char *listen;	  /* port, or NULL */
	const char *host, *port;  /* --connect, or NULL */
	enum mode mode;		  /* these five: the connecting side's */
	uint32_t size;		  /* of a message; mode stream: the largest */
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

/* Exits after --help, after --version, and after an error. */
void options_parse(struct options *o, int argc, char **argv);

/* Print to standard error, after the program's name. */
__attribute__((format(printf, 1, 2))) void complain(const char *fmt, ...);

/* The number of signals to end: 1 ends in order, 2 at once. */
extern volatile sig_atomic_t interrupted;

/*
 * wire: frames {u32 type, u32 length, data}, little-endian, over a socket, with
 * a buffer for each direction. No function here blocks.
 */
enum frame_type {
	FRAME_HELLO = 1, /* struct hello */
	FRAME_DATA = 2,	 /* bytes of the stream */
	FRAME_SWITCH =
		3,     /* u32: the next bytes are in the channel of this gen. */
	FRAME_END = 4, /* the sender has all messages and sends no more */
};

#define FRAME_HEAD 8u
#define FRAME_MAX 16384u
#define HELLO_SIZE 40u

struct frame {
	uint32_t type;
	const uint8_t *data;
	size_t len; /* DATA: the bytes received so far; else all bytes */
};

struct wire;

struct wire *wire_new(int fd);
void wire_free(struct wire *w);
int wire_fd(const struct wire *w);
/* Receive from the socket. 1: bytes, 0: none now, or the error of the socket.
 */
int wire_fill(struct wire *w);
bool wire_has_room(const struct wire *w);
/* The error after which nothing more is received, or 0. */
int wire_error(const struct wire *w);
/* The first frame: 1, 0 (not received yet), -EPROTO, or the socket's error. */
int wire_head(struct wire *w, struct frame *f);
/* Consume @n bytes of the first frame; after the last byte the next is first.
 */
void wire_take(struct wire *w, size_t n);
/* The most data that a frame can have now: at most @want. */
size_t wire_room(const struct wire *w, size_t want);
/* Queue a frame for which wire_room() has found room. */
void wire_put(struct wire *w, enum frame_type type, const void *data,
	      size_t len);
/* Send queued frames. 1: some bytes were sent, 0: none, or -errno. */
int wire_flush(struct wire *w);
bool wire_pending(const struct wire *w);

/* stream: see the top of stream.c. */
#define STREAM_LINKS 16

struct link {
	ivc_channel *ch;
	uint32_t gen;		    /* 0: not known yet */
	uint8_t mine[4], theirs[4]; /* the hellos, sent and received */
	unsigned int said, heard;   /* bytes of them */
	bool bad;		    /* neither side can use it */
	bool ended;		    /* no byte can be written any more */
	uint64_t written;	    /* bytes of the stream */
};

struct stream {
	struct wire *wire;
	bool connector;	   /* this side connects, and numbers the channels */
	uint32_t last_gen; /* the highest number so far */
	struct link *links[STREAM_LINKS];
	unsigned int n_links;

	/* Sending: over @out, or over TCP if that is NULL. */
	struct link *out;
	uint32_t out_gen;	 /* of the last channel switched to */
	bool full;		 /* @out was full at the last write */
	struct link *back;	 /* its undelivered bytes are sent first: */
	size_t skip, left;	 /* @left of them, from @skip on */
	uint64_t to_ivc, to_tcp; /* switches */
	uint64_t again;		 /* undelivered bytes, in all */
	uint64_t last_back;	 /* those of the last channel that ended */
	int last_end;		 /* the error that ended it */

	/* Receiving. */
	struct link *in;
	uint32_t in_gen;
	uint64_t empty; /* switches to channels without bytes */
	bool peer_end;	/* the peer has all messages and sends no more */
};

void stream_init(struct stream *s, struct wire *w, bool connector);
void stream_free(struct stream *s);
/* Give an established channel to the stream. After -ENOSPC it is the caller's.
 */
int stream_add(struct stream *s, ivc_channel *ch);
/* Is any channel alive? */
bool stream_has_channel(const struct stream *s);
/* Exchange hellos, send undelivered bytes again, drop channels. */
int stream_step(struct stream *s);
/* The number of bytes written, 0: none now, or -errno, which is permanent. */
ssize_t stream_write(struct stream *s, const void *buf, size_t len);
/* The number of bytes read, 0: none now, or -errno, which is permanent. */
ssize_t stream_read(struct stream *s, void *buf, size_t len);
/* The events to wait for on a link: IVC_READABLE, IVC_WRITABLE, both or none.
 */
int stream_wants(const struct stream *s, const struct link *l);

/* message */
enum message_type {
	MESSAGE_DATA = 1,
	MESSAGE_STOP = 2, /* a request to end */
	MESSAGE_FIN = 3,  /* the last message */
};

#define MESSAGE_HEAD 24u
#define MESSAGE_MAX 65536u

struct message {
	enum message_type type;
	uint64_t seq;
	uint32_t len; /* including the head */
};

uint32_t crc32_of(uint32_t crc, const void *buf, size_t len);
/* Build the message at @buf. */
void message_make(const struct message *m, uint8_t *buf);
/*
 * Parse the message at @buf, of which @len bytes were received. 1; 0: bytes are
 * missing; or -EBADMSG, with the reason in *@why.
 */
int message_parse(struct message *m, const uint8_t *buf, size_t len,
		  const char **why);
/* The size of message @seq: mostly small, at most @max; both ends agree. */
uint32_t message_size(uint64_t seq, uint32_t max);

/* record: the received messages over time. */
struct row {
	float t; /* seconds, at its end */
	bool ivc;
	uint16_t to_ivc, to_tcp; /* switches in the interval */
	uint32_t count;
	float p50, p99, max; /* microseconds */
};

struct record {
	const struct options *o;
	bool gaps; /* samples are times between messages, not latencies */
	struct output *table, *plot, *data; /* NULL: not requested */
	uint64_t start, next;		    /* of the interval */
	uint64_t last, gap, gap_at;
	struct row now;
	uint32_t now_ivc; /* samples by IVC in the interval */
	struct row *rows;
	size_t n_rows, max_rows;
	struct histogram interval, by[2]; /* TCP, IVC */
	int error;
};

/* Open the files. 0, or an exit status after complaining. */
int record_open(struct record *r, const struct options *o);
void record_start(struct record *r, bool gaps, uint64_t now);
/* Record a message that was received at @now and took @ns. */
void record_sample(struct record *r, uint64_t now, uint64_t ns, bool ivc);
void record_switch(struct record *r, bool ivc);
/* Close the intervals that are over. @ivc: is IVC in use now? */
void record_tick(struct record *r, uint64_t now, bool ivc);
void record_end(struct record *r, uint64_t now, bool ivc);
/* Close the files. 0, or an exit status after complaining. */
int record_close(struct record *r);
const char *record_what(const struct record *r);

/* Write the script to r->plot and its data to r->data, for --plot @path. */
void plot_files(const struct record *r, const char *path);
void plot_ascii(const struct record *r, FILE *f);

/* traffic */
struct traffic {
	enum mode mode;
	uint32_t size;
	bool active;	   /* this side connects, begins and ends */
	uint64_t period;   /* ns between messages, 0: none */
	uint64_t messages; /* 0: no limit */
	uint64_t until;	   /* 0: no limit */
	struct stream *stream;
	struct record *record;

	uint64_t tx_seq, rx_seq, tx_bytes, rx_bytes;
	uint64_t next_at;  /* earliest time of the next message */
	uint64_t sent_at;  /* of the message that awaits an answer */
	uint64_t heard_at; /* of the last received message */
	bool awaiting;	   /* an answer of the peer */
	bool owing;	   /* an answer to the peer */
	bool stopping;	   /* no new messages */
	bool asked;	   /* STOP was sent */
	bool fin_made, fin_got, end_put;
	char fault[160]; /* a description of the first wrong message */

	size_t out_len, out_at, in_len, in_at;
	uint8_t out[MESSAGE_MAX], in[4 * MESSAGE_MAX];
};

void traffic_init(struct traffic *t, struct stream *s, struct record *r,
		  const struct options *o, bool active, uint64_t now);
/* 1: bytes were moved, 0: none, or -errno, permanent. -EBADMSG: see @fault. */
int traffic_step(struct traffic *t, uint64_t now);
/* End in order: no new messages, then FIN and END. */
void traffic_stop(struct traffic *t);
bool traffic_done(const struct traffic *t);
bool traffic_wants_input(const struct traffic *t);
/* The time of the next step without any input; UINT64_MAX: never. */
uint64_t traffic_deadline(const struct traffic *t);

/* group: the membership of this process and the channel to the peer. */
struct group {
	const struct options *o;
	struct stream *stream;
	bool connector;
	ivc_context *ctx;
	bool backend; /* the last call found a backend */
	bool present; /* @peer is in the group */
	bool look;    /* group_step() may have work now */
	ivc_peer peer;
	ivc_channel *connecting;
	uint64_t give_up;	      /* the time to end @connecting */
	uint64_t next_join, next_try; /* earliest times */
	uint64_t next_look;
	int said; /* the last error that was reported */
};

void group_init(struct group *g, const struct options *o, struct stream *s);
void group_free(struct group *g);
void group_step(struct group *g, uint64_t now);
/* Fill in the descriptors to poll, at most two. Returns their number. */
unsigned int group_poll(const struct group *g, struct pollfd *p);
uint64_t group_deadline(const struct group *g);

/* tcp, hello, loop: 0, or an exit status after complaining. */
int tcp_listen(const char *port, int *fd);
int tcp_connect(const struct options *o, int *fd);
void tcp_tune(int fd);
/* Sets the mode, size and rate of @o to those of the connecting side. */
int hello_listen(struct options *o, struct wire **w);
int hello_connect(struct options *o, struct wire **w);
int loop_run(const struct options *o, struct stream *s, struct traffic *t,
	     struct record *r);
/* Print an event with its time; not with --quiet. */
__attribute__((format(printf, 2, 3))) void notice(const struct options *o,
						  const char *fmt, ...);

#endif
