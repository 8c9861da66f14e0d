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


def add_up(reports):
    """(the sums, {fault: its own}) of all tests that ran."""
    sums, faults = dict.fromkeys(FIGURES, 0), {}
    for report in reports:
        injected, figures = figures_of(report)
        for figure, count in figures.items():
            sums[figure] += count
        for number in injected:
            of_it = faults.setdefault(number, dict.fromkeys((*FIGURES, "tests", "failed"), 0))
            for figure, count in {**figures, "tests": 1, "failed": report.outcome != "passed"}.items():
                of_it[figure] += count
    return sums, faults


def pytest_terminal_summary(terminalreporter):
    told = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())]
    sums, faults = add_up(report for report in told if report.when == "call")
    if not faults:
        return
    last_line = ("LOST={lost}/{of} WRONG={wrong}/{rows} IN={let_in}/{requests} CRASH={crash}".format(**sums)
                 + f" over {len(faults)} faults x {sums['seeds']} seeds")
    terminalreporter.section("faults", sep="-")
    terminalreporter.write_line("injected: " + ", ".join(map(str, sorted(faults))))
    if os.environ.get("SLUICE_README"):
        table.write(pathlib.Path(os.environ["SLUICE_README"]), faults, last_line, os.environ["SLUICE_COMMAND"])
    terminalreporter.write_line(last_line)
