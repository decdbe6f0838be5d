#!/bin/bash
# Runs the fuzzers (tests/fuzz/) side by side, each for SECONDS, and prints a TAP line for each:
#
#     tests/fuzz.sh [SECONDS]             BUILD=build: where they are
#                                         SEED=N: of the random numbers; else of the clock
#                                         FUZZERS="config service": those to run
#
# Each starts from its seeds: stage files, good and bad, from all over the checkout, and what
# tests/fuzz/seeds.sh writes. What it learns beyond them it keeps in BUILD/fuzz/corpus, for the next
# run. An input that it fails with is shown, and kept as BUILD/fuzz/found/FUZZER-KIND-HASH: to try
# it again, BUILD/fuzz/fuzz_FUZZER FILE. libFuzzer's own words are in BUILD/fuzz/FUZZER.log.
set -u

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
readonly SECONDS_EACH=${1:-60}
readonly SEED=${SEED:-$((RANDOM * 32768 + RANDOM + 1))}
readonly FUZZERS=${FUZZERS:-config service keeper enter journal walk}
fuzz=$(realpath -m "${BUILD:-build}")/fuzz
units=${fuzz%/fuzz}/unit
scratch=$(mktemp -d /dev/shm/pyroute-fuzz.XXXXXX) || exit 1 # fuzz_journal writes two files an input
declare -A pids=()

clean_up() {
	if ((${#pids[@]} > 0)); then kill "${pids[@]}" 2>/dev/null; fi
	wait
	rm -rf -- "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Stage files: the checkout's, those that are refused, and what the unit tests hold as text, which
# they write where PYROUTE_TEXTS is.
make_stage_files() {
	local file test

	for file in stages/*/stage.ini; do
		cp "$file" "$1/$(basename "$(dirname "$file")").ini"
	done
	cp tests/golden/*.ini "$1"
	for test in accepted config reread golden; do
		PYROUTE_TEXTS=$1 "$units/test_$test" >/dev/null 2>&1 || {
			echo "not ok - fuzz: $units/test_$test writes its texts"
			return 1
		}
	done
}

# make_seeds FUZZER FOLDER
make_seeds() {
	mkdir -p "$2"
	if [[ $1 == config ]]; then make_stage_files "$2"; else tests/fuzz/seeds.sh "$1" "$2"; fi
}

# An input may be larger than this only as a seed.
begin() {
	local seeds=$scratch/$1.seeds corpus=$fuzz/corpus/$1 options=(-max_len=2048)

	make_seeds "$1" "$seeds" || return
	[[ $1 != config ]] || options=(-max_len=4096 -dict=tests/fuzz/stage.dict)
	mkdir -p "$corpus" "$fuzz/found" "$scratch/$1"
	TMPDIR=$scratch/$1 nice -n 5 "$fuzz/fuzz_$1" -max_total_time="$SECONDS_EACH" -seed="$SEED" \
		-timeout=30 -rss_limit_mb=1024 -print_final_stats=1 -artifact_prefix="$fuzz/found/$1-" \
		"${options[@]}" "$corpus" "$seeds" >"$fuzz/$1.log" 2>&1 </dev/null &
	pids[$1]=$!
}

# "5000 inputs, 300 edges, ..." of the log.
describe() {
	local coverage runs

	coverage=$(sed -n 's/^#.* cov: \([0-9]*\) ft: [0-9]* corp: \([0-9]*\).*/\1 edges, \2 in the corpus/p' \
		"$fuzz/$1.log" | tail -n 1)
	runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$fuzz/$1.log")
	echo "${runs:-?} inputs, ${coverage:-nothing learnt}"
}

# Shows what libFuzzer said last, and the input as text that `base64 -d | gunzip` makes a file of again.
complain() {
	local found

	echo "not ok - fuzz_$1: a finding ($(describe "$1"), seed $SEED)"
	sed -n '/ERROR:\|runtime error:\|does not hold:/,$p' "$fuzz/$1.log" | head -n 60 | sed 's/^/# /'
	found=$(sed -n 's/.*Test unit written to //p' "$fuzz/$1.log")
	[[ -z $found ]] || gzip -c "$found" | base64 | sed 's/^/# /'
}

status=0
for fuzzer in $FUZZERS; do
	begin "$fuzzer" || status=1
done
for fuzzer in "${!pids[@]}"; do
	if wait "${pids[$fuzzer]}"; then
		echo "ok - fuzz_$fuzzer: nothing found ($(describe "$fuzzer"), $SECONDS_EACH s, seed $SEED)"
	else
		complain "$fuzzer"
		status=1
	fi
	unset "pids[$fuzzer]"
done
exit "$status"
