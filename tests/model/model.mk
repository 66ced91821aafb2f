# SPDX-License-Identifier: MIT
# The models. A verdict is kept as long as its inputs are the same (scripts/verdict;
# FRESH=1 searches again).

# $(call search,MODEL,WORK-DIR,HEADERS)
MODEL_TOOLS := tests/model/search.sh tests/model/taken.h
search = CC='$(CC)' VERDICTS=$(B)/verdicts scripts/verdict model-$(1) \
	--tool '$${SPIN:-spin} -V' --inputs tests/model/$(1).pml \
	tests/model/$(1).sh $(MODEL_TOOLS) $(3) -- tests/model/$(1).sh $(B)/$(2)

## make check-model     search every run of a channel's end, and of waiting (Spin)
check-model:
	$(Q)$(call search,leave,model,include/ivc/protocol/state.h include/ivc/protocol/wire.h)
	$(Q)$(call search,wait,model-wait)

## make check-model-switch  search every run of a pair that switches (Spin)
check-model-switch:
	$(Q)$(call search,switch,model-switch,coordinator/state.h)

.PHONY: check-model check-model-switch
