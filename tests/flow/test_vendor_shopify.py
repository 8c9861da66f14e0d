# SPDX-License-Identifier: Apache-2.0
# test_vendor_shopify.py - a store: what its webhooks tell and what its API shows are one history.
import contextlib
import json

import pytest
from vendorbed import Bed, bad_day, wait_until

from shopify import SHOP, Shopify

CONFIG = """\
listen: 127.0.0.1:{port}
public: http://127.0.0.1:{port}
data: ./data
http: {{ allow: [127.0.0.1] }}
sources:
  store:
    use: shopify
    secret: [{secret}]
    shop: fixture-dev.myshopify.com
    token: shpat_fake
    base: "{base[store]}"
    every: 1h
    first: 0
    api: {{ points: 2000, points_window: {window}ms }}
transforms:
  rows: {{ use: shopify/store }}
sinks:
  local: {{ use: sqlite, path: ./warehouse.db, schema: {{ use: shopify }} }}
routes:
  - {{ name: store, from: [store], via: [rows], to: local }}
"""


class Stores(Bed):
    """And what was deleted is marked."""

    def compare_tables(self, name, fake):
        super().compare_tables(name, fake)
        for table, gone in fake.ever.items():
            key = table[:-1] + "_id"
            there = {row[0] for row in self.daemon.rows(f"select {key} from {table} where deleted")}
            assert there == {str(number) for number in gone}, f"{table}: deletions differ"


def bed(daemon, register=False, objects=None, **how):
    daemon.source, daemon.route = "store", "store"
    fake = Shopify(secret=daemon.secret, **how)
    more = {"objects": objects} if objects else {}
    return Stores(daemon, CONFIG, {"store": fake}, events=("shopify_events", "event_id"), register=register,
                  values={"window": round(fake.points.seconds * 1000)}, **more)


def test_a_bad_day(daemon):
    one = bed(daemon, **bad_day())
    one.prove()
    assert one.fakes["store"].counts["lost"], "nothing was lost: another seed"


@pytest.fixture
def quiet(daemon):
    """A few objects, and nothing goes wrong by itself."""
    one = bed(daemon, speed=50)
    one.fakes["store"].fill(30)
    one.start()
    yield one
    one.close()


def polled(one):
    fake = one.fakes["store"]
    fake.drain()
    one.until_done("poll", "store")
    wait_until(one.caught_up)


def test_what_was_pushed_and_polled_is_one_row(quiet):
    fake = quiet.fakes["store"]
    polled(quiet)
    fake.change(20)
    polled(quiet)
    quiet.compare_tables("store", fake)
    quiet.compare_limits("store", fake)


VIEWS = ["sales", "sales_daily", "product_sales", "customer_value", "orders_to_send", "topics_daily", "compliance_due"]


def test_the_views_count_what_there_is(quiet):
    fake = quiet.fakes["store"]
    polled(quiet)
    fake.change(20)
    polled(quiet)
    for view in VIEWS:
        quiet.daemon.rows(f"select * from {view}")
    total = round(sum(float(one["total_price"]) for one in fake.objects["orders"].values()), 2)
    assert round(quiet.daemon.rows("select sum(total) from sales_daily")[0][0], 2) == total


def test_postgres_holds_and_counts_the_same(daemon, database):
    one = bed(daemon, speed=50)
    one.text = one.text.replace("use: sqlite, path: ./warehouse.db", f'use: postgres, url: "{database.url}"')
    fake = one.fakes["store"]
    with contextlib.closing(one):
        fake.fill(30)
        one.start()
        polled(one)
        fake.change(20)
        polled(one)
        for view in VIEWS:
            database.rows(f"select * from {view}")
        there = database.rows("select order_id, total_price::float from sales order by order_id")
        orders = sorted(fake.objects["orders"].items())
        assert there == [(str(number), f"{float(order['total_price']):g}") for number, order in orders]


def test_small_pages_where_a_query_may_cost_little(daemon):
    one = bed(daemon, speed=50, dearest=120)
    fake = one.fakes["store"]
    with contextlib.closing(one):
        fake.fill(60)
        one.start()
        polled(one)
        one.compare_tables("store", fake)
        one.compare_limits("store", fake)


def test_subscriptions_are_made_once_and_removed(quiet):
    fake = quiet.fakes["store"]
    fake.hooks.clear()
    made = quiet.daemon.sluice("hooks", "register", "store", "--json")
    assert made.returncode == 0, made.stderr
    assert {hook["topic"] for hook in fake.hooks} >= {"ORDERS_CREATE", "CUSTOMERS_DELETE", "APP_UNINSTALLED"}
    count = len(fake.hooks)
    fake.hooks.append({"id": "gid://shopify/WebhookSubscription/1", "topic": "CARTS_UPDATE", "url": fake.hooks[0]["url"]})
    fake.hooks.append({"id": "gid://shopify/WebhookSubscription/2", "topic": "CARTS_UPDATE", "url": "https://example.com/x"})
    again = quiet.daemon.sluice("hooks", "register", "store")
    assert again.returncode == 0, again.stderr
    assert len(fake.hooks) == count + 1, fake.hooks
    gone = quiet.daemon.sluice("hooks", "remove", "store")
    assert gone.returncode == 0, gone.stderr
    assert [hook["url"] for hook in fake.hooks] == ["https://example.com/x"]


def test_what_the_token_may_not_read_is_said(quiet):
    fake = quiet.fakes["store"]
    fake.scopes.remove("read_customers")
    refused = quiet.daemon.sluice("poll", "store")
    assert refused.returncode != 0
    assert "give the app the scope read_customers" in refused.stdout + refused.stderr


def test_a_request_by_law_is_of_the_shop_that_it_names(quiet):
    fake = quiet.fakes["store"]
    body = json.dumps({"shop_id": 1, "shop_domain": SHOP, "customer": {"id": 5, "email": "ann@example.com"}}).encode()
    other = json.dumps({"shop_id": 1, "shop_domain": "other.myshopify.com", "customer": {"id": 5}}).encode()
    fine = quiet.daemon.post(body, signed=False, headers=fake.headers("customers/redact", "e1", body))
    forged = quiet.daemon.post(other, signed=False, headers=fake.headers("customers/redact", "e2", other))
    assert (fine.status, forged.status) == (200, 401)
    wait_until(lambda: quiet.daemon.rows("select shop, topic, customer_id from compliance_requests")
               == [(SHOP, "customers/redact", "5")])
