#!/bin/bash
# sudo tests/user-groups.sh: whether an ordinary user gets control groups with limits, in a virtual
# machine that systemd is the first process of, on a kernel with version 2: from a login (PAM), from
# below the user's systemd, in a part of the tree that was given to them without any systemd; and
# what is said where there are none. TIME_LIMIT and ACCEL: see vm.sh.
#
# The machine is a minimal system of this machine's own suite of Debian, made with mmdebstrap, with
# the kernel of linux-image-cloud-amd64. What is run in it is tests/probes/groups.c with the modules
# of a start, and then a stage of that user's on root's root filesystem. Prints a TAP stream; the exit status is 0 only where all of it passed.
# The processor is emulated, which takes minutes, so this is no part of make check. It needs 3 GB in
# TMPDIR.
set -euo pipefail
project=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/lib.sh
. "$project/scripts/lib.sh"
# shellcheck source=tests/vm.sh
. "$project/tests/vm.sh"

readonly USER_NAME=ada USER_ID=1000 STRANGER=1001 # in the virtual machine
readonly TOP=/sys/fs/cgroup
readonly SERVICE=user.slice/user-$USER_ID.slice/user@$USER_ID.service
readonly CHECKOUT=/home/$USER_NAME/lab
readonly NUMBER='[0-9a-f]+'

# ---- outside: making the machine ------------------------------------------------------------------

# The program with its libraries, the clients' root filesystem, and a checkout of the user's.
add_pyroute() {
	chroot disk useradd --create-home --shell /bin/bash --uid "$USER_ID" "$USER_NAME"
	mkdir -p disk/var/lib/pyroute "disk$CHECKOUT/src"
	cp -a /var/lib/pyroute/rootfs disk/var/lib/pyroute/
	cp -r "$project/stages" "disk$CHECKOUT/"
	chown -R "$USER_ID:$USER_ID" "disk$CHECKOUT"
	cp "$build/pyroute" disk/usr/local/bin/
	add_libraries "$build/pyroute"
}

