#!/usr/bin/env bats
# A person at a terminal: connect by a real pty, that of a tmux server of our own, whose screen is
# read and whose keys are pressed; and connect in a pipe, where nothing of a terminal may show.

load helpers

setup() {
	common_setup
	stage_start
}

teardown() {
	tmux_ours kill-server 2>/dev/null || true
	common_teardown
}

# ---- the terminal, 100 columns and 30 rows, with a shell of the computer's in it ----------------

tmux_ours() {
	as_caller tmux -S "$CHECKOUT/tmux" -f /dev/null "$@"
}

terminal_open() {
	tmux_ours new-session -d -x 100 -y 30 "env PS1='outside> ' bash --norc --noprofile" 3>&-
	screen_shows '^outside> *$'
}

# Presses keys by tmux's names.
keys() {
	tmux_ours send-keys "$@"
}

# Types a line.
line() {
	tmux_ours send-keys -l "$1"
	tmux_ours send-keys Enter
}

screen_shows_now() {
	tmux_ours capture-pane -p | grep -qE -- "$1"
}

# Waits until a line of the screen matches. What is typed is on the screen too: a pattern must not
# match the command that is to print it.
screen_shows() {
	local patience=600
	until screen_shows_now "$1"; do
		if ((patience-- == 0)); then
			echo "the screen does not show \"$1\":"
			tmux_ours capture-pane -p
			return 1
		fi
		sleep 0.05
	done
}

# Opens the terminal and, in it, a shell in client1. Clears the screen.
shell_open() {
	terminal_open
	line 'stty -a >modes.before; pyroute connect client1; echo "connect=$?"'
	line 'echo in"side"'
	screen_shows '^inside'
	line clear
	screen_shows '^[^ ]*[#$] *$'
}

# The shell in the client has ended with STATUS; the terminal is as it was, and echoes.
shell_has_ended() {
	screen_shows "connect=$1\$"
	line 'stty -a >modes.after; echo out"side"'
	screen_shows '^outside$'
	diff "$CHECKOUT/modes.before" "$CHECKOUT/modes.after"
	screen_shows 'echo out"side"'
}

# A sleep in client1 has the terminal there.
sleeps_in_foreground() {
	connect client1 -- ps -e -o stat=,args= | grep -E '^[^ ]*[+] +sleep 300$'
}

no_sleep() {
	! connect client1 -- pgrep sleep
}

@test "a shell has a terminal of the client's own devpts" {
	shell_open
	line 'test -t 0 && test -t 1 && test -t 2 && tty && : </dev/tty && echo "do"ne'
	screen_shows '^/dev/pts/[0-9]+$'
	screen_shows '^done$'
	# The computer's terminals are not there.
	line 'echo "count=$(ls /dev/pts | grep -c "[0-9]")"'
	screen_shows '^count=1$'
}

@test "jobs run in the background, come to the foreground, stop on Ctrl-Z" {
	shell_open
	line 'sleep 300 &'
	line jobs
	screen_shows 'Running +sleep 300'
	line 'fg %1'
	screen_shows '^sleep 300$'
	wait_until sleeps_in_foreground
	keys C-z
	screen_shows 'Stopped +sleep 300'
	line 'bg %1'
	line 'kill %1; wait %1; echo "wait=$?"'
	screen_shows '^wait=143$'
	line 'exit 0'
	shell_has_ended 0
}

@test "Ctrl-C interrupts what runs in the client, and not the connection" {
	shell_open
	line 'sleep 300'
	wait_until sleeps_in_foreground
	keys C-c
	line 'echo "sleep=$?"'
	screen_shows '^sleep=130$'
	line 'hostname'
	screen_shows '^client1$'
}

@test "the status of the shell comes through, and the terminal is as before" {
	shell_open
	line 'stty -echo raw; exit 7'
	shell_has_ended 7
}

@test "Ctrl-D ends the shell" {
	shell_open
	keys C-d
	shell_has_ended 0
}

