#!/bin/bash
# Runs the whole-command tests, tests/e2e/*.bats or the files named, and prints one TAP stream.
#
#     tests/run.sh [FILE.bats ...]        BUILD=build: where the pyroute to test is
#
# Each file runs on a host of its own: new network, mount and pid namespaces, which host_make() of
# helpers.bash furnishes, so that no test touches this machine and nothing that a test forgot
# outlives its file. A file that takes longer than FILE_LIMIT seconds, a test that is skipped, and
# a run without any test are failures.
set -u

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
# shellcheck source=tests/lib.sh
. tests/lib.sh
readonly FILE_LIMIT=${FILE_LIMIT:-420}
build=$(realpath -m "${BUILD:-build}")

fail() {
	echo "tests/run.sh: $1" >&2
	exit 1
}

[[ $EUID == 0 ]] || fail "the tests need root: run it with sudo"
[[ -x $build/pyroute ]] || fail "$build/pyroute is missing: run make"
[[ -n $(type -P bats) ]] || fail "bats is missing: run scripts/check.sh, which installs it"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/pyroute-tests.XXXXXX") || exit 1
trap 'rm -rf --one-file-system "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
# The ordinary user of the tests must reach what they run, wherever the checkout is.
chmod 755 "$scratch"
cp -a "$build" "$scratch/bin" || exit 1
chmod -R a+rX "$scratch/bin"

number=0
failures=0

# report "ok"|"not ok" DESCRIPTION
report() {
	number=$((number + 1))
	[[ $1 == ok ]] || failures=$((failures + 1))
	echo "$1 $number $2"
}

# Runs one file; its TAP goes through, numbered anew.
run_file() {
	local file=$1 name line status before=$failures started=$SECONDS
	name=$(basename "$file" .bats)
	while IFS= read -r line; do
		case $line in
		1..*) ;;
		"ok "*"# skip"*) report "not ok" "$name: ${line#ok * } (a skip is a failure)" ;;
		"ok "*) report "ok" "$name: ${line#ok * }" ;;
		"not ok "*) report "not ok" "$name: ${line#not ok * }" ;;
		status=*) status=${line#status=} ;;
		*) echo "$line" ;;
		esac
	done < <(
		timeout -k 10 "$FILE_LIMIT" unshare --mount --net --pid --fork --kill-child --mount-proc \
			--propagation private tests/e2e/host.sh "$scratch" "$file" 2>&1 3>&- </dev/null
		echo "status=$?"
	)
	remove_cgroups "$scratch"
	echo "# $name took $((SECONDS - started)) s"
	if [[ $status != 0 && $failures == "$before" ]]; then
		report "not ok" "$name: the file ended with status $status (124: after $FILE_LIMIT s)"
	fi
}

[[ $# -gt 0 ]] || set -- tests/e2e/*.bats
for file; do
	[[ -f $file ]] || fail "there is no test file $file"
	run_file "$file"
done
echo "1..$number"
echo "# $number tests, $failures failed"
[[ $number -gt 0 && $failures == 0 ]]
