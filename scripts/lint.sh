#!/bin/bash
# scripts/lint.sh, which is make lint: compilers with -Werror, analysers, layers, scripts, format.
# A line for each step, and what the tool says where it complains. Builds in build/lint, always
# afresh: make would take what other flags left there for clean. The exit status is 0 only where
# nothing complained.
set -uo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

cd "$checkout" || exit
build=$(realpath -m -- "${BUILD:-build}")/lint
flags=() # what the Makefile compiles with
# Left out of gcc 14's analysis: analyzer-fd-leak, which takes an fd that dup2() made, 0 to 2, for lost.
gcc_flags="-Werror -Wlogical-op -Wduplicated-cond -Wduplicated-branches -fanalyzer -ffunction-sections"
gcc_flags+=" -Wno-analyzer-fd-leak"
# In the tests also what it finds behind an assertion that failed: it does not know that cmocka ends
# the test there.
test_flags="-Wno-analyzer-use-of-uninitialized-value -Wno-analyzer-fd-use-without-check"
test_flags+=" -Wno-analyzer-null-argument -Wno-analyzer-null-dereference"
status=0

tests=(tests/*.c tests/unit/*.c tests/fuzz/*.c tests/probes/*.c tests/faults/*.c tests/bench/*.c)
modules=(runtime/*.c runtime/policy/*.c runtime/bare/*.c)
sources=("${modules[@]}" "${tests[@]}")
headers=(include/*.h runtime/policy/*.h runtime/bare/*.h tests/unit/*.h tests/fuzz/*.h tests/faults/*.h tests/bench/*.h)
mapfile -t python < <(find . -path ./build -prune -o -path ./src -prune -o -name '*.py' -print)
mapfile -t scripts < <(find . -path ./build -prune -o -path ./src -prune -o \
	-type f \( -name '*.sh' -o -name '*.bash' -o -name '*.bats' -o -path './.ci/*' \) -print)

# The tools, each with the Debian package that brings it.
tools=(make:make gcc:gcc nm:binutils pkgconf:pkgconf clang:clang clang-tidy:clang-tidy
	clang-format:clang-format cppcheck:cppcheck shellcheck:shellcheck pyflakes3:pyflakes3)

find_tools() {
	local tool missing=()

	for tool in "${tools[@]}"; do
		[[ $(type -P "${tool%:*}") ]] || missing+=("${tool#*:}")
	done
	((${#missing[@]} == 0)) || die "tools are missing: sudo apt-get install ${missing[*]}"
}

find_flags() {
	local line

	line=$(make -s BUILD="$build/gcc" --eval='flags: ; $(info $(ALL_CFLAGS)) @:' flags) || exit
	eval "flags=($line)"
}

# step NAME COMMAND...: runs it, and says how it went.
step() {
	local name=$1 output started=$SECONDS

	shift
	if output=$("$@" 2>&1); then
		say "$name: fine ($((SECONDS - started)) s)"
	else
		say "$name: complaints" "$output"
		status=1
	fi
}

# each LIST COMMAND...: runs it for each file of the array LIST, in the place of {}, two at a time.
each() {
	local -n files=$1

	shift
	printf '%s\0' "${files[@]}" | xargs -0 -P 2 -I '{}' "$@"
}

# compile COMPILER FLAGS [FLAGS]: the program as make builds it, and the tests, with the latter too.
compile() {
	local result=0

	make -s -k -j 2 BUILD="$build/$1" CC="$1" EXTRA_CFLAGS="$2" || result=1
	# shellcheck disable=SC2086 # they are several
	each tests "$1" "${flags[@]}" $2 ${3:-} -c -o /dev/null '{}' || result=1
	return "$result"
}

# Links what gcc compiled once more: a function that the linker leaves out is one that nobody
# calls, or that should be static.
find_unused() {
	local output

	rm -f "$build/gcc/pyroute"
	# The libraries outside: what of these is not used is no matter.
	output=$(make -s SHARED=yes BUILD="$build/gcc" CC=gcc EXTRA_CFLAGS="$gcc_flags" \
		LDFLAGS=-Wl,--gc-sections,--print-gc-sections 2>&1) || { say "$output" && return 1; }
	! grep "section '\.text\.[a-z_]*'" <<<"$output"
}

# One file a run: of several, clang-tidy 14 misreads va_start() from the second on. Nine tenths of the
# time go into its analyser's walk over the paths of each function: that is bounded to half of what
# it takes by itself, and left out of tests, which gcc's analyser looks at.
tidy() {
	local bounded=(-Xclang -analyzer-config -Xclang max-nodes=100000) result=0

	{
		each modules clang-tidy --quiet '{}' -- "${flags[@]}" "${bounded[@]}" || result=1
		each tests clang-tidy --quiet --checks='-clang-analyzer-*' '{}' -- "${flags[@]}" || result=1
		((result == 0))
	} 2>&1 | sed '/^[0-9]* warnings\? generated/d'
}

# Left out: unreadVariable, because cppcheck does not know the cleanup attribute that TAKE_ is for;
# unusedStructMember, for what only the kernel reads; variableScope, for declarations at a block's
# head; redundantContinue, our way to write an empty loop; ctuuninitvar, which takes the address of
# an array in a struct for a look into it; and of cppcheck 2.17 constParameterPointer and its kin,
# which do not know that who holds a struct's fds changes what it stands for, and
# normalCheckLevelMaxBranches, which is no complaint. It cannot evaluate __has_include.
check_cpp() {
	cppcheck --quiet --std=c11 --platform=unix64 --error-exitcode=1 \
		--enable=warning,style,performance,portability \
		--suppress={unreadVariable,unusedStructMember,variableScope,redundantContinue,ctuuninitvar} \
		--suppress=const{Parameter,ParameterPointer,VariablePointer,ParameterCallback} \
		--suppress=normalCheckLevelMaxBranches '-D__has_include(x)=1' \
		-D__x86_64__ -D_GNU_SOURCE -DPYROUTE_VERSION='""' -DPYROUTE_CHECKOUT='""' -Iinclude \
		"${sources[@]}"
}

# Left out: SC2016, because shell code for a client's shell stands in single quotes everywhere here;
# SC2317, which takes functions that are called by a name in a variable for dead.
check_scripts() {
	shellcheck --external-sources --exclude=SC2016,SC2317 "${scripts[@]}"
}

unset MAKEFLAGS MAKELEVEL # of the make that called this
find_tools
find_flags
rm -rf -- "$build"
step "gcc" compile gcc "$gcc_flags" "$test_flags"
step "clang" compile clang -Werror
step "unused functions" find_unused
step "layers" scripts/layers.sh "$build/gcc"
step "clang-tidy" tidy
step "cppcheck" check_cpp
step "shellcheck" check_scripts
step "pyflakes" pyflakes3 "${python[@]}"
step "format" clang-format --dry-run -Werror "${sources[@]}" "${headers[@]}"
exit "$status"
