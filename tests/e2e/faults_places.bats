#!/usr/bin/env bats
# What a start finds on the computer: a run directory that is not as it should be, what others have
# put there, root filesystems that are none, a network that looks like the stage's, and a reboot.
# shellcheck disable=SC2154 # complaint is set by fails_with

load helpers

setup() {
	common_setup
	DIR=$(run_dir)
}

teardown() {
	if mountpoint -q "$DIR"; then umount "$DIR"; fi
	for link in bystander docker0 net2 net4 net9; do ip link del "$link" 2>/dev/null || true; done
	stage_end
	rm -rf --one-file-system "$DIR"
	leaks_end
}

# The run directory as its owner has it, but empty.
dir_make() {
	local owner=root rights=755
	[[ $MODE == host ]] || owner=$STUDENT rights=700
	rm -rf --one-file-system "$DIR"
	install -d -o "$owner" -g "$owner" -m "$rights" "$DIR"
}

# dir_mount OPTIONS: a file system of its own there.
dir_mount() {
	dir_make
	mount -t tmpfs -o "$1,mode=$(stat -c %a "$DIR"),uid=$(stat -c %u "$DIR")" tmpfs "$DIR"
}

# ---- the run directory ---------------------------------------------------------------------------

# refused PATTERN: a start fails with one such line, and leaves nothing.
refused() {
	leaves_nothing fails_with 1 pyroute start stage1
	# shellcheck disable=SC2053 # a pattern
	[[ $complaint == $1 ]]
}

# red: start.c's change_computer() sets "changed" when the journal is there
@test "a run directory that is full is named, and nothing is left" {
	local inodes
	# Without a single file more; with too few; with all of them and no space.
	for inodes in 1 2 3 4; do
		dir_mount "nr_inodes=$inodes"
		refused "pyroute: *No space left on device*"
		[[ $complaint == *"$DIR"* || $complaint == *lock* || $complaint == *journal* ||
			$complaint == *socket* || $complaint == *directory* || $complaint == *record* ]]
		umount "$DIR"
	done
	dir_mount size=4k
	head -c 4096 /dev/zero >"$DIR/big"
	refused "pyroute: *No space left on device*"
	umount "$DIR"
	rm -r "$DIR"
	host_remember
	good
}

# red: rundir.c's open_trusted() does not say what is no directory
@test "a run directory that is read-only, or no directory, is named" {
	dir_mount ro
	refused "pyroute: *$DIR*Read-only file system*"
	umount "$DIR"
	rmdir "$DIR"
	touch "$DIR"
	[[ $MODE == host ]] || chown "$STUDENT:" "$DIR"
	refused "pyroute: $DIR is no directory; remove it"
	rm "$DIR"
	mkdir "$CHECKOUT/other"
	ln -s "$CHECKOUT/other" "$DIR"
	refused "pyroute: $DIR is no directory; remove it"
	rm "$DIR"
	host_remember
	good
}

# red: rundir.c's open_trusted() does not compare the owner, or not the mode
@test "a run directory that is somebody else's, or anybody may write to, is not used" {
	dir_make
	chown pyroute-third: "$DIR"
	refused "pyroute: $DIR does not belong to * alone *; remove it"
	dir_make
	chmod 777 "$DIR"
	refused "pyroute: $DIR does not belong to * alone *; remove it"
	dir_make
	chmod 775 "$DIR"
	refused "pyroute: $DIR does not belong to * alone *; remove it"
	rm -r "$DIR"
	host_remember
	good
}

# red: rundir.c's rundir_open_base() makes none
@test "a run directory that is missing is made" {
	host_remember
	rm -rf "$DIR"
	stage_start
	connect client1 -- true
	stage_stop
	good
}

# rubbish_make: what no stage has left, each of it in the place of something that counts.
rubbish_make() {
	dir_make
	mkdir "$DIR/.hidden" "$DIR/a b" "$DIR/1-2" "$DIR/3-4" "$DIR/5-6" "$DIR/name+7-8"
	head -c 3000 /dev/urandom >"$DIR/1-2/journal"
	mkfifo "$DIR/3-4/journal" "$DIR/3-4/socket" "$DIR/fifo" "$DIR/9-9.scripts"
	mkdir "$DIR/5-6/journal" "$DIR/5-6/socket"
	ln -s /etc "$DIR/link"
	ln -s /etc/passwd "$DIR/name+7-8/journal"
	head -c 3000 /dev/urandom >"$DIR/2-2.scripts"
	printf 'stage\ncheckout \nleg\ncgroup \nsysctl\nnamespace x\n\0\n' >"$DIR/a b/journal"
	[[ $MODE == host ]] || chown -hR "$STUDENT:" "$DIR"
}

