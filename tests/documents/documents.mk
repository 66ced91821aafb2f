# SPDX-License-Identifier: MIT
## make check-documents   do the files, functions and tests that docs/ names exist?
check-documents:
	$(Q)tests/documents/references.py

.PHONY: check-documents
