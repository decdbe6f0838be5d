#!/usr/bin/env bats
# Several stages of one checkout, told apart by --name. One without a name runs beside them.
# shellcheck disable=SC2154 # complaint is set by fails_with

load helpers

readonly NAMES=(a b scripts)

setup() {
	common_setup
	other_stage_make
}

teardown() {
	local name
	if [[ -n ${CHECKOUT:-} ]]; then
		for name in "${NAMES[@]}"; do
			pyroute stop --dir "$CHECKOUT" --name "$name" >/dev/null 2>&1 || true
		done
		pyroute stop --dir "$CHECKOUT-second" --name b >/dev/null 2>&1 || true
		rm -rf --one-file-system "$CHECKOUT-second"
	fi
	common_teardown
}

# Makes the stage other, whose leg is none of stage1's. Its other net is out of the computer's sight.
other_stage_make() {
	local net
	for net in 1 2; do
		printf '[net%d]\nsubnet = 10.%d.0.0/16\n' "$net" "$net"
	done | stage_make other
	cat >>stages/other/stage.ini <<-'END'
		[net3]
		subnet   = 3.3.3.0/24
		computer = 3.3.3.1
		[client1]
		net1     = 10.1.0.1
		net2     = 10.2.0.1
		net3     = 3.3.3.2
		[client2]
		net1     = 10.1.0.2
		net2     = 10.2.0.2
		[stage]
		title    = Another
	END
}

# address_of NAME CLIENT: what the client of the stage of this name has as its first.
address_of() {
	pyroute connect --name "$1" "$2" -- ip -4 -o addr show eth0 | grep -o '[0-9.]*/[0-9]*'
}

# keeper_of NAME: as keeper_pid, of the stage that runs by this name.
keeper_of() {
	awk '/^PPid:/ { print $2 }' "/proc/$(pyroute ps --name "$1" | awk '/^client1/ { print $3 }')/status"
}

@test "two stages of a checkout run side by side, and each command is about the one it names" {
	host_snapshot >"$BATS_TEST_TMPDIR/before"
	[[ $(pyroute start --name a stage1 | head -n 1) == "stage1 is up: Two neighbours, 2 clients" ]]
	pyroute start --name=b other
	[[ $(address_of a client1) == 1.1.1.2/24 && $(address_of b client1) == 10.1.0.1/16 ]]
	pyroute ps --name a | grep -F 'net1 1.1.1.2/24'
	pyroute ps --name b | grep -F 'net3 3.3.3.2/24'
	pyroute stages --name a | grep -E '^stage1 +running'
	pyroute stages --name b | grep -E '^other +running'
	[[ $(pyroute stages --name b | grep -c running) == 1 ]]
	pyroute run --name a -- test -e /sys/class/net/net1
	pyroute run --name b -- test -e /sys/class/net/net3
	[[ $(pyroute stop --name a) == "stage1 is stopped" ]]
	pyroute run --name b -- test -e /sys/class/net/net3
	run ! pyroute run --name b -- test -e /sys/class/net/net1
	pyroute connect --name b client1 -- true
	pyroute stop --name b other
	host_snapshot >"$BATS_TEST_TMPDIR/after"
	same "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "a start ends the stage of its own name, and no other" {
	local first second
	stage_start
	pyroute start --name b other
	first=$(client_pid client1)
	second=$(pyroute ps --name b | awk '/^client1/ { print $3 }')
	pyroute start --name b other
	is_dead "$second"
	[[ $(client_pid client1) == "$first" ]]
	stage_start
	is_dead "$first"
	pyroute connect --name b client1 -- true
}

@test "where nothing runs by a name each command says so, whatever else runs" {
	stage_start
	fails_with 1 pyroute stop --name a
	[[ $complaint == *"no stage runs by the name a;"*"--name a "* ]]
	fails_with 1 pyroute ps --name a
	[[ $complaint == *"no stage runs by the name a;"* ]]
	fails_with 125 pyroute connect --name a client1 -- true
	[[ $complaint == *"no stage runs by the name a;"* ]]
	fails_with 125 pyroute run --name a -- true
	[[ $complaint == *"no stage runs by the name a;"* ]]
	pyroute stages --name a >"$OUT"
	run ! grep running "$OUT"
	connect client1 -- true
	stage_stop
	pyroute start --name a stage1
	fails_with 1 pyroute stop
	[[ $complaint == *"no stage runs; "* ]]
	fails_with 125 pyroute connect client1 -- true
}

