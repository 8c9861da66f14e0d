# SPDX-License-Identifier: Apache-2.0
# test_docs_vendors.py - the vendor of docs/vendors.md, as it stands there, through a bad day.
import hashlib
import hmac
import itertools
import json
import re
import time

import pytest
from bed import ROOT
from vendorbed import Bed, bad_day, wait_until

from fake import Answer, Fake

PAPER = (ROOT / "docs" / "vendors.md").read_text()
BLOCKS = {name: text for name, text in re.findall(r"```\w+\n(?:--|#) (\S+)\n(.*?)```", PAPER, re.S)}


class Acme(Fake):
    def __init__(self, secret, **how):
        super().__init__(**how)
        self.secret, self.webhooks, self.numbers = secret, {}, itertools.count(1)
        self.clock = time.time() - 7200
        self.limit("requests", 100, 10)
        self.route("GET", "/orders", self.list)
        self.route("GET", "/webhooks", lambda request: {"webhooks": list(self.webhooks.values())})
        self.route("POST", "/webhooks", self.subscribed)
        self.route("DELETE", r"/webhooks/(\w+)", lambda request: Answer(204 if self.webhooks.pop(request.groups[0], 0) else 404))

    def list(self, request):
        if request.bearer != "anything":
            return Answer(401, {"error": "no"})
        since, after, most = request.first("since", ""), request.first("after", ""), int(request.first("limit"))
        found = sorted((order["updated_at"], order["id"]) for order in self.objects.values())
        found = [one for one in found if one[0] >= since and f"{one[0]} {one[1]}" > after]
        page = [self.objects[one[1]] for one in found[:most]]
        return {"orders": page, "next": " ".join(found[most - 1]) if len(found) > most else None}

    def subscribed(self, request):
        hook = {"id": f"w{next(self.numbers)}", "url": request.json["url"]}
        self.webhooks[hook["id"]] = hook
        return Answer(201, hook)

    def order(self, name):
        """Three of them in each moment."""
        self.clock = max(self.clock, time.time() if self.webhooks else self.clock) + self.dice.choice([0, 0, 1])
        moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(self.clock))
        if name in self.objects and moment <= self.objects[name]["updated_at"]:
            moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(self.clock + 1))
            self.clock += 1
        self.objects[name] = {"id": name, "status": self.dice.choice(["open", "paid"]), "updated_at": moment}
        return self.objects[name]

    def fill(self, count):
        with self.lock:
            for number in range(count):
                self.order(f"o{number}")

    def signed(self, body):
        proof = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json", "X-Acme-Signature": f"sha256={proof}"}

    def change(self, count):
        with self.lock:
            for _ in range(count):
                order = self.order(self.dice.choice([*self.objects, f"o{len(self.objects)}"]))
                for hook in self.webhooks.values():
                    self.push(hook["url"], self.signed, {"event": "order.changed", "order": order},
                              id=f"{order['id']}@{order['updated_at']}")

    def truth(self):
        return {"orders": [dict(order) for order in self.objects.values()]}


def bed(daemon, **how):
    daemon.source, daemon.route = "acme", "orders"
    (daemon.folder / "acme").mkdir()
    for name in ("acme/acme.lua", "orders.lua", "orders.yaml"):
        daemon.write(name, BLOCKS[name])
    config = BLOCKS["sluice.yaml"].replace("{", "{{").replace("}", "}}")
    for old, new in (("127.0.0.1:8080", "127.0.0.1:{port}"), ("https://hooks.example.com", "http://127.0.0.1:{port}"),
                     ("data: ./data", "data: ./data\nhttp: {{ allow: [127.0.0.1] }}"), ('"${{ACME_SECRET}}"', "[{secret}]"),
                     ('"${{ACME_TOKEN}}"', 'anything, base: "{base[acme]}", every: 1h, api: {api[acme]}')):
        assert old in config, old
        config = config.replace(old, new)
    return Bed(daemon, config, {"acme": Acme(daemon.secret, **how)}, events=("order_events", "event_id"), register=True)


def test_it_has_less_than_sixty_lines():
    lines = BLOCKS["acme/acme.lua"].splitlines()
    assert len(lines) < 60 and max(map(len, lines)) <= 120, len(lines)


def test_a_bad_day(daemon):
    bed(daemon, **bad_day()).prove()


@pytest.fixture
def quiet(daemon):
    one = bed(daemon, speed=50)
    one.fakes["acme"].fill(3)
    one.start()
    yield one
    one.close()


def test_webhooks_are_listed_made_once_and_removed(daemon, quiet):
    acme = quiet.fakes["acme"]
    assert [hook["url"] for hook in acme.webhooks.values()] == [quiet.callback("acme")]
    assert daemon.sluice("hooks", "register", "acme").returncode == 0
    assert len(acme.webhooks) == 1
    listed = daemon.sluice("hooks", "ls", "acme")
    assert "fine" in listed.stdout, listed.stdout + listed.stderr
    assert daemon.sluice("hooks", "remove", "acme").returncode == 0 and not acme.webhooks
    assert "missing" in daemon.sluice("hooks", "ls", "acme").stdout


def test_a_webhook_and_the_poll_are_one_event(daemon, quiet):
    quiet.fakes["acme"].change(1)
    assert quiet.fakes["acme"].drain()
    assert daemon.sluice("poll", "acme").returncode == 0
    wait_until(quiet.caught_up)
    rows = daemon.rows("select event_id from order_events")
    assert len(rows) == len(set(rows))
    quiet.compare_tables("acme", quiet.fakes["acme"])


def test_what_is_no_order_is_dropped(daemon, quiet):
    body = json.dumps({"event": "ping"}).encode()
    assert daemon.post(body, signed=False, headers=quiet.fakes["acme"].signed(body)).status == 200
    wait_until(quiet.caught_up)
    assert daemon.route_health()["dead"] == 0
