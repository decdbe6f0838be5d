#!/usr/bin/env bats
# The root filesystem is replaced while a stage runs on it. What else is said of that: rootfs_travel.bats.

load helpers

setup() {
	common_setup
	import=$BATS_TEST_DIRNAME/../../rootfs/import.sh
	file=$BATS_TEST_TMPDIR/rootfs.tar.zst
}

teardown() {
	stage_end
	! mountpoint -q /var/lib/pyroute || umount /var/lib/pyroute /var/cache/pyroute
	leaks_end
}

# Gives the host a root filesystem of its own to replace, a copy of the machine's but for large parts.
own_rootfs() {
	mkdir -p "$BATS_TEST_TMPDIR"/{lib/rootfs,cache}
	tar -c -C /var/lib/pyroute/rootfs --anchored --exclude='./usr/lib/python*' --exclude=./usr/share \
		--exclude=./var/cache --exclude=./var/lib/apt . | tar -x -C "$BATS_TEST_TMPDIR/lib/rootfs"
	mount --bind "$BATS_TEST_TMPDIR/lib" /var/lib/pyroute
	mount --bind "$BATS_TEST_TMPDIR/cache" /var/cache/pyroute
}

@test "a stage that runs keeps its root filesystem, and the next start has the imported one" {
	own_rootfs
	stage_start
	cp -al "$BATS_TEST_TMPDIR/lib/rootfs" "$BATS_TEST_TMPDIR/new"
	rm "$BATS_TEST_TMPDIR/new/usr/bin/iperf3"
	printf '#!/bin/sh\necho new\n' >"$BATS_TEST_TMPDIR/new/usr/bin/only-new"
	chmod 755 "$BATS_TEST_TMPDIR/new/usr/bin/only-new"
	tar -c -I 'zstd -1' -f "$file" -C "$BATS_TEST_TMPDIR/new" .
	sha256sum "$file" | sed 's, .*/,  ,' >"$file.sha256"
	run -0 "$import" "$file"

	# A program that it has not run before, of the old tree.
	run -0 connect client1 -- iperf3 --version
	run -127 connect client1 -- only-new
	run -0 connect client2 -- find /usr/bin /usr/sbin -type f -exec md5sum {} +
	[[ $(find /var/lib/pyroute -maxdepth 1 -name 'rootfs*' | wc -l) == 2 ]]

	# As if it had been killed between its last two steps.
	mv /var/lib/pyroute/rootfs.old.* /var/lib/pyroute/rootfs.new
	run -0 "$import" "$file"
	run -0 connect client1 -- ip -V

	run -0 stage_start
	run -0 connect client1 -- only-new
	[[ $output == new ]]
	run -127 connect client1 -- iperf3 --version
	stage_stop
	# Nobody has the old one now: the next import or build removes it.
	run -0 "$import" "$file"
	[[ $(ls /var/lib/pyroute) == rootfs ]]
}
