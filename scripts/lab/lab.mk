# SPDX-License-Identifier: MIT
# The lab: payloads, the scenarios, the demo.

LAB := scripts/lab/lab

# Everything that guests and Dom0 get from this tree.
payload: payload-modules payload-tools payload-tests

## make payload-mpi     what guests that run MPI jobs get, too; MPI_SUITES=DIR
MPI_PROGRAMS := $(addprefix $(MPI_TEST_OUT)/,mpi-check mpi-time)
payload-mpi: payload $(if $(MPI_HEADER),$(BTL_SO) $(MPI_PROGRAMS),mpi-none)
	$(Q)rm -rf $(B)/payload/mpi
	$(Q)$(MAKE) install-mpi DESTDIR=$(abspath $(B))/payload/mpi
	$(Q)mkdir -p $(B)/payload/mpi/mpi
	$(Q)cp -r $(MPI_PROGRAMS) tests/mpi/btl/objects.py \
		$(wildcard $(addsuffix /*,$(MPI_SUITES))) $(B)/payload/mpi/mpi/

## make demo            the whole thing: two guests, ivc-pingpong beside TCP and vchan
demo: deps
	$(Q)$(MAKE) payload
	$(Q)$(LAB) run demo
	@cat $(B)/lab/results/demo/table.txt

## make bench-xen       IVC, vchan, TCP between two guests; interrupts, hypercalls
bench-xen: deps
	$(Q)$(MAKE) payload
	$(Q)$(LAB) run bench
	@cat $(B)/lab/results/bench/table.txt

## make check-lab       the scenarios only; LAB_TESTS="NAME ..." some of them,
##                      LAB_ARGS=--full with all rounds and messages
check-lab: payload
	$(Q)$(LAB) suite $(LAB_ARGS) $(LAB_TESTS)

include scripts/lab/debug/debug.mk

## make lab-shell       guests up, a shell on Dom0's console; GUESTS=pv,pvh
lab-shell: payload
	$(Q)$(LAB) shell $(if $(GUESTS),--guests $(GUESTS))

## make deps            install the Debian packages needed (as root), or name them
deps:
	$(Q)scripts/deps

.PHONY: payload payload-mpi demo bench-xen check-lab lab-shell deps
