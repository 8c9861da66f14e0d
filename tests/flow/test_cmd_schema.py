# SPDX-License-Identifier: Apache-2.0
# test_cmd_schema.py - sluice schema show, diff, apply and infer.
import json
import sqlite3

import pytest
from bed import wait_until
from postgres import use


def lines(answer):
    return [json.loads(line) for line in answer.stdout.splitlines()]


def whats(answer):
    """What differs, but for the tables of the engine."""
    return {(line["what"], line["table"], line["column"]) for line in lines(answer)
            if line["against"] and not line["table"].startswith("_sluice_") and line["table"] != "sluice_dead"}


def execute(daemon, *statements):
    with sqlite3.connect(daemon.folder / "warehouse.db") as base:
        for statement in statements:
            base.execute(statement)
    base.close()


@pytest.fixture
def kept(daemon):
    """A daemon that has delivered a note and ended."""
    daemon.start()
    daemon.post({"id": "1", "card": "c1", "text": "hello"})
    wait_until(lambda: daemon.rows("select id from notes") == [("1",)])
    daemon.stop()
    return daemon


# ---------------------------------------------------------------------- show


def test_a_schema_is_shown_as_a_file_that_is_one(daemon):
    answer = daemon.sluice("schema", "show")
    assert answer.returncode == 0, answer.stderr
    daemon.write("notes.yaml", answer.stdout)
    again = daemon.sluice("schema", "show", "local")
    assert (again.returncode, again.stdout) == (0, answer.stdout)
    table = lines(daemon.sluice("schema", "show", "--json"))[0]
    assert (table["table"], table["mode"], table["key"]) == ("notes", "append", ["id"])
    assert [column["name"] for column in table["columns"]][:3] == ["id", "card", "text"]


def test_a_sink_that_is_not_there_is_named_with_those_that_are(daemon):
    answer = daemon.sluice("schema", "show", "lokal")
    assert answer.returncode == 2 and "there is no sink lokal; there is: local" in answer.stderr
    daemon.change("  local: {", "  other: { use: sqlite, path: ./other.db, schema: ./notes.yaml }\n  local: {")
    answer = daemon.sluice("schema", "diff")
    assert answer.returncode == 2 and "say which sink: other, local" in answer.stderr


# ------------------------------------------------------------- diff and apply


def test_a_destination_that_is_as_it_should_be_has_no_difference(kept):
    answer = kept.sluice("schema", "diff")
    assert (answer.returncode, answer.stderr) == (0, ""), answer.stdout
    assert "local is as its schema says" in answer.stdout


def test_a_difference_is_told_and_changes_nothing(kept):
    kept.write("notes.yaml", (kept.folder / "notes.yaml").read_text().replace("text: text }", "text: text, colour: text }"))
    for _ in range(2):
        answer = kept.sluice("schema", "diff", "--json")
        assert answer.returncode == 1
        assert whats(answer) == {("add column", "notes", "colour")}
    assert all(line["safe"] and "ALTER TABLE" in line["sql"] for line in lines(answer) if line["column"] == "colour")
    words = kept.sluice("schema", "diff")
    assert "notes.colour" in words.stdout and "1 difference, 1 of them safe" in words.stdout


def test_apply_does_it_once_it_is_told_yes(kept):
    kept.write("notes.yaml", (kept.folder / "notes.yaml").read_text().replace("text: text }", "text: text, colour: text }"))
    answer = kept.sluice("schema", "apply")
    assert answer.returncode == 0 and "would be done" in answer.stdout and "--yes" in answer.stdout
    assert kept.sluice("schema", "diff").returncode == 1
    answer = kept.sluice("schema", "apply", "--yes")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "done" in answer.stdout
    assert kept.sluice("schema", "diff").returncode == 0
    assert kept.rows("select id, colour from notes") == [("1", None)]


def test_what_people_added_is_no_difference(kept):
    execute(kept, "alter table notes add column mine text", "create table theirs (x)")
    answer = kept.sluice("schema", "diff", "--json")
    assert answer.returncode == 0, answer.stdout
    assert {(line["what"], line["state"]) for line in lines(answer)} == {("extra column", "in addition")}
    assert kept.sluice("schema", "apply", "--yes", "--force").returncode == 0
    assert kept.rows("select mine from notes") == [(None,)]


def test_a_difference_that_nothing_ends_is_named(kept):
    kept.write("notes.yaml", (kept.folder / "notes.yaml").read_text().replace("text: text }", "text: int }"))
    answer = kept.sluice("schema", "diff", "--json")
    assert answer.returncode == 1
    [line] = [line for line in lines(answer) if line["against"]]
    assert (line["table"], line["column"], line["safe"]) == ("notes", "text", False) and line["why"]
    assert kept.sluice("schema", "apply", "--yes").returncode == 1


def test_a_sink_that_cannot_tell_says_so(daemon):
    daemon.write("nowhere.lua", "return { summary = 'nowhere', deliver = function() end }")
    daemon.change("local: { use: sqlite, path: ./warehouse.db,", "local: { use: ./nowhere.lua,")
    answer = daemon.sluice("schema", "diff")
    assert answer.returncode == 1 and "cannot say how its tables differ" in answer.stderr


# --------------------------------------------------------------------- infer

MAPPING = """\
return {
	summary = "orders and their lines",
	transform = function(event)
		local order = event.data
		emit { type = "orders", data = { order_id = order.order, at = order.at, price = order.price, note = order.note,
			open = order.open, tags = order.tags } }
		emit { type = "order_lines", mode = "replace", data = { order_id = order.order, rows = order.lines } }
	end,
}
"""

