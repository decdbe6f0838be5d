#!/usr/bin/env bats
# The benchmark (tests/bench): its floors are what they say they are, or it would measure against
# nothing; it leaves nothing; and its table has the rows that it is read for.
# shellcheck disable=SC2154 # complaint is set by fails_with

load helpers

# host: it makes a host of its own, as root, and measures stages whose legs are on the computer itself
# bats file_tags=host

readonly BENCH=$PYROUTE_TEST_SCRATCH/bin/bench
readonly RUNTIME=$BATS_TEST_DIRNAME/../../runtime
readonly TABLES=$BATS_TEST_DIRNAME/../bench/full_tables.c

# floor_start PROGRAM N [ARGUMENT...]: brings a floor up. Its first client's pid goes into $pid.
floor_start() {
	mkfifo "$BATS_TEST_TMPDIR/end"
	background_start "$BATS_TEST_TMPDIR/floor" sh -c '"$@" <"$0"' "$BATS_TEST_TMPDIR/end" \
		"$BENCH/$1" --clients "$2" --src "$CHECKOUT/src" --pids "${@:3}"
	exec 7>"$BATS_TEST_TMPDIR/end"
	wait_for "$BATS_TEST_TMPDIR/floor" '^up$'
	pid=$(head -n 1 "$BATS_TEST_TMPDIR/floor")
}

# floor_stop: ends it, which must go well.
floor_stop() {
	exec 7>&-
	wait "${BACKGROUND[-1]}"
}

full_start() {
	"$BENCH/policy" "$BATS_TEST_TMPDIR/policy"
	floor_start full "$1" --filter "$BATS_TEST_TMPDIR/policy" "${@:2}"
}

inside() {
	"$BENCH/enter" "$pid" "$@"
}

status_of() {
	sed -n "s/^$1:[[:blank:]]*//p" "/proc/$pid/status"
}

quoted() {
	sed -n "/$2/,/^};/p" "$1" | grep -oE '"[^"]+"' | sort -u
}

# pairs FILE TABLE: the settings in it, each as {"key", "value"}, in their order
pairs() {
	sed -n "/ $2\\[.*= {/{:line;p;/};\$/q;n;b line}" "$1" | grep -oE '\{"[^"]+", "[^"]+"\}'
}

# groups FILE: in which directories which tables are set
groups() {
	grep -oE 'sys/net/ipv4[^"]*", ipv4_(host|interface)' "$1"
}

# red: netlink_default_route() adds none
@test "a client of bare is up: it answers on its wire, has its files, and is confined by nothing" {
	floor_start bare 3
	ping -c 1 -W 5 -q 10.0.1.2
	ping -c 1 -W 5 -q 10.0.3.2
	[[ $(inside hostname) == client1 ]]
	inside ip route | grep -x 'default via 10.0.1.1 dev eth0 '
	[[ $(inside sh -c 'ls /proc | grep -c "^[0-9]"') -le 5 ]]
	[[ $(status_of Seccomp) == 0 ]]
	floor_stop
}

# red: full_client.c loads no filter
@test "a client of full is up, and confined as pyroute's are to the bit" {
	local key
	local -A theirs=()
	stage_start
	pid=$(client_pid client1)
	for key in CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp Seccomp_filters; do
		theirs[$key]=$(status_of "$key")
	done
	stage_stop
	full_start 2
	for key in "${!theirs[@]}"; do
		echo "$key: $(status_of "$key"), pyroute's: ${theirs[$key]}"
		[[ $(status_of "$key") == "${theirs[$key]}" ]]
	done
	[[ $(status_of Seccomp) == 2 && $(status_of CapEff) == 00000000000435fb ]]
	ping -c 1 -W 5 -q 10.0.1.2
	ping -c 1 -W 5 -q 10.0.2.2
	floor_stop
}

@test "in a client of full files are as in pyroute's: replaced, generated, covered, src's owner's" {
	full_start 2
	inside sh -c 'rm -rf /etc/skel && mkdir /etc/skel'
	inside grep -x '10.0.2.2	client2' /etc/hosts
	inside sh -c ': >"/~/src/made"'
	[[ $(stat -c %u "$CHECKOUT/src/made") == "$(stat -c %u "$CHECKOUT/src")" ]]
	[[ $(inside sh -c 'cat /proc/interrupts' | wc -c) == 0 ]]
	run ! inside sh -c 'echo 1 >/proc/sys/kernel/sysrq'
	inside sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	floor_stop
}

