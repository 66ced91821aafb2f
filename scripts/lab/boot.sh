# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034 # suite.sh reads what is set here
#
# One boot: the emulated host(s) put together, started, listened to, ended.
# CONF has the configuration (scenarios.sh). VERDICT, TOOK and WHY receive the
# result of each scenario, by its name.

declare -A VERDICT TOOK WHY
declare -a QEMU_PIDS=()
RUN=			# this run's own directory, removed at the end
BOOT_PROBLEM=		# why this boot is bad whatever its scenarios say
DOM0_MEM=1024

# stage TEXT: one line of progress
stage() {
	[ "${QUIET:-no}" = yes ] || printf '%4d s  %s\n' "$((SECONDS - STARTED))" "$*"
}

# Kills what this run started, nothing else.
boot_cleanup() {
	local pid

	for pid in ${QEMU_PIDS[@]+"${QEMU_PIDS[@]}"}; do
		kill -KILL "$pid" 2>/dev/null || :
	done
	QEMU_PIDS=()
	[ -z "$RUN" ] || rm -rf "$RUN"
	RUN=
}

# shared_libs DIR: what the dynamic programs in DIR need, from this machine
# (they were built here).  Scripts, modules and static programs need nothing.
shared_libs() {
	local f

	find "$1" -type f ! -name '*.ko' \( -perm -100 -o -name '*.so*' \) | while read -r f; do
		LD_LIBRARY_PATH=$1:$1/lib ldd "$f" 2>/dev/null || :
	done | grep -oE '/[^ ]+' | grep -v "^$1" | sort -u
}

# add_libs PAYLOAD ROOT: copies them into ROOT at their own paths
add_libs() {
	local lib

	for lib in $(shared_libs "$1"); do
		[ -e "$lib" ] || continue
		mkdir -p "$2$(dirname "$lib")"
		cp -L "$lib" "$2$lib"
	done
}

# debug_has FILE: does the debug kernel bring it?
debug_has() {
	[ -n "$DEBUG_KERNEL" ] && [ -e "$DEBUG_KERNEL/$1" ]
}

