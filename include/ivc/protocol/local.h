/* SPDX-License-Identifier: MIT */
/*
 * The local transport: what processes of one machine send to ivcd, and to each
 * other when they connect. Programs use libivc (ivc/ivc.h); this header is for
 * libivc, for ivcd and for authors of another library or broker.
 *
 * The broker. Each process has one UNIX socket of type SOCK_SEQPACKET to
 * $IVC_SOCKET, otherwise to the first of these that exists: ivc/ivcd.sock in
 * $XDG_RUNTIME_DIR, by default /run/user/UID; /tmp/ivc-UID/ivcd.sock, not for
 * root; /run/ivc/ivcd.sock. A client uses the first two only if their
 * directories belong to the user, and any of the three only if SO_PEERCRED says
 * that the user, root or the owner of /run/ivc listens there (ivcd(8)). ivcd is
 * to its clients what the backend is to frontends: each packet is one struct
 * ivc_msg of wire.h, with the meaning of docs/reference/protocol.md, section
 * 2.1, and these differences:
 *
 *   - A client MUST send HELLO first, within 5 s. ivcd accepts no other message
 *     before it. A client that has no version in common with ivcd gets
 *     -EPROTONOSUPPORT and is disconnected.
 *   - ivcd does not answer a request whose cookie is 0. The reply to CLOSE is
 *     a status only.
 *   - The reply to HOSTS is followed, in the same packet, by `count` entries
 *     struct ivc_host. Their domid is 0.
 *   - CONNECT and EV_OFFER carry one descriptor (SCM_RIGHTS), a socket: see
 *     below. `dir_gref` and `port` are 0. No other message carries a
 *     descriptor. A receiver that cannot get the descriptor (MSG_CTRUNC: it has
 *     no free one, or a security module rejects this one) refuses that message
 *     only: ivcd answers the CONNECT with -ENFILE, a client answers the
 *     EV_OFFER with CLOSE and -ECONNREFUSED.
 *   - EV_ACCEPTED does not exist, and EV_GONE only withdraws an offer. The two
 *     ends tell each other everything else through their own socket.
 *   - ADOPT registers an open channel, made under an earlier ivcd, with this
 *     ivcd. Reply: conn, for CLOSE.
 *   - A client above its request rate does not get -EBUSY: ivcd reads its
 *     requests later.
 *
 * A packet from a client MUST be exactly as long as its message, and unused
 * bytes MUST be 0 (-EINVAL). ivcd disconnects a client that sends another
 * length, a descriptor where none belongs, or more than one; and a client that
 * does not read for 10 s what ivcd has for it. Everything that belongs to a
 * client ends with its connection.
 *
 * Realms and quotas follow the user id that the kernel reports for the peer
 * (SO_PEERCRED): ivcd(8).
 *
 * A channel. The offerer makes a pair of connected SOCK_SEQPACKET sockets,
 * retains one and offers the other. Each end (the accepter once it accepts)
 * sends one struct ivc_local_greeting with one descriptor: its memory,
 *
 *     0     struct ivc_kctl    as the kernel control page of wire.h
 *     4096  struct ivc_ctrl    its control page
 *     8192  its ring
 *
 * a memfd of exactly that size with the seals IVC_LOCAL_SEALS. A sealed memfd
 * can neither shrink nor grow, and nobody can map it for writing any more. So
 * the memory that the other end maps stays readable, and only its owner writes
 * to it.
 *
 * From then on a packet of one byte is the doorbell. Any other packet ends the
 * channel with -EPROTO at its receiver. The channel ends when the socket does:
 * the kernel closes the socket of a process that dies. An end that closes in
 * order first stores `reason` and then IVC_WIRE_CLOSED in its struct ivc_kctl;
 * without that the peer knows that the process has died. If the socket ends
 * before a greeting, the offer was refused or withdrawn. An offerer that cannot
 * accept the accepter's greeting for lack of a descriptor or memory stores the
 * reason -ECONNREFUSED.
 *
 * `want` in struct ivc_ctrl: bits 0 and 1 as in docs/reference/protocol.md.
 * Unlike over Xen, nobody clears them when the sleeper is woken; instead bits 2
 * to 31 change each time that this end has forgotten earlier doorbells. A peer
 * that has rung for one value of the word need not ring for the same value
 * again.
 */
#ifndef IVC_LOCAL_H
#define IVC_LOCAL_H

#include "wire.h"

#define IVC_LOCAL_VERSION 2u

/* Operations in addition to enum ivc_msg_op. */
#define IVC_LOCAL_HELLO 64
#define IVC_LOCAL_ADOPT 65

#define IVC_LOCAL_MAGIC 0x4c435649u /* "IVCL" */

/*
 * HELLO, in ivc_msg.raw: the versions that the client knows. The packet and its
 * reply have this layout in every version, so that two programs without a
 * common version notice that.
 */
struct ivc_local_hello {
	__u32 magic;
	__u32 lowest;
	__u32 highest;
};

/* The reply to HELLO, also in ivc_msg.raw: the version to use. */
struct ivc_local_welcome {
	__u32 magic;
	__u32 version;
};

/* The first packet in each direction of a channel's socket. */
#define IVC_LOCAL_GREETING 0x47435649u /* "IVCG" */

struct ivc_local_greeting {
	__u32 magic;
	__u32 version;
	__u32 ring; /* bytes */
	__u32 reserved[13];
};

/* Offsets of the ring and the control page in the memory of an end. */
#define IVC_LOCAL_HEAD 8192u
#define IVC_LOCAL_CTRL 4096u

/* F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_FUTURE_WRITE */
#define IVC_LOCAL_SEALS 0x0017

/* Added to `want` each time that earlier doorbells are forgotten. */
#define IVC_LOCAL_ARMED 4u

/* Length of the longest packet: the reply to HOSTS with a full list. */
#define IVC_LOCAL_PACKET                                                       \
	(sizeof(struct ivc_msg) + IVC_TABLE_HOSTS * sizeof(struct ivc_host))

IVC_WIRE_ASSERT(sizeof(struct ivc_local_hello) == 12);
IVC_WIRE_ASSERT(sizeof(struct ivc_local_welcome) == 8);
IVC_WIRE_ASSERT(sizeof(struct ivc_local_greeting) == 64);

#endif /* IVC_LOCAL_H */
