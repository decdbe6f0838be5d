#!/usr/bin/env bats
# The root filesystem travels: packed into one file on one machine, unpacked from it on another that
# reaches no mirror; and what is no such file is refused. The trees here are tiny: a stamp, a shell, and
# some of what a tree may hold.
# shellcheck disable=SC2030,SC2031,SC2154 # stderr is set by run, and each test has its own of the rest

load helpers

# host: scripts pack and unpack trees, and no stage runs
# bats file_tags=host

setup() {
	common_setup
	project=$BATS_TEST_DIRNAME/../..
	# In memory, where writing all to the disk is no work: there are hundreds of imports here.
	memory=$BATS_TEST_TMPDIR/memory
	mkdir "$memory"
	mount -t tmpfs -o mode=755 tmpfs "$memory"
	cache=$memory/cache
	into=$memory/into/rootfs
	file=$memory/rootfs.tar.zst
	mkdir -p "$cache" "${into%/*}"
}

teardown() {
	stage_end
	umount -l "$memory"
	rm -rf "$PYROUTE_TEST_SCRATCH"/home/{.cache,.local,mine.*}
	! mountpoint -q "$PYROUTE_TEST_SCRATCH/plain" || umount -l "$PYROUTE_TEST_SCRATCH/plain"
	leaks_end
}

# ---- trees, files --------------------------------------------------------------------------------

# make_tree DIRECTORY STAMP
make_tree() {
	mkdir -p "$1"/{bin,dev,etc,usr/share} "$1/var/mail"
	cp -L /bin/sh "$1/bin/dash"
	ln -s /bin/dash "$1/bin/sh"
	echo "$2" >"$1/etc/pyroute-rootfs"
	echo "$2" >"$1/usr/share/other owner"
	ln "$1/usr/share/other owner" "$1/usr/share/second name"
	chown 33:8 "$1/usr/share/other owner" "$1/var/mail"
	chmod 640 "$1/usr/share/other owner"
	chmod 2775 "$1/var/mail"
}

# pack TREE [TAR'S ARGUMENT...]: without a look at what it packs, into FILE.
pack() {
	tar -c -I 'zstd -1' -f "$file" -C "$1" "${@:2}" .
	(cd "${file%/*}" && sha256sum "${file##*/}" >"${file##*/}.sha256")
}

import() {
	"$project/rootfs/import.sh" --cache "$cache" --into "$into" "$@"
}

export_tree() {
	"$project/rootfs/export.sh" --cache "$cache" --from "$into" "$@"
}

listing() {
	(cd "$1" && find . ! -name pyroute-rootfs.imported -printf '%p %m %U:%G %n %l %y\n' | sort)
}

# Of all work nothing stays but the tree and the lock.
nothing_left() {
	[[ $(ls -A "${into%/*}") == rootfs && -z $(find "$cache" -mindepth 1 ! -name lock) ]]
}

# The tree in the place of INTO is whole, and has this stamp.
holds() {
	[[ $(<"$into/etc/pyroute-rootfs") == "$1" && $(<"$into/usr/share/second name") == "$1" &&
		-x $into/bin/dash && -d $into/var/mail ]]
}

OLD=00000000000000aa
NEW=00000000000000bb

# There is an old tree, and a new one is packed in FILE.
old_and_new() {
	make_tree "$into" $OLD
	make_tree "$BATS_TEST_TMPDIR/tree" $NEW
	pack "$BATS_TEST_TMPDIR/tree"
}

