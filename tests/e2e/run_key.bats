#!/usr/bin/env bats
# The key `run` of a client: a command that is started there when the stage is up.

load helpers

# runner_make COMMAND [COMMAND2]: the stage runner, whose client1 and client2 run these.
runner_make() {
	stage_make runner <<-END
		[stage]
		title   = Two clients with something to run
		[net1]
		subnet  = 10.0.1.0/24
		[client1]
		net1    = 10.0.1.1
		run     = "$1"
		[client2]
		net1    = 10.0.1.2
		${2:+run = "$2"}
	END
}

@test "what a client runs is there when the stage is up, and reaches the others at once" {
	runner_make 'ping -c 1 -W 9 client2; echo status $?; echo oops >&2'
	stage_start runner
	log_with client1 '^oops$' >"$OUT"
	cat "$OUT"
	grep '1 received' "$OUT"
	grep -x 'status 0' "$OUT"
	# The other client runs nothing, and has no log.
	run ! connect client2 -- ls /var/log/run.log
}

# red: switchboard.c's settle_pair() does nothing
@test "the first frame passes on every wire between two clients" {
	local i
	{
		printf '[stage]\ntitle = Twenty pairs\n'
		for i in {1..20}; do
			printf '[net%d]\nsubnet = 10.0.%d.0/24\n' "$i" "$i"
			printf '[client%d]\nnet%d = 10.0.%d.1\nrun = "ping -q -c 1 -W 1 10.0.%d.2; echo status $?"\n' \
				$((2 * i - 1)) "$i" "$i" "$i"
			printf '[client%d]\nnet%d = 10.0.%d.2\nrun = "ping -q -c 1 -W 1 10.0.%d.1; echo status $?"\n' \
				$((2 * i)) "$i" "$i" "$i"
		done
	} | stage_make pairs
	# Others that make links all the while hold up what the kernel does about carriers by itself. Before
	# Linux 6.8 there is nothing else that would.
	for i in 1 2 3; do
		printf '6.8\n%s\n' "$(uname -r)" | sort -CV || break
		# shellcheck disable=SC2016 # the shell there expands it
		background_start "$OUT.links$i" timeout $((20 * SLOWNESS)) unshare --net bash -c '
			while :; do
				for i in {1..200}; do
					printf "link add a%d type veth peer name b%d\nlink set a%d up\nlink set b%d up\n" $i $i $i $i
				done | ip -force -batch -
				ip -o link | sed -nE "s/^[0-9]+: (a[0-9]+)@.*/link del \1/p" | ip -force -batch -
			done'
	done
	stage_start pairs
	for i in {1..40}; do log_with "client$i" '^status ' | grep '^status '; done >"$OUT"
	sort "$OUT" | uniq -c
	[[ $(grep -cx 'status 0' "$OUT") == 40 ]]
}

@test "it is an ordinary process of its client: a child of pid 1 in a session of its own" {
	runner_make 'sleep 77; echo never'
	stage_start runner
	wait_until connect client1 -- pgrep -x sleep # the shell has begun
	connect client1 -- ps -e -o ppid=,pid=,sid=,tty=,args= >"$OUT"
	cat "$OUT"
	grep -E '^ +1 +2 +2 \? +sh -c sleep 77; echo never$' "$OUT"
	connect client1 -- kill 2
	# Its end changes nothing: it is reaped, and all goes on.
	wait_until ! connect client1 -- ls /proc/2
	pyroute ps | grep -E '^client1 +running '
	connect client1 -- ping -c 1 -W 9 client2
	stage_stop
}

@test "it may do exactly what the client's first process may, and what connect brings in" {
	local shown='-e ^Cap -e ^NoNewPrivs -e ^Seccomp: -e ^SigBlk -e ^SigIgn'
	runner_make "grep $shown /proc/self/status; echo done"
	# What python3 starts so ignores signals 32 and 33, which the C library keeps for itself.
	as_caller "$PYTHON" -c 'import os
os._exit(os.waitpid(os.posix_spawnp("pyroute", ["pyroute", "start", "runner"], os.environ), 0)[1])'
	log_with client1 '^done$' | grep -vx "done" >"$OUT"
	cat "$OUT"
	connect client1 -- sh -c "grep $shown /proc/self/status" | diff "$OUT" -
	# shellcheck disable=SC2086 # several words
	diff <(grep -v '^Sig' "$OUT") \
		<(grep $shown "/proc/$(client_pid client1)/status" | grep -v '^Sig')
	[[ $(wc -l <"$OUT") == 9 ]]
	grep -P '^Seccomp:\t2$' "$OUT"
	grep -P '^SigIgn:\t0+$' "$OUT"
}

@test "its environment, directory, files and umask are those of connect, TERM and output apart" {
	local told='env | sort | grep -v ^_=; pwd; umask; ulimit -n; ls -l /proc/self/fd'
	runner_make "$told; echo done"
	# Nothing of who starts the stage comes in.
	(umask 077 && SECRET=1 TERM=xterm pyroute start runner)
	log_with client1 '^done$' >"$OUT"
	cat "$OUT"
	run ! grep SECRET "$OUT"
	diff <(sed '/^total/,$d' "$OUT") <(TERM=dumb connect client1 -- sh -c "${told%; ls*}")
	grep -qx '/~' "$OUT"
	grep -E ' 0 -> /dev/null$' "$OUT"
	grep -E ' 1 -> /var/log/run.log$' "$OUT"
	grep -E ' 2 -> /var/log/run.log$' "$OUT"
	# The fourth is ls's own, of the directory.
	[[ $(grep -c ' -> ' "$OUT") == 4 ]]
	grep -E ' 3 -> /proc/[0-9]+/fd$' "$OUT"
}

@test "a command that is not found leaves the shell's message in the log" {
	runner_make 'no-such-command'
	stage_start runner
	log_with client1 'no-such-command: not found'
	pyroute ps | grep -E '^client1 +running '
}

@test "several clients run theirs, again in each start, and with src/ as their home has it" {
	echo 'print("from src")' >src/hello.py
	chmod 644 src/hello.py
	runner_make 'python3 src/hello.py' 'echo on client2'
	for _ in 1 2; do
		stage_start runner
		[[ $(log_with client1 '^from src$') == "from src" ]]
		[[ $(log_with client2 '^on client2$') == "on client2" ]]
	done
}

sleeps_long() {
	grep -qsa '^sleep.7654' /proc/[0-9]*/cmdline
}

@test "a stop ends what runs, and a start that fails runs nothing" {
	runner_make 'echo ran >/~/src/ran; exec sleep 7654'
	stage_start runner
	wait_until sleeps_long
	[[ $(<src/ran) == ran ]]
	stage_stop
	run ! sleeps_long

	# All clients are up when this one fails: it cannot note that the stage runs.
	rm src/ran
	mkdir -p .stage/full
	fails_with 1 pyroute start runner
	sleep 0.3
	[[ ! -e src/ran ]]
}
