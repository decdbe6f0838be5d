#!/usr/bin/env bats
# The check that every test ends with finds what a test leaves, of whatever kind, and names it.

load helpers

# A test whose end finds what it left waits for two seconds; these need not.
check() {
	"$LEAKS" --own "$WATCHDOG" since "$BATS_TEST_TMPDIR/facts" "${1:-0}"
}

# names PATTERN...: what was left is found, each named in a line like this; and once, not of every test
# that comes after.
names() {
	local pattern status=0
	cp "$FACTS" "$BATS_TEST_TMPDIR/facts"
	found=$(check) || status=$?
	echo "$found"
	[[ $status == 1 ]]
	for pattern; do
		grep -qE "^left: $pattern" <<<"$found"
	done
}

# planted PATTERN UNDO PLANT...: what PLANT leaves is found and named. After UNDO, a command line in
# which $pid is what PLANT has put there, if anything, nothing is left.
planted() {
	local pattern=$1 undo=$2 pid=''
	shift 2
	"$@"
	names "$pattern"
	eval "$undo"
	nothing_left
}

nothing_left() {
	cp "$FACTS" "$BATS_TEST_TMPDIR/facts"
	check 2
}

# leave COMMAND...: in the background. It says that it is where it should be by the file "ready".
leave() {
	rm -f "$BATS_TEST_TMPDIR/ready"
	READY=$BATS_TEST_TMPDIR/ready "$@" </dev/null >/dev/null 2>&1 3>&- 4>&- &
	pid=$!
	wait_until test -e "$BATS_TEST_TMPDIR/ready"
	wait_until runs sleep
}

# Some process of this name, which whatever is left ends as.
runs() {
	grep -qsx "$1" /proc/[0-9]*/comm
}

put_away() {
	kill -KILL "$pid"
	wait "$pid" || true
}

# red: leaks.py: find_facts() without add_processes()
# host: it is about the tests, not about a stage
# bats test_tags=host
@test "a process that was left behind is found" {
	planted "process: [0-9]+ sleep: 'sleep 4712'" put_away leave sh -c ': >"$READY"; exec sleep 4712'
}

# red: leaks.py: in ours() the pid 1 counts as one of own
# host: it is about the tests, not about a stage
# bats test_tags=host
@test "a process whose parent is gone is found" {
	orphan() {
		leave sh -c '{ : >"$READY"; exec setsid sleep 4713; } &'
		wait "$pid"
		pid=$(pgrep -fx 'sleep 4713')
	}
	planted "process: [0-9]+ sleep: 'sleep 4713'" 'kill -KILL "$pid"' orphan
}

# red: leaks.py: add_held() without the loop over ns
# host: it is about the tests, not about a stage
# bats test_tags=host
@test "a process in namespaces of its own is found with each of them" {
	local kind
	unshared() {
		leave unshare -rmuinpCT --fork --kill-child sh -c ': >"$READY"; exec sleep 4714'
	}
	planted "process: [0-9]+ sleep: 'sleep 4714'" put_away unshared
	for kind in mnt uts ipc net pid user cgroup time pid_for_children; do
		grep -q "^left: namespace: ${kind%_for_*}:.* (of process [0-9]*, " <<<"$found"
	done
}

# red: leaks.py: add_held() looks at no fd of a namespace
# host: it is about the tests, not about a stage
# bats test_tags=host
@test "a network namespace that only an open file holds is found" {
	netns_open() {
		ip netns add left
		leave sh -c 'exec 7</run/netns/left; ip netns del left; : >"$READY"; exec sleep 4715'
	}
	planted 'namespace: net:.* \(open of process [0-9]+, sleep\)' put_away netns_open
}

# red: leaks.py looks at no nsfs in mountinfo
# host: it is about the tests, not about a stage
# bats test_tags=host
@test "a network namespace that only a mount holds is found" {
	planted 'namespace: net:.*mounted on /run/netns/left' 'ip netns del left' ip netns add left
}

# red: leaks.py looks at no mounts
# host: it is about the tests, not about a stage
# bats test_tags=host
@test "a mount is found, and one in place of another" {
	planted 'mount: .* /mnt .* tmpfs' 'umount /mnt' mount -t tmpfs none /mnt
	planted 'mount: .* /proc/sys .*ro,' 'umount /proc/sys' mount --bind -o ro /proc/sys /proc/sys
}

# red: leaks.py looks at no mnt_id
# host: it is about the tests, not about a stage
# bats test_tags=host
@test "storage that was taken off its place is found by the file that is open in it" {
	detach() {
		mount -t tmpfs none /mnt
		leave sh -c 'exec 7>/mnt/file && umount -l /mnt && : >"$READY" && exec sleep 4717'
	}
	planted 'mount without a place: .*/file.*open of process' put_away detach
}

# red: leaks.py asks ip for nothing (each line of NETWORK in turn)
# host: it is about the tests, not about a stage
# bats test_tags=host
@test "a link, an address, a route, a rule, a neighbour are found" {
	ip link add left type veth peer name right
	ip link set lo alias left
	ip addr add 203.0.113.1/32 dev lo
	ip addr add 2001:db8:9::1/128 dev lo
	ip route add 198.51.100.64/26 dev host0 table 77
	ip -6 route add 2001:db8:9::/64 dev host0 table 77
	ip rule add table 77
	ip -6 rule add table 77
	ip neigh add 192.0.2.9 dev host0 lladdr 02:00:00:00:00:09 nud permanent
	ip neigh add proxy 192.0.2.9 dev host0
	names 'link: left@' 'link: lo: .*alias left' 'address: lo .*203.0.113.1' \
		'address: lo .*2001:db8:9::1' 'route: .*198.51.100.64.* table 77' \
		'route6: .*2001:db8:9::.* table 77' 'rule: .*lookup 77' 'rule6: .*lookup 77' \
		'neighbour: 192.0.2.9 ' 'proxy: 192.0.2.9 '
	ip link del left
	ip link set lo alias ''
	ip addr del 203.0.113.1/32 dev lo
	ip addr del 2001:db8:9::1/128 dev lo
	ip route del 198.51.100.64/26 dev host0 table 77
	ip -6 route del 2001:db8:9::/64 dev host0 table 77
	ip rule del table 77
	ip -6 rule del table 77
	ip neigh del 192.0.2.9 dev host0
	ip neigh del proxy 192.0.2.9 dev host0
	nothing_left
}

