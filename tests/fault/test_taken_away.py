# SPDX-License-Identifier: Apache-2.0
"""test_taken_away.py - somebody deletes, cuts or exchanges files of the data folder under the running daemon.

It is noticed within a second; from then on nothing is acknowledged until the files are looked at anew by a start. What was
acknowledged in between is named, and no more than that is lost; of all but the log's newest segment, nothing. A copy that takes
the newest one's place has what was acknowledged before the copying began.

    SLUICE_LONG   more rounds
    SLUICE_SEED   repeats a run
"""
import contextlib
import os
import pathlib
import re
import shutil
import time

import pytest
from bed import stolen, wait_until
from oracle import SENDERS, Plan, Senders, carry_on, compare, configure, many, seed, settle, sound, words

pytestmark = pytest.mark.fault(12)
ROUNDS = many(1, 10)
NOTICED = 1.0  # seconds


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


def until_delivered(daemon):
    """There is a closed one, and all in it has been delivered: what is only there is lost with it."""
    wait_until(lambda: newest(daemon) != closed(daemon))
    end = daemon.ask("ingress", "stat")[1]["end"]
    wait_until(lambda: daemon.route_health()["cursor"] >= end)


def page(daemon):
    return daemon.data / "log" / "page"


def starved(daemon):
    """{thread: seconds} for which each has had something to do, and others had the processors."""
    found = {}
    for pid in [daemon.pid, *daemon.children().values()]:
        for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                found[path] = int(path.read_text().split()[1]) / 1e9
    return found


def noticed_after(daemon, harm, pattern):
    """Seconds, of those that were the daemon's, until a line came that was not there before."""
    before, starved_before, most = len(words(daemon)), starved(daemon), {}
    began = time.monotonic() - stolen()
    harm()

    def told():
        most.update(starved(daemon))
        return re.search(pattern, words(daemon)[before:])

    wait_until(told, what=lambda: words(daemon)[-3000:])
    took = time.monotonic() - stolen() - began
    return took - max((seconds - starved_before.get(thread, seconds) for thread, seconds in most.items()), default=0)


def named(text):
    """How many seqs are said to be in danger."""
    found = re.findall(r"seq (\d+) to (\d+) were accepted since the files were last seen whole", text)
    return sum(int(to) - int(first) + 1 for first, to in found)


def without_damage(wrong):
    return [word for word in wrong if not ("without an id" in word and "damaged" in word)]


class Round:
    """One harm to a segment: when it began and was done, and how many were named when it had been noticed."""

    def __init__(self, daemon, harm, path):
        self.harm, self.path, self.began, self.done = harm, path, 0.0, 0.0
        ingress, before = daemon.child("ingress"), named(words(daemon))
        self.noticed = noticed_after(daemon, self.do, r"was (deleted|truncated|replaced) under the running daemon")
        wait_until(lambda: daemon.child("ingress") != ingress)
        self.named = named(words(daemon)) - before

    def do(self):
        self.began = time.monotonic()
        self.harm(self.path)
        self.done = time.monotonic()

    def by_the_old_one(self, senders):
        """[(when, name)] of what the harmed ingress acknowledged. Before its successor answers anybody, each sender has
        lost its connection, or had a 503."""
        ends = {}
        for when, _, sender in senders.statuses:
            if when >= self.began:
                ends.setdefault(str(sender), when)
        return sorted((when, name) for name, when in senders.acknowledged.items() if when <= ends[name.split("-")[0]])

    def in_danger(self, senders):
        """What may be lost with the newest segment: the last that were named, and as many more as there are senders, for the
        answers to one sync may come in any order. Of a copy only what was answered after it was begun; and what came
        while it was made, for that is not missed before the rename."""
        old = self.by_the_old_one(senders)
        danger = old[-(self.named + SENDERS):]
        if self.harm is exchange:
            meanwhile = [one for one in old if one[0] <= self.done]
            danger = [one for one in {*danger, *meanwhile} if one[0] >= self.began]
        return {name for _, name in danger}


def beyond(lost, plan, danger):
    """The lost ones that were not in danger; of those that were to be dropped only their number is known."""
    drops = [name for name in lost if not name[0].isdigit()]
    excused = sum(plan.of(name)["planned"] == "dropped" for name in danger)
    return [name for name in lost if name[0].isdigit() and name not in danger] + drops[excused:]


@pytest.mark.parametrize("harm", [delete, cut, exchange])
@pytest.mark.parametrize("victim", [newest, closed])
def test_a_segment(daemon, tally, victim, harm):
    chosen = seed()
    plan = Plan(chosen)
    configure(daemon)
    daemon.change("size: 4 MB", "size: 64 MB")  # room for all: what was let go of because others need it is not missed
    daemon.start()
    rounds = []
    with Senders(daemon, plan, pause=0.005) as senders:
        for _ in range(ROUNDS):
            carry_on(daemon, senders, 100)
            if victim is closed:
                until_delivered(daemon)
            rounds.append(Round(daemon, harm, victim(daemon)))
            carry_on(daemon, senders, 50)
    settle(daemon)
    daemon.stop()
    verdict, doubt = compare(daemon, plan, senders.acknowledged), sum(round_.named for round_ in rounds)
    verdict.wrong = without_damage(verdict.wrong)
    lost, danger = len(verdict.lost), set()
    if victim is newest:
        danger = set().union(*(round_.in_danger(senders) for round_ in rounds))
        verdict.lost = beyond(verdict.lost, plan, danger)
    tally(seeds=1, **verdict.figures())
    noticed = max(round_.noticed for round_ in rounds)
    print(f"{lost} lost, {doubt} named, {len(danger)} in danger, noticed after {noticed:.2f} s")
    verdict.assert_fine(f"{lost} in all, {doubt} were named")
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
            noticed = noticed_after(daemon, lambda: harm(page(daemon)),
                                    r"page was \w+ under the running daemon|killed by signal 7|BUS")
            print(f"noticed after {noticed:.2f} s")
            assert noticed < NOTICED
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
    path = daemon.data / "routes" / "notes.db"
    with Senders(daemon, plan, pause=0.005) as senders:
        for _ in range(ROUNDS):
            carry_on(daemon, senders, 100)
            wait_until(path.exists)  # again
            noticed = noticed_after(daemon, lambda: harm(path),
                                    r"routes/notes\.db|route's own file")
            print(f"noticed after {noticed:.2f} s")
            assert noticed < NOTICED
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
        daemon.kill()  # before the senders end: nobody answers them
    shutil.rmtree(daemon.data, ignore_errors=True)
    os.rename(daemon.folder / "moved", daemon.data)
    daemon.start()
    settle(daemon)
    daemon.stop()
    verdict = compare(daemon, plan, senders.acknowledged)
    tally(seeds=1, **verdict.figures())
    verdict.assert_fine()
    assert late == 0
