#!/usr/bin/env bats
# A net with several clients: a switch to them, one wire to the computer's leg, and nothing of it on
# the computer.

load helpers

readonly LEG_MAC=02:42:01:01:01:01 EVERYBODY=ff:ff:ff:ff:ff:ff
readonly MAC1=02:42:01:01:01:02 MAC2=02:42:01:01:01:03

setup() {
	common_setup
	SEEN=$BATS_TEST_TMPDIR/seen
	stage_make segment <<-'END'
		[stage]
		title    = Three on a segment, one beyond

		[net1]
		subnet   = 1.1.1.0/24
		computer = 1.1.1.1

		[net2]
		subnet   = 2.2.2.0/24
		computer = 2.2.2.1

		[client1]
		net1     = 1.1.1.2
		gateway  = 1.1.1.1

		[client2]
		net1     = 1.1.1.3
		gateway  = 1.1.1.1

		[client3]
		net1     = 1.1.1.4
		gateway  = 1.1.1.1

		[client4]
		net2     = 2.2.2.2
		gateway  = 2.2.2.1
	END
}

teardown() {
	nft flush ruleset
	common_teardown
}

# client_sends CLIENT TARGET LABEL [OPTION...]: frames from its eth0, see flow.py.
client_sends() {
	connect "$1" -- python3 '/~/src/flow.py' send eth0 "${@:2}"
}

# leg_sends TARGET LABEL [OPTION...]: the same from the computer's leg net1.
leg_sends() {
	on_computer "$PYTHON" "$CHECKOUT/src/flow.py" send net1 "$@"
}

# client_watches CLIENT: all that its eth0 can see goes to $SEEN.CLIENT.
client_watches() {
	connect "$1" -- ip link set eth0 promisc on
	background "$SEEN.$1" connect "$1" -- python3 '/~/src/sniff.py' eth0
}

# labels FILE: those of the frames that came in, in their order.
labels() {
	sed -n 's/^[^ ]* in .* \(probe:.*\)$/\1/p' "$1"
}

# Fails unless exactly the labels on stdin came in, once each and in this order.
came() {
	diff - <(labels "$1")
}

