# SPDX-License-Identifier: MIT
# Code that libivc, ivcd, the coordinator and the tools share. The headers are
# included by their path; the objects have to be linked.

COMMON_SRC := common/ivcd-path.c common/thread.c
COMMON_OBJ := $(COMMON_SRC:%.c=$(B)/%.o)

$(B)/common/%.o: common/%.c common/common.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) -fPIC -fvisibility=hidden -pthread \
		-MMD -MP -c -o $@ $<

-include $(COMMON_OBJ:.o=.d)
