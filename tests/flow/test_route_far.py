# SPDX-License-Identifier: Apache-2.0
"""test_route_far.py - mappings that ask: an outage kills nothing, and what was answered is not asked again."""
import contextlib
import json
import sqlite3
import threading

import pytest

from bed import wait_until
from farside import FarSide

pytestmark = pytest.mark.fault(33)

ASKING = """\
return {
	summary = "a note with what the far side knows of its card",
	options = { { "far", "text", help = "where to ask" } },
	transform = function(event, opt)
		local note = event.data
		local card = http.get(opt.far .. "/cards/" .. note.card).json
		local more = note.second and http.get(opt.far .. "/" .. note.second).json.name or ""
		emit { type = "notes", data = { id = note.id, card = card.name, text = note.text .. more } }
	end,
}
"""


def note(number, **more):
    return {"id": str(number), "type": "note", "card": f"c{number}", "text": f"text {number}", **more}


@pytest.fixture
def far():
    one = FarSide(lambda asked: (200, {}, {"name": asked.path}))
    yield one
    one.close()


def begin(daemon, far, more=""):
    daemon.write("notes.lua", ASKING)
    daemon.change("use: ./notes.lua }", f"use: ./notes.lua, far: '{far.base}' }}")
    daemon.change("data: ./data\n", "data: ./data\nhttp: { allow: [127.0.0.1] }\n")
    if more:
        daemon.change("to: local }", f"to: local, {more} }}")
    return daemon.start()


def rows(daemon):
    return daemon.rows("select id, card, text from notes order by id")


def dead(daemon):
    return daemon.rows("select event_id, reason, tries from _sluice_open where state = 'dead' order by seq")


def open_rows(daemon):
    return daemon.rows("select event_id, state, tries from _sluice_open order by seq")


def all_there(daemon, count):
    return lambda: len(rows(daemon)) == count and open_rows(daemon) == [] and daemon.settled()


def test_a_rewind_gives_the_same_rows_and_asks_nothing_again(daemon, far):
    begin(daemon, far)
    for number in range(1, 6):
        daemon.post(note(number))
    wait_until(all_there(daemon, 5))
    before, asked = rows(daemon), len(far.asked)
    far.answer = lambda asked: (200, {}, {"name": "changed"})
    daemon.restart()
    assert daemon.ask("notes", "rewind", to=0)[1]["ok"]
    wait_until(lambda: daemon.rows("select counted_from, delivered from _sluice_routes") == [(1, 5)])
    assert rows(daemon) == before
    assert len(far.asked) == asked == 5


def test_a_rewind_can_ask_anew(daemon, far):
    begin(daemon, far)
    daemon.write("notes.yaml", (daemon.folder / "notes.yaml").read_text().replace("mode: append", "mode: upsert"))
    daemon.restart()
    daemon.post(note(1))
    wait_until(all_there(daemon, 1))
    assert daemon.sluice("routes", "rewind", "notes", "--to", "1").returncode == 0
    wait_until(lambda: daemon.rows("select counted_from, delivered from _sluice_routes") == [(1, 1)])
    assert far.paths() == ["/cards/c1"]
    assert daemon.sluice("routes", "rewind", "notes", "--to", "1", "--fresh").returncode == 0
    wait_until(lambda: far.paths() == ["/cards/c1", "/cards/c1"])
    wait_until(all_there(daemon, 1))


def test_a_retry_does_not_repeat_what_was_answered(daemon, far):
    known = threading.Event()
    far.answer = lambda asked: (200, {}, {"name": asked.path}) if known.is_set() or "cards" in asked.path else (503, {}, {})
    begin(daemon, far)
    daemon.post(note(1, second="late"))
    wait_until(lambda: open_rows(daemon) == [("1", "waiting", 0)])
    known.set()
    wait_until(all_there(daemon, 1))
    assert rows(daemon) == [("1", "/cards/c1", "text 1/late")]
    assert far.paths().count("/cards/c1") == 1


def test_an_answer_outlives_a_kill(daemon, far):
    far.answer = lambda asked: (200, {}, {"name": asked.path}) if "cards" in asked.path else (503, {}, {})
    begin(daemon, far)
    daemon.post(note(1, second="late"))
    wait_until(lambda: open_rows(daemon) == [("1", "waiting", 0)])
    daemon.kill()
    far.answer = lambda asked: (200, {}, {"name": "changed"})
    daemon.start()
    wait_until(all_there(daemon, 1))
    assert rows(daemon) == [("1", "/cards/c1", "text 1changed")]
    assert far.paths().count("/cards/c1") == 1


def test_a_far_side_that_is_away_kills_nothing(daemon, far):
    begin(daemon, far, "retry: { attempts: 2, first: 20ms, most: 20ms }")
    far.away()
    for number in range(1, 6):
        daemon.post(note(number))
    wait_until(lambda: len(open_rows(daemon)) == 5)
    wait_until(lambda: daemon.health()["state"] == "yellow")
    assert daemon.get("/health").status == 200
    assert "far side" in daemon.route_health()["error"] and "far side" in json.dumps(daemon.health()["why"])
    wait_until(lambda: daemon.route_health()["retried"] >= 5)
    assert dead(daemon) == []
    far.back()
    wait_until(all_there(daemon, 5))
    assert daemon.route_health()["error"] is None and daemon.health()["state"] == "green"
    assert dead(daemon) == []


def test_what_has_waited_long_enough_is_a_dead_letter_that_says_so(daemon, far):
    begin(daemon, far, "give_up: 2s")
    far.away()
    daemon.post(note(1))
    wait_until(lambda: len(dead(daemon)) == 1)
    (event, reason, tries), = dead(daemon)
    assert (event, tries) == ("1", 0)
    assert "given up" in reason and "far side" in reason
    far.back()
    assert daemon.ask("notes", "dead retry", seq=1)[1]["ok"]
    wait_until(all_there(daemon, 1))


