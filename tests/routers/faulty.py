#!/usr/bin/python3
"""plain.py's router with one bug of its own: what students' routers do wrong, or what looks wrong.

faulty.py BUG       that router
faulty.py --list    every BUG, with a sentence that tells what it does

The bugs are in bugs_*.py, made of what bugs.py has. One whose sentence begins with "Right" or with
"Allowed" carries what it should as it should."""

import importlib
import sys

import plain
from bugs import BUGS

for part in "arp", "header", "carry", "program":
    importlib.import_module(f"bugs_{part}")


def main():
    if sys.argv[1:] == ["--list"]:
        for name, faulty in BUGS.items():
            print(f"{name:22} {faulty.__doc__}")
    elif len(sys.argv) == 2 and sys.argv[1] in BUGS:
        faulty = BUGS[sys.argv[1]]
        if issubclass(faulty, plain.Leg):
            plain.main(leg=faulty)
        else:
            plain.main(router=faulty, leg=getattr(faulty, "leg", plain.Leg))
    else:
        sys.exit("faulty.py: name one bug of those that --list prints")


if __name__ == "__main__":
    main()