# SPDX-License-Identifier: Apache-2.0
# test_demo.py - what somebody sees who tries Sluice for the first time.
import os
import pathlib
import re
import signal
import subprocess

from bed import ROOT, SLUICE, is_alive, wait_until

DEMO = ROOT / "contrib" / "demo" / "demo"
ENVIRONMENT = {**os.environ, "SLUICE": SLUICE}


def test_the_demo_shows_what_came_of_the_samples_and_ends():
    answer = subprocess.run([DEMO, "--once"], capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
    page = answer.stdout
    assert answer.returncode == 0, page + answer.stderr
    assert answer.stderr == ""
    for words in ("accepted", "delivered", "dropped    not about a card: 6", "repeats", "sluice check && sluice run"):
        assert words in page, words
    accepted, *ways = [int(re.search(rf"^ +(\d+)  {word} ", page, re.M)[1])
                       for word in ("accepted", "delivered", "dropped", "repeats", "dead")]
    assert accepted == sum(ways)
    assert re.search(r"^  401 +createCard__tiblu\.json", page, re.M)
    assert re.search(r"^  Finished Card +Done +2016-10-02 02:48$", page, re.M)
    assert re.search(r"^  Code Review +5 +2 h 55 min ", page, re.M)
    assert "the body is not JSON" in page
    assert max(len(line) for line in page.splitlines()) <= 120


def test_the_demo_leaves_nothing_behind_when_it_is_interrupted():
    demo = subprocess.Popen([DEMO], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT, start_new_session=True)
    page = ""
    while "Serving at" not in page:
        line = demo.stdout.readline()
        assert line, page
        page += line
    folder = pathlib.Path(re.search(r"^  configuration +(\S+)/sluice\.yaml", page, re.M)[1])
    assert folder.is_dir()
    daemon = int((folder / "data" / "lock").read_text().split()[0])
    os.killpg(demo.pid, signal.SIGINT)
    assert demo.wait(20) == 0
    demo.stdout.close()
    assert not folder.exists()
    wait_until(lambda: not is_alive(daemon))


def test_a_demo_with_fake_vendors_ends_with_all_they_have():
    answer = subprocess.run([DEMO, "events", "--once"], capture_output=True, text=True, timeout=120, env=ENVIRONMENT)
    page = answer.stdout
    assert (answer.returncode, answer.stderr) == (0, ""), page + answer.stderr
    assert len(re.findall(r"^  \w+: events: all \d+ are there$", page, re.M)) >= 2, page
    assert "are missing" not in page
    for words in ("sluice hooks register app", "sluice backfill mail", "desk", "app_installed", "call.json"):
        assert words in page, words
    assert max(len(line) for line in page.splitlines()) <= 120


def test_a_demo_that_is_not_there_is_told_with_those_that_are():
    answer = subprocess.run([DEMO, "nothing"], capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
    assert answer.returncode == 1 and "trello" in answer.stderr and "events" in answer.stderr


def test_a_fake_vendor_runs_by_itself():
    script = ROOT / "dev"
    vendor = subprocess.Popen([script, "vendor", "gadget", "--objects", "7"], stdout=subprocess.PIPE, text=True)
    try:
        assert re.fullmatch(r"Gadget with 7 objects at http://127\.0\.0\.1:\d+\n", vendor.stdout.readline())
    finally:
        vendor.terminate()  # SIGINT is ignored by what runs behind a shell
        vendor.communicate(timeout=20)
    known = subprocess.run([script, "vendor", "nothing"], capture_output=True, text=True)
    assert known.returncode == 1 and "gmail" in known.stdout
