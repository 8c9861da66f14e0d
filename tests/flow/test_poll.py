# SPDX-License-Identifier: Apache-2.0
# test_poll.py - a vendor that is asked: everything arrives once, whoever is killed meanwhile.
import json
import os
import pathlib
import random
import re
import shutil
import signal

import pytest
from bed import ROOT, SLUICE, ours, wait_until
from vendor import Vendor

EXAMPLE = ROOT / "examples" / "poll"


@pytest.fixture
def vendor():
    one = Vendor()
    yield one
    one.close()


@pytest.fixture
def shop(daemon, vendor):
    """The daemon of examples/poll, asking the vendor; it polls when it is told to."""
    shutil.copytree(EXAMPLE, daemon.folder, dirs_exist_ok=True)
    text = (daemon.folder / "sluice.yaml").read_text()
    text = text.replace("127.0.0.1:8080", f"127.0.0.1:{daemon.port}").replace("# http:", "http:")
    text = text.replace("# base: http://127.0.0.1:8081", f"base: {vendor.base}\n    limit: 20")
    daemon.text = text.replace("every: 5m", "every: 1h").replace("requests: 40", "requests: 0")
    daemon.write("sluice.yaml", daemon.text)
    daemon.write("sluice.env", "SHOP_TOKEN=anything\n")
    (daemon.folder / "sluice.env").chmod(0o600)
    daemon.source, daemon.route = "shop", "orders"
    return daemon


def ask(daemon, what, **more):
    answer = daemon.admin("POST", "/ask/source/shop", json.dumps({"what": what, **more}).encode())
    return json.loads(answer.body)


def poll(daemon):
    """A whole run; tried until the source can be asked."""
    return wait_until(lambda: (lambda said: said if said.get("ok") else None)(ask(daemon, "poll", wait=True)))


def state(daemon):
    return ask(daemon, "state")


def logged(daemon):
    """The bodies of polled events in the log, as objects."""
    found = daemon.sluice("log", "cat", "--json").stdout.splitlines()
    return [json.loads(json.loads(line)["body"]) for line in found]


def orders(daemon):
    return daemon.rows("select id from orders order by id")


def expect_all(daemon, count):
    wait_until(lambda: len(orders(daemon)) == count, what=lambda: f"{count} orders\n{daemon.stderr()}")
    assert orders(daemon) == [(number,) for number in range(count)]


def expect_once(daemon):
    """Nothing took effect twice, and nothing died."""
    wait_until(lambda: daemon.settled())
    route = daemon.route_health()
    assert (route["dead"], route["waiting"]) == (0, 0)


# --------------------------------------------------------------------------- polls


def test_pages_come_one_after_the_other_and_the_run_is_told(shop, vendor):
    vendor.has(50)
    shop.start()
    expect_all(shop, 50)
    wait_until(lambda: shop.rows("select kind, state, events from sluice_sync") == [("full", "finished", 50)])
    events = logged(shop)
    assert [event["type"] for event in events] == ["sluice.sync"] + ["order"] * 50 + ["sluice.sync"]
    assert events[1]["id"] == "0@2023-11-14T22:13:20Z" and events[1]["time"] == 1700000000000
    expect_once(shop)


def test_what_comes_again_unchanged_never_reaches_the_log(shop, vendor):
    vendor.has(25)
    shop.start()
    expect_all(shop, 25)
    poll(shop)
    before = len(logged(shop))
    for _ in range(3):
        assert poll(shop)["unchanged"] > 0
    assert len(logged(shop)) == before
    shop.restart()
    poll(shop)
    assert len(logged(shop)) == before
    vendor.has(1, first=24, status="paid", updated_at="2024-01-01T00:00:00Z")
    poll(shop)
    wait_until(lambda: shop.rows("select status from orders where id = 24") == [("paid",)])
    assert [event["type"] for event in logged(shop)[before:]] == ["sluice.sync", "order", "sluice.sync"]


