# SPDX-License-Identifier: MIT
# The scenarios on a kernel with all of its checks on: see ../debug-kernel.sh.

DBG := $(B)/debug-kernel
# Left out: scenarios that need a second host, or the speed of a normal kernel.
DBG_TESTS = $(filter-out $(shell grep -lE '^. lab:.*(hosts=2|suite=no)' \
	tests/lab/*.sh | sed 's,.*/,,; s/.sh$$//'),$(shell grep -l '^. lab:' \
	tests/lab/*.sh | sed 's,.*/,,; s/.sh$$//'))

# The modules are built once per kernel, with counters of the executed lines. They log
# each change of state, since that kernel has no dynamic debug.
debug-modules-%:
	$(Q)$(MAKE) modules KDIR=$(abspath $(DBG))/build/$* \
		KMOD=$(DBG)/modules/$* GCOV_PROFILE=y KDEFINES=-DDEBUG

debug-kernel: deps-debug
	$(Q)scripts/lab/debug-kernel.sh $(DBG)

# As the payload, but for the modules.
debug-payload: payload
	$(Q)$(MAKE) debug-modules-pvh debug-modules-pv
	$(Q)rm -rf $(DBG)/payload $(DBG)/pv/payload $(DBG)/pv/dom0
	$(Q)cp -a $(B)/payload/guest $(DBG)/payload
	$(Q)cp -a $(B)/payload/guest $(DBG)/pv/payload
	$(Q)cp -a $(B)/payload/dom0 $(DBG)/pv/dom0
	$(Q)cp $(DBG)/modules/pvh/kernel/front/ivc-front.ko $(DBG)/payload/
	$(Q)cp $(DBG)/modules/pv/kernel/front/ivc-front.ko $(DBG)/pv/payload/
	$(Q)cp $(DBG)/modules/pv/kernel/*/ivc-*.ko $(DBG)/pv/dom0/

## make check-debug     the scenarios of one host on a kernel with KASAN, lockdep, ...
check-debug: debug-kernel
	$(Q)$(MAKE) debug-payload
	$(Q)rm -f $(B)/lab/results/*/coverage.*.tgz
	$(Q)$(LAB) suite --debug-kernel $(DBG) $(or $(LAB_TESTS),$(DBG_TESTS))
	$(Q)$(MAKE) coverage

## make coverage        lines of kernel/ that the last check-debug has run; MISSING=1
coverage:
	$(Q)scripts/lab/debug/coverage.py $(DBG)/modules $(B)/lab/results \
		$(if $(MISSING),--missing)

deps-debug:
	$(Q)scripts/deps scripts/lab/debug/packages.txt

.PHONY: debug-kernel debug-payload check-debug coverage deps-debug