make_disk() {
	make_system python3-minimal strace
	add_pyroute
	mkdir -p disk/srv/pyroute/{tests,scripts}
	cp "$project"/tests/*.sh disk/srv/pyroute/tests/
	cp "$project"/scripts/*.sh disk/srv/pyroute/scripts/
	cp "$build/groups" disk/srv/
	add_service /srv/pyroute/tests/user-groups.sh --inside
	pack_disk 3G
}

outside() {
	need_root
	[[ $(uname -m) == x86_64 ]] || die "makes a virtual machine on x86-64 alone"
	build=$(realpath -m -- "${BUILD:-$project/build}")
	make -s -C "$project" BUILD="$build" "$build/groups" "$build/pyroute" || die "cannot build it"
	[[ -d /var/lib/pyroute/rootfs ]] || die "there are no clients' files: run scripts/install.sh"
	install_packages qemu-system-x86 e2fsprogs busybox-static cpio kmod mmdebstrap \
		debian-archive-keyring
	work=$(mktemp -d "${TMPDIR:-/var/tmp}/pyroute-groups.XXXXXX")
	trap 'rm -rf --one-file-system "$work"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	cd "$work"
	fetch_kernel linux-image-cloud-amd64
	make_initrd /lib/systemd/systemd
	make_disk
	run_machine systemd.show_status=0 systemd.unified_cgroup_hierarchy=1
}

# ---- inside ---------------------------------------------------------------------------------------

# login COMMAND: a login of the user's own, with a session of logind's.
login() {
	timeout 60 su -l "$USER_NAME" -c "$1"
}

# desktop COMMAND: as what a desktop starts, below the user's systemd.
desktop() {
	login "XDG_RUNTIME_DIR=/run/user/$USER_ID systemd-run --user --scope --quiet bash -c ${1@Q}"
}

# given COMMAND: in $TOP/given/home, below $TOP/given, which is the user's without any systemd.
given() {
	timeout 60 bash -c 'echo 0 >'"$TOP"'/given/home/cgroup.procs && exec setpriv --reuid='"$USER_ID"' \
		--regid='"$USER_ID"' --clear-groups bash -c "$1"' bash "$1"
}

eventually() {
	local patience=100

	until "$@"; do
		((patience-- > 0)) || return 1
		sleep 0.1
	done
}

there_is_nothing() {
	[[ -z $(find "$TOP" -name '*pyroute*' -print) ]]
}

nothing_stays() {
	eventually there_is_nothing || { find "$TOP" -name '*pyroute*' && return 1; }
}

# says PATTERN COMMAND...: it fails with 1 and one line that the pattern, extended, fits.
says() {
	local pattern=$1 said

	said=$(ends_with 1 "${@:2}" 2>&1) || { echo "$said" && return 1; }
	echo "$said"
	[[ $(grep -c '^groups: ' <<<"$said") == 1 ]] && grep -qE "$pattern" <<<"$said"
}

# settles HOW PARENT: the group of a command that is run HOW is client1 in PARENT, a pattern, with
# the limits; and it all goes.
settles() {
	local said parent

	said=$("$1" '/srv/groups run sh -c "
		sed s/0::// /proc/self/cgroup
		cd /sys/fs/cgroup\$(sed s/0::// /proc/self/cgroup) &&
			cat pids.max memory.max memory.swap.max"') || { echo "$said" && return 1; }
	echo "$said"
	parent=$(head -n 1 <<<"$said")
	[[ $parent =~ ^$2$ ]] &&
		[[ $said == "$parent"$'\n'"/$parent/client1"$'\n'256$'\n'$((256 << 20))$'\n'0 ]] &&
		nothing_stays
}

# stops_forks HOW: 400 forks are asked for; python is one of the 256 itself.
stops_forks() {
	local said

	cat >/srv/forks.py <<-'END'
		import os, signal, time
		children = []
		try:
		    while len(children) < 400:
		        children.append(os.fork())
		        if children[-1] == 0:
		            time.sleep(100)
		            os._exit(0)
		except BlockingIOError:
		    pass
		print(len(children))
		for child in children:
		    os.kill(child, signal.SIGKILL)
		    os.waitpid(child, 0)
	END
	said=$("$1" '/srv/groups run python3 /srv/forks.py')
	echo "$said"
	[[ $(tail -n 1 <<<"$said") == 255 ]] && nothing_stays
}

# Within the limit it lives; its killer is the limit, and not the machine's memory.
ends_glutton() {
	local program='print(len(b"x" * (SIZE << 20)))'

	"$1" "/srv/groups run python3 -c '${program/SIZE/150}'" &&
		ends_with 137 "$1" "/srv/groups run python3 -c '${program/SIZE/400}'" && nothing_stays
}

# has_parent: a "groups run" has told its parent group in /srv/said/run.
has_parent() {
	parent=$(head -n 1 /srv/said/run 2>/dev/null)
	[[ $parent && -n $(cat "$TOP/$parent/client1/cgroup.procs" 2>/dev/null) ]]
}

# keep HOW: leaves one that goes on, and sets PARENT.
keep() {
	mkdir -p /srv/said && : >/srv/said/run
	"$1" 'exec /srv/groups run sleep 1000' >/srv/said/run 2>&1 &
	eventually has_parent || { cat /srv/said/run && return 1; }
}

# Ends the starter in PARENT, and then the process in its group, so that nobody removes that.
crash() {
	local child

	child=$(<"$TOP/$parent/client1/cgroup.procs") &&
		kill -KILL "$(ps -o ppid= -p "$child" | tr -d ' ')" && kill -KILL "$child"
}

goes_when_killed() {
	keep login && echo "$parent" && crash && nothing_stays
}

# From another login, that is.
lets_in() {
	local said

	keep "$1" && echo "$parent" || return
	! login "echo 0 >$TOP/$parent/client1/cgroup.procs" || return # the control
	said=$(login "/srv/groups approach $parent cat /proc/self/cgroup")
	echo "$said"
	[[ $said == "0::/$parent/client1" && $(login "/srv/groups memory $parent") -gt 4096 ]]
}

# With another login than that which made them.
can_be_removed() {
	crash && login "/srv/groups remove $parent" && nothing_stays
}

# The user's systemd hangs: so does the D-Bus call.
gives_up() {
	local systemd status=0

	systemd=$(systemctl show -P MainPID "user@$USER_ID.service")
	kill -STOP "$systemd"
	says 'no answer from it in 2 seconds$' runuser -u "$USER_NAME" -- /srv/groups run true || status=1
	kill -CONT "$systemd"
	return "$status"
}

# Without the way to the user's systemd.
says_both_reasons() {
	says "session-.*\.scope: none of them is its user's; .*there is no /run/user/$USER_ID/bus" \
		login "cd /run/user/$USER_ID && mv bus hidden && ! /srv/groups run true && mv hidden bus &&
			exit 1"
}

give() {
	mkdir -p "$TOP/given/home" &&
		chown $USER_ID:$USER_ID "$TOP"/given{,/home}{,/cgroup.{procs,subtree_control}}
}

as_before() {
	rmdir "$TOP/given/home" "$TOP/given"
}

from_logins() {
	check "a login lives in a group of root's" \
		login 'grep "^0::/user.slice/user-1000.slice/session-.*\.scope$" /proc/self/cgroup'
	check "there is no place for groups around it" says_both_reasons
	check "it gets one in a scope, with limits, and nothing stays" \
		settles login "$SERVICE/app.slice/pyroute-$NUMBER\.scope/pyroute-$NUMBER"
	loginctl enable-linger "$USER_NAME" # what follows need not wait for a user's systemd
	check "there forks are stopped at 256 processes" stops_forks login
	check "there who takes too much memory is killed" ends_glutton login
	check "when all of it is killed it goes by itself" goes_when_killed
	check "another login can enter such a group, where it asks for it" lets_in login
	check "another login can remove them" can_be_removed
	check "a user's systemd that hangs is given up" gives_up
	check "afterwards it works again" \
		settles login "$SERVICE/app.slice/pyroute-$NUMBER\.scope/pyroute-$NUMBER"
}

from_elsewhere() {
	check "below the user's systemd there is a place, and none is asked for" \
		settles desktop "$SERVICE/app.slice/pyroute-$NUMBER"
	check "a login can enter a group that was made there" lets_in desktop
	check "a login can remove them too" can_be_removed
	check "a part of the tree is given to the user" give
	check "there the place is the nearest group that holds no process" \
		settles given "given/pyroute-$NUMBER"
	check "there forks are stopped too" stops_forks given
	check "there who takes too much memory is killed too" ends_glutton given
	check "nothing is left in it" as_before
	check "a user without a systemd is told so" \
		says "test.*none of them is its user's; .*there is no /run/user/$STRANGER/bus" \
		setpriv --reuid=$STRANGER --regid=$STRANGER --clear-groups /srv/groups run true
	check "root's groups are made at the top" ends_with 0 grep -qx "pyroute-$NUMBER" \
		-E <(/srv/groups run true)
}

# at_work LOGIN COMMAND: in the checkout.
at_work() {
	"$1" "cd $CHECKOUT && $2"
}

# starts LOGIN: without a word of other limits, and its first client is in a group that has them.
starts() {
	local group pid

	at_work "$1" "pyroute start stage1" >started 2>&1 || { cat started && return 1; }
	cat started
	! grep -q "control groups" started || return 1
	at_work "$1" "pyroute ps --json" >clients
	grep -qE '"memory_bytes": ?[1-9]' clients || { cat clients && return 1; }
	pid=$(sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' clients | head -n 1)
	group=$TOP$(sed -n 's/^0:://p' "/proc/$pid/cgroup")
	echo "$group"
	[[ $group == "$TOP/$SERVICE/"*/pyroute-*/client1 ]] &&
		[[ $(<"$group/memory.max") == $((256 << 20)) && $(<"$group/pids.max") == 256 ]]
}

