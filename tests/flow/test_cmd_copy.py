# SPDX-License-Identifier: Apache-2.0
# test_cmd_copy.py - sluice copy: a sink's tables and where its routes stand go into another sink.
import json
import sqlite3
import subprocess

import pytest
from bed import SLUICE, wait_until

MAPPING = """\
return {
	summary = "what is posted says itself what it becomes",
	transform = function(event)
		local post = event.data
		emit { type = post.table, mode = post.mode, time = post.time, data = post.row }
	end,
}
"""

SCHEMA = """\
contract: { columns: evolve }
tables:
  notes:
    mode: upsert
    deletes: remove
    key: id
    columns: { id: text, number: int, price: decimal, at: timestamp, day: date, open: bool, tags: json }
  parts:
    mode: patch
    deletes: mark
    key: [id, place]
    columns: { id: int, place: text, size: int, colour: text }
  lines:
    mode: replace
    parent: [note]
    key: [note, line]
    columns: { note: text, line: int, title: text }
"""

TABLES = ("notes", "parts", "lines", "_sluice_routes", "_sluice_open", "_sluice_sets", "_sluice_gone")


class Posts:
    """What the daemon is told, each with a time of its own."""

    def __init__(self, daemon):
        self.daemon, self.count = daemon, 0

    def post(self, table, row, mode=None, time=None):
        self.count += 1
        event = {"id": f"e{self.count}", "table": table, "row": row, "mode": mode, "time": time or 1700000000000 + self.count}
        assert self.daemon.post(event).status == 200
        return self.count


@pytest.fixture
def full(daemon):
    """A daemon that has filled its tables and ended: rows, a tombstone, sets, a dead letter."""
    daemon.write("notes.lua", MAPPING)
    daemon.write("notes.yaml", SCHEMA)
    daemon.change("routes:\n", "  other: { use: sqlite, path: ./other.db, schema: ./notes.yaml }\nroutes:\n")
    daemon.start()
    fill(daemon)
    daemon.stop()
    return daemon


def fill(daemon):
    posts = daemon.posts = Posts(daemon)
    for number in range(20):
        posts.post("notes", {"id": f"n{number}", "number": 2**62 + number, "price": "4.50", "at": "2026-11-21T10:00:00.123456Z",
                             "day": "1969-12-31", "open": number % 2 == 0, "tags": {"a": [number, None, "é\u0000"]}})
    posts.post("notes", {"id": "gone"})
    posts.post("notes", {"id": "gone"}, mode="delete")
    posts.post("parts", {"id": 1, "place": "a|b", "size": 3})
    posts.post("parts", {"id": 1, "place": "a|b", "colour": "red"})
    posts.post("parts", {"id": 2, "place": ""}, mode="delete")
    posts.post("lines", {"note": "n1", "rows": [{"line": 1, "title": "x"}, {"line": 2}]})
    posts.post("lines", {"note": "n2", "rows": []})
    posts.post("notes", {"id": "bad", "number": "many"})
    posts.post("notes", {"id": "grown", "shape": "round"})
    wait_until(lambda: daemon.rows("select shape from notes where id = 'grown'") == [("round",)], what=daemon.stderr)
    wait_until(lambda: len(daemon.rows("select * from _sluice_open")) == 1, what=daemon.stderr)


def content(daemon, database):
    """All tables, as text; when a row was written counts for nothing."""
    found = {}
    for table in TABLES:
        names = [name for _, name, *_ in daemon.rows(f"select * from pragma_table_info('{table}')", database=database)]
        kept = ", ".join(f'"{name}"' for name in sorted(names))
        found[table] = sorted(map(str, daemon.rows(f"select {kept} from {table}", database=database)))
    return found


def close(row):
    """Postgres writes spaces into json."""
    return row.replace(": ", ":").replace(", ", ",")


def tables_of(answer):
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    return {line["table"]: (line["from"], line.get("to")) for line in lines if "table" in line}


# ------------------------------------------------------------------- it goes on


