/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The processes around the one that faults are done to, and what it does with
 * them. See faults.c.
 */
#ifndef FAULTS_COMPANY_H
#define FAULTS_COMPANY_H

#include <sys/types.h>
#include <ivc/ivc.h>

#define SOON_MS 30000
/* What takes that long does not move at all: it is a hang. */
#define STUCK_MS 10000

#define MAGIC 0xfa1
#define SUBJECT 1
#define PEER 2

/* The peer, and a pair in another group. They live until company_end(). */
void company_start(void);
/* Have they been disturbed, or come to a stop? NULL: no. */
const char *company_disturbed(void);
void company_end(void);
/* From now on the process has a context beside those of the scenarios. */
void company_stays(void);

/*
 * Join, find the peer, connect to it, be connected to by it, exchange bytes
 * over both channels, sleep for them, look at events and members, leave.
 * Returns 0 or the first error; *@step says of what.
 */
int scenario(const char **step);

/* device.c: as much of that as there is to lib/xen.c, without a peer. */
int device_scenario(const char **step);

#endif