# The doors open from another login than the stage was started in.
enters() {
	[[ $(at_work login "pyroute connect client1 -- sed -n s/^0:://p /proc/self/cgroup") == / ]]
}

stops() {
	at_work login "pyroute stop" && eventually nothing_of_stages
}

root_stops() {
	at_work root "pyroute stop" && eventually nothing_of_stages
}

nothing_of_stages() {
	[[ -z $(find "$TOP" -type d -name 'pyroute-*') ]]
}

root() {
	timeout 60 bash -c "$1"
}

# births LOGIN COUNT COMMAND: COMMAND bears so many in control groups, which alone clone3(2) is called
# for, and fails to bear none. Who traces a start goes on as long as its stage.
births() {
	local calls

	at_work "$1" "rm -rf ../calls && mkdir ../calls && : >../ended &&
		(setsid strace -qq -ff -o ../calls/of -e trace=clone3 sh -c '$3; echo \$? >../ended' &)
		until grep . ../ended; do sleep 1; done" || return
	calls=$(cat "$CHECKOUT"/../calls/*)
	echo "$calls"
	[[ $(<"$CHECKOUT/../ended") == 0 && $(grep -c '^clone3' <<<"$calls") == "$2" &&
		$(grep -cE '^clone3.* = [1-9][0-9]*$' <<<"$calls") == "$2" ]]
}

# While the client has no room for another process: a limit of none is one that it is above.
enters_full() {
	local group status=0

	group=$(find "$TOP" -path '*/pyroute-*/client1' -type d)
	echo 0 >"$group/pids.max"
	[[ $(at_work login "pyroute connect client1 -- sh -c 'echo \$((6 * 7))'") == 42 ]] || status=1
	echo 256 >"$group/pids.max"
	return "$status"
}

stages() {
	check "a stage that is started in a login has control groups" starts login
	check "another login enters a client of it" enters
	check "another login stops it, and no group is left" stops
	check "its clients are born in their groups" births login 2 "pyroute start stage1"
	check "what enters one is born there" births login 1 "pyroute connect client1 -- true"
	check "one that has as many processes as it may has still the keeper move in who enters" \
		enters_full
	check "it stops too" stops
	check "so it is with one that is started below the user's systemd" starts desktop
	check "a login enters that too" enters
	check "and stops it" stops
	check "a keeper of root's does not even try to bear clients so" \
		births root 0 "pyroute start stage1"
	check "what root enters one with is born there" births root 1 "pyroute connect client1 -- true"
	check "root stops it, and no group is left" root_stops
}

inside() {
	set +o pipefail
	say "# $(uname -sr), $(systemctl --version | head -n 1)"
	from_logins
	from_elsewhere
	stages
	finish
}

case ${1:-} in
--inside) inside ;;
'') outside ;;
*) die "usage: sudo tests/user-groups.sh" ;;
esac
