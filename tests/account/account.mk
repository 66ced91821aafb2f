# SPDX-License-Identifier: MIT
# "Exactly once, to the byte": all data written is read or counted as undelivered.
# See README.md there.

ACCOUNT := tests/account
ACCOUNT_OUT := $(B)/$(ACCOUNT)
ACCOUNT_CFLAGS = $(filter-out -fsanitize=%,$(IVC_CFLAGS)) $(CFLAGS) -O1 -pthread
ACCOUNT_SRC := $(addprefix $(ACCOUNT)/,account.c side.c)
ACCOUNT_HDR := $(wildcard $(ACCOUNT)/*.h) $(IVC_H) \
	$(LIB_PRIVATE_H) $(ACCOUNT)/account.mk

# The drivers' sources as they are, against the headers of tests/kernel.
ACCOUNT_DRV := $(addprefix kernel/front/,channel.c channel-state.c connection.c \
	record.c suspend.c undelivered.c unread.c)
ACCOUNT_KERNEL = -std=gnu11 -D_GNU_SOURCE -D__KERNEL__ -DSTUB_DRIVER=front -g \
	-O1 -Wall -Werror -fno-strict-aliasing -Itests/kernel/include -Iinclude
ACCOUNT_KOBJ := $(patsubst %.c,$(ACCOUNT_OUT)/%.o,$(ACCOUNT_DRV) \
	$(wildcard $(ACCOUNT)/world*.c))

$(ACCOUNT_KOBJ): $(ACCOUNT_OUT)/%.o: %.c $(ACCOUNT_HDR) \
		$(wildcard kernel/front/*.h tests/kernel/include/*/*.h)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ACCOUNT_KERNEL) -c -o $@ $<

$(ACCOUNT_OUT)/local: $(ACCOUNT)/local.c $(ACCOUNT_SRC) $(LIB_SRC) \
		$(ACCOUNT_HDR)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ACCOUNT_CFLAGS) -o $@ $(filter %.c,$^)

# A fortified longjmp() does not go to another stack.
$(ACCOUNT_OUT)/kernel-ends: ACCOUNT_CFLAGS += -U_FORTIFY_SOURCE
$(ACCOUNT_OUT)/kernel-ends: $(ACCOUNT)/kernel.c $(ACCOUNT)/co.c \
		$(ACCOUNT_SRC) $(LIB_SRC) $(ACCOUNT_KOBJ) $(ACCOUNT_HDR)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ACCOUNT_CFLAGS) -o $@ $(filter %.c %.o,$^)

ACCOUNT_PROGS := $(ACCOUNT_OUT)/local $(ACCOUNT_OUT)/kernel-ends

# $(1): how many ends each
account_run = $(ACCOUNT_PROGS:%=% -n $(1) &&) true

## make check-account   written == read + undelivered, some thousand ends
check-account: $(ACCOUNT_PROGS)
	$(Q)$(call account_run,10000)

## make check-property  the same, a million ends: some minutes
check-property: $(ACCOUNT_PROGS)
	$(Q)$(call account_run,500000)

.PHONY: check-account check-property
