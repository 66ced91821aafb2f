#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# lab: guests=pvh,pvh hosts=2 vif=yes mpi=yes mem=256 time=900 suite=no
# The paper's Figures 12 and 13: latency and bandwidth of MPI, messages of 2 KB,
# over time, while one guest comes from another host and goes there again.

# shellcheck source=tests/lab/accounts.sh
. /lab/tests/accounts.sh
# shellcheck source=tests/lab/jobs.sh
. /lab/tests/jobs.sh
JOB_TIMEOUT=700

# figure NAME OPTIONS: guest 1 is on host 2, comes here, and goes there again
figure() {
	g 2 rm -f /tmp/stop
	job_bg 2 time guest2,guest1 "$(way ivc)" /mpi/mpi-time "$2" \
		-t "/tmp/$1.txt" -p "/tmp/$1.gp" -f /tmp/stop 600
	wait_until 60 g 2 "test -s /tmp/$1.txt" || fail "$1: the job does not begin"
	sleep 10
	return_guest 1 || fail "$1: guest 1 cannot come"
	wait_until 60 flying 1 || fail "$1: no channel"
	sleep 10
	migrate_guest 1 || fail "$1: guest 1 cannot go"
	sleep 10
	g 2 touch /tmp/stop
	collect 2 time
	grep ' 1 switches to IVC, 1 to the network' /tmp/out.time ||
		fail "$1: $(tail -n 1 /tmp/out.time)"
	note "$1: $(tail -n 1 /tmp/out.time)"
	for file in txt gp gp.dat; do
		g 2 cat "/tmp/$1.$file" >"$OUT/$1.$file"
	done
	cp /tmp/out.time "$OUT/$1.picture"
}

watch_both
migrate_guest 1 || fail "guest 1 cannot go"
figure figure12 ''
figure figure13 -b
# Bandwidth as bars, of the table's rows (seconds, by, windows), some of them together
awk -v bars=24 '!/^#/ { at[++n] = $1; by[n] = $2; windows[n] = $3 } END {
	each = int((n + bars - 1) / bars)
	for (i = 1; i <= n; i += each) {
		sum = k = 0
		for (j = i; j < i + each && j <= n; j++) { sum += windows[j]; k++ }
		end[++m] = at[j - 1]; way[m] = by[j - 1]
		rate[m] = sum * 64 * 2048 / 1e6 / k
		if (rate[m] > top) top = rate[m]
	}
	for (i = 1; i <= m; i++) {
		bar = ""
		for (k = 0; k < 50 * rate[i] / top; k++) bar = bar "#"
		printf "%4d s %s %6.1f MB/s %s\n", end[i], way[i], rate[i], bar
	}
}' "$OUT/figure13.txt" >"$OUT/figure13.bars"
return_guest 1 || fail "guest 1 cannot come back"
unwatch
