#!/usr/bin/env bats
# What a stage file says of addresses, routes and forwarding is what the clients have, and what
# their frames show.

load helpers

# chain_make FORWARDING: the stage chain, client1 - net1 - client2 - net2 - client3, which the
# computer has no part in.
chain_make() {
	stage_make chain <<-END
		[stage]
		title      = A chain
		[net1]
		subnet     = 10.0.1.0/24, fd00:1::/64
		[net2]
		subnet     = 10.0.2.0/24, fd00:2::/64
		mtu        = 1400
		[client1]
		net1       = 10.0.1.1, fd00:1::1
		mac.net1   = 02:00:00:00:00:11
		routes     = 10.0.2.0/24 via 10.0.1.2, fd00:2::/64 via fd00:1::2
		[client2]
		net1       = 10.0.1.2, fd00:1::2
		net2       = 10.0.2.2, fd00:2::2
		forwarding = $1
		[client3]
		net2       = 10.0.2.3, fd00:2::3
		gateway    = 10.0.2.2, fd00:2::2
	END
}

# tcp_passes TO BYTES: BYTES of TCP from client1 arrive at client2's address TO with an equal hash.
tcp_passes() {
	local receiver
	background "$OUT.came" connect client2 -- python3 '/~/src/talk.py' tcp-receive 5000
	receiver=${BACKGROUND[-1]}
	connect client1 -- python3 '/~/src/talk.py' tcp-send "$1" 5000 "$2" >"$OUT.sent"
	wait "$receiver"
	grep -E "^$2 [0-9a-f]{64}$" "$OUT.sent"
	diff "$OUT.sent" <(grep -vx ready "$OUT.came")
}

# way_to CLIENT ADDRESS: the routers that a frame from CLIENT to ADDRESS passes, and ADDRESS.
way_to() {
	connect "$1" -- traceroute -n -q 1 -w 2 -m 5 "$2" |
		awk '/^ *[0-9]+ / { printf "%s%s", (way++ ? " " : ""), $2 } END { print "" }'
}

@test "a client has the addresses of both families, and is known by them" {
	dual_stage_make
	stage_start dual
	connect client1 -- ip -o addr show eth0 >"$OUT"
	cat "$OUT"
	grep -F ' inet 1.1.1.2/24 ' "$OUT"
	grep -F ' inet6 2001:db8:1::2/64 scope global ' "$OUT"
	grep -F ' inet6 fe80::42:1ff:fe01:102/64 scope link ' "$OUT"
	run ! grep tentative "$OUT"
	[[ $(connect client1 -- cat /sys/class/net/eth0/address) == 02:42:01:01:01:02 ]]
	connect client1 -- ip -6 route show default | grep -F 'default via 2001:db8:1::1 dev eth0'
	[[ $(connect client1 -- getent ahostsv6 client2) == *2001:db8:2::2* ]]
	[[ $(connect client1 -- getent ahostsv4 client2) == *2.2.2.2* ]]
	connect client1 -- ping -6 -c 1 -W 9 localhost
	pyroute ps | grep -E '^client1 .* net1 1\.1\.1\.2/24 2001:db8:1::2/64$'
	pyroute ps --json | grep -F '"net2 2.2.2.2/24 2001:db8:2::2/64"'
}

@test "a router of both families carries ping and TCP of either, and without it nothing passes" {
	local address
	dual_stage_make
	stage_start dual
	router_start dual_stack.py
	for address in 2.2.2.2 2001:db8:2::2; do
		connect client1 -- ping -c 3 -i 0.2 -W 9 "$address"
		tcp_passes "$address" 2000000
	done
	[[ $(way_to client1 2.2.2.2) == "1.1.1.1 2.2.2.2" ]]
	[[ $(way_to client1 2001:db8:2::2) == "2001:db8:1::1 2001:db8:2::2" ]]
	background_stop
	run ! connect client1 -- ping -c 2 -i 0.2 -W 1 2.2.2.2
	run ! connect client1 -- ping -c 2 -i 0.2 -W 1 2001:db8:2::2
}

@test "a stage of IPv6 alone has no IPv4, and its Ethernet addresses end as the IPv6 ones" {
	stage_make sixth <<-'END'
		[stage]
		title    = Two neighbours of IPv6
		[net1]
		subnet   = 2001:db8:1::/64
		computer = 2001:db8:1::1
		[net2]
		subnet   = 2001:db8:2::/64
		computer = 2001:db8:2::b:1
		[client1]
		net1     = 2001:db8:1::a:2
		gateway  = 2001:db8:1::1
		[client2]
		net2     = 2001:db8:2::b:2
		gateway  = 2001:db8:2::b:1
	END
	stage_start_sniffed "$OUT.seen" sixth
	on_computer ip -o link show net1 | grep -F ' link/ether 02:42:00:00:00:01 '
	[[ -z $(on_computer ip -o -4 addr show net1) ]]
	on_computer ip -o -6 addr show net1 | grep -F ' inet6 2001:db8:1::1/64 '
	[[ $(connect client1 -- cat /sys/class/net/eth0/address) == 02:42:00:0a:00:02 ]]
	[[ -z $(connect client1 -- ip -o -4 addr show eth0) ]]
	router_start dual_stack.py
	connect client1 -- ping -c 3 -i 0.2 -W 9 client2
	tcp_passes 2001:db8:2::b:2 200000
	background_stop
	grep -E '^net1 in 02:42:00:0a:00:02 > .* tcp 2001:db8:1::a:2 > 2001:db8:2::b:2 ' "$OUT.seen"
	run ! grep -E '^net[12] .* (arp|icmp-|ip )' "$OUT.seen"
	run ! grep -E '^net[12] out .* icmp6-(13[0-24]|143) ' "$OUT.seen"
}

