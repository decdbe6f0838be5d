# Many private stages of several users side by side, all with the same names and addresses inside.

load helpers

# private: legs on the computer itself are one stage's at a time
# bats file_tags=private

readonly STAGES=50
readonly USERS=(pyroute-test pyroute-plain pyroute-third)

# as_number I COMMAND...: as the user of stage I, in that user's checkout.
as_number() {
	local user=${USERS[$1 % ${#USERS[@]}]}
	cd "$CHECKOUT/$user" || return
	setpriv --reuid="$user" --regid="$user" --init-groups env HOME="$CHECKOUT/$user" \
		timeout --foreground $((100 * SLOWNESS)) "${@:2}"
}

# connect_number I CLIENT COMMAND...
connect_number() {
	as_number "$1" pyroute connect --name "s$1" "$2" -- "${@:3}"
}

# each COMMAND: runs COMMAND I for each stage, eight at a time, and fails where one of them does.
each() {
	local i pids=()
	rm -f "$BATS_TEST_TMPDIR"/failed-*
	for ((i = 0; i < STAGES; i++)); do
		one "$1" "$i" &
		pids+=($!)
		if ((${#pids[@]} == 8)); then
			wait "${pids[0]}"
			pids=("${pids[@]:1}")
		fi
	done
	wait "${pids[@]}"
	! tail -n 5 "$BATS_TEST_TMPDIR"/failed-* 2>/dev/null
}

one() {
	local output=$BATS_TEST_TMPDIR/$1-$2
	(
		trap - DEBUG ERR # bats' own
		set -eux
		"$1" "$2"
	) >"$output" 2>&1 3>&- &
	wait $! || mv "$output" "$BATS_TEST_TMPDIR/failed-$1-$2" # behind "||" set -e would do nothing
}

# What a stage leaves only inside itself: the four bytes that its pings end in.
mark_of() {
	printf '%08x' $((0xc0ffee00 + $1))
}

start_number() {
	as_number "$1" pyroute start --name "s$1" stage1
}

stop_number() {
	as_number "$1" pyroute stop --name "s$1"
}

mark_number() {
	connect_number "$1" client1 bash -c "echo $(mark_of "$1") >/tmp/$(mark_of "$1")
		exec -a $(mark_of "$1") sleep 300 </dev/null >/dev/null 2>&1 &"
	connect_number "$1" client1 ping -q -c 3 -i 0.2 -W 30 -p "$(mark_of "$1")" -s 24 2.2.2.2
}

# It has seen its own pings, processes and files, and no others.
judge_number() {
	local mark
	mark=$(mark_of "$1")
	[[ $(sort -u "$BATS_TEST_TMPDIR/router-$1") == "$(printf 'ready\nsaw %s' "$mark")" ]]
	(($(grep -c saw "$BATS_TEST_TMPDIR/router-$1") == 3))
	[[ $(connect_number "$1" client1 sh -c 'echo /tmp/*') == "/tmp/$mark" ]]
	[[ $(connect_number "$1" client1 sh -c 'cat /proc/[0-9]*/cmdline' | tr '\0' '\n' |
		grep -ao 'c0ffee[0-9a-f]*' | sort -u) == "$mark" ]]
	connect_number "$1" client2 sh -c 'ls /tmp; cat /proc/[0-9]*/cmdline' >"$BATS_TEST_TMPDIR/other-$1"
	[[ $(grep -ac c0ffee "$BATS_TEST_TMPDIR/other-$1") == 0 ]]
}

# The host, but for the stages' own processes and directories.
host_without_stages() {
	host_snapshot | grep -vE '^(process|namespace|mount without a place|tmp|scratch): '
}

@test "$STAGES private stages of three users, with the same names and addresses, know nothing of each other" {
	local i user
	for user in "${USERS[@]}"; do
		mkdir "$CHECKOUT/$user"
		cp -r stages src "$CHECKOUT/$user/"
		chown -R "$user:" "$CHECKOUT/$user"
	done
	host_without_stages >"$BATS_TEST_TMPDIR/before"
	host_snapshot >"$BATS_TEST_TMPDIR/all-before"
	each start_number
	for ((i = 0; i < STAGES; i++)); do
		background_start "$BATS_TEST_TMPDIR/router-$i" as_number "$i" \
			pyroute run --name "s$i" -- "$PYTHON" src/telling.py
	done
	for ((i = 0; i < STAGES; i++)); do
		wait_until grep -q '^ready$' "$BATS_TEST_TMPDIR/router-$i"
	done
	each mark_number
	each judge_number
	host_without_stages >"$BATS_TEST_TMPDIR/meanwhile"
	same "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/meanwhile"
	# Each user sees their own.
	(($(as_number 1 pyroute ps --all | grep -c '^stage1 ') == (STAGES + 1) / 3))
	each stop_number
	for i in "${BACKGROUND[@]}"; do wait_until is_dead "$i"; done
	host_snapshot >"$BATS_TEST_TMPDIR/all-after"
	same "$BATS_TEST_TMPDIR/all-before" "$BATS_TEST_TMPDIR/all-after"
}