# guest_overlay DIR KIND: everything in a guest that is not from a package; of
# the debug kernel there may be another KIND, "pv".
guest_overlay() {
	local dir=$1 payload=${PAYLOAD:?}/guest

	if debug_has "${2:+$2/}payload"; then
		payload=$DEBUG_KERNEL/${2:+$2/}payload
	fi
	mkdir -p "$dir"/{lab,etc,ivc,root,proc/xen}
	rmdir "$dir/proc/xen"
	cp "$IMAGES/agent" "$LAB/guest/rc" "$dir/lab/"
	cp "$LAB"/guest/etc/* "$dir/etc/"
	if [ -d "$payload" ]; then
		cp -a "$payload/." "$dir/ivc/"
		add_libs "$payload" "$dir"
	fi
	[ "${CONF[mpi]}" = no ] || cp -a "$PAYLOAD/mpi/." "$dir/"
}

# run_conf HOST MODE SCENARIO...: what Dom0 is told
run_conf() {
	local host=$1 mode=$2 name items=
	shift 2

	for name in "$@"; do
		items+="${items:+ }$name:$(
			scenario_conf "$name"
			echo "${CONF[time]}:${CONF[stall]}:${CONF[guests]}:${CONF[attach]}:${CONF[vcpus]}"
		)"
	done
	cat <<-EOF
	LAB_HOST=$host
	LAB_HOSTS=${CONF[hosts]}
	LAB_MODE=$mode
	LAB_GUESTS='${CONF[guests]//,/ }'
	LAB_VIF=${CONF[vif]}
	LAB_ATTACH=${CONF[attach]}
	LAB_MEM=${CONF[mem]}
	LAB_VCPUS=${CONF[vcpus]}
	LAB_CPUS=${CONF[cpus]}
	LAB_AWAY=${CONF[away]}
	LAB_GUEST_ARGS='${CONF[guest]} $GUEST_ARGS'
	LAB_DEBUG=$(debug_has pv/vmlinux && echo yes || echo no)
	LAB_CHECKED=${DEBUG_KERNEL:+yes}
	LAB_SLOWER=$SLOWER
	LAB_FULL=$FULL
	LAB_SCENARIOS='$items'
	EOF
}

# boot_prepare HOST MODE SCENARIO...: Dom0's initrd for this run
boot_prepare() {
	local dir=$RUN/host$1

	mkdir -p "$dir/overlay"/{lab/bin,lab/tests,ivc}
	# Before QEMU starts, in the background, boot_listen() opens it.
	: >"$dir/events"
	run_conf "$@" >"$dir/overlay/lab/run.conf"
	cp -a "$LAB/dom0" "$dir/overlay/lab/"
	cp "$LAB/dom0/init" "$dir/overlay/init"
	cp "$LAB_TESTS"/*.sh "$dir/overlay/lab/tests/"
	cp "$IMAGES/labctl" "$dir/overlay/lab/bin/"
	if debug_has pv/dom0; then
		cp -a "$DEBUG_KERNEL/pv/dom0/." "$dir/overlay/ivc/"
	elif [ -d "$PAYLOAD/dom0" ]; then
		cp -a "$PAYLOAD/dom0/." "$dir/overlay/ivc/"
	fi
	guest_initrd "$dir" ""
	! debug_has pv/vmlinux || guest_initrd "$dir" pv
	{ cat "$IMAGES/dom0.cpio.gz"; pack "$dir/overlay"; } >"$dir/initrd"
	rm -rf "$dir/overlay"
}

# guest_initrd DIR KIND: the guests', in Dom0's. The kernel unpacks it
# into half of the remaining memory, and drops files that do not fit without a message.
guest_initrd() {
	local file=$1/overlay/lab/guest${2:+-$2}.cpio need

	guest_overlay "$1/guest" "$2"
	{
		cat "$IMAGES/guest.cpio"
		[ "${CONF[mpi]}" = no ] || cat "$IMAGES/mpi.cpio"
		pack "$1/guest"
	} >"$file"
	rm -rf "$1/guest"
	need=$((3 * $(stat -c %s "$file") / 1048576 + 64))
	[ "${CONF[mem]}" -ge "$need" ] ||
		die "guests need $need MB for what they get (mem=, --mem)"
}

# The debug kernel without what only a debugger wants, as $RUN/NAME.
debug_kernel() {
	debug_has "$1" || die "$DEBUG_KERNEL: no $1 in there"
	[ -e "$RUN/$2" ] || objcopy --strip-debug "$DEBUG_KERNEL/$1" "$RUN/$2"
	pad_to_sectors "$RUN/$2"
	echo "$RUN/$2"
}

# The guests' kernel travels as a disk,
guest_kernel() {
	if [ -z "$DEBUG_KERNEL" ]; then
		echo "$IMAGES/guest-kernel"
	else
		debug_kernel vmlinux guest-kernel
	fi
}

# PV guests', if that is another one, as the next disk,
guest_pv_disk() {
	debug_has pv/vmlinux || return 0
	echo "-drive id=d2,if=none,format=raw,file=$(debug_kernel pv/vmlinux pv-kernel),readonly=on" \
		"-device virtio-blk-pci,drive=d2,$1"
}

# and Dom0 runs that one too.
dom0_kernel() {
	if debug_has pv/vmlinux; then
		debug_kernel pv/vmlinux pv-kernel
	else
		echo "$IMAGES/vmlinuz"
	fi
}

# count_guests [SCENARIO...]: sets GUESTS_WANTED, how many these want at a time
GUESTS_WANTED=1
count_guests() {
	local name n

	GUESTS_WANTED=1
	for name in "${@:-}"; do
		n=$(
			scenario_conf "$name"
			scenario_guests
		)
		[ "$n" -le $GUESTS_WANTED ] || GUESTS_WANTED=$n
	done
}

# dom0_memory: half of it takes the images of two guests (suspend)
dom0_memory() {
	[ -z "$DEBUG_KERNEL" ] && echo "$DOM0_MEM" || echo "$DEBUG_DOM0_MEM"
}

# boot_memory: of the emulated host: Dom0, the guests, Xen and its tables
boot_memory() {
	echo $(($(dom0_memory) + GUESTS_WANTED * CONF[mem] + 320))
}

# qemu HOST SERIAL [ARGUMENT...]: start it; every flag was measured:
#   -smap            with SMAP the PV Dom0 dies in its first instructions
#   -rdtscp,-rdpid   PVH guests: QEMU's SVM gives no instruction length for them
#   -xsave ... -pku  PVH guests: what they write to XCR0 does not reach Xen, which
#                    then saves and restores less of their registers than they
#                    use; a vCPU that shares a CPU or moves to another one is
#                    corrupted (#UD on AVX, #GP in XRSTOR, wrong data).  So there
#                    is no AVX in the lab.
#   dom0_vcpus_pin   with the guests' own pins (dom0/guests.sh): a PVH guest whose
#                    vCPU moves ends in a triple fault with Xen's RIP, sometimes
#   iommu_platform   under Xen virtio must use the DMA API
qemu() {
	local dir=$RUN/host$1 serial=$2 port
	local virtio=disable-legacy=on,iommu_platform=on
	local args=()
	shift 2

	# shellcheck disable=SC2207 # words are meant
	args=($(guest_pv_disk "$virtio"))
	for port in events consoles results; do
		args+=(-chardev "file,id=$port,path=$dir/$port"
		       -device "virtserialport,chardev=$port,name=lab.$port")
	done
	exec qemu-system-x86_64 -machine q35 -accel tcg,thread=multi \
		-cpu max,-smap,-rdtscp,-rdpid,-xsave,-avx,-avx2,-fma,-f16c,-pku \
		-smp "${CONF[cpus]}" -m "$(boot_memory)" \
		-nodefaults -display none -no-reboot \
		-chardev "$serial,id=serial" -serial chardev:serial \
		-kernel "$IMAGES/xen" \
		-append "console=com1 com1=115200,8n1 dom0_mem=$(dom0_memory)M,max:$(dom0_memory)M dom0_max_vcpus=1 dom0_vcpus_pin sched=credit2 loglvl=all guest_loglvl=all conring_size=512k" \
		-initrd "$(dom0_kernel) console=hvc0 loglevel=5 ${CONF[dom0]},$dir/initrd" \
		-drive "id=d0,if=none,format=raw,file=$IMAGES/dom0.img,snapshot=on" \
		-device "virtio-blk-pci,drive=d0,$virtio" \
		-drive "id=d1,if=none,format=raw,file=$(guest_kernel),readonly=on" \
		-device "virtio-blk-pci,drive=d1,$virtio" \
		-device "virtio-serial-pci,$virtio" "${args[@]}" "$@"
}

# qemu_start HOST [ARGUMENT...]: in the background
qemu_start() {
	local dir=$RUN/host$1

	qemu "$1" "file,path=$dir/serial.log" "${@:2}" </dev/null >"$dir/qemu.log" 2>&1 &
	QEMU_PIDS+=($!)
}

# Two hosts are joined by a wire of their own. Each packet costs the emulator as
# much, whatever its length: long ones. Not by TCP: QEMU leaves Nagle's algorithm
# on, so that a second packet waits for the host's delayed acknowledgement.
boot_start() {
	local nic=disable-legacy=on,iommu_platform=on,host_mtu=9000
	local wire="stream,id=n,addr.type=unix,addr.abstract=on,addr.path=ivc-lab.$$.${RUN##*/}"

	if [ "${CONF[hosts]}" = 1 ]; then
		qemu_start 1
		return
	fi
	qemu_start 1 -netdev "$wire,server=on" \
		-device "virtio-net-pci,netdev=n,mac=52:54:00:00:00:01,$nic"
	sleep 0.5
	qemu_start 2 -netdev "$wire,server=off" \
		-device "virtio-net-pci,netdev=n,mac=52:54:00:00:00:02,$nic"
}

