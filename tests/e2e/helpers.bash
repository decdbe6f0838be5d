# What the whole-command tests share. They run on a host that host.sh made: see tests/run.sh.

bats_require_minimum_version 1.5.0

readonly PYTHON=/usr/bin/python3
readonly STUDENT=pyroute-test
readonly MODE=${PYROUTE_TEST_MODE:-host} # "host" or "private": see tests/run.sh
readonly PLAIN=pyroute-plain
readonly LEAKS=$BATS_TEST_DIRNAME/leaks.py
export SLOWNESS
SLOWNESS=${PYROUTE_TEST_SLOW:-1} # what waits in vain waits so much longer: see tests/run.sh

if [[ -z ${PYROUTE_TEST_SCRATCH:-} ]]; then
	echo "run this with tests/run.sh FILE.bats, which makes a host for it" >&2
	exit 1
fi

# As words before a command: who runs it. CALLER is the one whose stages this mode is about: root in
# host mode, and the ordinary user in private mode.
readonly AS_STUDENT=(setpriv "--reuid=$STUDENT" "--regid=$STUDENT" --init-groups
	env "HOME=$PYROUTE_TEST_SCRATCH/home")
CALLER=()
[[ $MODE == host ]] || CALLER=("${AS_STUDENT[@]}")
# shellcheck disable=SC2034 # for the tests
readonly CALLER

# ---- a checkout and a stage --------------------------------------------------------------------

