#!/usr/bin/env bats
# Files, links and variables that a user plants for a command that has more rights than they: by sudo
# pyroute is as good as a set-user-id program. Without root the same is refused, with the same words.
# "# red:" tells the smallest change in the code that lets a test see it.
# shellcheck disable=SC2154 # complaint is set by fails_with

load helpers

readonly SECRET=eaten-by-a-grue

setup() {
	common_setup
	checkout_give
	CANARY=$BATS_TEST_TMPDIR/canary
	mkdir -p "$CANARY/stage1" "$CANARY/open"
	sed "s/^title.*/title = $SECRET/" stages/stage1/stage.ini >"$CANARY/stage1/stage.ini"
	echo "$SECRET" >"$CANARY/file"
	echo "$SECRET" >"$CANARY/open/file"
	chmod 600 "$CANARY/file" "$CANARY/stage1/stage.ini"
	chmod 700 "$CANARY/stage1"
	chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR" "$CANARY" "$CANARY/open"
	canary_state >"$BATS_TEST_TMPDIR/canary.before"
}

teardown() {
	student_pyroute stop >/dev/null 2>&1 || true
	stage_end
	rm -rf "/tmp/pyroute-$(id -u "$STUDENT")"
	leaks_end
}

canary_state() {
	find "$CANARY" -printf '%P %y %m %U:%G %s %n %C@\n' | sort
}

canary_lives() {
	canary_state | diff "$BATS_TEST_TMPDIR/canary.before" -
}

# refused COMMAND...: as the user, fails with a line or a few, in bounded time and memory, tells nothing
# of the secret, and touches nothing.
refused() {
	local status=0
	student_limited "$@" >"$OUT" 2>&1 </dev/null || status=$?
	echo "$*: $status: $(head -c 1000 "$OUT")"
	[[ ($status == 1 || $status == 2) && $(wc -l <"$OUT") -ge 1 && $(wc -l <"$OUT") -le 11 ]]
	run ! grep -aE "$SECRET|root:|daemon|:/bin/" "$OUT"
	[[ $(wc -c <"$OUT") -lt 5000 ]]
	canary_lives
}

# As student_pyroute, with 20 seconds and 512 MiB; a sanitizer's own memory takes terabytes.
student_limited() {
	local with=(timeout --foreground $((20 * SLOWNESS)))
	ldd "$PYROUTE_TEST_SCRATCH/bin/pyroute" | grep -q libasan || with+=(prlimit --as=536870912)
	if [[ $MODE == host ]]; then
		as_student "${with[@]}" sudo "$PYROUTE_TEST_SCRATCH/bin/pyroute" "$@"
	else
		as_student "${with[@]}" pyroute "$@"
	fi
}

# red: checkout.c without stage_name_valid()
@test "a name that leads out of stages/ is no stage" {
	local name
	ln -s "$CANARY" stages/link
	for name in /etc/shadow ../stages/stage1 ../../etc/passwd stage1/../stage1 link/stage1 . .. / '' ' ' \
		-- -- $'stage1\n' $'\e[2J' "$(printf 'x%.0s' {1..5000})" "$CANARY/stage1" '*' ~root; do
		refused start "$name"
		[[ $(cat -v "$OUT") != *'^['* ]]
	done
	[[ -z $(find /run/pyroute "/tmp/pyroute-$(id -u "$STUDENT")" -name journal 2>/dev/null) ]]
}

# red: checkout.c: checkout_open_stage() without privilege_assume()
@test "whatever stands in a stage file's place is opened with the caller's rights, and nothing of it shown" {
	local kind
	mkdir stages/bad
	for kind in "ln -s /etc/shadow" "ln -s $CANARY/file" "ln -s $CANARY/stage1/stage.ini" "ln $CANARY/stage1/stage.ini" \
		"ln -s /dev/zero" "ln -s /dev/full" "ln -s /dev/tty" "ln -s /proc/self/mem" "ln -s /proc/self/environ" \
		"ln -s /proc/kmsg" "ln -s /dev/fd/0" "ln -s stage.ini" "ln -s /" "mkfifo" "mkdir" \
		"install -m 600 $CANARY/stage1/stage.ini" "truncate -s 100G" "mknod -m 666 stages/bad/stage.ini c 1 5 ; :" \
		"$PYTHON -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])'"; do
		eval "$kind stages/bad/stage.ini"
		# A hard link is a change that it makes itself.
		canary_state >"$BATS_TEST_TMPDIR/canary.before"
		refused start bad
		student_limited stages >"$OUT"
		run ! grep -aE "$SECRET|root:" "$OUT"
		rm -rf stages/bad/stage.ini
		canary_state >"$BATS_TEST_TMPDIR/canary.before"
	done
	rmdir stages/bad
	ln -s "$CANARY/stage1" stages/bad
	refused start bad
	mv stages stages.kept
	ln -s "$CANARY" stages
	refused start stage1
	rm stages
	mv stages.kept stages
	student_pyroute start stage1
}