# red: host.c opens a journal without O_NONBLOCK
# red: recovery.c says what it cannot clear away without rundir_prefix()
@test "a run directory full of rubbish holds nobody up" {
	local passwd
	passwd=$(</etc/passwd)
	rubbish_make
	# What cannot be cleared away is named, one after the other: only root looks at all stages.
	if [[ $MODE == host ]]; then
		for _ in 1 2 3 4; do
			fails_with 1 pyroute start stage1
			[[ $complaint =~ ($DIR/(3-4|5-6|name\+7-8|a b))": ".*(journal|"no control group") ]]
			rm -r "${BASH_REMATCH[1]}"
		done
	fi
	stage_start
	connect client1 -- true
	pyroute ps --all >"$OUT"
	[[ $(wc -l <"$OUT") == 2 ]]
	stage_stop
	[[ $(</etc/passwd) == "$passwd" && -p $DIR/fifo ]]
	rm -r "$DIR"
	host_remember
	good
}

# red: rundir.c's rundir_lock() opens whatever is there
@test "what is no lock in the place of the lock is named" {
	local id lock
	stage_start
	id=$(find "$DIR" -mindepth 1 -maxdepth 1 -type d -printf %f)
	stage_stop
	lock=$DIR/$id.scripts
	[[ $MODE != host ]] || lock=$DIR/lock
	dir_make
	mkfifo "$lock"
	refused "pyroute: $lock is no file; remove it"
	rm "$lock"
	ln -s /etc/passwd "$lock"
	refused "pyroute: cannot open $lock: *"
	rm -r "$DIR"
	host_remember
	good
}

# red: cmd_stop.c, find_gone() not called
# red: session.c, take_namesake() does not compare the path
# red: session.c, is_callers() does not compare the owner (host mode)
# red: checkout.c, checkout_find_gone() gives up where the folder around is gone
@test "a stage is stopped by its path where its checkout was deleted, or made anew" {
	local around=$PYROUTE_TEST_SCRATCH/home/around elsewhere
	elsewhere=$around/elsewhere
	host_remember
	as_caller mkdir "$around"
	as_caller cp -r "$CHECKOUT" "$elsewhere"
	cd "$elsewhere"
	stage_start
	cd "$CHECKOUT"
	rm -r "$elsewhere"
	fails_with 1 pyroute stop
	[[ $complaint == *"no stage runs"* ]]
	fails_with 1 pyroute stop --dir "$elsewhere" --name other
	[[ $complaint == *"cannot open the checkout $elsewhere"* ]]
	if [[ $MODE == host ]]; then
		fails_with 1 env SUDO_UID=4712 SUDO_GID=4712 pyroute stop --dir "$elsewhere"
		[[ $complaint == *"cannot open the checkout $elsewhere"* ]]
	fi
	[[ $(pyroute stop --dir "../home/around/elsewhere/") == "stage1 is stopped" ]]

	as_caller cp -r "$CHECKOUT" "$elsewhere"
	pyroute start --dir "$elsewhere" stage1
	rm -r "$around"
	[[ $(pyroute stop --dir "$elsewhere/") == "stage1 is stopped" ]]
	good

	as_caller mkdir "$around"
	as_caller cp -r "$CHECKOUT" "$elsewhere"
	pyroute start --dir "$elsewhere" stage1
	as_caller cp -r "$CHECKOUT" "$elsewhere.new"
	rm -r "$elsewhere"
	mv "$elsewhere.new" "$elsewhere"
	if [[ $MODE == host ]]; then
		fails_with 1 pyroute start --dir "$elsewhere" stage1
		[[ $complaint == *"stop it: sudo pyroute stop --dir $elsewhere" ]]
	fi
	cd "$elsewhere"
	fails_with 125 connect client1 -- true
	[[ $complaint == *"no stage runs"* ]]
	[[ $(pyroute stop --dir .) == "stage1 is stopped" ]]
	cd "$CHECKOUT"
	rm -r "$around"
	good
}

