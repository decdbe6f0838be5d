#!/usr/bin/env bats
# Many starts and stops, each with a connect, cost nothing for good: neither memory nor anything that a
# kernel counts. As many as SOAK says; tests/soak.sh has more of them.
#
# What the kernel spends on the host's processes, it charges to a control group (cgroups(7)), so that
# whatever runs beside these tests does not show. Where a client had one of its own, what is still
# charged passes to the group above when that is removed: the host's own, which is looked at. Before each
# look the kernel is asked to take back what it only keeps at hand. With SOAK_MACHINE=yes also what only
# the whole machine counts is looked at, and has to be idle otherwise.
#
# How much may be there afterwards that was not before, says a control: half as many cycles in which no
# pyroute runs, but processes with namespaces, a link, an overlay and a control group of their own. What
# it leaves is the kernel's habit. Twice that is allowed; besides, of objects one in ten cycles, and of
# memory 256 bytes in each and 64 KiB, which is what two processors keep at hand. One mount, the smallest
# thing that a stage could forget, is an object and some 600 bytes in each cycle.

load helpers

readonly CYCLES=${SOAK:-200}
readonly WARM=20 # cycles that nobody counts: caches fill
readonly SETTLE=10 # seconds in which the kernel may end what it has begun
readonly BYTES=' kernel-memory memory slab-memory used-memory percpu-memory '
readonly CACHES='net_namespace|pid_namespace|user_namespace|nsproxy|mnt_cache|task_struct|ovl_inode|dentry'

# The host's own group of memory.
own_group() {
	if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
		echo /sys/fs/cgroup
	else
		echo /sys/fs/cgroup/memory
	fi
}

# In a group below it, which what it starts is in too.
in_group() {
	(
		echo "$BASHPID" >"$GROUP/soak/cgroup.procs"
		"$@"
	)
}

take_back() {
	if [[ -e $GROUP/memory.reclaim ]]; then
		echo 1G >"$GROUP/memory.reclaim" || true # as much as there is
	else
		echo 0 >"$GROUP/memory.force_empty"
	fi 2>/dev/null
	[[ ${SOAK_MACHINE:-} ]] || return 0
	sync
	echo 3 >/proc/sys/vm/drop_caches
	local cache
	for cache in /sys/kernel/slab/*/shrink; do
		if [[ $cache =~ /($CACHES)/ ]]; then echo 1 >"$cache"; fi
	done
}

# What is counted, "NAME VALUE" a line.
counts() {
	if [[ -e $GROUP/memory.current ]]; then
		awk '$1 == "kernel" { print "kernel-memory", $2 }' "$GROUP/memory.stat"
		echo "memory $(<"$GROUP/memory.current")"
	else
		echo "kernel-memory $(<"$GROUP/memory.kmem.usage_in_bytes")"
		echo "memory $(<"$GROUP/memory.usage_in_bytes")"
	fi
	host_snapshot | awk -F: '/^(process|namespace|mount|mount without a place|link|cgroup|run|tmp):/ {
			counts[$1]++
		}
		END {
			split("process,namespace,mount,mount without a place,link,cgroup,run,tmp",
				kinds, ",")
			for (i = 1; i in kinds; i++) {
				name = kinds[i]
				gsub(" ", "-", name)
				print name, counts[kinds[i]] + 0
			}
		}'
	[[ ${SOAK_MACHINE:-} ]] || return 0
	awk -v caches="^($CACHES)\$" '$1 ~ caches { print $1, $2 }' /proc/slabinfo
	awk '{ print "files", $1 }' /proc/sys/fs/file-nr
	awk '/^MemTotal/ { total = $2 * 1024 }
		/^MemAvailable/ { print "used-memory", total - $2 * 1024 }
		/^SUnreclaim/ { print "slab-memory", $2 * 1024 }
		/^Percpu/ { print "percpu-memory", $2 * 1024 }' /proc/meminfo
}

look() {
	take_back
	counts >"$1"
}

with_pyroute() {
	local i
	for ((i = 0; i < $1; i++)); do
		pyroute start stage1 >/dev/null 2>&1 || return
		pyroute connect client1 -- true || return
		pyroute stop >/dev/null || return
	done
}

without_pyroute() {
	local i
	for ((i = 0; i < $1; i++)); do
		unshare -muinpC --fork --mount-proc sh -c '
			mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work /mnt/all
			layers=lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work
			mount -t overlay -o "$layers" overlay /mnt/all
			ip link add left type veth peer name right
			: >/mnt/all/file' || return
		mkdir "$GROUP/control" && rmdir "$GROUP/control" || return
	done
}

# Joins the four looks into the table, and fails where more is left than may be.
judge() {
	awk -v cycles="$CYCLES" -v bytes="$BYTES" '
		FNR == 1 { file++ }
		{ value[file, $1] = $2; if (file == 1) names[++count] = $1 }
		END {
			printf "%-22s %12s %12s %10s %10s %10s\n",
				"what", "before", "after", "per cycle", "control", "allowed"
			for (i = 1; i <= count; i++) {
				name = names[i]
				control = value[2, name] - value[1, name]
				grown = value[4, name] - value[3, name]
				memory = index(bytes, " " name " ")
				allowed = 2 * (control > 0 ? control : 0)
				allowed += memory ? 256 * cycles + 65536 : cycles / 10
				over = grown > allowed
				failed += over
				printf "%-22s %12d %12d %10.2f %10d %10d%s\n", name, value[3, name],
					value[4, name], grown / cycles, control, allowed, over ? " GROWS" : ""
			}
			exit failed > 0
		}' "$BATS_TEST_TMPDIR"/{control,control.after,before,after}
}

# Until it fits, or the kernel has had its time.
look_and_judge() {
	local end=$((SECONDS + SETTLE))
	look "$BATS_TEST_TMPDIR/after"
	until judge >"$BATS_TEST_TMPDIR/table"; do
		if ((SECONDS >= end)); then return 1; fi
		sleep 0.5
		look "$BATS_TEST_TMPDIR/after"
	done
}

# It is long, the more so beside others.
setup_file() {
	export BATS_TEST_TIMEOUT=${TEST_LIMIT:-400}
}

teardown() {
	stage_end
	[[ ! -d ${GROUP:-}/soak ]] || rmdir "$GROUP/soak"
	leaks_end
}

# red: cmd_stop.c forks a process that enters a network namespace of its own and stays
@test "many starts and stops leave no memory, no object of the kernel's, nothing" {
	local status=0
	GROUP=$(own_group)
	[[ ! -e $GROUP/cgroup.controllers ]] || echo +memory >"$GROUP/cgroup.subtree_control"
	mkdir "$GROUP/soak"

	in_group without_pyroute "$WARM"
	look "$BATS_TEST_TMPDIR/control"
	in_group without_pyroute $((CYCLES / 2))
	look "$BATS_TEST_TMPDIR/control.after"

	in_group with_pyroute "$WARM"
	look "$BATS_TEST_TMPDIR/before"
	in_group with_pyroute "$CYCLES"
	look_and_judge || status=1
	sed "s/^/# /" "$BATS_TEST_TMPDIR/table" | if [[ ${SOAK:-} ]]; then cat >&3; else cat; fi
	return "$status"
}
