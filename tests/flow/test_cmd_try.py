# SPDX-License-Identifier: Apache-2.0
"""test_cmd_try.py - sluice try: what a mapping makes of events that came, and another one would."""
import json
import pathlib

import pytest
from bed import MAPPING, SLUICE, wait_until

OTHER = MAPPING.replace("text = note.text", 'text = note.text:upper(), card = note.card ~= "c3" and note.card or nil') \
               .replace("if note.drop then", "if note.drop and note.drop ~= 'kept' then")


def note(number, **more):
    return {"id": str(number), "type": "note", "card": f"c{number}", "text": f"text {number}", **more}


def posted(daemon, *notes):
    daemon.start()
    for one in notes:
        assert daemon.post(one).status == 200
    wait_until(daemon.settled)


def tried(daemon, *words, code=0):
    answer = daemon.sluice("try", "notes", "--json", *words)
    assert answer.returncode == code, answer.stdout + answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


def test_each_event_is_shown_with_what_became_of_it(daemon):
    posted(daemon, note(1), note(2, drop="too old"), note(3, fail="never"), note(4, text={"a": 1}))
    events = tried(daemon, code=1)
    assert [(event["seq"], event["outcome"]) for event in events] == [(1, "rows"), (2, "dropped"), (3, "failed"), (4, "failed")]
    row, = events[0]["rows"]
    assert (row["table"], row["mode"], row["key"]) == ("notes", "append", {"id": "1"})
    assert row["row"]["text"] == "text 1"
    assert events[1]["drops"] == ["too old"]
    assert "never" in events[2]["why"] and "text" in events[3]["why"]
    shown = daemon.sluice("try", "notes")
    assert shown.returncode == 1
    assert "notes id=1" in shown.stdout and "dropped: too old" in shown.stdout
    assert "4 events, 1 with rows, 1 dropped, 2 failed" in shown.stdout


def test_nothing_is_delivered_and_the_daemon_may_be_away(daemon):
    posted(daemon, note(1), note(2))
    before = daemon.rows("select * from notes"), daemon.rows("select * from _sluice_routes")
    tried(daemon)
    daemon.stop()
    tried(daemon)
    assert (daemon.rows("select * from notes"), daemon.rows("select * from _sluice_routes")) == before


def test_the_last_ones_and_those_from_somewhere(daemon):
    posted(daemon, *[note(number) for number in range(1, 8)])
    assert [event["seq"] for event in tried(daemon, "--last", "3")] == [5, 6, 7]
    assert [event["seq"] for event in tried(daemon, "--from", "2", "--last", "2")] == [2, 3]
    assert [event["seq"] for event in tried(daemon, "--from", "6")] == [6, 7]
    assert len(tried(daemon, "--last", "100")) == 7


def test_events_of_other_sources_are_not_counted(daemon):
    daemon.change("sources:\n", "sources:\n  others: { use: webhook, auth: bearer, secret: a b c d e, id: body:/id }\n")
    daemon.change("from: [notes], via: [notes], to: local }",
                  "from: [notes], via: [notes], to: local }\n  - { name: others, from: [others], via: [notes], to: local }")
    posted(daemon, note(1))
    daemon.write("other.json", json.dumps(note(9)))
    for _ in range(3):
        assert daemon.sluice("send", "others", "other.json").returncode == 0
    daemon.post(note(2))
    assert [event["seq"] for event in tried(daemon, "--last", "2")] == [1, 5]


