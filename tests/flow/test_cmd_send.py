# SPDX-License-Identifier: Apache-2.0
# test_cmd_send.py - posting to the daemon as a vendor would.
import json

import pytest
from bed import SAMPLES, wait_until


def note(number, **more):
    return {"id": str(number), "type": "note", "card": "c", "text": "hello", **more}


def lines(*bodies):
    return "".join(json.dumps(body) + "\n" for body in bodies)


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


def test_a_file_is_one_body_to_the_last_byte(daemon):
    daemon.start()
    body = json.dumps(note(1), indent=2) + "\n\n"
    daemon.write("note.json", body)
    answer = daemon.sluice("send", "notes", "note.json")
    assert (answer.returncode, answer.stdout) == (0, "200  note.json\n"), answer.stderr
    wait_until(lambda: daemon.rows("select text from notes") == [("hello",)])
    assert objects(daemon.sluice("log", "cat", "--json").stdout)[0]["body"] == body


def test_a_jsonl_file_is_one_body_a_line_and_stdin_is_one_body(daemon):
    daemon.start()
    daemon.write("notes.jsonl", lines(note(1), note(2)) + "\n" + lines(note(3)))
    answer = daemon.sluice("send", "notes", "notes.jsonl", "-", stdin=json.dumps(note(4)))
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.splitlines() == ["3 of 3 taken  notes.jsonl", "200  -", "4 sent, 4 taken"]
    wait_until(lambda: len(daemon.rows("select * from notes")) == 4)


def test_all_bodies_go_over_one_connection(daemon):
    daemon.change("data: ./data", "data: ./data\nlimits: { connections: 1 }")
    daemon.start()
    daemon.write("notes.jsonl", lines(*(note(i) for i in range(50))))
    answer = daemon.sluice("send", "notes", "notes.jsonl")
    assert answer.stdout.splitlines()[-1] == "50 sent, 50 taken"


def test_count_posts_it_again_and_a_repeat_is_delivered_once(daemon):
    daemon.start()
    daemon.write("note.json", json.dumps(note(1)))
    answer = daemon.sluice("send", "notes", "note.json", "--count", "30")
    assert (answer.returncode, answer.stdout) == (0, "30 sent, 30 taken\n")
    wait_until(daemon.settled)
    assert daemon.rows("select count(*) from notes") == [(1,)]
    assert daemon.route_health()["repeats"] == 29


def test_a_forged_one_is_refused_told_and_exit_1(daemon):
    daemon.start()
    daemon.write("note.json", json.dumps(note(1)))
    answer = daemon.sluice("send", "notes", "note.json", "--forge")
    assert answer.returncode == 1
    assert answer.stdout.startswith("401  note.json  ")
    many = daemon.sluice("send", "notes", "note.json", "--forge", "--count", "3")
    assert many.returncode == 1
    assert many.stdout.splitlines()[-1] == "3 sent, 0 taken, 3 answered with 401"


def test_json_tells_each_body(daemon):
    daemon.start()
    daemon.write("notes.jsonl", lines(note(1), note(2)))
    daemon.write("note.json", json.dumps(note(3)))
    answer = daemon.sluice("send", "notes", "notes.jsonl", "note.json", "--json")
    assert [(one["file"], one["line"], one["status"], one["error"]) for one in objects(answer.stdout)] == [
        ("notes.jsonl", 1, 200, None), ("notes.jsonl", 2, 200, None), ("note.json", None, 200, None)]
    forged = daemon.sluice("send", "notes", "note.json", "--json", "--forge")
    assert objects(forged.stdout)[0]["status"] == 401 and objects(forged.stdout)[0]["error"]


def test_the_samples_of_trello_are_taken(daemon):
    daemon.trello()
    daemon.start()
    files = sorted(str(path) for path in SAMPLES.glob("*.json*"))
    answer = daemon.sluice("send", "boards", *files)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert answer.stdout == f"{answer.stdout.split()[0]} sent, {answer.stdout.split()[0]} taken\n"
    wait_until(daemon.settled)
    assert daemon.route_health()["dead"] == 0


def test_to_names_another_address_or_path(daemon):
    daemon.start()
    daemon.write("note.json", json.dumps(note(1)))
    there = daemon.sluice("send", "notes", "note.json", "--to", f"http://127.1:{daemon.port}")  # no name: some have no /etc/hosts
    assert there.returncode == 0, there.stderr
    other = daemon.sluice("send", "notes", "note.json", "--to", f"http://127.0.0.1:{daemon.port}/in/nobody")
    assert other.returncode == 1 and other.stdout.startswith("404  note.json")


def test_a_unix_socket_and_a_token_in_the_query(daemon):
    daemon.configure("listen: unix:{port}.sock\ndata: ./data\nsources:\n"
                     "  notes: {{ use: webhook, auth: query-token, proof: query:token, secret: 'a/b c&d' }}\n"
                     "transforms: {{ notes: {{ use: ./notes.lua }} }}\n"
                     "sinks: {{ local: {{ use: sqlite, path: ./warehouse.db, schema: {{ use: ./notes.yaml }} }} }}\n"
                     "routes: [{{ name: notes, from: [notes], via: [notes], to: local }}]\n")
    daemon.start()
    daemon.write("note.json", json.dumps(note(1)))
    answer = daemon.sluice("send", "notes", "note.json")
    assert (answer.returncode, answer.stdout) == (0, "200  note.json\n"), answer.stderr
    assert "a/b" not in daemon.sluice("log", "cat", "--json").stdout


@pytest.mark.parametrize("words, code, told", [
    (["send", "nobody", "note.json"], 1, 'there is no source "nobody"; there is: notes'),
    (["send", "notes", "missing.json"], 1, "missing.json: cannot be read"),
    (["send", "notes", "note.json", "--to", "https://example.com"], 2, "only http:// is spoken here"),
    (["send", "notes", "note.json", "--header", "nonsense"], 2, "is no header"),
    (["send", "notes", "note.json"], 1, "cannot be reached"),
    (["send", "notes", "note.json", "--count", "0"], 2, "--count 0 is too small"),
    (["send", "notes"], 2, "something is missing"),
])
def test_mistakes_are_told(daemon, words, code, told):
    daemon.write("note.json", json.dumps(note(1)))
    answer = daemon.sluice(*words)
    assert (answer.returncode, told in answer.stderr) == (code, True), answer.stderr
