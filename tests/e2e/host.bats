#!/usr/bin/env bats
# What a stage does to the computer: the listed differences while it runs, none afterwards.
# shellcheck disable=SC2154 # complaint is set by fails_with

load helpers

setup() {
	common_setup
	BEFORE=$BATS_TEST_TMPDIR/before
	DURING=$BATS_TEST_TMPDIR/during
	AFTER=$BATS_TEST_TMPDIR/after
}

# The differences that a stage may make, as lines of diff: its legs, what the kernel lists for
# them, ip_forward and what the kernel sets with it, a directory in /run, cgroups, processes and what
# these hold.
readonly LISTED='^[<>] (link: net[12]@|address: net[12] +inet [12]\.[12]\.[12]\.1/24 '
readonly LISTED_MORE='|qdisc: qdisc (noqueue|clsact) [^ ]+ dev net[12] |filter: net[12] ingress .* bpf chain 0'
readonly LISTED_SYSCTLS='|sysctl: /proc/sys/net/ipv[46]/(conf|neigh)/net[12]/'
readonly LISTED_FORWARDING='|sysctl: /proc/sys/net/ipv4/(ip_forward|conf/[^/]+/forwarding):'
readonly LISTED_REDIRECTS='|sysctl: /proc/sys/net/ipv4/conf/all/accept_redirects:'
readonly LISTED_REST='|run: /run/pyroute|cgroup: |process: |namespace: |mount without a place: |checkout: .*/\.stage )'
readonly DIFFERENCES=$LISTED$LISTED_MORE$LISTED_SYSCTLS$LISTED_FORWARDING$LISTED_REDIRECTS$LISTED_REST

only_listed_differences() {
	diff "$BEFORE" "$DURING" | grep '^[<>]' >"$BATS_TEST_TMPDIR/differences"
	run ! grep -vE "$DIFFERENCES" "$BATS_TEST_TMPDIR/differences"
}

# Settings as no system has them, so that a restore by guess is found out.
set_unusual() {
	local settings=/proc/sys/net/ipv4
	echo "$1" >$settings/ip_forward
	echo 1 >$settings/conf/all/accept_redirects
	echo 0 >$settings/conf/default/forwarding
	echo 1 >$settings/conf/lo/forwarding
	echo 0 >$settings/conf/host0/forwarding
	echo 1 >$settings/conf/host0/accept_redirects
	echo 0 >$settings/conf/default/accept_redirects
	echo 1 >$settings/conf/host0/proxy_arp
}

set_usual() {
	local settings=/proc/sys/net/ipv4
	echo 0 >$settings/conf/host0/proxy_arp
	echo 1 >$settings/conf/host0/accept_redirects
	echo 1 >$settings/conf/default/accept_redirects
	# The kernel writes the forwarding of all interfaces only where it changes.
	echo 0 >$settings/ip_forward
	echo 1 >$settings/ip_forward
}

# host: a private stage makes no difference at all: see private.bats
# bats test_tags=host
@test "a stage makes only the listed differences, and its stop unmakes them" {
	host_snapshot >"$BEFORE"
	stage_start
	host_snapshot >"$DURING"
	stage_stop
	host_snapshot >"$AFTER"
	only_listed_differences
	same "$BEFORE" "$AFTER"
	# The snapshot does see what is there.
	grep -q '^> link: net1@' "$BATS_TEST_TMPDIR/differences"
	grep -q '^> address: net2 *inet 2.2.2.1/24 ' "$BATS_TEST_TMPDIR/differences"
	grep -qx '> sysctl: /proc/sys/net/ipv4/ip_forward:0' "$BATS_TEST_TMPDIR/differences"
	[[ $(grep -c '^sysctl: ' "$BEFORE") -gt 500 ]]
}

# host: it is about ip forwarding of the computer, which no private stage touches
# bats test_tags=host
@test "ip forwarding that was on is off during a stage, and back with all it drags along" {
	set_unusual 1
	host_snapshot >"$BEFORE"
	stage_start
	host_snapshot >"$DURING"
	[[ $(</proc/sys/net/ipv4/ip_forward) == 0 ]]
	[[ $(</proc/sys/net/ipv4/conf/lo/forwarding) == 0 ]]
	stage_stop
	host_snapshot >"$AFTER"
	[[ $(</proc/sys/net/ipv4/ip_forward) == 1 ]]
	set_usual
	only_listed_differences
	same "$BEFORE" "$AFTER"
}

# host: it is about ip forwarding of the computer, which no private stage touches
# bats test_tags=host
@test "ip forwarding that was off is off during a stage and afterwards, nothing else touched" {
	set_unusual 0
	host_snapshot >"$BEFORE"
	stage_start
	[[ $(</proc/sys/net/ipv4/ip_forward) == 0 && -e /sys/class/net/net1 ]]
	stage_stop
	host_snapshot >"$AFTER"
	set_usual
	same "$BEFORE" "$AFTER"
}

