# SPDX-License-Identifier: Apache-2.0
"""test_route.py - the way of an event from the log to its row, and what happens on it."""
import json
import os
import re
import shutil
import signal
import sqlite3

from bed import is_alive, wait_until

COUNTING = """\
return {
	summary = "a note becomes a row, as the note says",
	transform = function(event)
		local note = event.data
		if note.sleep then sleep(note.sleep) end
		if note.retry then return retry(note.retry) end
		if note.fail then return fail(note.fail) end
		if note.drop then return drop(note.drop) end
		if note.hang then while true do pcall(string.find, ("a"):rep(50000), ("a-"):rep(50) .. "b") end end
		emit { type = "notes", data = { id = note.id, card = note.card, text = note.text, wrong = note.wrong } }
		if note.two then emit { type = "notes", data = { id = note.id .. "+", card = note.card, text = note.two } } end
	end,
}
"""


def note(number, **more):
    return {"id": str(number), "type": "note", "card": f"c{number % 7}", "text": f"text {number}", **more}


def texts(daemon):
    return [text for text, in daemon.rows("select text from notes order by rowid")]


def dead(daemon):
    return daemon.rows("select seq, event_id, reason from _sluice_open where state = 'dead' order by seq")


def open_rows(daemon):
    return daemon.rows("select event_id, state from _sluice_open order by seq")


def begin(daemon, **changes):
    daemon.write("notes.lua", COUNTING)
    for old, new in changes.items():
        daemon.change(old, new)
    return daemon.start()


def all_passed(daemon, count):
    return lambda: daemon.route_health()["cursor"] == count


def test_rows_of_one_event_stand_together_and_a_repeat_changes_nothing(daemon):
    begin(daemon)
    daemon.post(note(1, two="second"))
    daemon.post(note(1, two="second"))
    wait_until(all_passed(daemon, 2))
    assert texts(daemon) == ["text 1", "second"]
    assert daemon.rows("select delivered, dropped, repeats from _sluice_routes") == [(1, 0, 1)]


def test_a_repeat_is_known_after_a_restart(daemon):
    begin(daemon)
    daemon.post(note(1))
    wait_until(all_passed(daemon, 1))
    daemon.restart()
    daemon.post(note(1, text="changed"))
    daemon.post(note(2))
    wait_until(all_passed(daemon, 3))
    assert texts(daemon) == ["text 1", "text 2"]


def test_what_a_transform_drops_is_counted_by_reason(daemon):
    begin(daemon)
    for number in range(3):
        daemon.post(note(number, drop="too old"))
    daemon.post(note(3))
    wait_until(all_passed(daemon, 4))
    status, stand = daemon.ask("notes", "stand")
    assert (stand["dropped"], stand["delivered"], stand["drops"]) == (3, 1, {"too old": 3})


def test_a_body_that_is_not_json_is_kept_as_a_dead_letter(daemon):
    begin(daemon)
    assert daemon.post(b'{"id": "1", ').status == 200
    daemon.post(note(2))
    wait_until(all_passed(daemon, 2))
    (seq, event, reason), = dead(daemon)
    assert seq == 1 and "not JSON" in reason
    status, answer = daemon.ask("notes", "dead show", seq=1)
    assert answer["rows"][0]["body"] == '{"id": "1", '
    assert daemon.rows("select source from sluice_dead") == [("notes",)]
    assert texts(daemon) == ["text 2"]


def test_a_row_that_does_not_fit_is_a_dead_letter_that_names_the_column(daemon):
    begin(daemon)
    daemon.post(note(1, wrong="x"))
    daemon.post(note(2))
    wait_until(all_passed(daemon, 2))
    (_, event, reason), = dead(daemon)
    assert event == "1" and "notes" in reason and "wrong" in reason
    assert re.match(r"notes\.lua:\d+: ", reason), reason
    assert texts(daemon) == ["text 2"]


def test_a_route_knows_nothing_of_the_sources_it_does_not_read(daemon):
    daemon.change("sources:\n", "sources:\n  others: { use: webhook, auth: bearer, secret: a b c d e, id: body:/id }\n")
    daemon.change("from: [notes], via: [notes], to: local }",
                  "from: [notes], via: [notes], to: local }\n"
                  "  - { name: others, from: [others], via: [notes], to: local }")
    begin(daemon)
    daemon.write("other.json", json.dumps(note(2)))
    daemon.post(note(1))
    assert daemon.sluice("send", "others", "other.json").returncode == 0
    wait_until(lambda: [route["cursor"] for route in daemon.health()["routes"]] == [2, 2])
    assert sorted(texts(daemon)) == ["text 1", "text 2"]
    for route in daemon.health()["routes"]:
        assert (route["events"], route["delivered"], route["dropped"], route["dead"]) == (1, 1, 0, 0), route


