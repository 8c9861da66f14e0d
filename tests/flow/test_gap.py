# SPDX-License-Identifier: Apache-2.0
# test_gap.py - what a vendor pushed in vain is asked for, and health says why.
import http.server
import itertools
import json
import os
import signal
import threading
import time

import pytest
from bed import wait_until

SHOP = """\
return {
  summary = "A shop that pushes orders, and can be asked for them.",
  options = { { "base", "text" } },
  webhook = { auth = "none", id = "body:/id", type = "body:/type", subject = "body:/subject" },
  api = { base = "{base}" },
  poll = function()
    for _, order in ipairs(http.get("/orders").json) do
      emit { id = order.id, type = "order", subject = order.id, data = order }
    end
  end,
  hooks = function(verb)
    local answer = http.get("/hooks")
    if not answer.ok then fail("the token may not see webhooks") end
    for _, hook in ipairs(answer.json) do
      emit { id = hook.id, type = hook.type, subject = hook.subject, data = {} }
    end
  end,
}
"""
CONFIG = """\
listen: 127.0.0.1:{{port}}
public: https://hooks.example.com
data: ./data
http: {{{{ allow: [ 127.0.0.1 ] }}}}
sources:
  shop: {{{{ use: ./shop.lua, insecure: true, base: "{base}", every: 1h, check: 300ms{more} }}}}
sinks:
  local: {{{{ use: sqlite, path: ./warehouse.db, schema: {{{{ use: ./orders.yaml }}}} }}}}
routes:
  - {{{{ name: orders, from: [ shop ], to: local }}}}
"""
SCHEMA = """\
tables:
  order: { mode: append, key: [id], columns: { id: text, text: text } }
"""


class Far:
    """What the shop has, and how its webhooks are."""

    def __init__(self):
        self.orders, self.hooks, self.polls = [], [], 0
        far = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                far.polls += self.path == "/orders"
                found = far.orders if self.path == "/orders" else far.hooks
                body = json.dumps(found).encode()
                self.send_response(403 if found is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"

    def has(self, *orders):
        self.orders = [{"id": order} for order in orders]

    def hook(self, kind, subject="orders"):
        self.hooks = [{"id": "7", "type": "fine", "subject": "refunds"}, {"id": "8", "type": kind, "subject": subject}]


@pytest.fixture
def far():
    one = Far()
    one.hook("fine")
    yield one
    one.server.shutdown()
    one.server.server_close()


@pytest.fixture
def shop(daemon, far):
    daemon.write("shop.lua", SHOP)
    daemon.write("orders.yaml", SCHEMA)
    daemon.source, daemon.route = "shop", "orders"
    daemon.begin = lambda more="": (daemon.configure(CONFIG.format(base=far.base, more=more)), daemon.start())
    return daemon


def source(daemon):
    return daemon.health()["sources"][0]["polls"]


def has_polled(daemon, far, times=1):
    """At rest after the poll at the start."""
    wait_until(lambda: far.polls >= times and source(daemon)["last"] and source(daemon)["state"] == "idle",
               what=lambda: daemon.get("/health").body.decode())
    return far.polls


def why(daemon):
    return daemon.health()["why"]


def test_a_webhook_that_is_switched_off_is_told_and_polled_for(shop, far):
    shop.begin()
    before = has_polled(shop, far)
    far.has("a")
    far.hook("off", "orders of Berlin")
    words = "source shop: 1 of 2 webhooks at the vendor does not work: orders of Berlin (off); " \
            "`sluice hooks register shop` mends that"
    wait_until(lambda: why(shop) == [words], what=lambda: why(shop))
    wait_until(lambda: far.polls > before and shop.rows('select id from "order"') == [("a",)])
    assert shop.health()["state"] == "yellow"
    assert shop.metrics()['sluice_hooks_bad{process="source",source="shop"}'] == 1
    far.hook("missing")
    wait_until(lambda: "orders (missing)" in str(why(shop)))
    far.hook("fine")
    before = far.polls
    wait_until(lambda: why(shop) == [] and far.polls > before)
    assert source(shop)["gap"]["why"] == "the webhooks at the vendor work again"
    wait_until(lambda: not source(shop)["gap"]["open"])


def test_webhooks_that_cannot_be_looked_at_are_no_reason_for_alarm(shop, far):
    far.hooks = None
    shop.begin()
    wait_until(lambda: "the token may not see webhooks" in (source(shop)["hooks_error"] or ""))
    assert source(shop)["hooks_looked"] and why(shop) == []


def test_silence_is_told_until_something_comes(shop, far):
    shop.begin(", silence: 500ms")
    before = has_polled(shop, far)
    wait_until(lambda: "source shop: nothing has been received for longer than 500ms" in str(why(shop)))
    wait_until(lambda: far.polls > before + 1)  # and again, as long as it lasts

    def heard_again():  # until it has been silent for as long again, which is soon
        assert shop.post({"id": next(names), "type": "order"}, signed=False).status == 200
        return not source(shop)["silent"]

    names = map("b{}".format, itertools.count())
    wait_until(heard_again)
    assert "the vendor pushes again" in shop.stderr()


def test_that_the_daemon_was_down_is_told(shop, far):
    shop.begin()
    has_polled(shop, far)
    assert source(shop)["gap"] is None
    shop.stop()
    hour = time.time() - 3 * 3600
    os.utime(shop.data / "lock", (hour, hour))
    shop.start()
    wait_until(lambda: source(shop)["gap"] and not source(shop)["gap"]["open"])
    assert source(shop)["gap"]["why"] == "the daemon was down for 3 h"
    assert "the daemon was down for 3 h; the vendor is asked what was missed" in shop.stderr()
    shop.restart()
    has_polled(shop, far)
    assert source(shop)["gap"] is None  # a moment is not worth a word: it polls at its start anyway


def test_an_ingress_that_stood_still_is_a_gap(shop, far):
    shop.begin()
    before = has_polled(shop, far)
    os.kill(shop.child("ingress"), signal.SIGSTOP)
    wait_until(lambda: source(shop)["gap"], within=30)
    assert source(shop)["gap"]["why"].startswith("nothing was taken in for ")
    wait_until(lambda: far.polls > before and not source(shop)["gap"]["open"])


def test_who_was_turned_away_for_want_of_room_is_asked_for(shop, far):
    shop.configure(CONFIG.format(base=far.base, more="").replace("data: ./data", "data: ./data\nlog: {{ size: 8MB }}"))
    shop.start()
    before = has_polled(shop, far)
    shop.sluice("routes", "pause", "orders")
    statuses = set()
    for number in range(400):
        statuses.add(shop.post({"id": f"c{number}", "type": "order", "text": "x" * 50000}, signed=False).status)
        if 503 in statuses:
            break
    assert 503 in statuses
    shop.sluice("routes", "resume", "orders")
    wait_until(lambda: source(shop)["gap"] and not source(shop)["gap"]["open"], what=lambda: why(shop))
    assert source(shop)["gap"]["why"] == "1 of its requests were answered 503, because there was no room in the log"
    assert far.polls > before
