# SPDX-License-Identifier: Apache-2.0
# test_cmd_test.py - tests of plugins: what passes, what fails and how that is told.
import json
import os
import sqlite3
import subprocess

import pytest
from bed import SLUICE

CARDS = """\
return {
  summary = "cards as rows",
  options = { { "done", "list", initial = "[Done]" }, { "patience", "duration", initial = "1s" } },
  transform = function(event, opt)
    local card = event.data
    if card.drop then return drop(card.drop) end
    if card.fail then return fail(card.fail) end
    if card.retry then return retry(card.retry) end
    if card.spin then while true do end end
    if card.hang then local _ = ("a"):rep(100000):find(("a-"):rep(60) .. "b") end
    if card.sleep then sleep(card.sleep) end
    if card.say then log(card.say) end
    local far = card.ask and http.get(card.ask, card.query)
    emit { type = "cards", data = { id = event.id, done = opt.done[1], at = time.now(), far = far and far.json,
      status = far and far.status } }
  end,
}
"""


@pytest.fixture
def test(tmp_path):
    """Writes a test of cards.lua and runs it: test('{ name = ..., event = ... }', ...)."""
    (tmp_path / "cards.lua").write_text(CARDS)

    def run(*cases, words=(), file=None):
        text = file or "return {\n" + ",\n".join(cases) + "\n}\n"
        (tmp_path / "cards.test.lua").write_text(text)
        return subprocess.run([SLUICE, "test", *words], cwd=tmp_path, capture_output=True, text=True, timeout=120,
                              env={"PATH": os.environ["PATH"]})

    return run


def told(answer):
    """What --json said: the cases by name, and the sums."""
    rows = [json.loads(line) for line in answer.stdout.splitlines()]
    return {row["name"]: row for row in rows[:-1]}, rows[-1]


def differences(row):
    return [(one["path"], one["expected"], one["found"]) for one in row["differences"]]


# -------------------------------------------------------------------- what passes


def test_what_was_expected_passes(test):
    answer = test('{ name = "a row", event = { data = { id = 1 } }, emits = { { type = "cards", has = { id = "1" } } } }',
                  '{ name = "a drop", event = { data = { drop = "no" } }, drops = "no" }',
                  '{ name = "a failure", event = { data = { fail = "never ever" } }, fails = "ever" }',
                  '{ name = "a retry", event = { data = { retry = "later" } }, retries = "later" }',
                  '{ name = "a log line", event = { data = { say = "hello" } }, emits = { {} }, logs = "cards: hello" }')
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.splitlines()[-1] == "5 passed, 0 failed"


def test_options_are_checked_as_in_a_configuration_and_a_case_has_its_own(test):
    answer = test(file="""return {
      options = { done = { "Gone" }, patience = "2s" },
      cases = {
        { name = "the file's", event = { data = {} }, emits = { { has = { done = "Gone" } } } },
        { name = "its own", options = { done = { "Away" } }, event = { data = {} }, emits = { { has = { done = "Away" } } } },
        { name = "wrong", options = { patience = 7 }, event = { data = {} }, emits = { {} } },
        { name = "unknown", options = { don = {} }, event = { data = {} }, emits = { {} } },
      } }""", words=["--json"])
    rows, sums = told(answer)
    assert sums == {"passed": 2, "failed": 2}
    assert "must be a duration such as 90s" in rows["wrong"]["error"]
    assert "did you mean `done`?" in rows["unknown"]["error"]


def test_the_clock_stands_but_for_sleep(test):
    answer = test('{ name = "now", now = "2026-11-21T12:00:00Z", event = { data = {} }, '
                  'emits = { { time = "2026-11-21T12:00:00Z", has = { at = 1795262400000 } } } }',
                  '{ name = "sleep", event = { data = { sleep = 3600 } }, emits = { { has = { at = 1767225600000 + 3600000 } } } }')
    assert answer.returncode == 0, answer.stdout


def test_files_stand_for_bodies_and_golden_files_are_written_on_demand(test, tmp_path):
    (tmp_path / "one.json").write_text('{ "id": 1 }')
    case = '{ name = "all of it", event = { id = "x", file = "one.json" }, golden = "golden/one.json" }'
    first = test(case)
    assert first.returncode == 1 and "sluice test --update writes it" in first.stdout
    assert "golden/one.json" in test(case, words=["--update"]).stdout
    golden = json.loads((tmp_path / "golden" / "one.json").read_text())
    assert golden["emits"][0]["type"] == "cards" and golden["emits"][0]["data"]["id"] == "x"
    assert test(case).returncode == 0
    before = (tmp_path / "golden" / "one.json").stat().st_mtime_ns
    test(case, words=["--update"])
    assert (tmp_path / "golden" / "one.json").stat().st_mtime_ns == before
    other = test(case.replace('id = "x"', 'id = "y"'))
    assert other.returncode == 1 and "emits[1].data.id" in other.stdout
    assert "expected  \"x\"" in other.stdout and "found     \"y\"" in other.stdout


