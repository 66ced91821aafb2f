/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One side of a channel under test: a process that makes random calls of
 * libivc, and counts the bytes that they report.
 */
#ifndef ACCOUNT_SIDE_H
#define ACCOUNT_SIDE_H

#include <ivc/ivc.h>

#include "account.h"

struct side {
	struct side *peer;
	ivc_channel *ch;
	uint32_t size; /* size of the own ring */
	struct account out;
	uint64_t tried;	  /* upper bound of the bytes written */
	uint8_t *scratch; /* STREAM_MAX bytes; one per side, as calls can be
			     nested */
	bool closed;	  /* closed by this side, or dead */
	bool dead;
	bool fallible; /* calls may fail without a close of the peer */
};

/* One call. */
void side_call(struct side *s);
/*
 * For a channel that has ended: read all data in pieces, and compare with
 * ivc_unread(). Returns the error at the end.
 */
ssize_t side_read_out(struct side *s);
/* Recall the last @lost bytes in pieces, and check them. */
void side_recall(struct side *s, uint64_t lost);

#endif /* ACCOUNT_SIDE_H */
