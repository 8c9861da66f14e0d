# SPDX-License-Identifier: Apache-2.0
# test_spoilt.py - what vendors post and answer, damaged in every place: no plugin and no mapping breaks of it.
import json
import os
import subprocess

import pytest
from bed import ROOT, SLUICE
from oracle import many

pytestmark = pytest.mark.fault(25)
DAMAGES = str(many(5, 300))


@pytest.mark.parametrize("folder", ["plugins", "scripts"])
def test_every_case_stands_damages(folder, tally):
    answer = subprocess.run([SLUICE, "test", "--json", "--spoil", DAMAGES, "--deadline", "20", str(ROOT / folder)],
                            capture_output=True, text=True, timeout=1800, env={"PATH": os.environ["PATH"]})
    rows = [json.loads(line) for line in answer.stdout.splitlines()]
    broken = [(row["file"], row["name"], row["error"], row["differences"]) for row in rows[:-1] if not row["passed"]]
    crashed = [error for _, _, error, _ in broken if error]
    tally(wrong=len(broken) - len(crashed), rows=len(rows) - 1, crash=len(crashed), seeds=1)
    assert not broken and rows[-1]["passed"] > 100, broken or answer.stderr
