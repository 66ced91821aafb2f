/* SPDX-License-Identifier: MIT */
/*
 * A pair of processes that goes from the network to a channel and back:
 * docs/reference/mpi-protocol.md, 2 to 6, both ends at once.
 *
 * Each end sends N messages to the other, while channels are made, are left by
 * agreement, and end by themselves at any moment, after which each side hears of
 * it when it does. A process that computes makes no step for a while,
 * so that is among the runs. README.md says what is left out.
 *
 * A run ends when nobody can make a step; then both must have everything. Each
 * message that is read must be the next in order, at every step.
 *
 * -DN= messages each way, -DOPT= the events, -DMUTANT= a fault: see switch.sh.
 */
#define LEAVE0 1 /* end 0 leaves a channel that lives, once */
#define LEAVE1 2
#define DEATH 4	 /* channels end by themselves */
#define CUT 8	 /* and one record more may have been read than is told */
#define TWICE 16 /* there are two channels, one after the other */
#define may(x) ((OPT & (x)) != 0)

#define M_READ_EARLY 1 /* the channel is read before FLUSH has come */
#define M_NO_HOLD 2 /* messages of the network are read before the channel's */
#define M_BACK_ALL 3 /* BACK counts written messages, not delivered ones */
#define M_NEW_FIRST 4 /* new messages before those that come back */
#define M_STOP_IS_BACK 5 /* BACK at once, without waiting for DRAINED */
#define M_NO_ANSWER 6 /* a FLUSH for a channel that is gone is not refused */
#define M_NO_SKIP 7 /* messages read beyond BACK are read again */
#define M_DRAINED_EARLY 8 /* DRAINED before all has been read */
#define M_CLOSE_EARLY 9 /* closed before the peer's BACK is reached */
#define M_DROP_KNOWN 10 /* a channel that ends is dropped, though it is known */
#define M_NO_LEAVE 11 /* a STOP or BACK of the peer is not answered by one */
#define M_SAY_EARLY 12 /* a hello is answered while a channel is in use */
#define M(x) (MUTANT == x)

#define G (1 + may(TWICE)) /* channels are numbered from 1 */

/* --- the network: what end i has sent is in [i * ROOM], the oldest first */
#define DATA 1
#define FLUSH 2
#define STOP 3
#define DRAINED 4
#define BACK 5
#define ROOM 6
byte qt[12], qg[12], qv[12];
byte ql[2];

/* --- a channel: what end w has written is w's, [gen * 2 + w] */
#define at(g, w) ((g) * 2 + (w))
bit made[3], dead[3];
byte wr[6];   /* records in it, the hello first */
byte rd[6];   /* of those, read by the other end */
byte lim[6];  /* dead: the other end finds as many */
byte told[6]; /* and the writer is told as many */
bit over[6];  /* this end has heard that it is dead */
byte base[6]; /* number of the message in record 1 */

/* --- enum coord_state, enum coord_event */
#define CLOSED 0
#define CONNECTED 1
#define ACTIVE 2
#define SUSPENDING 3
#define STATES 4
#define OPENED 0
#define FLUSHED 1
#define LEAVES 2
#define REFUSED 3
#define THROUGH 4
#define EVENTS 5
#define NONE 255

/*
 * The transitions are the coordinator's: coord_next of coordinator/state.h, copied
 * into this array, which is no part of the state that a search stores. A number
 * above that differs from the header's does not compile. A transition that the
 * table does not have is a failed assertion, and switch.sh fails for a transition
 * of the table that no search takes.
 */
hidden byte coord_table[STATES * EVENTS];
hidden byte old, event;
c_decl {
\#include "coordinator/state.h"
\#include "taken.h"
_Static_assert(CLOSED == COORD_CLOSED && CONNECTED == COORD_CONNECTED &&
	       ACTIVE == COORD_ACTIVE && SUSPENDING == COORD_SUSPENDING &&
	       STATES == COORD_STATES,
	       "switch.pml numbers the states otherwise than coordinator/state.h");
_Static_assert(OPENED == COORD_OPEN && FLUSHED == COORD_FLUSH &&
	       LEAVES == COORD_LEAVE && REFUSED == COORD_REFUSE &&
	       THROUGH == COORD_THROUGH && EVENTS == COORD_EVENTS &&
	       NONE == COORD_STATE_NONE,
	       "switch.pml numbers the events otherwise than coordinator/state.h");
static const char *const coord_state_name[] = {"closed", "connected", "active",
					       "suspending"};
static const char *const coord_event_name[] = {"open", "flush", "leave",
					       "refuse", "through"};
}