def test_a_failing_script_is_a_dead_letter_with_the_place_in_the_script(daemon):
    begin(daemon)
    daemon.post({"id": "1", "type": "note", "sleep": {}})
    daemon.post(note(2, fail="no such customer"))
    wait_until(all_passed(daemon, 2))
    reasons = [reason for _, _, reason in dead(daemon)]
    assert "notes.lua:5" in reasons[0]
    assert "no such customer" in reasons[1]


def test_retries_back_off_then_become_a_dead_letter_with_its_history(daemon):
    begin(daemon, **{"to: local }": "to: local, retry: { attempts: 3, first: 50ms, most: 1s } }"})
    daemon.post(note(1, retry="the far side is busy"))
    daemon.post(note(8))  # the same card: it has to wait for its elder
    daemon.post(note(2))
    wait_until(lambda: sorted(texts(daemon)) == ["text 2", "text 8"])
    (_, event, reason), = dead(daemon)
    assert event == "1" and "3 times" in reason and "the far side is busy" in reason
    status, answer = daemon.ask("notes", "dead show", seq=1)
    history = [entry["reason"] for entry in answer["rows"][0]["history"]]
    assert len(history) == 3 and all("the far side is busy" in reason for reason in history)
    wait_until(lambda: len(open_rows(daemon)) == 1)


def test_a_straggler_holds_its_subject_and_nobody_else(daemon):
    begin(daemon, **{"to: local }": "to: local, patience: 100ms }"})
    daemon.post(note(1, sleep=1.5))
    daemon.post(note(8))
    daemon.post(note(2))
    wait_until(lambda: texts(daemon) == ["text 2"])
    assert open_rows(daemon) == [("1", "waiting"), ("8", "behind")]
    wait_until(lambda: texts(daemon) == ["text 2", "text 1", "text 8"])
    wait_until(lambda: open_rows(daemon) == [])


def test_open_rows_survive_a_kill(daemon):
    begin(daemon, **{"to: local }": "to: local, patience: 100ms, retry: { attempts: 9, first: 300ms, most: 300ms } }"})
    daemon.post(note(1, sleep=1))
    daemon.post(note(8))
    daemon.post(note(2))
    wait_until(lambda: len(open_rows(daemon)) == 2)
    daemon.kill()
    daemon.start()
    wait_until(lambda: texts(daemon) == ["text 2", "text 1", "text 8"])
    wait_until(lambda: open_rows(daemon) == [])


def test_a_decode_step_that_never_returns_is_put_aside_with_its_request(daemon):
    daemon.write("source.lua", """return {
	summary = "notes in lists",
	options = { { "secret", "secret", help = "shared" } },
	webhook = { auth = "hmac-sha1", proof = "header:X-Proof", encoding = "base64", covers = "{body}{callback}",
		secret = "secret" },
	decode = function(event)
		if event.data.hang then
			while true do pcall(string.find, ("a"):rep(50000), ("a-"):rep(50) .. "b") end
		end
		for _, note in ipairs(event.data.notes) do emit { id = note.id, type = "note", subject = note.card, data = note } end
	end,
}
""")
    text = daemon.text
    begin_of, end_of = text.index("    use: webhook"), text.index("transforms:")
    daemon.change(text[begin_of:end_of], "    use: ./source.lua\n    secret: [a well kept secret]\n")
    begin(daemon, **{"to: local }": "to: local, deadline: 1s }"})
    daemon.post({"notes": [note(1), note(2)]})
    daemon.post({"hang": True, "notes": []})
    daemon.post({"notes": [note(3)]})
    wait_until(lambda: texts(daemon) == ["text 1", "text 2", "text 3"], within=60)
    (seq, _, reason), = dead(daemon)
    assert seq == 2 and "decode step" in reason


