#!/usr/bin/env bats
# The script that builds the clients' root filesystem, on a host that reaches no mirror: what it does
# with what is there already, and what it leaves when it cannot go on.
# shellcheck disable=SC2154 # stderr is set by run

load helpers

# host: the script is the administrator's, and no stage runs
# bats file_tags=host

setup() {
	leaks_begin
	build=$BATS_TEST_DIRNAME/../../rootfs/build.sh
	cache=$BATS_TEST_TMPDIR/cache
	into=$BATS_TEST_TMPDIR/into/rootfs
	mkdir -p "$cache" "${into%/*}"
}

teardown() {
	! mountpoint -q "${into%/*}" || umount "${into%/*}"
	leaks_end
}

# The packed root filesystem that scripts/install.sh left, as another build's own. Where it imported
# one it left none, and the tree is packed.
borrow_tarball() {
	local stamp
	stamp=$("$build" --stamp)
	cp -l "/var/cache/pyroute/rootfs-$stamp.tar.zst" "$cache" ||
		cp "/var/cache/pyroute/rootfs-$stamp.tar.zst" "$cache" ||
		"${build%/*}/export.sh" "$cache/rootfs-$stamp.tar.zst"
	rm -f "$cache"/*.sha256
}

# Waits until a build, whose pid this is, extracts into INTO.
wait_for_extraction() {
	until [[ -e $into.new/usr ]]; do
		kill -0 "$1"
		sleep 0.02
	done
}

# Nothing of a build is left but what may stay for the next: the lock and the tarball.
nothing_left() {
	[[ -z $(ls -A "${into%/*}") ]]
	[[ -z $(find "$cache" -mindepth 1 ! -name lock ! -name 'rootfs-*.tar.zst') ]]
}

@test "an unchanged root filesystem is not built again" {
	mkdir -p "$into"/{bin,etc}
	cp -L /bin/sh "$into/bin"
	"$build" --stamp >"$into/etc/pyroute-rootfs"
	before=$(stat -c '%i %Z' "$into")
	run -0 "$build" --cache "$cache" --into "$into"
	[[ $output == *"is up to date"* ]]
	[[ $(stat -c '%i %Z' "$into") == "$before" ]]
	# Another stamp's is, from what is packed already.
	borrow_tarball
	echo 0123456789abcdef >"$into/etc/pyroute-rootfs"
	run -0 "$build" --cache "$cache" --into "$into"
	[[ $output == *Extracting* && -x $into/bin/sh ]]
	# One that no start would take is not what its stamp says.
	rm "$into/bin/sh"
	run -0 "$build" --cache "$cache" --into "$into" --keep-imported
	[[ $output == *Extracting* && -x $into/bin/sh ]]
}

@test "a tarball that is there is only extracted, whole" {
	borrow_tarball
	run -0 "$build" --cache "$cache" --into "$into"
	diff <(cd /var/lib/pyroute/rootfs && find . -printf '%p %m %U:%G %s\n' | grep -v -e '^\./dev' -e imported | sort) \
		<(cd "$into" && find . -printf '%p %m %U:%G %s\n' | grep -v -e '^\./dev' -e imported | sort)
	[[ ! -e $into.new && ! -e $cache/work ]]
}

@test "without the mirror nothing is half made, and one line says so" {
	run -1 --separate-stderr unshare --net "$build" --cache "$cache" --into "$into"
	[[ ${#stderr_lines[@]} == 1 && $stderr == *mirror* ]]
	nothing_left
}

@test "on a full disk nothing is half made, and one line says so" {
	borrow_tarball
	mount -t tmpfs -o size=20m tmpfs "${into%/*}"
	run -1 --separate-stderr "$build" --cache "$cache" --into "$into"
	[[ ${#stderr_lines[@]} == 1 && $stderr == *"disk is full"* ]]
	nothing_left
}

@test "interrupted, it leaves nothing half made, and one line says so" {
	borrow_tarball
	"$build" --cache "$cache" --into "$into" >/dev/null 2>"$BATS_TEST_TMPDIR/said" &
	local pid=$!
	wait_for_extraction "$pid"
	kill -TERM "$pid"
	local status=0
	wait "$pid" || status=$?
	[[ $status == 1 ]]
	[[ $(wc -l <"$BATS_TEST_TMPDIR/said") == 1 ]]
	grep -q interrupted "$BATS_TEST_TMPDIR/said"
	nothing_left
}

@test "killed, it leaves nothing that the next run does not clear away" {
	borrow_tarball
	"$build" --cache "$cache" --into "$into" >/dev/null 2>&1 &
	local pid=$!
	wait_for_extraction "$pid"
	kill -KILL "$pid"
	wait "$pid" || true
	run -0 "$build" --cache "$cache" --into "$into"
	[[ -x $into/bin/sh && ! -e $into.new && ! -e $cache/work ]]
}
