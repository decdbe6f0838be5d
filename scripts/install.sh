#!/bin/bash
# sudo scripts/install.sh: makes this machine ready, and only what is missing: Debian or Ubuntu
# packages, the build, the clients' root filesystem, the commands in /usr/local/bin; then switches
# ip forwarding off. With --rootfs FILE the root filesystem is imported from there, not built; one
# that was imported stays, whatever its stamp, until make rootfs or another import replaces it.
set -euo pipefail
# shellcheck source=rootfs/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../rootfs/lib.sh"

usage="usage: sudo scripts/install.sh [--rootfs FILE [--sha256 HEX]]"
file= # to import
sum=() # import.sh's arguments for its checksum

to_build=(make gcc libc6-dev pkgconf libnl-3-dev libnl-route-3-dev libcap-dev libseccomp-dev
	libiniparser-dev libjson-c-dev libpcap-dev libsystemd-dev)
for_the_rootfs=(mount zstd)
to_build_the_rootfs=(mmdebstrap debian-archive-keyring)
for_the_student=(python3 python3-netifaces python3-scapy)

parse_arguments() {
	while (($#)); do
		case $1 in
		--rootfs | --sha256) (($# > 1)) || wrong_usage "$1 needs a value" ;;&
		--rootfs) file=$2 && shift ;;
		--sha256) sum=("$1" "$2") && shift ;;
		--help) say "$usage" && exit 0 ;;
		*) wrong_usage "unknown argument $1" ;;
		esac
		shift
	done
	[[ $file || ! ${sum[*]} ]] || wrong_usage "--sha256 is for --rootfs"
}

# The one whom build/ shall belong to: who called sudo, where the checkout is theirs to write in.
builder() {
	if [[ ${SUDO_USER:-root} != root ]] &&
		runuser -u "$SUDO_USER" -- test -w "$checkout"; then
		say "$SUDO_USER"
	else
		say root
	fi
}

build() {
	local user

	user=$(builder)
	# What another user built (root, by a plain "make install") this one cannot replace.
	[[ ! -e $checkout/build || $(stat -c %U "$checkout/build") == "$user" ]] ||
		rm -rf -- "$checkout/build"
	say "Building pyroute as $user"
	runuser -u "$user" -- make --silent -C "$checkout" -j"$(nproc)" ||
		die "cannot build pyroute: the compiler's message above says why"
}

# A computer that forwards would do the student's exercise for them. For now only: what sets it at
# the next boot stays as it is.
switch_forwarding_off() {
	local file=/proc/sys/net/ipv4/ip_forward was

	was=$(<"$file")
	if [[ $was == 0 ]]; then
		say "ip forwarding is off"
		return
	fi
	echo 0 2>/dev/null >"$file" || die "cannot write 0 to $file: is this a container?"
	say "ip forwarding was on ($was), is now off; on again with: sudo sysctl -w net.ipv4.ip_forward=$was"
}

parse_arguments "$@"
need_root
[[ $file || $(imported_from "$target") ]] || for_the_rootfs+=("${to_build_the_rootfs[@]}")
install_packages "${to_build[@]}" "${for_the_rootfs[@]}" "${for_the_student[@]}"
build
if [[ $file ]]; then
	"$checkout/rootfs/import.sh" "${sum[@]}" "$file"
else
	"$checkout/rootfs/build.sh" --keep-imported
fi
make --silent -C "$checkout" install || die "cannot install into /usr/local/bin"
switch_forwarding_off
say "pyroute is installed; next: source env.sh, then pyroute-stage-start stage1"
