/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * How much one party may have by default, where members meet: between guests
 * (ivc-back) a party is a guest, between processes of one machine (ivcd) it is
 * a user.
 */
#ifndef IVC_LIMITS_H
#define IVC_LIMITS_H

/* Quotas of a guest where the toolstack says nothing else. */
#define IVC_GUEST_CONTEXTS 64
#define IVC_GUEST_CHANNELS 256 /* ends */
#define IVC_GUEST_PAGES 16384
#define IVC_GUEST_PENDING 64
#define IVC_GUEST_RATE 5000 /* requests per second */

/*
 * Of a user of one machine: a job of 256 processes in which each has a channel
 * to each other, with the rings that Open MPI's component asks for then.
 */
#define IVC_USER_CLIENTS 1024u /* processes */
#define IVC_USER_CONTEXTS 1024u
#define IVC_USER_CHANNELS 131072u /* ends */
#define IVC_USER_BYTES (32ull << 30)
#define IVC_USER_PENDING 1024u
#define IVC_USER_RATE 20000u

/*
 * Of the offers that may wait for a party's accepts, one other party gets a
 * quarter: it must not shut out the rest.
 */
static inline unsigned int ivc_pending_share(unsigned int max)
{
	return max / 4 ? max / 4 : 1;
}

/*
 * As many ends may a guest have closed that it is still to be told of: all of
 * its channels with each of four other guests.
 */
static inline unsigned int ivc_closing_max(unsigned int channels)
{
	return channels > ~0u / 4 ? ~0u : 4 * channels;
}

#endif /* IVC_LIMITS_H */