def test_the_cursor_outlives_a_restart(shop, vendor):
    vendor.has(30)
    shop.start()
    expect_all(shop, 30)
    poll(shop)
    shop.stop()
    vendor.has(5, first=30)
    vendor.asked.clear()
    shop.start()
    expect_all(shop, 35)
    assert "updated_since=2023" in vendor.asked[0][1]
    wait_until(lambda: shop.rows("select events from sluice_sync where kind = 'delta'") == [(5,)])


def test_it_polls_by_itself_every_so_often(shop, vendor):
    shop.change("every: 1h", "every: 300ms")
    shop.start()
    vendor.has(3)
    expect_all(shop, 3)
    vendor.has(3, first=3)
    expect_all(shop, 6)


def test_who_asks_in_the_midst_of_a_run_gets_another_one(shop, vendor):
    """The pages before were read before something happened that is worth asking for."""
    vendor.has(120)
    vendor.pause = 0.3
    shop.start()
    wait_until(lambda: len(vendor.asked) >= 2, what=shop.stderr)
    assert ask(shop, "poll")["ok"]
    wait_until(lambda: state(shop)["polls"] >= 2, what=shop.stderr)


def test_a_file_that_is_taken_away_is_noticed(shop, vendor):
    vendor.has(30)
    shop.start()
    expect_all(shop, 30)
    for part in "", "-wal", "-shm":
        (shop.folder / f"data/sources/shop.db{part}").unlink(missing_ok=True)
    wait_until(lambda: "own file was deleted" in shop.stderr(), what=shop.stderr)
    wait_until(lambda: (shop.folder / "data/sources/shop.db").exists() and state(shop)["open"], what=shop.stderr)
    vendor.has(5, first=30)
    poll(shop)
    expect_all(shop, 35)
    expect_once(shop)


# ------------------------------------------------------------------ a bad far side


def test_an_outage_of_the_vendor_is_waited_out(shop, vendor):
    vendor.has(30)
    vendor.moods = [(500, {}), (429, {"Retry-After": "1"}), (503, {}), (500, {}), (200, {}), (500, {})]
    shop.start(ready=False)
    wait_until(lambda: any(status == 429 for _, _, status in vendor.asked))
    expect_all(shop, 30)
    times = [(at, status) for at, _, status in vendor.asked]
    asked_again = next(times[i + 1][0] - at for i, (at, status) in enumerate(times) if status == 429)
    assert asked_again >= 1
    expect_once(shop)


def test_a_poll_that_fails_is_told_and_the_daemon_goes_on(shop, vendor):
    vendor.has(2)
    vendor.token = "another"
    shop.start(ready=False)
    wait_until(lambda: state(shop)["state"] == "failed")
    assert "the shop answered 401" in state(shop)["error"]
    assert len(vendor.asked) == 1  # no tight loop
    vendor.token = "anything"
    poll(shop)
    expect_all(shop, 2)


# ----------------------------------------------------------------------- backfills


def test_a_backfill_runs_beside_live_polls(shop, vendor):
    vendor.has(60)
    shop.change("every: 1h", "every: 200ms")
    shop.start()
    expect_all(shop, 60)
    vendor.pause = 0.05
    with vendor.lock:
        for order in vendor.orders[:40]:
            order["status"] = "paid"  # the vendor changed them without saying so
    assert ask(shop, "backfill", since=0)["ok"]
    vendor.has(1, first=60)
    expect_all(shop, 61)
    told = "select state, events from sluice_sync where run like '%backfill%'"
    wait_until(lambda: shop.rows(told) in ([("finished", 40)], [("finished", 41)]))  # either may have met the newest first
    assert state(shop)["backfill"] is None
    expect_once(shop)


def test_a_backfill_goes_on_after_a_kill(shop, vendor):
    vendor.has(200)
    shop.start()
    expect_all(shop, 200)
    vendor.pause = 0.05
    vendor.asked.clear()
    assert ask(shop, "backfill")["ok"]
    wait_until(lambda: len(vendor.asked) > 3)
    os.kill(shop.child("source shop"), signal.SIGKILL)
    wait_until(lambda: shop.rows("select state from sluice_sync where run like '%backfill%'") == [("finished",)])
    begun = [path for _, path, _ in vendor.asked if "updated_since" not in path]
    assert len(begun) == 1  # it went on where it was
    expect_once(shop)


