# SPDX-License-Identifier: Apache-2.0
# test_budget.py - one credential, used by two routes and a poller: the far side never counts more than it allows.
import http.server
import json
import os
import signal
import threading
import time
import urllib.parse

import pytest
from bed import wait_until

REQUESTS, WINDOW, AT_ONCE = 20, 2.0, 6

CONFIG = """\
listen: 127.0.0.1:{{port}}
public: https://hooks.example.com
data: ./data
http: {{{{ allow: [127.0.0.1] }}}}
sources:
  items: {{{{ use: ./items.lua, base: "{base}", token: [t], secret: [{{secret}}], every: 1h }}}}
transforms:
  mapping: {{{{ use: ./mapping.lua }}}}
sinks:
  first: {{{{ use: sqlite, path: ./first.db, schema: {{{{ use: ./items.yaml }}}} }}}}
  second: {{{{ use: sqlite, path: ./second.db, schema: {{{{ use: ./items.yaml }}}} }}}}
routes:
  - {{{{ name: first, from: [items], via: [mapping], to: first }}}}
  - {{{{ name: second, from: [items], via: [mapping], to: second }}}}
"""

# A poll finds nothing new; a backfill goes through pages without an end.
SOURCE = f"""\
return {{
	summary = "items that are told of, and may be asked for",
	options = {{ {{ "base", "text" }}, {{ "token", "secret" }}, {{ "secret", "secret" }} }},
	webhook = {{ auth = "hmac-sha1", proof = "header:X-Proof", encoding = "base64", covers = "{{body}}{{callback}}",
		secret = "secret", id = "body:/id", type = "body:/type", subject = "body:/card" }},
	api = {{ base = "{{base}}", headers = {{ Authorization = "Bearer {{token}}" }}, credential = "{{token}}",
		requests = {REQUESTS}, window = {int(WINDOW * 1000)}, at_once = {AT_ONCE} }},
	poll = function(cursor, opt, walk)
		local number = (tonumber(cursor) or 0) + 1
		http.get("/page/" .. number)
		if not walk.backfill then return end
		emit {{ id = "page-" .. number, type = "page", data = {{ number = number }} }}
		advance(tostring(number))
	end,
}}
"""

MAPPING = """\
return {
	summary = "asks what became of an item",
	transform = function(event)
		if event.type == "page" then drop("nobody asked for it") end
		local answer = source.get("/item/" .. event.data.id, { route = event.data.route })
		emit { type = "items", data = { id = event.data.id, name = answer.json.name } }
	end,
}
"""

SCHEMA = """\
help: Items.
tables:
  items:
    mode: append
    key: [id]
    columns: { id: text, name: text }
"""


class Counter:
    """A far side that takes a moment, and writes down when it was asked and when it had answered."""

    def __init__(self, latency=0.05):
        self.latency = latency
        self.lock = threading.Lock()
        self.arrivals = []  # (time, path)
        self.completions = []
        self.at_once = self.most_at_once = 0
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def base(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def begins(self, path):
        with self.lock:
            self.arrivals.append((time.monotonic(), urllib.parse.urlsplit(path).path))
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)

    def ends(self):
        with self.lock:
            self.completions.append(time.monotonic())
            self.at_once -= 1

    def handler(self):
        counter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                counter.begins(self.path)
                time.sleep(counter.latency)
                body = json.dumps({"name": f"at {self.path}"}).encode()
                counter.ends()
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # whoever asked was killed

            def log_message(self, *words):
                pass

        return Handler

    def count(self, begin):
        with self.lock:
            return sum(path.startswith(begin) for _, path in self.arrivals)

    def times(self, path):
        with self.lock:
            return [at for at, asked in self.arrivals if asked == path]

    def expect_within_budget(self, what):
        with self.lock:
            arrivals, completions = [at for at, _ in self.arrivals], list(self.completions)
        for name, times in ("asked", arrivals), ("answered", completions):
            times.sort()
            busiest = max(sum(at <= other < at + WINDOW for other in times) for at in times)
            print(f"{what}: {len(times)} requests {name}, at most {busiest} within {WINDOW} s of {REQUESTS} allowed, "
                  f"{self.most_at_once} at once of {AT_ONCE}")
            assert busiest <= REQUESTS
        assert self.most_at_once <= AT_ONCE

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def counter():
    one = Counter()
    yield one
    one.close()


@pytest.fixture
def items(daemon, counter):
    """Two routes and a poller that ask the counter, with one token."""
    daemon.source, daemon.route, daemon.proof = "items", "first", "X-Proof"
    daemon.write("items.lua", SOURCE)
    daemon.write("mapping.lua", MAPPING)
    daemon.write("items.yaml", SCHEMA)
    daemon.configure(CONFIG.format(base=counter.base))
    daemon.start()
    wait_until(lambda: counter.count("/page/") == 1, what=daemon.told)
    return daemon


def post(daemon, name):
    began = time.monotonic()
    assert daemon.post({"id": name, "type": "changed", "card": name}).status == 200
    return began


def has_all(daemon, names):
    wanted = sorted((name,) for name in names)

    def both():
        return all(sorted(daemon.rows("select id from items", database=f"{name}.db")) == wanted
                   for name in ("first", "second"))

    wait_until(both, within=60, what=lambda: f"all {len(names)} items in both destinations\n{daemon.stderr()}")


def kill(daemon, title):
    os.kill(daemon.child(title), signal.SIGKILL)


def backfill(daemon):
    def begun():
        answer = daemon.admin("POST", "/ask/source/items", b'{"what": "backfill"}')
        return json.loads(answer.body).get("ok")

    wait_until(begun, what=daemon.told)


def test_processes_that_share_a_token_keep_its_budget_together(items, counter):
    names = [f"item-{number}" for number in range(30)]
    for name in names:
        post(items, name)
    wait_until(lambda: counter.count("/item/") > 20)
    kill(items, "route first")
    wait_until(lambda: counter.count("/item/") > 40)
    backfill(items)
    has_all(items, names)
    wait_until(lambda: counter.count("/page/") > 5, within=60)
    kill(items, "source items")
    before = counter.count("/page/")
    wait_until(lambda: counter.count("/page/") > before + 20, within=60)
    counter.expect_within_budget("shared")


def test_a_new_event_hardly_waits_while_a_backfill_runs(items, counter):
    backfill(items)
    wait_until(lambda: counter.count("/page/") > 25, within=60)
    posted = {}
    for number in range(12):
        name = f"item-{number}"
        pages = counter.count("/page/")
        posted[name] = post(items, name)
        wait_until(lambda: len(counter.times(f"/item/{name}")) == 2, within=60)
        wait_until(lambda: counter.count("/page/") > pages + 1, within=60)
    has_all(items, posted)
    pages = [at for at, asked in counter.arrivals if asked.startswith("/page/")]
    beside = sorted(sum(moment < page < at for page in pages)
                    for name, moment in posted.items() for at in counter.times(f"/item/{name}"))
    print(f"{len(beside)} live calls beside {len(pages)} of a backfill, which went before them: {beside}")
    assert beside[len(beside) // 2] <= 1
    assert beside[-1] <= AT_ONCE
    counter.expect_within_budget("beside a backfill")
