# SPDX-License-Identifier: MIT
# The coordinator: objects for mpi/, and a test program.

COORD_OUT := $(B)/coordinator
COORD_SRC := $(wildcard coordinator/*.c)
COORD_OBJ := $(COORD_SRC:%.c=$(B)/%.o)

$(COORD_OUT)/%.o: coordinator/%.c coordinator/coordinator.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) -fPIC -fvisibility=hidden -pthread \
		-MMD -MP -c -o $@ $<

# Tests of the coordinator: one program, plain and once per sanitizer, with the
# sources of the library in it, as for the unit tests.
COORD_TEST_SRC := $(wildcard tests/coordinator/*.c)
COORD_TEST_DEP := $(COORD_TEST_SRC) $(COORD_SRC) $(LIB_SRC) \
	coordinator/coordinator.mk $(wildcard tests/coordinator/*.h \
	coordinator/*.h) $(IVC_H) $(LIB_PRIVATE_H)
COORD_TEST_OUT := $(B)/tests/coordinator

$(COORD_TEST_OUT)/plain: UNIT_SAN :=
$(COORD_TEST_OUT)/asan: UNIT_SAN := -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer -O1 \
	-DSWITCH_MESSAGES=16000
# Of lib only wait.c has a fence; gcc warns that its sanitizer does not model it.
$(COORD_TEST_OUT)/tsan: UNIT_SAN := -fsanitize=thread -O1 -Wno-tsan \
	-DSWITCH_MESSAGES=12000

$(COORD_TEST_OUT)/plain $(COORD_TEST_OUT)/asan $(COORD_TEST_OUT)/tsan: \
		$(COORD_TEST_DEP)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(UNIT_CFLAGS) $(UNIT_SAN) -o $@ $(COORD_TEST_SRC) \
		$(COORD_SRC) $(LIB_SRC) $(UNIT_LIBS)

## make check-coordinator  the coordinator by itself, with ivcd; no MPI needed
check-coordinator: $(COORD_TEST_OUT)/plain $(COORD_OBJ) $(B)/tools/ivcd
	$(Q)tests/coordinator/layers.sh $(B)
	$(Q)tests/coordinator/run.sh $(B) $<

## make check-coordinator-san  the same under address, undefined and thread sanitizers
check-coordinator-san: $(COORD_TEST_OUT)/asan $(COORD_TEST_OUT)/tsan \
		$(B)/tools/ivcd
	$(Q)tests/coordinator/run.sh $(B) $(COORD_TEST_OUT)/asan
	$(Q)TSAN_OPTIONS=halt_on_error=1:exitcode=66 \
		tests/coordinator/run.sh $(B) $(COORD_TEST_OUT)/tsan switch

-include $(COORD_OBJ:.o=.d)

.PHONY: check-coordinator check-coordinator-san
