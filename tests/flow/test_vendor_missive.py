# SPDX-License-Identifier: Apache-2.0
# test_vendor_missive.py - conversations and messages, as rules post them and as the API knows them, are one.
import time

import pytest
from vendorbed import Bed, bad_day, killed_in_the_midst, wait_until

from fake import Answer  # vendorbed knows where it is
from missive import Missive

CONFIG = """\
listen: 127.0.0.1:{port}
public: http://127.0.0.1:{port}
data: ./data
http: {{ allow: [127.0.0.1] }}
sources:
  mail: {{ use: missive, base: "{base[mail]}", token: [{token}], secret: [{secret}], every: 1h, api: {{ {windows} }} }}
transforms:
  rows: {{ use: inbox, fetch: {fetch}, {more} }}
sinks:
  local: {{ use: sqlite, path: ./warehouse.db, schema: {{ use: inbox }} }}
routes:
  - {{ name: rows, from: [mail], via: [rows], to: local, retry: {{ first: 50ms }} }}
"""


def windows(fake):
    """Both limits of the fake: the shorter as requests, the longer as points."""
    minute, quarter = fake.limits["minute"], fake.limits["quarter"]
    return (f"requests: {minute.most}, window: {round(minute.seconds * 1000)}ms, points: {quarter.most}, "
            f"points_window: {round(quarter.seconds * 1000)}ms")


def bed(daemon, fetch="yes", more="", objects=None, **how):
    fake = Missive(secret=daemon.secret, **how)
    daemon.source, daemon.route, daemon.proof = "mail", "rows", "X-Hook-Signature"
    values = {"token": fake.token, "fetch": fetch, "more": more, "windows": windows(fake)}
    return Bed(daemon, CONFIG, {"mail": fake}, limits={"mail": "quarter"}, values=values, **({"objects": objects} if objects else {}))


def test_a_bad_day(daemon):
    one = bed(daemon, **bad_day())
    one.prove()
    assert one.fakes["mail"].counts["lost"], "nothing was lost"


@pytest.fixture
def quiet(daemon):
    """A few conversations, and nothing goes wrong by itself."""
    one = bed(daemon, speed=1000)
    one.fakes["mail"].fill(5)
    one.start()
    one.until_done("backfill", "mail")
    yield one
    one.close()


def fake_of(one):
    return one.fakes["mail"]


def settled(one):
    wait_until(one.caught_up)
    one.compare_routes()


def asked(fake):
    """How many lists of conversations, and how much about single ones."""
    targets = [target for _, _, target, _ in fake.asked]
    lists = sum(target.startswith("/v1/conversations?") for target in targets)
    return lists, sum(target.startswith(("/v1/conversations/", "/v1/messages")) for target in targets)


def test_more_of_one_second_than_a_page_holds_hides_nothing(daemon):
    """Sixty conversations were closed at once; of an old one twenty messages were imported."""
    one = bed(daemon, speed=1000)
    fake = fake_of(one)
    fake.fill(90)
    talks = list(fake.talks.values())
    for talk in talks[:60]:
        talk["last_activity_at"] = talks[-1]["last_activity_at"]
    for _ in range(20):
        fake.write(talks[70], talks[70]["last_activity_at"] + 5)
    one.start()
    one.until_done("backfill", "mail")
    settled(one)
    one.compare_tables("mail", fake)
    one.close()


def test_a_message_that_is_fetched_late_is_no_newer_than_its_conversation(quiet):
    """It is put into the trash after the one was read and before the other is."""
    fake, held = fake_of(quiet), []

    def respond(request, connection):
        answer = fake.judge(request)
        if held or not request.path.startswith("/v1/messages/"):
            connection.send(request, answer)
            return
        held.append(time.time())
        talk.update(trashed=True, last_activity_at=int(held[0]))
        fake.loop.call_later(1.5, connection.send, request, answer)

    with fake.lock:
        talk = fake.create(int(time.time()) - 60)
        fake.respond = respond
        fake.tell(talk, "incoming_email")
    wait_until(lambda: held and time.time() > held[0] + 2.1)
    quiet.until_done("poll", "mail")
    settled(quiet)
    quiet.compare_tables("mail", fake)


def test_nothing_new_costs_a_request_for_each_mailbox(quiet):
    fake = fake_of(quiet)
    with fake.lock:
        fake.create(int(time.time()) - 5)
    quiet.until_done("poll", "mail")
    settled(quiet)
    lists, others = asked(fake)
    quiet.until_done("poll", "mail")
    assert asked(fake) == (lists + 2, others)


