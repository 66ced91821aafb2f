/* SPDX-License-Identifier: MIT */
/*
 * The end of a channel: docs/reference/protocol.md 3.4 and 3.5, both ends at
 * once.
 *
 * One channel between guest 0 and guest 1. Each has a process, which writes N
 * records and reads the other's, and a kernel; around them are a backend and an
 * environment that suspends, moves, destroys and closes. The model assumes no
 * speed of anything: a paused guest or a frozen process makes no step for a
 * while, so both are among the runs that are searched. README.md lists the
 * parts of the protocol that are left out.
 *
 * A run ends when no process can make a step. check() judges that last state.
 * No run is infinite (leave.sh searches for one, too), so every run reaches a
 * last state, with any scheduling.
 *
 * OPT is the set of events that happen, at any time and in any order; MUTANT is
 * a fault. Both come from pan's environment, so that pan is compiled once.
 *
 * Steps that no other process could tell apart are joined into one.
 */
/* OPT: for end i shifted left by i; each event in the set happens at any time */
#define LEAVE 1	   /* the guest is suspended or detached */
#define CLOSE 4	   /* the process closes or dies */
#define CRASH 16   /* the guest is destroyed */
#define BOUND 64   /* its bound may pass */
#define WRITE 256  /* the process writes N records, the peer's reads them */
#define PARTIAL 1024 /* reads of half a record */
#define PAUSED 4096 /* a guest that is being cut off makes no step meanwhile */
#define OFFERED 2048 /* end 0 has yet to hear that its offer was accepted */
#define may(what, i) ((opt & ((what) << (i))) != 0)

/* MUTANT: leave.sh reads these lines */
#define M_KEEP_EARLY (1 << 0) /* keeps before the peer is seen LEAVING or beyond */
#define M_LOOK_BEFORE (1 << 1) /* ivc_write looks at `status` before it stores */
#define M_TAKEN_LATE (1 << 2) /* `took_until` after DETACHED */
#define M_GONE_FIRST (1 << 3) /* EV_GONE before the page */
#define M_CLOSE_EARLY (1 << 4) /* CLOSE before DETACHED */
#define M_NO_REMOVAL (1 << 5) /* cut: no header removed */
#define M_ONE_HEADER (1 << 6) /* cut: only the first header removed */
#define M_NO_CUT_WORD (1 << 7) /* no `cut_off` */
#define M_NO_SECOND_LOOK (1 << 8) /* cut: state not looked at after the removal */
#define M_CUT_UNDECIDED (1 << 9) /* `cut_off` 1 taken for 0 */
#define M_AT_ONCE (1 << 10) /* cut: `reader_pos` not looked at again */
#define M_WALK_FIRST (1 << 11) /* `took_until` counted in the ring, not in the copy */
#define M_PART_COPIED (1 << 12) /* cut off: only the pages of records are copied */
#define M_STATUS_LATE (1 << 13) /* ring taken away before `status` says so */
#define M_BY_PAGES (1 << 14) /* ring taken away page by page */
#define M_NO_NOTIFY (1 << 15) /* no notification */
#define M_CLOSING_STAYS (1 << 16) /* CLOSING does not hear of the bound */
#define M_ENDS_GRANTS (1 << 17) /* grants ended while mapped */
#define M_AT_ALWAYS (1 << 18) /* `took_until` ignored */
#define M_BEGUN_IGNORED (1 << 19) /* high half of `reader_pos` ignored */
#define M_LOOK_THEN_DETACH (1 << 20) /* no fence between DETACHED and the look at `cut_off` */
#define M_KEEPS_MAPPED (1 << 21) /* the peer's ring stays mapped */
#define M_LEAVING_FIRST (1 << 22) /* LEAVING before the ring is taken away */
#define M_TAKEN_ONLY (1 << 23) /* `took_until` believed where `reader_pos` is further */
#define M_BEGUN_WHOLE (1 << 24) /* a record read in part counts as delivered */
#define M(x) ((mut & (x)) != 0)
hidden short opt;
hidden int mut;
hidden byte N;	/* records that each process writes */

