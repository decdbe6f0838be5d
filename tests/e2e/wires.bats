#!/usr/bin/env bats
# What a net's delay, loss and rate do, and that no client can undo it.
# shellcheck disable=SC2154 # complaint is set by fails_with

load helpers

readonly RATE=$((2000 / SLOWNESS)) # kbit/s
readonly EVERYBODY=ff:ff:ff:ff:ff:ff

# shaped NAME LINE...: a stage with these lines in net1, which is a leg and has client1; client2 is
# on net1 too where a line "computer" is not given.
shaped() {
	local name=$1 ends=2

	shift
	[[ " $*" != *" computer"* ]] || ends=1
	{
		printf '%s\n' '[stage]' 'title = Shaped' '[net1]' 'subnet = 1.1.1.0/24' "$@"
		for ((i = 1; i <= ends; i++)); do
			printf '%s\n' "[client$i]" "net1 = 1.1.1.$((i + 1))"
		done
	} | stage_make "$name"
}

readonly LEG='computer = 1.1.1.1'

# Three clients on one segment with a leg.
shaped_segment() {
	shaped "$1" "$LEG" "${@:2}"
	printf '%s\n' '[client2]' 'net1 = 1.1.1.3' '[client3]' 'net1 = 1.1.1.4' \
		>>"stages/$1/stage.ini"
}

# on PLACE COMMAND...: in a client, or on the computer's side where PLACE is leg.
on() {
	if [[ $1 == leg ]]; then on_computer "${@:2}"; else connect "$@"; fi
}

# The probe of PLACE, and its interface there.
flow() {
	local place=$1 word=$2 interface=eth0 probe='/~/src/flow.py'

	[[ $place != leg ]] || interface=net1 probe=$CHECKOUT/src/flow.py
	on "$place" "$PYTHON" "$probe" "$word" "$interface" "${@:3}"
}

# throughput FROM TO [TARGET]: sets rate to the bits a second that come of 20 Mbit/s.
throughput() {
	local out=$BATS_TEST_TMPDIR/rate receiver

	background "$out" flow "$2" measure
	receiver=${BACKGROUND[-1]}
	flow "$1" send "${3:-$EVERYBODY}" flow --count 5000 --size 1000 --mbit 20
	wait "$receiver"
	rate=$(tail -n 1 "$out")
	echo "from $1 to $2: $rate bit/s"
}

# Within a wide margin, for the machine may be busy.
is_as_said() {
	((rate > 700 * RATE && rate < 1300 * RATE))
}

exceeds_rate() {
	((rate > 4000 * RATE))
}

# in_three CONDITION COMMAND...: COMMAND measures a rate for which CONDITION holds, at the third time at
# the latest: a machine that stood still for a second has measured that.
in_three() {
	local _
	for _ in 1 2 3; do
		"${@:2}"
		! "$1" || return 0
	done
	return 1
}

@test "a rate holds between two clients, either way, and without one there is more" {
	shaped slow "rate = ${RATE}kbit"
	stage_start slow
	in_three is_as_said throughput client1 client2
	in_three is_as_said throughput client2 client1
	shaped free
	stage_start free
	in_three exceeds_rate throughput client1 client2
}

@test "a rate holds between a leg and its client, either way, and without one there is more" {
	shaped slow "$LEG" "rate = ${RATE}kbit"
	stage_start slow
	in_three is_as_said throughput leg client1
	in_three is_as_said throughput client1 leg
	shaped free "$LEG"
	stage_start free
	in_three exceeds_rate throughput leg client1
	in_three exceeds_rate throughput client1 leg
}

@test "a rate holds for each end of a segment, and without one there is more" {
	shaped_segment slow "rate = ${RATE}kbit"
	stage_start slow
	in_three is_as_said throughput leg client2
	in_three is_as_said throughput client1 client3
	in_three is_as_said throughput client3 leg
	shaped_segment free
	stage_start free
	in_three exceeds_rate throughput client1 client3
}

