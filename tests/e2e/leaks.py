#!/usr/bin/python3 -IS
"""What there is on a test's host, one fact a line, and what a test has left there.

    leaks.py [--own PID]...                        prints the facts, sorted
    leaks.py [--own PID]... since FILE [SECONDS]   compares them with those in FILE

The kernel has two seconds to finish, or SECONDS. What differs from FILE then is printed, FILE is
brought up to date for whoever comes next, and the exit status is 1.

The facts: processes; namespaces; mounts, and those that are open without a place; links, addresses,
routes, rules, permanent neighbours, traffic control, firewall; sysctls; control groups; files in
/run, /tmp and the scratch folder, .stage of the checkout. Not counted: this program and its
ancestors, those named by --own with their children, and what is dead but not reaped.

A namespace lives by a process in it, an open file or a mount: all three are looked at in every
process that /proc of this host shows, threads included. A mount that was taken off its place, and
with it the storage of a client (its tmpfs and overlay), shows in no mountinfo: it lives by an open
file, whose mount id then belongs to no place that there is, or by a process, whose root, working
directory or program it holds. Not seen is what only a message holds that nobody has received yet,
but the socket that it waits in is some process' own. What the kernel itself might forget to free
shows on no single host: soak.bats looks for that.
"""

import fcntl
import os
import re
import sys
import time

PATIENCE = 2.0  # seconds
SHOWN = 12  # facts of a kind
SCRATCH = os.environ["PYROUTE_TEST_SCRATCH"]
CHECKOUT = os.environ.get("CHECKOUT")
WRITTEN = SCRATCH + "/written"  # what has been written to /tmp on this host
MODE_BITS = 0o177777

# ioctl_nsfs(2): of which kind a namespace is, as in clone(2).
NS_GET_NSTYPE = 0xB703
KINDS = {
    0x00020000: "mnt", 0x02000000: "cgroup", 0x04000000: "uts", 0x08000000: "ipc", 0x10000000: "user",
    0x20000000: "pid", 0x40000000: "net", 0x00000080: "time",
}
NSFS = os.stat("/proc/self/ns/net").st_dev

# Those that count or are random by nature.
MOVING = re.compile(
    r"/proc/sys/(kernel/(random/|ns_last_pid|pty/nr|perf_|sched_|hung_task_(warnings|detect_count))"
    r"|fs/(dentry-state|file-nr|inode-|aio-nr|quota/)"
    r"|vm/stat_refresh|net/netfilter/nf_conntrack_count)"
)
# In the scratch folder: bats' own, and what the host is made of.
NOT_OF_TESTS = "bats-run-.*|bin|etc|layers|written|said|cgroup"

# The lock that serialises commands is no stage's, and stays (a reboot clears /run, and /tmp). sudo(8)
# keeps its own, and a shell its history.
LASTING = re.compile(r"/run/pyroute(/lock)?|/tmp/pyroute-[0-9]+(/lock)?|/run/sudo(/.*)?|.*/\.bash_history")

NETWORK = """
ip -d -o link show; echo; ip -o addr show; echo; ip -4 route show table all; echo
ip -6 route show table all; echo; ip rule show; echo; ip -6 rule show; echo
ip neigh show nud permanent; echo; ip neigh show proxy; echo; tc qdisc show; echo
if [ -e /usr/sbin/nft ]; then nft list ruleset; fi
"""
NETWORK_KINDS = "link address route route6 rule rule6 neighbour proxy qdisc nft".split()


def listed(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


def link(path):
    try:
        return os.readlink(path)
    except OSError:
        return ""


def content(path):
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return ""
    try:
        parts = []
        while part := os.read(fd, 1 << 17):
            parts.append(part)
        return b"".join(parts).decode(errors="replace")
    except OSError:
        return ""
    finally:
        os.close(fd)


def output(script):
    reader, writer = os.pipe()
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", script], os.environ, file_actions=[
        (os.POSIX_SPAWN_DUP2, writer, 1), (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0)])
    os.close(writer)
    with open(reader, encoding="utf-8", errors="replace") as stream:
        text = stream.read()
    os.waitpid(pid, 0)
    return text


