# SPDX-License-Identifier: MIT
# libivc: the shared and the static library, its pkg-config file, its manual.

LIB_OUT := $(B)/lib
LIB_SRC := $(addprefix lib/,channel.c connect.c context.c entry.c events.c \
	fd-closer.c process.c stats.c transport.c undelivered.c version.c \
	wait.c xen.c) \
	$(addprefix lib/local/,channel.c connect.c context.c doorbell.c \
	link.c member.c memfd.c outbox.c request.c session.c thread.c \
	undelivered.c watch.c) $(COMMON_SRC)
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
# For programs that are made of these sources, not linked with the library.
LIB_PRIVATE_H := $(wildcard lib/*.h lib/local/*.h common/*.h)
LIB_SONAME := libivc.so.0
LIB_VERSION := $(shell awk '/define IVC_VERSION_MAJOR/ { a = $$3 } \
	/define IVC_VERSION_MINOR/ { b = $$3 } END { print a "." b }' \
	include/ivc/version.h)
LIB_PROTOCOL := $(addprefix include/ivc/protocol/,abi.h barrier.h limits.h \
	local.h ring.h ring-rx.h ring-tx.h wire.h)
LIB_MAN3 := $(wildcard docs/man/ivc_*.3)
LIB_MAN7 := docs/man/libivc.7

## make lib             build/lib: libivc.so.0, libivc.a
lib: $(LIB_OUT)/libivc.so $(LIB_OUT)/libivc.a

# gcc warns that its thread sanitizer does not model wait.c's fence.
LIB_WARN := $(if $(filter thread,$(SAN)),-Wno-unknown-warning-option -Wno-tsan)

# The one set of objects serves both libraries.
$(LIB_OUT)/%.o: lib/%.c lib/lib.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(IVC_CFLAGS) $(LIB_WARN) $(CFLAGS) -fPIC -fvisibility=hidden -pthread \
		-MMD -MP -c -o $@ $<

$(LIB_OUT)/$(LIB_SONAME): $(LIB_OBJ) lib/libivc.map
	$(call say,LD,$@)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) $(LDFLAGS) -shared -pthread \
		-Wl,-soname,$(LIB_SONAME) -Wl,-z,nodelete \
		-Wl,--version-script=lib/libivc.map \
		-Wl,-Bsymbolic-functions $(if $(SAN),,-Wl,-z,defs) \
		-o $@ $(LIB_OBJ)

$(LIB_OUT)/libivc.so: $(LIB_OUT)/$(LIB_SONAME)
	$(Q)ln -sf $(LIB_SONAME) $@

# A program that links the archive sees only the names of ivc.h: the names that
# the parts have for each other become local to the one object.
OBJCOPY ?= $(shell $(CC) -print-prog-name=objcopy)
$(LIB_OUT)/libivc.o: $(LIB_OBJ)
	$(Q)$(CC) -nostdlib -r -o $@ $(LIB_OBJ)
	$(Q)$(OBJCOPY) --localize-hidden $@

$(LIB_OUT)/libivc.a: $(LIB_OUT)/libivc.o
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $<

# The folders that the dynamic loader searches by itself; of another one
# libivc.pc tells a program that links the library.
LIB_SEARCHED := /lib /usr/lib /lib64 /usr/lib64
LIB_RPATH = $(if $(filter $(LIB_SEARCHED) $(addsuffix /%,/lib /usr/lib), \
	$(LIBDIR)),,-Wl$(comma)-rpath$(comma)$${libdir} )
comma := ,

# The loader's list of libraries, on the machine that runs them.
LDCONFIG ?= ldconfig

# Made by each installation: it names the folders of that one.
lib_pc = sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' \
	-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' -e 's|@RPATH@|$(LIB_RPATH)|' \
	-e 's|@VERSION@|$(LIB_VERSION)|' lib/libivc.pc.in

## make install-lib     headers, libraries, manual pages, under DESTDIR
install-lib: lib
	$(call needs,LIBDIR INCLUDEDIR MANDIR)
	$(call say,INSTALL,$(DESTDIR)$(LIBDIR))
	$(Q)install -d $(DESTDIR)$(LIBDIR)/pkgconfig \
		$(DESTDIR)$(INCLUDEDIR)/ivc/protocol $(DESTDIR)$(MANDIR)/man3 \
		$(DESTDIR)$(MANDIR)/man7
	$(Q)install -m 755 $(LIB_OUT)/$(LIB_SONAME) $(DESTDIR)$(LIBDIR)
	$(Q)ln -sf $(LIB_SONAME) $(DESTDIR)$(LIBDIR)/libivc.so
	$(Q)install -m 644 $(LIB_OUT)/libivc.a $(DESTDIR)$(LIBDIR)
	$(Q)$(lib_pc) >$(DESTDIR)$(LIBDIR)/pkgconfig/libivc.pc
	$(Q)chmod 644 $(DESTDIR)$(LIBDIR)/pkgconfig/libivc.pc
	$(Q)install -m 644 include/ivc/ivc.h include/ivc/version.h \
		$(DESTDIR)$(INCLUDEDIR)/ivc
	$(Q)install -m 644 $(LIB_PROTOCOL) \
		$(DESTDIR)$(INCLUDEDIR)/ivc/protocol
	$(Q)install -m 644 $(LIB_MAN3) $(DESTDIR)$(MANDIR)/man3
	$(Q)install -m 644 $(LIB_MAN7) $(DESTDIR)$(MANDIR)/man7
	$(Q)$(foreach p,$(notdir $(LIB_MAN3)),$(call lib_man_links,$(p)))
ifeq ($(DESTDIR),)
	$(Q)[ "$$(id -u)" != 0 ] || $(LDCONFIG)
endif

# A page is found by every name of its NAME section, as in ".Nm ivc_read ,".
lib_man_links = for n in $$(sed -n '/^.Sh SYN/q; s/^.Nm \([a-z_]*\).*/\1/p' \
	docs/man/$(1)); do [ $$n.3 = $(1) ] || \
	ln -sf $(1) $(DESTDIR)$(MANDIR)/man3/$$n.3; done;

install: install-lib

-include $(LIB_OBJ:.o=.d)

.PHONY: lib install install-lib