def test_a_copy_is_the_same_and_the_route_goes_on_with_it(full):
    answer = full.sluice("copy", "local", "other")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert content(full, "other.db") == content(full, "warehouse.db")
    line = 1 + full.text.splitlines().index("  - { name: notes, from: [notes], via: [notes], to: local }")
    assert f"sluice.yaml:{line}: route notes: to: other" in answer.stdout
    full.change("to: local }", "to: other }")
    before = content(full, "warehouse.db")
    full.start()
    full.posts.post("notes", {"id": "new"})
    full.posts.post("notes", {"id": "gone"}, time=1700000000001)  # older than its delete
    full.posts.post("lines", {"note": "n2", "rows": [{"line": 7}]}, time=1700000000001)  # older than the empty set
    full.posts.post("notes", {"id": "last"})
    wait_until(lambda: full.rows("select id from notes where id = 'last'", database="other.db"))
    assert len(full.rows("select * from notes", database="other.db")) == 23
    assert full.rows("select * from notes where id = 'gone'", database="other.db") == []
    assert full.rows("select * from lines where note = 'n2'", database="other.db") == []
    stand = json.loads(full.sluice("routes", "show", "notes", "--json").stdout)
    assert (stand["dead"], stand["cursor"]) == (1, full.posts.count)
    assert content(full, "warehouse.db") == before


def test_a_copy_into_postgres_goes_on_too(full, database):
    full.change("other: { use: sqlite, path: ./other.db,", f'other: {{ use: postgres, url: "{database.url}",')
    answer = full.sluice("copy", "local", "other", "--json", timeout=60)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    tables = tables_of(answer)
    assert tables["notes"] == (21, 21) and all(here == there for here, there in tables.values())
    assert database.rows("select number, price, at, day, open, tags->'a'->>0, _event_id from notes where id = 'n3'") == [
        (str(2**62 + 3), "4.5", "2026-11-21 10:00:00.123+00", "1969-12-31", "f", "3", "e4")]
    full.change("to: local }", "to: other }")
    full.start()
    full.posts.post("notes", {"id": "gone"}, time=1700000000001)
    full.posts.post("parts", {"id": 1, "place": "a|b", "size": 4, "colour": "old"}, mode="patch", time=1700000000023)
    full.posts.post("notes", {"id": "last"})
    wait_until(lambda: database.rows("select id from notes where id = 'last'"), what=full.stderr)
    assert database.rows("select size, colour from parts where id = 1") == [("4", "red")]
    assert database.number("select count(*) from notes where id = 'gone'") == 0
    assert json.loads(full.sluice("routes", "show", "notes", "--json").stdout)["dead"] == 1


def test_there_and_back_again_nothing_is_lost(full, database):
    full.change("other: { use: sqlite, path: ./other.db,", f'other: {{ use: postgres, url: "{database.url}",')
    full.change("routes:\n", "  third: { use: sqlite, path: ./third.db, schema: ./notes.yaml }\nroutes:\n")
    for way in ("local", "other"), ("other", "third"):
        answer = full.sluice("copy", *way, timeout=60)
        assert answer.returncode == 0, answer.stdout + answer.stderr
    there, back = content(full, "warehouse.db"), content(full, "third.db")
    for table in TABLES:
        if table != "notes":  # its json has lost a NUL
            assert sorted(map(close, back[table])) == sorted(map(close, there[table])), table
    assert len(back["notes"]) == len(there["notes"])


# ------------------------------------------------------------------- what is refused


def test_a_running_daemon_is_not_copied_under(full):
    full.start()
    answer = full.sluice("copy", "local", "other")
    assert answer.returncode == 1 and "stop that one first" in answer.stderr
    assert not (full.folder / "other.db").exists()


def test_a_sink_that_is_not_empty_is_left_alone(full):
    assert full.sluice("copy", "local", "other").returncode == 0
    answer = full.sluice("copy", "local", "other")
    assert answer.returncode == 1 and "has rows already" in answer.stderr and "--again" in answer.stderr
    assert full.sluice("copy", "local", "other", "--again").returncode == 0
    assert content(full, "other.db") == content(full, "warehouse.db")
    answer = full.sluice("copy", "local", "local")
    assert answer.returncode == 2 and "into itself" in answer.stderr


