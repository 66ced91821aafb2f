# SPDX-License-Identifier: MIT
# The scenarios on a kernel with all of its checks on: see ../debug-kernel.sh.

DBG := $(B)/debug-kernel

# The modules are built once per kernel, with counters of what was run.
debug-modules-%:
	$(Q)$(MAKE) modules KDIR=$(abspath $(DBG))/build/$* \
		KMOD=$(DBG)/modules/$* GCOV_PROFILE=y

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
	$(Q)$(LAB) suite --debug-kernel $(DBG) $(LAB_TESTS)

deps-debug:
	$(Q)scripts/deps scripts/lab/debug/packages.txt

.PHONY: debug-kernel debug-payload check-debug deps-debug
