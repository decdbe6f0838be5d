# shellcheck shell=bash
# What building, importing and exporting the clients' root filesystem share. Sourced, never run.
#
#   root    /var/lib/pyroute/rootfs           works in /var/cache/pyroute
#   others  ~/.local/share/pyroute/rootfs     work in ~/.cache/pyroute
#
# The tree carries a stamp, /etc/pyroute-rootfs: a hash of all that decides its contents. One that
# was imported also says from what, in /etc/pyroute-rootfs.imported: the SHA-256 of the file.
#
# An ordinary user with subordinate ids (subuid(5)) and newuidmap(1) has a tree with the owners that
# root's would have. Of one without, every file is their own, and the owners are known to the packed
# tree only: it stays beside the work, and the tree says which it is, in /etc/pyroute-rootfs.packed:
# its SHA-256.
#
# Nothing is ever half made. All work goes on in two directories beside its results, which take
# their names by rename(2) when they are whole. An exit of any kind removes them; after a SIGKILL
# the kernel ends what runs (parent-death signals, a pid namespace) and the next run removes them.
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/lib.sh
. "$here/../scripts/lib.sh"
umask 022
export LC_ALL=C # what tools say is read here, and they say it in the caller's language

if ((EUID == 0)); then
	target=/var/lib/pyroute/rootfs
	cache=/var/cache/pyroute
else
	target=$HOME/.local/share/pyroute/rootfs
	cache=$HOME/.cache/pyroute
fi

places= # where there is too little room on a full disk; else the usual
job=    # the running process that all others of this work die with
alone=  # an ordinary user without subordinate ids
ids=()  # how unshare makes an ordinary user root of a user namespace

# For arguments; USAGE is the script's own.
wrong_usage() {
	# shellcheck disable=SC2154 # usage
	say "${0##*/}: $1; $usage" >&2
	exit 2
}

# first_line FILE: of what may not be ours, and may be endless.
first_line() {
	head -c 100 -- "$1" 2>/dev/null | tr -d '\0' | head -n 1
}

stamp_of() {
	first_line "$1/etc/pyroute-rootfs" || true
}

# The SHA-256 of the file that the tree was imported from; nothing where it was built here.
imported_from() {
	first_line "$1/etc/pyroute-rootfs.imported" || true
}

# The SHA-256 of the packed tree that knows the owners; nothing where the tree has them.
packed_as() {
	first_line "$1/etc/pyroute-rootfs.packed" | grep -xE '[0-9a-f]{64}' || true
}

# Where that is.
packed_of() {
	say "$cache/packed-$(packed_as "$1").tar.zst"
}

# Whether the tree's owners are the best that this user can have, and are known.
has_owners() {
	if [[ $alone ]]; then [[ -f $(packed_of "$1") ]]; else [[ ! $(packed_as "$1") ]]; fi
}

sha256_of() {
	sha256sum <"$1" | cut -d ' ' -f 1
}

# ---- running things ------------------------------------------------------------------------------

# Finds out what as_tree_root() can be. Tried, not looked up: ids may come from elsewhere than
# /etc/subuid, and newuidmap may lack, or lack its own rights in a container.
find_ids() {
	local reason

	((EUID != 0)) || return 0
	ids=(--map-root-user)
	# First: where that is refused, a child that was to map the ids would stay, with our pipes.
	reason=$(unshare "${ids[@]}" unshare --mount true 2>&1) ||
		die "$(id -un) cannot be root of a user namespace (${reason%%$'\n'*}):" \
			"pyroute doctor tells what mends it, and sudo does without"
	if unshare "${ids[@]}" --map-auto true 2>/dev/null; then
		ids+=(--map-auto)
	else
		alone=yes
	fi
}

# Root of the tree to be: root itself, or an ordinary user's own user namespace, in which the
# user is root and their subordinate ids, if any, are all others.
as_tree_root() {
	if ((EUID == 0)); then
		"$@"
	else
		unshare "${ids[@]}" -- "$@"
	fi
}

# The first bytes of a tree's shell, as hexadecimal digits: what makes a program one of this
# machine's (elf(5): magic number, class, byte order; machine). Links lead where they do for the
# tree's own root. Nothing of the tree is run.
shell_of() {
	as_tree_root perl -e 'chroot(shift) && chdir("/") && open(my $shell, "<", "/bin/sh") or exit 1;
		read($shell, my $head, 20) == 20 or exit 1;
		print unpack("H12 x12 H4", $head)' "$1" 2>/dev/null
}

# Whether a start would take the tree: what its stamp says may be true of one that was damaged.
is_usable() {
	local shell

	[[ ! -L $1 ]] && shell=$(shell_of "$1") && [[ $shell == "$(shell_of /)" ]]
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
	namespaces+=("${ids[@]}")
	setpriv --pdeathsig KILL unshare "${namespaces[@]}" -- setsid --wait "$@" \
		>"$output" 2>&1 &
	job=$!
	wait "$job" 2>/dev/null || status=$? # hides "Killed"
	job=
	return "$status"
}

# Rewrites the line that shows how far it is; in a pipe there is nothing to rewrite.
show() {
	[[ ! -t 1 ]] || printf '\r\033[K%s' "$*"
}

interrupted() {
	show ''
	die "interrupted: nothing is half made; run it again"
}

end_job() {
	[[ $job ]] || return 0
	kill -KILL "$job" 2>/dev/null || true
	wait "$job" 2>/dev/null || true
}

clean_up() {
	trap '' INT TERM HUP
	end_job
	tidy
}

