#!/bin/bash
# Makes the network that it runs in as talkative as a computer's can be, ip forwarding apart: host.sh
# does it with the host of the tests, and tests with the computer's side of a private stage.
#
#     talkative.sh OUTSIDE
#
# It gets an interface host0 with addresses and default routes, whose other end, eth0, is in the network
# namespace OUTSIDE.
set -eu

outside=$1
settings=/proc/sys/net

# Interfaces made later, a host's legs included, take over what "default" says.
set_talkative() {
	local scope
	echo 0 >$settings/ipv4/icmp_echo_ignore_broadcasts
	for scope in all default; do
		echo 0 >$settings/ipv4/conf/$scope/rp_filter
		echo 1 >$settings/ipv4/conf/$scope/accept_local
		echo 1 >$settings/ipv4/conf/$scope/route_localnet
		echo 1 >$settings/ipv6/conf/$scope/forwarding
		echo 2 >$settings/ipv6/conf/$scope/accept_ra
	done
}

make_interface() {
	ip link set lo up
	ip addr add 198.51.100.1/32 dev lo
	# Of itself it says nothing, so that whatever is seen is an answer.
	echo 0 >$settings/ipv6/conf/default/router_solicitations
	ip link add host0 type veth peer name eth0 netns "$outside"
	ip link set host0 addrgenmode none
	ip addr add 192.0.2.1/24 dev host0
	ip addr add 2001:db8::1/64 dev host0 nodad
	ip addr add fe80::1/64 dev host0 nodad
	ip -n "$outside" link set eth0 addrgenmode none
	ip -n "$outside" addr add 192.0.2.254/24 dev eth0
	ip -n "$outside" link set lo up
	ip -n "$outside" link set eth0 up
	ip link set host0 up
	ip route add default via 192.0.2.254
	ip -6 route add default via 2001:db8::fe dev host0
	# Known for good, so that what leaks leaves as it is instead of waiting for an answer.
	ip neigh add 192.0.2.254 dev host0 nud permanent \
		lladdr "$(ip -n "$outside" -json link show eth0 | sed 's/.*"address":"\([^"]*\)".*/\1/')"
}

set_talkative
make_interface
