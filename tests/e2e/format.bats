#!/usr/bin/env bats
# Bad stage files are refused, with exactly what tests/golden says of them, and start nothing. The
# stage of tests/golden/NAME.ini is called NAME; NAME.txt is what is printed about it.

load helpers

readonly GOLDEN=$BATS_TEST_DIRNAME/../golden
readonly GOLDEN_MIN=54 # as many as there must be at least

setup() {
	common_setup
	mkdir stages/bad
}

# refused NAME EXPECTED: the start of stage NAME prints what is in the file EXPECTED and ends with 2.
refused() {
	local status=0
	"${CALLER[@]}" timeout --foreground $((10 * SLOWNESS)) pyroute start "$1" >"$BATS_TEST_TMPDIR/out" \
		2>"$BATS_TEST_TMPDIR/err" </dev/null || status=$?
	if [[ $status != 2 || -s $BATS_TEST_TMPDIR/out || -e .stage ]] ||
		! cmp "$BATS_TEST_TMPDIR/err" "$2"; then
		echo "$1: status $status"
		diff "$2" "$BATS_TEST_TMPDIR/err"
		return 1
	fi
}

# Every one, and not only up to the first that fails.
all_golden_refused() {
	local ini name count=0 failures=0
	for ini in "$GOLDEN"/*.ini; do
		name=$(basename "$ini" .ini)
		mkdir "stages/$name"
		cp "$ini" "stages/$name/stage.ini"
		refused "$name" "$GOLDEN/$name.txt" || failures=$((failures + 1))
		count=$((count + 1))
	done
	echo "$count stage files, $failures failed"
	((count >= GOLDEN_MIN && failures == 0))
}

@test "every bad stage file is told with file, line, key and remedy, and nothing is started" {
	leaves_nothing all_golden_refused
}

@test "every text of tests/golden has its stage file" {
	diff <(cd "$GOLDEN" && printf '%s\n' *.ini | sed 's/ini$//') \
		<(cd "$GOLDEN" && printf '%s\n' *.txt | sed 's/txt$//')
}

# refused_as TEXT: what is in stages/bad is.
refused_as() {
	echo "stages/bad/stage.ini: $1" >"$BATS_TEST_TMPDIR/expected"
	refused bad "$BATS_TEST_TMPDIR/expected"
}

@test "what is no file is refused at once" {
	mkdir stages/bad/stage.ini
	leaves_nothing refused_as "not a regular file but a directory; a stage file is a text file"
	rmdir stages/bad/stage.ini
	mkfifo stages/bad/stage.ini
	leaves_nothing refused_as "not a regular file but a FIFO; a stage file is a text file"
	ln -sf /dev/zero stages/bad/stage.ini
	leaves_nothing refused_as \
		"not a regular file but a device or socket; a stage file is a text file"
}

@test "a file of more than 1 MiB is refused" {
	cp stages/stage1/stage.ini stages/bad/stage.ini
	yes '# padding' | head -c 1048576 >>stages/bad/stage.ini
	refused_as "longer than 1 MiB; a stage file is at most that"
}

# The other tests would see nothing if nothing could be seen.
@test "a stage file with nothing wrong is started, and that shows" {
	cp stages/stage1/stage.ini stages/bad/stage.ini
	run ! leaves_nothing stage_start bad
	[[ $(<.stage) == bad ]]
	stage_stop
	run ! refused bad /dev/null
}
