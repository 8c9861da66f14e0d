# SPDX-License-Identifier: Apache-2.0
# test_cmd_hooks.py - webhooks at the vendor: listed, registered, removed; a source opened for its trials.
import http.client
import json
import os
import signal
import subprocess

import pytest
from club import Club
from bed import SLUICE, exchange, wait_until

CONFIG = """\
listen: 127.0.0.1:{port}
public: http://127.0.0.1:{port}
data: ./data
http: {{ allow: [127.0.0.1] }}
sources:
  club: {{ use: ./club.lua, token: anything, secret: [shush], base: "{base}", teams: [red, blue] }}
  notes: {{ use: webhook, auth: hmac-sha1, proof: header:X-Proof, encoding: base64, covers: "{{body}}{{callback}}", secret: [{secret}], id: body:/id }}
transforms:
  notes: {{ use: ./notes.lua }}
sinks:
  local: {{ use: sqlite, path: ./warehouse.db, schema: {{ use: ./notes.yaml }} }}
routes:
  - {{ name: notes, from: [notes, club], via: [notes], to: local }}
"""


@pytest.fixture
def club():
    one = Club()
    yield one
    one.close()


@pytest.fixture
def member(daemon, club):
    """A daemon with a source whose webhooks can be looked after."""
    club.plugin(daemon.folder)
    daemon.text = CONFIG.format(port=daemon.port, base=club.base, secret=daemon.secret)
    daemon.write("sluice.yaml", daemon.text)
    daemon.url = f"http://127.0.0.1:{daemon.port}/in/club"
    return daemon


def rows(answer):
    return {(row["subject"], row["state"]) for row in map(json.loads, answer.stdout.splitlines())}


# ---------------------------------------------------------------------- ls


def test_ls_says_what_is_missing_off_and_extra(member, club):
    member.start()
    club.has("red", member.url, active=False)
    club.has("green", member.url)
    answer = member.sluice("hooks", "ls")
    assert answer.returncode == 1, answer.stderr
    assert answer.stdout.startswith(f"club: {member.url}\n")
    for word in ("off", "h1", "team red", "extra", "h2", "missing", "team blue"):
        assert word in answer.stdout
    said = member.sluice("hooks", "ls", "club", "--json")
    assert rows(said) == {("team red", "off"), ("team green", "extra"), ("team blue", "missing")}
    club.has("blue", member.url)
    club.hooks["h1"]["active"] = True
    assert member.sluice("hooks", "ls").returncode == 0


def test_ls_works_without_a_daemon(member, club):
    club.has("red", member.url)
    answer = member.sluice("hooks", "ls", "--json")
    assert answer.returncode == 1 and answer.stderr == ""
    assert rows(answer) == {("team red", "fine"), ("team blue", "missing")}
    member.start()
    assert rows(member.sluice("hooks", "ls", "--json")) == rows(answer)


def test_a_source_without_hooks_or_name_is_said(member):
    answer = member.sluice("hooks", "ls", "notes")
    assert answer.returncode == 1 and "cannot look after webhooks" in answer.stderr
    answer = member.sluice("hooks", "ls", "clubb")
    assert answer.returncode == 1 and "did you mean `club`" in answer.stderr


def test_a_source_without_its_key_is_told_so(member):
    member.change("token: anything, ", "")
    answer = member.sluice("hooks", "ls", "club")
    assert answer.returncode == 1 and "a key or token is missing" in answer.stderr
    assert "not asked: a key or token is missing" in member.sluice("check", "--connect").stdout


def test_a_vendor_that_refuses_is_told_with_its_reason(member, club):
    member.start()
    club.token = "another"
    answer = member.sluice("hooks", "ls")
    assert answer.returncode == 1 and "club: " in answer.stderr and "401" in answer.stderr
    assert json.loads(member.sluice("hooks", "ls", "--json").stdout)["error"]


# ---------------------------------------------------------------- register


def test_register_makes_wakes_and_removes_and_may_be_said_again(member, club):
    member.start()
    club.has("red", member.url, active=False)
    club.has("green", member.url)
    answer = member.sluice("hooks", "register", "club", "--json")
    assert answer.returncode == 0, answer.stderr
    assert rows(answer) == {("team red", "woken"), ("team green", "removed"), ("team blue", "made")}
    assert {hook["team"] for hook in club.hooks.values()} == {"red", "blue"}
    again = member.sluice("hooks", "register", "--all", "--json")
    assert again.returncode == 0 and rows(again) == {("team red", "fine"), ("team blue", "fine")}
    assert all(hook["url"] == member.url for hook in club.hooks.values())


