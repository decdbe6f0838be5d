#!/bin/bash
# Furnishes the host that a file of tests runs on, and runs it there: the inner half of
# tests/run.sh, called in new network, mount and pid namespaces.
#
#     host.sh SCRATCH FILE.bats MODE TAGS
#
# The host has a private /run, /etc and /tmp, three ordinary users without subordinate ids, one of whom
# may sudo in host mode, and an interface host0 with addresses and default routes, whose other end is in
# the network namespace "outside". It is as talkative as a host can be, so that silence on a leg is
# pyroute's doing and not the host's.
set -eu

scratch=$1
file=$2
mode=$3
tags=$4
# shellcheck source=tests/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../lib.sh"

mount_private() {
	mkdir -p "$scratch/etc"
	mount -t tmpfs -o mode=755 tmpfs /run
	mount -t tmpfs tmpfs "$scratch/etc"
	mkdir "$scratch"/etc/{upper,work}
	mount -t overlay -o "lowerdir=/etc,upperdir=$scratch/etc/upper,workdir=$scratch/etc/work" \
		overlay /etc
}

# What is written to /tmp stays on this host; what is there already can be read, for the checkout may
# be there. The scratch folder stays the one that it is: an overlay cannot map ids. What is written shows
# in its folder "written".
mount_tmp() {
	local layers="$scratch/layers"
	mkdir -p "$layers" "$scratch/written"
	mount -t tmpfs tmpfs "$layers"
	mkdir -m 1777 "$layers/upper"
	mkdir "$layers/work" "$layers/tmp"
	mount -t overlay -o "lowerdir=/tmp,upperdir=$layers/upper,workdir=$layers/work" \
		overlay "$layers/tmp"
	if [[ $scratch == /tmp/* ]]; then mount --bind "$scratch" "$layers$scratch"; fi
	mount --bind "$layers/upper" "$layers$scratch/written" 2>/dev/null ||
		mount --bind "$layers/upper" "$scratch/written"
	mount --move "$layers/tmp" /tmp
}

# add_user NAME ID HOME
add_user() {
	echo "$1:x:$2:$2::$3:/bin/bash" >>/etc/passwd
	echo "$1:x:$2:" >>/etc/group
	echo "$1:*:19000:0:99999:7:::" >>/etc/shadow
	install -d -o "$2" -g "$2" "$3"
}

make_users() {
	add_user pyroute-test 4711 "$scratch/home"
	add_user pyroute-plain 4712 "$scratch/plain"
	add_user pyroute-third 4713 "$scratch/third"
	if [[ $mode == host ]]; then
		echo "pyroute-test ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/pyroute-test
		chmod 440 /etc/sudoers.d/pyroute-test
	fi
}

# Where what a sanitizer says is heard, of whatever process: tests/sanitizer.c.
make_reports() {
	truncate -s 1M "$scratch/sanitizer"
	chmod 666 "$scratch/sanitizer"
	ln -s "$scratch/sanitizer" /run/pyroute-sanitizer
}

mount_private
make_reports
mount_tmp
mount_sys "$scratch"
make_users
ip netns add outside
echo 1 >/proc/sys/net/ipv4/ip_forward
tests/e2e/talkative.sh outside
export PYROUTE_TEST_SCRATCH=$scratch TMPDIR=$scratch
export BATS_TEST_TIMEOUT=$((${TEST_LIMIT:-120} * ${PYROUTE_TEST_SLOW:-1}))
export PYROUTE_TEST_MODE=$mode
# Not exec: pid 1 of the namespace, this shell, also reaps what others leave behind.
bats --tap --print-output-on-failure --filter-tags "$tags" "$file"
