#!/usr/bin/env bats
# The list of stages: pyroute stages.

load helpers

# stage_make NAME [TITLE]: a stage like stage1.
stage_make() {
	cp -r stages/stage1 "stages/$1"
	[[ $# == 1 ]] || sed -i "s/^title .*/title = $2/" "stages/$1/stage.ini"
}

# told EXPRESSION: it is true of what the list says as JSON; by_name finds a stage.
told() {
	pyroute stages --json | "$PYTHON" -c '
import json, sys
told = json.load(sys.stdin)
by_name = {stage["name"]: stage for stage in told["stages"]}
print(json.dumps(told))
assert eval(sys.argv[1]), sys.argv[1]' "$1"
}

@test "every stage is listed with its title, in the order of the numbers in their names" {
	find stages -mindepth 1 ! -path 'stages/stage1*' -delete
	stage_make stage10 "The tenth"
	stage_make stage2 "The second"
	mkdir stages/empty stages/.hidden
	cp stages/stage1/stage.ini stages/.hidden/
	touch stages/file
	pyroute stages >"$OUT"
	diff "$OUT" - <<-END
		STAGE        STATE    TITLE
		stage1       -        Two neighbours
		stage2       -        The second
		stage10      -        The tenth
	END
	told '[stage["name"] for stage in told["stages"]] == ["stage1", "stage2", "stage10"]'
	told 'told["running"] is None and by_name["stage2"]["title"] == "The second"'
	told 'all(stage["problem"] is None for stage in told["stages"])'
}

@test "the stage that runs is told, and none once it is stopped or has crashed" {
	stage_make stage2
	stage_start stage2
	told 'told["running"] == "stage2"'
	told 'by_name["stage2"]["running"] and not by_name["stage1"]["running"]'
	pyroute stages | grep -E '^stage2 +running '
	pyroute stages | grep -E '^stage1 +- '
	stage_stop
	told 'told["running"] is None'
	stage_start stage2
	kill_and_wait "$(keeper_pid)"
	[[ $(<.stage) == stage2 ]]
	told 'told["running"] is None and not by_name["stage2"]["running"]'
}

@test "a stage whose scripts a start refuses is listed with what is wrong with them" {
	stage_make half
	touch stages/half/down.sh
	cp -r "$BATS_TEST_DIRNAME/../stages/wire" stages/
	pyroute stages | grep -E '^half +bad +.*down.sh and no up.sh'
	pyroute stages | grep -E '^wire +- +Two machines'
	chmod -x stages/wire/connect.sh
	pyroute stages | grep -E '^wire +bad +.*chmod \+x stages/wire/connect.sh'
	told '"chmod" in by_name["wire"]["problem"] and by_name["wire"]["title"]'
}

@test "an ordinary user sees the list, and which stage runs, whoever started it" {
	checkout_give
	as_student pyroute stages | grep -E '^stage1 +- +Two neighbours$'
	student_pyroute start stage1
	as_student pyroute stages | grep -E '^stage1 +running '
	# Not nobody's: the keeper does not answer them. .stage does, but of a private stage only its user
	# knows whether that is old.
	run ! setpriv --reuid=nobody --regid=nogroup --clear-groups pyroute ps
	setpriv --reuid=nobody --regid=nogroup --clear-groups pyroute stages >"$OUT"
	grep -E "^stage1 +$([[ $MODE == host ]] && echo running || echo -) " "$OUT"
}

@test "a stage whose file is bad is listed with the first complaint, and the status is 0" {
	stage_make bad
	sed -i -e 's/^subnet .*/subnet = 1.2.3/' -e 's/^gateway/gatway/' stages/bad/stage.ini
	pyroute stages >"$OUT"
	cat "$OUT"
	grep -E '^bad +bad +stages/bad/stage.ini:[0-9]+: .*1\.2\.3.* \(and [0-9]+ more\)$' "$OUT"
	grep -E '^stage1 +- +Two neighbours$' "$OUT"
	told '"1.2.3" in by_name["bad"]["problem"]'
	told 'by_name["stage1"]["problem"] is None'
	mkdir stages/fifo stages/folder "stages/no name"
	mkfifo stages/fifo/stage.ini
	mkdir stages/folder/stage.ini
	cp stages/stage1/stage.ini "stages/no name/"
	timeout $((10 * SLOWNESS)) pyroute stages >"$OUT"
	cat "$OUT"
	grep -E '^fifo +bad ' "$OUT"
	grep -E '^folder +bad ' "$OUT"
	grep -E '^no name +bad +.*rename' "$OUT"
}

@test "the files are opened with the rights of who asks, and no other file's text is shown" {
	checkout_give
	mkdir stages/theft stages/locked
	ln -s /etc/shadow stages/theft/stage.ini
	install -m 600 -o root stages/stage1/stage.ini stages/locked/
	student_pyroute stages >"$OUT"
	cat "$OUT"
	grep -E '^theft +bad +.*Permission denied' "$OUT"
	grep -E '^locked +bad +.*Permission denied' "$OUT"
	run ! grep root: "$OUT"
	# Root itself may.
	command pyroute stages | grep -E '^locked +- +Two neighbours$'
}

@test "a stage that brings executables of its own is listed, with a title where a file gives one" {
	mkdir stages/own stages/titled
	printf '#!/bin/sh\n' | tee stages/own/up.sh >stages/titled/up.sh
	chmod 755 stages/*/up.sh
	printf '[stage]\ntitle = Mine\n' >stages/titled/stage.ini
	pyroute stages >"$OUT"
	cat "$OUT"
	grep -E '^own +- +-$' "$OUT"
	grep -E '^titled +- +Mine$' "$OUT"
	told 'by_name["own"]["scripts"] and by_name["own"]["title"] is None'
	told 'by_name["titled"]["problem"] is None and not by_name["stage1"]["scripts"]'
	stage_start own
	told 'told["running"] == "own" and by_name["own"]["running"]'
	stage_stop
	told 'told["running"] is None'
	# Whatever .stage tells of one's own stages: it may be old.
	for name in own stage1; do
		echo "$name" >.stage
		told 'told["running"] is None'
	done
	rm .stage
	mkfifo .stage
	told 'told["running"] is None'
	rm .stage
}
