#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=900 suite=no
# All transitions of a channel's table, brought about for real; and every fault, done
# to an end in each of its states.

# shellcheck source=tests/lab/fate.sh
. /lab/tests/fate.sh
tell 1
tell 2

## Faults
do_kill() {
	g_kill $A end 9
}
do_kill_peer() {
	g_kill $B peer 9
}
do_detach() {
	ivcctl detach guest$A --wait 20
}
do_detach_peer() {
	ivcctl detach guest$B --wait 20
}
do_save() {
	guest_save $A /tmp/image && guest_restore $A /tmp/image && rm /tmp/image
}
do_save_peer() {
	guest_save $B /tmp/image && guest_restore $B /tmp/image && rm /tmp/image
}
do_destroy_peer() {
	guest_destroy $B && renew $B
}
do_reboot_peer() {
	guest_reboot $B && tell $B
}
do_unload() {
	back_unload || return 1
	guest_unpause $B 2>/dev/null || : # or it does not come back
	insmod /ivc/ivc-back.ko || return 1
	for n in 1 2; do
		guest_attached $n 20 || return 1
	done
}
do_replace_xenstored() {
	xenstore-control live-update -t 10 "$(readlink /proc/"$(cat /run/xenstored.pid)"/exe)" >/dev/null
}

## Each line of the table: see_STATE_EVENT brings it about
see_new_offer() {
	peer
	mark
	end --peer 2
}
see_new_taken() {
	end
	mark
	peer --peer 1
}
see_new_close() {
	new close 'end --peer 2' peer kill_it
}
see_new_gone() {
	new gone end 'peer --peer 1' kill_peer
}
see_new_fail() {
	limited --max-pages 4
	mark
	end
	peer --peer 1
	wait_until 10 passed new fail || :
	limited
}
see_offered_accepted() {
	reach_offered
	mark
	g $B touch /tmp/go
}
see_offered_leave() {
	reach_offered
	mark
	detach $A
}
see_offered_gone() {
	reach_offered
	mark
	g_kill $B peer 9
}
# Two ends in one guest come along with it, but not if only its device goes
see_offered_fail() {
	g_bg $A other "exec $a fate --magic 5 --id 3 --until /tmp/go --timeout 100"
	end --peer 3
	is offered 3
	mark
	detach $A
}
see_offered_close() {
	reach_offered
	mark
	g_kill $A end 9
}
see_open_leave() {
	reach_open
	mark
	detach $A
}
see_open_gone() {
	reach_open
	mark
	g_kill $B peer 9
}
see_open_fail() {
	g_bg $A other "exec $a fate --magic 5 --id 3 --timeout 100"
	end --peer 3
	is open 3
	mark
	detach $A
}
see_open_close() {
	reach_open
	mark
	g_kill $A end 9
}
see_left_stopped() {
	reach_left
	guest_unpause $B
}
see_left_cut() {
	reach_left 3000
}
# Of a guest that is frozen: without its backend it would not be told
see_left_gone() {
	reach_open
	leave_ms $A 20000
	mark
	guest_pause $B
	guest_save $A /tmp/image &
	sleep $((4 * LAB_SLOWER))
	guest_destroy $B
	wait $! || fail "guest $A cannot be saved"
	guest_restore $A /tmp/image || fail "guest $A cannot be restored"
	rm /tmp/image
	renew $B
}
see_left_close() {
	g_bg $A later 'sleep 8; killall -9 ivc-apitest'
	reach_left
}
see_kept_settled() {
	reach_kept
	mark
	guest_unpause $B
}
see_kept_cut() {
	reach_kept
	leave_ms $A 300
	mark
	detach $A
}
see_kept_gone() {
	reach_kept
	mark
	guest_destroy $B
	renew $B
}
see_kept_close() {
	reach_kept
	mark
	g_kill $A end 9
}
see_ended_close() {
	reach_ended
	mark
	g_kill $A end 9
}
see_closing_released() {
	reach_closing
	mark
	guest_unpause $B
}

