#!/usr/bin/env bats
# A client that takes all it can get: neither the other clients nor the computer notice, and a stop is
# as quick as ever.

load helpers

# Two clients that have a wire of their own, beside one with a leg.
setup() {
	common_setup
	stage_make hogs <<-'END'
		[stage]
		title    = A hog, and two who want their peace
		[net1]
		subnet   = 1.1.1.0/24
		computer = 1.1.1.1
		[net2]
		subnet   = 10.0.0.0/24
		[client1]
		net1     = 1.1.1.2
		[client2]
		net2     = 10.0.0.2
		[client3]
		net2     = 10.0.0.3
	END
	host_remember
}

# The others answer each other, run what they are asked to, and have their files to themselves.
others_are_well() {
	connect client2 -- timeout $((5 * SLOWNESS)) ping -q -c 3 -i 0.2 -W 9 10.0.0.3 | grep ' 3 received'
	timeout $((5 * SLOWNESS)) "${CALLER[@]}" pyroute connect client3 -- sh -c 'head -c 1000000 /dev/zero >/tmp/own && rm /tmp/own'
	timeout $((5 * SLOWNESS)) "${CALLER[@]}" pyroute ps | grep -c running | grep -x 3
}

# So does the computer: who uses pyroute may have processes.
computer_is_well() {
	as_caller timeout $((5 * SLOWNESS)) sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 0 & done; wait'
}

# red: overlay.c gives a client's layer no size
# red: cgroup.c writes no limit of memory (host mode); client.c sets no RLIMIT_DATA (private mode)
@test "a hog of memory, of files and of frames is alone with what it does" {
	stage_start hogs
	# Memory: control groups kill it; where there are none it gets no more (setrlimit(2)).
	run connect client1 -- python3 -c 'x = [bytearray(1 << 20) for i in range(600)]'
	[[ $status == $([[ $MODE == host ]] && echo 137 || echo 1) ]]
	others_are_well
	# The layer above its root filesystem.
	run ! connect client1 -- sh -c 'head -c 300000000 /dev/zero >/fill'
	[[ $output == *"No space left on device"* || $output == *Killed* ]]
	others_are_well
	# Frames, as many as go.
	background "$BATS_TEST_TMPDIR/flood" connect client1 -- sh -c \
		'ip neigh add 1.1.1.1 lladdr 02:00:00:00:00:01 dev eth0; echo ready; exec ping -q -f -w 30 1.1.1.1'
	others_are_well
	computer_is_well
	# Its own network.
	connect client1 -- ip link del eth0
	[[ $(connect client1 -- ls /sys/class/net) == lo ]]
	others_are_well
	within 5 pyroute stop
	background_stop
	good
}

# red: process.c's init_reap() reaps one child a signal
@test "5000 orphans in a client are reaped, and nobody else notices" {
	stage_start hogs
	# Of each parent that ends, two hundred children are the first process's.
	connect client1 -- python3 -c '
import os
for batch in range(25):
    parent = os.fork()
    if parent == 0:
        for orphan in range(200):
            if os.fork() == 0:
                os._exit(0)
        os._exit(0)
    os.waitpid(parent, 0)'
	others_are_well
	wait_until connect client1 -- sh -c '! grep -qs "^State:.Z" /proc/[0-9]*/status'
	within 5 pyroute stop
	good
}

# The bomb burns until the stop, whatever becomes of the connect that lit it.
bomb_start() {
	connect client1 -- python3 -c '
import os, time
if os.fork() == 0:
    os.setsid()
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.1)' </dev/null >/dev/null 2>&1
}

# The processes of the client whose first one has this pid, as the computer sees them.
processes_with() {
	local space
	space=$(readlink "/proc/$1/ns/pid")
	space=${space//[^0-9]/}
	find /proc -mindepth 3 -maxdepth 3 -path '*/ns/pid' -lname "*$space*" 2>/dev/null | wc -l
}

is_full() {
	(($(processes_with "$1") > 150))
}

# Control groups count the processes of each client; without them the kernel does, in its user namespace.
# red: cgroup.c writes twice as much into pids.max (host mode); client.c sets twice that for RLIMIT_NPROC
# (private mode). Without any limit the bomb takes the computer, and the test ends with its time.
@test "a fork bomb in a client meets its limit, the computer goes on, and a stop ends it" {
	local first
	stage_start hogs
	first=$(client_pid client1)
	bomb_start
	wait_until is_full "$first"
	computer_is_well
	others_are_well
	within 5 pyroute ps
	(($(processes_with "$first") < 300))
	within 5 pyroute stop
	good
}
