# SPDX-License-Identifier: Apache-2.0
# vendor.py - a far side with an API of pages, on loopback, in a thread of the test.
#
# GET /v1/orders?updated_since=TIME&limit=N: the orders changed then or later, oldest change
# first.  `moods` are what it answers instead, one a request: a status, and headers.
import http.server
import json
import threading
import time
import urllib.parse


class Vendor:
    def __init__(self, token="anything"):
        self.token = token
        self.orders = []
        self.moods = []
        self.asked = []  # (time, path, status) of each request
        self.pause = 0
        self.lock = threading.Lock()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def base(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def has(self, count, first=0, **more):
        """So many more orders, each changed a second after the one before."""
        with self.lock:
            for number in range(first, first + count):
                moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1700000000 + number))
                self.orders.append({"id": number, "status": "open", "customer": "Ann", "total": "1.00",
                                    "updated_at": moment, **more})
            self.orders.sort(key=lambda order: order["updated_at"])

    def page(self, query):
        since = query.get("updated_since", [""])[0]
        with self.lock:
            found = [order for order in self.orders if order["updated_at"] >= since]
        return found[:int(query.get("limit", ["100"])[0])]

    def answer(self, request):
        url = urllib.parse.urlsplit(request.path)
        with self.lock:
            status, headers = self.moods.pop(0) if self.moods else (200, {})
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            status = 401
        with self.lock:
            self.asked.append((time.monotonic(), request.path, status))
        body = {"orders": self.page(urllib.parse.parse_qs(url.query))} if status == 200 else {"error": "no"}
        return status, headers, json.dumps(body).encode()

    def handler(self):
        vendor = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                time.sleep(vendor.pause)
                status, headers, body = vendor.answer(self)
                try:
                    self.send_response(status)
                    for name, value in {"Content-Type": "application/json", **headers}.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # whoever asked was killed

            def log_message(self, *words):
                pass

        return Handler

    def close(self):
        self.server.shutdown()
        self.server.server_close()
