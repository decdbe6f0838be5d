#!/usr/bin/env bats
# What a client may do: its namespaces, capabilities, system calls and limits, its pid 1, and that
# connect gives the same. Every test asks from inside a client. Which files it sees: sandbox_files.bats.
# shellcheck disable=SC2154 # complaint is set by fails_with

load helpers

# probe_in CLIENT ARGUMENT...: runs the program calls of tests/probes there.
probe_in() {
	[[ -x src/calls ]] || cp "$PYROUTE_TEST_SCRATCH/bin/calls" src/
	connect "$1" -- '/~/src/calls' "${@:2}"
}

# python_in CLIENT [ARGUMENT...]: runs the script on stdin there.
python_in() {
	connect "$1" -- python3 - "${@:2}"
}

# Whether the clients' user namespace denies setgroups(2).
groups_are_fixed() {
	[[ $(connect client1 -- cat /proc/self/setgroups) == deny ]]
}

# ---- namespaces ----------------------------------------------------------------------------------

# red: client.c, CLIENT_NAMESPACES without CLONE_NEWIPC
# red: client.c, no unshare(CLONE_NEWCGROUP)
@test "a client's namespaces are neither the computer's nor another client's" {
	local kind computer one two
	stage_start
	for kind in net mnt pid uts ipc cgroup user; do
		computer=$(readlink "/proc/self/ns/$kind")
		one=$(connect client1 -- readlink "/proc/self/ns/$kind")
		two=$(connect client2 -- readlink "/proc/self/ns/$kind")
		echo "$kind: $computer $one $two"
		[[ -n $one && $one != "$computer" && $two != "$computer" && $one != "$two" ]]
		[[ $one == "$(readlink "/proc/$(client_pid client1)/ns/$kind")" ]]
	done
}

# red: client.h, CLIENT_ID_FIRST 0U (host mode; in private mode the kernel refuses such a map)
@test "no id of a client is root's of the computer" {
	local map
	stage_start
	for map in uid_map gid_map; do
		cp "/proc/$(client_pid client1)/$map" "$OUT"
		cat "$OUT"
		awk '$1 == 0 { root = 1 } $2 == 0 { bad = 1 } END { exit bad || !root }' "$OUT"
	done
}

# ---- capabilities --------------------------------------------------------------------------------

# Lines of a status file that say what a process may do.
rights() {
	grep -E '^(Cap[A-Z]|NoNewPrivs|Seccomp:)'
}

# red: privilege.c, CAP_SYS_PTRACE added to client_capabilities
# red: privilege.c, privilege_drop_to_client() passes true to set_capabilities(): inheritable, ambient
@test "what connect runs may do exactly what the client's first process may" {
	stage_start
	rights <"/proc/$(client_pid client1)/status" >"$OUT.first"
	connect client1 -- cat /proc/self/status | rights >"$OUT.connected"
	# CHOWN DAC_OVERRIDE FOWNER FSETID KILL SETGID SETUID SETPCAP NET_BIND_SERVICE NET_ADMIN
	# NET_RAW SYS_CHROOT, by number 0 1 3 4 5 6 7 8 10 12 13 18
	diff "$OUT.first" - <<-'END'
		CapInh:	0000000000000000
		CapPrm:	00000000000435fb
		CapEff:	00000000000435fb
		CapBnd:	00000000000435fb
		CapAmb:	0000000000000000
		NoNewPrivs:	1
		Seccomp:	2
	END
	diff "$OUT.first" "$OUT.connected"
}

# ---- system calls --------------------------------------------------------------------------------

# red: filter.c, put_newest() not called; SCMP_CMP_EQ for SCMP_CMP_MASKED_EQ
# red: client.c, client_confine() without filter_load()
@test "every system call is answered as the policy's table says, whatever its arguments" {
	stage_start
	if groups_are_fixed; then set -- fixed; fi
	probe_in client1 "$@" >"$OUT" || { head -n 20 "$OUT" && return 1; }
	cat "$OUT"
	[[ $(<"$OUT") =~ ^601\ calls,\ [0-9]{4,}\ questions,\ 0\ wrong$ ]]
	# The probe does see what is let pass: outside everything is.
	run -1 src/calls
	[[ $output == *" instead of EPERM"* && $output == *" instead of ENOSYS"* ]]
}

