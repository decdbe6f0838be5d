#!/usr/bin/env bats
# Stages that bring scripts of their own. tests/stages/wire is one that is real; the others note, in
# the file "log" of the checkout, that they were called.
# shellcheck disable=SC2030,SC2031,SC2154 # status and complaint are set by what a test calls

load helpers

# host: such stages make what they make, in no mode of pyroute's; see also private.bats
# bats file_tags=host

readonly BASE=/tmp/pyroute-4711 # the ordinary user's

setup() {
	common_setup
	cp -r "$BATS_TEST_DIRNAME/../stages/wire" stages/
	noting plain
	checkout_give
	LOG=$CHECKOUT/log
}

teardown() {
	student stop --dir "$CHECKOUT" >/dev/null 2>&1 || true
	stage_end
	rm -rf "$BASE"
	leaks_end
}

# script PATH: makes an executable script of standard input.
script() {
	{ echo "#!/bin/bash" && cat; } >"$1"
	chmod 755 "$1"
}

# noting STAGE: a stage whose scripts note what happened.
noting() {
	mkdir -p "stages/$1"
	script "stages/$1/up.sh" <<<"echo up $1 >>'$CHECKOUT/log'"
	script "stages/$1/down.sh" <<<"echo down $1 >>'$CHECKOUT/log'"
	script "stages/$1/connect.sh" <<<'printf "<%s>" "$@"; echo; exit "${3:-0}"'
}

