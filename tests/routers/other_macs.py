#!/usr/bin/python3
"""The router of plain.py under made-up Ethernet addresses: 02:00:00:00:00:01 on net1, and so on.
It answers ARP with them, and so the clients' frames go to addresses that are not the legs'."""

import plain

if __name__ == "__main__":
    plain.main({name: bytes((2, 0, 0, 0, 0, int(name[3:]))) for name in plain.leg_names()})