# red: filter.c, SCMP_FLTATR_ACT_BADARCH SCMP_ACT_ALLOW
@test "a call in the way of another architecture kills who makes it" {
	stage_start
	run -159 probe_in client1 x32
	# A kernel that has no such gate has SIGSEGV for it.
	run probe_in client1 gate
	[[ $status == 159 || $status == 139 ]]
	if src/calls gate; then [[ $status == 159 ]]; fi
}

# answers_in CLIENT: asks there what is on stdin, lines of a call, its arguments and the answer that
# it is to have; prints what is answered otherwise.
answers_in() {
	cat >src/questions
	[[ $(uname -m) == x86_64 ]] || sed -i -E '/^(chmod|open|creat|mknod|iopl|ioperm) /d' src/questions
	cp -n "$PYROUTE_TEST_SCRATCH/bin/calls" src/
	connect "$1" -- sh -c 'while read -r question; do
		answer=$("/~/src/calls" ${question% *})
		[ "$answer" = "${question%% *}: ${question##* }" ] || echo "$question, but $answer"
		done <"/~/src/questions"; echo asked'
}

# red: filter_policy.h, the row of keyctl is ALLOW; client.c, client_confine() without filter_load()
@test "calls that reach beyond a client are refused, each by its name" {
	stage_start
	printf '%s EPERM\n' bpf userfaultfd keyctl add_key request_key open_by_handle_at io_uring_setup \
		io_uring_enter io_uring_register unshare setns mount umount2 pivot_root fsopen fsmount \
		move_mount open_tree mount_setattr perf_event_open kexec_load init_module \
		finit_module delete_module syslog reboot swapon acct sethostname settimeofday \
		clock_settime mknod mknodat iopl ioperm >"$OUT.refused"
	printf '%s ENOSYS\n' clone3 openat2 467 500 | cat "$OUT.refused" - | answers_in client1 >"$OUT"
	diff "$OUT" <(echo asked)
	# Who is under no policy may make them all.
	while read -r call _; do
		[[ $(src/calls "$call") == "$call: allowed" ]]
	done <"$OUT.refused"
}

# red: filter_policy.h, SET_ID without S_ISGID; {2, TYPE, S_IFCHR} in the row of mknodat
# red: filter_policy.h, TIOCLINUX left out; ADDR_NO_RANDOMIZE for PER_LINUX in the row of personality
# red: filter.c, put_conditions() loads the high half of the argument
@test "a call is refused where its arguments are not a client's, in 32 bits of them" {
	stage_start
	answers_in client1 >"$OUT" <<-'END'
		chmod 0 04755 EPERM
		chmod 0 02755 EPERM
		chmod 0 0x100000fff EPERM
		chmod 0 01755 allowed
		chmod 0 0x1000001ed allowed
		fchmod 0 04755 EPERM
		fchmod 0 02755 EPERM
		fchmodat 0 0 04755 EPERM
		fchmodat 0 0 0755 allowed
		452 0 0 04755 EPERM
		452 0 0 0755 allowed
		open 0 0100 04755 EPERM
		open 0 0100 0755 allowed
		open 0 0 04755 allowed
		openat 0 0 0100 02755 EPERM
		openat 0 0 020200000 04755 EPERM
		openat 0 0 0100 0755 allowed
		creat 0 04755 EPERM
		creat 0 0644 allowed
		mknod 0 0104755 EPERM
		mknod 0 0020600 EPERM
		mknod 0 0060600 EPERM
		mknod 0 0010600 allowed
		mknodat 0 0 0104755 EPERM
		mknodat 0 0 0020600 EPERM
		mknodat 0 0 0060600 EPERM
		mknodat 0 0 0100644 allowed
		mknodat 0 0 0010600 allowed
		mknodat 0 0 0140600 allowed
		ioctl 0 0x5412 EPERM
		ioctl 0 0x541c EPERM
		ioctl 0 0x100005412 EPERM
		ioctl 0 0xffffffff0000541c EPERM
		ioctl 0 0x5413 allowed
		socket 38 EAFNOSUPPORT
		socket 40 EAFNOSUPPORT
		socket 0x100000028 EAFNOSUPPORT
		socketpair 38 EAFNOSUPPORT
		socket 1 allowed
		socket 2 allowed
		socket 10 allowed
		socket 16 allowed
		socket 17 allowed
		clone 0x00020000 EPERM
		clone 0x02000000 EPERM
		clone 0x04000000 EPERM
		clone 0x08000000 EPERM
		clone 0x10000011 EPERM
		clone 0x20000000 EPERM
		clone 0x40000000 EPERM
		clone 0x110000000 EPERM
		clone 0x003d0f00 allowed
		personality 0x0040000 EPERM
		personality 0x0400000 EPERM
		personality 0 allowed
		personality 0xffffffff allowed
	END
	diff "$OUT" <(echo asked)
}

