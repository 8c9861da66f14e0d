# SPDX-License-Identifier: Apache-2.0
"""test_bad_day.py - everything goes wrong at once, at the worst moment; nothing is lost, doubled or silently changed.

The moments: locked, full, deleted and exchanged files, kills, reloads, people who ask for the same twice.
"""
import http.client
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

import pytest
from bed import SLUICE, stolen, wait_until
from test_route import COUNTING, all_passed, begin, dead, note, open_rows, texts

MILD = COUNTING.replace("if note.fail", "if false").replace("if note.retry", "if false")
MOODY = pathlib.Path(SLUICE).parent / "tests" / "plugins" / "moody.so"
FILES = ("warehouse.db", "warehouse.db-wal", "warehouse.db-shm")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")


PARTS = """\
return {
	summary = "a request that holds several notes, told late",
	options = { { "secret", "secret" } },
	webhook = { auth = "hmac-sha1", proof = "header:X-Proof", encoding = "base64", covers = "{body}{callback}",
		secret = "secret", id = "body:/id" },
	decode = function(event)
		if event.data.sleep then sleep(event.data.sleep) end
		for number, part in ipairs(event.data.parts) do
			emit { id = event.data.id .. "-" .. number, type = "note", subject = part.card, data = part }
		end
	end,
}
"""


class Lock:
    """Somebody else holds the destination locked."""

    def __init__(self, daemon, name="warehouse.db"):
        self.path = daemon.folder / name

    def __enter__(self):
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.connection.execute("begin immediate")

    def __exit__(self, *_):
        self.connection.execute("rollback")
        self.connection.close()


class Small:
    """A small file system at a folder of the daemon's."""

    def __init__(self, folder, size):
        self.folder, self.size = folder, size

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size}", "tmpfs", self.folder], check=True)
        return self

    def grow(self, size):
        subprocess.run(["mount", "-o", f"remount,size={size}", self.folder], check=True)

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.folder], check=True)