@test "after the keeper was killed the next start works, and its stop leaves the host as it was" {
	set_unusual 1
	host_snapshot >"$BEFORE"
	stage_start
	kill_and_wait "$(keeper_pid)"
	stage_start
	connect client1 -- true
	[[ $(on_computer cat /proc/sys/net/ipv4/ip_forward) == 0 ]]
	stage_stop
	host_snapshot >"$AFTER"
	set_usual
	same "$BEFORE" "$AFTER"
}

# ask_keeper COMMAND...: begins it, and returns when it is connected to the keeper, which does not answer.
ask_keeper() {
	background_start "$OUT.asked" as_caller strace -D -qq -o "$CHECKOUT/trace.$1" -e trace=connect pyroute "$@"
	wait_until grep ' = 0$' "$CHECKOUT/trace.$1"
}

@test "a keeper that is killed while it is asked is as good as one killed before" {
	local keeper
	stage_start
	keeper=$(keeper_pid)
	kill -STOP "$keeper"
	ask_keeper start stage1
	kill -KILL "$keeper"
	wait "${BACKGROUND[-1]}"
	connect client1 -- true
	keeper=$(keeper_pid)
	kill -STOP "$keeper"
	ask_keeper stop
	kill -KILL "$keeper"
	wait "${BACKGROUND[-1]}" || status=$?
	[[ $status == 1 ]]
	run ! ip link show net1
	stage_start
	# It dies between the start's two connections to it: the first still finds it alive.
	keeper=$(keeper_pid)
	background_start "$BATS_TEST_TMPDIR/start" as_caller strace -D -qq -o "$CHECKOUT/trace" \
		-e trace=connect -e inject=connect:signal=STOP:when=1 pyroute start stage1
	wait_until grep -e '--- SIGSTOP' "$CHECKOUT/trace"
	kill_and_wait "$keeper"
	kill -CONT -- "-${BACKGROUND[-1]}"
	wait "${BACKGROUND[-1]}"
	connect client1 -- true
}

@test "a leg shows its address and its Ethernet address, and other routing is as before" {
	ip route get 1.1.1.1 >"$BEFORE"
	stage_start
	on_computer ip -o -4 addr show net1 | grep -F ' inet 1.1.1.1/24 '
	on_computer ip -o -4 addr show net2 | grep -F ' inet 2.2.2.1/24 '
	[[ $(on_computer cat /sys/class/net/net1/address) == 02:42:01:01:01:01 ]]
	[[ $(on_computer cat /sys/class/net/net2/address) == 02:42:02:02:02:01 ]]
	[[ $(on_computer cat /sys/class/net/net1/operstate) == up ]]
	diff "$BEFORE" <(ip route get 1.1.1.1)
}

@test "the file .stage names the stage while it runs" {
	[[ ! -e .stage ]]
	stage_start
	[[ $(<.stage) == stage1 ]]
	stage_stop
	[[ ! -e .stage ]]
}

@test "a start and a connect execute no other program" {
	local trace=$BATS_TEST_TMPDIR/trace
	local itself='execve\("[^"]*/pyroute"|execveat\([0-9]+, "", .*AT_EMPTY_PATH|\+\+\+|---'
	# Not as_caller: the last program is one that an ordinary user cannot look into.
	local strace=(strace)
	[[ $MODE == host ]] || strace=(env HOME="$PYROUTE_TEST_SCRATCH/home" strace --user="$STUDENT")
	# The keeper outlives the start: -D leaves the tracer, not the start, to wait for it.
	timeout $((60 * SLOWNESS)) "${strace[@]}" -D -f -qq -e trace=execve,execveat -o "$trace" pyroute start stage1
	timeout $((60 * SLOWNESS)) "${strace[@]}" -f -qq -e trace=execve,execveat -o "$trace.connect" \
		pyroute connect client1 -- /bin/echo hello
	stage_stop
	cat "$trace" "$trace.connect"
	# pyroute executes itself, and sealed files of its own by their descriptors.
	grep -q 'execve("[^"]*/pyroute"' "$trace"
	run ! grep -vE "$itself" "$trace"
	grep -q 'execve("/bin/echo"' "$trace.connect"
	# The steward's comes where that may not have returned yet.
	run ! grep -vE "$itself|execve\(\"/bin/echo\"|<... execve(at)? resumed>" "$trace.connect"
}

# host: private stages have legs of the same names side by side
# bats test_tags=host
@test "two stages of two checkouts do not share the computer: the second start is refused" {
	stage_start
	cp -r "$CHECKOUT" "$CHECKOUT-second"
	rm -f "$CHECKOUT-second/.stage"
	cd "$CHECKOUT-second"
	fails_with 1 pyroute start stage1
	[[ $complaint == *net1* ]]
	cd "$CHECKOUT"
	connect client1 -- true
	rm -rf "$CHECKOUT-second"
}