def test_hooks_are_made_remembered_and_removed(daemon, quiet):
    fake = fake_of(quiet)
    fake.rules.clear()
    fake.hooks.clear()
    assert daemon.sluice("hooks", "register", "mail").returncode == 0
    assert sorted(rule["type"] for rule in fake.rules.values()) == ["incoming_email", "new_comment"]
    assert daemon.sluice("hooks", "register", "mail").returncode == 0
    assert len(fake.rules) == 2, "those that were made are remembered"
    assert daemon.sluice("hooks", "remove", "mail").returncode == 0
    assert not fake.rules


def test_a_hook_that_may_have_been_made_is_not_made_again_unasked(daemon, quiet):
    fake = fake_of(quiet)
    fake.rules.clear()
    fake.hooks.clear()
    killed_in_the_midst(quiet, "mail", lambda: len(fake.rules) == 1)
    told = daemon.sluice("hooks", "register", "mail").stdout
    assert "may be there, unknown to us" in told, told
    assert sorted(rule["type"] for rule in fake.rules.values()) == ["incoming_email", "new_comment"]
    fake.rules.clear()
    fake.hooks.clear()  # a person looked, and removed it; and all others
    assert daemon.sluice("hooks", "register", "mail").returncode == 0
    assert [rule["type"] for rule in fake.rules.values()] == ["incoming_email"]


def test_who_removes_hooks_is_told_of_one_that_may_be_there(daemon, quiet):
    fake = fake_of(quiet)
    fake.rules.clear()
    fake.hooks.clear()
    killed_in_the_midst(quiet, "mail", lambda: len(fake.rules) == 2)
    assert "may be there, unknown to us" in daemon.sluice("hooks", "remove", "mail").stdout
    assert [rule["type"] for rule in fake.rules.values()] == ["new_comment"]
    assert "may be there" not in daemon.sluice("hooks", "remove", "mail").stdout


def test_what_the_token_may_see(daemon, quiet):
    told = daemon.sluice("check", "--connect")
    assert told.returncode == 0, told.stderr
    assert "Demo Staging" in told.stdout and "Support" in told.stdout


def test_a_merged_conversation_leaves_its_name(daemon, quiet):
    fake = fake_of(quiet)
    gone, into = list(fake.talks)[:2]
    fake.merge(gone, into)
    quiet.until_done("backfill", "mail", "--all")
    wait_until(lambda: daemon.rows(f"select merged_into, deleted from conversations where conversation_id = '{gone}'") == [(into, 1)],
               what=daemon.stderr)
    settled(quiet)
    assert not daemon.rows(f"select * from emails where thread_id = '{gone}'"), "its messages are the other one's"
    assert daemon.rows(f"select count(*) from threads where conversation_id = '{into}'") == [(1,)]


@pytest.mark.parametrize("answer", ["html", Answer(200, {"conversations": "none"}), Answer(200, b'{"conversations": [{"id": 7, "na')])
def test_an_answer_that_is_none_is_asked_for_again(daemon, quiet, answer):
    fake = fake_of(quiet)
    with fake.lock:
        fake.moods.append(answer)
        fake.create(int(time.time()))
    quiet.until_done("poll", "mail")
    settled(quiet)
    quiet.compare_tables("mail", fake)


def test_attachments_are_files(daemon):
    daemon.folder.joinpath("files").mkdir()
    one = bed(daemon, more="attachments: file, files: ./files", speed=1000)
    fake = one.fakes["mail"]
    fake.fill(30)
    one.start()
    one.until_done("backfill", "mail")
    settled(one)
    paths = daemon.rows("select path from attachments")
    one.close()
    assert paths and all((daemon.folder / "files" / path).read_bytes() == b"twelve bytes" for (path,) in paths), paths


def test_postgres_has_the_same_rows_and_views(daemon, database):
    one = bed(daemon, speed=1000)
    one.text = one.text.replace("use: sqlite, path: ./warehouse.db", f'use: postgres, url: "{database.url}"')
    fake = one.fakes["mail"]
    fake.fill(20)
    one.start()
    one.until_done("backfill", "mail")
    alive = [talk for talk in fake.talks.values() if not talk["trashed"]]
    letters = sum(len(talk["messages"]) for talk in alive)
    wait_until(lambda: database.rows("select count(*)::text from threads where last_email_id is not null") == [(str(len(alive)),)],
               what=daemon.stderr)
    wait_until(lambda: database.rows("select count(*)::text from inbox where kind in ('email', 'sms')") == [(str(letters),)])
    assert database.rows("select count(*)::text from open_tasks") == [("0",)]
    one.close()
