#!/bin/bash
# Makes a stage's start, stop and connect fail at every system call of each of their processes, and
# sees that all is well after each: what that means stands in tests/faults/trial.c, and what a fault is
# in tests/faults/inject.c.
#
#     tests/faults.sh                    all of them (make faults)
#     tests/faults.sh --sample SECONDS   as many as can be made in that time, by chance: red where
#                                        these are fewer than 200 different calls (make check)
#     tests/faults.sh --only MODE:COMMAND:PART:NUMBER:FAULT    that one: host:start:keeper:12:EPERM
#
# FAULTS="start stop connect"  the commands     SEED=N       of the sample
# KINDS="KILL ENOMEM ..."      those faults     which are KILL, ENOMEM, EPERM, ENOSPC, EMFILE, EINTR
# MODES="host private"         as in run.sh     JOBS=4       how many hosts there are, side by side
# BUILD=build                  where the pyroute to test is, and build/inject
#
# Prints the faults that failed, with the line that makes each again, and a table of how many were
# tried, held and failed. What came of each is in $BUILD/faults.log.
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
# shellcheck source=tests/lib.sh
. tests/lib.sh
readonly FAULTS=${FAULTS:-start stop connect} MODES=${MODES:-host private} JOBS=${JOBS:-4}
readonly KINDS=${KINDS:-KILL ENOMEM EPERM ENOSPC EMFILE EINTR}
readonly ENOUGH=200 WHOLE_SECONDS=36000 SPOILT=4 ROOTFS=/var/lib/pyroute/rootfs
build=$(realpath -m "${BUILD:-build}")

fail() {
	echo "tests/faults.sh: $1" >&2
	exit 1
}

# ---- on a host of its own ----------------------------------------------------------------------

# Everything that is needed is below /mnt, so that /run and /tmp are empty but for what pyroute does.
furnish_host() {
	local scratch=$1 mode=$2

	mount --bind "$scratch" /mnt
	mount -t tmpfs -o mode=755 tmpfs /run
	mount -t tmpfs -o mode=1777 tmpfs /tmp
	mount_sys "$scratch"
	mount --bind /mnt/rootfs "$ROOTFS"
	ip netns add outside
	echo 1 >/proc/sys/net/ipv4/ip_forward
	/mnt/talkative.sh outside
	export PYROUTE_FAULTS_MODE=$mode PYROUTE_FAULTS_PROGRAM=/mnt/bin/pyroute
	export PYROUTE_FAULTS_CHECKOUT=/mnt/checkout PYROUTE_FAULTS_HOME=/mnt/home
	export PYROUTE_FAULTS_UID=0
	[[ $mode == host ]] || PYROUTE_FAULTS_UID=4711
	chown -R "$PYROUTE_FAULTS_UID:$PYROUTE_FAULTS_UID" /mnt/checkout /mnt/home
}

if [[ ${1:-} == --inside ]]; then
	furnish_host "$2" "$3" || fail "cannot furnish a host"
	cd / || exit 1
	# Not exec: pid 1, this shell, also reaps what others leave behind.
	/mnt/bin/inject "${@:4}"
	exit
fi

# ---- outside -----------------------------------------------------------------------------------

# A stage of every kind of wire: a pair of one family, and a segment of both families.
stage_file() {
	cat <<-'END'
		[stage]
		title    = For faults
		[net1]
		subnet   = 1.1.1.0/24
		computer = 1.1.1.1
		[net2]
		subnet   = 2.2.2.0/24, 2001:db8:2::/64
		computer = 2.2.2.1, 2001:db8:2::1
		[client1]
		net1     = 1.1.1.2
		gateway  = 1.1.1.1
		run      = exec sleep 3600
		[client2]
		net2     = 2.2.2.2, 2001:db8:2::2
		gateway  = 2.2.2.1, 2001:db8:2::1
		[client3]
		net2     = 2.2.2.3
		gateway  = 2.2.2.1
	END
}

