/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A hostile process on the same machine: against ivcd, and against a peer's
 * libivc.
 */
#ifndef LOCAL_HOSTILE_H
#define LOCAL_HOSTILE_H

#include <sys/types.h>
#include "raw.h"

/*
 * broker.c: wrong packets, wrong requests, and too many of them. @stall:
 * seconds after which ivcd must give a silent client up.
 */
void broker_packets(void);
void broker_questions(int ivcd); /* its process */
void broker_patience(int stall);
void broker_flood(int ms);
void broker_storm(void);

/* peer.c: offers to, and accepts of, a libivc program in group 99. */
void peer_offers(uint32_t victim);
void peer_accept(const char *how);
void peer_channel(uint32_t victim, const char *how);

/*
 * users.c: @clients of one user, in one group, which accept nothing until they
 * are killed. Another user offers each of them more than the quota, and must
 * get @share of all offers.
 */
void user_waiting(int clients);
void user_crowd(int clients, int share);

/*
 * greedy.c: packets with as many descriptors as possible, which close slowly.
 * From clients above the @quota that they use up, or 0; and from @clients,
 * which never close.
 */
void greedy_sockets(pid_t ivcd, int quota);
void greedy_files(int clients);

/* impostor.c: a socket of @type at @path, until it is killed. */
void impostor(const char *path, const char *type);

#endif