/* `state` of the kernel control page: enum ivc_wire_state */
#define W_OPENING 0
#define W_OPEN 1
#define W_LEAVING 2
#define W_CLOSED 3
#define W_DETACHED 4

/* enum ivc_chan_state */
#define S_OFFERED 1
#define S_OPEN 2
#define S_LEFT 3
#define S_KEPT 4
#define S_ENDED 5
#define S_CLOSING 6
#define S_DEAD 7

/* enum ivc_chan_event, as far as the model has them */
#define E_ACCEPTED 1
#define E_LEAVE 3
#define E_STOPPED 4
#define E_SETTLED 5
#define E_CUT 6
#define E_GONE 7
#define E_FAIL 8
#define E_CLOSE 9
#define E_RELEASED 10
#define EVENTS 11
#define STATES 8
#define NONE 255

/*
 * The transitions are the driver's: ivc_chan_next of include/ivc/protocol/state.h, copied
 * into this array, which is no part of the state that a search stores. A number
 * above that differs from the header's does not compile. A transition that the
 * table does not have is a failed assertion, and leave.sh fails for a transition
 * of the table that no search takes.
 */
hidden byte chan_next[STATES * EVENTS];
hidden byte old, event;
c_decl {
\#include "ivc/protocol/state.h"
\#include "ivc/protocol/wire.h"
\#include "taken.h"
_Static_assert(S_OFFERED == IVC_CHAN_OFFERED && S_OPEN == IVC_CHAN_OPEN &&
	       S_LEFT == IVC_CHAN_LEFT && S_KEPT == IVC_CHAN_KEPT &&
	       S_ENDED == IVC_CHAN_ENDED && S_CLOSING == IVC_CHAN_CLOSING &&
	       S_DEAD == IVC_CHAN_DEAD && STATES == IVC_CHAN_STATES,
	       "leave.pml numbers the states otherwise than ivc/protocol/state.h");
_Static_assert(E_ACCEPTED == IVC_CHAN_ACCEPTED && E_LEAVE == IVC_CHAN_LEAVE &&
	       E_STOPPED == IVC_CHAN_STOPPED && E_SETTLED == IVC_CHAN_SETTLED &&
	       E_CUT == IVC_CHAN_CUT && E_GONE == IVC_CHAN_GONE &&
	       E_FAIL == IVC_CHAN_FAIL && E_CLOSE == IVC_CHAN_CLOSE &&
	       E_RELEASED == IVC_CHAN_RELEASED && EVENTS == IVC_CHAN_EVENTS &&
	       NONE == IVC_STATE_NONE,
	       "leave.pml numbers the events otherwise than ivc/protocol/state.h");
_Static_assert(W_OPENING == IVC_WIRE_OPENING && W_OPEN == IVC_WIRE_OPEN &&
	       W_LEAVING == IVC_WIRE_LEAVING && W_CLOSED == IVC_WIRE_CLOSED &&
	       W_DETACHED == IVC_WIRE_DETACHED,
	       "leave.pml numbers the wire's states otherwise than ivc/protocol/wire.h");
}

inline step(e)
{
	old = st[i];
	event = e;
	assert(chan_next[old * EVENTS + event] != NONE);
	c_code { taken(old, event); };
	st[i] = chan_next[old * EVENTS + event]
}

/* `status` */
#define RUNNING 0
#define AGAIN 1
#define FINAL 2

/* what the process finds where the peer's ring was */
#define LIVE 0
#define BARRED 1 /* a fault that waits for the channel's lock */
#define COPY 2
#define NOTHING 3

/* --- shared memory of an end, which it alone writes */
byte wire[2];	/* kernel control page: state */
bit took_over[2];
byte took_until[2];
byte cut_off[2];	/* 0, 1: deciding, 2: the peer has been cut off */
byte reader_pos[2];	/* control page, low half of `reader_pos` */
bit begun[2];	/* its upper bits: it has used half of the record there */
byte wr[2];	/* ring: records in it, of which ... */
byte lim[2];	/* ... those from here on have lost their headers, */
byte hole[2];	/* ... and this one */
#define hdr(w, p) ((p) < wr[w] && (p) < lim[w] && (p) != hole[w])

/* --- an end's kernel */
byte st[2];
byte status[2];
bit lock[2];
bit rev[2];	/* the own ring is out of the process's address space */
bit revp[2];	/* its other pages, under M_BY_PAGES */
byte view[2];
byte cend[2];	/* copy: headers up to here, */
byte cdat[2];	/* data up to here, */
bit whole[2];	/* or all of it */
bit mapr[2];	/* maps the peer's ring */
bit mapc[2];	/* maps the peer's control pages */
bit granted[2];	/* the peer may map ours; the pages are not free */
bit through[2];	/* CLOSING: the peer needs nothing of us any more */
byte und[2];	/* halves of records: told to the process as not delivered */

/* --- an end's process */
byte acc[2];	/* records that ivc_write said it has taken */
byte rdp[2];	/* record that is read next */
bit half[2];	/* and half of it has been */
bit inread[2];	/* between the load of a header and the store of `reader_pos` */
bit wstop[2];	/* the writer has been told */

/* --- the rest of the world */
bit kick[2];	/* notification, or other reason to look */
bit gone[2];	/* EV_GONE has come */
bit accepted;	/* EV_ACCEPTED has come to end 0 */
bit toclose[2];	/* CLOSE is on its way to the backend */
bit sent[2];	/* CLOSE has been sent */
bit leave[2];
bit went[2];	/* the guest has gone, or its suspend was cancelled */
bit moved[2];	/* it has gone */
bit closed[2];	/* the process has closed */
bit dead[2];	/* the guest was destroyed */

/* --- for the checks alone */
bit has_cut[2];	/* this end has cut its peer off */
bit doubt[2];	/* and the peer's process was in the middle of a record */
bit est[2];	/* was OPEN */

byte paused;	/* number of the end that makes no step, plus 1 */

#define END ((_pid - 1) & 1)
#define RUNS (!dead[END] && paused != END + 1)
#define Q (1 - i)

#define seen(i) ((view[i] == LIVE && hdr(1 - i, rdp[i])) || \
		 (view[i] == COPY && rdp[i] < cend[i]))

/* ------------------------------------------------------------- process */

proctype process(bit i) provided (RUNS && !closed[END])
{
	byte pos, n, s;
	bit lost;

	est[i];
again:	do
	/* ivc_write, of one record or of all that are left */
	:: atomic { may(WRITE, i) && !wstop[i] && pos < N ->
		if
		:: n = 1
		:: pos + 1 < N -> n = N - pos
		fi;
		if
		:: M(M_LOOK_BEFORE) -> s = status[i]
		:: else
		fi }
		do
		:: d_step { n && !M(M_BY_PAGES) ->
			if
			:: !rev[i] -> wr[i] = wr[i] + 1
			:: else /* to the page that nobody reads */
			fi;
			pos = pos + 1; n = n - 1 }
		:: d_step { n && M(M_BY_PAGES) -> lost = revp[i] }
			atomic {
				if
				:: !rev[i] ->
					/* all of a record is there, or none */
					assert(!lost);
					wr[i] = wr[i] + 1
				:: else
				fi;
				pos = pos + 1; n = n - 1; lost = 0 }
		:: atomic { n == 0 ->
			if
			:: !M(M_LOOK_BEFORE) -> s = status[i]
			:: else
			fi;
			if
			:: s == RUNNING -> acc[i] = pos; goto again
			:: else
			fi }
			break
		od;
		atomic { !lock[i] ->
			/* asks: how much of it was in time? */
			acc[i] = wr[i]; wstop[i] = 1; s = RUNNING; pos = N }
	/* ivc_read, of a record, its first half or its other half */
	:: d_step { half[i] || seen(i) -> inread[i] = 1 }
		atomic { view[i] != BARRED ->
			/* not the page that shows nothing */
			assert(view[i] == LIVE || view[i] == COPY &&
			       (whole[i] || rdp[i] < cdat[i]));
			/* nothing that was not written */
			assert(rdp[i] < wr[Q]);
			if
			:: half[i] = 0; rdp[i] = rdp[i] + 1
			:: (opt & PARTIAL) && !half[i] -> half[i] = 1
			fi }
		d_step { reader_pos[i] = rdp[i]; begun[i] = half[i]; inread[i] = 0 }
	od
}

