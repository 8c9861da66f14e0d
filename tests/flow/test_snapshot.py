# SPDX-License-Identifier: Apache-2.0
# test_snapshot.py - a list that is read as a whole becomes the table, at once or not at all.
import json
import os
import random
import signal
import sqlite3
import threading

import pytest
from bed import wait_until
from stock import PRODUCTS, SCHEMA, Reader, Stock, ask, dead, drops, poll, run_of, set_up


@pytest.fixture
def stock():
    one = Stock()
    yield one
    one.close()


@pytest.fixture
def shop(daemon, stock):
    set_up(daemon, stock)
    return daemon


def table(shop):
    """What stands in it: {version: rows}."""
    return dict(shop.rows("select version, count(*) from products group by version"))


def expect_table(shop, version, rows):
    wait_until(lambda: table(shop) == {version: rows}, what=lambda: f"{rows} rows of version {version}, not {table(shop)}\n{drops(shop)}\n{shop.stderr()}")


def begin_route_again(shop):
    """Killed, it comes back; unlike with a restart of all, the shop is not polled."""
    pid = shop.child("route products")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: shop.route_health()["state"] == "running" and shop.route_health()["pid"] not in (0, None, pid))


def runs(shop):
    return shop.rows("select state, events from sluice_sync order by run")


# ----------------------------------------------------------------------- whole loads


def test_each_poll_replaces_the_table_and_what_is_gone_is_gone(shop, stock):
    stock.has(50)
    shop.start()
    expect_table(shop, 1, 50)
    stock.has(30)
    poll(shop)
    expect_table(shop, 2, 30)
    stock.has(70)
    assert shop.sluice("backfill", "shop").returncode == 0
    expect_table(shop, 3, 70)
    wait_until(shop.settled)
    assert runs(shop) == [("finished", 50), ("finished", 30), ("finished", 70)]
    assert shop.rows("select distinct kind from sluice_sync") == [("snapshot",)]
    assert shop.rows("select * from product_count") == [(3, 70)]
    assert not dead(shop)


def test_events_of_a_run_are_its_own(shop, stock):
    stock.has(2)
    shop.start()
    expect_table(shop, 1, 2)
    poll(shop)
    wait_until(lambda: runs(shop) == [("finished", 2), ("finished", 2)])
    events = [json.loads(json.loads(line)["body"]) for line in shop.sluice("log", "cat", "--json").stdout.splitlines()]
    names = [event["run"] for event in events]
    assert names[:4] == [names[0]] * 4 and names[4:] == [names[4]] * 4 and names[0] != names[4]
    assert [event["id"] for event in events if event["type"] == "product"] == [
        f"p0000#{names[0]}", f"p0001#{names[0]}", f"p0000#{names[4]}", f"p0001#{names[4]}"]
    assert shop.rows("select distinct _event_id from products order by 1") == [(f"p0000#{names[4]}",), (f"p0001#{names[4]}",)]


def test_what_the_mapping_drops_is_no_row_of_the_load(shop, stock):
    stock.has(40, p0003="drop", p0039="drop")
    shop.start()
    expect_table(shop, 1, 38)
    assert drops(shop) == {"not for sale": 2}


def test_a_replay_gives_the_same_table(shop, stock):
    for count in (30, 60, 45):
        stock.has(count)
        if count == 30:
            shop.start()
        else:
            poll(shop)
        expect_table(shop, stock.version, count)
    reader = Reader(stock, lambda: table(shop).items())
    reader.seen = 3
    before = shop.rows("select sku, version, stock, _event_id, _event_time from products order by sku")
    for way in ["start", "50", "10", "100"]:
        assert shop.sluice("routes", "rewind", "products", "--to", way).returncode == 0
        while not shop.settled():
            assert reader.read() == 3
        assert shop.rows("select sku, version, stock, _event_id, _event_time from products order by sku") == before
    assert not dead(shop)


