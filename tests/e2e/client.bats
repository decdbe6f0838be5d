#!/usr/bin/env bats
# What a client is like from inside, and what the student does there.

load helpers

@test "a client has its name, its addresses and its default route" {
	stage_start
	[[ $(connect client2 -- hostname) == client2 ]]
	connect client2 -- ip -o -4 addr show eth0 | grep -F ' inet 2.2.2.2/24 '
	[[ $(connect client2 -- cat /sys/class/net/eth0/address) == 02:42:02:02:02:02 ]]
	connect client2 -- ip route show default | grep -F 'default via 2.2.2.1 dev eth0'
	[[ $(connect client2 -- cat /proc/sys/net/ipv4/ip_forward) == 0 ]]
	[[ -z $(connect client2 -- ip -6 addr show dev eth0) ]]
}

@test "every client is known to the others by name" {
	stage_start
	router_start plain.py
	connect client1 -- ping -c 1 -W 9 client2
	[[ $(connect client1 -- getent hosts client2) == *2.2.2.2* ]]
	[[ $(connect client2 -- getent hosts client1) == *1.1.1.2* ]]
	connect client1 -- getent hosts localhost
}

@test "tcpdump in a client sees the ping of another" {
	stage_start
	router_start plain.py
	background_start "$OUT" connect client2 -- timeout $((10 * SLOWNESS)) tcpdump -i eth0 -n -l -c 2 icmp
	wait_for "$OUT" '^listening on eth0'
	connect client1 -- ping -c 2 -i 0.2 -W 9 2.2.2.2
	wait "${BACKGROUND[-1]}"
	cat "$OUT"
	grep -q '1.1.1.2 > 2.2.2.2: ICMP echo request' "$OUT"
	grep -q '2.2.2.2 > 1.1.1.2: ICMP echo reply' "$OUT"
}

@test "scapy in a client gets its answer" {
	stage_start
	router_start plain.py
	connect client1 -- python3 -c '
from scapy.all import IP, ICMP, sr1
answer = sr1(IP(dst="2.2.2.2") / ICMP() / b"hello", timeout=5, verbose=False)
print(answer.src, answer[ICMP].type)' >"$OUT"
	[[ $(<"$OUT") == "2.2.2.2 0" ]]
}

@test "iperf3 measures between two clients" {
	stage_start
	router_start plain.py
	background_start "$OUT" connect client2 -- timeout $((30 * SLOWNESS)) iperf3 -s -1 --forceflush
	wait_for "$OUT" '^Server listening'
	connect client1 -- iperf3 -c client2 -t 1 --json >"$OUT.json"
	"$PYTHON" -c '
import json, sys
assert json.load(sys.stdin)["end"]["sum_received"]["bytes"] > 1000000 / int(sys.argv[1])' "$SLOWNESS" <"$OUT.json"
}

# host: its clients have one user id only, and sshd needs another
# bats test_tags=host
@test "ssh goes from one client to the other" {
	stage_start
	router_start plain.py
	connect client2 -- /usr/sbin/sshd
	# It goes into the background before it listens.
	[[ $(connect client1 -- ssh -o BatchMode=yes -o ConnectTimeout=10 -o ConnectionAttempts=10 \
		client2 hostname) == client2 ]]
}

@test "a pipe through connect is clean and whole" {
	stage_start
	[[ $(echo hi | connect client1 -- cat) == hi ]]
	connect client1 -- sh -c 'head -c 10000000 /dev/zero' | cmp - <(head -c 10000000 /dev/zero)
	head -c 10000000 /dev/zero | connect client1 -- sha256sum >"$OUT"
	diff "$OUT" <(head -c 10000000 /dev/zero | sha256sum)
	connect client1 -- sh -c 'echo out; echo err >&2' >"$OUT" 2>"$OUT.err"
	[[ $(<"$OUT") == out && $(<"$OUT.err") == err ]]
	run ! connect client1 -- sh -c '[ -t 0 ] || [ -t 1 ]' </dev/null
}

@test "connect ends with the status of its command" {
	stage_start
	run connect client1 -- true
	[[ $status == 0 ]]
	run connect client1 -- sh -c 'exit 7'
	[[ $status == 7 ]]
	run connect client1 -- sh -c 'kill -TERM $$'
	[[ $status == 143 ]]
	fails_with 126 connect client1 -- /etc/hostname
	fails_with 127 connect client1 -- /no/such/program
	fails_with 127 connect client1 -- no-such-program
}

@test "a client sees its own processes alone" {
	stage_start
	background "$OUT" connect client2 -- sh -c 'echo ready; sleep 60'
	connect client1 -- ps -e -o args= >"$OUT"
	cat "$OUT"
	[[ $(wc -l <"$OUT") -le 3 ]]
	run ! grep 'sleep 60' "$OUT"
	[[ $(connect client1 -- sh -c 'echo $$') -lt 100 ]]
}

# red: service.c sends the doors of the client's control group with its namespaces
# red: answer_admit() in service.c moves a sender whose pid is 0 (the keeper itself, by that)
# host: in private mode the groups, where there are any, are the user's own
# bats test_tags=host
@test "the control group of a client is entered with the keeper's help, by nobody outside the stage" {
	local groups
	checkout_give
	student_sudo_pyroute start stage1
	# As strace shows files: none that was sent is a control group's.
	strace --user="$STUDENT" -f -y -qq -e trace=recvmsg -o "$BATS_TEST_TMPDIR/trace" \
		pyroute connect client1 -- cat /proc/self/cgroup >"$OUT"
	grep -q 'SCM_RIGHTS.*net:\[' "$BATS_TEST_TMPDIR/trace"
	run ! grep cgroup.procs "$BATS_TEST_TMPDIR/trace"
	# In the client's own view its group is the topmost: it was moved there.
	grep -q ':memory:/$\|^0::/$' "$OUT"
	groups=$(</proc/self/cgroup)
	run as_student "$PYTHON" -c '
import socket, struct, sys
keeper = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
keeper.connect(sys.argv[1])
admit = 5
keeper.send(struct.pack("I64s", admit, b"client1"))
code, = struct.unpack_from("i", keeper.recv(65536))
print(code, open("/proc/self/cgroup").read())' "$(find "$(run_dir)" -type s)"
	[[ $output == "1 $groups"* ]]
	student_sudo_pyroute stop
}
