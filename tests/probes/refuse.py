#!/usr/bin/env python3
"""refuse.py CALL[&FLAGS]=ERRNO ... -- COMMAND ARG...

Runs a command for which the kernel refuses system calls, as under a container's seccomp policy:
each CALL fails with ERRNO; with FLAGS only where its first argument has one of these bits. As root
it leaves set-user-id programs working.
"""

import ctypes
import errno
import os
import struct
import sys

NUMBERS = {  # of x86-64, of 64-bit ARM
    "bpf": (321, 280),
    "clone": (56, 220),
    "fsopen": (430, 430),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "openat2": (437, 437),
    "prctl": (157, 167),
    "seccomp": (317, 277),
    "unshare": (272, 97),
}
FLAGS = {"CLONE_NEWUSER": 0x10000000, "CLONE_NEWNET": 0x40000000, "SET_MODE_FILTER": 1}

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
NUMBER_AT, ARGUMENT_AT = 0, 16  # in struct seccomp_data


def instruction(code, value, if_true=0, if_false=0):
    return struct.pack("=HBBI", code, if_true, if_false, value)


def refusal(rule):
    call, error = rule.split("=")
    call, _, flags = call.partition("&")
    number = NUMBERS[call][os.uname().machine == "aarch64"]
    give_up = instruction(RETURN, REFUSE | getattr(errno, error))
    if not flags:
        return (instruction(LOAD, NUMBER_AT) + instruction(EQUAL, number, 0, 1) + give_up)
    return (instruction(LOAD, NUMBER_AT) + instruction(EQUAL, number, 0, 3)
            + instruction(LOAD, ARGUMENT_AT) + instruction(ANY_BIT, FLAGS[flags], 0, 1) + give_up)


def main():
    split = sys.argv.index("--")
    program = b"".join(map(refusal, sys.argv[1:split])) + instruction(RETURN, ALLOW)
    buffer = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if os.geteuid() != 0:
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_char_p(head), 0, 0) != 0:
        sys.exit(f"refuse.py: {os.strerror(ctypes.get_errno())}")
    os.execvp(sys.argv[split + 1], sys.argv[split + 1:])


main()