ORDERS = [
    {"id": "1", "order": 7, "at": "2026-11-21T10:00:00Z", "price": 3, "open": True, "tags": ["a"],
     "lines": [{"line": 1, "title": "x"}, {"line": 2, "title": "y"}]},
    {"id": "2", "order": 8, "at": "2026-11-22", "price": 4.50, "open": False, "tags": [], "note": "no", "lines": []},
    {"id": "3", "order": 9, "at": "2026-11-22", "price": 4.50, "open": False, "tags": [], "lines": [{"line": 1}]},
]


@pytest.fixture
def logged(daemon):
    daemon.write("notes.lua", MAPPING)
    daemon.start()
    for order in ORDERS:
        assert daemon.post(order).status == 200
    daemon.stop()
    return daemon


def test_tables_are_proposed_for_what_a_route_emits(logged):
    answer = logged.sluice("schema", "infer", "notes")
    assert answer.returncode == 0, answer.stderr
    assert "note: text  # in 1 of 3 rows" in answer.stdout
    assert "Proposed from 3 events of the route notes" in answer.stdout
    orders, order_lines = lines(logged.sluice("schema", "infer", "--json"))
    assert {column["name"]: column["type"] for column in orders["columns"]} == {
        "order_id": "int", "at": "timestamp", "price": "decimal", "open": "bool", "tags": "json", "note": "text"}
    assert (orders["mode"], orders["key"], orders["rows"]) == ("upsert", ["order_id"], 3)
    assert (order_lines["mode"], order_lines["key"], order_lines["rows"]) == ("replace", ["order_id", "line"], 3)


def test_what_is_proposed_is_a_schema(logged):
    answer = logged.sluice("schema", "infer")
    logged.write("notes.yaml", answer.stdout)
    shown = logged.sluice("schema", "show")
    assert shown.returncode == 0, answer.stdout + shown.stderr
    assert logged.sluice("routes", "rewind", "notes", "--to", "start").returncode == 0
    logged.start()
    wait_until(lambda: logged.rows("select order_id, note from orders order by 1") == [(7, None), (8, "no"), (9, None)])
    assert logged.rows("select count(*) from order_lines") == [(3,)]


def test_of_a_source_events_are_taken_as_they_came(daemon):
    daemon.change("routes:\n  - { name: notes,", "routes:\n  - { name: way,")
    daemon.start()
    for number in range(5):
        daemon.post({"id": str(number), "type": "note", "day": "2026-11-21", "odd key": None, "on": number})
    daemon.stop()
    [table] = lines(daemon.sluice("schema", "infer", "notes", "--table", "things", "--last", "3", "--json"))
    assert (table["table"], table["rows"], table["key"]) == ("things", 3, ["id"])
    assert {column["name"]: column["type"] for column in table["columns"]} == {
        "id": "text", "type": "text", "day": "date", "odd key": "text", "on": "int"}
    daemon.write("notes.yaml", daemon.sluice("schema", "infer", "notes").stdout)
    shown = daemon.sluice("schema", "show")
    assert shown.returncode == 0, shown.stderr
    assert '"odd key"' in shown.stdout


def test_one_table_can_be_picked(logged):
    [table] = lines(logged.sluice("schema", "infer", "notes", "--table", "order_lines", "--json"))
    assert table["table"] == "order_lines"
    answer = logged.sluice("schema", "infer", "notes", "--table", "nothing")
    assert answer.returncode == 1 and "no events are there" in answer.stderr
    answer = logged.sluice("schema", "infer", "nobody")
    assert answer.returncode == 2 and "there is no route and no source nobody" in answer.stderr


# ------------------------------------------------------------------- in Postgres


def test_a_database_is_compared_and_mended_too(daemon, database):
    use(daemon, database)
    assert daemon.sluice("schema", "diff").returncode == 1
    daemon.start()
    daemon.post({"id": "1", "card": "c1", "text": "hello"})
    wait_until(lambda: database.rows("select text from notes") == [("hello",)])
    answer = daemon.sluice("schema", "diff", "--json")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    database.do("alter table notes drop column card")
    assert whats(daemon.sluice("schema", "diff", "--json")) == {("add column", "notes", "card")}
    answer = daemon.sluice("schema", "apply", "--yes")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    daemon.post({"id": "2", "card": "c2", "text": "there"})
    wait_until(lambda: database.rows("select id, card from notes order by id") == [("1", None), ("2", "c2")])


def test_a_type_that_does_not_fit_is_named(daemon, database):
    use(daemon, database)
    assert daemon.sluice("schema", "apply", "--yes").returncode == 0
    database.do("alter table notes alter column text type int using 1")
    answer = daemon.sluice("schema", "diff", "--json")
    assert answer.returncode == 1, answer.stdout
    [line] = [line for line in lines(answer) if line["against"]]
    assert (line["table"], line["column"]) == ("notes", "text") and line["why"], line


def test_a_database_that_cannot_be_had_is_told(daemon, database, server):
    use(daemon, database, url=database.url.replace(str(server.port), "1"))
    for words in (["schema", "diff"], ["schema", "apply", "--yes"], ["prune"]):
        answer = daemon.sluice(*words, timeout=60)
        assert answer.returncode == 1 and answer.stdout == "", answer
        assert f"sluice {' '.join(words[:2]) if words[0] == 'schema' else 'prune'}: " in answer.stderr
        assert "127.0.0.1" in answer.stderr or "refused" in answer.stderr, answer.stderr
