# SPDX-License-Identifier: Apache-2.0
# test_postgres_snapshot.py - whole loads into Postgres: readers see one version, what hangs on the table stays.
import contextlib
import os
import random
import signal
import threading

import pytest
from bed import wait_until
from postgres import use
from stock import PRODUCTS, SCHEMA, Reader, Stock, ask, dead, drops, poll, set_up

SWAPS = int(os.environ.get("SLUICE_SWAPS", "30"))
READERS = 4


@pytest.fixture
def stock():
    one = Stock()
    yield one
    one.close()


@pytest.fixture
def shop(daemon, stock, database):
    set_up(daemon, stock)
    use(daemon, database)
    return daemon


def without_views(shop):
    (shop.folder / "products.postgres.sql").unlink()


def table(database):
    return {int(version): int(rows) for version, rows in
            database.rows("select version, count(*) from products group by version")}


def expect_table(shop, database, version, rows):
    wait_until(lambda: table(database) == {version: rows},
               what=lambda: f"{rows} rows of version {version}, not {table(database)}\n{drops(shop)}\n{shop.stderr()}")


def first_load(shop, database, stock, count):
    stock.has(count)
    shop.start()
    expect_table(shop, database, 1, count)


# ---------------------------------------------------------------------- readers


class Looker(Reader):
    """On a connection of its own, which stays; an answer that is an error is trouble."""

    def __init__(self, stock, database, relation):
        super().__init__(stock, self.ask)
        self.sql = f"select version, {'products' if relation == 'product_count' else 'count(*)'} from {relation}"
        if relation != "product_count":
            self.sql += " group by version"
        self.session = database.session()
        self.trouble = None

    def ask(self):
        said = self.session.do(self.sql)
        assert not any("ERROR" in line for line in said), said
        return [line.split("|") for line in said]

    def run(self, stop):
        try:
            while not stop.is_set():
                self.read()
        except Exception as trouble:  # told by the test itself
            self.trouble = trouble


