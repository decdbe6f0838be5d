#!/usr/bin/env bats
# Many at once: starts and stops, of one checkout and of several, by two users; and clients.
# shellcheck disable=SC2154 # complaint is set by fails_with

load helpers

readonly CLIENTS=${PYROUTE_TEST_CLIENTS:-300} # make crowd CLIENTS=1000 tries more

setup() {
	common_setup
}

teardown() {
	local i
	for ((i = 0; i < 20; i++)); do
		if [[ -d $CHECKOUT-$i ]]; then
			"$PYROUTE_TEST_SCRATCH/bin/pyroute" stop --dir "$CHECKOUT-$i" >/dev/null 2>&1 || true
			as_plain "$PYROUTE_TEST_SCRATCH/bin/pyroute" stop --dir "$CHECKOUT-$i" >/dev/null 2>&1 || true
			pyroute stop --dir "$CHECKOUT-$i" >/dev/null 2>&1 || true
			rm -rf --one-file-system "${CHECKOUT:?}-$i"
		fi
	done
	common_teardown
}

# at_once COUNT COMMAND: runs COMMAND I for I from 0, all at the same time. What each said is in
# $OUT.I, and its status at the end of that.
at_once() {
	local i pids=()
	for ((i = 0; i < $1; i++)); do
		(
			trap - DEBUG ERR # bats' own
			set +e
			"$2" "$i" >"$OUT.$i" 2>&1
			echo "status $?" >>"$OUT.$i"
		) 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	for ((i = 0; i < $1; i++)); do paste -sd '|' "$OUT.$i" | sed "s/^/$i: /"; done
}

# how_many PATTERN: of those, whose last words are these.
how_many() {
	cat "$OUT".[0-9]* | grep -cxE "$1" || true
}

