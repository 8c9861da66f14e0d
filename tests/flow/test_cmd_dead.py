# SPDX-License-Identifier: Apache-2.0
# test_cmd_dead.py - sluice dead: what could not be delivered is looked at, mended, let go.
import fcntl
import json
import os
import sqlite3
import stat
import subprocess

import pytest
from bed import SLUICE, wait_until


def note(number, **more):
    return {"id": str(number), "type": "note", "card": f"c{number}", "text": f"text {number}", **more}


def objects(answer, code=0):
    assert answer.returncode == code, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


def texts(daemon):
    return sorted(text for text, in daemon.rows("select text from notes"))


def dead(daemon):
    return [seq for seq, in daemon.rows("select seq from _sluice_open where state = 'dead' order by seq")]


def died(daemon, running=True):
    """Events 1 and 3 died of one thing, 2 of another, 4 was delivered."""
    daemon.start()
    for number, why in ((1, "no such customer"), (2, "a price below 0"), (3, "no such customer"), (4, None)):
        daemon.post(note(number, **({"fail": why} if why else {})))
    wait_until(lambda: daemon.settled() and texts(daemon) == ["text 4"])
    if not running:
        daemon.stop()
    return daemon


def mend(daemon):
    """The mapping that made them die is no more."""
    daemon.write("notes.lua", (daemon.folder / "notes.lua").read_text().replace("if note.fail", "if false"))


both = pytest.mark.parametrize("running", [True, False])


@both
def test_ls_groups_by_reason(daemon, running):
    died(daemon, running)
    groups = objects(daemon.sluice("dead", "ls", "--json"))
    assert [(group["count"], group["seq"], group["route"]) for group in groups] == [(2, 3, "notes"), (1, 2, "notes")]
    assert "no such customer" in groups[0]["reason"] and groups[0]["event_id"] == "3"
    text = daemon.sluice("dead", "ls").stdout.splitlines()
    assert text[0].split()[:3] == ["COUNT", "ROUTE", "NEWEST"] and len(text) == 3
    assert text[1].split()[:3] == ["2", "notes", "3"] and text[1].endswith("no such customer")


@both
def test_ls_takes_each_and_a_reason(daemon, running):
    died(daemon, running)
    assert [row["seq"] for row in objects(daemon.sluice("dead", "ls", "--each", "--json"))] == [1, 2, 3]
    assert [row["seq"] for row in objects(daemon.sluice("dead", "ls", "notes", "--each", "--json", "-r", "price"))] == [2]
    assert objects(daemon.sluice("dead", "ls", "--json", "--reason", "nothing of the kind")) == []
    assert daemon.sluice("dead", "ls", "--reason", "nothing of the kind").stdout == "no dead letters\n"


@both
def test_show_has_reason_history_and_body(daemon, running):
    daemon.change("to: local }", "to: local, retry: { attempts: 2, first: 20ms, most: 20ms } }")
    daemon.write("notes.lua", 'return { summary = "busy", transform = function() return retry("the far side is busy") end }')
    daemon.start()
    daemon.post(note(1))
    wait_until(lambda: dead(daemon) == [1])
    if not running:
        daemon.stop()
    one, = objects(daemon.sluice("dead", "show", "notes", "1", "--json"))
    assert (one["route"], one["seq"], one["part"], one["tries"], one["state"]) == ("notes", 1, 0, 2, "dead")
    assert len(one["history"]) == 2 and "busy" in one["history"][0]["reason"]
    assert json.loads(one["body"]) == note(1) and "content-type: application/json" in one["headers"]
    text = daemon.sluice("dead", "show", "1").stdout
    assert "dead letter 1 of route notes" in text and text.count("tried     ") == 2 and '"text 1"' in text
    assert daemon.sluice("dead", "show", "notes", "1", "0").stdout == text
    assert daemon.sluice("dead", "show", "notes", "1.0").stdout == text


