# SPDX-License-Identifier: MIT
# IVC: make            library, tools and, where headers are, kernel modules
#      make demo       the whole thing on this machine: see README.md
#      make check      native tests, then the lab's scenarios
#      make help       everything else

include scripts/include.mk

all: lib tools modules mpi

include common/common.mk
include lib/lib.mk
include tools/tools.mk
include tools/bench/bench.mk
include kernel/modules.mk
-include tests/tests.mk
include coordinator/coordinator.mk
include mpi/mpi.mk
include scripts/lab/lab.mk
include scripts/html/html.mk
include tests/check.mk

## make install         library, tools, and Open MPI's component where it is built
help:
	@sed -n 's/^## *//p' $(MAKEFILE_LIST)

## make lint            clang-format, sparse, cppcheck, shellcheck, the English
SOURCES = $(shell git ls-files '*.c' '*.h')
SCRIPTS = $(shell git grep -lE '^\#!/bin/(sh|bash)' -- scripts tests tools .ci)
# cppcheck reads no system header, but the lists' macros make up declarations.
QUEUE_H = $(shell $(CC) -M -include sys/queue.h -xc /dev/null | tr ' ' '\n' | \
	grep 'sys/queue\.h$$')
lint:
	$(call say,FORMAT,$(words $(SOURCES)) files)
	$(Q)clang-format --dry-run --Werror $(SOURCES)
	$(call say,SPARSE,kernel)
	$(Q)rm -f $(KMOD)/.stamp && find $(KMOD) -name '*.o' -delete; \
		$(MAKE) modules C=2 CHECKING=1 >$(B)/sparse.log 2>&1 || \
		{ cat $(B)/sparse.log; exit 1; }
	$(Q)! grep -E 'warning|error' $(B)/sparse.log
	$(call say,CPPCHECK,common lib tools tests)
	$(Q)cppcheck -q --error-exitcode=1 --inline-suppr --std=c11 -Iinclude \
		--enable=warning,portability -D__x86_64__ -D_GNU_SOURCE \
		--include='$(QUEUE_H)' --suppress=missingIncludeSystem \
		common lib tools tests/prog tests/local tests/roam tests/faults tests/fuzz \
		tests/hostile coordinator tests/coordinator
	$(call say,SHELL,$(words $(SCRIPTS)) scripts)
	$(Q)shellcheck -x -P SCRIPTDIR $(SCRIPTS)
	$(call say,STYLE,documents manual comments messages)
	$(Q)tests/scripts/style.py 2>$(B)/style.log || { cat $(B)/style.log; exit 1; }
	$(Q)scripts/style-check --limits scripts/style-limits

## make clean           remove what was built, keep the lab's images
clean:
	$(Q)find $(B) -mindepth 1 -maxdepth 1 ! -name lab -exec rm -rf {} + \
		2>/dev/null || true

## make distclean       remove everything that was made
distclean:
	$(Q)rm -rf $(B)

.PHONY: all help lint clean distclean
.DELETE_ON_ERROR:
