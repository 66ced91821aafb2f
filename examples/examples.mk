# SPDX-License-Identifier: MIT
# The examples, and what documents tell readers to type, tried as readers do.

## make check-examples  examples/, and the programs and commands of the documents
check-examples: lib tools
	$(Q)CC='$(CC)' MAKE='$(MAKE)' tests/examples/run.sh $(B)

.PHONY: check-examples