/* -------------------------------------------------------------- kernel */

inline store_state(s)
{
	if
	:: wire[i] < s -> wire[i] = s
	:: else
	fi
}

inline notify()
{
	if
	:: !M(M_NO_NOTIFY) -> kick[Q] = 1
	:: else
	fi
}

inline close_conn()
{
	if
	:: !sent[i] -> sent[i] = 1; toclose[i] = 1
	:: else
	fi
}

/* Stops writing: first `status`, then no ring, all of it at once. */
inline stop_first()
{
	lock[i] = 1;
	if
	:: M(M_STATUS_LATE) -> rev[i] = 1
	:: M(M_BY_PAGES) -> status[i] = AGAIN; revp[i] = 1
	:: M(M_LEAVING_FIRST) -> status[i] = AGAIN;
		store_state(W_LEAVING); notify()
	:: else -> status[i] = AGAIN
	fi
}

inline stop_then()
{
	rev[i] = 1; status[i] = AGAIN
}

/* Keeps what the peer has written, up to DETACHED. Begins in one step. */
inline keep_first()
{
	assert(mapr[i] && granted[Q]);
	view[i] = BARRED; a = reader_pos[i]; b = begun[i]; c = a
}

/* Without `cut_off`: leaves one fault to be caught by itself, not two. */
#define CUT_SEEN (cut_off[Q] != 0 || M(M_NO_CUT_WORD) && has_cut[Q])

inline detached()
{
	cdat[i] = c; took_over[i] = 1; took_until[i] = t; store_state(W_DETACHED);
	notify();
	if
	:: !M(M_KEEPS_MAPPED) -> mapr[i] = 0
	:: else
	fi
}

inline keep_then()
{
	do
	:: d_step { hdr(Q, c) -> c = c + 1 }
	:: d_step { !hdr(Q, c) && !M(M_WALK_FIRST) ->
		t = c; whole[i] = CUT_SEEN && !M(M_PART_COPIED) } break
	:: d_step { !hdr(Q, c) && M(M_WALK_FIRST) -> t = c; c = a }
		/* how many there are, and only then the copy of them */
		do
		:: d_step { hdr(Q, c) && c < t -> c = c + 1 }
		:: d_step { !hdr(Q, c) || c >= t -> whole[i] = CUT_SEEN }
			break
		od;
		break
	od;
	if
	:: atomic { M(M_TAKEN_LATE) -> store_state(W_DETACHED); notify() }
		atomic { detached() }
	:: atomic { M(M_LOOK_THEN_DETACH) -> x = cut_off[Q] }
		atomic { detached() }
	:: atomic { !M(M_TAKEN_LATE) && !M(M_LOOK_THEN_DETACH) ->
		detached() }
	fi
}

/*
 * Show the copy to the own process. If the peer has cut this end off, the copy
 * ends behind the record that the process has begun. Before this, a full fence.
 * Blocks while the peer decides.
 */
#define DECIDED (cut_off[Q] != 1 || gone[i] || M(M_CUT_UNDECIDED) || \
		 M(M_LOOK_THEN_DETACH))
inline reveal()
{
	if
	:: M(M_LOOK_THEN_DETACH)
	:: else -> x = cut_off[Q]
	fi;
	cend[i] = c;
	if
	:: x == 2 && !M(M_NO_CUT_WORD) && c > a + b -> cend[i] = a + b
	:: else
	fi;
	view[i] = COPY; a = 0; b = 0; c = 0; t = 0; x = 0
}

