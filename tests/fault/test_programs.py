# SPDX-License-Identifier: Apache-2.0
"""test_programs.py - faults that one function can be shown to bear are injected by the unit tests; here they are counted.

    SLUICE_PROGRAMS   the folder with them, sanitized: ./dev fault names it; ./dev test runs them by itself
    SLUICE_LONG       a million actions of the log's model, and the benches that take minutes
"""
import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from bed import ROOT, SLUICE
from oracle import LONG

PROGRAMS = pathlib.Path(os.environ.get("SLUICE_PROGRAMS", "/nowhere"))
WITHIN = 1800
BENCHES = pathlib.Path(SLUICE).resolve().parent / "tests"

UNITS = {
    "log_damage_test": [10],
    "log_unclean_test": [10],
    "log_ahead_refused_test": [41],
    "log_model_test": [2, 10],
    "state_test": [11, 14],
    "memory_test": [8],
    "bad_input_test": [25],
    "json_test": [25, 26, 27],
    "json_suite_test": [25, 26],
    "decimal_test": [27],
    "forgery_test": [28],
    "wycheproof_test": [28],
    "webhook_schemes_test": [28],
    "client_test": [40],
    "client_refused_test": [40],
    "net_test": [33, 40],
    "net_judge_test": [33, 40],
    "net_shared_test": [33, 40],
    "lua_guard_test": [37],
}


def needs(program):
    if not program.exists():
        pytest.skip(f"{program.name} is not built here: ./dev fault does it")
    return str(program)


def run(words, **more):
    environment = {**os.environ, "SLUICE_SOURCE": str(ROOT), "SLUICE_BUILD": str(PROGRAMS.parent), **more}
    return subprocess.run(words, capture_output=True, text=True, timeout=WITHIN, env=environment)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.fault(*faults)) for name, faults in UNITS.items()])
def test_a_unit_test(name, tally):
    done = run([needs(PROGRAMS / name)], CMOCKA_MESSAGE_OUTPUT="tap")
    good, bad = len(re.findall(r"^ok", done.stdout, re.M)), re.findall(r"^not ok .*(?<!# SKIP)$", done.stdout, re.M)
    forged = [tuple(map(int, found)) for found in re.findall(r"IN=(\d+)/(\d+)", done.stdout)]
    tally(wrong=len(bad), rows=good + len(bad), crash=int(done.returncode < 0), let_in=sum(let_in for let_in, _ in forged),
          requests=sum(tried for _, tried in forged))
    print("".join(re.findall(r"^# (?:seed|SLUICE).*\n", done.stdout, re.M)))
    assert done.returncode == 0 and good, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.fault(29)
@pytest.mark.skipif(not LONG, reason="a bench of a million comparisons: with --long")
def test_the_time_a_comparison_takes_tells_nothing():
    done = run([needs(BENCHES / "timing_bench"), "--json"])
    told = [json.loads(line) for line in done.stdout.splitlines()]
    print("".join(f"{row['name']}: t = {row['t']} of {row['samples']:.0f}\n" for row in told))
    assert done.returncode == 0 and told, done.stdout + done.stderr


@pytest.mark.fault(37)
@pytest.mark.skipif(not LONG, reason="a bench of minutes: with --long")
def test_who_runs_beside_hostile_scripts_hardly_feels_it():
    needs(BENCHES / "plugins" / "moody.so")
    done = run([sys.executable, str(ROOT / "tests" / "bench" / "hostile"), "--rounds", "1"])
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
