#!/bin/bash
# seeds.sh FUZZER FOLDER: writes what FUZZER (tests/fuzz/fuzz_FUZZER.c) starts from, a file each.
# A message is five bytes and more: which of the layouts, how many files, where (two bytes) in it
# other bytes than zero stand, how many, and these; 32 more files say that there are more of the
# latter (fuzz.h).
set -eu

folder=$2

# seed NAME FORMAT...: printf(1)'s, put together.
seed() {
	local name=$1

	shift
	# shellcheck disable=SC2059 # formats are what they are
	(IFS='' && printf "$*") >"$folder/$name"
}

# The first byte: 0 stage, 1 clients, 2 enter, 3 computer, 4 stop, 5 admit, 6 the keeper itself.
seeds_service() {
	# of a reply: the stage's name at 512, the number of clients at 576, limits at 584
	local empty='\0\0\0\0\0' count='\0\0\100\2'

	seed stage '\0' '\0\0\0\2\6stage1'
	seed stage-without-end '\0' '\0\0\0\2\100' "$(printf 'x%.0s' {1..64})"
	seed stage-of-controls '\0' '\0\0\0\2\4\33[2J'
	seed error '\0' '\0\0\0\0\7\2\0\0\0bad'
	seed error-below-zero '\0' '\0\0\0\0\10\373\377\377\377bad!'
	seed error-lowest '\0' '\0\0\0\0\5\0\0\0\200x'
	seed error-without-words '\0' '\0\0\0\0\1\2'
	seed short '\0' '\2\0\0\0\1x'
	seed empty '\0' '\2\0\0\0\0'
	seed oversized '\0' '\3\0\0\0\0'
	seed with-files '\0' '\0\2\0\0\0'
	seed with-very-many-files '\0' '\0\37\0\0\0'
	seed clients '\1' "$count" '\1\2' '\1\1\0\0\7client1' '\1\0\0\0\7client2'
	seed clients-four-billion '\1' "$count" '\4\377\377\377\377' '\1\1\0\0\7client1'
	seed clients-too-few '\1' "$count" '\1\5' '\1\1\0\0\7client1'
	seed client-neither-running-nor-not '\1' "$count" '\1\1' '\1\0\20\0\1\2'
	seed client-without-end '\1' "$count" '\1\1' '\1\1\0\0\20xxxxxxxxxxxxxxxx'
	seed enter '\2' '\0\10\0\0\0'
	seed enter-too-many-files '\2' '\0\24\0\0\0'
	seed enter-without '\2' "$empty"
	seed computer '\3' '\0\2\0\0\0'
	seed computer-none '\3' "$empty"
	seed computer-one '\3' '\0\1\0\0\0'
	seed stop '\4' '\0\1\0\0\0'
	seed stop-two '\4' '\0\2\0\0\0'

	seed admit '\5' "$empty"

	# a turn: a peer of 0 to 3, and 12 more for a message; 0 a hang-up, 4 and 8 a half of one
	seed keeper-verbs '\6' '\14\0\0\0\0\1\0' '\15\0\0\0\0\1\1' '\16\0\0\0\0\1\2' '\17\0\0\0\0\1\3'
	seed keeper-enter '\6' '\14\0\0\0\0\13\2\0\0\0client1' '\14\0\0\0\0\13\2\0\0\0client3' \
		'\15\0\0\0\0\13\2\0\0\0client2' '\16\0\0\0\0\12\2\0\0\0\33[2J\377'
	seed keeper-admit '\6' '\14\0\0\0\0\13\5\0\0\0client1'
	seed keeper-many-files '\6' '\14\24\0\0\0\1\0' '\15\30\0\0\0\1\1'
	seed keeper-unknown '\6' '\14\0\0\0\0\4\377\377\377\377'
	seed keeper-stop-at-once '\6' '\14\0\0\0\0\1\4' '\15\0\0\0\0\1\1'
	seed keeper-files '\6' '\14\0\1\0\0\1\0' '\15\0\37\0\0\1\1' '\16\0\20\0\0\0'
	seed keeper-sizes '\6' '\14\1\0\0\0\4\1\0\0\0' '\15\2\0\0\0\0' '\16\1\0\0\0\0'
	seed keeper-hang-ups '\6' '\0\4\10' '\14\0\0\0\0\1\1' '\17\0\0\0\0\1\1' '\7\3\13'
}

# A frame: which wire (1) and whether the router sent it (2), its length, and its bytes.
seeds_walk() {
	local client1='\2\102\1\1\1\2' client2='\2\102\2\2\2\2'
	local router1='\2\102\1\1\1\1' router2='\2\102\2\2\2\1'
	local all='\377\377\377\377\377\377' none='\0\0\0\0\0\0'
	local ip1='\1\1\1\2' ip2='\2\2\2\2' leg1='\1\1\1\1' leg2='\2\2\2\1'
	local arp='\10\6\0\1\10\0\6\4\0' echo='\367\360\0\7\0\1' reply='\377\360\0\7\0\1'
	local ask1 say1 ask2 say2 there carried expired

	ask1="\\0\\52$all$client1$arp\\1$client1$ip1$none$leg1"
	say1="\\2\\52$client1$router1$arp\\2$router1$leg1$client1$ip1"
	ask2="\\3\\52$all$router2$arp\\1$router2$leg2$none$ip2"
	say2="\\1\\52$router2$client2$arp\\2$client2$ip2$router2$leg2"
	there="\\0\\52$router1$client1\\10\\0\\105\\0\\0\\34\\22\\64\\0\\0\\100\\1\\142\\247$ip1$ip2\\10\\0$echo"
	carried="\\3\\52$client2$router2\\10\\0\\105\\0\\0\\34\\22\\64\\0\\0\\77\\1\\143\\247$ip1$ip2\\10\\0$echo"
	expired="\\2\\106$client1$router1\\10\\0\\105\\0\\0\\70\\0\\0\\0\\0\\100\\1\\166\\276$leg1$ip1\\13\\0\\364\\377$none"

	seed way "$ask1" "$say1" "$there" "$ask2" "$say2" "$carried"
	seed back "\\1\\52$router2$client2\\10\\0\\105\\0\\0\\34\\22\\64\\0\\0\\100\\1\\142\\247$ip2$ip1\\0\\0$reply"
	seed twice "$there" "$carried" "$carried"
	seed error "$there" "$expired\\105\\0\\0\\34\\22\\64\\0\\0\\1\\1\\241\\247$ip1$ip2\\10\\0$echo"
	seed strange "$ask1" "\\2\\20$client1$router1\\10\\6\\0\\0"
}

