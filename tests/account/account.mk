# SPDX-License-Identifier: MIT
# Exactly once, to the byte: what was written is read or known not to be.

ACCOUNT_OUT := $(B)/tests/account
ACCOUNT_CFLAGS = $(filter-out -fsanitize=%,$(IVC_CFLAGS)) $(CFLAGS) -O1 -pthread
ACCOUNT_DEP := tests/account/account.c tests/account/side.c \
	$(wildcard tests/account/*.h) \
	$(wildcard include/ivc/*.h lib/*.h) tests/account/account.mk

$(ACCOUNT_OUT)/local: tests/account/local.c $(LIB_SRC) $(ACCOUNT_DEP)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ACCOUNT_CFLAGS) -o $@ $(filter %.c,$^)

ACCOUNT_PROGS := $(ACCOUNT_OUT)/local

# $(1): how many ends
account_run = $(ACCOUNT_PROGS:%=% -n $(1) &&) true

## make check-account   written == read + undelivered, some thousand ends
check-account: $(ACCOUNT_PROGS)
	$(Q)$(call account_run,10000)

## make check-property  the same, a million ends: some minutes
check-property: $(ACCOUNT_PROGS)
	$(Q)$(call account_run,500000)

.PHONY: check-account check-property
