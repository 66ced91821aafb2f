# SPDX-License-Identifier: MIT
# Settings shared by every part: tools, flags, directories, V=1.
#
#   B          where everything built goes (never in the source tree)
#   V=1        show the commands
#   DESTDIR, PREFIX, LIBDIR, INCLUDEDIR, MANDIR, BINDIR, SBINDIR
#   SAN=       a sanitizer for user space: address,undefined or thread

B ?= build
CC ?= gcc
AR ?= ar
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
SBINDIR ?= $(PREFIX)/sbin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wvla -Wformat=2 -Wundef
CFLAGS ?= -O2 -g
IVC_CFLAGS := -std=c11 -D_GNU_SOURCE $(WARN) -Iinclude \
	$(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer)

# What everything is built from: the library's header, and those of the protocols.
IVC_H := $(wildcard include/ivc/*.h include/ivc/protocol/*.h)

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-8s %s\n' '$(1)' '$(2)')

# $(call needs,VARIABLES,WHAT TO DO): an error where one is empty. A directory to
# install to that is empty would be the root of the file system.
needs = $(foreach v,$(1),$(if $(strip $($(v))),,$(error $(v) is empty: \
	$(or $(strip $(2)),give $(v)=DIRECTORY))))
