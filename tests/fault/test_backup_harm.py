# SPDX-License-Identifier: Apache-2.0
"""test_backup_harm.py - backups of what is damaged, and backups and restores that are cut off at any write.

    SLUICE_LONG   a death at every write; else at every so many-th
    SLUICE_SEED   repeats a run
"""
import errno
import json
import os
import random
import shutil
import subprocess

import pytest
from bed import SLUICE, wait_until
from oracle import LONG, SHARE, Plan, Senders, compare, configure, seed, settle
from power import DIE, DIE_HALF, ENTRIES, SYNCS, WRITES, Harness
from test_poll import expect_all, expect_once, poll, shop, vendor  # noqa: F401  (two are fixtures)

STRIDE = max(1, 100 // SHARE) if LONG else 7


def first_page(path):
    """The schema cannot be read."""
    overwrite(path, 100, os.urandom(900))


def head(path):
    """It does not even look like one of SQLite's."""
    overwrite(path, 0, bytes(100))


def middle(path):
    """Found only by whoever comes by."""
    for at in range(4096, path.stat().st_size, 4096):
        overwrite(path, at, os.urandom(64))


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def overwrite(path, at, bytes):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(bytes)


def fine(answer):
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer


@pytest.mark.fault(11)
@pytest.mark.parametrize("harm", [first_page, head, middle, cut])
def test_a_damaged_state_file_keeps_nothing_else_out_of_a_backup(daemon, tally, harm):
    plan = Plan(seed())
    configure(daemon)
    daemon.start()
    with Senders(daemon, plan) as senders:
        senders.until(200)
    settle(daemon)
    daemon.stop()
    harm(daemon.data / "routes" / "notes.db")
    answer = fine(daemon.sluice("backup", "backup", "--json"))
    assert json.loads(answer.stdout)["damaged"] == ["routes/notes.db"]
    assert "routes/notes.db is damaged, and is in the backup as it is" in answer.stderr
    fine(daemon.sluice("restore", "--check", "backup"))
    shutil.rmtree(daemon.data)
    for path in daemon.folder.glob("warehouse.db*"):
        path.unlink()
    fine(daemon.sluice("restore", "backup"))
    daemon.start()
    settle(daemon)
    assert any("the file is damaged; it is kept as" in line["text"] for line in daemon.lines())
    verdict = compare(daemon, plan, senders.acknowledged)
    tally(seeds=1, **verdict.figures())
    verdict.assert_fine()


@pytest.mark.fault(11)
@pytest.mark.parametrize("harm", [first_page, head])
def test_a_damaged_file_of_a_source_can_be_restored(shop, vendor, tally, harm):  # noqa: F811
    vendor.has(20)
    shop.start()
    poll(shop)
    expect_all(shop, 20)
    shop.stop()
    harm(shop.data / "sources" / "shop.db")
    fine(shop.sluice("backup", "backup"))
    shutil.rmtree(shop.data)
    fine(shop.sluice("restore", "backup"))
    vendor.has(10, first=20)
    shop.start()
    poll(shop)
    expect_all(shop, 30)
    expect_once(shop)
    tally(seeds=1, lost=0, of=30, wrong=0, rows=30)


# ------------------------------------------------------------------------------- cut off


class Cut:
    """Runs a command that dies at the n-th thing it does to the disk, until it does not come to that any more."""

    def __init__(self, daemon, chosen):
        self.daemon, self.dice, self.harness = daemon, random.Random(chosen), Harness(daemon, notes=False)

    def once(self, words, what, how, number):
        """What it answered, and whether it came to the n-th."""
        self.harness.levers.harm(what, how, at=number, times=1)
        answer = subprocess.run([SLUICE, *words], cwd=self.daemon.folder, capture_output=True, text=True, timeout=60,
                                env={**os.environ, **self.daemon.environment})
        harmed = self.harness.levers.hits > 0
        self.harness.levers.rest()
        return answer, harmed

    def each(self, *words):
        number = self.dice.randrange(STRIDE) + 1
        while True:
            answer, died = self.once(words, WRITES | SYNCS | ENTRIES, self.dice.choice([DIE, DIE_HALF]), number)
            assert died or answer.returncode == 0, answer.stderr  # half of a removal is none, and no matter
            if not died:
                return
            yield number
            number += STRIDE


def fill(daemon, plan):
    configure(daemon)
    daemon.start()
    with Senders(daemon, plan) as senders:
        senders.until(100)
    settle(daemon)
    daemon.stop()
    return senders


@pytest.mark.fault(2)
def test_a_backup_that_is_cut_off_leaves_the_one_before_it_whole(daemon, tally):
    chosen = seed()
    fill(daemon, Plan(chosen))
    harness, count = Cut(daemon, chosen), 0
    for count, _ in enumerate(harness.each("backup", "backup"), 1):
        answer = daemon.sluice("restore", "--check", "backup")
        assert answer.returncode == 0 or "there is no backup in backup" in answer.stderr, answer.stderr
    fine(daemon.sluice("restore", "--check", "backup"))
    end = json.loads(fine(daemon.sluice("restore", "--check", "--json", "backup")).stdout)["end"]
    daemon.start()
    daemon.post(Plan(chosen).event(9, 1))
    wait_until(daemon.settled)
    daemon.stop()
    for _ in harness.each("backup", "backup"):
        count += 1
        told = json.loads(fine(daemon.sluice("restore", "--check", "--json", "backup")).stdout)
        assert told["end"] in (end, end + 1)
    tally(seeds=count)
    harness.harness.end()


@pytest.mark.fault(4)
def test_a_backup_that_cannot_be_synced_leaves_one_that_is_whole(daemon, tally):
    """The last sync is of the folder in which the manifest has been exchanged already."""
    chosen = seed()
    fill(daemon, Plan(chosen))
    fine(daemon.sluice("backup", "backup"))
    cut, number = Cut(daemon, chosen), 0
    while True:
        number += 1
        (daemon.data / "note").write_text(f"{number}\n")  # so that each has a file that the one before has not
        answer, failed = cut.once(["backup", "backup"], SYNCS, errno.EIO, number)
        fine(daemon.sluice("restore", "--check", "backup"))
        if not failed:
            break
        assert answer.returncode == 1 and "Input/output error" in answer.stderr, answer.stderr
    assert number > 5
    tally(seeds=number)
    cut.harness.end()


@pytest.mark.fault(2)
def test_a_restore_that_is_cut_off_is_done_again(daemon, tally):
    chosen = seed()
    plan = Plan(chosen)
    senders = fill(daemon, plan)
    fine(daemon.sluice("backup", "backup"))
    shutil.rmtree(daemon.data)
    harness, count = Cut(daemon, chosen), 0
    for count, number in enumerate(harness.each("restore", "--force", "backup"), 1):
        begun = (daemon.data / "restore.unfinished").exists()
        if begun and number % 3 == 0:
            answer = daemon.sluice("run")
            assert answer.returncode == 1 and "is only half restored" in answer.stderr, answer.stderr
    for path in daemon.folder.glob("warehouse.db*"):
        path.unlink()
    harness.harness.end()
    daemon.environment = {}
    daemon.start()
    settle(daemon)
    verdict = compare(daemon, plan, senders.acknowledged)
    tally(seeds=count, **verdict.figures())
    verdict.assert_fine()
