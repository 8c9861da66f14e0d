# SPDX-License-Identifier: Apache-2.0
"""test_power_loss.py - the power goes at any moment, and the disk holds what it likes of all that was not synced.

A daemon takes events in, its processes are killed now and then, and the shim notes what they do to the disk.  Of such a
recording any number of moments can be looked at afterwards: the disk is made as it may be found then, a daemon starts
on it, and whatever was acknowledged before that moment must be in the destination.  Some of these starts are
recorded too, and the power goes once more.  In other runs something else goes wrong before: syncs or writes fail, there is
no room, a process ends in the middle of a write.

    SLUICE_SEEDS   how many moments (50; 1000 with SLUICE_LONG)
    SLUICE_SEED    repeats a run; SLUICE_ONLY one of its moments, by its number
"""
import dataclasses
import errno
import os
import random
import shutil
import signal
import sqlite3

import pytest
from bed import Daemon
from oracle import LONG, Plan, Senders, compare, configure, many, seed, settle
from power import AHEAD, CUT, DIE_HALF, ENTRIES, SYNCS, WRITE, WRITES, File, Harness, Mood, Note

SEEDS = int(os.environ.get("SLUICE_SEEDS", "0")) or many(50, 1000)
ONLY = os.environ.get("SLUICE_ONLY")
OF_ONE = 25  # moments of one recording
AGAIN = 0.3  # so often the power goes a second time
pytestmark = pytest.mark.fault(3, 7)


class Run:
    """What was sent and acknowledged, when, and what the disk was told meanwhile."""

    def __init__(self, plan, acknowledged, sent, recording):
        self.plan, self.acknowledged, self.sent, self.recording = plan, acknowledged, sent, recording

    def before(self, moment):
        return {name for name, when in self.acknowledged.items() if when <= moment}


def live(daemon, harness, dice):
    """One or two of its processes are killed, now and then a sync of the log, of a state file or of a destination on the same
    disk fails, then all are killed."""
    for victim in dice.sample(["ingress", "route notes", "none"], 2):
        yield
        pid = daemon.children().get(f"sluice: {victim}")
        if pid:
            os.kill(pid, signal.SIGKILL)
    if dice.random() < 0.5:
        harness.levers.harm(SYNCS, errno.EIO, at=dice.randrange(1, 20), times=1, path=dice.choice([".seg", "/routes/", "warehouse"]))
    yield
    daemon.kill()
    daemon.start(ready=False)
    yield


def live_with_bad_syncs(daemon, harness, dice):
    """Syncs of the destination fail, once or for a while; as often as not its first COMMIT after it was opened, and what is
    done about that: its WAL holds little else then, and does not cover up for the file."""
    for _ in range(4):
        yield
        if dice.random() < 0.5:
            os.kill(daemon.child("route notes"), signal.SIGKILL)
            harness.levers.harm(SYNCS, errno.EIO, at=dice.randrange(2, 5), times=dice.choice([2, 3]), path="warehouse.db-wal")
        else:
            harness.levers.harm(SYNCS, errno.EIO, at=dice.randrange(1, 12), times=dice.choice([1, 2, 3, 4]), path="warehouse")
    yield


HARMS = [(WRITES, errno.EIO), (WRITES | ENTRIES, errno.ENOSPC), (ENTRIES, errno.EIO), (WRITES, DIE_HALF)]


def live_badly(daemon, harness, dice):
    """Writes fail, or there is no room, or nothing can be made and renamed, or a process ends in the middle of a write: now and
    then, in the ingress or the route; then all is well again."""
    kinds, what = dice.choice(HARMS)
    for _ in range(4):
        yield
        harness.levers.harm(kinds, what, at=dice.randrange(1, 200), times=dice.choice([1, 2, 10]),
                            title=dice.choice(["ingress", "route notes"]))
    yield
    harness.levers.rest()


def live_both_ways(daemon, harness, dice):
    """Every third write of the log is not begun without waiting, so that the pool makes it; or an ingress does all of it there."""
    harness.levers.harm(AHEAD, errno.EAGAIN, chance=0.3, at=dice.randrange(1000), title="ingress")
    for _ in range(3):
        yield
        os.kill(daemon.child("ingress"), signal.SIGKILL)
    yield


