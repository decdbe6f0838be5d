#!/usr/bin/env bats
# What private stages have of their own. That they are to their clients and to a router what others
# are, the other files ask of both.
# shellcheck disable=SC2154 # complaint is set by fails_with

load helpers

# private: it is about stages without root, and what is promised of them alone
# bats file_tags=private

readonly BASE=/tmp/pyroute-4711 # the ordinary user's

setup() {
	common_setup
	BEFORE=$BATS_TEST_TMPDIR/before
	DURING=$BATS_TEST_TMPDIR/during
	AFTER=$BATS_TEST_TMPDIR/after
}

teardown() {
	pyroute stop --dir "$CHECKOUT-second" >/dev/null 2>&1 || true
	rm -rf --one-file-system "$CHECKOUT-second"
	sed -i "/^$STUDENT:/d" /etc/subuid /etc/subgid
	common_teardown
}

# Lends the ordinary user 65536 subordinate ids, until the end of the test.
lend_ids() {
	echo "$STUDENT:100000:65536" | tee -a /etc/subuid >>/etc/subgid
}

# ---- who has nothing -----------------------------------------------------------------------------

@test "a user without sudo, subordinate ids and control groups starts, uses and stops a stage" {
	[[ $(as_student id -G) == 4711 ]]
	run ! as_student sudo -n true
	pyroute start stage1 >"$OUT"
	diff "$OUT" - <<-'END'
		stage1 is up: Two neighbours, 2 clients
		It is private: its legs are in a network namespace of its own, and nothing on this computer was changed.
		Your router there: pyroute-run -- python3 src/router.py
		Your shell there:  pyroute-run
		Without subordinate ids of yours, its clients have no users but root (pyroute doctor tells more).
		Without control groups of yours, each client may have 256 processes, each of 256 MiB.
	END
	[[ $(<.stage) == stage1 && $(stat -c %U .stage) == "$STUDENT" ]]
	pyroute ps | grep -E '^client2 +running +[0-9]+ .* - +net2 2\.2\.2\.2/24$'
	pyroute ps --json | tr -d ' \n' | grep -F '"private":true,"root":false'
	run ! connect client1 -- ping -c 1 -W 1 2.2.2.2
	# As the message has it.
	cp src/plain.py src/router.py
	background "$BATS_TEST_TMPDIR/router" pyroute run -- python3 src/router.py
	connect client1 -- ping -c 2 -i 0.2 -W 9 2.2.2.2
	connect client2 -- ping -c 1 -W 9 1.1.1.2
	[[ $(pyroute stop) == "stage1 is stopped" ]]
	[[ ! -e .stage && ! -e $BASE ]]
	fails_with 1 pyroute stop
}

@test "the message tells the name, where the stage has one" {
	pyroute start --name left stage1 >"$OUT"
	grep -Fx "Your router there: pyroute-run --name left -- python3 src/router.py" "$OUT"
	grep -Fx "Your shell there:  pyroute-run --name left" "$OUT"
	pyroute run --name left -- test -e /sys/class/net/net1
	pyroute stop --name left
}

# ---- the computer --------------------------------------------------------------------------------

@test "while a stage and a router run, the computer is as before but for their processes and files" {
	host_snapshot >"$BEFORE"
	stage_start
	router_start plain.py
	connect client1 -- ping -c 1 -W 9 2.2.2.2
	host_snapshot >"$DURING"
	diff "$BEFORE" "$DURING" | grep '^[<>]' >"$BATS_TEST_TMPDIR/differences"
	cat "$BATS_TEST_TMPDIR/differences"
	run ! grep -vE "^> (process: |namespace: |mount without a place: |tmp: $BASE( |/)|checkout: $CHECKOUT/\.stage )" \
		"$BATS_TEST_TMPDIR/differences"
	# The snapshot does see what is there.
	grep -F "> tmp: $BASE/" "$BATS_TEST_TMPDIR/differences"
	grep -E "^> process: [0-9]+ pyroute-keeper: " "$BATS_TEST_TMPDIR/differences"
	grep -F "> checkout: $CHECKOUT/.stage " "$BATS_TEST_TMPDIR/differences"
	stage_stop
	wait_until is_dead "${BACKGROUND[-1]}"
	host_snapshot >"$AFTER"
	same "$BEFORE" "$AFTER"
}

@test "ip forwarding stays on for the computer, and is off where the legs are" {
	local settings=/proc/sys/net
	stage_start
	[[ $(<$settings/ipv4/ip_forward) == 1 && $(<$settings/ipv6/conf/all/forwarding) == 1 ]]
	on_computer sh -c "cd $settings && grep -H . ipv4/ip_forward ipv[46]/conf/*/forwarding" >"$OUT"
	cat "$OUT"
	grep -q conf/net2/ "$OUT"
	run ! grep -v ':0$' "$OUT"
	[[ $(<$settings/ipv4/ip_forward) == 1 ]]
}