class Senders:
    """Post notes as fast as they are taken; know what was acknowledged."""

    def __init__(self, daemon, count=4):
        self.daemon, self.count, self.going, self.acknowledged = daemon, count, True, []
        self.threads = [threading.Thread(target=self.send, args=(first,)) for first in range(count)]
        for thread in self.threads:
            thread.start()

    def send(self, number):
        connection = None
        while self.going:
            body = json.dumps({"id": str(number), "type": "note", "card": f"c{number % 8}", "text": str(number)}).encode()
            headers = {"X-Proof": self.daemon.signature(body), "Content-Type": "application/json"}
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=10)
                connection.request("POST", "/in/notes", body, headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    self.acknowledged.append(number)
                    number += self.count
            except (OSError, http.client.HTTPException):
                connection = None
                time.sleep(0.02)

    def stop(self):
        self.going = False
        for thread in self.threads:
            thread.join(30)
        return self.acknowledged


def delivered(daemon, acknowledged):
    """Each once, each card's in order."""
    rows = daemon.rows("select id, card from notes where id not like 'b%' order by rowid")
    assert len(rows) == len(set(rows))
    assert {str(number) for number in acknowledged} <= {number for number, _ in rows}
    for card in {card for _, card in rows}:
        order = [int(number) for number, of in rows if of == card]
        assert order == sorted(order)


def take_mapping(daemon, text):
    daemon.write("notes.lua", text)
    assert daemon.admin("POST", "/reload").status == 200
    wait_until(lambda: daemon.route_health()["restarts"] == 0 and daemon.route_health()["state"] == "running")
    wait_until(lambda: daemon.ask(daemon.route, "stand")[0] == 200)


def told(daemon, words):
    return any(words in line["text"] for line in daemon.lines())


# ------------------------------------------------------------------ dead letters


@pytest.mark.fault(39)
def test_a_dead_letter_that_many_ask_for_is_retried_once(daemon):
    begin(daemon)
    for number in range(5):
        daemon.post(note(number, fail="not yet"))
    wait_until(lambda: len(dead(daemon)) == 5)
    take_mapping(daemon, MILD)
    counts = []
    askers = [threading.Thread(target=lambda: counts.append(daemon.ask("notes", "dead retry", all=True)[1]["count"]))
              for _ in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    wait_until(lambda: open_rows(daemon) == [])
    assert sum(counts) == 5
    assert sorted(texts(daemon)) == [f"text {number}" for number in range(5)]
    wait_until(lambda: daemon.route_health()["dead"] == 0)


@pytest.mark.fault(39)
def test_an_edited_dead_letter_outlives_an_outage_and_a_kill(daemon):
    begin(daemon)
    daemon.post(note(1, fail="never"))
    wait_until(lambda: len(dead(daemon)) == 1)
    take_mapping(daemon, COUNTING.replace("if note.sleep", "if note.text == 'mended' then sleep(1) end if note.sleep"))
    assert daemon.ask("notes", "dead retry", seq=1, body=json.dumps(note(1, text="mended")))[1]["ok"]
    with Lock(daemon):
        wait_until(lambda: daemon.route_health()["state"] == "outage")
        os.kill(daemon.child("route notes"), signal.SIGKILL)
        wait_until(lambda: daemon.route_health()["restarts"] == 1)
    wait_until(lambda: texts(daemon) == ["mended"])
    wait_until(lambda: open_rows(daemon) == [])


@pytest.mark.fault(39)
def test_an_elder_is_retried_while_its_subject_goes_on(daemon):
    begin(daemon)
    daemon.post(note(0, fail="not yet"))
    wait_until(lambda: len(dead(daemon)) == 1)
    take_mapping(daemon, MILD)
    senders = Senders(daemon)
    wait_until(lambda: len(senders.acknowledged) > 50)
    assert daemon.ask("notes", "dead retry", seq=1)[1]["count"] == 1
    acknowledged = senders.stop()
    wait_until(lambda: "text 0" in texts(daemon) and daemon.settled())
    assert set(texts(daemon)) == {"text 0", *(str(number) for number in acknowledged if number)}


@pytest.mark.fault(39)
def test_followers_of_other_subjects_wait_less_than_a_second(daemon, tally):
    """Every fifth is refused for good, or again and again until it is dead."""
    begin(daemon, **{"to: local }": "to: local, retry: { attempts: 3, first: 500ms, most: 500ms } }"})
    posted, arrived, numbers = {}, {}, range(60)
    poison = {number: {"fail": "never"} if number % 2 else {"retry": "later"} for number in numbers if number % 5 == 0}
    for number in numbers:
        assert daemon.post({**note(number, **poison.get(number, {})), "card": f"k{number}"}).status == 200
        posted[f"text {number}"] = time.monotonic() - stolen()

    def all_came():
        for text in texts(daemon):
            arrived.setdefault(text, time.monotonic() - stolen())
        return len(arrived) == len(numbers) - len(poison)

    wait_until(all_came)
    longest = max(when - posted[text] for text, when in arrived.items())
    wait_until(lambda: len(dead(daemon)) == len(poison))
    print(f"the longest waited {longest:.2f} s beside {len(poison)} that were refused")
    take_mapping(daemon, MILD)
    assert daemon.ask("notes", "dead retry", all=True)[1]["count"] == len(poison)
    wait_until(lambda: open_rows(daemon) == [] and len(texts(daemon)) == len(numbers))
    tally(seeds=1, of=len(numbers), rows=len(numbers))
    assert longest < 1


# ------------------------------------------------------------------------ rewind


def test_a_rewind_into_the_middle_of_a_batch_forgets_no_id(daemon):
    begin(daemon)
    daemon.ask("notes", "pause")
    for number in range(10):
        daemon.post(note(number))
    daemon.ask("notes", "resume")
    wait_until(all_passed(daemon, 10))
    assert daemon.ask("notes", "rewind", to=5)[1]["ok"]
    wait_until(all_passed(daemon, 10))
    daemon.restart()
    for number in range(10):
        daemon.post(note(number))
    wait_until(all_passed(daemon, 20))
    assert daemon.rows("select repeats from _sluice_routes") == [(10,)]


def test_rewinds_while_deliveries_wait_lag_and_are_dead(daemon):
    begin(daemon, **{"to: local }": "to: local, patience: 100ms, retry: { attempts: 50, first: 300ms, most: 300ms } }"})
    for number in range(30):
        daemon.post(note(number))
    daemon.post(note(30, sleep=1))
    daemon.post(note(37))
    daemon.post(note(31, retry="later"))
    daemon.post(note(32, fail="never"))
    for number in range(40, 60):
        daemon.post(note(number))
    wait_until(lambda: {state for _, state in open_rows(daemon)} == {"waiting", "behind", "dead"})
    for seq in (0, 32, 20, 54, 10):
        assert daemon.ask("notes", "rewind", to=seq)[1]["ok"]
        time.sleep(0.1)
    take_mapping(daemon, COUNTING.replace("if note.retry", "if false"))
    wait_until(lambda: daemon.settled() and [state for _, state in open_rows(daemon)] == ["dead"])
    wanted = [*range(32), 37, *range(40, 60)]
    assert sorted(texts(daemon)) == sorted(f"text {number}" for number in wanted)
    wait_until(lambda: daemon.route_health()["dead"] == 1)


def test_rewinds_of_a_locked_destination_and_a_clean_end_meanwhile(daemon):
    begin(daemon)
    for number in range(20):
        daemon.post(note(number))
    wait_until(all_passed(daemon, 20))
    with Lock(daemon):
        assert "locked" in daemon.ask("notes", "rewind", to=0)[1]["why"]
        asker = threading.Thread(target=daemon.ask, args=("notes", "rewind"), kwargs={"to": 0})
        asker.start()
        time.sleep(0.3)
        daemon.stop()
        asker.join()
    daemon.start()
    assert daemon.ask("notes", "rewind", to=0)[1]["ok"]
    wait_until(all_passed(daemon, 20))
    assert len(texts(daemon)) == 20


# --------------------------------------------------------------- the destination


def test_a_destination_that_refuses_the_cursor_stops_the_route_with_a_word(daemon):
    begin(daemon)
    daemon.post(note(1))
    wait_until(all_passed(daemon, 1))
    with sqlite3.connect(daemon.folder / "warehouse.db") as database:
        database.execute("create trigger stay before insert on _sluice_routes begin select raise(abort, 'no step further'); end")
    daemon.post(note(2))
    wait_until(lambda: daemon.route_health()["state"] == "blocked")
    assert "no step further" in daemon.route_health()["error"]
    assert "sluice routes resume notes" in daemon.route_health()["error"]
    with sqlite3.connect(daemon.folder / "warehouse.db") as database:
        database.execute("drop trigger stay")
    database.close()
    assert daemon.ask("notes", "resume")[1]["ok"]
    wait_until(lambda: texts(daemon) == ["text 1", "text 2"])


@pytest.mark.fault(12)
def test_a_destination_deleted_in_use_stops_the_route_and_is_filled_again(daemon):
    begin(daemon)
    for number in range(5):
        daemon.post(note(number))
    wait_until(all_passed(daemon, 5))
    for name in FILES:
        os.unlink(daemon.folder / name)
    daemon.post(note(5))
    wait_until(lambda: daemon.route_health()["state"] == "blocked")
    assert daemon.get("/health").status == 503
    assert daemon.ask("notes", "resume")[1]["ok"]
    wait_until(lambda: texts(daemon) == [f"text {number}" for number in range(6)])


def test_an_older_copy_of_the_destination_is_brought_up_to_date(daemon):
    begin(daemon)
    for number in range(10):
        daemon.post(note(number))
    daemon.post(note(10, fail="x"))
    wait_until(all_passed(daemon, 11))
    daemon.stop()
    shutil.copy(daemon.folder / "warehouse.db", daemon.folder / "older.db")
    daemon.start()
    for number in range(11, 30):
        daemon.post(note(number))
    daemon.post(note(30, fail="y"))
    daemon.post(note(5))
    wait_until(all_passed(daemon, 32))
    before, letters = texts(daemon), dead(daemon)
    daemon.stop()
    shutil.copy(daemon.folder / "older.db", daemon.folder / "warehouse.db")
    daemon.start()
    wait_until(all_passed(daemon, 32))
    assert (texts(daemon), dead(daemon)) == (before, letters)
    assert daemon.rows("select delivered, dropped, repeats from _sluice_routes") == [(29, 0, 1)]


def test_two_routes_into_one_file_take_turns(daemon):
    daemon.write("notes.lua", COUNTING)
    daemon.write("two.lua", COUNTING.replace("data = { id = note.id,", 'data = { id = "b" .. note.id,'))
    daemon.change("notes: { use: ./notes.lua }", "notes: { use: ./notes.lua }\n  two: { use: ./two.lua }")
    daemon.change("to: local }", "to: local }\n  - { name: two, from: [notes], via: [two], to: local }")
    daemon.start()
    senders = Senders(daemon)
    wait_until(lambda: len(senders.acknowledged) > 300)
    os.kill(daemon.child("route two"), signal.SIGKILL)
    daemon.admin("POST", "/reload")
    wait_until(lambda: len(senders.acknowledged) > 600)
    acknowledged = senders.stop()
    wait_until(lambda: daemon.settled("notes") and daemon.settled("two"))
    delivered(daemon, acknowledged)
    assert daemon.rows("select count(*) from notes where id like 'b%'") == [(len(acknowledged),)]


@pytest.mark.fault(33)
def test_rows_refused_and_rows_put_off_leave_the_others_alone(daemon):
    shutil.copy(MOODY, daemon.folder / "moody.so")
    begin(daemon, **{"{ use: sqlite, path: ./warehouse.db,": "{ use: ./moody.so, path: ./written,",
                     "to: local }": "to: local, retry: { attempts: 99, first: 100ms, most: 100ms } }"})
    daemon.ask("notes", "pause")
    daemon.write("written.away", "")
    for number in range(40):
        daemon.post(note(number, text={7: "refuse", 8: "later", 22: "refuse", 23: "later"}.get(number, "fine")))
    daemon.ask("notes", "resume")
    wait_until(lambda: daemon.route_health()["state"] == "outage")
    (daemon.folder / "written.away").unlink()
    wait_until(lambda: (daemon.route_health()["cursor"], daemon.route_health()["dead"]) == (40, 1))
    assert [row["event_id"] for row in daemon.ask("notes", "dead ls")[1]["rows"]] == ["7"]  # 22 waits behind 8
    os.kill(daemon.child("route notes"), signal.SIGKILL)
    daemon.write("written.mild", "")
    wait_until(lambda: daemon.route_health()["restarts"] == 1 and daemon.ask("notes", "stand")[1]["waiting"] == 0)
    last = {int(number): at for at, number in enumerate((daemon.folder / "written").read_text().split())}
    assert sorted(last) == [number for number in range(40) if number not in (7, 22)]
    assert {row["event_id"]: row["reason"] for row in daemon.ask("notes", "dead ls")[1]["rows"]} == {
        "7": "not in this mood", "22": "not in this mood"}
    for card in range(7):  # nothing is handed over before its elder was taken
        order = sorted((number for number in last if number % 7 == card), key=last.get)
        assert order == sorted(order)


def test_parts_told_while_their_batch_is_under_way_are_not_forgotten(daemon):
    daemon.write("parts.lua", PARTS)
    begin, end = daemon.text.index("    use: webhook"), daemon.text.index("transforms:")
    daemon.change(daemon.text[begin:end], f"    use: ./parts.lua\n    secret: [{daemon.secret}]\n")
    daemon.change("to: local }", "to: local, patience: 100ms }")
    daemon.start()
    daemon.post({"id": "first", "parts": [note(0)]})
    wait_until(all_passed(daemon, 1))
    with Lock(daemon):
        daemon.post({"id": "late", "sleep": 0.4, "parts": [note(1), note(2), note(3)]})
        daemon.post({"id": "soon", "parts": [note(4)]})
        time.sleep(0.8)
    wait_until(lambda: sorted(texts(daemon)) == [f"text {number}" for number in range(5)])
    wait_until(lambda: open_rows(daemon) == [])


# ---------------------------------------------------------------- the route's file


@pytest.mark.fault(12)
def test_a_route_file_deleted_in_use_is_noticed_and_made_anew(daemon):
    begin(daemon)
    for number in range(5):
        daemon.post(note(number))
    daemon.post(note(5, fail="never"))
    wait_until(all_passed(daemon, 6))
    shutil.rmtree(daemon.data / "routes")
    wait_until(lambda: told(daemon, "repeats of events up to 6 are not known"))
    daemon.post(note(6))
    daemon.post(note(6))
    wait_until(all_passed(daemon, 8))
    assert texts(daemon) == [f"text {number}" for number in (0, 1, 2, 3, 4, 6)]
    assert '"never"' in daemon.ask("notes", "dead show", seq=6)[1]["rows"][0]["body"]
    daemon.restart()
    daemon.post(note(6))
    wait_until(all_passed(daemon, 9))
    assert daemon.rows("select repeats from _sluice_routes") == [(2,)]


@pytest.mark.parametrize("spoil", [lambda path: path.write_bytes(path.read_bytes()[:4096] + b"U" * 40000),
                                   lambda path: path.write_bytes(b"no database"), os.unlink], ids=["pages", "head", "gone"])
@pytest.mark.fault(11)
def test_a_route_file_spoilt_between_runs_is_told_and_loses_no_event(daemon, spoil):
    begin(daemon)
    for number in range(5):
        daemon.post(note(number))
    daemon.post(note(5, fail="never"))
    wait_until(all_passed(daemon, 6))
    daemon.stop()
    spoil(daemon.data / "routes" / "notes.db")
    daemon.start()
    wait_until(lambda: told(daemon, "are not known"))
    daemon.post(note(6))
    wait_until(all_passed(daemon, 7))
    assert texts(daemon) == [f"text {number}" for number in (0, 1, 2, 3, 4, 6)]
    assert '"never"' in daemon.ask("notes", "dead show", seq=6)[1]["rows"][0]["body"]


# ---------------------------------------------------------------- limits and load


def test_a_route_full_of_open_rows_reads_no_further_until_they_go(daemon):
    begin(daemon, **{"to: local }": "to: local, open_limit: 3, patience: 100ms, retry: { attempts: 99, first: 1s, most: 1s } }"})
    for number in range(20):
        daemon.post(note(number, retry="later") if number < 10 else note(number))
    wait_until(lambda: len(open_rows(daemon)) >= 3)
    time.sleep(0.5)
    assert texts(daemon) == []
    take_mapping(daemon, MILD)
    wait_until(lambda: len(texts(daemon)) == 20 and open_rows(daemon) == [] and daemon.settled())


@pytest.mark.fault(40)
def test_reloads_with_another_mapping_under_load_lose_nothing(daemon):
    begin(daemon)
    senders = Senders(daemon)
    for number in range(4):
        daemon.write("notes.lua", COUNTING.replace("text = note.text", f'text = note.text .. ".{number}"'))
        assert daemon.admin("POST", "/reload").status == 200
        wait_until(lambda: daemon.rows("select count(*) from notes where text like ?", f"%.{number}")[0][0] > 20)
    acknowledged = senders.stop()
    wait_until(daemon.settled)
    delivered(daemon, acknowledged)


@pytest.mark.fault(18)
def test_a_clean_end_under_load_loses_nothing(daemon):
    begin(daemon)
    senders = Senders(daemon, count=8)
    for _ in range(3):
        before = len(senders.acknowledged)
        wait_until(lambda: len(senders.acknowledged) > before + 200)
        daemon.restart()
    acknowledged = senders.stop()
    wait_until(daemon.settled)
    delivered(daemon, acknowledged)


@pytest.mark.fault(16)
def test_a_full_log_refuses_until_it_is_delivered(daemon):
    begin(daemon, **{"data: ./data": "data: ./data\nlog: { size: 8MB }"})
    daemon.ask("notes", "pause")
    body = "x" * 100000
    taken = 0
    while (answer := daemon.post(note(taken, text=body))).status == 200:
        taken += 1
    assert answer.status == 503 and int(answer.headers["retry-after"]) > 0 and taken > 30
    assert daemon.post(note(taken, text=body)).status == 503
    daemon.ask("notes", "resume")
    wait_until(lambda: daemon.post(note(taken, text=body)).status == 200)
    wait_until(daemon.settled)
    assert daemon.rows("select count(*) from notes") == [(taken + 1,)]


@needs_root
@pytest.mark.fault(4)
def test_a_full_disk_under_the_log_refuses_and_goes_on_by_itself(daemon):
    with Small(daemon.data, "20m"):
        begin(daemon)
        body, taken = "x" * 100000, 0
        filler = daemon.data / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(daemon.data).free))
        refused = wait_until(lambda: (answer := daemon.post(note(999, text=body))).status == 503 and answer)
        assert int(refused.headers["retry-after"]) > 0
        filler.unlink()
        wait_until(lambda: daemon.post(note(999, text=body)).status == 200, within=5)
        for taken in range(300):  # more than the disk holds: what was delivered makes room
            wait_until(lambda: daemon.post(note(taken, text=body)).status == 200)
        wait_until(daemon.settled)
        assert daemon.rows("select count(*) from notes") == [(301,)]
        daemon.stop()


@needs_root
@pytest.mark.fault(4)
def test_a_full_disk_under_the_destination_is_an_outage(daemon):
    with Small(daemon.folder / "store", "4m") as disk:
        daemon.change("./warehouse.db", "./store/warehouse.db")
        begin(daemon)
        for number in range(60):
            assert daemon.post(note(number, text="x" * 100000)).status == 200
        wait_until(lambda: daemon.route_health()["state"] == "outage" and daemon.get("/health").status == 503)
        assert "the disk is full" in daemon.route_health()["error"]
        disk.grow("60m")
        wait_until(lambda: daemon.get("/health").status == 200, within=5)
        wait_until(daemon.settled)
        assert daemon.rows("select count(*) from notes", database="store/warehouse.db") == [(60,)]
        assert daemon.rows("select * from _sluice_open", database="store/warehouse.db") == []
        daemon.stop()