def test_order_is_kept_per_subject_however_long_each_call_takes(daemon):
    begin(daemon)
    for number in range(140):
        daemon.post({"id": str(number), "type": "note", "card": f"c{number % 7}", "text": str(number),
                     "sleep": (number * 37 % 11) / 1000})
    wait_until(all_passed(daemon, 140))
    wait_until(lambda: len(texts(daemon)) == 140)
    for card in range(7):
        order = [int(text) for text, in daemon.rows("select text from notes where card = ? order by rowid", f"c{card}")]
        assert order == sorted(order) and len(order) == 20


def test_a_dead_letter_can_be_retried_edited_and_dropped(daemon):
    begin(daemon)
    for number in (1, 2, 3):
        daemon.post(note(number, fail="not yet"))
    wait_until(lambda: len(dead(daemon)) == 3)
    assert daemon.ask("notes", "dead retry", seq=1, body=json.dumps(note(1, text="mended")))[1]["ok"]
    wait_until(lambda: texts(daemon) == ["mended"])
    assert daemon.ask("notes", "dead drop", seq=2)[1]["count"] == 1
    assert [seq for seq, _, _ in dead(daemon)] == [3]
    daemon.write("notes.lua", COUNTING.replace("if note.fail", "if false"))
    daemon.admin("POST", "/reload")
    wait_until(lambda: daemon.ask("notes", "dead retry", all=True)[1].get("count") == 1)
    wait_until(lambda: texts(daemon) == ["mended", "text 3"])
    wait_until(lambda: open_rows(daemon) == [])
    wait_until(lambda: daemon.route_health()["dead"] == 0)


def test_dead_letters_survive_a_restart(daemon):
    begin(daemon)
    daemon.post(note(1, fail="never"))
    wait_until(lambda: len(dead(daemon)) == 1)
    daemon.restart()
    status, answer = daemon.ask("notes", "dead ls")
    assert answer["count"] == 1 and "never" in answer["rows"][0]["reason"]


def test_rewind_gives_the_same_table_again(daemon):
    begin(daemon)
    for number in range(30):
        daemon.post(note(number))
        daemon.post(note(number))
    daemon.post(note(99, fail="never"))
    wait_until(all_passed(daemon, 61))
    before = daemon.rows("select id, card, text from notes order by id")
    assert daemon.ask("notes", "rewind", to=0)[1]["ok"]
    wait_until(lambda: daemon.rows("select counted_from, delivered, repeats from _sluice_routes") == [(1, 30, 30)])
    assert daemon.rows("select id, card, text from notes order by id") == before
    wait_until(lambda: len(dead(daemon)) == 1)


def test_a_paused_route_stays_paused_across_a_restart(daemon):
    begin(daemon)
    assert daemon.ask("notes", "pause")[1]["ok"]
    daemon.stop()
    daemon.start()
    daemon.post(note(1))
    assert daemon.route_health()["paused"]
    assert texts(daemon) == []
    assert daemon.ask("notes", "resume")[1]["ok"]
    wait_until(lambda: texts(daemon) == ["text 1"])


def test_a_new_log_is_read_from_its_beginning(daemon):
    begin(daemon)
    for number in range(5):
        daemon.post(note(number))
    daemon.post(note(5, fail="x"))
    wait_until(all_passed(daemon, 6))
    daemon.stop()
    shutil.rmtree(daemon.data)
    daemon.start()
    for number in range(10, 13):
        daemon.post(note(number))
    wait_until(lambda: len(texts(daemon)) == 8)
    wait_until(all_passed(daemon, 3))
    assert any("another log" in line["text"] for line in daemon.lines())


def test_a_destination_ahead_of_the_log_stops_the_route_and_says_what_to_do(daemon):
    begin(daemon)
    daemon.post(note(1))
    wait_until(all_passed(daemon, 1))
    daemon.stop()
    database = sqlite3.connect(daemon.folder / "warehouse.db")
    database.execute("update _sluice_routes set cursor = 100")
    database.commit()
    database.close()
    daemon.start(ready=False)
    wait_until(lambda: daemon.route_health()["state"] == "blocked")
    assert "the destination stands at event 100, but the log ends at 1" in daemon.route_health()["error"]
    assert "sluice routes rewind notes --to 2" in daemon.route_health()["error"]
    assert daemon.get("/health").status == 503
    assert daemon.ask("notes", "rewind", to="end")[1]["ok"]
    daemon.post(note(2))
    wait_until(lambda: texts(daemon) == ["text 1", "text 2"])


