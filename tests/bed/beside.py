# SPDX-License-Identifier: Apache-2.0
# beside.py - how long something takes beside something else, on a machine that is never quite quiet.
#
#     alone, beside = slowest(measure_alone, measure_beside, lambda: [daemon.pid, *daemon.children().values()], rounds=9)
#
# Each round measures both, one right after the other; a round in which processes that are not ours took the processors is
# left out, and made again.  What is compared is the slowest of a hundred of each round, and of the rounds the median.
import os
import pathlib
import statistics

from bulk import p99

TAKEN_MOST, AGAIN_MOST = 0.04, 4  # of the processors' time; more rounds than asked for, as a multiple


def ticks_of(pid):
    """Of the processors, by a process and those of its children that have ended."""
    try:
        return sum(int(word) for word in pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:15])
    except OSError:
        return 0


def ticks(ours):
    """(of all processors, what others used or the machine below took away); interrupts are nobody's."""
    user, nice, system, idle, iowait, irq, softirq, steal = (
        int(word) for word in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9])
    busy = user + nice + system + steal
    return busy + idle + iowait + irq + softirq, busy - sum(ticks_of(pid) for pid in ours)


def taken(before, after):
    """The share of the processors that others had."""
    return (after[1] - before[1]) / max(1, after[0] - before[0])


def slowest(alone, beside, ours, rounds):
    """Seconds, of both; they are functions that return the seconds of many tries.  On a machine that is never quiet all
    rounds count; a single one is not made again."""
    found, most = [], rounds * AGAIN_MOST if rounds > 1 else 1
    while sum(share <= TAKEN_MOST for share, *_ in found) < rounds and len(found) < most:
        before = ticks([os.getpid(), *ours()])
        times = p99(alone()), p99(beside())
        found.append((taken(before, ticks([os.getpid(), *ours()])), *times))
    quiet = [one for one in found if one[0] <= TAKEN_MOST]
    print(f"{len(quiet)} of {len(found)} rounds were quiet: " +
          ", ".join(f"{first * 1000:.2f}/{last * 1000:.2f}{'' if share <= TAKEN_MOST else f' (others {share:.0%})'}"
                    for share, first, last in found) + " ms")
    judged = quiet if len(quiet) >= min(3, rounds) else found
    return statistics.median(one[1] for one in judged), statistics.median(one[2] for one in judged)