#define READ_AT d = reader_pos[Q] + (begun[Q] && !M(M_BEGUN_IGNORED))

/*
 * The only record that may be both read and reported undelivered: its header
 * has been removed, but the peer's process had loaded the header before.
 */
#define IN_DOUBT (inread[Q] && reader_pos[Q] == d)
#define DOUBT (IN_DOUBT && (d >= lim[i] || M(M_NO_REMOVAL)))

/*
 * The delivery of the records written, by the peer's pages. If the peer
 * took over, its process reads on to the end of the record that the process has
 * begun. If the peer did not, the bytes that its process has used count.
 */
inline verdict(by_at)
{
	assert(mapc[i]);
	if
	:: took_over[Q] && wire[Q] == W_DETACHED -> READ_AT;
		if
		:: !(by_at) && (took_until[Q] > d || M(M_TAKEN_ONLY)) -> d = took_until[Q]
		:: else
		fi;
		und[i] = 2 * (wr[i] - d)
	:: else -> d = reader_pos[Q] + (begun[Q] && M(M_BEGUN_WHOLE));
		und[i] = 2 * (wr[i] - d) - (begun[Q] && !M(M_BEGUN_WHOLE))
	fi;
	assert(d <= wr[i]);
	doubt[i] = DOUBT; d = 0
}

inline end_grants()
{
	assert(!mapr[Q] && !mapc[Q]);
	granted[i] = 0
}

inline ended(e)
{
	if
	:: !M(M_KEEPS_MAPPED) -> mapr[i] = 0
	:: else
	fi;
	mapc[i] = 0; step(e); status[i] = FINAL;
	store_state(W_DETACHED); notify(); close_conn();
	if
	:: M(M_ENDS_GRANTS) -> end_grants()
	:: else
	fi
}

/*
 * The bound has passed: remove from the own ring the headers that the peer's
 * process has not reached, the last one first, and read the reader's position
 * again before each. Then, after a full fence, test whether the peer was
 * through after all. `cut_off` is 1 when this begins.
 */
inline pause()
{
	if
	:: opt & PAUSED -> paused = Q + 1
	:: else
	fi
}

inline cut_first()
{
	if
	:: !M(M_NO_CUT_WORD) -> cut_off[i] = 1
	:: else
	fi;
	has_cut[i] = 1; lim[i] = wr[i]
}

inline cut_then()
{
	do
	:: atomic { READ_AT; x = DOUBT;
		if
		:: lim[i] <= d || M(M_NO_REMOVAL) -> break
		:: else
		fi }
		if
		:: d_step { M(M_ONE_HEADER) -> hole[i] = d; x = IN_DOUBT } break
		:: d_step { M(M_AT_ONCE) -> lim[i] = d; x = IN_DOUBT } break
		:: d_step { !M(M_ONE_HEADER) && !M(M_AT_ONCE) ->
			lim[i] = lim[i] - 1 }
		fi
	od;
	if
	:: atomic { wire[Q] < W_CLOSED || M(M_NO_SECOND_LOOK) ->
		und[i] = 2 * (wr[i] - d); doubt[i] = x; d = 0; x = 0 }
		atomic {
			if
			:: !M(M_NO_CUT_WORD) -> cut_off[i] = 2
			:: else
			fi;
			paused = 0; notify() }
	:: atomic { wire[Q] >= W_CLOSED && !M(M_NO_SECOND_LOOK) ->
		verdict(0); x = 0; cut_off[i] = 0; paused = 0; notify() }
	fi
}

#define BEYOND(s) (wire[Q] >= (s))

/* Allows a cut-off; until the kernel makes one, the bound has not passed. */
#define past_bound (may(BOUND, i) && leave[i])

