# SPDX-License-Identifier: Apache-2.0
"""test_orders.py - in whatever order events come, and whoever is killed meanwhile, the tables end up the same.

Each order is a daemon of its own with two routes out of one log: into Postgres and into SQLite.  What they hold
afterwards is compared with that of the other orders, byte by byte, and with what a few lines of Python make of
the events.  Events of the tables for append and once keep the order of their own subject, as those modes ask for.

    SLUICE_ORDERS, SLUICE_ORDER_EVENTS, SLUICE_ORDER_KILLS   orders, events, kills in each; 10, 12000, 5 with SLUICE_LONG
    SLUICE_SEED                                              repeats a run
"""
import collections
import json
import os
import random
import shutil
import sqlite3
import tempfile
from decimal import Decimal

import pytest
from bed import Daemon, wait_until
from flood import Flood, kill
from oracle import LONG, many
from postgres import use

ORDERS = int(os.environ.get("SLUICE_ORDERS") or many(5, 10))
EVENTS = int(os.environ.get("SLUICE_ORDER_EVENTS") or (12000 if LONG else 1500))
KILLS = int(os.environ.get("SLUICE_ORDER_KILLS") or (5 if LONG else 2))
BEGAN = 1700000000  # seconds: all of it is long ago
WITHIN = max(60, EVENTS // 100)

CONFIG = """\
listen: 127.0.0.1:{port}
data: ./data
sources:
  events: {{ use: webhook, auth: none, insecure: true, id: body:/id, type: body:/table, subject: body:/subject, time: body:/at }}
transforms:
  rows: {{ use: ./rows.lua }}
sinks:
  far:  {{ use: sqlite, path: ./warehouse.db, schema: {{ use: ./tables.yaml }} }}
  near: {{ use: sqlite, path: ./near.db, schema: {{ use: ./tables.yaml }} }}
routes:
  - {{ name: far, from: [events], via: [rows], to: far }}
  - {{ name: near, from: [events], via: [rows], to: near }}
"""

MAPPING = """\
return {
	summary = "an event says which row it is",
	transform = function(event)
		emit { type = event.data.table, mode = event.data.mode, data = event.data.row }
	end,
}
"""

COLUMNS = "{ id: text, word: text, number: int, price: decimal, on: bool, at: timestamp, day: date, more: json }"
SCHEMA = f"""\
help: A table for each mode.
tables:
  newest:  {{ mode: upsert, key: id, columns: {COLUMNS} }}
  marked:  {{ mode: upsert, key: id, deletes: mark, columns: {COLUMNS} }}
  removed: {{ mode: upsert, key: id, deletes: remove, columns: {COLUMNS} }}
  patched: {{ mode: patch, key: id, deletes: mark, columns: {COLUMNS} }}
  dropped: {{ mode: patch, key: id, deletes: remove, columns: {COLUMNS} }}
  first:   {{ mode: append, key: id, columns: {COLUMNS} }}
  master:  {{ mode: once, key: id, columns: {COLUMNS} }}
  lines:
    mode: replace
    parent: [id]
    key: [id, line]
    columns: {{ id: text, line: int, word: text, price: decimal }}
"""
NAMES = ["word", "number", "price", "on", "at", "day", "more"]

# Which modes the events of a table have, one of them by chance.
MODES = {
    "newest": ["upsert"],
    "marked": ["upsert", "upsert", "delete"],
    "removed": ["upsert", "upsert", "delete"],
    "patched": ["patch", "patch", "patch", "upsert", "delete"],
    "dropped": ["patch", "patch", "patch", "upsert", "delete"],
    "first": ["append"],
    "master": ["once"],
    "lines": ["replace"],
}
IN_ORDER = {"first", "master"}


# ------------------------------------------------------------------- events


def values(dice, number):
    """A whole row's, None among them."""
    row = {
        "word": dice.choice(["", "a word", "ü\u2028\"';--", f"number {number}"]),
        "number": dice.choice([0, -1, 2**63 - 1, number]),
        "price": dice.choice(["0.10", "-7.50", "12345678901234567890.123456789"]),
        "on": dice.random() < 0.5,
        "at": f"2024-02-29T23:59:{number % 60:02}.{dice.randrange(1000):03}Z",
        "day": f"2024-01-{number % 28 + 1:02}",
        "more": dice.choice([[], {}, {"b": [1, "x"]}, f"text {number}", 1.5]),
    }
    return {name: None if dice.random() < 0.1 else value for name, value in row.items()}


def body_of(dice, number, events):
    table = dice.choice(list(MODES))
    mode = dice.choice(MODES[table])
    key = f"k{dice.randrange(max(2, events // 60))}"
    row = values(dice, number)
    if mode == "patch":
        row = {name: value for name, value in row.items() if dice.random() < 0.4}
    elif mode == "delete":
        row = {}
    elif mode == "replace":
        row = {"rows": [{"line": line, "word": f"{number}.{line}", "price": f"{line}.50"} for line in range(dice.randrange(4))]}
    at = BEGAN + dice.randrange(events // 20 + 2)  # some at the same second: then the id counts
    return {"id": f"e{dice.randrange(10**6):06}-{number}", "table": table, "mode": mode, "subject": f"{table} {key}",
            "at": f"{at}000", "row": {"id": key, **row}}


def make_events(seed):
    dice = random.Random(f"{seed} events")
    return [body_of(dice, number, EVENTS) for number in range(EVENTS)]


def shuffled(events, dice):
    """Another order of them, and some twice.  Where the order counts, each subject keeps its own."""
    order = list(events)
    dice.shuffle(order)
    own = collections.defaultdict(list)
    for event in reversed(events):
        own[event["subject"]].append(event)
    order = [own[event["subject"]].pop() if event["table"] in IN_ORDER else event for event in order]
    places = list(enumerate(order))
    again = [(dice.uniform(place, len(order)), event) for place, event in dice.sample(places, len(order) // 20)]
    return [event for _, event in sorted(places + again, key=lambda pair: pair[0])]


# -------------------------------------------------------- what becomes of them


def version(event):
    return int(event["at"]), event["id"].encode()


def newest(events):
    return max(events, key=version, default=None)


def whole(row):
    return {name: row.get(name) for name in NAMES}


def fold(table, events):
    """The row that all events of one key make, or None; those of a set: a list of rows."""
    if table in IN_ORDER:
        return whole(events[0]["row"])
    deleted = max((int(event["at"]) for event in events if event["mode"] == "delete"), default=-1)
    data = [event for event in events if event["mode"] != "delete"]
    if table in ("removed", "dropped"):
        data = [event for event in data if int(event["at"]) > deleted]
        if not data:
            return None
    if table == "lines":
        return newest(data)["row"]["rows"]
    row = {}
    for name in NAMES:
        says = newest(event for event in data if event["mode"] == "upsert" or name in event["row"])
        row[name] = says["row"].get(name) if says else None
    if table in ("marked", "patched"):
        last = newest(data)
        row["deleted"] = deleted >= (int(last["at"]) if last else -1)
    return row


def expected(events):
    """{table: {key: row}}."""
    groups = collections.defaultdict(list)
    for event in events:
        groups[event["table"], event["row"]["id"]].append(event)
    found = {table: {} for table in MODES}
    for (table, key), group in groups.items():
        row = fold(table, group)
        if isinstance(row, list):
            found[table].update({(key, line["line"]): {"word": line["word"], "price": line["price"]} for line in row})
        elif row is not None:
            found[table][key] = row
    return found


# ------------------------------------------------------------- what the sinks hold


def plain(name, cell):
    """A cell's value, whichever database it is from."""
    if cell is None:
        return None
    if name in ("on", "deleted"):
        return cell in (1, "1", "t")
    if name == "price":  # SQLite has numbers, and digits where those would lose some
        return Decimal(cell.decode() if isinstance(cell, bytes) else str(cell))
    if name == "number":
        return int(cell)
    if name == "more":
        return json.loads(cell)
    return cell


def columns_of(table):
    if table == "lines":
        return ["word", "price"]
    return NAMES + (["deleted"] if table in ("marked", "patched") else [])


def held(ask, table, at):
    """{key: row} as `ask` answers."""
    names = columns_of(table)
    key = ["id", "line"] if table == "lines" else ["id"]
    wanted = [at if name == "at" else f'"{name}"' for name in key + names]
    found = {}
    for row in ask(f"select {', '.join(wanted)} from {table}"):
        cells = {name: plain(name, cell) for name, cell in zip(names, row[len(key):])}
        found[(row[0], int(row[1])) if table == "lines" else row[0]] = cells
    return found


def compare(held_rows, expected_rows, whose):
    for table, rows in expected_rows.items():
        wanted = {key: {name: plain(name, json.dumps(value) if name == "more" and value is not None else value)
                        for name, value in row.items()} for key, row in rows.items()}
        got = held_rows[table]
        different = [(key, got.get(key), wanted.get(key)) for key in {*got, *wanted} if got.get(key) != wanted.get(key)]
        assert not different, f"{whose}, {table}: {len(different)} rows of {len(wanted)} differ, e.g. {different[0]}"


def postgres_rows(database):
    at = """to_char("at" at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""
    return {table: held(lambda sql: database.rows(sql, timeout=300), table, at) for table in MODES}


def sqlite_rows(daemon):
    return {table: held(lambda sql: daemon.rows(sql, database="near.db"), table, '"at"') for table in MODES}


def sqlite_dump(daemon):
    """All cells but _synced_at of all tables, the engine's own about sets and tombstones too."""
    connection = sqlite3.connect(f"file:{daemon.folder}/near.db?mode=ro", uri=True)
    found = []
    for table in [*MODES, "_sluice_sets", "_sluice_gone"]:
        names = [row[1] for row in connection.execute(f"select * from pragma_table_info('{table}')")]
        told = ", ".join(f'"{name}"' for name in names if name != "_synced_at")
        found += [(table, *row) for row in sorted(connection.execute(f"select {told} from {table}").fetchall(), key=repr)]
    connection.close()
    return found


def postgres_dump(database):
    """pg_dump's data, sorted: without when something was made or written, and where the routes stand."""
    database.do("do $$ declare t text; begin for t in select table_name from information_schema.columns where"
                " column_name = '_synced_at' and table_schema = 'public' loop execute format('update %I set _synced_at = null', t);"
                " end loop; end $$", timeout=300)
    return database.dump(*(f"--exclude-table=_sluice_{name}" for name in ("routes", "open", "upkeep")))


# ---------------------------------------------------------------------- the test


def kill_someone(daemon, database, dice):
    victim = dice.choice(["ingress", "route far", "route near", "route far", "master", "backend"])
    if victim == "backend":
        database.terminate_backends()
    else:
        kill(daemon, victim)


def run_order(daemon, database, order, dice):
    """The events in this order, with kills on the way."""
    daemon.start()
    flood = Flood(daemon, "events")
    flood.begin(order)
    for moment in sorted(dice.randrange(len(order)) for _ in range(KILLS)):
        flood.wait(moment)
        kill_someone(daemon, database, dice)
    flood.end()
    for name in ("far", "near"):
        wait_until(lambda name=name: daemon.settled(name), within=WITHIN,
                   what=lambda name=name: f"all is delivered: {daemon.route_health(name)}\n{daemon.stderr()[-3000:]}")
    daemon.stop()
    assert database.rows("select * from _sluice_open") == []
    assert daemon.rows("select * from _sluice_open", database="near.db") == []


@pytest.mark.fault(32)
def test_every_order_of_the_events_gives_the_same_tables(server, tally):
    seed = os.environ.get("SLUICE_SEED", str(random.randrange(1 << 30)))
    print(f"SLUICE_SEED={seed}")
    events, dumps = make_events(seed), set()
    wanted = expected(events)
    for turn in range(ORDERS):
        dice = random.Random(f"{seed} {turn}")
        folder = tempfile.mkdtemp(prefix="sluice-")
        daemon, database = Daemon(folder), server.database()
        try:
            daemon.source = "events"
            daemon.write("rows.lua", MAPPING)
            daemon.write("tables.yaml", SCHEMA)
            daemon.configure(CONFIG)
            use(daemon, database)
            run_order(daemon, database, shuffled(events, dice) if turn else events, dice)
            compare(postgres_rows(database), wanted, f"order {turn} in Postgres")
            compare(sqlite_rows(daemon), wanted, f"order {turn} in SQLite")
            dumps.add((tuple(postgres_dump(database)), tuple(sqlite_dump(daemon))))
            tally(seeds=1, wrong=len(dumps) - 1, of=2 * EVENTS, rows=2 * sum(map(len, wanted.values())))
            assert len(dumps) == 1, f"order {turn}: {first_difference(*dumps)}"
        finally:
            daemon.end()
            database.drop()
            shutil.rmtree(folder)
    subjects = len({event["subject"] for event in events if event["table"] not in IN_ORDER})
    print(f"{EVENTS} events of {subjects} subjects in {ORDERS} orders with {KILLS} kills each: {sum(map(len, wanted.values()))} rows, all the same")


def first_difference(one, other):
    for ours, theirs in zip(one, other):
        for line in sorted({*ours} ^ {*theirs}, key=repr)[:4]:
            print(line)
    return "the tables differ from those of the order before"
