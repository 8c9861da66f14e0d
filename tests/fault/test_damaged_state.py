# SPDX-License-Identifier: Apache-2.0
"""test_damaged_state.py - a byte of a route's own file, or of the WAL beside it, is another one at the next start.

All processes were killed in the middle of their work, or had ended well.  Whatever the byte was for, the route goes on from where the
destination says it stands, or from the log: nothing is lost, nothing is there twice, and what SQLite takes for
damage is told and kept aside.  (A byte of a WAL may hide all transactions behind it, and SQLite says nothing: what was in
them is known to the destination too.)

    SLUICE_POSITIONS   bytes (6; 1000 with SLUICE_LONG)
    SLUICE_SEED        repeats a run; SLUICE_ONLY one of its positions
"""
import os
import pathlib
import random
import shutil
import sqlite3

import pytest
from bed import Daemon
from oracle import Connection, Plan, Senders, carry_on, compare, configure, crashes, many, seed, settle, words

POSITIONS = int(os.environ.get("SLUICE_POSITIONS") or many(6, 1000))
ONLY = os.environ.get("SLUICE_ONLY")
OF_ONE = 50  # positions of one life
REPEATS = 5
pytestmark = pytest.mark.fault(11)


def flip(path, dice):
    """Any byte becomes any other."""
    content = bytearray(path.read_bytes())
    at = dice.randrange(len(content))
    content[at] ^= dice.randrange(1, 256)
    path.write_bytes(content)
    return f"byte {at} of {len(content)} of {path.name}"


def delete(path, dice):
    path.unlink()
    return f"{path.name} deleted"


def harm(folder, number, dice):
    """What was done, in words."""
    main = folder / "data" / "routes" / "notes.db"
    there = [path for path in (main, pathlib.Path(f"{main}-wal")) if path.exists() and path.stat().st_size]
    deed = delete if number % 50 == 0 else flip
    return deed(dice.choice(there), dice)


def live(folder, plan):
    """A daemon that was killed while it was busy, as it lies on the disk; what it had acknowledged."""
    daemon = Daemon(folder)
    configure(daemon)
    daemon.start()
    with Senders(daemon, plan) as senders:
        carry_on(daemon, senders, 300)
        daemon.kill()
    return senders


def copy(folder, place):
    shutil.copytree(folder, place, ignore=shutil.ignore_patterns("*.sock", "stderr.*"))


def end_cleanly(folder, place):
    """The same, started and ended once more: all of the WAL is in the file now."""
    copy(folder, place)
    daemon = Daemon(place)
    configure(daemon)
    daemon.start()
    settle(daemon)
    daemon.stop()


def numbers(part):
    """Those of one life."""
    return [number for number in range(part * OF_ONE, min(POSITIONS, (part + 1) * OF_ONE)) if ONLY in (None, str(number))]


def come_back(folder, plan, senders, dice):
    """On such a disk: old events come again, and new ones; the verdict."""
    again = Daemon(folder)
    configure(again)
    try:
        again.start()
        connection, acknowledged = Connection(again), dict(senders.acknowledged)
        for name in dice.sample(sorted(senders.acknowledged), REPEATS):
            assert connection.status(connection.request(plan.of(name))) == 200
        for number in range(1, REPEATS):
            event = plan.event(9, number)
            assert connection.status(connection.request(event)) == 200
            acknowledged[event["id"]] = True
        connection.close()
        settle(again)
        again.process.terminate()
        assert again.wait() == 0
        return compare(again, plan, acknowledged), crashes(again), "is damaged" in words(again)
    finally:
        if again.process and again.process.poll() is None:
            again.kill()


@pytest.mark.parametrize("part", range((POSITIONS + OF_ONE - 1) // OF_ONE))
def test_one_byte_of_a_routes_own_file_costs_nothing(folder, tally, part):
    chosen = seed()
    plan, told, mine = Plan(f"{chosen} {part}", large=0), 0, numbers(part)
    if not mine:
        pytest.skip("SLUICE_ONLY is in another part")
    (folder / "killed").mkdir()
    senders = live(folder / "killed", plan)
    end_cleanly(folder / "killed", folder / "ended")
    for number in mine:
        dice, place = random.Random(f"{chosen} {number}"), folder / f"at-{number}"
        copy(folder / dice.choice(["killed", "ended"]), place)
        deed = harm(place, number, dice)
        print(f"SLUICE_SEED={chosen} SLUICE_ONLY={number}: {deed}")
        verdict, crashed, said = come_back(place, plan, senders, dice)
        told += said
        tally(seeds=1, crash=len(crashed), **verdict.figures())
        verdict.assert_fine(f"SLUICE_SEED={chosen} SLUICE_ONLY={number}: {deed}")
        assert not crashed, crashed
        shutil.rmtree(place)
    print(f"{len(mine)} positions; {told} were told as damage")


def test_a_table_that_is_another_one_is_damage_too(folder, tally):
    """A byte of a definition may make another one of it, which SQLite finds in order."""
    plan = Plan(seed(), large=0)
    (folder / "killed").mkdir()
    senders = live(folder / "killed", plan)
    end_cleanly(folder / "killed", folder / "ended")
    with sqlite3.connect(folder / "ended" / "data" / "routes" / "notes.db") as file:
        file.executescript("""PRAGMA writable_schema = 1;
            UPDATE sqlite_schema SET sql = replace(sql, '"tries" INTEGER, ', '') WHERE name = '_sluice_open'""")
    file.close()
    verdict, crashed, told = come_back(folder / "ended", plan, senders, random.Random(1))
    tally(seeds=1, crash=len(crashed), **verdict.figures())
    verdict.assert_fine()
    assert told and not crashed
