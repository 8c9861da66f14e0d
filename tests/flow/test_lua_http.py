# SPDX-License-Identifier: Apache-2.0
"""test_lua_http.py - mappings that ask for each event: many at once, and one subject in order."""
import collections
import threading
import time

import pytest

from bed import wait_until
from farside import FarSide

ASKING = """\
local names = cache { age = "10m" }

return {
	summary = "each note asks the far side",
	options = { { "far", "text", help = "where to ask" } },
	transform = function(event, opt)
		local note = event.data
		local fine, answer = pcall(http.get, opt.far .. "/" .. note.card .. "/" .. note.id)
		note.text = answer.json.path
		note.shared = names:get("shared", function() return http.get(opt.far .. "/shared").json.path end)
		emit { type = "notes", data = { id = note.id, card = note.card, text = note.text .. note.shared } }
	end,
}
"""

SLOW = 0.2
SUBJECTS, EACH = 96, 3


class SlowSide(FarSide):
    """Answers after a while, and counts who is there meanwhile: all, and by card."""

    def __init__(self):
        self.now, self.most = collections.Counter(), collections.Counter()
        self.count = threading.Lock()
        super().__init__(self.slowly)

    def came(self, *who):
        with self.count:
            for one in who:
                self.now[one] += 1
                self.most[one] = max(self.most[one], self.now[one])

    def went(self, *who):
        with self.count:
            self.now.subtract(who)

    def slowly(self, asked):
        card = asked.path.split("/")[1]
        self.came("all", card)
        time.sleep(SLOW)
        self.went("all", card)
        return 200, {}, {"path": asked.path}


@pytest.fixture
def far():
    one = SlowSide()
    yield one
    one.close()


def begin(daemon, far):
    daemon.write("notes.lua", ASKING)
    daemon.change("use: ./notes.lua }", f"use: ./notes.lua, far: '{far.base}' }}")
    daemon.change("data: ./data\n", "data: ./data\nhttp: { allow: [127.0.0.1] }\n")
    daemon.start()


def post_all(daemon):
    """Cards by turns, so that each card's notes lie far apart in the log."""
    assert daemon.sluice("routes", "pause", "notes").returncode == 0
    for number in range(EACH):
        for card in range(SUBJECTS):
            note = {"id": f"{card}-{number}", "type": "note", "card": f"c{card}"}
            assert daemon.post(note).status == 200
    assert daemon.sluice("routes", "resume", "notes").returncode == 0


def rows(daemon):
    return daemon.rows("select card, id, text from notes order by rowid")


def test_many_wait_at_once_and_each_subject_keeps_its_order(daemon, far):
    begin(daemon, far)
    post_all(daemon)
    wait_until(lambda: len(rows(daemon)) == SUBJECTS * EACH and daemon.settled())

    assert far.most["all"] >= 64
    assert max(count for card, count in far.most.items() if card not in ("all", "shared")) == 1
    by_card = collections.defaultdict(list)
    for card, note, text in rows(daemon):
        by_card[card].append(note)
        assert text == f"/{card}/{note}/shared"
    assert len(by_card) == SUBJECTS
    for card, notes in by_card.items():
        assert notes == [f"{card[1:]}-{number}" for number in range(EACH)]
        asked = [path for path in far.paths() if path.startswith(f"/{card}/")]
        assert asked == [f"/{card}/{note}" for note in notes]
    assert far.paths().count("/shared") == 1  # all who wanted it waited for the first


def test_what_goes_wrong_behind_a_wait_names_its_place(daemon, far):
    far.answer = lambda asked: (200, {}, {"path": None})
    begin(daemon, far)
    daemon.post({"id": "1", "type": "note", "card": "c1"})
    reason = "select reason from _sluice_open where state = 'dead'"
    wait_until(lambda: daemon.rows(reason))
    (told,), = daemon.rows(reason)
    assert "notes.lua:11: attempt to concatenate a null value (field 'text')" in told, told
