#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=5 attach=no suite=no expect=no.end.within.5.s
# A scenario that hangs is ended; a guest it leaves hanging is replaced.

guest_pause 2
g 2 true
