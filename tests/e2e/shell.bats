#!/usr/bin/env bats
# pyroute run without a command: the user's own shell where the legs are, on a terminal.

load helpers

# on_terminal AS COMMAND: types the lines of standard input at the prompts of a shell that COMMAND
# opens on a terminal, and then "exit 7", with which COMMAND must end. AS runs it as a user.
on_terminal() {
	"$1" env COMMAND="$2" expect -c '
		set timeout 30
		set lines [split [string trimright [read stdin] "\n"] "\n"]
		spawn -noecho sh -c "exec $env(COMMAND)"
		foreach line [concat $lines {{exit 7}}] {
			expect -re {there> $} {} timeout { exit 9 } eof { exit 8 }
			send "$line\r"
		}
		expect eof {} timeout { exit 9 }
		exit [expr {[lindex [wait] 3] != 7}]'
}

# What the shell is to tell of itself, in the file "told" of the checkout. (Its child of a moment ago may
# still ignore SIGTERM, as it does.)
readonly QUESTIONS='exec 3>told
echo "shell $0 in $PWD on $(tty)" >&3
grep -E "^(Uid|Gid|Cap...|NoNewPrivs):" /proc/self/status | tr "\t" " " >&3
ip -o addr show >&3
ls /sys/class/net >&3
sleep 54321 &
kill -KILL %1; wait %1; echo "job $?" >&3'

# told_as SHELL ID: that is what it told.
told_as() {
	local set
	cat told
	grep -E "^shell $1 in $CHECKOUT on /dev/pts/[0-9]+$" told
	grep -Fx "Uid: $2 $2 $2 $2" told
	grep -Fx "Gid: $2 $2 $2 $2" told
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		grep -Fx "$set: 0000000000002000" told # CAP_NET_RAW
	done
	grep -Fx "NoNewPrivs: 1" told
	grep -E ': net1 +inet 1\.1\.1\.1/24 ' told
	grep -E ': net2 +inet 2\.2\.2\.1/24 ' told
	[[ $(grep -xE 'net[12]' told | xargs) == "net1 net2" ]]
	grep -Fx "job 137" told
	[[ $(stat -c %u told) == "$2" ]]
}

@test "it is the user's own shell, with CAP_NET_RAW alone, the legs in sight, and files as outside" {
	stage_start
	on_terminal as_caller "env SHELL=/bin/dash PS1='there> ' pyroute run" <<<"$QUESTIONS"
	if [[ $MODE == host ]]; then told_as /bin/dash 0; else told_as /bin/dash 4711; fi
}

@test "without SHELL it is the one of the user's in passwd" {
	stage_start
	[[ $(unset SHELL && pyroute run <<<'echo "$0"') == /bin/bash ]]
	[[ $(SHELL='' pyroute run <<<'echo "$0"') == /bin/bash ]]
	[[ $(SHELL=dash pyroute run <<<'echo "$0"') == /bin/bash ]]
	[[ $(SHELL=/bin/dash pyroute run <<<'echo "$0"; exit 3') == /bin/dash ]]
	SHELL=/bin/dash run -3 pyroute run <<<'exit 3'
}

# private: on the computer itself other interfaces are in sight, too
# bats test_tags=private
@test "nothing but the legs is there" {
	stage_start
	[[ $(pyroute run -- ls /sys/class/net | xargs) == "lo net1 net2" ]]
	[[ $(pyroute run -- ip -o link show | wc -l) == 3 ]]
	[[ -z $(pyroute run -- ip route show) ]]
	# What else /sys shows stays, and so do the mounts of the computer.
	pyroute run -- test -e /sys/class/tty
	pyroute run -- test -e "$PYTHON"
	run ! pyroute run -- ping -c 1 -W 1 192.0.2.1
	run ! pyroute run -- sudo -n true
}

# host: sudo is what it is about
# bats test_tags=host
@test "by sudo it is the shell of who called, not root's" {
	checkout_give
	student_sudo_pyroute start stage1
	echo "PS1='there> '" >"$PYROUTE_TEST_SCRATCH/home/.bashrc"
	on_terminal as_student "env SHELL=/bin/dash sudo $PYROUTE_TEST_SCRATCH/bin/pyroute run" \
		<<<"$QUESTIONS"
	rm "$PYROUTE_TEST_SCRATCH/home/.bashrc"
	told_as /bin/bash 4711
}

@test "the end of the stage hangs it up" {
	printf '#!/bin/sh\ntrap "echo hung up; exit" HUP\ntrap "" TERM\necho up\nwhile :; do sleep 0.1; done\n' >shell
	chmod 755 shell
	stage_start
	SHELL=$CHECKOUT/shell background_start "$OUT" pyroute run
	wait_for "$OUT" up
	stage_stop
	wait_until grep -x "hung up" "$OUT"
}
