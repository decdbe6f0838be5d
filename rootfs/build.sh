#!/bin/bash
# Builds the clients' root filesystem from Debian's packages and extracts it where pyroute looks:
# lib.sh says where. The packed tree is kept beside its work, for the next time. Where the stamp is
# right nothing is done; where the packed tree is there it is only extracted. Without root and without
# subordinate ids, fakechroot(1) and fakeroot(1) stand for them in the build.
set -euo pipefail
# shellcheck source=rootfs/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: rootfs/build.sh [--suite SUITE] [--into DIRECTORY] [--cache DIRECTORY]"
usage+=" [--keep-imported] [--stamp]"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

suite=bookworm
keep_imported= # an imported tree is not replaced
only_stamp=    # print the stamp and do nothing

# What decides the contents, beside the list and customize.sh, which is called with the tree's path.
recipe=(--variant=essential
	--dpkgopt='path-exclude=/usr/share/man/*'
	--dpkgopt='path-exclude=/usr/share/info/*'
	--dpkgopt='path-exclude=/usr/share/locale/*'
	--dpkgopt='path-exclude=/usr/share/doc/*'
	--dpkgopt='path-include=/usr/share/doc/*/copyright')

parse_arguments() {
	while (($#)); do
		case $1 in
		--suite | --into | --cache) (($# > 1)) || wrong_usage "$1 needs a value" ;;&
		--suite) suite=$2 && shift ;;
		--into) target=$(realpath -m -- "$2") && shift ;;
		--cache) cache=$(realpath -m -- "$2") && shift ;;
		--keep-imported) keep_imported=yes ;;
		--stamp) only_stamp=yes ;;
		--help) say "$usage" && exit 0 ;;
		*) wrong_usage "unknown argument $1" ;;
		esac
		shift
	done
}

# The list, without its comments, which change nothing.
packages() {
	sed 's/#.*//' "$here/packages" | xargs
}

fingerprint() {
	{
		say "$suite $(dpkg --print-architecture)" "${recipe[@]}"
		packages
		cat "$here/customize.sh"
	} | sha256sum | cut -c 1-16
}

# Reads mmdebstrap's messages, keeps them in LOG, and shows the step that they tell of.
follow() {
	local log=$1 line step='' ready=0 total=0

	while IFS= read -r line; do
		printf '%s\n' "$line" >&4
		case $line in
		'I: running apt-get update'*) step='1 of 6, reading package lists' ;;
		'I: downloading packages'*) step='2 of 6, downloading the essential packages' ;;
		'I: extracting archives'*) step='3 of 6, unpacking the essential packages' ;;
		'I: installing essential'*) step='4 of 6, installing the essential packages' ready=0 ;;
		'I: installing remaining'*) step='5 of 6, installing the other packages' ready=0 ;;
		'I: creating tarball'*) step='6 of 6, packing' ready=0 ;;
		*' newly installed, '*) total=${line#*, } total=${total%% *} ;;
		'Setting up '*) ready=$((ready + 1)) ;;
		*) continue ;;
		esac
		if ((ready)); then
			show "  $step: $ready of $total"
		else
			show "  $step"
		fi
	done 4>"$log" 2>/dev/null
	show
}

check_build_tools() {
	check_tools mmdebstrap debian-archive-keyring
	[[ ! $alone || ! $(missing_packages fakechroot fakeroot) ]] ||
		die "$(id -un) has no subordinate ids (pyroute doctor tells how to get them), and a build without" \
			"needs packages: sudo apt-get install fakechroot fakeroot; make rootfs-import needs neither"
}

build_tarball() {
	local sources messages follower status=0
	local maker=(mmdebstrap --mode=root)

	# Both pretend for an ordinary user only. What they share between processes is to end with them,
	# and an owner that the kernel has no id for is none to try.
	[[ ! $alone ]] || maker=(unshare --ipc --map-user="$EUID" --map-group="$(id -g)" --
		env FAKEROOTDONTTRYCHOWN=1 mmdebstrap --mode=fakechroot)

	say "Building the clients' root filesystem from packages of Debian $suite: about a minute"
	apt_options >"$work/apt.conf" 2>/dev/null
	mapfile -t sources < <(mirrors "$suite")
	exec {messages}> >(follow "$work/build.log")
	follower=$!
	run "/dev/fd/$messages" env TMPDIR="$work" "${maker[@]}" --verbose "${recipe[@]}" \
		--include="$(packages)" --keyring="$keyring" --aptopt="$work/apt.conf" \
		--customize-hook="bash ${here@Q}/customize.sh \"\$1\" $stamp" \
		--skip=check/signed-by,cleanup/run \
		"$suite" "$work/rootfs.tar.zst" "${sources[@]}" || status=$?
	exec {messages}>&-
	wait "$follower" || true
	((status == 0)) || failed "cannot build the root filesystem"
	mv -f "$work/rootfs.tar.zst" "$tarball"
}

# Packed trees of other stamps.
forget_others() {
	local file

	for file in "$cache"/rootfs-*.tar.zst; do
		[[ $file == "$tarball" ]] || rm -f -- "$file"
	done
}

main() {
	parse_arguments "$@"
	stamp=$(fingerprint)
	tarball=$cache/rootfs-$stamp.tar.zst
	[[ ! $only_stamp ]] || { say "$stamp" && return; }

	begin
	forget_others
	if [[ $(stamp_of "$target") == "$stamp" ]] && is_usable "$target" && has_owners "$target"; then
		say "The root filesystem in $target is up to date"
		return
	fi
	if [[ $keep_imported && $(imported_from "$target") ]] && is_usable "$target"; then
		say "The root filesystem in $target was imported and stays; this checkout's own: make rootfs"
		return
	fi
	check_tools zstd
	[[ -e $tarball ]] || check_build_tools
	make_folders
	[[ -e $tarball ]] || build_tarball
	extract "$tarball"
	keep "$tarball"
	swap
	say "The root filesystem is in $target"
}

main "$@"