# Makes a small root filesystem: a start that looks at each of its folders does so by the same calls
# as at thousands. It has one of each kind: a link, an empty file, what others may not read.
make_rootfs() {
	local rootfs=$1 programs=(/usr/bin/{bash,echo,sleep})

	mkdir -p "$rootfs"/{dev,proc,sys,root,tmp,run,etc/skel,var/lib/dpkg/info,usr/{bin,lib,lib64}}
	# shellcheck disable=SC2046 # names without blanks
	(cd "$ROOTFS" && cp -aL --parents $(printf '.%s\n' "${programs[@]}") \
		$(chroot . ldd "${programs[@]}" | grep -o '/[^ ]*\.so[^ ]*' | sort -u | sed 's|^|.|') "$rootfs/") ||
		fail "cannot copy out of $ROOTFS"
	cp -a "$rootfs"/lib/. "$rootfs/usr/lib/" && cp -a "$rootfs"/lib64/. "$rootfs/usr/lib64/"
	rm -r "${rootfs:?}"/lib "${rootfs:?}"/lib64
	ln -s usr/bin usr/lib usr/lib64 "$rootfs/"
	ln -s bash "$rootfs/usr/bin/sh"
	cp "$ROOTFS"/etc/{passwd,group} "$rootfs/etc/"
	echo secret >"$rootfs/etc/shadow" && echo rc >"$rootfs/etc/skel/.bashrc"
	: >"$rootfs/etc/.pwd.lock" && : >"$rootfs/var/lib/dpkg/info/bash.list"
	chmod 600 "$rootfs"/etc/{shadow,.pwd.lock}
	chmod 700 "$rootfs/root"
}

scratches=()
hosts=()

clean_up() {
	trap '' INT TERM
	for host in "${hosts[@]}"; do
		kill -- "-$host" 2>/dev/null
	done
	wait
	remove_scratches "${scratches[@]}"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Makes what a host needs. Sets SCRATCH.
make_scratch() {
	scratch=$(mktemp -d "${TMPDIR:-/tmp}/pyroute-faults.XXXXXX") || exit 1
	scratches+=("$scratch")
	mkdir -p "$scratch"/bin "$scratch"/home "$scratch"/checkout/{src,stages/faults}
	cp -a "$work/rootfs" "$scratch/"
	cp -a "$build"/pyroute "$build/inject" "$scratch/bin/"
	cp "$build/inject" "$scratch/checkout/src/"
	cp tests/e2e/talkative.sh "$scratch/"
	stage_file >"$scratch/checkout/stages/faults/stage.ini"
	chmod 755 "$scratch" && chmod -R a+rX "$scratch"/{bin,checkout,talkative.sh}
}

# on_host SCRATCH MODE ARGUMENT...: runs inject on a host.
on_host() {
	unshare --mount --net --pid --fork --kill-child --mount-proc --propagation private \
		"$PWD/tests/faults.sh" --inside "$@"
}

# In an order by chance, the same for the same SEED.
shuffle() {
	awk -v seed="$1" 'BEGIN { srand(seed) } { printf "%.9f\t%s\n", rand(), $0 }' | sort -n | cut -f2-
}

# walk_slice SCRATCH MODE SECONDS: those of one host; where a trial has left what cannot be mended the
# others are made on a new one.
walk_slice() {
	local scratch=$1 mode=$2 end=$((SECONDS + $3)) status=$SPOILT result=0 made

	: >"$scratch/said"
	while ((status == SPOILT && SECONDS < end)); do
		status=0
		made=$(wc -l <"$scratch/said")
		on_host "$scratch" "$mode" walk "$((end - SECONDS))" >>"$scratch/said" \
			< <(tail -n "+$((made + 1))" "$scratch/faults") || status=$?
		((status == 0)) || result=1
		((status != SPOILT)) || remove_cgroups "$scratch"
	done
	return "$result"
}

# walk MODE SECONDS: makes the faults on stdin, on JOBS hosts; what came of each goes to stdout.
walk() {
	local mode=$1 seconds=$2 all i status=0
	all=$(mktemp "$work/all.XXXXXX") && cat >"$all"
	for ((i = 0; i < JOBS; i++)); do
		make_scratch
		awk -v jobs="$JOBS" -v job="$i" 'NR % jobs == job' "$all" >"$scratch/faults"
		set -m # so that its pid is that of a process group
		walk_slice "$scratch" "$mode" "$seconds" &
		set +m
		hosts+=("$!")
	done
	for ((i = 0; i < JOBS; i++)); do
		wait "${hosts[i]}" || status=1
	done
	hosts=()
	for ((i = -JOBS; i < 0; i++)); do
		sed "s/^[a-z]*\t/&$mode /" "${scratches[i]}/said" >>"$log"
	done
	return "$status"
}

# What hung is made once more, alone: the kernel itself stands still for a while where many network
# namespaces go at once. One that holds then is said to have hung, and counts as held.
repeat_hangs() {
	local what mode command part number call fault

	while IFS= read -r what; do
		read -r mode command part number call fault <<<"$what"
		make_scratch
		on_host "$scratch" "$mode" walk "$WHOLE_SECONDS" >/dev/null \
			<<<"$command $part $number $call $fault" || continue
		echo "# it hung, and held when it was made again: $what"
		sed -i "s/^failed\t$what\tit hangs/held\t$what\tit hung once/" "$log"
	done < <(awk -F '\t' '$1 == "failed" && $3 == "it hangs" { print $2 }' "$log")
}

# Of the log: lines of "held|failed|missed TAB MODE COMMAND PART NUMBER SYSCALL FAULT TAB WHY ...".
print_failures() {
	awk -F '\t' '$1 == "failed" { split($2, f, " ")
		printf "not ok faults: %s: %s; status %s; it says: %s\n# again: tests/faults.sh --only %s:%s:%s:%s:%s\n",
			$2, $3, $4, $5, f[1], f[2], f[3], f[4], f[6] }' "$log"
}

