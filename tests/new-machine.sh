#!/bin/bash
# sudo tests/new-machine.sh [SUITE ...]: what README.md promises of a machine that has only git and
# sudo, on a new one of each SUITE of Debian (bookworm and trixie). A minimal system is made with
# mmdebstrap; in it an ordinary user clones the last commit and calls the three scripts by sudo.
#
# The machine is a tree below TMPDIR (/var/tmp), which must be on ext4, xfs or btrfs, entered in
# namespaces of its own. It has no network: apt alone has a way out, a proxy, through which it finds
# the mirrors that this machine's apt uses. Prints a TAP stream; the exit status is 0 only where all
# of it passed. It takes some 3 GB and ten minutes a machine, so this is no part of make check.
# KEEP=yes leaves the trees, and says where.
set -euo pipefail
project=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib.sh
. "$project/scripts/lib.sh"
# shellcheck source=tests/lib.sh
. "$project/tests/lib.sh"

readonly TIME_LIMIT=${TIME_LIMIT:-1800} # seconds, for one machine
readonly PROXY_PORT=3128
readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
readonly CHECKS=6 # for each machine: see inside()
readonly USER_NAME=ada LOGS=/var/log/pyroute # in the machine

# ---- outside: making the machine ------------------------------------------------------------------

# The minimal system of the suite $1, in $work/tree.
make_tree() {
	local sources packages=git,sudo

	mapfile -t sources < <(mirrors "$1")
	apt_options >apt.conf
	[[ ${sources[*]} != *https:* ]] || packages+=,ca-certificates
	mmdebstrap --mode=root --variant=minbase --include="$packages" --keyring="$KEYRING" \
		--aptopt="$work/apt.conf" --skip=check/signed-by,cleanup/run \
		"$1" tree "${sources[@]}" >mmdebstrap.log 2>&1 ||
		die "cannot make a minimal system of Debian $1: $(grep -m 1 '^E: ' mmdebstrap.log)"
	{
		grep -v '^Acquire::https\?::Proxy' apt.conf || true
		say "Acquire::http::Proxy \"http://127.0.0.1:$PROXY_PORT\";"
		say "Acquire::https::Proxy \"http://127.0.0.1:$PROXY_PORT\";"
	} >tree/etc/apt/apt.conf.d/90machine
}

# What an installer asks for: a name, and a user who may sudo.
settle() {
	say "new-$1" >tree/etc/hostname
	say "127.0.0.1 localhost new-$1" >tree/etc/hosts
	chroot tree useradd --create-home --shell /bin/bash "$USER_NAME"
	say "$USER_NAME ALL=(ALL) NOPASSWD: ALL" >"tree/etc/sudoers.d/$USER_NAME"
	mkdir "tree$LOGS"
	git -c safe.directory="$project" -C "$project" bundle create -q "$work/tree/srv/pyroute.bundle" HEAD
}

# The proxy that this machine's apt has, as HOST:PORT, if any.
upstream_proxy() {
	apt-config dump | sed -n 's,^Acquire::http::Proxy "http://\([^/"]*\)/\?";,\1,p'
}

clean_up() {
	[[ ! -d ${work:-} ]] || remove_cgroups "$work"
	if [[ ${KEEP:-} ]]; then
		say "# the tree is left in $work"
	else
		rm -rf --one-file-system -- "${work:-}"
	fi
}

# Makes a machine of the suite $1, runs it to its end and removes it.
machine() {
	local status=0

	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/pyroute-machine.XXXXXX")
	chmod 755 "$work"
	cd "$work"
	make_tree "$1"
	settle "$1"
	exec {outside}</proc/self/ns/net
	timeout -k 10 "$TIME_LIMIT" unshare --mount --net --pid --ipc --uts --fork --kill-child \
		--mount-proc --propagation private \
		"$project/tests/new-machine.sh" --inside "$1" "$work" "/proc/self/fd/$outside" \
		"$(upstream_proxy)" </dev/null || status=$?
	exec {outside}<&-
	((status != 124)) || say "# Debian $1 did not come to its end in $TIME_LIMIT s"
	cd /
	return "$status"
}

outside() {
	local suite status=0

	need_root
	install_packages mmdebstrap debian-archive-keyring iproute2 python3 git
	say "1..$((CHECKS * $#))"
	for suite; do
		"$project/tests/new-machine.sh" --machine "$suite" || status=1
	done
	return "$status"
}

