#!/bin/bash
# rootfs/export.sh FILE, which is make rootfs-export FILE=…: packs the clients' root filesystem into
# FILE, a .tar.zst, and writes its checksum into FILE.sha256, as sha256sum -c reads it. For
# rootfs/import.sh on other machines of this architecture. The same tree makes the same file. A tree
# whose files are all the user's (lib.sh) leaves as the file that it was extracted from.
set -euo pipefail
# shellcheck source=rootfs/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: rootfs/export.sh [--force] [--from DIRECTORY] [--cache DIRECTORY] FILE"
file=
force=

parse_arguments() {
	while (($#)); do
		case $1 in
		--from | --cache) (($# > 1)) || wrong_usage "$1 needs a value" ;;&
		--from) target=$(realpath -m -- "$2") && shift ;;
		--cache) cache=$(realpath -m -- "$2") && shift ;;
		--force) force=yes ;;
		--help) say "$usage" && exit 0 ;;
		-*) wrong_usage "unknown argument $1" ;;
		*)
			[[ $1 && ! $file ]] || wrong_usage "there must be one FILE"
			file=$(realpath -m -- "$1")
			;;
		esac
		shift
	done
	[[ $file ]] || wrong_usage "there must be one FILE"
	[[ $file != *[$'\n\\']* ]] || wrong_usage "no checksum file can name $file"
	places=${file%/*}
}

check_place() {
	local there

	[[ $(stamp_of "$target") ]] ||
		die "there is no root filesystem in $target: make rootfs builds it, make rootfs-import brings one"
	[[ ! $(packed_as "$target") || -f $(packed_of "$target") ]] ||
		die "$(packed_of "$target") is gone, which knew whose the files in $target were:" \
			"make rootfs-import, or make rootfs, brings it back"
	for there in "$file" "$file.sha256"; do
		[[ ! -d $there ]] || die "$there is a folder: name a file"
		[[ ! -e $there || $force ]] ||
			die "$there is there already: name another, or say --force (make … FORCE=yes)"
	done
}

remove_parts() {
	rm -f -- "$file.part" "$file.sha256.part"
}

# Opens a new file beside FILE; never what somebody else may have put there.
begin_files() {
	trap 'clean_up; remove_parts' EXIT
	remove_parts
	set -o noclobber
	{ exec {out}>"$file.part" {sum}>"$file.sha256.part"; } 2>/dev/null ||
		die "cannot write to ${file%/*}: make it writable, by $(id -un)"
	set +o noclobber
}

pack_tree() {
	run "$work/pack.log" bash -c 'exec tar -c -I "zstd -T0 -10" --numeric-owner --sort=name "${@:2}" >&"$1"' \
		pack "$out" --anchored --exclude='./dev/*' --exclude=./etc/pyroute-rootfs.imported \
		--exclude=./etc/pyroute-rootfs.packed -C "$target" . || failed "cannot pack $target"
}

# What was built here holds /dev, which no import takes.
pack_packed() {
	local packed command='exec cat'

	packed=$(packed_of "$target")
	[[ $(imported_from "$target") == "$(packed_as "$target")" ]] ||
		! tar --list -I zstd --wildcards -f "$packed" './dev/*' >/dev/null 2>&1 ||
		command="set -o pipefail; zstd -dc | tar --delete --wildcards -f - './dev/*' | zstd -T0 -10 -q"
	[[ $(sha256_of "$packed") == "$(packed_as "$target")" ]] ||
		die "$packed was changed: remove it, and make rootfs-import or make rootfs"
	run "$work/pack.log" bash -c "exec <\"\$2\" >&\"\$1\"; $command" pack "$out" "$packed" ||
		failed "cannot pack $target"
}

pack() {
	say "Packing the root filesystem of $target"
	if [[ $(packed_as "$target") ]]; then pack_packed; else pack_tree; fi
	say "$(sha256_of "$file.part")  ${file##*/}" >&"$sum"
	sync "$file.part" "$file.sha256.part" || die "cannot write $file to the disk"
}

# Of an old pair the checksum goes first: no file ever stands beside the checksum of another.
put_in_place() {
	trap '' INT TERM HUP
	rm -f -- "$file.sha256"
	mv -T "$file.part" "$file"
	mv -T "$file.sha256.part" "$file.sha256"
}

parse_arguments "$@"
check_place
begin
check_tools zstd
begin_files
mkdir "$work" 2>/dev/null || die "cannot make a folder in $cache: is the disk full?"
pack
put_in_place
say "$file: $(du -h --apparent-size "$file" | cut -f 1), stamp $(stamp_of "$target")"
say "$file.sha256: $(<"$file.sha256")"
