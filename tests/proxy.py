"""What a machine without a network fetches its packages through.

    python3 tests/proxy.py PORT NAMESPACE [HOST:PORT]

An HTTP proxy on 127.0.0.1:PORT of the network namespace that it is started in; its own connections
start in the one that the file NAMESPACE is of. With HOST:PORT it hands all to that proxy. It prints
"ready" when it listens.

It is for apt, which talks to one server on each connection: so it reads where the first request
goes, and then carries bytes.
"""

import ctypes
import os
import re
import socket
import sys
import threading

CLONE_NEWNET = 0x40000000
LONGEST_HEAD = 65536


def enter(namespace):
    """Moves this thread there; what it listens on stays where it is."""
    libc = ctypes.CDLL(None, use_errno=True)  # os.setns() is of Python 3.12
    fd = os.open(namespace, os.O_RDONLY)
    if libc.setns(fd, CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), "setns", namespace)
    os.close(fd)


def read_head(client):
    head = b""
    while b"\r\n\r\n" not in head and len(head) < LONGEST_HEAD:
        piece = client.recv(4096)
        if not piece:
            break
        head += piece
    return head


def split(server, default_port):
    host, _, port = server.partition(":")
    return host, int(port or default_port)


def carry(source, sink):
    try:
        while piece := source.recv(65536):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other side has gone: the other direction sees it too


def serve(client, upstream):
    with client:
        head = read_head(client)
        connect = re.match(rb"CONNECT ([\w.-]+:\d+) ", head)
        plain = re.match(rb"[A-Z]+ http://([\w.-]+(?::\d+)?)/", head)
        if not connect and not plain:
            return
        server = upstream or (connect or plain)[1].decode()
        try:
            remote = socket.create_connection(split(server, 80), timeout=60)
        except OSError as error:
            client.sendall(f"HTTP/1.1 502 {server}: {error}\r\n\r\n".encode())
            return
        with remote:
            remote.settimeout(None)
            if connect and not upstream:
                client.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            else:
                # A server takes the absolute form of a request as well as its own: RFC 9112, 3.2.2.
                remote.sendall(head)
            back = threading.Thread(target=carry, args=(remote, client))
            back.start()
            carry(client, remote)
            back.join()


def main(port, namespace, upstream=None):
    listener = socket.create_server(("127.0.0.1", int(port)), backlog=64)
    enter(namespace)
    print("ready", flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, upstream), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