# The end of every domain's console, when Dom0 cannot tell any more.
show_last_words() {
	local f

	for f in "$RUN"/host*/{qemu.log,serial.log,consoles}; do
		[ -s "$f" ] || continue
		echo "--- the end of ${f#"$RUN/"}"
		tail -n 25 "$f" | tr -d '\r'
	done
}

# boot_listen: follow host 1's events until it powers off, or says nothing for long.
# SECONDS is bash's clock.
boot_listen() {
	local line word rest verdict took why ended part="" current=""
	local deadline=$((SECONDS + SLOWER * (150 * CONF[hosts] + 10 * GUESTS_WANTED)))

	exec 8<"$RUN/host1/events"
	while :; do
		# Asked first: what it wrote before its end is read.
		ended=
		kill -0 "${QEMU_PIDS[0]}" 2>/dev/null || ended=yes
		# The end of the file so far, maybe in the middle of a line. The read has
		# no time limit, because with one it can lose the first part of a line.
		if ! IFS= read -r -u 8 line; then
			part+=$line
			if [ $ended ]; then
				BOOT_PROBLEM="the emulated host ended by itself"
				break
			elif [ "$SECONDS" -gt "$deadline" ]; then
				BOOT_PROBLEM="nothing heard in time${current:+ during $current}"
				break
			fi
			sleep 0.3
			continue
		fi
		line=$part$line part=
		word=${line%% *} rest=${line#* }
		case $word in
		stage | note) stage "$rest" ;;
		moved) deadline=$((SECONDS + CONF[stall] + 120 * SLOWER)) ;;
		problem)
			stage "PROBLEM: $rest"
			BOOT_PROBLEM=${BOOT_PROBLEM:-$rest}
			;;
		begin)
			current=$rest
			scenario_conf "$current"
			deadline=$((SECONDS + CONF[stall] + 120 * SLOWER))
			stage "$current begins"
			;;
		end)
			read -r current verdict took why <<<"$rest"
			VERDICT[$current]=$verdict TOOK[$current]=$took WHY[$current]=$why
			stage "$current: $verdict${why:+ ($why)}"
			current=
			deadline=$((SECONDS + 120 * SLOWER))
			;;
		fresh-boot) stage "the next scenarios get a fresh boot: $rest" ;;
		off) break ;;
		esac
	done
	exec 8<&-
	if [ "$line" != off ]; then
		show_last_words
		[ -z "$current" ] || VERDICT[$current]=fail WHY[$current]=$BOOT_PROBLEM
	fi
}