@both
def test_retry_by_number_by_reason_and_all(daemon, running):
    died(daemon)
    mend(daemon)
    daemon.restart()
    if not running:
        daemon.stop()
    answer = daemon.sluice("dead", "retry", "notes", "1")
    assert answer.returncode == 0 and "1 dead letter is tried again" in answer.stdout
    assert ("when the daemon runs" in answer.stdout) is not running
    assert objects(daemon.sluice("dead", "retry", "--reason", "customer", "--json")) == [{"route": "notes", "count": 1}]
    assert objects(daemon.sluice("dead", "retry", "--all", "--json")) == [{"route": "notes", "count": 1}]
    assert dead(daemon) == []
    if not running:
        assert texts(daemon) == ["text 4"]
        daemon.start()
    wait_until(lambda: texts(daemon) == ["text 1", "text 2", "text 3", "text 4"])
    assert daemon.rows("select count(*) from _sluice_open") == [(0,)]


def test_what_is_retried_and_fails_again_is_dead_again(daemon):
    died(daemon)
    assert daemon.sluice("dead", "retry", "--all").returncode == 0
    wait_until(lambda: dead(daemon) == [1, 2, 3])
    assert daemon.route_health()["dead"] == 3


@both
def test_drop_lets_them_go(daemon, running):
    died(daemon, running)
    answer = daemon.sluice("dead", "drop", "notes", "2", "3")
    assert answer.returncode == 0 and "2 dead letters are gone for good" in answer.stdout
    assert dead(daemon) == [1]
    assert daemon.sluice("dead", "drop", "--all").returncode == 0
    assert dead(daemon) == []
    assert daemon.sluice("dead", "drop", "--all").returncode == 1
    assert daemon.rows("select count(*) from notes") == [(1,)]


@both
def test_edit_retries_a_changed_copy(daemon, running):
    died(daemon, running)
    daemon.write("new.json", json.dumps(note(2, text="mended")))
    answer = daemon.sluice("dead", "edit", "notes", "2", "--with", "new.json")
    assert answer.returncode == 0, answer.stderr
    if not running:
        daemon.start()
    wait_until(lambda: texts(daemon) == ["mended", "text 4"])
    event, = objects(daemon.sluice("events", "show", "2", "--body", "--json"))
    assert json.loads(event["body"])["fail"] == "a price below 0", "the log keeps the original"


def editor(daemon, script):
    """An editor of two lines; it notes which file it was given, and how that stood."""
    daemon.write("editor", f'#!/bin/sh\nstat -c "%a %n" "$1" > given\n{script}\n')
    (daemon.folder / "editor").chmod(0o755)


def edit(daemon, *words, **variables):
    (daemon.folder / "tmp").mkdir(exist_ok=True)
    environment = {"PATH": os.environ["PATH"], "TMPDIR": str(daemon.folder / "tmp"),
                   "EDITOR": str(daemon.folder / "editor"), **variables}
    return subprocess.run([SLUICE, "dead", "edit", *words], cwd=daemon.folder, env=environment, capture_output=True,
                          text=True, timeout=30)


def left(daemon):
    return sorted((daemon.folder / "tmp").iterdir())


def test_edit_opens_the_persons_editor_on_a_file_of_their_own(daemon):
    died(daemon)
    editor(daemon, 'sed -i "s/\\"fail\\"/\\"was\\"/" "$1"; echo >> "$1"')
    answer = edit(daemon, "2")
    assert answer.returncode == 0, answer.stderr
    wait_until(lambda: texts(daemon) == ["text 2", "text 4"])
    assert (daemon.folder / "given").read_text().startswith("600 ") and left(daemon) == []



def test_edit_takes_an_editor_that_needs_words(daemon):
    died(daemon)
    editor(daemon, "exit 1")
    daemon.write("careful", '#!/bin/sh\ntest "$1" = --wait && sed -i "s/below/above/" "$2"\n')
    (daemon.folder / "careful").chmod(0o755)
    assert edit(daemon, "2", VISUAL="./careful --wait").returncode == 0
    wait_until(lambda: "above" in daemon.sluice("dead", "ls").stdout)


def test_edit_that_changes_nothing_does_nothing(daemon):
    died(daemon)
    editor(daemon, 'echo >> "$1"')
    answer = edit(daemon, "notes", "2")
    assert answer.returncode == 0 and "nothing was changed" in answer.stdout
    assert dead(daemon) == [1, 2, 3] and left(daemon) == []