def test_schemas_that_do_not_fit_are_told_before_anything_is_written(full):
    full.write("less.yaml", SCHEMA.replace("number: int, ", ""))
    full.change("path: ./other.db, schema: ./notes.yaml", "path: ./other.db, schema: ./less.yaml")
    answer = full.sluice("copy", "local", "other")
    assert answer.returncode == 1 and "notes.number is not in the schema there" in answer.stderr
    full.write("less.yaml", SCHEMA.replace("number: int, ", "number: text, "))
    answer = full.sluice("copy", "local", "other")
    assert answer.returncode == 1 and "notes.number has another type there" in answer.stderr
    assert not (full.folder / "other.db").exists()


def test_a_sink_without_tables_cannot_be_copied_to(full):
    full.write("nowhere.lua", "return { summary = 'nowhere', deliver = function() end }")
    full.change("other: { use: sqlite, path: ./other.db,", "other: { use: ./nowhere.lua,")
    answer = full.sluice("copy", "local", "other")
    assert answer.returncode == 1 and answer.stderr


# ------------------------------------------------------------------- on trial, and cut off


def test_a_dry_run_counts_and_writes_nothing(full):
    answer = full.sluice("copy", "local", "other", "--dry-run", "--json")
    assert answer.returncode == 0, answer.stderr
    assert tables_of(answer)["notes"] == (21, None)
    assert not (full.folder / "other.db").exists()
    assert not (full.data / "schemas" / "other.jsonl").exists()


def test_a_copy_that_was_cut_off_goes_on(full):
    with sqlite3.connect(full.folder / "warehouse.db") as base:
        base.executemany("insert into lines (note, line, title) values ('many', ?, 'x')", ((line,) for line in range(5000)))
    base.close()
    assert full.sluice("schema", "apply", "other", "--yes").returncode == 0
    with sqlite3.connect(full.folder / "other.db") as base:
        base.execute("create trigger cut before insert on lines when new.line = 3500 begin select raise(abort, 'cut off'); end")
    base.close()
    answer = full.sluice("copy", "local", "other")
    assert answer.returncode == 1 and "a row of lines was not taken" in answer.stderr and "cut off" in answer.stderr
    assert full.rows("select * from _sluice_routes", database="other.db") == []
    note = json.loads((full.data / "copies" / "local-other.json").read_text())
    assert note["table"] == "lines" and note["cursor"]
    with sqlite3.connect(full.folder / "other.db") as base:
        base.execute("drop trigger cut")
    base.close()
    answer = full.sluice("copy", "local", "other", "--again")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert int(answer.stdout.split(" rows were copied")[0].split()[-1]) < 3100
    assert content(full, "other.db") == content(full, "warehouse.db")
    assert not (full.data / "copies" / "local-other.json").exists()


def test_rows_that_are_only_there_are_told(full):
    assert full.sluice("copy", "local", "other").returncode == 0
    with sqlite3.connect(full.folder / "other.db") as base:
        base.execute("insert into notes (id) values ('stranger')")
    base.close()
    answer = full.sluice("copy", "local", "other", "--again")
    assert answer.returncode == 1 and "1 table has not as many rows" in answer.stderr
    assert "differ" in answer.stdout


def test_many_rows_are_copied_however_often_it_is_killed(full):
    with sqlite3.connect(full.folder / "warehouse.db") as base:
        base.executemany("insert into lines (note, line, title) values ('many', ?, 'x')", ((line,) for line in range(30000)))
    base.close()
    words = [SLUICE, "copy", "local", "other", "--again"]
    for pause in (0.3, 0.6, 0.9):
        running = subprocess.Popen(words, cwd=full.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            running.wait(pause)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
    answer = full.sluice("copy", "local", "other", "--again", timeout=60)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert content(full, "other.db") == content(full, "warehouse.db")
