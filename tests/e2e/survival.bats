#!/usr/bin/env bats
# What a stage and its commands survive: crowds, leftovers, a keeper that is stopped, an old kernel.
# shellcheck disable=SC2154 # complaint is set by fails_with

load helpers

# start_with INJECTION [ARGUMENT...]: a start, or what is named, under a fault (strace(1), -e inject).
start_with() {
	local injection=$1
	shift
	[[ $# -gt 0 ]] || set -- start stage1
	"${CALLER[@]}" timeout --foreground $((30 * SLOWNESS)) strace -D -f -qq -o /dev/null -e "trace=${injection%%:*}" \
		-e "inject=$injection" pyroute "$@"
}

@test "a hundred open sessions keep nobody out, and end with the stage" {
	local i pids=() status
	stage_start
	for i in {1..100}; do
		pyroute connect "client$((i % 2 + 1))" -- sleep 100 </dev/null >/dev/null 2>&1 3>&- &
		pids+=($!)
	done
	until [[ $(pyroute connect client1 -- sh -c 'grep -lsx "sleep" /proc/[0-9]*/comm | wc -l') == 50 &&
		$(pyroute connect client2 -- sh -c 'grep -lsx "sleep" /proc/[0-9]*/comm | wc -l') == 50 ]]; do
		sleep 0.2
	done
	pyroute ps
	stage_stop
	for i in "${pids[@]}"; do
		status=0
		wait "$i" || status=$?
		[[ $status == 137 ]]
	done
}

@test "a start that failed with its first leg half made has removed it when it returns" {
	local status
	for _ in {1..12}; do
		status=0
		start_with ioctl:error=EPERM:when=7+ 2>"$BATS_TEST_TMPDIR/said" || status=$?
		[[ ! -e /sys/class/net/net1 && $status == 1 ]]
		grep -q net1 "$BATS_TEST_TMPDIR/said"
	done
	leaves_nothing fails_with 1 start_with ioctl:error=EPERM:when=7+
}

@test "what a stage of another network namespace left behind hinders nobody" {
	local dir
	dir=$(run_dir)
	mkdir -p "$dir/1-2"
	printf 'stage x\ncheckout /nowhere\nnamespace 1\nsysctl ip_forward 1\n' \
		>"$dir/1-2/journal"
	[[ $MODE == host ]] || chown -R "$STUDENT:" "$dir"
	stage_start
	connect client1 -- true
	[[ $(on_computer cat /proc/sys/net/ipv4/ip_forward) == 0 ]]
	stage_stop
	rm -r "$dir/1-2"
}

@test "a journal that was cut short hinders nobody, and what it tells is put back" {
	echo 1 >/proc/sys/net/ipv4/ip_forward
	stage_start
	kill_and_wait "$(keeper_pid)"
	printf 'leg net1 7 02:4' | tee -a "$(run_dir)"/*-*/journal
	stage_start
	stage_stop
	[[ $(</proc/sys/net/ipv4/ip_forward) == 1 ]]
}

@test "a link where a crashed stage's checkout was leads to nobody else's .stage" {
	cp -a "$CHECKOUT" "$CHECKOUT-other"
	stage_start
	kill_and_wait "$(keeper_pid)"
	rm "$CHECKOUT/.stage"
	mv "$CHECKOUT" "$CHECKOUT-moved"
	ln -s "$CHECKOUT-other" "$CHECKOUT"
	echo mine >"$CHECKOUT-other/.stage"
	fails_with 1 pyroute stop --dir "$CHECKOUT-moved"
	[[ $(<"$CHECKOUT-other/.stage") == mine ]]
	[[ -z $(find "$(run_dir)" -name journal) ]]
	rm "$CHECKOUT"
	mv "$CHECKOUT-moved" "$CHECKOUT"
	rm -r "$CHECKOUT-other"
}

# red: service.c does not call channel_own(): the starter, which is gone, is named
@test "a keeper that is stopped holds up whoever asks it for seconds, not for ever, and is named" {
	local keeper command
	stage_start
	keeper=$(keeper_pid)
	kill -STOP "$keeper"
	for command in 1:ps 125:"connect client1 -- true"; do
		# shellcheck disable=SC2086 # several words
		fails_with "${command%%:*}" "${CALLER[@]}" timeout --foreground $((30 * SLOWNESS)) pyroute ${command#*:}
		[[ $complaint == "pyroute: the keeper of stage1, process $keeper, does not answer; "* ]]
		[[ $complaint == *"kill -CONT $keeper; "*"kill -KILL $keeper" ]]
	done
	fails_with 1 "${CALLER[@]}" timeout --foreground $((30 * SLOWNESS)) pyroute stop
	[[ $complaint == *"process $keeper, does not answer"* ]]
	kill -CONT "$keeper"
	stage_stop
}

@test "a router that is killed with its parent, or has many children, leaves nobody behind" {
	stage_start
	background_start "$BATS_TEST_TMPDIR/out" pyroute run -- \
		sh -c 'for i in $(seq 900); do setsid sleep 4711 & done; echo ready; wait'
	wait_for "$BATS_TEST_TMPDIR/out" '^ready$'
	stage_stop
	local patience=100
	while pgrep -fx 'sleep 4711' >/dev/null; do
		((patience-- > 0))
		sleep 0.1
	done
}

# A tmpfs without user attributes is what a kernel before Linux 6.6 has; there it is so in any case.
# host: without user attributes only overlays of root can replace a directory
# bats test_tags=host
@test "where a tmpfs has no user attributes the overlays are root's, and work the same" {
	host_snapshot >"$BATS_TEST_TMPDIR/before"
	start_with fsetxattr:error=EOPNOTSUPP
	[[ $(connect client1 -- sh -c 'rm -rf /etc/skel && mkdir /etc/skel && ls -A /etc/skel; stat -c %u:%g /etc/skel /etc/hosts /') == $'0:0\n0:0\n0:0' ]]
	[[ $(connect client2 -- cat /etc/hostname) == client2 ]]
	connect client2 -- test -e /etc/skel/.bashrc
	run ! connect client1 -- grep -q userxattr /proc/self/mountinfo
	stage_stop
	host_snapshot >"$BATS_TEST_TMPDIR/after"
	same "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	stage_start
	if printf '6.6\n%s\n' "$(uname -r)" | sort -CV; then
		connect client1 -- grep -q userxattr /proc/self/mountinfo
	else
		run ! connect client1 -- grep -q userxattr /proc/self/mountinfo
	fi
}

# host: a private stage is refused it always, so that all of its tests are this one
# bats test_tags=host
@test "where bpf(2) is refused a start says what that means, and the legs are as silent" {
	# Not by $(...): the tracer, which stays, would hold that open.
	start_with bpf:error=EPERM >/dev/null 2>"$BATS_TEST_TMPDIR/warning"
	grep -q ETH_P_ALL "$BATS_TEST_TMPDIR/warning"
	run ! connect client1 -- ping -c 1 -W 1 1.1.1.1
}

# red: steward.c, the steward gets SIGKILL with the outer process's death
@test "a connect that is killed keeps its stage from nothing, where who adopts orphans reaps none" {
	stage_start
	cat >src/adopter.py <<-'END'
		import ctypes, subprocess, sys, time
		assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0  # PR_SET_CHILD_SUBREAPER
		command = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)
		assert command.stdout.readline() == b"up\n"
		command.kill()
		command.wait()
		print("ready", flush=True)
		time.sleep(60)
	END
	background "$OUT" as_caller "$PYTHON" src/adopter.py pyroute connect client1 -- \
		sh -c 'echo up; exec sleep 50'
	stage_stop
}

# The client's root stops whatever comes in, before it is anything: by a STOP at its chdir(2).
# red: enter.c, main_steward() with CLONE_VFORK for ns_clone_beside()
@test "a connect that is killed while the client holds it up leaves nobody on the way" {
	stage_start
	background_start "$OUT" "${CALLER[@]}" strace -f -o /dev/null -e trace=chdir \
		-e inject=chdir:signal=STOP pyroute connect client1 -- sleep 1000
	wait_until connect client1 -- sh -c 'grep -lE "^State:.[Tt]" /proc/[0-9]*/status'
	[[ $(pgrep -cfx 'pyroute connect client1 -- sleep 1000') == 4 ]]
	pkill -KILL -fxo 'pyroute connect client1 -- sleep 1000'
	wait_until ! pgrep -fx 'pyroute connect client1 -- sleep 1000'
	stage_stop
}

# red: enter.c, main_steward() returns when the inner process is there, which is the outer one's child
@test "a connect that is stopped, as by a terminal, keeps its stage from nothing" {
	local connects=()
	stage_start
	for _ in 1 2; do
		background_start "$OUT" connect client1 -- sleep 1000
		connects+=("${BACKGROUND[-1]}")
	done
	wait_until sh -c "[ \$(pgrep -cfx 'sleep 1000') = 2 ]"
	kill -STOP -- "-${connects[0]}"
	timeout $((5 * SLOWNESS)) "${CALLER[@]}" pyroute stop
	run ! pgrep -fx 'sleep 1000'
	run ! pgrep -x pyroute-keeper
	kill -CONT -- "-${connects[0]}"
	for connect in "${connects[@]}"; do
		status=0
		wait "$connect" || status=$?
		[[ $status == 137 ]]
	done
}
