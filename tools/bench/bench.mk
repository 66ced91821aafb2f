# SPDX-License-Identifier: MIT
# The benchmarks. Contenders that are not installed are not built, and the run names
# them as missing; `make bench-deps` installs them.
#
#   BENCH_QUICK=1  two minutes instead of fifteen
#   BENCH_ARGS=    options of tools/bench/bench.py

BENCH_OUT := $(B)/bench
BENCH_OBJ := $(BENCH_OUT)/obj
BENCH_SHARED := histogram.o loops.o plan.o fork-pair.o
BENCH_PAIR := $(addprefix $(BENCH_OBJ)/,$(BENCH_SHARED) pair.o)
BENCH_CFLAGS := $(IVC_CFLAGS) $(CFLAGS) -MMD -MP
# The package of valgrind has this header, too.
BENCH_HAS_VALGRIND := $(call has_header,valgrind/callgrind.h)
BENCH_HAS_FABRIC := $(call has_header,rdma/fabric.h)
BENCH_MPIS := $(foreach m,openmpi mpich, \
	$(if $(shell command -v mpicc.$(m)),$(m)))
BENCH_MPI_SRC := $(addprefix tools/bench/,mpi.c loops.c plan.c) \
	tools/common/histogram.c

BENCH_PROGS := $(BENCH_OUT)/pair $(BENCH_OUT)/many $(BENCH_OUT)/idle \
	$(if $(BENCH_HAS_VALGRIND),$(BENCH_OUT)/instructions) \
	$(if $(BENCH_HAS_FABRIC),$(BENCH_OUT)/libfabric) \
	$(BENCH_MPIS:%=$(BENCH_OUT)/mpi-%)

$(BENCH_OBJ)/%.o: tools/bench/%.c tools/bench/bench.mk
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -c -o $@ $<

$(BENCH_OBJ)/histogram.o: tools/common/histogram.c tools/bench/bench.mk
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -c -o $@ $<

$(BENCH_OUT)/pair: $(BENCH_PAIR) $(addprefix $(BENCH_OBJ)/,contenders.o \
		floor.o copy.o pipeline.o sockets.o ivc.o ivc-pair.o) $(LIB_OUT)/libivc.a
$(BENCH_OUT)/libfabric: $(BENCH_PAIR) $(addprefix $(BENCH_OBJ)/,fabric.o sockets.o)
$(BENCH_OUT)/libfabric: BENCH_LIBS := -lfabric
$(BENCH_OUT)/many $(BENCH_OUT)/idle: $(BENCH_OUT)/%: $(addprefix \
		$(BENCH_OBJ)/,%.o histogram.o plan.o fork-pair.o ivc-pair.o) $(LIB_OUT)/libivc.a
# With the shared library: callgrind tells libivc from its caller by the file.
$(BENCH_OUT)/instructions: $(addprefix $(BENCH_OBJ)/,instructions.o ivc-pair.o) \
		$(LIB_OUT)/libivc.so
$(BENCH_OUT)/instructions: LDFLAGS += -Wl,-rpath,'$$ORIGIN/../lib'

$(BENCH_OUT)/pair $(BENCH_OUT)/libfabric $(BENCH_OUT)/many $(BENCH_OUT)/idle \
$(BENCH_OUT)/instructions:
	$(call say,LD,$@)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(BENCH_LIBS)

# One source for every MPI; no warnings, since their headers have some.
$(BENCH_OUT)/mpi-%: $(BENCH_MPI_SRC) tools/bench/bench.mk \
		$(wildcard tools/bench/*.h)
	$(call say,MPICC,$@)
	@mkdir -p $(@D)
	$(Q)mpicc.$* $(filter-out -W%,$(IVC_CFLAGS)) $(CFLAGS) -w -o $@ \
		$(BENCH_MPI_SRC)

BENCH_RUN := tools/bench/bench.py --build $(B) $(if $(BENCH_QUICK),--quick) \
	$(BENCH_ARGS)

## make bench           beside every peer, 15 minutes (BENCH_QUICK=1: 2)
bench: $(BENCH_PROGS) $(B)/tools/ivcd
	$(Q)$(BENCH_RUN)

## make bench-instructions  per message, by callgrind: exact
bench-instructions: $(BENCH_PROGS) $(B)/tools/ivcd
	$(Q)$(BENCH_RUN) --only instructions

## make bench-deps      install the peers, gnuplot and valgrind (root)
bench-deps:
	$(Q)scripts/deps tools/bench/packages.txt

-include $(wildcard $(BENCH_OBJ)/*.d)

.PHONY: bench bench-instructions bench-deps