# ---- processes, and what they hold ---------------------------------------------------------------


def process_parent(pid):
    """The pid of the parent; None where the process is dead."""
    state, parent = content(f"/proc/{pid}/stat").rpartition(")")[2].split()[:2] or ("X", 0)
    return None if state in "ZX" else int(parent)


def living():
    """The parents of all that live, by pid."""
    parents = {}
    for pid in filter(str.isdigit, listed("/proc")):
        try:
            parent = process_parent(pid)
        except ValueError:
            continue
        if parent is not None:
            parents[int(pid)] = parent
    return parents


def ours(parents, own):
    """This process, its ancestors, and those of own with all that they have started."""
    found = set()
    pid = os.getpid()
    while pid:
        found.add(pid)
        pid = parents.get(pid, 0)
    for pid in parents:
        above = pid
        while above and above not in own:
            above = parents.get(above, 0)
        if above:
            found.add(pid)
    return found


def add_processes(facts, parents, own):
    for pid in parents.keys() - ours(parents, own):
        words = content(f"/proc/{pid}/cmdline").replace("\0", " ").strip()[:100]
        name = content(f"/proc/{pid}/comm").strip()
        if name:
            facts[f"process: {pid} {name}: {words!a}"] = ""


def namespace_of(path, target):
    """Of the namespace that is open there, if one is, the name. TARGET may be where it is mounted."""
    if re.fullmatch(r"[a-z]+:\[[0-9]+\]", target):
        return "" if target.startswith(("pipe:", "socket:")) else target
    if not target.startswith("/"):
        return ""
    try:
        if os.stat(path).st_dev != NSFS:
            return ""
        with open(path, "rb") as file:
            kind = KINDS[fcntl.ioctl(file, NS_GET_NSTYPE)]
            return f"{kind}:[{os.fstat(file.fileno()).st_ino}]"
    except (OSError, KeyError):
        return ""


def add_held(facts, parents):
    """Namespaces, and mounts without a place."""
    placed, mount_namespaces, open_on = set(), set(), {}
    for pid in parents:
        who = f"of process {pid}, {content(f'/proc/{pid}/comm').strip()}"
        for task in listed(f"/proc/{pid}/task"):
            here = f"/proc/{pid}/task/{task}"
            for kind in listed(here + "/ns"):
                if target := link(f"{here}/ns/{kind}"):
                    facts.setdefault("namespace: " + target, who)
            # Threads share their files, or else each has its own list.
            for fd in listed(here + "/fd"):
                target = link(f"{here}/fd/{fd}")
                if namespace := namespace_of(f"{here}/fd/{fd}", target):
                    facts.setdefault("namespace: " + namespace, f"open {who}")
                elif target.startswith("/") and not target.startswith("/memfd:"):
                    if mount := re.search(r"mnt_id:\s*([0-9]+)", content(f"{here}/fdinfo/{fd}")):
                        open_on[mount[1]] = f"{target}, open {who}"
            namespace = link(here + "/ns/mnt")
            if namespace and namespace not in mount_namespaces:
                mount_namespaces.add(namespace)
                for line in content(here + "/mountinfo").splitlines():
                    fields = line.split()
                    placed.add(fields[0])
                    if " - nsfs " in line:
                        facts.setdefault("namespace: " + fields[3], f"mounted on {fields[4]} {who}")
    for mount in open_on.keys() - placed:
        facts["mount without a place: " + mount] = open_on[mount]


# ---- what else there is ----------------------------------------------------------------------------


def add_mounts(facts):
    for line in content("/proc/self/mountinfo").splitlines():
        facts["mount: " + line] = ""


def add_network(facts):
    for kind, part in zip(NETWORK_KINDS, re.split(r"^\n", output(NETWORK), maxsplit=9, flags=re.M)):
        for line in part.splitlines():
            line = re.sub(r" expires -?[0-9]+sec", "", line)
            if kind == "link":
                index, line = line.split(": ", 1)
                line += "index " + index
            elif kind == "address":
                line = line.split(": ", 1)[1]
            facts[f"{kind}: {line}"] = ""
            if kind == "qdisc" and (device := re.search(r"^qdisc (?:clsact|ingress) .* dev (\S+)", line)):
                add_filters(facts, device[1])


