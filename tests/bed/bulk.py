# SPDX-License-Identifier: Apache-2.0
# bulk.py - very many events to a daemon that is well, many requests in one write.
#
#     bulk(daemon, bodies)         all of them, in whatever order; each is answered 200, or it fails
#     took = timed(daemon, bodies) one after the other on one connection, seconds of each
import contextlib
import itertools
import json
import socket
import threading
import time

GROUP = 64  # requests in one write
CONNECTIONS = 4
WELL = b'{"ok":true}\n'


def request(daemon, body):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return (f"POST /in/{daemon.source} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            f"{daemon.proof}: {daemon.signature(data)}\r\nContent-Length: {len(data)}\r\n\r\n").encode() + data


def connect(daemon):
    sock = socket.create_connection(("127.0.0.1", daemon.port), timeout=60)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return contextlib.closing(sock)


def exchange(sock, requests):
    """Sends them all and waits for as many answers; False: one of them was another than 200."""
    sock.sendall(b"".join(requests))
    heard, tail = 0, b""
    while heard < len(requests):
        piece = sock.recv(1 << 16)
        said = tail + piece
        heard += said.count(WELL)
        if not piece or b"HTTP/1.1 4" in said or b"HTTP/1.1 5" in said:
            return False
        tail = said[1 - len(WELL):]
    return True


def bulk(daemon, bodies):
    """How many there were."""
    bodies, guard, sent, failed = iter(bodies), threading.Lock(), [], []

    def post():
        with connect(daemon) as sock:
            while not failed:
                with guard:
                    group = [request(daemon, body) for body in itertools.islice(bodies, GROUP)]
                if not group:
                    return
                (sent if exchange(sock, group) else failed).append(len(group))

    posters = [threading.Thread(target=post, daemon=True) for _ in range(CONNECTIONS)]
    for poster in posters:
        poster.start()
    for poster in posters:
        poster.join()
    assert not failed, "not everything was answered 200"
    return sum(sent)


def timed(daemon, bodies):
    took = []
    with connect(daemon) as sock:
        for body in bodies:
            words = [request(daemon, body)]
            began = time.monotonic()
            assert exchange(sock, words)
            took.append(time.monotonic() - began)
    return took


def p99(seconds):
    return sorted(seconds)[len(seconds) * 99 // 100]
