# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # lab uses what is set here
#
# How fast is this machine now? The limits of the lab are seconds of a machine
# that has two CPUs for the emulated PC. On a slower or a busy one everything is
# given as many times longer, and scenarios that may do less do less.

# What the loops below may take, in microseconds: half of that is usual.
PACE_US=2000000
PACE_STEPS=150000

# pace_loop: work of a fixed size, for one CPU
pace_loop() {
	local i=0

	while [ $i -lt $PACE_STEPS ]; do
		i=$((i + 1))
	done
}

# pace_measure: sets PACE, how many times slower this machine is, from 1 on. The
# emulated PC keeps two CPUs busy, so that two loops run at once.
pace_measure() {
	local began=${EPOCHREALTIME//[!0-9]/} took other

	pace_loop &
	other=$!
	pace_loop
	wait $other
	took=$((${EPOCHREALTIME//[!0-9]/} - began))
	PACE=$(((took + PACE_US - 1) / PACE_US))
}
