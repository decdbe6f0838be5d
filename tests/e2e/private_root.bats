#!/usr/bin/env bats
# Private stages and root: those that root starts, and what root does with those that a user started.
# shellcheck disable=SC2154 # complaint is set by fails_with

load helpers

# host: sudo is what it is about
# bats file_tags=host

readonly BASE=/tmp/pyroute-4711 # the ordinary user's

setup() {
	common_setup
	checkout_give
	BEFORE=$BATS_TEST_TMPDIR/before
	DURING=$BATS_TEST_TMPDIR/during
}

teardown() {
	as_student pyroute stop --dir "$CHECKOUT" >/dev/null 2>&1 || true
	as_student pyroute stop --dir "$CHECKOUT" --name other >/dev/null 2>&1 || true
	common_teardown
}

# The keeper's pid, of the ordinary user's stage.
keeper_of_student() {
	awk '/^PPid:/ { print $2 }' \
		"/proc/$(as_student pyroute ps | awk '/^client1/ { print $3 }')/status"
}

# ---- root starts one -----------------------------------------------------------------------------

# starts_private AS: a private stage that is started by AS changes nothing on the computer but
# control groups and /run/pyroute, and AS's router carries there.
starts_private() {
	host_snapshot >"$BEFORE"
	"$1" start --private stage1 >"$OUT"
	grep -q '^It is private: ' "$OUT"
	run ! grep -E 'subordinate|control groups' "$OUT"
	host_snapshot >"$DURING"
	diff "$BEFORE" "$DURING" | grep '^[<>]' >"$BATS_TEST_TMPDIR/differences"
	cat "$BATS_TEST_TMPDIR/differences"
	run ! grep -vE "^> (process: |namespace: |mount without a place: |run: /run/pyroute|cgroup: |checkout: $CHECKOUT/\.stage )" \
		"$BATS_TEST_TMPDIR/differences"
	grep -q '^> cgroup: ' "$BATS_TEST_TMPDIR/differences"
	"$1" ps --json | tr -d ' \n' | grep -F '"private":true,"root":true'
	# Its clients have all users, and limits of their own.
	[[ $("$1" connect client1 -- setpriv --reuid=www-data --clear-groups id -un) == www-data ]]
	run ! "$1" connect client1 -- ping -c 1 -W 1 2.2.2.2
	background "$BATS_TEST_TMPDIR/router" "$1" run -- "$PYTHON" "$CHECKOUT/src/plain.py"
	"$1" connect client1 -- ping -c 1 -W 9 2.2.2.2
	[[ $("$1" run -- grep Cap /proc/self/status | sort -u -k 2 | xargs) == *" 0000000000002000" ]]
}

@test "root starts a private stage, and nothing changes but control groups and /run/pyroute" {
	starts_private pyroute
	[[ $(pyroute run -- id -u) == 0 ]]
	# Nor can that root change anything there.
	run ! pyroute run -- ip link set net1 down
	pyroute stop
	background_stop # the router, which the stop has ended: it may be on its way out
	host_snapshot >"$BATS_TEST_TMPDIR/after"
	same "$BEFORE" "$BATS_TEST_TMPDIR/after"
}

@test "by sudo too: run needs no sudo then, and a stop does" {
	starts_private student_sudo_pyroute
	[[ $(student_sudo_pyroute run -- id -u) == 4711 ]]
	as_student pyroute run -- ip -o -4 addr show net1 | grep -F ' 1.1.1.1/24 '
	[[ $(as_student pyroute run -- sh -c 'echo $$ >mine; stat -c %U mine') == "$STUDENT" ]]
	as_student pyroute connect client1 -- ping -c 1 -W 9 2.2.2.2
	fails_with 1 as_student pyroute stop
	[[ $complaint == *"sudo"* ]]
	fails_with 1 as_student pyroute start stage1
	[[ $complaint == *"sudo pyroute-stage-stop" ]]
	as_student pyroute connect client1 -- true
	student_sudo_pyroute stop
	rm mine
	background_stop # the router, which the stop has ended: it may be on its way out
	host_snapshot >"$BATS_TEST_TMPDIR/after"
	same "$BEFORE" "$BATS_TEST_TMPDIR/after"
}

