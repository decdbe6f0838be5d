#!/usr/bin/env bats
# Where the computer lacks what keeps a client in, nothing is started, or only by an option that says
# what it does without: never silently with less. "# red:" tells the change in the code that does that.
# shellcheck disable=SC2154 # complaint is set by fails_with

load helpers

nothing_runs() {
	[[ ! -e .stage && -z $(pgrep -x pyroute-keeper) && ! -e /sys/class/net/net1 ]]
}

# without CALL[&FLAGS]=ERRNO PATTERN: a start that the kernel answers so fails with a line that matches.
without() {
	fails_with 1 "${CALLER[@]}" "$PYTHON" src/refuse.py "$1" -- pyroute start stage1
	nothing_runs
	# shellcheck disable=SC2053 # a pattern
	[[ $complaint == $2 ]]
}

# red: ns.c: ns_clone() tries once more without CLONE_NEWUSER
@test "without user namespaces there is no stage, and the line says so" {
	without "clone&CLONE_NEWUSER=EINVAL" "*this kernel lacks a kind of namespace*"
	without "clone&CLONE_NEWUSER=EPERM" "*may forbid user namespaces: see /proc/sys/kernel/unprivileged_userns_clone*"
	without "clone&CLONE_NEWUSER=ENOSPC" "*raise max_user_namespaces there*"
	stage_start
}

# red: filter.c: filter_load() ends with 0 whatever the kernel says
@test "without seccomp filters there is no stage, and the line says so" {
	without seccomp=ENOSYS "pyroute: seccomp: *"
	without seccomp=EINVAL "pyroute: seccomp: *"
	without "seccomp&SET_MODE_FILTER=EINVAL" "*: seccomp: cannot load a filter (the kernel needs CONFIG_SECCOMP_FILTER)*"
	stage_start
}

# red: mount.c: mount_map() and mount_protect() end with 0 whatever the kernel says
@test "without mount_setattr(2), by which mounts are protected and ids mapped, there is no stage" {
	without mount_setattr=ENOSYS "*cannot * a mount*"
	without mount_setattr=EINVAL "*cannot * a mount*"
	without openat2=ENOSYS "*: Function not implemented"
	stage_start
}

# Runs a command for which the kernel has no file system of the type $1.
without_file_system() {
	local type=$1 library=$CHECKOUT/refuse.so
	shift
	cc -shared -fPIC -x c -o "$library" - <<-END
		#include <errno.h>
		#include <string.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		int fsopen(const char *type, unsigned flags)
		{
			if (strcmp(type, "$type") == 0)
				return errno = ENODEV, -1;
			return (int)syscall(SYS_fsopen, type, flags);
		}
	END
	chmod 755 "$library"
	"${CALLER[@]}" env LD_PRELOAD="$library" timeout --foreground 30 "$@"
}

# red: overlay.c: overlay_make() takes a tmpfs where there is no overlay; root.c: make_own_mounts() passes
# over what the kernel lacks
@test "without a file system that a client is made of there is no stage, and the line names it" {
	local type
	for type in overlay tmpfs proc sysfs devpts mqueue; do
		without_file_system "$type" pyroute start stage1 >"$OUT" 2>&1 && false
		cat "$OUT"
		[[ $(wc -l <"$OUT") == 1 && $(<"$OUT") == *"this kernel has no file system of type $type: No such device" ]]
		nothing_runs
	done
	without_file_system ext2 pyroute start stage1
}

# Runs a command where no control groups are mounted.
without_cgroups() {
	unshare --mount bash -c 'umount -R /sys/fs/cgroup && exec "$@"' bash "${CALLER[@]}" "$@"
}

# with_room COUNT COMMAND: where the kernel's tables of neighbours have room for so many.
with_room() {
	unshare --mount bash -c '
		mount -t tmpfs none /proc/sys/net/ipv4/neigh && mkdir /proc/sys/net/ipv4/neigh/default
		echo "$1" >/proc/sys/net/ipv4/neigh/default/gc_thresh3
		shift && exec "$@"' bash "$1" "${CALLER[@]}" "${@:2}"
}

# red: start.c: look() without neighbours_check()
# red: neighbours.c: count_needed() counts clients of the other family too
@test "a stage whose clients would not all be heard is refused, with the sysctl that helps, and what runs stays" {
	local fits
	stage_make crowd <<-'END'
		[stage]
		title  = Three on one net, two of them of IPv4
		[net1]
		subnet = 10.0.1.0/24, fd00:1::/64
		[client1]
		net1   = 10.0.1.1
		[client2]
		net1   = 10.0.1.2, fd00:1::2
		[client3]
		net1   = fd00:1::3
	END
	stage_start
	fits=$((2 + $(wc -l </proc/net/arp) - 1)) # the first line is a head
	fails_with 1 with_room $((fits - 1)) pyroute start crowd
	[[ $complaint == *"need $fits entries"*" IPv4 "*"may have $((fits - 1)), "*": sudo sysctl -w net.ipv4.neigh.default.gc_thresh3=1024" ]]
	pyroute ps | grep -E '^client2 +running'
	# With one more it goes on, to where a /proc that is covered in part cannot be mounted.
	fails_with 1 with_room "$fits" pyroute start crowd
	[[ $complaint != *neighbours* ]]
	pyroute start crowd
	[[ $(pyroute ps | grep -c running) == 3 ]]
	stage_stop
}

# red: start.c: settle_limits() takes ENOTSUP from root too, and make_cgroups() passes it over; in private
# mode cmd_start.c without the line about control groups, or client.c without RLIMIT_NPROC and RLIMIT_DATA
@test "without control groups there is no stage of root's but with --no-limits, and a user's says what limits it" {
	if [[ $MODE == host ]]; then
		leaves_nothing fails_with 1 without_cgroups pyroute start stage1
		[[ $complaint == "pyroute: "*"; to run without: --no-limits" ]]
		fails_with 1 without_cgroups pyroute start --private stage1
		[[ $complaint == "pyroute: "*"; to run without: --no-limits" ]]
		without_cgroups pyroute start --no-limits stage1
		pyroute connect client1 -- true
	else
		without_cgroups pyroute start stage1 >"$OUT"
		grep "^Without control groups of yours, " "$OUT"
		[[ $(connect client1 -- bash -c 'ulimit -Hu; ulimit -Hd') == $'256\n262144' ]]
		run ! connect client1 -- python3 -c 'bytearray(300 << 20)'
		pyroute start --no-limits stage1 >"$OUT"
		run ! grep "^Without control groups" "$OUT"
		[[ $(connect client1 -- bash -c 'ulimit -Hd') == unlimited ]]
	fi
}
