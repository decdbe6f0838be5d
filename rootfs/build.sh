#!/bin/bash
# Builds the clients' root filesystem from Debian's packages and extracts it where pyroute looks:
#
#   root    /var/lib/pyroute/rootfs           the tarball is kept in /var/cache/pyroute
#   others  ~/.local/share/pyroute/rootfs     the tarball is kept in ~/.cache/pyroute
#
# The tree carries a stamp, /etc/pyroute-rootfs: a hash of all that decides its contents. Where the
# stamp is right nothing is done; where the tarball is there it is only extracted.
#
# Nothing is ever half made. All work goes on in two directories beside its results, which take
# their names by rename(2) when they are whole. An exit of any kind removes them; after a SIGKILL
# the kernel ends the build (parent-death signals, a pid namespace) and the next run removes them.
set -euo pipefail
umask 022
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/../scripts/lib.sh"

usage="usage: rootfs/build.sh [--suite SUITE] [--into DIRECTORY] [--cache DIRECTORY]"
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

suite=bookworm
if ((EUID == 0)); then
	target=/var/lib/pyroute/rootfs
	cache=/var/cache/pyroute
else
	target=$HOME/.local/share/pyroute/rootfs
	cache=$HOME/.cache/pyroute
fi

job= # the running process that all others of the build die with

wrong_usage() {
	say "${0##*/}: $1; $usage" >&2
	exit 2
}

parse_arguments() {
	while (($#)); do
		case $1 in
		--suite | --into | --cache) (($# > 1)) || wrong_usage "$1 needs a value" ;;&
		--suite) suite=$2 ;;
		--into) target=$(realpath -m -- "$2") ;;
		--cache) cache=$(realpath -m -- "$2") ;;
		--help) say "$usage" && exit 0 ;;
		*) wrong_usage "unknown argument $1" ;;
		esac
		shift 2
	done
}

# ---- what decides the contents -------------------------------------------------------------------

packages() {
	sed 's/#.*//' "$here/packages" | xargs
}

fingerprint() {
	{
		say "$suite $(dpkg --print-architecture)"
		cat "$here/packages" "$here/build.sh" "$here/customize.sh"
	} | sha256sum | cut -c 1-16
}

# ---- running things ------------------------------------------------------------------------------

# Root of the tree to be: root itself, or an ordinary user's own user namespace, in which the
# user is root and their subordinate ids are all others.
as_tree_root() {
	if ((EUID == 0)); then
		"$@"
	else
		unshare --map-root-user --map-auto -- "$@"
	fi
}

remove_tree() {
	[[ ! -e $1 ]] || as_tree_root rm -rf --one-file-system -- "$1"
}

# Runs a command as pid 1 of a pid namespace, so that it and its children die with this script,
# however that dies. Its mounts are its own, and its session is too: mmdebstrap signals its process
# group when it fails. What it prints goes to OUTPUT. A signal to this script ends it. Returns its
# status.
run() {
	local output=$1 status=0
	local namespaces=(--mount --pid --fork --kill-child --mount-proc)

	shift
	((EUID == 0)) || namespaces+=(--map-root-user --map-auto)
	setpriv --pdeathsig KILL unshare "${namespaces[@]}" -- setsid --wait "$@" \
		>"$output" 2>&1 &
	job=$!
	wait "$job" 2>/dev/null || status=$? # hides "Killed"
	job=
	return "$status"
}

interrupted() {
	show
	die "interrupted: nothing is half made; run it again"
}

clean_up() {
	trap '' INT TERM HUP
	if [[ $job ]]; then
		kill -KILL "$job" 2>/dev/null || true
		wait "$job" 2>/dev/null || true
	fi
	tidy
}

