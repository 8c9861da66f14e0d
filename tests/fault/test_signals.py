# SPDX-License-Identifier: Apache-2.0
"""test_signals.py - signals by the dozen, in any order and to anybody, under load: no deadlock, a clean end, nothing lost.

    SLUICE_LONG   more rounds
    SLUICE_SEED   repeats a run
"""
import contextlib
import os
import random
import signal
import threading
import time

import pytest
from bed import is_alive, wait_until
from oracle import Plan, Senders, carry_on, compare, configure, crashes, many, seed, settle, sound

pytestmark = pytest.mark.fault(19)
ROUNDS = many(2, 20)


@pytest.fixture
def loaded(daemon):
    daemon.chosen = seed()
    daemon.plan = Plan(daemon.chosen)
    daemon.dice = random.Random(daemon.chosen)
    configure(daemon)
    daemon.start()
    return daemon


def over(daemon, senders, tally, seeds=1):
    settle(daemon)
    daemon.stop()
    sound(daemon)
    verdict, crashed = compare(daemon, daemon.plan, senders.acknowledged), crashes(daemon)
    tally(crash=len(crashed), seeds=seeds, **verdict.figures())
    verdict.assert_fine()
    assert not crashed, crashed


@contextlib.contextmanager
def storm(pids, signals, pause=0.002):
    """Sends them without end, to whoever is there."""
    ended = threading.Event()

    def send():
        dice = random.Random(len(pids))
        while not ended.wait(pause):
            with contextlib.suppress(ProcessLookupError):
                os.kill(dice.choice(pids), dice.choice(signals))

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    yield
    ended.set()
    thread.join(5)


def ends_cleanly(daemon, children):
    began = time.monotonic()
    assert daemon.wait() == 0, daemon.stderr()[-2000:]
    assert time.monotonic() - began < 5.5
    wait_until(lambda: not any(is_alive(pid) for pid in children.values()), within=2)


def test_a_storm_of_reloads_under_load(loaded, tally):
    with Senders(loaded, loaded.plan) as senders:
        with storm([loaded.pid], [signal.SIGHUP, signal.SIGCONT]):
            carry_on(loaded, senders, 300)
        carry_on(loaded, senders, 50)
    over(loaded, senders, tally)


def test_reloads_of_a_mapping_that_changes_each_time(loaded, tally):
    mapping = (loaded.folder / "notes.lua").read_text()
    with Senders(loaded, loaded.plan) as senders, storm([loaded.pid], [signal.SIGHUP], pause=0.01):
        for number in range(5 * ROUNDS):
            loaded.write("notes.lua", f"{mapping}-- {number}\n")
            carry_on(loaded, senders, 20)
    over(loaded, senders, tally)


def test_signals_to_the_processes_beside_the_master(loaded, tally):
    """HUP and INT reach all of a terminal's processes: it is the master who decides.  What kills one is begun again."""
    with Senders(loaded, loaded.plan) as senders:
        for _ in range(ROUNDS):
            children = list(loaded.children().values())
            with storm(children, [signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGUSR1,
                                  signal.SIGALRM, signal.SIGCONT], pause=0.05):
                carry_on(loaded, senders, 100)
    settle(loaded)
    loaded.stop()
    sound(loaded)
    verdict = compare(loaded, loaded.plan, senders.acknowledged)
    tally(seeds=1, **verdict.figures())
    verdict.assert_fine()


@pytest.mark.parametrize("last", [signal.SIGTERM, signal.SIGINT])
def test_the_end_comes_in_the_middle_of_a_storm_and_may_be_asked_for_again_and_again(loaded, tally, last):
    with Senders(loaded, loaded.plan) as senders:
        for _ in range(ROUNDS):
            carry_on(loaded, senders, 100)
            children = loaded.children()
            with storm([loaded.pid], [signal.SIGHUP]):
                time.sleep(loaded.dice.random() * 0.3)
                os.kill(loaded.pid, last)
                time.sleep(loaded.dice.random() * 0.3)
                for number in (signal.SIGHUP, last, signal.SIGCONT, last, last):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(loaded.pid, number)
                ends_cleanly(loaded, children)
            loaded.start(ready=False)
        carry_on(loaded, senders, 20)
    over(loaded, senders, tally)


def test_a_long_stop_of_everybody_or_anybody_and_then_cont(loaded, tally):
    """Longer than a child may stand still.  Nobody is killed for the time in which the master stood still as well."""
    loaded.stop()
    loaded.change("data: ./data", "data: ./data\ndeadline: 1s")
    loaded.start()
    with Senders(loaded, loaded.plan) as senders:
        for who in ["all", "master", "sluice: ingress", "sluice: route notes"]:
            carry_on(loaded, senders, 50)
            children = loaded.children()
            pids = {"all": [loaded.pid, *children.values()], "master": [loaded.pid]}.get(who) or [children[who]]
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(2)
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            carry_on(loaded, senders, 50)
            if who in ("all", "master"):
                assert loaded.children() == children
    settle(loaded)
    loaded.stop()
    sound(loaded)
    verdict = compare(loaded, loaded.plan, senders.acknowledged)
    tally(seeds=1, **verdict.figures())
    verdict.assert_fine()
