#!/bin/bash
# sudo tests/other-machine.sh [unit] [lacks] [FILE.bats ...]: the whole suite, or what is named, on another
# machine: a virtual one that systemd is the first process of, with Debian's own kernel (linux-image-amd64),
# version 2 of the control groups, and netem. With the whole suite, or where they are named, come "unit",
# the unit tests, and "lacks": what that kernel can be made to lack or forbid, and what doctor says.
#
#     KERNEL=linux-image-amd64    the package of the kernel
#     TIME_LIMIT=18000            seconds, for all of it
#     KEEP=DIRECTORY              keeps the machine there, so that the next one is made in a moment; remove
#                                 the directory for a new one
#     MODES, JOBS                 see run.sh; ACCEL and MEMORY: see vm.sh
#     PYROUTE_TEST_SLOW=10        how much longer than here anything may take there
#
# The machine is a minimal system of this machine's own suite of Debian, made with mmdebstrap, in whose
# tree pyroute is built; the clients' root filesystem is a copy of this machine's. Prints a TAP stream,
# each file as it ends; the exit status is 0 only where something ran and all of it passed. The processor
# is emulated, which takes hours, so this is no part of make check. It needs 9 GB in TMPDIR.
set -euo pipefail
project=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
TIME_LIMIT=${TIME_LIMIT:-18000}
MEMORY=${MEMORY:-4096}
# shellcheck source=scripts/lib.sh
. "$project/scripts/lib.sh"
# shellcheck source=tests/vm.sh
. "$project/tests/vm.sh"

readonly SLOW=${PYROUTE_TEST_SLOW:-10}
readonly THERE=/srv/pyroute USER_NAME=ada CHECKOUT=/home/ada/lab # in the virtual machine
readonly TO_BUILD=(make gcc libc6-dev pkgconf libnl-3-dev libnl-route-3-dev libcap-dev libseccomp-dev
	libiniparser-dev libjson-c-dev libpcap-dev libsystemd-dev libcmocka-dev)
readonly TO_TEST=(bats expect tmux strace tcpdump iproute2 iputils-ping nftables sudo zsh uidmap zstd
	mmdebstrap debian-archive-keyring python3 python3-netifaces python3-scapy fakeroot fakechroot)

# The files that tell most come first: what starts and stops, what fails, what is on the wires, and
# what control groups are asked for.
readonly FIRST=(client host survival private wires segments silence doctor private_root router)

# ---- outside: making the machine ------------------------------------------------------------------

# What the clients have is root's there too, and so is the file that it was unpacked from.
add_rootfs() {
	mkdir -p disk/var/lib/pyroute disk/var/cache/pyroute
	cp -a /var/lib/pyroute/rootfs disk/var/lib/pyroute/
	cp -a /var/cache/pyroute/*.tar.zst disk/var/cache/pyroute/ 2>/dev/null || true
}

add_project() {
	mkdir -p "disk$THERE"
	find "disk$THERE" -mindepth 1 -maxdepth 1 ! -name build -exec rm -r {} +
	git -c safe.directory="$project" -C "$project" ls-files -z --cached --others --exclude-standard |
		tar -c -C "$project" --null --files-from=- --ignore-failed-read | tar -x -C "disk$THERE"
	chroot disk make -s -C "$THERE" -j"$(nproc)" all test-programs >make.log 2>&1 ||
		die "cannot build it: $(tail -n 1 make.log)"
}

# An ordinary user, with a checkout of their own and no sudo.
add_user() {
	chroot disk useradd --create-home --shell /bin/bash "$USER_NAME"
	mkdir "disk$CHECKOUT" "disk$CHECKOUT/src"
	cp -r "$project/stages" "disk$CHECKOUT/"
	chroot disk chown -R "$USER_NAME:" "$CHECKOUT"
	ln -s "$THERE/build/pyroute" disk/usr/local/bin/pyroute
}

make_disk() {
	if [[ ! -e made ]]; then
		make_system "${TO_BUILD[@]}" "${TO_TEST[@]}"
		add_rootfs
		add_user
		: >made
	fi
	add_project
	add_service /usr/bin/env "PYROUTE_TEST_SLOW=$SLOW" "'MODES=${MODES:-host private}'" \
		"JOBS=${JOBS:-2}" "$THERE/tests/other-machine.sh" --inside "$@"
	pack_disk 6G
}

outside() {
	local file

	need_root
	[[ $(uname -m) == x86_64 ]] || die "makes a virtual machine on x86-64 alone"
	for file; do
		[[ $file == unit || $file == lacks || -f $project/$file ]] || die "there is no test file $file"
	done
	[[ -d /var/lib/pyroute/rootfs ]] || die "there are no clients' files: run scripts/install.sh"
	install_packages qemu-system-x86 e2fsprogs busybox-static cpio kmod mmdebstrap \
		debian-archive-keyring
	if [[ ${KEEP:-} ]]; then
		work=$(realpath -m -- "$KEEP")
		mkdir -p "$work"
		rm -rf --one-file-system "$work"/{disk.img,initrd,console}
		[[ -e $work/made ]] || rm -rf --one-file-system "$work/disk"
	else
		work=$(mktemp -d "${TMPDIR:-/var/tmp}/pyroute-machine.XXXXXX")
		trap 'rm -rf --one-file-system "$work"' EXIT
	fi
	trap 'exit 130' INT
	trap 'exit 143' TERM
	cd "$work"
	fetch_kernel "${KERNEL:-linux-image-amd64}"
	make_initrd /lib/systemd/systemd
	make_disk "$@"
	run_machine loglevel=1 systemd.show_status=0 systemd.unified_cgroup_hierarchy=1
}

# ---- inside ---------------------------------------------------------------------------------------

unit_tests() {
	local program

	for program in "$THERE"/build/unit/test_*; do
		[[ $program == *.* ]] ||
			check "unit: ${program##*/test_}" timeout $((120 * SLOW)) "$program"
	done
}