# ---- one of either kind --------------------------------------------------------------------------

@test "where the legs are on the computer a private start is refused, with what stops that stage" {
	student_sudo_pyroute start stage1
	fails_with 1 as_student pyroute start stage1
	[[ $complaint == "pyroute: a stage runs here that takes root to stop: sudo pyroute-stage-stop" ]]
	as_student pyroute connect client1 -- true
	[[ -e /sys/class/net/net1 && $(<.stage) == stage1 && ! -e $BASE ]]
	# By another name it runs beside that.
	as_student pyroute start --name other stage1
	as_student pyroute run --name other -- test -e /sys/class/net/net1
	student_sudo_pyroute start --name third --private stage1
	fails_with 1 as_student pyroute start --name third stage1
	[[ $complaint == *": sudo pyroute-stage-stop --name third" ]]
	student_sudo_pyroute stop --name third
	as_student pyroute stop --name other
	student_sudo_pyroute stop
	as_student pyroute start stage1
}

@test "a start by sudo, of either kind, first ends the private stage of who called" {
	local option keeper
	for option in --no-limits --private; do
		as_student pyroute start stage1
		keeper=$(keeper_of_student)
		student_sudo_pyroute start "$option" stage1
		is_dead "$keeper"
		[[ ! -e $BASE && $(<.stage) == stage1 ]]
		as_student pyroute connect client1 -- true
		student_sudo_pyroute stop
		[[ ! -e .stage ]]
	done
}

@test "sudo stops a private stage of who called, and runs and connects there, too" {
	host_snapshot >"$BEFORE"
	as_student pyroute start stage1
	student_sudo_pyroute ps | grep -E '^client1 +running'
	[[ $(student_sudo_pyroute connect client1 -- hostname) == client1 ]]
	[[ $(student_sudo_pyroute run -- sh -c 'id -u; ls /sys/class/net' | xargs) == "4711 lo net1 net2" ]]
	[[ $(student_sudo_pyroute stop) == "stage1 is stopped" ]]
	host_snapshot >"$BATS_TEST_TMPDIR/after"
	same "$BEFORE" "$BATS_TEST_TMPDIR/after"
}