# The hosts power off by themselves; QEMU is given a moment to end.
boot_end() {
	local pid

	for pid in "${QEMU_PIDS[@]}"; do
		for _ in $(seq 50); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
	done
	boot_results "$@"
	boot_cleanup
}

# boot_results SCENARIO...: what Dom0 sent, and the logs of the whole boot
boot_results() {
	local name f

	for name in boot-health "$@"; do
		rm -rf "${LAB_BUILD:?}/results/$name"
		mkdir -p "$LAB_BUILD/results/$name"
	done
	# Several archives after one another; the last may be cut off.
	if [ -s "$RUN/host1/results" ]; then
		tar -C "$LAB_BUILD/results" --ignore-zeros -xf "$RUN/host1/results" 2>/dev/null || :
	fi
	for name in "$@"; do
		for f in "$RUN"/host*/{serial.log,consoles,qemu.log}; do
			[ -s "$f" ] || continue
			cp "$f" "$LAB_BUILD/results/$name/$(basename "$(dirname "$f")")-$(basename "$f" .log).log"
		done
	done
}

# boot_run SCENARIO...: one boot for scenarios of one key
boot_run() {
	local host

	count_guests "$@"
	scenario_conf "$1"
	mpi_ready
	BOOT_PROBLEM=
	RUN=$(mktemp -d "$LAB_BUILD/run.XXXXXX")
	for host in $(seq "${CONF[hosts]}"); do
		boot_prepare "$host" run "$@"
	done
	boot_start
	stage "starting ${CONF[hosts]} host(s), guests ${CONF[guests]}"
	boot_listen
	boot_end "$@"
}

# boot_shell: on the terminal; QEMU itself gets no signals from its keys
boot_shell() {
	count_guests
	scenario_conf ""
	mpi_ready
	RUN=$(mktemp -d "$LAB_BUILD/run.XXXXXX")
	boot_prepare 1 shell
	stage "Dom0's shell comes in half a minute; 'exit' there ends everything"
	(qemu 1 "stdio,signal=off,logfile=$RUN/host1/serial.log")
	boot_cleanup
}