# red: filter_policy.h, AF_ALG for AF_NETLINK in the row of socket
# red: filter_policy.h, CLONE_NEWUSER left out of NEW_NAMESPACE
@test "sockets of other families, device nodes, nested namespaces and control groups are out of reach" {
	stage_start
	python_in client1 >"$OUT" <<-'END'
		import errno, os, socket, stat, ctypes
		libc = ctypes.CDLL(None, use_errno=True)
		def tried(name, call):
		    try:
		        call()
		        print(name, "works")
		    except OSError as error:
		        print(name, errno.errorcode[error.errno])
		def cloned(flags):
		    number = 56 if os.uname().machine == "x86_64" else 220
		    pid = libc.syscall(number, flags | 17, 0, 0, 0, 0)
		    if pid == 0:
		        os._exit(0)
		    if pid < 0:
		        raise OSError(ctypes.get_errno(), "")
		    os.waitpid(pid, 0)
		for family in (38, 40, 30, 31, 29, 44):  # AF_ALG VSOCK TIPC BLUETOOTH CAN XDP
		    tried(f"socket {family}", lambda: socket.socket(family, socket.SOCK_SEQPACKET, 0))
		for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_NETLINK):
		    tried(f"socket {int(family)}", lambda: socket.socket(family, socket.SOCK_DGRAM, 0))
		tried("packet", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
		for kind in ("S_IFCHR", "S_IFBLK", "S_IFIFO"):
		    tried(kind, lambda: os.mknod("/tmp/node", getattr(stat, kind) | 0o600, os.makedev(1, 3)))
		for bit in (0x20000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0):
		    tried(f"clone {bit:#x}", lambda: cloned(bit))
	END
	diff "$OUT" - <<-'END'
		socket 38 EAFNOSUPPORT
		socket 40 EAFNOSUPPORT
		socket 30 EAFNOSUPPORT
		socket 31 EAFNOSUPPORT
		socket 29 EAFNOSUPPORT
		socket 44 EAFNOSUPPORT
		socket 1 works
		socket 2 works
		socket 16 works
		packet works
		S_IFCHR EPERM
		S_IFBLK EPERM
		S_IFIFO works
		clone 0x20000 EPERM
		clone 0x2000000 EPERM
		clone 0x4000000 EPERM
		clone 0x8000000 EPERM
		clone 0x10000000 EPERM
		clone 0x20000000 EPERM
		clone 0x40000000 EPERM
		clone 0x0 works
	END
	[[ -z $(connect client1 -- find /sys/fs/cgroup -mindepth 1) ]]
	[[ -z $(connect client1 -- sh -c 'find / -xdev -name release_agent; find /sys -name "cgroup.*"') ]]
	run ! connect client1 -- grep -E ' cgroup2? ' /proc/mounts
}

# ---- limits --------------------------------------------------------------------------------------

