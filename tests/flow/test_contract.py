# SPDX-License-Identifier: Apache-2.0
"""test_contract.py - events that differ from the schema: a contract says what becomes of them."""
import json
import os
import signal

import pytest

from bed import wait_until
from postgres import use
from stock import PRODUCTS, SCHEMA as LIST, Stock, dead as dead_letters, poll, set_up

MAPPING = """\
return {
	summary = "a row as it comes",
	transform = function(event)
		local note = event.data
		emit { type = note.table or "orders", mode = note.mode, data = note.row }
	end,
}
"""

SCHEMA = """\
help: Orders.
%s
tables:
  orders:
    mode: upsert
    key: [id]
    columns: { id: text, seats: int, due: date, note: text, price: { type: int, required: true } }
"""

WORDS = ["freeze", "evolve", "discard_row", "discard_value"]


def contract(daemon, **words):
    """The words of the schema file; the others are as they are without it."""
    text = ", ".join(f"{name}: {word}" for name, word in words.items())
    daemon.write("notes.lua", MAPPING)
    daemon.write("notes.yaml", SCHEMA % (f"contract: {{ {text} }}" if text else ""))
    return daemon


class Shop:
    """Posts rows under ids of their own, and looks at what became of them."""

    def __init__(self, daemon, database=None):
        self.daemon, self.database, self.count = daemon, database, 0

    def post(self, table=None, mode=None, **row):
        self.count += 1
        body = {"id": f"e{self.count}", "type": "order", "card": row.get("id", "none"), "row": row}
        body.update({name: value for name, value in (("table", table), ("mode", mode)) if value})
        assert self.daemon.post(body).status == 200
        return f"e{self.count}"

    def order(self, number, **more):
        return self.post(id=f"o{number}", **{"price": number, **more})

    def done(self):
        wait_until(lambda: self.daemon.route_health()["behind"] == 0, what=self.daemon.told)

    def stand(self):
        status, stand = self.daemon.ask("notes", "stand")
        assert status == 200, stand
        return stand

    def dead(self):
        answer = self.daemon.sluice("dead", "ls", "--json")
        return [json.loads(line) for line in answer.stdout.splitlines()]

    def rows(self, columns, table="orders"):
        """As texts, where the destination is Postgres."""
        return (self.database or self.daemon).rows(f"select {columns} from {table} order by 1")


@pytest.fixture
def shop(daemon):
    return Shop(daemon)


@pytest.fixture(params=["sqlite", "postgres"])
def either(request, daemon):
    """The same with each of the databases."""
    if request.param == "sqlite":
        return Shop(daemon)
    database = request.getfixturevalue("database")
    use(daemon, database)
    return Shop(daemon, database)


def columns_of(daemon, table="orders"):
    return {name: kind for _, name, kind, *_ in daemon.rows(f"pragma table_info({table})")}


def noted(daemon):
    return [json.loads(line) for line in (daemon.data / "schemas" / "local.jsonl").read_text().splitlines()]


def reasons(shop):
    return {row["reason"] for row in shop.dead()}


# -------------------------------------------------------------- a new column


def test_a_column_that_comes_in_the_middle_of_a_stream_is_added_without_a_stop(daemon, shop):
    contract(daemon, columns="evolve").start()
    route = daemon.child("route notes")
    for number in range(40):
        shop.order(number, **({"colour": f"red {number}"} if number >= 20 else {}))
    shop.done()
    assert shop.rows("price, colour") == [(n, f"red {n}" if n >= 20 else None) for n in range(40)]
    assert shop.stand()["delivered"] == 40 and not shop.dead()
    assert daemon.child("route notes") == route
    assert noted(daemon) == [{"table": "orders", "column": "colour", "type": "text"}]
    said = [line for line in daemon.lines() if "colour" in line["text"]]
    assert [(line["text"], line["event"], line["level"]) for line in said] == [
        ("the schema gets a column orders.colour of type text: the event has it", "e21", "info")]
    assert not [line for line in daemon.lines() if "holds" in line["text"] or line["level"] == "error"]


def test_types_are_read_off_the_values(daemon, shop):
    contract(daemon, columns="evolve").start()
    shop.order(1, a=True, b=7, c=7.5, d="2026-11-21", e="2026-11-21T10:00:00Z", f={"x": 1}, g=[1], h="2026-11-2x",
               i=None, j="12", k=9223372036854775808)
    shop.done()
    assert {line["column"]: line["type"] for line in noted(daemon)} == {
        "a": "bool", "b": "int", "c": "decimal", "d": "date", "e": "timestamp", "f": "json", "g": "json", "h": "text",
        "j": "text", "k": "decimal"}
    assert shop.rows("a, b, c, d, f, h, j") == [(1, 7, 7.5, "2026-11-21", '{"x": 1}', "2026-11-2x", "12")]


