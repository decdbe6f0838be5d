#!/bin/bash
# connect.sh MACHINE [COMMAND ARG...]: runs COMMAND, or a shell, in the machine.
set -eu

machine=$1
shift
[[ $# -gt 0 ]] || set -- "${SHELL:-/bin/bash}"
exec sudo ip netns exec "wire-$machine" "$@"
