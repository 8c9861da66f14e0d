# SPDX-License-Identifier: Apache-2.0
"""test_upgrade.py - state files of an earlier version with 100 000 rows are brought up to date, and everybody dies in the
middle of that; a file of a later version is refused, with both versions named, and not touched.

    SLUICE_LONG   a death at every write; else at some that the seed chooses
    SLUICE_SEED   repeats a run
"""
import random
import re
import shutil
import sqlite3

import pytest
from bed import wait_until
from oracle import LONG, Plan, Senders, carry_on, compare, configure, seed, settle, sound
from power import DIE_ALL, ENTRIES, SYNCS, WRITES, Harness
from test_poll import expect_all, expect_once, poll, shop, vendor  # noqa: F401  (fixtures)

pytestmark = pytest.mark.fault(14)
ROWS = 100000

SOURCE_1 = """\
CREATE TABLE walk (name TEXT PRIMARY KEY, cursor TEXT, since INTEGER, going INTEGER, number INTEGER,
 run TEXT, full INTEGER, told INTEGER, began INTEGER, events INTEGER, unchanged INTEGER) WITHOUT ROWID;
CREATE TABLE emitted (turn INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, content BLOB NOT NULL);
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
INSERT INTO walk SELECT name, cursor, since, going, number, run, kind, told, began, events, unchanged FROM new.walk;
INSERT INTO emitted SELECT * FROM new.emitted;
INSERT INTO setting SELECT * FROM new.setting;
PRAGMA user_version = 1;
"""


def rows_of(path, sql):
    """Looked at in a copy, so that nothing is recovered that the daemon has to recover."""
    for end in ("", "-wal"):
        if path.with_name(path.name + end).exists():
            shutil.copy(path.with_name(path.name + end), f"{path}.look{end}")
    with sqlite3.connect(f"{path}.look") as connection:
        found = connection.execute(sql).fetchall()
    connection.close()
    for look in path.parent.glob("*.look*"):
        look.unlink()
    return found


def version(path):
    return rows_of(path, "PRAGMA user_version")[0][0]


class Route:
    """A route's file of version 1, which kept no answers; many tries in its history."""

    below, table, kept = "routes/notes.db", "history", ROWS

    @staticmethod
    def age(path):
        with sqlite3.connect(path) as old:
            old.executescript("DROP TABLE answer; DROP TABLE _sluice_routes; PRAGMA user_version = 1; PRAGMA wal_checkpoint(TRUNCATE)")
            old.executemany("INSERT INTO history VALUES (1, ?, 1, 'once upon a time')",
                            ((number,) for number in range(1000, 1000 + ROWS)))
        old.close()


class Source:
    """A source's file of version 1; 100 000 ids it knows again."""

    below, table, kept = "sources/shop.db", "emitted", ROWS

    @staticmethod
    def age(path):
        for end in ("-wal", "-shm"):
            path.with_name(path.name + end).unlink(missing_ok=True)
        path.rename(path.with_name("new"))
        with sqlite3.connect(path) as old:
            old.execute("ATTACH ? AS new", (str(path.with_name("new")),))
            old.executescript(SOURCE_1)
            many = [(number, f"{number:012}".encode(), b"12345678") for number in range(-ROWS, 0)]
            old.executemany("INSERT INTO emitted VALUES (?, ?, ?)", many)
            old.execute("PRAGMA journal_mode = WAL")
        old.close()
        path.with_name("new").unlink()


def deaths(chosen):
    """At which writes to the file somebody dies; the caller stops when they come after the upgrade."""
    if LONG:
        return range(1, 1000)
    dice = random.Random(chosen)
    return [dice.randrange(1, 4), *sorted(dice.sample(range(4, 24), 2))]


