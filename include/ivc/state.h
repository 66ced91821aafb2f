/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */
/*
 * States of a channel end: one enum, one table, for the frontend driver and
 * whoever checks it. docs/protocol.md 3.5 has the diagram and the meaning of
 * the events; the table there and the one here are the same.
 *
 *           OFFER              ACCEPTED
 *   NEW ----------> OFFERED -----------> OPEN
 *    |  \______________________________^  |
 *    |          TAKEN         |           |
 *    |  FAIL, LOST            | GONE,     | GONE, FAIL, LOST
 *    +---------> ENDED <------+ FAIL,     |
 *    |             ^            LOST      |
 *    |             +----------------------+
 *    |  CLOSE      | CLOSE
 *    +----------> CLOSING <---- CLOSE (from OFFERED, OPEN too)
 *                  | RELEASED
 *                  v
 *                 DEAD
 */
#ifndef IVC_STATE_H
#define IVC_STATE_H

enum ivc_chan_state {
	IVC_CHAN_NEW,
	IVC_CHAN_OFFERED,
	IVC_CHAN_OPEN,
	IVC_CHAN_ENDED,
	IVC_CHAN_CLOSING,
	IVC_CHAN_DEAD,
	IVC_CHAN_STATES,
};

enum ivc_chan_event {
	IVC_CHAN_OFFER,
	IVC_CHAN_ACCEPTED,
	IVC_CHAN_TAKEN,
	IVC_CHAN_GONE,
	IVC_CHAN_FAIL,
	IVC_CHAN_LOST,
	IVC_CHAN_CLOSE,
	IVC_CHAN_RELEASED,
	IVC_CHAN_EVENTS,
};

#define IVC_CHAN_NONE 0xff

static const unsigned char ivc_chan_next[IVC_CHAN_STATES][IVC_CHAN_EVENTS]
	__attribute__((unused)) = {
#define X IVC_CHAN_NONE
#define F IVC_CHAN_OFFERED
#define O IVC_CHAN_OPEN
#define E IVC_CHAN_ENDED
#define C IVC_CHAN_CLOSING
#define D IVC_CHAN_DEAD
		/* OFFER ACCEPTED TAKEN GONE FAIL LOST CLOSE RELEASED */
		[IVC_CHAN_NEW] = { F, X, O, E, E, E, C, X },
		[IVC_CHAN_OFFERED] = { X, O, X, E, E, E, C, X },
		[IVC_CHAN_OPEN] = { X, X, X, E, E, E, C, X },
		[IVC_CHAN_ENDED] = { X, X, X, X, X, X, C, X },
		[IVC_CHAN_CLOSING] = { X, X, X, X, X, X, X, D },
		[IVC_CHAN_DEAD] = { X, X, X, X, X, X, X, X },
#undef X
#undef F
#undef O
#undef E
#undef C
#undef D
	};

#endif /* IVC_STATE_H */