proctype kernel(bit i) provided (RUNS)
{
	byte a, b, c, t, d, x;

	do
	/* A work item: repeats until the channel needs nothing more. */

	/* OFFERED: the peer's pages are not mapped yet */
	:: atomic { kick[i] && st[i] == S_OFFERED && !closed[i] && accepted ->
		accepted = 0;
		if
		:: granted[Q] && !moved[Q] && !dead[Q] -> mapr[i] = 1; mapc[i] = 1;
			step(E_ACCEPTED); est[i] = 1; store_state(W_OPEN);
			notify()
		:: else -> view[i] = NOTHING; ended(E_FAIL)
		fi }
	:: atomic { kick[i] && st[i] == S_OFFERED && !closed[i] &&
		    (leave[i] || gone[i] && !accepted) ->
		view[i] = NOTHING;
		if
		:: leave[i] -> ended(E_LEAVE)
		:: else -> ended(E_GONE)
		fi }

	/* CLOSE */
	:: atomic { kick[i] && closed[i] && st[i] < S_CLOSING ->
		rev[i] = 1; view[i] = NOTHING; status[i] = FINAL;
		through[i] = !mapc[i]; /* ENDED, or never OPEN */
		step(E_CLOSE); store_state(W_CLOSED); notify();
		close_conn() }

	/* LEAVE: this guest's, or the peer is seen LEAVING */
	:: atomic { kick[i] && st[i] == S_OPEN && !closed[i] &&
		    !BEYOND(W_CLOSED) &&
		    (leave[i] || BEYOND(W_LEAVING)) && !M(M_GONE_FIRST) ||
		    kick[i] && st[i] == S_OPEN && !closed[i] &&
		    !BEYOND(W_CLOSED) &&
		    (leave[i] || BEYOND(W_LEAVING)) && !gone[i] ->
		stop_first() }
		atomic { stop_then();
			if
			:: BEYOND(W_LEAVING) /* it may skip LEAVING */
			:: store_state(W_LEAVING); notify()
			fi;
			if
			:: M(M_CLOSE_EARLY) -> close_conn()
			:: else
			fi;
			step(E_LEAVE); lock[i] = 0 }

	/* STOPPED */
	:: atomic { kick[i] && st[i] == S_LEFT && !closed[i] &&
		    (BEYOND(W_LEAVING) || M(M_KEEP_EARLY)) &&
		    !(M(M_GONE_FIRST) && gone[i]) ->
		lock[i] = 1; keep_first() }
		keep_then();
		atomic { DECIDED -> reveal(); step(E_STOPPED); lock[i] = 0 }

	/* SETTLED */
	:: atomic { kick[i] && st[i] == S_KEPT && !closed[i] &&
		    BEYOND(W_CLOSED) && !(M(M_GONE_FIRST) && gone[i]) ->
		verdict(M(M_AT_ALWAYS)); ended(E_SETTLED) }

	/* GONE: seen in its page, or else told by the backend */
	:: atomic { kick[i] && st[i] == S_OPEN && !closed[i] &&
		    (BEYOND(W_CLOSED) || gone[i] &&
		     (!BEYOND(W_LEAVING) || M(M_GONE_FIRST))) ->
		stop_first() }
		atomic { stop_then() }
		atomic { keep_first() }
		keep_then();
		atomic { DECIDED -> reveal();
			verdict(M(M_AT_ALWAYS) ||
				M(M_GONE_FIRST) && gone[i]);
			ended(E_GONE); lock[i] = 0 }
	:: atomic { kick[i] && st[i] == S_LEFT && !closed[i] && gone[i] &&
		    (!BEYOND(W_LEAVING) || M(M_GONE_FIRST)) ->
		lock[i] = 1; keep_first() }
		keep_then();
		atomic { DECIDED -> reveal(); verdict(M(M_GONE_FIRST));
			ended(E_GONE); lock[i] = 0 }
	:: atomic { kick[i] && st[i] == S_KEPT && !closed[i] && gone[i] &&
		    (!BEYOND(W_CLOSED) || M(M_GONE_FIRST)) ->
		verdict(M(M_GONE_FIRST)); ended(E_GONE) }

	/* CUT */
	:: atomic { kick[i] && past_bound && st[i] == S_LEFT && !closed[i] &&
		    !BEYOND(W_LEAVING) && !gone[i] ->
		lock[i] = 1; pause() }
		atomic { cut_first() }
		cut_then();
		atomic { keep_first() }
		keep_then();
		atomic { DECIDED -> reveal(); ended(E_CUT); lock[i] = 0 }
	:: atomic { kick[i] && past_bound && st[i] == S_KEPT && !closed[i] &&
		    !BEYOND(W_CLOSED) && !gone[i] ->
		lock[i] = 1; pause() }
		atomic { cut_first() }
		cut_then();
		atomic { ended(E_CUT); lock[i] = 0 }

	/* CLOSING: unmaps the peer, when the peer has unmapped us */
	:: atomic { kick[i] && st[i] == S_CLOSING && mapc[i] &&
		    (BEYOND(W_CLOSED) || gone[i]) ->
		mapr[i] = 0; mapc[i] = 0; through[i] = 1;
		store_state(W_DETACHED); notify() }
	/* ... or when it must go */
	:: atomic { kick[i] && st[i] == S_CLOSING && mapc[i] && past_bound &&
		    !M(M_CLOSING_STAYS) && !BEYOND(W_CLOSED) && !gone[i] ->
		mapr[i] = 0; mapc[i] = 0; store_state(W_DETACHED); notify() }
	:: d_step { kick[i] && st[i] == S_CLOSING && !mapc[i] && gone[i] &&
		    !through[i] -> through[i] = 1 }

	/* Nothing to do, until it is kicked again. */
	:: d_step { kick[i] && !(closed[i] && st[i] < S_CLOSING) &&
		(st[i] == S_OFFERED && !accepted && !leave[i] && !gone[i] ||
		 st[i] == S_OPEN && !leave[i] && !gone[i] &&
			!BEYOND(W_LEAVING) ||
		 st[i] == S_LEFT && !past_bound && !gone[i] &&
			!BEYOND(W_LEAVING) ||
		 st[i] == S_KEPT && !past_bound && !gone[i] &&
			!BEYOND(W_CLOSED) ||
		 st[i] == S_ENDED || st[i] == S_DEAD ||
		 st[i] == S_CLOSING && !mapc[i] && (through[i] || !gone[i]) ||
		 st[i] == S_CLOSING && mapc[i] && !BEYOND(W_CLOSED) &&
			!gone[i] && (!past_bound || M(M_CLOSING_STAYS))) ->
		kick[i] = 0 }

	/* By a timer: grants that the peer does not hold any more; RELEASED. */
	:: atomic { granted[i] && (st[i] == S_ENDED ||
			st[i] == S_CLOSING && !mapc[i] && through[i]) &&
		    !mapr[Q] && !mapc[Q] -> end_grants() }
	:: d_step { st[i] == S_CLOSING && !mapc[i] &&
		    (!granted[i] || moved[i]) -> step(E_RELEASED) }
	od
}

