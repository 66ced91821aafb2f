#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=30 attach=no suite=no
# A scenario may destroy guests; the next finds them there again.

guest_destroy 1