def test_a_table_that_was_deleted_is_loaded_from_the_log(shop, stock):
    stock.has(30)
    shop.start()
    expect_table(shop, 1, 30)
    stock.has(20)
    poll(shop)
    expect_table(shop, 2, 20)
    shop.stop()
    for path in shop.folder.glob("warehouse.db*"):
        path.unlink()
    shop.start(ready=False)
    expect_table(shop, 2, 20)


# --------------------------------------------------------------- what does not fit


def test_a_load_that_is_too_small_changes_nothing(shop, stock):
    shop.write("products.yaml", SCHEMA.replace("{ source: shop }", "{ source: shop, least: 10, change: 50 }"))
    stock.has(30)
    shop.start()
    expect_table(shop, 1, 30)
    stock.has(5)
    poll(shop)
    wait_until(lambda: shop.route_health()["dead"] == 1)
    letter, = dead(shop)
    assert letter["type"] == "sluice.sync" and "has 5 rows" in letter["reason"]
    assert table(shop) == {1: 30}
    stock.has(14)
    poll(shop)
    wait_until(lambda: shop.route_health()["dead"] == 2)
    assert any("14 rows, and the last one had 30" in letter["reason"] for letter in dead(shop))
    assert table(shop) == {1: 30}
    stock.has(40)
    poll(shop)
    expect_table(shop, 4, 40)
    assert runs(shop) == [("finished", 30), ("started", None), ("started", None), ("finished", 40)]
    assert shop.sluice("dead", "retry", "products", "--all").returncode == 0
    wait_until(lambda: shop.route_health()["dead"] == 0)
    assert drops(shop)["a snapshot's run, and a later one has begun"] == 2
    assert table(shop) == {4: 40}


def test_the_end_of_a_load_that_did_not_fit_can_be_retried(shop, stock):
    shop.write("products.yaml", SCHEMA.replace("{ source: shop }", "{ source: shop, least: 10 }"))
    stock.has(30)
    shop.start()
    expect_table(shop, 1, 30)
    stock.has(5)
    poll(shop)
    wait_until(lambda: shop.route_health()["dead"] == 1)
    shop.write("products.yaml", SCHEMA)
    begin_route_again(shop)
    assert shop.sluice("dead", "retry", "products", "--all").returncode == 0
    expect_table(shop, 2, 5)
    wait_until(lambda: runs(shop) == [("finished", 30), ("finished", 5)])
    assert not dead(shop)


def test_a_dead_letter_in_a_run_keeps_the_table(shop, stock):
    stock.has(30)
    shop.start()
    expect_table(shop, 1, 30)
    stock.has(40, p0007="fail", p0031="fail")
    poll(shop)
    wait_until(lambda: shop.route_health()["dead"] == 3)
    end, = [letter for letter in dead(shop) if letter["type"] == "sluice.sync"]
    assert end["reason"].startswith("2 of the events of its run are dead letters")
    assert f"sluice dead retry products {end['seq']}" in end["reason"]
    assert table(shop) == {1: 30}
    # Retried alone it is dead again; and so it is after a restart.
    if random.random() < 0.5:
        begin_route_again(shop)
    assert shop.sluice("dead", "retry", "products", str(end["seq"])).returncode == 0
    wait_until(lambda: shop.route_health()["dead"] == 3 and shop.route_health()["waiting"] == 0)
    assert table(shop) == {1: 30}
    # The mapping is mended, one of the two is retried, the other let go.
    shop.write("maps/products.lua", PRODUCTS.replace('product.mood == "fail"', 'product.mood == "never"'))
    assert shop.sluice("reload").returncode == 0
    one, other = [letter for letter in dead(shop) if letter["type"] == "product"]
    assert shop.sluice("dead", "retry", "products", str(one["seq"])).returncode == 0
    assert shop.sluice("dead", "drop", "products", str(other["seq"])).returncode == 0
    wait_until(lambda: shop.route_health()["dead"] == 1)
    assert shop.sluice("dead", "retry", "products", str(end["seq"])).returncode == 0
    expect_table(shop, 2, 39)
    assert not dead(shop)