def test_edit_refuses_what_is_not_json_and_keeps_the_persons_work(daemon):
    died(daemon)
    editor(daemon, 'echo "{\\"id\\": " > "$1"')
    answer = edit(daemon, "notes", "2")
    assert answer.returncode == 1 and "not JSON" in answer.stderr
    assert dead(daemon) == [1, 2, 3]
    kept, = left(daemon)
    assert str(kept) in answer.stderr and stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_an_editor_that_fails_changes_nothing(daemon):
    died(daemon)
    editor(daemon, "exit 3")
    answer = edit(daemon, "2")
    assert answer.returncode == 1 and "editor" in answer.stderr
    assert edit(daemon, "2", EDITOR="/nowhere/ed").returncode == 1
    assert dead(daemon) == [1, 2, 3] and left(daemon) == []


def test_edit_with_stdin_and_with_what_is_no_file(daemon):
    died(daemon)
    assert daemon.sluice("dead", "edit", "2", "--with", "nowhere").returncode == 1
    assert daemon.sluice("dead", "edit", "2", "--with", ".").returncode == 1
    assert daemon.sluice("dead", "edit", "2", "--with", "/dev/zero").returncode == 1
    assert daemon.sluice("dead", "edit", "2", "--with", "/dev/null").returncode == 1
    assert dead(daemon) == [1, 2, 3]
    assert daemon.sluice("dead", "edit", "2", "--with", "-", stdin=json.dumps(note(2))).returncode == 0
    wait_until(lambda: texts(daemon) == ["text 2", "text 4"])


@both
def test_what_is_not_there_is_said(daemon, running):
    died(daemon, running)
    for words, says in ((["show", "4"], "no dead letter 4"), (["show", "99"], "no dead letter 99"),
                        (["retry", "notes", "99"], "no dead letter 99"), (["drop", "nowhere", "1"], 'no route "nowhere"'),
                        (["edit", "99", "--with", "/dev/null"], "no dead letter 99"), (["ls", "nowhere"], "no route"),
                        (["retry", "--reason", "nothing of the kind"], "no such dead letter"),
                        (["show", "1", "7"], "no dead letter 1")):
        answer = daemon.sluice("dead", *words)
        assert answer.returncode == 1 and says in answer.stderr and answer.stdout == "", (words, answer)
    answer = daemon.sluice("dead", "drop", "1", "99")
    assert answer.returncode == 1 and "99" in answer.stderr and dead(daemon) == [2, 3]


@pytest.mark.parametrize("words", [
    ["show"], ["show", "notes"], ["show", "notes", "x"], ["show", "1", "x"], ["show", "1", "2", "3"], ["retry"],
    ["retry", "notes"], ["drop"], ["retry", "1", "--all"], ["retry", "1", "x"], ["retry", "notes", "1.", "--json"],
    ["ls", "1"], ["edit"], ["edit", "notes"], ["retry", "notes", "0"], ["retry", "notes", "9" * 40],
    ["drop", "notes", "1", "--reason", "x"], ["ls", "a", "b"], ["show", "notes", "1", "-x"], [],
])
def test_used_wrongly_is_2_and_changes_nothing(daemon, words):
    died(daemon)
    answer = daemon.sluice("dead", *words)
    assert answer.returncode == 2 and answer.stdout == "", answer
    assert "Sanitizer" not in answer.stderr
    assert dead(daemon) == [1, 2, 3]


def test_hostile_reasons_are_only_text(daemon):
    died(daemon)
    for reason in ("%s%n", "' or 1=1 --", '"', "\\", "\x1b[2J", "x" * 100000, "\u00e4\U0001f600"):
        answer = daemon.sluice("dead", "retry", "--reason", reason)
        assert answer.returncode == 1 and "Sanitizer" not in answer.stderr
    assert dead(daemon) == [1, 2, 3]


def test_a_reason_is_part_of_what_it_matches_whatever_it_is(daemon):
    daemon.start()
    daemon.post(note(1, fail='50% off; "quoted" \\ and \u00e4'))
    wait_until(lambda: dead(daemon) == [1])
    answer = daemon.sluice("dead", "drop", "--reason", '50% off; "quoted" \\ and \u00e4')
    assert answer.returncode == 0 and dead(daemon) == []


