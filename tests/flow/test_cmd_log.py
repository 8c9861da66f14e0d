# SPDX-License-Identifier: Apache-2.0
# test_cmd_log.py - what is in the log, whether it is whole, and all of it.
import base64
import json

import pytest
from bed import wait_until


def note(number, **more):
    return {"id": str(number), "type": "note", "card": "c", "text": "hello", **more}


def objects(text):
    return [json.loads(line) for line in text.split("\n") if line]


def filled(daemon, count=5):
    daemon.start()
    for number in range(1, count + 1):
        assert daemon.post(note(number)).status == 200
    wait_until(daemon.settled)
    return daemon


def flip(daemon, needle):
    """One bit of the log, where this text stands."""
    segment = next(path for path in sorted((daemon.data / "log").glob("*")) if path.is_file() and needle in path.read_bytes())
    at = segment.read_bytes().index(needle)
    with open(segment, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))
    return segment.name, at


def damaged(daemon):
    """Five events, of which the third was flipped in one bit."""
    daemon.start()
    for number in range(1, 6):
        daemon.post(note(number, text=f"number {number}"))
    wait_until(daemon.settled)
    return flip(daemon, b"number 3")


# ------------------------------------------------------------------------ fsck


def test_a_whole_log_is_fine_running_or_stopped(daemon):
    filled(daemon)
    running = daemon.sluice("log", "fsck")
    assert (running.returncode, running.stdout) == (0, "fine: 5 events in 1 segment\n")
    daemon.stop()
    stopped = objects(daemon.sluice("log", "fsck", "--json").stdout)
    assert [(one["fine"], one["faults"], one["lost"], one["events"]) for one in stopped] == [(True, 0, 0, 5)]
    assert daemon.sluice("log", "fsck", "--data", "data", "-c", "no such file").returncode == 0


def test_damage_is_named_and_exit_1(daemon):
    segment, at = damaged(daemon)
    answer = daemon.sluice("log", "fsck")
    assert answer.returncode == 1
    fault, verdict = answer.stdout.splitlines()
    assert fault.startswith(f"{segment} at byte ") and fault.endswith("; event 3 is lost")
    assert verdict == "damaged: 1 fault, 1 of 5 events are lost"
    found, summary = objects(daemon.sluice("log", "fsck", "--json").stdout)
    assert (found["segment"], found["seq_from"], found["seq_to"]) == (segment, 3, 3)
    assert 0 < at - found["offset"] < 4096
    assert (summary["fine"], summary["lost"], summary["events"]) == (False, 1, 4)


# ------------------------------------------------------------------------ stat


def test_stat_tells_how_much_there_is(daemon):
    filled(daemon)
    told = json.loads(daemon.sluice("log", "stat", "--json").stdout)
    assert (told["events"], told["begin"], told["end"], told["segments"]) == (5, 1, 5, 1)
    assert len(told["id"]) == 32 and told["bytes"] > 0 and told["limit"] == 10 << 30
    assert told["oldest"].endswith("Z")
    page = daemon.sluice("log", "stat").stdout
    assert "events   5, from 1 to 5" in page and told["id"] in page


def test_a_log_without_events(daemon):
    daemon.start()
    assert json.loads(daemon.sluice("log", "stat", "--json").stdout)["events"] == 0
    assert "events   none" in daemon.sluice("log", "stat").stdout
    assert daemon.sluice("log", "cat").stdout == ""
    assert daemon.sluice("log", "fsck").returncode == 0


# ------------------------------------------------------------------------- cat


def test_cat_shows_what_was_stored(daemon):
    filled(daemon)
    page = daemon.sluice("log", "cat", "--from", "2", "--to", "2").stdout
    head, *rest = page.splitlines()
    assert head.split()[0] == "2" and "notes  POST /in/notes" in head
    assert "  content-type: application/json" in rest
    assert json.dumps(note(2)) in rest


def test_cat_can_be_narrowed(daemon):
    filled(daemon)

    def seqs(*words):
        return [one["seq"] for one in objects(daemon.sluice("log", "cat", "--json", *words).stdout)]

    assert seqs() == [1, 2, 3, 4, 5]
    assert seqs("--from", "4") == [4, 5]
    assert seqs("--to", "2") == [1, 2]
    assert seqs("--from", "3", "--to", "99") == [3, 4, 5]
    assert seqs("--from", "99") == []
    assert seqs("--source", "nobody") == []
    assert daemon.sluice("log", "cat", "--from", "3", "--to", "2").returncode == 2
    assert daemon.sluice("log", "cat", "--from", "x").returncode == 2