# A keeper of the user's own making: it answers every request as one that is to be stopped, with a
# pidfd of the process VICTIM, and prints who asks.
false_keeper() {
	cat >src/keeper.py <<-'END'
		import array, os, socket, struct, sys
		victim, size, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
		os.unlink(path)
		listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		listener.bind(path)
		listener.listen()
		print("ready", flush=True)
		while True:
		    peer = listener.accept()[0]
		    uid = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
		    print("asked by", uid, flush=True)
		    while request := peer.recv(1000):
		        fds = array.array("i", [os.pidfd_open(victim)])
		        stop = request[0] == 4
		        peer.sendmsg([b"\0" * size], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)] if stop else [])
		        print("told to stop" if stop else "asked", flush=True)
	END
	background "$OUT" as_student "$PYTHON" src/keeper.py "$@" "$BASE"/*/socket
}

# The size of a keeper's answer: the first message that one receives who asks.
answer_size() {
	as_student strace -f -e trace=recvmsg -o "$CHECKOUT/trace" pyroute stages >/dev/null
	sed -n 's/.*recvmsg(.* = \([1-9][0-9]*\)$/\1/p' "$CHECKOUT/trace" | head -n 1
}

@test "root never acts on what the keeper of a user's own says: it asks as that user" {
	local size victim keeper command
	for command in "stop" "start stage1"; do
		as_student pyroute start stage1
		size=$(answer_size)
		[[ -n $size ]]
		keeper=$(keeper_of_student)
		sleep 100 3>&- & # root's
		victim=$!
		false_keeper "$victim" "$size"
		# shellcheck disable=SC2086 # several words
		run student_sudo_pyroute $command
		echo "$command: $status: $output"
		cat "$OUT"
		grep -q "told to stop" "$OUT"
		[[ $(grep 'asked by' "$OUT" | sort -u) == "asked by 4711" ]]
		[[ $status == 1 ]] && ! is_dead "$victim"
		kill "$victim"
		background_stop
		kill -KILL "$keeper"
		rm -rf "$BASE"
		run student_sudo_pyroute stop
	done
}

# The listener is the user's too. It takes 5 s until root gives up (STOP_TIMEOUT_MS of session.c).
# red: session.c's down_locked() tries for a minute
@test "a keeper of a user's own that hangs up on everybody holds root's lock for seconds alone" {
	local keeper
	as_student pyroute start stage1
	keeper=$(keeper_of_student)
	cat >src/keeper.py <<-'END'
		import os, socket, sys
		os.unlink(sys.argv[1])
		listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
		listener.bind(sys.argv[1])
		listener.listen()
		print("ready", flush=True)
		while True:
		    listener.accept()[0].close()
	END
	background "$OUT" as_student "$PYTHON" src/keeper.py "$BASE"/*/socket
	background_start "$OUT.start" student_sudo_pyroute start stage1
	wait_until ! flock -n /run/pyroute/lock true
	flock -w $((15 * SLOWNESS)) /run/pyroute/lock true
	wait_until is_dead "${BACKGROUND[-1]}"
	cat "$OUT.start"
	grep -q "^pyroute: " "$OUT.start"
	background_stop
	kill -KILL "$keeper"
	rm -rf "$BASE"
	run student_sudo_pyroute stop
}

# Whether a pyroute sleeps, as between two looks at a lock that somebody has.
is_waiting() {
	grep -qs nanosleep "/proc/$(pgrep -x pyroute)/wchan"
}

@test "what its caller wrote is not done with root's rights, also where a stop first waits for them" {
	local id record
	id=$(stat -c '%d %i' "$CHECKOUT" | xargs printf '%x-%x')
	record=$BASE/$id.scripts
	as_student mkdir -m 700 "$BASE"
	# shellcheck disable=SC2016 # for that shell
	background "$BATS_TEST_TMPDIR/holder" as_student flock "$record" sh -c '
		echo ready
		until [ -e "$1" ]; do sleep 0.05; done' sh "$CHECKOUT/go"
	background_start "$OUT" student_sudo_pyroute stop
	wait_until is_waiting
	as_student mkdir -m 700 "$BASE/$id"
	echo "sysctl icmp_echo_ignore_all 1" | as_student tee "$BASE/$id/journal"
	[[ $(</proc/sys/net/ipv4/icmp_echo_ignore_all) == 0 ]]
	touch "$CHECKOUT/go"
	wait_until is_dead "${BACKGROUND[-1]}"
	cat "$OUT"
	rm -rf "$BASE"
	[[ $(</proc/sys/net/ipv4/icmp_echo_ignore_all) == 0 ]]
}

@test "what of a private start by root its user owns shows them nothing of root's" {
	local trace=$BATS_TEST_TMPDIR/trace
	env SUDO_UID="$(id -u "$STUDENT")" SUDO_GID="$(id -g "$STUDENT")" timeout $((60 * SLOWNESS)) strace -D -f -qq \
		-e trace=prctl -o "$trace" pyroute start --private stage1
	stage_stop
	cat "$trace"
	# Who owns a user namespace may trace what lives in it and below, as soon as that is dumpable. One
	# is root's: that by which the ids of src/ are mapped.
	# (The one of tests/sanitizer.c, which asks first, is no product's.)
	[[ $(awk '/PR_SET_DUMPABLE, SUID_DUMP_USER/ && !asked[$1] { count++ }
		{ asked[$1] = /PR_GET_DUMPABLE/ } END { print count }' "$trace") == 1 ]]
}
