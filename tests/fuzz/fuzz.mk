# SPDX-License-Identifier: MIT
# A peer that writes what it likes where it may, played by libFuzzer (clang).

FUZZ_OUT := $(B)/fuzz
FUZZERS := reader writer channel
FUZZ_CLANG ?= clang
FUZZ_CFLAGS = $(filter-out -fsanitize=%,$(IVC_CFLAGS)) -O1 -g -pthread \
	-Wno-unknown-warning-option -fno-omit-frame-pointer \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_DEP := tests/fuzz/fuzz.c tests/fuzz/fuzz.h tests/fuzz/fuzz.mk \
	$(IVC_H) $(LIB_PRIVATE_H)

$(FUZZ_OUT)/channel: FUZZ_LIB := $(LIB_SRC)
$(FUZZ_OUT)/%: tests/fuzz/%.c $(FUZZ_DEP) $(LIB_SRC)
	@mkdir -p $(@D)
	$(call say,CLANG,$@)
	$(Q)$(FUZZ_CLANG) $(FUZZ_CFLAGS) -o $@ $< tests/fuzz/fuzz.c $(FUZZ_LIB)

## make fuzz            hostile peers on the ring, natively; FUZZ_TIME= seconds (600)
fuzz: $(FUZZERS:%=$(FUZZ_OUT)/%)
	$(Q)tests/fuzz/run.sh $(FUZZ_OUT) search $(or $(FUZZ_TIME),600)

## make check-fuzz      what fuzzing has found before, and a little more, always the same
check-fuzz: $(FUZZERS:%=$(FUZZ_OUT)/%)
	$(Q)tests/fuzz/run.sh $(FUZZ_OUT) check

.PHONY: fuzz check-fuzz
