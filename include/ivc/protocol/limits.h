/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * Default quotas of one party. For the backend, which serves guests, a party is
 * a guest; for ivcd, which serves the processes of one machine, it is a user.
 */
#ifndef IVC_LIMITS_H
#define IVC_LIMITS_H

/* Quotas of a guest for which the toolstack sets no others. */
#define IVC_GUEST_CONTEXTS 64
#define IVC_GUEST_CHANNELS 256 /* ends of channels */
#define IVC_GUEST_PAGES 16384
#define IVC_GUEST_PENDING 64
#define IVC_GUEST_RATE 5000 /* requests per second */

/*
 * Quotas of a user. They suffice for a job of 256 processes in which each has a
 * channel to each other, with the ring sizes that Open MPI's component then
 * asks for.
 */
#define IVC_USER_CLIENTS 1024u /* processes */
#define IVC_USER_CONTEXTS 1024u
#define IVC_USER_CHANNELS 131072u /* ends of channels */
#define IVC_USER_BYTES (32ull << 30)
#define IVC_USER_PENDING 1024u
#define IVC_USER_RATE 20000u

/*
 * How many of the @max pending offers of a party may come from one other party:
 * a quarter, so that one party cannot shut out the rest.
 */
static inline unsigned int ivc_pending_share(unsigned int max)
{
	return max / 4 ? max / 4 : 1;
}

/*
 * How many ends of a guest with a quota of @channels may be CLOSING, that is
 * closed while the guest still has to be told something about them: four times
 * its channels. Since one other guest can cause a quarter of them, that allows
 * for all of its channels with each of four other guests.
 */
static inline unsigned int ivc_closing_max(unsigned int channels)
{
	return channels > ~0u / 4 ? ~0u : 4 * channels;
}

#endif /* IVC_LIMITS_H */
