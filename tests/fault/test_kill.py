# SPDX-License-Identifier: Apache-2.0
"""test_kill.py - processes are killed at random under load, and the destination goes away meanwhile.

The generator plans what is to become of each event, posts at the rate it is told to, and notes every 2xx.  Afterwards:
acknowledged = delivered + dropped + dead, each as planned, no row twice, each card's rows in order.

    SLUICE_KILLS, SLUICE_RATE, SLUICE_AWAY   kills (500 with SLUICE_LONG), requests a second (1200), seconds without the destination
    SLUICE_SEED                              repeats a run
"""
import itertools
import json
import multiprocessing
import os
import random
import signal
import socket
import time

import pytest
from bed import is_alive, process_fields, stolen, wait_until

KILLS = int(os.environ.get("SLUICE_KILLS", "500" if os.environ.get("SLUICE_LONG") else "20"))
RATE = int(os.environ.get("SLUICE_RATE", "1200" if os.environ.get("SLUICE_LONG") else "300"))
AWAY = float(os.environ.get("SLUICE_AWAY", "5"))
CARDS = 50
SENDERS = 8


def requests(daemon, seed, sender):
    """What one sender posts, in order, without end: (action id, card, number, planned end, the request's bytes)."""
    dice = random.Random(f"{seed} {sender}")
    for number in itertools.count(1):
        card = dice.randrange(CARDS // SENDERS) * SENDERS + sender
        planned = "dropped" if dice.random() < 0.1 else "delivered"
        data = {"board": {"id": "b" * 24, "name": "Board"}, "list": {"id": f"{number:024x}", "name": f"list {number}"}}
        if planned == "delivered":
            data["card"] = {"id": f"{card:024x}", "name": f"card {card}", "idShort": number}
        action_id = f"{sender:04x}{number:020x}"
        action = {"id": action_id, "type": "updateCard", "date": "2026-11-21T12:00:00.000Z", "data": data}
        body = json.dumps({"model": {"id": "b" * 24}, "action": action}).encode()
        head = (f"POST /in/boards HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"X-Trello-Webhook: {daemon.signature(body)}\r\nContent-Length: {len(body)}\r\n\r\n")
        for _ in range(1 if dice.random() > 0.05 else 2):  # some vendors repeat themselves
            yield action_id, card, number, planned, head.encode() + body


class Connection:
    """Just enough of an HTTP client to leave the processor to the daemon."""

    def __init__(self, port):
        self.port = port
        self.socket = None

    def status(self, request):
        """The answer's status; 0 when there was none."""
        try:
            if not self.socket:
                self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            self.socket.sendall(request)
            answer = self.socket.recv(4096)
            if not answer.startswith(b"HTTP/1.1 200 ") or not answer.endswith(b"}\n"):
                raise ConnectionError(answer)
            return 200
        except OSError:
            if self.socket:
                self.socket.close()
            self.socket = None
            return 0


def send(daemon, seed, sender, stopping):
    """A sender's process: what was not answered with 200 is sent again, as a vendor does, and the time is made up."""
    connection, due = Connection(daemon.port), time.monotonic()
    with open(daemon.folder / f"sender-{sender}", "w", encoding="ascii") as acknowledged:
        for action_id, card, number, planned, request in requests(daemon, seed, sender):
            if stopping.is_set():
                return
            while not connection.status(request):
                time.sleep(0.02)
            print(action_id, card, number, planned, file=acknowledged)
            due += SENDERS / RATE
            time.sleep(max(0, due - time.monotonic()))


class Generator:
    """Posts signed Trello bodies from several processes; one card belongs to one sender, so its events come in order."""

    def __init__(self, daemon, seed):
        self.daemon = daemon
        self.stopping = multiprocessing.Event()
        self.senders = [
            multiprocessing.Process(target=send, args=(daemon, seed, sender, self.stopping)) for sender in range(SENDERS)
        ]

    def start(self):
        self.began = time.monotonic()
        for sender in self.senders:
            sender.start()

    def stop(self):
        """Returns what was acknowledged: action id -> (card, its planned end); and tells the rate that was reached."""
        self.stopping.set()
        for sender in self.senders:
            sender.join(60)
            assert sender.exitcode == 0, "the daemon answers nobody any more"
        took = time.monotonic() - self.began
        acknowledged, answers = {}, 0
        for sender in range(SENDERS):
            for line in (self.daemon.folder / f"sender-{sender}").read_text().splitlines():
                action_id, card, _, planned = line.split()
                acknowledged[action_id] = (int(card), planned)
                answers += 1
        print(f"{answers} requests acknowledged in {took:.1f} s: {answers / took:.0f}/s")
        return acknowledged


def waits_for_the_disk(pid):
    """Who does that does not even hear a SIGKILL."""
    fields = process_fields(pid)
    return fields is not None and fields[0] == "D"


def kill_master(daemon):
    children = daemon.kill()
    end = time.monotonic() - stolen() + 1
    while alive := [pid for pid in children.values() if is_alive(pid)]:
        if not any(waits_for_the_disk(pid) for pid in alive):
            assert time.monotonic() - stolen() < end, f"children outlive their master: {children}"
        time.sleep(0.01)
    daemon.start(ready=False)


def kill_one(daemon, dice):
    victim = dice.choice(["ingress", "route cards", "master"])
    if victim == "master":
        kill_master(daemon)
        return
    pid = daemon.children().get(f"sluice: {victim}")
    if pid:
        os.kill(pid, signal.SIGKILL)


def take_away(daemon):
    """The destination cannot be written: where its folder was is a file."""
    os.rename(daemon.folder / "store", daemon.folder / "away")
    daemon.write("store", "")


def give_back(daemon):
    os.unlink(daemon.folder / "store")
    os.rename(daemon.folder / "away", daemon.folder / "store")


def ask(daemon, sql):
    return daemon.rows(sql, database="store/warehouse.db")


def compare(daemon, acknowledged, tally):
    planned = {action for action, (_, end) in acknowledged.items() if end == "delivered"}
    rows = ask(daemon, "select event_id, card_id, list_id from trello_events order by rowid")
    held = [event for event, _, _ in rows]
    tally(lost=len(planned - set(held)), of=len(acknowledged), wrong=len(held) - len(set(held)), rows=len(held))
    assert len(held) == len(set(held)), "a row twice"
    assert planned - set(held) == set(), f"LOST {len(planned - set(held))} of {len(planned)}"
    dropped = {action for action, (_, end) in acknowledged.items() if end == "dropped"}
    assert not dropped & set(held), "what was to be dropped is there"
    assert ask(daemon, "select * from _sluice_open") == []
    last = {}
    for _, card, list_id in rows:
        assert int(list_id, 16) > last.get(card, 0), f"card {card} out of order"
        last[card] = int(list_id, 16)
    (delivered, drops, repeats, cursor), = ask(daemon, "select delivered, dropped, repeats, cursor from _sluice_routes")
    assert delivered + drops + repeats == cursor
    assert (delivered, drops) == (len(held), len(dropped))


def table(daemon):
    return ask(daemon, "select event_id, card_id, list_id, action_type, raw_payload from trello_events order by event_id")


@pytest.mark.fault(1)
def test_kills_under_load_lose_nothing(daemon, tally):
    seed = os.environ.get("SLUICE_SEED", str(random.randrange(1 << 30)))
    print(f"SLUICE_SEED={seed}")
    dice = random.Random(seed)
    daemon.trello()
    os.mkdir(daemon.folder / "store")
    daemon.change("./warehouse.db", "./store/warehouse.db")
    daemon.start()
    generator = Generator(daemon, seed)
    generator.start()
    away_at = KILLS // 3
    for kill in range(KILLS):
        time.sleep(dice.uniform(0.1, 0.6))
        if kill == away_at:
            take_away(daemon)
            away_since = time.monotonic()
        kill_one(daemon, dice)
    time.sleep(max(0, AWAY - (time.monotonic() - away_since)))
    give_back(daemon)
    acknowledged = generator.stop()
    wait_until(lambda: daemon.settled("cards"), within=60, what=lambda: f"all is delivered: {daemon.route_health('cards')}")
    wait_until(lambda: daemon.get("/health").status == 200, within=60)
    tally(seeds=KILLS)
    compare(daemon, acknowledged, tally)

    before = table(daemon)
    assert daemon.ask("cards", "rewind", to=0)[1]["ok"]
    wait_until(lambda: daemon.settled("cards"), within=60)
    assert table(daemon) == before
    compare(daemon, acknowledged, lambda **_: None)
    print(f"LOST=0/{len(acknowledged)} over {KILLS} kills")
    assert KILLS < 500 or len(acknowledged) >= 100000