# Makes a checkout of its own for a test, with the stages of this one, and enters it; src/ holds
# routers and probes.
checkout_make() {
	CHECKOUT=$PYROUTE_TEST_SCRATCH/checkout-$BATS_TEST_NUMBER
	mkdir -p "$CHECKOUT/src"
	cp -r "$BATS_TEST_DIRNAME/../../stages" "$CHECKOUT/"
	cp "$BATS_TEST_DIRNAME"/../routers/*.py "$BATS_TEST_DIRNAME"/../probes/*.py "$CHECKOUT/src/"
	chmod -R a+rX "$CHECKOUT"
	chown -R root: "$CHECKOUT"
	[[ $MODE == host ]] || checkout_give
	cd "$CHECKOUT" || return 1
	export CHECKOUT PYTHONDONTWRITEBYTECODE=1
	PATH=$PYROUTE_TEST_SCRATCH/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	unset PYROUTE_ENV PYROUTE_SRC_DIR PYROUTE_STAGE_DIR PYROUTE_STAGE_FILE
	unset SUDO_UID SUDO_GID SUDO_USER SUDO_COMMAND SUDO_HOME
}

# stage_make NAME: the stage NAME of the checkout, with the stage.ini on stdin.
stage_make() {
	mkdir -p "$CHECKOUT/stages/$1"
	cat >"$CHECKOUT/stages/$1/stage.ini"
}

# Makes the stage dual: stage1 with addresses of both families.
dual_stage_make() {
	stage_make dual <<-'END'
		[stage]
		title    = Two neighbours of both families
		[net1]
		subnet   = 1.1.1.0/24, 2001:db8:1::/64
		computer = 1.1.1.1, 2001:db8:1::1
		[net2]
		subnet   = 2.2.2.0/24, 2001:db8:2::/64
		computer = 2.2.2.1, 2001:db8:2::1
		[client1]
		net1     = 1.1.1.2, 2001:db8:1::2
		gateway  = 1.1.1.1, 2001:db8:1::1
		[client2]
		net2     = 2.2.2.2, 2001:db8:2::2
		gateway  = 2.2.2.1, 2001:db8:2::1
	END
}

# Runs a command as who uses pyroute: root in host mode, and the ordinary user in private mode.
as_caller() {
	if [[ $MODE == host ]]; then "$@"; else as_student "$@"; fi
}

# What hangs is a failure too, with status 124.
pyroute() {
	as_caller timeout --foreground $((100 * SLOWNESS)) pyroute "$@"
}

# on_computer COMMAND...: runs COMMAND as root where the stage's legs are: on this host, or on the
# computer's side of a private stage, which a process of the student's keeps open for it.
on_computer() {
	if [[ $MODE == host ]]; then
		"$@"
	else
		computer_open
		nsenter --target="$(<"$BATS_TEST_TMPDIR/computer")" --net --mount --wd="$PWD" -- "$@"
	fi
}

computer_open() {
	local file=$BATS_TEST_TMPDIR/computer
	if [[ -s $file ]] && ! is_dead "$(<"$file")"; then return; fi
	: >"$file"
	# shellcheck disable=SC2016 # for that shell
	background_start "$BATS_TEST_TMPDIR/computer.out" pyroute run -- sh -c 'echo $$; exec sleep 6000'
	wait_for "$BATS_TEST_TMPDIR/computer.out" '^[0-9]*$'
	cp "$BATS_TEST_TMPDIR/computer.out" "$file"
}

stage_start() {
	# What on_computer has of the stage before is not this one's.
	rm -f "$BATS_TEST_TMPDIR/computer"
	pyroute start "${1:-stage1}"
}

stage_stop() {
	pyroute stop
}

connect() {
	pyroute connect "$@"
}

# Gives the checkout to the ordinary user.
checkout_give() {
	chown -R "$STUDENT:" "$CHECKOUT"
}

# Runs a command as the ordinary user. The words once more, for other shells: functions can be
# exported to them, arrays cannot.
as_student() {
	setpriv --reuid="$STUDENT" --regid="$STUDENT" --init-groups \
		env HOME="$PYROUTE_TEST_SCRATCH/home" "$@"
}

# Runs a command as the one who has neither sudo nor subordinate ids.
as_plain() {
	setpriv --reuid="$PLAIN" --regid="$PLAIN" --init-groups \
		env HOME="$PYROUTE_TEST_SCRATCH/plain" "$@"
}

# Runs pyroute by sudo, called by the ordinary user.
student_sudo_pyroute() {
	as_student sudo "$PYROUTE_TEST_SCRATCH/bin/pyroute" "$@"
}

# Runs pyroute as the ordinary user does who wants a stage of this mode: in host mode by sudo.
student_pyroute() {
	if [[ $MODE == host ]]; then student_sudo_pyroute "$@"; else pyroute "$@"; fi
}

# Where the journals of the stages of this mode are.
run_dir() {
	if [[ $MODE == host ]]; then echo /run/pyroute; else echo "/tmp/pyroute-$(id -u "$STUDENT")"; fi
}

# The pid, as this host sees it, of a client's first process.
client_pid() {
	pyroute ps --json | "$PYTHON" -c '
import json, sys
clients = json.load(sys.stdin)["clients"]
print(next(client["pid"] for client in clients if client["name"] == sys.argv[1]))' "$1"
}

# The pid, as this host sees it, of the stage's keeper.
keeper_pid() {
	awk '/^PPid:/ { print $2 }' "/proc/$(client_pid client1)/status"
}

# kill_and_wait PID: kills a process of a stage. What is dead but not reaped yet has let go of all it had.
kill_and_wait() {
	kill -KILL "$1"
	wait_until is_dead "$1"
}

is_dead() {
	[[ ! -e /proc/$1 ]] || grep -qs '^State:.Z' "/proc/$1/status"
}

# ---- things in the background ------------------------------------------------------------------

BACKGROUND=()

# background_start OUTPUT COMMAND...: starts COMMAND with its output in the file OUTPUT.
background_start() {
	local output=$1
	shift
	: >"$output"
	# With job control the pid is also that of a process group, all of which is to end.
	set -m
	"$@" >"$output" 2>&1 </dev/null 3>&- &
	set +m
	BACKGROUND+=($!)
}

# wait_until [!] COMMAND...: returns when it succeeds, or with "!" when it fails; fails where it does
# not for long.
wait_until() {
	local patience=$((600 * SLOWNESS)) wanted=0 status
	[[ $1 != ! ]] || { wanted=1 && shift; }
	while true; do
		status=0
		"$@" >/dev/null 2>&1 || status=1
		((status != wanted)) || return 0
		if ((patience-- == 0)); then
			echo "in vain waited for: $*"
			return 1
		fi
		sleep 0.05
	done
}

# wait_for OUTPUT PATTERN: returns when the last started has printed a line of this form.
wait_for() {
	local patience=$((600 * SLOWNESS))
	until grep -q "$2" "$1"; do
		if ((patience-- == 0)) || ! kill -0 "${BACKGROUND[-1]}" 2>/dev/null; then
			! grep -q "$2" "$1" || return 0 # it was its last word
			echo "there is no \"$2\" in its output:"
			cat "$1"
			return 1
		fi
		sleep 0.05
	done
}

# background OUTPUT COMMAND...: the same for a COMMAND that says "ready" when it is.
background() {
	background_start "$@"
	wait_for "$1" '^ready$'
}

# log_with CLIENT PATTERN: the log of what CLIENT runs, once it has a line of this form.
log_with() {
	wait_until connect "$1" -- grep -qE "$2" /var/log/run.log || {
		connect "$1" -- cat /var/log/run.log
		return 1
	}
	connect "$1" -- cat /var/log/run.log
}

# Ends what was started so, and waits for it: for all that it started too, since a sniffer in a client
# first writes what it has seen.
background_stop() {
	local pid patience=$((250 * SLOWNESS))
	for pid in "${BACKGROUND[@]}"; do
		kill -- "-$pid" 2>/dev/null || true
	done
	for pid in "${BACKGROUND[@]}"; do
		wait "$pid" 2>/dev/null || true
		while ((patience-- > 0)) && kill -0 -- "-$pid" 2>/dev/null; do
			sleep 0.02
		done
		kill -KILL -- "-$pid" 2>/dev/null || true
	done
	BACKGROUND=()
}

router_start() {
	background "$BATS_TEST_TMPDIR/router" pyroute run -- "$PYTHON" "$CHECKOUT/src/$1" "${@:2}"
}

# sniffer_start OUTPUT [ARGUMENT...]: every frame on the computer's side, or as sniff.py's arguments
# say.
sniffer_start() {
	background "$1" on_computer "$PYTHON" "$CHECKOUT/src/sniff.py" "${@:2}"
}

# stage_start_sniffed OUTPUT STAGE: starts it, with every frame on the computer's side in the file
# OUTPUT: in host mode those of the start itself too. A private stage's side is made by the start.
stage_start_sniffed() {
	[[ $MODE != host ]] || sniffer_start "$1"
	stage_start "$2"
	[[ $MODE == host ]] || sniffer_start "$1"
}

# stage_start_watched OUTPUT STAGE: the same for a stage in which nothing speaks of itself: until
# somebody listens the legs count.
stage_start_watched() {
	stage_start_sniffed "$@"
	[[ $MODE == host ]] || on_computer sh -c 'cat /sys/class/net/net*/statistics/[rt]x_packets' |
		sort -u | diff - <(echo 0)
}

