#!/usr/bin/env bats
# With no router nothing connects the clients, and the computer's kernel is deaf and mute on the
# legs. send.py says what is tried, sniff.py what is seen by packet sockets, listen.py what the
# kernel's own stack delivers.

load helpers

setup() {
	common_setup
	SEEN=$BATS_TEST_TMPDIR/seen
	HEARD=$BATS_TEST_TMPDIR/heard
	SENT=$BATS_TEST_TMPDIR/sent
	OUTSIDE=outside   # where the other end of host0 is
	UNASKED='^ready$' # frames of host0 that answer nothing
}

teardown() {
	stage_end
	ip -6 route flush proto ra # what host0 has learnt
	if [[ $OUTSIDE == beyond ]]; then ip netns del beyond; fi
	leaks_end
}

# Starts a stage with a computer's side as talkative as this host is.
stage_start_talkative() {
	stage_start "$@"
	if [[ $MODE == private ]]; then
		OUTSIDE=beyond
		ip netns add $OUTSIDE
		on_computer "$BATS_TEST_DIRNAME/talkative.sh" $OUTSIDE
		# An interface that is new tells of itself what groups it is in (RFC 3810, 6.1).
		UNASKED='^host0 out .* icmp6-143 fe80::1 > ff02::16 '
	fi
}