def test_it_stays_after_a_restart_and_a_rewind(daemon, shop):
    contract(daemon, columns="evolve").start()
    shop.order(1)
    shop.order(2, colour="red")
    shop.done()
    daemon.restart()
    shop.order(3, colour="blue")
    shop.done()
    before = shop.rows("id, colour, _event_id")
    assert before == [("o1", None, "e1"), ("o2", "red", "e2"), ("o3", "blue", "e3")]
    assert daemon.sluice("routes", "rewind", "notes", "--to", "start").returncode == 0
    shop.done()
    assert shop.rows("id, colour, _event_id") == before
    assert len(noted(daemon)) == 1


@pytest.mark.parametrize("word", WORDS)
def test_a_renamed_key_does_what_the_word_for_columns_says(daemon, shop, word):
    contract(daemon, columns=word).start()
    shop.order(1, note="one")
    shop.order(2, nota="two")
    shop.order(3, note="three")
    shop.done()
    others = [("o1", "one"), ("o3", "three")]
    left_out = 'orders: "nota" was left out, there is no such column'
    if word == "freeze":
        assert shop.rows("id, note") == others
        assert reasons(shop) == {'notes.lua:5: orders: there is no column "nota"; did you mean `note`?'}
    elif word == "evolve":
        assert shop.rows("id, note, nota") == [("o1", "one", None), ("o2", None, "two"), ("o3", "three", None)]
    elif word == "discard_row":
        assert shop.rows("id, note") == others
        assert shop.stand()["drops"] == {'orders: there is no column "nota"': 1}
    else:
        assert shop.rows("id, note") == [others[0], ("o2", None), others[1]]
        assert shop.stand()["mended"] == {left_out: 1}
    assert (word == "freeze") == bool(shop.dead())
    assert ("nota" in columns_of(daemon)) == (word == "evolve")


@pytest.mark.parametrize("word", WORDS)
def test_a_column_that_is_not_there_any_more_is_null_and_a_required_one_is_missed(daemon, shop, word):
    contract(daemon, columns=word, types=word).start()
    shop.order(1, note="one", seats=4)
    shop.post(id="o1", price=2)
    shop.post(id="o2", note="no price")
    shop.done()
    assert shop.rows("id, note, seats, price") == [("o1", None, None, 2)]
    assert reasons(shop) == {"notes.lua:5: orders.price: must have a value, and the event gives none"}


def test_there_are_at_most_200_columns(daemon, shop):
    contract(daemon, columns="evolve").start()
    shop.order(1, **{f"c{n}": n for n in range(194)})
    shop.order(2, one=1)
    shop.order(3, two=1)
    shop.done()
    assert len(columns_of(daemon)) == 203
    assert shop.rows("id") == [("o1",), ("o2",)]
    assert reasons(shop) == {'notes.lua:5: orders: "two" cannot become a column: the table has 200 already, the most '
                             "there may be"}


def test_names_that_a_database_would_take_for_others_are_refused(daemon, shop):
    contract(daemon, columns="evolve").start()
    shop.order(1, NOTE="x")
    shop.order(2, _Times="x")
    shop.order(3, **{"x" * 256: 1})
    shop.order(4, **{'"; drop table orders; --': 1, "": 2} and {'"; drop table orders; --': 1})
    shop.done()
    assert shop.rows("id") == [("o4",)]
    assert [reason.split(": ", 2)[2] for reason in sorted(reasons(shop))] == [
        '"NOTE" cannot become a column: it differs from `note` only in case',
        '"_Times" cannot become a column: the name is taken',
        "a member whose name has 256 bytes or a NUL cannot become a column"]
    assert '"; drop table orders; --' in columns_of(daemon)


# -------------------------------------------------------------- another type


