#!/usr/bin/env python3
"""spy.py LAST: in a client, looks at every process that comes, until one is named LAST.

Tries of each whatever could lead out: its links and files in /proc, and to trace it. Prints "ready"
when it looks, at the end what it could read, each once, and how many processes it met.
"""

import ctypes
import os
import sys

LOOKS = 400  # at one process, until it lets us look

PTRACE_SEIZE, WALL = 0x4206, 0x40000000

ptrace = ctypes.CDLL(None, use_errno=True).ptrace
ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def links(process):
    """What may be read of a process, as words."""
    for name in ("exe", "cwd", "root"):
        try:
            yield name, os.readlink(f"{process}/{name}")
        except OSError:
            pass
    try:
        for fd in os.listdir(f"{process}/fd"):
            yield f"fd {min(int(fd), 3)}", os.readlink(f"{process}/fd/{fd}").split("[")[0]
    except OSError:
        pass


def texts(process):
    for name in ("maps", "environ"):
        try:
            with open(f"{process}/{name}", errors="replace") as stream:
                for line in stream.read().replace("\0", "\n").splitlines():
                    yield name, line.split(" ")[-1]
        except OSError:
            pass


def spy(pid, seen):
    """Looks at one process until it has changed into another program, or is gone."""
    process = f"/proc/{pid}"
    traced = False
    for _ in range(LOOKS):
        if not traced:
            traced = ptrace(PTRACE_SEIZE, pid, None, None) == 0
        found = set(links(process))
        seen |= found
        seen.update(texts(process))
        if traced:
            seen.update(("traced " + what, text) for what, text in found)
        if found or not os.path.exists(process):
            return


def reap():
    """Who waits for one that is traced waits for its tracer first."""
    try:
        while os.waitpid(-1, os.WNOHANG | WALL)[0] > 0:
            pass
    except ChildProcessError:
        pass


def name_of(pid):
    try:
        with open(f"/proc/{pid}/comm") as stream:
            return stream.read().strip()
    except OSError:
        return ""


def main():
    seen = set()
    met = 0
    newest = os.getpid()
    loads = os.open("/proc/loadavg", os.O_RDONLY)  # its last word is the newest process's number
    print("ready", flush=True)
    while name_of(newest) != sys.argv[1]:
        pid = int(os.pread(loads, 100, 0).split()[-1])
        if pid != newest:
            newest = pid
            met += 1
            spy(pid, seen)
        reap()
    for what, text in sorted(seen):
        print(f"{what}: {text}")
    print(f"met: {met}", flush=True)


main()
