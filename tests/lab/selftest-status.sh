#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=30 attach=no suite=no expect=FAIL:.a.command.ended.with.status.3
# A command that fails in a guest ends the scenario.

g 1 "exit 3"
note "not reached"
