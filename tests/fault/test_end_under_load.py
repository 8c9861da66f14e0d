# SPDX-License-Identifier: Apache-2.0
"""test_end_under_load.py - SIGTERM in the middle of some thousand requests a second, each on a connection of its own.

Within 100 ms nobody is let in any more; who was let in before has an answer; all that any client ever sees is an answer of 200 or
"connection refused"; and it ends with 0 within 5 s.

    SLUICE_LONG   more rounds
    SLUICE_SEED   repeats a run
"""
import collections
import random
import signal
import socket
import threading
import time

import pytest
from bed import stolen, wait_until
from oracle import Connection, Plan, compare, configure, crashes, many, seed, settle, sound

pytestmark = pytest.mark.fault(18)
ROUNDS = many(3, 20)
CLIENTS = 12
REFUSED = 0.1  # seconds until
ENDED = 5


class Clients:
    def __init__(self, daemon, plan, first):
        self.daemon, self.plan, self.first = daemon, plan, first
        self.acknowledged, self.seen, self.ended = {}, collections.Counter(), threading.Event()
        self.threads = [threading.Thread(target=self.post, args=(client,), daemon=True) for client in range(CLIENTS)]

    def post(self, client):
        making, number = Connection(self.daemon), self.first
        while not self.ended.is_set():
            number += 1
            event = self.plan.event(client, number)
            seen = self.once(making.request(event))
            self.seen[seen] += 1
            if seen == 200:
                self.acknowledged[event["id"]] = True
            elif seen == "refused":
                return

    def once(self, request):
        """The status, or what went wrong."""
        try:
            with socket.create_connection(("127.0.0.1", self.daemon.port), timeout=10) as sock:
                sock.sendall(request)
                answer = sock.recv(4096)
                return int(answer.split(b" ", 2)[1]) if answer.endswith(b"\n") else f"half an answer: {answer[:100]}"
        except ConnectionRefusedError:
            return "refused"
        except OSError as error:
            return repr(error)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join(20)


def now():
    """Seconds that were ours."""
    return time.monotonic() - stolen()


def until_refused(daemon, since):
    """Seconds until nobody is let in."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", daemon.port), timeout=1).close()
        except ConnectionRefusedError:
            return now() - since
        assert now() - since < ENDED, "it goes on letting in"
        time.sleep(0.005)


def test_a_clean_end_refuses_and_never_breaks_off(daemon, tally):
    chosen = seed()
    plan, dice, acknowledged, seen, took = Plan(chosen), random.Random(chosen), {}, collections.Counter(), []
    configure(daemon)
    daemon.change("size: 4 MB, reserve: 1", "size: 256 MB, reserve: 1")
    daemon.start()
    for turn in range(ROUNDS):
        with Clients(daemon, plan, turn * 4000) as clients:
            began = time.monotonic()
            wait_until(lambda: len(clients.acknowledged) > 500 + dice.randrange(500), what=lambda: clients.seen)
            rate = len(clients.acknowledged) / (time.monotonic() - began)
            since = now()
            daemon.process.send_signal(signal.SIGTERM)
            took.append(until_refused(daemon, since))
            assert daemon.wait() == 0 and now() - since < ENDED
        acknowledged |= clients.acknowledged
        seen += clients.seen
        daemon.start()
    settle(daemon, within=60)
    daemon.stop()
    sound(daemon)
    verdict, crashed = compare(daemon, plan, acknowledged), crashes(daemon)
    tally(seeds=ROUNDS, crash=len(crashed), **verdict.figures())
    print(f"{rate:.0f} requests a second; refused {max(took) * 1000:.0f} ms after SIGTERM at the latest; clients saw {dict(seen)}")
    verdict.assert_fine()
    assert not crashed and set(seen) <= {200, "refused"}, (crashed, seen)
    assert max(took) < REFUSED