# red: checkout.c: checkout_find() without privilege_assume()
@test "a checkout where the caller may not go is none" {
	cp -r stages src "$CANARY/stage1/"
	canary_state >"$BATS_TEST_TMPDIR/canary.before"
	refused start --dir "$CANARY/stage1" stage1
	[[ $(<"$OUT") == *"cannot open the checkout $CANARY/stage1: Permission denied"* ||
		$(<"$OUT") == *"$CANARY/stage1 is no checkout of pyroute"* ]]
	refused stages --dir "$CANARY/stage1"
	refused start --dir /etc stage1
	ln -s "$CANARY/stage1" here
	refused start --dir here stage1
}

# red: checkout.c: checkout_open_src() without O_NOFOLLOW and the check of the owner
@test "src/ is the caller's own folder, no link and nobody else's" {
	local plant
	mv src src.kept
	for plant in "ln -s /etc" "ln -s $CANARY/open" "ln -s src.kept" "cp -r $CANARY/open" "touch" "mkfifo" \
		"install -d -o $PLAIN -m 777"; do
		$plant src
		refused start stage1
		rm -rf src
	done
	mv src.kept src
	student_pyroute start stage1
	[[ $(student_pyroute connect client1 -- ls '/~/src/plain.py') == '/~/src/plain.py' ]]
}

# exchange A B...: exchanges B and the next, again and again, with A.
exchange() {
	background "$BATS_TEST_TMPDIR/exchange" as_student "$PYTHON" -c '
import ctypes, sys, time
libc = ctypes.CDLL(None)
first, others = sys.argv[1], sys.argv[2:]
print("ready", flush=True)
end = time.monotonic() + 60
while time.monotonic() < end:
    for other in others:
        for _ in range(2):
            libc.renameat2(-100, first.encode(), -100, other.encode(), 2)
            time.sleep(0.0005)' "$@"
}

# red: checkout.c as above; in private mode mount_copy_source() without its look at device and inode
@test "src/ that is exchanged with a link while a stage starts shows nothing else in a client" {
	local seen=0
	echo theirs >src/file
	ln -s "$CANARY/open" src.link
	cp -r "$CANARY/open" src.other # root's
	exchange src src.link src.other
	for _ in {1..25}; do
		student_limited start stage1 >"$OUT" 2>&1 || continue
		seen=$((seen + 1))
		[[ $(as_student pyroute connect client1 -- cat '/~/src/file') == theirs ]]
	done
	echo "$seen starts"
	[[ $seen -gt 0 ]]
	background_stop
	canary_lives
}

# A client's root plants what it can in src/, and the stage goes on, stops and starts with it. Its
# stages/ makes a checkout of src/, for who goes there.
# red: checkout.c: checkout_open_stage() without privilege_assume(); checkout_open_src() gives all that
# is in src/ to its owner by fchownat(..., 0), with root's rights (host mode; there are none in private)
@test "links that a client leaves in src/ are followed by nobody with more rights than it" {
	local kept link
	student_pyroute start stage1
	as_student pyroute connect client1 -- sh -c "cd /~/src && ln -s $CANARY/file a && ln -s $CANARY/open b &&
		ln -s / c && ln -s ../../../../../../..$CANARY/file d && ln -s ../.stage e && mkfifo f && ln -s a g &&
		ln plain.py h && ln -s /proc/1/root i && mkdir .stage && ln -s $CANARY stages"
	for link in a b/file d g; do
		run ! as_student pyroute connect client1 -- cat "/~/src/$link"
	done
	kept=$(stat -c '%U %a %h' src/h)
	student_pyroute ps
	student_pyroute stages
	cd src
	student_limited stages >"$OUT"
	run ! grep "$SECRET" "$OUT"
	refused start stage1
	cd "$CHECKOUT"
	student_pyroute start stage1
	student_pyroute stop
	canary_lives
	[[ $(stat -c '%U %a %h' src/h) == "$kept" && -L src/a && -p src/f ]]
}

