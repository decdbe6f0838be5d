#!/usr/bin/env bats
# The commands as README.md has them: both spellings, the checkout they find, what they print.

load helpers

# Every command, and the program of its own.
readonly COMMANDS=(start:pyroute-stage-start stop:pyroute-stage-stop stages:pyroute-stage-list
	connect:pyroute-connect ps:pyroute-ps run:pyroute-run check:pyroute-check
	why:pyroute-why doctor:pyroute-doctor)

@test "every command has a name of its own that does the same" {
	"${CALLER[@]}" pyroute-stage-start stage1
	[[ $(<.stage) == stage1 ]]
	[[ $("${CALLER[@]}" pyroute-connect client1 -- hostname) == client1 ]]
	[[ $("${CALLER[@]}" pyroute-run -- echo hello) == hello ]]
	diff <(pyroute stages) <("${CALLER[@]}" pyroute-stage-list)
	diff <(pyroute doctor) <("${CALLER[@]}" pyroute-doctor)
	diff <(pyroute ps --json | "$PYTHON" -c "$NAMES") \
		<("${CALLER[@]}" pyroute-ps --json | "$PYTHON" -c "$NAMES")
	"${CALLER[@]}" pyroute-stage-stop
	[[ ! -e .stage ]]
	fails_with 1 "${CALLER[@]}" pyroute-stage-stop
}

readonly NAMES='
import json, sys
for client in json.load(sys.stdin)["clients"]: print(client["name"], client["pid"])'

@test "ps lists the clients with state, pid and addresses, for people and as JSON" {
	stage_start
	pyroute ps >"$OUT"
	cat "$OUT"
	grep -E '^client1 +running +[0-9]+ .*1\.1\.1\.2' "$OUT"
	grep -E '^client2 +running +[0-9]+ .*2\.2\.2\.2' "$OUT"
	pyroute ps --json >"$OUT"
	cat "$OUT"
	"$PYTHON" - "$OUT" "$MODE" <<-'END'
		import json, sys
		told = json.load(open(sys.argv[1]))
		assert told["stage"] == "stage1"
		assert [client["name"] for client in told["clients"]] == ["client1", "client2"]
		assert all(client["state"] == "running" for client in told["clients"])
		memory = [client["memory_bytes"] for client in told["clients"]]
		# Control groups count it.
		assert all(memory) if sys.argv[2] == "host" else memory == [None, None]
	END
	# The pid is the one that the computer sees.
	[[ $(readlink "/proc/$(client_pid client1)/ns/net") == \
		"$(connect client1 -- readlink /proc/self/ns/net)" ]]
	stage_stop
	pyroute ps >"$OUT" || true
	run ! grep client "$OUT"
}

# red: client.c's become_client_child() ends no step with STEP()
# red: timing_step() counts from the beginning
@test "start --timing tells which step took which part, by the names in the source" {
	pyroute start --timing stage1 >"$OUT"
	"$PYTHON" - "$OUT" "$BATS_TEST_DIRNAME/../../runtime" <<-'END'
		import pathlib, re, sys
		source = "".join(file.read_text() for file in pathlib.Path(sys.argv[2]).glob("*.c"))
		text = open(sys.argv[1]).read()
		assert text.startswith("stage1 is up: ")
		groups = []
		for line in text.splitlines():
		    if step := re.fullmatch(r" +([0-9.]+) ms +([0-9]+) %   (\w+)", line):
		        groups[-1][2].append((float(step[1]), int(step[2]), step[3]))
		    elif head := re.fullmatch(r" +([0-9.]+) ms        (.*)", line):
		        groups.append((float(head[1]), head[2], []))
		assert [head.split(",")[0] for _, head, _ in groups] == [
		    "the starter", "the keeper", "a client"]
		for whole, _, steps in groups:
		    assert abs(sum(step[0] for step in steps) - whole) < 0.001 * len(steps)
		    for took, part, name in steps:
		        assert re.search(rf"^(static )?\w.*\b{name}\(", source, re.M), name
		        assert abs(100 * took / whole - part) < 1
		names = [{name for _, _, name in steps} for _, _, steps in groups]
		assert {"filter_file", "keeper_spawn", "channel_wait"} <= names[0]
		assert {"nursery_open", "nursery_make", "nursery_finish"} <= names[1]
		assert {"root_make_for_client", "stack_raise", "client_confine"} <= names[2]
		assert groups[0][0] > groups[1][0] > groups[2][0] / 2
	END
	pyroute start stage1 | run ! grep ms
	stage_stop
}