# ---- inside: the first process of the machine -----------------------------------------------------

make_dev() {
	local node name major minor

	mount -t tmpfs -o nosuid,mode=755 tmpfs tree/dev
	for node in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0; do
		IFS=: read -r name major minor <<<"$node"
		mknod -m 666 "tree/dev/$name" c "$major" "$minor"
	done
	mkdir tree/dev/{pts,shm,mqueue}
	mount -t devpts -o nosuid,noexec,gid=5,mode=620,ptmxmode=666,newinstance devpts tree/dev/pts
	mount -t tmpfs -o nosuid,nodev shm tree/dev/shm
	mount -t mqueue -o nosuid,nodev,noexec mqueue tree/dev/mqueue
	ln -s pts/ptmx tree/dev/ptmx
	ln -s /proc/self/fd tree/dev/fd
	ln -s fd/0 tree/dev/stdin
	ln -s fd/1 tree/dev/stdout
	ln -s fd/2 tree/dev/stderr
}

# start_proxy NAMESPACE [HOST:PORT]. Its mounts are this machine's own, so that its files do not go
# when the machine's come.
start_proxy() {
	local word

	ip link set lo up
	exec {proxy}< <(exec unshare --mount python3 "$project/tests/proxy.py" "$PROXY_PORT" "$@")
	read -r -t 20 -u "$proxy" word || true
	[[ ${word:-} == ready ]] || die "the proxy did not start"
}

# The mounts and settings that a machine boots with, and its own root in the place of this one's.
# Forwarding is on, as on a machine that has had containers.
boot() {
	hostname "new-$1"
	echo 1 >/proc/sys/net/ipv4/ip_forward
	mount --bind tree tree
	mount_sys "$work"
	mount --rbind /sys tree/sys
	mount -t proc -o nosuid,nodev,noexec proc tree/proc
	mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs tree/run
	mkdir -m 1777 tree/run/lock
	make_dev
	cd tree
	pivot_root . mnt
	cd /
	umount -l /mnt
	mount --make-rshared / # as systemd does
}

count=0
failed=0

# check SENTENCE COMMAND: the sentence is true where the user's shell command succeeds. What COMMAND
# prints is kept in LOG; what tells of a failure is shown.
check() {
	local sentence=$1 word=ok started=$SECONDS log

	count=$((count + 1))
	log=$LOGS/$count.log
	runuser -l "$USER_NAME" -c "$2" >"$log" 2>&1 </dev/null || word="not ok"
	say "$word - $suite: $sentence ($((SECONDS - started)) s)"
	if [[ $word != ok ]]; then
		failed=$((failed + 1))
		{ grep -A 15 -E '^not ok|: complaints|^\[  FAILED' "$log" || tail -n 40 "$log"; } | sed 's/^/# /'
	fi
	tail -n 1 "$log" | sed -n 's/^./# &/p'
}

inside() {
	suite=$1 work=$2
	(($$ == 1)) || die "--inside is for the new machine"
	cd "$work"
	start_proxy "${@:3}"
	boot "$suite"
	export PATH=/usr/sbin:/usr/bin:/sbin:/bin
	hash -r
	say "# Debian $(</etc/debian_version), Linux $(uname -r), $(dpkg-query -W | wc -l) packages"
	check "an ordinary user clones the project" "git clone -q /srv/pyroute.bundle pyroute"
	check "scripts/install.sh makes the machine ready" "cd pyroute && sudo scripts/install.sh"
	check "a second scripts/install.sh finds all of it" \
		"cd pyroute && sudo scripts/install.sh | tee /dev/stderr | grep 'up to date'"
	check "scripts/demo.sh shows the main job" "cd pyroute && sudo scripts/demo.sh"
	check "scripts/check.sh passes every test" "cd pyroute && sudo scripts/check.sh"
	check "the clone is as it was committed" "cd pyroute && test -z \"\$(git status --porcelain)\""
	((count == CHECKS && failed == 0))
}

case ${1:-} in
--inside) inside "${@:2}" ;;
--machine) machine "$2" ;;
-*) die "usage: sudo tests/new-machine.sh [SUITE ...]" ;;
'') outside bookworm trixie ;;
*) outside "$@" ;;
esac
