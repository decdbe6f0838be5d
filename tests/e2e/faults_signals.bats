#!/usr/bin/env bats
# A start that is told to end while it is at work, and one whose caller left it little to work with.
# shellcheck disable=SC2154 # complaint is set by fails_with

load helpers

setup() {
	common_setup
	host_remember
}

# start_told SIGNAL CALL: a start that gets SIGNAL at a system call of its own, named as strace(1)
# does. Sets $status; what it says is in $OUT.
start_told() {
	status=0
	"${CALLER[@]}" timeout --foreground $((30 * SLOWNESS)) strace -D -qq -o /dev/null -e "trace=${2%%:*}" \
		-e "inject=${2/:/:signal=$1:}" pyroute start stage1 >/dev/null 2>"$OUT" || status=$?
	echo "SIG$1 at $2: status $status: $(<"$OUT")"
}

# start_calls: the system calls of a start, as NAME:when=N, for strace(1) counts those of a name.
start_calls() {
	"${CALLER[@]}" strace -D -qq -o "$CHECKOUT/calls" pyroute start stage1 >/dev/null
	stage_stop >/dev/null
	wait_until grep -q ^exit_group "$CHECKOUT/calls"
	sed -nE 's/^([a-z0-9_]+)\(.*/\1/p' "$CHECKOUT/calls" | awk '{ print $1 ":when=" ++n[$1] }'
	rm "$CHECKOUT/calls"
}

# told_off STATUS: the start was ended by that signal and left nothing; or it was done before.
told_off() {
	if [[ $status == 0 ]]; then
		connect client2 -- true
		stage_stop >/dev/null
	else
		[[ $status == "$1" && $(wc -l <"$OUT") -le 1 ]]
	fi
	gone
}

# Those early on are in the first millisecond. The last ones come when the stage is up.
# red: process_hold_signals() holds none
@test "a start that is told to end, at whatever moment, ends by that signal and leaves nothing" {
	local calls=() call i=0 said=0 numbers=(2 15 1) names=(INT TERM HUP)
	start_calls >"$OUT"
	mapfile -t calls < <(grep -v -e ^execve -e ^exit_group "$OUT" | awk 'NR % 31 == 0')
	((${#calls[@]} > 9))
	for call in "${calls[@]}"; do
		start_told "${names[i % 3]}" "$call"
		told_off $((128 + numbers[i++ % 3]))
		if grep -qx "pyroute: interrupted; stage1 is not started" "$OUT"; then said=$((said + 1)); fi
	done
	((said > 3))
	good
}

# Where a signal that ends it by itself would leave what was just made.
# red: record.c makes the base before session.c's lock_record() holds the signals
# red: start.c looks at signals only where it waits (no check_signals())
@test "a signal ends a start right behind what it has just made" {
	local call i=0 numbers=(1 2 15) names=(HUP INT TERM)
	for call in mkdirat:when=1 flock:when=1 renameat:when=1 clone:when=1 renameat:when=2; do
		start_told "${names[i % 3]}" "$call"
		told_off $((128 + numbers[i++ % 3]))
		grep -qx "pyroute: interrupted; stage1 is not started" "$OUT"
	done
	good
}

# Somebody has the caller's own lock.
is_locked() {
	local lock
	lock=$(find "$(run_dir)" -name '*.scripts')
	[[ -n $lock ]] && ! flock --nonblock "$lock" true
}

# red: record.c waits for its lock by flock(2) alone
@test "who waits while another starts is told to end, and ends by that signal at once" {
	local status=0 slow
	background_start "$OUT.slow" as_caller strace -D -qq -o /dev/null -e trace=renameat \
		-e inject=renameat:delay_enter=1500000:when=1 pyroute start stage1
	slow=${BACKGROUND[-1]}
	within 1 is_locked
	"${CALLER[@]}" timeout --foreground --preserve-status --signal=INT 0.2 \
		pyroute start stage1 2>"$OUT" || status=$?
	cat "$OUT"
	kill -0 "$slow"
	[[ $status == 130 && $(<"$OUT") == "pyroute: interrupted; stage1 is not started" ]]
	wait "$slow"
	connect client1 -- true
	stage_stop
	good
}

# ---- what the caller left ------------------------------------------------------------------------

# up_and_good: the stage that a start left is one to work with.
up_and_good() {
	connect client1 -- ip -o -4 addr show eth0 | grep -qF ' inet 1.1.1.2/24 '
	[[ $(<.stage) == stage1 ]]
	stage_stop >/dev/null
	gone
}

# red: command_announce() returns what it could not print, and cmd_start.c fails by it
@test "a start works with its standard files closed, and where nobody reads what it says" {
	pyroute start stage1 >&-
	up_and_good
	pyroute start stage1 <&-
	up_and_good
	pyroute start stage1 <&- >&- 2>&-
	up_and_good
	pyroute start stage1 >/dev/full
	up_and_good
	pyroute start stage1 | true
	[[ ${PIPESTATUS[0]} == 0 ]]
	up_and_good
	stage_start
	pyroute stop <&- >&- 2>&-
	good
}

# red: file.c's file_create() does not set the mode, and main.c's settle_process() leaves the umask
@test "a start works under any umask: its files can be read and its clients used" {
	local mask
	for mask in 077 0777 0; do
		(umask "$mask" && pyroute start stage1)
		[[ $(stat -c %a .stage) == 644 ]]
		connect client1 -- test -r /etc/hosts
		[[ $(connect client1 -- stat -c %a /etc/hosts /tmp) == $'644\n1777' ]]
		up_and_good
	done
	good
}

# red: main.c's settle_process() leaves SIGCHLD as it is
@test "a start, a connect and a run work where SIGCHLD is ignored" {
	local ignoring=("${CALLER[@]}" timeout --foreground $((30 * SLOWNESS)) env --ignore-signal=CHLD pyroute)
	"${ignoring[@]}" start stage1
	[[ $("${ignoring[@]}" connect client1 -- sh -c 'sh -c "exit 7" & wait $!; echo $?') == 7 ]]
	run -7 "${ignoring[@]}" connect client1 -- sh -c 'exit 7'
	run -7 "${ignoring[@]}" run -- sh -c 'exit 7'
	up_and_good
	good
}

# red: process_raise_file_limit() does not compare
@test "with too few open files a start is refused before anything is made, and says how many it takes" {
	local few
	for few in 20 63 91; do
		leaves_nothing fails_with 1 "${CALLER[@]}" prlimit --nofile="$few:$few" pyroute start stage1
		[[ $complaint == "pyroute: only $few files may be open at once here, and this takes "*": ulimit -n "* ]]
	done
	"${CALLER[@]}" prlimit --nofile=92:92 pyroute start stage1
	up_and_good
	good
}
