#!/usr/bin/env bats
# What fails says so in one line, with an exit status, and leaves nothing.
# shellcheck disable=SC2154 # complaint and stderr are set by fails_with and run

load helpers

@test "starting the stage that runs starts it anew" {
	local first
	stage_start
	first=$(client_pid client1)
	connect client1 -- touch /root/mark
	stage_start
	[[ $(client_pid client1) != "$first" && ! -e /proc/$first ]]
	run ! connect client1 -- test -e /root/mark
	[[ $(<.stage) == stage1 ]]
}

@test "starting another stage stops the one that runs" {
	cp -r stages/stage1 stages/stage2
	stage_start stage1
	connect client1 -- touch /root/mark
	stage_start stage2
	[[ $(<.stage) == stage2 ]]
	run ! connect client1 -- test -e /root/mark
	leaves_nothing true
	stage_stop
	run ! ip link show net1
}

@test "a stop with no stage running says so" {
	leaves_nothing fails_with 1 pyroute stop
	[[ $complaint == *"no stage"* ]]
}

@test "a stop of another stage than the one that runs is refused" {
	cp -r stages/stage1 stages/stage2
	stage_start stage1
	fails_with 1 pyroute stop stage2
	[[ $complaint == *stage1* ]]
	connect client1 -- true
	pyroute stop stage1
	[[ ! -e .stage ]]
}

@test "an unknown stage is refused, and the nearest name suggested" {
	leaves_nothing fails_with 1 pyroute start stagel
	[[ $complaint == *stagel* && $complaint == *stage1* ]]
}

@test "the running stage outlives a start that is refused" {
	stage_start
	fails_with 1 pyroute start stagel
	connect client1 -- true
	[[ $(<.stage) == stage1 ]]
}

@test "an unknown client is refused" {
	stage_start
	leaves_nothing fails_with 125 pyroute connect client9 -- true
	[[ $complaint == *client9* && $complaint == *client2* ]]
}

@test "a connect with no stage running says so" {
	leaves_nothing fails_with 125 pyroute connect client1 -- true
	[[ $complaint == *"no stage"* ]]
}

