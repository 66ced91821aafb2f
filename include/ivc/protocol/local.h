/* SPDX-License-Identifier: MIT */
/*
 * The local transport: what processes of one machine say to ivcd, and to each
 * other when a channel comes to be. Programs use libivc (ivc/ivc.h); this is
 * for libivc, for ivcd and for who writes another of either.
 *
 * The broker. One UNIX socket of type SOCK_SEQPACKET per process, to
 * $IVC_SOCKET, else the first of these that is there: ivc/ivcd.sock in
 * $XDG_RUNTIME_DIR, by default /run/user/UID; /tmp/ivc-UID/ivcd.sock, not for
 * root; /run/ivc/ivcd.sock. The first two count only if their directories are
 * the user's, and any of the three only if SO_PEERCRED says that the user,
 * root, or the owner of /run/ivc listens there (docs/man/ivcd.8). ivcd is to
 * its clients what the backend is to frontends: messages are struct ivc_msg
 * of wire.h, one per packet, and mean what docs/reference/protocol.md,
 * section 2.1, says, with these differences:
 *
 *   - HELLO comes first, within 5 s. Nothing else is taken before it, and who
 *     speaks no version in common is told -EPROTONOSUPPORT and disconnected.
 *   - A request with cookie 0 is not answered. The reply to CLOSE is a status.
 *   - The reply to HOSTS is followed, in the same packet, by `count` entries
 *     struct ivc_host. Their domid is 0.
 *   - CONNECT and EV_OFFER carry one descriptor (SCM_RIGHTS), a socket: see
 *     below. `dir_gref` and `port` are 0. No other message carries any. A
 *     receiver that cannot have the descriptor (MSG_CTRUNC: it has none free,
 *     or a security module forbids it) refuses that one message and nothing
 *     else: ivcd answers the CONNECT with -ENFILE, a client sends CLOSE with
 *     -ECONNREFUSED for the EV_OFFER.
 *   - There is no EV_ACCEPTED, and EV_GONE only withdraws an offer: everything
 *     else the two ends hear from each other, over that socket.
 *   - ADOPT: a channel that is open already, made under an ivcd that has gone,
 *     is entered in the books of this one. Reply: conn, for CLOSE.
 *   - Over its rate a client is not answered with -EBUSY: it is read later.
 *
 * Every packet from a client is exactly as long as its message, unused bytes
 * are 0 (-EINVAL). Another length, descriptors where none belong or more than
 * one: disconnected. So is a client that does not read for 10 s what it is
 * owed. Everything of a client ends with its connection.
 *
 * Realms and quotas go by the user id that the kernel gives for the peer
 * (SO_PEERCRED): docs/man/ivcd.8.
 *
 * A channel. The offerer makes a pair of connected SOCK_SEQPACKET sockets,
 * keeps one and offers the other. Each end, the accepter once it accepts,
 * sends one struct ivc_local_greeting with one descriptor: its memory, which is
 *
 *     0     struct ivc_kctl    as the kernel's control page in wire.h
 *     4096  struct ivc_ctrl    its control page
 *     8192  its ring
 *
 * a memfd of exactly that size under the seals IVC_LOCAL_SEALS: it can neither
 * shrink nor grow, and nobody can map it for writing any more, so that what
 * the other end maps is readable for good and written by its owner alone.
 *
 * From then on a packet of one byte on the socket is the doorbell; anything
 * else ends the channel with -EPROTO where it is received. The socket's end is
 * the channel's end: the kernel closes it with the process. An end that closes
 * in order stores `reason` and then IVC_WIRE_CLOSED in its struct ivc_kctl
 * before; if that is not there, the process has died. A socket without a
 * greeting that ends was a refusal, or an offer withdrawn. An offerer that
 * cannot take the accepter's greeting, since it lacks a descriptor or memory,
 * stores the reason -ECONNREFUSED.
 *
 * `want` in struct ivc_ctrl: bits 0 and 1 as in protocol.md, 4.1. Nobody clears
 * them on waking a sleeper; instead bits 2 to 31 change each time when earlier
 * doorbells have been forgotten. Who has rung for a value of the word need not
 * ring for the same again.
 */
#ifndef IVC_LOCAL_H
#define IVC_LOCAL_H

#include "wire.h"

#define IVC_LOCAL_VERSION 2u

/* Ops beyond enum ivc_msg_op. */
#define IVC_LOCAL_HELLO 64
#define IVC_LOCAL_ADOPT 65

#define IVC_LOCAL_MAGIC 0x4c435649u /* "IVCL" */

/*
 * HELLO, in ivc_msg.raw: the versions the client speaks. The packet and its
 * reply have this layout in every version, so that two programs without a
 * common version can find that out.
 */
struct ivc_local_hello {
	__u32 magic;
	__u32 lowest;
	__u32 highest;
};

/* Its reply, likewise. */
struct ivc_local_welcome {
	__u32 magic;
	__u32 version;
};

/* First packet each way on a channel's socket. */
#define IVC_LOCAL_GREETING 0x47435649u /* "IVCG" */

struct ivc_local_greeting {
	__u32 magic;
	__u32 version;
	__u32 ring; /* bytes */
	__u32 reserved[13];
};

/* Ahead of the ring in an end's memory. */
#define IVC_LOCAL_HEAD 8192u
#define IVC_LOCAL_CTRL 4096u

/* F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_FUTURE_WRITE */
#define IVC_LOCAL_SEALS 0x0017

/* Each ARM adds that to `want`. */
#define IVC_LOCAL_ARMED 4u

/* The longest packet: a full page of hosts. */
#define IVC_LOCAL_PACKET                                                       \
	(sizeof(struct ivc_msg) + IVC_TABLE_HOSTS * sizeof(struct ivc_host))

IVC_WIRE_ASSERT(sizeof(struct ivc_local_hello) == 12);
IVC_WIRE_ASSERT(sizeof(struct ivc_local_welcome) == 8);
IVC_WIRE_ASSERT(sizeof(struct ivc_local_greeting) == 64);

#endif /* IVC_LOCAL_H */
