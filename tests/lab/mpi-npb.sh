#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pv,pv,pv vif=yes mpi=yes mem=256 time=3000 suite=no
# NPB of class S in four guests of one host: right answers, three ways.

# shellcheck source=tests/lab/programs.sh
. /lab/tests/programs.sh
npb
