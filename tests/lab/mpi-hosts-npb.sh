#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pvh,pvh,pvh,pvh hosts=2 vif=yes mpi=yes mem=256 cpus=5 time=2400 suite=no
# NPB of class S in 2 + 2 guests on two hosts: right answers, three ways.

# shellcheck source=tests/lab/apart.sh
. /lab/tests/apart.sh
# shellcheck source=tests/lab/programs.sh
. /lab/tests/programs.sh
built is.S.x
apart
npb
together
