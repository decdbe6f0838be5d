#!/bin/bash
# Takes away what up.sh has made, or has half made, with the processes in it.
set -eu

for machine in left right; do
	[[ -e /run/netns/wire-$machine ]] || continue
	sudo ip netns pids "wire-$machine" | xargs --no-run-if-empty sudo kill -KILL --
	sudo ip netns del "wire-$machine"
done
