#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv,pv,pv vif=yes mpi=yes mem=256 time=2400 suite=no
# mpi4py's own tests in four guests of one host: right answers, three ways.

# shellcheck source=tests/lab/programs.sh
. /lab/tests/programs.sh
mpi4py
