# SPDX-License-Identifier: Apache-2.0
# conftest.py - the tally of what harmed the daemon: each test gives its figures, the run's last line sums them up.
#
#     def test_kills_lose_nothing(daemon, tally):
#         ...
#         tally(lost=len(missing), of=len(acknowledged), wrong=differing, rows=len(rows), seeds=1)
#
# Give them before anything is asserted about them, so that a failure is in the sum too.  SLUICE_README names a
# file that gets them as a table, fault by fault (table.py).
import os
import pathlib

import pytest
import table

FIGURES = ("lost", "of", "wrong", "rows", "let_in", "requests", "crash", "seeds")


@pytest.fixture
def tally(request):
    """Adds to the test's figures: LOST of so many acknowledged, WRONG of so many rows, IN of so many requests,
    CRASH, and by how many seeds."""

    def add(**figures):
        strange = set(figures) - set(FIGURES)
        assert not strange, f"the tally knows {FIGURES}, not {strange}"
        request.node.user_properties.append(("tally", figures))

    return add


def pytest_collection_modifyitems(items):
    """Which faults a test injects, for the last line; a report carries it from a worker of pytest-xdist."""
    for item in items:
        numbers = sorted({number for mark in item.iter_markers("fault") for number in mark.args})
        item.user_properties.append(("faults", numbers))


def figures_of(report):
    """(the faults it injected, its figures)"""
    injected, sums = [], dict.fromkeys(FIGURES, 0)
    for name, value in getattr(report, "user_properties", ()):
        if name == "faults":
            injected = value
        elif name == "tally":
            for figure, count in value.items():
                sums[figure] += count
    return injected, sums


def add_up(results):
    """(the sums, {fault: its own}) of tests: each its faults, its figures and its outcome."""
    sums, faults = dict.fromkeys(FIGURES, 0), {}
    for injected, figures, outcome in results:
        for figure, count in figures.items():
            sums[figure] += count
        for number in injected:
            of_it = faults.setdefault(number, dict.fromkeys((*FIGURES, "tests", "failed"), 0))
            for figure, count in {**figures, "tests": 1, "failed": outcome != "passed"}.items():
                of_it[figure] += count
    return sums, faults


def last_line(sums, faults):
    return ("LOST={lost}/{of} WRONG={wrong}/{rows} IN={let_in}/{requests} CRASH={crash}".format(**sums)
            + f" over {len(faults)} faults x {sums['seeds']} seeds")


def write_table(results, anew):
    kept = table.remember(table.ROOT / "build" / "faults.json", results, anew)
    sums, faults = add_up((one["faults"], one["figures"], one["outcome"]) for one in kept.values() if one["faults"])
    table.write(pathlib.Path(os.environ["SLUICE_README"]), kept, faults, last_line(sums, faults))


def pytest_terminal_summary(terminalreporter, config):
    told = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())]
    results = {report.nodeid: (*figures_of(report), report.outcome) for report in told if report.when == "call"}
    sums, faults = add_up(results.values())
    if not faults:
        return
    terminalreporter.section("faults", sep="-")
    terminalreporter.write_line("injected: " + ", ".join(map(str, sorted(faults))))
    if os.environ.get("SLUICE_README"):
        write_table(results, anew=not config.getoption("keyword"))
    terminalreporter.write_line(last_line(sums, faults))
