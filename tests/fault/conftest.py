# SPDX-License-Identifier: Apache-2.0
# conftest.py - the tally of what harmed the daemon: each test gives its figures, the run's last line sums them up.
#
#     def test_kills_lose_nothing(daemon, tally):
#         ...
#         tally(lost=len(missing), of=len(acknowledged), wrong=differing, rows=len(rows), seeds=1)
#
# Give them before anything is asserted about them, so that a failure is in the sum too.
import pytest

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


@pytest.fixture(autouse=True)
def faults(request):
    """Which faults the test injects, for the last line; a report carries it from a worker of pytest-xdist."""
    numbers = sorted({number for mark in request.node.iter_markers("fault") for number in mark.args})
    request.node.user_properties.append(("faults", numbers))


def add_up(reports):
    """(the sums, the faults that were injected) of all tests that ran."""
    sums, injected = dict.fromkeys(FIGURES, 0), set()
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == "faults":
                injected.update(value)
            elif name == "tally":
                for figure, count in value.items():
                    sums[figure] += count
    return sums, injected


def pytest_terminal_summary(terminalreporter):
    told = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, ())]
    sums, injected = add_up(report for report in told if report.when == "call")
    if not injected:
        return
    terminalreporter.section("faults", sep="-")
    terminalreporter.write_line("injected: " + ", ".join(map(str, sorted(injected))))
    terminalreporter.write_line(
        "LOST={lost}/{of} WRONG={wrong}/{rows} IN={let_in}/{requests} CRASH={crash}".format(**sums)
        + f" over {len(injected)} faults x {sums['seeds']} seeds"
    )
