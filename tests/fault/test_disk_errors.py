# SPDX-License-Identifier: Apache-2.0
"""test_disk_errors.py - the disk says no: errors of writing, of reading and of syncing, files that may not grow, and writes
that nobody begins without waiting.

    SLUICE_LONG   more seeds
    SLUICE_SEED   repeats a run
"""
import errno
import random
import resource
import time

import pytest
from bed import wait_until
from oracle import Plan, Senders, carry_on, compare, configure, crashes, many, seed, settle, sound, words
from power import AHEAD, ENTRIES, READS, SYNCS, WRITES, Harness

SEEDS = many(2, 20)


@pytest.fixture
def harness(daemon):
    configure(daemon)
    one = Harness(daemon, notes=False)
    yield one
    one.levers.rest()
    one.end()


def over(daemon, plan, senders, tally, seeds=1):
    """It has ended by itself: everything is where it belongs, and nobody crashed."""
    settle(daemon)
    daemon.stop()
    sound(daemon)
    verdict, crashed = compare(daemon, plan, senders.acknowledged), crashes(daemon)
    tally(crash=len(crashed), seeds=seeds, **verdict.figures())
    verdict.assert_fine()
    assert not crashed, crashed


# What may fail, where: the log's files, the route's own, the destination's.
PLACES = [(WRITES, "/data/log/"), (READS, "/data/log/"), (WRITES, "/routes/"), (READS, "/routes/"), (WRITES, "warehouse"),
          (READS, "warehouse"), (SYNCS, "warehouse")]


@pytest.mark.fault(6)
@pytest.mark.parametrize("kinds, path", PLACES)
def test_now_and_then_an_io_error_loses_nothing(daemon, harness, tally, kinds, path):
    chosen = seed()
    plan = Plan(chosen)
    daemon.start()
    with Senders(daemon, plan) as senders:
        for number in range(SEEDS):
            dice = random.Random(f"{chosen} {number}")
            if dice.random() < 0.5:
                harness.levers.harm(kinds, errno.EIO, chance=0.02, at=dice.randrange(1000), path=path)
            else:
                harness.levers.harm(kinds, errno.EIO, at=dice.randrange(1, 20), times=dice.choice([1, 3]), path=path)
            senders.stopping.wait(0.7)
            harness.levers.rest()
            carry_on(daemon, senders, 10)
    over(daemon, plan, senders, tally, SEEDS)


@pytest.mark.fault(6)
def test_a_route_that_cannot_open_the_log_when_it_begins_is_begun_again(daemon, harness, tally):
    plan = Plan(seed())
    harness.levers.harm(ENTRIES, errno.EIO, times=1, path="/data/log", title="sluice: route")
    daemon.start()
    with Senders(daemon, plan) as senders:
        wait_until(lambda: harness.levers.hits)
        carry_on(daemon, senders, 10)
    over(daemon, plan, senders, tally)


@pytest.mark.fault(7)
def test_after_a_failed_sync_nobody_is_thanked(daemon, harness, tally):
    chosen = seed()
    plan = Plan(chosen)
    daemon.start()
    with Senders(daemon, plan) as senders:
        for number in range(SEEDS):
            senders.until(len(senders.acknowledged) + 10)
            ingress = daemon.child("ingress")
            harness.levers.harm(SYNCS, errno.EIO, at=number % 3 + 1, path=".seg")
            wait_until(lambda: harness.levers.hits)
            failed = time.monotonic()
            wait_until(lambda: daemon.children().get("sluice: ingress") != ingress, within=1, what="the ingress has ended")
            time.sleep(0.5)
            late = [name for name, when in senders.acknowledged.items() if when > failed + 0.05]
            assert not late, f"acknowledged after a sync had failed: {late}"
            harness.levers.rest()
            carry_on(daemon, senders, 10)
    over(daemon, plan, senders, tally, SEEDS)


def said_slower(daemon):
    return words(daemon).count("batches are written one at a time")


# What an ingress asks for first: room, a page that is written to see whether it can be done, then the writes themselves.
@pytest.mark.fault(41)
@pytest.mark.parametrize("error", [errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM])
@pytest.mark.parametrize("at", [1, 2, 3, 20])
def test_a_kernel_that_does_not_write_ahead_makes_it_slower_alone(daemon, harness, tally, at, error):
    plan = Plan(seed())
    harness.levers.harm(AHEAD, error, at=at, title="ingress")
    daemon.start()
    with Senders(daemon, plan) as senders:
        senders.until(60)
        wait_until(lambda: harness.levers.hits)
        senders.until(len(senders.acknowledged) + 60)
        assert not senders.statuses, "nobody has to come again because of that"
    assert harness.levers.hits == 1, "what was refused for good is asked for again"
    assert said_slower(daemon) == 1
    over(daemon, plan, senders, tally)


@pytest.mark.fault(41)
def test_a_write_that_is_not_begun_now_is_made_another_way(daemon, harness, tally):
    chosen = seed()
    plan = Plan(chosen)
    daemon.start()
    with Senders(daemon, plan) as senders:
        for number in range(SEEDS):
            harness.levers.harm(AHEAD, errno.EAGAIN, chance=0.3, at=random.Random(f"{chosen} {number}").randrange(1000))
            wait_until(lambda: harness.levers.hits > 20 and harness.levers.met > harness.levers.hits + 20)
        assert not senders.statuses
    assert said_slower(daemon) == 0
    over(daemon, plan, senders, tally, SEEDS)


@pytest.mark.fault(5)
def test_files_that_may_not_grow_refuse_and_go_on_by_themselves(daemon, tally):
    configure(daemon)
    plan, limit = Plan(seed(), large=0.2), 192 * 1024
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        daemon.start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    large = {**plan.event(9, 1), "planned": "delivered", "text": "x" * 2 * limit}
    with Senders(daemon, plan, pause=0.002) as senders:
        wait_until(lambda: daemon.route_health()["state"] == "waiting" or daemon.get("/health").status == 503,
                   what=lambda: f"the destination is full: {daemon.health()}")
        answer = daemon.post(large)
        assert answer.status in (503, 507) and "retry-after" in answer.headers, answer
        for pid in [daemon.pid, *daemon.children().values()]:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
        assert wait_until(lambda: daemon.post(large).status == 200, within=5)
        carry_on(daemon, senders, 10)
    wait_until(lambda: daemon.rows("select length(text) from notes where id = '9-1'") == [(2 * limit,)])
    plan.event = lambda sender, number, was=plan.event: large if sender == 9 else was(sender, number)
    over(daemon, plan, senders, tally)
