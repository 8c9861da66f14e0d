# SPDX-License-Identifier: Apache-2.0
# test_vendor_manual.py - what people post by hand becomes rows; what is wrong is a dead letter that says why.
import json

import pytest
from bed import ROOT, wait_until

SAMPLES = ROOT / "plugins" / "manual" / "samples"

CONFIG = """\
listen: 127.0.0.1:{port}
data: ./data
sources:
  desk: {{ use: manual, secret: [{secret}] }}
transforms:
  events: {{ use: events }}
sinks:
  local: {{ use: sqlite, path: ./warehouse.db, schema: {{ use: events }} }}
routes:
  - {{ name: events, from: [desk], via: [events], to: local }}
"""


@pytest.fixture
def desk(daemon):
    daemon.source, daemon.route = "desk", "events"
    daemon.configure(CONFIG)
    daemon.start()
    return daemon


def note(**more):
    return {"id": "n1", "occurred_at": "2026-05-04T09:30:00Z", "event_name": "call",
            "identifiers": {"persons": [{"email": "ann@example.com"}]}, **more}


def send(desk, body, kind="application/json", status=200):
    answer = desk.post(body, signed=False, headers={"Authorization": f"Bearer {desk.secret}", "Content-Type": kind})
    assert answer.status == status, answer.body
    wait_until(desk.settled)


def dead(desk):
    listed = desk.sluice("dead", "ls", "--json").stdout.splitlines()
    return [json.loads(line)["reason"] for line in listed]


def test_json_lines_and_csv_become_rows(desk):
    send(desk, (SAMPLES / "call.json").read_bytes())
    send(desk, (SAMPLES / "calls.jsonl.txt").read_bytes(), "application/x-ndjson")
    send(desk, (SAMPLES / "calls.csv").read_bytes(), "text/csv")
    wait_until(lambda: len(desk.rows("select id from events")) == 5)
    assert desk.rows("select event_name, value, value_unit from events where id = 'c1'") == [("order", 45, "EUR")]
    assert desk.rows("select email, events from people order by email") == [
        ("ann@example.com", 2), ("bob@example.com", 1), ("owner@example.com", 1)]
    reasons = " ".join(dead(desk))
    assert "line 2 not JSON" in reasons and "record 4 has not the fields" in reasons


def test_the_same_again_changes_nothing_and_a_correction_counts(desk):
    for _ in range(2):
        send(desk, note())
    send(desk, json.dumps(note(), indent=1).encode())
    assert desk.rows("select count(*) from events") == [(1,)]
    send(desk, note(value=30, value_unit="min", identifiers={"persons": [{"email": "bob@example.com"}]}))
    wait_until(lambda: desk.rows("select value, value_unit from events") == [(30, "min")])
    assert desk.rows("select identifier_value from event_identifiers") == [("bob@example.com",)]


@pytest.mark.parametrize("wrong, why", [
    ({"occurred_at": "soon"}, "occurred_at must be a time"), ({"occurred_at": "2099-01-01"}, "more than a day ahead"),
    ({"value": 3}, "value and value_unit go together"), ({"identifiers": {}}, "identifiers must name"),
])
def test_what_is_wrong_is_put_aside_with_its_reason(desk, wrong, why):
    send(desk, note(**wrong))
    wait_until(lambda: any(why in reason for reason in dead(desk)), what=lambda: dead(desk))
    assert desk.rows("select count(*) from events") == [(0,)]


def test_postgres_has_the_same_rows_and_views(daemon, database):
    daemon.source, daemon.route = "desk", "events"
    daemon.configure(CONFIG)
    daemon.change("use: sqlite, path: ./warehouse.db", f'use: postgres, url: "{database.url}"')
    daemon.start()
    send(daemon, note(value="30", value_unit="min", identifiers={
        "groups": [{"shop_id": "7"}], "persons": [{"email": "ann@example.com"}]}))
    wait_until(lambda: database.number("select count(*) from events") == 1)
    assert database.rows("select day, event_name, events, value from events_daily") == [("2026-05-04", "call", "1", "30")]
    assert database.rows("select email, sources from people") == [("ann@example.com", "manual")]
    assert database.rows("select identifier_value from timeline order by 1") == [("7",), ("ann@example.com",)]
    assert database.rows("select * from shops") == []


def test_nobody_notes_anything_without_the_token(desk):
    assert desk.post(note(), signed=False).status == 401
    assert desk.post(note(), signed=False, headers={"Authorization": "Bearer guessed"}).status == 401