@test "the run of a name ends with the stage of that name alone" {
	local routers
	stage_start
	pyroute start --name b other
	background_start "$OUT" pyroute run -- sh -c 'echo up; sleep 100'
	wait_for "$OUT" up
	background_start "$OUT.b" pyroute run --name b -- sh -c 'echo up; sleep 100'
	wait_for "$OUT.b" up
	routers=("${BACKGROUND[@]}")
	pyroute stop --name b
	wait_until is_dead "${routers[1]}"
	kill -0 "${routers[0]}"
	stage_stop
	wait_until is_dead "${routers[0]}"
}

@test ".stage is of the stage without a name alone" {
	pyroute start --name a stage1
	[[ ! -e .stage ]]
	pyroute stop --name a
	pyroute start --name b other
	stage_start
	[[ $(<.stage) == stage1 ]]
	pyroute start --name b other
	pyroute stop --name b
	[[ $(<.stage) == stage1 ]]
	pyroute start --name b other
	kill_and_wait "$(keeper_of b)"
	run ! pyroute stop --name a # which clears away after b
	[[ $(<.stage) == stage1 && ! -e /sys/class/net/net3 ]]
}

# host: legs that a private stage makes are in the way of no other
# bats test_tags=host
@test "legs that another name has are refused, and the stop that is named frees them" {
	pyroute start --name a other
	stage_start
	fails_with 1 pyroute start --name b stage1
	[[ $complaint == "pyroute: stage1 runs and has the interface net1; stop it: "* ]]
	[[ $complaint == *"stop it: sudo pyroute stop --dir $CHECKOUT" ]]
	fails_with 1 pyroute start --name b other
	[[ $complaint == "pyroute: other runs and has the interface net3; stop it: "* ]]
	[[ $complaint == *"stop it: sudo pyroute stop --name a --dir $CHECKOUT" ]]
	cd /
	eval "${complaint#*stop it: sudo }"
	cd "$CHECKOUT"
	pyroute start --name b other
	connect client1 -- true
}

# Forwarding in two settings, of which one is not like the other.
forwarding() {
	cat /proc/sys/net/ipv4/{ip_forward,conf/lo/forwarding,conf/host0/forwarding} | paste -sd ' '
}

# host: it is about ip forwarding of the computer, which no private stage touches
# bats test_tags=host
@test "ip forwarding is off as long as any stage runs, and the last one restores what the first found" {
	echo 0 >/proc/sys/net/ipv4/conf/host0/forwarding
	[[ $(forwarding) == "1 1 0" ]]
	host_snapshot >"$BATS_TEST_TMPDIR/before"
	# The first goes first.
	stage_start
	pyroute start --name b other
	stage_stop
	[[ $(forwarding) == "0 0 0" ]]
	# It comes again, and what it found the first time goes from hand to hand.
	stage_start
	pyroute stop --name b
	[[ $(forwarding) == "0 0 0" ]]
	stage_stop
	[[ $(forwarding) == "1 1 0" ]]
	host_snapshot >"$BATS_TEST_TMPDIR/after"
	same "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	# The first goes last.
	stage_start
	pyroute start --name b other
	pyroute stop --name b
	[[ $(forwarding) == "0 0 0" ]]
	stage_stop
	[[ $(forwarding) == "1 1 0" ]]
	# A start that fails, and one that takes the place of the first.
	stage_start
	fails_with 1 pyroute start --name b stage1
	[[ $(forwarding) == "0 0 0" ]]
	pyroute start --name b other
	stage_start
	[[ $(forwarding) == "0 0 0" ]]
	pyroute stop --name b
	stage_stop
	host_snapshot >"$BATS_TEST_TMPDIR/after"
	same "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	echo 1 >/proc/sys/net/ipv4/conf/host0/forwarding
}

