# SPDX-License-Identifier: MIT
# ivc-pingpong and ivcctl.
#
#   WITH_VCHAN=   ivc-pingpong without libxenvchan (else: where it is found)
#   WITH_XEN=     no ivcctl (else: where libxenstore and libxenctrl are found)

has_header = $(shell echo '\#include <$(1)>' | \
	$(CC) -fsyntax-only -xc - 2>/dev/null && echo 1)
WITH_VCHAN ?= $(call has_header,libxenvchan.h)
WITH_XEN ?= $(call has_header,xenctrl.h)

PINGPONG_SRC := $(addprefix tools/pingpong/,main.c options.c help.c plan.c \
	transport.c ivc.c socket.c tcp.c unix.c message.c samples.c tests.c \
	client.c rows.c server.c explain.c report.c json.c compare.c \
	$(if $(WITH_VCHAN),vchan.c))
PINGPONG_OBJ := $(PINGPONG_SRC:%.c=$(B)/%.o)
PINGPONG_STATIC_OBJ := $(PINGPONG_SRC:%.c=$(B)/static/%.o)
PINGPONG_LIBS := $(if $(WITH_VCHAN),-lxenvchan) -lpthread
PINGPONG_STATIC_LIBS := $(if $(WITH_VCHAN),-lxenvchan -lxenstore -lxengnttab \
	-lxenevtchn -lxencall -lxentoollog -lxentoolcore) -lpthread -ldl

TOOLS_CFLAGS := $(if $(WITH_VCHAN),-DWITH_VCHAN) -MMD -MP

TOOLS := $(B)/tools/ivc-pingpong $(B)/static/ivc-pingpong

## make tools           ivc-pingpong (also static, for guests) and ivcctl
tools: $(TOOLS)

$(B)/tools/%.o: tools/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) $(TOOLS_CFLAGS) -c -o $@ $<

$(B)/static/tools/%.o: tools/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) $(TOOLS_CFLAGS) -DSTATIC_BUILD \
		-c -o $@ $<

$(B)/tools/ivc-pingpong: $(PINGPONG_OBJ) $(B)/lib/libivc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PINGPONG_LIBS)

# A sanitizer cannot be linked statically: there is no static tool with SAN=.
$(B)/static/ivc-pingpong: $(PINGPONG_STATIC_OBJ) $(B)/lib/libivc.a
	$(call say,LD,$@)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) $(LDFLAGS) -static -o $@ $^ \
		$(PINGPONG_STATIC_LIBS)

-include $(PINGPONG_OBJ:.o=.d) $(PINGPONG_STATIC_OBJ:.o=.d)

TOOLS_TESTS := $(B)/tools/test-relay $(B)/tools/test-peer

$(B)/tools/test-relay: $(B)/tools/pingpong/test-relay.o
	$(call say,LD,$@)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(B)/tools/test-peer: $(addprefix $(B)/tools/pingpong/,test-peer.o plan.o)
	$(call say,LD,$@)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^

## make check-tools     ivc-pingpong's own checks, over sockets; no Xen needed
check-tools: $(B)/tools/ivc-pingpong $(TOOLS_TESTS)
	$(Q)tools/check.sh $(B)/tools

.PHONY: tools check-tools