forwarding_on() {
	on_computer sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

# Listens to all of the computer's side, by packet sockets and by its stack.
watch() {
	sniffer_start "$SEEN"
	background "$HEARD" on_computer "$PYTHON" "$CHECKOUT/src/listen.py"
}

# Ends watch(), once the kernel had the time for its answers.
watch_end() {
	sleep 1
	background_stop
}

# Listens to this host, which of a private stage sees nothing.
host_sniffer_start() {
	background "$SEEN" "$PYTHON" "$CHECKOUT/src/sniff.py"
}

readonly OTHERS=(--service 198.51.100.1 --other6 2001:db8::1 --elsewhere 203.0.113.9
	--neighbour 192.0.2.254)

# send_to_leg [OPTION...]: sends the frames from client1 to the computer's leg net1.
send_to_leg() {
	connect client1 -- python3 '/~/src/send.py' eth0 --mac 02:42:01:01:01:01 --prefix 1.1.1. \
		--own 1.1.1.1 --other 192.0.2.1 "${OTHERS[@]}" "$@" >"$SENT"
}

# Sends the same frames from outside to the ordinary interface host0.
send_to_ordinary() {
	ip netns exec "$OUTSIDE" "$PYTHON" "$CHECKOUT/src/send.py" eth0 \
		--mac "$(on_computer cat /sys/class/net/host0/address)" --prefix 192.0.2. \
		--own 192.0.2.1 --own6 2001:db8::1 --other 198.51.100.1 "${OTHERS[@]}" >"$SENT"
}

# Fails unless each frame of $SENT was seen coming in on INTERFACE.
all_seen_on() {
	local label source missing=0
	while read -r _ label source; do
		if ! grep -qE "^$1 in .* $label\$" "$SEEN"; then
			echo "not seen on $1: $label from $source"
			missing=1
		fi
	done <"$SENT"
	[[ -s $SENT && $missing == 0 ]]
}

# Prints what shows that the kernel took notice of the frame LABEL from SOURCE: what it delivered,
# or a frame that it sent, which holds the one or the other.
reactions() {
	cat "$HEARD" <(grep -E '^[^ ]+ out ' "$SEEN") | grep -wF -e "$1" -e "$2"
}

kernel_was_silent() {
	kernel_was_silent_but_for '^ready$'
}

# kernel_was_silent_but_for PATTERN: frames of this form are not the computer's kernel's.
kernel_was_silent_but_for() {
	echo "--- frames that the computer sent, or that came where none should:"
	run ! grep -vE "^(net1 in 02:00:00:00:01:..|ready)|$UNASKED|$1" "$SEEN"
	echo "--- what its stack delivered:"
	run ! grep -v '^ready$' "$HEARD"
}

listen_in_client2() {
	background "$BATS_TEST_TMPDIR/tcp" connect client2 -- python3 '/~/src/talk.py' tcp-receive 5000
	background "$BATS_TEST_TMPDIR/udp" connect client2 -- python3 '/~/src/talk.py' udp-echo 5001
}

reach_by_ping() {
	connect client1 -- ping -c 3 -W 9 2.2.2.2
}

reach_by_tcp() {
	connect client1 -- python3 '/~/src/talk.py' tcp-send 2.2.2.2 5000 1000
}

reach_by_udp() {
	connect client1 -- python3 '/~/src/talk.py' udp-ask 2.2.2.2 5001 1 100
}

@test "without a router client1 does not reach client2 by ping, TCP or UDP, with one it does" {
	stage_start
	listen_in_client2
	run ! reach_by_ping
	run ! reach_by_tcp
	run ! reach_by_udp
	background_stop

	router_start plain.py
	listen_in_client2
	reach_by_ping
	reach_by_tcp
	reach_by_udp
}

@test "the kernel neither answers nor takes notice of any frame that arrives on a leg" {
	stage_start_talkative
	[[ $(on_computer cat /proc/sys/net/ipv4/ip_forward) == 0 ]]
	watch
	send_to_leg
	watch_end
	all_seen_on net1
	kernel_was_silent
}

@test "it stays silent when something switches ip forwarding on while the stage runs" {
	stage_start_talkative
	forwarding_on
	watch
	send_to_leg
	watch_end
	all_seen_on net1
	kernel_was_silent
}

@test "a leg with an IPv6 address is as silent, and shows it" {
	dual_stage_make
	stage_start_talkative dual
	on_computer ip -o -6 addr show net1 | grep -F ' inet6 2001:db8:1::1/64 '
	on_computer ip -o -4 addr show net1 | grep -F ' inet 1.1.1.1/24 '
	forwarding_on
	on_computer sh -c 'echo 1 >/proc/sys/net/ipv6/conf/net1/forwarding'
	watch
	send_to_leg --own6 2001:db8:1::1
	watch_end
	all_seen_on net1
	# The clients speak IPv6 of themselves; the computer does not.
	kernel_was_silent_but_for '^net[12] in 02:42:'
}

@test "a stage with IPv6 leaves the host's own IPv6 as it was, while it runs and after" {
	local address
	dual_stage_make
	ip -6 route show table all >"$BATS_TEST_TMPDIR/routes"
	for address in 2001:db8:1::1 2001:db8:1::2 2001:db8:1:: ff02::1 2001:db8::1; do
		ip -6 route get "$address"
	done >"$BATS_TEST_TMPDIR/ways"
	host_snapshot >"$BATS_TEST_TMPDIR/before"
	stage_start dual
	sleep 1
	diff "$BATS_TEST_TMPDIR/routes" <(ip -6 route show table all)
	for address in 2001:db8:1::1 2001:db8:1::2 2001:db8:1:: ff02::1 2001:db8::1; do
		ip -6 route get "$address"
	done | diff "$BATS_TEST_TMPDIR/ways" -
	host_sniffer_start
	run ! ping -c 1 -W 1 2001:db8:1::2
	background_stop
	grep -E '^host0 out .* icmp6-135 .* about 2001:db8::fe' "$SEEN"
	run ! grep -E '^net[12] out' "$SEEN"
	stage_stop
	host_snapshot >"$BATS_TEST_TMPDIR/after"
	same "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "a leg whose wire's other end goes down and up, or that is itself set so, stays silent" {
	dual_stage_make
	stage_start_talkative dual
	on_computer ip -6 route show table all >"$BATS_TEST_TMPDIR/routes"
	sniffer_start "$SEEN"
	connect client1 -- sh -c 'ip link set eth0 down; ip link set eth0 up'
	sleep 1
	diff "$BATS_TEST_TMPDIR/routes" <(on_computer ip -6 route show table all)
	on_computer ip link set net1 down
	on_computer ip link set net1 up
	sleep 1
	send_to_leg --own6 2001:db8:1::1
	sleep 1
	background_stop
	on_computer ip -6 route get 2001:db8:1::1 | grep -F 'dev host0'
	on_computer ip route get 1.1.1.2 | grep -F 'dev host0'
	all_seen_on net1
	run ! grep '^net1 out' "$SEEN"
}

@test "packet sockets bound to a leg see every frame of their protocol" {
	stage_start
	sniffer_start "$SEEN.all" net1
	sniffer_start "$SEEN.ip" --protocol ip net1
	sniffer_start "$SEEN.arp" --protocol arp net1
	send_to_leg
	background_stop

	SEEN=$SEEN.all all_seen_on net1
	grep -E ' probe:(echo|syn|udp|dhcp|igmp|forward|made)' "$SENT" | grep -v echo6 >"$SENT.ip"
	SEEN=$SEEN.ip SENT=$SENT.ip all_seen_on net1
	grep ' probe:arp' "$SENT" >"$SENT.arp"
	SEEN=$SEEN.arp SENT=$SENT.arp all_seen_on net1
}

@test "from its birth to its end a stage without a router has wires without any frame" {
	stage_start_watched "$SEEN" stage1
	sleep 3
	stage_stop
	background_stop
	run ! grep '^net' "$SEEN"

	# The same sniffer hears a client that does speak.
	stage_start_watched "$SEEN" stage1
	run ! connect client1 -- ping -c 1 -W 1 1.1.1.1
	wait_for "$SEEN" '^net1 in 02:42:01:01:01:02 > ff:ff:ff:ff:ff:ff arp-request 1.1.1.2 > 1.1.1.1 '
}

@test "what a program of the computer sends to a leg's network takes the host's ordinary way" {
	ip route get 1.1.1.1 >"$BATS_TEST_TMPDIR/own"
	ip route get 1.1.1.2 >"$BATS_TEST_TMPDIR/client"
	ip route get 1.1.1.255 >"$BATS_TEST_TMPDIR/broadcast"
	stage_start
	diff "$BATS_TEST_TMPDIR/own" <(ip route get 1.1.1.1)
	diff "$BATS_TEST_TMPDIR/client" <(ip route get 1.1.1.2)
	diff "$BATS_TEST_TMPDIR/broadcast" <(ip route get 1.1.1.255)
	host_sniffer_start
	run ! ping -c 1 -W 1 1.1.1.2
	background_stop
	grep -qE '^host0 out .* icmp-8 192.0.2.1 > 1.1.1.2 ' "$SEEN"
	run ! grep -E '^net[12] ' "$SEEN"
}

@test "the same frames make the kernel react on an ordinary interface beside the legs" {
	local label source
	stage_start_talkative
	forwarding_on
	watch
	send_to_ordinary
	watch_end
	all_seen_on host0
	while read -r _ label source; do
		echo "--- $label from $source"
		if [[ $label == probe:made-up-mac ]]; then
			run ! reactions "$label" "$source"
		else
			reactions "$label" "$source"
		fi
	done <"$SENT"
}
