# SPDX-License-Identifier: MIT

## make check-scripts   the style check and the keeping of verdicts can fail
check-scripts:
	$(Q)tests/scripts/style.py
	$(Q)tests/scripts/verdict.sh

.PHONY: check-scripts
