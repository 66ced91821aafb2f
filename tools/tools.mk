# SPDX-License-Identifier: MIT
# ivc-pingpong, ivc-roam, ivcd and ivcctl.
#
#   WITH_VCHAN=   ivc-pingpong without libxenvchan (else: where it is found)
#   WITH_XEN=     no ivcctl (else: where libxenstore and libxenctrl are found)

has_header = $(shell $(CC) -E -include $(1) -xc /dev/null >/dev/null 2>&1 && \
	echo 1)
WITH_VCHAN ?= $(call has_header,libxenvchan.h)
WITH_XEN ?= $(call has_header,xenctrl.h)

PINGPONG_SRC := $(addprefix tools/pingpong/,main.c options.c help.c plan.c \
	transport.c ivc.c socket.c tcp.c unix.c message.c tests.c client.c \
	rows.c server.c errors.c report.c json.c compare.c \
	$(if $(WITH_VCHAN),vchan.c)) $(addprefix tools/common/,args.c \
	clock.c histogram.c json-string.c output.c stdfds.c text-file.c)
PINGPONG_OBJ := $(PINGPONG_SRC:tools/%.c=$(B)/tools/obj/%.o)
PINGPONG_STATIC_OBJ := $(PINGPONG_SRC:tools/%.c=$(B)/static/obj/%.o)
PINGPONG_LIBS := $(if $(WITH_VCHAN),-lxenvchan) -lpthread
PINGPONG_STATIC_LIBS := $(if $(WITH_VCHAN),-lxenvchan -lxenstore -lxengnttab \
	-lxenevtchn -lxencall -lxentoollog -lxentoolcore) -lpthread -ldl

ROAM_SRC := $(addprefix tools/roam/,main.c options.c help.c hello.c tcp.c \
	loop.c group.c traffic.c message.c crc32.c stream.c wire.c record.c \
	plot.c) $(addprefix tools/common/,args.c histogram.c output.c stdfds.c)
ROAM_OBJ := $(ROAM_SRC:tools/%.c=$(B)/tools/obj/%.o)
ROAM_STATIC_OBJ := $(ROAM_SRC:tools/%.c=$(B)/static/obj/%.o)

IVCCTL_SRC := $(addprefix tools/ivcctl/,main.c arrived.c attach.c audit.c \
	daemon.c detach.c device.c domain.c list.c migrate.c options.c policy.c \
	stat.c table.c watch.c xenstore.c) $(addprefix tools/common/,escape.c \
	json-string.c output.c stdfds.c text-file.c)
IVCCTL_OBJ := $(IVCCTL_SRC:tools/%.c=$(B)/tools/obj/%.o)

IVCD_SRC := $(addprefix tools/ivcd/,main.c client.c closer.c conn.c \
	group.c listen.c log.c loop.c request.c user.c) \
	$(addprefix tools/common/,args.c stdfds.c)
IVCD_OBJ := $(IVCD_SRC:tools/%.c=$(B)/tools/obj/%.o)

TOOLS_CFLAGS := $(if $(WITH_VCHAN),-DWITH_VCHAN) -MMD -MP

# A sanitizer cannot be linked statically.
TOOLS := $(B)/tools/ivc-pingpong $(if $(SAN),,$(B)/static/ivc-pingpong) \
	$(B)/tools/ivc-roam $(if $(SAN),,$(B)/static/ivc-roam) \
	$(B)/tools/ivcd \
	$(if $(WITH_XEN),$(B)/tools/ivcctl)

## make tools           ivc-pingpong, ivc-roam (also static), ivcd and ivcctl
tools: $(TOOLS)

# Xen's public headers are written in GNU C.
XEN_OBJ := $(B)/tools/obj/ivcctl/domain.o $(B)/tools/obj/pingpong/vchan.o \
	$(B)/static/obj/pingpong/vchan.o
$(XEN_OBJ): TOOLS_CFLAGS += -std=gnu11

$(B)/tools/obj/%.o: tools/%.c tools/tools.mk
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) $(TOOLS_CFLAGS) -c -o $@ $<

$(B)/static/obj/%.o: tools/%.c tools/tools.mk
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) $(TOOLS_CFLAGS) -DSTATIC_BUILD \
		-c -o $@ $<

$(B)/tools/ivc-pingpong: $(PINGPONG_OBJ) $(B)/lib/libivc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PINGPONG_LIBS)

