#!/usr/bin/env bats
# pyroute doctor names what this machine lacks and the command that mends it. What is missing is
# really missing, in namespaces of the test's own, but where a test says otherwise; and where the
# remedy can be carried out here, it is, and mends.

load helpers

# host: it looks at the machine, where no stage runs, for root and for ordinary users alike
# bats file_tags=host

setup() {
	common_setup
	checkout_give
}

# diagnose [COMMAND...]: lets the doctor look, by COMMAND if there is one. The answer is in $OUT, the
# exit status in $status.
diagnose() {
	status=0
	"$@" /usr/bin/timeout $((60 * SLOWNESS)) pyroute doctor --json >"$OUT" || status=$?
	echo "$* pyroute doctor: status $status"
}

# of NAME KEY: what the answer says of a check.
of() {
	"$PYTHON" - "$OUT" "$@" <<-'END'
		import json, sys
		told = json.load(open(sys.argv[1]))
		checks = {check["name"]: check for check in told["checks"]}
		print(checks[sys.argv[2]][sys.argv[3]])
	END
}

# says NAME STATE [FOUND [REMEDY]]: FOUND is a part of what was found, REMEDY is exact.
says() {
	local state found remedy
	state=$(of "$1" state)
	found=$(of "$1" found)
	remedy=$(of "$1" remedy)
	echo "$1: $state: $found: $remedy"
	[[ $state == "$2" && $found == *"${3:-}"* ]]
	[[ $# -lt 4 || $remedy == "$4" ]]
}

# mend NAME: does what the answer says, where we are root already.
mend() {
	local remedy
	remedy=$(of "$1" remedy)
	sudo() { "$@"; }
	eval "$remedy"
	unset -f sudo
}

# The same commands as root of a user namespace that has all ids: nested COMMANDS
nested() {
	local pid
	mkfifo "$OUT.there" "$OUT.mapped"
	# Root of it is who executes a program while 0 is mapped, and not before.
	inside --user -- "echo \$\$ >$OUT.there; read -r <$OUT.mapped; exec bash -euc '$1'" &
	read -r pid <"$OUT.there"
	echo "0 0 4294967295" >"/proc/$pid/uid_map"
	echo "0 0 4294967295" >"/proc/$pid/gid_map"
	echo >"$OUT.mapped"
	rm "$OUT.there" "$OUT.mapped"
	wait "$!"
}

# The same commands in a shell of other namespaces: inside UNSHARE-OPTION... -- COMMANDS
inside() {
	local options=()
	while [[ $1 != -- ]]; do
		options+=("$1")
		shift
	done
	export -f inside diagnose of says mend as_student wait_until
	export OUT STUDENT PYTHON PYROUTE_TEST_SCRATCH CHECKOUT
	unshare "${options[@]}" bash -euc "$2"
}

# ---- nothing is missing --------------------------------------------------------------------------

@test "where a start works the doctor finds nothing that hinders it, for root and for a user" {
	local check
	diagnose
	cat "$OUT"
	[[ $status == 0 && $("$PYTHON" -c 'import json, sys
print([check["name"] for check in json.load(sys.stdin)["checks"]
       if check["needed_for_start"] and check["state"] != "ok"])' <"$OUT") == "[]" ]]
	grep -q '"can_start":true' "$OUT"
	diagnose as_student
	[[ $status == 0 ]]
	for check in root kernel user-namespaces namespaces proc overlay seccomp veth leg src private-leg; do
		says "$check" ok
	done
	student_sudo_pyroute start stage1
}

@test "what only root can try is not called fine" {
	local check
	diagnose as_student
	for check in rootfs-ids src-ids bpf cgroups; do
		says "$check" unknown "run with sudo" None
	done
	diagnose
	for check in rootfs-ids src-ids bpf cgroups; do
		says "$check" ok
	done
}

@test "the doctor changes nothing and leaves nothing, whether a stage runs or not" {
	leaves_nothing diagnose
	says kernel ok
	leaves_nothing diagnose as_student
	says kernel ok
	stage_start
	leaves_nothing diagnose
	says interfaces ok stage1
	connect client1 -- true
}

@test "for people it is a line a check, a remedy on a line of its own, without colour in a pipe" {
	rmdir src 2>/dev/null || mv src elsewhere
	run -1 pyroute doctor
	echo "$output"
	grep -E "^ok +kernel +Linux [0-9]" <<<"$output"
	grep -A 1 -E "^missing +src +" <<<"$output" | tail -n 1 | grep -xE " +mkdir $CHECKOUT/src"
	[[ ${lines[-1]} == "a start would fail"* ]]
	run ! grep $'\033' <<<"$output"
	mkdir src
	run -0 pyroute doctor
	run ! grep -E "^missing +src" <<<"$output"
}

@test "on a terminal it is coloured, unless NO_COLOR is set or the terminal is dumb" {
	local variables
	TERM=xterm script -qec "pyroute doctor" /dev/null </dev/null >"$OUT"
	grep -q $'\033\[32mok' "$OUT"
	for variables in "TERM=xterm NO_COLOR=1" "TERM=dumb" "TERM="; do
		# shellcheck disable=SC2086 # they are several
		env $variables script -qec "pyroute doctor" /dev/null </dev/null >"$OUT"
		grep -q '^ok ' "$OUT"
		run ! grep $'\033' "$OUT"
	done
	TERM=xterm NO_COLOR='' script -qec "pyroute doctor" /dev/null </dev/null | grep -q $'\033\[32mok'
}

# ---- the kernel and its policies ----------------------------------------------------------------

@test "a kernel that is too old is named" {
	# The kernel itself tells this process so: personality(2), UNAME26.
	diagnose setarch --uname-2.6
	says kernel missing "Linux 2.6."
	[[ $status == 1 ]]
}

# red: exam.c: exam_blame_limit() returns false for every code
@test "user.max_user_namespaces = 0 is named with its remedy, which mends it" {
	nested '
		diagnose
		says user-namespaces ok
		echo 0 >/proc/sys/user/max_user_namespaces
		diagnose
		[[ $status == 1 ]]
		says user-namespaces missing "user.max_user_namespaces is 0" \
			"sudo sysctl -w user.max_user_namespaces=16384"
		says own-user-namespaces missing "" "sudo sysctl -w user.max_user_namespaces=16384"
		says proc unknown "user namespaces are needed" None
		diagnose as_student
		[[ $status == 1 ]]
		says user-namespaces missing "user.max_user_namespaces is 0" \
			"sudo sysctl -w user.max_user_namespaces=16384"
		says own-user-namespaces missing "" "sudo sysctl -w user.max_user_namespaces=16384"
		mend user-namespaces
		diagnose
		says user-namespaces ok'
}

@test "each kind of namespace is tried" {
	local kind
	for kind in mnt pid net uts ipc cgroup; do
		nested "
			diagnose
			says namespaces ok $kind
			echo 0 >/proc/sys/user/max_${kind}_namespaces
			diagnose
			says namespaces missing user.max_${kind}_namespaces \
				\"sudo sysctl -w user.max_${kind}_namespaces=16384\"
			[[ $kind == mnt ]] || says own-namespaces missing user.max_${kind}_namespaces \
				\"sudo sysctl -w user.max_${kind}_namespaces=16384\"
			mend namespaces
			diagnose
			says namespaces ok"
	done
}

# Other than one that is 0 they concern users one by one. holder KIND COMMAND...: COMMAND makes one.
holder() {
	local kind=$1
	shift
	"$@" sleep 100 >/dev/null 2>&1 3>&- &
	holder=$!
	wait_until is_apart "$kind" "$holder"
}

is_apart() {
	[[ $(readlink "/proc/$2/ns/$1") != "$(readlink "/proc/self/ns/$1")" ]]
}

@test "limits on namespaces that are used up are named, root's and a user's, and raising them mends it" {
	export -f holder is_apart
	nested '
		echo 1 >/proc/sys/user/max_uts_namespaces
		diagnose
		says namespaces ok
		holder uts unshare --uts
		diagnose
		[[ $status == 1 ]]
		says namespaces missing "user.max_uts_namespaces is 1, and so many there are" \
			"sudo sysctl -w user.max_uts_namespaces=16384"
		says own-namespaces ok
		# A limit of the world outside shows there alone.
		diagnose unshare --user --map-root-user
		says namespaces missing "outside of this container" None
		diagnose
		mend namespaces
		diagnose
		says namespaces ok
		kill "$holder"'
	nested '
		holder user setpriv --reuid="$STUDENT" --regid="$STUDENT" --init-groups unshare --user --uts
		echo 1 >/proc/sys/user/max_user_namespaces
		diagnose as_student
		says own-user-namespaces missing "user.max_user_namespaces is 1, and so many there are" \
			"sudo sysctl -w user.max_user_namespaces=16384"
		mend own-user-namespaces
		echo 1 >/proc/sys/user/max_uts_namespaces
		diagnose as_student
		says own-user-namespaces ok
		says own-namespaces missing "user.max_uts_namespaces is 1, and so many there are" \
			"sudo sysctl -w user.max_uts_namespaces=16384"
		# Where plain root looks, it is for somebody who has none.
		diagnose
		says own-namespaces ok
		diagnose as_student
		mend own-namespaces
		diagnose as_student
		says own-namespaces ok
		kill "$holder"'
}

# What a container's seccomp policy refuses, for whomever.
refused() {
	local rules=()
	while [[ $1 != -- ]]; do
		rules+=("$1")
		shift
	done
	"$PYTHON" "$CHECKOUT/src/refuse.py" "${rules[@]}" "$@"
}

@test "a container that refuses user namespaces is named" {
	diagnose refused "clone&CLONE_NEWUSER=EPERM" --
	[[ $status == 1 ]]
	says user-namespaces missing container None
	says namespaces ok
	# An ordinary user cannot tell whether root is refused too.
	diagnose as_student "$PYTHON" src/refuse.py "clone&CLONE_NEWUSER=EPERM" --
	says user-namespaces unknown "run with sudo"
	says namespaces unknown
	diagnose refused "clone&CLONE_NEWNET=EPERM" --
	says user-namespaces ok
	says namespaces missing net
}

@test "where users can make user namespaces but not be root of them, no start is said to fail" {
	local check
	# AppArmor's way: clone(2) succeeds, and what needs a capability is refused.
	diagnose as_student "$PYTHON" src/refuse.py mount=EACCES --
	[[ $status == 0 ]]
	for check in user-namespaces namespaces proc overlay veth bridge leg cls_bpf act_mirred netem; do
		says "$check" unknown "" None
	done
	says user-namespaces unknown "run with sudo"
	says own-user-namespaces missing "refused to ordinary users"
	diagnose as_student
	says user-namespaces ok
}

@test "a kernel without user namespaces is named" {
	diagnose refused "clone&CLONE_NEWUSER=EINVAL" --
	says user-namespaces missing USER_NS
}

# The refusal is a real one, by seccomp; that one of these settings is behind it is feigned, by
# files that lie over /proc/sys/kernel: this kernel has neither.
feigned() {
	inside --mount -- "
		mount -t tmpfs tmpfs /proc/sys/kernel
		echo $2 >/proc/sys/kernel/$1
		diagnose $PYTHON src/refuse.py unshare\&CLONE_NEWUSER=EPERM --
		says own-user-namespaces missing $1 'sudo sysctl -w kernel.$1=$3'
		says own-user-namespaces missing /etc/sysctl.d
		says own-namespaces unknown 'user namespaces are needed' None
		# Root's own are not concerned, but those are that a stage makes in them.
		says user-namespaces missing $1 'sudo sysctl -w kernel.$1=$3'
		diagnose as_student $PYTHON src/refuse.py unshare\&CLONE_NEWUSER=EPERM --
		says own-user-namespaces missing $1 'sudo sysctl -w kernel.$1=$3'
		echo $3 >/proc/sys/kernel/$1
		diagnose
		says user-namespaces ok
		says own-user-namespaces ok
		says own-namespaces ok"
}

# red: exam_kernel.c: exam_user_namespaces() tries do_nothing_child() in the place of nest_child()
@test "Debian's and Ubuntu's settings against user namespaces are named with their remedies" {
	feigned unprivileged_userns_clone 0 1
	feigned apparmor_restrict_unprivileged_userns 1 0
}

@test "a /proc that is covered as container engines do it is named, and uncovering it mends it" {
	inside --mount -- '
		mount -t tmpfs tmpfs /proc/scsi || mount -t tmpfs tmpfs /proc/driver
		mount --bind /dev/null /proc/keys
		mount --bind /dev/null /proc/timer_list
		mount --bind /proc/sys /proc/sys
		mount -o remount,bind,ro /proc/sys
		diagnose
		[[ $status == 1 ]]
		says proc missing "covered in 4 places"
		remedy=$(of proc remedy)
		[[ $remedy == "sudo umount -R /proc/sys /proc/timer_list /proc/keys /proc/"* ]]
		# In a /proc/sys that is read-only no leg can be made either.
		says leg missing "Read-only file system"
		mend proc
		diagnose
		says proc ok
		says leg ok'
}

@test "what a container covers of /sys counts too, and what lies on a cover goes first" {
	inside --mount -- '
		mount -t tmpfs tmpfs /sys/firmware
		diagnose
		[[ $status == 1 ]]
		says proc missing "/sys is covered in 1 place," "sudo umount -R /sys/firmware"
		mount --bind /proc/sys /proc/sys
		mount -t tmpfs tmpfs /proc/sys/net
		mount --bind /dev/null /proc/keys
		mount --bind /dev/null /proc/keys
		diagnose
		says proc missing "/proc and /sys are covered in 5 places"
		# umount of util-linux 2.41 takes both off /proc/keys at once, and says so of the second.
		mend proc || true
		diagnose
		[[ $status == 0 ]]
		says proc ok'
}

@test "a /proc that is read-only as a whole is named, and the remedy mends it" {
	inside --mount -- '
		mount -o remount,bind,ro /proc
		diagnose
		[[ $status == 1 ]]
		says user-namespaces missing "Read-only" "sudo mount -o remount,bind,rw /proc"
		mend user-namespaces
		diagnose
		[[ $status == 0 ]]'
}

@test "seccomp filters, memory files and bpf(2) that are refused are named" {
	diagnose refused seccomp=EINVAL --
	[[ $status == 1 ]]
	says seccomp missing SECCOMP_FILTER
	says bpf ok
	# Without bpf(2) a stage starts: its legs are silent in another way.
	diagnose refused bpf=EPERM --
	[[ $status == 0 ]]
	says bpf missing ETH_P_ALL
	says leg ok
	inside --mount --pid --fork --mount-proc -- '
		diagnose
		says memfd ok
		# From Linux 6.3 on.
		[[ -e /proc/sys/vm/memfd_noexec ]] || exit 0
		echo 2 >/proc/sys/vm/memfd_noexec
		diagnose
		says memfd missing vm.memfd_noexec "sudo sysctl -w vm.memfd_noexec=1"
		mend memfd
		diagnose
		says memfd ok'
}

@test "what of traffic control the kernel has is what tc(8) can make of it" {
	local part wanted
	diagnose
	while IFS='|' read -r part wanted; do
		if unshare --net bash -c "$wanted" 2>"$BATS_TEST_TMPDIR/tc"; then
			says "$part" ok
		else
			cat "$BATS_TEST_TMPDIR/tc"
			says "$part" missing "kernel option"
		fi
	done <<-'END'
		veth|ip link add one type veth peer name other
		bridge|ip link add one type bridge
		ingress|tc qdisc add dev lo clsact
		cls_bpf|tc qdisc add dev lo clsact && tc filter add dev lo ingress bpf bytecode '1,6 0 0 0'
		act_mirred|tc qdisc add dev lo clsact && tc filter add dev lo ingress bpf bytecode '1,6 0 0 0' action mirred egress redirect dev lo
		tbf|tc qdisc add dev lo root tbf rate 1mbit burst 10k latency 10ms
		netem|tc qdisc add dev lo root netem delay 1ms
	END
}

@test "control groups that are not mounted are named, and mounting them mends it" {
	inside --mount -- '
		if [[ -e /sys/fs/cgroup/cgroup.controllers ]]; then
			tree=/sys/fs/cgroup
			wanted="sudo mount -t cgroup2 -o nsdelegate,memory_recursiveprot cgroup2 /sys/fs/cgroup"
		else
			tree=/sys/fs/cgroup/pids
			wanted="sudo mkdir -p $tree && sudo mount -t cgroup -o pids cgroup $tree"
		fi
		umount "$tree"
		diagnose
		[[ $status == 1 ]]
		says cgroups missing --no-limits "$wanted"
		mend cgroups
		diagnose
		says cgroups ok'
}

@test "where nothing at all is mounted for control groups, the remedy mends it too" {
	inside --mount -- '
		umount -R /sys/fs/cgroup
		diagnose
		[[ $status == 1 ]]
		says cgroups missing --no-limits
		mend cgroups
		diagnose
		says cgroups ok'
}

# without_overlay COMMAND...: as on a kernel without overlayfs. This one has it: its refusal is feigned,
# at the third file system that the trial asks for.
without_overlay() {
	strace -f -qq -o /dev/null -e trace=fsopen -e inject=fsopen:error=ENODEV:when=3 "$@"
}

# With a folder of modules of the test's own.
# red: finding.c: module_is_there() returns true; returns false
@test "a kernel without overlayfs is named, and one whose module was not loaded" {
	local modules
	modules=/lib/modules/$(uname -r)
	export -f without_overlay
	export modules
	inside --mount -- '
		mkdir "$OUT.layers"
		mount -t tmpfs tmpfs "$OUT.layers"
		mkdir "$OUT.layers"/{upper,work}
		mount -t overlay -o "lowerdir=/usr/lib,upperdir=$OUT.layers/upper,workdir=$OUT.layers/work" \
			overlay /usr/lib
		mkdir -p /usr/lib/modules
		mount -t tmpfs tmpfs /usr/lib/modules
		diagnose without_overlay
		[[ $status == 1 ]]
		says overlay missing "OVERLAY_FS"
		[[ $(of overlay remedy) != *modprobe* ]]
		says proc ok
		mkdir -p "$modules/kernel/fs/overlayfs"
		touch "$modules/kernel/fs/overlayfs/overlay.ko.xz"
		diagnose without_overlay
		[[ $status == 1 ]]
		says overlay missing "was not loaded" "sudo modprobe overlay"
		diagnose as_student strace -f -qq -o /dev/null -e trace=fsopen \
			-e inject=fsopen:error=ENODEV:when=3
		says overlay missing "was not loaded" "sudo modprobe overlay"
		diagnose
		says overlay ok'
}

# SELinux is feigned, by a file in the place of its own; its refusals are seccomp's.
# red: exam.c: exam_blame_policy() blames SELinux for EPERM; exam_selinux_enforces() looks for 0
@test "SELinux is named where it is in force, and blamed for what it may have refused" {
	inside --mount -- '
		mount -t tmpfs tmpfs /sys/fs/selinux 2>/dev/null || mount -t tmpfs tmpfs /sys/fs
		mkdir -p /sys/fs/selinux
		echo 1 >/sys/fs/selinux/enforce
		diagnose
		says selinux missing "in force" "sudo setenforce 0"
		says user-namespaces ok
		diagnose "$PYTHON" src/refuse.py "clone&CLONE_NEWUSER=EACCES" --
		[[ $status == 1 ]]
		says user-namespaces missing "with SELinux in force" "sudo setenforce 0"
		diagnose as_student "$PYTHON" src/refuse.py "unshare&CLONE_NEWUSER=EACCES" --
		says own-user-namespaces missing "with SELinux in force" "sudo setenforce 0"
		# What somebody else refuses is not its doing.
		diagnose as_student "$PYTHON" src/refuse.py "unshare&CLONE_NEWUSER=EPERM" --
		says own-user-namespaces missing "refused to ordinary users" None
		# For people it is a note, and asks nothing of them.
		as_student pyroute doctor | grep -E "^note +selinux +in force"
		echo 0 >/sys/fs/selinux/enforce
		diagnose
		says selinux ok "not in force"
		diagnose "$PYTHON" src/refuse.py "clone&CLONE_NEWUSER=EACCES" --
		says user-namespaces missing container None'
}

@test "where a tmpfs holds no user attributes, root makes the overlays, and a start works" {
	# As on kernels before 6.6.
	diagnose strace -f -qq -o /dev/null -e trace=fsetxattr -e inject=fsetxattr:error=EOPNOTSUPP
	[[ $status == 0 ]]
	says tmpfs-attributes missing "6.6"
	says overlay ok "by root"
}

# ---- files --------------------------------------------------------------------------------------

# rootfs KEY: what the answer says of the root filesystem.
rootfs() {
	"$PYTHON" -c 'import json, sys; print(json.load(sys.stdin)["rootfs"][sys.argv[1]])' "$1" <"$OUT"
}

@test "the root filesystem that would be used is told, and one that is missing named" {
	diagnose
	[[ $(rootfs path) == /var/lib/pyroute/rootfs && $(rootfs present) == True ]]
	[[ $(rootfs stamp) == "$(</var/lib/pyroute/rootfs/etc/pyroute-rootfs)" ]]
	grep -q "^VERSION_CODENAME=$(rootfs suite)" /var/lib/pyroute/rootfs/usr/lib/os-release
	export -f rootfs
	inside --mount -- '
		mount -t tmpfs tmpfs /var/lib/pyroute
		diagnose
		[[ $status == 1 && $(rootfs path) == /var/lib/pyroute/rootfs && $(rootfs present) == False ]]
		says rootfs missing "there is no root filesystem" "sudo scripts/install.sh"
		says rootfs-ids unknown
		says overlay ok
		mkdir scripts
		install -m 755 /dev/null scripts/install.sh
		diagnose
		says rootfs missing "" "sudo $CHECKOUT/scripts/install.sh"'
}

@test "a user who has a root filesystem of their own uses that, and root does not" {
	local own=$PYROUTE_TEST_SCRATCH/home/.local/share/pyroute/rootfs
	diagnose as_student
	[[ $(rootfs path) == /var/lib/pyroute/rootfs ]]
	as_student mkdir -p "$own/bin"
	as_student cp /bin/sh "$own/bin/"
	diagnose as_student
	[[ $(rootfs path) == "$own" && $(rootfs present) == True && $(rootfs suite) == None ]]
	says rootfs ok "$own"
	diagnose env "HOME=$PYROUTE_TEST_SCRATCH/home"
	[[ $(rootfs path) == /var/lib/pyroute/rootfs ]]
	rm -r "$PYROUTE_TEST_SCRATCH/home/.local"
}

@test "a file system that cannot map ids is named, below src/ and below the root filesystem" {
	inside --mount -- '
		mkdir "$OUT.upper" "$OUT.work"
		mount -t tmpfs tmpfs "$OUT.work"
		mkdir "$OUT.work"/{upper,work}
		mount -t overlay -o "lowerdir=$CHECKOUT/src,upperdir=$OUT.work/upper,workdir=$OUT.work/work" \
			overlay "$CHECKOUT/src"
		diagnose
		[[ $status == 1 ]]
		says src-ids missing ext4 None
		says rootfs-ids ok
		umount "$CHECKOUT/src"
		mount -t overlay -o "lowerdir=/var/lib/pyroute/rootfs:$CHECKOUT" overlay /var/lib/pyroute/rootfs
		diagnose
		[[ $status == 1 ]]
		says rootfs-ids missing ext4 None
		says src-ids ok'
}

@test "a src/ that is another's or is not there is named, and the remedy mends it" {
	chown root: src
	diagnose as_student
	[[ $status == 1 ]]
	says src missing "belongs to uid 0" \
		"sudo chown -R $(id -u "$STUDENT"):$(id -g "$STUDENT") $CHECKOUT/src"
	mend src
	diagnose as_student
	says src ok
	mv src "it's elsewhere"
	diagnose
	says src missing "" "mkdir $CHECKOUT/src"
	mend src
	diagnose
	[[ $status == 0 ]]
	# A path that means something to a shell is quoted.
	mkdir -p "it's elsewhere/stages"
	status=0
	pyroute doctor --json --dir "it's elsewhere" >"$OUT" || status=$?
	[[ $status == 1 ]]
	mend src
	[[ -d "it's elsewhere/src" ]]
	status=0
	pyroute doctor --json --dir /proc >"$OUT" || status=$?
	[[ $status == 1 ]]
	says src missing "no checkout" None
}

@test "a run directory that is not root's alone is named, and removing it mends it" {
	install -d -o "$STUDENT" /run/pyroute
	diagnose
	[[ $status == 1 ]]
	says run-directory missing "does not belong to root alone" "sudo rm -r /run/pyroute"
	mend run-directory
	diagnose
	says run-directory ok
}

@test "an interface with a leg's name is named, and renaming it mends it" {
	ip link add net7 type veth peer name net12
	ip link add netx type veth peer name net0
	diagnose
	[[ $status == 1 ]]
	says interfaces missing "net12, net7" \
		"sudo ip link set net12 name other-net12 && sudo ip link set net7 name other-net7"
	mend interfaces
	diagnose
	says interfaces ok
	ip link del other-net7
	ip link del netx
}

@test "an interface that is up is renamed as kernels before 6.2 want it, and is up again" {
	# The second has a number that no leg has.
	ip link add net7 type veth peer name net1025
	ip link set net7 up
	ip link set net1025 up
	diagnose
	says interfaces missing "" "sudo ip link set net7 down && \
sudo ip link set net7 name other-net7 && sudo ip link set other-net7 up"
	mend interfaces
	ip link show dev other-net7 up | grep -q other-net7
	diagnose
	says interfaces ok
	ip link del other-net7
}

@test "programs that are missing are named" {
	mkdir bin
	ln -s "$(type -P pyroute)" bin/pyroute
	diagnose as_student env PATH="$CHECKOUT/bin"
	[[ $status == 0 ]] # a private stage works without
	says root missing "no sudo" "su -c 'apt-get install sudo'"
	says python3 missing "" "sudo apt-get install python3"
	ln -s "$(type -P sudo)" "$PYTHON" bin/
	diagnose as_student env PATH="$CHECKOUT/bin"
	[[ $status == 0 ]]
	says root ok "$CHECKOUT/bin/sudo"
	says python3 ok "$CHECKOUT/bin/python3"
}

@test "subordinate ids and newuidmap that are missing are named, for one who is not root" {
	local wanted="sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $STUDENT"
	export wanted
	diagnose
	says subordinate-ids ok "not for root"
	: >/etc/subuid
	: >/etc/subgid
	inside --mount -- '
		mkdir "$OUT.layers"
		mount -t tmpfs tmpfs "$OUT.layers"
		mkdir "$OUT.layers"/{upper,work}
		mount -t overlay -o "lowerdir=/usr/bin,upperdir=$OUT.layers/upper,workdir=$OUT.layers/work" \
			overlay /usr/bin
		rm /usr/bin/newuidmap
		diagnose as_student
		says subordinate-ids missing "" "sudo apt-get install uidmap && $wanted"
		cp /bin/true /usr/bin/newuidmap
		diagnose as_student
		says subordinate-ids missing "" "sudo apt-get install --reinstall uidmap && $wanted"'
	diagnose as_student
	says subordinate-ids missing "no subordinate ids for $STUDENT in /etc/subuid and" "$wanted"
	says subordinate-ids missing "works with one id"
	# For people it is a note, and asks nothing of them.
	as_student pyroute doctor >"$OUT.table" || true
	grep -E "^note +subordinate-ids +no subordinate ids for" "$OUT.table"
	run ! grep usermod "$OUT.table"
	mend subordinate-ids
	diagnose as_student
	says subordinate-ids ok "65535 of user $(id -u "$STUDENT"), by /usr/bin/newuidmap"
	diagnose as_student setpriv --no-new-privs
	says subordinate-ids missing "no_new_privs" None
	# Never those of somebody else.
	echo "other:100000:65536" >/etc/subuid
	echo "other:300000:1000" >/etc/subgid
	diagnose as_student
	says subordinate-ids missing "" \
		"sudo usermod --add-subuids 301000-366535 --add-subgids 301000-366535 $STUDENT"
}

@test "control groups that are a user's own are told, and where there are none what that means" {
	diagnose
	says own-cgroups ok "not for root"
	inside --mount -- '
		# A mount with other flags would change those of them all.
		export FLAGS=$(sed -n "s/.* - cgroup2 [^ ]* //p" /proc/self/mountinfo | head -n 1)
		umount -R /sys/fs/cgroup
		diagnose as_student
		says own-cgroups missing "only version 2" None
		says own-cgroups missing "limits are then each process"
		mount -t cgroup2 -o "${FLAGS:-rw}" cgroup2 /sys/fs/cgroup
		mkdir "/sys/fs/cgroup/${PYROUTE_TEST_SCRATCH##*/}-own"
		echo "$$" >"/sys/fs/cgroup/${PYROUTE_TEST_SCRATCH##*/}-own/cgroup.procs"
		inside --mount --cgroup -- "
			umount /sys/fs/cgroup
			mount -t cgroup2 -o "\${FLAGS:-rw}" cgroup2 /sys/fs/cgroup
			diagnose as_student
			says own-cgroups missing \"none belongs to user\" None
			as_student pyroute doctor | grep -E \"^note +own-cgroups\"
			manager=user.slice/user-$(id -u "$STUDENT").slice/user@$(id -u "$STUDENT").service
			mkdir -p /sys/fs/cgroup/\$manager
			diagnose as_student
			says own-cgroups missing
			chown $STUDENT /sys/fs/cgroup/\$manager/cgroup.procs
			diagnose as_student
			says own-cgroups ok /\$manager
			diagnose env SUDO_UID=$(id -u "$STUDENT") SUDO_GID=$(id -u "$STUDENT")
			says own-cgroups ok /\$manager"'
}

@test "ip forwarding is told, and hinders nothing" {
	[[ $(</proc/sys/net/ipv4/ip_forward) == 1 ]]
	diagnose
	says ip-forwarding ok "on;"
	inside --net -- 'echo 0 >/proc/sys/net/ipv4/ip_forward; diagnose; says ip-forwarding ok off'
}