@test "help and version need no root" {
	local command
	as_student pyroute --version | grep -E '^pyroute [0-9]+\.[0-9]+'
	as_student pyroute --help >"$OUT"
	for command in "${COMMANDS[@]}"; do
		grep -wq "${command%:*}" "$OUT"
		cd /
		as_student pyroute "${command%:*}" --help >"$OUT.own"
		grep -q "^Usage: pyroute ${command%:*} " "$OUT.own"
		as_student "${command#*:}" --help | diff "$OUT.own" -
		as_student "${command#*:}" --version | grep -E '^pyroute [0-9]+\.[0-9]+'
	done
	# And that is all of them.
	[[ $(sed -n '/^  [a-z]/p' "$OUT" | wc -l) == "${#COMMANDS[@]}" ]]
}

@test "the checkout is the one of --dir, else of PYROUTE_ENV, else of the nearest folder" {
	mkdir -p "$CHECKOUT-second/stages"
	cp -r stages/stage1 "$CHECKOUT-second/stages/only-there"
	mkdir -p "$CHECKOUT-second/src/deep"
	[[ $MODE == host ]] || chown -R "$STUDENT:" "$CHECKOUT-second"

	pyroute start --dir "$CHECKOUT-second" only-there
	[[ $(<"$CHECKOUT-second/.stage") == only-there ]]
	pyroute stop --dir "$CHECKOUT-second"

	PYROUTE_ENV=$CHECKOUT-second pyroute start only-there
	PYROUTE_ENV=$CHECKOUT-second pyroute stop

	cd "$CHECKOUT-second/src/deep"
	pyroute start only-there
	pyroute stop
	fails_with 1 pyroute start --dir "$CHECKOUT" only-there
	cd "$CHECKOUT"
	rm -rf "$CHECKOUT-second"
}

# What a start has printed, but what a private stage is, which it says last.
said() {
	if [[ $MODE == host ]]; then cat "$OUT"; else sed '/^It is private: /,$d' "$OUT"; fi
}

@test "a start and a stop say one line, and nothing else in a pipe" {
	run --separate-stderr stage_start
	echo "$output / $stderr"
	echo "$output" >"$OUT"
	[[ $status == 0 && $(said | wc -l) -le 1 && -z $stderr ]]
	[[ $MODE == host || ${#lines[@]} == 6 ]]
	run --separate-stderr stage_stop
	echo "$output / $stderr"
	[[ $status == 0 && ${#lines[@]} -le 1 && -z $stderr ]]
}

# slow_make [MICROSECONDS]: makes the stage "slow", of 24 clients, and a command that starts it: by
# strace(1) each client takes so long to be born, some two seconds together where it is not said.
slow_make() {
	local i
	mkdir stages/slow
	{
		printf '[stage]\ntitle = Slow\n[net1]\nsubnet = 10.0.0.0/24\ncomputer = 10.0.0.1\n'
		for ((i = 1; i <= 24; i++)); do
			printf '[client%d]\nnet1 = 10.0.0.%d\n' "$i" "$((i + 1))"
		done
	} >stages/slow/stage.ini
	slow="strace -D -f -qq -o /dev/null -e trace=clone -e inject=clone:delay_enter=${1:-80000} \
		pyroute start slow"
}

@test "a start that takes long shows on a terminal how far it is, and wipes that out at its end" {
	slow_make
	TERM=xterm "${CALLER[@]}" script -qec "$slow" /dev/null </dev/null >"$OUT"
	cat -A "$OUT"
	grep -q $'\rstarting: 8 of 24 clients made\033\[K' "$OUT"
	[[ $(said | tail -n 1) == *$'\r\033[Kslow is up: Slow, 24 clients\r' ]]
	stage_stop
	# A terminal that cannot wipe out, a pipe, and a start that is quick show nothing of it.
	TERM=dumb "${CALLER[@]}" script -qec "$slow" /dev/null </dev/null >"$OUT"
	diff <(said) <(printf 'slow is up: Slow, 24 clients\r\n')
	# shellcheck disable=SC2086 # several words
	"${CALLER[@]}" $slow >"$OUT" 2>&1
	diff <(said) <(printf 'slow is up: Slow, 24 clients\n')
	TERM=xterm "${CALLER[@]}" script -qec "pyroute start stage1" /dev/null </dev/null >"$OUT"
	diff <(said) <(printf 'stage1 is up: Two neighbours, 2 clients\r\n')
}

@test "a long start that fails wipes out how far it was before it says why" {
	local status=0
	slow_make 400000 # it is interrupted long before its end
	background_start "$OUT" "${CALLER[@]}" env TERM=xterm script -qefc "$slow & echo \$! >pid; wait \$!" /dev/null
	wait_for "$OUT" "starting: 8 of 24"
	kill "$(<pid)"
	wait "${BACKGROUND[-1]}" || status=$?
	cat -A "$OUT"
	((status == 143))
	[[ $(tail -n 1 "$OUT") == *$'\r\033[Kpyroute: interrupted'* ]]
}
