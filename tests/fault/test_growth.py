# SPDX-License-Identifier: Apache-2.0
"""test_growth.py - nobody delivers, or somebody reads for ever: files grow to their limits and no further, requests are
answered 503 before the disk is full, and taking one in takes no longer than with an empty log.

    SLUICE_LONG     1 000 000 events behind a paused route; else two thousand
    SLUICE_EVENTS   so many
    SLUICE_SEED     repeats a run
"""
import contextlib
import itertools
import json
import os
import sqlite3
import time

import pytest
from bed import wait_until
from bulk import bulk, p99
from oracle import LONG, Connection, Plan, Senders, carry_on, compare, configure, many, seed, settle, sound
from test_bad_day import Small, needs_root

pytestmark = pytest.mark.fault(16)
MANY = int(os.environ.get("SLUICE_EVENTS") or many(2000, 1000000))
TIMED = 1000 if LONG else 500


def folder_size(folder):
    size = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # it is renamed, or removed, just now
            size += path.stat().st_blocks * 512 if path.is_file() else 0
    return size


class Short(Plan):
    """A million of them are to be compared."""

    def event(self, sender, number):
        event = super().event(sender, number)
        day = f"2026-11-{number // 86400 + 1:02}"
        return {**event, "card": f"card-{sender}-{number % 50000}", "text": str(number), "time": day + event["time"][10:]}


class Sender:
    """One after the other; how long each took."""

    def __init__(self, daemon, plan):
        self.connection, self.plan, self.numbers = Connection(daemon), plan, itertools.count(1)
        self.acknowledged, self.took = {}, []

    def send(self):
        event = self.plan.event(9, next(self.numbers))
        began = time.monotonic()
        status = self.connection.status(self.connection.request(event))
        if status == 200:
            self.took.append(time.monotonic() - began)
            self.acknowledged[event["id"]] = began
        return status

    def send_all(self, count):
        """The slowest of a hundred, in seconds."""
        self.connection.close()  # it may have been idle for too long
        before = len(self.took)
        for _ in range(count):
            assert self.send() == 200
        return p99(self.took[before:])

    def takes(self, event):
        """Somebody else posts it."""
        self.acknowledged[event["id"]] = True
        return event


def give_back(daemon, plan, acknowledged, tally):
    settle(daemon, within=600 if MANY > 10000 else 60)
    daemon.stop()
    sound(daemon)
    verdict = compare(daemon, plan, acknowledged)
    tally(seeds=1, **verdict.figures())
    verdict.assert_fine()


def test_many_events_behind_a_paused_route_cost_nobody_time(daemon, tally):
    plan = Short(seed(), dead=0.0005)
    configure(daemon)
    daemon.change("size: 4 MB", "size: 8 GB" if MANY > 10000 else "size: 64 MB")
    daemon.start()
    assert daemon.ask("notes", "pause")[0] == 200
    sender = Sender(daemon, plan)
    first = sender.send_all(TIMED)
    events = (plan.event(8, number) for number in range(1, MANY + 1))
    assert bulk(daemon, (sender.takes(event) for event in events)) == MANY
    last = sender.send_all(TIMED)
    print(f"p99 {first * 1000:.2f} ms at the first of them, {last * 1000:.2f} ms at the last of {MANY}")
    assert last < max(10 * first, 0.02)
    assert daemon.ask("notes", "resume")[0] == 200
    give_back(daemon, plan, sender.acknowledged, tally)


def fill(daemon, sender, limit):
    """Until nothing more is taken, and stays so; nothing grows meanwhile."""
    most, since = 0, 0
    while not since or time.monotonic() - since < 1:
        if sender.send() == 200:
            since = 0
        else:
            since = since or time.monotonic()
            time.sleep(0.02)
        most = max(most, folder_size(daemon.data / "log"))
    assert most <= limit, (most, limit)
    assert "the log is full" in str(daemon.health()["why"]), daemon.health()["why"]


def test_the_logs_limit_holds(daemon, tally):
    plan = Plan(seed())
    configure(daemon)
    daemon.start()
    assert daemon.ask("notes", "pause")[0] == 200
    sender = Sender(daemon, plan)
    fill(daemon, sender, (4 << 20) + 65536)
    answer = daemon.post({"id": "more", "text": "x" * 100000})
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0
    wait_until(lambda: daemon.get("/health").status == 503)
    assert daemon.ask("notes", "resume")[0] == 200
    wait_until(lambda: sender.send() == 200)
    give_back(daemon, plan, sender.acknowledged, tally)


@needs_root
def test_requests_are_refused_before_the_disk_is_full(daemon, tally):
    plan = Plan(seed())
    configure(daemon)
    daemon.change("size: 4 MB, reserve: 1", "size: 1 GB, reserve: 2 MB")
    with Small(daemon.data, "12m"):
        daemon.start()
        assert daemon.ask("notes", "pause")[0] == 200
        sender, least = Sender(daemon, plan), 1 << 40
        while sender.send() == 200:
            disk = os.statvfs(daemon.data)
            least = min(least, disk.f_bavail * disk.f_bsize)
        assert len(sender.took) > 1000 and least > 512 << 10, (len(sender.took), least)
        assert daemon.ask("notes", "resume")[0] == 200
        wait_until(lambda: sender.send() == 200)
        give_back(daemon, plan, sender.acknowledged, tally)


@pytest.mark.parametrize("name, most", [("data/routes/notes.db", 16 << 20), ("warehouse.db", 64 << 20)])
def test_a_reader_that_never_ends_starves_nobody(daemon, tally, name, most):
    """Its snapshot keeps the write-ahead log from being used again; when it is gone, that is made small."""
    plan = Plan(seed(), large=0)
    configure(daemon)
    daemon.change("size: 4 MB", "size: 64 MB")
    daemon.start()
    wal = daemon.folder / f"{name}-wal"
    with Senders(daemon, plan) as senders:
        carry_on(daemon, senders, 300)
        reader = sqlite3.connect(f"file:{daemon.folder / name}?mode=ro", uri=True, isolation_level=None)
        reader.execute("begin")
        reader.execute("select count(*) from sqlite_schema").fetchall()
        before = wait_until(lambda: daemon.route_health()["delivered"])
        carry_on(daemon, senders, many(3000, 200000), within=600)
        grown = wal.stat().st_size
        assert daemon.route_health()["delivered"] > before
        reader.close()
        carry_on(daemon, senders, 1500, within=60)
        wait_until(lambda: wal.stat().st_size <= most)
    print(f"{name}-wal: {grown >> 10} KB while it was read, {wal.stat().st_size >> 10} KB after it")
    give_back(daemon, plan, senders.acknowledged, tally)
    assert json.loads(daemon.sluice("log", "stat", "--json").stdout)["end"] >= len(senders.acknowledged)
