# SPDX-License-Identifier: Apache-2.0
# test_cmd_routes.py - sluice routes: where routes stand, and how people move them.
import json
import os
import signal
import sqlite3
import subprocess
import time

import pytest
from bed import SLUICE, children_of, is_alive, terminal, wait_until
from postgres import use

SECOND = "to: local }\n  - { name: second, from: [notes], via: [notes], to: other }"
OTHER = "  other: { use: sqlite, path: ./other.db, schema: { use: ./notes.yaml } }\nroutes:"


def note(number, **more):
    return {"id": str(number), "type": "note", "card": f"c{number}", "text": f"text {number}", **more}


def objects(answer, code=0):
    assert answer.returncode == code, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


def standing(daemon, name="notes"):
    return next(route for route in objects(daemon.sluice("routes", "ls", "--json")) if route["route"] == name)


def counted(daemon):
    """From which event on the route has counted, and how many it delivered since."""
    return daemon.rows("select counted_from, delivered + dropped + repeats, cursor from _sluice_routes")[0]


def filled(daemon, count=6):
    daemon.start()
    for number in range(1, count + 1):
        assert daemon.post(note(number)).status == 200
    wait_until(lambda: daemon.route_health()["cursor"] == count)
    return daemon


both = pytest.mark.parametrize("running", [True, False])


def two_routes(daemon):
    daemon.change("to: local }", SECOND)
    daemon.change("routes:", OTHER)


@both
def test_ls_says_where_each_route_stands(daemon, running):
    two_routes(daemon)
    filled(daemon, 3)
    daemon.post(note(4, fail="no such customer"))
    wait_until(lambda: daemon.route_health()["dead"] == 1 and daemon.settled("second"))
    assert daemon.sluice("routes", "pause", "second").returncode == 0
    daemon.post(note(5))
    wait_until(lambda: daemon.route_health()["cursor"] == 5)
    wait_until(lambda: daemon.route_health("second")["behind"] == 1)
    if not running:
        daemon.stop()
    first, second = objects(daemon.sluice("routes", "ls", "--json"))
    assert (first["route"], first["cursor"], first["behind"], first["dead"], first["paused"]) == ("notes", 5, 0, 1, False)
    assert (second["route"], second["cursor"], second["behind"], second["paused"]) == ("second", 4, 1, True)
    assert first["state"] == ("running" if running else "stopped")
    text = daemon.sluice("routes", "ls").stdout.splitlines()
    assert text[0].split() == ["ROUTE", "STATE", "CURSOR", "BEHIND", "WAITING", "DEAD"] and len(text) == 3
    assert text[2].split()[0] == "second" and "paused" in text[2]


@both
def test_pause_and_resume(daemon, running):
    filled(daemon, 1)
    if not running:
        daemon.stop()
    assert daemon.sluice("routes", "pause", "notes").stdout == "route notes is paused\n"
    assert standing(daemon)["paused"] is True
    if not running:
        daemon.start()
    daemon.post(note(2))
    wait_until(lambda: daemon.route_health()["behind"] == 1)
    if not running:
        daemon.stop()
    assert objects(daemon.sluice("routes", "resume", "--all", "--json")) == [{"route": "notes", "paused": False}]
    if not running:
        assert standing(daemon)["behind"] == 1, "one that only answers reads nothing"
        daemon.start()
    wait_until(lambda: daemon.route_health()["cursor"] == 2)


@both
def test_all_is_all(daemon, running):
    two_routes(daemon)
    filled(daemon, 1)
    if not running:
        daemon.stop()
    assert daemon.sluice("routes", "pause", "--all").returncode == 0
    assert [route["paused"] for route in objects(daemon.sluice("routes", "ls", "--json"))] == [True, True]
    assert daemon.sluice("routes", "resume", "second", "notes").returncode == 0
    assert [route["paused"] for route in objects(daemon.sluice("routes", "ls", "--json"))] == [False, False]


@both
@pytest.mark.parametrize("to, first", [("start", 1), ("0", 1), ("1", 1), ("4", 4), ("6", 6)])
def test_rewind_reads_again_from_the_event_named(daemon, running, to, first):
    filled(daemon)
    before = daemon.rows("select * from notes order by id")
    if not running:
        daemon.stop()
    answer = daemon.sluice("routes", "rewind", "notes", "--to", to)
    assert answer.returncode == 0 and f"{7 - first} events are read again" in answer.stdout, answer
    if not running:
        assert counted(daemon) == (first, 0, first - 1)
        daemon.start()
    wait_until(lambda: counted(daemon) == (first, 7 - first, 6))
    assert daemon.rows("select * from notes order by id") == before


