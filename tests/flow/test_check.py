# SPDX-License-Identifier: Apache-2.0
# test_check.py - what is said of configurations, before anything runs.
import json
import os
import re
import subprocess

import pytest
from bed import SLUICE

CONFIG = """\
public: https://hooks.example.com
env: sluice.env
sources:
  boards: { use: trello, key: ${TRELLO_KEY}, token: t, secret: [${TRELLO_SECRET}], boards: [5f1a] }
transforms:
  cards: { use: trello/cards }
sinks:
  local: { use: sqlite, path: ./warehouse.db, schema: { use: trello, completed: [Done], stuck: 48h } }
routes:
  - { name: cards, from: [boards], via: [cards], to: local }
"""


@pytest.fixture
def check(tmp_path):
    """Writes a configuration and runs `sluice check` on it, from its own folder."""

    def run(text=CONFIG, *words):
        env = tmp_path / "sluice.env"
        env.touch(0o600)
        env.write_text("TRELLO_KEY=k\nTRELLO_SECRET=a well kept secret\n")
        (tmp_path / "sluice.yaml").write_text(text)
        return subprocess.run([SLUICE, "check", *words], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                              env={"PATH": os.environ["PATH"]})

    return run


def test_a_fine_configuration_is_summed_up(check):
    answer = check()
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "https://hooks.example.com/in/boards" in answer.stdout
    assert "trello, hmac-sha1" in answer.stdout
    assert "cards: boards -> cards -> local" in answer.stdout


def test_the_summary_is_json_when_asked(check):
    said = json.loads(check(CONFIG, "--json").stdout)
    assert said["fine"] and said["errors"] == []
    assert said["sources"][0]["callback"] == "https://hooks.example.com/in/boards"
    assert said["routes"] == [{"name": "cards", "from": ["boards"], "via": ["cards"], "to": "local"}]


@pytest.mark.parametrize("right, wrong, sentence", [
    ("boards: [5f1a]", "board: [5f1a]", "4:84: `board` is no key of source boards; did you mean `boards`?"),
    ("public:", "publik:", "1:1: `publik` is no key of the configuration; did you mean `public`?"),
    ("${TRELLO_KEY}", "${TRELLO_KEYS}", "4:31: ${TRELLO_KEYS} is not set; add a line TRELLO_KEYS=... to "),
    ("use: trello,", "use: trelo,", '4:18: there is no plugin "trelo"; did you mean `trello`?'),
    ("use: trello/cards", "use: trello/crads", '6:17: there is no plugin "trello/crads"; did you mean `trello/cards`?'),
    ("from: [boards]", "from: [bords]", "10:27: there is no source 'bords'; did you mean `boards`?"),
    ("to: local", "too: local", "10:50: `too` is no key of route cards; did you mean `to`?"),
    ("to: local", "to: locla", "10:54: there is no sink 'locla'; did you mean `local`?"),
    ("stuck: 48h", "stuck: 48", "8:96: `stuck` must be a duration such as 90s, 15m, 48h or 14d, not '48'"),
    ("use: trello, completed", "use: trelo, completed", '8:62: there is no schema "trelo"; did you mean `trello`?'),
    ("https://hooks", "hooks", "1:9: `public` must be an address such as https://hooks.example.com"),
])
def test_a_mistake_is_one_line_with_its_place_and_the_remedy(check, right, wrong, sentence):
    answer = check(CONFIG.replace(right, wrong, 1))
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr.splitlines()[0].startswith("./sluice.yaml:" + sentence)


def test_a_source_without_its_secret_is_refused_and_the_remedy_named(check):
    answer = check(CONFIG.replace(" secret: [${TRELLO_SECRET}],", ""))
    assert answer.returncode == 2
    assert answer.stderr == ("./sluice.yaml:4:11: source boards has no secret: give `secret: ${NAME}`, "
                             "or `insecure: true` to take in whatever anybody sends\n")


def test_a_callback_that_is_signed_has_to_be_known(check):
    answer = check(CONFIG.replace("public: https://hooks.example.com", ""))
    assert answer.returncode == 2
    assert "the callback: give `public: https://...`" in answer.stderr