# The names of the links on the computer's side, but for the host's own.
computer_links() {
	on_computer ip -o link show | sed 's/^[0-9]*: //; s/[@:].*//' | grep -vx host0 | sort | xargs
}

# delays_and_loses FROM ADDRESS: is what lies between a wire with 100 ms of delay and 20% of loss,
# either way? Of the answers 64% come back, on average.
delays_and_loses() {
	local ping=$BATS_TEST_TMPDIR/ping

	connect "$1" -- ping -q -n -c 100 -i 0.05 -W 2 "$2" >"$ping" || true
	cat "$ping"
	awk -F '[ =/]+' '/ packets transmitted/ { received = $4 }
		/^rtt min/ { least = $6 }
		END { exit !(received > 40 && received < 85 && least >= 200 && least < 300) }' "$ping"
}

# ---- what one says of a command ----------------------------------------------------------------

# fails_with STATUS COMMAND...: it must end with STATUS, print exactly one line on stderr, which
# goes into $complaint, and nothing on stdout.
fails_with() {
	local wanted=$1 status=0 lines
	shift
	"$@" >"$BATS_TEST_TMPDIR/stdout" 2>"$BATS_TEST_TMPDIR/stderr" </dev/null || status=$?
	complaint=$(<"$BATS_TEST_TMPDIR/stderr")
	lines=$(wc -l <"$BATS_TEST_TMPDIR/stderr")
	echo "$* -> status $status, stderr ($lines lines): $complaint"
	[[ $status == "$wanted" && $lines == 1 && ! -s $BATS_TEST_TMPDIR/stdout ]]
}