def record(daemon, name, life=live):
    """A run from an empty folder to a clean end."""
    dice, plan = random.Random(name), Plan(name)
    configure(daemon)
    if life != live or dice.random() < 0.5:  # what is delivered is let go of, segments are used again
        daemon.change("size: 4 MB", "size: 1 MB, keep: 0")
    harness = Harness(daemon)
    daemon.start()
    with Senders(daemon, plan, harness.now) as senders:
        for _ in life(daemon, harness, dice):
            senders.until(len(senders.acknowledged) + dice.randrange(20, 120))
    settle(daemon)
    daemon.stop()
    compare(daemon, plan, senders.acknowledged).assert_fine("before any power was lost")
    run = Run(plan, senders.acknowledged, senders.sent, harness.recording())
    harness.end()
    return run


def come_back(folder, run, moment, again=False):
    """A daemon starts on what the disk holds, and goes on.  Returns (the verdict, what it did as another run)."""
    daemon = Daemon(folder)
    configure(daemon)
    harness = Harness(daemon, notes=again)
    try:
        daemon.start()
        with Senders(daemon, run.plan, harness.now, first=max(run.sent) + 1000) as senders:
            senders.until(8)
        settle(daemon)
        must = dict.fromkeys(run.before(moment), 0) | senders.acknowledged
        verdict = compare(daemon, run.plan, must)
        return verdict, Run(run.plan, must, senders.sent, harness.recording()) if again else None
    finally:
        if daemon.process and daemon.process.poll() is None:
            daemon.kill()
        harness.end()


def some_moment(recording, dice):
    """Any one; or, where syncs failed, more often one at which the destination is written to because of that."""
    mended = recording.mended("/warehouse.db")
    return dice.choice(mended) if mended and dice.random() < 0.7 else dice.randrange(1, recording.end + 1)


def lose_power(run, dice, folder):
    """Yields a verdict for each time the power went."""
    for time in range(3):
        moment = some_moment(run.recording, dice)
        place = folder / f"cut-{time}"
        run.recording.cut(moment, dice, place)
        verdict, run_on = come_back(place, run, moment, again=dice.random() < AGAIN)
        yield verdict
        if not run_on:
            return
        run = run_on


def numbers(part):
    """Those of one recording."""
    return [number for number in range(part * OF_ONE, min(SEEDS, (part + 1) * OF_ONE)) if ONLY in (None, str(number))]


def recorded(folder, name, life=live):
    place = folder / "live"
    place.mkdir()
    return record(Daemon(place), name, life)


def cut_power(folder, tally, run, chosen, some):
    for number in some:
        dice, place = random.Random(f"{chosen} moment {number}"), folder / f"moment-{number}"
        print(f"SLUICE_SEED={chosen} SLUICE_ONLY={number}")
        tally(seeds=1)
        for verdict in lose_power(run, dice, place):
            tally(**verdict.figures())
            verdict.assert_fine(f"SLUICE_SEED={chosen} SLUICE_ONLY={number}")
        shutil.rmtree(place)


