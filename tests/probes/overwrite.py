#!/usr/bin/env python3
"""overwrite.py FD: tries to change the program file that is open for reading as FD.

Prints what file it is, then a line for each way that was not refused.
"""

import os
import sys
import time

PATIENCE = 1.0  # seconds, in which others may end that run the program (ETXTBSY)

FILE = f"/proc/self/fd/{sys.argv[1]}"


def write(flags):
    fd = os.open(FILE, flags)
    os.write(fd, b"#!/bin/sh\necho hit\n")


WAYS = {
    "written": lambda: write(os.O_WRONLY),
    "written, as one to read too": lambda: write(os.O_RDWR),
    "appended to": lambda: write(os.O_WRONLY | os.O_APPEND),
    "cut short": lambda: write(os.O_WRONLY | os.O_TRUNC),
    "truncated": lambda: os.truncate(FILE, 10),
    "changed in its mode": lambda: (os.chmod(FILE, 0o777), write(os.O_WRONLY)),
    "of another process": lambda: os.close(os.open("/proc/1/exe", os.O_WRONLY)),
}


def main():
    print(os.readlink(FILE))
    print("holds", len(open(FILE, "rb").read()), "bytes")
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for name, way in WAYS.items():
            try:
                way()
                print(name)
                return
            except OSError:
                pass
        time.sleep(0.02)
    print("refused")


main()
