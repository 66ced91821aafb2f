/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the lab's Dom0 (labctl.c) runs a command in a guest (agent.c, session.c)
 *
 * The control path uses xenstore alone: no network, no grant and no event
 * channel of its own. So it does not show up in the counts that a leak check
 * compares, and it survives suspend and migration: on resume the kernel
 * registers the guest's watches again, and each fires then.  Everything lives
 * below the one subtree that libxl lets a guest write:
 *
 *   /local/domain/N/data/lab/ready      agent:   "1", the guest takes commands
 *                        .../cmd/ID     Dom0:    a shell command; the agent
 *                                                removes it when it has read it
 *                        .../out/ID/ack Dom0:    chunks consumed so far;
 *                                                gone = nobody listens, stop
 *                        .../out/ID/S   session: a chunk, S = sequence %
 * WINDOW: "SEQUENCE STREAM\n" + bytes
 *                        .../out/ID/exit session: "CHUNKS STATUS", the end
 *
 * A slot is written again only after its chunk was acknowledged.  Everybody
 * waits on xenstore watches; nobody polls.
 */
#ifndef LAB_PROTO_H
#define LAB_PROTO_H

#define LAB_DIR "data/lab"
#define LAB_READY LAB_DIR "/ready"
#define LAB_CMD LAB_DIR "/cmd"
#define LAB_OUT LAB_DIR "/out"

/* xenstored refuses an unprivileged node of more than 2048 bytes. */
#define LAB_CHUNK 1800
#define LAB_WINDOW 16

/* XENSTORE_PAYLOAD_MAX is 4096 and holds the path too. */
#define LAB_CMD_MAX 3900

/* Exit statuses of labctl itself; 0-254 otherwise are the command's own. */
#define LAB_EXIT_TIMEOUT 124
#define LAB_EXIT_GONE 255

#endif
