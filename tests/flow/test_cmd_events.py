# SPDX-License-Identifier: Apache-2.0
# test_cmd_events.py - sluice events: what was accepted, read from the log.
import base64
import json
import os
import signal
import subprocess
import time

import pytest
from bed import SLUICE, terminal, wait_until


def note(number, **more):
    return {"id": str(number), "type": "note", "card": f"c{number % 3}", "text": f"text {number}", **more}


def listed(daemon, *words):
    answer = daemon.sluice("events", "ls", "--json", *words)
    assert answer.returncode == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


def seqs(daemon, *words):
    return [event["seq"] for event in listed(daemon, *words)]


def filled(daemon, count=7):
    daemon.start()
    for number in range(1, count + 1):
        assert daemon.post(note(number, **({"type": "other"} if number == 4 else {}))).status == 200
    return daemon


def shown(daemon, *words):
    answer = daemon.sluice("events", "show", "--json", *words)
    assert answer.returncode == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


@pytest.mark.parametrize("running", [True, False])
def test_ls_tells_what_every_event_is(daemon, running):
    filled(daemon)
    if not running:
        daemon.stop()
    events = listed(daemon)
    assert [event["seq"] for event in events] == list(range(1, 8))
    first = events[0]
    assert (first["source"], first["id"], first["type"], first["subject"]) == ("notes", "1", "note", "c1")
    assert first["bytes"] == len(json.dumps(note(1)))
    assert first["verified"] == "first" and not first["insecure"] and not first["second_secret"]
    text = daemon.sluice("events", "ls").stdout.splitlines()
    assert text[0].split()[:2] == ["SEQ", "RECEIVED"] and len(text) == 8
    assert text[1].split()[0] == "1" and text[1].split()[2:6] == ["notes", "note", "c1", "1"]


def test_ls_takes_a_part_of_them(daemon):
    filled(daemon)
    assert seqs(daemon, "--last", "2") == [6, 7]
    assert seqs(daemon, "-n", "100") == list(range(1, 8))
    assert seqs(daemon, "--from", "3", "--to", "5") == [3, 4, 5]
    assert seqs(daemon, "--type", "other") == [4]
    assert seqs(daemon, "--subject", "c1") == [1, 4, 7]
    assert seqs(daemon, "--subject", "c1", "--last", "2") == [4, 7]
    assert seqs(daemon, "--subject", "c1", "--type", "note", "--last", "2", "--from", "2") == [7]
    assert seqs(daemon, "--source", "notes", "--from", "7") == [7]
    assert seqs(daemon, "--from", "8") == []
    assert seqs(daemon, "--from", "start", "--to", "end") == list(range(1, 8))


def test_ls_finds_a_moment(daemon):
    filled(daemon, 2)
    time.sleep(0.05)
    daemon.post(note(3))
    daemon.post(note(4))
    third = listed(daemon)[2]["received"]
    assert seqs(daemon, "--from", third) == [3, 4]
    assert seqs(daemon, "--to", third) == [1, 2]
    assert seqs(daemon, "--from", "2099-01-01") == []
    assert seqs(daemon, "--from", "1999-01-01") == [1, 2, 3, 4]
    assert seqs(daemon, "--from", "1h") == [1, 2, 3, 4]


def test_which_secret_verified_is_told(daemon):
    daemon.change("secret: [a well kept secret]", "secret: [a newer one, a well kept secret]")
    daemon.start()
    daemon.post(note(1))
    daemon.post(note(2), secret="a newer one")
    assert [event["verified"] for event in listed(daemon)] == ["other", "first"]
    assert "other secret" in daemon.sluice("events", "ls").stdout
    assert "not the first secret" in daemon.sluice("events", "show", "1").stdout


def test_what_was_never_checked_is_told(daemon):
    daemon.change("secret: [a well kept secret]", "insecure: true")
    daemon.start()
    daemon.post(note(1), signed=False)
    assert listed(daemon)[0]["insecure"] is True
    assert "insecure" in daemon.sluice("events", "ls").stdout
    assert "without any check" in daemon.sluice("events", "show", "1").stdout


def test_a_body_that_is_not_json_has_no_id_of_its_own(daemon):
    daemon.start()
    daemon.post(b"\xff not json")
    event = listed(daemon)[0]
    assert event["id"] == "seq-1" and event["subject"] is None


def test_events_of_a_source_that_is_gone_are_still_there(daemon):
    filled(daemon, 2)
    daemon.stop()
    daemon.change("\n  notes:\n    use: webhook", "\n  renamed:\n    use: webhook")
    daemon.change("from: [notes]", "from: [renamed]")
    events = listed(daemon, "--source", "notes")
    assert [(event["source"], event["id"]) for event in events] == [("notes", None), ("notes", None)]
    answer = daemon.sluice("events", "ls", "--source", "noted")
    assert answer.returncode == 1 and 'no source "noted"' in answer.stderr


