/* SPDX-License-Identifier: MIT */
/*
 * ivcd: the broker of the local transport. It serves the processes of a machine
 * as ivc-back serves the guests of a host: it keeps the groups, notifies
 * members when their group changes, and passes an offered channel's socket from
 * the offerer to the accepter. It is never on the data path.
 *
 *   main.c      the command line
 *   listen.c    the socket that clients connect to
 *   loop.c      epoll, time, signals
 *   client.c    one client: receiving, sending, disconnecting
 *   request.c   the requests of a client
 *   group.c     groups and their members
 *   conn.c      offered and open channels
 *   user.c      realms, quotas, the rate of requests
 *   closer.c    closing and counting the descriptors that clients have passed
 *   log.c       one line per notable event
 *
 * One thread serves all clients and never waits for any of them. All state of a
 * client hangs on its struct client and is freed with that. The amount is
 * bounded by the quotas of the user. The messages that wait to be sent to the
 * client are at most one reply, and each event once per member and channel.
 */
#ifndef IVCD_H
#define IVCD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <ivc/protocol/limits.h>
#include <ivc/protocol/local.h>
#include <ivc/protocol/notice.h>
#include <ivc/protocol/ring.h>

#define MS 1000000ll
#define SEC 1000000000ll
#define NEVER INT64_MAX

enum realm_kind { REALM_UID, REALM_GID, REALM_ANY };

/* The limits of a user, or what the user has in use. */
struct quota {
	uint64_t clients;
	uint64_t contexts;
	uint64_t channels;
	uint64_t bytes;
	uint64_t pending;
	uint64_t rate;
};

/* main.c */
extern struct config {
	enum realm_kind realm;
	struct quota max;
	int64_t stall_ns; /* a client that reads nothing is disconnected */
	bool verbose;
} config;

/* closer.c: descriptors that wait to be closed, and the threads for that. */
struct closer {
	int first, last; /* of the queue, or -1 */
	unsigned int fds, threads;
};

/* The number of offers of one user that wait for accepts of another user. */
struct share {
	LIST_ENTRY(share) node; /* of the accepter */
	uid_t from;
	unsigned int nr;
};

/* A user with at least one client. user.c */
struct user {
	LIST_ENTRY(user) node;
	uid_t uid;
	struct quota used;
	/* used.pending by offering user, without this user's own offers. */
	LIST_HEAD(, share) shares;
	uint64_t tokens; /* requests that may be made now */
	int64_t filled;	 /* when tokens was computed */
	/*
	 * Descriptors that the user passed to ivcd, and ivcd's sockets to the
	 * user. The structure is freed only after all of them are closed.
	 */
	struct closer files, sockets;
};

/*
 * Part of a member or a channel for which events wait to be sent; in the list
 * of its client meanwhile.
 */
struct owed {
	TAILQ_ENTRY(owed) node;
	unsigned int events; /* OWE_* */
	bool conn;	     /* a struct conn's, else a struct member's */
};

#define OWE_OFFER 1u
#define OWE_GONE 2u
#define OWE_HOSTS 4u

struct member;
struct conn;
struct end;

/* A connected process. */
struct client {
	TAILQ_ENTRY(client) node;
	int fd;
	pid_t pid;
	uint64_t realm;
	struct user *user;
	bool welcome;	/* has said HELLO */
	bool dead;	/* freed at the end of the loop's turn */
	bool throttled; /* not read until its user has tokens again */
	uint32_t polled;
	int64_t since;	 /* when it connected */
	int64_t stalled; /* since when it reads nothing; 0: it reads */
	LIST_HEAD(, member) members;
	LIST_HEAD(, end) ends;
	TAILQ_HEAD(, owed) owed;
	bool waits; /* for memory to send with, until the next tick */
	/* The one reply that could not be sent: &late, or allocated memory. */
	struct ivc_msg late;
	char *unsent;
	size_t unsent_len;
};

/* All members of one job in one realm; freed with the last member. */
struct group {
	LIST_ENTRY(group) node;
	uint64_t realm;
	uint64_t magic;
	uint32_t generation;
	unsigned int nr;
	TAILQ_HEAD(, member) members; /* ascending nr */
	/* Members that the next change is to be told: IVC_NOTICE_QUIET. */
	LIST_HEAD(, member) quiet;
};

/* A registered context. */
struct member {
	LIST_ENTRY(member) in_hash;
	LIST_ENTRY(member) in_ids;
	LIST_ENTRY(member) in_client;
	TAILQ_ENTRY(member) in_group;
	/* By the state of its notice: in the group's quiet list, or in `late`.
	 */
	LIST_ENTRY(member) in_quiet;
	TAILQ_ENTRY(member) in_late;
	LIST_HEAD(, end) offers; /* to this member, not accepted yet */
	uint64_t nr;
	uint32_t id;
	struct ivc_notice notice;
	struct client *client;
	struct group *group;
	struct owed owed;
};