logged() {
	grep -hsE -m 1 "$1" "$work"/*.log
}

# The one line that a failure of STEP ends with.
failed() {
	local reason

	if logged 'No space left on device' >/dev/null; then
		reason="the disk is full: make 1 GB free in $cache and ${target%/*} and run it again"
	elif logged '^E: (Failed|Unable) to fetch|Could not (resolve|connect)' >/dev/null; then
		reason="Debian's mirror cannot be reached: run it again once sudo apt-get update works"
	else
		reason=$(logged '^(E|tar|zstd|unshare): ') ||
			reason="it was killed; run it again with more memory free"
	fi
	die "$1: $reason"
}

# ---- a tarball, then a tree ----------------------------------------------------------------------

# Rewrites the line that shows how far it is; in a pipe there is nothing to rewrite.
show() {
	[[ ! -t 1 ]] || printf '\r\033[K%s' "$*"
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

build_tarball() {
	local sources messages follower status=0

	say "Building the clients' root filesystem from packages of Debian $suite: about a minute"
	apt_options >"$work/apt.conf" 2>/dev/null
	mapfile -t sources < <(mirrors "$suite")
	exec {messages}> >(follow "$work/build.log")
	follower=$!
	run "/dev/fd/$messages" env TMPDIR="$work" mmdebstrap --mode=root --variant=essential --verbose \
		--include="$(packages)" --keyring="$keyring" --aptopt="$work/apt.conf" \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/info/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--customize-hook="bash ${here@Q}/customize.sh \"\$1\" $stamp" \
		--skip=check/signed-by,cleanup/run \
		"$suite" "$work/rootfs.tar.zst" "${sources[@]}" || status=$?
	exec {messages}>&-
	wait "$follower" || true
	((status == 0)) || failed "cannot build the root filesystem"
	mv -f "$work/rootfs.tar.zst" "$tarball"
}

# Extracts the tarball beside the target. /dev is made anew in each client.
extract() {
	say "Extracting it into $target"
	run "$work/extract.log" tar -x -I zstd --numeric-owner --exclude='./dev/*' \
		-f "$tarball" -C "$target.new" || failed "cannot extract $tarball"
	sync -f "$target.new" || die "cannot write $target.new to the disk"
}

# Puts the new tree in the old one's place. A kill between the two renames is mended by tidy().
swap() {
	trap '' INT TERM HUP
	[[ ! -e $target ]] || mv -T "$target" "$target.old.$$"
	mv -T "$target.new" "$target"
	trap interrupted INT TERM HUP
}

# Whether a running stage still has the replaced TREE mounted: its clients' files would vanish. The
# kernel gives a mount's root by its present name in every mountinfo of the namespace.
in_use() {
	grep -qsF "/${1##*/} " /proc/[0-9]*/mountinfo
}

# Mends what a run that was killed left behind, and removes what was replaced; a tree in use is
# left to the next run.
tidy() {
	local old file

	for old in "$target".old.*; do
		[[ -e $old ]] || continue
		[[ -e $target ]] || mv -T "$old" "$target"
		in_use "$old" || remove_tree "$old"
	done
	remove_tree "$target.new"
	remove_tree "$work"
	for file in "$cache"/rootfs-*.tar.zst; do
		[[ $file == "$tarball" ]] || rm -f -- "$file"
	done
}

# ---- the order of things -------------------------------------------------------------------------

check_tools() {
	local missing

	mapfile -t missing < <(missing_packages mmdebstrap zstd debian-archive-keyring)
	((${#missing[@]} == 0)) ||
		die "packages are missing: sudo apt-get install ${missing[*]}"
	as_tree_root true 2>/dev/null ||
		die "no subordinate ids for $(id -un): sudo apt-get install uidmap &&" \
			"sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $(id -un)"
}

lock() {
	{ mkdir -p "$cache" "${target%/*}" && exec {lock}>"$cache/lock"; } 2>/dev/null ||
		die "cannot write to $cache and ${target%/*}: make their disks writable, by $(id -un)"
	flock --nonblock "$lock" || {
		say "Another build is running: waiting for it"
		flock "$lock"
	}
}

main() {
	parse_arguments "$@"
	stamp=$(fingerprint)
	tarball=$cache/rootfs-$stamp.tar.zst
	work=$cache/work

	lock
	trap interrupted INT TERM HUP
	trap clean_up EXIT
	tidy
	if [[ $(cat "$target/etc/pyroute-rootfs" 2>/dev/null) == "$stamp" ]]; then
		say "The root filesystem in $target is up to date"
		return
	fi
	check_tools
	mkdir "$work" "$target.new" 2>/dev/null ||
		die "cannot make folders in $cache and ${target%/*}: is the disk full?"
	[[ -e $tarball ]] || build_tarball
	extract
	swap
	say "The root filesystem is in $target"
}

main "$@"
