#!/usr/bin/env bats
# The student's folder src/ is /~/src in every client, on both sides at once, and the student's.
# shellcheck disable=SC2154 # complaint is set by fails_with

load helpers

owner() {
	stat -c %U:%G "$1"
}

# goes_both_ways COMMAND...: what the computer does is done by the one who started the stage, as whom
# COMMAND runs what follows.
goes_both_ways() {
	"$@" sh -c 'echo "from the computer" >src/a'
	[[ $("$@" pyroute connect client1 -- cat '/~/src/a') == "from the computer" ]]
	"$@" pyroute connect client1 -- \
		sh -c 'echo "from client1" >/~/src/b; mkdir /~/src/d; echo x >/~/src/d/e'
	[[ $(<src/b) == "from client1" && $(<src/d/e) == x ]]
	[[ $("$@" pyroute connect client2 -- cat '/~/src/b') == "from client1" ]]
	"$@" pyroute connect client2 -- sh -c 'echo "from client2" >>/~/src/a; rm /~/src/d/e'
	[[ $(tail -n 1 src/a) == "from client2" && ! -e src/d/e ]]
}

@test "src/ goes both ways, and what a client writes is theirs who started the stage" {
	local whose=root:root
	[[ $MODE == host ]] || whose=$STUDENT:$STUDENT
	stage_start
	goes_both_ways env "${CALLER[@]}"
	[[ $(owner src/b) == "$whose" && $(owner src/d) == "$whose" ]]
}

# host: sudo is what it is about
# bats test_tags=host
@test "where a student starts it by sudo, src/ goes both ways and what a client writes is theirs" {
	checkout_give
	student_sudo_pyroute start stage1
	goes_both_ways as_student
	[[ $(owner src/b) == "$STUDENT:$STUDENT" && $(owner src/d) == "$STUDENT:$STUDENT" ]]
	as_student sh -c 'echo more >>src/b && rm -r src/d'
	# In the client the same file is the client's root's.
	[[ $(as_student pyroute connect client1 -- stat -c %u:%g '/~/src/b') == 0:0 ]]
}

@test "the student who started a stage sees and enters it without sudo, another user does not" {
	checkout_give
	student_pyroute start stage1
	[[ $(as_student pyroute connect client1 -- id -u) == 0 ]]
	as_student pyroute ps | grep -q client1
	run ! setpriv --reuid=nobody --regid=nogroup --clear-groups \
		pyroute connect client1 -- true
}

@test "a src/ that is missing, or a link, is refused with the command that makes it" {
	mv src elsewhere
	leaves_nothing fails_with 1 pyroute start stage1
	[[ $complaint == *"mkdir $CHECKOUT/src" ]]
	ln -s elsewhere src
	leaves_nothing fails_with 1 pyroute start stage1
	[[ $complaint == *"no folder $CHECKOUT/src"* ]]
	rm src && mv elsewhere src
	stage_start
}

@test "what a client writes outside src/ is gone after the stop" {
	stage_start
	connect client1 -- sh -c 'echo gone >/root/file; mkdir /etc/new'
	connect client1 -- test -f /root/file
	run ! connect client2 -- test -e /root/file
	stage_stop
	[[ ! -e /var/lib/pyroute/rootfs/root/file && ! -e /var/lib/pyroute/rootfs/etc/new ]]
	stage_start
	run ! connect client1 -- test -e /root/file
}
