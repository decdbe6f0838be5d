#!/bin/bash
# A stage without pyroute's own machines: two network namespaces, left and right, with a wire between
# them, by ip-netns(8) and ip-link(8). What needs root calls sudo.
set -eu

for machine in left right; do
	sudo ip netns add "wire-$machine"
	sudo ip -n "wire-$machine" link set lo up
done
sudo ip link add eth0 netns wire-left type veth peer name eth0 netns wire-right
sudo ip -n wire-left addr add 10.9.0.1/24 dev eth0
sudo ip -n wire-right addr add 10.9.0.2/24 dev eth0
for machine in left right; do
	sudo ip -n "wire-$machine" link set eth0 up
done