@test "a client that died is shown as exited, the others go on, and the stop is clean" {
	local pid
	host_snapshot >"$BATS_TEST_TMPDIR/before"
	stage_start
	pid=$(client_pid client1)
	kill_and_wait "$pid"
	pyroute ps | tee "$BATS_TEST_TMPDIR/ps"
	grep -E '^client1 .*exited' "$BATS_TEST_TMPDIR/ps"
	grep -E '^client2 .*running' "$BATS_TEST_TMPDIR/ps"
	fails_with 125 pyroute connect client1 -- true
	[[ $complaint == *client1*exited* ]]
	connect client2 -- true
	stage_stop
	host_snapshot >"$BATS_TEST_TMPDIR/after"
	same "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

@test "a bad stage file is refused with file, line and key, and nothing is started" {
	sed -i 's/^gateway  = 1.1.1.1$/gatway = 1.1.1.1/' stages/stage1/stage.ini
	leaves_nothing fails_with 2 pyroute start stage1
	[[ $complaint == *"stages/stage1/stage.ini:"*gatway*gateway* ]]
	[[ $complaint == *"stage.ini:$(grep -n gatway stages/stage1/stage.ini | cut -d: -f1):"* ]]
}

@test "all that is wrong with a stage file is said at once, a line each" {
	cp stages/stage1/stage.ini "$BATS_TEST_TMPDIR/ini"
	sed -e 's/1.1.1.2$/1.1.1.2.3/' -e 's/2.2.2.2$/2.2.2.300/' \
		"$BATS_TEST_TMPDIR/ini" >stages/stage1/stage.ini
	run --separate-stderr pyroute start stage1
	echo "$stderr"
	[[ $status == 2 && -z $output && ${#stderr_lines[@]} == 2 ]]
	[[ ${stderr_lines[0]} == *1.1.1.2.3* && ${stderr_lines[1]} == *2.2.2.300* ]]

	sed -e 's/^gateway .*/gateway = 9.9.9.9/' "$BATS_TEST_TMPDIR/ini" >stages/stage1/stage.ini
	run --separate-stderr pyroute start stage1
	echo "$stderr"
	[[ $status == 2 && -z $output && ${#stderr_lines[@]} == 2 ]]
	[[ ${stderr_lines[0]} == *client1* && ${stderr_lines[1]} == *client2* ]]
}

@test "wrong usage ends with 2 and one line" {
	fails_with 2 pyroute strat stage1
	fails_with 2 pyroute start
	fails_with 2 pyroute start stage1 stage2
	fails_with 2 pyroute start --no-such-option stage1
	fails_with 2 pyroute ps client1
	fails_with 2 pyroute check stage1 stage2
	fails_with 2 pyroute why client1
	[[ $complaint == *"FROM TO is missing; see pyroute why --help" ]]
}

@test "an option of check with a wrong value ends with 2 and one line that says what it needs" {
	local option
	for option in router format only keep; do
		fails_with 2 pyroute check --$option
		[[ $complaint == *"--$option needs "*"; see pyroute check --help" ]]
		fails_with 2 pyroute check --$option ''
		[[ $complaint == *"--$option needs "* ]]
		fails_with 2 pyroute why --$option x client1 client2
		[[ $complaint == *"no option --$option;"* ]]
	done
	for option in "," "a," ",a" "a,,b" a/b .a $'a\e[m' "$(printf 'x%.0s' {1..64})"; do
		fails_with 2 pyroute check --only "$option"
		[[ $complaint == *'" is no name of a check, nor several with commas; see pyroute check --help' ]]
	done
	fails_with 2 pyroute check --only "$(printf ',x%.0s' {1..257} | cut -c 2-)"
	[[ $complaint == *"is one too many;"* ]]
	fails_with 2 pyroute check --format jnuit
	[[ $complaint == *"did you mean junit?" ]]
}

# means TYPED MEANT: what was typed is refused, and what was meant is named.
means() {
	# shellcheck disable=SC2086 # several words
	fails_with 2 $1
	[[ $complaint == *"did you mean $2?" ]]
}

@test "an unknown command or option is answered with the nearest that there is" {
	means "pyroute strat stage1" start
	means "pyroute stopp" stop
	means "pyroute stage-start stage1" start
	means "pyroute stage-lits" stages
	means "pyroute pyroute-sp" ps
	means "pyroute version" --version
	means "pyroute --hlep" --help
	means "pyroute ps --jsn" --json
	means "pyroute-ps --jsno=1" --json
	means "pyroute stages --drr /" --dir
	means "pyroute start --nolimits stage1" --no-limits
	means "pyroute chekc" check
	means "pyroute wyh client1 client2" why
	means "pyroute check --fromat tap" --format
	means "pyroute check --ruoter x" --router
	means "pyroute why --jsno client1 client2" --json
	# What a command has not is not proposed, nor is what is like nothing.
	fails_with 2 pyroute ps --no-limits
	[[ $complaint == *--no-limits* && $complaint == *"see pyroute ps --help" ]]
	fails_with 2 pyroute start --json stage1
	fails_with 2 pyroute frobnicate
	[[ $complaint == *frobnicate* && $complaint == *"see pyroute --help" ]]
}

@test "a wrong letter is named, wherever among the options it stands" {
	fails_with 2 pyroute start -x stage1
	[[ $complaint == *"no option -x;"* ]]
	fails_with 2 pyroute ps --json -xy
	[[ $complaint == *"no option -x;"* ]]
	fails_with 2 pyroute start stage1 -d
	[[ $complaint == *"no option -d;"* ]]
	fails_with 2 pyroute ps --help=now
	[[ $complaint == *"no option --help=now;"* || $complaint == *"did you mean --help?" ]]
}

@test "what is no stage is not proposed in its own place" {
	mkdir stages/stage2
	touch stages/stage3
	fails_with 1 pyroute start stage2
	[[ $complaint == *"stages/stage2"*"no stage.ini"* ]]
	fails_with 1 pyroute start stage3
	[[ $complaint == *'no stage "stage3"; did you mean stage1?' ]]
	fails_with 1 pyroute start stage22
	[[ $complaint != *stage2\? ]]
}

# cannot_print COMMAND...: where its output goes nowhere it says so, and fails.
cannot_print() {
	local status=0
	"$@" 2>"$BATS_TEST_TMPDIR/stderr" >/dev/full || status=$?
	echo "$* -> status $status: $(<"$BATS_TEST_TMPDIR/stderr")"
	[[ $status == 1 && $(<"$BATS_TEST_TMPDIR/stderr") == *"standard output"* ]]
	"$@" 2>"$BATS_TEST_TMPDIR/stderr" >&- || status=$((status + $?))
	echo "$* -> closed, status $status: $(<"$BATS_TEST_TMPDIR/stderr")"
	[[ $status == 2 && $(<"$BATS_TEST_TMPDIR/stderr") == *"standard output"* ]]
}

@test "a command whose output is lost fails and says so" {
	local i
	cannot_print pyroute --help
	cannot_print pyroute --version
	cannot_print pyroute ps --help
	cannot_print pyroute stages
	# More than a buffer of it: what failed is not the last write.
	for ((i = 0; i < 100; i++)); do cp -r stages/stage1 "stages/copy$i"; done
	cannot_print pyroute stages --json
	stage_start
	cannot_print pyroute ps --json
}

# start_interrupted MOMENT: a start that gets SIGTERM at a system call of its own, named as strace(1)
# does; its status is in $status.
start_interrupted() {
	status=0
	"${CALLER[@]}" timeout --foreground $((30 * SLOWNESS)) strace -D -qq -o /dev/null -e "trace=${1%%:*}" \
		-e "inject=${1/:/:signal=TERM:}" pyroute start stage1 || status=$?
	echo "$1: status $status"
}

@test "where no copy of the program can be made a start fails with 1, a connect with 125" {
	local denied=("${CALLER[@]}" timeout --foreground $((20 * SLOWNESS)) strace -D -qq -o /dev/null -e trace=memfd_create
		-e inject=memfd_create:error=EACCES pyroute)
	fails_with 1 "${denied[@]}" start stage1
	[[ $complaint == *vm.memfd_noexec* ]]
	fails_with 125 "${denied[@]}" connect client1
}

@test "a start that is interrupted ends by the signal and leaves nothing" {
	local moment moments
	host_snapshot >"$BATS_TEST_TMPDIR/before"
	# With the keeper just born, on the way to the first leg, and with the second just made. Of a
	# private stage the keeper makes these, and says so when it has.
	moments=(mount_setattr:when=1 sendmsg:when=2 sendmsg:when=6)
	[[ $MODE == host ]] || moments=(clone:when=1 sendmsg:when=1 recvmsg:when=1)
	for moment in "${moments[@]}"; do
		start_interrupted "$moment"
		[[ $status == 143 ]]
		host_snapshot >"$BATS_TEST_TMPDIR/after"
		same "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	done
	stage_start
}

@test "a start that is interrupted at its end either leaves nothing or is a success" {
	host_snapshot >"$BATS_TEST_TMPDIR/before"
	start_interrupted renameat:when=2 # the file .stage
	if [[ $status == 0 ]]; then
		connect client2 -- true
		stage_stop
	else
		[[ $status == 143 ]]
	fi
	host_snapshot >"$BATS_TEST_TMPDIR/after"
	same "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}
