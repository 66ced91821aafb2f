#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pv,pvh time=30 attach=no suite=no expect=health:.leak:.held.now:.*backend/ivc
# A scenario that leaves something behind fails, and gets the next a new boot.

xenstore-write /local/domain/0/backend/ivc/1/0/state 4