# red: file.c: file_replace() writes to the file itself, and checkout_mark() does not become its owner
@test "links in the place of .stage are replaced or refused, and never followed" {
	local plant status
	for plant in "ln -s $CANARY/file" "ln -s $CANARY/new" "ln $CANARY/file" mkfifo "mkdir" "ln -s /etc/passwd"; do
		for name in .stage .stage.new; do
			$plant "$name"
			[[ $plant != mk* ]] || chown "$STUDENT:" "$name"
			canary_state >"$BATS_TEST_TMPDIR/canary.before"
			status=0
			student_limited stages >"$OUT" 2>&1
			run ! grep "$SECRET" "$OUT"
			student_limited start stage1 >"$OUT" 2>&1 || status=$?
			echo "$plant $name: $status: $(<"$OUT")"
			[[ $status == 0 || $status == 1 ]]
			[[ $status == 1 || (-f .stage && ! -L .stage && $(<.stage) == stage1) ]]
			student_limited stop >"$OUT" 2>&1 || true
			# What is not counted is that a name of it is gone.
			canary_state | sed -E 's/ [0-9]+ [0-9.]+$//' |
				diff <(sed -E 's/ [0-9]+ [0-9.]+$//' "$BATS_TEST_TMPDIR/canary.before") -
			grep -qx "$SECRET" "$CANARY/file"
			rm -rf "$name"
		done
	done
	student_pyroute start stage1
	[[ $(<.stage) == stage1 && $(stat -c %U .stage) == "$STUDENT" ]]
}

# What another user has put where a user's own stages are told of.
# red: rundir.c: open_trusted() without the check of owner and mode
@test "a run directory that somebody else has made is refused, and not written to" {
	local base plant
	base=/tmp/pyroute-$(id -u "$STUDENT")
	as_plain mkdir -m 777 "$PYROUTE_TEST_SCRATCH/plain/open"
	for plant in "ln -s $PYROUTE_TEST_SCRATCH/plain/open" "ln -s $CANARY/open" "mkdir -m 777" "mkdir -m 700" \
		"ln -s /nowhere" touch mkfifo; do
		# shellcheck disable=SC2086 # several words
		as_plain $plant "$base"
		if [[ $MODE == private ]]; then
			refused start stage1
			[[ $(<"$OUT") == *"$base "* ]]
		else
			# What root does has no need of it.
			student_pyroute start stage1
			refused start --private --name other stages/none
			student_pyroute stop
		fi
		[[ -L $base || -z $(ls "$base/" 2>/dev/null) ]]
		rm -rf "$base"
	done
	rmdir "$PYROUTE_TEST_SCRATCH/plain/open" # which is empty
	canary_lives
}

