# SPDX-License-Identifier: MIT
# The documents as a web site of plain files.

## make html            build/html: documents, manual pages, examples; checks all links
html:
	$(Q)scripts/deps scripts/html/packages.txt
	$(Q)scripts/html/site.py $(B)/html
	$(call say,HTML,$(B)/html/index.html)

.PHONY: html