# Prints what is on this host, one fact a line, sorted: see leaks.py.
host_snapshot() {
	"$LEAKS" ${WATCHDOG:+--own "$WATCHDOG"}
}

# Fails where two snapshots differ, and shows where.
same() {
	diff "$1" "$2" >"$BATS_TEST_TMPDIR/difference" ||
		{ head -n 40 "$BATS_TEST_TMPDIR/difference" && return 1; }
}

# Runs a command, and fails where it leaves anything on the host.
leaves_nothing() {
	host_snapshot >"$BATS_TEST_TMPDIR/before"
	"$@" || return
	host_snapshot >"$BATS_TEST_TMPDIR/after"
	same "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
}

# host_remember: for good(), what the host is like before a fault.
host_remember() {
	host_snapshot >"$BATS_TEST_TMPDIR/remembered"
}

is_as_remembered() {
	host_snapshot >"$BATS_TEST_TMPDIR/now"
	same "$BATS_TEST_TMPDIR/remembered" "$BATS_TEST_TMPDIR/now"
}

# within SECONDS COMMAND...: COMMAND succeeds before they are over.
within() {
	local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000))
	shift
	until "$@" >"$BATS_TEST_TMPDIR/within" 2>&1; do
		if ((${EPOCHREALTIME/[.,]/} > end)); then
			echo "not in time: $*"
			cat "$BATS_TEST_TMPDIR/within"
			return 1
		fi
		sleep 0.02
	done
}

# gone: within two seconds the host is as host_remember found it. good: that, and the next start works.
gone() {
	within 2 is_as_remembered
}

good() {
	gone
	stage_start >/dev/null
	connect client2 -- true
	stage_stop >/dev/null
	gone
}

# ---- every test ---------------------------------------------------------------------------------

# What was there before the first test of a file is what is there after each.
leaks_begin() {
	FACTS=$BATS_FILE_TMPDIR/facts
	# What ends a test that takes too long is bats' own; in a trap it is not known any more.
	WATCHDOG=${BATS_killer_pid:-}
	[[ -e $FACTS ]] || host_snapshot >"$FACTS"
	open_files "$BATS_TEST_TMPDIR/files"
}

# open_files LIST: what the test's shell has open. Not by numbers: a redirection makes it keep the same
# file as another one.
open_files() {
	readlink /proc/$$/fd/* >"$1" || true
}

# Fails where the test has left anything, and says what.
leaks_end() {
	local status=0

	open_files "$BATS_TEST_TMPDIR/files.after"
	if grep -vxFf "$BATS_TEST_TMPDIR/files" "$BATS_TEST_TMPDIR/files.after" | sed 's/^/left: open: /' |
		grep .; then
		status=1
	fi
	"$LEAKS" ${WATCHDOG:+--own "$WATCHDOG"} since "$FACTS" || status=1
	return "$status"
}

common_setup() {
	leaks_begin
	checkout_make
	# shellcheck disable=SC2034 # for the tests
	OUT=$BATS_TEST_TMPDIR/out # for what a command prints
}

# Whatever a test did, the next one finds the host without a stage.
stage_end() {
	background_stop
	if [[ -n ${CHECKOUT:-} ]]; then
		pyroute stop >/dev/null 2>&1 || true
		cd / && rm -rf --one-file-system "$CHECKOUT"
	fi
}

# What else it left fails it, also where the test itself passed.
common_teardown() {
	stage_end
	leaks_end
}

# A file that needs more than these has its own of the same name. Its teardown ends with leaks_end: bats
# looks at nothing but the status with which it returns.
setup() {
	common_setup
}

teardown() {
	common_teardown
}
