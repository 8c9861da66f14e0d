# SPDX-License-Identifier: Apache-2.0
"""test_taken_away.py - somebody deletes, cuts or exchanges files of the data folder under the running daemon.

It is noticed within a second; from then on nothing is acknowledged until the files are looked at anew by a start. What was
acknowledged in between is named, and no more than that is lost; of all but the log's newest segment, nothing.

    SLUICE_LONG   more rounds
    SLUICE_SEED   repeats a run
"""
import os
import re
import shutil
import time

import pytest
from bed import wait_until
from oracle import LONG, Plan, Senders, carry_on, compare, configure, seed, settle, sound, words

pytestmark = pytest.mark.fault(12)
ROUNDS = 10 if LONG else 1
NOTICED = 2.5  # a look a second, and a busy machine


def delete(path):
    os.unlink(path)


def cut(path):
    os.truncate(path, path.stat().st_size // 2)


def empty(path):
    os.truncate(path, 0)


def exchange(path):
    """As an editor or `cp` of a backup does it: the same bytes, another file."""
    shutil.copy(path, f"{path}.new")
    os.rename(f"{path}.new", path)


def newest(daemon):
    """The segment that is written to."""
    return daemon.data / "log" / newest_name(daemon)


def newest_name(daemon):
    log = daemon.data / "log"
    begun = [path for path in sorted(log.glob("*.seg")) if int.from_bytes(path.read_bytes()[80:88], "little")]
    return begun[-1].name


def closed(daemon):
    return sorted((daemon.data / "log").glob("*.seg"))[0]


def page(daemon):
    return daemon.data / "log" / "page"


def told(daemon, pattern, before):
    """When a line came that was not there before; its match."""
    return wait_until(lambda: re.search(pattern, words(daemon)[before:]), what=lambda: words(daemon)[-3000:])


def named(text):
    """How many seqs are said to be in danger."""
    found = re.findall(r"seq (\d+) to (\d+) were accepted since the files were last seen whole", text)
    return sum(int(to) - int(first) + 1 for first, to in found)


def without_damage(wrong):
    return [word for word in wrong if not ("without an id" in word and "damaged" in word)]


@pytest.mark.parametrize("harm", [delete, cut, exchange])
@pytest.mark.parametrize("victim", [newest, closed])
def test_a_segment(daemon, tally, victim, harm):
    chosen = seed()
    plan = Plan(chosen)
    configure(daemon)
    daemon.start()
    with Senders(daemon, plan, pause=0.005) as senders:
        for _ in range(ROUNDS):
            carry_on(daemon, senders, 100)
            ingress, before = daemon.child("ingress"), len(words(daemon))
            began = time.monotonic()
            harm(victim(daemon))
            told(daemon, r"was (deleted|truncated|replaced) under the running daemon", before)
            noticed = time.monotonic() - began
            wait_until(lambda: daemon.child("ingress") != ingress)
            carry_on(daemon, senders, 50)
    settle(daemon)
    daemon.stop()
    verdict, doubt = compare(daemon, plan, senders.acknowledged), named(words(daemon))
    verdict.wrong = without_damage(verdict.wrong)
    lost = len(verdict.lost)
    if victim is newest and harm is not exchange:
        verdict.lost = verdict.lost[doubt:]
    tally(seeds=1, **verdict.figures())
    print(f"{lost} lost, {doubt} named, noticed after {noticed:.2f} s")
    verdict.assert_fine(f"{doubt} were named")
    assert noticed < NOTICED


def forget_bus_errors(daemon):
    """Whoever has a file mapped that became empty dies of it (SIGBUS), which a sanitizer reports: it noticed at once."""
    for path in daemon.folder.glob("stderr.*"):
        path.write_text(re.sub(r"ERROR: AddressSanitizer: BUS on", "a bus error on", path.read_text(errors="replace")))


@pytest.mark.parametrize("harm", [delete, cut, empty, exchange])
def test_the_page(daemon, tally, harm):
    chosen = seed()
    plan = Plan(chosen)
    configure(daemon)
    daemon.start()
    with Senders(daemon, plan, pause=0.005) as senders:
        for _ in range(ROUNDS):
            carry_on(daemon, senders, 100)
            ingress = daemon.child("ingress")
            harm(page(daemon))
            wait_until(lambda: daemon.children().get("sluice: ingress", ingress) != ingress, within=NOTICED + 2)
            carry_on(daemon, senders, 50)
    settle(daemon)
    daemon.stop()
    sound(daemon)
    if harm is empty:
        forget_bus_errors(daemon)
    verdict = compare(daemon, plan, senders.acknowledged)
    tally(seeds=1, **verdict.figures())
    verdict.assert_fine()


@pytest.mark.parametrize("harm", [delete, cut, empty, exchange])
def test_a_routes_own_file(daemon, tally, harm):
    chosen = seed()
    plan = Plan(chosen)
    configure(daemon)
    daemon.start()
    with Senders(daemon, plan, pause=0.005) as senders:
        for _ in range(ROUNDS):
            carry_on(daemon, senders, 100)
            before = len(words(daemon))
            harm(daemon.data / "routes" / "notes.db")
            told(daemon, r"routes/notes\.db|route's own file", before)
            carry_on(daemon, senders, 50)
    settle(daemon)
    daemon.stop()
    verdict = compare(daemon, plan, senders.acknowledged)
    tally(seeds=1, **verdict.figures())
    verdict.assert_fine()
    sound(daemon)


def test_the_whole_data_folder(daemon, tally):
    """Nothing is acknowledged into a folder that is gone, and whoever puts it back has all of it."""
    chosen = seed()
    plan = Plan(chosen)
    configure(daemon)
    daemon.start()
    with Senders(daemon, plan, pause=0.005) as senders:
        carry_on(daemon, senders, 100)
        os.rename(daemon.data, daemon.folder / "moved")
        time.sleep(NOTICED)
        count = len(senders.acknowledged)
        time.sleep(1)
        late = len(senders.acknowledged) - count
    daemon.kill()
    shutil.rmtree(daemon.data, ignore_errors=True)
    os.rename(daemon.folder / "moved", daemon.data)
    daemon.start()
    settle(daemon)
    daemon.stop()
    verdict = compare(daemon, plan, senders.acknowledged)
    tally(seeds=1, **verdict.figures())
    verdict.assert_fine()
    assert late == 0