@test "stages of two checkouts run side by side, each with legs of its own" {
	cp -a "$CHECKOUT" "$CHECKOUT-second"
	stage_start
	pyroute start --dir "$CHECKOUT-second" stage1
	connect client1 -- touch /tmp/first
	pyroute connect --dir "$CHECKOUT-second" client1 -- test ! -e /tmp/first
	[[ $(pyroute run -- readlink /proc/self/ns/net) != \
		"$(pyroute run --dir "$CHECKOUT-second" -- readlink /proc/self/ns/net)" ]]
	stage_stop
	pyroute run --dir "$CHECKOUT-second" -- test -e /sys/class/net/net1
}

# ---- users of its clients ------------------------------------------------------------------------

@test "with subordinate ids clients have all users, without them root alone" {
	local devpts
	stage_start
	run ! connect client1 -- setpriv --reuid=www-data --clear-groups true
	run ! connect client1 -- chown www-data '/~/src/talk.py'
	lend_ids
	pyroute start stage1 >"$OUT"
	cat "$OUT"
	run ! grep "subordinate ids" "$OUT"
	[[ $(connect client1 -- setpriv --reuid=www-data --regid=www-data --clear-groups \
		sh -c 'id -un; id -gn; touch /tmp/mine; stat -c %U:%G /tmp/mine') == \
		$'www-data\nwww-data\nwww-data:www-data' ]]
	# By PAM, which wants a file of passwords; root's own is not the student's to read.
	connect client1 -- sh -c 'test -e /etc/shadow || pwconv'
	[[ $(connect client1 -- su -s /bin/sh www-data -c 'id -un') == www-data ]]
	# In a client 1 is the first of the ids that are lent.
	devpts=$(connect client1 -- grep devpts /proc/mounts)
	[[ $devpts == *"gid=$((100000 + 5 - 1)),mode=620"* ]]
	[[ $(as_student expect -c 'spawn -noecho pyroute connect client1 -- sh -c {stat -c %G $(tty)}
		expect eof' | tr -d '\r') == tty ]]
	# What it gives to another in src/ is that one's on the computer.
	connect client1 -- chown www-data: '/~/src/talk.py'
	[[ $(stat -c %u:%g src/talk.py) == $((100000 + 33 - 1)):$((100000 + 33 - 1)) ]]
	router_start plain.py
	connect client1 -- ping -c 1 -W 9 2.2.2.2
}

# What a client is to its programs, but for ids: a fact a line.
facts_of_client() {
	connect client1 -- sh -c '
		grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status
		cut -d " " -f 4- /proc/self/mountinfo
		cat /proc/self/limits /proc/1/limits
		ls -l /dev | cut -d " " -f 1
		env; hostname; cat /etc/hosts /etc/resolv.conf; ip addr; ip route
		sysctl -a 2>/dev/null | grep -E "^net\.ipv[46]\.(ip_forward|conf)"' |
		sed -E 's/,gid=[0-9]+//; s/@if[0-9]+//; s/^[0-9]+: //; s/link-netnsid [0-9]+//' |
		sed -E 's/ [0-9]+:[0-9]+ / /; s,/proc/self/fd/[0-9]+,FD,g; s/^(Max (processes|data size)).*/\1/'
}

# red: client.c: client_confine() only where ns_has_group(1)
@test "with one id a client has all else that one with many has" {
	stage_start
	facts_of_client >"$OUT.one"
	# What it lacks.
	run ! connect client1 -- chown 33 /tmp
	run ! connect client1 -- su -s /bin/sh www-data -c true
	run ! connect client1 -- /usr/sbin/sshd
	run ! connect client1 -- grep devpts.*gid= /proc/mounts
	lend_ids
	stage_start
	facts_of_client >"$OUT.many"
	connect client1 -- chown 33 /tmp
	[[ $(wc -l <"$OUT.one") -gt 100 ]]
	diff "$OUT.one" "$OUT.many"
}

# ---- its end -------------------------------------------------------------------------------------

sleeps_long() {
	pgrep -fx 'sleep 54321'
}

# A router and the student's shell run, and processes that left the session they were started in.
run_long() {
	background_start "$BATS_TEST_TMPDIR/router" \
		pyroute run -- sh -c 'sleep 54321 & setsid sleep 54321 & echo up; wait'
	wait_for "$BATS_TEST_TMPDIR/router" up
	printf '#!/bin/sh\nsetsid sleep 54321 &\necho up\nexec sleep 54321\n' >shell
	chmod 755 shell
	SHELL=$CHECKOUT/shell background_start "$BATS_TEST_TMPDIR/shell" pyroute run
	wait_for "$BATS_TEST_TMPDIR/shell" up
	[[ $(pgrep -fxc 'sleep 54321') == 4 ]]
}

@test "a stop ends the router, the shell, and all that they started" {
	stage_start
	run_long
	stage_stop
	wait_until ! sleeps_long
}

kill_the_keeper() {
	stage_start
	run_long
	kill_and_wait "$(keeper_pid)"
	wait_until ! sleeps_long
	fails_with 1 pyroute stop
	[[ $complaint == *"no stage runs"* && ! -e $BASE ]]
}

@test "a keeper that is killed takes all along, and the next command clears away" {
	leaves_nothing kill_the_keeper
	stage_start
	kill_and_wait "$(keeper_pid)"
	stage_start
	connect client1 -- true
}

@test "a start that is killed at any system call leaves nothing beyond the next one" {
	local call status killed=0 calls=()
	as_student strace -D -qq -o "$CHECKOUT/calls" pyroute start stage1
	stage_stop
	wait_until grep -q ^exit_group calls
	# As NAME:when=N, for strace counts the calls of a name. Every ninth of them will do.
	mapfile -t calls < <(sed -nE 's/^([a-z0-9_]+)\(.*/\1/p' calls | grep -vE '^execve(at)?$' |
		awk '{ n[$1]++ } NR % 9 == 0 { print $1 ":when=" n[$1] }')
	rm "$CHECKOUT/calls"
	host_snapshot >"$BEFORE"
	for call in "${calls[@]}"; do
		status=0
		as_student timeout --foreground $((20 * SLOWNESS)) strace -D -qq -o /dev/null -e "trace=${call%:*}" \
			-e "inject=${call/:/:signal=KILL:}" pyroute start stage1 \
			>/dev/null 2>&1 </dev/null || status=$?
		[[ $status != 137 ]] || killed=$((killed + 1))
	done 2>/dev/null
	echo "$killed times killed, at ${#calls[@]} calls"
	((killed > 20 && killed >= ${#calls[@]} - 2))
	stage_start
	connect client1 -- true
	stage_stop
	wait_until ! pgrep -x pyroute-keeper
	host_snapshot >"$AFTER"
	same "$BEFORE" "$AFTER"
}

@test "a private stage and one of another kind take turns" {
	mkdir stages/own
	printf '#!/bin/sh\necho "${0##*/}" >>"$PYROUTE_ENV/log"\n' >stages/own/up.sh
	cp stages/own/up.sh stages/own/down.sh
	chmod 755 stages/own/*.sh
	checkout_give
	stage_start
	pyroute start own
	[[ $(<.stage) == own && -z $(pgrep -x pyroute-keeper) ]]
	stage_start
	[[ $(<.stage) == stage1 && $(<log) == $'./up.sh\n./down.sh' || $(<log) == $'up.sh\ndown.sh' ]]
	connect client1 -- true
	stage_stop
}

# ---- where it cannot be --------------------------------------------------------------------------

# cannot COMMAND... : a start by COMMAND fails with one line, and leaves nothing.
cannot() {
	leaves_nothing fails_with 1 as_student "$PYTHON" src/refuse.py "$@" -- pyroute start stage1
}

@test "where a user cannot have the namespaces a start says so and what mends it" {
	cannot "clone&CLONE_NEWUSER=EPERM"
	[[ $complaint == *unprivileged_userns_clone* ]]
	# AppArmor's way: the namespaces are made, and what needs a capability is refused.
	cannot "mount=EACCES"
	[[ $complaint == *"; what forbids it: pyroute doctor" ]]
	cannot "clone&CLONE_NEWUSER=ENOSPC"
	[[ $complaint == *"limit in /proc/sys/user/ is reached: raise max_user_namespaces there"* ]]
	stage_start
}

@test "where user namespaces are used up a start says so, and raising the limit mends it" {
	local pid
	# The limit is that of a user namespace which has all ids.
	mkfifo "$OUT.there" "$OUT.mapped"
	export -f as_student
	export STUDENT OUT
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare --user bash -euc 'echo $$ >"$OUT.there"; read -r <"$OUT.mapped"; exec bash -euc "$0"' '
		as_student pyroute start stage1
		as_student pyroute stop
		echo 1 >/proc/sys/user/max_user_namespaces
		status=0
		as_student pyroute start stage1 2>"$OUT.said" || status=$?
		[[ $status == 1 && $(wc -l <"$OUT.said") == 1 ]]
		grep "limit in /proc/sys/user/ is reached: raise max_user_namespaces there" "$OUT.said"
		echo 100 >/proc/sys/user/max_user_namespaces
		as_student pyroute start stage1
		as_student pyroute stop' 3>&- &
	read -r pid <"$OUT.there"
	echo "0 0 4294967295" >"/proc/$pid/uid_map"
	echo "0 0 4294967295" >"/proc/$pid/gid_map"
	echo >"$OUT.mapped"
	wait "$!"
}

@test "where something is mounted below src/ a start names src/ and what to do" {
	mkdir src/below
	mount -t tmpfs tmpfs src/below
	leaves_nothing fails_with 1 pyroute start stage1
	[[ $complaint == "pyroute: cannot show $CHECKOUT/src in a client: something is mounted below it, which only root may leave out; unmount that, or use sudo" ]]
	umount src/below
	stage_start
}
