#!/bin/bash
# sudo tests/other-kernel.sh [KERNEL-PACKAGE]: the main job, segments and shaped wires on a kernel
# that is not this machine's, in a virtual machine, with version 2 of the control groups. The kernel
# is that of Debian's package linux-image-cloud-amd64, or of the one named. TIME_LIMIT and ACCEL: see
# vm.sh.
#
# The machine's disk holds two copies of the clients' root filesystem: one is its own system, the
# other the clients' (scripts/install.sh builds it). The program is build/pyroute, or what BUILD
# says. Prints a TAP stream; the exit status is 0 only where all of it passed. The processor is
# emulated, which takes minutes, so this is no part of make check. It needs 1.5 GB in TMPDIR.
set -euo pipefail
project=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib.sh
. "$project/scripts/lib.sh"
# shellcheck source=tests/vm.sh
. "$project/tests/vm.sh"

readonly ROOTFS=/var/lib/pyroute/rootfs
readonly SCRATCH=/srv/test USER_ID=1000 # in the virtual machine

# ---- outside: making the machine ------------------------------------------------------------------

make_disk() {
	cp -a "$ROOTFS" disk
	mkdir -p disk/var/lib/pyroute "disk$SCRATCH"/{bin,tmp} disk/srv/pyroute disk/lib/modules
	cp -a "$ROOTFS" disk/var/lib/pyroute/
	cp -a "kernel/lib/modules/$release" disk/lib/modules/
	cp -r "$project"/{stages,tests,scripts} disk/srv/pyroute/
	cp "$build/pyroute" "disk$SCRATCH/bin/"
	add_libraries "$build/pyroute"
	# The kernel calls /sbin/modprobe for what is used first: veth, overlay, cls_bpf, ...
	cp "$(type -P busybox)" disk/sbin/modprobe
	ln -s modprobe disk/sbin/mount
	ln -s modprobe disk/sbin/poweroff
	pack_disk 3G
}

outside() {
	need_root
	[[ $(uname -m) == x86_64 ]] || die "makes a virtual machine on x86-64 alone"
	build=$(realpath -m -- "${BUILD:-$project/build}")
	[[ -x $build/pyroute ]] || die "$build/pyroute is missing: run make"
	[[ -d $ROOTFS ]] || die "$ROOTFS is missing: run scripts/install.sh"
	install_packages qemu-system-x86 e2fsprogs busybox-static cpio kmod
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/pyroute-kernel.XXXXXX")
	trap 'rm -rf --one-file-system "$work"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	cd "$work"
	fetch_kernel "$1"
	make_initrd /srv/pyroute/tests/other-kernel.sh --inside
	make_disk
	run_machine ""
}

# ---- inside: the first process of the virtual machine ---------------------------------------------

# The mounts and control groups that systemd would make, and ip forwarding on.
furnish() {
	mount -t proc -o nosuid,nodev,noexec proc /proc
	mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
	mount -t devtmpfs -o nosuid dev /dev
	mkdir -p /dev/pts /dev/shm
	mount -t devpts -o nosuid,noexec,gid=5,mode=620,ptmxmode=000 devpts /dev/pts
	mount -t tmpfs -o nosuid,nodev shm /dev/shm
	mount -t tmpfs -o nosuid,nodev,mode=755 run /run
	mount -t cgroup2 -o nosuid,nodev,noexec,nsdelegate cgroup2 /sys/fs/cgroup
	mount -t securityfs -o nosuid,nodev,noexec securityfs /sys/kernel/security
	mount -t debugfs -o nosuid,nodev,noexec debugfs /sys/kernel/debug
	mount -t bpf -o nosuid,nodev,noexec bpf /sys/fs/bpf
	mount --make-rshared /
	mkdir /sys/fs/cgroup/init.scope
	echo $$ >/sys/fs/cgroup/init.scope/cgroup.procs
	echo '+memory +pids' >/sys/fs/cgroup/cgroup.subtree_control
	ip link set lo up
	echo 1 >/proc/sys/net/ipv4/ip_forward
}

carries_tcp() {
	local tmp=$BATS_TEST_TMPDIR

	background "$tmp/received" connect client2 -- python3 /~/src/talk.py tcp-receive 5000 &&
		connect client1 -- python3 /~/src/talk.py tcp-send 2.2.2.2 5000 300000 >"$tmp/sent" &&
		wait "${BACKGROUND[-1]}" && cat "$tmp/sent" && grep -qxFf "$tmp/sent" "$tmp/received"
}

