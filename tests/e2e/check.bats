#!/usr/bin/env bats
# pyroute check and pyroute why: their verdicts on routers right and wrong, and what they leave.
# shellcheck disable=SC2154 # complaint is set by fails_with

load helpers

readonly ROUTERS=$BATS_TEST_DIRNAME/../routers

setup() {
	common_setup
	cp "$ROUTERS"/*.py src/
	checkout_give
}

# right: the command of a router that is.
readonly RIGHT='exec python3 src/plain.py'

# faulty BUG: that of one with a bug.
faulty() {
	echo "exec python3 src/faulty.py $1"
}

# verdicts OUTCOME: the names of the checks in "$OUT" that came to that.
verdicts() {
	"$PYTHON" - "$1" "$OUT" <<-'END'
		import json, sys
		checks = json.load(open(sys.argv[2]))["checks"]
		print(*(check["name"] for check in checks if check["outcome"] == sys.argv[1]))
	END
}

# reason: that of the first check that is not passed.
reason() {
	"$PYTHON" - "$OUT" <<-'END'
		import json, sys
		print(next(c["cause"]["text"] for c in json.load(open(sys.argv[1]))["checks"] if c["cause"]))
	END
}

# judges STATUS ARG...: pyroute check with these ends so; its verdicts are in "$OUT".
judges() {
	local expected=$1 status=0
	shift
	pyroute check --format json "$@" >"$OUT" || status=$?
	cat "$OUT"
	[[ $status == "$expected" ]]
}

@test "one command starts the stage and a right router, passes every question, and leaves nothing" {
	pyroute check --router "$RIGHT" stage1 >"$OUT"
	cat "$OUT"
	[[ $(grep -c '^ok ' "$OUT") == 15 ]]
	grep -E '^15 of 15 checks passed: 15 of 15 points, in [0-9.]+ s$' "$OUT"
	fails_with 1 pyroute ps
}

@test "a stage and a router that run are asked, and stay; both on one segment and over a router" {
	stage_start
	background "$BATS_TEST_TMPDIR/router" pyroute run -- python3 src/plain.py
	judges 0
	pyroute check --only ping12 --only ttl >"$OUT"
	grep -E '^2 of 2 checks passed' "$OUT"
	judges 0 --only ttl,ping12 --only tcp12
	[[ $(verdicts pass) == "ping12 tcp12 ttl" ]]
	pyroute why client1 client2 >"$OUT"
	grep -x 'Nothing is wrong.' "$OUT"
	pyroute why --json client2 client1 >"$OUT"
	"$PYTHON" - "$OUT" <<-'END'
		import json, sys
		said = json.load(open(sys.argv[1]))
		assert (said["address"], said["cause"]["step"]) == ("1.1.1.2", "none")
	END
	connect client1 -- true
}

# private: each is in a private stage of its own, many at a time
# bats test_tags=private
@test "each of many routers fails the questions that its bug breaks, and why names the step" {
	cp -r "$BATS_TEST_DIRNAME"/../stages/* stages/
	checkout_give
	cp "$ROUTERS/verdicts" src/
	as_caller timeout $((300 * SLOWNESS)) python3 src/judge.py --quick --jobs 6
}

@test "a frame is shown with the field that is wrong, and the RFC that says so" {
	stage_start
	background "$BATS_TEST_TMPDIR/router" pyroute run -- python3 src/faulty.py ttl-kept
	fails_with_output 1 pyroute why client1 client2
	grep -x '  ok           client2 is 2.2.2.2' "$OUT"
	grep -E '^  WRONG net2 +client1.s packet left on net2 with 64 as its time to live; it must be 63' "$OUT"
	grep -E '^  > time to live +64$' "$OUT"
	grep -x 'The first thing that is wrong: ttl, see RFC 1812 5.3.1' "$OUT"
	fails_with_output 1 pyroute check --only ttl
	grep -x '          wrong: time to live; see RFC 1812 5.3.1' "$OUT"
}

# fails_with_output STATUS COMMAND...: it ends so, and what it printed is in "$OUT".
fails_with_output() {
	local expected=$1 status=0
	shift
	"$@" >"$OUT" || status=$?
	cat "$OUT"
	[[ $status == "$expected" ]]
}

@test "an answer that is missing is blamed on what kept it from coming" {
	stage_start
	# Its TTL is wrong too, and first; but nothing is lost by that.
	judges 1 --only ping12 --router "$(faulty ttl-kept-one-in-ten-lost)"
	[[ $(reason) == *"packet came to the router on net"*" and was not put onto net"* ]]
	judges 1 --only ping12 --router "$(faulty late-both-ways)"
	[[ $(reason) == *": the router kept packets for up to 6"*" ms there and 6"*" ms back, of 1000 ms that there are" ]]
	# The sum is wrong because something else was changed.
	judges 1 --only ping12 --router "$(faulty identification-lost)"
	[[ $(reason) == *" with 0x0000 as its identification; it came with 0x"* ]]
	judges 1 --only ping12 --router "$(faulty crash-forward)"
	[[ $(reason) == "client1's packet came to the router on net1 and was not put onto net2 for client2; who listened there does so no more" ]]
}

@test "why asks what the stage asks of the two beyond a ping" {
	cp -r "$BATS_TEST_DIRNAME/../stages/three" stages/
	checkout_give
	stage_start three
	background "$BATS_TEST_TMPDIR/router" pyroute run -- python3 src/faulty.py error-code
	fails_with_output 1 pyroute why client1 client2
	grep -x 'client1 to client2, by expired:' "$OUT"
	grep -x 'The first thing that is wrong: payload, see RFC 1812 4.3.3.4' "$OUT"
	fails_with_output 0 pyroute why client1 net1
}

@test "without a router nothing is passed; one that does nothing passes the checks for silence alone" {
	stage_start
	judges 1
	[[ -z $(verdicts pass) ]]
	judges 1 --router "$(faulty empty)"
	[[ $(verdicts pass) == "quiet1 quiet2" ]]
	[[ $(verdicts fail) == "arp1 arp2 ping12 ping21 udp12 udp21 tcp12 tcp21" ]]
	[[ $(verdicts "could not ask") == "ttl checksum ethernet unchanged duplicate" ]]
}

@test "a router that ends, never listens, hangs, prints or ignores SIGTERM has its verdict" {
	stage_start
	judges 1 --router "echo said >&2; exit 3"
	[[ $(reason) == "the router ended with exit status 3 before it listened on a leg" ]]
	fails_with_output 1 pyroute check --router "echo it was this >&2; exit 3"
	grep -x '| it was this' "$OUT"
	judges 1 --router "kill -ILL \$\$"
	[[ $(reason) == "the router was ended by signal 4 before it listened on a leg" ]]
	# Of protocol 0x0300, where 0x0003 is everything.
	echo 'ear = __import__("socket").socket(17, 3, 3); __import__("time").sleep(1000)' >src/deaf.py
	judges 1 --router "exec python3 src/deaf.py"
	[[ $(reason) == "the router did not listen on any leg within 10 s: it has no packet socket there that ARP or IP comes to" ]]
	judges 1 --router "no-such-command"
	judges 0 --router "$(faulty prints)"
	judges 0 --router "$(faulty ignores-sigterm)"
	grep -F 'The router did not end within two seconds of SIGTERM, and was killed.' "$OUT"
	judges 0 --router "$(faulty floods)" --only ping12
}

@test "what a router started ends with it, in a session of its own too" {
	stage_start
	# A router of root's may write no more than others may.
	install -d -m 777 mark
	judges 0 --only ping12 --router \
		"(setsid sh -c 'echo \$\$ >mark/pid; exec sleep 1000' &) & $RIGHT"
	[[ -s mark/pid ]]
	no_sleep
}

@test "a check that is killed leaves no router" {
	stage_start
	background_start "$BATS_TEST_TMPDIR/check" pyroute check --router "(sleep 1000); true"
	wait_until pgrep -f '^sleep 1000$'
	# The first of ours: the others are its own.
	pkill -KILL -o -f '^pyroute check --router'
	wait_until no_sleep
}

no_sleep() {
	! pgrep -f '^sleep 1000$' >/dev/null
}

@test "SIGTERM ends check, the router, and the stage that it started" {
	local status=0
	background_start "$BATS_TEST_TMPDIR/check" pyroute check --router "exec sleep 1000" stage1
	wait_until pgrep -f '^sleep 1000$'
	pkill -TERM -o -f '^pyroute check --router'
	wait "${BACKGROUND[-1]}" || status=$?
	[[ $status == 143 ]]
	no_sleep
	fails_with 1 pyroute ps
}

@test "a client that was changed, or a computer that carries, makes every check unasked" {
	stage_start
	background "$BATS_TEST_TMPDIR/router" pyroute run -- python3 src/plain.py
	judges 0 --only ping12
	connect client1 -- ip address add 9.9.9.9/24 dev eth0
	judges 1 --only ping12
	[[ $(reason) == *"eth0 has the address 9.9.9.9/24, which the stage does not give it: stop the stage and start it again" ]]
	connect client1 -- ip address del 9.9.9.9/24 dev eth0
	judges 0 --only ping12
	connect client1 -- ip route replace default via 1.1.1.77
	judges 1 --only ping12
	[[ $(reason) == *"1.1.1.77"*", which the stage does not give it: "* ]]
	connect client1 -- ip route replace default via 1.1.1.1
	connect client1 -- ip link set eth0 address 02:00:00:00:00:09
	judges 1 --only ping12
	[[ $(reason) == *"eth0 has the Ethernet address 02:00:00:00:00:09, and in the stage 02:42:01:01:01:02: "* ]]
}

# host: in a private stage the filter may be nftables', which nobody but its user can take away
# bats test_tags=host
@test "where the computer forwards, or a leg has lost its silence, every check is unasked" {
	stage_start
	background "$BATS_TEST_TMPDIR/router" pyroute run -- python3 src/plain.py
	judges 0 --only ping12
	on_computer tc qdisc del dev net1 clsact
	judges 1 --only ping12
	[[ $(reason) == "the computer's net1 has not its filter any more: "* ]]
}

# host: in a private stage nobody writes the settings of its network
# bats test_tags=host
@test "where ip forwarding was switched on every check is unasked" {
	stage_start
	background "$BATS_TEST_TMPDIR/router" pyroute run -- python3 src/plain.py
	echo 1 >/proc/sys/net/ipv4/ip_forward
	judges 1
	echo 0 >/proc/sys/net/ipv4/ip_forward
	[[ -z $(verdicts pass) ]]
	[[ $(reason) == "ip forwarding is on: the computer itself carries packets: stop the stage "* ]]
}

@test "with a router beside it --router is not taken for a proof" {
	stage_start
	background "$BATS_TEST_TMPDIR/router" pyroute run -- python3 src/plain.py
	judges 1 --router "$RIGHT"
	[[ -z $(verdicts pass) ]]
	[[ $(reason) == "before the router ran this computer put onto net"*"; a program listens there already: end it" ]]
}

@test "who only looks on, as tcpdump does, is no router beside it" {
	stage_start
	background_start "$BATS_TEST_TMPDIR/tcpdump" on_computer tcpdump -lni net1
	wait_until grep -q listening "$BATS_TEST_TMPDIR/tcpdump"
	judges 0 --router "sleep 0.5; $RIGHT"
}

@test "what is kept are the captures of every wire and what the router printed" {
	judges 1 --router "$(faulty ttl-kept)" --keep "$CHECKOUT/kept" stage1
	[[ $(<kept/router.log) == ready ]]
	tcpdump -nr kept/net1.pcapng 'icmp[icmptype] = icmp-echo and ip[8] = 64 and src 1.1.1.2' | grep 2.2.2.2
	tcpdump -nr kept/net2.pcapng 'icmp[icmptype] = icmp-echo and ip[8] = 64 and src 1.1.1.2' | grep 2.2.2.2
	[[ $MODE == host || $(stat -c %u kept/net1.pcapng) == "$(as_student id -u)" ]]
	fails_with_output 1 pyroute check --router "$RIGHT" --keep /proc/no --only ping12 stage1 \
		2>"$BATS_TEST_TMPDIR/complaint"
	grep -F 'pyroute: --keep: cannot make the folder /proc/no: ' "$BATS_TEST_TMPDIR/complaint"
}

@test "TAP, JUnit and JSON say the same" {
	stage_start
	fails_with_output 1 pyroute check --format tap --router "$(faulty ttl-kept)"
	grep -x '1..15' "$OUT"
	grep -E '^not ok 9 - ttl: The router makes' "$OUT"
	grep -E '^  step: "ttl"$' "$OUT"
	fails_with_output 1 pyroute check --format junit --router "$(faulty ttl-kept)"
	"$PYTHON" - "$OUT" <<-'END'
		import sys, xml.etree.ElementTree as tree
		suite = tree.parse(sys.argv[1]).getroot()
		assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("15", "1", "0")
		(failure,) = suite.iter("failure")
		assert failure.get("type") == "ttl" and "it must be 63" in failure.get("message")
	END
	judges 1 --router "$(faulty ttl-kept)"
	[[ $(verdicts fail) == ttl ]]
}

@test "whatever a router prints, each format stays what it is" {
	local format router='printf "a\\000\\033]0;t\\007\\377]]>&<\\303\\251\\n"; exit 3'
	stage_start
	for format in human tap junit json; do
		fails_with_output 1 pyroute check --only ttl --format "$format" --router "$router"
		"$PYTHON" - "$OUT" "$format" <<-'END'
			import json, sys, xml.etree.ElementTree as tree
			text = open(sys.argv[1], encoding="utf-8", errors="strict").read()
			shown = "a\\x00\\x1b]0;t\\x07\\xff]]>&<\u00e9"
			print(text)
			assert all(sign == "\n" or sign.isprintable() for sign in text)
			if sys.argv[2] == "junit":
			    text = tree.fromstring(text).find("system-out").text
			elif sys.argv[2] == "json":
			    text = json.loads(text)["output"]
			assert shown in text
		END
	done
}

# own_stage: a stage "own" of two nets, and what more comes on standard input.
own_stage() {
	mkdir -p stages/own
	{
		printf '%s\n' '[stage]' 'title = T' '[net1]' 'subnet = 1.1.1.0/24' 'computer = 1.1.1.1' \
			'[net2]' 'subnet = 2.2.2.0/24' 'computer = 2.2.2.1' \
			'[client1]' 'net1 = 1.1.1.2' 'gateway = 1.1.1.1' '[client2]' 'net2 = 2.2.2.2' 'gateway = 2.2.2.1' \
			'[client3]' 'net1 = 1.1.1.3'
		cat
	} >stages/own/stage.ini
	checkout_give
}

@test "a router that has ended by the end has kept no silence" {
	stage_start
	judges 0 --only quiet1 --router "$RIGHT"
	echo 'ear = __import__("socket").socket(17, 3, 768); __import__("time").sleep(0.6)' >src/brief.py
	judges 1 --only quiet1 --router "exec python3 src/brief.py"
	[[ $(reason) == "the router had ended by the end, and its silence proves nothing" ]]
}

@test "a client that has no part in a question is looked at too, and asked again is each of many" {
	own_stage <<-'END'
		[check arp]
		title = T
		probe = arp
		from = client1
		to = net1
		[check many]
		title = T
		probe = tcp
		size = 10
		count = 3
		from = client1
		to = client2
		[check way]
		title = T
		probe = ping
		from = client3
		to = client2
	END
	stage_start own
	judges 0 --router "$RIGHT" --only arp,many --keep "$CHECKOUT/kept"
	[[ $(tcpdump -nr kept/net1.pcapng 'tcp[tcpflags] == tcp-syn and src 1.1.1.2' | wc -l) == 3 ]]
	judges 1 --router "$RIGHT" --only many,way
	[[ $(verdicts pass) == many ]]
	[[ $(reason) == "client3 has no way to whom it asks: the stage gives it no gateway" ]]
	connect client3 -- ip address add 1.1.1.1/24 dev eth0
	judges 1 --only arp
	[[ $(reason) == *"eth0 has the address 1.1.1.1/24, which the stage does not give it: "* ]]
}

@test "a command in a client is asked where a router listens, and ends with the check" {
	local status=0
	own_stage <<-'END'
		[check command]
		title = T
		probe = run
		from = client1
		run = test $(ping -c 1 client2 | grep -c ttl=63) = 1
		within = 60s
		[check long]
		title = T
		probe = arp
		from = client1
		to = 1.1.1.99
		expect = silence
		within = 60s
	END
	stage_start own
	judges 1 --only command
	[[ $(reason) == "nobody listens on any leg: "* ]]
	judges 0 --only command --router "$RIGHT"
	background_start "$BATS_TEST_TMPDIR/check" pyroute check --only long --router "$RIGHT"
	wait_until pgrep -f '^python3 src/plain.py$'
	pkill -TERM -o -f '^pyroute check --only long'
	wait "${BACKGROUND[-1]}" || status=$?
	[[ $status == 143 ]]
}

@test "a stage without a net of the computer's has nothing for a router to do, and another is not ended" {
	mkdir -p stages/own
	printf '%s\n' '[stage]' 'title = T' '[net1]' 'subnet = 1.1.1.0/24' '[client1]' 'net1 = 1.1.1.2' \
		'[client2]' 'net1 = 1.1.1.3' '[check a]' 'title = T' 'probe = ping' 'from = client1' \
		'to = client2' >stages/own/stage.ini
	checkout_give
	stage_start own
	fails_with 1 pyroute check
	[[ $complaint == *"no net of own has the computer on it: there is nothing for a router to do" ]]
	fails_with 1 pyroute check --router "$RIGHT" stage1
	[[ $complaint == *"own runs, and not stage1; stop it first: pyroute stop" ]]
	connect client1 -- true
}

@test "nothing that is no file is written to, or waited for" {
	as_caller mkdir -p kept
	as_caller mkfifo kept/net1.pcapng
	fails_with_output 1 timeout 60 pyroute check --router "$RIGHT" --keep "$CHECKOUT/kept" --only ping12 stage1 \
		2>"$BATS_TEST_TMPDIR/complaint"
	grep -x 'pyroute: --keep: net1.pcapng is no file; take it away' "$BATS_TEST_TMPDIR/complaint"
}

@test "what is wrong with a command line or a stage is said in one line" {
	fails_with 1 pyroute check
	[[ $complaint == *"no stage runs: start one and your router, or name one with --router COMMAND" ]]
	fails_with 2 pyroute check --format xml
	[[ $complaint == *'--format "xml": there is no such format; use human, tap, junit or json' ]]
	fails_with 2 pyroute check --only
	[[ $complaint == *"--only needs the name of a check; see pyroute check --help" ]]
	stage_start
	fails_with 2 pyroute check --only ping13
	[[ $complaint == *"stage1 has no check ping13; did you mean ping12?" ]]
	fails_with 2 pyroute why client1 client7
	[[ $complaint == *"client7: there is no [client7]"* ]]
	fails_with 2 pyroute why net1 client2
	[[ $complaint == *"net1: name a client, as client1" ]]
	fails_with 2 pyroute ps --only x
	[[ $complaint == *"no option --only; see pyroute ps --help" ]]
}
