# SPDX-License-Identifier: Apache-2.0
# oracle.py - plans what is to become of events, sends them, notes every 2xx, and compares with what there is at last.
#
#     plan = Plan(seed)
#     configure(daemon)
#     with Senders(daemon, plan) as senders: ...harm...
#     verdict = compare(daemon, plan, senders.acknowledged)
#
# The table `notes` has one row for each event that is to be delivered, in the order in which they came; `cards` the
# newest note of each card.  Whatever was not answered with 2xx may be there or not, but if it is, then rightly.
import contextlib
import dataclasses
import json
import os
import random
import re
import socket
import threading
import time

from bed import SIGNED, wait_until

LONG = bool(os.environ.get("SLUICE_LONG"))
SHARE = int(os.environ.get("SLUICE_SHARE") or "100")  # percent of the long form's counts
SENDERS = 4
CARDS = 3  # of each sender: one card's events come from one sender, so in order
FILLING = "0123456789abcdef" * 4096

LOG = "log: {{ segment: 128 KB, size: 4 MB, reserve: 1 }}\n"

MAPPING = """\
return {
	summary = "a note becomes a row, and its card's newest text",
	transform = function(event)
		local note = event.data
		if note.planned == "dropped" then return drop("as planned") end
		if note.planned == "dead" then return fail("as planned") end
		emit { type = "notes", data = { id = note.id, card = note.card, number = note.number, text = note.text } }
		emit { type = "cards", data = { card = note.card, number = note.number, text = note.text } }
	end,
}
"""

SCHEMA = """\
help: Notes.
tables:
  notes:
    mode: append
    key: [id]
    columns: { id: text, card: text, number: int, text: text }
  cards:
    mode: upsert
    key: [card]
    columns: { card: text, number: int, text: text }
"""


def many(usually, long):
    """A count: that of the long form, or a share of it, or the usual one."""
    return max(usually, long * SHARE // 100) if LONG else usually


def seed():
    """That of this run; SLUICE_SEED repeats it."""
    chosen = os.environ.get("SLUICE_SEED") or str(random.randrange(1 << 30))
    print(f"SLUICE_SEED={chosen}")
    return chosen


def configure(daemon):
    daemon.notes(MAPPING, SCHEMA, SIGNED + "    time: body:/time\n", LOG)


class Plan:
    """What each event is and becomes follows from the seed, the sender and the event's number."""

    def __init__(self, seed, dead=0.03, dropped=0.1, large=0.03):
        self.seed, self.dead, self.dropped, self.large = seed, dead, dropped, large

    def event(self, sender, number):
        dice = random.Random(f"{self.seed} {sender} {number}")
        lot = dice.random()
        planned = "dead" if lot < self.dead else "dropped" if lot < self.dead + self.dropped else "delivered"
        length = dice.randrange(20000, 60000) if dice.random() < self.large else dice.randrange(0, 1500)
        begin = dice.randrange(0, 16)
        # A dead letter holds back nobody, but what follows it must not wait for it: so its card is its own.
        card = f"dead-{sender}-{number}" if planned == "dead" else f"card-{sender}-{dice.randrange(CARDS)}"
        return {"id": f"{sender}-{number}", "type": "note", "card": card, "number": number, "planned": planned,
                "time": f"2026-11-21T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}Z",
                "text": f"{number} {FILLING[begin:begin + length]}"}

    def of(self, name):
        sender, number = name.split("-")
        return self.event(int(sender), int(number))


class Connection:
    """A sender's own: one request at a time, kept open while it goes well."""

    def __init__(self, daemon):
        self.daemon, self.socket = daemon, None

    def request(self, event):
        body = json.dumps(event).encode()
        head = (f"POST /in/notes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"X-Proof: {self.daemon.signature(body)}\r\nContent-Length: {len(body)}\r\n\r\n")
        return head.encode() + body

    def status(self, request):
        """The answer's; 0 when there was none."""
        try:
            if not self.socket:
                self.socket = socket.create_connection(("127.0.0.1", self.daemon.port), timeout=10)
            self.socket.sendall(request)
            answer = self.socket.recv(4096)
            if not answer.endswith(b"\n"):
                raise ConnectionError(answer)
            return int(answer.split(b" ", 2)[1])
        except (OSError, IndexError):
            self.close()
            return 0

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None


class Senders:
    """Post as vendors do: what was not answered with 2xx is sent again, after a moment.  `moment` is asked what time it
    is whenever a 2xx has come; `pause` lies between two requests of a sender."""

    def __init__(self, daemon, plan, moment=time.monotonic, pause=0.0, count=SENDERS, first=0):
        self.daemon, self.plan, self.moment, self.pause = daemon, plan, moment, pause
        self.acknowledged = {}  # id: when
        self.statuses = []      # all that were not 2xx, with when, and whose they were
        self.sent = [first] * count
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.send, args=(sender,), daemon=True) for sender in range(count)]

    def send(self, sender):
        with contextlib.closing(Connection(self.daemon)) as connection:
            while not self.stopping.is_set():
                self.sent[sender] += 1
                event = self.plan.event(sender, self.sent[sender])
                if not self.post(sender, connection, event):
                    return
                self.stopping.wait(self.pause)

    def post(self, sender, connection, event):
        request = connection.request(event)
        while True:
            status = connection.status(request)
            if 200 <= status < 300:
                self.acknowledged[event["id"]] = self.moment()
                return True
            self.statuses.append((self.moment(), status, sender))
            if self.stopping.wait(0.02):
                return False

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def until(self, count, within=30):
        """Until so many are acknowledged in all."""
        wait_until(lambda: len(self.acknowledged) >= count, within=within,
                   what=lambda: f"{count} are acknowledged: {len(self.acknowledged)}, {self.statuses[-3:]}")

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(20)