@test "the window's size is right at once and follows" {
	terminal_open
	line 'pyroute connect client1 -- stty size'
	screen_shows '^30 100$'
	line 'pyroute connect client1'
	line 'echo in"side"'
	screen_shows '^inside'
	tmux_ours resize-window -x 120 -y 40
	line 'stty size'
	screen_shows '^40 120$'
	line "trap 'echo \"now \$(stty size)\"' WINCH"
	tmux_ours resize-window -x 90 -y 25
	screen_shows 'now 25 90$'
}

@test "less pages through a long text" {
	shell_open
	line 'seq -f "number %g" 1 1000 | less'
	screen_shows '^number 29$'
	run ! screen_shows_now '^number 30$'
	keys Space
	screen_shows '^number 58$'
	keys G
	screen_shows '^number 1000$'
	keys q
	line 'echo "do"ne'
	screen_shows '^done$'
	run ! screen_shows_now '^number 1000$'
}

@test "nano edits a file" {
	shell_open
	line 'nano /tmp/note'
	screen_shows 'GNU nano'
	tmux_ours send-keys -l 'written with nano'
	keys C-o
	screen_shows 'File Name to Write: /tmp/note'
	keys Enter
	screen_shows 'Wrote 1 line'
	keys C-x
	line 'echo "<$(cat /tmp/note)>"'
	screen_shows '^<written with nano>$'
}

# In which column the cursor is, counted from 0. Where vim leaves its insert mode it goes one back.
cursor_is_at() {
	[[ $(tmux_ours display-message -p '#{cursor_x}') == "$1" ]]
}

@test "vim.tiny edits a file" {
	shell_open
	line 'vim.tiny /tmp/note'
	screen_shows '^~'
	tmux_ours send-keys -l 'iwritten with vim'
	wait_until cursor_is_at 16
	keys Escape
	wait_until cursor_is_at 15 # a key that follows at once would make it a meta key
	line ':wq'
	screen_shows '^[^ ]*[#$] *$' # what is typed while it ends may be lost
	line 'echo "<$(cat /tmp/note)>"'
	screen_shows '^<written with vim>$'
}

# The pid of the connect that a shell in the terminal started.
connect_pid() {
	pgrep -P "$(tmux_ours display-message -p '#{pane_pid}')" pyroute
}

@test "a connect that is killed with TERM gives the terminal back and ends what it ran" {
	shell_open
	line 'sleep 300'
	wait_until sleeps_in_foreground
	kill -TERM "$(connect_pid)"
	shell_has_ended 143
	wait_until no_sleep
}

# Nobody is left to put the terminal back but the shell that waits for the job (bash(1), JOB CONTROL).
@test "a connect that is killed leaves a sane terminal within two seconds, and nothing in the client" {
	shell_open
	line 'sleep 300'
	wait_until sleeps_in_foreground
	kill -KILL "$(connect_pid)"
	within 2 screen_shows_now 'connect=137$'
	within 2 no_sleep
	shell_has_ended 137
	connect client1 -- true
}

@test "a terminal whose window is closed ends what ran in it" {
	shell_open
	line 'sleep 300'
	wait_until sleeps_in_foreground
	tmux_ours kill-server
	within 2 no_sleep
}

# red: terminal.c does not put the terminal's modes back
@test "a stage that is stopped gives the terminal back within two seconds" {
	shell_open
	stage_stop
	within 2 screen_shows_now 'connect=137$'
	shell_has_ended 137
}

@test "a command that is no shell gets a terminal too" {
	terminal_open
	line 'pyroute connect client1 -- tty; echo "connect=$?"'
	screen_shows '^/dev/pts/[0-9]+$'
	screen_shows '^connect=0$'
}

@test "without a terminal on both sides none is made" {
	terminal_open
	line 'pyroute connect client1 -- sh -c "echo hi" | od -An -c'
	screen_shows '^ +h +i +\\n$'
	line 'pyroute connect client1 -- tty </dev/null'
	screen_shows '^not a tty$'
}

