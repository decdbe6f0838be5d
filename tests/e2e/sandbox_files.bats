#!/usr/bin/env bats
# Which files a client sees, and what it can do to them: every mount, /, /~/src, /proc, /sys, /dev and
# the generated files. Every test asks from inside a client. Its rights: sandbox_rights.bats.

load helpers

readonly ROOTFS=/var/lib/pyroute/rootfs

# Parts of /proc and /sys that tell of the host or reach it, and that container engines mask as well;
# the last line is what they let be, or protect otherwise.
readonly MASKED=(proc/acpi proc/asound proc/interrupts proc/kcore proc/keys proc/latency_stats
	proc/sched_debug proc/scsi proc/timer_list proc/timer_stats
	sys/firmware sys/devices/virtual/powercap
	proc/kallsyms proc/kmsg proc/kpagecgroup proc/kpagecount proc/kpageflags proc/sysrq-trigger
	sys/fs/cgroup)

# Those that this kernel has.
masked_here() {
	local path
	for path in "${MASKED[@]}"; do
		[[ ! -e /$path ]] || echo "$path"
	done
}

# ---- the mounts ----------------------------------------------------------------------------------

# As lines "PATH ROOT OPTIONS TYPE", sorted; how times of access are kept is the host's business, and
# where the host's /dev, and what src/ is on, is mounted from.
mounts_in() {
	connect "$1" -- cat /proc/self/mountinfo |
		awk '{ for (i = 7; $i != "-"; i++); gsub(/,(rel|no|lazy|strict)(dir)?a?time/, "", $6)
			if ($5 == "/~/src") { $4 = "src"; $(i + 1) = "any" }
			sub(/^devtmpfs$/, "tmpfs", $(i + 1)); sub(/.*\//, "/", $4)
			print $5, $4, $6, $(i + 1) }' | LC_ALL=C sort
}

mounts_wanted() {
	local path device
	{
		echo "/ / rw,nosuid,nodev overlay"
		echo "/dev / ro,nosuid,noexec tmpfs"
		for device in null zero full random urandom tty; do
			echo "/dev/$device /$device rw,nosuid,noexec tmpfs"
		done
		echo "/dev/pts / rw,nosuid,noexec devpts"
		echo "/dev/shm / rw,nosuid,nodev,noexec tmpfs"
		echo "/dev/mqueue / rw,nosuid,nodev,noexec mqueue"
		if [[ $MODE == host ]]; then
			echo "/~/src src rw,nosuid,nodev,idmapped any"
		else
			echo "/~/src src rw,nosuid,nodev any"
		fi
		echo "/proc / rw,nosuid,nodev,noexec proc"
		echo "/proc/sys /sys ro,nosuid,nodev,noexec proc"
		echo "/proc/sys/net /net rw,nosuid,nodev,noexec proc"
		for path in bus fs irq sys/net/netfilter/nf_hooks_lwtunnel; do
			[[ ! -e /proc/$path ]] ||
				echo "/proc/$path /${path##*/} ro,nosuid,nodev,noexec proc"
		done
		echo "/sys / ro,nosuid,nodev,noexec sysfs"
		for path in $(masked_here); do
			if [[ -d /$path ]]; then
				echo "/$path /empty ro,nosuid,nodev,noexec tmpfs"
			else
				echo "/$path /null rw,nosuid,noexec tmpfs"
			fi
		done
	} | LC_ALL=C sort
}

# red: root.c, /sys without MOUNT_ATTR_RDONLY; overlay.c, ATTRIBUTES without MOUNT_ATTR_NOSUID or NODEV
# red: root.c, bind_device() without mount_protect(); mask_path() without it, or with /dev/zero
# red: root.c, "proc/kallsyms" not in masked[]; nf_hooks_lwtunnel not in read_only[]
@test "a client has these mounts with these options, and no other" {
	stage_start
	mounts_in client1 >"$OUT"
	diff "$OUT" <(mounts_wanted)
}

# ---- / -------------------------------------------------------------------------------------------

# red: overlay.c, no "userxattr"
@test "a directory of the root filesystem can be removed and made anew" {
	stage_start
	connect client1 -- sh -c 'ls /etc/skel/.bashrc && rm -rf /etc/skel && mkdir /etc/skel'
	[[ -z $(connect client1 -- ls -A /etc/skel) ]]
	connect client2 -- ls /etc/skel/.bashrc
	[[ -e $ROOTFS/etc/skel/.bashrc ]]
}

# The root filesystem as the keeper has it, which the clients' overlays lie on: its options.
rootfs_options() {
	awk '$5 == "/rootfs" { print $6 }' "/proc/$(keeper_pid)/mountinfo"
}