@test "in a stage with IPv6 an interface without an IPv6 address has none" {
	stage_make half <<-'END'
		[stage]
		title   = One net of each family
		[net1]
		subnet  = 10.0.1.0/24
		[net2]
		subnet  = fd00:2::/64
		[client1]
		net1    = 10.0.1.1
		net2    = fd00:2::1
		[client2]
		net1    = 10.0.1.2
		[client3]
		net2    = fd00:2::3
	END
	stage_start half
	[[ -z $(connect client1 -- ip -6 addr show eth0) ]]
	[[ $(connect client1 -- ip -6 addr show eth1) == *fd00:2::1/64* ]]
	[[ -z $(connect client1 -- ip -4 addr show eth1) ]]
	[[ -z $(connect client2 -- ip -6 addr show eth0) ]]
	connect client1 -- ping -c 1 -W 9 10.0.1.2
	connect client1 -- ping -c 1 -W 9 fd00:2::3
}

@test "the first frame of either family passes as soon as a start returns" {
	local address
	chain_make yes
	for _ in {1..8}; do
		for address in fd00:2::3 10.0.2.3; do
			stage_start chain
			connect client1 -- ping -c 1 -W 0.9 "$address"
		done
	done
}

@test "a client that forwards joins two nets, and the frames take the routes of the stage file" {
	chain_make yes
	stage_start chain
	run ! on_computer ip link show net1
	run ! on_computer ip link show net2
	connect client1 -- ip route show | grep -E '^10\.0\.2\.0/24 via 10\.0\.1\.2 dev eth0 '
	connect client1 -- ip -6 route show | grep -E '^fd00:2::/64 via fd00:1::2 dev eth0 '
	[[ -z $(connect client1 -- ip route show default; connect client1 -- ip -6 route show default) ]]
	[[ $(way_to client1 10.0.2.3) == "10.0.1.2 10.0.2.3" ]]
	[[ $(way_to client1 fd00:2::3) == "fd00:1::2 fd00:2::3" ]]
	background "$OUT" connect client3 -- python3 '/~/src/sniff.py' eth0
	connect client1 -- ping -c 1 -W 9 10.0.2.3
	connect client1 -- ping -c 1 -W 9 fd00:2::3
	background_stop
	cat "$OUT"
	# From client2's second interface, one hop less to live.
	grep -E '^eth0 in 02:42:0a:00:02:02 > 02:42:0a:00:02:03 icmp-8 10.0.1.1 > 10.0.2.3 ttl=63 ' "$OUT"
	grep -E '^eth0 in 02:42:0a:00:02:02 > .* icmp6-128 fd00:1::1 > fd00:2::3 hops=63 ' "$OUT"
}

@test "a client that does not forward keeps two nets apart" {
	chain_make no
	stage_start chain
	[[ $(connect client2 -- sh -c 'cat /proc/sys/net/ipv[46]/conf/*/forwarding' | sort -u) == 0 ]]
	background "$OUT" connect client3 -- python3 '/~/src/sniff.py' eth0
	run ! connect client1 -- ping -c 1 -W 1 10.0.2.3
	run ! connect client1 -- ping -c 1 -W 1 fd00:2::3
	connect client2 -- ping -c 1 -W 9 10.0.2.3
	wait_for "$OUT" ' icmp-8 10.0.2.2 > 10.0.2.3 '
	background_stop
	cat "$OUT"
	run ! grep -E '10\.0\.1\.1|fd00:1::1' "$OUT"
}

@test "the forwarding of a client is its own, and takes no advice" {
	chain_make yes
	echo 1 >/proc/sys/net/ipv4/ip_forward
	stage_start chain
	[[ $(connect client2 -- sh -c 'cat /proc/sys/net/ipv[46]/conf/*/forwarding' | sort -u) == 1 ]]
	[[ $(connect client2 -- sh -c 'cat /proc/sys/net/ipv[46]/conf/eth?/accept_redirects' |
		sort -u) == 0 ]]
	[[ $(connect client1 -- sh -c 'cat /proc/sys/net/ipv[46]/conf/*/forwarding' | sort -u) == 0 ]]
	[[ $(connect client1 -- sh -c 'cat /proc/sys/net/ipv6/conf/eth0/accept_ra') == 0 ]]
	[[ $(connect client2 -- sh -c 'cat /proc/sys/net/ipv6/conf/eth0/accept_ra') == 0 ]]
	[[ $(on_computer cat /proc/sys/net/ipv4/ip_forward) == 0 ]]
}

