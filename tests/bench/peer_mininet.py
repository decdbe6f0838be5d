#!/usr/bin/env python3
"""peer_mininet.py N | probe: N hosts of Mininet's, each with a wire to the computer, by its Python API,
without switches. Says "up", and takes them down at the end of its standard input."""

import sys


def main():
    try:
        from mininet.link import Link
        from mininet.log import setLogLevel
        from mininet.net import Mininet
        from mininet.node import Node
    except ImportError:
        print("Mininet is not installed")
        return 1
    if sys.argv[1] == "probe":
        return 0

    setLogLevel("error")
    net = Mininet(controller=None, link=Link)
    computer = Node("computer", inNamespace=False)
    try:
        for number in range(1, int(sys.argv[1]) + 1):
            subnet = f"10.{number >> 8}.{number & 255}"
            host = net.addHost(f"h{number}", ip=None)
            wire = Link(host, computer, intfName1=f"h{number}-eth0", intfName2=f"peer{number}")
            wire.intf1.setIP(f"{subnet}.2/24")
            wire.intf2.setIP(f"{subnet}.1/24")
            host.setDefaultRoute(f"via {subnet}.1")
        print("up", flush=True)
        sys.stdin.read()
    finally:
        net.stop()
        computer.terminate()
    return 0


sys.exit(main())