replaces_directory() {
	connect client1 -- sh -c 'ls /etc/skel/.bashrc && rm -rf /etc/skel && mkdir /etc/skel' &&
		[[ -z $(connect client1 -- ls -A /etc/skel) ]] && connect client2 -- ls /etc/skel/.bashrc
}

# What is changed is first copied into the client's layer, owner and all.
changes_files() {
	connect client1 -- sh -c 'echo x >>/etc/profile && chmod 700 /bin/ping &&
		chown 33:33 /etc/issue && mv /etc/apt /etc/renamed && ln /etc/profile /etc/link &&
		stat -c "%u:%g %a %n" /etc/profile /bin/ping /etc/issue' >"$BATS_TEST_TMPDIR/files"
	cat "$BATS_TEST_TMPDIR/files"
	printf '%s\n' '0:0 644 /etc/profile' '0:0 700 /bin/ping' '33:33 644 /etc/issue' |
		diff - "$BATS_TEST_TMPDIR/files"
}

fills_layer() {
	local said

	said=$(connect client1 -- dd if=/dev/zero of=/var/full bs=1M count=200 2>&1) && return 1
	echo "$said"
	[[ $said == *"No space left"* ]] && connect client1 -- rm /var/full
}

# What a client writes in src/ is its owner's.
shares_src() {
	connect client1 -- sh -c 'echo hello >/~/src/new' &&
		[[ $(<src/new) == hello && $(stat -c %u src/new) == "$(stat -c %u src)" ]] && rm src/new
}

tells_of_clients() {
	pyroute ps --json | tee /dev/stderr | "$PYTHON" -c '
import json, sys
clients = json.load(sys.stdin)["clients"]
assert [client["name"] for client in clients] == ["client1", "client2"]
assert all(client["state"] == "running" for client in clients)
assert all(100_000 < client["memory_bytes"] < 256 << 20 for client in clients)'
}

# has_limits CLIENT: by the group that its first process is in.
has_limits() {
	local group

	group=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$(client_pid "$1")/cgroup")
	head -v "$group"/{memory,pids}.max
	[[ $group == */pyroute-*/"$1" ]] &&
		[[ $(<"$group/memory.max") == $((256 << 20)) && $(<"$group/pids.max") == 256 ]]
}

