# SPDX-License-Identifier: Apache-2.0
"""test_two_daemons.py - two daemons on one data folder: the second is refused, whatever state the first is in; whatever
the first still had under way does no harm once it may not any more.
"""
import contextlib
import fcntl
import os
import signal
import subprocess
import time

import pytest
from bed import SLUICE, is_alive, stolen, wait_until
from oracle import Plan, Senders, carry_on, compare, configure, seed, settle, sound

pytestmark = pytest.mark.fault(13)


@pytest.fixture
def loaded(daemon):
    chosen = seed()
    configure(daemon)
    daemon.start()
    daemon.plan = Plan(chosen)
    return daemon


def second(daemon):
    """Another one with the same configuration; (exit code, what it said, seconds)."""
    began = time.monotonic() - stolen()
    answer = subprocess.run([SLUICE, "run", "-c", "sluice.yaml"], cwd=daemon.folder, capture_output=True, text=True,
                            timeout=20, stdin=subprocess.DEVNULL)
    return answer.returncode, answer.stderr, time.monotonic() - stolen() - began


def refused(daemon):
    code, said, took = second(daemon)
    assert code == 1 and f"belongs to the daemon with process id {daemon.pid}" in said, said
    assert took < 1, took


@contextlib.contextmanager
def stopped(pids):
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def over(daemon, senders, tally):
    settle(daemon)
    daemon.stop()
    sound(daemon)
    verdict = compare(daemon, daemon.plan, senders.acknowledged)
    tally(seeds=1, **verdict.figures())
    verdict.assert_fine()


def test_a_second_one_is_refused_at_once_and_does_no_harm(loaded, tally):
    with Senders(loaded, loaded.plan) as senders:
        for _ in range(5):
            carry_on(loaded, senders, 30)
            refused(loaded)
    over(loaded, senders, tally)


def test_ten_at_once_leave_one(daemon, tally):
    configure(daemon)
    daemon.plan = Plan(seed())
    many = [subprocess.Popen([SLUICE, "run", "-c", "sluice.yaml"], cwd=daemon.folder, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=open(daemon.folder / f"stderr.{number}", "wb"))
            for number in range(10)]
    try:
        wait_until(lambda: sum(one.poll() is None for one in many) == 1)
        daemon.process = next(one for one in many if one.poll() is None)
        daemon.stderr_path = daemon.folder / f"stderr.{many.index(daemon.process)}"
        assert all(one.returncode == 1 for one in many if one is not daemon.process)
        wait_until(lambda: daemon.get("/health").status == 200)
        with Senders(daemon, daemon.plan) as senders:
            carry_on(daemon, senders, 50)
        over(daemon, senders, tally)
    finally:
        for one in many:
            if one.poll() is None:
                one.kill()
            one.wait()


@pytest.mark.parametrize("who", ["master", "everybody"])
def test_one_that_stands_still_keeps_its_folder_and_goes_on_with_it(loaded, tally, who):
    with Senders(loaded, loaded.plan) as senders:
        carry_on(loaded, senders, 50)
        pids = [loaded.pid, *(loaded.children().values() if who == "everybody" else [])]
        with stopped(pids):
            refused(loaded)
            time.sleep(1)
            refused(loaded)
        carry_on(loaded, senders, 50)
    over(loaded, senders, tally)


@pytest.mark.parametrize("title", ["ingress", "route notes"])
def test_whoever_stands_still_when_its_master_is_killed_harms_no_successor(loaded, tally, title):
    """Its process cannot go on after CONT: it died with the master, and the successor waited for its lock."""
    with Senders(loaded, loaded.plan) as senders:
        carry_on(loaded, senders, 50)
        child = loaded.child(title)
        with stopped([child]):
            loaded.kill()
            loaded.start()
            wait_until(lambda: not is_alive(child), within=5)
        carry_on(loaded, senders, 50)
    over(loaded, senders, tally)


def test_a_lock_without_a_name_is_a_lock(loaded, tally):
    """Whoever holds it, a command or somebody's script."""
    with Senders(loaded, loaded.plan) as senders:
        carry_on(loaded, senders, 30)
    settle(loaded)
    loaded.stop()
    with open(loaded.data / "lock", "r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, said, took = second(loaded)
        assert code == 1 and "belongs to the daemon with process id" in said and took < 1, (said, took)
    loaded.start()
    over(loaded, senders, tally)
