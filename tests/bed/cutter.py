# SPDX-License-Identifier: Apache-2.0
# cutter.py - stands between a client and a Postgres, and cuts the connection at a COMMIT.
#
#     cutter = Cutter(server.port)
#     use(daemon, database, url=cutter.url(database))
#     cutter.cut("before")    the next COMMIT never arrives
#     cutter.cut("after")     it is done, and the client never hears of it
#     cutter.cut("late")      likewise, but it is done a second after the client was cut off
#     cutter.done             cuts made so far
#
# It understands no more of the protocol than where a message begins: a length, before it a letter, but
# for the first ones of a connection.
import contextlib
import socket
import struct
import threading
import time

LATE = 1.0  # seconds
ASKS_FIRST = (80877103, 80877104)  # for TLS, for GSS: one byte answers, then comes the real beginning


class Cutter:
    def __init__(self, port):
        self.server_port = port
        self.armed, self.done = None, 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, database):
        return database.url.replace(f":{self.server_port}/", f":{self.listener.getsockname()[1]}/")

    def cut(self, when):
        self.armed = when

    def close(self):
        self.listener.close()

    def take(self):
        """How the COMMIT that is there now is cut; None: it is not."""
        with self.lock:
            when, self.armed = self.armed, None
            return when

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=Connection(self, client).run, daemon=True).start()


class Connection:
    def __init__(self, cutter, client):
        self.cutter, self.client = cutter, client
        self.commits = set()  # prepared statements that are one
        self.deaf = False     # what the server says is for nobody any more
        self.idle = threading.Event()

    def run(self):
        try:
            self.server = socket.create_connection(("127.0.0.1", self.cutter.server_port))
        except OSError:
            self.client.close()
            return
        threading.Thread(target=self.bring_back, daemon=True).start()
        with contextlib.suppress(OSError, struct.error):
            self.begin()
            while self.forward(*self.message()):
                pass
        self.end()

    def end(self):
        for side in (self.client, self.server):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
            side.close()

    # ----------------------------------------------------------- to the server

    def read(self, count):
        data = b""
        while len(data) < count:
            more = self.client.recv(count - len(data))
            if not more:
                raise ConnectionError("the client is gone")
            data += more
        return data

    def begin(self):
        """Messages without a letter: perhaps TLS is asked for, then who one is."""
        while True:
            head = self.read(8)
            length, code = struct.unpack("!II", head)
            self.server.sendall(head + self.read(length - 8))
            if code not in ASKS_FIRST:
                return

    def message(self):
        head = self.read(5)
        return head[:1], head, self.read(struct.unpack("!I", head[1:])[0] - 4)

    def is_commit(self, kind, body):
        if kind == b"Q":
            return body[:6].upper() == b"COMMIT"
        if kind == b"P":
            name, text = body.split(b"\0")[:2]
            self.commits.discard(name)
            if text[:6].upper() == b"COMMIT":
                self.commits.add(name)
        return kind == b"B" and body.split(b"\0")[1] in self.commits

    def forward(self, kind, head, body):
        when = self.cutter.take() if self.is_commit(kind, body) else None
        if when is None:
            self.server.sendall(head + body)
            return True
        getattr(self, when)(kind, head, body)
        self.cutter.done += 1
        return False

    # -------------------------------------------------------------------- cuts

    def before(self, kind, head, body):
        pass

    def after(self, kind, head, body):
        self.deaf = True
        self.idle.clear()
        self.bring_to_sync(kind, head, body)
        self.idle.wait(10)

    def late(self, kind, head, body):
        rest = [head + body]
        while kind not in (b"Q", b"S"):
            kind, head, body = self.message()
            rest.append(head + body)
        self.deaf = True
        self.client.shutdown(socket.SHUT_RDWR)
        time.sleep(LATE)
        self.idle.clear()
        self.server.sendall(b"".join(rest))
        self.idle.wait(10)

    def bring_to_sync(self, kind, head, body):
        self.server.sendall(head + body)
        while kind not in (b"Q", b"S"):
            kind, head, body = self.message()
            self.server.sendall(head + body)

    # ----------------------------------------------------------- to the client

    def bring_back(self):
        with contextlib.suppress(OSError):
            while True:
                data = self.server.recv(65536)
                if not data:
                    break
                if data[-6:-1] == b"Z\0\0\0\5":
                    self.idle.set()
                if not self.deaf:
                    self.client.sendall(data)
        with contextlib.suppress(OSError):
            self.client.shutdown(socket.SHUT_RDWR)