@both
def test_rewind_to_a_moment(daemon, running):
    filled(daemon, 3)
    time.sleep(0.05)
    daemon.post(note(4))
    wait_until(lambda: daemon.route_health()["cursor"] == 4)
    moment = objects(daemon.sluice("events", "ls", "--json"))[3]["received"]
    if not running:
        daemon.stop()
    assert objects(daemon.sluice("routes", "rewind", "notes", "--to", moment, "--json")) == [
        {"route": "notes", "from": 4, "cursor": 3, "again": 1, "passed_over": 0}]
    answer = daemon.sluice("routes", "rewind", "notes", "--to", "1999-12-31")
    assert answer.returncode == 0 and "goes on with event 1:" in answer.stdout


@both
def test_rewind_forwards_passes_events_over(daemon, running):
    filled(daemon, 2)
    assert daemon.sluice("routes", "pause", "notes").returncode == 0
    daemon.post(note(3))
    daemon.post(note(4))
    if not running:
        daemon.stop()
    answer = daemon.sluice("routes", "rewind", "notes", "--to", "end")
    assert answer.returncode == 0 and "2 events are passed over" in answer.stdout
    assert counted(daemon)[2] == 4


def test_rewind_tells_what_it_means_and_asks_the_person(daemon):
    filled(daemon, 3)

    def answered(word):
        master, slave = terminal()
        process = subprocess.Popen([SLUICE, "routes", "rewind", "notes", "--to", "start"], cwd=daemon.folder, stdin=slave,
                                   stdout=subprocess.PIPE, stderr=slave, text=True)
        os.close(slave)
        seen = b""
        while b"[y/N]" not in seen:
            seen += os.read(master, 4096)
        assert b"3 events are read again" in seen
        os.write(master, word)
        output = process.communicate(timeout=30)[0]
        os.close(master)
        return process.returncode, output

    for word in (b"\n", b"n\n", b"yesterday\n", b"\x04"):
        code, output = answered(word)
        assert (code, output) == (1, "") and counted(daemon) == (1, 3, 3)
    code, output = answered(b"y\n")
    assert code == 0 and "read again" in output


@both
def test_a_destination_ahead_of_the_log_is_brought_back(daemon, running):
    filled(daemon, 1)
    daemon.stop()
    with sqlite3.connect(daemon.folder / "warehouse.db") as database:
        database.execute("update _sluice_routes set cursor = 100")
    database.close()
    if running:
        daemon.start(ready=False)
        wait_until(lambda: daemon.route_health()["state"] == "blocked")
        assert "rewind notes --to 2" in daemon.sluice("routes", "ls").stdout
    answer = daemon.sluice("routes", "rewind", "notes", "--to", "end")
    assert answer.returncode == 0, answer
    if not running:
        daemon.start()
    daemon.post(note(2))
    wait_until(lambda: len(daemon.rows("select * from notes")) == 2)


def test_a_blocked_route_is_resumed_once_the_cause_is_gone(daemon):
    filled(daemon, 1)
    daemon.stop()
    with sqlite3.connect(daemon.folder / "warehouse.db") as database:
        database.execute("alter table _sluice_routes rename to away")
        database.execute("create view _sluice_routes as select 1 as x")
    database.close()
    daemon.start(ready=False)
    wait_until(lambda: daemon.route_health()["state"] in ("blocked", "outage"))
    answer = daemon.sluice("routes", "rewind", "notes", "--to", "start")
    assert answer.returncode == 1 and "not answered" not in answer.stderr, "it is told at once what is wrong"
    with sqlite3.connect(daemon.folder / "warehouse.db") as database:
        database.execute("drop view _sluice_routes")
        database.execute("alter table away rename to _sluice_routes")
    database.close()
    assert daemon.sluice("routes", "resume", "notes").returncode == 0
    wait_until(lambda: daemon.get("/health").status == 200)