# red: start.c (host mode), keeper_main.c (private mode), the root filesystem without MOUNT_ATTR_RDONLY
@test "what a client writes is in its own layer, above a root filesystem that nobody can write to" {
	stage_start
	connect client1 -- sh -c 'echo changed >/etc/canary; rm /etc/issue; echo changed >/etc/services
		chown 0:0 /usr/bin/env; mv /usr/games /usr/toys 2>/dev/null; mkdir -p /usr/new'
	[[ $(connect client1 -- cat /etc/services) == changed ]]
	connect client2 -- test ! -e /etc/canary -a -e /etc/issue -a ! -e /usr/new
	[[ $(connect client2 -- cat /etc/services) != changed ]]
	[[ ! -e $ROOTFS/etc/canary && -e $ROOTFS/etc/issue && ! -e $ROOTFS/usr/new ]]
	[[ $(rootfs_options) == ro,* ]]
	if [[ $MODE == host ]]; then [[ $(rootfs_options) == *,idmapped* ]]; fi
}

# fill CLIENT DIRECTORY: writes there until there is no space left; prints how many MiB there were.
fill() {
	connect "$1" -- python3 - "$2" <<-'END'
		import errno, os, sys
		fd = os.open(sys.argv[1] + "/fill", os.O_WRONLY | os.O_CREAT)
		size = 0
		try:
		    while size < 1 << 30:
		        size += os.write(fd, bytes(1 << 18))
		except OSError as error:
		    print(errno.errorcode[error.errno], round(size / (1 << 20)))
		os.unlink(sys.argv[1] + "/fill")
	END
}

# fill_inodes CLIENT DIRECTORY: makes links there until there is no inode left; prints how many.
fill_inodes() {
	connect "$1" -- python3 - "$2" <<-'END'
		import errno, os, sys
		os.mkdir(sys.argv[1] + "/many")
		os.chdir(sys.argv[1] + "/many")
		count = 0
		try:
		    while count < 100000:
		        os.symlink("x", str(count))
		        count += 1
		except OSError as error:
		    print(errno.errorcode[error.errno], count)
		os.chdir("/")
		os.system("rm -r " + sys.argv[1] + "/many")
	END
}

