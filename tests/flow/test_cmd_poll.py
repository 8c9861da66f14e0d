# SPDX-License-Identifier: Apache-2.0
# test_cmd_poll.py - sluice poll and sluice backfill, and what health says of a source that polls.
import contextlib
import json
import os
import re
import sqlite3
import subprocess

import pytest
from bed import SLUICE, ours, terminal, wait_until
from test_poll import expect_once, shop, vendor  # noqa: F401 (fixtures)


def begun(shop):
    """The daemon, once the source has made its first poll."""
    shop.start()
    wait_until(lambda: polls(shop)["last"])
    return shop


def polls(shop):
    return shop.health()["sources"][0]["polls"]


def in_background(shop, *words):
    return subprocess.Popen([SLUICE, *words], cwd=shop.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


# ---------------------------------------------------------------------- poll


def test_a_poll_says_what_was_new(shop, vendor):
    vendor.has(5)
    begun(shop)
    vendor.has(3, first=5)
    answer = shop.sluice("poll", "shop")
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("shop: 3 new events")
    wait_until(lambda: len(shop.rows("select id from orders")) == 8)
    said = json.loads(shop.sluice("poll", "shop", "--json").stdout)
    assert (said["source"], said["events"], said["error"]) == ("shop", 0, None)


def test_a_poll_that_fails_says_why(shop, vendor):
    begun(shop)
    vendor.token = "another"
    answer = shop.sluice("poll", "shop")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("sluice poll: ") and "401" in answer.stderr
    said = shop.sluice("poll", "shop", "--json")
    assert said.returncode == 1 and "401" in json.loads(said.stdout)["error"]


def test_a_vendor_that_cannot_be_had_is_said_at_once(shop, vendor):
    begun(shop)
    vendor.moods = [(503, {})] * 100
    answer = shop.sluice("poll", "shop", timeout=60)
    assert answer.returncode == 1 and answer.stderr


@pytest.mark.parametrize("words", [("poll",), ("backfill",)])
def test_without_a_daemon_it_says_so(shop, words):
    answer = shop.sluice(*words, "shop")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "no daemon answers" in answer.stderr


def test_check_says_how_often_it_polls(shop):
    answer = shop.sluice("check")
    assert answer.returncode == 0 and "takes in no webhooks" in answer.stdout and "polls every 1h" in answer.stdout
    assert json.loads(shop.sluice("check", "--json").stdout)["sources"][0]["every"] == 3600000


def test_a_source_that_does_not_poll_is_none(shop, vendor):
    begun(shop)
    for name in ("orders", "../x", "a b", ""):
        answer = shop.sluice("poll", name)
        assert answer.returncode == 1 and ("no source" in answer.stderr), answer.stderr


def test_a_poll_may_go_back_to_a_time(shop, vendor):
    vendor.has(30)
    begun(shop)
    wait_until(lambda: len(shop.rows("select id from orders")) == 30)
    vendor.has(3, first=10000, updated_at="2023-11-14T00:00:00Z")  # came to light late: before what was read last
    assert shop.sluice("poll", "shop").stdout.startswith("shop: 0 new events")
    vendor.asked.clear()
    said = shop.sluice("poll", "shop", "--since", "2023-11-13")
    told = re.fullmatch(r"shop: 3 new events, (\d+) unchanged\n", said.stdout)
    assert told and int(told[1]) >= 30, said.stdout + said.stderr
    assert "updated_since=2023-11-13" in vendor.asked[0][1].replace("%3D", "=")
    assert shop.sluice("poll", "shop").stdout.startswith("shop: 0 new events")
    assert "2023-11-13" not in vendor.asked[-1][1]
    wait_until(lambda: len(shop.rows("select id from orders")) == 33)
    assert shop.sluice("poll", "shop", "--since", "soon").returncode == 2


# ------------------------------------------------------------------ backfill


def test_a_backfill_brings_everything_and_is_waited_for(shop, vendor):
    vendor.has(70)
    begun(shop)
    vendor.has(20, first=1000)
    answer = shop.sluice("backfill", "shop")
    assert answer.returncode == 0, answer.stderr
    told = re.fullmatch(r"shop: (\d+) events, (\d+) unchanged and left out \(--all brings them again\)\n", answer.stdout)
    assert told and int(told[1]) >= 20 and int(told[2]) >= 70, answer.stdout
    wait_until(lambda: len(shop.rows("select id from orders")) == 90)


def test_a_backfill_may_begin_at_a_time(shop, vendor):
    begun(shop)
    said = json.loads(shop.sluice("backfill", "shop", "--since", "2026-01-31", "--json").stdout)
    assert said == {"source": "shop", "events": 0, "unchanged": 0, "error": None}
    assert shop.sluice("backfill", "shop", "--since", "30d").returncode == 0
    answer = shop.sluice("backfill", "shop", "--since", "yesterday")
    assert answer.returncode == 2 and "how long ago" in answer.stderr
    assert any("since=2026-01-31" in path or "since=2026-01-31".replace("=", "%3D") in path
               for _, path, _ in vendor.asked)


def test_an_emptied_sink_is_filled_by_a_backfill_of_all(shop, vendor):
    vendor.has(70)
    begun(shop)
    wait_until(lambda: len(shop.rows("select id from orders")) == 70 and shop.settled())
    with contextlib.closing(sqlite3.connect(shop.folder / "warehouse.db")) as warehouse:
        warehouse.execute("delete from orders")
        warehouse.commit()
    assert shop.sluice("backfill", "shop").returncode == 0
    wait_until(shop.settled)
    assert shop.rows("select count(*) from orders") == [(0,)]
    assert shop.sluice("backfill", "shop", "--all").stdout.startswith("shop: 70 events")
    wait_until(lambda: len(shop.rows("select id from orders")) == 70)
    expect_once(shop)


def test_a_backfill_goes_on_after_a_kill_and_its_command_waits(shop, vendor):
    vendor.has(300)
    begun(shop)
    vendor.has(100, first=1000)
    vendor.pause = 0.2
    waiting = in_background(shop, "backfill", "shop", "--json")
    wait_until(lambda: (polls(shop)["backfill"] or {}).get("events", 0) + len(vendor.asked) > 22)
    asked = len(vendor.asked)
    subprocess.run(["kill", "-9", str(shop.child("source shop"))], check=True)
    vendor.pause = 0
    out, error = waiting.communicate(timeout=30)
    assert waiting.returncode == 0, error
    assert json.loads(out)["events"] + json.loads(out)["unchanged"] >= 400
    begun_anew = [path for _, path, _ in vendor.asked[asked + 2:] if "updated_since" not in path]
    assert not begun_anew, "it goes on where it was"
    wait_until(lambda: len(shop.rows("select id from orders")) == 400)
    expect_once(shop)


def test_a_person_sees_how_far_a_backfill_is(shop, vendor):
    vendor.has(300)
    begun(shop)
    vendor.pause = 0.3
    master, end = terminal()
    waiting = subprocess.Popen([SLUICE, "backfill", "shop", "--all"], cwd=shop.folder, stdout=subprocess.PIPE, stderr=end)
    os.close(end)
    seen = b""
    while b"/s, back to 2023-11-14 22:13" not in seen:
        seen += os.read(master, 1000)
    vendor.pause = 0
    assert waiting.wait(30) == 0
    os.close(master)
    assert re.search(rb"backfilling: \d+ objects, \d+ new, \d+/s, back to 2023-11-14 22:13", seen), seen


def test_one_backfill_at_a_time(shop, vendor):
    vendor.has(400)
    begun(shop)
    vendor.pause = 0.3
    assert shop.sluice("backfill", "shop", "--no-wait").returncode == 0
    wait_until(lambda: polls(shop)["backfill"])
    second = in_background(shop, "backfill", "shop")
    wait_until(lambda: "backfill:" in shop.sluice("status").stdout)
    assert shop.sluice("backfill", "shop", "--restart", "--no-wait").returncode == 0
    assert shop.sluice("backfill", "shop", "--stop").returncode == 0
    _, said = second.communicate(timeout=20)
    assert second.returncode == 1
    assert "is under way and is waited for" in said and "was stopped" in said
    wait_until(lambda: polls(shop)["backfill"] is None)


# -------------------------------------------------------------------- health


def test_health_metrics_and_status_tell_of_polls(shop, vendor):
    vendor.has(4)
    begun(shop)
    wait_until(lambda: polls(shop)["events"] >= 4 and polls(shop)["state"] == "idle")
    health = shop.health()
    assert health["state"] == "green", health["why"]
    told = health["sources"][0]
    assert (told["name"], told["polls"]["error"], told["polls"]["rests"], told["polls"]["backfill"]) == ("shop", None, False, None)
    assert told["polls"]["last"].endswith("Z") and told["polls"]["next"] > told["polls"]["last"]
    assert told["polls"]["pid"] == shop.child("source shop")
    metrics = shop.metrics()
    assert metrics['sluice_polls_total{process="source",source="shop"}'] >= 1
    assert metrics['sluice_poll_events_total{process="source",source="shop"}'] >= 4
    assert metrics['sluice_poll_failures_total{process="source",source="shop"}'] == 0
    assert metrics['sluice_up{process="source",source="shop"}'] == 1
    status = shop.sluice("status")
    assert status.returncode == 0 and "idle, last" in status.stdout and "next in" in status.stdout


def test_a_poll_that_fails_turns_health_yellow_until_one_succeeds(shop, vendor):
    begun(shop)
    vendor.token = "another"
    shop.sluice("poll", "shop")
    health = wait_until(lambda: shop.health()["state"] == "yellow" and shop.health())
    assert any("source shop cannot poll" in why and "401" in why for why in health["why"])
    assert shop.get("/health").status == 200
    vendor.token = "anything"
    shop.sluice("poll", "shop")
    wait_until(lambda: shop.health()["state"] == "green")


def test_a_source_that_is_killed_is_begun_again(shop, vendor):
    begun(shop)
    old = shop.child("source shop")
    subprocess.run(["kill", "-9", str(old)], check=True)
    wait_until(lambda: shop.child("source shop") != old)
    vendor.has(2)
    wait_until(lambda: shop.sluice("poll", "shop").returncode == 0)
    wait_until(lambda: len(shop.rows("select id from orders")) == 2)


# ---------------------------------------------------------------------- rest


def test_a_source_rests_while_a_route_it_feeds_is_far_behind(shop, vendor):
    vendor.has(12000)
    shop.change("limit: 20", "limit: 250")
    shop.start()
    assert shop.sluice("routes", "pause", "orders").returncode == 0
    wait_until(lambda: polls(shop)["rests"] and shop.route_health()["behind"] > 10000, within=60)
    shop.sluice("backfill", "shop", "--no-wait")
    wait_until(lambda: polls(shop)["state"] == "resting")
    assert shop.sluice("routes", "resume", "orders").returncode == 0
    wait_until(lambda: not polls(shop)["rests"], within=60)
    wait_until(lambda: polls(shop)["state"] == "backfilling")
    assert shop.sluice("backfill", "shop", "--stop").returncode == 0


# -------------------------------------------------------------------- reload


def test_a_reload_changes_adds_and_drops_sources(shop, vendor):
    vendor.has(1)
    begun(shop)
    old = shop.child("source shop")
    shop.change("every: 1h", "every: 2h")
    assert "changed source shop" in shop.sluice("reload").stdout
    wait_until(lambda: shop.child("source shop") != old)
    text = shop.text
    shop.change("from: [ shop ]", "from: [ own ]")
    shop.change("transforms:", "  own: { use: webhook, auth: bearer, secret: s }\ntransforms:")
    block = shop.text[shop.text.index("  shop:\n"):shop.text.index("  own:")]
    shop.change(block, "")
    answer = shop.sluice("reload")
    assert "removed source shop" in answer.stdout, answer.stderr
    wait_until(lambda: "sluice: source shop" not in shop.children())
    shop.text = text
    shop.write("sluice.yaml", text)
    assert "changed source shop" in "".join(shop.sluice("reload").stdout)
    vendor.has(1, first=1)
    wait_until(lambda: shop.sluice("poll", "shop").returncode == 0)
    wait_until(lambda: len(shop.rows("select id from orders")) == 2)


def test_what_a_poll_did_is_told_as_soon_as_it_has_ended(shop, vendor):
    begun(shop)
    for number in range(5):
        before = polls(shop)["last"]
        vendor.has(1, first=number)
        assert shop.sluice("poll", "shop").returncode == 0
        told = polls(shop)
        assert told["state"] == "idle" and told["last"] > before


def test_a_poll_right_after_a_reload_waits_for_the_source(shop, vendor):
    vendor.has(1)
    begun(shop)
    for number in range(1, 4):
        shop.change(f"every: {number}h", f"every: {number + 1}h")
        vendor.has(1, first=number)
        assert "changed source shop" in shop.sluice("reload").stdout
        health = shop.health()
        assert health["state"] == "green", health["why"]
        answer = shop.sluice("poll", "shop")
        assert answer.returncode == 0, answer.stderr
    wait_until(lambda: len(shop.rows("select id from orders")) == 4)


def test_it_stops_cleanly_in_the_middle_of_a_poll(shop, vendor):
    vendor.has(200)
    vendor.pause = 0.2
    shop.start()
    wait_until(lambda: vendor.asked)
    began = ours()
    shop.stop()
    assert ours() - began < 5
    assert not (shop.data / "events.sock").exists()


def test_a_reload_takes_a_saved_source_script(shop, vendor):
    begun(shop)
    old = shop.child("source shop")
    script = (shop.folder / "shop.lua").read_text()
    shop.write("shop.lua", script + "\n-- saved\n")
    assert "changed source shop" in shop.sluice("reload").stdout
    wait_until(lambda: shop.child("source shop") != old)
