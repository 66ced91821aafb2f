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

## make payload-tests   programs for the lab's guests and its Dom0
payload-tests: $(B)/payload/guest/ivc-apitest $(B)/payload/dom0/ivc-apitest

-include $(PROG_OBJ:.o=.d)

.PHONY: payload-tests