@pytest.mark.parametrize("word", WORDS)
def test_another_type_does_what_the_word_for_types_says(daemon, shop, word):
    contract(daemon, types=word).start()
    shop.order(1, seats=4, due="2026-11-21")
    shop.order(2, seats=4.5)
    shop.order(3, seats="many")
    shop.order(4, due="2026-11-21T10:30:00Z", seats=1)
    shop.order("x")
    shop.done()
    found = {row[0]: row[1:] for row in shop.rows("id, seats, due")}
    price = "notes.lua:5: orders.price: expected a whole number of 64 bits, found the string \"x\""
    assert str(found["o1"][0]) == "4"
    if word == "freeze":
        assert set(found) == {"o1", "o4"} and len(shop.dead()) == 3 and price in reasons(shop)
    elif word == "evolve":
        assert set(found) == {"o1", "o2", "o4"} and len(shop.dead()) == 2 and price in reasons(shop)
        assert str(found["o2"][0]) == "4.5"
        assert found["o4"][1].startswith("2026-11-21T10:30:00") and found["o1"][1].startswith("2026-11-21")
        assert noted(daemon) == [{"table": "orders", "column": "seats", "type": "decimal"},
                                 {"table": "orders", "column": "due", "type": "timestamp"}]
    elif word == "discard_row":
        assert set(found) == {"o1", "o4"} and not shop.dead()
        assert shop.stand()["drops"] == {"orders.seats: a value is not a whole number of 64 bits": 2,
                                         "orders.price: a value is not a whole number of 64 bits": 1}
    else:
        assert set(found) == {"o1", "o2", "o3", "o4"} and reasons(shop) == {price}
        assert found["o2"][0] is None and found["o3"][0] is None
        assert shop.stand()["mended"] == {"orders.seats: a value was left out that is not a whole number of 64 bits": 2}


def test_the_nearest_word_counts(daemon, shop):
    contract(daemon)
    daemon.write("notes.yaml", """\
contract: { columns: discard_row, types: discard_row }
tables:
  orders:
    mode: upsert
    key: id
    contract: { types: discard_value }
    columns: { id: text, price: int, seats: int, due: { type: date, contract: freeze } }
""")
    daemon.change("schema: { use: ./notes.yaml }", "schema: { use: ./notes.yaml, contract: { columns: discard_value } }")
    daemon.start()
    shop.order(1, seats="x")
    shop.order(2, due="x")
    shop.order(3, colour="x")
    shop.done()
    assert shop.rows("id, seats") == [("o1", None), ("o3", None)]
    assert len(shop.dead()) == 1
    assert len(shop.stand()["mended"]) == 2 and not shop.stand()["drops"]


# ------------------------------------------------------------- another table


@pytest.mark.parametrize("word", WORDS)
def test_another_table_does_what_the_word_for_tables_says(daemon, shop, word):
    contract(daemon, tables=word).start()
    shop.order(1)
    event = shop.post(table="people", name="Ann", born="1980-02-03", id=7)
    shop.post(table="people", name="Bob", row_id="mine")
    shop.post(table="people", mode="delete", name="Bob") if word == "evolve" else None
    shop.done()
    assert shop.rows("id") == [("o1",)]
    if word == "freeze":
        assert reasons(shop) == {'notes.lua:5: the schema has no table "people"'}
    elif word == "evolve":
        assert shop.rows("row_id, id, name, born, _event_id", "people") == [
            ("mine", None, "Bob", None, "e3"), (f"notes:{event}:people:0", 7, "Ann", "1980-02-03", event)]
        assert reasons(shop) == {"notes.lua:5: people: the schema does not say what becomes of deleted rows; give the table "
                                 "`deletes: mark` or `deletes: remove`"}
        assert noted(daemon)[0] == {"table": "people"}
    else:
        assert shop.stand()["drops"] == {'the schema has no table "people"': 2}
    assert (word in ("freeze", "evolve")) == bool(shop.dead())


# ---------------------------------------------------------- several, and ends


def test_two_routes_into_one_sink_learn_from_each_other(daemon, shop):
    contract(daemon, columns="evolve")
    daemon.change("to: local }", "to: local }\n  - { name: other, from: [notes], via: [notes], to: local }")
    daemon.start()
    for number in range(30):
        shop.order(number, **({f"c{number // 10}": number} if number % 10 == 0 else {}))
    wait_until(lambda: daemon.settled("notes") and daemon.settled("other"), what=daemon.told)
    assert sorted(line["column"] for line in noted(daemon)) == ["c0", "c1", "c2"]
    assert [row for row in shop.rows("price, c0, c1, c2") if any(value is not None for value in row[1:])] == [
        (0, 0, None, None), (10, None, 10, None), (20, None, None, 20)]
    for name in ("notes", "other"):
        status, stand = daemon.ask(name, "stand")
        assert (stand["delivered"], stand["dead"]) == (30, 0)