nr=0
while read -r state event next <&3; do
	[ "$next" != - ] || continue
	# A detach that finds a process between two steps: that takes two CPUs, races.sh
	[ "$state $event" != 'new leave' ] || continue
	case $state.$event in
	left.*) passes=passed ;; # with the events before it
	new.*) passes=passed ;;	    # or one way, or another
	*) passes=went ;;
	esac
	see_"${state}_$event"
	wait_until 20 $passes "$state" "$event" ||
		fail "$state, $event: not to $next: $(tr '\n' ';' </tmp/path)"
	nr=$((nr + 1))
	note "$state, $event: $next (guest $A, $(guest_type $A))"
	anew
done 3</tmp/states
note "$nr changes of state, each as the table has it"

## Each fault in each state; LEFT by a kill, and by a peer's guest destroyed, is done
## above
# possible STATE FAULT: a process that is gone cannot be killed. While a guest stands
# still, which is as long as LEFT lasts, nothing happens in it
possible() {
	case $1.$2 in
	ended.kill_peer | closing.kill | left.kill*) return 1 ;;
	*.destroy_peer) [ "$1" != left ] ;;
	left.*_peer | kept.*_peer | closing.*_peer) return 1 ;;
	esac
}
# events STATE FAULT: the events that FAULT can cause for guest A's end; none: the end
# keeps its state
events() {
	case $1.$2 in
	new.detach) echo fail ;; # its request has no answer any more
	new.unload) echo gone fail ;;
	new.replace_xenstored) echo taken fail ;; # as without
	new.save) echo taken fail ;; # a process that waits for an answer is frozen after it
	left.*) echo stopped cut gone ;; # as its peer's guest may go on meanwhile
	*.replace_xenstored) ;;
	closing.save | closing.destroy_peer | closing.unload) echo released ;;
	closing.*) ;;
	*.kill) echo close ;;
	ended.*) ;;
	kept.destroy_peer) echo gone ;;
	kept.unload) echo cut gone settled ;; # its peer may go on meanwhile
	kept.*) echo cut ;;
	open.detach_peer | open.save_peer) echo leave ;;
	open.reboot_peer) echo leave gone ;; # a guest may go with a word, or not
	*.*_peer) echo gone ;;
	*.unload) echo leave gone ;; # it is told, and so is its peer
	*) echo leave ;;
	esac
}
came_one() {
	for e in $events; do
		! $came "$state" "$e" || return 0
	done
	return 1
}
# suffer: do $fault to an end that is in $state, and see it go to an allowed state
suffer() {
	events=$(events $state $fault) came=went
	reach_$state
	case $state in
	new) ;;		      # from its beginning on
	left) came=passed ;; # which is seen afterwards
	*) mark ;;
	esac
	do_$fault || fail "$fault, while the end is $state"
	if [ -n "$events" ]; then
		wait_until 20 came_one
	else
		sleep 1
		path >/tmp/path
		[ ! -s /tmp/path ] || return 1
		is $state
	fi
}
nr=0
for state in new offered open left ended kept closing; do
	for fault in kill kill_peer detach detach_peer save save_peer destroy_peer reboot_peer unload replace_xenstored; do
		possible $state $fault || continue
		tries=1
		until suffer; do
			# In 4 s it may have come too late
			if [ $state != new ] || [ $tries = 5 ]; then
				fail "$fault, $state: ${events:-nothing} expected: $(tr '\n' ';' </tmp/path)"
			fi
			tries=$((tries + 1))
			anew
		done
		if [ $state = closing ]; then # its pages come back when the peer goes on
			guest_unpause $B 2>/dev/null || :
			wait_until 20 went closing released || fail "$fault: it stays closing"
		fi
		nr=$((nr + 1))
		note "$state, $fault: $(tr '\n' ';' </tmp/path)"
		anew
	done
done
note "$nr faults in seven states, each with the outcome that the table has"
again 1 2