def test_what_the_plugin_remembers_outlives_the_daemon(member, club):
    member.start()
    assert "cursor nil" not in member.stderr()
    member.sluice("hooks", "register", "club")
    assert "cursor nil" in member.stderr()
    member.restart()
    member.sluice("hooks", "ls")
    assert "cursor registered" in member.stderr()


def test_dry_run_says_what_would_be_done_and_does_nothing(member, club):
    club.has("red", member.url, active=False)
    club.has("green", member.url)
    answer = member.sluice("hooks", "register", "club", "--dry-run")
    assert answer.returncode == 0, answer.stderr
    for words in ("off -> woken", "extra -> removed", "missing -> made"):
        assert words in answer.stdout
    assert len(club.hooks) == 2 and not club.hooks["h1"]["active"]
    answer = member.sluice("hooks", "remove", "club", "h2", "--dry-run", "--json")
    would = {row["id"]: row["would"] for row in map(json.loads, answer.stdout.splitlines())}
    assert would == {"h1": None, "h2": "removed", "": None} and len(club.hooks) == 2


def test_register_first_asks_whether_the_address_leads_here(member, club):
    answer = member.sluice("hooks", "register", "club")
    assert answer.returncode == 1 and "no daemon runs" in answer.stderr and not club.hooks
    member.change(f"public: http://127.0.0.1:{member.port}", f"public: {club.base}")
    member.start()
    answer = member.sluice("hooks", "register", "club")
    assert answer.returncode == 1 and "not as this daemon" in answer.stderr and not club.hooks
    answer = member.sluice("hooks", "register", "club", "--no-probe")
    assert answer.returncode == 0 and len(club.hooks) == 2
    member.change(f"public: {club.base}", "public: http://127.0.0.1:1")
    member.sluice("reload")
    answer = member.sluice("hooks", "register", "club")
    assert answer.returncode == 1 and "cannot be reached" in answer.stderr


def test_a_slow_vendor_is_waited_for(member, club):
    member.start()
    club.silent = 6
    answer = member.sluice("hooks", "ls", "--json", timeout=60)
    assert answer.stderr == "" and len(rows(answer)) == 2


def test_a_process_that_dies_over_it_is_told_and_begun_again(member, club):
    member.start()
    wait_until(lambda: len(club.paths("GET")) >= 1)  # the look that each start takes
    club.silent, before = 5, len(club.asked)
    asking = subprocess.Popen([SLUICE, "hooks", "ls"], cwd=member.folder, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: len(club.asked) > before)
    os.kill(member.child("source club"), signal.SIGKILL)
    assert "source club ended before it answered" in asking.communicate(timeout=20)[1] and asking.returncode == 1
    club.silent = 0
    wait_until(lambda: "missing" in member.sluice("hooks", "ls").stdout)


def test_two_who_register_at_once_make_nothing_twice(member, club):
    member.start()
    club.silent = 0.3
    both = [subprocess.Popen([SLUICE, "hooks", "register", "club"], cwd=member.folder) for _ in range(2)]
    assert [one.wait(timeout=30) for one in both] == [0, 0]
    assert sorted(hook["team"] for hook in club.hooks.values()) == ["blue", "red"]


def test_what_only_a_person_can_make_is_told_as_steps(member, club):
    member.change("teams: [red, blue]", "teams: [], byhand: yes")
    member.start()
    answer = member.sluice("hooks", "register", "club")
    assert answer.returncode == 0, answer.stderr
    assert f"    Open the club's settings.\n    Add {member.url}\n" in answer.stdout


# ------------------------------------------------------------------ remove


def test_remove_takes_one_or_all(member, club):
    member.start()
    member.sluice("hooks", "register", "club")
    answer = member.sluice("hooks", "remove", "club", "h1")
    assert answer.returncode == 0 and "removed" in answer.stdout and set(club.hooks) == {"h2"}
    answer = member.sluice("hooks", "remove", "club", "h1")
    assert answer.returncode == 1 and "there is no webhook h1" in answer.stderr
    assert member.sluice("hooks", "remove", "club").returncode == 0 and not club.hooks
    assert member.sluice("hooks", "remove").returncode == 2
    assert member.sluice("hooks", "register").returncode == 2


