# SPDX-License-Identifier: Apache-2.0
"""orders.py - what the benches of routes share: orders of a shop, brought from a log to where they are wanted.

A Road is a daemon's folder with a log that is full already; led to a destination it has a route.  A destination knows
how its sink is configured, how it is emptied, and where the route stands in it.
"""
import collections
import contextlib
import hashlib
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import time

from measure import HERE, PROGRAMS, SLUICE, free_port, running

sys.path.insert(0, os.path.join(HERE, "../bed"))

UPSERT = os.path.join(PROGRAMS, "upsert")
LONGEST = 900  # seconds of one measurement
STILL = 30  # seconds without an order after which none is waited for any more

CONFIG = """\
listen: 127.0.0.1:{port}
data: ./data
log: {{ size: 40 GB }}
http: {{ allow: [127.0.0.1] }}
{limits}sources:
  orders: {{ use: webhook, {auth}, {selectors} }}
{transforms}sinks:
  out: {{ {sink}, schema: {{ use: ./orders.yaml }} }}
routes:
  - {{ name: orders, from: [orders],{via} to: out }}
"""

SCHEMA = """\
help: Orders of a shop.
tables:
  orders:
    mode: upsert
    key: [order_id]
    columns:
      order_id: int
      shop: text
      status: text
      customer_id: int
      customer: text
      email: text
      city: text
      country: text
      currency: text
      total: decimal
      tax: decimal
      discount: decimal
      items: int
      paid: bool
      placed_at: timestamp
      updated_at: timestamp
      ship_by: date
      note: text
      tags: json
      event: text
"""

MAPPING = """\
return {
	summary = "an order becomes a row",
	transform = function(event)
		local body = event.data
		local order, customer, totals, address = body.order, body.customer, body.order.totals, body.customer.address
		emit { type = "orders", data = {
			order_id = order.id, shop = body.shop.name, status = order.status, customer_id = customer.id,
			customer = customer.name, email = customer.email, city = address.city, country = address.country,
			currency = totals.currency, total = totals.gross, tax = totals.tax, discount = totals.discount,
			items = order.items, paid = order.paid, placed_at = order.placed_at, updated_at = body.event.at,
			ship_by = order.ship_by, note = order.note, tags = order.tags, event = body.event.id,
		} }
	end,
}
"""

WORDS = SCHEMA.split("columns:\n")[1].replace(":", "").split()
COLUMNS = list(zip(WORDS[::2], WORDS[1::2]))

NESTED = 'id: "body:/event/id", type: "body:/event/type", subject: "body:/order/id", time: "body:/event/at"'
FLAT = 'id: "body:/event", type: "header:X-Table", subject: "body:/order_id", time: "body:/updated_at"'
Kind = collections.namedtuple("Kind", "body selectors transforms via words")
KINDS = {
    "none": Kind("flat", FLAT, "", "", "no transform"),
    "lua": Kind("nested", NESTED, "transforms:\n  orders: { use: ./orders.lua }\n", " via: [orders],", "a mapping in Lua"),
    "c": Kind("nested", NESTED, f"transforms:\n  orders: {{ use: {PROGRAMS}/orders_map.so }}\n", " via: [orders],",
              "a mapping in C"),
}


# ------------------------------------------------------------------------- destinations


class Own:
    """Where a sink without transactions has the route's place: in the route's own file, of `folder`."""

    def __init__(self, folder, sink):
        self.sink, self.file = sink, pathlib.Path(folder) / "data/routes/orders.db"

    def watch(self):
        return FileWatch(self.file)

    def empty(self):
        pass

    def digest(self):
        return None


class Sqlite:
    def __init__(self, folder):
        self.file = pathlib.Path(folder) / "orders.db"
        self.sink = f"use: sqlite, path: {self.file}"

    def watch(self):
        return FileWatch(self.file)

    def empty(self):
        with contextlib.closing(sqlite3.connect(self.file, isolation_level=None)) as file:
            for word in ("delete from orders", "delete from _sluice_routes", "vacuum", "pragma wal_checkpoint(truncate)"):
                file.execute(word).fetchall()

    def digest(self):
        names = ", ".join([name for name, _ in COLUMNS] + ["_event_id", "_event_time"])
        with contextlib.closing(sqlite3.connect(self.file)) as file:
            text = "\n".join(map(repr, file.execute(f"select {names} from orders order by order_id")))
        return hashlib.md5(text.encode()).hexdigest()