def add_filters(facts, device):
    for side in "ingress", "egress":
        for line in output(f"tc filter show dev {device} {side}").splitlines():
            facts[f"filter: {device} {side} {line}"] = ""


def add_sysctls(facts, directory="/proc/sys"):
    for entry in os.scandir(directory):
        if entry.is_dir(follow_symlinks=False):
            add_sysctls(facts, entry.path)
        elif not MOVING.match(entry.path):
            for line in content(entry.path).splitlines():
                facts[f"sysctl: {entry.path}:{line}"] = ""


def add_cgroups(facts, directory="/sys/fs/cgroup"):
    for entry in os.scandir(directory):
        if entry.is_dir(follow_symlinks=False):
            facts["cgroup: " + entry.path] = ""
            add_cgroups(facts, entry.path)


def add_file(facts, kind, path, shown):
    try:
        status = os.lstat(path)
    except OSError:
        return
    facts[f"{kind}: {shown} {status.st_mode & MODE_BITS:o} {status.st_uid}:{status.st_gid}"] = ""


def add_tree(facts, kind, directory, shown, depth=9):
    for name in listed(directory):
        path, where = f"{directory}/{name}", f"{shown}/{name}"
        if not LASTING.fullmatch(where):
            add_file(facts, kind, path, where)
        if depth > 1 and os.path.isdir(path) and not os.path.islink(path):
            add_tree(facts, kind, path, where, depth - 1)


def add_scratch(facts):
    for name in listed(SCRATCH):
        path = f"{SCRATCH}/{name}"
        if path != CHECKOUT and not re.fullmatch(NOT_OF_TESTS, name):
            add_file(facts, "scratch", path, path)
            if os.path.isdir(path) and not os.path.islink(path):
                add_tree(facts, "scratch", path, path, 3)
    if CHECKOUT:
        for name in listed(CHECKOUT):
            if name.startswith(".stage"):
                add_file(facts, "checkout", f"{CHECKOUT}/{name}", f"{CHECKOUT}/{name}")


def find_facts(own):
    facts = {}
    parents = living()
    add_processes(facts, parents, own)
    add_held(facts, parents)
    add_mounts(facts)
    add_network(facts)
    add_sysctls(facts)
    add_cgroups(facts)
    add_tree(facts, "run", "/run", "/run")
    add_tree(facts, "tmp", WRITTEN, "/tmp")
    add_scratch(facts)
    return facts


def write(facts, stream):
    for fact in sorted(facts):
        stream.write(fact + "\n")


def show(word, facts):
    """Of each kind a few: a link alone has a hundred settings."""
    shown = {}
    for fact in sorted(facts):
        kind = fact.partition(":")[0]
        shown[kind] = shown.get(kind, 0) + 1
        if shown[kind] <= SHOWN:
            print(word, fact)
    for kind, count in shown.items():
        if count > SHOWN:
            print(word, f"{kind}: {count - SHOWN} more")


def compare(own, file, patience=PATIENCE):
    with open(file, encoding="utf-8") as stream:
        before = set(stream.read().splitlines())
    end = time.monotonic() + float(patience)
    facts = find_facts(own)
    while facts.keys() != before and time.monotonic() < end:
        time.sleep(0.05)
        facts = find_facts(own)
    if facts.keys() == before:
        return 0
    left = facts.keys() - before
    show("left:", [f"{fact} ({facts[fact]})" if facts[fact] else fact for fact in left])
    show("gone:", before - facts.keys())
    with open(file, "w", encoding="utf-8") as stream:
        write(facts, stream)
    return 1


def main(words):
    own = set()
    while words and words[0] == "--own":
        own.add(int(words[1]))
        words = words[2:]
    if words:
        return compare(own, *words[1:])
    write(find_facts(own), sys.stdout)
    return 0


sys.exit(main(sys.argv[1:]))
