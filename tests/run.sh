#!/bin/bash
# Runs the whole-command tests, tests/e2e/*.bats or the files named, and prints one TAP stream.
#
#     tests/run.sh [FILE.bats ...]        BUILD=build: where the pyroute to test is
#                                         JOBS=4: how many files run side by side
#                                         MODES="host private": those to run in
#                                         TEST_LIMIT=120: seconds that a test may take
#                                         PYROUTE_TEST_SLOW=N: by how much all that is waited for may
#                                         take longer; else as often as this machine takes longer than
#                                         a millisecond to run a program
#
# What is asked of a stage is asked twice, by the same tests: in host mode, by root and by sudo, of
# one whose legs are on the computer, and in private mode, by a user who has no sudo and no
# subordinate ids, of one whose legs are in a network namespace of its own. A test that carries the
# tag "host" or "private" is of that mode alone, and says why in the comment before the tag, which is
# printed at the end.
#
# Each file runs on a host of its own: new network, mount and pid namespaces, which host.sh
# furnishes, so that no test touches this machine or another file's host, and nothing that a test
# forgot outlives its file. Every test ends with a look at what it has left there (leaks.py), and the
# run with one at what its hosts have left on this machine, one that was killed for example: processes,
# mounts, links, control groups, folders. Most tests wait most of the time, hence four at once. A file
# that takes
# longer than FILE_LIMIT seconds, a test that is skipped, and a run without any test are failures.
set -u

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
# shellcheck source=tests/lib.sh
. tests/lib.sh
export PYROUTE_TEST_SLOW=${PYROUTE_TEST_SLOW:-$(slowness)}
readonly FILE_LIMIT=${FILE_LIMIT:-$((420 * PYROUTE_TEST_SLOW))}
readonly JOBS=${JOBS:-4}
readonly MODES=${MODES:-host private}
build=$(realpath -m "${BUILD:-build}")

fail() {
	echo "tests/run.sh: $1" >&2
	exit 1
}

# Of the make that called this: one of version 4.4 or newer would have others wait for tokens from a
# FIFO in /tmp, which on a test's host leads nowhere.
unset MAKEFLAGS MFLAGS MAKELEVEL

[[ $EUID == 0 ]] || fail "the tests need root: run it with sudo"
[[ -x $build/pyroute ]] || fail "$build/pyroute is missing: run make"
[[ -n $(type -P bats) ]] || fail "bats is missing: run scripts/check.sh, which installs it"

make -s BUILD="$build" "$build/calls" || fail "cannot build $build/calls"
make -s BUILD="$build" bench-programs || fail "cannot build $build/bench"

# The machine's own.
links() {
	ip -o link show | sed 's/^[0-9]*: //; s/[@:].*//' | sort
}

number=0
failures=0
declare -A files=() modes=() scratches=() starts=() # by the pid of the host
declare -A counts=([host]=0 [private]=0)
made=() # every scratch folder
links_before=$(links)
export PYROUTE_TESTS_RUN # by which this run's processes are known
PYROUTE_TESTS_RUN=$(</proc/sys/kernel/random/uuid)

clean_up() {
	trap '' INT TERM
	if ((${#files[@]} > 0)); then
		kill "${!files[@]}" 2>/dev/null
		wait
	fi
	remove_scratches "${scratches[@]}"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# report "ok"|"not ok" DESCRIPTION
report() {
	number=$((number + 1))
	[[ $1 == ok ]] || failures=$((failures + 1))
	echo "$1 $number $2"
}

# Which tests of a file are not of MODE.
other_than() {
	if [[ $1 == host ]]; then echo private; else echo host; fi
}

# Begins with one file in one mode: on its host, with what it prints in a file of its own.
begin_file() {
	local file=$1 mode=$2 scratch

	scratch=$(mktemp -d "${TMPDIR:-/tmp}/pyroute-tests.XXXXXX") || exit 1
	made+=("$scratch")
	# The ordinary user of the tests must reach what they run, wherever the checkout is.
	mkdir "$scratch/bin" && cp -a "$build"/{pyroute*,calls,bench} "$scratch/bin/" || exit 1
	chmod -R a+rX "$scratch"
	timeout -k 10 "$FILE_LIMIT" unshare --mount --net --pid --fork --kill-child --mount-proc \
		--propagation private tests/e2e/host.sh "$scratch" "$file" "$mode" "!$(other_than "$mode")" \
		>"$scratch/said" 2>&1 3>&- </dev/null &
	files[$!]=$file modes[$!]=$mode scratches[$!]=$scratch starts[$!]=$SECONDS
}

# check_reports FILE NAME: what a sanitizer said while the file NAME ran (tests/sanitizer.c).
check_reports() {
	local said
	said=$(tail -c +9 "$1" | tr -d '\0')
	[[ -n $said ]] || return 0
	report "not ok" "$2: a sanitizer has something to say"
	printf '%s\n' "$said" | sed 's/^/# /'
}

# Waits for the next file to end, and shows what it printed: TAP, numbered anew.
end_file() {
	local pid status=0 name line before=$failures first=$number

	wait -n -p pid "${!files[@]}" || status=$?
	name="$(basename "${files[$pid]}" .bats) (${modes[$pid]})"
	while IFS= read -r line; do
		case $line in
		1..*) ;;
		"ok "*"# skip"*) report "not ok" "$name: ${line#ok * } (a skip is a failure)" ;;
		"ok "*) report "ok" "$name: ${line#ok * }" ;;
		"not ok "*) report "not ok" "$name: ${line#not ok * }" ;;
		*) echo "$line" ;;
		esac
	done <"${scratches[$pid]}/said"
	echo "# $name took $((SECONDS - starts[$pid])) s"
	if [[ $status != 0 && $failures == "$before" ]]; then
		report "not ok" "$name: the file ended with status $status (124: after $FILE_LIMIT s)"
	elif [[ $number == "$first" ]]; then
		report "not ok" "$name: the file holds no test"
	fi
	check_reports "${scratches[$pid]}/sanitizer" "$name"
	counts[${modes[$pid]}]=$((counts[${modes[$pid]}] + number - first))
	remove_cgroups "${scratches[$pid]}"
	rm -rf --one-file-system "${scratches[$pid]}"
	unset "files[$pid]" "modes[$pid]" "scratches[$pid]" "starts[$pid]"
}

