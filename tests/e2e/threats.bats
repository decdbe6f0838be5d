#!/usr/bin/env bats
# What student code in a client may try, and what stands in its way. Each of these tests attacks.
# "# red:" tells the smallest change in the code that lets the attack through, or the test see it.
# shellcheck disable=SC2153,SC2154 # CALLER is of helpers.bash, complaint is set by fails_with

load helpers

# ---- on the way into a client --------------------------------------------------------------------

# CVE-2016-9962.
# red: in private mode enter.c without either prctl(PR_SET_DUMPABLE, 0); in host mode the change of ids in
# privilege_become_root() does the same: enter.c with prctl(PR_SET_DUMPABLE, 1) before client_confine()
@test "of a thousand that enter a client, a watcher there sees nothing of the computer, and traces none" {
	local canary=$BATS_TEST_TMPDIR/pyroute-canary
	echo canary >"$canary"
	stage_start
	background "$OUT" connect client1 -- python3 '/~/src/spy.py' sleep
	# What each brings along: a folder to be in, two files, and variables.
	PYROUTE_ENV=$CHECKOUT CANARY=pyroute-canary as_caller sh -c 'cd src && seq 1000 |
		xargs -P 3 -I{} pyroute connect client1 -- true
		exec pyroute connect client1 -- sleep 2' </dev/null 9<"$canary" 8<src 2>&1 | cat
	wait_until grep '^met: ' "$OUT"
	cat "$OUT"
	# It looks, and sees them all the moment they are the client's own.
	[[ $(sed -n 's/^met: //p' "$OUT") -gt 300 ]]
	grep -x "traced exe: /usr/bin/true" "$OUT"
	grep -x "environ: HOME=/~" "$OUT"
	run ! grep -E "pyroute|canary|memfd|socket|deleted" "$OUT"
	[[ $(grep -E '^(cwd|root):' "$OUT" | xargs) == "cwd: /~ root: /" ]]
}

# CVE-2024-21626.
# red: enter.c without file_close_others()
@test "what connect runs has the files 0, 1 and 2 alone" {
	stage_start
	# The fourth is ls's own, of the directory.
	connect client1 -- sh -c 'ls /proc/self/fd' 9</etc/hostname 8</ >"$OUT"
	[[ $(tr '\n' ' ' <"$OUT") == "0 1 2 3 " ]]
}