@test "mac.netK is the Ethernet address of that interface and of what it sends" {
	chain_make no
	stage_start chain
	[[ $(connect client1 -- cat /sys/class/net/eth0/address) == 02:00:00:00:00:11 ]]
	connect client2 -- ping -c 1 -W 9 10.0.1.1
	connect client2 -- ping -c 1 -W 9 fd00:1::1
	connect client2 -- ip neigh show dev eth0 >"$OUT"
	cat "$OUT"
	grep -F '10.0.1.1 lladdr 02:00:00:00:00:11' "$OUT"
	grep -F 'fd00:1::1 lladdr 02:00:00:00:00:11' "$OUT"
}

@test "frames of just a net's mtu pass, larger packets are cut or refused" {
	chain_make yes
	stage_start chain
	[[ $(connect client1 -- cat /sys/class/net/eth0/mtu) == 1500 ]]
	[[ $(connect client2 -- sh -c 'cat /sys/class/net/eth?/mtu') == $'1500\n1400' ]]
	background "$OUT" connect client3 -- python3 '/~/src/sniff.py' eth0
	connect client1 -- ping -c 1 -W 9 -M "do" -s 1372 10.0.2.3
	connect client1 -- ping -c 1 -W 9 -M "do" -s 1352 fd00:2::3
	run connect client1 -- ping -c 1 -W 1 -M "do" -s 1373 10.0.2.3
	[[ $status != 0 && $output == *"Frag needed"*"mtu = 1400"* ]]
	run connect client1 -- ping -c 1 -W 1 -M "do" -s 1353 fd00:2::3
	[[ $status != 0 && $output == *"Packet too big"*"mtu=1400"* ]]
	connect client1 -- ping -c 1 -W 9 -M dont -s 3000 10.0.2.3
	connect client1 -- ping -c 1 -W 9 -s 3000 fd00:2::3
	background_stop
	grep -E ' icmp-8 .* bytes=1414' "$OUT"
	grep -E ' icmp6-128 .* bytes=1414' "$OUT"
	run ! grep -E 'bytes=(141[5-9]|14[2-9].|1[5-9]..|[2-9]...)$' "$OUT"
}

@test "a client with three interfaces reaches each net by its own, and a route by the right one" {
	stage_make star <<-'END'
		[stage]
		title   = One client on three nets
		[net1]
		subnet  = 10.0.1.0/24
		[net2]
		subnet  = 10.0.2.0/24, fd00:2::/64
		[net3]
		subnet  = 10.0.3.0/24, fd00:3::/64
		[client1]
		net3    = 10.0.3.1, fd00:3::1
		net1    = 10.0.1.1
		net2    = 10.0.2.1, fd00:2::1
		gateway = 10.0.1.2, fd00:3::3
		routes  = 172.16.0.0/12 via 10.0.3.3, fd00:9::/48 via fd00:2::2, 172.31.9.9/32 via 10.0.2.2
		[client2]
		net1    = 10.0.1.2
		net2    = 10.0.2.2, fd00:2::2
		[client3]
		net3    = 10.0.3.3, fd00:3::3
	END
	stage_start star
	connect client1 -- sh -c 'ip -br link; ip -br addr; ip route; ip -6 route'
	way() {
		connect client1 -- ip -o route get "$1" | grep -oE 'dev eth[0-9]'
	}
	[[ $(way 10.0.3.3) == "dev eth0" && $(way 10.0.1.2) == "dev eth1" ]]
	[[ $(way 10.0.2.2) == "dev eth2" && $(way 8.8.8.8) == "dev eth1" ]]
	[[ $(way 172.20.0.1) == "dev eth0" && $(way 172.31.9.9) == "dev eth2" ]]
	[[ $(way 2001:db8::1) == "dev eth0" && $(way fd00:9::9) == "dev eth2" ]]
	connect client1 -- ping -c 1 -W 9 10.0.1.2
	connect client1 -- ping -c 1 -W 9 fd00:2::2
	connect client1 -- ping -c 1 -W 9 10.0.3.3
}

@test "no IPv6 noise in a stage that has no IPv6, neither on its wires nor in its clients" {
	stage_make fourth <<-'END'
		[stage]
		title  = Two clients of IPv4
		[net1]
		subnet = 10.0.1.0/24
		[client1]
		net1   = 10.0.1.1
		run    = "tcpdump -nli eth0 ip6"
		[client2]
		net1   = 10.0.1.2
	END
	stage_start fourth
	log_with client1 '^listening on eth0'
	connect client1 -- ping -c 1 -W 9 10.0.1.2
	[[ -z $(connect client1 -- ip -6 addr)$(connect client1 -- ip -6 route show table all) ]]
	run ! connect client1 -- grep : /etc/hosts
	sleep 4
	connect client1 -- pkill tcpdump
	log_with client1 '^[0-9]+ packets? captured' >"$OUT"
	cat "$OUT"
	grep -x '0 packets captured' "$OUT"
}
