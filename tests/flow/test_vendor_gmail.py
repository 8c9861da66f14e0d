# SPDX-License-Identifier: Apache-2.0
# test_vendor_gmail.py - a mailbox: whatever came and went is told once, though its history ends and its tokens do.
import json
import time

import pytest
from vendorbed import Bed, bad_day, wait_until

from fake import Answer
from gmail import Gmail

CONFIG = """\
listen: 127.0.0.1:{port}
public: http://127.0.0.1:{port}
data: ./data
http: {{ allow: [127.0.0.1] }}
sources:
  mail:
    use: gmail
    secret: [{secret}]
    refresh_token: refresh-fake
    client_id: client
    client_secret: s
    topic: projects/p/topics/t
    page: 20
    base: "{base[mail]}"
    token_url: "{base[mail]}/token"
    every: 1h
    first: {first}
    api: {{ points: {points}, points_window: {window}ms }}
transforms:
  events: {{ use: events }}
sinks:
  local: {{ use: sqlite, path: ./warehouse.db, schema: {{ use: events }} }}
routes:
  - {{ name: events, from: [mail], via: [events], to: local }}
"""


def bed(daemon, first="0", **how):
    daemon.source, daemon.route = "mail", "events"
    mail = Gmail(secret=daemon.secret, **how)
    units = mail.limits["units"]
    values = {"points": units.most, "window": round(units.seconds * 1000), "first": first}
    return Bed(daemon, CONFIG, {"mail": mail}, values=values)


def test_a_bad_day(daemon):
    one = bed(daemon, **bad_day())
    one.prove()
    assert one.fakes["mail"].watched[0] == "projects/p/topics/t"


@pytest.fixture
def quiet(daemon):
    one = bed(daemon, speed=50, kept=10)
    one.fakes["mail"].fill(5)
    one.start()
    one.until_done("poll", "mail")
    yield one
    one.close()


def polled(daemon, quiet):
    said = daemon.sluice("poll", "mail")
    assert said.returncode == 0, said.stderr
    wait_until(quiet.caught_up)
    quiet.compare_tables("mail", quiet.fakes["mail"])


def test_an_expired_history_is_listed_anew(daemon, quiet):
    mail = quiet.fakes["mail"]
    mail.change(40)
    polled(daemon, quiet)
    assert "has expired" in daemon.stderr()
    assert any("after%3A" in target and status == 200 for _, _, target, status in mail.asked)
    mail.change(3)
    polled(daemon, quiet)


def test_an_access_token_that_ends_is_fetched_anew(daemon, quiet):
    mail = quiet.fakes["mail"]
    mail.access = "access-2"
    mail.change(3)
    polled(daemon, quiet)
    mail.access, mail.refresh = "access-3", "another"
    said = daemon.sluice("poll", "mail")
    assert said.returncode == 1 and "invalid_grant" in said.stderr, said.stderr


def test_what_is_too_much_waits_and_what_is_no_answer_is_quoted(daemon, quiet):
    mail = quiet.fakes["mail"]
    mail.change(3)
    mail.moods.extend(["429", "503"])
    polled(daemon, quiet)
    mail.moods.append(Answer(200, "<html>nobody is here</html>"))
    said = daemon.sluice("poll", "mail")
    assert said.returncode == 1 and "nobody is here" in said.stderr, said.stderr


def test_a_notice_begins_a_poll(daemon, quiet):
    mail = quiet.fakes["mail"]
    for _ in range(2):
        asked = quiet.ask("mail", "state")["polls"]
        mail.change(10)
        mail.notify()
        wait_until(lambda: quiet.ask("mail", "state")["polls"] > asked, what=quiet.told)
        wait_until(quiet.caught_up)
        quiet.compare_tables("mail", mail)


def test_a_notice_is_taken_in_with_its_token_only(daemon, quiet):
    mail = quiet.fakes["mail"]
    mail.notify()
    assert mail.drain() and mail.counts["answered 200"] == 1
    mail.secret = "guessed"
    mail.notify()
    wait_until(lambda: mail.counts["answered 401"] == 1)
    wait_until(quiet.caught_up)
    assert [row[0] for row in daemon.rows("select count(*) from _sluice_open")] == [0]