# fork_all CLIENT: as many processes as there can be; prints how many there are in the client then.
fork_all() {
	python_in "$1" <<-'END'
		import os, signal
		pids = []
		try:
		    while len(pids) < 2000:
		        pid = os.fork()
		        if pid == 0:
		            signal.pause()
		        pids.append(pid)
		except BlockingIOError:
		    pass
		print(sum(name.isdigit() for name in os.listdir("/proc")), flush=True)
		for pid in pids:
		    os.kill(pid, signal.SIGKILL)
		    os.waitpid(pid, 0)
	END
}

# red: start.c, .pids = CLIENT_PIDS + 1 in its cgroup_limits (host mode)
# red: client.c, client_confine() without RLIMIT_NPROC (private mode)
@test "each client has 256 processes, pid 1 among them" {
	local count
	stage_start
	count=$(fork_all client1)
	echo "$count"
	[[ $count == 256 ]]
	connect client1 -- true
	connect client2 -- true
}

# holds CLIENT MIB: whether a process there can have so much memory, and use it.
holds() {
	connect "$1" -- python3 -c 'import sys; held = bytearray(int(sys.argv[1]) << 20)' "$2"
}

# red: start.c, .memory = 2 * CLIENT_MEMORY (host mode)
# red: client.c, client_confine() without RLIMIT_DATA (private mode)
@test "each client has 256 MiB of memory, or each process of it where there are no control groups" {
	stage_start
	background "$OUT" connect client2 -- python3 -c 'import signal
held = bytearray(200 << 20)
print("ready", flush=True)
signal.pause()'
	holds client1 200
	if [[ $MODE == host ]]; then
		run -137 holds client1 300
	else
		run -1 holds client1 300
		[[ $output == *MemoryError* ]]
	fi
	connect client1 -- true
	pyroute ps | grep -E '^client1 +running '
}

# The soft and hard limits, of core files and of open files, in the text on stdin.
limits_in() {
	awk '/^Max (open files|core file size)/ { print $(NF - 2), $(NF - 1) }'
}

# red: client.h, CLIENT_OPEN_FILES 2048; CLIENT_OPEN_FILES_MAX 10000
# red: client.c, no limit for RLIMIT_CORE
@test "a client has 1024 open files, up to 65536 or what was inherited, and leaves no core" {
	local inherited wanted
	for inherited in 70000 "$(ulimit -Hn)" 3000 700; do
		# Without CAP_SYS_RESOURCE root too can only lower it.
		(ulimit -n "$inherited") 2>/dev/null || continue
		wanted="1024 $((inherited < 65536 ? inherited : 65536))"
		((inherited > 1024)) || wanted="$inherited $inherited"
		(
			ulimit -n "$inherited"
			ulimit -c unlimited
			stage_start
			connect client1 -- cat /proc/self/limits >"$OUT"
		)
		[[ $(limits_in <"$OUT") == $'0 0\n'"$wanted" ]]
		[[ $(limits_in <"/proc/$(client_pid client1)/limits") == $'0 0\n'"$wanted" ]]
		stage_stop
	done
}

# ---- pid 1 ---------------------------------------------------------------------------------------

# red: process.c, process_be_init() without init_reap()
@test "pid 1 reaps what is left to it" {
	stage_start
	connect client1 -- sh -c 'for i in 1 2 3 4 5 6 7 8; do (sleep 0.01 & exec true); done'
	wait_until ! connect client1 -- sh -c 'pgrep -x sleep || grep -l "^State:.Z" /proc/[0-9]*/status'
}

# red: process.c, process_be_init() waits for SIGHUP in the place of SIGTERM; forwards any signal
@test "pid 1 forwards TERM to all, and no other signal" {
	local status=0 signal
	stage_start
	background "$OUT" connect client1 -- sh -c 'echo ready; exec sleep 100'
	for signal in HUP INT QUIT USR1 ALRM WINCH CHLD; do
		connect client1 -- kill "-$signal" 1
	done
	# It has taken those before: of one process signals come one after the other.
	connect client1 -- sh -c 'pgrep -x sleep'
	connect client1 -- sh -c 'trap "" TERM; kill -TERM 1; sleep 0'
	wait "${BACKGROUND[-1]}" || status=$?
	[[ $status == 143 ]]
	pyroute ps | grep -E '^client1 +running '
}

