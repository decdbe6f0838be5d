#!/bin/bash
# make soak: a thousand starts and stops, each with a connect, in host mode and in private mode; how what
# is counted has grown, as tables. The test is tests/e2e/soak.bats, which the suite has with fewer of
# them and beside other tests. Here it also looks at what only the whole machine counts, so the machine
# should have nothing else to do: what others make in the meantime is taken for pyroute's. Between its
# looks it has the machine's caches dropped. The exit status is not 0 where anything grows.
#
#     tests/soak.sh        N=1000: how many    MODES="host private"    BUILD=build
set -u

export SOAK=${N:-1000} SOAK_MACHINE=yes JOBS=1
export TEST_LIMIT=$((120 + SOAK * 2)) # seconds
export FILE_LIMIT=$((TEST_LIMIT + 60))
exec "$(dirname -- "${BASH_SOURCE[0]}")/run.sh" "$(dirname -- "${BASH_SOURCE[0]}")/e2e/soak.bats"
