#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# What `make check-local-san` runs with ThreadSanitizer: threads.sh DIRECTORY
# Those programs of the local transport whose threads share contexts and
# channels, and that do not fork: ThreadSanitizer does not follow a child that
# starts a thread.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2119 # no option for ivcd
broker
counted "$bin/tests/local/ends"
broker_end
finish
