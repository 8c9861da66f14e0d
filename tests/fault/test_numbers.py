# SPDX-License-Identifier: Apache-2.0
"""test_numbers.py - numbers that a double does not hold, odd ones and names that come twice: from the request through Lua
into both destinations not one is another one.

    SLUICE_LONG   10 000 events; else some
    SLUICE_SEED   repeats a run
"""
import random

import pytest
from bed import wait_until
from bulk import bulk
from oracle import many, seed
from postgres import use

pytestmark = pytest.mark.fault(27)
COUNT = many(1000, 10000)

MAPPING = """\
return {
	summary = "the numbers as they came",
	transform = function(event)
		local note = event.data
		emit { type = "notes", data = { id = note.id, number = note.number, price = json.raw(note, "price"), name = note.name } }
	end,
}
"""

SCHEMA = """\
help: Notes.
tables:
  notes:
    mode: upsert
    key: [id]
    columns: { id: int, number: int, price: decimal, name: text }
"""

SECOND = """\
  here: { use: sqlite, path: ./here.db, schema: { use: ./notes.yaml } }
routes:
  - { name: here, from: [notes], via: [notes], to: here }
"""


def planned(dice):
    """(id, number, price), as text: the id beyond what a double holds, the others anything that their column takes."""
    number = dice.choice([2**63 - 1, -2**63, 0, 2**53 + 1, dice.randrange(-2**63, 2**63)])
    price = f"{dice.randrange(-10**18, 10**18)}.{dice.randrange(10**9):09}"
    return str(2**53 + dice.randrange(2**63 - 2**53)), str(number), price


def body(row):
    """The name comes twice, and -0 once."""
    return '{"id":%s,"card":"c","number":%s,"price":%s,"name":"first","zero":-0,"name":"last"}' % row


def test_no_number_is_changed_on_its_way(daemon, database, tally):
    dice = random.Random(seed())
    rows = {row[0]: row for row in (planned(dice) for _ in range(COUNT))}
    daemon.notes(MAPPING, SCHEMA)
    daemon.change("routes:\n", SECOND)
    use(daemon, database)
    daemon.start()
    bulk(daemon, [body(row).encode() for row in rows.values()])
    for name in ("notes", "here"):
        wait_until(lambda name=name: daemon.settled(name), what=lambda: daemon.health())
    columns = "cast(id as text), cast(number as text), cast(price as text)"
    here = {row[0]: row for row in daemon.rows(f"select {columns} from notes", database="here.db")}
    there = {row[0]: row for row in database.rows(f"select {columns} from notes")}
    names = {name for name, in [*daemon.rows("select distinct name from notes", database="here.db"),
                                *database.rows("select distinct name from notes")]}
    changed = [(row, here.get(key), there.get(key)) for key, row in rows.items() if not here.get(key) == there.get(key) == row]
    tally(seeds=1, of=2 * len(rows), wrong=len(changed), rows=2 * len(rows))
    assert not changed, changed[:3]
    assert len(names) == 1, names