# Many file systems give the number of what was deleted to what is made next. What is mounted keeps
# the folder around it.
# red: root.c does not mount src/
@test "no new folder is taken for a checkout that was deleted while its stage runs" {
	local around=$PYROUTE_TEST_SCRATCH/home/around inode
	as_caller mkdir "$around"
	as_caller cp -r "$CHECKOUT" "$around/0"
	inode=$(stat -c %i "$around/0")
	pyroute start --dir "$around/0" stage1
	rm -r "$around/0"
	as_caller mkdir "$around"/{1..300}
	run ! grep -qx "$inode" <(stat -c %i "$around"/*)
	pyroute stop --dir "$around/0"
	rm -r "$around"
}

# ---- outsiders -----------------------------------------------------------------------------------

# Root clears away after any checkout's stage, who is not root after their own one's.
# red: host.c's restore_leg() does not look at the name
# red: net.c's is_veth_with() does not compare the address
# red: cgroup.c's check_parent() believes whatever it reads
@test "a journal that names what is not pyroute's hurts no one" {
	local index mac outsider groups=/sys/fs/cgroup id=1-2
	[[ -e $groups/cgroup.controllers ]] || groups=$groups/pids
	[[ $MODE == host ]] || id=$(stat -c '%d %i' . | xargs printf '%x-%x')
	sleep 300 3>&- &
	outsider=$!
	mkdir "$groups/outsider"
	ip link add bystander type veth peer name bystander2
	ip link add net9 type veth peer name bystander3
	echo "$outsider" >"$groups/outsider/cgroup.procs"
	index=$(</sys/class/net/bystander/ifindex) mac=$(</sys/class/net/bystander/address)
	host_remember
	dir_make
	mkdir "$DIR/$id"
	cat >"$DIR/$id/journal" <<-END
		stage x
		checkout /nowhere
		namespace $(stat -Lc %i /proc/self/ns/net)
		keeper $outsider
		pid $outsider
		leg bystander $index $mac
		leg net9 $(</sys/class/net/net9/ifindex) 02:42:01:01:01:01
	END
	[[ $MODE == host ]] || chown -R "$STUDENT:" "$DIR"
	fails_with 1 pyroute stop
	[[ $complaint == "pyroute: no stage runs; "* && ! -e $DIR/$id ]]
	stage_start
	stage_stop
	dir_make
	mkdir "$DIR/$id"
	printf 'stage x\ncheckout /nowhere\ncgroup outsider\n' >"$DIR/$id/journal"
	[[ $MODE == host ]] || chown -R "$STUDENT:" "$DIR"
	refused "pyroute: $DIR/$id: outsider is no control group of pyroute's"
	rm -rf "$DIR"
	gone
	kill -0 "$outsider"
	grep -qx "$outsider" "$groups/outsider/cgroup.procs"
	kill "$outsider"
	wait "$outsider" || true
	within 2 rmdir "$groups/outsider"
	ip link del net9
}

# ---- the root filesystem -------------------------------------------------------------------------

# with_rootfs SCRIPT COMMAND...: runs COMMAND where /var/lib/pyroute holds what SCRIPT makes there,
# and the real one is at ../real.
with_rootfs() {
	# shellcheck disable=SC2016 # for that shell
	unshare --mount bash -euc 'mkdir -p "$CHECKOUT/real"
		mount --bind /var/lib/pyroute "$CHECKOUT/real"
		mount -t tmpfs -o mode=755 tmpfs /var/lib/pyroute
		cd /var/lib/pyroute && eval "$1" && cd "$CHECKOUT" && exec "${@:2}"' bash "$@"
}

# rootfs_refused SCRIPT PATTERN
rootfs_refused() {
	leaves_nothing fails_with 1 with_rootfs "$1" "${CALLER[@]}" pyroute start stage1
	[[ $complaint == *" /var/lib/pyroute/rootfs"* && $complaint == *"sudo scripts/install.sh"* ]]
	# shellcheck disable=SC2053 # a pattern
	[[ $complaint == $2 ]]
}

# red: rootfs.c does not look at the shell, or not at its architecture
# red: rootfs.c's open_at() without O_DIRECTORY, or without O_NOFOLLOW; open_inside() without RESOLVE_IN_ROOT
@test "a root filesystem that is none is refused, with its path and the remedy" {
	rootfs_refused true "pyroute: there is no root filesystem *"
	rootfs_refused 'mkdir rootfs' "pyroute: * has no shell; *"
	rootfs_refused 'touch rootfs' "pyroute: * is no folder; remove it *"
	rootfs_refused 'ln -s "$CHECKOUT/real/rootfs" rootfs' "pyroute: * is no folder; remove it *"
	rootfs_refused 'mkdir -p rootfs/usr/bin && ln -s usr/bin rootfs/bin' "pyroute: * has no shell; *"
	# A link that leads out of it leads to no shell.
	rootfs_refused 'mkdir rootfs && ln -s /bin rootfs/bin' "pyroute: * has no shell; *"
	# EM_MIPS of elf.h, where the machine stands in the header of an ELF file.
	rootfs_refused 'mkdir -p rootfs/bin && cp -L /bin/sh rootfs/bin/sh &&
		printf "\10\0" | dd of=rootfs/bin/sh bs=1 seek=18 conv=notrunc status=none' \
		"pyroute: * is of another architecture; *"
	rootfs_refused 'mkdir -p rootfs/bin && echo hi >rootfs/bin/sh' "pyroute: * is of another architecture; *"
	host_remember
	good
}

# ---- the computer's network ----------------------------------------------------------------------

# host: a private stage's legs share their names with nobody
# bats test_tags=host
# red: start.c does not call check_legs()
@test "a leg's name that is taken on the computer is refused by name, and what has it stays" {
	local kind
	for kind in "veth peer name bystander" bridge; do
		# shellcheck disable=SC2086 # several words
		ip link add net2 type $kind
		refused "pyroute: this computer already has an interface net2, which is not pyroute's; *"
		ip link show net2
		ip link del net2
	done
	host_remember
	good
}

# What a student's computer may have: Docker's bridge, a link of a leg's name where no leg is made,
# the stage's own prefixes elsewhere, and forwarding.
network_make() {
	ip link add docker0 type veth peer name docker1
	ip link set docker1 addrgenmode none up
	ip link set docker0 addrgenmode none
	ip addr add 1.1.1.77/24 dev docker0
	ip link set docker0 up
	ip route add 2.2.2.0/24 via 1.1.1.78 dev docker0
	ip -6 addr add fd00:1::77/64 dev docker0 nodad
	if [[ $MODE == private ]]; then ip link add net2 type veth peer name bystander; fi
	echo 1 >/proc/sys/net/ipv4/ip_forward
	echo 1 >/proc/sys/net/ipv4/conf/docker0/forwarding
}

# Where the computer's own packets go, and all that it goes by.
routes() {
	local address
	for address in 1.1.1.1 1.1.1.2 1.1.1.77 2.2.2.1 2.2.2.2; do ip route get "$address"; done
	ip -4 route show table all
	ip -6 route show table all | sed 's/ expires [0-9]*sec//'
}

# red: net_leg.c leaves the leg's entry in the table local, or the throw before it (host mode; a private
# stage's user has no right to change the computer's routes)
@test "a computer with the stage's own prefixes, docker0 and forwarding goes on as it was" {
	network_make
	host_remember
	routes >"$OUT"
	stage_start
	routes | diff "$OUT" -
	run ! connect client1 -- ping -c 1 -W 1 1.1.1.77
	router_start plain.py
	connect client1 -- ping -c 1 -W 9 2.2.2.2
	background_stop
	stage_stop
	good
	[[ $(</proc/sys/net/ipv4/conf/docker0/forwarding) == 1 ]]
}

# ---- a reboot ------------------------------------------------------------------------------------

# red: host.c's is_of_this_boot() is always true
@test "what a reboot has left hinders no start, and nothing that is told there is put back" {
	local index
	stage_start
	cp -a "$DIR" "$BATS_TEST_TMPDIR/left"
	cp -a .stage "$BATS_TEST_TMPDIR/stage"
	stage_stop
	# The number and the address that a leg had then is another link's now.
	index=$(awk '$1 == "leg" { print $3; exit }' "$BATS_TEST_TMPDIR"/left/*/journal)
	ip link add net1 ${index:+index "$index"} address 02:42:01:01:01:01 type veth peer name bystander
	ip link set net1 name net4
	echo 0 >/proc/sys/net/ipv4/ip_forward
	host_remember
	sed -i -e 's/^boot .*/boot 00000000-0000-4000-8000-000000000000/' -e 's/^leg net1 /leg net4 /' \
		"$BATS_TEST_TMPDIR"/left/*/journal
	echo "cgroup none" | tee -a "$BATS_TEST_TMPDIR"/left/*/journal # which no stop would remove
	grep -q '^boot 00000000' "$BATS_TEST_TMPDIR"/left/*/journal
	rm -rf "$DIR"
	cp -a "$BATS_TEST_TMPDIR/left" "$DIR"
	cp -a "$BATS_TEST_TMPDIR/stage" .stage
	fails_with 1 pyroute ps
	[[ $complaint == *"no stage runs; "* ]]
	stage_start
	connect client1 -- true
	stage_stop
	good
	[[ -e /sys/class/net/net4 ]]
	ip link del net4
	echo 1 >/proc/sys/net/ipv4/ip_forward
}