# Numbers the lines of run.sh anew, behind the unit tests'.
whole_commands() {
	local line word last

	while IFS= read -r line; do
		case $line in
		"ok "* | "not ok "*)
			word=${line%%ok *}ok
			[[ $word == ok ]] || failed=$((failed + 1))
			number=$((number + 1))
			say "$word $number ${line#*ok * }"
			;;
		1..*) ;;
		*) say "# ${line#\# }" ;;
		esac
		last=$line
	done < <(cd "$THERE" && tests/run.sh "$@" 2>&1)
	# Its last line tells that it came to its end.
	check "the suite came to its end" grep -q '^# [1-9][0-9]* tests, ' <<<"$last"
}

# user COMMAND, plain COMMAND: who calls pyroute, each in a checkout of their own.
user() {
	timeout $((60 * SLOW)) su -l "$USER_NAME" -c "cd $CHECKOUT && $1"
}

plain() {
	(cd "$THERE" && mkdir -p src && timeout $((60 * SLOW)) bash -c "$1")
}

starts() {
	"$1" "pyroute start stage1 && pyroute connect client1 -- true && pyroute stop"
}

# refused WHO: in one line.
refused() {
	local said

	said=$(ends_with 1 "$1" "pyroute start stage1" 2>&1) || { echo "$said" && return 1; }
	echo "$said"
	[[ $(grep -c '^pyroute: ' <<<"$said") == 1 ]]
}

# doctor_says WHO CHECK FOUND REMEDY: FOUND is a part of what was found, REMEDY is exact.
doctor_says() {
	"$1" "pyroute doctor --json" >/run/doctor || true
	python3 - "${@:2}" <<-'END'
		import json, sys
		checks = {check["name"]: check for check in json.load(open("/run/doctor"))["checks"]}
		check = checks[sys.argv[1]]
		print(check)
		assert check["state"] == "missing" and sys.argv[2] in check["found"]
		assert check["remedy"] == sys.argv[3]
	END
}

# forbidden KEY VALUE WHO...: the setting KEY is 0, which these cannot start a stage with, and is to be
# VALUE.
forbidden() {
	local key=$1 value=$2 who
	local -A checks=([user]=own-user-namespaces [plain]=user-namespaces)

	check "$key can be 0" sysctl -qw "$key=0"
	for who in "${@:3}"; do
		check "doctor names it to $who with the remedy" \
			doctor_says "$who" "${checks[$who]}" "$key is 0" "sudo sysctl -w $key=$value"
		check "a start by $who is refused in a line" refused "$who"
	done
	check "the remedy can be carried out" sysctl -w "$key=$value"
	for who in "${@:3}"; do
		check "then $who starts a stage" starts "$who"
	done
}

# lacks_overlay FOUND REMEDY
lacks_overlay() {
	local who

	for who in user plain; do
		check "doctor names it to $who" doctor_says "$who" overlay "$1" "$2"
		check "a start by $who is refused in a line" refused "$who"
	done
}

lacks() {
	local module

	check "an ordinary user starts a stage" starts user
	check "root starts a stage" starts plain
	forbidden kernel.unprivileged_userns_clone 1 user plain
	forbidden user.max_user_namespaces 16384 user plain

	echo "blacklist overlay" >/etc/modprobe.d/overlay.conf
	check "overlayfs can be unloaded, and kept from being loaded" rmmod overlay
	lacks_overlay "was not loaded" "sudo modprobe overlay"
	check "the remedy can be carried out" modprobe overlay
	check "then an ordinary user starts a stage" starts user

	module=$(modinfo -n overlay)
	mv "$module" /srv/
	check "overlayfs can be unloaded, and its module is away" rmmod overlay
	lacks_overlay "kernel option OVERLAY_FS" "sudo apt-get install linux-image-amd64 && sudo reboot"
	mv "/srv/${module##*/}" "$module"
	rm /etc/modprobe.d/overlay.conf
	check "with it root starts a stage" starts plain
}

files() {
	printf 'tests/e2e/%s.bats\n' "${FIRST[@]}"
	(cd "$THERE" && printf '%s\n' tests/e2e/*.bats)
}

inside() {
	local names=("$@")

	set +o pipefail
	mount -o remount,rw /
	say "# $(uname -sr), $(systemctl --version | head -n 1), control groups: $(</sys/fs/cgroup/cgroup.controllers)"
	((${#names[@]})) || mapfile -t names < <(say lacks && say unit && files | awk '!seen[$0]++')
	if [[ " ${names[*]} " == *" lacks "* ]]; then lacks; fi
	if [[ " ${names[*]} " == *" unit "* ]]; then unit_tests; fi
	mapfile -t names < <(printf '%s\n' "${names[@]}" | grep -vxE 'unit|lacks')
	((${#names[@]} == 0)) || whole_commands "${names[@]}"
	finish
}

case ${1:-} in
--inside) inside "${@:2}" ;;
-*) die "usage: sudo tests/other-machine.sh [unit] [lacks] [FILE.bats ...]" ;;
*) outside "$@" ;;
esac