inline step(i, e)
{
	old = st[i];
	event = e;
	assert(coord_table[old * EVENTS + event] != NONE);
	c_code { taken(old, event); };
	st[i] = coord_table[old * EVENTS + event]
}

byte st[2];
byte gen[2];  /* of the last channel made or heard of */
byte next[2]; /* being established, or 0 */
bit heard[2], said[2];
bit nflushed[2]; /* of next: the peer's FLUSH */
byte lane[2];	 /* in use or being left, or 0 */
bit here[2];	 /* its channel is */
bit left[2];	 /* has used its LEAVE */
bit flushsaid[2], stopsaid[2], confirmed[2], backsaid[2];
bit flushed[2], stopped[2], drainedsaid[2], backed[2], through[2];
byte stop[2], back[2];
byte drop[2]; /* messages that will come again */
byte nxt[2]; /* message to be sent next */
byte high[2]; /* those before it have been sent, or have come back */
byte got[2]; /* messages that have come */

#define other(i) (1 - (i))
#define wrote(i) (wr[at(lane[i], i)] - 1) /* without the hello */
#define has_read(i) (rd[at(lane[i], other(i))] - 1)
#define reads_lane(i) ((lane[i] && flushed[i] && !through[i]) || \
		       (next[i] && nflushed[i]))
#define room(i) (ql[i] < ROOM)
/* The next message of the network for end i. */
#define from(i) (other(i) * ROOM)
#define is(i, t) (ql[other(i)] && qt[from(i)] == (t))
#define hg(i) qg[from(i)]
#define hv(i) qv[from(i)]

inline put(i, type, g_, v_)
{
	qt[i * ROOM + ql[i]] = type;
	qg[i * ROOM + ql[i]] = g_;
	qv[i * ROOM + ql[i]] = v_;
	ql[i]++
}

inline take(i)
{
	k = 0;
	do
	:: k < ROOM - 1 ->
		qt[from(i) + k] = qt[from(i) + k + 1];
		qg[from(i) + k] = qg[from(i) + k + 1];
		qv[from(i) + k] = qv[from(i) + k + 1];
		k++
	:: else -> break
	od;
	qt[from(i) + k] = 0; qg[from(i) + k] = 0; qv[from(i) + k] = 0;
	k = 0;
	ql[other(i)]--
}

inline message(i, n)
{
	assert(n == got[i]);
	got[i]++
}

inline check_through(i)
{
	if
	:: backed[i] && !through[i] && has_read(i) >= back[i] ->
		drop[i] = (M(M_NO_SKIP) -> 0 : has_read(i) - back[i]);
		through[i] = 1
	:: else
	fi
}

inline fresh(i)
{
	flushsaid[i] = 0; stopsaid[i] = 0; confirmed[i] = 0; backsaid[i] = 0;
	flushed[i] = 0; stopped[i] = 0; drainedsaid[i] = 0; backed[i] = 0;
	through[i] = 0; stop[i] = 0; back[i] = 0
}

/* FLUSH(g) for a channel that is not here: SUSPENDING, nothing was written. */
inline refuse(i, g)
{
	fresh(i);
	lane[i] = g; here[i] = 0; flushed[i] = 1;
	step(i, REFUSED)
}

/* Is there more of the other's in channel g for end i? */
#define readable(g, i) (rd[at(g, other(i))] < (dead[g] -> lim[at(g, other(i))] \
						       : wr[at(g, other(i))]))