def test_while_a_route_is_paused_nobody_waits_in_vain(daemon, far):
    begin(daemon, far)
    far.away()
    daemon.post(note(1))
    wait_until(lambda: len(open_rows(daemon)) == 1)
    assert daemon.sluice("routes", "pause", "notes").returncode == 0
    daemon.stop()
    with contextlib.closing(sqlite3.connect(daemon.folder / "warehouse.db")) as warehouse: # as if ten days had passed
        first, = warehouse.execute("select first_at from _sluice_open").fetchone()
        warehouse.execute("update _sluice_open set first_at = ?", (first.replace("20", "19", 1),))
        warehouse.commit()
    daemon.start()
    tried = daemon.rows("select last_at from _sluice_open")
    assert daemon.sluice("routes", "resume", "notes").returncode == 0
    wait_until(lambda: daemon.rows("select last_at from _sluice_open") != tried)
    assert open_rows(daemon) == [("1", "waiting", 0)]
    far.back()
    wait_until(all_there(daemon, 1))


def test_a_dead_letter_can_be_retried_with_new_answers(daemon, far):
    far.answer = lambda asked: (200, {}, {"name": {"wrong": "type"}})
    begin(daemon, far)
    daemon.post(note(1))
    wait_until(lambda: len(dead(daemon)) == 1)
    far.answer = lambda asked: (200, {}, {"name": "mended"})
    assert daemon.sluice("dead", "retry", "--all", "--fresh").returncode == 0
    wait_until(all_there(daemon, 1))
    assert rows(daemon) == [("1", "mended", "text 1")]


def test_nobody_asks_sooner_than_the_far_side_wants(daemon, far):
    began = []

    def answer(asked):
        began.append(asked.at)
        return (429, {"Retry-After": "3"}, {}) if len(began) == 1 else (200, {}, {"name": asked.path})

    far.answer = answer
    begin(daemon, far)
    daemon.post(note(1))
    wait_until(all_there(daemon, 1))
    assert len(began) == 2 and began[1] - began[0] >= 3
    assert dead(daemon) == []


def test_a_trial_uses_what_was_answered_and_sends_nothing(daemon, far):
    begin(daemon, far)
    for number in (1, 2):
        daemon.post(note(number))
    wait_until(all_there(daemon, 2))
    daemon.write("new.lua", ASKING.replace('"/cards/"', '(note.id == "2" and "/other/" or "/cards/")')
                 .replace("local card", 'if note.id == "1" then http.post(opt.far .. "/told", { a = 1 }) end local card'))
    asked = len(far.asked)
    events = [json.loads(line) for line in daemon.sluice("try", "notes", "--json").stdout.splitlines()]
    assert [event["asked"][0]["how"] for event in events] == ["kept", "kept"]
    assert events[0]["rows"][0]["row"]["card"] == "/cards/c1"
    answer = daemon.sluice("try", "notes", "--json", "--with", "new.lua")
    first, second, _ = [json.loads(line) for line in answer.stdout.splitlines()]
    assert answer.returncode == 1
    assert "changes nothing" in first["new"] and "no answer to it is kept" in second["new"]
    assert len(far.asked) == asked
    daemon.sluice("try", "notes", "--with", "new.lua", "--fresh")
    assert far.paths("POST") == []
    assert far.paths("GET").count("/other/c2") == 1


def test_a_mapping_that_comes_again_asks_again(daemon, far):
    far.answer = lambda asked: (404, {}, {}) if len(far.asked) < 3 else (200, {}, {"name": "it is there"})
    begin(daemon, far, "retry: { attempts: 4, first: 50ms, most: 100ms }")
    daemon.write("notes.lua", ASKING.replace("note.card).json", "note.card)\n\t\tif not card.ok then retry('not there yet') end\n\t\tcard = card.json"))
    daemon.restart()
    daemon.post(note(1))
    wait_until(all_there(daemon, 1))
    assert rows(daemon) == [("1", "it is there", "text 1")] and len(far.asked) == 3


ACCOUNT = """\
return {
	summary = "who one is at the far side",
	options = { { "far", "text", help = "where to ask" }, { "token", "secret", help = "whose" } },
	api = { base = "{far}/of-{token}/..", headers = { Authorization = "{token}" } },
	transform = function(event, opt)
		local note = event.data
		if note.text == "long" then http.get("/" .. ("x"):rep(20000)) end
		emit { type = "notes", data = { id = note.id, card = note.card, text = note.text .. http.get("/me").json.name } }
	end,
}
"""


def test_two_accounts_of_one_far_side_are_not_taken_for_one(daemon, far):
    far.answer = lambda asked: (200, {}, {"name": "+" + asked.headers["authorization"]})
    begin(daemon, far)
    daemon.write("notes.lua", ACCOUNT)
    daemon.change(f"far: '{far.base}' }}", f"far: '{far.base}', token: [anna] }}\n  again: {{ use: ./notes.lua, far: '{far.base}', token: [bert] }}")
    daemon.change("via: [notes]", "via: [notes, again]")
    daemon.restart()
    daemon.post(note(1, text=""))
    daemon.post(note(2, text="long"))
    wait_until(lambda: len(dead(daemon)) == 1 and len(rows(daemon)) == 1)
    assert [asked.headers["authorization"] for asked in far.asked] == ["anna", "bert"]
    assert "GET 127.0.0.1" in dead(daemon)[0][1] and "anna" not in dead(daemon)[0][1] + daemon.stderr()