def test_cat_goes_around_damage_and_says_so(daemon):
    damaged(daemon)
    answer = daemon.sluice("log", "cat", "--json")
    assert answer.returncode == 1
    assert [one["seq"] for one in objects(answer.stdout)] == [1, 2, 4, 5]
    assert "events 3 to 3 are damaged" in answer.stderr


def test_what_a_stranger_wrote_does_not_reach_the_terminal_raw(daemon):
    daemon.start()
    daemon.post(b"\x1b[2J\xff\xfe", path="/in/notes?x=1")
    daemon.post(b'"\x1b[2J"')
    page = daemon.sluice("log", "cat").stdout
    assert "\x1b" not in page and "that are no text" in page


# ---------------------------------------------------------------------- export


def bodies(daemon):
    return [b"", b"\x00\x01\xff binary \n", json.dumps(note(1)).encode() + b"\r\n", "\u00fc\u2028\U0001f600".encode()]


def body_of(record):
    return base64.b64decode(record["body_base64"]) if "body_base64" in record else record["body"].encode()


def test_an_export_is_exact_to_the_last_byte(daemon):
    daemon.start()
    for body in bodies(daemon):
        assert daemon.post(body, headers={"X-Own": "a: b"}).status == 200
    answer = daemon.sluice("log", "export", "all.jsonl")
    assert (answer.returncode, answer.stdout) == (0, "4 events are in all.jsonl\n"), answer.stderr
    records = objects((daemon.folder / "all.jsonl").read_text())
    assert [body_of(record) for record in records] == bodies(daemon)
    assert ["x-own", "a: b"] in records[0]["headers"]
    assert (records[0]["seq"], records[0]["source"], records[0]["method"], records[0]["path"]) == (1, "notes", "POST", "/in/notes")
    assert daemon.sluice("log", "export", "-").stdout == (daemon.folder / "all.jsonl").read_text()


def test_an_export_into_a_folder_has_a_file_for_each_body(daemon):
    daemon.start()
    for body in bodies(daemon):
        daemon.post(body)
    answer = daemon.sluice("log", "export", "all/", "--from", "2", "--json")
    assert json.loads(answer.stdout) == {"to": "all/", "events": 3, "lost": 0}
    records = objects((daemon.folder / "all" / "records.jsonl").read_text())
    assert [(daemon.folder / "all" / record["body_file"]).read_bytes() for record in records] == bodies(daemon)[1:]


def test_an_export_writes_over_nothing(daemon):
    filled(daemon, 1)
    daemon.write("kept.jsonl", "mine\n")
    answer = daemon.sluice("log", "export", "kept.jsonl")
    assert answer.returncode == 1 and "kept.jsonl" in answer.stderr
    assert (daemon.folder / "kept.jsonl").read_text() == "mine\n"
    assert daemon.sluice("log", "export", "nowhere/all.jsonl").returncode == 1


def test_an_exported_request_can_be_verified(daemon):
    filled(daemon, 1)
    record = daemon.sluice("log", "cat", "--json").stdout
    daemon.write("headers", record)
    answer = daemon.sluice("verify", "notes", "--headers", "headers", stdin=json.loads(record)["body"])
    assert answer.returncode == 0, answer.stdout + answer.stderr


# -------------------------------------------------------------------- mistakes


@pytest.mark.parametrize("what", [["fsck"], ["stat"], ["cat"], ["export", "x"]])
def test_where_there_is_no_log_one_is_not_made(daemon, what):
    answer = daemon.sluice("log", *what)
    assert answer.returncode == 1 and "there is no data folder" in answer.stderr
    daemon.data.mkdir()
    answer = daemon.sluice("log", *what)
    assert answer.returncode == 1 and "there is no log in" in answer.stderr
    assert list(daemon.data.iterdir()) == []


def test_the_group_alone_lists_its_commands(daemon):
    answer = daemon.sluice("log")
    assert answer.returncode == 2
    assert all(word in answer.stderr for word in ("log fsck", "log stat", "log cat", "log export"))