proctype End(bit i)
{
	byte g, v, k;

end:	do
	/* meet: end 0 connects and says hello */
	:: atomic { i == 0 && st[i] == CLOSED && !next[i] && gen[i] < G ->
		gen[i]++; next[i] = gen[i]; heard[i] = 0; said[i] = 1;
		nflushed[i] = 0;
		made[gen[i]] = 1; wr[at(gen[i], 0)] = 1 }
	/* end 1 accepts, hears, and answers; an older one is given up */
	:: atomic { i == 1 && gen[i] < G && made[gen[i] + 1] &&
		    readable(gen[i] + 1, 1) && !nflushed[i] ->
		gen[i]++; next[i] = gen[i]; heard[i] = 1; said[i] = 0;
		rd[at(gen[i], 0)] = 1 }
	/* one that is dead before its hello is here is never heard of */
	:: atomic { i == 1 && gen[i] < G && made[gen[i] + 1] &&
		    dead[gen[i] + 1] && !readable(gen[i] + 1, 1) &&
		    !rd[at(gen[i] + 1, 0)] -> gen[i]++ }
	:: atomic { i == 1 && next[i] && !said[i] &&
		    (!lane[i] || M(M_SAY_EARLY)) ->
		if
		:: !dead[next[i]] -> said[i] = 1; wr[at(next[i], 1)] = 1
		:: else -> next[i] = 0
		fi }
	/* end 0 hears the answer, or that there will be none */
	:: atomic { i == 0 && next[i] && !heard[i] && readable(next[i], 0) ->
		heard[i] = 1; rd[at(next[i], 1)] = 1 }
	:: atomic { i == 0 && next[i] && !heard[i] && over[at(next[i], 0)] &&
		    !readable(next[i], 0) ->
		if
		:: nflushed[i] -> g = next[i]; refuse(i, g); nflushed[i] = 0
		:: else
		fi;
		next[i] = 0 }
	:: atomic { M(M_DROP_KNOWN) && next[i] && heard[i] && said[i] &&
		    !nflushed[i] && over[at(next[i], i)] -> next[i] = 0 }

	/* OPEN */
	:: atomic { st[i] == CLOSED && !lane[i] && next[i] && heard[i] &&
		    said[i] && room(i) ->
		fresh(i);
		lane[i] = next[i]; here[i] = 1; flushed[i] = nflushed[i];
		next[i] = 0; nflushed[i] = 0; flushsaid[i] = 1;
		base[at(lane[i], i)] = nxt[i];
		put(i, FLUSH, lane[i], 0);
		step(i, OPENED);
		if
		:: flushed[i] -> step(i, FLUSHED)
		:: else
		fi }

	/* send */
	:: atomic { nxt[i] < N && (st[i] == CONNECTED || st[i] == ACTIVE) &&
		    !dead[lane[i]] ->
		wr[at(lane[i], i)]++; nxt[i]++ }
	:: atomic { nxt[i] < N && room(i) &&
		    (st[i] == CLOSED ||
		     (st[i] == SUSPENDING &&
		      (backsaid[i] || M(M_NEW_FIRST)))) ->
		put(i, DATA, 0, nxt[i]); nxt[i]++ }

	/* LEAVE */
	:: atomic { (st[i] == CONNECTED || st[i] == ACTIVE) &&
		    (over[at(lane[i], i)] ||
		     ((stopped[i] || backed[i]) && !M(M_NO_LEAVE))) ->
		step(i, LEAVES) }
	:: atomic { (st[i] == CONNECTED || st[i] == ACTIVE) && !left[i] &&
		    ((i == 0 && may(LEAVE0)) || (i == 1 && may(LEAVE1))) ->
		left[i] = 1; step(i, LEAVES) }

	/* the marks to send while leaving */
	:: atomic { st[i] == SUSPENDING && !flushsaid[i] && room(i) ->
		put(i, FLUSH, lane[i], 0); flushsaid[i] = 1 }
	:: atomic { st[i] == SUSPENDING && here[i] && !backsaid[i] &&
		    !stopsaid[i] && !over[at(lane[i], i)] && room(i) ->
		put(i, STOP, lane[i], wrote(i)); stopsaid[i] = 1 }
	:: atomic { st[i] == SUSPENDING && flushsaid[i] && !backsaid[i] &&
		    room(i) &&
		    (!here[i] || confirmed[i] || over[at(lane[i], i)] ||
		     (M(M_STOP_IS_BACK) && stopsaid[i])) ->
		if
		:: !here[i] -> v = 0
		:: here[i] && (confirmed[i] || M(M_BACK_ALL) ||
			       !over[at(lane[i], i)]) -> v = wrote(i)
		:: else ->
			/* messages that did not arrive are sent again, first */
			v = (told[at(lane[i], i)] -> told[at(lane[i], i)] - 1
						   : 0);
			high[i] = nxt[i];
			nxt[i] = base[at(lane[i], i)] + v
		fi;
		put(i, BACK, lane[i], v); backsaid[i] = 1; v = 0 }
	:: atomic { stopped[i] && !backed[i] && !drainedsaid[i] && lane[i] &&
		    here[i] && st[i] == SUSPENDING && room(i) &&
		    (has_read(i) >= stop[i] || M(M_DRAINED_EARLY)) ->
		put(i, DRAINED, lane[i], stop[i]); drainedsaid[i] = 1 }
	/* THROUGH */
	:: atomic { st[i] == SUSPENDING && backsaid[i] && nxt[i] >= high[i] &&
		    (through[i] || (M(M_CLOSE_EARLY) && flushed[i] && backed[i])) ->
		lane[i] = 0; here[i] = 0; fresh(i);
		step(i, THROUGH) }

	/* read: the channel */
	:: atomic { lane[i] && here[i] && !through[i] &&
		    (flushed[i] || M(M_READ_EARLY)) && readable(lane[i], i) &&
		    rd[at(lane[i], other(i))] ->
		g = at(lane[i], other(i));
		message(i, base[g] + rd[g] - 1);
		rd[g]++; g = 0;
		check_through(i) }
	/* a reader that was cut off has one record in its hands */
	:: atomic { may(CUT) && lane[i] && here[i] && flushed[i] &&
		    !through[i] && dead[lane[i]] && !backed[i] &&
		    !readable(lane[i], i) && rd[at(lane[i], other(i))] &&
		    rd[at(lane[i], other(i))] < wr[at(lane[i], other(i))] &&
		    rd[at(lane[i], other(i))] == told[at(lane[i], other(i))] ->
		g = at(lane[i], other(i));
		message(i, base[g] + rd[g] - 1);
		rd[g]++; g = 0 }

	/* read: the network; a message that cannot be taken now stays */
	:: atomic { is(i, DATA) && (!reads_lane(i) || M(M_NO_HOLD)) ->
		if
		:: drop[i] -> drop[i]--
		:: else -> message(i, hv(i))
		fi;
		take(i) }
	:: atomic { is(i, FLUSH) && lane[i] == hg(i) && !flushed[i] ->
		flushed[i] = 1;
		if
		:: st[i] == CONNECTED -> step(i, FLUSHED)
		:: else
		fi;
		take(i) }
	:: atomic { is(i, FLUSH) && !lane[i] && next[i] == hg(i) &&
		    !nflushed[i] -> nflushed[i] = 1; take(i) }
	:: atomic { is(i, FLUSH) && !lane[i] && next[i] != hg(i) ->
		assert(hg(i) <= gen[i] && !drop[i]);
		if
		:: M(M_NO_ANSWER)
		:: else -> g = hg(i); refuse(i, g); g = 0
		fi;
		take(i) }
	:: atomic { is(i, STOP) && lane[i] == hg(i) ->
		assert(flushed[i] && (!here[i] || hv(i) >= has_read(i)));
		stopped[i] = 1; stop[i] = hv(i);
		take(i) }
	:: atomic { is(i, BACK) && lane[i] == hg(i) ->
		assert(flushed[i] && !backed[i]);
		assert(here[i] || !hv(i));
		backed[i] = 1; back[i] = hv(i);
		if
		:: here[i] -> check_through(i)
		:: else -> through[i] = 1
		fi;
		take(i) }
	:: atomic { is(i, DRAINED) ->
		if
		:: lane[i] == hg(i) && stopsaid[i] -> confirmed[i] = 1
		:: else -> assert(hg(i) <= gen[i])
		fi;
		take(i) }
	od
}