$(B)/static/ivc-pingpong: $(PINGPONG_STATIC_OBJ) $(B)/lib/libivc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) $(LDFLAGS) -static -o $@ $^ \
		$(PINGPONG_STATIC_LIBS)

$(B)/tools/ivc-roam: $(ROAM_OBJ) $(B)/lib/libivc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpthread -lm

$(B)/static/ivc-roam: $(ROAM_STATIC_OBJ) $(B)/lib/libivc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) $(LDFLAGS) -static -o $@ $^ \
		-lpthread -lm

$(B)/tools/ivcctl: $(IVCCTL_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ \
		-lxenstore -lxenctrl -lxentoollog

$(B)/tools/ivcd: $(IVCD_OBJ) $(COMMON_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^

-include $(IVCD_OBJ:.o=.d) $(ROAM_OBJ:.o=.d) $(ROAM_STATIC_OBJ:.o=.d)
-include $(IVCCTL_OBJ:.o=.d) $(PINGPONG_OBJ:.o=.d) $(PINGPONG_STATIC_OBJ:.o=.d)

SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd

## make install-tools   the tools, their pages, ivcd's units, the policy's example
# An existing policy file belongs to the administrator and is not replaced.
install-tools: tools
	$(call needs,BINDIR SBINDIR MANDIR SYSCONFDIR UNITDIR)
	$(call say,INSTALL,ivc-pingpong ivc-roam ivcd ivcctl)
	$(Q)install -D -m 755 $(B)/tools/ivc-pingpong \
		$(DESTDIR)$(BINDIR)/ivc-pingpong
	$(Q)install -D -m 644 docs/man/ivc-pingpong.1 \
		$(DESTDIR)$(MANDIR)/man1/ivc-pingpong.1
	$(Q)install -D -m 755 $(B)/tools/ivc-roam $(DESTDIR)$(BINDIR)/ivc-roam
	$(Q)install -D -m 644 docs/man/ivc-roam.1 \
		$(DESTDIR)$(MANDIR)/man1/ivc-roam.1
	$(Q)install -D -m 755 $(B)/tools/ivcd $(DESTDIR)$(SBINDIR)/ivcd
	$(Q)install -D -m 644 docs/man/ivcd.8 $(DESTDIR)$(MANDIR)/man8/ivcd.8
	$(Q)for d in system user; do \
		install -D -m 644 tools/ivcd/ivcd.socket \
			$(DESTDIR)$(UNITDIR)/$$d/ivcd.socket || exit 1; done
	$(Q)sed 's|@SBINDIR@|$(SBINDIR)|' tools/ivcd/ivcd.service \
		>$(DESTDIR)$(UNITDIR)/system/ivcd.service
	$(Q)sed 's|@SBINDIR@|$(SBINDIR)|' tools/ivcd/ivcd-user.service \
		>$(DESTDIR)$(UNITDIR)/user/ivcd.service
	$(Q)chmod 644 $(DESTDIR)$(UNITDIR)/*/ivcd.service
ifneq ($(WITH_XEN),)
	$(Q)install -D -m 755 $(B)/tools/ivcctl $(DESTDIR)$(SBINDIR)/ivcctl
	$(Q)install -D -m 644 docs/man/ivcctl.8 \
		$(DESTDIR)$(MANDIR)/man8/ivcctl.8
	$(Q)install -D -m 644 docs/man/ivc-policy.5 \
		$(DESTDIR)$(MANDIR)/man5/ivc-policy.5
	$(Q)[ -e $(DESTDIR)$(SYSCONFDIR)/ivc/policy.conf ] || \
		install -D -m 644 tools/ivcctl/policy.conf \
			$(DESTDIR)$(SYSCONFDIR)/ivc/policy.conf
endif

install: install-tools

# The programs for the lab's guests and Dom0. Guests have no shared libraries; Dom0
# has those of xen-utils.
payload-tools: tools
	@mkdir -p $(B)/payload/guest $(B)/payload/dom0
	$(Q)cp $(B)/static/ivc-pingpong $(B)/static/ivc-roam $(B)/payload/guest/
	$(Q)cp $(B)/static/ivc-pingpong $(B)/payload/dom0/
	$(if $(WITH_XEN),$(Q)cp $(B)/tools/ivcctl $(B)/payload/dom0/)

.PHONY: tools install-tools payload-tools
