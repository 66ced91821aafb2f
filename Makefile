# SPDX-License-Identifier: MIT
# IVC: make            library, tools and, where headers are, kernel modules
#      make demo       the whole thing on this machine: see README.md
#      make check      unit tests, then the lab's scenarios
#      make help       everything else

include scripts/include.mk

all: lib tools modules

include lib/lib.mk
include tools/tools.mk
include kernel/modules.mk
-include tests/tests.mk
include scripts/lab/lab.mk

help:
	@sed -n 's/^## *//p' $(MAKEFILE_LIST)

## make clean           remove what was built, keep the lab's images
clean:
	$(Q)find $(B) -mindepth 1 -maxdepth 1 ! -name lab -exec rm -rf {} + \
		2>/dev/null || true

## make distclean       remove everything that was made
distclean:
	$(Q)rm -rf $(B)

.PHONY: all help clean distclean
.DELETE_ON_ERROR:
