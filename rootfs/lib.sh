# shellcheck shell=bash
# What building, importing and exporting the clients' root filesystem share. Sourced, never run.
#
#   root    /var/lib/pyroute/rootfs           works in /var/cache/pyroute
#   others  ~/.local/share/pyroute/rootfs     work in ~/.cache/pyroute
#
# The tree carries a stamp, /etc/pyroute-rootfs: a hash of all that decides its contents. One that
# was imported also says from what, in /etc/pyroute-rootfs.imported: the SHA-256 of the file.
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

sha256_of() {
	sha256sum <"$1" | cut -d ' ' -f 1
}

# ---- running things ------------------------------------------------------------------------------

# Root of the tree to be: root itself, or an ordinary user's own user namespace, in which the
# user is root and their subordinate ids are all others.
as_tree_root() {
	if ((EUID == 0)); then
		"$@"
	else
		# Where that is refused, a child that was to map the ids would stay, with our lock and pipes.
		unshare --map-root-user true && unshare --map-root-user --map-auto -- "$@"
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
	((EUID == 0)) || namespaces+=(--map-root-user --map-auto)
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
		reason=$(logged '^(E|tar|zstd|unshare): ') ||
			reason="it was killed; run it again with more memory free"
	fi
	die "$1: $reason"
}

# check_tools PACKAGE...: those that the work needs, and an ordinary user's subordinate ids.
check_tools() {
	local missing needed=("$@")

	((EUID == 0)) || needed+=(uidmap)
	mapfile -t missing < <(missing_packages "${needed[@]}")
	((${#missing[@]} == 0)) ||
		die "packages are missing: sudo apt-get install ${missing[*]}"
	((EUID == 0)) || check_user
}

check_user() {
	local user ids reason

	user=$(id -un)
	if ! grep -qsE "^($user|$EUID):" /etc/subuid || ! grep -qsE "^($user|$EUID):" /etc/subgid; then
		# Those behind all that others have.
		ids=$(awk -F : 'BEGIN { first = 100000 } $2 + $3 > first { first = $2 + $3 }
			END { print first "-" first + 65535 }' /etc/subuid /etc/subgid)
		die "no subordinate ids for $user: sudo usermod --add-subuids $ids --add-subgids $ids $user"
	fi
	reason=$(as_tree_root unshare --mount true 2>&1) ||
		die "$user cannot be root of a user namespace (${reason%%$'\n'*}):" \
			"pyroute doctor tells what mends it, and sudo does without"
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

# From here on nothing stays half made.
begin() {
	work=$cache/work
	lock
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
	say "Extracting it into $target"
	run "$work/extract.log" tar -x -I zstd --numeric-owner --exclude='./dev/*' \
		-f "$1" -C "$target.new" || failed "cannot extract $1"
	sync -f "$target.new" || die "cannot write $target.new to the disk"
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
}