/* Channels end; each side hears of it, sooner or later. */
proctype World()
{
	byte g, w;

end:	do
	:: atomic { may(DEATH) && made[1] && !dead[1] -> g = 1; goto dies }
	:: atomic { may(DEATH) && made[2] && !dead[2] -> g = 2; goto dies }
	:: atomic { dead[1] && !over[2] -> over[2] = 1 }
	:: atomic { dead[1] && !over[3] -> over[3] = 1 }
	:: atomic { dead[2] && !over[4] -> over[4] = 1 }
	:: atomic { dead[2] && !over[5] -> over[5] = 1 }
	od;
dies:	atomic {
		dead[g] = 1;
		w = 0;
		do
		:: w < 2 ->
			/* All, or any part of it that was not read. */
			lim[at(g, w)] = rd[at(g, w)];
			do
			:: lim[at(g, w)] < wr[at(g, w)] -> lim[at(g, w)]++
			:: break
			od;
			told[at(g, w)] = lim[at(g, w)];
			w++
		:: else -> break
		od;
		g = 0; w = 0
	};
	goto end
}

init {
	atomic {
		c_code {
			memcpy(coord_table, coord_next, sizeof(coord_next));
			taken_in(&coord_next[0][0], COORD_EVENTS, COORD_STATES,
				 coord_state_name, coord_event_name);
		};
		run End(0);
		run End(1);
		run World();
	}
	timeout;
	assert(got[0] == N && got[1] == N)
}
