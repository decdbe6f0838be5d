#!/bin/bash
# sudo scripts/demo.sh: the main job on real parts, to the end. Sets the machine up (install.sh),
# starts stage1, shows that its clients do not reach each other, runs a router, shows that now they
# do, and stops the stage. The exit status is 0 only if all of it went as it should.
set -euo pipefail
# shellcheck source=scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

router=  # pid of the router
server=  # pid of the web server's connection
started= # a stage is running, or may be

title() {
	printf '\n== %s\n' "$*"
}

# Shows a command as a person would type it, on fd 3, the script's own output.
announce() {
	sed "s/'\([A-Za-z0-9_.:/=&-]*\)'/\1/g" <<<"$ ${*@Q}" >&3
}

show() {
	announce "$@"
	"$@"
}

clean_up() {
	trap '' INT TERM HUP
	# shellcheck disable=SC2086 # each is one pid or nothing
	[[ ! $router$server ]] || kill $router $server 2>/dev/null || true
	[[ ! $started ]] || pyroute stop >/dev/null 2>&1 || true
}

start_stage() {
	title "A stage: two networks with a client each, and this computer between them"
	started=yes
	show pyroute start stage1 || die "the stage did not start: the message above says why"
	show pyroute ps || die "pyroute ps failed: the message above says why"
}

# ping's status 1 says that no answer came; any other, that it could not even ask.
expect_silence() {
	local status=0

	title "No router runs: client1 must not reach client2"
	show pyroute connect client1 -- ping -c 1 -W 1 2.2.2.2 || status=$?
	((status != 0)) || die "client2 answered with no router running: does something forward?"
	((status == 1)) || die "ping did not run in client1 (status $status)"
	say "Right: no answer."
}

start_router() {
	local word says command=(pyroute run -- python3 tests/routers/plain.py)

	title "A router in Python reads and writes raw frames on net1 and net2"
	announce "${command[@]}" "&"
	exec {says}< <(exec "${command[@]}" </dev/null)
	router=$!
	read -r -t 20 -u "$says" word || true
	[[ ${word:-} == ready ]] || die "the router did not start: the message above says why"
	say "It is ready."
}

expect_ping() {
	title "Now client1 must reach client2"
	show pyroute connect client1 -- ping -c 3 -i 0.3 -w 15 2.2.2.2 ||
		die "client2 did not answer although the router runs"
}

# TCP is where wrong checksums and frames longer than the MTU show.
expect_tcp() {
	local sent received
	local serve=(pyroute connect client2 -- python3 -m http.server 80 --directory /tmp)
	local make='head -c 1000000 /dev/urandom >/tmp/data; sha256sum /tmp/data'
	local fetch='curl -s --retry 20 --retry-connrefused --retry-delay 1 -o /tmp/data 2.2.2.2/data'

	fetch+='; sha256sum /tmp/data'
	title "TCP too: a megabyte of client2's must arrive whole in client1"
	sent=$(show pyroute connect client2 -- sh -c "$make" | tee -a /dev/fd/3) || true
	announce "${serve[@]}" "&"
	"${serve[@]}" </dev/null >/dev/null 2>&1 &
	server=$!
	received=$(show pyroute connect client1 -- sh -c "$fetch" | tee -a /dev/fd/3) || true
	[[ $sent && $sent == "$received" ]] || die "what arrived in client1 is not what client2 sent"
	say "Right: the same."
}

stop_all() {
	title "The end: the router stops, the stage goes, and nothing stays behind"
	kill "$router" || die "the router had ended before its time"
	wait "$router" || true
	router=
	show pyroute stop || die "the stage did not stop: the message above says why"
	started=
	wait "$server" || true
	server=
}

need_root
exec 3>&1
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
trap clean_up EXIT

title "Setting this machine up"
"$checkout/scripts/install.sh"

# The commands that were just installed, on this checkout, whatever the caller's shell is set to.
export PATH=/usr/local/bin:$PATH
unset "${!PYROUTE_@}"
cd "$checkout"

start_stage
expect_silence
start_router
expect_ping
expect_tcp
stop_all
printf '\nIt works: without a router nothing passed; with one, ping and TCP did.\n'