# The first byte: below 128 all that a starter hears, else a word that the keeper waits for.
seeds_keeper() {
	# of a word: the number of pids at 8, the far end at 268, its name at 272, a step at 296
	local up='\0\0\0\0\1\6'

	seed up '\0' "$up"
	seed map '\0' '\0\1\0\0\14\2\0\0\0\0\0\0\0\2' "$up"
	seed map-too-many '\0' '\0\1\0\0\14\2\0\0\0\0\0\0\0\101\0\0\0'
	seed leg '\0' '\0\1\0\0\1\3' "$up"
	seed leg-without-end '\0' '\0\41\0\0\1\3' '\20\1\20xxxxxxxxxxxxxxxx'
	seed leg-of-controls '\0' '\0\41\0\0\1\3' '\20\1\4\33[2J'
	seed leg-twice '\0' '\0\2\0\0\1\3'
	seed step '\0' '\0\0\0\0\1\5' '\0\0\0\0\1\5' "$up"
	seed step-unknown '\0' '\0\40\0\0\1\5' '\50\1\4\377\377\377\377'
	seed short '\0' '\1\0\0\0\1x'
	seed furnish '\210' '\0\4\0\0\10\0\0\0\0\1\1\1\1'
	seed overlay '\201' '\0\1\0\0\1\1'
	seed out-of-turn '\207' '\0\0\0\0\1\1'
}

# The first byte: even, all of the conversation and what follows; odd, its words alone. Of 0 and 1 with
# a terminal, of 2 and 3 without.
seeds_enter() {
	local file='\0\1\0\0\0' failed='\1\0\0\0\4\2\0\0\0'

	seed words '\3' "$file"
	seed words-terminal '\1' "$file" "$file"
	seed words-exec-fails '\3' "$file" "$failed"
	seed whole '\2' "$file"
	seed whole-terminal '\0' "$file" "$file"
	seed whole-exec-fails '\2' "$file" "$failed"
	seed exec-fails-at-once '\3' "$failed"
	seed code-below-zero '\3' "$file" '\1\0\0\0\4\373\377\377\377'
	seed code-lowest '\3' "$file" '\1\0\0\0\4\0\0\0\200'
	seed code-zero '\2' "$file" '\1\0\0\0\0'
	seed no-file '\2' '\0\0\0\0\0'
	seed two-files '\2' '\0\2\0\0\0'
}

# The first byte: 0 a journal, 1 one with an heir, whose journal is behind \377, 2 a record behind its
# file's name.
seeds_journal() {
	local journal='stage stage1\ncheckout /home/ada/pyroute\nnamespace 4026531840\n'
	local boot=00000000-0000-0000-0000-000000000000

	journal+='cgroup pyroute-9c1e64d07a2f3b58\nsysctl ip_forward 1\nsysctl conf/all/forwarding 1\n'
	journal+='leg net1 7 02:42:01:01:01:01\nleg net2 8 02:42:02:02:02:01\n'
	seed journal '\0' "$journal"
	seed journal-of-this-boot '\0' "boot $boot\n$journal"
	seed journal-of-another '\0' "boot 1$boot\n$journal"
	seed journal-cut '\0' "${journal%??:01\\n}"
	seed journal-private '\0' 'stage stage1\nname alpha\ncheckout /tmp/x\nprivate yes\n'
	seed journal-words-alone '\0' 'stage\ncheckout \nleg\nleg \nsysctl \nsysctl x\nnamespace x\n'
	seed journal-long '\0' "checkout /$(printf 'x%.0s' {1..5000})\nsysctl $(printf 'x%.0s' {1..400}) 1\n"
	seed journal-nul '\0' 'stage a\0b\nleg net1\0 7\n'
	seed journal-empty '\0'
	seed inherited '\1' "$journal" '\377' 'stage stage2\ncheckout /tmp/y\n'
	seed record '\2' '2a-17\n' "stage stage1\nboot $boot\nstate up\ncheckout /home/ada\n"
	seed record-named '\2' 'alpha+2a-17\n' "stage stage1\nboot $boot\nstate up\ncheckout /home/ada"
	seed record-starting '\2' '2a-17\n' "stage stage1\nboot $boot\nstate starting\n"
	seed record-cut '\2' '2a-17\n' "stage stage1\nboot $boot\nsta"
	seed record-long '\2' '2a-17\n' "stage $(printf 'x%.0s' {1..200})\nboot $boot\nstate up\n"
}

"seeds_$1"