def test_secrets_of_the_configuration_need_not_be_there(test, tmp_path):
    (tmp_path / "sluice.yaml").write_text(
        "env: nowhere.env\nplugin_path: [${FOLDER_OF_PLUGINS}]\nsources: { a: { use: x, secret: ${MISSING} } }\n")
    case = '{ name = "a", event = { data = {} }, emits = { {} } }'
    answer = test(case)
    assert answer.returncode == 2 and "${FOLDER_OF_PLUGINS} is not set" in answer.stderr, answer.stderr
    (tmp_path / "sluice.yaml").write_text(
        "env: nowhere.env\nlisten: ${ADDRESS}\nsources: { a: { use: x, secret: ${MISSING} } }\n")
    answer = test(case)
    assert answer.returncode == 0 and not answer.stderr, answer.stderr
    listed = subprocess.run([SLUICE, "plugins", "ls"], cwd=tmp_path, capture_output=True, text=True)
    assert listed.returncode == 0 and listed.stdout


# -------------------------------------------------------------------- what fails


def test_what_failed_is_said_before_what_is_missing_for_it(test, tmp_path):
    case = '{ name = "all", event = { id = "x", data = { %s } }, golden = "all.json" }'
    test(case % 'items = { 1, 2 }', words=["--update"])
    rows, _ = told(test(case % ('fail = "' + "for no reason, " * 20 + 'it failed"'), words=["--json"]))
    first = differences(rows["all"])[0]
    assert first[:2] == ("fails[1]", None) and first[2].endswith('it failed"'), first
    assert len(differences(rows["all"])) == 2
    rows, _ = told(test('{ name = "all", event = { data = { fail = "no" } }, emits = { {} } }', words=["--json"]))
    assert [path for path, _, _ in differences(rows["all"])] == ["fails[1]", "emits[1]"]


def test_a_difference_is_told_by_its_path_and_nothing_else(test):
    rows, _ = told(test(
        '{ name = "data", event = { id = "7", data = { say = "hello" } }, emits = { { type = "card", '
        'data = { id = "8", done = "Done", at = 1767225600000 } } } }', words=["--json"]))
    assert differences(rows["data"]) == [("emits[1].data.id", '"8"', '"7"'), ("emits[1].type", '"card"', '"cards"')]
    assert rows["data"]["log"] == ["info: cards: hello"]


@pytest.mark.parametrize("case, difference", [
    ('event = { data = {} }, emits = {}', ("emits[1]", None)),
    ('event = { data = { drop = "no" } }, emits = {}', ("drops[1]", None)),
    ('event = { data = { drop = "no" } }, drops = "yes"', ("drops[1]", '"yes"')),
    ('event = { data = { fail = "no" } }, emits = {}', ("fails[1]", None)),
    ('event = { data = { retry = "no" } }, drops = {}', ("retries[1]", None)),
    ('event = { data = {} }, emits = { {}, { type = "more" } }', ("emits[2]", '{"type":"more"}')),
    ('event = { data = {} }, emits = { {} }, logs = { "x" }', ("logs[1]", '"x"')),
    ('event = { data = {} }, emits = { { has = { more = 1 } } }', ("emits[1].data.more", "1")),
])
def test_what_did_not_come_and_what_came_unasked(test, case, difference):
    rows, sums = told(test('{ name = "one", ' + case + " }", words=["--json"]))
    assert sums == {"passed": 0, "failed": 1}
    assert [one[:2] for one in differences(rows["one"])] == [difference]