# hold_connections COUNT [STAY]: so many to the keeper of the stage that runs, on each of which
# nothing is said, or that it is to stay (VERB_STAY of service.c).
hold_connections() {
	cat >src/hold.py <<-'END'
		import socket, struct, sys, time
		count, path, stay = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
		connections = []
		for i in range(count):
		    connections.append(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
		    connections[-1].connect(path)
		    if stay:
		        connections[-1].send(struct.pack("I64s", 6, b""))
		        assert connections[-1].recv(1000)[:4] == bytes(4)
		print("ready", flush=True)
		time.sleep(60)
	END
	background "$OUT" as_caller "$PYTHON" src/hold.py "$1" "$(run_dir)"/*/socket "${@:2}"
}

# red: service.c's make_room() finds nobody
@test "who connects to a keeper and says nothing keeps nobody out" {
	stage_start
	hold_connections 70
	pyroute ps | grep -E '^client1 +running'
	connect client1 -- true
	stage_stop
}

# red: service.c's answer_stay() does not count
# red: service.c's make_room() does not spare who stays
@test "a stage can be asked, and stopped, however many routers run; too many are refused" {
	stage_start
	hold_connections 48 stay
	fails_with 125 pyroute run -- true
	[[ $complaint == 'pyroute: 48 "pyroute run" are there already; end one' ]]
	background_stop
	background "$OUT.run" pyroute run -- sh -c 'trap "echo ended; exit" TERM; echo ready; sleep 60 & wait'
	hold_connections 70
	pyroute ps | grep -E '^client1 +running'
	sleep 0.5
	run ! grep ended "$OUT.run"
	stage_stop
	grep ended "$OUT.run"
}

# Every other is the ordinary user's in host mode, by sudo; every other is a stop.
start_or_stop() {
	local command=(start stage1)
	(($1 % 4 < 2)) || command=(stop)
	if (($1 % 2)) && [[ $MODE == host ]]; then
		student_sudo_pyroute "${command[@]}"
	else
		pyroute "${command[@]}"
	fi
}

# What is half made can neither be used nor be stopped.
# red: rundir.c's rundir_lock() and record.c's lock_file() lock nothing
@test "20 starts and stops of one checkout at once, by two users, are one after the other" {
	[[ $MODE == private ]] || checkout_give
	host_remember
	at_once 20 start_or_stop
	[[ $(how_many "stage1 is up: .*") == 10 ]]
	(($(how_many "stage1 is stopped") + $(how_many "pyroute: no stage runs; .*") == 10))
	(($(how_many "status 0") == 10 + $(how_many "stage1 is stopped")))
	if [[ -e .stage ]]; then
		connect client1 -- true
		(($(pyroute ps | grep -c running) == 2))
		stage_stop
	fi
	good
}

# checkouts COUNT: as many more, those of odd numbers another user's.
checkouts() {
	local i
	for ((i = 0; i < $1; i++)); do
		mkdir "$CHECKOUT-$i"
		cp -r stages src "$CHECKOUT-$i/"
		chown -R "$(if ((i % 2)); then echo "$PLAIN"; else as_caller id -un; fi):" "$CHECKOUT-$i"
	done
}

# In private mode by two users; in host mode root has the stages of both.
as_owner() {
	if (($1 % 2)) && [[ $MODE == private ]]; then as_plain "${@:2}"; else as_caller "${@:2}"; fi
}

start_checkout() {
	as_owner "$1" timeout --foreground 100 pyroute start --dir "$CHECKOUT-$1" stage1
}

stop_checkout() {
	as_owner "$1" timeout --foreground 100 pyroute stop --dir "$CHECKOUT-$1"
}

# host: private stages have legs of their own, so that all of them win: see the next test
# bats test_tags=host
# red: rundir.c's rundir_lock() locks nothing
@test "of 20 checkouts that start at once one wins the legs, and the others are told which" {
	local winner
	checkouts 20
	host_remember
	at_once 20 start_checkout
	[[ $(how_many "status 0") == 1 && $(how_many "status 1") == 19 ]]
	winner=$(grep -lx "status 0" "$OUT".[0-9]*)
	winner=$CHECKOUT-${winner##*.}
	[[ $(how_many "pyroute: stage1 runs and has the interface net1; stop it: sudo pyroute stop --dir $winner") == 19 ]]
	pyroute connect --dir "$winner" client1 -- true
	pyroute stop --dir "$winner"
	good
}

# private: legs on the computer itself are one stage's at a time
# bats test_tags=private
# red: rundir.c's rundir_id() does not tell checkouts apart
@test "20 checkouts of two users start and stop at once, and nobody's stage is touched by another" {
	local i first
	checkouts 20
	host_remember
	stage_start
	first=$(client_pid client1)
	at_once 20 start_checkout
	[[ $(how_many "status 0") == 20 ]]
	for ((i = 0; i < 20; i += 5)); do
		as_owner "$i" timeout 30 pyroute connect --dir "$CHECKOUT-$i" client2 -- touch "/tmp/$i"
	done
	[[ $(as_plain pyroute ps --all | grep -c '^stage1 ') == 10 ]]
	# Nor stops one user the other's.
	fails_with 1 as_plain pyroute stop --dir "$CHECKOUT-2"
	at_once 20 stop_checkout
	[[ $(how_many "stage1 is stopped") == 20 ]]
	[[ $(client_pid client1) == "$first" ]]
	connect client1 -- true
	stage_stop
	good
}

# red: rundir.c's rundir_lock() locks nothing (host mode); record.c's lock_file() does not (private mode)
@test "a start during a stop waits for its end, and so does a second start" {
	local first second keeper
	host_remember
	stage_start
	keeper=$(keeper_pid)
	background_start "$OUT.stop" as_caller strace -D -qq -o /dev/null -e trace=unlinkat \
		-e inject=unlinkat:delay_enter=700000:when=1 pyroute stop
	wait_until is_dead "$keeper"
	background_start "$OUT.first" pyroute start stage1
	first=${BACKGROUND[-1]}
	background_start "$OUT.second" pyroute start stage1
	second=${BACKGROUND[-1]}
	wait "${BACKGROUND[0]}" "$first" "$second"
	grep -qx "stage1 is stopped" "$OUT.stop"
	connect client1 -- true
	[[ $(pgrep -cx pyroute-keeper) == 1 ]]
	stage_stop
	good
}

# The stop has looked for the place of the lock when there was none. Between its looks a start makes
# the place of its keeper, and then takes its time.
# red: session.c's session_down() does not look for the lock again (private mode)
@test "a stop that began before anything ran waits for the start that came meanwhile" {
	local start
	host_remember
	background_start "$OUT.stop" as_caller strace -D -qq -o "$CHECKOUT/trace" -e trace=openat \
		-P "$(run_dir)" -e inject=openat:delay_exit=1500000:when=3 pyroute stop
	wait_until grep -qs ENOENT trace
	background_start "$OUT.start" as_caller strace -D -qq -o /dev/null -e trace=listen \
		-e inject=listen:delay_enter=3000000:when=1 pyroute start stage1
	start=${BACKGROUND[-1]}
	wait "$start"
	wait "${BACKGROUND[0]}" || true
	cat "$OUT.stop" "$OUT.start" trace
	[[ ! -e .stage ]] || stage_stop
	good
}

# ---- clients -------------------------------------------------------------------------------------

# crowd_make COUNT: the stage crowd, so many clients on one segment of the computer's.
crowd_make() {
	local i
	{
		printf '[stage]\ntitle = A crowd\n[net1]\nsubnet = 10.0.0.0/16\ncomputer = 10.0.255.254\n'
		for ((i = 1; i <= $1; i++)); do
			printf '[client%d]\nnet1 = 10.0.%d.%d\n' "$i" $((i / 250)) $((i % 250 + 1))
		done
	} | stage_make crowd
}

# crowd_costs COUNT: milliseconds that a start takes, the stage of which stays.
crowd_costs() {
	local began=${EPOCHREALTIME/[.,]/}
	crowd_make "$1"
	pyroute start crowd >/dev/null
	echo $(((${EPOCHREALTIME/[.,]/} - began) / 1000))
}

# red: start.c looks at the limit of files for two clients
@test "$CLIENTS clients come up, or are refused before anything is made" {
	local few many
	host_remember
	few=$(crowd_costs $((CLIENTS / 10)))
	stage_stop
	many=$(crowd_costs "$CLIENTS")
	echo "# of $((CLIENTS / 10)) clients each took $((few * 10000 / CLIENTS)) us, of $CLIENTS $((many * 1000 / CLIENTS)) us" >&3
	[[ $(pyroute ps | grep -c running) == "$CLIENTS" ]]
	connect "client$CLIENTS" -- ping -q -c 1 -W 9 10.0.0.2
	stage_stop
	gone
	leaves_nothing fails_with 1 "${CALLER[@]}" prlimit --nofile=1000:1000 pyroute start crowd
	[[ $complaint == *"only 1000 files may be open at once here"* ]]
	good
}
