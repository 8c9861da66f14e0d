# SPDX-License-Identifier: Apache-2.0
"""test_backlog.py - many events wait: batches of them are read ahead, and all of it still comes out right."""
import http.client
import json
import random

from bed import wait_until
from test_route import begin, dead, note

EVENTS = 5000  # more than three batches of any sink
SOURCES = ("sources:\n", "sources:\n  others: { use: webhook, auth: none, insecure: true, id: body:/id }\n")


def post_all(daemon, plan):
    """Each of (source, body), on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)
    for source, body in plan:
        headers = {"Content-Type": "application/json", daemon.proof: daemon.signature(body)}
        connection.request("POST", f"/in/{source}", body, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
    connection.close()


def planned(number):
    if number % 40 == 17:
        return "others", json.dumps({"id": f"other {number}"}).encode()
    if number % 300 == 250:
        return "notes", b'{"id": "%d", "card": ' % number
    return "notes", json.dumps(note(number, text=f"text {number} " + "x" * random.randrange(2000))).encode()


def prefix(text):
    return " ".join(text.split()[:2])


def wait_behind_a_pause(daemon, special=None, **changes):
    """`special`: bodies of sources "notes" by number."""
    random.seed(7)
    begin(daemon, **{SOURCES[0]: SOURCES[1]}, **changes)
    assert daemon.ask("notes", "pause")[1]["ok"]
    plan = [planned(number) for number in range(EVENTS)]
    for number, body in (special or {}).items():
        plan[number] = "notes", json.dumps(body).encode()
    post_all(daemon, plan)
    return plan


def expected(plan, without=()):
    """Their texts by card, in order, and the seqs of those that are dead."""
    rows, died = {}, []
    for seq, (source, body) in enumerate(plan, 1):
        if source != "notes" or seq in without:
            continue
        try:
            said = json.loads(body)
        except ValueError:
            died.append(seq)
            continue
        rows.setdefault(said["card"], []).append(prefix(said["text"]))
    return rows, died


def found(daemon):
    rows = {}
    for card, text in daemon.rows("select card, text from notes order by rowid"):
        rows.setdefault(card, []).append(prefix(text))
    return rows


def resume(daemon):
    assert daemon.ask("notes", "resume")[1]["ok"]
    wait_until(lambda: daemon.route_health()["cursor"] == EVENTS)


def test_a_backlog_of_several_sources_comes_out_in_order(daemon):
    plan = wait_behind_a_pause(daemon)
    resume(daemon)
    rows, died = expected(plan)
    assert found(daemon) == rows
    assert [seq for seq, _, _ in dead(daemon)] == died
    assert all("not JSON" in reason for _, _, reason in dead(daemon))


def test_damage_in_the_middle_of_a_backlog_costs_that_event_alone(daemon):
    plan = wait_behind_a_pause(daemon)
    victim = next(seq for seq in range(2100, EVENTS) if plan[seq - 1][0] == "notes" and seq % 40 != 18)
    segment, at = next((path, path.read_bytes().find(plan[victim - 1][1])) for path in (daemon.data / "log").glob("*")
                       if path.is_file() and plan[victim - 1][1] in path.read_bytes())
    with open(segment, "r+b") as file:
        file.seek(at + 20)
        file.write(b"?")
    resume(daemon)
    rows, died = expected(plan, {victim})
    assert found(daemon) == rows
    assert [seq for seq, _, _ in dead(daemon)] == sorted(died + [victim])
    assert any("damaged" in reason for _, _, reason in dead(daemon))


def test_a_rewind_while_a_backlog_is_read_gives_the_same_table(daemon):
    plan = wait_behind_a_pause(daemon)
    assert daemon.ask("notes", "resume")[1]["ok"]
    wait_until(lambda: daemon.route_health()["cursor"] >= 500)
    assert daemon.sluice("routes", "rewind", "notes", "--to", "100").returncode == 0
    wait_until(lambda: daemon.route_health()["cursor"] == EVENTS)
    rows, died = expected(plan)
    assert found(daemon) == rows
    assert [seq for seq, _, _ in dead(daemon)] == died


def test_as_many_wait_as_may_while_a_backlog_is_read(daemon):
    """One waits, and all of its card wait for it, so that the limit is met where half of a batch is read."""
    plan = wait_behind_a_pause(daemon, {1400: note(1400, sleep=3)},
                               **{"to: local }": "to: local, open_limit: 100, patience: 100ms }"})
    resume(daemon)
    rows, died = expected(plan)
    assert found(daemon) == rows
    assert [seq for seq, _, _ in dead(daemon)] == died