class Postgres:
    def __init__(self, database):
        self.database = database
        self.sink = f'use: postgres, url: "{database.url}"'

    def watch(self):
        return PostgresWatch(self.database)

    def empty(self):
        self.database.do("truncate orders; delete from _sluice_routes; vacuum; checkpoint;", timeout=60)

    def digest(self):
        # Lua has numbers, and no two decimals in 1.50
        told = ", ".join(f"trim_scale({name})" if kind == "decimal" else name for name, kind in COLUMNS)
        return self.database.value(f"select md5(string_agg(md5(row({told}, _event_id, _event_time)::text), ''"
                                   " order by order_id)) from orders")


class FileWatch:
    """Where the route stands, and when that was so: in a SQLite file."""

    def __init__(self, file):
        self.file, self.to = file, None

    def ask(self, word):
        try:
            self.to = self.to or sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, isolation_level=None)
            found = self.to.execute(word).fetchone()
            return found[0] if found else 0
        except sqlite3.OperationalError:
            return 0  # it is not there yet

    def cursor(self):
        return self.ask("select cursor from _sluice_routes"), time.time()

    def repeats(self):
        return self.ask("select repeats from _sluice_routes")

    def end(self):
        if self.to:
            self.to.close()


class PostgresWatch:
    ASKED = "select cursor, extract(epoch from clock_timestamp()) from _sluice_routes"

    def __init__(self, database):
        self.database, self.session = database, database.session()

    def cursor(self):
        said = self.session.do(self.ASKED)
        if len(said) != 1 or "|" not in said[0]:
            return 0, 0.0  # the table is not there yet
        cursor, at = said[0].split("|")
        return int(cursor), float(at)

    def repeats(self):
        return self.database.number("select repeats from _sluice_routes")

    def end(self):
        self.session.end()


# ------------------------------------------------------------------------------- the road


class Road:
    """A daemon's folder, and a log of orders in it whose bodies are flat or nested."""

    def __init__(self, folder, body):
        self.folder, self.body, self.port, self.destination = pathlib.Path(folder), body, free_port(), None
        os.makedirs(self.folder / "data", exist_ok=True)
        (self.folder / "orders.yaml").write_text(SCHEMA)
        (self.folder / "orders.lua").write_text(MAPPING)

    def fill(self, rows, repeats=False):
        """Returns how many of the log's orders are in it twice."""
        words = [UPSERT, "log", str(self.folder / "data/log"), str(rows), self.body, *(["repeats"] if repeats else [])]
        return int(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout)

    def lead(self, kind, destination, auth="auth: none, insecure: true", limits=""):
        kind = KINDS[kind]
        assert kind.body == self.body
        self.destination = destination
        (self.folder / "sluice.yaml").write_text(CONFIG.format(
            port=self.port, auth=auth, selectors=kind.selectors, transforms=kind.transforms, via=kind.via, limits=limits,
            sink=destination.sink))
        return self

    def anew(self):
        shutil.rmtree(self.folder / "data/routes", ignore_errors=True)

    @contextlib.contextmanager
    def running(self, core=None):
        with open(self.folder / "said", "w") as said:
            with running([SLUICE, "run", "-c", "sluice.yaml"], core, cwd=self.folder, stdout=said, stderr=said) as process:
                yield process

    def said(self):
        return (self.folder / "said").read_text()[-2000:]

    def rate(self, process, watch, aside, rows):
        """Events a second between two cursors."""
        first, last, end = None, None, time.monotonic() + STILL
        while time.monotonic() < end and process.poll() is None:
            cursor, at = watch.cursor()
            if cursor != last:
                last, end = cursor, time.monotonic() + STILL
            if not first and cursor >= aside:
                first = cursor, at
            if cursor >= rows:
                return (cursor - first[0]) / (at - first[1])
            time.sleep(0.01)
        sys.exit(f"{last or 0} of {rows} orders arrived, and then none for {STILL} s:\n{self.said()}")

    def drain(self, rows, aside, core=None):
        """All of the log once more: events a second from `aside` on, and how many were found to be repeats."""
        self.anew()
        watch = self.destination.watch()
        try:
            with self.running(core) as process:
                return self.rate(process, watch, aside, rows), watch.repeats()
        finally:
            watch.end()
