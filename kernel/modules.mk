# SPDX-License-Identifier: MIT
# The kernel modules, built out of the source tree under $(B)/modules.
#
#   KDIR=   kernel build directory; default: the running kernel's headers, or
#           if there are none the newest installed ones
#   C=2     run sparse over everything
#   KDEFINES=-DDEBUG  state changes are logged; without it, if dynamic debug says so

KDIR_RUNNING := $(wildcard /lib/modules/$(shell uname -r)/build)
KDIR_NEWEST := $(shell ls -d /lib/modules/*/build /usr/src/linux-headers-*-amd64 \
	2>/dev/null | sort -V | tail -1)
KDIR ?= $(or $(KDIR_RUNNING),$(KDIR_NEWEST))
KMOD := $(B)/modules
KSRC := Kbuild $(wildcard kernel/*/*.[ch] kernel/*/Kbuild) $(IVC_H)

## make modules         ivc-back.ko and ivc-front.ko; KDIR= another kernel, C=2 sparse
modules: $(KMOD)/.stamp

ifneq ($(KDIR),)
# Modules of another kernel than the last ones are built anew.
$(KMOD)/.kdir: FORCE
	@mkdir -p $(@D)
	@[ "$$(cat $@ 2>/dev/null)" = '$(KDIR)' ] || { \
		find $(@D) -name '*.o' -delete; echo '$(KDIR)' >$@; }

# Kbuild writes beside its sources, so it gets a tree of links to them.
$(KMOD)/.stamp: $(KSRC) $(KMOD)/.kdir
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

UDEVDIR ?= $(PREFIX)/lib/udev

## make install-modules for the running kernel (KDIR= another); then depmod
ifeq ($(KDIR_RUNNING)$(filter command% environment%,$(origin KDIR)),)
install-modules:
	@echo "install-modules: no headers of the running kernel," \
		"$(shell uname -r): apt-get install linux-headers-$(shell uname -r)," \
		"or KDIR= names another kernel's" >&2; exit 1
else
install-modules: modules
	$(call needs,KDIR,no kernel headers: give KDIR=DIRECTORY)
	$(call needs,UDEVDIR)
	$(Q)$(MAKE) -C $(KDIR) M=$(abspath $(KMOD)) modules_install \
		$(if $(DESTDIR),INSTALL_MOD_PATH=$(abspath $(DESTDIR)))
	$(Q)install -D -m 644 scripts/60-ivc.rules \
		$(DESTDIR)$(UDEVDIR)/rules.d/60-ivc.rules
endif

# The lab's kernel is the newest that Debian has, whatever runs here.
LAB_KDIR := $(if $(filter command% environment%,$(origin KDIR)),$(KDIR),$(KDIR_NEWEST))
LAB_KMOD := $(if $(filter $(LAB_KDIR),$(KDIR)),$(KMOD),$(B)/modules-lab)

# Without their debug information: guests carry them in their memory.
payload-modules:
	$(Q)$(MAKE) modules KDIR=$(LAB_KDIR) KMOD=$(LAB_KMOD)
	$(Q)mkdir -p $(B)/payload/dom0 $(B)/payload/guest
	$(Q)strip -g -o $(B)/payload/dom0/ivc-back.ko \
		$(LAB_KMOD)/kernel/back/ivc-back.ko
	$(Q)strip -g -o $(B)/payload/dom0/ivc-front.ko \
		$(LAB_KMOD)/kernel/front/ivc-front.ko
	$(Q)cp -p $(B)/payload/dom0/ivc-front.ko $(B)/payload/guest/

FORCE:
.PHONY: modules install-modules payload-modules FORCE
