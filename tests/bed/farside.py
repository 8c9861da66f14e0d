# SPDX-License-Identifier: Apache-2.0
# farside.py - a far side that answers as a test says, on loopback, in a thread of the test.
#
#     far = FarSide(lambda asked: (200, {}, {"name": asked.path}))
#     far.base, far.asked ... far.away(), far.back(), far.close()
#
# The function gets (at, method, path, headers, body) and gives status, headers and what becomes
# JSON; or RESET: the request took effect, and the connection ends without an answer.
import collections
import http.server
import json
import threading
import time

from bed import free_port

Asked = collections.namedtuple("Asked", "at method path headers body")
RESET = object()


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
    allow_reuse_address = True


class FarSide:
    def __init__(self, answer):
        self.answer = answer
        self.asked = []
        self.lock = threading.Lock()
        self.port = free_port()
        self.server = None
        self.connections = set()
        self.back()

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}"

    def paths(self, method=None):
        return [asked.path for asked in self.asked if method in (None, asked.method)]

    def back(self):
        self.server = Server(("127.0.0.1", self.port), self.handler())
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def away(self):
        """Nobody listens there any more, and what was connected is cut off."""
        self.server.shutdown()
        self.server.server_close()
        self.server = None
        for connection in list(self.connections):
            connection.close_connection = True
            try:
                connection.connection.shutdown(2)
            except OSError:
                pass

    def close(self):
        if self.server:
            self.away()

    def handler(self):
        far = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                far.connections.add(self)

            def finish(self):
                far.connections.discard(self)
                try:
                    super().finish()
                except OSError:
                    pass

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked = Asked(time.monotonic(), self.command, self.path, headers, body)
                with far.lock:
                    far.asked.append(asked)
                found = far.answer(asked)
                if found is RESET:
                    self.close_connection = True
                    self.connection.shutdown(2)
                    return
                self.tell(*found)

            def tell(self, status, headers, value):
                text = json.dumps(value).encode()
                try:
                    self.send_response(status)
                    for name, told in {"Content-Type": "application/json", **headers}.items():
                        self.send_header(name, told)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    pass  # whoever asked was killed

            do_GET = do_POST = do_PUT = do_DELETE = serve

            def log_message(self, *words):
                pass

        return Handler