@pytest.mark.parametrize("words, code, says", [
    (["pause"], 2, "name a route"), (["pause", "notes", "--all"], 2, "not both"), (["resume", "nowhere"], 1, "no route"),
    (["pause", "notes", "nowhere"], 1, "nowhere"), (["rewind", "notes"], 2, "--to"), (["rewind", "--to", "1"], 2, "missing"),
    (["rewind", "nowhere", "--to", "1"], 1, "no route"), (["rewind", "notes", "--to", "9"], 1, "ends at event 2"),
    (["rewind", "notes", "--to", "soon"], 1, "soon"), (["rewind", "notes", "--to", ""], 1, "--to"),
    (["rewind", "notes", "--to", "-1"], 1, "-1"), (["rewind", "notes", "--to", "9" * 40], 1, "no number"),
    (["rewind", "notes", "--to", "18446744073709551615"], 1, "ends at"), (["ls", "notes"], 2, "too much"),
    (["rewind", "../notes", "--to", "1"], 1, "no route"), ([], 2, "Usage"),
])
def test_what_cannot_be_done_is_said_and_nothing_is(daemon, words, code, says):
    filled(daemon, 2)
    answer = daemon.sluice("routes", *words)
    assert answer.returncode == code and says in answer.stderr and answer.stdout == "", answer
    assert counted(daemon) == (1, 2, 2) and standing(daemon)["paused"] is False


def test_without_a_daemon_none_can_begin_meanwhile(daemon):
    filled(daemon, 1)
    daemon.stop()
    lock = sqlite3.connect(daemon.folder / "warehouse.db", isolation_level=None)
    lock.execute("begin exclusive")  # so that the command has to wait a little
    command = subprocess.Popen([SLUICE, "routes", "ls"], cwd=daemon.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_until(lambda: "sluice: route notes" in children_of(command.pid))
    answer = daemon.sluice("run")
    assert answer.returncode == 1 and str(command.pid) in answer.stderr
    lock.execute("rollback")
    lock.close()
    command.communicate(timeout=60)
    daemon.start()


def test_a_command_that_is_killed_leaves_nobody(daemon):
    filled(daemon, 1)
    daemon.stop()
    lock = sqlite3.connect(daemon.folder / "warehouse.db", isolation_level=None)
    lock.execute("begin exclusive")
    command = subprocess.Popen([SLUICE, "routes", "ls"], cwd=daemon.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    route = wait_until(lambda: children_of(command.pid).get("sluice: route notes"))
    command.send_signal(signal.SIGKILL)
    command.communicate()
    wait_until(lambda: not is_alive(route))
    lock.execute("rollback")
    lock.close()
    assert standing(daemon)["cursor"] == 1
    daemon.start()


def test_a_route_that_dies_is_said_and_ends_the_command(daemon):
    filled(daemon, 1)
    daemon.stop()
    lock = sqlite3.connect(daemon.folder / "warehouse.db", isolation_level=None)
    lock.execute("begin exclusive")
    command = subprocess.Popen([SLUICE, "routes", "ls"], cwd=daemon.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               text=True)
    os.kill(wait_until(lambda: children_of(command.pid).get("sluice: route notes")), signal.SIGKILL)
    output, errors = command.communicate(timeout=30)
    lock.execute("rollback")
    lock.close()
    assert command.returncode == 1 and "killed by signal 9" in output, (output, errors)
    daemon.start()


def test_without_a_log_it_says_so_and_makes_nothing(daemon):
    for words in (["ls"], ["pause", "--all"], ["rewind", "notes", "--to", "start"]):
        answer = daemon.sluice("routes", *words)
        assert answer.returncode == 1 and "no log" in answer.stderr
    assert not daemon.data.exists() and not (daemon.folder / "warehouse.db").exists()


def test_show_tells_why_events_were_dropped_and_what_is_not_settled(daemon):
    daemon.start()
    daemon.post({"id": "1", "type": "note", "card": "c1", "text": "kept"})
    for number in ("2", "3"):
        daemon.post({"id": number, "type": "note", "card": "c1", "drop": "too old\x1b[2J"})
    wait_until(lambda: daemon.route_health()["cursor"] == 3)
    shown = daemon.sluice("routes", "show", "notes").stdout
    assert "delivered  1" in shown and "dropped    2" in shown and "2  too old" in shown and "\x1b" not in shown
    assert json.loads(daemon.sluice("routes", "show", "notes", "--json").stdout)["drops"]
    assert daemon.sluice("routes", "show", "other").returncode == 1
    daemon.stop()
    assert "delivered  1" in daemon.sluice("routes", "show", "notes").stdout


def test_show_tells_what_was_mended_in_rows(daemon, database):
    use(daemon, database)
    daemon.start()
    for number in (1, 2):
        daemon.post(note(number, text="a\0b\0c"))
    wait_until(lambda: database.rows("select text from notes") == [("a\ufffdb\ufffdc",)] * 2, what=daemon.stderr)
    [stand] = objects(daemon.sluice("routes", "show", "notes", "--json"))
    assert sum(stand["mended"].values()) >= 2, stand["mended"]
    assert all(what in daemon.sluice("routes", "show", "notes").stdout for what in stand["mended"])