def most_within(vendor, seconds):
    times = [at for at, _, _ in vendor.asked]
    return max(sum(at <= other < at + seconds for other in times) for at in times)


def test_polls_and_backfills_keep_to_the_budget_also_when_killed(shop, vendor):
    shop.change("requests: 0, window: 10s", "requests: 6, window: 1s")
    shop.change("every: 1h", "every: 300ms")
    vendor.has(100)
    shop.start()
    expect_all(shop, 100)
    assert ask(shop, "backfill")["ok"]
    wait_until(lambda: any("updated_since" not in path for _, path, _ in vendor.asked[-5:]))
    os.kill(shop.child("source shop"), signal.SIGKILL)
    waits = []
    for number in range(100, 103):
        began = ours()
        vendor.has(1, first=number)
        poll(shop)
        waits.append(ours() - began)
    expect_all(shop, 103)
    wait_until(lambda: ask(shop, "state").get("backfill") is None)
    assert most_within(vendor, 1) <= 6
    assert sorted(waits)[1] < 1, waits


# --------------------------------------------------------------------------- kills


def test_nothing_is_lost_or_comes_twice_whoever_is_killed(shop, vendor):
    vendor.pause = 0.01
    vendor.has(600)
    shop.start()
    for title in ["source shop", "ingress", "source shop", "route orders", "ingress", "source shop"]:
        count = len(logged(shop))
        wait_until(lambda: len(orders(shop)) == 600 or len(logged(shop)) > count + random.randrange(40))
        os.kill(shop.child(title), signal.SIGKILL)
    expect_all(shop, 600)
    expect_once(shop)


def test_nothing_is_lost_when_the_master_is_killed(shop, vendor):
    vendor.pause = 0.01
    vendor.has(400)
    for _ in range(4):
        shop.start(ready=False)
        wait_until(lambda: len(vendor.asked) > 2)
        vendor.asked.clear()
        shop.kill()
    shop.start()
    expect_all(shop, 400)
    expect_once(shop)


# --------------------------------------------------------------- looking and mending


def test_polled_events_are_listed_shown_and_exported(shop, vendor):
    vendor.has(2)
    shop.start()
    expect_all(shop, 2)
    wait_until(lambda: shop.settled() and len(logged(shop)) == 4)
    listed = shop.sluice("events", "ls").stdout.splitlines()
    assert "order" in listed[2] and "0@2023-11-14T22:13:20Z" in listed[2] and listed[2].endswith("polled")
    shown = shop.sluice("events", "show", "shop", "0@2023-11-14T22:13:20Z", "--body").stdout
    assert "nothing to verify: the source asked for it" in shown and "route orders: past" in shown
    assert '"customer":"Ann"' in shown.replace(" ", "")
    exported = [json.loads(line) for line in shop.sluice("events", "export").stdout.splitlines()]
    assert [event["id"] for event in exported][1:3] == ["0@2023-11-14T22:13:20Z", "1@2023-11-14T22:13:21Z"]
    assert exported[1]["verified"] == "polled" and "path" not in exported[1]
    assert exported[1]["time"] == "2023-11-14T22:13:20.000Z"


def test_a_dead_polled_event_is_mended_and_retried(shop, vendor):
    vendor.has(1)
    vendor.has(1, first=1, total="a lot")
    shop.start()
    wait_until(lambda: shop.route_health()["dead"] == 1 and orders(shop) == [(0,)])
    dead = json.loads(shop.sluice("dead", "ls", "--each", "--json").stdout)
    assert dead["event_id"] == "1@2023-11-14T22:13:21Z" and "orders.total" in dead["reason"]
    body = json.loads(shop.sluice("dead", "show", "orders", str(dead["seq"]), "--json").stdout)["body"]
    mended = shop.sluice("dead", "edit", "orders", str(dead["seq"]), "--with", "-", stdin=body.replace("a lot", "7.50"))
    assert mended.returncode == 0, mended.stderr
    wait_until(lambda: shop.rows("select id, total from orders where id = 1") == [(1, 7.5)])
    assert shop.route_health()["dead"] == 0


