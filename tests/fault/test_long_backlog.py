# SPDX-License-Identifier: Apache-2.0
"""test_long_backlog.py - the destination is away for very long, and comes back to a million events.

Taking one in takes no longer than with none before it, nobody's memory grows, and all is delivered, once and soon; the
ids are remembered all that while.

    SLUICE_LONG     1 000 000 events, and the bounds on time; else some thousands
    SLUICE_EVENTS   so many
"""
import contextlib
import os
import pathlib
import signal
import threading
import time

import pytest
from bed import SLUICE, UNSIGNED, Daemon, wait_until
from beside import slowest
from bulk import bulk, timed
from oracle import LONG, many
from postgres import use

pytestmark = pytest.mark.fault(15, 30)
SANITIZED = b"__asan_init" in pathlib.Path(SLUICE).read_bytes()
EVENTS = int(os.environ.get("SLUICE_EVENTS") or many(6000, 1000000))
ROUNDS, TIMED = (15, 500) if LONG else (1, 500)
MORE_MEMORY = 64 << 20
LEAST = 5000  # events a second

MAPPING = """\
return {
	summary = "a note becomes a row",
	transform = function(event)
		local note = event.data
		emit { type = "notes", data = { id = note.id, card = note.card, number = note.number } }
	end,
}
"""

SCHEMA = """\
help: Notes.
tables:
  notes: { mode: append, key: id, columns: { id: text, card: text, number: int } }
"""


OVERTAKEN = """\
select count(*) from (select number < lag(number) over (order by ctid) as overtaken from notes where card = 'one') as it
where overtaken"""


def body(number):
    return b'{"id":"e%d","type":"note","card":"c%d","number":%d}' % (number, number % 1000, number)


def one_card(number):
    """Of those that are posted one after the other."""
    return b'{"id":"e%d","type":"note","card":"one","number":%d}' % (number, number)


def resident(daemon):
    """{who: bytes}"""
    pids = {"master": daemon.pid, **daemon.children()}
    return {who: int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096 for who, pid in pids.items()}


class Watch:
    """What the processes have in memory at most, from now on, above what they have now."""

    def __init__(self, daemon):
        self.daemon, self.idle, self.most = daemon, resident(daemon), {}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()

    def look(self):
        while not self.ended.wait(0.2):
            for who, now in resident(self.daemon).items():
                self.most[who] = max(self.most.get(who, 0), now - self.idle.get(who, now))

    def end(self):
        self.ended.set()
        self.thread.join()
        return self.most


def compare(database, count, tally):
    """All of them, each once, and those that came one after the other in their order."""
    (rows, ids, least, most, numbers), = database.rows(
        "select count(*), count(distinct id), min(number), max(number), sum(number::numeric) from notes", timeout=120)
    rows, ids = int(rows), int(ids)
    tally(seeds=1, lost=count - ids, of=count, wrong=rows - ids, rows=rows)
    assert (rows, ids, least, most) == (count, count, "0", str(count - 1))
    assert int(numbers) == count * (count - 1) // 2
    assert database.number(OVERTAKEN) == 0
    assert database.rows("select * from _sluice_open") == []


@contextlib.contextmanager
def neighbour(folder, database):
    """Another daemon, with a thousand events before a destination that goes away: it has no backlog."""
    (folder / "neighbour").mkdir()
    one = Daemon(folder / "neighbour")
    prepare(one, database)
    try:
        yield one
    finally:
        one.end()


def prepare(daemon, database):
    daemon.notes(MAPPING, SCHEMA, UNSIGNED, "log: {{ size: 16 GB }}\n")
    use(daemon, database)
    daemon.start()
    assert bulk(daemon, map(body, range(1000))) == 1000
    wait_until(lambda: database.number("select count(*) from notes") == 1000)


def processes(daemon):
    return [daemon.pid, *daemon.children().values()]


class Poster:
    """One after the other, while the other daemon stands still."""

    def __init__(self, daemon, other, count):
        self.daemon, self.other, self.count = daemon, other, count

    def post(self):
        still = processes(self.other)
        for pid in still:
            os.kill(pid, signal.SIGSTOP)
        try:
            took = timed(self.daemon, map(one_card, range(self.count, self.count + TIMED)))
        finally:
            for pid in still:
                os.kill(pid, signal.SIGCONT)
        self.count += TIMED
        return took


def test_a_destination_comes_back_to_a_long_backlog(daemon, database, server, folder, tally):
    with neighbour(folder, server.database()) as other:
        prepare(daemon, database)
        server.stop()
        wait_until(lambda: daemon.route_health()["state"] == "outage" and other.route_health()["state"] == "outage")
        watch = Watch(daemon)
        began = time.monotonic()
        bulk(daemon, map(body, range(1000, EVENTS)))
        rate = (EVENTS - 1000) / (time.monotonic() - began)
        few, many_ = Poster(other, daemon, 1000), Poster(daemon, other, EVENTS)
        first, last = slowest(few.post, many_.post, lambda: processes(daemon) + processes(other), ROUNDS)
        count = many_.count
    assert daemon.route_health()["behind"] >= count - 1000
    server.start()
    wait_until(lambda: daemon.route_health()["behind"] < count - 1000, within=400)
    began, behind = time.monotonic(), daemon.route_health()["behind"]
    wait_until(daemon.settled, within=600, what=lambda: daemon.route_health())
    drain = behind / (time.monotonic() - began)
    more = {who: bytes_ >> 20 for who, bytes_ in watch.end().items()}
    print(f"{count} events taken in at {rate:.0f}/s, p99 {first * 1000:.2f} ms behind a thousand, {last * 1000:.2f} ms behind all; "
          f"{drain:.0f}/s to Postgres; memory above idle {more} MB")
    bulk(daemon, [one_card(count - 1), body(max(0, count - 990000))])  # once more, after all of the others
    wait_until(lambda: database.rows("select repeats from _sluice_routes") == [("2",)])
    wait_until(lambda: daemon.get("/health").status == 200)
    compare(database, count, tally)
    assert daemon.route_health()["restarts"] == 0
    assert SANITIZED or all(megabytes <= MORE_MEMORY >> 20 for megabytes in more.values()), more
    if LONG:
        assert last <= 2 * first, (first, last)
        assert drain >= LEAST
