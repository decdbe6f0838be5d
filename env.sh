#!/bin/bash
# source env.sh, in bash or zsh: gives this shell the commands of the checkout that env.sh is in, and
# says in variables where its parts are. A command calls sudo by itself where root is needed.

if [ -n "${BASH_VERSION:-}" ] && (return 0) 2>/dev/null; then
	:
elif [ -n "${ZSH_VERSION:-}" ] && [ "${ZSH_EVAL_CONTEXT##*:}" = file ]; then
	:
else
	echo "env.sh: this changes the shell that you are in: in bash or zsh, type source env.sh" >&2
	return 2 2>/dev/null || exit 2
fi

# shellcheck disable=SC2296 # after :- stands zsh's name for this file; bash does not look at it
PYROUTE_ENV=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]:-${(%):-%x}}")")
export PYROUTE_ENV
export PYROUTE_SRC_DIR="$PYROUTE_ENV/src"
export PYROUTE_STAGE_DIR="$PYROUTE_ENV/stages"
export PYROUTE_STAGE_FILE="$PYROUTE_ENV/.stage"

# Whether "start STAGE" or "stop [STAGE]" is a matter of stages that bring scripts of their own alone:
# these need no root, where .stage can be written without. What a NAME runs .stage does not tell.
_pyroute_scripts_alone() {
	local verb=$1 stage="" name="" running=""

	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--name) [ $# -gt 1 ] && name=$2 && shift ;;
		--name=*) name=${1#*=} ;;
		-*) return 1 ;;
		*) [ -z "$stage" ] && stage=$1 ;;
		esac || return 1
		shift
	done
	if [ "$verb" = start ] && [ ! -e "$PYROUTE_STAGE_DIR/$stage/up.sh" ]; then
		return 1
	fi
	if [ -n "$name" ]; then
		running=$(pyroute stages --name "$name" 2>/dev/null | sed -n 's/^\([^ ]*\) *running .*/\1/p')
	elif [ -w "$PYROUTE_ENV" ]; then
		{ read -r running <"$PYROUTE_STAGE_FILE"; } 2>/dev/null
	else
		return 1
	fi
	if [ -z "$running" ]; then
		[ "$verb" = start ]
	else
		[ -e "$PYROUTE_STAGE_DIR/$running/up.sh" ]
	fi
}

# Whether "start", "stop" or "run" needs no root: a start that is to be private, or where there is no
# sudo; and whatever is asked of a private stage that was started so. PROGRAM is the caller's.
_pyroute_without_root() {
	local verb=$1
	local -a place=()

	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--) break ;;
		--private) case $verb in start | check) return 0 ;; esac ;;
		--dir | --name) [ $# -gt 1 ] && place+=("$1" "$2") && shift ;;
		--dir=* | --name=*) place+=("$1") ;;
		esac
		shift
	done
	if [ "$verb" = start ]; then
		! command -v sudo >/dev/null
		return
	fi
	case $("$program" ps --json "${place[@]}" 2>&1) in
	*"no stage runs"*) ! command -v sudo >/dev/null ;; # then the program says so
	*'"private":true'*'"root":false'*) return 0 ;;
	*'"private":true'*) [ "$verb" = run ] ;;
	*) return 1 ;;
	esac
}

# The program that make built in the checkout, else the installed one. Sudo drops variables, so the
# checkout goes with it as an option, in front of any --dir of the user's own: the last one counts.
pyroute() {
	local program="$PYROUTE_ENV/build/pyroute" failed=1 root=

	case ${1:-} in
	start | stop) _pyroute_scripts_alone "$@" || root=needed ;;
	run) root=needed failed=125 ;;
	check | why) root=needed ;;
	connect) failed=125 ;;
	esac
	if [ ! -x "$program" ] && ! program=$(unset -f pyroute && command -v pyroute); then
		printf 'pyroute: %s/build/pyroute is missing: run make there, or sudo scripts/install.sh\n' \
			"$PYROUTE_ENV" >&2
		return "$failed"
	fi
	if [ "$EUID" = 0 ] || [ -z "$root" ] || [ "${2:-}" = --help ] || [ "${2:-}" = -h ] ||
		_pyroute_without_root "$@"; then
		"$program" "$@"
	elif command -v sudo >/dev/null; then
		command sudo "$program" "$1" --dir "$PYROUTE_ENV" "${@:2}"
	else
		printf 'pyroute: %s needs root, and sudo is missing: install it, or become root\n' "$1" >&2
		return "$failed"
	fi
}

pyroute-stage-start() { pyroute start "$@"; }
pyroute-stage-stop() { pyroute stop "$@"; }
pyroute-connect() { pyroute connect "$@"; }
pyroute-ps() { pyroute ps "$@"; }
pyroute-stage-list() { pyroute stages "$@"; }
pyroute-run() { pyroute run "$@"; }
pyroute-check() { pyroute check "$@"; }
pyroute-why() { pyroute why "$@"; }
pyroute-doctor() { pyroute doctor "$@"; }

# Tab completes a command's first argument, and the second of why: a client of the stage that runs, or
# a stage; and after pyroute a command, and then that command's.
_pyroute_names() {
	case $1 in
	pyroute) pyroute --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p' ;;
	pyroute-connect | pyroute-why) pyroute ps 2>/dev/null | sed -n 's/^\(client[0-9]*\) .*/\1/p' ;;
	pyroute-stage-start | pyroute-stage-stop | pyroute-start | pyroute-stop | pyroute-check)
		pyroute stages 2>/dev/null | sed -n '2,$s/ .*//p'
		;;
	esac
}
if [ -n "${BASH_VERSION:-}" ]; then
	_pyroute_complete() {
		local of=$1 at=$COMP_CWORD

		if [ "$1" = pyroute ] && [ "$at" -gt 1 ]; then
			of=pyroute-${COMP_WORDS[1]} at=$((at - 1))
		fi
		case $of:$at in
		*:1 | pyroute-why:2) ;;
		*) return 0 ;;
		esac
		mapfile -t COMPREPLY < <(compgen -W "$(_pyroute_names "$of")" -- "$2")
	}
	complete -F _pyroute_complete pyroute pyroute-stage-start pyroute-stage-stop pyroute-connect \
		pyroute-check pyroute-why
elif command -v compdef >/dev/null; then
	# shellcheck disable=SC2046,SC2154 # zsh's own words, split by it
	_pyroute_complete() {
		local of=${words[1]} at=$((CURRENT - 1))

		if [ "$of" = pyroute ] && [ "$at" -gt 1 ]; then
			of=pyroute-${words[2]} at=$((at - 1))
		fi
		case $of:$at in
		*:1 | pyroute-why:2) compadd -- $(_pyroute_names "$of") ;;
		esac
	}
	compdef _pyroute_complete pyroute pyroute-stage-start pyroute-stage-stop pyroute-connect \
		pyroute-check pyroute-why
fi