@test "Ctrl-C ends a command in a pipe, inside too" {
	terminal_open
	line 'pyroute connect client1 -- sleep 300 | cat'
	wait_until ! no_sleep
	keys C-c
	line 'echo "do"ne'
	screen_shows '^done$'
	run ! connect client1 -- pgrep sleep
}

# ---- no terminal at all ------------------------------------------------------------------------

@test "a pipe through connect adds no carriage return and loses no NUL" {
	printf 'hi\n' | connect client1 -- cat >"$OUT"
	cmp "$OUT" <(printf 'hi\n')
	printf 'a\r\nb\0c\n\377\004\003' | connect client1 -- cat >"$OUT"
	cmp "$OUT" <(printf 'a\r\nb\0c\n\377\004\003')
}

@test "10 MB of random bytes arrive whole, in and out" {
	head -c 10000000 /dev/urandom >"$OUT.sent"
	connect client1 -- cat <"$OUT.sent" >"$OUT"
	cmp "$OUT.sent" "$OUT"
	[[ $(connect client1 -- sha256sum <"$OUT.sent") == "$(sha256sum <"$OUT.sent")" ]]
	# Through pipes on both sides, whose reader is slower than the writer.
	connect client1 -- cat < <(cat "$OUT.sent") | (sleep 1 && cat) >"$OUT"
	cmp "$OUT.sent" "$OUT"
}

@test "stdout and stderr stay apart" {
	connect client1 -- sh -c 'echo one; echo two >&2' >"$OUT" 2>"$OUT.err"
	[[ $(<"$OUT") == one && $(<"$OUT.err") == two ]]
}

@test "connect works with its stdin closed, and with its stdout closed" {
	[[ $(connect client1 -- echo hi <&-) == hi ]]
	[[ $(connect client1 -- wc -c <&-) == 0 ]]
	connect client1 -- true >&-
	connect client1 -- sh -c 'echo hi >&2' 2>"$OUT" >&-
	[[ $(<"$OUT") == hi ]]
}

@test "a reader that goes away ends the command" {
	as_caller timeout $((20 * SLOWNESS)) bash -c 'pyroute connect client1 -- yes | head -n 1' >"$OUT"
	[[ $(<"$OUT") == y ]]
	run ! connect client1 -- pgrep yes
}

# ---- a shell where the legs are -----------------------------------------------------------------

# Opens the terminal and, in it, by COMMAND the shell of pyroute run, in which a program has the
# terminal as an editor has.
editor_open() {
	terminal_open
	line "stty -a >modes.before; $1"
	line "sh -c 'stty raw -echo; echo in\"side\"; exec sleep 300'"
	screen_shows '^ *inside'
}

@test "an editor that the stop kills leaves the terminal as it was" {
	editor_open 'pyroute run; echo "connect=$?"'
	stage_stop
	shell_has_ended 129
}

@test "who calls without job control has the terminal back after the stop" {
	editor_open "sh -c 'pyroute run; read -r told; echo \"told \$told\"; stty -a >modes.after'"
	stage_stop
	wait_until ! pgrep -fx 'pyroute run'
	line this
	screen_shows '^told this'
	wait_until diff "$CHECKOUT/modes.before" "$CHECKOUT/modes.after"
}

@test "a router that the stop ends in the background leaves the terminal to who has it" {
	terminal_open
	line "pyroute run -- sh -c 'echo in\"side\"; exec sleep 300'"
	screen_shows '^inside'
	keys C-z
	screen_shows Stopped
	line bg
	line "sh -c 'stty raw -echo; stty -a >modes.before; echo out\"side\"; exec sleep 301'"
	screen_shows '^ *outside'
	stage_stop
	wait_until ! pgrep -fx 'sleep 300'
	wait_until ! pgrep -f '^pyroute run'
	stty -a <"$(tmux_ours display-message -p '#{pane_tty}')" >"$CHECKOUT/modes.after"
	diff "$CHECKOUT/modes.before" "$CHECKOUT/modes.after"
}