@pytest.mark.parametrize("running", [True, False])
def test_show_tells_the_whole_way(daemon, running):
    daemon.start()
    daemon.post(note(1))
    daemon.post(note(2, fail="no such customer"))
    daemon.post(note(1))
    wait_until(lambda: daemon.settled())
    assert daemon.ask("notes", "pause")[0] == 200
    daemon.post(note(4))
    if not running:
        daemon.stop()
    one, again = shown(daemon, "notes", "1")
    assert (one["seq"], again["seq"], again["same_id_as"]) == (1, 3, 1)
    assert one["routes"] == [{"route": "notes", "state": "past"}]
    assert "past, so it was delivered or dropped; sluice try notes --from 1 --last 1" in \
        daemon.sluice("events", "show", "1").stdout
    assert one["path"] == "/in/notes" and one["method"] == "POST" and "body" not in one
    assert ["content-type", "application/json"] in one["headers"]
    dead, = shown(daemon, "2")
    assert dead["routes"][0]["state"] == "dead" and "no such customer" in dead["routes"][0]["reason"]
    assert shown(daemon, "4")[0]["routes"][0]["state"] == "ahead"
    assert json.loads(shown(daemon, "4", "--body")[0]["body"]) == note(4)
    text = daemon.sluice("events", "show", "2", "--body").stdout
    assert "route notes: dead" in text and "the first secret" in text and '"fail"' in text


def test_show_tells_who_waits_and_for_what(daemon):
    daemon.write("notes.lua", 'return { summary = "busy", transform = function(event) return retry("the far side is busy") end }')
    daemon.start()
    daemon.post(note(1))
    daemon.post(note(4, type="note", card="c1"))
    wait_until(lambda: daemon.route_health()["waiting"] == 2)
    route = shown(daemon, "1")[0]["routes"][0]
    assert route["state"] == "waiting" and "busy" in route["reason"] and route["due"]
    assert shown(daemon, "2")[0]["routes"][0]["state"] == "behind"


@pytest.mark.parametrize("words, says", [
    (["99"], "no event 99"), (["notes", "nobody"], 'no event "nobody"'), (["nowhere", "1"], 'no source "nowhere"'),
])
def test_show_says_what_is_not_there(daemon, words, says):
    filled(daemon, 1)
    answer = daemon.sluice("events", "show", *words)
    assert answer.returncode == 1 and says in answer.stderr and answer.stdout == ""


@pytest.mark.parametrize("words", [
    ["events", "show"], ["events", "show", "zero"], ["events", "show", "0"], ["events", "show", "--", "-1"],
    ["events", "show", "1", "2", "3"], ["events", "ls", "extra"], ["events", "ls", "--last", "-3"],
    ["events", "ls", "--last", "0"], ["events", "ls", "--last", "x"], ["events", "ls", "--from", "yesterday"],
    ["events", "ls", "--from", ""], ["events", "ls", "--from", "9" * 30], ["events", "ls", "--to", "\x1b[2J"],
    ["events", "export", "--from", "1.5"], ["events", "tail", "--last", "1e3"], ["events"],
])
def test_used_wrongly_is_2_and_harms_nothing(daemon, words):
    filled(daemon, 1)
    answer = daemon.sluice(*words)
    assert answer.returncode == 2, answer
    assert "Sanitizer" not in answer.stderr and "\x1b" not in answer.stderr


def test_without_a_log_it_says_so_and_makes_nothing(daemon):
    for words in (["events", "ls"], ["events", "show", "1"], ["events", "export"], ["events", "tail"]):
        answer = daemon.sluice(*words)
        assert answer.returncode == 1 and "no log" in answer.stderr
    assert not daemon.data.exists()


def test_a_configuration_that_is_wrong_is_told(daemon):
    filled(daemon, 1)
    daemon.write("sluice.yaml", daemon.text + "nonsense: 1\n")
    answer = daemon.sluice("events", "ls")
    assert answer.returncode == 2 and "nonsense" in answer.stderr and answer.stdout == ""


def test_export_has_everything(daemon):
    daemon.start()
    daemon.post(note(1), path="/in/notes?a=1&b=%20")
    daemon.post(b"\x00\xff\xfe raw")
    answer = daemon.sluice("events", "export")
    assert answer.returncode == 0, answer.stderr
    one, other = [json.loads(line) for line in answer.stdout.splitlines()]
    assert json.loads(one["body"]) == note(1) and one["query"] == "a=1&b=%20" and "body_base64" not in one
    assert base64.b64decode(other["body_base64"]) == b"\x00\xff\xfe raw"
    assert ["content-type", "application/json"] in other["headers"]
    assert daemon.sluice("events", "export", "--from", "2", "-o", "out.jsonl").returncode == 0
    assert json.loads((daemon.folder / "out.jsonl").read_text())["seq"] == 2
    assert (daemon.folder / "out.jsonl").stat().st_mode & 0o077 == 0