@contextlib.contextmanager
def read_by(lookers):
    stop = threading.Event()
    threads = [threading.Thread(target=looker.run, args=(stop,)) for looker in lookers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        for looker in lookers:
            looker.session.end()
    assert not any(looker.trouble for looker in lookers), [looker.trouble for looker in lookers]


def swap_often(shop, database, stock, lookers):
    """So many loads while they read; each reader saw versions one after the other, none of them in part."""
    with read_by(lookers):
        for turn in range(SWAPS):
            count = 80 + random.randrange(80)
            version = stock.has(count)
            poll(shop)
            expect_table(shop, database, version, count)
    print(f"{SWAPS} swaps, {sum(looker.looks for looker in lookers)} queries by {len(lookers)} readers")
    assert all(looker.looks > SWAPS for looker in lookers)
    assert not dead(shop)


def test_readers_see_one_version_and_views_and_grants_stay(shop, database, stock):
    first_load(shop, database, stock, 100)
    database.do("create role clerk login; grant select on products to clerk;"
                " create view cheap as select * from products where stock < 40; grant select on cheap to clerk;"
                " comment on table products is 'What there is.'; create index by_stock on products (stock)")
    try:
        clerk = database.as_user("clerk")
        relations = ["products", "product_count", "products", "products"]
        lookers = [Looker(stock, clerk if relation == "products" else database, relation) for relation in relations]
        swap_often(shop, database, stock, lookers)
        assert clerk.number("select count(*) from products") == len(stock.versions[-1])
        assert clerk.number("select count(*) from cheap") == 40
        assert clerk.number("select count(distinct version) from cheap") == 1
        assert database.value("select obj_description('products'::regclass)") == "What there is."
        assert database.number("select count(*) from pg_indexes where indexname = 'by_stock'") == 1
    finally:
        database.do("drop owned by clerk; drop role clerk")


def test_a_table_nothing_hangs_on_keeps_its_grants_and_indexes(shop, database, stock):
    without_views(shop)
    first_load(shop, database, stock, 100)
    before = database.value("select 'products'::regclass::oid")
    database.do("create role clerk login; grant select on products to clerk; create index by_stock on products (stock)")
    try:
        clerk = database.as_user("clerk")
        swap_often(shop, database, stock, [Looker(stock, clerk, "products") for _ in range(READERS)])
        assert database.value("select 'products'::regclass::oid") != before  # it was put in the other's place
        assert clerk.number("select count(*) from products") == len(stock.versions[-1])
        assert database.number("select count(*) from pg_indexes where indexname = 'by_stock'") == 1
        assert database.rows("select conname from pg_constraint where conrelid = 'products'::regclass and contype = 'p'") == [
            ("products_pkey",)]
    finally:
        database.do("drop owned by clerk; drop role clerk")


# ------------------------------------------------------------------------ kills


def disturb(shop, database, turn):
    """One of those that take part is killed."""
    if turn % 5 == 4:
        shop.kill()
        shop.start(ready=False)
    elif turn % 5 == 3:
        database.terminate_backends()
    else:
        os.kill(shop.child(["route products", "source shop", "ingress"][turn % 3]), signal.SIGKILL)


def test_whoever_is_killed_no_reader_sees_half_a_load(shop, database, stock):
    first_load(shop, database, stock, 120)
    pause = threading.Event()
    watched = Reader(stock, lambda: database.rows("select version, products from product_count"))
    for turn in range(15):
        stock.has(100 + 7 * turn)
        wait_until(lambda: ask(shop, "poll").get("ok"))
        pause.wait(random.random() * 0.4)
        disturb(shop, database, turn)
        for _ in range(5):
            wait_until(lambda: watched.read() or True)
    poll(shop)  # ends what was begun
    poll(shop)
    expect_table(shop, database, 16, 198)
    wait_until(lambda: shop.settled() and shop.route_health()["waiting"] == 0)
    assert not dead(shop)


def test_the_server_dies_in_the_middle_of_a_run(shop, database, stock, server):
    first_load(shop, database, stock, 60)
    for how in ["immediate", "kill", "fast"]:
        count = 60 + random.randrange(60)
        version = stock.has(count)
        stock.answer = lambda asked: (503, {}, {}) if f"after={version}%3A40" in asked.path else stock.page(asked)
        ask(shop, "poll")
        wait_until(lambda: ask(shop, "state")["state"] == "outage")
        server.restart(how)
        stock.answer = stock.page
        expect_table(shop, database, version, count)
    wait_until(lambda: shop.route_health()["state"] == "running")
    assert not dead(shop)


# --------------------------------------------------------------- what does not fit


def test_a_load_that_does_not_fit_changes_nothing(shop, database, stock):
    shop.write("products.yaml", SCHEMA.replace("{ source: shop }", "{ source: shop, least: 10, change: 50 }"))
    first_load(shop, database, stock, 30)
    stock.has(5)
    poll(shop)
    wait_until(lambda: shop.route_health()["dead"] == 1)
    letter, = dead(shop)
    assert letter["type"] == "sluice.sync" and "5 rows" in letter["reason"], letter
    assert table(database) == {1: 30}
    stock.has(40)
    poll(shop)
    expect_table(shop, database, 3, 40)
    assert shop.sluice("dead", "retry", "products", "--all").returncode == 0
    wait_until(lambda: shop.route_health()["dead"] == 0)
    assert drops(shop)["a snapshot's run, and a later one has begun"] == 1
    assert table(database) == {3: 40}


def test_a_dead_letter_in_a_run_keeps_the_table_until_it_is_mended(shop, database, stock):
    first_load(shop, database, stock, 30)
    stock.has(40, p0007="fail")
    poll(shop)
    wait_until(lambda: shop.route_health()["dead"] == 2)
    assert table(database) == {1: 30}
    shop.write("maps/products.lua", PRODUCTS.replace('product.mood == "fail"', 'product.mood == "never"'))
    assert shop.sluice("reload").returncode == 0
    wait_until(lambda: shop.sluice("dead", "retry", "products", "--all").returncode == 0)
    expect_table(shop, database, 2, 40)
    wait_until(lambda: shop.route_health()["dead"] == 0)


def test_a_replay_gives_the_same_table(shop, database, stock):
    first_load(shop, database, stock, 30)
    for count in (60, 45):
        version = stock.has(count)
        poll(shop)
        expect_table(shop, database, version, count)
    content = "select sku, version, stock, _event_id, _event_time from products order by sku"
    before = database.rows(content)
    for way in ["start", "50", "10", "100"]:
        assert shop.sluice("routes", "rewind", "products", "--to", way).returncode == 0
        wait_until(shop.settled)
        assert database.rows(content) == before
    assert not dead(shop)
