#!/bin/bash
# rootfs/import.sh FILE, which is make rootfs-import FILE=…: puts a root filesystem that
# rootfs/export.sh packed where pyroute looks. Needs no network, of packages only zstd, and no rights.
#
# FILE is taken for what somebody else may have made: it must have the checksum that FILE.sha256 or
# --sha256 tells, and is looked through before anything of it is unpacked. The tree that was there
# stays until the new one is whole.
set -euo pipefail
# shellcheck source=rootfs/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: rootfs/import.sh [--sha256 HEX] [--into DIRECTORY] [--cache DIRECTORY] FILE"
file=
sum=

parse_arguments() {
	while (($#)); do
		case $1 in
		--sha256 | --into | --cache) (($# > 1)) || wrong_usage "$1 needs a value" ;;&
		--sha256)
			sum=${2,,} && shift
			[[ $sum =~ ^[0-9a-f]{64}$ ]] || wrong_usage "--sha256 wants 64 hexadecimal digits"
			;;
		--into) target=$(realpath -m -- "$2") && shift ;;
		--cache) cache=$(realpath -m -- "$2") && shift ;;
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
}

find_sum() {
	[[ -f $file && -r $file ]] || die "cannot read $file: name a file that rootfs/export.sh wrote"
	[[ ! $sum ]] || return 0
	[[ -e $file.sha256 ]] ||
		die "there is no $file.sha256: copy it too, or say --sha256 HEX (make … SHA256=HEX)"
	# The name that stands there too may be another: the file may have been renamed.
	[[ ! -f $file.sha256 || ! -r $file.sha256 ]] || read -r sum _ <"$file.sha256" || true
	[[ $sum =~ ^[0-9a-f]{64}$ ]] || die "$file.sha256 holds no SHA-256 checksum: copy it again"
}

refuse() {
	die "$file is refused: $*"
}

# A copy of our own, for what is checked must be what is unpacked.
copy() {
	cp --reflink=auto -- "$file" "$work/rootfs.tar.zst" 2>"$work/copy.log" || {
		sed -i 's/^cp: /tar: /' "$work/copy.log"
		failed "cannot copy $file into $cache"
	}
	[[ $(sha256_of "$work/rootfs.tar.zst") == "$sum" ]] ||
		refuse "its SHA-256 is not $sum: copy it again, whole"
}

# list WHAT OPTION...: tar's listing in $work/WHAT, a line for each member, with no line breaks in
# names.
list() {
	run "$work/$1" tar --list -I zstd --absolute-names --quoting-style=escape --numeric-owner \
		"${@:2}" -f "$work/rootfs.tar.zst" ||
		refuse "it is no .tar.zst file, or not a whole one ($(grep -m 1 -E '^(zstd|tar): ' "$work/$1"))"
}

# What must not be unpacked, not even for a moment. A link may point where it likes: tar makes links
# last, so that nothing is written through one.
look_through() {
	local line

	list names
	line=$(grep -m 1 -E '^/|(^|/)\.\.(/|$)' "$work/names") &&
		refuse "it reaches out of its folder: $line"
	list members --verbose
	line=$(grep -m 1 -E '^h.* link to (/|(.*/)?\.\.(/|$))' "$work/members") &&
		refuse "it reaches out of its folder: ${line#* link to }"
	line=$(grep -m 1 -v '^[-dhl]' "$work/members") &&
		refuse "it holds what is neither file, folder nor link: $line"
	line=$(grep -m 1 -E '^[-h](...)?..[sS]' "$work/members") &&
		refuse "it holds a set-uid or set-gid program: $line"
	return 0
}

check_tree() {
	[[ ! -L $target.new/etc && ! -L $target.new/etc/pyroute-rootfs &&
		$(stamp_of "$target.new") =~ ^[0-9a-f]{16}$ ]] ||
		refuse "it is no root filesystem of pyroute's: there is no stamp in it, /etc/pyroute-rootfs"
	shell_of "$target.new" >/dev/null || refuse "it is no root filesystem: it has no shell, /bin/sh"
	is_usable "$target.new" || refuse "it is for another architecture: export it on one of these"
}

# Says in the tree what it is from. The folder keeps its time: an export is to be the same file again.
mark() {
	as_tree_root bash -c 'touch -r "$1" "$3" && rm -f -- "$1/$2" "$1/$5" && set -o noclobber &&
		echo "$4" >"$1/$2" && touch -r "$3" "$1"' mark \
		"$target.new/etc" pyroute-rootfs.imported "$work/time" "$sum" pyroute-rootfs.packed ||
		die "cannot write to $target.new"
}

parse_arguments "$@"
find_sum
begin
if [[ $(imported_from "$target") == "$sum" ]] && is_usable "$target" && has_owners "$target"; then
	say "The root filesystem in $target is the one of $file"
	exit
fi
check_tools zstd
make_folders
copy
look_through
extract "$work/rootfs.tar.zst"
check_tree
mark
keep "$work/rootfs.tar.zst"
swap
say "The root filesystem in $target is now the one of $file, stamp $(stamp_of "$target")"