# refused WORDS [ARGUMENT...]: the import of FILE is, in one line with these words, and nothing has
# changed.
refused() {
	local wanted=$1
	shift
	run -1 --separate-stderr import "$file" "$@"
	[[ ${#stderr_lines[@]} == 1 && $stderr == *"$wanted"* ]] || {
		echo "wanted: $wanted" && return 1
	}
	holds $OLD
	nothing_left
}

# ---- there and back ------------------------------------------------------------------------------

@test "what was exported is imported the same, and exported again is the same file" {
	make_tree "$into" $OLD
	listing "$into" >"$BATS_TEST_TMPDIR/before"
	run -0 export_tree "$file"
	[[ $output == *"$file.sha256: "* ]]
	(cd "${file%/*}" && sha256sum -c rootfs.tar.zst.sha256)
	rm -r "$into"

	run -0 import "$file"
	holds $OLD
	nothing_left
	listing "$into" | diff "$BATS_TEST_TMPDIR/before" -
	run -0 export_tree "$BATS_TEST_TMPDIR/again.tar.zst"
	cmp "$file" "$BATS_TEST_TMPDIR/again.tar.zst"
}

@test "an export overwrites nothing unless it is asked to" {
	make_tree "$into" $OLD
	local kept
	for kept in "$file" "$file.sha256"; do
		echo mine >"$kept"
		run -1 --separate-stderr export_tree "$file"
		[[ ${#stderr_lines[@]} == 1 && $stderr == *"--force"* && $(<"$kept") == mine ]]
		rm "$kept"
	done
	echo mine >"$file"
	run -0 export_tree --force "$file"
	(cd "${file%/*}" && sha256sum -c rootfs.tar.zst.sha256)
}

@test "an export writes through no link that lies in wait beside its file" {
	make_tree "$into" $OLD
	echo mine >"$BATS_TEST_TMPDIR/mine"
	ln -s "$BATS_TEST_TMPDIR/mine" "$file.part"
	ln -s "$BATS_TEST_TMPDIR/mine" "$file.sha256.part"
	run -0 export_tree "$file"
	[[ $(<"$BATS_TEST_TMPDIR/mine") == mine && ! -L $file && ! -L $file.sha256 ]]
}

@test "without a root filesystem an export says how to get one" {
	run -1 --separate-stderr export_tree "$file"
	[[ ${#stderr_lines[@]} == 1 && $stderr == *"make rootfs"* && ! -e $file ]]
}

@test "an import replaces the tree that is there, with a checksum beside the file or a given one" {
	old_and_new
	run -0 import "$file"
	holds $NEW
	run -0 import "$file"
	[[ $output != *Extracting* ]]
	# But one that was damaged since is.
	rm "$into/bin/sh"
	run -0 import "$file"
	[[ $output == *Extracting* && -e $into/bin/sh ]]
	rm -r "$into" "$file.sha256"
	run -0 import "$file" --sha256 "$(sha256sum <"$file" | cut -d ' ' -f 1)"
	holds $NEW
	nothing_left
}

@test "the same by make, which takes FILE, FORCE and SHA256" {
	local both="--cache $cache"
	old_and_new
	mkdir -p "$BATS_TEST_TMPDIR/copy"
	cp -r "$project"/{Makefile,rootfs,scripts} "$BATS_TEST_TMPDIR/copy"
	cd "$BATS_TEST_TMPDIR/copy"
	sed -i "s,rootfs/import.sh,& $both --into $into,; s,rootfs/export.sh,& $both --from $into," Makefile
	run -0 make rootfs-import FILE="$file"
	holds $NEW
	run -2 make rootfs-export FILE="$file"
	[[ $output == *"FORCE=yes"* ]]
	run -0 make rootfs-export FILE="$file" FORCE=yes
	rm "$file.sha256"
	run -2 make rootfs-import FILE="$file"
	[[ $output == *"SHA256=HEX"* ]]
	run -0 make rootfs-import FILE="$file" SHA256="$(sha256sum <"$file" | cut -d ' ' -f 1)"
}

@test "an import needs neither a network nor what builds a tree" {
	old_and_new
	run -0 unshare --mount --net bash -c \
		'mount --bind /dev/null /usr/bin/mmdebstrap && exec "$@"' import \
		"$project/rootfs/import.sh" --cache "$cache" --into "$into" "$file"
	holds $NEW
}

# ---- what is refused -----------------------------------------------------------------------------

@test "an import is refused without a checksum, with a wrong one, and of half a file" {
	old_and_new
	mv "$file.sha256" "$BATS_TEST_TMPDIR/sum"
	refused "--sha256 HEX"
	refused "copy it again" --sha256 "$(sha256sum </dev/null | cut -d ' ' -f 1)"
	echo nonsense >"$file.sha256"
	refused "no SHA-256"
	mv "$BATS_TEST_TMPDIR/sum" "$file.sha256"
	cp "$file" "$BATS_TEST_TMPDIR/whole"
	truncate -s -100 "$file"
	refused "copy it again"
	refused "not a whole one" --sha256 "$(sha256sum <"$file" | cut -d ' ' -f 1)"
	echo nonsense >"$file"
	refused ".tar.zst" --sha256 "$(sha256sum <"$file" | cut -d ' ' -f 1)"
	rm "$file"
	refused "cannot read"
	cp "$BATS_TEST_TMPDIR/whole" "$file"
	run -0 import "$file"
}

@test "what is no root filesystem for this machine is refused" {
	old_and_new
	local tree=$BATS_TEST_TMPDIR/tree
	rm "$tree/etc/pyroute-rootfs"
	pack "$tree"
	refused "no stamp"
	echo "not a stamp" >"$tree/etc/pyroute-rootfs"
	pack "$tree"
	refused "no stamp"
	truncate -s 200G "$tree/etc/pyroute-rootfs"
	pack "$tree" --sparse
	refused "no stamp"
	rm "$tree/etc/pyroute-rootfs"
	echo $NEW >"$tree/etc/pyroute-rootfs"

	mv "$tree/bin/sh" "$tree/bin/ksh"
	pack "$tree"
	refused "no shell"
	ln -s /bin/nothing "$tree/bin/sh"
	pack "$tree"
	refused "no shell"
	# The host has one there, the tree has not.
	ln -sfn ../../../../../../../../usr/bin/env "$tree/bin/sh"
	pack "$tree"
	refused "no shell"
	mv "$tree/bin/ksh" "$tree/bin/sh"

	# The machine in an ELF header: 243 is RISC-V.
	printf '\363' | dd of="$tree/bin/dash" bs=1 seek=18 conv=notrunc status=none
	pack "$tree"
	refused "another architecture"
	cp -L /bin/sh "$tree/bin/dash"
	pack "$tree"
	run -0 import "$file"
	holds $NEW
}

@test "what reaches out of its folder is refused" {
	old_and_new
	local tree=$BATS_TEST_TMPDIR/tree out=$BATS_TEST_TMPDIR/out
	echo there >"$tree/planted"
	pack "$tree" --absolute-names --transform="flags=r;s,^\./planted,$out,"
	refused "out of its folder: $out"
	pack "$tree" --absolute-names --transform='flags=r;s,^\./planted,./usr/../../../out,'
	refused "out of its folder: ./usr/../../../out"
	ln "$tree/planted" "$tree/second"
	pack "$tree" --absolute-names --transform="flags=h;s,^\./\(planted\|second\),$out,"
	refused "out of its folder: $out"
	pack "$tree" --absolute-names --transform="flags=h;s,^\./\(planted\|second\),../../out,"
	refused "out of its folder: ../../out"
	LANGUAGE=de LC_ALL=C.UTF-8 refused "out of its folder: ../../out"
	rm "$tree/planted"

	# Through a link that the same file brings.
	mkdir "$BATS_TEST_TMPDIR/victim" "$tree/a"
	mv "$tree/second" "$tree/a/planted"
	tar -c -f "$BATS_TEST_TMPDIR/parts.tar" -C "$tree" .
	rm -r "$tree/a"
	ln -s "$BATS_TEST_TMPDIR/victim" "$tree/a"
	tar -c -f "$file.tar" -C "$tree" .
	tar -A -f "$file.tar" "$BATS_TEST_TMPDIR/parts.tar"
	zstd -q -f "$file.tar" -o "$file"
	(cd "${file%/*}" && sha256sum "${file##*/}" >"${file##*/}.sha256")
	run import "$file"
	[[ -z $(ls -A "$BATS_TEST_TMPDIR/victim") ]]
	nothing_left
}

@test "device nodes, pipes and set-uid programs are refused" {
	old_and_new
	local tree=$BATS_TEST_TMPDIR/tree
	mknod "$tree/null" c 1 3
	pack "$tree"
	refused "neither file, folder nor link"
	rm "$tree/null"
	mkfifo "$tree/pipe"
	pack "$tree"
	refused "neither file, folder nor link"
	rm "$tree/pipe"
	for mode in 4755 2755 4600 2600; do
		chmod "$mode" "$tree/bin/dash"
		pack "$tree"
		refused "set-uid"
	done
	chmod 755 "$tree/bin/dash"
	pack "$tree"
	run -0 import "$file"
	holds $NEW
}

# ---- an end at any moment ------------------------------------------------------------------------

# killed_at NUMBER COMMAND...: runs a bash script that is killed before its NUMBERth command. Returns
# 137, or its own status where it has fewer.
killed_at() {
	local number=$1
	shift
	cat >"$BATS_TEST_TMPDIR/killer" <<-END
		unset BASH_ENV
		set -T
		trap '((BASHPID != \$\$ || ++killer_count < $number)) || kill -KILL \$\$' DEBUG
	END
	BASH_ENV=$BATS_TEST_TMPDIR/killer "$@" >/dev/null 2>&1
}

@test "an import that is killed at any of its commands leaves the old tree or the new, whole" {
	local number status wanted
	old_and_new
	mv "$file" "$BATS_TEST_TMPDIR/$NEW"
	pack "$into"
	mv "$file" "$BATS_TEST_TMPDIR/$OLD"
	for ((number = 20; number < 400; number++)); do
		wanted=$NEW
		! holds $NEW || wanted=$OLD
		status=0
		killed_at "$number" import "$BATS_TEST_TMPDIR/$wanted" --sha256 \
			"$(sha256sum <"$BATS_TEST_TMPDIR/$wanted" | cut -d ' ' -f 1)" || status=$?
		holds $OLD || holds $NEW
		((status == 137)) || break
	done
	echo "command $number: status $status"
	((status == 0 && number > 50))
	holds "$wanted"
	nothing_left
}

@test "an export that is killed at any of its commands leaves no file with another's checksum" {
	local number status
	make_tree "$into" $OLD
	echo mine >"$file"
	(cd "${file%/*}" && sha256sum rootfs.tar.zst >rootfs.tar.zst.sha256)
	for ((number = 20; number < 400; number++)); do
		status=0
		killed_at "$number" export_tree --force "$file" || status=$?
		[[ $(<"$file") == mine ]] || zstd -q -t "$file"
		[[ ! -e $file.sha256 ]] || (cd "${file%/*}" && sha256sum -c rootfs.tar.zst.sha256)
		((status == 137)) || break
	done
	echo "command $number: status $status"
	((status == 0 && number > 50))
	nothing_left
	[[ ! -e $file.part && ! -e $file.sha256.part ]]
}

# ---- whose tree stays ----------------------------------------------------------------------------

@test "what was imported stays at the next set-up, and make rootfs replaces it" {
	old_and_new
	run -0 import "$file"
	local build=("$project/rootfs/build.sh" --cache "$cache" --into "$into")
	local cannot=(unshare --mount bash -c 'mount --bind /bin/false /usr/bin/mmdebstrap && exec "$@"' -)
	run -0 "${build[@]}" --keep-imported
	[[ $output == *"was imported and stays"*"make rootfs"* ]]
	holds $NEW
	# It sets about building its own, which here fails at once.
	run -1 --separate-stderr "${cannot[@]}" "${build[@]}"
	[[ $output == *Building* && ${#stderr_lines[@]} == 1 ]]
	holds $NEW

	rm "$into/etc/pyroute-rootfs.imported"
	run -1 --separate-stderr "${cannot[@]}" "${build[@]}" --keep-imported
	[[ $output == *Building* ]]
	nothing_left
}

@test "another list of packages makes another root filesystem; another comment does not" {
	cp -r "$project"/{rootfs,scripts} "$BATS_TEST_TMPDIR"
	local script=$BATS_TEST_TMPDIR/rootfs/build.sh stamp
	stamp=$("$script" --stamp)
	[[ $stamp =~ ^[0-9a-f]{16}$ ]]
	echo "# a comment" >>"$BATS_TEST_TMPDIR/rootfs/packages"
	[[ $("$script" --stamp) == "$stamp" ]]
	echo tree >>"$BATS_TEST_TMPDIR/rootfs/packages"
	[[ $("$script" --stamp) != "$stamp" ]]
	[[ $("$script" --stamp --suite trixie) != "$("$script" --stamp)" ]]
}

# ---- without root --------------------------------------------------------------------------------

# scripts_for NAME: the scripts where the ordinary users reach them, and the home of one.
scripts_for() {
	home=$PYROUTE_TEST_SCRATCH/$1
	scripts=$BATS_TEST_TMPDIR/project/rootfs
	mkdir "$BATS_TEST_TMPDIR/project"
	cp -r "$project"/{rootfs,scripts} "$BATS_TEST_TMPDIR/project"
	chmod -R a+rX "$BATS_TEST_TMPDIR" "$(dirname "$BATS_TEST_TMPDIR")"
	chmod a+x "$(dirname "$BATS_TEST_TMPDIR")/.."
	mine=$home/.local/share/pyroute/rootfs
}

@test "an ordinary user imports and exports too, with owners as they were" {
	scripts_for home
	old_and_new
	echo "$STUDENT:200000:65536" | tee -a /etc/subuid >>/etc/subgid
	run -0 as_student "$scripts/import.sh" "$file"
	[[ $(stat -c %u:%g "$mine/bin/dash" "$mine/usr/share/other owner" | xargs) == \
		"$(id -u "$STUDENT"):$(id -g "$STUDENT") 200032:200007" ]]
	run -0 as_student "$scripts/export.sh" "$home/mine.tar.zst"
	run -0 import "$home/mine.tar.zst"
	holds $NEW
	listing "$into" | diff - <(listing "$BATS_TEST_TMPDIR/tree")
	# Its own, in the place of another, and then nothing of the old one is left.
	make_tree "$BATS_TEST_TMPDIR/third" 00000000000000cc
	pack "$BATS_TEST_TMPDIR/third"
	run -0 as_student "$scripts/import.sh" "$file"
	[[ $(<"$mine/etc/pyroute-rootfs") == 00000000000000cc ]]
	[[ $(ls -A "${mine%/*}") == rootfs && $(ls -A "$home/.cache/pyroute") == lock ]]
}

@test "a user who cannot be root of a user namespace is told what mends it" {
	scripts_for plain
	old_and_new
	run -1 --separate-stderr as_plain "$PYTHON" "$CHECKOUT/src/refuse.py" \
		"unshare&CLONE_NEWUSER=EPERM" -- "$scripts/import.sh" "$file"
	[[ ${#stderr_lines[@]} == 1 && $stderr == *"unshare failed"*"pyroute doctor"* ]]
}

# ---- without root and subordinate ids ------------------------------------------------------------

# plain_trees: the user who has nothing gets the scripts, and a new home in memory; FILE holds a new
# tree. All that the functions above say of INTO is then said of the user's.
plain_trees() {
	scripts_for plain
	sed -i "/^$PLAIN:/d" /etc/subuid /etc/subgid
	mount -t tmpfs -o "mode=755,uid=$(id -u "$PLAIN"),gid=$(id -g "$PLAIN")" tmpfs "$home"
	cache=$home/.cache/pyroute into=$mine
	make_tree "$BATS_TEST_TMPDIR/tree" $NEW
	touch "$BATS_TEST_TMPDIR/tree/secret"
	mkdir "$BATS_TEST_TMPDIR/tree/closed"
	chmod 0 "$BATS_TEST_TMPDIR/tree/secret" "$BATS_TEST_TMPDIR/tree/closed"
	pack "$BATS_TEST_TMPDIR/tree"
}

# The user's tree is whole, all their own, and from FILE, which stays; of all work nothing else does.
all_mine() {
	[[ -z $(find "$into" ! \( -user "$PLAIN" -group "$PLAIN" \)) ]]
	[[ -z $(find "$into" ! -type l ! -perm -400) ]]
	[[ $(ls -A "${into%/*}") == rootfs ]]
	[[ $(ls -A "$cache") == "lock"$'\n'"packed-$(sha256sum <"$1" | cut -d ' ' -f 1).tar.zst" ]]
}

@test "a user without subordinate ids imports: all is theirs, and exported again the same file" {
	plain_trees
	run -0 as_plain "$scripts/import.sh" "$file"
	[[ $output == *"all files $PLAIN's own"* ]]
	holds $NEW
	all_mine "$file"
	[[ $(stat -c %a "$into/usr/share/other owner" "$into/var/mail" "$into"/{secret,closed} | xargs) == \
		"640 2775 400 500" ]]
	run -0 as_plain "$scripts/import.sh" "$file"
	[[ $output != *Extracting* ]]
	run -0 as_plain "$scripts/export.sh" "$home/mine.tar.zst"
	cmp "$file" "$home/mine.tar.zst"
	(cd "$home" && sha256sum -c mine.tar.zst.sha256)
	# Another in its place, of which nothing is left then.
	make_tree "$BATS_TEST_TMPDIR/third" $OLD
	pack "$BATS_TEST_TMPDIR/third"
	run -0 as_plain "$scripts/import.sh" "$file"
	holds $OLD
	all_mine "$file"
	# No export makes up owners.
	echo >>"$(echo "$cache"/packed-*)"
	run -1 --separate-stderr as_plain "$scripts/export.sh" "$home/mine2.tar.zst"
	[[ ${#stderr_lines[@]} == 1 && $stderr == *"was changed"* && -z $(find "$home" -name 'mine2*') ]]
	rm "$cache"/packed-*
	run -1 --separate-stderr as_plain "$scripts/export.sh" "$home/mine2.tar.zst"
	[[ ${#stderr_lines[@]} == 1 && $stderr == *"is gone"*"make rootfs-import"* ]]
	run -0 as_plain "$scripts/import.sh" "$file"
	all_mine "$file"
}

@test "subordinate ids may come and go: one line says where they are needed" {
	plain_trees
	run -0 as_plain "$scripts/import.sh" "$file"
	# With ids the owners are those of the file.
	echo "$PLAIN:200000:65536" | tee -a /etc/subuid >>/etc/subgid
	run -0 as_plain "$scripts/import.sh" "$file"
	[[ $(stat -c %u:%g "$into/usr/share/other owner") == 200032:200007 ]]
	[[ $(ls -A "$cache") == lock && ! -e $into/etc/pyroute-rootfs.packed ]]
	# Lost, be it that newuidmap has no rights, they are missed.
	make_tree "$BATS_TEST_TMPDIR/third" $OLD
	pack "$BATS_TEST_TMPDIR/third"
	listing "$into" >"$BATS_TEST_TMPDIR/before"
	local script
	for script in "import.sh $file" "export.sh $home/mine.tar.zst" build.sh; do
		# shellcheck disable=SC2086 # script and argument
		run -1 --separate-stderr as_plain setpriv --no-new-privs "$scripts"/$script
		[[ ${#stderr_lines[@]} == 1 && $stderr == *"$into has files"*"sudo rm -r $into" ]]
	done
	listing "$into" | diff "$BATS_TEST_TMPDIR/before" -
	rm -r "$into"
	run -0 as_plain setpriv --no-new-privs "$scripts/import.sh" "$file"
	holds $OLD
	all_mine "$file"
}

@test "a tree whose owners another only claims to know is packed as it is" {
	old_and_new
	sha256sum <"$file" | cut -d ' ' -f 1 >"$BATS_TEST_TMPDIR/tree/etc/pyroute-rootfs.packed"
	pack "$BATS_TEST_TMPDIR/tree"
	run -0 import "$file"
	[[ ! -e $into/etc/pyroute-rootfs.packed ]]
	run -0 export_tree "$BATS_TEST_TMPDIR/again.tar.zst"
}

@test "an import without subordinate ids that is killed leaves a tree that can be exported" {
	local number status wanted
	plain_trees
	mv "$file" "$BATS_TEST_TMPDIR/$NEW"
	make_tree "$BATS_TEST_TMPDIR/third" $OLD
	pack "$BATS_TEST_TMPDIR/third"
	mv "$file" "$BATS_TEST_TMPDIR/$OLD"
	run -0 as_plain "$scripts/import.sh" "$BATS_TEST_TMPDIR/$OLD" --sha256 \
		"$(sha256sum <"$BATS_TEST_TMPDIR/$OLD" | cut -d ' ' -f 1)"
	for ((number = 30; number < 400; number += 5)); do
		wanted=$NEW
		! holds $NEW || wanted=$OLD
		status=0
		killed_at "$number" as_plain "$scripts/import.sh" "$BATS_TEST_TMPDIR/$wanted" --sha256 \
			"$(sha256sum <"$BATS_TEST_TMPDIR/$wanted" | cut -d ' ' -f 1)" || status=$?
		holds $OLD || holds $NEW
		[[ -f $cache/packed-$(<"$into/etc/pyroute-rootfs.packed").tar.zst ]]
		((status == 137)) || break
	done
	echo "command $number: status $status"
	((status == 0 && number > 60))
	holds "$wanted"
	all_mine "$BATS_TEST_TMPDIR/$wanted"
}

@test "a tree that a process of the user's own has mounted stays until that has ended" {
	plain_trees
	run -0 as_plain "$scripts/import.sh" "$file"
	background "$OUT" as_plain unshare --map-root-user --mount bash -c \
		"mount --bind $into /mnt && echo ready && exec sleep infinity"
	make_tree "$BATS_TEST_TMPDIR/third" $OLD
	pack "$BATS_TEST_TMPDIR/third"
	run -0 as_plain "$scripts/import.sh" "$file"
	holds $OLD
	[[ $(<"$(echo "$into".old.*)/etc/pyroute-rootfs") == "$NEW" ]]
	background_stop
	run -0 as_plain "$scripts/import.sh" "$file"
	all_mine "$file"
}

# stub_mmdebstrap: one that puts FILE in the place of what it should build, and says how it was called.
stub_mmdebstrap() {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/mmdebstrap" <<-END
		#!/bin/bash
		echo "\$(id -u) \$1" >$home/called
		for last; do [[ \$last != *.tar.zst ]] || cp $file "\$last"; done
	END
	chmod 755 "$BATS_TEST_TMPDIR/bin/mmdebstrap"
}

@test "a user without subordinate ids builds with fakechroot, and what is packed fits an import" {
	local build
	plain_trees
	stub_mmdebstrap
	build=(as_plain env PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$scripts/build.sh")
	mkdir "$BATS_TEST_TMPDIR/tree/dev/pts"
	mknod "$BATS_TEST_TMPDIR/tree/dev/null" c 1 3
	as_plain "$scripts/build.sh" --stamp >"$BATS_TEST_TMPDIR/tree/etc/pyroute-rootfs"
	pack "$BATS_TEST_TMPDIR/tree"

	awk 'BEGIN { RS = ""; ORS = "\n\n" } !/^Package: fake(ch)?root\n/' /var/lib/dpkg/status \
		>"$BATS_TEST_TMPDIR/status"
	mount --bind "$BATS_TEST_TMPDIR/status" /var/lib/dpkg/status
	run -1 --separate-stderr "${build[@]}"
	[[ ${#stderr_lines[@]} == 1 && $stderr == *"sudo apt-get install fakechroot fakeroot; make rootfs-import"* ]]
	printf 'Package: %s\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n' \
		fakechroot fakeroot >>"$BATS_TEST_TMPDIR/status"
	run -0 "${build[@]}"
	umount /var/lib/dpkg/status
	[[ $(<"$home/called") == "$(id -u "$PLAIN") --mode=fakechroot" ]]
	[[ -z $(find "$into" ! -user "$PLAIN") && -d $into/dev && ! -e $into/dev/null ]]
	run -0 "${build[@]}"
	[[ $output == *"is up to date"* ]]

	# Extracted again from what is there, no tool is needed.
	rm -r "$into"
	run -0 as_plain "$scripts/build.sh"
	run -0 as_plain "$scripts/export.sh" "$home/mine.tar.zst"
	cache=$memory/cache into=$memory/into/rootfs
	run -0 import "$home/mine.tar.zst"
	rm -r "$BATS_TEST_TMPDIR/tree/dev/"*
	listing "$into" | diff - <(listing "$BATS_TEST_TMPDIR/tree")
}

# ---- a start -------------------------------------------------------------------------------------

@test "a start that has opened the old tree is waited for before that is removed" {
	old_and_new
	mkdir -p /run/pyroute
	exec {start}>/run/pyroute/lock
	flock "$start"
	import "$file" >/dev/null {start}>&- &
	local pid=$! patience=200
	until holds $NEW; do
		((patience-- > 0))
		sleep 0.05
	done
	sleep 0.5
	kill -0 "$pid"
	[[ -e $(echo "$into".old.*)/bin/dash ]]
	exec {start}>&-
	wait "$pid"
	nothing_left
}
