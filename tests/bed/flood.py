# SPDX-License-Identifier: Apache-2.0
# flood.py - many events, and what happens to a daemon meanwhile.
#
#     flood = Flood(daemon, source="events")
#     flood.begin(bodies)                 those of one `subject` arrive in their order
#     flood.wait(1000)                    so many are acknowledged
#     kill(daemon, "route orders")        kill -9
#     flood.end()                         all are
#
# Several connections post at once.  What was not acknowledged goes again, as a vendor would send it:
# so a kill makes repeats by itself.
import json
import os
import signal
import socket
import threading
import time
import zlib

from bed import PATIENCE, is_alive, ours, wait_until

CONNECTIONS = 24


class Poster:
    """One connection, and what goes through it, one after the other."""

    def __init__(self, daemon, source):
        self.daemon, self.source = daemon, source
        self.bodies, self.taken = [], 0
        self.socket, self.thread = None, None

    def begin(self):
        self.thread = threading.Thread(target=self.post_all, daemon=True)
        self.thread.start()

    def post_all(self):
        for body in self.bodies:
            request = self.request(body)
            while not self.is_taken(request):
                time.sleep(0.02)
            self.taken += 1
        self.close()

    def request(self, body):
        data = json.dumps(body).encode()
        head = (f"POST /in/{self.source} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(data)}\r\n\r\n")
        return head.encode() + data

    def is_taken(self, request):
        """Whether it was answered with 200."""
        try:
            if not self.socket:
                self.socket = socket.create_connection(("127.0.0.1", self.daemon.port), timeout=10)
            self.socket.sendall(request)
            answer = self.socket.recv(4096)
            if not answer.startswith(b"HTTP/1.1 200 ") or not answer.endswith(b"}\n"):
                raise ConnectionError(answer)
            return True
        except OSError:
            self.close()
            return False

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None


class Flood:
    def __init__(self, daemon, source):
        self.daemon, self.source = daemon, source
        self.posters, self.count = [], 0

    def begin(self, bodies):
        self.posters = [Poster(self.daemon, self.source) for _ in range(CONNECTIONS)]
        self.count = len(bodies)
        for body in bodies:
            self.posters[zlib.crc32(body["subject"].encode()) % CONNECTIONS].bodies.append(body)
        for poster in self.posters:
            poster.begin()

    def wait(self, count, within=None):
        within = within or PATIENCE + self.count / 100
        wait_until(lambda: sum(poster.taken for poster in self.posters) >= count, within=within,
                   what=lambda: f"{count} are acknowledged: {[poster.taken for poster in self.posters]}")

    def end(self):
        self.wait(self.count)
        for poster in self.posters:
            poster.thread.join()


def kill_master(daemon):
    """kill -9 of the master; its children go with it, and it is started again."""
    children = daemon.kill()
    end = ours() + 2
    while any(is_alive(pid) for pid in children.values()):
        assert ours() < end, f"children outlive their master: {children}"
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