# Numbers in the names of processes' clients and of children are many; the table has a row a kind.
print_table() {
	awk -F '\t' '{ split($2, f, " ")
			key = sprintf("%-8s %-8s %-12s %-6s", f[1], f[2], f[3], f[6])
			tried[key] += $1 != "missed"; n[key, $1]++; total[$1]++ }
		END { for (key in tried)
				printf "%s %6d %6d %6d %6d\n", key, tried[key], n[key, "held"],
					n[key, "failed"], n[key, "missed"] | "sort"
			close("sort")
			printf "%-37s %6d %6d %6d %6d\n", "all", total["held"] + total["failed"],
				total["held"], total["failed"], total["missed"] }' "$log" |
		cat <(printf '%-8s %-8s %-12s %-6s %6s %6s %6s %6s\n' mode command process fault tried held \
			failed missed) -
}

# How many different pairs of a process and a call of it: one that failed, or was the last.
count_pairs() {
	awk -F '\t' '$1 == "held" || $1 == "failed" { split($2, f, " "); print f[2], f[3], f[4] }' "$log" |
		sort -u | wc -l
}

[[ $EUID == 0 ]] || fail "the tests need root: run it with sudo"
[[ -x $build/pyroute && -x $build/inject ]] || fail "$build/inject is missing: run make $build/inject"
work=$(mktemp -d "${TMPDIR:-/tmp}/pyroute-faults.XXXXXX") || exit 1
scratches+=("$work")
make_rootfs "$work/rootfs"
log=$build/faults.log
: >"$log"
status=0

case ${1:-} in
--only)
	IFS=: read -r mode command part number fault <<<"${2:-}"
	[[ -n $fault ]] || fail "--only MODE:COMMAND:PART:NUMBER:FAULT"
	make_scratch
	on_host "$scratch" "$mode" walk "$WHOLE_SECONDS" <<<"$command $part $number - $fault" || status=1
	exit "$status"
	;;
--list)
	for mode in $MODES; do
		make_scratch
		# shellcheck disable=SC2086 # they are several
		on_host "$scratch" "$mode" list $FAULTS | sed "s/^/$mode /"
	done
	exit
	;;
--sample)
	seed=${SEED:-$RANDOM}
	limit=$((${2:?} / $(wc -w <<<"$MODES")))
	echo "# a sample of faults, SEED=$seed"
	;;
"")
	seed=
	limit=$WHOLE_SECONDS
	;;
*) fail "what is $1? See the head of this file" ;;
esac

started=$SECONDS
for mode in $MODES; do
	make_scratch
	# shellcheck disable=SC2086 # they are several
	on_host "$scratch" "$mode" list $FAULTS >"$work/$mode" || fail "cannot list the calls ($mode)"
	grep -E " (${KINDS// /|})\$" "$work/$mode" >"$work/$mode.wanted"
	if [[ -n $seed ]]; then shuffle "$seed"; else cat; fi <"$work/$mode.wanted" >"$work/$mode.ordered"
	walk "$mode" "$limit" <"$work/$mode.ordered" || grep -q "^failed.$mode " "$log" || status=1
done
repeat_hangs
! grep -q ^failed "$log" || status=1
print_failures
print_table
pairs=$(count_pairs)
verdict="faults: all is well after a failure at any of $pairs calls of processes"
((pairs >= ENOUGH)) || { verdict+=", which must be $ENOUGH" && status=1; }
if ((status == 0)); then echo "ok $verdict"; else echo "not ok $verdict"; fi
echo "# that took $((SECONDS - started)) s"
exit "$status"
