#!/usr/bin/env bats
# source env.sh, in bash and in zsh. Some tests put programs in the place of pyroute and sudo that
# note how they were called; one runs the real ones.
# shellcheck disable=SC2154 # complaint is set by fails_with

load helpers

readonly SHELLS=(bash zsh)
# What a start takes that is to need no sudo.
if [[ $MODE == host ]]; then readonly PRIVATE=(); else readonly PRIVATE=(--private); fi
readonly COMMANDS=(pyroute-stage-start pyroute-stage-stop pyroute-stage-list pyroute-connect
	pyroute-ps pyroute-run pyroute-check pyroute-why pyroute-doctor)

setup() {
	common_setup
	cp "$BATS_TEST_DIRNAME/../../env.sh" "$CHECKOUT/"
	ln -s "$PYROUTE_TEST_SCRATCH/bin" "$CHECKOUT/build"
	checkout_give
}

teardown() {
	if [[ -n ${CHECKOUT:-} ]]; then rm -rf --one-file-system "$CHECKOUT second"; fi
	common_teardown
}

# fake PATH: makes a program that notes its name and arguments in the file "calls".
fake() {
	cat >"$1" <<-END
		#!/bin/bash
		{ printf '%s' "\${0##*/}"; printf ' <%s>' "\$@"; echo; } >>"$CHECKOUT/calls"
		[[ \${0##*/} != sudo ]] || exec "\$@"
	END
	chmod 755 "$1"
}

# A pyroute in build/, and a sudo that comes first in PATH.
fake_both() {
	rm "$CHECKOUT/build"
	mkdir "$CHECKOUT/build" "$CHECKOUT/first"
	fake "$CHECKOUT/build/pyroute"
	fake "$CHECKOUT/first/sudo"
	PATH=$CHECKOUT/first:$PATH
	calls_forget
}

calls_forget() {
	rm -f "$CHECKOUT/calls"
	as_student touch "$CHECKOUT/calls"
}

# called LINE...: these were the calls, and no others.
called() {
	diff <(printf '%s\n' "$@") "$CHECKOUT/calls"
	calls_forget
}

# host: no stage runs
# bats test_tags=host
@test "by any path, from any directory, env.sh finds the checkout that it is in" {
	local shell path odd="$CHECKOUT second/100% odd"
	mkdir -p "$odd/stages" "$CHECKOUT/deep/er"
	cp env.sh "$odd/"
	ln -s "$odd" "$CHECKOUT/linked folder"
	ln -s ../env.sh "$CHECKOUT/deep/linked.sh"
	# Directory | path | checkout; and what would lead cd astray.
	for shell in "${SHELLS[@]}" "zsh -o posix_argzero"; do
		while IFS='|' read -r directory path wanted; do
			cd "$directory"
			# shellcheck disable=SC2086 # one has an option
			env CDPATH=/tmp:/ $shell -c 'source "$1"; env' - "$path" >"$OUT"
			echo "$shell, in $directory: source $path"
			grep '^PYROUTE_' "$OUT"
			grep -Fx "PYROUTE_ENV=$wanted" "$OUT"
			grep -Fx "PYROUTE_SRC_DIR=$wanted/src" "$OUT"
			grep -Fx "PYROUTE_STAGE_DIR=$wanted/stages" "$OUT"
			grep -Fx "PYROUTE_STAGE_FILE=$wanted/.stage" "$OUT"
		done <<-END
			/|$CHECKOUT/env.sh|$CHECKOUT
			/|${CHECKOUT#/}/env.sh|$CHECKOUT
			$CHECKOUT|./env.sh|$CHECKOUT
			$CHECKOUT/deep/er|../../env.sh|$CHECKOUT
			$CHECKOUT/deep|linked.sh|$CHECKOUT
			/|$odd/env.sh|$odd
			$odd|./env.sh|$odd
			$CHECKOUT|linked folder/env.sh|$odd
		END
	done
}

# host: no stage runs
# bats test_tags=host
@test "sourced twice in a careful shell, it gives the commands and leaves nothing else behind" {
	local shell
	local -A facts=(
		[bash]='set +o; shopt -p; trap; pwd; echo "$@"; compgen -v'
		[zsh]='setopt; trap; pwd; echo "$@"; print -l ${(ok)parameters}')
	for shell in "${SHELLS[@]}"; do
		FACTS=${facts[$shell]} "$shell" -euc '
			eval "$FACTS" >"$0.before"
			source ./env.sh
			source ./env.sh
			pyroute --version >/dev/null
			eval "$FACTS" >"$0.after"
			for command; do type "$command"; done' "$OUT" "${COMMANDS[@]}"
		diff "$OUT.before" "$OUT.after" | sed -n 's/^[<>] /&/p' >"$OUT" || true
		echo "new in $shell:"
		cat "$OUT"
		diff "$OUT" - <<-END
			> PYROUTE_ENV
			> PYROUTE_SRC_DIR
			> PYROUTE_STAGE_DIR
			> PYROUTE_STAGE_FILE
		END
	done
}

# host: no stage runs
# bats test_tags=host
@test "executed, or sourced in another shell, it says what to do" {
	local by
	for by in "./env.sh" "bash env.sh" "zsh env.sh" "sh ./env.sh" "sh -c '. ./env.sh'"; do
		eval "fails_with 2 $by"
		[[ $complaint == *"source env.sh"* ]]
	done
}

# host: sudo and pyroute are made-up programs there that note how they are called
# bats test_tags=host
@test "what needs root is called by sudo and told the checkout, what does not is not" {
	local shell program=$CHECKOUT/build/pyroute
	fake_both
	for shell in "${SHELLS[@]}"; do
		echo "$shell"
		cd /
		as_student "$shell" -euc 'source "$0/env.sh"
			pyroute-stage-start stage1
			pyroute start stage1
			pyroute-stage-stop
			pyroute-run -- echo "two words" "" --help
			pyroute-connect client1 -- echo "two words" ""
			pyroute-ps --json
			pyroute-stage-list --json
			pyroute-check --router "echo --dir" --only a
			pyroute-why client1 client2
			pyroute-doctor --json
			pyroute --version
			pyroute' "$CHECKOUT"
		called "sudo <$program> <start> <--dir> <$CHECKOUT> <stage1>" \
			"pyroute <start> <--dir> <$CHECKOUT> <stage1>" \
			"sudo <$program> <start> <--dir> <$CHECKOUT> <stage1>" \
			"pyroute <start> <--dir> <$CHECKOUT> <stage1>" \
			"pyroute <ps> <--json>" \
			"sudo <$program> <stop> <--dir> <$CHECKOUT>" \
			"pyroute <stop> <--dir> <$CHECKOUT>" \
			"pyroute <ps> <--json>" \
			"sudo <$program> <run> <--dir> <$CHECKOUT> <--> <echo> <two words> <> <--help>" \
			"pyroute <run> <--dir> <$CHECKOUT> <--> <echo> <two words> <> <--help>" \
			"pyroute <connect> <client1> <--> <echo> <two words> <>" \
			"pyroute <ps> <--json>" \
			"pyroute <stages> <--json>" \
			"pyroute <ps> <--json>" \
			"sudo <$program> <check> <--dir> <$CHECKOUT> <--router> <echo --dir> <--only> <a>" \
			"pyroute <check> <--dir> <$CHECKOUT> <--router> <echo --dir> <--only> <a>" \
			"pyroute <ps> <--json>" \
			"sudo <$program> <why> <--dir> <$CHECKOUT> <client1> <client2>" \
			"pyroute <why> <--dir> <$CHECKOUT> <client1> <client2>" \
			"pyroute <doctor> <--json>" \
			"pyroute <--version>" \
			"pyroute <>"
	done
}

# host: sudo and pyroute are made-up programs there that note how they are called
# bats test_tags=host
@test "for stages that bring scripts of their own sudo is called only where another kind runs" {
	local shell
	fake_both
	mkdir stages/own
	touch stages/own/up.sh
	for shell in "${SHELLS[@]}"; do
		echo "$shell"
		rm -f .stage
		as_student "$shell" -euc 'source ./env.sh
			pyroute-stage-start own
			echo own >.stage
			pyroute-stage-start own
			pyroute-stage-stop
			pyroute-stage-stop own'
		called "pyroute <start> <own>" "pyroute <start> <own>" "pyroute <stop>" "pyroute <stop> <own>"
		as_student "$shell" -euc 'source ./env.sh
			pyroute-stage-start stage1
			pyroute-stage-start --dir .
			pyroute-stage-stop --dir=.
			echo stage1 >.stage
			pyroute-stage-start own
			pyroute-stage-stop
			rm .stage
			pyroute-stage-stop'
		[[ $(grep -c '^sudo ' calls) == 6 ]]
		calls_forget
		echo own >.stage
		chmod a-w .
		as_student "$shell" -euc 'source ./env.sh
			pyroute-stage-start own
			pyroute-stage-stop'
		chmod u+w .
		[[ $(grep -c '^sudo ' calls) == 2 ]]
		calls_forget
	done
}

# host: sudo and pyroute are made-up programs there that note how they are called
# bats test_tags=host
@test "what runs by a name decides whether sudo is called, and the name goes with it" {
	local shell program=$CHECKOUT/build/pyroute
	fake_both
	# Of the stages by the name n it says that the one in the file "running" runs.
	cat >>build/pyroute <<-'END'
		[[ $1 != stages ]] || { echo STAGE && printf '%-12s running  Title\n' $(<running); }
	END
	mkdir stages/own
	touch stages/own/up.sh
	for shell in "${SHELLS[@]}"; do
		echo "$shell"
		: >running
		as_student "$shell" -euc 'source ./env.sh
			pyroute-stage-start --name n own
			pyroute-stage-start own --name=n'
		called "pyroute <stages> <--name> <n>" "pyroute <start> <--name> <n> <own>" \
			"pyroute <stages> <--name> <n>" "pyroute <start> <own> <--name=n>"
		echo own >running
		as_student "$shell" -euc 'source ./env.sh
			pyroute-stage-start --name n own
			pyroute-stage-stop --name n'
		called "pyroute <stages> <--name> <n>" "pyroute <start> <--name> <n> <own>" \
			"pyroute <stages> <--name> <n>" "pyroute <stop> <--name> <n>"
		echo stage1 >running
		as_student "$shell" -euc 'source ./env.sh
			pyroute-stage-start --name n own
			pyroute-stage-stop --name n
			pyroute-stage-start --name n stage1
			pyroute-run --name n -- true
			pyroute-connect --name n client1'
		called "pyroute <stages> <--name> <n>" \
			"sudo <$program> <start> <--dir> <$CHECKOUT> <--name> <n> <own>" \
			"pyroute <start> <--dir> <$CHECKOUT> <--name> <n> <own>" \
			"pyroute <stages> <--name> <n>" \
			"pyroute <ps> <--json> <--name> <n>" \
			"sudo <$program> <stop> <--dir> <$CHECKOUT> <--name> <n>" \
			"pyroute <stop> <--dir> <$CHECKOUT> <--name> <n>" \
			"sudo <$program> <start> <--dir> <$CHECKOUT> <--name> <n> <stage1>" \
			"pyroute <start> <--dir> <$CHECKOUT> <--name> <n> <stage1>" \
			"pyroute <ps> <--json> <--name> <n>" \
			"sudo <$program> <run> <--dir> <$CHECKOUT> <--name> <n> <--> <true>" \
			"pyroute <run> <--dir> <$CHECKOUT> <--name> <n> <--> <true>" \
			"pyroute <connect> <--name> <n> <client1>"
	done
}

# host: sudo and pyroute are made-up programs there that note how they are called
# bats test_tags=host
@test "what a private stage does not need root for is called without sudo" {
	local shell root program=$CHECKOUT/build/pyroute
	fake_both
	# The stage that runs is private, and ROOT says whether root has started it.
	cat >>build/pyroute <<-'END'
		[[ $1 != ps ]] || echo "{\"stage\":\"stage1\",\"private\":true,\"root\":$(<root)}"
	END
	for shell in "${SHELLS[@]}"; do
		for root in true false; do
			echo "$shell, root: $root"
			echo "$root" >root
			as_student "$shell" -euc 'source ./env.sh
				pyroute-stage-start --private --name n stage1
				pyroute-run --dir . --name=n -- echo --private --dir
				pyroute-stage-stop --name n
				pyroute-check --name n
				pyroute-check --private --router true stage1
				pyroute-stage-start stage1' >/dev/null
			grep -v '<stages>' calls >"$OUT"
			if [[ $root == false ]]; then
				diff "$OUT" - <<-END
					pyroute <start> <--private> <--name> <n> <stage1>
					pyroute <ps> <--json> <--dir> <.> <--name=n>
					pyroute <run> <--dir> <.> <--name=n> <--> <echo> <--private> <--dir>
					pyroute <ps> <--json> <--name> <n>
					pyroute <stop> <--name> <n>
					pyroute <ps> <--json> <--name> <n>
					pyroute <check> <--name> <n>
					pyroute <check> <--private> <--router> <true> <stage1>
					sudo <$program> <start> <--dir> <$CHECKOUT> <stage1>
					pyroute <start> <--dir> <$CHECKOUT> <stage1>
				END
			else
				grep -q '^sudo .*<stop>' "$OUT"
				grep -q '^sudo .*<check> .*<--name> <n>' "$OUT"
				run ! grep '^sudo .*<check> .*<--private>' "$OUT"
				run ! grep '^sudo .*<run>' "$OUT"
			fi
			calls_forget
		done
		# Where there is no sudo, a start needs none.
		as_student "$shell" -c 'source ./env.sh; PATH=/nowhere; pyroute-stage-start stage1'
		called "pyroute <start> <stage1>"
	done
}

# host: sudo and pyroute are made-up programs there that note how they are called
# bats test_tags=host
@test "help is shown without sudo, and root calls none" {
	local shell
	fake_both
	for shell in "${SHELLS[@]}"; do
		echo "$shell"
		as_student "$shell" -c 'source ./env.sh
			pyroute-stage-start --help
			pyroute-stage-stop -h
			pyroute-run --help'
		called "pyroute <start> <--help>" "pyroute <stop> <-h>" "pyroute <run> <--help>"
		"$shell" -c 'source ./env.sh; pyroute-stage-start stage1; pyroute-run -- true'
		called "pyroute <start> <stage1>" "pyroute <run> <--> <true>"
	done
}

@test "an ordinary user runs a stage with it, and statuses come through" {
	local shell
	for shell in "${SHELLS[@]}"; do
		echo "$shell"
		cd /
		as_student "$shell" -c 'source "$0/env.sh"
			pyroute-stage-start "$@" stage1 &&
			cat "$PYROUTE_STAGE_FILE" &&
			pyroute-connect client1 -- hostname &&
			pyroute-run -- id -un
			pyroute-connect client1 -- sh -c "exit 7"
			echo "connect: $?"
			pyroute-run -- sh -c "exit 8"
			echo "run: $?"
			pyroute-stage-stop >&2
			pyroute-stage-stop 2>/dev/null
			echo "stop: $?"' "$CHECKOUT" "${PRIVATE[@]}" </dev/null >"$OUT"
		cat "$OUT"
		diff <(tail -n 6 "$OUT") - <<-END
			stage1
			client1
			$STUDENT
			connect: 7
			run: 8
			stop: 1
		END
	done
}

@test "a checkout that the user names by --dir is the one, with sudo and without" {
	local shell other="$CHECKOUT second"
	mkdir -p "$other/src"
	cp -r stages "$other/"
	chown -R "$STUDENT:" "$other"
	for shell in "${SHELLS[@]}"; do
		as_student "$shell" -euc 'source ./env.sh
			pyroute-stage-start --dir "$0" "$@" stage1
			pyroute-connect --dir "$0" client1 -- true
			test -e "$0/.stage"
			test ! -e "$PYROUTE_STAGE_FILE"
			pyroute-stage-stop --dir "$0"
			test ! -e "$0/.stage"' "$other" "${PRIVATE[@]}"
	done
}

# host: sudo and pyroute are made-up programs there that note how they are called
# bats test_tags=host
@test "a checkout that is not built uses the installed program, and says make where there is none" {
	local shell
	fake_both
	mv build/pyroute first/
	for shell in "${SHELLS[@]}"; do
		echo "$shell"
		as_student "$shell" -c 'source ./env.sh; pyroute-ps; pyroute-stage-stop'
		called "pyroute <ps>" "pyroute <ps> <--json>" \
			"sudo <$CHECKOUT/first/pyroute> <stop> <--dir> <$CHECKOUT>" \
			"pyroute <stop> <--dir> <$CHECKOUT>"
		for command in 1:pyroute-ps 1:pyroute-stage-stop 125:pyroute-run 125:pyroute-connect; do
			fails_with "${command%:*}" as_student "$shell" -c \
				'source ./env.sh; PATH=/nowhere; "$0"' "${command#*:}"
			[[ $complaint == *"$CHECKOUT/build/pyroute"*make* ]]
		done
	done
}

# host: a private stage needs no sudo
# bats test_tags=host
@test "where sudo is missing, a line says so; but first that no stage runs" {
	local shell
	for shell in "${SHELLS[@]}"; do
		fails_with 1 as_student "$shell" -c 'source ./env.sh; PATH=/nowhere; pyroute-stage-stop'
		[[ $complaint == *"no stage runs"* ]]
		fails_with 125 as_student "$shell" -c 'source ./env.sh; PATH=/nowhere; pyroute-run -- true'
		[[ $complaint == *"no stage runs"* ]]
	done
	stage_start
	for shell in "${SHELLS[@]}"; do
		fails_with 1 as_student "$shell" -c 'source ./env.sh; PATH=/nowhere; pyroute-stage-stop'
		[[ $complaint == *sudo*missing* ]]
		fails_with 125 as_student "$shell" -c 'source ./env.sh; PATH=/nowhere; pyroute-run -- true'
		[[ $complaint == *sudo*missing* ]]
	done
}

@test "tab completes the names of commands, of stages and of clients" {
	local names
	cp -r stages/stage1 stages/another
	names=$(cd stages && dirname -- */stage.ini | xargs)
	mkdir stages/none
	stage_start stage1
	as_caller bash -euc 'source ./env.sh
		complete() {
			COMPREPLY=()
			COMP_WORDS=($2 ${4:-})
			COMP_CWORD=$1 _pyroute_complete "$2" "$3"
			echo "$2${4:+ $4}: ${COMPREPLY[*]:-none}"
		}
		complete 1 pyroute-stage-start ""
		complete 1 pyroute-stage-start st
		complete 1 pyroute-connect cl
		complete 2 pyroute-connect ""
		complete 1 pyroute st
		complete 2 pyroute "" stop
		complete 2 pyroute "" connect
		complete 1 pyroute-check st
		complete 1 pyroute-why ""
		complete 2 pyroute-why client2
		complete 3 pyroute "" why
		complete 3 pyroute-why ""
		complete 2 pyroute "" ps
		complete 3 pyroute "" stop' >"$OUT"
	diff "$OUT" - <<-END
		pyroute-stage-start: $names
		pyroute-stage-start: stage1
		pyroute-connect: client1 client2
		pyroute-connect: none
		pyroute: start stop stages
		pyroute stop: $names
		pyroute connect: client1 client2
		pyroute-check: stage1
		pyroute-why: client1 client2
		pyroute-why: client2
		pyroute why: client1 client2
		pyroute-why: none
		pyroute ps: none
		pyroute stop: none
	END
	# Zsh finds by itself which of the names begin as the word does.
	as_caller zsh -euc 'compdef() { echo "$1 is for ${*:2}"; }
		compadd() { echo "$words: ${*:2}"; }
		source ./env.sh
		CURRENT=2
		words=(pyroute-stage-start "") && _pyroute_complete
		words=(pyroute-connect "") && _pyroute_complete
		words=(pyroute "") && _pyroute_complete
		CURRENT=3
		words=(pyroute connect "") && _pyroute_complete
		words=(pyroute-connect client1 "") && _pyroute_complete
		words=(pyroute-why client1 "") && _pyroute_complete
		CURRENT=4
		words=(pyroute why client1 "") && _pyroute_complete
		words=(pyroute-why client1 client2 "") && _pyroute_complete' >"$OUT"
	diff "$OUT" - <<-END
		_pyroute_complete is for pyroute pyroute-stage-start pyroute-stage-stop pyroute-connect pyroute-check pyroute-why
		pyroute-stage-start : $names
		pyroute-connect : client1 client2
		pyroute : start stop connect ps stages run check why doctor
		pyroute connect : client1 client2
		pyroute-why client1 : client1 client2
		pyroute why client1 : client1 client2
	END
}
