#!/usr/bin/env bats
# Routers run, and carry what the clients send: ours in tests/routers, and the student's rights.

load helpers

# ping, BYTES of TCP that arrive with an equal hash, and UDP datagrams that fill the MTU.
carries_everything() {
	local bytes=$1
	connect client1 -- ping -c 3 -i 0.2 -W 9 2.2.2.2
	connect client2 -- ping -c 1 -W 9 1.1.1.2
	carries_tcp "$bytes"
	background "$BATS_TEST_TMPDIR/udp" connect client2 -- python3 '/~/src/talk.py' udp-echo 5001
	connect client1 -- python3 '/~/src/talk.py' udp-ask 2.2.2.2 5001 20 1472
}

carries_tcp() {
	local bytes=$1 receiver
	background "$BATS_TEST_TMPDIR/came" connect client2 -- \
		python3 '/~/src/talk.py' tcp-receive 5000
	receiver=${BACKGROUND[-1]}
	connect client1 -- python3 '/~/src/talk.py' tcp-send 2.2.2.2 5000 "$bytes" \
		>"$BATS_TEST_TMPDIR/sent"
	wait "$receiver"
	grep -E "^$bytes [0-9a-f]{64}$" "$BATS_TEST_TMPDIR/sent"
	diff "$BATS_TEST_TMPDIR/sent" <(grep -vx ready "$BATS_TEST_TMPDIR/came")
}

# ci_example ROUTER: README.md's script for CI, with this in the place of the student's.
ci_example() {
	sed -n '/^## For CI/,/^```$/p' "$BATS_TEST_DIRNAME/../../README.md" |
		sed -e '1,/^```sh/d' -e '/^```$/d' >ci.sh
	grep -q 'ping .*2\.2\.2\.2' ci.sh
	cp "$1" src/router.py
	run as_caller timeout $((60 * SLOWNESS)) bash ci.sh
	echo "$output (status $status)"
}

@test "README.md's script for CI waits for a router that is slow, and tells of one that does nothing" {
	{ echo "import time; time.sleep(6)" && cat src/plain.py; } >slow.py
	ci_example slow.py
	[[ $status == 0 && $output == *"stage1 is stopped"* ]]
	echo "import time; time.sleep(60)" >idle.py
	ci_example idle.py
	[[ $status == 124 && $output == *"stage1 is stopped"* ]]
}

@test "a plain Python router carries ping, 10 MB of TCP and UDP" {
	stage_start
	router_start plain.py
	carries_everything 10000000
}

@test "a router built on scapy carries ping, 10 MB of TCP and UDP" {
	stage_start
	router_start with_scapy.py
	carries_everything 10000000
}

@test "a router with Ethernet addresses other than the legs' carries ping, 10 MB of TCP and UDP" {
	stage_start
	router_start other_macs.py
	carries_everything 10000000
	connect client1 -- ip neigh show 1.1.1.1 | grep -F 'lladdr 02:00:00:00:00:01'
}

@test "a student's router with tables and one socket a leg carries ping, 10 MB of TCP and UDP" {
	stage_start
	router_start student_style.py all
	carries_everything 10000000
}

@test "a student's router with a socket for each protocol carries ping, 10 MB of TCP and UDP" {
	stage_start
	router_start student_style.py protocols
	carries_everything 10000000
}

@test "traceroute shows the router on the way" {
	stage_start
	router_start plain.py
	connect client1 -- traceroute -n -q 1 -w 2 2.2.2.2 >"$BATS_TEST_TMPDIR/way"
	cat "$BATS_TEST_TMPDIR/way"
	grep -E '^ *1  1\.1\.1\.1 ' "$BATS_TEST_TMPDIR/way"
	grep -E '^ *2  2\.2\.2\.2 ' "$BATS_TEST_TMPDIR/way"
}

# Prints the TCP and UDP frames in the file SEEN whose checksums a receiver would refuse or that
# are larger than the MTU allows.
unfit_frames() {
	grep -E ' (tcp|udp) ' "$1" | while read -r line; do
		[[ $line =~ bytes=([0-9]+) ]]
		if [[ $line != *" sum=ok "* ]] || ((BASH_REMATCH[1] > 1514)); then echo "$line"; fi
	done
}

@test "what leaves a client has its checksums filled in and fits the MTU" {
	local seen=$BATS_TEST_TMPDIR/seen
	stage_start
	router_start plain.py
	sniffer_start "$seen" net1 net2
	carries_everything 200000
	grep -qE '^net1 in .* tcp 1.1.1.2 > 2.2.2.2 .* bytes=1514' "$seen"
	grep -qE '^net2 in .* udp 2.2.2.2 > 1.1.1.2 .* bytes=1514' "$seen"
	unfit_frames "$seen" >"$BATS_TEST_TMPDIR/unfit"
	head "$BATS_TEST_TMPDIR/unfit"
	[[ ! -s $BATS_TEST_TMPDIR/unfit ]]
}

# host: it is about the test's own check, and no stage is in it
# bats test_tags=host
@test "the same check finds unfit frames on an ordinary veth" {
	local seen=$BATS_TEST_TMPDIR/seen
	sniffer_start "$seen" host0
	background "$BATS_TEST_TMPDIR/came" ip netns exec outside \
		"$PYTHON" "$CHECKOUT/src/talk.py" tcp-receive 5000
	"$PYTHON" "$CHECKOUT/src/talk.py" tcp-send 192.0.2.254 5000 200000
	[[ -n $(unfit_frames "$seen") ]]
}

