# SPDX-License-Identifier: MIT
# The component that Open MPI loads. Its lower half is coordinator/.

MPI_OUT := $(B)/mpi
MPI_TEST_OUT := $(B)/tests/mpi

# No warnings about Open MPI's headers. Another MPI's mpicc does not do.
MPICC ?= mpicc.openmpi
MPI_FLAGS = $(patsubst -I%,-isystem %,$(shell $(MPICC) --showme:compile \
	2>/dev/null))
MPI_HEADER = $(shell $(CC) -E $(MPI_FLAGS) -include opal/mca/btl/btl.h -xc \
	/dev/null >/dev/null 2>&1 && echo 1)
# Where Open MPI looks for components, whatever PREFIX is: elsewhere the component is
# of no use. The ompi_info beside the compiler tells; without ompi_info, the folder is
# openmpi3 or openmpi beside Open MPI's libraries. The components there depend on its
# build.
MPI_LIBDIR ?= $(shell info=$$(dirname "$$(command -v $(MPICC))")/ompi_info; \
	dir=$$("$$info" --parsable --path pkglibdir 2>/dev/null | \
	sed -n 's/^path:pkglibdir://p'); \
	for d in "$$dir" $$($(MPICC) --showme:libdirs 2>/dev/null | \
	sed 's|[^ ]*|&/openmpi3 &/openmpi|g'); do \
	[ -d "$$d" ] && echo "$$d" && break; done)
# Its lists use an instruction (cmpxchg16b) that early x86_64 processors lack.
MPI_FLAGS += $(if $(filter x86_64%,$(shell $(CC) -dumpmachine)),-mcx16)
BTL_SO := $(MPI_OUT)/mca_btl_ivc.so
BTL_SRC := $(wildcard mpi/btl/*.c)
BTL_OBJ := $(BTL_SRC:mpi/%.c=$(MPI_OUT)/%.o)

$(MPI_OUT)/btl/%.o: mpi/btl/%.c mpi/mpi.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(filter-out -std=% -Wundef,$(IVC_CFLAGS)) -std=gnu11 \
		$(MPI_FLAGS) $(CFLAGS) -fPIC -fvisibility=hidden -pthread \
		-MMD -MP -c -o $@ $<

# libivc is linked in and exports nothing, since a program may have a libivc of its
# own. Its threads may outlive the component, so the component is never unloaded.
$(BTL_SO): $(BTL_OBJ) $(COORD_OBJ) $(LIB_OUT)/libivc.a mpi/btl/btl.map
	$(call say,LD,$@)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) $(LDFLAGS) -shared -pthread \
		-Wl,--version-script=mpi/btl/btl.map -Wl,-Bsymbolic-functions \
		$(if $(SAN),,-Wl,-z,defs) -Wl,-z,nodelete \
		-o $@ $(filter %.o %.a,$^) -L$(firstword $(shell $(MPICC) \
		--showme:libdirs)) -lopen-pal

## make mpi             mca_btl_ivc.so for Open MPI 4.1, where its headers are
mpi: $(if $(MPI_HEADER),$(BTL_SO),mpi-none)

mpi-none:
	@echo "  no headers of Open MPI: mca_btl_ivc.so not built" \
		"(apt-get install libopenmpi-dev)"

install-mpi: mpi
ifneq ($(MPI_HEADER),)
	$(call needs,MPI_LIBDIR,$(MPICC) and its ompi_info do not tell where Open \
		MPI looks for components: give MPI_LIBDIR=DIRECTORY)
	$(call say,INSTALL,$(DESTDIR)$(MPI_LIBDIR))
	$(Q)install -D -m 644 $(BTL_SO) $(DESTDIR)$(MPI_LIBDIR)/mca_btl_ivc.so
endif

install: install-mpi

$(MPI_TEST_OUT)/mpi-check $(MPI_TEST_OUT)/mpi-ends: $(MPI_TEST_OUT)/%: \
		tests/mpi/btl/%.c mpi/mpi.mk
	@mkdir -p $(@D)
	$(call say,MPICC,$@)
	$(Q)$(MPICC) $(filter-out -std=% -Wundef,$(IVC_CFLAGS)) -std=gnu11 \
		$(CFLAGS) -o $@ $< -lpthread

# With the tables and plots of ivc-roam.
$(MPI_TEST_OUT)/mpi-time: tests/mpi/btl/mpi-time.c tools/roam/record.c \
		tools/roam/plot.c tools/common/histogram.c tools/common/output.c \
		tools/roam/roam.h \
		mpi/mpi.mk
	@mkdir -p $(@D)
	$(call say,MPICC,$@)
	$(Q)$(MPICC) $(filter-out -std=% -Wundef,$(IVC_CFLAGS)) -std=gnu11 \
		$(CFLAGS) -o $@ $(filter %.c,$^) -lm

## make check-mpi       the coordinator, and Open MPI over it where it is installed
check-mpi: check-coordinator check-model-switch check-open-mpi

check-open-mpi: $(if $(MPI_HEADER),check-btl,check-btl-none)

check-btl: $(BTL_SO) $(MPI_TEST_OUT)/mpi-check $(MPI_TEST_OUT)/mpi-ends \
		$(B)/tools/ivcd
	$(Q)tests/mpi/btl/run.sh $(B)
	$(Q)tests/mpi/btl/install.sh $(B)

## make check-mpi-suites  hpcc, NetPIPE, and the programs in MPI_SUITES=DIRECTORY
#   MPI_SUITES=  OSU's benchmarks, NPB and mpi4py's tests: docs/user/mpi.md
check-mpi-suites: $(BTL_SO) $(B)/tools/ivcd
	$(Q)tests/mpi/btl/suites.sh $(B) $(MPI_SUITES)

## make bench-mpi       OSU's latency and bandwidth: ivc, vader, tcp; MPI_SUITES=
bench-mpi: $(BTL_SO) $(B)/tools/ivcd
	$(Q)tools/bench/osu.py --build $(B) --suites $(MPI_SUITES) $(BENCH_ARGS)

check-btl-none:
	@echo "skip MPI: no headers of Open MPI (apt-get install libopenmpi-dev)"

## make mpi-deps        install Open MPI and mpi4py, as root, or name them
mpi-deps:
	$(Q)scripts/deps mpi/packages.txt

## make mpi-suites-deps  the same for check-mpi-suites
mpi-suites-deps: mpi-deps
	$(Q)scripts/deps tests/mpi/packages.txt

-include $(BTL_OBJ:.o=.d)

.PHONY: mpi mpi-none mpi-deps mpi-suites-deps install-mpi check-mpi check-open-mpi \
	check-mpi-suites bench-mpi check-btl \
	check-btl-none