stops_forks() {
	local count

	count=$(connect client1 -- python3 -c '
import os, signal, time
children = []
try:
    while len(children) < 400:
        children.append(os.fork())
        if children[-1] == 0:
            time.sleep(100)
            os._exit(0)
except BlockingIOError:
    pass
print(len(children))
for child in children:
    os.kill(child, signal.SIGKILL)')
	echo "$count children"
	((count > 200 && count < 256))
}

# The first process has to outlive it.
ends_glutton() {
	ends_with 137 connect client1 -- python3 -c 'print(len(b"x" * (400 << 20)))' &&
		connect client1 -- true
}

# SUDO_UID is what sudo tells of who called it. Nobody has handed controllers down here before.
starts_for_user() {
	echo '-memory -pids' >/sys/fs/cgroup/cgroup.subtree_control &&
		chown -R $USER_ID:$USER_ID "$CHECKOUT" &&
		SUDO_UID=$USER_ID SUDO_GID=$USER_ID pyroute start stage1
}

as_user() {
	setpriv --reuid=$USER_ID --regid=$USER_ID --clear-groups timeout 60 "$SCRATCH/bin/pyroute" "$@"
}

lets_user_in() {
	[[ $(as_user connect client2 -- id -u) == 0 ]] && shares_src
}

is_as_before() {
	host_snapshot >"$BATS_TEST_TMPDIR/now"
	same "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/now"
}

first_stage() {
	check "a stage starts" stage_start
	[[ $word == ok ]] || return 0 # nothing of what follows can be told
	say "# clients' root: $(connect client1 -- grep ' / / ' /proc/self/mountinfo)"
	check "without a router no client reaches another" \
		ends_with 1 connect client1 -- ping -c 1 -W 2 2.2.2.2
	check "a router runs" router_start plain.py
	check "with it ping passes" connect client1 -- ping -c 3 -w 20 2.2.2.2
	check "TCP passes whole" carries_tcp
	check "a directory of the root filesystem can be removed and made anew" replaces_directory
	check "files of the root filesystem can be changed, and keep their owners" changes_files
	check "a client's layer is bounded" fills_layer
	check "src/ is shared with its owner" shares_src
	check "ps tells of both clients, and of their memory" tells_of_clients
	check "client1's control group has its limits" has_limits client1
	check "client2's control group has its limits" has_limits client2
	check "a client that forks without end is stopped at 256" stops_forks
	check "a process that takes too much memory is killed, its client is not" ends_glutton
	check "the stage stops" stage_stop
	background_stop
	check "the computer is as it was before" is_as_before
}

second_stage() {
	check "a second stage starts, for a user, with no controllers handed down" starts_for_user
	[[ $word == ok ]] || return 0
	check "its client2 has its limits" has_limits client2
	check "its user enters it without a right" lets_user_in
	check "the second stage stops" stage_stop
	check "the computer is as it was before again" is_as_before
}

# With one user id, on root's root filesystem. On kernels before 6.6 its directories cannot be
# removed (README.md).
starts_without_root() {
	as_user start stage1 2>"$BATS_TEST_TMPDIR/warnings" && [[ ! -s $BATS_TEST_TMPDIR/warnings ]]
}

changes_somebody_elses_files() {
	as_user connect client1 -- sh -c 'echo x >>/etc/profile && mkdir /usr/lib/new && rm /usr/bin/less &&
		cp /usr/bin/head /usr/bin/new && /usr/bin/new -n 1 /etc/profile'
}

private_stage() {
	local tmp=$BATS_TEST_TMPDIR

	check "a user without root starts a private stage" starts_without_root
	[[ $word == ok ]] || return 0
	check "their router runs in it" background "$tmp/private" as_user run -- "$PYTHON" src/plain.py
	check "with it ping passes" as_user connect client1 -- ping -c 3 -w 20 2.2.2.2
	check "files of root's root filesystem can be changed in its clients" changes_somebody_elses_files
	check "its user stops it" as_user stop
	background_stop
	check "the computer is as it was before a third time" is_as_before
}

# Two stages: three clients on a leg's segment, and two on a wire that delays and loses; the latter
# again with a rate.
make_wires() {
	stage_make segment <<-'END'
		[stage]
		title    = Three on a segment
		[net1]
		subnet   = 1.1.1.0/24
		computer = 1.1.1.1
		[client1]
		net1     = 1.1.1.2
		[client2]
		net1     = 1.1.1.3
		[client3]
		net1     = 1.1.1.4
	END
	stage_make late <<-'END'
		[stage]
		title    = Two far from each other
		[net1]
		subnet   = 1.1.1.0/24
		delay    = 100ms
		loss     = 20%
		[client1]
		net1     = 1.1.1.2
		[client2]
		net1     = 1.1.1.3
	END
	mkdir stages/slow
	sed 's/^loss .*/rate = 80kbit/' stages/late/stage.ini >stages/slow/stage.ini
}

# tells_of_lack MODULE STAGE OPTION: a kernel without that module cannot start the stage, and says
# so in one line that names the kernel's option; nothing stays.
tells_of_lack() {
	local module status=0

	module=$(find /lib/modules -name "$1.ko*")
	mv "$module" "$SCRATCH/" || return
	leaves_nothing fails_with 1 pyroute start "$2" || status=$?
	mv "$SCRATCH/${module##*/}" "$module"
	[[ $status == 0 && $complaint == "pyroute: net1: "*"$3"* ]]
}

# A frame between two clients: the leg sees it once, and so does its target.
shows_leg_all() {
	local seen=$BATS_TEST_TMPDIR/seen

	connect client2 -- ping -c 1 -W 5 1.1.1.2 && sniffer_start "$seen" net1 &&
		background "$seen.3" connect client3 -- python3 '/~/src/sniff.py' eth0 &&
		connect client1 -- ping -c 5 -i 0.2 -W 5 1.1.1.3 && sleep 1 && background_stop &&
		cat "$seen" "$seen.3" &&
		[[ $(grep -c '^net1 in .* icmp-8 1.1.1.2 > 1.1.1.3' "$seen") == 5 ]] &&
		[[ $(grep -c '^net1 in .* icmp-0 1.1.1.3 > 1.1.1.2' "$seen") == 5 ]] &&
		! grep icmp "$seen.3"
}

# Two seconds of the rate, and the delay either way.
takes_its_time() {
	local milliseconds

	milliseconds=$(connect client1 -- python3 -c '
import subprocess, sys, time
ping = ["ping", "-q", "-c", "1", "-W", "10", "-s", "958", "1.1.1.3"]
subprocess.run(ping, check=True, stdout=2)
start = time.monotonic()
subprocess.run([*ping[:3], "11", "-l", "11", *ping[4:]], check=True, stdout=2)
print(int((time.monotonic() - start) * 1000))')
	echo "$milliseconds ms"
	((milliseconds > 1000 && milliseconds < 3000))
}

wires() {
	make_wires
	check "without act_mirred a segment is refused in a line" \
		tells_of_lack act_mirred segment NET_ACT_MIRRED
	check "without sch_netem delay and loss are refused in a line" \
		tells_of_lack sch_netem late "delay and loss need netem, which this kernel lacks"
	check "without sch_tbf a rate is refused in a line" \
		tells_of_lack sch_tbf slow "rate needs tbf, which this kernel lacks"
	check "a stage with a segment starts" stage_start segment
	[[ $word == ok ]] || return 0
	check "its leg sees what passes between two clients, the third client does not" shows_leg_all
	check "a stage with delay and loss starts" stage_start late
	[[ $word == ok ]] || return 0
	check "frames are delayed and lost" delays_and_loses client1 1.1.1.3
	check "a stage with delay and rate starts" stage_start slow
	[[ $word == ok ]] || return 0
	check "frames are delayed, and held to the rate" takes_its_time
	check "that stage stops" stage_stop
	check "the computer is as it was before that" is_as_before
}

# The leg shows its IPv6 address, and no table tells of it.
shows_ipv6_leg() {
	ip -6 addr show dev net1
	ip -6 addr show dev net1 | grep -q 2001:db8:1::1/64 &&
		! ip -6 route show table all | grep -E 'dev net[0-9]|2001:db8:'
}

# What a client asks of the leg and of everybody there, nobody answers, and nothing leaves the leg.
is_silent_ipv6() {
	local seen=$BATS_TEST_TMPDIR/silence

	sniffer_start "$seen" net1 &&
		ends_with 1 connect client1 -- ping -c 2 -W 1 2001:db8:1::1 &&
		ends_with 0 connect client1 -- ping -c 2 -W 1 ff02::1%eth0 && # its own answer
		background_stop && cat "$seen" && grep -q '^net1 in .* icmp6-135' "$seen" &&
		grep -q '^net1 in .* icmp6-128 .* > ff02::1' "$seen" && ! grep '^net1 out' "$seen"
}

both_families() {
	dual_stage_make
	check "a stage of both families starts" stage_start dual
	[[ $word == ok ]] || return 0
	check "its leg shows an IPv6 address, and the routing tables do not" shows_ipv6_leg
	check "its leg is silent in IPv6 too" is_silent_ipv6
	check "a router of both families runs" router_start dual_stack.py
	check "with it ping passes over IPv4" connect client1 -- ping -c 3 -w 20 2.2.2.2
	check "with it ping passes over IPv6" connect client1 -- ping -c 3 -w 20 2001:db8:2::2
	check "the stage of both families stops" stage_stop
	background_stop
	check "the computer is as it was before all of it" is_as_before
}

inside() {
	(($$ == 1)) || die "--inside is for the virtual machine, which it switches off"
	set +o pipefail # as helpers.bash expects
	export PATH=/usr/sbin:/usr/bin:/sbin:/bin
	trap 'poweroff -f' EXIT
	furnish
	PYROUTE_TEST_SCRATCH=$SCRATCH BATS_TEST_DIRNAME=$project/tests/e2e
	BATS_TEST_TMPDIR=$SCRATCH/tmp BATS_TEST_NUMBER=1
	bats_require_minimum_version() { :; }
	# shellcheck source=tests/e2e/helpers.bash
	. "$project/tests/e2e/helpers.bash"
	checkout_make
	host_snapshot >"$BATS_TEST_TMPDIR/before"
	say "# $(uname -sr), control groups: $(</sys/fs/cgroup/cgroup.controllers)"
	first_stage
	second_stage
	private_stage
	wires
	both_families
	check "doctor finds nothing that a start lacks" pyroute doctor
	finish
}

case ${1:-} in
--inside) inside ;;
-*) die "usage: sudo tests/other-kernel.sh [KERNEL-PACKAGE]" ;;
*) outside "${1:-linux-image-cloud-amd64}" ;;
esac
