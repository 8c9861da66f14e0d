# SPDX-License-Identifier: Apache-2.0
# test_vendorbed.py - the bad day itself, with the smallest vendor there can be: it finds what is right, and what is not.
import base64
import hashlib
import hmac
import http.client
import itertools
import json
import time

import pytest
from vendorbed import OBJECTS, Bed, bad_day, wait_until

from fake import Answer, Fake, Window  # vendorbed knows where it is

CONFIG = """\
listen: 127.0.0.1:{port}
public: http://127.0.0.1:{port}
data: ./data
http: {{ allow: [127.0.0.1] }}
sources:
  notes: {{ use: ./pad.lua, base: "{base[notes]}", secret: [{secret}], every: 1h, api: {api[notes]} }}
transforms:
  notes: {{ use: ./rows.lua }}
sinks:
  local: {{ use: sqlite, path: ./warehouse.db, schema: {{ use: ./notes.yaml }} }}
routes:
  - {{ name: notes, from: [notes], via: [notes], to: local }}
"""

SOURCE = """\
return {
	summary = "notes of a pad",
	options = {
		{ "secret", "secret", help = "signs" },
		{ "base", "text", help = "where" },
	},
	webhook = {
		auth = "hmac-sha256", proof = "header:X-Proof", encoding = "base64", covers = "{body}", secret = "secret",
		id = "body:/id", type = "body:/type", subject = "body:/note", time = "body:/at",
	},
	api = { base = "{base}", requests = 1, window = "1s" },
	poll = function(cursor, opt, walk)
		local answer = http.get("/notes", { after = cursor or "0", limit = 20 })
		if not answer.json then retry("not JSON: " .. answer.body:sub(1, 200)) end
		local last
		for _, event in ipairs(answer.json.events) do
			last = event.number
			emit { id = event.id, type = event.type, subject = event.note, time = event.at, data = event }
		end
		if last then advance(tostring(last)) end
	end,
}
"""

MAPPING = """\
return {
	summary = "rows of notes",
	transform = function(event)
		local note = event.data
		emit { type = "note_events", data = { id = note.id, note = note.note } }
		emit { type = "notes", data = { note = note.note, text = note.text } }
	end,
}
"""

SCHEMA = """\
help: Notes.
tables:
  note_events: { mode: append, key: [id], columns: { id: text, note: text } }
  notes: { mode: upsert, key: [note], columns: { note: text, text: text } }
"""


class Pad(Fake):
    """It tells each change there ever was, in order."""

    def __init__(self, secret, **how):
        super().__init__(**how)
        self.secret, self.events, self.numbers = secret, [], itertools.count(1)
        self.limit("requests", 100, 10)
        self.route("GET", "/notes", self.list)

    def list(self, request):
        after, most = int(request.first("after")), int(request.first("limit"))
        return {"events": [event for event in self.events if event["number"] > after][:most]}

    def note(self, name):
        number = next(self.numbers)
        self.objects[name] = f"text {number}"
        event = {"id": f"e{number}", "number": number, "type": "noted", "note": name, "text": self.objects[name],
                 "at": int(time.time() * 1000)}
        self.events.append(event)
        return event

    def fill(self, count):
        with self.lock:
            for number in range(count):
                self.note(f"n{number}")

    def signed(self, body):
        proof = hmac.new(self.secret.encode(), body, hashlib.sha256).digest()
        return {"Content-Type": "application/json", "X-Proof": base64.b64encode(proof).decode()}

    def change(self, count):
        with self.lock:
            for _ in range(count):
                event = self.note(self.dice.choice([*self.objects, "new"]))
                for hook in self.hooks:
                    self.push(hook["url"], self.signed, event, id=event["id"])

    def truth(self):
        return {"notes": [{"note": name, "text": text} for name, text in self.objects.items()]}


def bed(daemon, fake=None, **more):
    daemon.source, daemon.route = "notes", "notes"
    for name, text in (("pad.lua", SOURCE), ("rows.lua", MAPPING), ("notes.yaml", SCHEMA)):
        daemon.write(name, text)
    pad = fake or Pad(daemon.secret, **bad_day())
    return Bed(daemon, CONFIG, {"notes": pad}, events=("note_events", "id"), **more)


# ----------------------------------------------------------------- the bad day


@pytest.mark.parametrize("victim", ["master", "source notes", "ingress", "route notes"])
def test_whoever_dies_all_is_there_at_the_end(daemon, victim):
    bed(daemon, victim=victim, objects=OBJECTS if victim == "master" else 100).prove()


def test_what_is_wrong_is_found(daemon):
    one = bed(daemon, Pad(daemon.secret, **bad_day(lost=0, faults=0)), objects=20)
    one.prove()
    pad = one.fakes["notes"]
    pad.objects["n1"] = "another"
    with pytest.raises(AssertionError, match="notes: 1 of 2[01] rows are not there, 1 should not be"):
        one.compare()
    pad.objects["n1"] = dict(one.rows("notes", ["note", "text"]))["n1"]
    pad.acknowledged["e999"] = 1
    with pytest.raises(AssertionError, match="LOST 1 of"):
        one.compare()
    del pad.acknowledged["e999"]
    one.compare()
    pad.limits["requests"].exceeded = 1
    with pytest.raises(AssertionError, match="more than its budget"):
        one.compare()


# -------------------------------------------------------------------- the fake


@pytest.fixture
def pad():
    with Pad("s", speed=50) as one:
        one.fill(3)
        yield one


def get(pad, target, method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", pad.port, timeout=10)
    try:
        connection.request(method, target)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def test_it_answers_and_counts(pad):
    status, headers, body = get(pad, "/notes?after=1&limit=1")
    assert status == 200 and headers["Content-Type"] == "application/json" and json.loads(body)["events"][0]["id"] == "e2"
    assert get(pad, "/nothing")[0] == 404 and get(pad, "/notes", "DELETE")[0] == 405
    assert get(pad, "/notes?after=0&limit=1", "HEAD")[2] == b""
    assert pad.counts["requests"] == 4 and not pad.errors
    assert get(pad, "/notes")[0] == 500 and pad.errors


def test_moods_come_first(pad):
    pad.moods.extend(["429", Answer(410, "gone"), "cut"])
    assert get(pad, "/notes")[0] == 429
    assert get(pad, "/notes")[::2] == (410, b"gone")
    with pytest.raises(http.client.IncompleteRead):
        get(pad, "/notes")


def test_a_window_slides():
    window = Window(3, 10, lambda request: request, lambda request, left: left)
    assert [window.admit(1, now) for now in (0, 1, 2)] == [None] * 3
    assert window.admit(1, 3) == 7 and window.exceeded == 1
    assert window.admit(0, 3) is None
    assert window.admit(1, 10) is None and window.admit(1, 10.5) == 0.5


def test_pushes_are_tried_again_until_they_are_given_up(pad):
    pad.moods.extend([Answer(503)] * 2)
    pad.limits.clear()
    pad.push(pad.base + "/notes", {}, {}, retries=(1, 1), id="twice")  # POST is refused: 405
    assert pad.drain(10)
    assert pad.counts["retries"] == 2 and pad.counts["given up"] == 1 and pad.gone == {"twice"}
    pad.route("POST", "/in", lambda request: {"ok": True})
    pad.push(pad.base + "/in", {}, {}, id="fine")
    wait_until(lambda: pad.acknowledged == {"fine": 1})
    pad.lost = 1
    pad.push(pad.base + "/in", {}, {}, id="lost")
    assert pad.counts["lost"] == 1 and "lost" in pad.gone
