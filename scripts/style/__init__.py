# SPDX-License-Identifier: MIT
"""The parts of scripts/style-check: prose taken out of files, and its rules."""
