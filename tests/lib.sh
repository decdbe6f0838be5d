# shellcheck shell=bash
# What the scripts share that make a host or a machine for tests. Sourced, never run.

# How slow this machine is: 1, where it runs a program in a millisecond or so, 2 where it takes two to
# three, and so on. One that has to keep its processes' memory by other means than the processor's own
# takes that, and all that the tests do is to run programs.
slowness() {
	local began=${EPOCHREALTIME/[.,]/} each

	for _ in {1..200}; do /bin/true; done
	each=$(((${EPOCHREALTIME/[.,]/} - began) / 200)) # microseconds
	echo $((each < 2000 ? 1 : each / 1000 < 10 ? each / 1000 : 10))
}

# Mounts a new /sys. A sysfs shows the network namespace that it was mounted in. Of the machine's
# control groups it has those below one of its own in each hierarchy, named as the folder SCRATCH.
mount_sys() {
	local own="$1/cgroup" name=${1##*/} hierarchy
	mkdir -p "$own"
	mount --rbind /sys/fs/cgroup "$own"
	mount -t sysfs sysfs /sys
	if [[ -e $own/cgroup.controllers ]]; then
		echo "+memory +pids" >"$own/cgroup.subtree_control"
		mkdir "$own/$name"
		mount --bind "$own/$name" /sys/fs/cgroup
	else
		mount -t tmpfs -o mode=755 tmpfs /sys/fs/cgroup
		for hierarchy in "$own"/*/; do
			mkdir -p "$hierarchy/$name" "/sys/fs/cgroup/$(basename "$hierarchy")"
			mount --bind "$hierarchy/$name" "/sys/fs/cgroup/$(basename "$hierarchy")"
		done
	fi
	umount -l "$own"
}

# Removes the control groups that mount_sys made for SCRATCH. What is killed leaves them only after a
# moment.
remove_cgroups() {
	local patience=40
	while ((patience-- > 0)); do
		find /sys/fs/cgroup -depth -type d -path "*/${1##*/}*" -exec rmdir {} + 2>/dev/null &&
			return
		sleep 0.05
	done
	echo "# ${0##*/}: cannot remove the control groups */${1##*/}"
}

# remove_scratches SCRATCH...: each folder, with the control groups of its host.
remove_scratches() {
	local scratch
	for scratch; do
		remove_cgroups "$scratch"
		rm -rf --one-file-system "$scratch"
	done
}
