# SPDX-License-Identifier: Apache-2.0
# test_vendor_gadget.py - shops of an app: what its action tells and what its records show are one history.
import json

import pytest
from vendorbed import OBJECTS, Bed, bad_day, wait_until

from gadget import Gadget, refusal

CONFIG = """\
listen: 127.0.0.1:{port}
public: http://127.0.0.1:{port}
data: ./data
http: {{ allow: [127.0.0.1] }}
sources:
  app:
    use: gadget
    secret: [{secret}]
    token: gsk-fake
    base: "{base[app]}"
    page: {page}
    every: 1h
    first: 0
    api: {api[app]}
transforms:
  events: {{ use: events }}
sinks:
  local: {{ use: sqlite, path: ./warehouse.db, schema: {{ use: events }} }}
routes:
  - {{ name: events, from: [app], via: [events], to: local }}
"""


class Shops(Bed):
    """What a record was before it is only known once it has been read."""

    def start(self):
        super().start()
        self.until_done("poll", "app")


def bed(daemon, **how):
    daemon.source, daemon.route = "app", "events"
    return Shops(daemon, CONFIG, {"app": Gadget(secret=daemon.secret, **how)}, events=("events", "id"),
                 values={"page": 20 if OBJECTS < 5000 else 250})


def test_a_bad_day(daemon):
    one = bed(daemon, **bad_day())
    one.prove()
    assert one.fakes["app"].counts["lost"], "nothing was lost: another seed"


@pytest.fixture
def quiet(daemon):
    """A few shops, and nothing goes wrong by itself."""
    one = bed(daemon, speed=50)
    one.fakes["app"].fill(5)
    one.start()
    yield one
    one.close()


def names(daemon):
    return [row[0] for row in daemon.rows("select event_name from events order by occurred_at desc, id desc")]


def test_a_shop_that_went_and_came_back_is_seen_by_its_state(daemon, quiet):
    app = quiet.fakes["app"]
    app.hooks.clear()
    shop = app.objects["7000001"]
    for kind in ("uninstalled", "reinstalled"):
        app.turn(shop, kind)
        assert daemon.sluice("poll", "app").returncode == 0
        wait_until(lambda: names(daemon)[0] == f"shop_{kind}")
    quiet.compare_tables("app", app)
    assert daemon.rows("select event_description from events where event_name = 'shop_reinstalled'") == [
        ("Store 0001 shop_reinstalled",)]


def test_too_many_and_html_are_tried_again_and_a_wrong_key_is_said(daemon, quiet):
    app = quiet.fakes["app"]
    app.hooks.clear()
    app.install(app.now())
    app.moods.extend([refusal("GGT_TOO_MANY_REQUESTS", 429, "Too many requests"), "502"])
    assert daemon.sluice("poll", "app").returncode == 0
    wait_until(lambda: names(daemon)[0] == "shop_installed")
    app.token = "another"
    said = daemon.sluice("poll", "app")
    assert said.returncode == 1 and "The API key is not valid" in said.stderr, said.stderr


def test_pages_of_one_moment_are_walked_through(daemon, quiet):
    app = quiet.fakes["app"]
    at = app.now()
    for _ in range(70):
        app.install(at)
    assert daemon.sluice("poll", "app").returncode == 0
    wait_until(lambda: len(daemon.rows("select id from events where occurred_at = ?", at)) == 70)
    assert not app.exceeded


def test_a_forged_action_is_refused(daemon, quiet):
    assert daemon.post({"id": "x", "type": "shop_installed", "shop": {"id": "1"}}, signed=False).status == 401
    body = json.dumps({"id": "x", "type": "shop_installed", "shop": {"id": "1"}}).encode()
    assert daemon.post(body, signed=False, headers=quiet.fakes["app"].signed(body)).status == 200


def test_without_a_secret_it_is_only_asked(daemon):
    one = bed(daemon, speed=50)
    one.text = one.text.replace(f"    secret: [{daemon.secret}]\n", "")
    one.fakes["app"].fill(5)
    one.start()
    try:
        wait_until(lambda: "shop_installed" in names(daemon))
        assert "takes in no webhooks" in daemon.sluice("check").stdout
        assert daemon.post({"id": "x"}, signed=False).status == 404
    finally:
        one.close()