def test_a_cursor_moved_by_somebody_else_stops_the_route(daemon):
    begin(daemon)
    daemon.post(note(1))
    wait_until(all_passed(daemon, 1))
    database = sqlite3.connect(daemon.folder / "warehouse.db")
    database.execute("update _sluice_routes set cursor = 0")
    database.commit()
    database.close()
    daemon.post(note(2))
    wait_until(lambda: daemon.route_health()["state"] == "blocked")
    assert texts(daemon) == ["text 1"]


def test_a_retry_that_was_due_before_its_open_row_was_written_is_made_after_it(daemon):
    begin(daemon, **{"to: local }": "to: local, retry: { attempts: 2, first: 20ms, most: 20ms } }"})
    daemon.post(note(1))
    wait_until(all_passed(daemon, 1))
    lock = sqlite3.connect(daemon.folder / "warehouse.db", isolation_level=None)
    lock.execute("begin immediate")
    daemon.post(note(2, retry="not now"))
    wait_until(lambda: daemon.route_health()["state"] == "outage")
    lock.execute("rollback")
    lock.close()
    wait_until(lambda: [seq for seq, _, _ in dead(daemon)] == [2])


def test_a_locked_destination_is_an_outage_that_kills_nothing(daemon):
    begin(daemon)
    daemon.post(note(1))
    wait_until(all_passed(daemon, 1))
    lock = sqlite3.connect(daemon.folder / "warehouse.db", isolation_level=None)
    lock.execute("begin immediate")
    for number in range(2, 40):
        daemon.post(note(number))
    wait_until(lambda: daemon.get("/health").status == 503, within=8)
    assert "notes" in daemon.get("/health").body.decode()
    lock.execute("rollback")
    lock.close()
    wait_until(lambda: daemon.get("/health").status == 200, within=8)
    wait_until(lambda: len(texts(daemon)) == 39)
    assert dead(daemon) == []


def test_health_knows_of_a_lost_destination_before_any_event_needs_it(daemon):
    begin(daemon)
    os.mkdir(daemon.folder / "away")
    daemon.post(note(1))
    wait_until(all_passed(daemon, 1))
    for name in ("warehouse.db", "warehouse.db-wal", "warehouse.db-shm"):
        os.rename(daemon.folder / name, daemon.folder / "away" / name)
    os.mkdir(daemon.folder / "warehouse.db")
    wait_until(lambda: daemon.get("/health").status == 503, within=6)
    assert daemon.route_health()["state"] == "outage"
    os.rmdir(daemon.folder / "warehouse.db")
    for name in ("warehouse.db-wal", "warehouse.db-shm", "warehouse.db"):
        os.rename(daemon.folder / "away" / name, daemon.folder / name)
    wait_until(lambda: daemon.get("/health").status == 200, within=6)


def test_a_destination_deleted_while_nothing_comes_is_noticed_and_filled_again(daemon):
    begin(daemon)
    for number in range(3):
        daemon.post(note(number))
    wait_until(all_passed(daemon, 3))
    for name in ("warehouse.db", "warehouse.db-wal", "warehouse.db-shm"):
        os.remove(daemon.folder / name)
    wait_until(lambda: daemon.get("/health").status == 503, within=6)
    assert "was deleted" in daemon.route_health()["error"]
    assert daemon.sluice("routes", "resume", "notes").returncode == 0
    wait_until(lambda: len(texts(daemon)) == 3)
    wait_until(lambda: daemon.get("/health").status == 200)


def test_a_script_that_never_returns_becomes_a_dead_letter_alone(daemon):
    begin(daemon, **{"data: ./data": "data: ./data\ndeadline: 1s"})
    daemon.post(note(1))
    daemon.post(note(2, hang=True))
    daemon.post(note(3))
    wait_until(lambda: sorted(texts(daemon)) == ["text 1", "text 3"], within=60)
    (_, event, reason), = dead(daemon)
    assert event == "2" and "died" in reason
    assert is_alive(daemon.pid)
    wait_until(lambda: daemon.route_health()["state"] == "running")


def test_a_killed_route_goes_on_where_it_was(daemon):
    begin(daemon)
    for number in range(200):
        daemon.post(note(number))
        if number % 50 == 25:
            os.kill(daemon.child("route notes"), signal.SIGKILL)
    wait_until(all_passed(daemon, 200))
    assert sorted(texts(daemon)) == sorted(f"text {number}" for number in range(200))
