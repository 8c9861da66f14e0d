# SPDX-License-Identifier: Apache-2.0
"""test_sink_lua.py - a sink written in Lua that posts lines of JSON: nothing is lost, each row takes effect once."""
import json

import pytest

from bed import wait_until
from farside import RESET, FarSide

SINK = """\
local sink = {
	summary = "rows as lines of JSON",
	options = { { "far", "text", help = "where to post" } },
	batch = { rows = 10, bytes = 4000 },
}

function sink.deliver(rows, opt)
	local lines = {}
	for i, row in ipairs(rows) do
		lines[i] = json.encode { key = row.key, table = row.table, data = row.data }
	end
	local answer = http.post(opt.far .. "/rows", table.concat(lines, "\\n"))
	if not answer.ok then fail("HTTP " .. answer.status) end
	for i, verdict in ipairs(answer.json or {}) do
		if verdict ~= "ok" then settle(i, verdict.outcome, verdict.why, verdict.seconds) end
	end
end

return sink
"""

CONFIG = """\
listen: 127.0.0.1:{port}
public: https://hooks.example.com
data: ./data
http: {{ allow: [127.0.0.1] }}
sources:
  notes: {{ use: webhook, auth: hmac-sha1, proof: "header:X-Proof", encoding: base64, covers: "{{body}}{{callback}}", secret: [{secret}],
    id: "body:/id", type: "body:/type", subject: "body:/card" }}
transforms:
  notes: {{ use: ./notes.lua }}
sinks:
  far: {{ use: ./sink.lua, far: "FAR", schema: {{ use: ./notes.yaml }} }}
routes:
  - {{ name: notes, from: [notes], via: [notes], to: far, retry: {{ attempts: 5, first: 50ms, most: 200ms }} }}
"""


class Shop(FarSide):
    """Applies each row once by its key; `mood` is asked first what becomes of a request."""

    def __init__(self):
        self.applied = {}  # key: data, in the order in which they took effect
        self.posts = []    # the lines of each request
        self.mood = lambda lines: "fine"
        super().__init__(self.take)

    def apply(self, lines):
        for line in lines:
            self.applied.setdefault(line["key"], line["data"])

    def take(self, asked):
        lines = [json.loads(line) for line in asked.body.decode().split("\n")]
        self.posts.append((asked.at, lines))
        mood = self.mood(lines)
        if mood == "fine" or mood is RESET:
            self.apply(lines)
            return (200, {}, []) if mood == "fine" else RESET
        if isinstance(mood, list):  # a verdict a row
            self.apply([line for line, verdict in zip(lines, mood) if verdict == "ok"])
            return 200, {}, mood
        return mood

    def keys(self):
        return [line["key"] for _, lines in self.posts for line in lines]

    def texts(self):
        return [data["text"] for data in self.applied.values()]


@pytest.fixture
def shop():
    one = Shop()
    yield one
    one.close()


def note(number, **more):
    return {"id": str(number), "type": "note", "card": f"c{number % 5}", "text": f"{number}", **more}


def begin(daemon, shop):
    daemon.write("sink.lua", SINK)
    daemon.configure(CONFIG.replace("FAR", shop.base))
    return daemon.start()


def moods(*these):
    """These for the first requests, then all is fine."""
    left = list(these)
    return lambda lines: left.pop(0) if left else "fine"


def check_all(daemon, shop, count):
    wait_until(lambda: len(shop.applied) == count and daemon.settled() and daemon.route_health()["waiting"] == 0)
    assert sorted(int(text) for text in shop.texts()) == list(range(count))
    for card in range(5):
        order = [int(data["text"]) for data in shop.applied.values() if data["card"] == f"c{card}"]
        assert order == sorted(order), f"c{card}"
    assert daemon.route_health()["dead"] == 0


def test_rows_come_in_calls_of_the_size_the_sink_likes(daemon, shop):
    begin(daemon, shop)
    assert daemon.ask("notes", "pause")[1]["ok"]
    for number in range(35):
        daemon.post(note(number, card=f"own {number}", text=f"{number}"))
    daemon.post(note(35, text="x" * 3000))
    daemon.post(note(36, text="x" * 3000))
    assert daemon.ask("notes", "resume")[1]["ok"]
    wait_until(lambda: len(shop.applied) == 37)
    assert max(len(lines) for _, lines in shop.posts) == 10
    for _, lines in shop.posts:
        assert len(lines) == 1 or sum(len(json.dumps(line["data"])) for line in lines) <= 4000
    assert len(shop.keys()) == len(set(shop.keys())) == 37


def test_a_far_side_that_wants_peace_is_left_alone(daemon, shop):
    begin(daemon, shop)
    shop.mood = moods((429, {"Retry-After": "12"}, {}))
    for number in range(20):
        daemon.post(note(number))
    wait_until(lambda: shop.posts)
    wait_until(lambda: daemon.route_health()["state"] == "outage")
    assert daemon.get("/health").status == 503
    check_all(daemon, shop, 20)
    assert shop.posts[1][0] - shop.posts[0][0] >= 12
    wait_until(lambda: daemon.get("/health").status == 200)


def test_errors_of_the_far_side_hold_the_route_and_lose_nothing(daemon, shop):
    begin(daemon, shop)
    shop.mood = moods((500, {}, {}), (503, {}, {}), (502, {}, {}))
    for number in range(30):
        daemon.post(note(number))
    check_all(daemon, shop, 30)


