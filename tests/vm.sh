# shellcheck shell=bash
# What the scripts share that try something in a virtual machine with a kernel of Debian's. Sourced,
# never run. Those who source it have scripts/lib.sh and stand in a folder of their own, which gets
# kernel/, initrd.gz and disk.img.

readonly TIME_LIMIT=${TIME_LIMIT:-600} # seconds, for the virtual machine
readonly ACCEL=${ACCEL:-tcg,thread=multi} # kvm is faster, where this machine lends it
readonly MEMORY=${MEMORY:-1024}        # MiB, of the virtual machine
readonly KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# ---- outside --------------------------------------------------------------------------------------

# Unpacks the kernel of the package $1 in kernel/. Sets RELEASE to what uname -r will say.
fetch_kernel() {
	local package

	# linux-image-cloud-amd64 merely depends on the package of the newest kernel.
	package=$(apt-cache depends "$1" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p') ||
		die "apt knows no package $1: sudo apt-get update"
	# The download is not apt's own user's: $work is for root alone.
	apt-get -q -o APT::Sandbox::User=root download "${package:-$1}" >download.log 2>&1 ||
		die "cannot download ${package:-$1}: $(tail -n 1 download.log)"
	rm -rf kernel
	dpkg-deb -x linux-image-*.deb kernel
	[[ -e kernel/lib ]] || ln -s usr/lib kernel/lib # so it is from Debian 13 on
	release=$(basename -- "$(echo kernel/boot/vmlinuz-*)")
	release=${release#vmlinuz-}
	[[ -d kernel/lib/modules/$release ]] || die "there is no kernel in ${package:-$1}"
	depmod -b kernel "$release"
}

# The initial ramdisk: what it takes to mount the disk, and then run what is named on it.
make_initrd() {
	local module

	mkdir -p initrd/{bin,dev,modules,root}
	cp "$(type -P busybox)" initrd/bin/busybox
	modprobe -d kernel -S "$release" -a --show-depends virtio_pci virtio_blk ext4 |
		sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' >modules
	while read -r module; do
		cp "$module" initrd/modules/
		say "/bin/busybox insmod /modules/${module##*/}"
	done <modules >initrd/insmod
	cat >initrd/init <<-END
		#!/bin/busybox sh
		/bin/busybox mount -t devtmpfs dev /dev
		. /insmod
		/bin/busybox mount -t ext4 /dev/vda /root
		/bin/busybox umount /dev
		exec /bin/busybox switch_root /root $*
	END
	chmod 755 initrd/init
	(cd initrd && find . | cpio --quiet -o -H newc | gzip -1) >initrd.gz
}

# make_system PACKAGE...: a minimal system of this machine's own suite of Debian in disk/, with systemd
# as the first process.
make_system() {
	local suite sources packages

	suite=$(. /etc/os-release && say "${VERSION_CODENAME:-}")
	mapfile -t sources < <(mirrors "$suite")
	apt_options >apt.conf
	packages=$(IFS=, && say "$*")
	mmdebstrap --mode=root --variant=minbase --keyring="$KEYRING" --aptopt="$PWD/apt.conf" \
		--include="systemd-sysv,libpam-systemd,dbus-user-session,kmod,procps,$packages" \
		--skip=check/signed-by,cleanup/run "$suite" disk "${sources[@]}" >mmdebstrap.log 2>&1 ||
		die "cannot make a minimal system of $suite: $(grep -m 1 '^E: ' mmdebstrap.log)"
	mkdir -p disk/lib/modules
	cp -a "kernel/lib/modules/$release" disk/lib/modules/
	: >disk/etc/machine-id
}

# The libraries of PROGRAM... that disk/ lacks.
add_libraries() {
	local library

	for library in $(ldd "$@" | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p' | sort -u); do
		[[ -e disk$library ]] || cp -L --parents "$library" disk/
	done
}

# add_service COMMAND: the tests are a service of systemd's, on the console; at its end the machine is
# switched off.
add_service() {
	cat >disk/etc/systemd/system/tests.service <<-END
		[Unit]
		Wants=dbus.service systemd-logind.service
		After=dbus.service systemd-logind.service systemd-user-sessions.service
		[Service]
		Type=oneshot
		ExecStart=$*
		ExecStopPost=/bin/systemctl poweroff --force --force
		StandardOutput=tty
		StandardError=tty
		TTYPath=/dev/ttyS0
	END
	mkdir -p disk/etc/systemd/system/multi-user.target.wants
	ln -sf ../tests.service disk/etc/systemd/system/multi-user.target.wants/
}

# Makes a disk of SIZE of the tree disk/, which goes unless KEEP is set. mkfs.ext4 fills it by itself: no loop device,
# no mount.
pack_disk() {
	truncate -s "$1" disk.img
	mkfs.ext4 -q -d disk disk.img
	[[ ${KEEP:-} ]] || rm -rf disk
}

# Runs the machine, with more words for its kernel, and shows what it tells: TAP, on its console.
# True where it came to the end of it and nothing failed.
run_machine() {
	timeout --foreground -k 10 "$TIME_LIMIT" qemu-system-x86_64 -M q35 -accel "$ACCEL" -cpu max \
		-smp 2 -m "$MEMORY" -nic none -display none -monitor none -serial stdio -no-reboot \
		-kernel "kernel/boot/vmlinuz-$release" -initrd initrd.gz \
		-drive file=disk.img,format=raw,if=virtio,cache=unsafe \
		-append "console=ttyS0 quiet panic=-1 $*" ${ICOUNT:+-icount "$ICOUNT"} </dev/null 2>&1 |
		sed -u 's/\r$//' | tee console | grep --line-buffered -E '^(ok|not ok|1\.\.|#)' || true
	if ! grep -q '^1\.\.[1-9]' console; then
		tail -n 20 console | sed 's/^/console: /' >&2
		die "Linux $release did not come to the end; above is the end of its console"
	fi
	! grep -q '^not ok' console
}

# ---- inside ---------------------------------------------------------------------------------------

number=0
failed=0

# check SENTENCE COMMAND...: the sentence is true where the command succeeds. Sets WORD. What it said
# is shown where it failed.
check() {
	local sentence=$1 said=${BATS_TEST_TMPDIR:-/run}/said

	shift
	word=ok
	number=$((number + 1))
	"$@" >"$said" 2>&1 || word="not ok"
	[[ $word == ok ]] || failed=$((failed + 1))
	say "$word $number $sentence"
	[[ $word == ok ]] || sed 's/^/# /' "$said"
}

# ends_with STATUS COMMAND...
ends_with() {
	local wanted=$1 status=0

	shift
	"$@" || status=$?
	echo "status $status"
	[[ $status == "$wanted" ]]
}

finish() {
	say "1..$number"
	say "# $number tests, $failed failed"
}
