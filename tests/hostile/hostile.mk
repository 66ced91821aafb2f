# SPDX-License-Identifier: MIT
# Hostile programs for the lab's guests and Dom0: see front.h, back.c, peer.c,
# ioctl.c, faults.c; victim.c is their honest peer. All share log.h.

HOSTILE_OUT := $(B)/tests/hostile
HOSTILE_FRONT := $(patsubst %,$(HOSTILE_OUT)/%.o,front nodes ctlring offers \
	hold-grants doorbell-storm ends floods main)
HOSTILE_LOG := $(HOSTILE_OUT)/log.o
HOSTILE_OBJ := $(HOSTILE_FRONT) $(HOSTILE_LOG) $(patsubst \
	%,$(HOSTILE_OUT)/%.o,victim peer back fuzz ioctl memory faults exhaust)
HOSTILE_XEN := -lxenstore -lxengnttab -lxenevtchn -lxencall -lxentoollog \
	-lxentoolcore -lpthread -ldl

$(HOSTILE_OUT)/%.o: tests/hostile/%.c tests/hostile/hostile.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(TEST_CFLAGS) -c -o $@ $<

$(B)/payload/guest/ivc-hostile: $(HOSTILE_FRONT) $(HOSTILE_LOG)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) $(LDFLAGS) -static -o $@ $^ $(HOSTILE_XEN)

$(B)/payload/guest/ivc-victim: $(HOSTILE_OUT)/victim.o $(HOSTILE_LOG) \
		$(LIB_OUT)/libivc.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) $(LDFLAGS) -static -o $@ $^

$(B)/payload/dom0/ivc-hostile-back: $(HOSTILE_OUT)/back.o $(HOSTILE_LOG)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) $(LDFLAGS) -static -o $@ $^ $(HOSTILE_XEN)

$(B)/payload/guest/ivc-exhaust: $(HOSTILE_OUT)/exhaust.o $(HOSTILE_LOG)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) $(LDFLAGS) -static -o $@ $^ $(HOSTILE_XEN)

$(addprefix $(B)/payload/dom0/,ivc-faults ivc-exhaust): \
		$(B)/payload/dom0/%: $(B)/payload/guest/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

# The same scribbling as natively (tests/fuzz).
$(HOSTILE_OUT)/fuzz.o: tests/fuzz/fuzz.c tests/hostile/hostile.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(TEST_CFLAGS) -c -o $@ $<

$(B)/payload/guest/ivc-peer: $(HOSTILE_OUT)/peer.o $(HOSTILE_OUT)/fuzz.o $(HOSTILE_LOG)
$(B)/payload/guest/ivc-ioctl: $(HOSTILE_OUT)/ioctl.o $(HOSTILE_OUT)/memory.o
$(B)/payload/guest/ivc-faults: $(HOSTILE_OUT)/faults.o $(HOSTILE_LOG)
$(addprefix $(B)/payload/guest/,ivc-peer ivc-ioctl ivc-faults):
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) $(LDFLAGS) -static -o $@ $^

HOSTILE_PROGS := $(addprefix $(B)/payload/guest/,ivc-hostile ivc-victim \
	ivc-peer ivc-ioctl ivc-faults ivc-exhaust) \
	$(addprefix $(B)/payload/dom0/,ivc-hostile-back ivc-faults ivc-exhaust)
payload-tests: $(HOSTILE_PROGS)

-include $(HOSTILE_OBJ:.o=.d)

## make check-mutants-kernel  a rule of docs/internals/security-model.md broken at a time: its scenario must fail
check-mutants-kernel: deps
	$(Q)$(MAKE) payload
	$(Q)tests/hostile/mutants.sh $(B)/mutants-kernel $(B)/payload $(MUTANTS)

.PHONY: check-mutants-kernel
