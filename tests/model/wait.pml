/* SPDX-License-Identifier: GPL-2.0 */
/*
 * This model is not tied to the code: lib/wait.c has no table that could be shared,
 * only the order of a few loads and stores, and a program cannot compare that. A
 * change of that order in lib/wait.c must be made here by hand.
 *
 * Waiting, as in lib/wait.c: two threads of one end, a reader and a writer, and
 * two threads of the peer. The search looks for a run in which a thread sleeps
 * for ever though its data or space is there. There is no backstop here.
 *
 * Set by the environment: LOCAL, 1 for the local transport, whose doorbell is a
 * socket and whose wishes no kernel clears, 0 for Xen; READS and WRITES, how
 * often each thread waits; MUTANT, a fault.
 *
 * A peer's store stays in a store buffer for any time, and the load of `want`
 * behind the store is done at any time. lib/wait.c assumes that the grace period
 * is longer than a store stays in a buffer. Here: the grace period does not end
 * before each store that was in a buffer at its begin is visible.
 */
c_decl {
\#include <stdlib.h>
}
#define M_NO_GRACE 1	  /* sleep without looking on */
#define M_ARM_LATE 2	  /* wish first, ARM then */
#define M_NO_WAKE 4	  /* a thread that stops polling wakes no other */
#define M_ALL_ARM 8	  /* a follower calls ARM, too */
#define M_LOOK_FIRST 16	  /* look, then wish, then sleep */
#define M_KEEP_POLLING 32 /* the leader forgets to say that it stopped */
#define M_IN_TWO 64	  /* the kernel looks at the wishes, then takes them */
#define M_NO_EPOCH 128	  /* local: an ARM does not change the wish */
#define M_EPOCH_FIRST 256 /* local: ARM changes it before it takes the bells */

#define READS 0
#define WRITES 1

int mutant, socket, rounds[2];

/* Made visible by the peer, of each kind; and used of that. */
byte there[2], used[2];
/* In the peer's store buffers; how many of those a sleeper waits to see. */
byte buffered[2], old_reads[2], old_writes[2];
bool want[2];
bool pending; /* the event channel */
bool rung;    /* the doorbell, at the descriptor */
byte epoch;   /* local: in the word of the wishes */
byte for_it;  /* local: what the peer has rung for last */
bool polling;
byte followers;
bool woken; /* the followers' eventfd */
bool locked;

#define HAS(m) ((mutant & (m)) != 0)
#define wishes (epoch * 4 + want[READS] + 2 * want[WRITES])
#define ready(k) (there[k] > used[k])
#define seen(k)                                        \
	((k == READS && old_reads[0] + old_reads[1] == 0) || \
	 (k == WRITES && old_writes[0] + old_writes[1] == 0))

inline wish(k)
{
	d_step {
		want[k] = true;
		/* the fence: a store is in a buffer now, or comes after the bit */
		if
		:: k == READS ->
			old_reads[0] = buffered[0];
			old_reads[1] = buffered[1]
		:: else ->
			old_writes[0] = buffered[0];
			old_writes[1] = buffered[1]
		fi
	}
}

inline arm()
{
	if
	:: socket && !HAS(M_NO_EPOCH) ->
		if
		:: HAS(M_EPOCH_FIRST) -> epoch++; rung = false
		:: else -> rung = false; epoch++
		fi
	:: else -> rung = false
	fi
}

inline kick()
{
	if
	:: !socket -> pending = true
	:: socket ->
		value = wishes;
		if
		:: value == for_it
		:: else -> rung = true; for_it = value
		fi
	fi
}

/* A thread of the end that waits. */
proctype sleeper(byte k)
{
	bool leader;
	byte n = 0;

	do
	:: n == rounds[k] -> break
	:: n < rounds[k] ->
		do
		:: ready(k) -> break
		:: !ready(k) ->
			/* join() */
			atomic {
				!locked -> locked = true;
				leader = !polling
			};
			if
			:: HAS(M_ARM_LATE) -> wish(k)
			:: else
			fi;
			if
			:: leader || HAS(M_ALL_ARM) -> arm()
			:: else
			fi;
			/* All but the doorbell and the wishes is under the lock. */
			atomic {
				if
				:: leader -> polling = true
				:: else -> followers++
				fi
			};
			if
			:: HAS(M_LOOK_FIRST) && ready(k) -> skip
			:: HAS(M_ARM_LATE) && !HAS(M_LOOK_FIRST)
			:: else -> wish(k)
			fi;
			locked = false;
			/* look(), then poll() */
			if
			:: ready(k) && !HAS(M_LOOK_FIRST)
			:: HAS(M_NO_GRACE) || HAS(M_LOOK_FIRST) || seen(k) ->
				if
				:: ready(k) && !HAS(M_LOOK_FIRST) && !HAS(M_NO_GRACE)
				:: else ->
					if
					:: leader -> rung
					:: else -> woken
					fi
				fi
			fi;
			/* part() */
			atomic {
				!locked;
				if
				:: leader ->
					polling = HAS(M_KEEP_POLLING);
					if
					:: followers > 0 && !HAS(M_NO_WAKE) -> woken = true
					:: else
					fi
				:: else ->
					followers--;
					woken = false
				fi
			}
		od;
		atomic {
			want[k] = false;
			used[k]++;
			n++
		}
	od
}

/* A thread of the peer: it makes there what @k waits for. */
proctype maker(byte k)
{
	byte n = 0, value;

	do
	:: n == rounds[k] -> break
	:: atomic { n < rounds[k] -> n++; buffered[k]++ };
		if
		:: want[k] -> kick()
		:: !want[k]
		fi
	od
}

active proctype buffers()
{
	byte k;

end:
	do
	:: atomic { buffered[READS] > 0 -> k = READS; goto drain }
	:: atomic { buffered[WRITES] > 0 -> k = WRITES; goto drain }
	od;
drain:
	atomic {
		buffered[k]--;
		there[k]++;
		if
		:: old_reads[k] > 0 -> old_reads[k]--
		:: else
		fi;
		if
		:: old_writes[k] > 0 -> old_writes[k]--
		:: else
		fi;
		goto end
	}
}

/* The interrupt handler of the end that waits. */
active proctype handler()
{
	bool heard;

end:
	do
	:: atomic { pending -> pending = false };
		if
		:: HAS(M_IN_TWO) -> heard = want[READS] || want[WRITES]
		:: else
		fi;
		d_step {
			if
			:: !HAS(M_IN_TWO) -> heard = want[READS] || want[WRITES]
			:: else
			fi;
			want[READS] = false;
			want[WRITES] = false
		};
		if
		:: heard -> rung = true
		:: else
		fi
	od
}

init
{
	c_code {
		now.mutant = atoi(getenv("MUTANT"));
		now.socket = atoi(getenv("LOCAL"));
		now.rounds[READS] = atoi(getenv("READS"));
		now.rounds[WRITES] = atoi(getenv("WRITES"));
	};
	atomic {
		run sleeper(READS);
		run sleeper(WRITES);
		run maker(READS);
		run maker(WRITES)
	}
}
