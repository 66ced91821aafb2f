# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154
# What one user may have, of ivcd and of others, however many processes he has.

# quotas OPTION...: an ivcd beside the others, for them, its number in $quota
quotas() {
	rm -f "$dir/q" "$dir/quota.log"
	spawn "$bin/tools/ivcd" --socket "$dir/q" --realm any "$@" \
		2>"$dir/quota.log"
	quota=$pid
	until_true $soon grep -q listening "$dir/quota.log"
}
at_quotas() {
	IVC_SOCKET=$dir/q "$@"
}
# 16 may wait for a user: another one gets 4 of them, not 4 of each process.
share() {
	quotas --max-pending 16 || return 1
	spawn env IVC_SOCKET="$dir/q" as 12345 "$hostile" waiting 4 >"$dir/waiting"
	until_true $soon grep -q ready "$dir/waiting" || return 1
	at_quotas as 12346 "$hostile" crowd 4 4
	rc=$?
	end "$pid"
	end "$quota"
	return $rc
}
if may_switch; then
	check "a quarter of a user's offers, not of each process's" share
else
	skip "a quarter of a user's offers: needs root"
fi
