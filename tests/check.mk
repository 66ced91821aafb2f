# SPDX-License-Identifier: MIT
# What `make check` and `make check-all` run. tests/README.md says what is in each
# part; scripts/check-parts runs them and prints the table of seconds.

# Those that take longest come first, so that none of them is the last to end.
CHECK_PARTS := \
	roam \
	mutants \
	kernel \
	san \
	coordinator \
	open-mpi \
	local \
	tools \
	model \
	model-switch \
	plain \
	account \
	fuzz \
	faults \
	examples \
	arm64 \
	headers \
	symbols \
	man \
	documents \
	scripts

# What these parts, and the lab, are made of: built by one make, so that no two
# parts build the same file at the same time.
CHECK_BUILDS = lib tools mpi payload $(UNIT_OUT)/plain $(UNIT_OUT)/asan \
	$(UNIT_OUT)/tsan $(KT_BIN) $(ACCOUNT_PROGS) $(FUZZERS:%=$(FUZZ_OUT)/%) \
	$(LOCAL_PROGS) $(FAULTS_OUT)/faults $(FAULTS_OUT)/inject.so \
	$(ROAM_OUT)/test-stream $(ROAM_OUT)/ivc-roam-fake $(TOOLS_TESTS) \
	$(COORD_TEST_OUT)/plain \
	$(if $(MPI_HEADER),$(BTL_SO) $(MPI_TEST_OUT)/mpi-check $(MPI_TEST_OUT)/mpi-ends)
check-builds: $(CHECK_BUILDS)

# Only the parts of check-all: minutes to hours
CHECK_LONG := local-san coordinator-san bench property

JOBS ?= $(shell nproc)
run_parts = MAKE='$(MAKE)' B='$(B)' scripts/check-parts -j $(JOBS)

## make check           all that a change can break: native tests side by side, then
##                      the lab's scenarios; a table of parts and seconds (JOBS=N)
check: deps
	$(Q)$(MAKE) mpi-deps
	$(Q)$(MAKE) -j$(JOBS) -O check-builds
	$(Q)$(run_parts) $(CHECK_PARTS) -- lab

## make check-all       the same and all that takes long: sanitizers of everything, a
##                      million ends, an hour of fuzzing, every scenario (for a night)
check-all: deps
	$(Q)$(MAKE) mpi-deps
	$(Q)$(MAKE) -j$(JOBS) -O check-builds
	$(Q)$(run_parts) $(CHECK_PARTS) $(CHECK_LONG) -- fuzz-long lab-all

check-fuzz-long:
	$(Q)$(MAKE) fuzz FUZZ_TIME=1200

## make check-lab-all   the suite with all rounds and messages, then every scenario but
##                      those that need MPI_SUITES (docs/user/mpi.md), and the lab's own
LAB_LONG = $(filter-out selftest-% %-osu %-npb %-mpi4py %-hpcc, $(patsubst \
	tests/lab/%.sh,%,$(shell grep -lE '^\# lab:.*suite=(no|debug)' tests/lab/*.sh)))
check-lab-all: payload-mpi
	$(Q)$(LAB) suite --full
	$(Q)$(LAB) run $(LAB_LONG)
	$(Q)$(LAB) selftest

.PHONY: check check-all check-builds check-fuzz-long check-lab-all
