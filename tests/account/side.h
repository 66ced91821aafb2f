/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One side of a channel under test: a process that makes one call of libivc
 * after the other, as the dice say, and keeps account of what it was told.
 */
#ifndef ACCOUNT_SIDE_H
#define ACCOUNT_SIDE_H

#include <ivc/ivc.h>

#include "account.h"

struct side {
	struct side *peer;
	ivc_channel *ch;
	uint32_t size; /* of the own ring */
	struct account out;
	uint64_t tried;	  /* upper bound of what is written */
	uint8_t *scratch; /* STREAM_MAX bytes: a call of one may come amid the
			   * other's
			   */
	bool closed;	  /* by this side, or it died */
	bool dead;
	bool fallible; /* an end may be told, for whatever reason */
};

/* One call. */
void side_call(struct side *s);
/*
 * Of a channel that has ended: read all there is, in pieces, and again as
 * ivc_unread() has it. Returns the error behind it.
 */
ssize_t side_read_out(struct side *s);
/* The last @lost bytes that were written, in pieces. */
void side_recall(struct side *s, uint64_t lost);

#endif /* ACCOUNT_SIDE_H */