# red: leaks.py asks neither tc nor nft
# host: it is about the tests, not about a stage
# bats test_tags=host
@test "traffic control and a firewall's rule are found" {
	tc qdisc add dev host0 clsact
	tc filter add dev host0 egress bpf bytecode '1,6 0 0 0,'
	nft add table inet left
	names 'qdisc: .*clsact.* host0' 'filter: host0 egress .*bpf' 'nft: table inet left'
	tc qdisc del dev host0 clsact
	nft delete table inet left
	nothing_left
}

# red: leaks.py reads no sysctls
# host: it is about the tests, not about a stage
# bats test_tags=host
@test "a setting is found, with what it was" {
	setting() {
		echo "$1" >/proc/sys/net/ipv4/conf/host0/arp_ignore
	}
	planted 'sysctl: /proc/sys/net/ipv4/conf/host0/arp_ignore:3' 'setting 0' setting 3
	grep -qx 'gone: sysctl: /proc/sys/net/ipv4/conf/host0/arp_ignore:0' <<<"$found"
}

# red: leaks.py looks into no control groups
# host: it is about the tests, not about a stage
# bats test_tags=host
@test "a control group is found, whatever its name" {
	local hierarchy
	hierarchy=$(dirname "$(find /sys/fs/cgroup -name cgroup.procs -print -quit)")
	planted "cgroup: $hierarchy/left/below\$" 'rmdir "$hierarchy/left/below" "$hierarchy/left"' \
		mkdir -p "$hierarchy/left/below"
}

# red: leaks.py lists no files (each of the directories in turn)
# host: it is about the tests, not about a stage
# bats test_tags=host
@test "a file in /run, in /tmp, in the scratch folder, and .stage are found" {
	install -D -m 600 /dev/null /run/pyroute/1-2/journal
	mkfifo /run/left
	touch /tmp/left
	install -D /dev/null /tmp/pyroute-4999/1-2/socket
	install -D /dev/null "$CHECKOUT-second/x"
	install -m 640 /dev/null "$CHECKOUT/.stage"
	names 'run: /run/pyroute/1-2/journal 100600 0:0$' 'run: /run/left 10644' 'tmp: /tmp/left ' \
		'tmp: /tmp/pyroute-4999/1-2/socket ' "scratch: $CHECKOUT-second/x " \
		"checkout: $CHECKOUT/.stage 100640 "
	rm -r /run/pyroute/1-2 /run/left /tmp/left /tmp/pyroute-4999 "$CHECKOUT-second" "$CHECKOUT/.stage"
	[[ -s /run/pyroute/lock ]] || rmdir /run/pyroute
	nothing_left
}

# red: leaks.py: PATIENCE = 0.0
# host: it is about the tests, not about a stage
# bats test_tags=host
@test "what goes away in a moment is not left" {
	cp "$FACTS" "$BATS_TEST_TMPDIR/facts"
	leave sh -c ': >"$READY"; exec sleep 0.7'
	"$LEAKS" --own "$WATCHDOG" since "$BATS_TEST_TMPDIR/facts"
}

# red: helpers.bash: leaks_end returns 0
@test "a test that leaves something fails by its teardown, and the next one does not" {
	local status=0 project=$BATS_TEST_TMPDIR/project
	local folder=$project/tests/e2e
	mkdir -p "$folder"
	cp -r "$BATS_TEST_DIRNAME"/../../stages "$project/"
	ln -s "$BATS_TEST_DIRNAME"/{helpers.bash,leaks.py} "$folder/"
	ln -s "$BATS_TEST_DIRNAME"/../{routers,probes} "$project/tests/"
	sed 's/^a test/@test/' >"$folder/some.bats" <<-'END'
		load helpers
		a test "leaves a link" { ip link add left type veth peer name right; }
		a test "leaves nothing" { true; }
		a test "leaves a file open" { exec 7</etc/passwd; }
		a test "fails, and leaves a stage that runs" { stage_start; false; }
		a test "leaves a stage that runs" { stage_start; }
	END
	OUT=$BATS_TEST_TMPDIR/out
	cd "$project" && rm -r "$CHECKOUT" # one of theirs may have the same name
	env -u CHECKOUT bats --tap "$folder/some.bats" >"$OUT" 2>&1 3>&- 4>&- || status=$?
	cat "$OUT"
	ip link del left
	[[ $status == 1 ]]
	[[ $(awk '/^not ok/ { print $3 }' "$OUT" | xargs) == "1 3 4" ]]
	[[ $(awk '/^ok/ { print $2 }' "$OUT" | xargs) == "2 5" ]]
	grep -q '^# left: link: left@' "$OUT"
	grep -q '^# left: open: /etc/passwd$' "$OUT"
	run ! grep -E '^# left: (process|namespace|cgroup|checkout)' "$OUT"
}