def test_the_dead_of_a_run_and_its_end_are_retried_together(shop, stock):
    stock.has(25, p0007="fail")
    shop.start()
    wait_until(lambda: shop.route_health()["dead"] == 2)
    assert table(shop) == {}
    shop.write("maps/products.lua", PRODUCTS.replace('product.mood == "fail"', 'product.mood == "never"'))
    assert shop.sluice("reload").returncode == 0
    wait_until(lambda: shop.sluice("dead", "retry", "products", "--all").returncode == 0)
    expect_table(shop, 1, 25)
    wait_until(lambda: shop.route_health()["dead"] == 0)


# ------------------------------------------------------------------------ waiting


def test_the_end_waits_for_what_is_tried_again(shop, stock):
    shop.change("to: local }", "to: local, retry: { attempts: 1000, first: 200ms, most: 200ms } }")
    stock.has(30)
    shop.start()
    expect_table(shop, 1, 30)
    stock.has(35, p0002="retry", p0034="retry")
    poll(shop)
    wait_until(lambda: shop.route_health()["waiting"] == 3)
    assert table(shop) == {1: 30}
    assert any("waits until none of it is open" in (row["reason"] or "")
               for row in shop.ask("products", "stand")[1]["open"])
    if random.random() < 0.5:
        begin_route_again(shop)
    shop.write("maps/products.lua", PRODUCTS.replace('product.mood == "retry"', 'product.mood == "never"'))
    assert shop.sluice("reload").returncode == 0
    expect_table(shop, 2, 35)
    wait_until(lambda: shop.route_health()["waiting"] == 0)


def test_a_later_run_makes_one_that_waits_moot(shop, stock):
    shop.change("to: local }", "to: local, retry: { attempts: 1000, first: 1h, most: 1h } }")
    stock.has(30)
    shop.start()
    expect_table(shop, 1, 30)
    stock.has(35, p0002="retry")
    poll(shop)
    wait_until(lambda: shop.route_health()["waiting"] == 2)
    stock.has(20)
    poll(shop)
    expect_table(shop, 3, 20)
    wait_until(lambda: shop.route_health()["waiting"] == 1)
    assert drops(shop)["a snapshot's run, and a later one has begun"] == 1
    assert runs(shop) == [("finished", 30), ("started", None), ("finished", 20)]


def test_a_run_is_in_its_place_before_the_next_begins_also_in_one_batch(shop, stock):
    """The route was away: two whole runs and half of a third lie in the log when it comes back."""
    stock.has(30)
    shop.start()
    expect_table(shop, 1, 30)
    shop.ask("products", "pause")
    stock.has(10)
    poll(shop)
    stock.has(12)
    poll(shop)
    stock.has(50)
    stock.answer = lambda asked: (503, {}, {}) if "after=4%3A20" in asked.path else stock.page(asked)
    ask(shop, "poll")
    wait_until(lambda: ask(shop, "state")["state"] == "outage")
    shop.ask("products", "resume")
    wait_until(shop.settled)
    assert table(shop) == {3: 12}
    stock.answer = stock.page
    expect_table(shop, 4, 50)
    assert [state for state, _ in runs(shop)] == ["finished"] * 4


# -------------------------------------------------------------------- a bad far side


def test_a_run_that_fails_half_way_changes_nothing(shop, stock):
    stock.has(100)
    shop.start()
    expect_table(shop, 1, 100)
    stock.has(90)
    stock.answer = lambda asked, page=stock.answer: (404, {}, {}) if "after=2%3A40" in asked.path else page(asked)
    said = ask(shop, "poll", wait=True)
    assert not said["ok"] and "404" in said["why"]
    wait_until(shop.settled)
    assert table(shop) == {1: 100}
    stock.answer = stock.page
    poll(shop)
    expect_table(shop, 2, 90)
    assert [state for state, _ in runs(shop)] == ["finished", "started", "finished"]