# red: image.c, is_sealed() says yes of any file
# red: client.c, open_null_child() not called
@test "pid 1 is no program file of the computer's but a sealed copy, and has no file but /dev/null" {
	local pid
	stage_start
	pid=$(client_pid client1)
	[[ $(readlink "/proc/$pid/exe") == /memfd:* ]]
	run ! connect client1 -- sh -c 'echo x >>/proc/1/exe'
	run ! sh -c "echo x >>/proc/$pid/exe"
	[[ $(readlink "/proc/$pid"/fd/* | sort | uniq -c | xargs) == "3 /dev/null" ]]
	[[ $(readlink "/proc/$pid/cwd") == / ]]
}

# ---- connect -------------------------------------------------------------------------------------

# red: inhabitant.c, clearenv() left out
@test "what connect runs has PATH, HOME and TERM for its environment, and nothing of the caller's" {
	stage_start
	SECRET=1 TERM=vt100 LANG=de LD_PRELOAD='' PATH=$PATH:/nowhere connect client1 -- env | sort >"$OUT"
	diff "$OUT" - <<-'END'
		HOME=/~
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
		TERM=vt100
	END
}

# traced_connect EXPRESSION...: a connect under strace with a terminal; what it did is in
# $CHECKOUT/trace, where a call has no end ("<unfinished ...>") that another process comes between.
traced_connect() {
	local options=() expression
	for expression; do options+=(-e "$expression"); done
	printf '%q ' "${CALLER[@]}" timeout --foreground $((30 * SLOWNESS)) strace -f -o "$CHECKOUT/trace" "${options[@]}" \
		"$PYROUTE_TEST_SCRATCH/bin/pyroute" connect client1 -- true >"$OUT.command"
	SHELL=/bin/bash script -qec "$(<"$OUT.command")" /dev/null </dev/null >"$OUT"
}

# steps PID: what process PID did, of the trace, from one of its first steps on.
steps() {
	sed -nE -e "s/^$1 +//" -e 's/^(clone)\(.*CLONE_VM.*/\1/p' -e 's/^clone3\(.*/clone/p' \
		-e 's/^(setns)\([0-9]+, CLONE_(NEW[A-Z]+).*/\1:\2/p' \
		-e 's/^(setsid|getcwd|capset|seccomp)\(.*/\1/p' \
		-e 's/^(ioctl)\(.*(TIOCSCTTY|TIOCGPTPEER).*/\2/p' -e 's/^(chdir)\(.*/\1/p' \
		-e 's/^prctl\((PR_SET_NO_NEW_PRIVS|PR_SET_PDEATHSIG|PR_SET_DUMPABLE).*/\1/p' -e 's/^(close_range)\(.*/\1/p' \
		-e 's/^(execve|execveat)\(.*/\1/p' "$CHECKOUT/trace" | uniq | sed -n '/^PR_SET_PDEATHSIG\|^setns\|^close_range/,$p'
}

# red: enter.c, a chdir() before the session is made
# red: include/ns.h, NS_USER behind NS_PID
# red: steward.c, steward_prepare() without setsid(); steward_become() without close_range()
@test "connect takes its steps in their order, the user namespace first and the filter last" {
	local steward between inner
	stage_start
	traced_connect \
		'trace=setns,clone,clone3,close_range,setsid,ioctl,chdir,getcwd,capset,prctl,seccomp,execve,execveat'
	cat "$OUT" "$CHECKOUT/trace"
	between=$(sed -nE 's/^([0-9]+) +setns.*/\1/p' "$CHECKOUT/trace" | head -n 1)
	inner=$(sed -nE 's/^([0-9]+) +seccomp\(SECCOMP_SET_MODE_FILTER.*/\1/p' "$CHECKOUT/trace" | tail -n 1)
	steward=$(sed -nE 's/^([0-9]+) +setsid.*/\1/p' "$CHECKOUT/trace" | head -n 1)
	[[ $(steps "$steward" | xargs) == "PR_SET_PDEATHSIG setsid clone close_range execveat" ]]
	[[ $(steps "$between" | xargs) == "setns:NEWUSER setns:NEWPID setns:NEWIPC setns:NEWUTS \
setns:NEWNET setns:NEWNS clone" ]]
	[[ $(steps "$inner" | grep -v TIOCGPTPEER | xargs) == "setns:NEWCGROUP PR_SET_PDEATHSIG PR_SET_DUMPABLE \
setsid TIOCSCTTY chdir getcwd close_range capset PR_SET_NO_NEW_PRIVS seccomp capset execveat execve" ]]
}

# red: inhabitant.c, go_home_child() without getcwd(3)
@test "connect goes on in no directory outside the client" {
	stage_start
	# Of such a one getcwd(2) says "(unreachable)/...", and so getcwd(3) that there is none.
	fails_with 125 "${CALLER[@]}" timeout --foreground $((30 * SLOWNESS)) strace -D -f -qq -o /dev/null \
		-e trace=getcwd -e inject=getcwd:error=ENOENT pyroute connect --dir "$CHECKOUT" client1 -- true
	[[ $complaint == *"the working directory is not in the client"* ]]
}

# red: enter.c, the process in the client made dumpable: prctl(PR_SET_DUMPABLE, 1) before client_confine()
@test "on its way in connect can be looked into by nobody who is in the client already" {
	local pid
	stage_start
	background_start "$OUT.connect" "${CALLER[@]}" strace -f -o /dev/null -e trace=seccomp \
		-e inject=seccomp:signal=STOP pyroute connect client1 -- sleep 100
	wait_until in_client
	pid=$(in_client)
	for file in exe cwd root fd/0 ns/mnt; do
		run ! connect client1 -- readlink "/proc/$pid/$file"
	done
	for file in environ maps mem; do
		run ! connect client1 -- head -c 1 "/proc/$pid/$file"
	done
	# The same of an inhabitant works.
	background "$OUT" connect client1 -- sh -c 'echo ready; exec sleep 100'
	pid=$(connect client1 -- pgrep -x sleep)
	connect client1 -- readlink "/proc/$pid/cwd"
	connect client1 -- head -c 1 "/proc/$pid/environ"
	kill -KILL "${BACKGROUND[0]}" # the tracer, and with it what it stopped
}

# The launcher, stopped where it tries the first path.
# red: image.c, image_make() with the mode 0555; in private mode enter.c without
# privilege_lay_override_aside()
@test "what becomes the command in a client is a file of its own, into which nobody there can look" {
	local inside outside='' status
	stage_start
	background_start "$OUT.connect" "${CALLER[@]}" strace -f -o /dev/null -e trace=execve \
		-e inject=execve:error=ENOENT:signal=STOP pyroute connect client1 -- sleep 100
	wait_until in_client
	inside=$(in_client)
	while read -r status; do
		[[ ! ${status%status}ns/pid -ef /proc/$(client_pid client1)/ns/pid ]] || outside=${status%/status}
	done < <(grep -lE '^State:.[Tt]' /proc/[0-9]*/status)
	[[ $(readlink "$outside/exe") == '/memfd:pyroute-launcher (deleted)' ]]
	run ! connect client1 -- readlink "/proc/$inside/exe"
	run ! connect client1 -- head -c 1 "/proc/$inside/maps"
	run ! connect client1 -- sh -c "echo x >>/proc/$inside/exe"
	kill -KILL "${BACKGROUND[0]}" # the tracer, and with it what it stopped
}

# The pid in client1 of a process that is stopped there.
in_client() {
	connect client1 -- sh -c 'grep -lE "^State:.[Tt]" /proc/[0-9]*/status' | grep -o '[0-9]*' | grep .
}