# noted LINE...: these are the notes, and they are forgotten.
noted() {
	touch "$LOG"
	diff "$LOG" <([[ $# == 0 ]] || printf '%s\n' "$@")
	rm -f "$LOG"
}

# The running stage's record.
record() {
	find "$BASE" /run/pyroute -name '*.scripts' 2>/dev/null
}

# pyroute, called by the ordinary user.
student() {
	as_student timeout --foreground $((60 * SLOWNESS)) pyroute "$@"
}

# The same as commands whose pid is pyroute's own, for signals.
readonly BY_ROOT=("$PYROUTE_TEST_SCRATCH/bin/pyroute")
readonly BY_STUDENT=(setpriv --reuid="$STUDENT" --regid="$STUDENT" --init-groups "${BY_ROOT[@]}")

# ---- whose they are ----------------------------------------------------------------------------

@test "an ordinary user starts, uses and stops such a stage without sudo, and nothing is left" {
	uses_the_wire() {
		[[ $(student start wire) == "wire is up: Two machines on a wire" ]]
		[[ $(<.stage) == wire && $(stat -c %U .stage "$(record)" | uniq) == "$STUDENT" ]]
		student connect left -- ping -c 1 -W 9 10.9.0.2
		[[ $(student connect right hostname) == "$(hostname)" ]]
		fails_with 1 student ps
		[[ $complaint == *wire*"scripts of its own"* ]]
		[[ $(student stop) == "wire is stopped" ]]
	}
	leaves_nothing uses_the_wire
	fails_with 1 student stop
	[[ $complaint == *"no stage runs"* ]]
}

# What up.sh and connect.sh see, started and connected to by the command given.
seen_by() {
	local script
	mkdir -p stages/eyes
	for script in up connect; do
		script "stages/eyes/$script.sh" <<-'END'
			id -u; id -g; id -G; pwd; echo "$0"
			tr '\0' '\n' </proc/$$/environ | grep -E '^(PYROUTE_(ENV|SRC|STAGE)|SUDO_|HOME=|USER=|LOGNAME=|PWD=)' | sort
			grep -E '^(Cap(Prm|Eff|Amb)|NoNewPrivs|SigBlk):' /proc/self/status
		END
	done
	chown -R "$STUDENT:" stages/eyes
	"$@" start eyes >"$OUT"
	grep -x "eyes is up" "$OUT"
	"$@" connect it | sed 's/connect\.sh/up.sh/' | diff <(grep -v ' is up' "$OUT") -
	"$@" stop
}

@test "the scripts are the caller's, in the stage's folder, by sudo and without" {
	local by rights
	rights=$(printf '%s:\t%s\n' NoNewPrivs 0 SigBlk 0000000000000000 CapPrm 0000000000000000 \
		CapEff 0000000000000000 CapAmb 0000000000000000 | sort)
	cd stages
	for by in student_sudo_pyroute "as_student USER=$STUDENT LOGNAME=$STUDENT pyroute"; do
		cd "$CHECKOUT"
		# shellcheck disable=SC2086 # one is several words
		seen_by $by
		cat "$OUT"
		diff <(grep -v -e ' is up' -e $'\t' "$OUT") - <<-END
			4711
			4711
			4711
			$CHECKOUT/stages/eyes
			./up.sh
			HOME=$PYROUTE_TEST_SCRATCH/home
			LOGNAME=$STUDENT
			PWD=$CHECKOUT/stages/eyes
			PYROUTE_ENV=$CHECKOUT
			PYROUTE_SRC_DIR=$CHECKOUT/src
			PYROUTE_STAGE_DIR=$CHECKOUT/stages
			PYROUTE_STAGE_FILE=$CHECKOUT/.stage
			USER=$STUDENT
		END
		diff <(grep $'\t' "$OUT" | sort) - <<<"$rights"
	done
	HOME=/elsewhere seen_by pyroute
	grep -Fx "HOME=/elsewhere" "$OUT"
	[[ $(head -n 1 "$OUT") == 0 ]]
}

@test "scripts may call sudo, also under sudo: no_new_privs is not set" {
	[[ $(student_sudo_pyroute start wire) == "wire is up: "* ]]
	student connect left -- ping -c 1 -W 9 10.9.0.2
	student_sudo_pyroute connect right -- ping -c 1 -W 9 10.9.0.1
	student stop
	[[ ! -e /run/netns/wire-left ]]
}

@test "root's stage is another's: it is recorded with root's things" {
	pyroute start plain
	[[ $(record) == /run/pyroute/* ]]
	fails_with 125 student connect it
	[[ $complaint == *"no stage runs"* ]]
	pyroute stop
	[[ -z $(record) ]]
	noted "up plain" "down plain"
}

@test "what goes in and comes out is the scripts' own, on every channel" {
	script stages/plain/up.sh <<<'cat; echo err >&2'
	echo in | student start plain >"$OUT" 2>"$OUT.err"
	diff "$OUT" - <<<$'in\nplain is up'
	diff "$OUT.err" - <<<err
}

# ---- a start that fails ------------------------------------------------------------------------

@test "an up.sh that fails leaves nothing, after down.sh was called" {
	local end
	for end in 'exit 3|status 3' 'kill -KILL $$|status 137 (signal 9, Killed)'; do
		script stages/plain/up.sh <<<"${end%|*}"
		leaves_nothing fails_with 1 student start plain
		[[ $complaint == "pyroute: plain: up.sh ended with ${end#*|}" ]]
		noted "down plain"
		leaves_nothing fails_with 1 student_sudo_pyroute start plain
		noted "down plain"
	done
	noting plain
	student start plain
}

@test "where down.sh fails after an up.sh that failed, one line says both" {
	script stages/plain/up.sh <<<'exit 3'
	script stages/plain/down.sh <<<'exit 4'
	leaves_nothing fails_with 1 student start plain
	[[ $complaint == *"up.sh ended with status 3"*"down.sh ended with status 4"* ]]
}

@test "scripts that cannot be run are refused, each by name, before anything is stopped" {
	local script
	student start wire
	for script in up.sh down.sh connect.sh; do
		chmod -x "stages/plain/$script"
		fails_with 1 student start plain
		[[ $complaint == *"chmod +x stages/plain/$script" ]]
		rm "stages/plain/$script"
		mkdir "stages/plain/$script"
		fails_with 1 student start plain
		[[ $complaint == *"stages/plain/$script is no file"* ]]
		rmdir "stages/plain/$script"
		ln -s nowhere "stages/plain/$script"
		fails_with 1 student start plain
		[[ $complaint == *"stages/plain/$script is no file"* ]]
		rm "stages/plain/$script"
		noting plain
	done
	[[ $(<.stage) == wire ]]
	student connect left -- ping -c 1 -W 9 10.9.0.2
	noted
	ln -sf "$CHECKOUT/stages/wire/connect.sh" stages/plain/connect.sh
	student start plain
}

@test "a first line that names no program is told as that" {
	printf '#!/bin/bash\r\n' >stages/plain/up.sh
	leaves_nothing fails_with 1 student start plain
	[[ $complaint == *"stages/plain/up.sh"*"first line"* ]]
	rm -f "$LOG"
	echo 'echo hello' >stages/plain/up.sh # without one it is the shell's
	[[ $(student start plain) == hello* ]]
}

@test "a folder with another script and no up.sh is refused" {
	local script
	for script in down.sh connect.sh; do
		mkdir "stages/$script-alone"
		cp stages/stage1/stage.ini "stages/plain/$script" "stages/$script-alone/"
		leaves_nothing fails_with 1 pyroute start "$script-alone"
		[[ $complaint == *"$script and no up.sh"* ]]
	done
}

# Waits for what was started last in the background; its status goes into $status.
background_wait() {
	status=0
	wait "${BACKGROUND[-1]}" || status=$?
	BACKGROUND=()
}

# interrupted_by SIGNAL TO END COMMAND...: COMMAND in the background, of which SIGNAL goes to the
# process alone or to its whole group ("-"), when up.sh has begun, which then ends with the status
# END. Leaves COMMAND's status in $status.
interrupted_by() {
	local signal=$1 to=$2
	script stages/plain/up.sh <<<"trap 'kill \$!; exit $3' TERM INT HUP; echo begun; sleep 60 & wait"
	shift 3
	background_start "$OUT" "$@"
	wait_for "$OUT" begun
	kill -s "$signal" -- "$to${BACKGROUND[-1]}"
	background_wait
	cat "$OUT"
	[[ $(grep -c "^pyroute: interrupted; plain is not started$" "$OUT") == 1 ]]
	noted "down plain"
}

@test "a signal while up.sh runs ends the start in good order" {
	local case number
	for case in TERM:15 HUP:1 INT:2; do
		number=${case#*:}
		leaves_nothing interrupted_by "${case%:*}" "" 0 "${BY_ROOT[@]}" start plain
		[[ $status == $((128 + number)) ]]
		leaves_nothing interrupted_by "${case%:*}" - 9 "${BY_STUDENT[@]}" start plain
		[[ $status == $((128 + number)) ]]
	done
}

sleeps_long() {
	grep -qs '[1]23456' /proc/[0-9]*/cmdline
}

@test "a start that was killed takes up.sh along, and whoever comes next calls down.sh" {
	local next
	script stages/plain/up.sh <<<"echo begun; exec sleep 123456"
	for next in "start wire" "stop" "start plain"; do
		background_start "$OUT" "${BY_STUDENT[@]}" start plain
		wait_until sleeps_long
		kill -KILL "${BACKGROUND[-1]}"
		background_wait
		wait_until ! sleeps_long
		fails_with 125 student connect it
		[[ $complaint == *"no stage runs"* ]]
		[[ $next != "start plain" ]] || noting plain
		# shellcheck disable=SC2086 # two words
		run student $next
		echo "$output"
		[[ $(head -n 1 "$LOG") == "down plain" ]]
		run student stop
		rm "$LOG"
	done
	[[ -z $(record) && ! -e .stage ]]
}

@test "a start that is killed at any system call leaves nothing beyond the next command" {
	local call status killed=0 calls=()
	strace -qq -o "$OUT.calls" pyroute start plain
	pyroute stop
	host_snapshot >"$BATS_TEST_TMPDIR/before"
	# Each as NAME:when=N, for strace counts the calls of a name. Every third of them will do.
	mapfile -t calls < <(sed -nE 's/^([a-z0-9_]+)\(.*/\1/p' "$OUT.calls" | grep -vx execve |
		awk '{ n[$1]++ } NR % 3 == 0 { print $1 ":when=" n[$1] }')
	for call in "${calls[@]}"; do
		status=0
		timeout --foreground $((20 * SLOWNESS)) strace -D -qq -o /dev/null -e "trace=${call%:*}" \
			-e "inject=${call/:/:signal=KILL:}" pyroute start plain \
			>/dev/null 2>&1 </dev/null || status=$?
		[[ $status != 137 ]] || killed=$((killed + 1))
		timeout $((20 * SLOWNESS)) pyroute stop >/dev/null 2>&1 || true
	done 2>/dev/null
	echo "$killed times killed, at ${#calls[@]} calls"
	((killed > 80 && killed >= ${#calls[@]} - 2))
	host_snapshot >"$BATS_TEST_TMPDIR/after"
	same "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	rm -f "$LOG"
	pyroute start plain
	noted "up plain"
}

# start_with INJECTION: a start as the ordinary user, one of pyroute's own system calls failing.
start_with() {
	as_student timeout --foreground $((30 * SLOWNESS)) strace -D -qq -o /dev/null -e "trace=${1%%:*}" \
		-e "inject=$1" pyroute start plain
}

@test "a system call that fails, fails the start with one line, and leaves nothing" {
	local call
	for call in mkdir,mkdirat:error=ENOSPC:when=1 \
		pwrite64:error=ENOSPC:when=1 pwrite64:error=ENOSPC:when=2 ftruncate:error=EIO:when=1 \
		clone:error=EAGAIN:when=1 socketpair:error=EMFILE:when=1 \
		renameat:error=EIO:when=1 signalfd4:error=EMFILE:when=1; do
		leaves_nothing fails_with 1 start_with "$call"
	done
	leaves_nothing true
	start_with flock:error=EINTR:when=1
}

@test "where up.sh cannot be watched it is ended before down.sh begins" {
	local go=$CHECKOUT/src/go
	script stages/plain/up.sh <<<"until [[ -e '$go' ]]; do sleep 0.05; done; echo up plain >>'$LOG'"
	script stages/plain/down.sh <<<"touch '$go'; sleep 1; echo down plain >>'$LOG'"
	fails_with 1 start_with signalfd4:error=EMFILE:when=1
	noted "down plain"
	start_with signalfd4:error=EMFILE:when=2
	noted "up plain"
}

@test "a start that nohup keeps from a hang-up goes on when one comes" {
	script stages/plain/up.sh <<<"echo begun; sleep 1; echo over"
	background_start "$OUT" nohup "${BY_STUDENT[@]}" start plain
	wait_for "$OUT" begun
	kill -HUP "${BACKGROUND[-1]}"
	background_wait
	[[ $status == 0 && $(tail -n 2 "$OUT") == $'over\nplain is up' ]]
}

blocks_sigint() {
	grep -qs '^SigBlk:.*[2367abef]$' "/proc/$1/status"
}

# waits_for_the_lock COMMAND...: is asked to end while another start has the lock, which is still
# held when it does.
waits_for_the_lock() {
	local ended=0
	background_start "$OUT" "$@"
	# Only when it holds signals back does it look for them where it waits.
	wait_until blocks_sigint "${BACKGROUND[-1]}"
	sleep 0.2
	kill -INT "${BACKGROUND[-1]}"
	wait "${BACKGROUND[-1]}" || ended=$?
	BACKGROUND=()
	cat "$OUT"
	[[ $ended == 130 && $(wc -l <"$OUT") == 1 && $(<"$OUT") == "pyroute: interrupted"* ]]
	kill -0 "$holder_of_lock"
}

@test "who waits for another's start or stop is heard when asked to end" {
	local holder_of_lock
	pyroute start plain
	mkdir -p /run/pyroute
	flock --no-fork /run/pyroute/lock sleep 60 3>&- &
	holder_of_lock=$!
	wait_until ! flock -n /run/pyroute/lock true
	leaves_nothing waits_for_the_lock "${BY_ROOT[@]}" start stage1
	[[ $(<.stage) == plain ]]
	pyroute stop
	leaves_nothing waits_for_the_lock "${BY_ROOT[@]}" start plain
	leaves_nothing waits_for_the_lock env SUDO_UID=4711 SUDO_GID=4711 "${BY_ROOT[@]}" start stage1
	kill "$holder_of_lock"
	noted "up plain" "down plain"
}

@test "in a checkout of root's such a stage takes sudo, and no script is called without" {
	chown root: .
	fails_with 1 student start plain
	[[ $complaint == *"$CHECKOUT"*sudo* ]]
	noted
	install -m 666 /dev/null "$LOG"
	student_sudo_pyroute start plain
	fails_with 1 student stop
	[[ $complaint == *"$CHECKOUT"*sudo* && $(<.stage) == plain ]]
	[[ $(student connect it) == "<it>" ]]
	student_sudo_pyroute stop
	noted "up plain" "down plain"
}

# ---- its end -----------------------------------------------------------------------------------

@test "while its down.sh fails, the stage still counts as running" {
	student start plain
	script stages/plain/down.sh <<<'exit 5'
	fails_with 1 student stop
	[[ $complaint == *"plain still counts as running, until a stop's down.sh succeeds: plain: down.sh ended with status 5" ]]
	chmod -x stages/plain/down.sh
	fails_with 1 student stop
	[[ $complaint == *"chmod +x stages/plain/down.sh" ]]
	fails_with 1 student start wire
	[[ $complaint == *"plain still counts as running"* ]]
	[[ $(<.stage) == plain && $(student connect it) == "<it>" ]]
	noting plain
	rm -f "$LOG"
	student stop
	noted "down plain"
}

@test "a stop with another stage's name is refused" {
	student start plain
	fails_with 1 student stop wire
	[[ $complaint == *"plain runs, not wire"* ]]
	[[ $(student stop plain) == "plain is stopped" ]]
}

# red: session.c's call_down() returns 0 where the folder is gone
@test "up.sh alone is enough, and a folder that is gone does not hold up its stop, which says so" {
	rm stages/plain/{down,connect}.sh
	student start plain
	fails_with 125 student connect it
	[[ $complaint == *"plain has no connect.sh"* ]]
	student stop
	student start plain
	cp -a stages/plain stages/copy
	rm -r stages/plain
	fails_with 1 student stop
	[[ $complaint == "pyroute: stages/plain is gone, and with it its down.sh: what it has set up is left as it is"* ]]
	fails_with 1 student stop
	[[ $complaint == *"no stage runs"* && ! -e .stage && -z $(record) ]]
	# It does not hold up a start either.
	student start copy
	mv stages/copy stages/plain
	student start plain
	student stop
}

@test "stages of either kind take turns, and never run side by side" {
	student_sudo_pyroute start stage1
	fails_with 1 student start plain
	[[ $complaint == *"takes root to stop"* ]]
	student connect client1 -- true
	student_sudo_pyroute start plain
	[[ ! -e /sys/class/net/net1 && $(<.stage) == plain ]]
	noted "up plain"
	student start stage1 # a private one
	noted "down plain"
	[[ ! -e /sys/class/net/net1 && $(<.stage) == stage1 && -z $(record) ]]
	student start plain
	noted "up plain"
	[[ $(<.stage) == plain ]]
	student start stage1
	noted "down plain"
	student_sudo_pyroute start stage1
	[[ -e /sys/class/net/net1 && $(<.stage) == stage1 && -z $(record) ]]
	student_sudo_pyroute start plain
	noted "up plain"
	student start wire
	noted "down plain"
	student_sudo_pyroute start stage1
	[[ ! -e /run/netns/wire-left ]]
	student_sudo_pyroute stop
	[[ ! -e $BASE && ! -e .stage ]]
}

@test "of many starts at once, of either kind, one stage is left" {
	local pids=() up=0 word
	for _ in {1..4}; do
		student start plain >/dev/null 2>&1 </dev/null 3>&- &
		pids+=($!)
		student_sudo_pyroute start plain >/dev/null 2>&1 </dev/null 3>&- &
		pids+=($!)
		student_sudo_pyroute start stage1 >/dev/null 2>&1 </dev/null 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}" || true # those without root find stage1 in their way
	cat "$LOG"
	while read -r word _; do
		if [[ $word == up ]]; then up=$((up + 1)); else up=$((up - 1)); fi
		((up == 0 || up == 1))
	done <"$LOG"
	if [[ $(<.stage) == plain ]]; then
		((up == 1)) && [[ ! -e /sys/class/net/net1 ]]
	else
		((up == 0)) && [[ $(<.stage) == stage1 && -e /sys/class/net/net1 ]]
	fi
	student_sudo_pyroute stop
	[[ ! -e $BASE ]]
}

@test "who waited for a lock while its file was removed is heard of all the same" {
	local starter
	script stages/plain/down.sh <<<"echo begun; sleep 1"
	student start plain
	background_start "$OUT" student stop
	wait_for "$OUT" begun
	student start plain >/dev/null 3>&- &
	starter=$!
	background_wait
	wait "$starter"
	[[ $(student connect it) == "<it>" ]]
	noted "up plain" "up plain"
}

# slow_script FILE: that script of plain is not over before there is src/go.
slow_script() {
	script "stages/plain/$1" \
		<<<"echo begun; until [[ -e '$CHECKOUT/src/go' ]]; do sleep 0.05; done; echo over"
}

# starts_unlocked STAGE: a start by root during which such a script runs, and root's lock is free.
starts_unlocked() {
	background_start "$OUT" "${BY_ROOT[@]}" start "$1"
	wait_for "$OUT" begun
	flock -w 5 /run/pyroute/lock true
	run ! grep over "$OUT"
	touch src/go
	background_wait
	cat "$OUT"
	[[ $status == 0 && $(<.stage) == "$1" ]]
	pyroute stop
}

@test "a down.sh that takes its time keeps no other user waiting" {
	local next
	for next in stage1 wire; do
		noting plain
		rm -f src/go
		slow_script down.sh
		pyroute start plain
		starts_unlocked "$next"
	done
}

# red: session.c, session_make_way() does not close the lock
@test "an up.sh that takes its time keeps no other user waiting" {
	noting plain
	slow_script up.sh
	starts_unlocked plain
}

@test "where nothing can be recorded a stage with a stage file starts all the same" {
	mkdir "$BASE"
	mount -t tmpfs -o ro,uid=4711,gid=4711,mode=700 tmpfs "$BASE"
	fails_with 1 student start plain
	[[ $complaint == *"Read-only file system"* ]]
	student_sudo_pyroute start stage1
	[[ $(<.stage) == stage1 ]]
	student_sudo_pyroute stop
	umount "$BASE"
	rmdir "$BASE"
}

# ---- connect and run ---------------------------------------------------------------------------

@test "connect hands over the client and the command, whatever is in it, and ends as connect.sh does" {
	student start plain
	[[ $(student connect "one machine") == "<one machine>" ]]
	run student connect it -- 'two  words' 7 '' '*' --
	[[ $status == 7 && $output == '<it><two  words><7><><*><-->' ]]
	script stages/plain/connect.sh <<<'kill -TERM $$'
	run student connect it
	[[ $status == 143 ]]
	script stages/plain/connect.sh <<<cat
	[[ $(echo through | student connect it) == through ]]
	chmod -x stages/plain/connect.sh
	fails_with 125 student connect it
	[[ $complaint == *"chmod +x stages/plain/connect.sh" ]]
}

@test "a stop ends the router, and so does a start that follows" {
	local end
	for end in stop "start wire" "start plain"; do
		student start plain
		background_start "$OUT" student_sudo_pyroute run -- sh -c 'echo begun; exec sleep 100'
		wait_for "$OUT" begun
		# shellcheck disable=SC2086 # two words
		student $end
		background_wait
		echo "$end: $status"
		[[ $status == 143 ]]
		student stop || true
	done
	fails_with 125 student_sudo_pyroute run -- true
}

# ---- its record --------------------------------------------------------------------------------

@test "what somebody else has put in the record's place is refused and not followed" {
	local planted=$BATS_TEST_TMPDIR/planted
	mkdir -m 777 "$planted"
	for plant in "ln -s $planted $BASE" "mkdir -m 777 $BASE" "mkdir -m 755 $BASE" "touch $BASE" "ln -s /nowhere $BASE"; do
		$plant
		leaves_nothing fails_with 1 student start plain
		[[ $complaint == *"$BASE "*"remove it" ]]
		fails_with 1 student_sudo_pyroute start plain
		# A stage of the other kind has nothing there, and is in nobody's hand.
		student_sudo_pyroute start stage1
		student connect client1 -- true
		student_sudo_pyroute stop
		rm -r "$BASE"
	done
	[[ -z $(ls "$planted") ]]
	noted
	as_student mkdir -m 777 "$BASE"
	fails_with 1 student start plain
	[[ $complaint == *"$BASE does not belong to you alone"* ]]
	rmdir "$BASE"
	as_student mkdir -m 700 "$BASE"
	as_student mkfifo "$BASE/$(stat -c '%d %i' . | xargs printf '%x-%x').scripts"
	fails_with 1 student start plain
	[[ $complaint == *"$BASE/"*.scripts*"remove it" ]]
	rm -r "$BASE"
	student start plain
	[[ $(stat -c '%a %U' "$BASE") == "700 $STUDENT" && $(stat -c %A "$(record)") == -rw------T ]]
}

@test "a hard link in the record's place does not make root change a file of somebody else's" {
	local record kind
	record=$BASE/$(stat -c '%d %i' . | xargs printf '%x-%x').scripts
	for kind in "root 666" "$STUDENT 644"; do
		rm -rf /tmp/shared "$BASE"
		install -o "${kind% *}" -m "${kind#* }" <(echo kept) /tmp/shared
		as_student mkdir -m 700 "$BASE"
		as_student ln /tmp/shared "$record"
		fails_with 1 student_sudo_pyroute start plain
		[[ $complaint == *"$record is not only here; remove it" ]]
		[[ $(stat -c '%U %a' /tmp/shared) == "$kind" && $(</tmp/shared) == kept ]]
	done
	noted
	rm "$record" /tmp/shared
	student_sudo_pyroute start plain
}

@test "a record of another boot counts as none and is cleared away" {
	local boot=0123abcd-0000-4000-8000-000000000000
	student start plain
	sed -i "s/^boot .*/boot $boot/" "$(record)"
	rm "$LOG"
	fails_with 1 student ps
	[[ $complaint == *"no stage runs"* ]]
	fails_with 1 student stop
	[[ ! -e $BASE ]]
	noted
	student start plain
	sed -i "s/^boot .*/boot $boot/" "$(record)"
	student start plain
	noted "up plain" "up plain"
	grep -Fx "boot $(</proc/sys/kernel/random/boot_id)" "$(record)"
	[[ $(student connect it) == "<it>" ]]
}

@test "rubbish in a record is no stage, and hinders nobody" {
	local rubbish record
	student start plain
	record=$(record)
	student stop
	for rubbish in "" "stage plain" "$(head -c 5000 /dev/zero | tr '\0' x)" \
		$'stage ../../x\nboot y\nstate up'; do
		as_student mkdir -p -m 700 "$BASE"
		as_student tee "$record" <<<"$rubbish" >/dev/null
		fails_with 1 student stop
		[[ ! -e $BASE ]]
	done
	student start plain
}

# ---- odd places --------------------------------------------------------------------------------

@test "the stage's and the checkout's folder may be named oddly" {
	local odd="$CHECKOUT/an odd\$(name) ü;'"
	noting .hidden
	noting "two words"
	noting a.b-c_1
	fails_with 1 student start .hidden
	fails_with 1 student start "two words"
	[[ $complaint == *'no stage "two words"'* ]]
	fails_with 1 student start ../plain
	noted
	mkdir "$odd"
	cp -r stages src "$odd"
	chown -R "$STUDENT:" "$odd"
	student start --dir "$odd" a.b-c_1
	[[ $(<"$odd/.stage") == a.b-c_1 ]]
	student_sudo_pyroute stop --dir "$odd"
	noted "up a.b-c_1" "down a.b-c_1"
}

@test "a stage file beside the scripts is no reason to fail, whatever is in it" {
	cp stages/stage1/stage.ini stages/plain/
	[[ $(student start plain) == "plain is up: Two neighbours" ]]
	echo "rubbish" >stages/plain/stage.ini
	[[ $(student start plain) == "plain is up" ]]
}
