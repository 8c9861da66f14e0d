# SPDX-License-Identifier: Apache-2.0
"""test_power_loss_postgres.py - our machine loses its power; the Postgres is another one, and keeps all that it has taken.

So where the route stands there may be ahead of whatever our disk still holds of the route's own file, and must never be ahead
of the log: only what the disk had for certain may have been delivered.  A daemon runs under load; now and then all its processes
stand still, and the tables are copied as they are.  Of each such moment the disk is made as it may be found, the first time with
nothing that was not synced, and a daemon goes on with it and a copy of those tables.

    SLUICE_CUTS    how many power cuts (8; 400 with SLUICE_LONG)
    SLUICE_SEED    repeats a run; SLUICE_ONLY one of its cuts, by its number
"""
import collections
import contextlib
import itertools
import os
import random
import shutil
import signal

import pytest
from bed import Daemon, is_alive, process_fields, wait_until
from namespace import Namespace
from oracle import LONG, Plan, Senders, compare, configure, many, seed, settle
from power import Harness, Mood
from test_power_loss import AGAIN, ONLY, Run, live

SEEDS = int(os.environ.get("SLUICE_CUTS", "0")) or many(8, 400)
EACH = 5 if LONG else 2  # cuts at one moment
OF_ONE = 40 if LONG else 8  # of one recording
pytestmark = pytest.mark.fault(3, 7, 35)
names = itertools.count()

Cut = collections.namedtuple("Cut", "moment tables")


def stand_still(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: all(not is_alive(pid) or process_fields(pid)[0] == "T" for pid in pids), what="all stand still")


def look(daemon, harness, tables):
    """What the disk was told, and what the tables hold, at one moment: nobody does anything meanwhile."""
    pids = [daemon.pid, *daemon.children().values()]
    try:
        stand_still(pids)
        return Cut(harness.now(), tables.copy(f"moment_{next(names)}"))
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def record(folder, name, tables):
    """A run from an empty folder to a clean end, and some moments of it."""
    folder.mkdir()
    daemon, dice, plan, cuts = Daemon(folder), random.Random(name), Plan(name), []
    configure(daemon)
    tables.use(daemon)
    if dice.random() < 0.5:  # segments are used again
        daemon.change("size: 4 MB", "size: 1 MB, keep: 0")
    harness = Harness(daemon)
    daemon.start()
    with Senders(daemon, plan, harness.now) as senders:
        for _ in live(daemon, harness, dice):
            for _ in range(2):
                senders.until(len(senders.acknowledged) + dice.randrange(5, 60))
                cuts.append(look(daemon, harness, tables))
    settle(daemon)
    daemon.stop()
    compare(daemon, plan, senders.acknowledged).assert_fine("before any power was lost")
    run = Run(plan, senders.acknowledged, senders.sent, harness.recording())
    harness.end()
    return run, cuts


def come_back(folder, run, cut, again=False):
    """A daemon starts on what the disk holds, and goes on.  Returns (the verdict, what it did as another run, a moment of that)."""
    daemon = Daemon(folder)
    configure(daemon)
    tables = cut.tables.copy(f"back_{next(names)}")
    tables.use(daemon)
    harness, next_cut = Harness(daemon, notes=again), None
    try:
        daemon.start()
        with Senders(daemon, run.plan, harness.now, first=max(run.sent) + 1000) as senders:
            if again:
                senders.until(random.Random(cut.moment).randrange(8))
                next_cut = look(daemon, harness, tables)
            senders.until(8)
        settle(daemon)
        must = dict.fromkeys(run.before(cut.moment), 0) | senders.acknowledged
        verdict = compare(daemon, run.plan, must)
        return verdict, Run(run.plan, must, senders.sent, harness.recording()) if again else None, next_cut
    finally:
        if daemon.process and daemon.process.poll() is None:
            daemon.kill()
        harness.end()
        tables.drop()


def lose_power(run, cut, dice, mood, folder):
    """Yields a verdict for each time the power went."""
    for time in range(3):
        place = folder / f"cut-{time}"
        run.recording.cut(cut.moment, dice, place, mood=mood)
        verdict, run_on, next_cut = come_back(place, run, cut, again=dice.random() < AGAIN)
        if time:
            cut.tables.drop()
        yield verdict
        if not run_on:
            return
        run, cut, mood = run_on, next_cut, None


@pytest.mark.parametrize("part", range((SEEDS + OF_ONE - 1) // OF_ONE))
def test_what_the_destination_has_was_on_the_disk(folder, database, tally, part):
    chosen = seed()
    wanted = range(part * OF_ONE, min(SEEDS, (part + 1) * OF_ONE))
    if ONLY not in (None, *map(str, wanted)):
        pytest.skip("SLUICE_ONLY is in another part")
    run, cuts = record(folder / "live", f"{chosen} {part}", Namespace(database, "live"))
    random.Random(f"{chosen} {part} cuts").shuffle(cuts)
    for number in wanted if ONLY is None else [int(ONLY)]:
        dice, place = random.Random(f"{chosen} moment {number}"), folder / f"moment-{number}"
        cut, mood = cuts[number % OF_ONE // EACH % len(cuts)], None if number % EACH else Mood.worst(dice)
        print(f"SLUICE_SEED={chosen} SLUICE_ONLY={number}")
        tally(seeds=1)
        for verdict in lose_power(run, cut, dice, mood, place):
            tally(**verdict.figures())
            verdict.assert_fine(f"SLUICE_SEED={chosen} SLUICE_ONLY={number}")
        shutil.rmtree(place)


def test_without_syncs_it_would_not_have_been(folder, database):
    """The proof of the test above: it sees a destination that has what the disk has not."""
    chosen = seed()
    run, cuts = record(folder / "live", f"{chosen} 0", Namespace(database, "live"))
    for number, cut in enumerate(cuts):
        dice, place = random.Random(f"{chosen} unsynced {number}"), folder / f"unsynced-{number}"
        run.recording.cut(cut.moment, dice, place, syncs=False, mood=Mood.worst(dice))
        try:
            come_back(place, run, cut)[0].assert_fine()
        except (pytest.fail.Exception, AssertionError) as said:
            print(f"cut {number}: {str(said)[:300]}")
            return
    pytest.fail("everything was there after each power cut, although nothing was ever synced")