# red: rundir.c: open_trusted() without the check; file_read() without O_NOFOLLOW
# host: it is root's run directory
# bats test_tags=host
@test "links in root's run directory are not followed" {
	local id plant
	id=$(stat -c '%d %i' . | xargs printf '%x-%x')
	rm -rf /run/pyroute
	mkdir -m 777 "$BATS_TEST_TMPDIR/open"
	for plant in "ln -s $BATS_TEST_TMPDIR/open" "mkdir -m 777" "touch"; do
		$plant /run/pyroute
		fails_with 1 student_sudo_pyroute start stage1
		[[ $complaint == *"/run/pyroute "*"remove it" ]]
		rm -r /run/pyroute
	done
	mkdir -m 755 /run/pyroute
	for plant in "$id" lock "$id/journal" "$id/journal.new" "$id/socket"; do
		mkdir -p "$(dirname "/run/pyroute/$plant")"
		ln -s "$CANARY/file" "/run/pyroute/$plant"
		student_sudo_pyroute start stage1 >"$OUT" 2>&1 || true
		cat "$OUT"
		run ! grep "$SECRET" "$OUT"
		student_sudo_pyroute stop >"$OUT" 2>&1 || true
		rm -rf /run/pyroute/*
		canary_lives
	done
	[[ -z $(ls -A "$BATS_TEST_TMPDIR/open") ]]
	ip link del net1 2>/dev/null || true
	student_sudo_pyroute start stage1
}

# Fills a folder with a program of every name that there is, which leave a mark.
hostile_programs() {
	mkdir "$1"
	printf '#!/bin/sh\necho "$0 $*" >>%q\n' "$2" >"$1/a-mark"
	chmod 755 "$1/a-mark"
	"$PYTHON" -c '
import os, sys
for name in set(os.listdir("/usr/bin") + os.listdir("/usr/sbin")):
    os.symlink("a-mark", f"{sys.argv[1]}/{name}")' "$1"
}

# red: start.c runs a program, by system("ip link")
# host: sudo is what it is about
# bats test_tags=host
@test "what a caller of sudo sets in the environment runs no program of theirs and opens no file of root's" {
	local mark=$CHECKOUT/mark bin=$CHECKOUT/hostile variables given command
	hostile_programs "$bin" "$mark"
	cc -shared -fPIC -x c -o "$bin/evil.so" - <<-END
		#include <fcntl.h>
		__attribute__((constructor)) static void evil(void) { open("$mark", O_CREAT | O_WRONLY, 0666); }
	END
	# By sudo's own rule for what it is given (-E): all but what it always takes away.
	variables=(LD_PRELOAD="$bin/evil.so" LD_LIBRARY_PATH="$bin" LD_AUDIT="$bin/evil.so" GCONV_PATH="$bin"
		LOCPATH="$bin" NLSPATH="$bin/%N" BASH_ENV="$bin/a-mark" ENV="$bin/a-mark" 'BASH_FUNC_ls%%=() { a-mark; }'
		PYTHONPATH="$bin" PYTHONSTARTUP="$bin/a-mark" PERL5LIB="$bin" IFS=/ SHELLOPTS=xtrace PS4='$(a-mark)')
	# By hand, to root itself.
	given=(PATH="$bin" IFS=/e HOME="$bin" SHELL="$bin/a-mark" TMPDIR="$CANARY/stage1" TERM=../../../../etc/shadow
		TERMINFO="$bin" TERMCAP="$CANARY/file" PYROUTE_SRC_DIR="$CANARY/open" PYROUTE_STAGE_DIR="$CANARY/stage1"
		PYROUTE_STAGE_FILE="$CANARY/stage1/stage.ini" PYROUTE_NAME=../x PYTHONPATH="$bin" PYTHONHOME="$bin"
		XDG_RUNTIME_DIR="$bin" DBUS_SESSION_BUS_ADDRESS="unixexec:path=$bin/a-mark" LISTEN_FDS=3 LISTEN_PID=1
		NOTIFY_SOCKET="$bin/a-mark" LANG=../../../etc LC_ALL=../../../etc NLCB=debug NLDBG=9 EDITOR="$bin/a-mark")
	for command in "start stage1" "start --private --name other stage1" ps "ps --all" stages "connect client1 -- /bin/true" \
		"run -- /bin/true" "stop --name other" stop; do
		echo "$command"
		# shellcheck disable=SC2086 # several words
		as_student env "${variables[@]}" sudo -E env -u LD_LIBRARY_PATH "${given[@]}" \
			"$PYROUTE_TEST_SCRATCH/bin/pyroute" $command >>"$OUT" 2>&1 ||
			{ cat "$OUT" && false; }
		[[ ! -e $mark ]] || { cat "$mark" && false; }
	done
	run ! grep "$SECRET" "$OUT"
	canary_lives
	as_student sudo env PYROUTE_ENV="$CANARY" "$PYROUTE_TEST_SCRATCH/bin/pyroute" start stage1 >"$OUT" 2>&1 && false
	run ! grep "$SECRET" "$OUT"
	# It is a trap that works.
	as_student env PATH="$bin" "$bin/ls" && [[ -s $mark ]]
}
