#!/usr/bin/python3
"""The router of plain.py, which also tells of each echo request that it carries: "saw", and how the
request's data ends, in hexadecimal digits."""

import plain

ETHERNET_AND_IPV4 = 34


class TellingRouter(plain.Router):
    def receive_frame(self, leg, frame):
        if len(frame) > ETHERNET_AND_IPV4 and frame[12:14] == b"\x08\x00" and frame[23] == 1:
            if frame[ETHERNET_AND_IPV4] == plain.ICMP_ECHO:
                print("saw", bytes(frame[-4:]).hex(), flush=True)
        super().receive_frame(leg, frame)


if __name__ == "__main__":
    plain.main(router=TellingRouter)
