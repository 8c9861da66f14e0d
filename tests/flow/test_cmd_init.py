# SPDX-License-Identifier: Apache-2.0
# test_cmd_init.py - sluice init: a folder to begin with, for each example there is.
import json
import os
import re
import stat
import subprocess

import pytest
from bed import ROOT, SLUICE

EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/sluice.yaml"))


def init(folder, *words):
    return subprocess.run([SLUICE, "init", *words], cwd=folder, capture_output=True, text=True, timeout=60)


def check(folder):
    return subprocess.run([SLUICE, "check"], cwd=folder, capture_output=True, text=True, timeout=60)


def fill_in(folder):
    """Something for each name that has nothing yet."""
    env = folder / "sluice.env"
    env.write_text(re.sub(r"(?m)^(\w+)=$", lambda found: f"{found[1]}={value_of(found[1])}", env.read_text()))


def value_of(name):
    return "postgresql://sluice:x@127.0.0.1/x" if name == "DATABASE_URL" else "something-long"


def test_the_list_names_what_there_is(folder):
    answer = init(folder)
    assert answer.returncode == 0 and re.search(r"(?m)^trello +Trello boards", answer.stdout)
    rows = [json.loads(line) for line in init(folder, "--json").stdout.splitlines()]
    assert [row["name"] for row in rows] == EXAMPLES
    assert next(row for row in rows if row["name"] == "trello")["plugins"] == ["trello"]
    assert not list(folder.iterdir())


@pytest.mark.parametrize("name", EXAMPLES)
def test_check_takes_what_was_written_once_it_is_filled_in(folder, name):
    answer = init(folder, name, "mine")
    assert answer.returncode == 0, answer.stderr
    mine = folder / "mine"
    for file in ("sluice.yaml", "sluice.env", "sluice.env.example", ".gitignore"):
        assert f"mine/{file}\n" in answer.stdout and (mine / file).exists()
    assert stat.S_IMODE((mine / "sluice.env").stat().st_mode) == 0o600
    assert "sluice.env" in (mine / ".gitignore").read_text().split()
    empty = check(mine)
    assert empty.returncode in (0, 2) and "no plugin" not in empty.stderr, empty.stderr
    fill_in(mine)
    filled = check(mine)
    assert filled.returncode == 0, filled.stderr


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_writes_to_the_other_database_too(folder, name):
    answer = init(folder, name, "--sink", "postgres")
    text = (ROOT / "examples" / name / "sluice.yaml").read_text()
    if "use: sqlite" not in text:
        return
    assert answer.returncode == 0, answer.stderr
    assert "DATABASE_URL" in (folder / "sluice.env").read_text()
    written = (folder / "sluice.yaml").read_text()
    assert "use: postgres" in written and "url: ${DATABASE_URL}" in written and "use: sqlite" not in written
    fill_in(folder)
    assert check(folder).returncode == 0, check(folder).stderr


def test_the_steps_at_the_vendor_and_the_next_commands_are_told(folder):
    answer = init(folder, "trello", "boards")
    assert "\nAt Trello\n" in answer.stdout and "How a request is checked" not in answer.stdout
    assert "TRELLO_SECRET" in answer.stdout
    assert "  cd boards\n" in answer.stdout and "  sluice check " in answer.stdout and "  sluice run " in answer.stdout
    said = json.loads(init(folder, "trello", "again", "--json").stdout)
    assert "TRELLO_SECRET" in said["fill_in"] and said["steps"]["trello"].startswith("At Trello")
    assert said["files"][0] == "again/sluice.yaml" and "sluice run" in said["next"]


def test_nothing_is_written_over(folder):
    (folder / "sluice.env").write_text("MINE=1\n")
    answer = init(folder, "trello")
    assert answer.returncode == 1 and "sluice.env is there already; nothing was written" in answer.stderr
    assert os.listdir(folder) == ["sluice.env"]
    (folder / "sluice.env").unlink()
    (folder / ".gitignore").write_text("mine\n")
    answer = init(folder, "trello")
    assert answer.returncode == 0 and ".gitignore was there and stays" in answer.stdout
    assert (folder / ".gitignore").read_text() == "mine\n"
    assert init(folder, "trello").returncode == 1


def test_a_name_that_is_none_is_said(folder):
    answer = init(folder, "trelo")
    assert answer.returncode == 1 and "did you mean `trello`" in answer.stderr
    assert init(folder, "../trello").returncode == 1
    assert init(folder, "trello", "--sink", "mysql").returncode == 2
    assert not list(folder.iterdir())


def test_a_folder_that_cannot_be_made_is_said(folder):
    (folder / "there").write_text("")
    answer = init(folder, "trello", "there")
    assert answer.returncode == 1 and "there" in answer.stderr