# red: enter.c without refuse_folders(); refuse_folders() looks at the file 0 alone, or not at 2
@test "no folder of the computer's is brought into a client" {
	local fd=0 name
	stage_start
	for name in input output error; do
		run -125 eval "connect client1 -- ls /proc/self/fd/$fd/.. $fd</"
		# Standard error, where it is a folder itself, takes no complaint.
		[[ $fd == 2 || ($output == "pyroute: standard $name is a folder, "* && ${#lines[@]} == 1) ]]
		fd=$((fd + 1))
	done
}

# red: inhabitant.c without chdir()
@test "connect works from a directory that is gone, and starts in the client's home" {
	stage_start
	export PYROUTE_ENV=$CHECKOUT
	mkdir "$BATS_TEST_TMPDIR/gone"
	cd "$BATS_TEST_TMPDIR/gone"
	rmdir "$BATS_TEST_TMPDIR/gone"
	[[ $(connect client1 -- pwd) == '/~' ]]
	[[ $(connect client1 -- readlink /proc/self/cwd) == '/~' ]]
	[[ $(connect client1 -- sh -c 'cd ../../../../..; ls -d ~') == '/~' ]]
}

# CVE-2019-5736. The program lies where a client's root may write, if only it reaches it: once run
# there it would be in the hands of what the client has put in the place of the loader.
# red: launcher.c, launcher_become_child() with execvp(3) in the place of fexecve(3)
@test "a client that has what enters it run again, by #!/proc/self/exe, does not get hold of pyroute" {
	local sum interpreter
	mkdir -m 755 program
	install -m 777 "$PYROUTE_TEST_SCRATCH/bin/pyroute" program/
	sum=$(sha256sum <program/pyroute)
	PATH=$PWD/program:$PATH
	interpreter=$(readelf -l program/pyroute | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
	cc -nostdlib -Wl,-e,begin -static-pie -fPIE -O2 -fno-stack-protector -DINTERPRETER="\"$interpreter\"" \
		-o src/overwrite "$BATS_TEST_DIRNAME/../probes/overwrite.c"
	chmod 755 src/overwrite
	stage_start
	# In one program: from here on no other starts.
	connect client1 -- python3 -c '
import os, shutil, sys
with open("/usr/local/bin/evil", "w") as script:
    script.write("#!/proc/self/exe\n")
os.chmod("/usr/local/bin/evil", 0o755)
os.symlink(os.readlink(sys.argv[1]), "/interpreter")
os.unlink(sys.argv[1])
shutil.copy("/~/src/overwrite", sys.argv[1])' "$interpreter"
	# The launcher, which has no loader, and does nothing for others.
	run -125 connect client1 -- evil
	[[ $output == '' && $(sha256sum <program/pyroute) == "$sum" ]]
	run ! connect client2 -- sh -c 'echo x >>/proc/1/exe'
	connect client2 -- true
	[[ $(readlink "/proc/$(client_pid client1)/exe") == /memfd:* ]]
}

# ---- the terminal --------------------------------------------------------------------------------

# A shell on a terminal of its own, in which each line of standard input is typed at its prompt.
in_a_terminal() {
	as_caller expect -c '
		set timeout 30
		set lines [split [string trimright [read stdin] "\n"] "\n"]
		spawn -noecho env "PS1=there> " bash --norc --noprofile --noediting
		foreach line [concat $lines {{exit 7}}] {
			expect -re {there> $} {} timeout { exit 9 } eof { exit 8 }
			send "$line\r"
		}
		expect eof {} timeout { exit 9 }
		exit [expr {[lindex [wait] 3] != 7}]'
}

# By connect with a terminal, and where one of its ends is none, so that the caller's own is brought
# along.
# red: filter.c without the test of TIOCSTI, and (another answer) without that of TIOCLINUX
@test "nothing in a client types into the caller's terminal" {
	local words="python3 /~/src/type.py 'touch $CHECKOUT/canary'"
	stage_start
	in_a_terminal >"$OUT" <<-END
		pyroute connect client1 -- $words
		pyroute connect client1 -- $words | cat
		pyroute connect client1 -- $words </dev/null
		pyroute connect client1 -- setsid -w $words | cat
		: the end
	END
	cat "$OUT"
	# On the client's own terminal and as /dev/tty, and on those of the caller's that came along.
	[[ $(tr -d '\r' <"$OUT" | grep -E '^tried on' | sort | xargs) == \
		"tried on 2: EPERM tried on 2: EPERM tried on 2: EPERM tried on 4: EPERM" ]]
	[[ ! -e canary ]]
}

# ---- src/ ----------------------------------------------------------------------------------------

# stays_theirs USER COMMAND...: no file that a client makes in src/, started by COMMAND for USER, gives
# anybody else USER's rights, or is another's.
stays_theirs() {
	local user=$1
	shift
	"$@" start stage1
	"$@" connect client1 -- python3 '/~/src/setid.py' '/~/src' >"$OUT"
	# One that was there, and that it fills with something else.
	install -o "$user" -g "$user" -m 6755 /bin/sh src/by_nobody
	"$@" connect client1 -- sh -c 'echo more >>/~/src/by_nobody'
	"$@" stop
	cat "$OUT"
	ls -l src
	[[ $(<"$OUT") -gt 10 && -e src/by_chmod ]]
	[[ -z $(find src ! -type l -perm /6000 -o ! -user "$user" -o ! -group "$user") ]]
	[[ -z $(getfattr -R -m - src 2>/dev/null) ]]
	# In the hand of somebody else.
	chmod -R a+rX "$CHECKOUT"
	[[ $(as_plain src/by_chmod -p -c 'cat /proc/self/status' | awk '/^Uid/ { print $3 }') == 4712 ]]
	rm -r src/by_*
}

# red: filter_calls.h allows chmod and open with any mode
@test "a client puts no set-uid program, no file of another's and no capability into src/" {
	checkout_give
	stays_theirs "$STUDENT" student_pyroute
	[[ $MODE == private ]] || { chown -R root: "$CHECKOUT" && stays_theirs root pyroute; }
}

# ---- a root filesystem that lies in wait ---------------------------------------------------------

# Makes a root filesystem of a few programs in the folder that is named.
small_rootfs() {
	# shellcheck disable=SC2088 # a folder of that name
	mkdir -p "$1"/{dev,proc,sys,etc,var/log,tmp,root,'~/src',usr/local/bin}
	(cd /var/lib/pyroute/rootfs && tar -c bin lib lib64 sbin usr/lib64 etc/passwd etc/group \
		usr/bin/{dash,sh,cat,stat} usr/lib/*-linux-gnu/{ld-linux-*,libc.so.6,libselinux.so.1,libpcre2-8.so.0*}) |
		tar -x -C "$1"
	mkdir "$1"/dev/{pts,shm,mqueue}
	touch "$1"/etc/{hosts,hostname,resolv.conf} "$1/dev/null"
}

# Runs a command where the computer's root filesystem for clients is $TREE.
on_rootfs() {
	unshare --mount bash -c 'mount --bind "$0" /var/lib/pyroute/rootfs && exec "$@"' "$TREE" \
		"${CALLER[@]}" timeout --foreground 30 "$@"
}

# All that is in a tree, and when it was last changed.
tree_state() {
	find "$1" -printf '%P %y %m %s %l %C@\n' | sort
}

# What a client is to have, whatever the root filesystem holds. It writes too.
readonly WHOLE='
	is() { [ "$(stat -f -c %T "$1")" = "$2" ] || echo "$1 is of $(stat -f -c %T "$1"), not $2"; }
	is /dev tmpfs; is /proc proc; is /sys sysfs; is /dev/pts devpts; is /dev/shm tmpfs
	is /dev/mqueue mqueue
	for i in /dev /proc /sys /etc /etc/hosts /etc/hostname /etc/resolv.conf /~ /~/src /dev/null \
		/dev/pts /dev/shm /dev/mqueue; do
		[ ! -L "$i" ] || echo "$i is a link"
	done
	[ -c /dev/null ] && echo x >/dev/null || echo "no /dev/null"
	read -r name </etc/hostname; [ "$name" = client1 ] || echo "called $name"
	case $(cat /etc/hosts) in *client2*) ;; *) echo "no hosts" ;; esac
	case $(cat /etc/resolv.conf) in "# "*) ;; *) echo "no resolv.conf" ;; esac
	[ -f /~/src/plain.py ] || echo "no src"
	case $(cat /proc/self/mountinfo) in */canary*) echo "the canary is mounted" ;; esac
	for i in /etc/hosts /etc/hostname /etc/resolv.conf /dev/shm/x /var/log/x /~/x; do
		echo written >"$i" || echo "cannot write $i"
	done'

# contains PLACE TARGET: a root filesystem whose PLACE is a link to TARGET makes a stage that is whole,
# and neither is touched.
contains() {
	local place=$TREE$1 status=0
	mv "$place" "$TREE.kept"
	ln -s "$2" "$place"
	tree_state "$TREE" >"$OUT.tree"
	on_rootfs pyroute start stage1 >"$OUT" 2>&1 || status=$?
	[[ $status == 0 ]] || { echo "$1 -> $2: $(<"$OUT")" && return 1; }
	connect client1 -- sh -c "$WHOLE" >"$OUT" 2>&1 || true
	[[ ! -s $OUT ]] || { echo "$1 -> $2: $(<"$OUT")" && return 1; }
	stage_stop >"$OUT"
	tree_state "$TREE" | diff "$OUT.tree" -
	tree_state "$CANARY" | diff "$OUT.canary" -
	rm "$place"
	mv "$TREE.kept" "$place"
}

# CVE-2021-30465, CVE-2025-31133, CVE-2025-52565, CVE-2025-52881.
# red: overlay.c: fill_upper() does not make "dev" (the start fails, at the link), or "var" and "var/log"
@test "a link in the place of whatever is mounted or generated leads nobody out of the client" {
	local place
	TREE=$BATS_TEST_TMPDIR/rootfs
	CANARY=$BATS_TEST_TMPDIR/canary
	small_rootfs "$TREE"
	mkdir -p "$CANARY/folder/src" "$CANARY/folder/log"
	echo kept | tee "$CANARY/file" "$CANARY/folder/hosts" >"$CANARY/folder/null"
	chmod -R a+rwX "$CANARY" # for whoever is led there
	chmod a+rx "$BATS_RUN_TMPDIR" "$BATS_TEST_TMPDIR"
	tree_state "$CANARY" >"$OUT.canary"
	for place in /dev /proc /sys /etc /etc/resolv.conf /etc/hosts /etc/hostname '/~' '/~/src' \
		/dev/null /dev/pts /dev/shm /dev/mqueue /var /var/log /tmp; do
		contains "$place" "$CANARY/folder"
		if [[ $MODE == host ]]; then
			contains "$place" "../../../../../../../..$CANARY/file"
			contains "$place" "$CANARY/new"
		else
			# A tree of the user's own has no layer between (runtime/skeleton.c).
			chown -R --no-dereference "$STUDENT:" "$TREE"
			contains "$place" "../../../../../../../..$CANARY/file"
			chown -R --no-dereference root: "$TREE"
		fi
	done
}

# ---- mounts --------------------------------------------------------------------------------------

# In a mount namespace whose mounts are shared, as on most systems: starts and stops a stage, and
# fails where a mount of its shows, or one that is made later comes into a client.
under_shared_mounts() {
	export -f as_caller as_student pyroute
	export MODE STUDENT
	# shellcheck disable=SC2016 # the inner shell expands it
	unshare --mount --propagation unchanged bash -c '
		set -eu
		mount --make-rshared /
		cat /proc/self/mountinfo >"$1"
		pyroute start stage1
		[[ $MODE == host || ! -e /sys/class/net/net1 ]]
		cat /proc/self/mountinfo >"$1.during"
		pyroute connect client1 -- grep -q " / / .* overlay " /proc/self/mountinfo
		pyroute run -- test -e /sys/class/net/net1
		mkdir src/late
		mount -t tmpfs late src/late
		touch src/late/file
		pyroute connect client1 -- sh -c "cd /~/src/late && ! test -e file"
		! pyroute connect client1 -- grep -w late /proc/self/mountinfo
		! pyroute connect client1 -- grep -E "shared:|master:" /proc/self/mountinfo
		umount src/late
		pyroute stop
		cat /proc/self/mountinfo >"$1.after"
		diff "$1" "$1.during"
		diff "$1" "$1.after"
		grep -qE "^([^ ]+ ){4}/ .* shared:" "$1"' bash "$BATS_TEST_TMPDIR/mountinfo"
}

# red: mount.c without .propagation = MS_PRIVATE
@test "under a shared root mount no mount of a stage reaches the host, and none of its a client" {
	under_shared_mounts
}

# ---- another user, another stage -----------------------------------------------------------------

# What nobody but their user can do to the processes PID..., by what the kernel has for it.
out_of_reach() {
	local pid
	for pid; do
		[[ -d /proc/$pid ]]
		run ! as_plain nsenter --target="$pid" --user --net true
		run ! as_plain nsenter --target="$pid" --mount true
		run ! as_plain ls "/proc/$pid/root/" "/proc/$pid/fd" "/proc/$pid/cwd/"
		run ! as_plain cat "/proc/$pid/environ" "/proc/$pid/maps"
		run ! as_plain kill "$pid"
		run ! as_plain kill -STOP "$pid"
		run ! as_plain strace -p "$pid" -o /dev/null
		run ! as_plain "$PYTHON" -c 'import os, sys; os.setns(os.pidfd_open(int(sys.argv[1])), 0x10000000)' "$pid"
	done
}

# red: rundir.c makes directories and channel.c a socket for everybody
@test "another user neither sees nor enters nor stops nor looks into a stage" {
	local place command
	checkout_give
	chmod -R a+rX "$CHECKOUT"
	student_pyroute start stage1
	background "$OUT.inside" as_student pyroute connect client1 -- sh -c 'echo ready; sleep 100'
	for command in "connect client1 -- true" "run -- true"; do
		# shellcheck disable=SC2086 # several words
		fails_with 125 as_plain pyroute $command
	done
	fails_with 1 as_plain pyroute stop
	fails_with 1 as_plain pyroute stop stage1
	fails_with 1 as_plain pyroute start stage1
	fails_with 1 as_plain pyroute ps
	as_plain pyroute ps --all >"$OUT"
	[[ $(as_plain pyroute ps --all --json | tr -d ' \n') == '{"stages":[]}' ]]
	run ! grep -E 'stage1|/' "$OUT"
	# By hand, too.
	place=$(echo "$(run_dir)"/*/socket)
	[[ -S $place ]]
	run -1 as_plain "$PYTHON" -c 'import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(sys.argv[1])' "$place"
	[[ $output == *PermissionError* ]]
	run ! as_plain rm -rf "$place"
	run ! as_plain touch "$(run_dir)/x"
	out_of_reach "$(keeper_pid)" "$(client_pid client1)" "$(client_pid client2)" \
		"$(pgrep -f '^sh -c echo ready; sleep 100')"
	as_student pyroute connect client1 -- true
	# The user may, which tells that it is not the commands that fail.
	as_student pyroute ps --all | grep stage1
	as_student "$PYTHON" -c 'import socket, sys
socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET).connect(sys.argv[1])' "$place"
}

# What a client may listen on that needs no address of its own: the words are client and name.
listener='import socket, time
s = socket.socket(socket.AF_UNIX)
s.bind("\0pyroute-threat")
s.listen()
print("ready", flush=True)
time.sleep(100)'
caller='import socket
socket.socket(socket.AF_UNIX).connect("\0pyroute-threat")'

# Another user's stage, of the same name and numbers, which is private.
plain_stage() {
	SECOND=$CHECKOUT-second
	cp -r "$CHECKOUT" "$SECOND"
	rm -f "$SECOND/.stage"
	chown -R "$PLAIN:" "$SECOND"
	as_plain pyroute start --dir "$SECOND" stage1
}

# red: client.c without CLONE_NEWNET, or without CLONE_NEWPID
@test "a client reaches no process and no socket of another client, another stage or the computer" {
	local victim pid there=() who
	checkout_give
	student_pyroute start stage1
	plain_stage
	background "$OUT.a" as_student pyroute connect client1 -- python3 -c "$listener"
	background "$OUT.b" "$PYTHON" -c "$listener"
	as_student pyroute connect client1 -- python3 -c "$caller"
	"$PYTHON" -c "$caller"
	victim=$(client_pid client1)
	for who in "as_student pyroute connect client2" "as_plain pyroute connect --dir $SECOND client1"; do
		# shellcheck disable=SC2206 # several words
		there=($who --)
		run ! "${there[@]}" python3 -c "$caller"
		run ! "${there[@]}" grep -a pyroute-threat /proc/net/unix
		# Processes have no number there, whatever the number is; and theirs are not among its own.
		for pid in "$victim" "$(keeper_pid)" "${BACKGROUND[@]}"; do
			run ! "${there[@]}" test -e "/proc/$pid/status"
			run ! "${there[@]}" sh -c "kill -0 $pid"
			run ! "${there[@]}" python3 -c 'import os, sys; os.pidfd_open(int(sys.argv[1]))' "$pid"
		done
		"${there[@]}" sh -c 'cat /proc/[0-9]*/cmdline' >"$OUT" 2>&1 || true
		grep -a /proc/ "$OUT"
		run ! grep -a pyroute-threat "$OUT"
		"${there[@]}" sh -c 'kill -KILL -1' || true
		run ! "${there[@]}" ls /run/pyroute "/tmp/pyroute-4711"
	done
	# What one leaves in memory is not in another's.
	as_student pyroute connect client1 -- touch /dev/shm/x /tmp/x /dev/mqueue/x
	as_student pyroute connect client2 -- ls /dev/shm /dev/mqueue /tmp >"$OUT"
	run ! grep -x x "$OUT"
	# Nothing of it has ended.
	kill -0 "${BACKGROUND[@]}"
	as_student pyroute connect client1 -- python3 -c "$caller"
	as_plain pyroute stop --dir "$SECOND"
	rm -rf --one-file-system "$SECOND"
}

# A wire of two clients, whose ends are in each other's namespaces, and legs of the computer.
# red: client.c without CLONE_NEWUSER, and keeper_main.c without the maps that there are none of then
@test "through its wires a client reaches neither another client's links nor the computer's" {
	local link
	stage_make wired <<-'END'
		[stage]
		title    = A wire and a leg
		[net1]
		subnet   = 10.0.1.0/24
		computer = 10.0.1.1
		[net2]
		subnet   = 10.0.2.0/24
		[net3]
		subnet   = 10.0.3.0/24
		[client1]
		net1     = 10.0.1.2
		net2     = 10.0.2.1
		net3     = 10.0.3.1
		[client2]
		net2     = 10.0.2.2
		net3     = 10.0.3.2
		[client3]
		net3     = 10.0.3.3
	END
	stage_start wired
	# The computer's leg, a client's end, and a port of the keeper's.
	for link in eth0 eth1 eth2; do
		connect client1 -- python3 '/~/src/peer.py' "$link" | tee "$OUT"
		[[ $(grep -cE ': (EACCES|EPERM)$' "$OUT") == 6 && $(wc -l <"$OUT") == 6 ]]
	done
	[[ $(connect client2 -- cat /sys/class/net/eth0/mtu) == 1500 ]]
	# Root of the computer is root of them all: that which changes nothing is tried.
	[[ $MODE == private ]] || {
		on_computer "$PYTHON" "$CHECKOUT/src/peer.py" net1 3 | tee "$OUT"
		[[ $(grep -c ': done$' "$OUT") == 3 ]]
	}
}
