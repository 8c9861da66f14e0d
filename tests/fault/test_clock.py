# SPDX-License-Identifier: Apache-2.0
"""test_clock.py - somebody sets the clock under the running daemon: years on and back, over 2038, into summer time, at a
leap second.

    SLUICE_LONG   more of it

What waits is tried again when it was to be, what is signed is judged by the new time, and nobody is given up for years
that never were.  The program under test has a clock that is moved (later.c); all else is as it ships.
"""
import calendar
import hashlib
import hmac
import http.client
import json
import struct
import time

import pytest
from bed import exchange, stolen, wait_until
from farside import FarSide
from oracle import LONG
from test_forgery import STAMPED
from test_weekend import Clock, later  # noqa: F401  (a fixture)

pytestmark = pytest.mark.fault(17)
YEARS = 10 * 365 * 86400
ASKED = 4  # times, soon one after the other, before a call is given up and the event waits
PLAN = 1.2  # seconds between two tries: one, and up to a fifth of it

MAPPING = """\
local tried = {}
return {
	summary = "a note becomes a row at the second try, or once the far side can be had",
	options = { { "far", "text", help = "where to ask" } },
	transform = function(event, opt)
		local note = event.data
		tried[note.id] = (tried[note.id] or 0) + 1
		if note.again and tried[note.id] < 2 then return retry("not yet") end
		if note.asks then http.get(opt.far .. "/" .. note.id) end
		emit { type = "notes", data = { id = note.id, card = note.card, text = note.text } }
	end,
}
"""

JUMPS = {
    "ten years on": lambda: YEARS,
    "ten years back": lambda: -YEARS,
    "over 2038-01-19": lambda: 2**31 - 1 - time.time(),
    "into summer time": lambda: calendar.timegm((2027, 3, 28, 0, 59, 59)) - time.time(),
    "over a leap second": lambda: calendar.timegm((2016, 12, 31, 23, 59, 59)) - time.time(),
}


class WallClock(Clock):
    """The wall's alone is set; what counts ticks goes on."""

    def set(self, seconds):
        self.seconds = int(seconds)
        with open(self.path, "r+b" if self.path.exists() else "wb") as out:
            out.write(struct.pack("qq", 0, self.seconds))

    def now(self):
        return int(time.time()) + self.seconds


@pytest.fixture
def far():
    one = FarSide(lambda asked: (200, {}, {}))
    yield one
    one.close()


@pytest.fixture
def clock(daemon, later, far):  # noqa: F811
    daemon.notes(MAPPING, source=STAMPED)
    daemon.change("use: ./notes.lua }", f"use: ./notes.lua, far: '{far.base}' }}")
    daemon.change("data: ./data\n", "data: ./data\nhttp: { allow: [127.0.0.1] }\n")
    daemon.change("to: local }", "to: local, retry: { attempts: 9, first: 1s, most: 1s } }")
    daemon.environment = {"TZ": "Europe/Berlin"}
    one = WallClock(daemon.folder)
    daemon.start()
    return one


def post(daemon, name, stamp, **more):
    """The status; signed at that moment."""
    body = json.dumps({"id": name, "type": "note", "card": name, "text": name, **more}).encode()
    proof = hmac.new(daemon.secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=20)
    return exchange(connection, "POST", "/in/notes", body, {"X-Proof": proof, "X-Time": str(stamp)}).status


def rows(daemon):
    return {name for name, in daemon.rows("select id from notes")}


def open_rows(daemon):
    return daemon.rows("select event_id, state from _sluice_open")


def waits(daemon, name, clock, **more):
    """It is taken in, tried, and waits."""
    assert post(daemon, name, clock.now(), **more) == 200
    wait_until(lambda: (name, "waiting") in open_rows(daemon), what=lambda: open_rows(daemon))
    return time.monotonic() - stolen()


def arrives(daemon, name, since, within):
    wait_until(lambda: name in rows(daemon), what=lambda: (open_rows(daemon), daemon.stderr()[-2000:]))
    took = time.monotonic() - stolen() - since
    assert took < within, took


def test_a_clock_that_is_set_delays_nothing_and_signatures_follow_it(daemon, clock, tally):
    posted, let_in, asked = [], 0, 0
    for name, jump in JUMPS.items():
        before = clock.now()
        since = waits(daemon, f"{name}, waiting", clock, again=True)
        clock.set(jump())
        arrives(daemon, f"{name}, waiting", since, 2 * PLAN)
        assert post(daemon, f"{name}, then", clock.now()) == 200
        let_in += post(daemon, f"{name}, forged", before) != 401
        let_in += post(daemon, f"{name}, forged", clock.now() + 400) != 401
        asked += 2
        posted += [f"{name}, waiting", f"{name}, then"]
    clock.set(0)
    wait_until(lambda: rows(daemon) == set(posted))
    tally(seeds=len(JUMPS), let_in=let_in, requests=asked, lost=0, of=len(posted), rows=len(posted))
    assert let_in == 0 and open_rows(daemon) == []
    assert daemon.route_health()["restarts"] == 0


@pytest.mark.parametrize("jump", [YEARS, -YEARS], ids=["on", "back"])
def test_what_waits_when_the_daemon_starts_again_at_another_time_does_not_wait_for_ever(daemon, clock, jump, tally):
    since = waits(daemon, "waiting", clock, again=True)
    daemon.stop()
    clock.set(jump)
    daemon.start()
    arrives(daemon, "waiting", since, 2 * 2 * PLAN + 2)
    tally(seeds=1, of=1, rows=1)
    assert open_rows(daemon) == []


def test_nobody_is_given_up_for_years_that_never_were(daemon, clock, far, tally):
    far.answer = lambda asked: (503, {}, {})
    waits(daemon, "asking", clock, asks=True)
    for seconds in (YEARS, -YEARS, 0) if LONG else (YEARS,):
        asked = len(far.asked)
        clock.set(seconds)
        wait_until(lambda asked=asked: len(far.asked) > asked + ASKED, within=20,
                   what=lambda: (open_rows(daemon), daemon.route_health()))
    assert open_rows(daemon) == [("asking", "waiting")], daemon.rows("select reason from _sluice_open")
    far.answer = lambda asked: (200, {}, {})
    wait_until(lambda: rows(daemon) == {"asking"})
    tally(seeds=1, of=1, rows=1)
