#!/usr/bin/env python3
"""setid.py FOLDER: makes set-uid and set-gid programs in FOLDER, by every way that there is.

Each way makes a file of its own, from /bin/sh; what is refused is left as far as it came. Prints how
many were tried.
"""

import ctypes
import os
import shutil
import sys
import tarfile

SET = 0o6000
AT_FDCWD = -100
SYS_FCHMODAT2 = 452
libc = ctypes.CDLL(None, use_errno=True)

# Version 2 of what vfs_cap_data holds: every capability permitted, and effective at once.
CAPABILITIES = bytes.fromhex("01000002") + b"\xff" * 4 + bytes(4) + b"\xff" * 4 + bytes(4)


def by_chmod(path):
    os.chmod(path, 0o755 | SET)


def by_chmod_of_an_own_one(path):
    os.chown(path, 0, 0)
    os.chmod(path, 0o4755)


def by_fchmod(path):
    with open(path, "r+b") as stream:
        os.fchmod(stream.fileno(), 0o755 | SET)


def by_fchmodat(path):
    os.chmod(os.path.basename(path), 0o755 | SET, dir_fd=os.open(os.path.dirname(path), os.O_RDONLY))


def by_fchmodat2(path):
    libc.syscall(SYS_FCHMODAT2, AT_FDCWD, path.encode(), 0o755 | SET, 0)


def by_open(path):
    os.unlink(path)
    os.umask(0)
    with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o755 | SET), "wb") as to:
        to.write(open("/bin/sh", "rb").read())


def by_creat(path):
    os.unlink(path)
    libc.creat(path.encode(), 0o755 | SET)


def by_mknod(path):
    os.unlink(path)
    os.mknod(path, 0o100755 | SET)


def by_a_set_gid_folder(path):
    os.unlink(path)
    os.mkdir(path, 0o755 | SET)
    os.chmod(path, 0o755 | SET)


def by_an_attribute(path):
    os.setxattr(path, "security.capability", CAPABILITIES)


def by_install(path):
    os.system(f"install -m 4755 /bin/sh '{path}' 2>/dev/null")


def by_tar(path):
    with tarfile.open("/tmp/t.tar", "w") as archive:
        entry = archive.gettarinfo(os.path.realpath("/bin/sh"), os.path.basename(path))
        entry.mode = 0o755 | SET
        with open("/bin/sh", "rb") as stream:
            archive.addfile(entry, stream)
    os.system(f"tar -xpf /tmp/t.tar -C '{os.path.dirname(path)}' 2>/dev/null")


def by_moving_it_in(path):
    shutil.copy("/bin/sh", "/tmp/own")
    try:
        os.chmod("/tmp/own", 0o755 | SET)
    except OSError:
        pass
    os.system(f"mv /tmp/own '{path}'")


def main():
    ways = [way for name, way in globals().items() if name.startswith("by_")]
    for way in ways:
        path = f"{sys.argv[1]}/{way.__name__}"
        shutil.copy("/bin/sh", path)
        try:
            way(path)
        except OSError:
            pass
    print(len(ways))


main()