/* ------------------------------------------------ backend, environment */

inline tell(i)
{
	gone[i] = !moved[i]; kick[i] = 1
}

/* No page of a peer is mapped when a guest goes. */
inline leaves(i)
{
	assert(!mapr[i] && !mapc[i]);
	went[i] = 1
}

/* After the bound the guest goes, even with pages mapped. */
#define MAY_GO(i) (leave[i] && !went[i] && !dead[i] && !lock[i] && \
		   (st[i] == S_ENDED || st[i] == S_DEAD || \
		    st[i] == S_CLOSING && !mapc[i] || may(BOUND, i) && !kick[i]))

#define HAPPENS(i) \
	:: d_step { toclose[i] -> toclose[i] = 0; tell(1 - i) } \
	:: d_step { may(LEAVE, i) && !leave[i] -> leave[i] = 1; kick[i] = 1 } \
	:: d_step { may(CLOSE, i) && !closed[i] -> closed[i] = 1; kick[i] = 1 } \
	:: d_step { may(CRASH, i) && !dead[i] && !went[i] -> \
		dead[i] = 1; mapr[i] = 0; mapc[i] = 0; tell(1 - i) } \
	:: atomic { MAY_GO(i) -> leaves(i); \
		if \
		:: skip /* it was cancelled */ \
		:: moved[i] = 1; gone[i] = 0; tell(1 - i) \
		fi }

