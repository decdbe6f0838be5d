#!/bin/bash
# peer_netns.sh N | probe: N network namespaces with a wire each, by ip(8), a call a step, as one writes
# it by hand. Says "up", and takes them down at the end of its standard input. No file system, no pid
# namespace, no limits.
set -eu

if [[ $1 == probe ]]; then
	[[ $(type -P ip) ]] || { echo "iproute2 is not installed" && exit 1; }
	exit 0
fi
count=$1

down() {
	local i
	for ((i = 1; i <= count; i++)); do
		ip netns del "bench$i" 2>/dev/null || true
	done
}
trap down EXIT

for ((i = 1; i <= count; i++)); do
	subnet=10.$((i >> 8)).$((i & 255))
	ip netns add "bench$i"
	ip link add "peer$i" type veth peer name eth0 netns "bench$i"
	ip addr add "$subnet.1/24" dev "peer$i"
	ip link set "peer$i" up
	ip -n "bench$i" link set lo up
	ip -n "bench$i" addr add "$subnet.2/24" dev eth0
	ip -n "bench$i" link set eth0 up
	ip -n "bench$i" route add default via "$subnet.1"
done
echo up
cat >/dev/null