def test_whatever_is_killed_on_the_way_nothing_is_lost_and_nothing_twice(daemon, shop):
    contract(daemon, columns="evolve", types="evolve").start()
    for number in range(60):
        shop.order(number, **{f"c{number % 12}": number if number < 30 else number + 0.5})
        if number % 15 == 7:
            os.kill(daemon.child("route notes"), signal.SIGKILL)
    shop.done()
    wait_until(lambda: len(shop.rows("price")) == 60, what=daemon.told)
    names = [f"c{n}" for n in range(12)]
    for price, *values in shop.rows("price, " + ", ".join(names)):
        expected = [None] * 12
        expected[price % 12] = float(price if price < 30 else price + 0.5)
        assert [None if value is None else float(value) for value in values] == expected
    assert not shop.dead()
    assert len(noted(daemon)) == 24


@pytest.mark.parametrize("line, sentence", [
    ('{"table":"orders","column":"x","type":"texte"}', "local.jsonl:1: `type` is no type of a column"),
    ('{"table":"_sluice_open"}', "local.jsonl:1: `table` is no name of a table"),
    ('{"table":"orders","column":"","type":"int"}', "local.jsonl:1: `column` is no name of a column"),
    ("[1]", "local.jsonl:1: this is no JSON object"),
    ("{" * 100, "local.jsonl:1: this is no JSON object"),
    ("\n" * 2_000_000, "has more than 1 MB"),
], ids=["type", "table", "column", "list", "brace", "size"])
def test_a_file_of_additions_that_makes_no_sense_is_named(daemon, line, sentence):
    contract(daemon, columns="evolve")
    (daemon.data / "schemas").mkdir(parents=True)
    (daemon.data / "schemas" / "local.jsonl").write_text(line + "\n")
    answer = daemon.sluice("check")
    assert answer.returncode == 2 and sentence in answer.stderr + answer.stdout


def test_a_last_line_that_was_never_finished_counts_for_nothing(daemon, shop):
    contract(daemon, columns="evolve")
    (daemon.data / "schemas").mkdir(parents=True)
    (daemon.data / "schemas" / "local.jsonl").write_text('{"table":"orders","column":"a","type":"int"}\n{"table":"ord')
    daemon.start()
    shop.order(1, a=1, b="x")
    shop.done()
    assert shop.rows("a, b") == [(1, "x")]
    assert [line["column"] for line in noted(daemon)] == ["a", "b"]


def test_what_cannot_be_noted_holds_the_route_and_loses_nothing(daemon, shop):
    contract(daemon, columns="evolve")
    daemon.start()
    shop.order(1)
    shop.done()
    (daemon.data / "schemas").write_text("in the way")
    shop.order(2, colour="red")
    wait_until(lambda: "schemas" in (daemon.route_health()["error"] or ""), what=daemon.told)
    (daemon.data / "schemas").unlink()
    wait_until(lambda: shop.rows("id, colour") == [("o1", None), ("o2", "red")], what=daemon.told)
    assert not shop.dead()


# ---------------------------------------------------------------------- trial


def test_a_trial_shows_what_would_become_of_the_schema_and_leaves_it(daemon, shop):
    contract(daemon).start()
    shop.order(1, colour="red", seats=1.5)
    shop.order(2, note=True)
    shop.done()
    daemon.stop()
    contract(daemon, columns="evolve", types="evolve")
    answer = daemon.sluice("try", "notes", "--json")
    events = [json.loads(line) for line in answer.stdout.splitlines()]
    assert events[0]["grows"] == ["a column orders.colour of type text", "orders.seats as decimal"]
    assert events[0]["rows"][0]["row"]["colour"] == "red" and events[0]["rows"][0]["row"]["seats"] == 1.5
    assert events[1]["outcome"] == "failed" and events[1]["grows"] == []
    shown = daemon.sluice("try", "notes").stdout
    assert "the schema would get a column orders.colour of type text" in shown
    assert not (daemon.data / "schemas").exists()
    contract(daemon, columns="discard_value", types="discard_row")
    events = [json.loads(line) for line in daemon.sluice("try", "notes", "--json").stdout.splitlines()]
    assert [event["outcome"] for event in events] == ["dropped", "dropped"]
    assert events[1]["drops"] == ["orders.note: a value is not a text"]


# ----------------------------------------------------- with either of the databases


