# SPDX-License-Identifier: MIT
# What libivc, ivcd and the other tools share. Headers are included by their
# path; this is what has to be linked.

COMMON_SRC := common/ivcd-path.c
COMMON_OBJ := $(COMMON_SRC:%.c=$(B)/%.o)

$(B)/common/%.o: common/%.c common/common.mk
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(IVC_CFLAGS) $(CFLAGS) -fPIC -fvisibility=hidden -pthread \
		-MMD -MP -c -o $@ $<

-include $(COMMON_OBJ:.o=.d)