# numbered LABEL COUNT...: the labels of as many frames.
numbered() {
	while (($# > 0)); do
		seq -f "probe:$1-%g" "$2"
		shift 2
	done
}

# Each client speaks once, so that the switch knows where it is.
introduce() {
	client_sends client1 "$EVERYBODY" one
	client_sends client2 "$EVERYBODY" two
	client_sends client3 "$EVERYBODY" three
}

@test "a leg sees each frame between two clients once and in order, a third client none of them" {
	stage_start segment
	introduce
	sniffer_start "$SEEN.leg" net1
	client_watches client2
	client_watches client3
	client_sends client1 $MAC2 there --count 50
	client_sends client2 $MAC1 back --count 50
	client_sends client1 $EVERYBODY all --count 5
	sleep 0.5
	background_stop
	numbered there 50 back 50 all 5 | came "$SEEN.leg"
	numbered there 50 all 5 | came "$SEEN.client2"
	numbered all 5 | came "$SEEN.client3"
}

@test "what the router sends reaches its client alone, or everybody, and is not shown to it as come" {
	local source
	stage_start segment
	introduce
	client_watches client1
	client_watches client2
	sniffer_start "$SEEN.leg" net1
	for source in $LEG_MAC 02:00:00:00:00:01; do
		leg_sends $MAC1 one --source "$source" --count 20
		leg_sends $EVERYBODY all --source "$source" --count 5
		client_sends client1 "$source" answer --count 20
	done
	sleep 0.5
	background_stop
	numbered one 20 all 5 one 20 all 5 | came "$SEEN.client1"
	numbered all 5 all 5 | came "$SEEN.client2"
	numbered answer 20 answer 20 | came "$SEEN.leg"
}

carries_tcp() {
	background "$BATS_TEST_TMPDIR/came" connect client4 -- \
		python3 '/~/src/talk.py' tcp-receive 5000
	connect client1 -- python3 '/~/src/talk.py' tcp-send 2.2.2.2 5000 3000000 \
		>"$BATS_TEST_TMPDIR/sent"
	wait "${BACKGROUND[-1]}"
	diff "$BATS_TEST_TMPDIR/sent" <(grep -vx ready "$BATS_TEST_TMPDIR/came")
}

@test "a router with Ethernet addresses of its own carries ping and TCP to and from a segment" {
	local client
	stage_start segment
	client_watches client3
	router_start other_macs.py
	for client in client1 client2; do
		connect $client -- ping -c 2 -i 0.2 -W 9 2.2.2.2
	done
	connect client4 -- ping -c 1 -W 9 1.1.1.3
	carries_tcp
	connect client1 -- ip neigh show 1.1.1.1 | grep -F 'lladdr 02:00:00:00:00:01'
	sleep 0.5
	# Of all that client3 has seen the requests that go to everybody, and nothing else.
	grep -q 'in .* arp-request 1.1.1.2 > 1.1.1.1 ' "$SEEN.client3"
	run ! grep -vE "^ready$|^eth0 in .* > $EVERYBODY arp-request " "$SEEN.client3"
}

@test "clients of a segment reach each other without a router, and client3 sees no ping" {
	stage_start segment
	client_watches client3
	connect client1 -- ping -c 3 -i 0.2 -W 9 1.1.1.3
	wait_for "$SEEN.client3" ' arp-request 1.1.1.2 > 1.1.1.3 '
	connect client1 -- ping -c 1 -W 9 1.1.1.4
	wait_for "$SEEN.client3" ' icmp-8 1.1.1.2 > 1.1.1.4 ' # so it has written all before
	run ! grep 'icmp.* 1\.1\.1\.3 ' "$SEEN.client3"
}

@test "the first frame on a segment is not lost, start after start" {
	for _ in 1 2 3 4 5; do
		stage_start_watched "$SEEN" segment
		client_sends client3 $EVERYBODY first
		wait_for "$SEEN" '^net1 in .* probe:first-1$'
		background_stop
		# Of themselves neither the switch nor the clients have said anything.
		run ! grep -vE '^ready$| probe:first-1$' "$SEEN"
		stage_start segment
		background "$SEEN.2" connect client2 -- python3 '/~/src/sniff.py' eth0
		leg_sends $EVERYBODY first
		wait_for "$SEEN.2" '^eth0 in .* probe:first-1$'
		background_stop
	done
}

# The computer's own firewall with a counter wherever a frame of a segment might come by.
firewall_make() {
	local family hook
	{
		for family in ip ip6 inet; do
			for hook in prerouting input forward output postrouting; do
				echo "add table $family count"
				echo "add chain $family count $hook { type filter hook $hook priority 0; }"
				echo "add rule $family count $hook counter"
			done
		done
		for hook in prerouting input forward output postrouting; do
			echo "add table bridge count"
			echo "add chain bridge count $hook { type filter hook $hook priority 0; }"
			echo "add rule bridge count $hook counter"
		done
		for hook in input output; do
			echo "add table arp count"
			echo "add chain arp count $hook { type filter hook $hook priority 0; }"
			echo "add rule arp count $hook counter"
		done
	} | on_computer nft -f -
}

counted() {
	on_computer nft list ruleset | sed -n 's/.*counter packets \([0-9]*\) .*/\1/p' |
		awk '{ sum += $1 } END { print sum }'
}

@test "nothing of a segment meets the computer's firewall, and no bridge of it shows there" {
	stage_start segment
	firewall_make
	connect client1 -- ping -c 3 -i 0.2 -W 9 1.1.1.3
	run ! connect client1 -- ping -c 1 -W 1 1.1.1.1
	[[ $(counted) == 0 ]]
	on_computer ping -c 1 -W 9 127.0.0.1 # positive control
	[[ $(counted) -gt 0 ]]
	[[ $(computer_links) == "lo net1 net2" ]]
	on_computer ip -o link show type bridge >"$OUT"
	on_computer find /sys/class/net/net1/ -name brport >>"$OUT"
	[[ ! -s $OUT ]]
}

# How many IPv4 packets the stack of the network that COMMAND runs in has taken up.
taken_up() {
	"$@" awk '/^Ip: [0-9]/ { print $4 }' /proc/net/snmp
}

@test "the keeper's network only carries: it has no address, hears nothing and does not forward" {
	local keeper
	stage_start segment
	keeper=$(keeper_pid)
	in_keeper() { nsenter --net="/proc/$keeper/ns/net" "$@"; }
	in_keeper ip -o link show net1 | grep -F 'state UP'
	[[ -z $(in_keeper ip -o addr show) ]]
	in_keeper grep -h . /proc/sys/net/ipv4/{ip_forward,conf/{all,default,net1,net1-0}/forwarding} |
		sort -u | diff - <(echo 0)
	in_keeper grep -h . /proc/sys/net/ipv6/conf/{all,default,net1,net1-0}/disable_ipv6 |
		sort -u | diff - <(echo 1)
	run connect client1 -- ping -b -c 3 -i 0.2 -W 1 1.1.1.255
	[[ $(taken_up connect client2 --) -ge 3 ]] # positive control
	[[ $(taken_up in_keeper) == 0 ]]
}

@test "a segment without a leg is as good a switch, and the computer sees nothing of it" {
	sed -i '/^computer = 1.1.1.1$/d; /^gateway  = 1.1.1.1$/d' stages/segment/stage.ini
	stage_start_watched "$SEEN" segment
	client_watches client3
	introduce
	client_sends client1 $MAC2 there --count 10
	connect client1 -- ping -c 1 -W 9 1.1.1.3
	client_sends client2 $EVERYBODY all --count 2
	sleep 0.5
	background_stop
	numbered one 1 two 1 all 2 | came "$SEEN.client3"
	run ! grep '^net1' "$SEEN"
	[[ $(computer_links) == "lo net2" ]]
}

@test "two clients on a net of their own are on one wire, whatever addresses they use" {
	stage_make pair <<-'END'
		[stage]
		title  = Two clients

		[net1]
		subnet = 1.1.1.0/24

		[client1]
		net1   = 1.1.1.2

		[client2]
		net1   = 1.1.1.3
	END
	stage_start pair
	connect client1 -- ping -c 1 -W 9 1.1.1.3
	client_watches client2
	client_sends client1 02:00:00:00:00:09 other --source 02:00:00:00:00:08
	client_sends client1 01:80:c2:00:00:01 group
	wait_for "$SEEN.client2" 'probe:group-1$'
	numbered other 1 group 1 | came "$SEEN.client2"
}

many_clients() {
	local i
	printf '%s\n' '[stage]' 'title = Many' '[net1]' 'subnet = 10.1.0.0/16' 'computer = 10.1.0.1'
	for ((i = 1; i <= $1; i++)); do
		printf '%s\n' "[client$i]" "net1 = 10.1.$((1 + i / 250)).$((i % 250))"
	done
}

@test "two hundred clients on one segment are up, and reach each other and the leg" {
	many_clients 200 | stage_make many
	stage_start many
	sniffer_start "$SEEN" net1
	client_watches client137
	connect client1 -- ping -c 1 -W 9 10.1.1.200
	client_sends client200 $EVERYBODY all --count 3
	wait_for "$SEEN.client137" 'probe:all-3$'
	sleep 0.5
	background_stop
	numbered all 3 | came "$SEEN"
	numbered all 3 | came "$SEEN.client137"
	run ! grep icmp "$SEEN.client137"
	[[ $(grep -c '^net1 in .* icmp-' "$SEEN") == 2 ]]
}

# Prints how many ports of net1 in the keeper have sent a frame.
ports_that_sent() {
	nsenter --net="/proc/$(keeper_pid)/ns/net" ip -json -statistics link show | "$PYTHON" -c '
import json, sys
print(sum(link["ifname"].startswith("net1-") and link["stats64"]["tx"]["packets"] > 0
          for link in json.load(sys.stdin)))'
}

@test "on the largest segment there may be, what goes to everybody reaches them all" {
	many_clients 1000 | stage_make many
	stage_start many
	# Several, for what else goes on may now and then leave no room for one; a segment that is too
	# large leaves it to the same clients each time.
	for _ in 1 2 3 4 5; do
		client_sends client1000 $EVERYBODY all
	done
	[[ $(ports_that_sent) == 1001 ]] # to 999 clients, the leg and the uplink
}