# What the hosts have left on this machine, a line each. Others may run these tests beside us: what is
# ours is known by the names of the scratch folders, and by the environment.
left_on_machine() {
	local scratch process processes
	for scratch in "${made[@]}"; do
		[[ ! -e $scratch ]] || echo "the folder $scratch"
		find /sys/fs/cgroup -type d -name "${scratch##*/}" -printf 'the control group %p\n'
		grep -ls "${scratch##*/}" /proc/[0-9]*/mountinfo |
			sed "s|/proc/\(.*\)/mountinfo|the mounts of ${scratch##*/} that process \1 sees|"
	done
	comm -13 <(echo "$links_before") <(links) | sed 's/^/the link /'
	# The grep that looks is one of them, and gone.
	mapfile -t processes < <(grep -lszx "PYROUTE_TESTS_RUN=$PYROUTE_TESTS_RUN" /proc/[0-9]*/environ)
	wait $!
	for process in "${processes[@]%/environ}"; do
		[[ ! -e $process ]] || echo "the process ${process#/proc/}: $(tr '\0' ' ' <"$process/cmdline")"
	done 2>/dev/null
}

# The tests of one mode alone, and why: the comments before their tags, or before the tag of a file.
print_differences() {
	awk 'FNR == 1 { why = tag = ""; name = FILENAME; sub(/.*\//, "", name); sub(/\.bats$/, "", name) }
		/^# (host|private): / { why = substr($0, 3); sub(/:/, " mode:", why); next }
		/^#  / && why != "" { why = why " " substr($0, 4); next }
		/^# bats (file|test)_tags=(host|private)$/ {
			if (why == "") { print "no reason: " FILENAME ":" FNR; next }
			if (/file_tags/) print "# " name ": all of it: only in " why
			else tag = why
			next
		}
		/^@test / && tag != "" { gsub(/^@test "|" \{$/, ""); print "# " name ": " $0 ": only in " tag; tag = "" }
		{ why = "" }' "$@"
}

# Those that take longest come first, so that the others run beside them to the end.
all_files() {
	printf 'tests/e2e/%s.bats\n' wires router rootfs_travel scripts silence doctor soak
	printf '%s\n' tests/e2e/*.bats
}

# shellcheck disable=SC2046 # names of ours, without blanks
[[ $# -gt 0 ]] || set -- $(all_files | awk '!seen[$0]++')
echo "# tried is $build/pyroute"
for file; do
	[[ -f $file ]] || fail "there is no test file $file"
done
for file; do
	for mode in $MODES; do
		[[ $(bats --count --filter-tags "!$(other_than "$mode")" "$file") != 0 ]] || continue
		((${#files[@]} < JOBS)) || end_file
		begin_file "$file" "$mode"
	done
done
while ((${#files[@]} > 0)); do
	end_file
done
while IFS= read -r line; do
	report "not ok" "left on this machine: $line"
done < <(left_on_machine)
differences=$(print_differences "$@")
if [[ $differences == *"no reason: "* ]]; then report "not ok" "a tag tells no reason"; fi
echo "1..$number"
echo "$differences"
echo "# ${counts[host]} in host mode, ${counts[private]} in private mode"
echo "# $number tests, $failures failed"
[[ $number -gt 0 && $failures == 0 ]]
