# SPDX-License-Identifier: Apache-2.0
# test_confidence.py - vendors quote what they were sent, and plugins quote vendors: no secret comes along.
import os
import subprocess

from bed import SLUICE

SCRIPT = """\
return {
  summary = "asks, and quotes the answer",
  options = { { "token", "secret" } },
  api = { base = "https://far.example", headers = { Authorization = "Basic {basic:token}" }, credential = "{token}" },
  transform = function(event)
    local answer = http.get("/card", nil, { headers = { ["X-Session-Token"] = "fetched-0123456789" } })
    local said = answer.body:sub(1, event.data.most)
    if event.data.log then log(said) end
    if event.data.drop then return drop(said) end
    fail(said)
  end,
}
"""
TOKEN = "tok-abcdefghijklmnop"
BASIC = "dG9rLWFiY2RlZmdoaWprbG1ub3A6WA"  # base64 of the token and what stands for a password
TESTS = """\
local function case(name, data, said, more)
  local one = {{ name = name, event = {{ data = data }}, options = {{ token = "{token}" }},
    answers = {{ {{ url = "/card", body = said }} }} }}
  for key, value in pairs(more) do one[key] = value end
  return one
end
return {{
  case("an option", {{}}, "no leave for {token}!", {{ fails = "no leave for ***!" }}),
  case("one that a cut left the beginning of", {{ most = 26 }}, "no leave for {token}!", {{ fails = "no leave for ***" }}),
  case("what a header made of it", {{}}, "Authorization: Basic {basic}==!", {{ fails = "Authorization: Basic ***" }}),
  case("what a script fetched itself", {{}}, "X-Session-Token: fetched-0123456789!", {{ fails = "X-Session-Token: ***!" }}),
  case("a reason to drop", {{ drop = true }}, "{token}, {token}", {{ drops = "***, ***" }}),
  case("a log line", {{ log = true, drop = true }}, "<{token}>", {{ drops = "<***>", logs = {{ "<***>" }} }}),
  case("what is none", {{}}, "tok-abc is no secret", {{ fails = "tok-abc is no secret" }}),
}}
"""


def test_what_was_told_in_confidence_is_told_to_nobody(tmp_path):
    (tmp_path / "cards.lua").write_text(SCRIPT)
    (tmp_path / "cards.test.lua").write_text(TESTS.format(token=TOKEN, basic=BASIC))
    answer = subprocess.run([SLUICE, "test"], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                            env={"PATH": os.environ["PATH"]})
    assert answer.returncode == 0 and "7 passed" in answer.stdout, answer.stdout
    assert TOKEN not in answer.stdout
