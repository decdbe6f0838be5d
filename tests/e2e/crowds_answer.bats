#!/usr/bin/env bats
# No cliff: a thousand clients on as many nets, and two hundred on one, come up and are answered, all
# of them.

load helpers

readonly MANY=${PYROUTE_TEST_CLIENTS:-1000}
readonly TOGETHER=200

# A router that answers ARP and ping for every first address of 10/8's nets of 24 bits, and an ear on
# one net: when they are there, they open the gate. Of a client's first ping nothing is counted: that it
# was answered shows in its second, of another size. Says "all COUNT" when so many clients have sent
# that one.
crowd_router() {
	cat >src/crowd.py <<-'END'
		import os, socket, struct, sys
		ETH_P_ALL, SIZE = 3, 14 + 20 + 8 + 100
		wanted, speaks, seen = int(sys.argv[1]), sys.argv[2] == "router", set()
		wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
		own = bytes.fromhex("020000000001")

		def checksum(data):
		    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
		    while total >> 16:
		        total = (total & 0xffff) + (total >> 16)
		    return ~total & 0xffff

		def answer(frame, where):
		    if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\x00\x01" and frame[41] == 1:
		        wire.sendto(frame[6:12] + own + frame[12:20] + b"\x00\x02" + own + frame[38:42]
		                    + frame[22:32], where)
		    elif frame[12:14] == b"\x08\x00" and frame[23] == 1 and frame[34] == 8:
		        echo = b"\x00\x00\x00\x00" + frame[38:]
		        echo = b"\x00\x00" + struct.pack("!H", checksum(echo)) + echo[4:]
		        wire.sendto(frame[6:12] + own + frame[12:26] + frame[30:34] + frame[26:30] + echo, where)

		os.write(os.open("src/gate", os.O_RDWR), b"\n" * wanted)
		print("ready", flush=True)
		while len(seen) < wanted:
		    frame, where = wire.recvfrom(2000)
		    if where[2] == socket.PACKET_OUTGOING:
		        continue
		    if speaks:
		        answer(frame, where)
		    if frame[12:14] == b"\x08\x00" and frame[23] == 1 and frame[34] == 8 and len(frame) == SIZE:
		        seen.add(frame[26:30])
		print("all", len(seen), flush=True)
	END
}

# crowd_hears COUNT KIND: the stage crowd runs, and so many of its clients are answered.
crowd_hears() {
	wait_for "$OUT.crowd" "^all $1\$"
	[[ $(pyroute ps | grep -c running) == "$1" ]]
	stage_stop
}

# crowd_begin COUNT KIND: starts the stage crowd, and then what answers there or listens.
crowd_begin() {
	crowd_router
	mkfifo -m 666 src/gate
	pyroute start crowd
	background "$OUT.crowd" pyroute run -- "$PYTHON" src/crowd.py "$@"
}

# In the place of each client's gateway or neighbour stands %s: asked until it has answered, and then
# with another size, by one process. Before that each waits at the gate: a thousand that start programs
# for ever ask a slow machine for more than it has.
readonly SPEAK='run = "sh -c '\''read _ </~/src/gate; until ping -q -c 1 -W 9 %s; do :; done; exec ping -q -s 100 %s'\''"'

# red: gc_thresh3 of a computer is below that, or neighbours.c takes too many for well
@test "a thousand clients on a thousand nets are all answered" {
	local i net
	{
		printf '[stage]\ntitle = A crowd\n'
		for ((i = 1; i <= MANY; i++)); do
			net=10.$((i >> 8)).$((i & 255))
			printf '[net%d]\nsubnet = %s.0/24\ncomputer = %s.1\n' "$i" "$net" "$net"
			# shellcheck disable=SC2059 # it is a format
			printf "[client%d]\nnet%d = %s.2\ngateway = %s.1\n$SPEAK\n" "$i" "$i" "$net" "$net" \
				"$net.1" "$net.1"
		done
	} | stage_make crowd
	crowd_begin "$MANY" router
	crowd_hears "$MANY"
}

# red: nursery.c: ask_for_leg() asks for more legs than are raised at once
@test "clients that are on eight nets each are answered on all of them" {
	local i j net asked
	{
		printf '[stage]\ntitle = A crowd\n'
		for ((i = 1; i <= 12; i++)); do
			asked=
			for ((j = 1; j <= 8; j++)); do
				net=10.$i.$j
				printf '[net%d]\nsubnet = %s.0/24\ncomputer = %s.1\n' $((i * 8 + j - 8)) "$net" "$net"
				asked+="ping -q -c 1 -W 9 $net.1 && ping -q -s 100 -c 1 -W 9 $net.1; "
			done
			printf '[client%d]\n' "$i"
			for ((j = 1; j <= 8; j++)); do
				printf 'net%d = 10.%d.%d.2\n' $((i * 8 + j - 8)) "$i" "$j"
			done
			printf "gateway = 10.%d.1.1\nrun = \"sh -c 'while sleep 1; do %sdone'\"\n" "$i" "$asked"
		done
	} | stage_make crowd
	crowd_begin 96 router
	wait_for "$OUT.crowd" "^all 96\$"
	[[ $(pyroute ps | grep -c running) == 12 ]]
	stage_stop
}

# red: switchboard.c's join_segment() makes no copy for the leg, or one port of a bridge less
@test "two hundred clients on one net are all answered, each by its neighbour" {
	local i
	{
		printf '[stage]\ntitle = A crowd\n[net1]\nsubnet = 10.0.0.0/24\ncomputer = 10.0.0.254\n'
		for ((i = 1; i <= TOGETHER; i++)); do
			# shellcheck disable=SC2059 # it is a format
			printf "[client%d]\nnet1 = 10.0.0.%d\n$SPEAK\n" "$i" "$i" \
				"10.0.0.$((i % TOGETHER + 1))" "10.0.0.$((i % TOGETHER + 1))"
		done
	} | stage_make crowd
	crowd_begin "$TOGETHER" ear
	crowd_hears "$TOGETHER"
}
