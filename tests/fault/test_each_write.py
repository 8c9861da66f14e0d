# SPDX-License-Identifier: Apache-2.0
"""test_each_write.py - a process dies at the n-th thing it does to the disk, for every n until there is no n-th.

The same few events each time, from an empty folder to a clean end; the n-th write, sync, new name, rename or removal of
any of the daemon's processes is not done, or half of it is, and the process, or all of them, end with it.  The destination
lies on the same disk, or is a Postgres.

    SLUICE_LONG   every n; else every so many-th, beginning with one that the seed chooses
    SLUICE_SEED   repeats a run; SLUICE_ONLY one n of it
"""
import os
import random
import shutil

import pytest
from bed import Daemon
from namespace import Namespace
from oracle import LONG, SHARE, Plan, Senders, carry_on, compare, configure, crashes, seed, settle, sound
from power import DIE, DIE_ALL, DIE_HALF, ENTRIES, SYNCS, WRITES, Harness

EVENTS = 12
STRIDE = max(1, 100 // SHARE) if LONG else 40
ONLY = os.environ.get("SLUICE_ONLY")
pytestmark = pytest.mark.fault(2)


def die_at(folder, plan, number, how, database):
    """A whole life with a death at the number-th call.  Returns (whether it came to that, the verdict)."""
    daemon = Daemon(folder)
    configure(daemon)
    if database:
        Namespace(database, f"n{number}").use(daemon)
    harness = Harness(daemon, notes=False)
    try:
        harness.levers.harm(WRITES | SYNCS | ENTRIES, how, at=number, times=1)
        daemon.start(ready=False)
        with Senders(daemon, plan, count=2) as senders:
            carry_on(daemon, senders, EVENTS)
        settle(daemon)
        daemon.process.terminate()
        daemon.wait()
        sound(daemon)
        assert not crashes(daemon)
        return harness.levers.hits > 0, compare(daemon, plan, senders.acknowledged)
    finally:
        if daemon.process and daemon.process.poll() is None:
            daemon.kill()
        harness.end()


def numbers(dice):
    """Without end: who asks stops when nobody dies any more."""
    number = int(ONLY) if ONLY else dice.randrange(STRIDE) + 1
    while True:
        yield number
        number += STRIDE


@pytest.mark.parametrize("destination", ["sqlite", "postgres"])
def test_a_death_at_any_write_loses_nothing(folder, request, tally, destination):
    chosen, database = seed(), request.getfixturevalue("database") if destination == "postgres" else None
    for number in numbers(random.Random(chosen)):
        how = random.Random(f"{chosen} {number}").choice([DIE, DIE_HALF, DIE_ALL])
        place = folder / f"write-{number}"
        place.mkdir()
        print(f"SLUICE_SEED={chosen} SLUICE_ONLY={number}, {how}")
        died, verdict = die_at(place, Plan(f"{chosen} {number}"), number, how, database)
        tally(seeds=1, **verdict.figures())
        verdict.assert_fine(f"SLUICE_SEED={chosen} SLUICE_ONLY={number}")
        shutil.rmtree(place)
        if ONLY or not died:
            return