enum conn_state { CONN_OFFERED, CONN_OPEN, CONN_HALF };

/* One end of a channel: [0] of the offerer, [1] of the accepter. */
struct end {
	LIST_ENTRY(end) in_client;
	LIST_ENTRY(end) in_member; /* while it is offered */
	struct conn *conn;
	struct client *client; /* NULL: closed, or the client has gone */
	uint64_t member;       /* a number, since the member may have left */
	uint32_t id;
	uint64_t bytes; /* charged */
	bool charged;
};

struct conn {
	LIST_ENTRY(conn) in_hash;
	uint32_t nr;
	enum conn_state state;
	int fd; /* the accepter's socket until it is sent, then -1 */
	uint8_t tx_shift, rx_shift;
	struct end end[2];
	struct owed owed; /* to end[1] */
	struct client *owed_to;
};

/* log.c: one line to stderr; above a rate lines are counted, not printed. */
__attribute__((format(printf, 1, 2))) void log_line(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_detail(const char *fmt, ...);
/* The answer to SIGUSR1: printed regardless of the rate. */
__attribute__((format(printf, 1, 2))) void log_answer(const char *fmt, ...);

/*
 * listen.c: the socket, at @path (NULL: the default) or handed over by systemd.
 * 0, or -errno after logging the reason.
 */
int listen_open(const char *path, mode_t mode);
int listen_fd(void);
void listen_close(void);

/* loop.c */
int64_t now_ns(void);
int loop_run(void);
int loop_watch(int fd, void *what, uint32_t events);
void loop_unwatch(int fd);
void loop_rewatch(int fd, void *what, uint32_t events);

/* client.c */
TAILQ_HEAD(clients, client);
extern struct clients clients;
void client_new(int fd);
void client_event(struct client *c, uint32_t events);
void client_drop(struct client *c, const char *why);
void client_owe(struct client *c, struct owed *owed, unsigned int events);
void client_owe_nothing(struct client *c, struct owed *owed);
void clients_bury(void); /* free the dead */
int64_t clients_tick(int64_t now);

/*
 * request.c: serve @req. A request that takes over the descriptor *@fd sets it
 * to -1; @fd is NULL if none came. @table: room for the reply's hosts.
 */
int request(struct client *c, const struct ivc_msg *req, int *fd,
	    struct ivc_msg *reply, struct ivc_host *table);

/* group.c */
int groups_init(void);
int member_join(struct client *c, uint64_t magic, uint32_t id,
		struct member **mp);
void member_leave(struct member *m);
struct member *member_of(struct client *c, uint64_t nr);
struct member *member_peer(struct member *m, uint64_t nr);
uint32_t group_list(struct member *m, uint64_t after, struct ivc_host *table,
		    bool *more);
int64_t groups_tick(int64_t now); /* returns when to call it again */
unsigned int members_count(void);

/* conn.c */
int conn_offer(struct member *from, struct member *to,
	       const struct ivc_msg *req, int *fd, uint32_t *nr);
int conn_accept(struct member *m, const struct ivc_msg *req);
int conn_adopt(struct client *c, const struct ivc_msg *req, uint32_t *nr);
int conn_close(struct client *c, const struct ivc_msg *req);
void conn_refuse(struct owed *owed); /* an offer that is not sent yet */
void conn_refuse_member(struct member *m);
void conn_drop_client(struct client *c);
void conn_event(struct owed *owed, unsigned int ev, struct ivc_msg *msg,
		int *fd);
void conn_paid(struct owed *owed, unsigned int ev);
unsigned int conns_count(void);

/* closer.c */
int closers_init(void);
void closer_init(struct closer *c);
/* Close @fd in another thread. */
void closer_add(struct closer *c, int fd);
/* The same for ivcd's only descriptor of a client's socket. */
void closer_hangup(struct closer *c, int fd);
/* Count @n more descriptors of clients; @n < 0: fewer. */
void closer_opened(int n);
/* Is there room for a packet with the largest number of descriptors? */
bool closer_may_receive(const struct closer *files);
bool closer_may_accept(void);
bool closer_idle(const struct closer *c);
void closer_tick(struct closer *c);

/* user.c */
int users_init(void);
struct user *user_of(uid_t uid); /* allocated if new; NULL: no memory */
int user_enter(struct user *u);	 /* count one more client */
void user_put(struct user *u);
int user_realm(uid_t uid, gid_t gid, uint64_t *realm);
bool user_may_ask(struct user *u, int64_t now);
/* Count an offer of @from that waits for an accept of @to; -EBUSY: too many. */
int user_offer(struct user *to, const struct user *from);
void user_offer_done(struct user *to, const struct user *from);
bool users_tick(void); /* true: call it again */
unsigned int users_count(void);

#endif /* IVCD_H */