@dataclasses.dataclass
class Verdict:
    lost: list   # ids that were acknowledged and are nowhere
    wrong: list  # words
    of: int
    rows: int

    def figures(self):
        return {"lost": len(self.lost), "of": self.of, "wrong": len(self.wrong), "rows": self.rows}

    def assert_fine(self, *words):
        assert not self.lost, f"LOST={len(self.lost)}/{self.of} {sorted(self.lost)[:5]} {words}"
        assert not self.wrong, f"WRONG={len(self.wrong)}/{self.rows} {self.wrong[:3]} {words}"


def wrong_rows(plan, rows):
    """Against the model: a row is its event's, each stands there once, and one card's are in order."""
    last, seen = {}, set()
    for name, card, number, text in rows:
        event = plan.of(name)
        if event["planned"] != "delivered":
            yield f"{name} was to be {event['planned']}"
        if (card, number, text) != (event["card"], event["number"], event["text"]):
            yield f"{name} is another one's: {card} {number} {text[:40]!r}"
        if name in seen:
            yield f"{name} is there twice"
        if number <= last.get(card, 0):
            yield f"{name} comes after {last[card]}"
        seen.add(name)
        last[card] = number


def wrong_cards(rows, cards):
    newest = {}
    for _, card, number, text in rows:
        if number > newest.get(card, (0,))[0]:
            newest[card] = (number, text)
    for card in newest.keys() | cards.keys():
        if newest.get(card) != cards.get(card):
            yield f"{card} is {str(cards.get(card))[:40]}, not {str(newest.get(card))[:40]}"


def wrong_dead(plan, dead):
    for name, state, reason in dead:
        planned = plan.of(name)["planned"] if "-" in name else None  # what was damaged has no id
        if state != "dead" or planned != "dead" or "as planned" not in reason:
            yield f"{name or 'an event without an id'} is {state}: {reason}"


def compare(daemon, plan, acknowledged):
    """What the destination holds, now that nothing is on its way any more, with what was planned for those
    acknowledged."""
    rows = daemon.rows("select id, card, number, text from notes order by rowid")
    cards = {card: (number, text) for card, number, text in daemon.rows("select card, number, text from cards")}
    dead = daemon.rows("select event_id, state, reason from _sluice_open")
    (dropped,), = daemon.rows("select dropped from _sluice_routes")
    ends = {"delivered": {row[0] for row in rows}, "dead": {row[0] for row in dead}}
    planned = {name: plan.of(name)["planned"] for name in acknowledged}
    lost = [name for name, end in planned.items() if end != "dropped" and name not in ends[end]]
    drops = sum(end == "dropped" for end in planned.values())
    lost += [f"one that was to be dropped ({dropped} of {drops} were)"] * max(0, drops - dropped)
    wrong = [*wrong_rows(plan, rows), *wrong_cards(rows, cards), *wrong_dead(plan, dead)]
    return Verdict(lost, wrong, len(acknowledged), len(rows) + len(cards) + len(dead))


def settle(daemon, within=20):
    """All that is in the log has been taken along the route, and the route is well."""
    def done():
        revive(daemon)
        route = daemon.route_health()
        return route["behind"] == 0 and route["state"] == "running" and not route["waiting"]
    wait_until(done, within=within, what=lambda: f"all is delivered: {daemon.health()}\n{daemon.stderr()[-3000:]}")


# --------------------------------------------------------------- rough handling


def revive(daemon):
    """Whoever runs a daemon starts it again when it has ended."""
    if daemon.process and daemon.process.poll() is not None:
        daemon.levers.fallen = 0
        daemon.ends = [*getattr(daemon, "ends", []), daemon.wait()]
        daemon.start(ready=False)


def carry_on(daemon, senders, more, within=30):
    """Until so many more are acknowledged, whatever is done to the daemon meanwhile."""
    count = len(senders.acknowledged) + more
    def done():
        revive(daemon)
        return len(senders.acknowledged) >= count
    wait_until(done, within=within, what=lambda: f"{count} are acknowledged: {senders.statuses[-3:]}\n{daemon.stderr()[-3000:]}")


def words(daemon):
    """All that the daemon has said, over all its starts."""
    return "\n".join(path.read_text(errors="replace") for path in sorted(daemon.folder.glob("stderr.*")))


def crashes(daemon):
    """What ended by a signal that nobody sent, and what a sanitizer says."""
    said = words(daemon)
    found = re.findall(r"was killed by signal \d+[^\"]*|was ended by the kernel[^\"]*|ERROR: \w+Sanitizer.*|runtime error:.*", said)
    return found + [f"the master ended by signal {-code}" for code in getattr(daemon, "ends", []) if code < 0]


def sound(daemon):
    """Nothing is damaged, now that the daemon has ended: the log, the destination, the route's own file."""
    checked = daemon.sluice("log", "fsck")
    assert checked.returncode == 0 and checked.stdout.startswith("fine"), checked.stdout + checked.stderr
    for path in [*daemon.folder.glob("warehouse.db"), *daemon.data.glob("routes/*.db")]:
        assert daemon.rows("pragma integrity_check", database=path) == [("ok",)], path