# red: a client does not call root_offloads_off(), or netlink_no_loopback()
@test "full looks at itself: mounts, settings, limits, groups, offloads, files" {
	full_start 2 --check
	floor_stop
}

# red: one cover fewer in full_tables.c
# red: another value in ipv4_interface of full_tables.c
@test "what full covers and sets is what the runtime covers and sets" {
	local table
	diff <(quoted "$RUNTIME/root.c" 'masked\[\] = {') <(quoted "$TABLES" 'full_covered\[\] = {')
	diff <(quoted "$RUNTIME/root.c" 'read_only\[\] = {') <(quoted "$TABLES" 'full_read_only\[\] = {')
	for table in ipv4_host ipv4_interface ipv6_off; do
		[[ $(pairs "$TABLES" $table) ]]
		diff <(pairs "$RUNTIME/settings.c" $table) <(pairs "$TABLES" $table)
	done
	# of the runtime's, the one for who does not forward
	diff <(pairs "$RUNTIME/settings.c" ipv4_forwarding | head -n 2) <(pairs "$TABLES" ipv4_forwarding)
	[[ $(groups "$TABLES") ]]
	diff <(groups "$RUNTIME/settings.c") <(groups "$TABLES")
}

@test "a floor that cannot come up says why in one line, and leaves nothing" {
	"$BENCH/policy" "$BATS_TEST_TMPDIR/policy"
	fails_with 1 "$BENCH/full" --clients 2 --src "$CHECKOUT/src" --rootfs /nowhere \
		--filter "$BATS_TEST_TMPDIR/policy"
	[[ $complaint == "full: /nowhere: No such file or directory" ]]
	fails_with 2 "$BENCH/bare" --clients 0
}

@test "the table has its rows, with runs and targets" {
	"$BENCH/bench" --sizes 2 --runs 2 --no-peers >"$OUT"
	cat "$OUT"
	grep -E '^[0-9-]+ [0-9:]+, Linux .*, [0-9]+ cores, pyroute ' "$OUT"
	grep -E '^start of stage1 +2 +2 ms +[0-9.]+ +[0-9.]+ +[0-9.]+ +.* full <= 3: (yes|NO)$' "$OUT"
	grep -E '^start +2 +2 ms ' "$OUT"
	grep -E '^stop, links and processes gone +2 +2 ms ' "$OUT"
	grep -E '^connect, to run true +2 ms .* full <= 2: (yes|NO)$' "$OUT"
}

@test "every single run is in its JSON" {
	leaves_nothing sh -c '"$1/bench" --sizes 2,3 --runs 2 --no-peers --json >"$2"' - "$BENCH" "$OUT"
	"$PYTHON" - "$OUT" <<-'END'
		import json, sys
		rows = {(row["what"], row["clients"]): row for row in json.load(open(sys.argv[1]))["rows"]}
		for size in 2, 3:
		    for what in "start", "stop, links and processes gone":
		        for column in "pyroute", "bare", "full":
		            runs = rows[what, size][column]
		            assert len(runs) == 2 and all(0 < run < 60000 for run in runs), (what, runs)
		assert rows["start of stage1", 2]["targets"][0]["against"] == "full"
	END
}

# interrupt_when GROUP: ends a benchmark as soon as the client 60 of a control group of this name is there.
interrupt_when() {
	local benchmark patience=2000
	"$BENCH/bench" --sizes 100 --no-peers >/dev/null 2>"$OUT" 3>&- &
	benchmark=$!
	until compgen -G "/sys/fs/cgroup/memory/$1/client60" || compgen -G "/sys/fs/cgroup/$1/client60"; do
		((patience-- > 0)) || break
		sleep 0.005
	done >/dev/null
	kill -TERM "$benchmark"
	! wait "$benchmark" || return 1
	[[ $patience -gt 0 && $(<"$OUT") == "bench: interrupted" ]]
}

# red: world_end() does not recover()
@test "a benchmark that is interrupted while a stage starts leaves nothing" {
	leaves_nothing interrupt_when 'pyroute-????????????????'
}

# red: world_end() does not kill_all()
@test "a benchmark that is interrupted while a floor starts leaves nothing" {
	leaves_nothing interrupt_when 'pyroute-bench-*'
}

@test "who is not root is told so" {
	fails_with 1 as_student "$BENCH/bench"
	[[ $complaint == "bench: this needs root: sudo make bench" ]]
}