def test_an_outage_of_the_far_side_in_the_middle_is_waited_out(shop, stock):
    stock.has(100)
    shop.start()
    expect_table(shop, 1, 100)
    stock.has(90)
    ill = iter([True] * 4 + [False] * 1000)
    stock.answer = lambda asked: (503, {}, {}) if "after=2%3A40" in asked.path and next(ill) else stock.page(asked)
    ask(shop, "poll")
    expect_table(shop, 2, 90)
    assert [state for state, _ in runs(shop)] == ["finished", "finished"]


# ------------------------------------------------------------------- kills and readers


def look(shop):
    """As somebody else would: on a connection of its own, a look a transaction."""
    connection = sqlite3.connect(f"file:{shop.folder / 'warehouse.db'}?mode=ro", uri=True, timeout=20)
    return lambda: connection.execute("select version, products from product_count").fetchall()


def read_until(stop, reader, troubles):
    try:
        while not stop.is_set():
            reader.read()
    except Exception as trouble:  # told by the test itself
        troubles.append(trouble)


def test_readers_see_one_whole_version_while_everybody_is_killed(shop, stock):
    stock.has(120)
    shop.start()
    expect_table(shop, 1, 120)
    stop, troubles = threading.Event(), []
    readers = [Reader(stock, None) for _ in range(2)]

    def begin(reader):
        reader.look = look(shop)
        read_until(stop, reader, troubles)

    threads = [threading.Thread(target=begin, args=(reader,)) for reader in readers]
    for thread in threads:
        thread.start()
    try:
        for turn in range(12):
            stock.has(100 + 7 * turn)
            wait_until(lambda: ask(shop, "poll").get("ok"))
            stop.wait(random.random() * 0.4)
            if turn % 4 == 3:
                shop.kill()
                shop.start(ready=False)
            else:
                title = ["route products", "source shop", "ingress"][turn % 3]
                os.kill(shop.child(title), signal.SIGKILL)
        poll(shop)  # ends what was begun
        poll(shop)
        expect_table(shop, 13, 177)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not troubles, troubles
    assert all(reader.looks > 20 for reader in readers)
    wait_until(lambda: shop.settled() and shop.route_health()["waiting"] == 0)
    assert not dead(shop)


# ---------------------------------------------------------------------- configuration


def test_what_cannot_be_a_snapshot_is_refused(shop, stock):
    shop.text += "\n"
    shop.change("sources:\n", "sources:\n  posts: { use: webhook, auth: none, insecure: true, id: body:/id, snapshot: true }\n")
    told = shop.sluice("check")
    assert told.returncode == 2
    assert "source posts" in told.stderr and "`snapshot: true` is for a source that polls" in told.stderr, told.stderr


def test_a_table_takes_the_snapshots_of_one_source(shop, stock):
    shop.write("products.yaml", SCHEMA.replace("snapshot: { source: shop }", "snapshot: true"))
    shop.change("transforms:", f'  other: {{ use: ./far/shop.lua, base: "{stock.base}", limit: 20, snapshot: true }}\ntransforms:')
    shop.change("from: [ shop ]", "from: [ shop, other ]")
    told = shop.sluice("check").stderr
    assert "route products: the table products takes snapshots, and both shop and other bring them: name one" in told
    shop.write("products.yaml", SCHEMA.replace("source: shop", "source: other"))
    assert shop.sluice("check").returncode == 0
    shop.change("limit: 20, snapshot: true }\ntransforms", "limit: 20 }\ntransforms")
    told = shop.sluice("check").stderr
    assert "the table products takes the snapshots of other, but that source does not say `snapshot: true`" in told


def test_trying_a_snapshot_shows_its_rows_and_tells_of_no_load(shop, stock):
    stock.has(3, p0001="fail")
    shop.start()
    wait_until(lambda: shop.route_health()["dead"] == 2)
    told = shop.sluice("try", "products", "--last", "10", "--json")
    lines = [json.loads(line) for line in told.stdout.splitlines()]
    assert told.returncode in (0, 1), told.stderr
    tables = [row["table"] for line in lines for row in line.get("rows", [])]
    assert tables.count("products") == 2 and tables.count("sluice_sync") == 2, lines
