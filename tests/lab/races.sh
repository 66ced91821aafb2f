#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv time=300 vcpus=2
# A device is detached while a process on another CPU makes a channel, in the middle
# of granting its pages: only so does LEAVE come to a channel that is NEW. That is
# chance, one time in 5 to 20: a run in which it does not happen says so and passes.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh

# left GUEST: how often they have met
left() {
	g "$1" dmesg | grep -c ': new leave ended' || :
}
# race A B: A's processes connect to B's, who has other things to do
race() {
	[ "$LAB_DEBUG" = yes ] ||
		g "$1" 'echo "file */front/channel*.c +p" >/sys/kernel/debug/dynamic_debug/control'
	g_bg "$2" idle "exec $a fate --magic 6 --id 1 --until /tmp/never"
	for id in 2 3 4; do
		g_bg "$1" loop$id "exec $a fate --magic 6 --id $id --peer 1 --how loop --timeout 10 --tx-size 4194304"
	done
	sleep 2
	times=0
	while [ $times -lt 5 ] || { [ "$(left "$1")" = 0 ] && [ $times -lt 25 ] && [ "$LAB_DEBUG" = no ]; }; do
		ivcctl detach "guest$1" --wait 20 || fail "guest $1 cannot be detached"
		ivcctl attach "guest$1" --wait 20 || fail "guest $1 cannot be attached"
		sleep 1
		times=$((times + 1))
	done
	for id in 2 3 4; do
		g_kill "$1" loop$id 9
	done
	g_kill "$2" idle 9
	again "$1" "$2"
	[ "$LAB_DEBUG" = no ] || return 0
	note "guest $1 ($(guest_type "$1")): detached $times times, $(left "$1") channels left while they were new"
}
race 1 2
race 2 1
