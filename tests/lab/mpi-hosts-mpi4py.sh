#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv,pv,pv hosts=2 away=2 vif=yes mpi=yes mem=256 cpus=1 time=4800 suite=no
# mpi4py's own tests in 2 + 2 guests on two hosts: right answers, three ways.

# shellcheck source=tests/lab/programs.sh
. /lab/tests/programs.sh
mpi4py