# ------------------------------------------------------------------- probe


def get(member, path):
    return exchange(http.client.HTTPConnection("127.0.0.1", member.port, timeout=10), "GET", path)


def test_a_probe_is_answered_once_and_only_if_it_was_given_out(member):
    member.start()
    given = member.ask("ingress", "probe")[1]
    assert get(member, f"/in/club?sluice-probe={'0' * 32}").status == 405
    assert get(member, f"/in/none?sluice-probe={given['nonce']}").status == 404
    answer = get(member, f"/in/club?x=1&sluice-probe={given['nonce']}")
    assert answer.status == 200 and json.loads(answer.body) == {"proof": given["proof"]}
    assert get(member, f"/in/club?sluice-probe={given['nonce']}").status == 405


# -------------------------------------------------------------------- open


OPEN = "without a signature are answered 200"


def opened(member, *words):
    before = member.stderr().count(OPEN)
    one = subprocess.Popen([SLUICE, "hooks", "open", *words], cwd=member.folder, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True)
    wait_until(lambda: member.stderr().count(OPEN) > before)
    return one


def post(member, source, body, **headers):
    return exchange(http.client.HTTPConnection("127.0.0.1", member.port, timeout=10), "POST", f"/in/{source}", body,
                    {"Content-Type": "application/json", **headers})


def test_an_open_source_takes_what_is_not_signed_and_keeps_nothing(member):
    member.start()
    assert post(member, "club", b'{"id":"1"}').status == 401
    looking = opened(member, "club")
    assert post(member, "club", b'{"id":"trial"}', Authorization="Bearer abcdef", Cookie="s=1").status == 200
    assert post(member, "notes", b'{"id":"1"}').status == 401
    assert post(member, "club", b'{"id":"wrong"}', **{"X-Club": "00" * 32}).status == 401
    second = member.sluice("hooks", "open", "notes")
    assert second.returncode == 1 and "only one may be at a time" in second.stderr
    looking.send_signal(signal.SIGINT)
    out, err = looking.communicate(timeout=20)
    assert looking.returncode == 0 and "source club is shut" in err
    assert "not signed: answered 200, not kept" in out and '{"id":"trial"}' in out and "does not match" in out
    assert "abcdef" not in out and "s=1" not in out
    assert post(member, "club", b'{"id":"2"}').status == 401
    assert json.loads(member.sluice("log", "stat", "--json").stdout)["end"] == 0 or member.sluice("log", "cat").stdout == ""


def test_a_program_is_told_one_object_a_request(member):
    member.start()
    looking = opened(member, "club", "--json")
    assert post(member, "club", b'{"id":"trial"}', Authorization="Bearer abcdef").status == 200
    assert post(member, "club", b'{"id":"large","text":"' + b"x" * 100000 + b'"}').status == 200
    wait_until(lambda: member.health())
    looking.send_signal(signal.SIGINT)
    out, _ = looking.communicate(timeout=20)
    first, second = [json.loads(line) for line in out.splitlines()]
    assert (first["source"], first["method"], first["body"]) == ("club", "POST", '{"id":"trial"}')
    assert "not signed" in first["verdict"] and first["size"] == 14 and "abcdef" not in out
    assert second["size"] > 100000 > len(second["body"])


def test_it_is_shut_when_its_time_is_up_or_nobody_looks(member):
    member.start()
    answer = member.sluice("hooks", "open", "club", "--for", "1s", "--json")
    assert answer.returncode == 0 and answer.stdout == ""
    assert post(member, "club", b"{}").status == 401
    looking = opened(member, "club")
    assert post(member, "club", b"{}").status == 200
    looking.kill()
    looking.wait()
    wait_until(lambda: post(member, "club", b"{}").status == 401)


def test_what_is_wrong_with_it_is_said(member):
    assert member.sluice("hooks", "open", "club", "--for", "11m").returncode == 2
    assert "no daemon answers" in member.sluice("hooks", "open", "club").stderr
    member.start()
    assert "there is no source" in member.sluice("hooks", "open", "clubs").stderr
