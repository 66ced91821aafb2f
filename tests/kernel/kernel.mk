# SPDX-License-Identifier: MIT
# The drivers' sources, unmodified, in user space: tests/kernel/README.md.
# Each file of tests/kernel/back, front and both is a program.

KT := tests/kernel
KT_OUT := $(B)/$(KT)
KT_DRV := $(wildcard kernel/back/*.c kernel/front/*.c)
KT_STUB := $(wildcard $(KT)/stub/*.c) $(wildcard $(KT)/*.c)
KT_TEST := $(wildcard $(KT)/back/*.c $(KT)/front/*.c $(KT)/both/*.c)
KT_HDR := $(IVC_H) $(wildcard kernel/*/*.h $(KT)/*.h \
	$(KT)/stub/*.h $(addprefix $(KT)/include/,*/*.h */*/*.h)) $(KT)/kernel.mk

# _GNU_SOURCE is for the stubs. The kernel's own warnings, where user space has
# them; IVC_AUDIT: the drivers count what they hold (kernel/back/audit.c).
KT_CFLAGS := -std=gnu11 -D_GNU_SOURCE -D__KERNEL__ -DIVC_AUDIT -g -O1 -pthread \
	-Wall -Werror -fno-strict-aliasing -fno-omit-frame-pointer \
	-I$(KT)/include -Iinclude -I$(KT)/stub -I$(KT)
KT_ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all
# virt_mb() is a fence, which ThreadSanitizer does not know.
KT_TSANF := -fsanitize=thread -Wno-tsan

$(KT_OUT)/asan/%.o: KT_SAN := $(KT_ASAN)
$(KT_OUT)/tsan/%.o: KT_SAN := $(KT_TSANF)

# $(1): asan or tsan
define kt_rules
$$(KT_OUT)/$(1)/kernel/%.o: kernel/%.c $$(KT_HDR)
	@mkdir -p $$(@D)
	$$(call say,CC,$$@)
	$$(Q)$$(CC) $$(KT_CFLAGS) $$(KT_SAN) -DSTUB_DRIVER=$$(firstword \
		$$(subst /, ,$$*)) -c -o $$@ $$<

$$(KT_OUT)/$(1)/$$(KT)/%.o: $$(KT)/%.c $$(KT_HDR)
	@mkdir -p $$(@D)
	$$(call say,CC,$$@)
	$$(Q)$$(CC) $$(KT_CFLAGS) $$(KT_SAN) -c -o $$@ $$<

# The frontend once more, with variables of its own: of a second guest.
$$(KT_OUT)/$(1)/front2.o: $$(addprefix $$(KT_OUT)/$(1)/, \
		$$(patsubst %.c,%.o,$$(filter kernel/front/%,$$(KT_DRV))))
	$$(call say,LD,$$@)
	$$(Q)ld -r -o $$@.all $$^
	$$(Q)objcopy --keep-global-symbol=stub_front_init \
		--keep-global-symbol=stub_front_exit $$@.all
	$$(Q)objcopy --redefine-sym stub_front_init=stub_front2_init \
		--redefine-sym stub_front_exit=stub_front2_exit $$@.all $$@

$$(KT_OUT)/$(1)/bin/%: $$(KT_OUT)/$(1)/$$(KT)/%.o $$(KT_OUT)/$(1)/front2.o \
		$$(addprefix $$(KT_OUT)/$(1)/,$$(KT_DRV:.c=.o) $$(KT_STUB:.c=.o))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(KT_CFLAGS) $$(if $$(filter asan,$(1)),$$(KT_ASAN),\
		$$(KT_TSANF)) -o $$@ $$^
endef
$(eval $(call kt_rules,asan))
$(eval $(call kt_rules,tsan))
.SECONDARY:

KT_BIN := $(KT_TEST:$(KT)/%.c=$(KT_OUT)/asan/bin/%) \
	$(KT_TEST:$(KT)/%.c=$(KT_OUT)/tsan/bin/%)

## make check-kernel    the drivers in user space, under sanitizers (tests/kernel)
check-kernel: $(KT_BIN)
	$(Q)$(KT)/run.sh $(KT_BIN)

.PHONY: check-kernel
