# SPDX-License-Identifier: Apache-2.0
# test_postgres.py - rows of a Postgres: those that fit, those that do not, and tables that change under the daemon.
import json

import pytest
from bed import wait_until
from notes import MAPPING, begin, dead, expect, note, over, post, texts
from postgres import Trouble, use


# ------------------------------------------------------------------- all is well


def test_rows_of_all_kinds_arrive_with_where_the_route_stands(daemon, database):
    begin(daemon, database)
    post(daemon, 1, more={"b": 1, "a": [None, 1.5]})
    post(daemon, 2, text=None)
    post(daemon, 1)  # the same event once more
    wait_until(lambda: daemon.route_health()["cursor"] == 3)
    assert database.rows("select id, text, number, more, _event_id from notes order by id") == [
        ("1", "text 1", "1", '{"a": [null, 1.5], "b": 1}', "e1"), ("2", None, "2", None, "e2")]
    assert database.rows("select route, cursor, delivered, repeats from _sluice_routes") == [("notes", "3", "2", "1")]
    assert dead(database) == []


def test_what_postgres_cannot_hold_is_mended_and_counted(daemon, database):
    begin(daemon, database)
    post(daemon, 1, text="a\0b", more={"c\0d": "\0"})
    body = json.dumps(note(2)).replace("text 2", "x\\ud800y").encode()
    assert daemon.post(body).status == 200
    wait_until(lambda: daemon.route_health()["cursor"] == 2)
    wait_until(lambda: len(texts(database)) == 2)
    assert texts(database) == ["a\ufffdb", "x\ufffdy"]
    assert json.loads(database.value("select more from notes where id = '1'")) == {"c\ufffdd": "\ufffd"}
    mended = daemon.ask("notes", "stand")[1]["mended"]
    assert sum(count for what, count in mended.items() if "U+0000" in what) >= 1, mended
    assert sum(count for what, count in mended.items() if "surrogate" in what) == 1, mended


def test_any_text_is_a_name(daemon, database):
    names = ['a "quoted" one', "sel;ect", "größe", "user", "A Capital"]
    columns = ", ".join(json.dumps(name) + ": text" for name in names)
    daemon.write("notes.lua", MAPPING.replace('note.table or "notes"', "note.table"))
    daemon.write("notes.yaml", f"help: x\ntables:\n  'my \"table\"; --': {{ mode: upsert, key: [user], columns: {{ {columns} }} }}\n")
    use(daemon, database)
    daemon.start()
    row = {name: f"of {name}" for name in names}
    assert daemon.post({"id": "1", "type": "x", "table": 'my "table"; --', "row": row}).status == 200
    wait_until(lambda: daemon.route_health()["cursor"] == 1)
    told = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
    wait_until(lambda: database.rows(f'select {told} from "my ""table""; --"') == [tuple(row.values())])


# --------------------------------------------------------------- rows that do not fit


def refused(daemon, database, *words):
    """Of the notes 1 to 9 only 5 is refused, with these words; the others are through."""
    wait_until(lambda: daemon.route_health()["cursor"] == 9, what=lambda: daemon.route_health())
    expect(database, 1, 2, 3, 4, 6, 7, 8, 9)
    (event, reason), = dead(database)
    assert event == "e5" and all(word in reason for word in words), reason


def test_a_column_that_does_not_exist_is_named(daemon, database):
    begin(daemon, database)
    post(daemon, 1, 2, 3, 4)
    post(daemon, 5, colour="red")
    post(daemon, 6, 7, 8, 9)
    refused(daemon, database, "notes", '"colour"')


def test_a_value_that_does_not_fit_its_column_is_named(daemon, database):
    begin(daemon, database)
    post(daemon, 1, 2, 3, 4)
    post(daemon, 5, number="five")
    post(daemon, 6, 7, 8, 9)
    refused(daemon, database, "notes.number", '"five"')