# host: it is about ip forwarding of the computer, which no private stage touches
# bats test_tags=host
@test "ip forwarding is restored by the last of several stages too where the first ones crashed" {
	host_snapshot >"$BATS_TEST_TMPDIR/before"
	stage_start
	pyroute start --name b other
	kill_and_wait "$(keeper_pid)"
	fails_with 1 pyroute stop
	[[ $(</proc/sys/net/ipv4/ip_forward) == 0 && ! -e /sys/class/net/net1 ]]
	stage_start
	kill_and_wait "$(keeper_pid)"
	kill_and_wait "$(keeper_of b)"
	fails_with 1 pyroute stop
	host_snapshot >"$BATS_TEST_TMPDIR/after"
	same "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

# host: it is about ip forwarding of the computer, which no private stage touches
# bats test_tags=host
@test "a stage of another network namespace does not keep ip forwarding off in this one" {
	nsenter --net=/run/netns/outside "$PYROUTE_TEST_SCRATCH/bin/pyroute" start --name b other
	stage_start
	stage_stop
	[[ $(</proc/sys/net/ipv4/ip_forward) == 1 ]]
	nsenter --net=/run/netns/outside "$PYROUTE_TEST_SCRATCH/bin/pyroute" stop --name b
}

@test "what is no name ends with 2 and one line, and nothing is started" {
	local name command
	for name in '' . .. -a .a a/b '../x' 'a b' a+b $'a\n' "$(printf 'x%.0s' {1..64})"; do
		leaves_nothing fails_with 2 pyroute start --name "$name" stage1
		[[ $complaint == *"is no name"* ]]
	done
	for command in start stop connect ps stages run check why; do
		fails_with 2 pyroute "$command" --name
		[[ $complaint == *"--name needs a name; see pyroute $command --help" ]]
		pyroute "$command" --help | grep -F '[--name NAME]'
	done
	fails_with 2 pyroute doctor --name a
	[[ $complaint == *"no option --name; see pyroute doctor --help" ]]
	fails_with 2 pyroute doctor --name
	[[ $complaint == *"no option --name; see pyroute doctor --help" ]]
	fails_with 2 pyroute ps --dir
	[[ $complaint == *"--dir needs a folder"* ]]
	fails_with 2 pyroute stop --nmae a
	[[ $complaint == *"did you mean --name?" ]]
}

@test "the longest name there can be, and one like a file of ours, are names" {
	local longest
	longest=$(printf 'x%.0s' {1..63})
	pyroute start --name "$longest" stage1
	pyroute connect --name "$longest" client1 -- true
	pyroute stop --name "$longest"
	pyroute start --name lock stage1
	pyroute stop --name lock
}

# scripted STAGE: a stage whose scripts note what they were told, in the checkout's file "log".
scripted() {
	local script
	mkdir -p "stages/$1"
	for script in up down connect; do
		# shellcheck disable=SC2016 # the script expands it
		printf '#!/bin/sh\necho "%s by ${PYROUTE_NAME-none}" >>"$PYROUTE_ENV/log"\n' \
			"$script" >"stages/$1/$script.sh"
		chmod 755 "stages/$1/$script.sh"
	done
	checkout_give
}

# host: sudo is what it is about
# bats test_tags=host
@test "a stage of another kind is told its name, and runs by several at once" {
	scripted own
	as_student pyroute start own
	PYROUTE_NAME=wrong as_student pyroute connect any
	as_student pyroute start --name scripts own
	as_student pyroute start --name a.scripts own
	as_student pyroute start --name a own
	as_student pyroute connect --name a any
	student_sudo_pyroute stop --name a
	fails_with 1 as_student pyroute stop --name a
	as_student pyroute stop --name a.scripts
	as_student pyroute stages --name scripts | grep -E '^own +running'
	[[ $(<.stage) == own ]]
	as_student pyroute stop
	[[ ! -e .stage ]]
	as_student pyroute stop --name scripts
	diff log - <<-END
		up by none
		connect by none
		up by scripts
		up by a.scripts
		up by a
		connect by a
		down by a
		down by a.scripts
		down by none
		down by scripts
	END
	[[ ! -e /tmp/pyroute-4711 ]]
}

# host: sudo is what it is about
# bats test_tags=host
@test "a name is one stage's at a time, of whichever kind" {
	scripted own
	student_sudo_pyroute start --name a stage1
	fails_with 1 as_student pyroute start --name a own
	[[ $complaint == *"sudo pyroute-stage-stop --name a" ]]
	as_student pyroute start --name b own
	student_sudo_pyroute start --name a own
	[[ ! -e /sys/class/net/net1 ]]
	student_sudo_pyroute start --name b stage1
	[[ -e /sys/class/net/net1 && $(tail -n 1 log) == "down by b" ]]
	student_sudo_pyroute stop --name b
	as_student pyroute stop --name a
}

# host: of another user's private stage nobody sees that it runs: see private.bats
# bats test_tags=host
@test "another user's stage of a name is listed as running, though its keeper tells them nothing" {
	chmod 755 "$CHECKOUT"
	pyroute start --name a stage1
	as_student pyroute stages --name a | grep -E '^stage1 +running'
	as_student pyroute stages >"$OUT"
	run ! grep running "$OUT"
	fails_with 125 as_student pyroute connect --name a client1 -- true
	[[ $complaint == *"another user's"* ]]
}

# all [COMMAND...]: the rows of ps --all, as COMMAND or who uses pyroute has them, without the uptime.
all() {
	"${@:-as_caller}" "$PYROUTE_TEST_SCRATCH/bin/pyroute" ps --all | tee "$OUT" | sed 1d | awk 'NF == 5 { print $1, $2, $3, $4 }'
}

readonly HEADER='STAGE +NAME +CHECKOUT +CLIENTS +UPTIME'

@test "ps --all lists what runs, of whatever checkout and name, for people and as JSON" {
	local second=$CHECKOUT-second
	cd /
	[[ -z $(all) ]]
	grep -xE "$HEADER" "$OUT"
	pyroute ps --all --json | tr -d ' \n' | grep -xF '{"stages":[]}'
	cp -a "$CHECKOUT" "$second"
	pyroute start --dir "$second" --name b other
	pyroute start --dir "$CHECKOUT" stage1
	diff <(all) - <<-END
		stage1 - $CHECKOUT 2/2
		other b $second 2/2
	END
	grep -xE "$HEADER" "$OUT"
	grep -E '[0-9]s$' "$OUT"
	kill_and_wait "$(pyroute ps --dir "$second" --name b | awk '/^client2/ { print $3 }')"
	pyroute ps --all --json >"$OUT"
	cat "$OUT"
	"$PYTHON" - "$OUT" "$CHECKOUT" <<-'END'
		import json, sys
		first, second = json.load(open(sys.argv[1]))["stages"]
		assert (first["stage"], first["name"], first["checkout"]) == ("stage1", None, sys.argv[2])
		assert (second["stage"], second["name"]) == ("other", "b")
		assert (first["clients"], first["clients_running"]) == (2, 2)
		assert (second["clients"], second["clients_running"]) == (2, 1)
		assert 0 <= first["uptime_ms"] <= second["uptime_ms"] < 100000
	END
	kill_and_wait "$(awk '/^PPid:/ { print $2 }' \
		"/proc/$(pyroute ps --dir "$second" --name b | awk '/^client1/ { print $3 }')/status")"
	diff <(all) <(echo "stage1 - $CHECKOUT 2/2")
	fails_with 2 pyroute ps --all --name b
	fails_with 2 pyroute stop --all
	pyroute stop --dir "$CHECKOUT"
	[[ -z $(all) ]]
}

# host: sudo is what it is about
# bats test_tags=host
@test "ps --all shows an ordinary user those stages that are theirs, and root all of them" {
	checkout_give
	student_sudo_pyroute start --name a stage1
	pyroute start --name b other
	diff <(all as_student) <(echo "stage1 a $CHECKOUT 2/2")
	diff <(all as_student sudo) - <<-END
		stage1 a $CHECKOUT 2/2
		other b $CHECKOUT 2/2
	END
	diff <(all) <(all as_student sudo)
}

@test "a keeper that does not answer is listed, without what only it knows" {
	local keeper
	pyroute start --name a stage1
	keeper=$(keeper_of a)
	kill -STOP "$keeper"
	all >"$OUT.rows"
	kill -CONT "$keeper"
	diff "$OUT.rows" <(echo "stage1 a $CHECKOUT -")
}

# host: sudo is what it is about
# bats test_tags=host
@test "ps --all lists stages of another kind, to their user" {
	scripted own
	as_student pyroute start own
	as_student pyroute start --name a.scripts own
	pyroute start --name b other
	diff <(all as_student) - <<-END
		own - $CHECKOUT -
		own a.scripts $CHECKOUT -
	END
	diff <(all as_student sudo) - <<-END
		own - $CHECKOUT -
		own a.scripts $CHECKOUT -
		other b $CHECKOUT 2/2
	END
	diff <(all) <(echo "other b $CHECKOUT 2/2")
	as_student pyroute stop
	diff <(all as_student) <(echo "own a.scripts $CHECKOUT -")
	as_student pyroute stop --name a.scripts
	[[ -z $(all as_student) ]]
}
