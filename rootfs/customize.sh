#!/bin/bash
# Turns a fresh Debian tree into the clients' root filesystem. build.sh has mmdebstrap call this as
# root (of a user namespace at least) with the tree's path and the stamp to leave in it.
set -euo pipefail
root=$1
stamp=$2

# ---- root's home is /~, where the student's src/ appears -----------------------------------------
sed -i 's,^\(root:[^:]*:0:0:[^:]*:\)/root:,\1/~:,' "$root/etc/passwd"
mkdir -m 755 "$root/~" "$root/~/src"
cp "$root/etc/skel/.bashrc" "$root/etc/skel/.profile" "$root/~"
echo 'export LANG=C.UTF-8' >>"$root/~/.bashrc"

# ---- the names that people type ------------------------------------------------------------------
ln -s ipython3 "$root/usr/bin/ipython"

# ---- files that pyroute makes anew for each client: empty here -----------------------------------
for file in hostname hosts resolv.conf; do
	rm -f "$root/etc/$file"
	: >"$root/etc/$file"
done

# ---- ssh from client to client, without a password or a question ---------------------------------
# One key pair and one set of host keys, made here, for all clients: in a lab they need not tell
# each other apart. No PAM: its modules expect a machine that was booted.
mkdir -m 700 "$root/~/.ssh"
chroot "$root" ssh-keygen -q -t ed25519 -N '' -C 'pyroute clients' -f '/~/.ssh/id_ed25519'
cp "$root/~/.ssh/id_ed25519.pub" "$root/~/.ssh/authorized_keys"
mkdir -p "$root/run/sshd"
cat >"$root/etc/ssh/sshd_config.d/pyroute.conf" <<'END'
UsePAM no
PermitRootLogin prohibit-password
END
cat >"$root/etc/ssh/ssh_config.d/pyroute.conf" <<'END'
Host *
	StrictHostKeyChecking no
	UserKnownHostsFile /dev/null
	LogLevel ERROR
END

# ---- no set-uid programs: clients cannot use them, and the computer's users must not --------------
find "$root" -xdev -type f -perm /6000 -exec chmod a-s {} +

# ---- the build's own settings for apt and dpkg ---------------------------------------------------
rm "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"

echo "$stamp" >"$root/etc/pyroute-rootfs"
