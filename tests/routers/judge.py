#!/usr/bin/python3
"""Every router of faulty.py before pyroute check and pyroute why: a table of what they say of it.

judge.py [--quick] [--jobs N] [BUG...]   needs pyroute in PATH; in a checkout with stages/ and src/

The table "verdicts" beside this file tells, for each router and stage, which checks it fails, which
cannot be asked of it, and which step why names. Prints the same of what was found, with what differs
marked, and ends with 1 where anything does. Several at a time, each in a private stage of its own;
--quick leaves out those that are not marked for the suite there.

A verdict holds answers to times, and the routers here take the processors from one another and
whatever else runs from all of them: so a row that differs is asked once more, with no other beside
it, and what it says then counts. One that differs for another reason does so again."""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 60  # seconds for any command
# From whom to whom why is asked.
THROUGH = ("client1", "client2")
OTHERS = (("client1", "net1"), ("client1", "net2"), ("client1", "9.9.9.9"), ("client1", "client3"))
WAYS = {"stage1": (THROUGH,), "three": (THROUGH, *OTHERS), "prefixes": (THROUGH,)}


def read_table():
    """(bug, stage) -> (quick, failed, unasked, step); "-" stands for none, "*" for any."""
    table = {}
    with open(os.path.join(HERE, "verdicts"), encoding="ascii") as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                quick, bug, stage, failed, unasked, step = line.split()
                table[bug, stage] = quick == "+", failed, unasked, step
    return table


def pyroute(*arguments):
    return subprocess.run(
        ("pyroute", *arguments),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=LIMIT,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def names(checks, outcome):
    return ",".join(check["name"] for check in checks if check["outcome"] == outcome) or "-"


def check(bug, stage, name):
    """What the checks say: those that failed, and those that could not be asked."""
    command = f"exec {sys.executable} {HERE}/faulty.py {bug}"
    said = pyroute("check", "--private", "--name", name, "--format", "json", "--router", command, stage)
    try:
        report = json.loads(said.stdout)
    except ValueError:
        return f"status-{said.returncode}", said.stderr.strip().replace(" ", "_")
    failed, unasked = (names(report["checks"], outcome) for outcome in ("fail", "could not ask"))
    if (said.returncode == 0) != (failed == unasked == "-"):
        return f"status-{said.returncode}", "-"
    return failed, unasked


def listens(router, said):
    """Waits until the router says that it does, or has ended; reads on what it prints."""
    for line in router.stdout:
        if "ready" in line:
            said.set()
    said.set()


def why(bug, stage, name):
    """The step that is the cause, on the first way where something is wrong."""
    said = pyroute("start", "--private", "--name", name, stage)
    if said.returncode != 0:
        return said.stderr.strip().replace(" ", "_")
    with subprocess.Popen(
        ("pyroute", "run", "--name", name, "--", sys.executable, f"{HERE}/faulty.py", bug),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as router:
        ready = threading.Event()
        reader = threading.Thread(target=listens, args=(router, ready))
        reader.start()
        ready.wait(0.5 if bug == "never-listens" else LIMIT)
        steps = (cause(pyroute("why", "--name", name, "--json", *way)) for way in WAYS[stage])
        step = next((step for step in steps if step != "none"), "none")
        pyroute("stop", "--name", name)
        reader.join()
    return step


def cause(said):
    """The step that why names; where it names none, what it says."""
    try:
        return json.loads(said.stdout)["cause"]["step"]
    except ValueError:
        return f"status-{said.returncode}:{said.stderr.strip()}".replace(" ", "_")


def judge(bug, stage):
    name = f"{bug}.{stage}"
    return *check(bug, stage, name), why(bug, stage, name)


def told(key, row, found):
    """Prints a row as it was found; True where it is not what the table says, which is printed too."""
    quick, *expected = row
    print("+" if quick else ".", *key, *found, flush=True)
    differs = any(want not in ("*", said) for want, said in zip(expected, found))
    if differs:
        print("  EXPECTED", *expected, flush=True)
    return differs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("bugs", nargs="*")
    wish = parser.parse_args()
    table = {
        key: row
        for key, row in read_table().items()
        if (row[0] or not wish.quick) and (not wish.bugs or key[0] in wish.bugs)
    }
    with concurrent.futures.ThreadPoolExecutor(wish.jobs) as pool:
        results = pool.map(lambda key: judge(*key), table)
        doubtful = [key for key, found in zip(table, results) if told(key, table[key], found)]
    if doubtful:
        print("# asked again, one by one:")
    wrong = sum(told(key, table[key], judge(*key)) for key in doubtful)
    print(f"# {len(table)} routers, {wrong} judged otherwise than expected")
    return 1 if wrong or not table else 0


if __name__ == "__main__":
    sys.exit(main())