def upgrade(daemon, kind, chosen):
    """Through all deaths; how many there were in the middle of it, how many in all."""
    path, aged = daemon.data / kind.below, daemon.folder / "aged.db"
    before = version(path)
    kind.age(path)
    shutil.copy(path, aged)
    harness, middle, died, behind = Harness(daemon, notes=False), 0, 0, 0
    try:
        for number in deaths(chosen):
            for end in ("-wal", "-shm"):
                path.with_name(path.name + end).unlink(missing_ok=True)
            shutil.copy(aged, path)
            harness.levers.harm(WRITES | SYNCS | ENTRIES, DIE_ALL, at=number, times=1, path=kind.below)
            daemon.start(ready=False)
            wait_until(lambda: daemon.process.poll() is not None or version_or_none(path) == before)
            if daemon.process.poll() is None:
                daemon.kill()
            else:
                daemon.wait()
            died += harness.levers.hits
            at = version(path)
            middle += 1 <= at < before and harness.levers.hits
            assert 1 <= at <= before and rows_of(path, "PRAGMA integrity_check") == [("ok",)]
            assert rows_of(path, f"SELECT count(*) FROM {kind.table}")[0][0] >= kind.kept
            behind = behind + 1 if at == before else 0
            if behind == 3:
                break
    finally:
        harness.levers.rest()
        harness.end()
    daemon.environment = {}
    print(f"{died} deaths, {middle} before the last step was done; from version 1 to {before}")
    assert middle
    return before


def version_or_none(path):
    try:
        return version(path)
    except (sqlite3.Error, OSError):
        return None


def test_a_routes_file(daemon, tally):
    chosen = seed()
    plan = Plan(chosen)
    configure(daemon)
    daemon.start()
    with Senders(daemon, plan) as senders:
        carry_on(daemon, senders, 50)
    settle(daemon)
    daemon.stop()
    now = upgrade(daemon, Route, chosen)
    daemon.start()
    with Senders(daemon, plan, first=10000) as later:
        carry_on(daemon, later, 50)
    settle(daemon)
    daemon.stop()
    sound(daemon)
    assert version(daemon.data / Route.below) == now
    verdict = compare(daemon, plan, {**senders.acknowledged, **later.acknowledged})
    tally(seeds=1, **verdict.figures())
    verdict.assert_fine()


def test_a_sources_file(shop, vendor, tally):  # noqa: F811
    chosen = seed()
    vendor.has(60)
    shop.start()
    poll(shop)
    expect_all(shop, 60)
    shop.stop()
    now = upgrade(shop, Source, chosen)
    vendor.has(30, first=60)
    shop.start()
    poll(shop)
    expect_all(shop, 90)
    expect_once(shop)
    shop.stop()
    assert version(shop.data / Source.below) == now
    tally(seeds=1, lost=0, of=90, wrong=0, rows=90)


@pytest.mark.parametrize("below", [Route.below, Source.below])
def test_a_file_of_a_later_version_is_refused_and_left_alone(shop, vendor, below, tally):  # noqa: F811
    vendor.has(5)
    shop.start()
    poll(shop)
    expect_all(shop, 5)
    shop.stop()
    path = shop.data / below.replace("notes", shop.route)
    known = version(path)
    with sqlite3.connect(path) as file:
        file.executescript(f"PRAGMA user_version = {known + 1}; PRAGMA wal_checkpoint(TRUNCATE)")
    file.close()
    bytes = path.read_bytes()
    shop.start(ready=False)
    told = re.compile(rf"written by a later version of sluice \(file version {known + 1}, this one knows {known}\)")
    wait_until(lambda: told.search(shop.stderr()), what=shop.told)
    wait_until(lambda: any(told.search(word) for word in shop.health()["why"]), what=shop.told)
    shop.stop()
    assert path.read_bytes() == bytes
    with sqlite3.connect(path) as file:
        file.execute(f"PRAGMA user_version = {known}")
    file.close()
    shop.start()
    vendor.has(3, first=5)
    poll(shop)
    expect_all(shop, 8)
    tally(seeds=1, lost=0, of=8)