@pytest.mark.parametrize("part", range((SEEDS + OF_ONE - 1) // OF_ONE))
def test_a_power_cut_at_any_moment_loses_nothing(folder, tally, part):
    chosen = seed()
    if not numbers(part):
        pytest.skip("SLUICE_ONLY is in another part")
    cut_power(folder, tally, recorded(folder, f"{chosen} {part}"), chosen, numbers(part))


@pytest.mark.parametrize("part", range(many(1, 20)))
def test_a_power_cut_after_syncs_of_the_destination_had_failed(folder, tally, part):
    """The log lets go of what was delivered as soon as it can: so nothing of that may be lost."""
    chosen, some = seed(), numbers(part)[:None if LONG else 6]
    cut_power(folder, tally, recorded(folder, f"{chosen} {part}", live_with_bad_syncs), chosen, some)


@pytest.mark.fault(4, 6)
@pytest.mark.parametrize("part", range(many(1, 16)))
def test_a_power_cut_after_something_else_went_wrong(folder, tally, part):
    chosen, some = seed(), numbers(part)[:None if LONG else 6]
    cut_power(folder, tally, recorded(folder, f"{chosen} {part} badly", live_badly), chosen, some)


@pytest.mark.fault(3, 41)
@pytest.mark.parametrize("part", range(many(1, 16)))
def test_a_power_cut_of_a_log_that_was_written_in_both_ways(folder, tally, part):
    chosen, some = seed(), numbers(part)[:None if LONG else 6]
    cut_power(folder, tally, recorded(folder, f"{chosen} {part} both ways", live_both_ways), chosen, some)


def lost_in(daemon, run, moment):
    """What is nowhere to be found; a destination without its tables is passed over."""
    try:
        verdict = compare(daemon, run.plan, run.before(moment))
    except sqlite3.Error:
        return []
    print(f"LOST={len(verdict.lost)}/{verdict.of} without syncs, as it has to be")
    return verdict.lost


def start_as_it_may(daemon):
    """A daemon whose files make no sense may well say so, and stand still."""
    harness = Harness(daemon, notes=False)
    try:
        daemon.start(ready=False)
        settle(daemon, within=5)
    except pytest.fail.Exception as said:
        print(str(said)[:500])
    finally:
        if daemon.process and daemon.process.poll() is None:
            daemon.kill()
        harness.end()


def test_without_syncs_a_power_cut_loses_something(folder):
    """The proof of the test above: it sees what is lost when nobody asks the disk to keep it."""
    chosen = seed()
    run = recorded(folder, f"{chosen} 0")
    for number in range(50):
        dice, place = random.Random(f"{chosen} unsynced {number}"), folder / f"unsynced-{number}"
        moment = dice.randrange(run.recording.end // 2, run.recording.end + 1)
        run.recording.cut(moment, dice, place, syncs=False)
        daemon = Daemon(place)
        configure(daemon)
        start_as_it_may(daemon)
        if lost_in(daemon, run, moment):
            return
    pytest.fail("nothing was lost in 50 power cuts, although nothing was ever synced")


def lengths(notes, early):
    """Those that a file of 4096 bytes may have when the power goes after its sync."""
    found, dice = set(), random.Random(1)
    for _ in range(50):
        file = File(bytes(4096))
        file.pending = [dataclasses.replace(note, settled=set()) for note in notes]
        file.synced(100, early)
        file.lose(Mood(dice))
        assert set(file.durable) <= {0, ord("x")}
        found.add(len(file.durable))
    return found


@pytest.mark.parametrize("early", [True, False])
def test_a_length_is_certain_once_a_sync_of_it_came_through(early):
    """The model's own: a truncation is no data, and is taken back by nobody, whatever a sync had failed for before."""
    cut = Note(CUT, 1, 2, 7, 0, 1024, [], b"", forgotten=True)
    assert lengths([cut], early) == {1024}
    assert lengths([cut, Note(WRITE, 3, 4, 7, 1024, 2048, [], b"x" * 2048)], early) == {3072}


def test_a_length_whose_data_was_not_written_may_come_late():
    """The model's own: what a write added, the sync of which failed, is there after later syncs where lengths are noted early;
    else it is when something was written that reaches as far, and not beyond a later truncation."""
    added = Note(WRITE, 1, 2, 7, 4096, 4096, [], b"x" * 4096, forgotten=True)
    before, behind = Note(WRITE, 3, 4, 7, 4096, 512, [], b"x" * 512), Note(WRITE, 5, 6, 7, 7680, 512, [], b"x" * 512)
    assert lengths([added], True) == lengths([added, before], True) == lengths([added, behind], False) == {8192}
    assert lengths([added], False) == {4096, 8192}
    assert lengths([added, before], False) == {4608, 8192}
    assert lengths([added, Note(CUT, 3, 4, 7, 0, 1024, [], b"")], False) == {1024}
    assert lengths([added, Note(CUT, 3, 4, 7, 0, 1024, [], b"", forgotten=True)], False) == {1024}