@test "a net's mtu holds for the client, the leg and what passes" {
	sed 's/^subnet   = 2.2.2.0\/24$/&\nmtu = 1300/' stages/stage1/stage.ini >"$BATS_TEST_TMPDIR/ini"
	mkdir stages/narrow
	cp "$BATS_TEST_TMPDIR/ini" stages/narrow/stage.ini
	stage_start narrow
	on_computer cat /sys/class/net/net{1,2}/mtu | diff - <(printf '%s\n' 1500 1300)
	[[ $(connect client2 -- cat /sys/class/net/eth0/mtu) == 1300 ]]
	router_start plain.py
	connect client1 -- ping -c 1 -W 9 -M "do" -s 1272 2.2.2.2
	run connect client1 -- ping -c 1 -W 2 -M "do" -s 1273 2.2.2.2
	[[ $output == *"Frag needed"*"mtu = 1300"* ]]
	carries_tcp 200000
}

# The lines of /proc/PID/status that say what a router may do, run by the command given.
rights_under() {
	"$@" cat /proc/self/status | grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs):' | tr '\t' ' '
}

has_net_raw_alone() {
	local set
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		grep -x "$set: 0000000000002000" <<<"$1"
	done
	grep -x "NoNewPrivs: 1" <<<"$1"
}

@test "a router that pyroute run starts has its caller's ids, and holds CAP_NET_RAW alone" {
	local uid gid
	uid=$(as_caller id -u) gid=$(as_caller id -g)
	stage_start
	rights=$(rights_under pyroute run --)
	echo "$rights"
	grep -x "Uid: $uid $uid $uid $uid" <<<"$rights"
	grep -x "Gid: $gid $gid $gid $gid" <<<"$rights"
	has_net_raw_alone "$rights"
}

# host: sudo is what it is about
# bats test_tags=host
@test "a router that a student starts by sudo pyroute run is the student's, with CAP_NET_RAW alone" {
	checkout_give
	student_sudo_pyroute start stage1
	rights=$(rights_under student_sudo_pyroute run --)
	echo "$rights"
	grep -x 'Uid: 4711 4711 4711 4711' <<<"$rights"
	grep -x 'Gid: 4711 4711 4711 4711' <<<"$rights"
	grep -xE 'Groups: (4711)? ?' <<<"$rights"
	has_net_raw_alone "$rights"

	background "$BATS_TEST_TMPDIR/router" student_sudo_pyroute run -- \
		"$PYTHON" "$CHECKOUT/src/plain.py"
	carries_everything 100000
}

@test "a stop ends the router" {
	local router status=0
	stage_start
	router_start plain.py
	router=${BACKGROUND[-1]}
	grep -qs '[p]lain.py' /proc/[0-9]*/cmdline
	stage_stop
	wait "$router" || status=$?
	echo "status $status"
	[[ $status == 137 || $status == 143 ]]
	run ! grep -s '[p]lain.py' /proc/[0-9]*/cmdline
}

@test "a router ends with the terminal where a window or ssh runs pyroute run and nothing else" {
	local pyroute=$PYROUTE_TEST_SCRATCH/bin/pyroute
	# The second is slow to look for signals: the router is there before.
	local slow="strace -D -qq -o /dev/null -e trace=recvmsg \
		-e inject=recvmsg:delay_exit=500000 $pyroute"
	stage_start
	for pyroute in "$pyroute" "$slow"; do
		# shellcheck disable=SC2086 # one is several words
		as_caller timeout $((60 * SLOWNESS)) "$PYTHON" - $pyroute run sh -c "echo ready; exec sleep 54321" <<-'END'
			import os, pty, sys
			pid, terminal = pty.fork()
			if pid == 0:
			    os.execvp(sys.argv[1], sys.argv[1:])
			assert b"ready" in os.read(terminal, 100)
			os.close(terminal)
			sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 128 + 1)
		END
	done
	run ! grep -s '[5]4321' /proc/[0-9]*/cmdline
}

@test "pyroute run ends with the status of its command" {
	stage_start
	run pyroute run -- true
	[[ $status == 0 ]]
	run pyroute run -- sh -c 'exit 7'
	[[ $status == 7 ]]
	run pyroute run -- sh -c 'kill -KILL $$'
	[[ $status == 137 ]]
	fails_with 126 pyroute run -- "$CHECKOUT/stages/stage1/stage.ini"
	fails_with 127 pyroute run -- /no/such/program
	stage_stop
	fails_with 125 pyroute run -- true
}

# red: router.c does not ask for SUPERVISE_ORPHANS
@test "orphans of a router are reaped as they end, and the router's own end is not lost among them" {
	stage_start
	# shellcheck disable=SC2016 # expanded by the shell that runs it
	pyroute run -- bash -c '
		for i in {1..20}; do (sh -c "exit 9" &); done
		for i in {1..100}; do
			left=$(cat /proc/$PPID/task/$PPID/children)
			[[ $left == "$$ " ]] && exit 0
			sleep 0.05
		done
		echo "left: $left"
		exit 1'
	for _ in {1..20}; do
		run pyroute run -- bash -c 'for i in {1..20}; do (exit 9 &); done; exit 7'
		[[ $status == 7 ]]
	done
}

@test "pyroute run passes standard input, output and error through" {
	stage_start
	[[ $(echo in | pyroute run -- cat) == in ]]
	pyroute run -- sh -c 'echo out; echo err >&2' >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
	[[ $(<"$BATS_TEST_TMPDIR/out") == out && $(<"$BATS_TEST_TMPDIR/err") == err ]]
}