# Sets rate to the bits a second of TCP from client1 to iperf3 in client2.
tcp_throughput() {
	connect client1 -- iperf3 -J -t 4 -O 1 -c 1.1.1.3 >"$BATS_TEST_TMPDIR/iperf"
	rate=$("$PYTHON" -c 'import json, sys
print(int(json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"]))' \
		<"$BATS_TEST_TMPDIR/iperf")
	echo "$rate bit/s"
}

@test "TCP comes near a net's rate" {
	shaped slow "rate = ${RATE}kbit"
	stage_start slow
	background_start "$BATS_TEST_TMPDIR/server" connect client2 -- iperf3 -s --forceflush
	wait_for "$BATS_TEST_TMPDIR/server" listening
	in_three is_as_said tcp_throughput
}

@test "a client that removes and replaces what queues its frames changes nothing of the rate" {
	shaped slow "rate = ${RATE}kbit"
	stage_start slow
	connect client1 -- sh -c 'tc qdisc del dev eth0 root 2>/dev/null; tc qdisc show dev eth0;
		tc qdisc replace dev eth0 root pfifo limit 1000 && tc qdisc del dev eth0 root &&
		tc qdisc del dev eth0 clsact 2>/dev/null; tc filter del dev eth0 ingress 2>/dev/null; true'
	in_three is_as_said throughput client1 client2
}

readonly TARGETS=(02:00:00:00:00:01 "$EVERYBODY" 01:80:c2:00:00:0{0,1,2,e})

# carries_all FROM TO: what is sent there comes, in its order.
carries_all() {
	local mac seen=$BATS_TEST_TMPDIR/seen.$2 interface=eth0 probe='/~/src/sniff.py'

	[[ $2 != leg ]] || interface=net1 probe=$CHECKOUT/src/sniff.py
	background "$seen" on "$2" "$PYTHON" "$probe" $interface
	for mac in "${TARGETS[@]}"; do
		flow "$1" send "$mac" any --source 02:00:00:00:00:07 --count 3
	done
	wait_for "$seen" '> 01:80:c2:00:00:0e .* probe:any-3$'
	for mac in "${TARGETS[@]}"; do
		printf "$interface in 02:00:00:00:00:07 > $mac type-88b5 bytes=60 probe:any-%s\n" 1 2 3
	done | diff - <(grep -v ready "$seen")
}

@test "a shaped wire of two ends carries whatever a frame's addresses are, in order, either way" {
	shaped slow "$LEG" 'rate = 10gbit'
	stage_start slow
	carries_all client1 leg
	carries_all leg client1
}

@test "the first frame on a shaped wire is not lost, start after start" {
	shaped slow "$LEG" 'rate = 10mbit'
	for _ in 1 2 3 4 5; do
		stage_start_watched "$BATS_TEST_TMPDIR/seen" slow
		flow client1 send $EVERYBODY first
		wait_for "$BATS_TEST_TMPDIR/seen" '^net1 in .* probe:first-1$'
		background_stop
		run ! grep -vE '^ready$| probe:first-1$' "$BATS_TEST_TMPDIR/seen"
		stage_start slow
		background "$BATS_TEST_TMPDIR/seen" connect client1 -- python3 '/~/src/sniff.py' eth0
		flow leg send $EVERYBODY first
		wait_for "$BATS_TEST_TMPDIR/seen" '^eth0 in .* probe:first-1$'
		background_stop
	done
}

@test "the largest packets pass at a low rate" {
	local mtu
	for mtu in 1500 65535; do
		shaped slow 'rate = 1mbit' "mtu = $mtu"
		stage_start slow
		connect client1 -- ping -c 1 -W 5 -M "do" -s $((mtu - 28)) 1.1.1.3
	done
}

shows_leg_alone() {
	local queues="clsact noqueue"
	[[ $MODE == host ]] || queues=noqueue # nftables marks what arrives, without clsact
	stage_start slow &&
		on_computer tc qdisc show dev net1 >"$OUT" &&
		[[ $(awk '{ print $2 }' "$OUT" | sort | xargs) == "$queues" ]] &&
		[[ $(computer_links) == "lo net1" ]] &&
		stage_stop &&
		background_stop
}

@test "the computer has no trace of a shaped wire but its leg, and none after the stop" {
	shaped slow "$LEG" 'rate = 2mbit'
	leaves_nothing shows_leg_alone
}

# What the kernel can do is asked of tc(8), on a link that nobody uses.
kernel_has_netem() {
	ip link add scratch type veth peer name other
	tc qdisc add dev scratch root netem delay 1ms
	local status=$?
	ip link del scratch
	return $status
}

@test "delay and loss are what they say, or one line says that the kernel has no netem" {
	local lack='which this kernel lacks (kernel option NET_SCH_NETEM)'
	shaped late 'delay = 100ms' 'loss = 20%'
	if kernel_has_netem; then
		stage_start late
		delays_and_loses client1 1.1.1.3
		return
	fi
	leaves_nothing fails_with 1 pyroute start late
	[[ $complaint == "pyroute: net1: delay and loss need netem, $lack; leave them out, or use a distribution's kernel" ]]
}
