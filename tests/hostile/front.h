/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A frontend that is a process. With libxengnttab, libxenevtchn and libxenstore
 * it does what ivc-front does and docs/reference/protocol.md allows, and also
 * what that document forbids. It runs in a guest whose ivc-front is not loaded
 * (tests/lab/hostile-front.sh).
 *
 *   front.c           an honest frontend, step by step
 *   nodes.c           wrong nodes in xenstore, wrong states, death in each
 *   ctlring.c         wrong indices and messages; a page that changes while it
 *                     is read
 *   offers.c          wrong offers and accepts, to another guest's frontend
 *   hold-grants.c     pages of another guest that are never unmapped
 *   doorbell-storm.c  doorbells of an open channel, without end
 *   ends.c            requests and records under way while something ends
 *   floods.c          floods of requests, members, events, states and nodes
 *   main.c            the command line
 *
 * After each attack the program connects as an honest frontend. If that
 * succeeds the backend still serves other guests and this one. On any deviation
 * from the document the program ends by die().
 */
#ifndef HOSTILE_FRONT_H
#define HOSTILE_FRONT_H

#include <stdbool.h>
#include <stdint.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xenstore.h>
#include <ivc/protocol/wire.h>
#include "log.h"

#define PAGE 4096u

/* XenbusState, as in xen/io/xenbus.h. */
enum { INITIALISING = 1, INIT_WAIT, INITIALISED, CONNECTED, CLOSING, CLOSED };

struct front {
	struct xs_handle *xs;
	xenevtchn_handle *evtchn;
	xengntshr_handle *gntshr;
	xengnttab_handle *gnttab;
	char dir[64];	   /* device/ivc/0 of this guest */
	char backend[128]; /* the backend's directory */
	uint32_t back_id;
	uint32_t domid; /* of this guest */

	struct ivc_ctl_page *ctl;
	struct ivc_host *table;
	uint32_t ctl_ref, table_ref;
	int port;
	uint32_t req_prod, ev_cons;
	uint64_t cookie;
	/* The latest events that came during a wait for a reply. */
	struct ivc_msg events[64];
	unsigned int nr_events;
};

uint32_t rnd(void);
uint32_t rnd_below(uint32_t n);

/* front.c. Open handles and find paths, without any step of the protocol. */
void front_open(struct front *f);
/* Allocate the pages, zeroed, and the port of the control ring. */
void front_make(struct front *f);
void front_unmake(struct front *f);
/* Write the four nodes, with right values. */
void front_publish(struct front *f);
void front_set(struct front *f, const char *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void front_rm(struct front *f, const char *node);
void front_state(struct front *f, int state);
int back_state(struct front *f);
/* Wait for one of two states of the backend; die after @ms. */
void back_must_be(struct front *f, int state, int or, const char *why);
/* From any state of both sides to a backend that waits for a frontend. */
void front_reset(struct front *f);
/* Connect, as an honest frontend. */
void front_connect(struct front *f);
/* Disconnect: Closing, then Closed. */
void front_disconnect(struct front *f);
/* Check the backend: connect, join a group, leave it, disconnect. */
void front_proves(struct front *f, const char *after);

void front_notify(struct front *f);
/* Post one request. Returns its slot. */
void front_post(struct front *f, const struct ivc_msg *req);
/* Read all pending events; true if the reply to @cookie was among them. */
bool front_poll(struct front *f, uint64_t cookie, struct ivc_msg *reply);
/* Post a request and wait for the reply. Returns its status. */
int front_ask(struct front *f, struct ivc_msg *req, struct ivc_msg *reply);
uint64_t front_register(struct front *f, uint64_t magic, uint32_t id);
/*
 * The magic id of this guest's own job. Several guests attack at the same time,
 * and two members of one job cannot have the same client id.
 */
uint64_t front_job(const struct front *f);
/* Wait up to @ms for an event of @op, unless one has come already. */
bool front_event(struct front *f, uint16_t op, struct ivc_msg *ev, int ms);

/*
 * offers.c. The pages that this side grants to the other end of a channel
 * (PAGES pages, of which the last is the ring), and the requests that offer
 * them.
 */
#define PAGES 3u
#define OUR_ID 666u

enum wrong {
	RIGHT,
	DIR_MAGIC,
	DIR_NONE,
	DIR_FEW,
	DIR_MANY,
	DIR_HUGE,
	DIR_NOT_LAST,
	DIR_CIRCLE,
	DIR_REF,
	REF_OTHERS,
	REF_0,
	REF_HUGE,
	REF_REVOKED,
	KCTL_MAGIC,
	KCTL_VERSION,
	BAD_SHIFT, /* a larger ring than the pages granted */
	PORT,
	WRONGS
};

struct end {
	struct ivc_dir *dir;
	uint32_t dir_ref;
	uint8_t *pages;
	uint32_t refs[PAGES];
	void *other;
	int port;
	uint8_t shift;
};

void end_make(struct front *f, struct end *e, enum wrong how, uint16_t to);
void end_free(struct front *f, struct end *e);
/*
 * Map all @nr pages that the directory @ref of @domid names. Returns NULL on
 * failure. @look is called for each page of the directory.
 */
void *peer_map(struct front *f, uint32_t domid, uint32_t ref, uint32_t nr,
	       void (*look)(const struct ivc_dir *dir));
/* CONNECT with @e, asking for a ring of 2^@rx_shift bytes. */
int offer_send(struct front *f, uint64_t me, const struct ivc_host *to,
	       struct end *e, uint8_t rx_shift, uint32_t *conn);
/* Returns 1 with EV_ACCEPTED in *@ev, -errno of EV_GONE, or 0 after @ms. */
int offer_outcome(struct front *f, uint32_t conn, struct ivc_msg *ev, int ms);
int close_conn(struct front *f, uint64_t me, uint32_t conn, int reason);
/* Find another member of the group, with id @id if that is not 0. */
bool find_victim(struct front *f, uint64_t me, uint32_t id,
		 struct ivc_host *to);

/* The attacks. */
void attack_nodes(struct front *f);
void attack_states(struct front *f);
void attack_vanish(struct front *f);
void attack_ctlring(struct front *f);
void attack_messages(struct front *f, int seconds);
void attack_rewrite(struct front *f, int seconds);
void attack_offers(struct front *f, uint64_t magic, int seconds);
void attack_hold_grants(struct front *f, uint64_t magic, int seconds);
void attack_doorbell_storm(struct front *f, uint64_t magic, int seconds);
void attack_storm(struct front *f, int seconds);
void attack_closes(struct front *f, int seconds);
void attack_ends(struct front *f, uint64_t magic, int seconds);
void flood_requests(struct front *f, int seconds);
void flood_members(struct front *f, uint64_t magic, int seconds);
void flood_events(struct front *f, int seconds);
void flood_states(struct front *f, int seconds);
void flood_nodes(struct front *f, int seconds);

#endif
