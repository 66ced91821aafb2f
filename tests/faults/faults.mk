# SPDX-License-Identifier: GPL-2.0
# Faults on order: each call of libivc and ivcd to the system fails once.

FAULTS_OUT := $(B)/tests/faults
FAULTS_OBJ := $(addprefix $(FAULTS_OUT)/,faults.o company.o device.o lists.o)

$(FAULTS_OUT)/%.o: tests/faults/%.c tests/faults/faults.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(TEST_CFLAGS) -c -o $@ $<

$(FAULTS_OUT)/faults: $(FAULTS_OBJ) $(LOCAL_OUT)/count.o $(LIB_OUT)/libivc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) $(LDFLAGS) -o $@ $^ -ldl

$(FAULTS_OUT)/inject.so: tests/faults/inject.c tests/faults/inject.h \
		tests/faults/faults.mk
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(TEST_CFLAGS) -fPIC -shared -o $@ $< -ldl

## make check-faults    each system call of libivc and of ivcd fails once
check-faults: $(FAULTS_OUT)/faults $(FAULTS_OUT)/inject.so $(B)/tools/ivcd
	$(Q)tests/faults/run.sh $(B)

-include $(FAULTS_OBJ:.o=.d)

.PHONY: check-faults
