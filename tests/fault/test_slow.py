# SPDX-License-Identifier: Apache-2.0
# test_slow.py - slowhttptest against the running ingress: slow heads, slow bodies, slow reading.
#
# Others are served meanwhile, and each slow one is gone once its time is over.
# Where the program is not installed (`apt install slowhttptest`) there is nothing to run.
import json
import os
import shutil
import statistics
import subprocess
import threading
import time

import pytest
from bed import wait_until

pytestmark = [pytest.mark.fault(21), pytest.mark.skipif(not shutil.which("slowhttptest"), reason="no slowhttptest here")]

LONG = os.environ.get("SLUICE_LONG") == "1"
SLOW = 1000 if LONG else 100
SECONDS = 20 if LONG else 4
LIMITS = "limits: { request_time: 2s, idle_time: 2s, per_address: 2000, connections: 2000 }"

MODES = {
    "heads": ["-H", "-x", "10", "-t", "POST"],
    "bodies": ["-B", "-s", "8192", "-x", "10", "-t", "POST"],
    "reading": ["-X", "-w", "1", "-y", "4", "-z", "1", "-n", "5", "-k", "10"],
}


def note(number):
    return {"id": str(number), "type": "note", "card": "c", "text": "x"}


def post_for(daemon, seconds, first):
    """Posts one after the other; how long each took."""
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        assert daemon.post(note(first + len(took))).status == 200
        took.append(time.monotonic() - began)
        time.sleep(0.01)
    return took


def attack(daemon, words):
    command = ["slowhttptest", *words, "-c", str(SLOW), "-r", str(SLOW), "-i", "1", "-l", str(SECONDS), "-p", "10",
               "-u", f"http://127.0.0.1:{daemon.port}/in/notes"]
    return subprocess.Popen(command, cwd=daemon.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize("mode", MODES)
def test_others_are_served_while_many_are_slow(daemon, mode):
    daemon.change("data: ./data", f"data: ./data\n{LIMITS}")
    daemon.start()
    alone = post_for(daemon, 1, 0)
    attacker = attack(daemon, MODES[mode])
    wait_until(lambda: daemon.health()["ingress"]["connections"] >= SLOW // 2 or attacker.poll() is not None)
    beside = post_for(daemon, 2, 10000)
    told, _ = attacker.communicate(timeout=SECONDS + 30)
    assert "service available:" in told and "NO" not in told.rsplit("service available:", 1)[1], told[-1500:]
    wait_until(lambda: daemon.health()["ingress"]["connections"] == 0, within=10)
    print(f"median alone {statistics.median(alone) * 1000:.1f} ms, beside {SLOW} slow ones {statistics.median(beside) * 1000:.1f} ms")
    assert len(beside) > 3 and (not LONG or statistics.median(beside) < max(10 * statistics.median(alone), 0.25))
    wait_until(lambda: daemon.rows("select count(*) from notes") == [(len(alone) + len(beside),)])
