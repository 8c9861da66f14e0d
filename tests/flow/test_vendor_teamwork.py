# SPDX-License-Identifier: Apache-2.0
# test_vendor_teamwork.py - tasks, as webhooks tell them and as the API knows them, are one table.
import json
import time

import pytest
from vendorbed import OBJECTS, Bed, bad_day, wait_until

from fake import Answer  # vendorbed knows where it is
from teamwork import Teamwork

CONFIG = """\
listen: 127.0.0.1:{port}
public: http://127.0.0.1:{port}
data: ./data
http: {{ allow: [127.0.0.1] }}
sources:
  tasks: {{ use: teamwork, base: "{base[tasks]}", token: [{token}], secret: [{secret}], page: {page}, every: 1h, api: {api[tasks]} }}
transforms:
  rows: {{ use: inbox, fetch: {fetch} }}
sinks:
  local: {{ use: sqlite, path: ./warehouse.db, schema: {{ use: inbox }} }}
routes:
  - {{ name: rows, from: [tasks], via: [rows], to: local, retry: {{ first: 50ms }} }}
"""


def bed(daemon, page=40 if OBJECTS < 1000 else 500, fetch="no", register=False, **how):
    fake = Teamwork(secret=daemon.secret, **how)
    daemon.source, daemon.route, daemon.proof = "tasks", "rows", "X-Projects-Signature"
    return Bed(daemon, CONFIG, {"tasks": fake}, register=register, values={"token": fake.token, "page": page, "fetch": fetch})


def test_a_bad_day(daemon):
    """Webhooks that were made by us; a backfill beside them; pages that all have one time."""
    one = bed(daemon, register=True, **bad_day())
    one.prove()
    assert one.fakes["tasks"].counts["lost"], "nothing was lost"


@pytest.fixture
def quiet(daemon):
    """A few tasks, and nothing goes wrong by itself."""
    one = bed(daemon, speed=50)
    one.fakes["tasks"].fill(5)
    one.start()
    one.until_done("backfill", "tasks")
    one.until_done("poll", "tasks")
    yield one
    one.close()


def fake_of(one):
    return one.fakes["tasks"]


def settled(one):
    wait_until(one.caught_up)
    one.compare_routes()


def lists_of(fake):
    return sum("/tasks.json" in target for _, _, target, _ in fake.asked)


def test_nothing_new_costs_two_requests_and_no_event(daemon, quiet):
    fake = fake_of(quiet)
    settled(quiet)
    before, logged = lists_of(fake), daemon.rows("select count(*) from tasks")
    assert daemon.sluice("poll", "tasks").returncode == 0
    assert lists_of(fake) == before + 2
    assert daemon.rows("select count(*) from tasks") == logged


def changed(fake, count, ago):
    """So many tasks of as many seconds, the last one `ago`; and no webhook tells of them."""
    with fake.lock:
        return [fake.create(int(time.time()) - ago - count + number) for number in range(count)]


def test_what_is_looked_back_at_may_be_many_pages(daemon, quiet):
    """A task that changed again in a second that was read is on none but the second page behind the newest known."""
    fake = fake_of(quiet)
    tasks = changed(fake, 100, 5)
    quiet.until_done("poll", "tasks")
    with fake.lock:
        tasks[60].update(name="Changed again")
        tasks[60]["updatedAt"] += 1
    quiet.until_done("poll", "tasks")
    settled(quiet)
    quiet.compare_tables("tasks", fake)


def test_a_task_that_was_changed_and_deleted_in_one_second_is_as_it_was_last(daemon, quiet):
    fake = fake_of(quiet)
    with fake.lock:
        tasks = [fake.create(int(time.time()) - 10) for _ in range(20)]
        for number, task in enumerate(tasks):
            fake.tell(task, "TASK.CREATED")
            task["name"] = f"Changed again {number}"
            fake.delete(task, task["updatedAt"])
    assert fake.drain()
    quiet.until_done("poll", "tasks")
    settled(quiet)
    quiet.compare_tables("tasks", fake)


def test_a_webhook_and_a_form_are_the_same_task(daemon, quiet):
    fake = fake_of(quiet)
    with fake.lock:
        task = next(task for task in fake.tasks.values() if not task["deletedAt"])
        task.update(name="Menü & Co = 100%", updatedAt=task["updatedAt"] + 60 * 86400)
        fake.tell(task, "TASK.UPDATED", form=True)
    fake.drain()
    wait_until(lambda: ("Menü & Co = 100%",) in daemon.rows("select title from tasks"))
    settled(quiet)


def test_webhooks_are_made_woken_and_removed(daemon, quiet):
    fake = fake_of(quiet)
    hooks = json.loads(daemon.sluice("hooks", "ls", "tasks", "--json").stdout.splitlines()[0])
    assert hooks, "there is something to tell"
    fake.stop_webhooks()
    fake.webhooks["7"] = {"id": "7", "event": "RISK.CREATED", "status": "ACTIVE", "url": quiet.callback("tasks")}
    done = daemon.sluice("hooks", "register", "tasks")
    assert done.returncode == 0, done.stderr
    assert {hook["status"] for hook in fake.webhooks.values()} == {"ACTIVE"} and "7" not in fake.webhooks
    assert daemon.sluice("hooks", "remove", "tasks").returncode == 0
    assert not fake.webhooks


def test_what_the_token_may_see(daemon, quiet):
    told = daemon.sluice("check", "--connect")
    assert told.returncode == 0, told.stderr
    assert "Project 740934" in told.stdout and "Demo" in told.stdout


@pytest.mark.parametrize("answer", ["html", Answer(200, {"tasks": "none"}), Answer(200, b'{"tasks": [{"id": 7, "na')])
def test_an_answer_that_is_none_is_asked_for_again(daemon, quiet, answer):
    fake = fake_of(quiet)
    with fake.lock:
        fake.moods.append(answer)
        fake.change(3)
    quiet.until_done("poll", "tasks")
    settled(quiet)
    quiet.compare_tables("tasks", fake)