def test_a_schema_without_the_table_drops_what_tells_of_runs(shop, vendor):
    text = (shop.folder / "orders.yaml").read_text()
    shop.write("orders.yaml", text[:text.index("  # Where a schema")])
    vendor.has(3)
    shop.start()
    expect_all(shop, 3)
    wait_until(lambda: shop.settled())
    assert "there is no table sluice_sync" in shop.sluice("routes", "show", "orders").stdout
    expect_once(shop)


def test_a_source_in_c_polls_like_one_in_lua(shop):
    """The plugin of the unit tests: the far side is a file, an event a line."""
    plugin = pathlib.Path(SLUICE).parent / "tests" / "plugins" / "lines.so"
    if not plugin.exists():
        pytest.skip("the test plugins are not built")
    shop.write("far.txt", "".join(f'{number} {{"id":{number},"status":"new"}}\n' for number in range(10)))
    start = shop.text.index("  shop:")
    end = shop.text.index("transforms:")
    shop.write("sluice.yaml", shop.text[:start] + f"  shop: {{ use: {plugin}, file: ./far.txt, overlap: 2, every: 200ms }}\n\n" +
               shop.text[end:])
    shop.start()
    expect_all(shop, 10)
    os.kill(shop.child("source shop"), signal.SIGKILL)
    shop.write("far.txt", "".join(f'{number} {{"id":{number},"status":"new"}}\n' for number in range(14)))
    expect_all(shop, 14)
    expect_once(shop)


# ------------------------------------------------------------------------ neighbours

BOTH_WAYS = """\
return {
  summary = "An event a line, by webhook too.",
  options = { { "file", "text" } },
  webhook = { auth = "none", id = "body:/id", type = "body:/type" },
  poll = function(cursor, opt)
    for _, number in ipairs { 1, 2, 3 } do
      emit { id = "n" .. number, type = "order", data = { id = number, status = "polled" } }
    end
  end,
}
"""


def test_what_came_by_webhook_is_no_second_event_when_it_is_polled(shop):
    shop.write("shop.lua", BOTH_WAYS)
    shop.text = re.sub(r"(?s)    token:.*?\n\n", "    insecure: true\n    file: x\n    every: 1h\n\n", shop.text)
    shop.write("sluice.yaml", shop.text)
    shop.start()
    wait_until(lambda: shop.rows("select id, status from orders") == [(1, "polled"), (2, "polled"), (3, "polled")])
    for body in [{"id": "n2", "type": "order", "status": "posted"}, {"id": "4", "type": "order", "status": "posted"}]:
        assert shop.post(body, signed=False).status == 200
    wait_until(lambda: shop.settled() and shop.route_health()["repeats"] == 1)
    assert shop.rows("select count(*) from orders where status = 'polled'") == [(3,)]


def test_a_plugin_that_crashes_in_its_poll_takes_nobody_along(shop, vendor):
    plugin = pathlib.Path(SLUICE).parent / "tests" / "plugins" / "lines.so"
    if not plugin.exists():
        pytest.skip("the test plugins are not built")
    vendor.has(5)
    shop.write("far.txt", "!crash\n")
    shop.change("transforms:", f"  bad: {{ use: {plugin}, file: ./far.txt }}\n\ntransforms:")
    shop.change("from: [ shop ]", "from: [ shop, bad ]")
    shop.start(ready=False)
    expect_all(shop, 5)
    wait_until(lambda: "source bad was killed by signal 6 (Aborted) in poll of bad" in shop.stderr(), what=shop.stderr)
    shop.write("far.txt", '9 {"id":9,"status":"new"}\n')
    wait_until(lambda: (9,) in orders(shop))
    assert shop.process.poll() is None
