# SPDX-License-Identifier: Apache-2.0
"""test_same_id.py - one id, posted by a hundred at the same moment: a hundred times 2xx, and one row.

Beside it the ingress or the route is killed, or nobody; whoever had no answer sends again, as vendors do.

    SLUICE_LONG   more rounds
    SLUICE_SEED   repeats a run
"""
import os
import random
import signal
import threading
import time

import pytest
from bed import wait_until
from oracle import Connection, Plan, compare, configure, crashes, many, seed, settle, sound

pytestmark = pytest.mark.fault(31)
POSTERS = 100
ROUNDS = many(6, 60)


def post_at_once(daemon, event, kill):
    """How many were answered 200; `kill` is called when all have sent."""
    barrier, answered = threading.Barrier(POSTERS + 1), []

    def post():
        connection = Connection(daemon)
        request = connection.request(event)
        barrier.wait(20)
        while connection.status(request) != 200:
            time.sleep(0.02)
        answered.append(True)
        connection.close()

    posters = [threading.Thread(target=post, daemon=True) for _ in range(POSTERS)]
    for poster in posters:
        poster.start()
    barrier.wait(20)
    kill()
    for poster in posters:
        poster.join(30)
    return len(answered)


def test_one_id_of_a_hundred_at_once_is_one_row(daemon, tally):
    chosen = seed()
    plan, dice, posted = Plan(chosen, dead=0, dropped=0), random.Random(chosen), {}
    configure(daemon)
    daemon.change("size: 4 MB, reserve: 1", "size: 64 MB, reserve: 1")
    daemon.start()
    for number in range(1, ROUNDS + 1):
        victim = dice.choice([None, None, "ingress", "route notes"])
        def kill(victim=victim):
            if victim:
                os.kill(daemon.child(victim), signal.SIGKILL)
        event = plan.event(0, number)
        assert post_at_once(daemon, event, kill) == POSTERS
        posted[event["id"]] = True
        wait_until(lambda: daemon.children().keys() >= {"sluice: ingress", "sluice: route notes"})
    settle(daemon)
    health = wait_until(lambda: daemon.get("/health").status == 200) and daemon.health()
    daemon.stop()
    sound(daemon)
    verdict = compare(daemon, plan, posted)
    (delivered, repeats), = daemon.rows("select delivered, repeats from _sluice_routes")
    tally(seeds=1, **verdict.figures())
    print(f"{ROUNDS} ids, {POSTERS} posts of each at once: {delivered} delivered, {repeats} known as repeats")
    verdict.assert_fine()
    assert delivered == ROUNDS and repeats >= ROUNDS * (POSTERS - 1), health
    assert not [word for word in crashes(daemon) if "signal 9" not in word]
