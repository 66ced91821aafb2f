#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=30 stall=5 attach=no suite=no expect=nothing.moved.for
# A scenario that hangs is ended; a guest it leaves hanging is replaced.

guest_pause 2
g 2 true
