# SPDX-License-Identifier: Apache-2.0
# test_check_connect.py - sluice check --connect: what tokens may see, and whether `public` leads here.
import json

from test_cmd_hooks import club, member  # noqa: F401 (fixtures)


def connected(answer):
    return {one["source"]: one for one in json.loads(answer.stdout)["connected"]}


def test_it_shows_what_the_token_may_see_and_that_the_address_leads_here(member):
    member.start()
    answer = member.sluice("check", "--connect")
    assert answer.returncode == 0, answer.stderr
    for line in ("club, ./club.lua\n", "    account  u1  Ann Example  ", "scopes read, hooks",
                 "expires 2027-01-01T00:00:00Z", "    team     t2  Blue\n", f"  club, {member.url}: leads here\n", "notes, webhook: its plugin does not tell"):
        assert line in answer.stdout, answer.stdout
    assert "\x1b" not in answer.stdout
    said = connected(member.sluice("check", "--connect", "--json"))
    assert [(one["type"], one["id"]) for one in said["club"]["seen"]] == [("account", "u1"), ("team", "t1"), ("team", "t2")]
    assert said["club"]["leads_here"] and said["notes"]["leads_here"] and said["notes"]["seen"] is None


def test_without_a_daemon_the_vendor_is_asked_all_the_same(member):
    answer = member.sluice("check", "--connect")
    assert answer.returncode == 0, answer.stderr
    assert "Ann Example" in answer.stdout and "no daemon runs" in answer.stdout
    said = json.loads(member.sluice("check", "--connect", "--json").stdout)
    assert not said["daemon"] and said["connected"][0]["leads_here"] is None
    member.start()


def test_a_refusal_is_told_with_the_vendors_reason(member, club):
    club.token = "another"
    answer = member.sluice("check", "--connect")
    assert answer.returncode == 1 and "REFUSED" in answer.stdout and "the token has expired" in answer.stdout
    said = connected(member.sluice("check", "--connect", "--json"))
    assert "make another in its settings" in said["club"]["refused"]


def test_an_address_that_leads_elsewhere_is_told(member, club):
    member.change(f"public: http://127.0.0.1:{member.port}", f"public: {club.base}")
    member.start()
    answer = member.sluice("check", "--connect")
    assert answer.returncode == 1 and "LEADS ASTRAY" in answer.stdout
    assert connected(member.sluice("check", "--connect", "--json"))["club"]["leads_here"] is False


def test_without_connect_nobody_is_asked(member, club):
    answer = member.sluice("check")
    assert answer.returncode == 0 and "may see" not in answer.stdout and not club.asked
    assert not member.data.exists()
