# SPDX-License-Identifier: Apache-2.0
"""test_kill.py - processes are killed at random under load, and the destination goes away meanwhile.

The generator plans what is to become of each event, posts as fast as it is told to, and notes every 2xx.  Afterwards:
acknowledged = delivered + dropped + dead, each as planned, no row twice, each card's rows in order.

    SLUICE_KILLS, SLUICE_RATE, SLUICE_AWAY   kills, requests a second, seconds without the destination
    SLUICE_SEED                              repeats a run
"""
import http.client
import json
import os
import random
import signal
import threading
import time

from conftest import is_alive, wait_until

KILLS = int(os.environ.get("SLUICE_KILLS", "20"))
RATE = int(os.environ.get("SLUICE_RATE", "300"))
AWAY = float(os.environ.get("SLUICE_AWAY", "5"))
CARDS = 50
SENDERS = 8


class Generator:
    """Posts signed Trello bodies; one card belongs to one sender, so its events are posted in order."""

    def __init__(self, daemon, seed):
        self.daemon = daemon
        self.seed = seed
        self.stopping = False
        self.acknowledged = {}  # action id -> (card, number of its event, planned end)
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.send, args=(sender,)) for sender in range(SENDERS)]

    def body(self, action_id, card, number, planned):
        data = {"board": {"id": "b" * 24, "name": "Board"}, "list": {"id": f"{number:024x}", "name": f"list {number}"}}
        if planned == "delivered":
            data["card"] = {"id": f"{card:024x}", "name": f"card {card}", "idShort": number}
        action = {"id": action_id, "type": "updateCard", "date": "2026-11-21T12:00:00.000Z", "data": data}
        return json.dumps({"model": {"id": "b" * 24}, "action": action}).encode()

    def post(self, connection, body):
        headers = {"Content-Type": "application/json", "X-Trello-Webhook": self.daemon.signature(body)}
        connection.request("POST", "/in/boards", body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def send(self, sender):
        dice = random.Random(f"{self.seed} {sender}")
        connection, number = None, 0
        while not self.stopping:
            began = time.monotonic()
            number += 1
            card = dice.randrange(CARDS // SENDERS) * SENDERS + sender
            planned = "dropped" if dice.random() < 0.1 else "delivered"
            action_id = f"{sender:04x}{number:020x}"
            body = self.body(action_id, card, number, planned)
            for _ in range(1 if dice.random() > 0.05 else 2):  # some vendors repeat themselves
                connection = self.until_acknowledged(connection, body)
            with self.lock:
                self.acknowledged[action_id] = (card, number, planned)
            time.sleep(max(0, SENDERS / RATE - (time.monotonic() - began)))

    def until_acknowledged(self, connection, body):
        """As a vendor does: what was not answered with 2xx is sent again."""
        while True:
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=10)
                if self.post(connection, body) == 200:
                    return connection
                time.sleep(0.05)
            except (OSError, http.client.HTTPException):
                connection = None
                time.sleep(0.02)

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(60)
            assert not thread.is_alive(), "the daemon answers nobody any more"


def kill_master(daemon):
    children = daemon.kill()
    end = time.monotonic() + 1
    while any(is_alive(pid) for pid in children.values()):
        assert time.monotonic() < end, f"children outlive their master: {children}"
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


def compare(daemon, acknowledged):
    planned = {action for action, (_, _, end) in acknowledged.items() if end == "delivered"}
    rows = ask(daemon, "select event_id, card_id, list_id from trello_events order by rowid")
    held = [event for event, _, _ in rows]
    assert len(held) == len(set(held)), "a row twice"
    assert planned - set(held) == set(), f"LOST {len(planned - set(held))} of {len(planned)}"
    dropped = {action for action, (_, _, end) in acknowledged.items() if end == "dropped"}
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


def test_kills_under_load_lose_nothing(daemon):
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
    generator.stop()
    wait_until(lambda: daemon.settled("cards"), within=60, what=lambda: f"all is delivered: {daemon.route_health('cards')}")
    wait_until(lambda: daemon.get("/health").status == 200, within=60)
    compare(daemon, generator.acknowledged)

    before = table(daemon)
    assert daemon.ask("cards", "rewind", to=0)[1]["ok"]
    wait_until(lambda: daemon.settled("cards"), within=60)
    assert table(daemon) == before
    compare(daemon, generator.acknowledged)
    print(f"LOST=0/{len(generator.acknowledged)} over {KILLS} kills")