def test_all_mistakes_are_told_and_no_secret(check):
    answer = check("lissten: x\nlog: { size: '${TRELLO_SECRET}' }\n" + CONFIG.replace("[5f1a]", "{ a: b }"))
    assert answer.returncode == 2
    assert len(answer.stderr.splitlines()) == 3
    assert "well kept" not in answer.stderr


def test_all_mistakes_of_http_are_told(check):
    answer = check("http: { allow: [here], proxy: 'ftp://x', ca: ./none.pem, alow: 3 }\n" + CONFIG)
    for part in ("17: `allow`", "31: `proxy`", "46: `ca`", "58: `alow`"):
        assert f"./sluice.yaml:1:{part}" in answer.stderr, answer.stderr


def test_a_path_that_leads_nowhere_is_shown_straight_and_with_what_it_may_be(check, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "mapping.lua").write_text("return { transform = function() end }")
    found = check(CONFIG.replace("use: trello/cards", "use: ./a/../mapping")).stderr
    assert f"there is no plugin {tmp_path}/mapping; did you mean mapping.lua?" in found
    found = check(CONFIG.replace("use: trello/cards", "use: ./a/../none")).stderr
    assert f"there is no plugin {tmp_path}/none; a path names a file (.lua, .so), or a folder" in found
    found = check(CONFIG.replace("schema: { use: trello,", "schema: { use: ./a/none,")).stderr
    assert f"there is no schema {tmp_path}/a/none; a path names a file (.yaml)" in found


def test_an_initial_value_that_is_none_stands_nowhere(check, tmp_path):
    (tmp_path / "bad.lua").write_text(
        'return { summary = "x", options = { { "wait", "duration", initial = "soon" } }, transform = function() end }')
    found = check(CONFIG.replace("use: trello/cards", "use: ./bad.lua")).stderr
    assert "the initial value of wait: `wait` must be a duration" in found, found


def test_a_file_that_is_not_there(check, tmp_path):
    answer = check(CONFIG, "-c", "other.yaml")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == "other.yaml cannot be opened: No such file or directory\n"


def test_a_plugin_that_crashes_is_named_and_harms_nothing(check, tmp_path):
    (tmp_path / "bad.lua").write_text("os.exit(3)")
    (tmp_path / "loop.lua").write_text("while true do end")
    answer = check(CONFIG.replace("use: trello/cards", "use: ./loop.lua"))
    assert answer.returncode == 2
    assert "loop.lua" in answer.stderr
    answer = check(CONFIG.replace("use: trello/cards", "use: ./bad.lua"))
    assert answer.returncode == 2
    assert "bad.lua" in answer.stderr


def test_tables_that_a_sink_cannot_keep_are_told(check, tmp_path):
    (tmp_path / "nowhere.lua").write_text("return { summary = 'nowhere', deliver = function() end }")
    schema = "tables:\n  notes:\n    mode: upsert\n    key: id\n    columns: { id: text, at: timestamp }\n"
    config = re.sub(r"(?m)^  local: .*$", "  local: { use: ./nowhere.lua, schema: ./notes.yaml }", CONFIG)
    (tmp_path / "notes.yaml").write_text(schema + "    snapshot: true\n")
    answer = check(config)
    assert answer.returncode == 2
    assert "the table notes has snapshot, but the sink nowhere has no transactions" in answer.stderr
    (tmp_path / "notes.yaml").write_text(schema + "    retention: { column: at, after: 30d }\n")
    answer = check(config)
    assert answer.returncode == 0, answer.stderr
    assert "warning: " in answer.stderr and "the table notes has a retention, but nowhere lets no rows go" in answer.stderr


def test_plugins_are_listed_and_shown(tmp_path):
    def plugins(*words):
        return subprocess.run([SLUICE, "plugins", *words], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    rows = [json.loads(line) for line in plugins("ls", "--json").stdout.splitlines()]
    assert {"trello", "trello/cards", "sqlite"} <= {row["use"] for row in rows}
    shown = plugins("show", "trello")
    assert shown.returncode == 0
    assert "hmac-sha1" in shown.stdout and "{body}{callback}" in shown.stdout
    unknown = plugins("show", "trelo")
    assert unknown.returncode == 1 and "did you mean `trello`?" in unknown.stderr