@pytest.mark.parametrize("rule, row, words", [
    ("alter table notes add constraint small check (number < 100)", {"number": 500}, ["notes", "small", "23514"]),
    ("alter table notes alter number type smallint", {"number": 70000}, ["notes", "22003"]),
    ("alter table notes alter text set not null", {"text": None}, ["notes.text", "23502"]),
    ("create unique index only_one on notes (text)", {"text": "text 1"}, ["notes", "only_one", "23505"]),
    ("create table cards (id text primary key); insert into cards select 'c' || n from generate_series(0, 9) n;"
     "alter table notes add constraint known foreign key (card) references cards (id)", {"card": "nobody's"},
     ["notes", "known", "23503"]),
    ("create table cards (id text primary key); insert into cards select 'c' || n from generate_series(0, 9) n; alter"
     " table notes add constraint later foreign key (card) references cards (id) deferrable initially deferred",
     {"card": "nobody's"}, ["notes", "later", "23503"]),
    ("create function no() returns trigger language plpgsql as $$ begin if new.number = 500 then raise exception"
     " 'not five hundred'; end if; return new; end $$; create trigger no before insert on notes for each row execute"
     " function no()", {"number": 500}, ["notes", "not five hundred"]),
])
def test_a_rule_of_the_database_kills_its_own_event_only(daemon, database, rule, row, words):
    begin(daemon, database)
    wait_until(lambda: database.rows("select * from notes") == [])
    database.do(rule)
    daemon.sluice("routes", "pause", "notes")
    post(daemon, 1, 2, 3, 4)
    post(daemon, 5, **row)
    post(daemon, 6, 7, 8, 9)
    daemon.sluice("routes", "resume", "notes")
    refused(daemon, database, *words)


def test_many_bad_rows_in_one_batch_are_all_found(daemon, database):
    begin(daemon, database)
    wait_until(lambda: database.rows("select * from notes") == [])
    database.do("alter table notes add constraint even check (number % 3 <> 0)")
    daemon.sluice("routes", "pause", "notes")
    post(daemon, *range(1, 100))
    daemon.sluice("routes", "resume", "notes")
    wait_until(lambda: daemon.route_health()["cursor"] == 99, within=60)
    expect(database, *[number for number in range(1, 100) if number % 3])
    assert [event for event, _ in dead(database)] == [f"e{number}" for number in range(3, 100, 3)]


def test_nothing_personal_is_told_of_a_row_that_was_refused(daemon, database):
    begin(daemon, database)
    wait_until(lambda: database.rows("select * from persons") == [])
    database.do("alter table persons add constraint short check (length(name) < 5)")
    assert daemon.post({"id": "1", "type": "x", "table": "persons", "row": {"id": "1", "name": "Ann Whoever"}}).status == 200
    wait_until(lambda: daemon.route_health()["dead"] == 1)
    (_, reason), = dead(database)
    assert "short" in reason and "Ann" not in reason
    assert "Ann Whoever" not in daemon.stderr()


# ------------------------------------------------ the database changes under the daemon


@pytest.mark.parametrize("change", [
    "drop table notes",
    "alter table notes drop column text",
    "alter table notes drop column text, drop column more",
    "drop index notes_card_idx; alter table notes drop constraint notes_pkey",
])
def test_what_is_dropped_under_the_daemon_is_made_again(daemon, database, change):
    begin(daemon, database)
    post(daemon, 1)
    expect(database, 1)
    try:
        database.do(change)
    except Trouble:  # its names are the sink's business
        database.do("alter table notes drop column text")
    post(daemon, 2, 3)
    wait_until(lambda: daemon.route_health()["cursor"] == 3, what=lambda: daemon.route_health())
    wait_until(lambda: database.rows("select id from notes where id > '1' and text is not null order by id") == [("2",), ("3",)])
    assert dead(database) == []


def test_a_column_that_cannot_hold_what_the_schema_puts_there_stops_the_route(daemon, database):
    begin(daemon, database)
    post(daemon, 1)
    expect(database, 1)
    database.do("alter table notes alter card type int using 1")
    post(daemon, 2)
    wait_until(lambda: daemon.route_health()["state"] == "blocked", what=lambda: daemon.route_health())
    assert "notes.card" in daemon.route_health()["error"] and "sluice schema diff" in daemon.route_health()["error"]
    assert daemon.get("/health").status == 503 and dead(database) == []
    database.do("alter table notes alter card type text")
    assert daemon.sluice("routes", "resume", "notes").returncode == 0
    over(daemon, database, 1, 2)


def test_columns_of_others_are_left_alone(daemon, database):
    begin(daemon, database)
    post(daemon, 1)
    expect(database, 1)
    database.do("alter table notes add mine text default 'mine'; alter table notes add double int generated always as (number * 2) stored")
    post(daemon, 2)
    expect(database, 1, 2)
    daemon.restart()
    post(daemon, 3)
    expect(database, 1, 2, 3)
    assert database.rows("select mine, double from notes order by id") == [("mine", "2"), ("mine", "4"), ("mine", "6")]
