/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The processes beside the one that gets the faults, and its work with them.
 * See faults.c.
 */
#ifndef FAULTS_COMPANY_H
#define FAULTS_COMPANY_H

#include <sys/types.h>
#include <ivc/ivc.h>

#define SOON_MS 30000
/* A step that takes longer is a hang. */
#define STUCK_MS 10000

#define MAGIC 0xfa1
#define SUBJECT 1
#define PEER 2

/* The peer, and a pair in another group. They run until company_end(). */
void company_start(void);
/* Were they disturbed, or did they stop? Returns NULL if not. */
const char *company_disturbed(void);
void company_end(void);
/* From now on the process has a context besides those of the scenarios. */
void company_stays(void);

/*
 * Join, find the peer, connect to it, accept its connection, exchange bytes
 * over both channels, sleep for them, take events, list members, and leave.
 * Returns 0 or the first error, with its step in *@step.
 */
int scenario(const char **step);

/* device.c: the same for lib/xen.c, as far as possible without a peer. */
int device_scenario(const char **step);

#endif