def test_export_to_where_it_cannot_write_says_so(daemon):
    filled(daemon, 1)
    answer = daemon.sluice("events", "export", "-o", "nowhere/out")
    assert answer.returncode == 1 and "nowhere/out" in answer.stderr
    answer = daemon.sluice("events", "export", "-o", "/dev/full")
    assert answer.returncode == 1 and "No space left" in answer.stderr


def test_damage_is_told_and_the_rest_is_listed(daemon):
    filled(daemon, 5)
    daemon.stop()
    for segment in (daemon.data / "log").iterdir():
        content = bytearray(segment.read_bytes())
        at = content.find(b'"text 3"')
        if at >= 0:
            content[at + 2] ^= 1
            segment.write_bytes(content)
    answer = daemon.sluice("events", "ls", "--json")
    assert answer.returncode == 0
    assert [json.loads(line)["seq"] for line in answer.stdout.splitlines()] == [1, 2, 4, 5]
    assert "events 3 to 3 are damaged" in answer.stderr
    answer = daemon.sluice("events", "ls", "--json", "--source", "notes", "--last", "3")
    assert answer.stderr.count("damaged") == 1 and len(answer.stdout.splitlines()) == 3
    assert daemon.sluice("events", "export").returncode == 1


def tail(daemon, *words, **more):
    return subprocess.Popen([SLUICE, "events", "tail", "--json", *words], cwd=daemon.folder, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, **more)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_tail_follows_until_interrupted(daemon, number):
    filled(daemon, 3)
    follower = tail(daemon, "--last", "1")
    assert json.loads(follower.stdout.readline())["seq"] == 3
    for more in (4, 5):
        daemon.post(note(more))
        assert json.loads(follower.stdout.readline())["seq"] == more
    follower.send_signal(number)
    rest, errors = follower.communicate(timeout=20)
    assert (follower.returncode, rest, errors) == (0, "", "")


def test_tail_shows_only_what_is_wanted(daemon):
    filled(daemon, 1)
    follower = tail(daemon, "--last", "1", "--type", "other")
    wait_until(lambda: os.path.exists(f"/proc/{follower.pid}/fdinfo/0"))
    time.sleep(0.5)
    daemon.post(note(2))
    daemon.post(note(3, type="other"))
    assert json.loads(follower.stdout.readline())["seq"] == 3
    follower.send_signal(signal.SIGINT)
    assert follower.wait(20) == 0
    follower.communicate()


def test_tail_goes_on_while_the_daemon_is_restarted(daemon):
    filled(daemon, 1)
    follower = tail(daemon, "--last", "1")
    assert json.loads(follower.stdout.readline())["seq"] == 1
    daemon.restart()
    daemon.post(note(2))
    assert json.loads(follower.stdout.readline())["seq"] == 2
    follower.send_signal(signal.SIGINT)
    assert follower.wait(20) == 0
    follower.communicate()


def test_tail_ends_when_nobody_reads_it_any_more(daemon):
    filled(daemon, 1)
    follower = tail(daemon, "--last", "1")
    follower.stdout.readline()
    follower.stdout.close()
    follower.wait(20)
    follower.stderr.close()


def on_terminal(daemon, *words):
    """What a person at a terminal is shown."""
    master, slave = terminal()
    process = subprocess.Popen([SLUICE, *words], cwd=daemon.folder, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    seen = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        seen += piece
    os.close(master)
    assert process.wait(20) == 0
    return seen.decode()


def test_nothing_from_outside_moves_the_cursor_of_a_terminal(daemon):
    daemon.start()
    evil = {"id": "1\x1b[2J\n9", "type": "\x07\u009b31m", "card": "a\rb", "text": "\x1b]0;owned\x07", "fail": "\x1b[1m"}
    daemon.post(json.dumps(evil, ensure_ascii=False).replace("\\u001b", "\x1b").encode())
    daemon.post(evil)
    daemon.post(json.dumps("\x1b[31m").encode() + b"\x1b[31m")
    wait_until(lambda: daemon.settled())
    for words in (["events", "ls"], ["events", "show", "1", "--body"], ["events", "show", "2", "--body"],
                  ["events", "show", "3", "--body"], ["dead", "ls"], ["dead", "ls", "--each"], ["dead", "show", "2"]):
        seen = on_terminal(daemon, *words)
        assert not [c for c in seen if c != "\n" and c != "\t" and c != "\r" and (ord(c) < 32 or 127 <= ord(c) < 160)], seen