def values(rows):
    """Numbers as numbers, whatever the database hands out; of a time its day and hour."""
    def value(cell):
        text = str(cell)
        if cell is None or text[:4] == "2026":
            return text[:16].replace("T", " ") if cell else None
        try:
            return float(text)
        except ValueError:
            return text
    return [tuple(value(cell) for cell in row) for row in rows]


def test_a_stream_changes_four_times_and_each_row_is_right(either):
    daemon = contract(either.daemon, columns="evolve", types="evolve", tables="evolve").start()
    either.order(1, seats=1, due="2026-01-01", note="one")
    either.order(2, seats=2.5, due="2026-01-02", note="two")              # a type
    either.order(3, due="2026-01-03T10:30:00Z", note="three", colour="red")  # a type, a column
    either.order(4, nota="four")                                          # a renamed key, columns that are not there
    either.post(table="people", name="Ann", age=7)                        # a table
    either.order(1, seats=9, note="again", colour="blue")
    either.done()
    assert values(either.rows("id, seats, note, nota, colour")) == [
        ("o1", 9, "again", None, "blue"), ("o2", 2.5, "two", None, None), ("o3", None, "three", None, "red"),
        ("o4", None, None, "four", None)]
    assert values(either.rows("name, age, row_id", "people")) == [("Ann", 7, "notes:e5:people:0")]
    due = dict(values(either.rows("id, due")))
    assert due["o1"] is None and due["o2"][:10] == "2026-01-02" and due["o3"] == "2026-01-03 10:30"
    assert either.stand()["delivered"] == 6 and not either.dead()
    assert not [line for line in daemon.lines() if line["level"] == "error"]


def test_what_is_frozen_stays_as_it_is(either):
    contract(either.daemon).start()
    either.order(1, seats=1)
    either.order(2, seats=2.5)
    either.order(3, colour="red")
    either.post(table="people", name="Ann")
    either.done()
    assert values(either.rows("id, seats")) == [("o1", 1)]
    assert len(either.dead()) == 3


def test_columns_come_while_processes_die(either):
    daemon = contract(either.daemon, columns="evolve", types="evolve").start()
    for number in range(40):
        either.order(number, **{f"c{number % 8}": number if number < 20 else number + 0.5})
        if number % 10 == 7:
            os.kill(daemon.child("route notes"), signal.SIGKILL)
    either.done()
    wait_until(lambda: len(either.rows("price")) == 40, what=daemon.told)
    for number, *cells in sorted(values(either.rows("price, " + ", ".join(f"c{n}" for n in range(8))))):
        expected = [None] * 8
        expected[int(number) % 8] = number if number < 20 else number + 0.5
        assert cells == expected
    assert not either.dead()


# ------------------------------------------------------------------- whole loads


@pytest.fixture(params=["sqlite", "postgres"])
def stocked(request, daemon):
    """A shop whose list is a snapshot, into each of the databases; how the destination is asked."""
    stock = Stock()
    set_up(daemon, stock)
    daemon.write("products.yaml", "contract: { columns: evolve, types: evolve }\n" + LIST)
    daemon.write("maps/products.lua", PRODUCTS.replace("stock = product.stock }", """stock = product.stock,
      mood = product.mood, weight = product.stock >= 30 and product.stock % 20 == 0 and 1.5 or product.stock }"""))
    place = daemon
    if request.param == "postgres":
        place = request.getfixturevalue("database")
        use(daemon, place)
    yield daemon, stock, place
    stock.close()


def test_columns_that_come_in_the_middle_of_a_load_are_in_the_table_that_it_becomes(stocked):
    daemon, stock, place = stocked
    stock.has(50, p0025="fine")
    daemon.start()
    wait_until(lambda: len(place.rows("select * from products where version = 1")) == 50, what=daemon.stderr)
    assert values(place.rows("select sku, weight, mood from products where sku in ('p0025', 'p0041') order by sku")) == [
        ("p0025", 20, "fine"), ("p0041", 1.5, None)]
    stock.has(60, p0055="small")
    poll(daemon)
    wait_until(lambda: len(place.rows("select * from products where version = 2")) == 60, what=daemon.stderr)
    assert len(place.rows("select * from products")) == 60
    assert values(place.rows("select mood from products where mood is not null")) == [("small",)]
    assert noted(daemon) == [{"table": "products", "column": "weight", "type": "int"},
                             {"table": "products", "column": "mood", "type": "text"},
                             {"table": "products", "column": "weight", "type": "decimal"}]
    assert not dead_letters(daemon)