@pytest.mark.parametrize("file, sentence", [
    ("return 7", "it has to end with: return { ... }"),
    ("return {}", "it holds no case"),
    ("return {", "cards.test.lua:1: "),
    ("return { { event = {} } }", "case 1 needs a `name`"),
    ('return { { name = "x", evnt = {} } }', "x: there is no `evnt`; did you mean `event`?"),
    ('return { { name = "x", emits = {} } }', "a case has one of `event`,"),
    ('return { { name = "x", event = { data = 1 } } }', "it says nothing of what has to come of it"),
    ('return { plugin = "crads", cases = { { name = "x" } } }', 'there is no plugin "crads"'),
    ('return { { name = "x", poll = {}, emits = {} } }', "the plugin cards has no poll step"),
    ('return { { name = "x", event = { file = "gone.json" }, emits = {} } }', "gone.json cannot be read"),
    ('return { { name = "x", event = function() end } }', "event: a function"),
    ('os.exit(0)', "cards.test.lua:1: "),
])
def test_a_file_that_is_wrong_is_a_failed_test(test, file, sentence):
    answer = test(file=file)
    assert answer.returncode == 1, answer.stdout
    assert sentence in answer.stdout


def test_where_there_is_no_test(test, tmp_path):
    test("{}")
    (tmp_path / "cards.test.lua").unlink()
    answer = subprocess.run([SLUICE, "test"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 2 and "there is no test here" in answer.stderr
    answer = subprocess.run([SLUICE, "test", "cards.lua"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert answer.returncode == 2 and "their names end with .test.lua" in answer.stderr


# -------------------------------------------------------------- crashes and hangs

CRASHING = """\
#include <signal.h>
#include <stdio.h>
#include "plugin.h"
static enum sl_outcome transform(struct sl_call *call)
{
	if (call->host->at(call->event->json, "/crash"))
		fprintf(stderr, "about to go\\n"), fflush(stderr), raise(SIGKILL);
	call->host->emit(call, &(struct sl_event){ .type = "fine" });
	return SL_DONE;
}
SL_PLUGIN(.name = "bad", .version = "1", .summary = "crashes", .transform = transform);
"""


def test_what_hangs_is_killed_and_the_rest_goes_on(test):
    rows, sums = told(test('{ name = "before", event = { data = {} }, emits = { {} } }',
                           '{ name = "hangs", event = { data = { hang = true } }, emits = { {} } }',
                           '{ name = "spins", event = { data = { spin = true } }, fails = "instructions" }',
                           '{ name = "after", event = { data = {} }, emits = { {} } }', words=["--json", "--deadline", "2"]))
    assert rows["hangs"]["error"] == "it did not come to its end within 2 s, and was killed"
    assert (rows["before"]["passed"], rows["after"]["passed"]) == (True, True)
    assert sums["failed"] == 1, rows["spins"]


def test_what_crashes_is_named_with_its_last_words_and_the_rest_goes_on(test, tmp_path):
    test("{}")
    subprocess.run([SLUICE, "new", "transform", "bad", "--c"], cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "bad" / "bad.c").write_text(CRASHING)
    (tmp_path / "bad" / "bad.test.lua").write_text(
        'return { { name = "a", event = { data = {} }, emits = { { type = "fine" } } },'
        ' { name = "b", event = { data = { crash = 1 } }, emits = { {} } },'
        ' { name = "c", event = { data = {} }, emits = { { type = "fine" } } } }')
    answer = subprocess.run([SLUICE, "test", "bad", "--json"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    rows, sums = told(answer)
    assert sums == {"passed": 2, "failed": 1}
    assert rows["b"]["error"].startswith("its process crashed: Killed") and rows["b"]["wrote"] == "about to go\n"


# --------------------------------------------------------------------------- HTTP


def test_the_far_side_is_what_the_case_says(test):
    answer = test(
        '{ name = "json", event = { data = { ask = "https://a.example/x", query = { q = "a b&c" } } }, '
        'answers = { { url = "https://a.example/x", query = { q = "a b&c" }, json = { k = 1 } } }, '
        'emits = { { has = { far = { k = 1 }, status = 200 } } } }',
        '{ name = "a path will do", event = { data = { ask = "https://a.example/x" } }, '
        'answers = { { url = "/x", status = 404 } }, emits = { { has = { status = 404 } } } }',
        '{ name = "not now", event = { data = { ask = "https://a.example/x" } }, '
        'answers = { { url = "/x", status = 503 } }, retries = "503" }',
        '{ name = "then better", event = { data = { ask = "https://a.example/x" } }, '
        'answers = { { url = "/x", status = 503 }, { url = "/x", json = {} } }, emits = { { has = { status = 200 } } } }',
        '{ name = "nobody there", event = { data = { ask = "https://a.example/x" } }, '
        'answers = { { url = "/x", error = "no answer" } }, retries = "no answer" }')
    assert answer.returncode == 0, answer.stdout


def test_what_nobody_expected_is_shown_and_so_is_what_was_not_asked_for(test):
    rows, _ = told(test(
        '{ name = "unexpected", event = { data = { ask = "https://a.example/x?y=1" } }, fails = "no answer for GET" }',
        '{ name = "unused", event = { data = {} }, answers = { { url = "/x" }, { url = "/y", optional = true } }, emits = { {} } }',
        words=["--json"]))
    assert differences(rows["unexpected"]) == [("calls", None, "GET https://a.example/x?y=1")]
    assert rows["unexpected"]["calls"] == ["GET https://a.example/x?y=1 -> no answer in the test"]
    assert differences(rows["unused"]) == [("answers[1]", "/x to be asked for", None)]


# --------------------------------------------------------- sources, sinks, schemas

SHOP = """\
return {
  summary = "a shop",
  options = { { "secret", "secret" }, { "token", "secret", initial = "" } },
  webhook = { auth = "hmac-sha256", proof = "header:X-S", encoding = "hex", secret = "secret", id = "header:X-Id",
    type = "query:type" },
  api = { base = "https://shop.example/api", headers = { Authorization = "Bearer {token}" } },
  decode = function(event)
    for i, item in ipairs(event.data.items) do emit { id = event.id .. "-" .. i, data = item } end
  end,
  poll = function(cursor, opt, walk)
    local from = cursor and json.decode(cursor).page or 1
    local page = http.get("/items", { page = from, since = walk.since })
    for _, item in ipairs(page.json) do emit { id = tostring(item.id), data = item } end
    if page.json[1] then advance { page = from + 1 } else sweep("all items", "item_gone") end
  end,
}
"""

ITEMS = """\
return {
  summary = "items as rows, and rows away",
  transform = function(event)
    local more = source.get("/items/" .. event.data.id)
    emit { type = "items", data = { id = event.data.id, name = more.json.name, source = event.source } }
  end,
  deliver = function(rows)
    for i, row in ipairs(rows) do
      log(row.key .. " " .. row:json())
      if row.data.name == "bad" then settle(i, "fail", "bad name") end
    end
  end,
}
"""

TABLES = """\
help: Items.
tables:
  items: { mode: append, key: [id], columns: { id: int, name: text, source: text } }
"""


@pytest.fixture
def shop(tmp_path):
    for name, text in {"shop.lua": SHOP, "items.lua": ITEMS, "items.yaml": TABLES}.items():
        (tmp_path / name).write_text(text)

    def run(name, text):
        (tmp_path / f"{name}.test.lua").write_text(text)
        return subprocess.run([SLUICE, "test", "--json"], cwd=tmp_path, capture_output=True, text=True, timeout=120)

    return run


def test_a_request_is_what_a_source_makes_of_it(shop, tmp_path):
    (tmp_path / "two.jsonl").write_text('{"items":[{"id":1}]}\n\n{"items":[]}\n')
    rows, sums = told(shop("shop", """return {
      { name = "decoded", request = { query = "type=new", headers = { ["X-Id"] = "r1" },
          body = { items = { { id = 1 }, { id = 2 } } } },
        emits = { { id = "r1-1", type = "new", data = { id = 1 } }, { id = "r1-2", data = { id = 2 } } } },
      { name = "lines", request = { file = "two.jsonl" }, emits = { { data = { id = 1 } } } },
      { name = "nothing", requests = { { body = { items = {} } }, { body = { items = {} } } }, emits = {} },
    }"""))
    assert sums == {"passed": 3, "failed": 0}, rows


def test_an_expectation_that_is_no_text_is_refused(shop):
    cases = [("fails", "true"), ("drops", "7"), ("settled", '{ "done", { "fail", "no" } }'), ("logs", "{ 1 }"),
             ("retries", "{ why = 'x' }"), ("sweeps", "false")]
    row = "rows = { { type = 'items', data = { id = 1 } } }"
    forms = [f"{{ name = '{name}', {row}, {name} = {value} }}" for name, value in cases]
    rows, sums = told(shop("items", "return {" + ",".join(forms) + "}"))
    assert sums == {"passed": 0, "failed": 6}, rows
    for name, _ in cases:
        assert rows[name]["error"] == f"`{name}` has to be a text, or a list of texts"


def test_a_sink_is_opened_with_its_tables(shop, tmp_path):
    (tmp_path / "items.sqlite.sql").write_text("-- view: names\nSELECT name FROM items;\n")
    text = """return { plugin = "sqlite", options = { path = "%s" }, schema = "items", cases = {
      { name = "rows", rows = { { type = "items", data = { id = 1, name = "a" } }, { type = "items", data = { id = 2 } } },
        settled = { "done", "done" } } } }"""
    rows, sums = told(shop("db", text % "./w.db"))
    assert sums == {"passed": 1, "failed": 0}, rows
    with sqlite3.connect(tmp_path / "w.db") as base:
        assert base.execute("select name from names order by 1").fetchall() == [(None,), ("a",)]
    rows, sums = told(shop("db", text % "./none/w.db"))
    assert sums == {"passed": 0, "failed": 1}, rows
    assert "its folder cannot be written" in json.dumps(rows["rows"]["differences"])


def test_a_poll_is_asked_until_its_cursor_stands(shop):
    rows, sums = told(shop("shop", """return { options = { token = "t" }, cases = {
      { name = "all", poll = {}, emits = { { id = "1" }, { id = "2" } }, cursor = { page = 3 },
        answers = { { url = "/items", query = { page = 1 }, json = { { id = 1 } } },
          { url = "/items", query = { page = 2 }, json = { { id = 2 } } },
          { url = "https://shop.example/api/items?page=3", json = json.array {} } } },
      { name = "from there", poll = { cursor = { page = 9 }, backfill = true, since = 5 }, emits = {}, cursor = { page = 9 },
        sweeps = "all items: item_gone",
        answers = { { url = "/items", query = { page = "9", since = "5" }, json = json.array {} } } },
    } }"""))
    assert sums == {"passed": 2, "failed": 0}, rows


def test_a_transform_asks_the_far_side_of_its_source_and_its_rows_have_to_fit(shop):
    rows, sums = told(shop("items", """return {
      source = { use = "./shop.lua", options = { token = "t" } }, schema = "./items.yaml", cases = {
        { name = "fits", request = { body = { items = { { id = 7 } } } },
          answers = { { url = "/items/7", json = { name = "Sign" } } },
          emits = { { type = "items", data = { id = 7, name = "Sign", source = "shop" } } } },
        { name = "does not fit", event = { data = { id = "x" } }, answers = { { url = "/items/x", json = { name = "A" } } },
          fails = "items.lua:5: items.id: expected" },
      } }"""))
    assert sums == {"passed": 2, "failed": 0}, rows


def test_a_contract_is_kept_and_what_comes_of_it_is_in_the_log(shop, tmp_path):
    def cases(words, *expected):
        (tmp_path / "items.yaml").write_text(TABLES.replace("columns: { id: int, name: text, source: text }",
            f"contract: {{ columns: {words}, types: {words} }}, columns: {{ id: int, name: int }}"))
        rows, sums = told(shop("items", """return {
          source = { use = "./shop.lua", options = { token = "t" } }, schema = "./items.yaml", cases = {
            { name = "one", event = { data = { id = 7 } }, answers = { { url = "/items/7", json = { name = 1.5 } } }, %s },
          } }""" % ", ".join(expected)))
        assert sums == {"passed": 1, "failed": 0}, rows
    cases("evolve", "emits = { { type = 'items' } }", "logs = { 'the schema would get items.name as decimal', "
          "'the schema would get a column items.source of type text' }")
    cases("discard_row", "drops = 'items.name: a value is not a whole number of 64 bits'")
    cases("discard_value", "emits = { { type = 'items' } }", "logs = { 'items.name: a value was left out', "
          "'\"source\" was left out' }")


def test_a_sink_is_handed_rows_and_settles_them(shop):
    rows, sums = told(shop("items", """return { schema = "./items.yaml", cases = {
        { name = "rows", rows = { { type = "items", id = "a", data = { id = 1, name = "good" } },
            { type = "items", data = { id = 2, name = "bad" } } },
          settled = { "done", "fail: bad name" }, logs = { 'test:a:items:0 {"id":1,"name":"good"', "test:2:items:0" } },
        { name = "unsaid", rows = { { type = "items", data = { id = 2, name = "bad" } } }, logs = {} },
        { name = "no row", rows = { { type = "items", data = { id = "x" } } }, settled = {} },
      } }"""))
    assert rows["rows"]["passed"], rows["rows"]
    assert differences(rows["unsaid"]) == [("settled[1]", '"done"', '"fail: bad name"')]
    assert rows["no row"]["error"].startswith("rows[1]: items.id: expected")


# ----------------------------------------------------------------- the other forms


def test_tap(test):
    answer = test('{ name = "fine", event = { data = {} }, emits = { {} } }',
                  '{ name = "not # fine", event = { data = {} }, drops = "x" }', words=["--tap"])
    lines = answer.stdout.splitlines()
    assert lines[0] == "TAP version 13" and lines[-1] == "1..2"
    assert lines[1] == "ok 1 - cards.test.lua: fine" and lines[2] == "not ok 2 - cards.test.lua: not   fine"
    assert lines[3] == "  ---" and json.loads(lines[4])["passed"] is False and lines[5] == "  ..."


def test_lines_that_ran(test, tmp_path):
    answer = test('{ name = "fine", event = { data = {} }, emits = { {} } }', words=["--json", "--coverage", "--lcov", "lcov"])
    file, = told(answer)[1]["coverage"]
    assert file["file"] == "cards.lua" and file["missed"] == [] and file["ran"] == file["lines"] > 10
    script = (tmp_path / "cards.lua").read_text().replace("if card.drop then return", "if card.drop then\n  return\n ")
    (tmp_path / "cards.lua").write_text(script)
    answer = test('{ name = "fine", event = { data = {} }, emits = { {} } }', words=["--coverage", "--lcov", "lcov"])
    assert "; not: 8" in answer.stdout
    assert "DA:8,0" in (tmp_path / "lcov").read_text().splitlines()


# ------------------------------------------------------------------------ damages


def test_a_script_that_trusts_what_comes_in_is_found_out(test, tmp_path):
    script = CARDS.replace("local card = event.data", "local card = event.data\n    local _ = card.say and card.say:len()")
    case = '{ name = "a row", event = { data = { say = "hello" } }, emits = { {} }, logs = {} }'
    rows, sums = told(test(case, words=["--json"]))
    assert sums == {"passed": 1, "failed": 0}
    (tmp_path / "cards.lua").write_text(script)
    rows, sums = told(test(case, words=["--json", "--spoil", "100"]))
    trusted, how = differences(rows["a row"])
    assert trusted[0] == "fails" and "attempt to " in trusted[2], trusted
    assert how == ("spoilt", None, "damage 3: the event with value 1 (say) null")


def test_an_answer_that_is_html_has_to_be_quoted(test, tmp_path):
    trusting = """return {
      summary = "cards", api = { base = "https://far.example" },
      transform = function(event)
        local answer = http.get("/card")
        if not answer.json then fail("no card%s") end
        emit { type = "cards", data = { id = event.id } }
      end,
    }"""
    case = '{ name = "a row", event = {}, answers = { { url = "/card", json = { id = 1 } } }, emits = { {} } }'
    for quote, failed in ("", 1), ('" .. ": " .. answer.body:sub(1, 200) .. "', 0):
        script = trusting % quote
        (tmp_path / "cards.lua").write_text(script)
        file = "return { plugin = './far.lua', cases = { " + case + " } }"
        (tmp_path / "far.lua").write_text(script)
        rows, sums = told(test(file=file, words=["--json", "--spoil", "100"]))
        assert sums["failed"] == failed, rows
    assert sums["passed"] == 1


def test_a_damage_that_takes_the_process_along_is_named(test, tmp_path):
    (tmp_path / "cards.lua").write_text(CARDS.replace(
        "if card.hang then", "if card.say == json.null then"))
    rows, sums = told(test('{ name = "a row", event = { data = { say = "hello" } }, emits = { {} } }',
                           words=["--json", "--spoil", "100", "--deadline", "1"]))
    assert sums["failed"] == 1
    assert rows["a row"]["error"].startswith("damage 3: the event with value 1 (say) null: "), rows


def test_damages_are_not_written_into_golden_files(test):
    answer = test('{ name = "a row", event = { data = {} }, emits = { {} } }', words=["--spoil", "10", "--update"])
    assert answer.returncode == 2 and "--update" in answer.stderr


def test_every_case_runs_with_each_plugin_of_a_list(test, tmp_path):
    (tmp_path / "other.lua").write_text(CARDS.replace("cards as rows", "the same"))
    rows, sums = told(test(file='return { plugin = { "./cards.lua", "./other.lua" }, cases = {'
                                ' { name = "a row", event = { data = {} }, emits = { {} } } } }', words=["--json"]))
    assert sums == {"passed": 2, "failed": 0}
    assert set(rows) == {"a row, ./cards.lua", "a row, ./other.lua"}