def test_differences_of_another_mapping_stand_column_by_column(daemon):
    posted(daemon, note(1, text="SAME"), note(2), note(3), note(4, drop="kept"), note(5, drop="too old"))
    daemon.write("new.lua", OTHER)
    *events, last = tried(daemon, "--with", "new.lua", code=1)
    assert [event["seq"] for event in events] == [2, 3, 4]
    assert events[0]["differences"] == [{"table": "notes", "key": {"id": "2"}, "column": "text", "old": "text 2",
                                         "new": "TEXT 2"}]
    assert {row["column"]: (row["old"], row["new"]) for row in events[1]["differences"]} == {
        "card": ("c3", "-"), "text": ("text 3", "TEXT 3")}
    assert (events[2]["old"], events[2]["new"]) == ("dropped: kept", "1 row")
    assert last["counts"] == {"events": 5, "same": 1, "changed": 2, "only_old": 0, "only_new": 1, "failed": 0}
    shown = daemon.sluice("try", "notes", "--with", "new.lua")
    assert shown.returncode == 1
    assert "text 2 -> TEXT 2" in shown.stdout and "dropped: kept -> 1 row" in shown.stdout
    assert "5 events: 1 row same, 2 changed, 0 only old, 1 only new; 0 failed" in shown.stdout


def test_the_same_mapping_makes_no_difference(daemon):
    posted(daemon, note(1), note(2, drop="too old"))
    assert tried(daemon, "--with", "notes.lua") == [
        {"counts": {"events": 2, "same": 1, "changed": 0, "only_old": 0, "only_new": 0, "failed": 0}}]


def test_a_script_that_never_returns_takes_only_its_event_with_it(daemon):
    daemon.change("to: local }", "to: local, deadline: 1s }")
    posted(daemon, note(1), note(2), note(3))
    daemon.write("new.lua", MAPPING.replace("local note = event.data", """local note = event.data
		if note.id == "2" then while true do pcall(string.find, ("a"):rep(50000), ("a-"):rep(50) .. "b") end end
		log("looked at " .. note.id)"""))
    *events, last = tried(daemon, "--with", "new.lua", code=1)
    assert [event["seq"] for event in events] == [2]
    assert "did not come back" in events[0]["new"]
    assert last["counts"]["failed"] == 1 and last["counts"]["same"] == 2


def test_a_plugin_that_crashes_takes_only_its_event_with_it(daemon):
    plugin = pathlib.Path(SLUICE).resolve().parent / "tests" / "plugins" / "hostile.so"
    if not plugin.exists():
        pytest.skip(f"{plugin} is not built")
    posted(daemon, note(1), note(2, does="crash"), note(3, does="exit"), note(4))
    *events, last = tried(daemon, "--with", plugin, code=1)
    failed = {event["seq"]: json.dumps(event["new"]) for event in events}
    assert "ended its process: Segmentation fault" in failed[2] and "ended its process (exit 0)" in failed[3]
    assert last["counts"]["failed"] == 2 and last["counts"]["events"] == 4


def test_what_a_script_logs_is_shown_with_its_event(daemon):
    daemon.write("notes.lua", MAPPING.replace("local note = event.data", 'local note = event.data log("saw " .. note.id)'))
    posted(daemon, note(1), note(2))
    assert [[line["text"] for line in event["log"]] for event in tried(daemon)] == [["notes: saw 1"], ["notes: saw 2"]]


def test_line_ends_are_shown_as_they_are_written(daemon):
    posted(daemon, note(1, text="one\r\ntwo\tthree\x1b"))
    assert "one\\r\\ntwo\\tthree?" in daemon.sluice("try", "notes").stdout


def test_what_cannot_be_tried_is_said(daemon):
    posted(daemon, note(1))
    daemon.write("broken.lua", "return {")
    answer = daemon.sluice("try", "other")
    assert answer.returncode == 1 and 'there is no route "other"; there is: notes' in answer.stderr, answer.stderr
    for words, sentence in ((["try", "notes", "--with", "none.lua"], "none.lua"),
                            (["try", "notes", "--with", "broken.lua"], "broken.lua:1"),
                            (["try", "notes", "--with", "notes.lua", "--transform", "x"], "no transform x"),
                            (["try", "notes", "--last", "0"], "last")):
        answer = daemon.sluice(*words)
        assert answer.returncode == 2 and sentence in answer.stderr, answer.stderr


def test_before_anything_came_there_is_nothing_to_try(daemon):
    answer = daemon.sluice("try", "notes")
    assert answer.returncode == 1 and "there is no log" in answer.stderr and not answer.stdout, answer.stdout + answer.stderr
