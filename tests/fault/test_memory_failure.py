# SPDX-License-Identifier: Apache-2.0
"""test_memory_failure.py - there is no memory, once or for a while, from the n-th time that one of the processes asks.

Whoever cannot go on ends with a word, never by a signal; it is begun again, and nothing was lost.

    SLUICE_LONG   more n
    SLUICE_SEED   repeats a run; SLUICE_ONLY one n of it
"""
import os
import random
import shutil

import pytest
from bed import Daemon
from oracle import Plan, Senders, carry_on, compare, configure, crashes, many, seed, settle, sound
from power import FOREVER, MEMORY, Harness

EVENTS = 20
TRIES = many(4, 100)
ONLY = os.environ.get("SLUICE_ONLY")
pytestmark = pytest.mark.fault(8)


def starve(folder, plan, who, dice):
    """A whole life; one process asks for memory in vain.  Returns (the verdict, what crashed)."""
    number, times = int(2 ** dice.uniform(0, 14)), dice.choice([1, 1, 10, FOREVER])
    daemon = Daemon(folder)
    configure(daemon)
    harness = Harness(daemon, notes=False)
    print(f"{who or 'the master'} from the {number}th time on, {'for ever' if times == FOREVER else times}")
    try:
        harness.levers.harm(MEMORY, 12, at=number, times=times, title=who or "sluice")
        daemon.start(ready=False)
        with Senders(daemon, plan, count=2) as senders:
            senders.stopping.wait(0.3)
            harness.levers.rest()
            carry_on(daemon, senders, EVENTS)
        settle(daemon, within=40)
        daemon.process.terminate()
        daemon.wait()
        sound(daemon)
        return compare(daemon, plan, senders.acknowledged), crashes(daemon)
    finally:
        if daemon.process and daemon.process.poll() is None:
            daemon.kill()
        harness.end()


@pytest.mark.parametrize("who", ["sluice: ingress", "sluice: route", ""], ids=["ingress", "route", "all"])
def test_without_memory_it_ends_with_a_word_and_nothing_is_lost(folder, tally, who):
    chosen = seed()
    for number in [int(ONLY)] if ONLY else range(TRIES):
        dice, place = random.Random(f"{chosen} {who} {number}"), folder / f"life-{number}"
        place.mkdir()
        print(f"SLUICE_SEED={chosen} SLUICE_ONLY={number}")
        verdict, crashed = starve(place, Plan(f"{chosen} {number}"), who, dice)
        tally(seeds=1, crash=len(crashed), **verdict.figures())
        verdict.assert_fine(f"SLUICE_SEED={chosen} SLUICE_ONLY={number}")
        assert not crashed, crashed
        shutil.rmtree(place)
