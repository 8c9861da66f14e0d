# SPDX-License-Identifier: Apache-2.0
# test_cmd_refused.py - who was turned away, and why.
import json
import re
import socket


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


def test_nobody_was_refused_yet(daemon):
    daemon.start()
    answer = daemon.sluice("refused")
    assert (answer.returncode, answer.stdout) == (0, "")


def test_each_is_told_with_time_source_address_status_and_reason(daemon):
    daemon.start()
    daemon.post({"id": "1"}, signed=False)
    daemon.post({"id": "2"}, path="/in/nobody")
    daemon.post({"id": "3"}, method="DELETE")
    told = objects(daemon.sluice("refused", "--json").stdout)
    assert [(one["source"], one["address"], one["status"]) for one in told] == [
        ("notes", "127.0.0.1", 401), ("/in/nobody", "127.0.0.1", 404), ("notes", "127.0.0.1", 405)]
    assert told[0]["reason"] == "the header X-Proof is missing"
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", one["time"]) for one in told)
    titles, *rows = daemon.sluice("refused").stdout.splitlines()
    assert titles.split() == ["TIME", "SOURCE", "ADDRESS", "STATUS", "REASON"]
    assert rows[0].split(None, 4)[1:] == ["notes", "127.0.0.1", "401", "the header X-Proof is missing"]
    assert rows[0].index("notes") == titles.index("SOURCE") and rows[1].index("404") == titles.index("STATUS")


def test_it_can_be_narrowed_and_read_without_a_daemon(daemon):
    daemon.start()
    for number in range(3):
        daemon.post({"id": str(number)}, signed=False)
    daemon.post({}, path="/in/nobody")
    daemon.stop()
    assert len(objects(daemon.sluice("refused", "--source", "notes", "--json").stdout)) == 3
    assert [one["status"] for one in objects(daemon.sluice("refused", "--last", "1", "--json").stdout)] == [404]
    assert len(objects(daemon.sluice("refused", "--json", "--data", "data", "-c", "no such file").stdout)) == 4


def test_only_the_last_200_are_kept(daemon):
    daemon.start()
    daemon.write("note.json", "{}")
    daemon.sluice("send", "notes", "note.json", "--forge", "--count", "210")
    assert len(objects(daemon.sluice("refused", "--json").stdout)) == 200


def test_what_a_stranger_writes_does_not_reach_the_terminal_raw(daemon):
    daemon.start()
    with socket.create_connection(("127.0.0.1", daemon.port)) as stranger:
        stranger.sendall(b"POST /in/\xc2\x9b2J HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
        assert stranger.recv(1000).startswith(b"HTTP/1.1 4")
    page = daemon.sluice("refused").stdout
    assert len(page.splitlines()) == 2 and "\x9b" not in page


def test_mistakes_are_told(daemon):
    none_yet = daemon.sluice("refused")
    assert none_yet.returncode == 1 and "there is no data folder" in none_yet.stderr
    assert daemon.sluice("refused", "--last", "none").returncode == 2
    assert daemon.sluice("refused", "-c", "missing.yaml").returncode == 2
