# SPDX-License-Identifier: MIT
# The tests of the tools and of the benchmarks.

TOOLS_TEST_OUT := $(B)/tests/tools
TOOLS_TESTS := $(TOOLS_TEST_OUT)/corrupting-relay $(TOOLS_TEST_OUT)/lying-peer

$(TOOLS_TEST_OUT)/%.o: tests/tools/%.c tests/tools/tools.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(TEST_CFLAGS) -c -o $@ $<

$(TOOLS_TEST_OUT)/corrupting-relay: $(TOOLS_TEST_OUT)/corrupting-relay.o
$(TOOLS_TEST_OUT)/lying-peer: $(TOOLS_TEST_OUT)/lying-peer.o \
		$(B)/tools/obj/pingpong/plan.o

$(TOOLS_TESTS):
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) $(LDFLAGS) -o $@ $^

## make check-tools     the tools' own checks, over sockets; no Xen needed
check-tools: $(filter $(B)/tools/%,$(TOOLS)) $(TOOLS_TESTS)
	$(Q)tests/tools/pingpong.sh $(B)
	$(Q)tests/tools/units.sh $(B)
	$(Q)tests/tools/ivcctl.sh $(B)
	$(Q)tests/tools/results.sh $(B)/tools
	$(Q)tests/tools/lacks.sh $(B)/tools
	$(Q)CC='$(CC)' MAKE='$(MAKE)' B=$(B) tests/tools/install.sh

## make check-bench     does it all run: tiny counts, no figure is judged
check-bench: $(BENCH_PROGS) $(B)/tools/ivcd
	$(Q)tests/tools/bench.sh $(B)

-include $(TOOLS_TESTS:=.d)

.PHONY: check-tools check-bench