# red: overlay.c, no "size", no "nr_inodes"; root.c, /dev/shm without "size", without "nr_inodes"
@test "a client's own layer and /dev/shm end at their limits, in bytes and in inodes" {
	local count
	stage_start
	[[ $(fill client1 /tmp) == "ENOSPC 128" ]]
	[[ $(fill client1 /dev/shm) == "ENOSPC 64" ]]
	count=$(fill_inodes client1 /tmp)
	echo "$count"
	[[ $count == "ENOSPC 65"* && ${count#* } -gt 65400 && ${count#* } -lt 65536 ]]
	count=$(fill_inodes client1 /dev/shm)
	echo "$count"
	[[ $count == "ENOSPC 163"* ]]
	# It lives, and another client's layer is another.
	connect client1 -- touch /tmp/more
	connect client2 -- touch /tmp/more
	pyroute ps | grep -E '^client1 +running '
}

# ---- /~/src --------------------------------------------------------------------------------------

# red: start.c, src/ copied with AT_RECURSIVE
# host: a private stage refuses it (private.bats)
# bats test_tags=host
@test "what is mounted below src/ is not in a client" {
	mkdir src/below
	mount -t tmpfs tmpfs src/below
	touch src/below/secret
	stage_start
	[[ -z $(connect client1 -- ls -A '/~/src/below') ]]
	umount src/below
}

# red: start.c (host mode), keeper_main.c (private mode), src/ with MOUNT_ATTR_RDONLY
@test "src/ can be written to by root of the client, and is the caller's outside" {
	stage_start
	connect client1 -- sh -c 'mkdir "/~/src/made" && echo x >"/~/src/made/file"'
	[[ $(stat -c %u src/made src/made/file | uniq) == $(stat -c %u .) ]]
	[[ $(connect client2 -- stat -c '%u %s' '/~/src/made/file') == "0 2" ]]
}

# ---- /proc and /sys ------------------------------------------------------------------------------

# red: root.c, "proc/kallsyms" not in masked[]; mask_path() without mount_protect()
@test "what of /proc and /sys tells of the host is empty, and writing there does nothing" {
	local path
	stage_start
	masked_here >src/masked
	[[ $(grep -c . src/masked) -gt 8 ]]
	connect client1 -- sh -c 'while read -r path; do
		if [ -d "/$path" ]; then ls -A "/$path"; touch "/$path/x" 2>/dev/null && echo "$path is writable"
		else cat "/$path"; stat -c "%t:%T $path" "/$path" | grep -v "^1:3 "; fi
		done <"/~/src/masked"; true' >"$OUT"
	cat "$OUT"
	[[ ! -s $OUT ]]
	# On the host they do tell something.
	for path in interrupts kallsyms; do
		[[ ! -e /proc/$path || -n $(head -c 1 "/proc/$path") ]]
	done
}

# red: root.c, protect_sysctls() without MOUNT_ATTR_RDONLY
# red: root.c, nf_hooks_lwtunnel not in read_only[]
@test "no setting can be opened for writing but those of the client's own network" {
	local pattern tunnel=/proc/sys/net/netfilter/nf_hooks_lwtunnel
	pattern=$(</proc/sys/kernel/core_pattern)
	stage_start
	connect client1 -- python3 - >"$OUT" <<-'END'
		import collections, errno, os
		counts = collections.Counter()
		for directory, _, names in os.walk("/proc/sys"):
		    part = "net" if (directory + "/").startswith("/proc/sys/net/") else "rest"
		    for name in names:
		        path = os.path.join(directory, name)
		        if not os.stat(path).st_mode & 0o222:
		            continue
		        try:
		            os.close(os.open(path, os.O_WRONLY))
		            counts[part, "opened"] += 1
		        except OSError as error:
		            kind = errno.errorcode[error.errno]
		            counts[part, kind] += 1
		            if part == "net" and kind == "EROFS":
		                print(path)
		# Of most others root of the client is not the owner; of its user namespace's it is.
		print("net", counts["net", "opened"] > 200, "rest", counts["rest", "opened"],
		      counts["rest", "EROFS"] > 0)
	END
	cat "$OUT"
	if [[ -e $tunnel ]]; then
		diff "$OUT" <(echo "$tunnel" && echo "net True rest 0 True")
	else
		[[ $(<"$OUT") == "net True rest 0 True" ]]
	fi
	run ! connect client1 -- sh -c 'echo x >/proc/sys/kernel/core_pattern'
	[[ $(</proc/sys/kernel/core_pattern) == "$pattern" ]]
	connect client1 -- sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	[[ $(connect client1 -- cat /proc/sys/net/ipv4/ip_forward) == 1 ]]
	[[ $(on_computer cat /proc/sys/net/ipv4/ip_forward) == 0 ]]
}

# red: root.c, /sys without MOUNT_ATTR_RDONLY
@test "/sys is read-only, shows the client's own network, and has no control groups" {
	stage_start
	[[ $(connect client1 -- ls /sys/class/net | xargs) == "eth0 lo" ]]
	run ! connect client1 -- sh -c 'echo 1400 >/sys/class/net/eth0/mtu'
	[[ $output == *"Read-only file system"* ]]
	[[ -z $(connect client1 -- ls -A /sys/fs/cgroup) ]]
	run ! connect client1 -- mkdir /sys/fs/cgroup/mine
}

# ---- /dev ----------------------------------------------------------------------------------------

# red: root.c, one link more in device_links[]; fill_dev() without mount_protect()
@test "/dev has six devices, the links, and the client's own terminals, messages and shared memory" {
	stage_start
	connect client1 -- find /dev -mindepth 1 -printf '%p %y %m %l\n' | LC_ALL=C sort >"$OUT"
	diff "$OUT" - <<-'END'
		/dev/fd l 777 /proc/self/fd
		/dev/full c 666 
		/dev/mqueue d 1777 
		/dev/null c 666 
		/dev/ptmx l 777 pts/ptmx
		/dev/pts d 755 
		/dev/pts/ptmx c 666 
		/dev/random c 666 
		/dev/shm d 1777 
		/dev/stderr l 777 /proc/self/fd/2
		/dev/stdin l 777 /proc/self/fd/0
		/dev/stdout l 777 /proc/self/fd/1
		/dev/tty c 666 
		/dev/urandom c 666 
		/dev/zero c 666 
	END
	[[ $(connect client1 -- sh -c 'cd /dev && stat -c %t:%T null zero full random urandom tty' | xargs) == \
		"1:3 1:5 1:7 1:8 1:9 5:0" ]]
	run ! connect client1 -- sh -c 'rm /dev/null || touch /dev/x || mkdir /dev/pts/x'
	connect client1 -- sh -c 'echo x >/dev/null && head -c 4 /dev/urandom >/dev/shm/own'
	connect client1 -- python3 -c 'import os, pty; print(os.ttyname(pty.openpty()[1]))' >"$OUT"
	[[ $(<"$OUT") == /dev/pts/0 ]]
	[[ -z $(connect client2 -- ls -A /dev/shm) && ! -e /dev/shm/own ]]
}

# ---- generated files -----------------------------------------------------------------------------

# red: overlay.c, fill_upper() without etc/resolv.conf
@test "hosts, hostname and resolv.conf are the stage's, and never the host's" {
	echo "203.0.113.99 canary" >>/etc/hosts
	echo "nameserver 203.0.113.99" >"$BATS_TEST_TMPDIR/resolv.conf"
	mount --bind "$BATS_TEST_TMPDIR/resolv.conf" /etc/resolv.conf
	stage_start
	[[ $(connect client2 -- cat /etc/hostname) == client2 && $(connect client2 -- hostname) == client2 ]]
	connect client2 -- cat /etc/hosts >"$OUT"
	diff "$OUT" - <<-'END'
		127.0.0.1	localhost
		1.1.1.2	client1
		2.2.2.2	client2
	END
	[[ $(connect client2 -- cat /etc/resolv.conf) == "# a stage has no name server" ]]
	umount /etc/resolv.conf
	sed -i '/canary/d' /etc/hosts
	# A link to elsewhere, or a rootfs's own, is not what a client has there.
	[[ $(connect client1 -- stat -c '%F %u %a' /etc/hosts /etc/hostname /etc/resolv.conf | sort -u) == \
		"regular file 0 644" ]]
}