def test_a_connection_that_breaks_after_the_rows_took_effect_doubles_nothing(daemon, shop):
    begin(daemon, shop)
    shop.mood = moods("fine", RESET, RESET, "fine", RESET)
    for number in range(40):
        daemon.post(note(number))
    check_all(daemon, shop, 40)
    again = [key for key in shop.keys() if shop.keys().count(key) > 1]
    assert again, "nothing was sent twice: the test has shown nothing"


def test_of_a_batch_partly_done_only_the_rest_is_sent_again(daemon, shop):
    begin(daemon, shop)
    assert daemon.ask("notes", "pause")[1]["ok"]
    for number in range(8):
        daemon.post(note(number, card=f"own {number}"))
    refused = []

    def mood(lines):
        verdicts = ["ok" if line["data"]["text"] not in ("2", "5") or line["key"] in refused
                    else {"outcome": "retry", "why": "busy"} for line in lines]
        refused.extend(line["key"] for line, verdict in zip(lines, verdicts) if verdict != "ok")
        return verdicts

    shop.mood = mood
    assert daemon.ask("notes", "resume")[1]["ok"]
    wait_until(lambda: len(shop.applied) == 8)
    wait_until(daemon.settled)
    sent = [line["data"]["text"] for _, lines in shop.posts for line in lines]
    assert sorted(sent) == sorted([str(number) for number in range(8)] + ["2", "5"])


def test_rows_of_one_event_that_were_taken_stay_taken(daemon, shop):
    daemon.write("notes.lua", (daemon.folder / "notes.lua").read_text().replace(
        "text = note.text } }", 'text = note.text } } emit { type = "notes", data = { id = note.id .. "b", card = note.card, '
        'text = note.text .. "b" } }'))
    begin(daemon, shop)
    shop.mood = moods(["ok", {"outcome": "retry", "why": "busy"}])
    daemon.post(note(1))
    wait_until(lambda: len(shop.applied) == 2 and daemon.settled())
    assert [[line["data"]["text"] for line in lines] for _, lines in shop.posts] == [["1", "1b"], ["1b"]]


def test_what_waits_behind_a_row_that_is_tried_again_keeps_its_order(daemon, shop):
    begin(daemon, shop)
    left = [1, 2, 3]

    def mood(lines):  # a far side that keeps the order of a card itself
        busy = lines[0]["data"]["text"] == "0" and left and left.pop()
        return [{"outcome": "retry", "why": "busy"} if busy and line["data"]["card"] == "c0" else "ok" for line in lines]

    shop.mood = mood
    daemon.post(note(0))
    wait_until(lambda: shop.posts)
    for number in range(1, 25):
        daemon.post(note(number))
    check_all(daemon, shop, 25)


def test_one_bad_event_is_a_dead_letter_and_its_neighbours_are_not(daemon, shop):
    begin(daemon, shop)
    assert daemon.ask("notes", "pause")[1]["ok"]
    for number in range(20):
        daemon.post(note(number, text="bad" if number in (3, 13) else f"{number}"))
    shop.mood = lambda lines: (400, {}, {}) if any(line["data"]["text"] == "bad" for line in lines) else "fine"
    assert daemon.ask("notes", "resume")[1]["ok"]
    wait_until(lambda: daemon.route_health()["dead"] == 2 and len(shop.applied) == 18)
    letters = daemon.ask("notes", "dead ls")[1]["rows"]
    assert [letter["event_id"] for letter in letters] == ["3", "13"]
    assert all("HTTP 400" in letter["reason"] for letter in letters)
    wait_until(daemon.settled)


def test_a_far_side_that_refuses_everything_stops_the_route_before_all_is_dead(daemon, shop):
    begin(daemon, shop)
    shop.mood = lambda lines: (401, {}, {})
    for number in range(40):
        daemon.post(note(number))
    wait_until(lambda: daemon.route_health()["state"] == "blocked")
    assert "HTTP 401" in daemon.route_health()["error"]
    assert daemon.route_health()["dead"] <= 10
    shop.mood = lambda lines: "fine"
    assert daemon.ask("notes", "resume")[1]["ok"]
    wait_until(lambda: daemon.route_health()["state"] == "running")
    assert daemon.sluice("dead", "retry", "--all").returncode == 0
    wait_until(lambda: len(shop.applied) == 40)


def test_an_event_that_the_sink_never_comes_back_from_is_put_aside(daemon, shop):
    begin(daemon, shop)
    daemon.write("sink.lua", SINK.replace("		lines[i] =", """		if row.data.text == "bad" then
			while true do pcall(string.find, ("a"):rep(50000), ("a-"):rep(50) .. "b") end
		end
		lines[i] ="""))
    daemon.change("to: far,", "to: far, deadline: 1s,")
    daemon.restart()
    assert daemon.ask("notes", "pause")[1]["ok"]
    for number in range(9):
        daemon.post(note(number, text="bad" if number == 4 else f"{number}"))
    assert daemon.ask("notes", "resume")[1]["ok"]
    wait_until(lambda: len(shop.applied) == 8 and daemon.route_health()["dead"] == 1 and daemon.settled(), within=60)
    assert "4" not in shop.texts()
    letter, = daemon.ask("notes", "dead ls")[1]["rows"]
    assert letter["event_id"] == "4" and "died" in letter["reason"]


def test_kills_lose_nothing_and_keys_stay_the_same(daemon, shop):
    begin(daemon, shop)
    for round_ in range(3):
        for number in range(round_ * 20, round_ * 20 + 20):
            daemon.post(note(number))
        wait_until(lambda: len(shop.applied) > round_ * 20)
        daemon.kill()
        daemon.start()
    check_all(daemon, shop, 60)
