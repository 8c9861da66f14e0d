# SPDX-License-Identifier: Apache-2.0
# test_cmd_prune.py - sluice prune, and the upkeep that routes see to.
import json
import sqlite3

import pytest
from bed import wait_until

SCHEMA = """\
tables:
  notes:
    mode: append
    key: id
    retention: { column: at, after: 30d }
    columns: { id: text, at: timestamp }
  days:
    mode: append
    key: id
    retention: { column: day, after: 365d }
    columns: { id: text, day: date }
"""

MAPPING = """\
return {
	summary = "a note becomes a row",
	transform = function(event)
		emit { type = event.data.table or "notes", data = { id = event.data.id, at = event.data.at, day = event.data.day } }
	end,
}
"""


def lines(answer):
    return [json.loads(line) for line in answer.stdout.splitlines()]


def insert(daemon, table, column, count, moment):
    with sqlite3.connect(daemon.folder / "warehouse.db") as base:
        base.executemany(f"insert into {table} (id, {column}) values (?, {moment})", ((f"{moment}{n}",) for n in range(count)))
    base.close()


OLD, YOUNG = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-31 days')", "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-29 days')"
OLD_DAY, YOUNG_DAY = "date('now', '-367 days')", "date('now', '-363 days')"


@pytest.fixture
def kept(daemon):
    daemon.write("notes.lua", MAPPING)
    daemon.write("notes.yaml", SCHEMA)
    return daemon


@pytest.fixture
def old(kept):
    """A destination that holds old rows, and no daemon."""
    assert kept.sluice("schema", "apply", "--yes").returncode == 0
    insert(kept, "notes", "at", 2500, OLD)
    insert(kept, "notes", "at", 10, YOUNG)
    insert(kept, "days", "day", 3, OLD_DAY)
    insert(kept, "days", "day", 2, YOUNG_DAY)
    return kept


def test_old_rows_go_and_young_ones_stay(old):
    answer = old.sluice("prune", "--dry-run", "--json")
    assert answer.returncode == 0, answer.stderr
    assert {line["what"]: line["times"] for line in lines(answer)} == {
        "would prune rows of notes": 2500, "would prune rows of days": 3}
    assert old.rows("select count(*) from notes") == [(2510,)]
    answer = old.sluice("prune", "local")
    assert answer.returncode == 0 and "local: pruned rows of notes, 2500" in answer.stdout, answer.stderr
    assert "local: pruned rows of days, 3" in answer.stdout
    assert old.rows("select count(*) from notes") == [(10,)]
    assert old.rows("select count(*) from days") == [(2,)]
    assert "nothing is due" in old.sluice("prune").stdout


def test_the_daemon_sees_to_it_without_being_told(old):
    old.start()
    wait_until(lambda: old.rows("select count(*) from notes") == [(10,)])
    wait_until(lambda: old.rows("select count(*) from days") == [(2,)])
    stand = wait_until(lambda: shown(old, 2))
    assert stand["upkeep"] == {"pruned rows of notes": 2500, "pruned rows of days": 3}
    assert [line["text"] for line in old.lines() if "pruned" in line["text"]] == [
        "local: pruned rows of notes, 2500", "local: pruned rows of days, 3"]
    assert "Upkeep of the sink" in old.sluice("routes", "show", "notes").stdout


def shown(daemon, count):
    stand = json.loads(daemon.sluice("routes", "show", "notes", "--json").stdout)
    return len(stand["upkeep"]) == count and stand


def test_events_do_not_wait_for_it_nor_it_for_them(old):
    insert(old, "notes", "at", 50000, OLD.replace("-31", "-32"))
    old.start()
    for number in range(300):
        assert old.post({"id": f"e{number}", "at": "2099-01-01T00:00:00Z"}).status == 200
    wait_until(lambda: old.rows("select count(*) from notes where at > '2090'") == [(300,)])
    wait_until(lambda: old.rows("select count(*) from notes") == [(310,)])


def test_a_daemon_that_runs_is_pruned_beside(old):
    old.start()
    wait_until(lambda: old.rows("select count(*) from notes") == [(10,)])
    insert(old, "notes", "at", 100, OLD.replace("-31", "-33"))
    answer = old.sluice("prune")
    assert answer.returncode == 0, answer.stderr
    assert old.rows("select count(*) from notes") == [(10,)]  # by whichever of the two


def test_a_sink_without_upkeep_says_so(kept):
    kept.write("nowhere.lua", "return { summary = 'nowhere', deliver = function() end }")
    kept.change("local: { use: sqlite, path: ./warehouse.db,", "local: { use: ./nowhere.lua,")
    answer = kept.sluice("prune", "local")
    assert answer.returncode == 1 and "does no upkeep" in answer.stderr
    answer = kept.sluice("prune")
    assert answer.returncode == 1 and "no sink does any upkeep" in answer.stderr


def test_rows_that_cannot_go_hold_up_no_event(old):
    """Somebody has put a trigger on the table that keeps what is there."""
    with sqlite3.connect(old.folder / "warehouse.db") as base:
        base.execute("create trigger kept before delete on notes begin select raise(abort, 'these are kept'); end")
    base.close()
    answer = old.sluice("prune", "local")
    assert answer.returncode == 1 and "these are kept" in answer.stderr
    old.start()
    wait_until(lambda: "its upkeep could not be done" in old.stderr())
    old.post({"id": "new", "at": "2999-01-01T00:00:00Z"})
    wait_until(lambda: old.rows("select id from notes where id = 'new'") == [("new",)])
    line, = [line for line in old.lines() if "its upkeep could not be done" in line["text"]]
    assert line["level"] == "warning" and "these are kept" in line["text"]
    assert old.rows("select count(*) from notes") == [(2511,)]