logged() {
	grep -hsE -m 1 "$1" "$work"/*.log
}

# The one line that a failure of STEP ends with.
failed() {
	local reason

	if logged 'No space left on device' >/dev/null; then
		reason="the disk is full: make 1 GB free in ${places:-$cache and ${target%/*}} and run it again"
	elif logged '^E: (Failed|Unable) to fetch|(Could not|Unable to) (resolve|connect)|have a Release file' >/dev/null; then
		reason="Debian's mirror cannot be reached: run it again once sudo apt-get update works"
	else
		reason=$(logged '^(E|tar|zstd|unshare|cat): ') ||
			reason="it was killed; run it again with more memory free"
	fi
	die "$1: $reason"
}

# check_tools PACKAGE...: those that the work needs.
check_tools() {
	local missing

	mapfile -t missing < <(missing_packages "$@")
	((${#missing[@]} == 0)) ||
		die "packages are missing: sudo apt-get install ${missing[*]}"
}

# ---- a tree beside the target, and then in its place ----------------------------------------------

lock() {
	{ mkdir -p "$cache" "${target%/*}" && exec {lock}>"$cache/lock"; } 2>/dev/null ||
		die "cannot write to $cache and ${target%/*}: make their disks writable, by $(id -un)"
	flock --nonblock "$lock" || {
		say "Another build is running: waiting for it"
		flock "$lock"
	}
}

# What was made with subordinate ids, a user who has them no more can neither read nor remove.
check_owners() {
	local tree

	for tree in "$target" "$target.new" "$target".old.*; do
		[[ ! -d $tree || -z $(as_tree_root find "$tree" -xdev ! -uid 0 -print -quit 2>/dev/null) ]] ||
			die "$tree has files that are not $(id -un)'s, who has no subordinate ids now:" \
				"pyroute doctor tells what mends it; or sudo rm -r $tree"
	done
}

# From here on nothing stays half made.
begin() {
	work=$cache/work
	find_ids
	lock
	[[ ! $alone ]] || check_owners
	trap interrupted INT TERM HUP
	trap clean_up EXIT
	tidy
}

make_folders() {
	mkdir "$work" "$target.new" 2>/dev/null ||
		die "cannot make folders in $cache and ${target%/*}: is the disk full?"
}

# Extracts TARBALL beside the target. /dev is made anew in each client.
extract() {
	local whose=() told=

	if [[ $alone ]]; then
		whose=(--no-same-owner)
		told=", all files $(id -un)'s own: there are no subordinate ids"
	fi
	say "Extracting it into $target$told"
	run "$work/extract.log" tar -x -I zstd --numeric-owner "${whose[@]}" --exclude='./dev/*' \
		-f "$1" -C "$target.new" || failed "cannot extract $1"
	sync -f "$target.new" || die "cannot write $target.new to the disk"
}

# keep TARBALL: of a new tree whose files are all the user's, what it was extracted from. There are
# no links on the way to what is written. A file that its owner cannot read, no client could.
keep() {
	local sum

	[[ $alone ]] || return 0
	sum=$(sha256_of "$1")
	ln -f "$1" "$cache/packed-$sum.tar.zst" 2>/dev/null || die "cannot keep $1 in $cache"
	as_tree_root bash -c 'find "$1" -xdev "(" -type d ! -perm -500 -exec chmod u+rx {} + ")" \
			-o "(" -type f ! -perm -400 -exec chmod u+r {} + ")" &&
		echo "$2" >"$1/etc/pyroute-rootfs.packed"' keep "$target.new" "$sum" 2>/dev/null ||
		die "cannot write to $target.new"
}

# Lets two directories take each other's name in one step: renameat2(2) with RENAME_EXCHANGE (2),
# relative to nothing (AT_FDCWD, -100). Fails where the file system knows no such step (NFS).
exchange() {
	local number=276 # arm64's table is that of all newer architectures

	[[ $(dpkg --print-architecture) != amd64 ]] || number=316
	perl -e 'exit(syscall(shift() + 0, -100, shift, -100, shift, 2) != 0)' "$number" "$1" "$2" \
		2>/dev/null
}

# Keeps a replaced tree under a name of its own.
set_aside() {
	mv -T "$1" "$(mktemp -u "$target.old.XXXXXX")"
}

# Puts the new tree in the old one's place. At no moment there is none; but on NFS a kill between the
# last two renames is mended by tidy().
swap() {
	trap '' INT TERM HUP
	if [[ -e $target ]] && exchange "$target.new" "$target"; then
		set_aside "$target.new"
	else
		[[ ! -e $target ]] || set_aside "$target"
		mv -T "$target.new" "$target"
	fi
	trap interrupted INT TERM HUP
}

# Whether a running stage still has the replaced TREE mounted: its clients' files would vanish. The
# kernel gives a mount's root by its present name in every mountinfo of the namespace.
in_use() {
	grep -qsF "/${1##*/} " /proc/[0-9]*/mountinfo
}

# A start may have opened a tree before it was replaced, and have no mount of it yet that others see.
# It holds this lock from before it opens the tree until the mount is there.
wait_for_start() {
	local start

	[[ -r /run/pyroute/lock ]] || return 0
	exec {start}</run/pyroute/lock
	flock --timeout 60 "$start" || return
	exec {start}<&-
}

# Mends what a run that was killed left behind, and removes what was replaced; a tree in use is
# left to the next run.
tidy() {
	local old

	for old in "$target".old.* "$target.new"; do
		[[ -e $old ]] || continue
		[[ -e $target || $old == "$target.new" ]] || mv -T "$old" "$target"
		if ! wait_for_start || in_use "$old"; then
			# It was replaced, and the run killed before it could say so.
			[[ $old != "$target.new" ]] || set_aside "$old"
		else
			remove_tree "$old"
		fi
	done
	remove_tree "$work"
	for old in "$cache"/packed-*.tar.zst; do
		[[ $old == "$(packed_of "$target")" ]] || rm -f -- "$old"
	done
}
