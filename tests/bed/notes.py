# SPDX-License-Identifier: Apache-2.0
# notes.py - notes that become rows of a Postgres: what the tests of its bad days share.
#
#     begin(daemon, database)
#     post(daemon, 1, 2, 3)
#     over(daemon, database, 1, 2, 3)      they are there, all is well, nobody is dead
from bed import wait_until
from postgres import use

MAPPING = """\
return {
	summary = "a note becomes a row",
	transform = function(event)
		local note = event.data
		if note.drop then return drop(note.drop) end
		emit { type = note.table or "notes", mode = note.mode, data = note.row }
	end,
}
"""

SCHEMA = """\
help: Notes.
tables:
  notes:
    mode: upsert
    key: [id]
    indexes: [card]
    columns: { id: text, card: text, text: text, number: int, more: json }
  persons:
    mode: upsert
    key: [id]
    columns: { id: text, name: { type: text, personal: true } }
"""


def note(number, /, **row):
    """A note's event; what is given goes into its row."""
    return {"id": f"e{number}", "type": "note", "card": f"c{number}",
            "row": {"id": str(number), "card": f"c{number % 7}", "text": f"text {number}", "number": number, **row}}


def begin(daemon, database, **options):
    daemon.write("notes.lua", MAPPING)
    daemon.write("notes.yaml", SCHEMA)
    use(daemon, database, **options)
    return daemon.start()


def post(daemon, *numbers, **row):
    for number in numbers:
        assert daemon.post(note(number, **row)).status == 200


def texts(database):
    return [text for text, in database.rows("select text from notes order by number")]


def expect(database, *numbers):
    """These notes and no others."""
    wanted = [f"text {number}" for number in numbers]
    wait_until(lambda: texts(database) == wanted, what=lambda: f"{wanted[-3:]}, {len(wanted)} of them")


def dead(database):
    return database.rows("select event_id, reason from _sluice_open where state = 'dead' order by seq")


def outage(daemon, *words):
    """Waits until the route says it cannot have the sink, with these words; nothing died of it."""
    def told():
        route = daemon.route_health()
        return route["state"] != "ok" and all(word in str(route["error"]) for word in words)
    wait_until(told, what=lambda: f"an outage that says {words}: {daemon.route_health()}")
    assert daemon.route_health()["dead"] == 0
    assert daemon.get("/health").status == 503


def over(daemon, database, *numbers):
    """The outage is: all of these are there, and nobody is dead or waits."""
    expect(database, *numbers)
    wait_until(lambda: daemon.get("/health").status == 200, what=lambda: daemon.route_health())
    assert database.rows("select event_id, state, reason from _sluice_open") == []