proctype environment()
{
	do
	HAPPENS(0)
	HAPPENS(1)
	od
}

/* ------------------------------------------------------------ invariants */

#define happened (leave[0] || leave[1] || closed[0] || closed[1] || \
		  dead[0] || dead[1])

inline check(i)
{
	/* records written before a process or its guest went are read */
	if
	:: !closed[i] && !dead[i] || closed[1 - i] || dead[1 - i] ||
	   !est[1 - i] || has_cut[i] || has_cut[1 - i]
	:: else -> assert(rdp[1 - i] == wr[i] && !half[1 - i])
	fi;
	if
	:: dead[i]
	:: else ->
		/* every channel ends */
		assert(!happened || closed[i] || st[i] == S_ENDED);
		assert(!closed[i] || st[i] == S_DEAD);
		assert(!leave[i] || went[i]);
		/* no page stays mapped or granted, nothing is left over */
		assert(!happened || !mapr[i] && !mapc[i]);
		assert(!happened || !granted[i] || moved[i]);
		assert(!lock[i] && !kick[i]);
		/* its process has read all records, and is told of the end */
		assert(closed[i] || !seen(i));
		assert(closed[i] || !happened || status[i] == FINAL);
		/* accepted records have been read or are reported undelivered */
		if
		:: closed[i]
		:: !closed[i] && (closed[1 - i] || dead[1 - i]) ->
			/* a peer that is gone has read up to its reader_pos */
			x = 2 * reader_pos[1 - i] + begun[1 - i] + und[i];
			assert(!est[i] || has_cut[i] || x == 2 * acc[i] ||
			       took_over[1 - i] && x < 2 * acc[i])
		:: else ->
			x = 2 * (rdp[1 - i] + half[1 - i]) + und[i];
			assert(x == 2 * acc[i] ||
			       doubt[i] && x == 2 * acc[i] + 2);
			assert(happened || acc[i] == wr[i] &&
			       acc[i] == (may(WRITE, i) -> N : 0));
			/* nothing is lost while both answer */
			assert(und[i] == 0 || has_cut[0] || has_cut[1] ||
			       !est[1 - i])
		fi
	fi
}

init
{
	byte x;

	d_step {
		c_code {
			opt = atoi(getenv("OPT") ? getenv("OPT") : "0");
			mut = atoi(getenv("MUTANT") ? getenv("MUTANT") : "0");
			N = atoi(getenv("RECORDS") ? getenv("RECORDS") : "2");
			memcpy(chan_next, ivc_chan_next, sizeof(ivc_chan_next));
			taken_in(&ivc_chan_next[0][0], IVC_CHAN_EVENTS,
				 IVC_CHAN_STATES, ivc_chan_state_name,
				 ivc_chan_event_name);
		};
		x = 0;
		do
		:: x < 2 ->
			wire[x] = W_OPEN; st[x] = S_OPEN; est[x] = 1;
			lim[x] = N + 1; hole[x] = N + 1;
			mapr[x] = 1; mapc[x] = 1; granted[x] = 1;
			x = x + 1
		:: else -> break
		od;
		if
		:: opt & OFFERED -> wire[0] = W_OPENING; st[0] = S_OFFERED;
			est[0] = 0; mapr[0] = 0; mapc[0] = 0;
			accepted = 1; kick[0] = 1
		:: else
		fi;
		x = 0
	}
	atomic {
		run kernel(0); run kernel(1);
		run process(0); run process(1);
		run environment()
	}
	timeout -> atomic { check(0); check(1) }
}