def test_a_destination_out_of_reach_is_said_and_nothing_is_done(daemon):
    died(daemon, running=False)
    os.rename(daemon.folder / "warehouse.db", daemon.folder / "away.db")
    os.mkdir(daemon.folder / "warehouse.db")
    for words in (["ls"], ["retry", "--all"], ["drop", "--all"]):
        answer = daemon.sluice("dead", *words)
        assert answer.returncode == 1 and "warehouse.db" in answer.stderr, answer
    os.rmdir(daemon.folder / "warehouse.db")
    os.rename(daemon.folder / "away.db", daemon.folder / "warehouse.db")
    assert dead(daemon) == [1, 2, 3]


def test_a_locked_destination_is_said_at_once(daemon):
    died(daemon)
    lock = sqlite3.connect(daemon.folder / "warehouse.db", isolation_level=None)
    lock.execute("begin exclusive")
    wait_until(lambda: daemon.route_health()["state"] == "outage")
    answer = daemon.sluice("dead", "retry", "--all")
    assert answer.returncode == 1 and "route notes" in answer.stderr and "not answered" not in answer.stderr
    lock.execute("rollback")
    lock.close()
    wait_until(lambda: daemon.get("/health").status == 200)
    assert dead(daemon) == [1, 2, 3]


def test_many_at_once_take_no_letter_twice(daemon):
    died(daemon)
    mend(daemon)
    daemon.restart()
    running = [subprocess.Popen([SLUICE, "dead", "retry", "--all", "--json"], cwd=daemon.folder, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
    told = [process.communicate(timeout=30)[0] for process in running]
    assert sum(json.loads(line)["count"] for line in told if line) == 3
    wait_until(lambda: texts(daemon) == ["text 1", "text 2", "text 3", "text 4"])
    wait_until(lambda: daemon.rows("select count(*) from _sluice_open") == [(0,)])
    assert daemon.route_health()["waiting"] == 0 and daemon.route_health()["dead"] == 0


def test_without_a_daemon_its_lock_is_needed(daemon):
    died(daemon, running=False)
    with open(daemon.data / "lock", "r+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        answer = daemon.sluice("dead", "ls")
    assert answer.returncode == 1 and "no daemon answers" in answer.stderr and "belongs to" in answer.stderr


def test_without_a_log_it_says_so_and_makes_nothing(daemon):
    answer = daemon.sluice("dead", "ls")
    assert answer.returncode == 1 and "no log" in answer.stderr
    assert not daemon.data.exists() and not (daemon.folder / "warehouse.db").exists()


def test_a_broken_configuration_does_not_keep_one_from_a_running_daemon(daemon):
    died(daemon)
    daemon.write("sluice.yaml", daemon.text.replace("from: [notes]", "from: [nowhere]"))
    assert len(objects(daemon.sluice("dead", "ls", "--json"))) == 2
    daemon.stop()
    answer = daemon.sluice("dead", "ls")
    assert answer.returncode == 2 and "nowhere" in answer.stderr


def test_with_several_routes_the_route_has_to_be_said(daemon):
    daemon.change("to: local }", "to: local }\n  - { name: second, from: [notes], via: [notes], to: other }")
    daemon.change("routes:", "  other: { use: sqlite, path: ./other.db, schema: { use: ./notes.yaml } }\nroutes:")
    died(daemon)
    wait_until(lambda: daemon.route_health("second")["dead"] == 3)
    answer = daemon.sluice("dead", "retry", "2")
    assert answer.returncode == 2 and "several routes" in answer.stderr
    for _ in ("with a daemon", "without"):
        assert {(row["route"], row["count"]) for row in objects(daemon.sluice("dead", "ls", "--json"))} == \
            {("notes", 2), ("notes", 1), ("second", 2), ("second", 1)}
        if daemon.process:
            daemon.stop()
    assert objects(daemon.sluice("dead", "drop", "--all", "--json")) == [{"route": "notes", "count": 3},
                                                                       {"route": "second", "count": 3}]
