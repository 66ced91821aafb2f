# SPDX-License-Identifier: MIT
# Tests that need no lab, and the programs that the lab runs in its guests.

PROG_OUT := $(B)/tests/prog
PROG_SRC := $(wildcard tests/prog/*.c)
PROG_OBJ := $(PROG_SRC:tests/prog/%.c=$(PROG_OUT)/%.o)
TEST_CFLAGS := $(IVC_CFLAGS) $(CFLAGS) -pthread -MMD -MP

$(PROG_OUT)/%.o: tests/prog/%.c tests/tests.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(TEST_CFLAGS) -c -o $@ $<

$(B)/static/ivc-apitest: $(PROG_OBJ) $(LIB_OUT)/libivc.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) $(LDFLAGS) -static -o $@ $(PROG_OBJ) \
		$(LIB_OUT)/libivc.a

$(B)/payload/%/ivc-apitest: $(B)/static/ivc-apitest
	@mkdir -p $(@D)
	$(Q)cp $< $@

# The local transport: nothing but this machine.
LOCAL_OUT := $(B)/tests/local
LOCAL_RAW := $(addprefix $(LOCAL_OUT)/,hostile.o broker.o check.o greedy.o \
	impostor.o peer.o raw.o users.o)

$(LOCAL_OUT)/%.o: tests/local/%.c tests/tests.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(TEST_CFLAGS) -c -o $@ $<

$(LOCAL_OUT)/hostile: $(LOCAL_RAW)
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) $(LDFLAGS) -o $@ $^

$(LOCAL_OUT)/activate: $(LOCAL_OUT)/activate.o
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) $(LDFLAGS) -o $@ $^

$(LOCAL_OUT)/%.so: tests/local/%.c tests/tests.mk
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(filter-out -fsanitize=%,$(TEST_CFLAGS)) -fPIC -shared \
		-o $@ $< -ldl

# Not static: a sanitizer cannot be, and most programs are not.
$(LOCAL_OUT)/ivc-apitest: $(PROG_OBJ) $(LIB_OUT)/libivc.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) $(LDFLAGS) -o $@ $^

# Members of a group, linked with the library.
LOCAL_MEMBERS := $(addprefix $(LOCAL_OUT)/,api ends forks hung lacks)
$(LOCAL_MEMBERS): $(LOCAL_OUT)/%: $(LOCAL_OUT)/%.o $(addprefix \
		$(LOCAL_OUT)/,check.o count.o member.o) $(LIB_OUT)/libivc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) $(LDFLAGS) -o $@ $^

$(LOCAL_OUT)/glut: $(addprefix $(LOCAL_OUT)/,glut.o check.o count.o raw.o) \
		$(LIB_OUT)/libivc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) $(LDFLAGS) -o $@ $^ -ldl

# Not linked with the library: it loads the shared one.
$(LOCAL_OUT)/unload: $(LOCAL_OUT)/unload.o $(LOCAL_OUT)/check.o | \
		$(LIB_OUT)/libivc.so
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) $(LDFLAGS) -o $@ $^ -ldl

# Programs that count their own steps: a call in each basic block.
STEPS_CFLAGS = $(filter-out -fsanitize=%,$(IVC_CFLAGS)) $(CFLAGS) -pthread \
	-fsanitize-coverage=trace-pc
STEPS_DEP := $(LOCAL_OUT)/steps-count.o $(LIB_PRIVATE_H) $(IVC_H) \
	$(wildcard tools/common/*.h tools/ivcd/*.h)

# Without a sanitizer, whose calls would count.
$(LOCAL_OUT)/steps.o $(LOCAL_OUT)/steps-count.o: \
	TEST_CFLAGS := $(filter-out -fsanitize=%,$(TEST_CFLAGS))

$(LOCAL_OUT)/steps: $(LOCAL_OUT)/steps.o $(LIB_SRC) $(STEPS_DEP)
	$(call say,CC,$@)
	$(Q)$(CC) $(STEPS_CFLAGS) $(LDFLAGS) -o $@ $(filter-out %.h,$^)

$(LOCAL_OUT)/ivcd-steps: $(IVCD_SRC) $(COMMON_SRC) $(STEPS_DEP)
	$(call say,CC,$@)
	$(Q)$(CC) $(STEPS_CFLAGS) $(LDFLAGS) -o $@ $(filter-out %.h,$^)

# One a line: many changes add to these.
LOCAL_PROGS := $(B)/tools/ivcd $(addprefix $(LOCAL_OUT)/, \
	ivc-apitest \
	api \
	forks \
	ends \
	lacks \
	glut \
	hung \
	hostile \
	activate \
	steps \
	ivcd-steps \
	swap.so \
	hang.so \
	unload)

## make check-local     the local transport: processes, users, enemies, restarts
check-local: $(LOCAL_PROGS)
	$(Q)tests/local/run.sh $(B)

## make check-local-san the same with ivcd and libivc under sanitizers
check-local-san:
	$(Q)$(MAKE) B=$(B)/san SAN=address,undefined $(B)/san-local
	$(Q)$(MAKE) B=$(B)/tsan SAN=thread $(B)/tsan-threads
$(B)-threads: $(B)/tools/ivcd $(LOCAL_OUT)/ends
	$(Q)TSAN_OPTIONS=halt_on_error=1:exitcode=66 tests/local/threads.sh $(B)
$(B)-local: $(LOCAL_PROGS)
	$(Q)SLACK=65536 ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 \
		UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 \
		tests/local/run.sh $(B)

# The same on another processor; cross-compiled, and static for qemu-user.
ARM64_CC := aarch64-linux-gnu-gcc
ARM64_HAS := $(and $(shell command -v $(ARM64_CC)), \
	$(shell command -v qemu-aarch64))
## make check-arm64     ring, library, ivcd as built for arm64, under qemu-user
check-arm64:
ifneq ($(ARM64_HAS),)
	$(Q)$(MAKE) B=$(B)/arm64 CC=$(ARM64_CC) LDFLAGS=-static \
		$(B)/arm64/static/ivc-apitest $(B)/arm64/tools/ivcd
	$(Q)tests/arm64/run.sh $(B)/arm64
else
	$(Q)echo 'arm64: no $(ARM64_CC) or no qemu-aarch64, not run'
endif

# ivc-roam. Its stream under a host and a TCP that the test makes up, and the
# whole of it over a host in which nothing lasts.
ROAM_OUT := $(B)/tests/roam
ROAM_TEST_CFLAGS = $(filter-out -fsanitize=%,$(IVC_CFLAGS)) $(CFLAGS)
ROAM_TEST_SAN := -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer

$(ROAM_OUT)/test-stream: tests/roam/test-stream.c tools/roam/stream.c \
		tools/roam/roam.h tests/tests.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ROAM_TEST_CFLAGS) $(ROAM_TEST_SAN) -o $@ $(filter %.c,$^)

$(ROAM_OUT)/ivc-roam-fake: $(ROAM_SRC) tests/roam/fake-host.c \
		tools/roam/roam.h tests/tests.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(ROAM_TEST_CFLAGS) $(ROAM_TEST_SAN) -o $@ \
		$(filter %.c,$^) -lm

## make check-roam      ivc-roam over TCP, ivcd, and a host in which nothing lasts
check-roam: $(B)/tools/ivc-roam $(B)/tools/ivcd $(ROAM_OUT)/test-stream \
		$(ROAM_OUT)/ivc-roam-fake
	$(Q)CC='$(CC)' tests/roam/check.sh $(B)

## make payload-tests   programs for the lab's guests and its Dom0
payload-tests: $(B)/payload/guest/ivc-apitest $(B)/payload/dom0/ivc-apitest

# Unit tests. One program, built plain and once per sanitizer; the library's
# sources go in, so that they are instrumented too.
UNIT_OUT := $(B)/tests/unit
UNIT_SRC := $(wildcard tests/unit/*.c)
UNIT_DEP := $(UNIT_SRC) $(LIB_SRC) $(LIB_PRIVATE_H) $(IVC_H) \
	$(wildcard tests/*.h tests/unit/*.h) tests/tests.mk
UNIT_RING := $(filter-out $(patsubst %,tests/unit/test_%.c,api channel notice), \
	$(UNIT_SRC))
UNIT_CFLAGS = $(filter-out -fsanitize=%,$(IVC_CFLAGS)) -Wno-format-extra-args \
	$(CFLAGS) -pthread $(shell pkg-config --cflags check)
UNIT_LIBS = $(shell pkg-config --libs check)

$(UNIT_OUT)/plain: UNIT_SAN :=
$(UNIT_OUT)/asan: UNIT_SAN := -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -O1 \
	-DSTREAM_MESSAGES=40000
# The ring has no fence, only wait.c has; gcc warns that it does not model it.
$(UNIT_OUT)/tsan: UNIT_SAN := -fsanitize=thread -O1 -Wno-tsan \
	-DSTREAM_MESSAGES=60000

$(UNIT_OUT)/plain $(UNIT_OUT)/asan $(UNIT_OUT)/tsan: $(UNIT_DEP)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(UNIT_CFLAGS) $(UNIT_SAN) -o $@ $(UNIT_SRC) $(LIB_SRC) \
		$(UNIT_LIBS)

## make check-unit      the ring, the library and the headers, without a lab
check-unit: check-plain check-san check-kernel check-headers check-symbols \
	check-man check-mutants check-model check-account check-fuzz

check-plain: $(UNIT_OUT)/plain
	$(Q)$(UNIT_OUT)/plain

## make check-san       the suites again under address, undefined and thread sanitizers
check-san: $(UNIT_OUT)/asan $(UNIT_OUT)/tsan
	$(Q)$(UNIT_OUT)/asan
	$(Q)CK_FORK=no TSAN_OPTIONS=halt_on_error=1 $(UNIT_OUT)/tsan threads

check-headers:
	$(Q)CC='$(CC)' tests/unit/headers.sh include c $(IVC_H:include/ivc/%=%)
	$(Q)tests/unit/headers.sh include c++ $(IVC_H:include/ivc/%=%)

check-symbols: $(LIB_OUT)/libivc.so
	$(Q)CC='$(CC)' tests/unit/symbols.sh $< include/ivc/ivc.h

MAN_PAGES = $(wildcard docs/man/*.[0-9])
check-man:
	$(Q)mandoc -T lint -W warning $(MAN_PAGES)
	$(Q)echo 'man: $(words $(MAN_PAGES)) pages without a warning'

## make check-mutants   break the ring in many ways: do its tests notice
# The verdict is kept as long as its inputs are the same: what the compiler reads of
# this tree for the ring's tests (FRESH=1 runs them again).
MUTANTS_CFLAGS := -std=c11 -D_GNU_SOURCE -O1 -pthread
check-mutants:
	$(Q)inputs=$$($(CC) $(MUTANTS_CFLAGS) -Iinclude -DRING_ONLY -MM \
		$(UNIT_RING) | tr ' \\' '\n\n' | grep '\.[ch]$$' | sort -u) && \
	VERDICTS=$(B)/verdicts CC='$(CC)' scripts/verdict mutants \
		--tool 'pkg-config --modversion check' \
		--inputs $$inputs tests/unit/mutants.sh -- \
		env CC='$(CC)' CFLAGS='$(MUTANTS_CFLAGS)' LIBS='$(UNIT_LIBS)' \
		tests/unit/mutants.sh $(B)/mutants $(UNIT_RING)

-include $(PROG_OBJ:.o=.d) $(LOCAL_RAW:.o=.d) $(LOCAL_MEMBERS:=.d) \
	$(addprefix $(LOCAL_OUT)/,count.d glut.d member.d unload.d)

.PHONY: payload-tests check-unit check-plain check-san check-headers \
	check-symbols check-man check-mutants check-local \
	check-local-san check-arm64 check-roam

include examples/examples.mk
include tests/account/account.mk
include tests/documents/documents.mk
include tests/faults/faults.mk
include tests/fuzz/fuzz.mk
include tests/hostile/hostile.mk
include tests/kernel/kernel.mk
include tests/model/model.mk
include tests/scripts/scripts.mk
include tests/tools/tools.mk
