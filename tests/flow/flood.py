# SPDX-License-Identifier: Apache-2.0
# flood.py - many events in a given order, and what happens to a daemon meanwhile.
#
#     flood = Flood(daemon, source="events")
#     flood.post(bodies)                  returns when all are acknowledged, in this order
#     kill(daemon, "route orders")        kill -9
#
# Requests go through one connection, a handful at once; what was not acknowledged goes again, as a
# vendor would send it: so a kill makes repeats by itself.
import json
import os
import signal
import socket
import time

from conftest import PATIENCE, is_alive

HANDFUL = 50


class Flood:
    def __init__(self, daemon, source):
        self.daemon, self.source = daemon, source
        self.socket = None

    def request(self, body):
        data = json.dumps(body).encode()
        head = (f"POST /in/{self.source} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(data)}\r\n\r\n")
        return head.encode() + data

    def post(self, bodies):
        for at in range(0, len(bodies), HANDFUL):
            self.until_taken([self.request(body) for body in bodies[at:at + HANDFUL]])

    def until_taken(self, requests):
        end = time.monotonic() + PATIENCE + 20
        while not self.taken(requests):
            assert time.monotonic() < end, f"the daemon takes nothing any more\n{self.daemon.stderr()[-2000:]}"
            time.sleep(0.02)

    def taken(self, requests):
        """Whether each was answered with 200."""
        try:
            if not self.socket:
                self.socket = socket.create_connection(("127.0.0.1", self.daemon.port), timeout=10)
            self.socket.sendall(b"".join(requests))
            return self.all_fine(len(requests))
        except OSError:
            self.close()
            return False

    def all_fine(self, count):
        heard = b""
        while heard.count(b"HTTP/1.1 200 ") < count or not heard.endswith(b"}\n"):
            more = self.socket.recv(65536)
            heard += more
            if not more or heard.count(b"HTTP/1.1 ") > heard.count(b"HTTP/1.1 200 "):
                raise ConnectionError(heard)
        return True

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None


def kill_master(daemon):
    """kill -9 of the master; its children go with it, and it is started again."""
    children = daemon.kill()
    end = time.monotonic() + 2
    while any(is_alive(pid) for pid in children.values()):
        assert time.monotonic() < end, f"children outlive their master: {children}"
        time.sleep(0.01)
    daemon.start(ready=False)


def kill(daemon, victim):
    """kill -9: "master", "ingress" or "route NAME", if it runs just now."""
    if victim == "master":
        kill_master(daemon)
        return
    pid = daemon.children().get(f"sluice: {victim}")
    if pid:
        os.kill(pid, signal.SIGKILL)
