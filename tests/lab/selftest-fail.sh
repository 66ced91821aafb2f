#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=30 attach=no suite=no expect=FAIL:.on.purpose
# A scenario that fails is reported with its reason.

fail "on purpose"
