#!/bin/bash
# sudo scripts/check.sh: every test, on any Debian or Ubuntu machine. Sets the machine up first, as
# install.sh does, and installs what only the tests need. The last line is "N passed, N failed"; the
# exit status is 0 only when some passed and none failed. A skipped test is a failed one.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

for_the_tests=(libcmocka-dev bats expect tmux strace tcpdump iproute2 iputils-ping nftables procps
	sudo zsh uidmap mmdebstrap debian-archive-keyring)
for_lint=(binutils clang clang-format clang-tidy cppcheck shellcheck pyflakes3)

# Runs a command, shows what it prints and keeps it in LOG. Sets STATUS.
step() {
	local log=$1

	shift
	say "== $*"
	status=0
	"$@" 2>&1 | tee "$log" || status=$?
}

# How many tests the log of make check tells of: cmocka's summaries and TAP's lines.
count_passed() {
	awk '/^\[  PASSED  \] [0-9]+ test/ { n += $4 }
		/^ok / && !/# skip/ { n++ }
		END { print n + 0 }' "$1"
}

count_failed() {
	awk '/^\[  (FAILED |SKIPPED) \] [0-9]+ test/ { n += $4 }
		/^not ok / || (/^ok / && /# skip/) { n++ }
		END { print n + 0 }' "$1"
}

# The tests that failed, each with the end of what was said of it: TAP says it after its line, cmocka
# before.
repeat_failures() {
	awk 'function repeat(i) {
			for (i = n > 12 ? n - 11 : 1; i <= n; i++) print said[i]
			n = failing = running = 0
		}
		/^\[ RUN / { repeat_if_failing(); running = 1; next }
		running && /^\[  FAILED  \]/ { print; repeat(); next }
		running && /^\[       OK \]/ { n = running = 0; next }
		/^not ok / { repeat_if_failing(); print; failing = 1; next }
		running || (failing && /^# /) { said[++n] = $0; next }
		{ repeat_if_failing() }
		function repeat_if_failing() { if (failing) repeat(); n = running = 0 }
		END { repeat_if_failing() }' "$1"
}

need_root
install_packages "${for_the_tests[@]}" "${for_lint[@]}"
"$checkout/scripts/install.sh"

logs=$(mktemp -d)
trap 'rm -rf -- "$logs"' EXIT
cd "$checkout"

step "$logs/lint" make lint
lint=$status
step "$logs/check" make -j2 check
passed=$(count_passed "$logs/check")
failed=$(count_failed "$logs/check")

# make's own word counts too: a test program that crashed has printed no summary.
((status == 0 || failed > 0)) || failed=1
if ((lint != 0)); then
	say "make lint failed: its complaints are further up"
	((++failed))
fi
if ((status != 0)); then
	say "== what failed in make check"
	repeat_failures "$logs/check"
fi
say "$passed passed, $failed failed"
((passed > 0 && failed == 0))
