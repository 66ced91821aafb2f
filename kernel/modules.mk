# SPDX-License-Identifier: MIT
# The kernel modules, built out of the source tree under $(B)/modules.
#
#   KDIR=   kernel build directory; default: the newest installed headers
#   C=2     run sparse over everything
#   KDEFINES=-DDEBUG  state changes are logged; without it, if dynamic debug says so

KDIR ?= $(shell ls -d /lib/modules/*/build /usr/src/linux-headers-*-amd64 \
	2>/dev/null | sort -V | tail -1)
KMOD := $(B)/modules
KSRC := Kbuild $(wildcard kernel/*.h kernel/*/*.[ch] kernel/*/Kbuild include/ivc/*.h)

## make modules         ivc-back.ko and ivc-front.ko; KDIR= another kernel, C=2 sparse
modules: $(KMOD)/.stamp

ifneq ($(KDIR),)
# Kbuild writes beside its sources, so it gets a tree of links to them.
$(KMOD)/.stamp: $(KSRC)
	$(call say,KBUILD,$(KDIR))
	$(Q)mkdir -p $(KMOD)
	$(Q)for f in $(KSRC); do mkdir -p $(KMOD)/$$(dirname $$f) && \
		ln -sfn $(abspath .)/$$f $(KMOD)/$$f || exit 1; done
	$(Q)$(MAKE) $(if $(Q),-s) -C $(KDIR) M=$(abspath $(KMOD)) W=1 \
		KCFLAGS="-Werror $(KDEFINES)" $(if $(C),C=$(C)) modules
	$(Q)touch $@
else
$(KMOD)/.stamp:
	@echo "  no kernel headers: modules not built" \
		"(apt-get install linux-headers-amd64, or KDIR=)"
endif

## make install-modules for the running kernel (KDIR= another); then depmod
install-modules: modules
	$(Q)$(MAKE) -C $(KDIR) M=$(abspath $(KMOD)) modules_install

# Without their debug information: guests carry them in their memory.
payload-modules: modules
	$(Q)mkdir -p $(B)/payload/dom0 $(B)/payload/guest
	$(Q)strip -g -o $(B)/payload/dom0/ivc-back.ko \
		$(KMOD)/kernel/back/ivc-back.ko
	$(Q)strip -g -o $(B)/payload/dom0/ivc-front.ko \
		$(KMOD)/kernel/front/ivc-front.ko
	$(Q)cp -p $(B)/payload/dom0/ivc-front.ko $(B)/payload/guest/

.PHONY: modules install-modules payload-modules
