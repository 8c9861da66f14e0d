# SPDX-License-Identifier: Apache-2.0
# test_vendor_monday.py - a bad day with monday.com: boards, subitems, mirrors, lost webhooks; at the end all is as it has it.
import json

import pytest
from vendorbed import Bed, bad_day, killed_in_the_midst, wait_until

from monday import HIDDEN, PROJECTS, SUBITEMS, Monday  # vendorbed knows where it is

CONFIG = """\
listen: 127.0.0.1:{port}
public: http://127.0.0.1:{port}
data: ./data
http: {{ allow: [127.0.0.1] }}
sources:
  crm:
    use: monday
    base: "{base[crm]}"
    secret: [{secret}]
    token: monday-token
    boards: ["1825117125", "1825117144", "1825138260"]
    subitems: [mirror_12__1, mirror875__1, formula_mkqa31kh, connect_hidden]
    linked: [formula63__1]
    page: {page}
    full: {full}
    every: 1h
    api: {{ requests: {requests}, window: {window}ms, points: {points}, points_window: {window}ms }}
transforms:
  cube:
    use: datacube
    columns:
      projects.project_value: numbers_value
      subitems.hidden_item_id: connect_hidden
      subitems.quote_amount: numbers_quote
      subitems.customer_po: text_po
      hidden_items.status: status
      hidden_items.material_value: numbers_material
sinks:
  local: {{ use: sqlite, path: ./warehouse.db, schema: {{ use: datacube }} }}
routes:
  - {{ name: cube, from: [crm], via: [cube], to: local }}
"""


def bed(daemon, monday, full="1ms", page=50, **more):
    """With `full` every poll reads everything: only so is it found what was deleted, and what mirrors show."""
    daemon.source, daemon.route = "crm", "cube"
    minute, points = monday.limits["minute"], monday.limits["complexity"]
    return Bed(daemon, CONFIG, {"crm": monday}, events=("webhook_events", "event_id"),
               values={"full": full, "page": page, "requests": minute.most, "points": points.most,
                       "window": round(minute.seconds * 1000)}, **more)


def started(daemon, monday, count=24, **more):
    one = bed(daemon, monday, **more)
    monday.fill(count)
    one.start()
    one.until_done("poll", "crm")
    wait_until(one.caught_up, what=one.told)
    return one


@pytest.fixture
def monday(daemon):
    one = Monday(daemon.secret, speed=50)  # whose bed starts it
    yield one
    one.close()


def test_a_bad_day(daemon):
    bed(daemon, Monday(daemon.secret, **bad_day())).prove()


def test_what_was_registered_is_told_once(daemon):
    """`hooks register` subscribes each board to what it can tell, answering monday.com's challenge on the way."""
    monday = Monday(daemon.secret, **bad_day(lost=0, faults=0))
    bed(daemon, monday, register=True, objects=60).prove()
    assert {hook["event"] for hook in monday.hooks if hook["board"] == PROJECTS} > {"create_item", "create_subitem"}
    assert {hook["event"] for hook in monday.hooks if hook["board"] == HIDDEN} & {"create_subitem"} == set()
    assert not [hook for hook in monday.hooks if hook["board"] == SUBITEMS]


def test_a_delta_sync_reads_what_changed_and_the_projects_of_changed_subitems(daemon, monday):
    one = started(daemon, monday, full="24h")
    subitem = next(item for item in monday.live(SUBITEMS) if item["values"]["connect_hidden"])
    subitem["values"]["formula_mkqa31kh"] = "4711.50"
    monday.stamp(subitem)
    one.until_done("poll", "crm")
    wait_until(one.caught_up, what=one.told)
    one.compare_tables("crm", monday)
    kinds = daemon.rows("select sync_type, status, count(*) from sync_log group by 1, 2 order by 1")
    assert [kind[:2] for kind in kinds] == [("delta", "completed"), ("full", "completed")]


VIEWS = ("project_analytics", "conversion_metrics", "sync_health", "data_freshness", "orphaned_subitems",
         "missing_mirrors", "project_search")


def test_the_views_add_up(daemon, monday):
    started(daemon, monday, count=40)
    one = {view: daemon.rows(f"select * from {view}") for view in VIEWS}
    assert len(one["project_analytics"]) == len(one["project_search"]) == 10
    assert daemon.rows("select sum(subitem_count) from project_analytics") == [(20,)]
    assert daemon.rows("select board_id from sync_health order by 1") == [(PROJECTS,), (SUBITEMS,), (HIDDEN,)]
    recent = daemon.rows("select count(*) from projects where date_created >= date('now', '-2 years')")
    assert daemon.rows("select sum(total_projects) from conversion_metrics") == recent
    assert daemon.rows("select total_records, fresh_1h from data_freshness where table_name = 'subitems'") == [(20, 20)]
    assert one["orphaned_subitems"] == []


def test_the_views_are_there_in_postgres_too(daemon, monday, database):
    monday.fill(24)
    one = bed(daemon, monday)
    one.text = one.text.replace("use: sqlite, path: ./warehouse.db", f'use: postgres, url: "{database.url}"')
    one.start()
    one.until_done("poll", "crm")
    wait_until(one.caught_up, what=one.told)
    wait_until(lambda: database.rows("select count(*) from projects") == [("6",)], what=one.told)
    for view in VIEWS:
        database.rows(f"select * from {view}")
    assert database.rows("select sum(subitem_count) from project_analytics") == [("12",)]
    assert database.rows("select count(*) from project_search where document @@ plainto_tsquery('simple', 'projects')") == [("6",)]


def test_what_is_gone_is_marked_by_the_next_full_sync(daemon, monday):
    one = started(daemon, monday)
    item = monday.live(HIDDEN)[0]
    item["state"] = "deleted"
    one.until_done("poll", "crm")
    wait_until(one.caught_up, what=one.told)
    wait_until(lambda: daemon.rows(f"select deleted from hidden_items where monday_id = '{item['id']}'") == [(1,)],
               what=one.told)
    one.compare_tables("crm", monday)


def test_a_cursor_that_died_begins_its_board_anew(daemon, monday):
    monday.fill(40)
    one = bed(daemon, monday, page=5)
    real, count = monday.next_page, []

    def late(cursor, limit=25):
        count.append(1)
        if len(count) in (1, 3):
            monday.cursors.clear()
        return real(cursor, limit)

    monday.next_page = late
    one.start()
    one.until_done("poll", "crm")
    wait_until(one.caught_up, what=one.told)
    one.compare_tables("crm", monday)
    assert "read again from its first page" in daemon.stderr() and len(count) > 4


def test_a_board_that_may_not_be_read_does_not_hold_up_the_others(daemon, monday):
    monday.unreadable.add(PROJECTS)
    started(daemon, monday)
    assert daemon.rows("select count(*) from hidden_items") == [(6,)]
    assert daemon.rows("select distinct board_id, status from sync_log where status = 'failed'") == [(PROJECTS, "failed")]


def test_complexity_is_waited_for_before_it_is_refused(daemon):
    """A minute of monday.com's is 1.2 s here; each page takes a good part of its points."""
    monday = Monday(daemon.secret, speed=50, points=6000)
    one = started(daemon, monday, count=200)
    one.compare_tables("crm", monday)
    assert monday.limits["complexity"].total > 12000 and monday.limits["complexity"].exceeded == 0
    one.close()


@pytest.mark.parametrize("mood", ["monday 2023", "monday 2024", "monday 2025", "monday internal", "monday blocked", "html"])
def test_errors_of_all_generations_are_tried_again(daemon, monday, mood):
    monday.fill(12)
    one = bed(daemon, monday)
    monday.moods.extend([mood] * 2)
    one.start()
    one.until_done("poll", "crm")
    wait_until(one.caught_up, what=one.told)
    one.compare_tables("crm", monday)


def test_a_token_of_nobody_is_told(daemon, monday):
    monday.token = "another"
    one = bed(daemon, monday)
    one.start()
    wait_until(lambda: "does not know the token (401)" in daemon.stderr(), what=one.told)


@pytest.mark.parametrize("count", [1, 9])
def test_a_hook_that_was_made_and_not_heard_of_is_found(daemon, monday, count):
    monday.fill(12)
    one = bed(daemon, monday)
    one.start()
    wait_until(lambda: one.ask("crm", "state").get("polls"), what=one.told)
    monday.hooks[:] = [{"id": str(number), "url": "https://elsewhere.example/", "board": PROJECTS, "event": "create_item"}
                       for number in (3, 4)]
    killed_in_the_midst(one, "crm", lambda: len(monday.hooks) == 2 + count)
    one.until_done("hooks", "register", "crm")
    assert len(monday.hooks) == 2 + 17
    assert len({(hook["board"], hook["event"]) for hook in monday.hooks}) == 17
    one.until_done("hooks", "remove", "crm")
    assert [hook["id"] for hook in monday.hooks] == ["3", "4"]


def test_the_hooks_of_a_board_are_made_once_and_removed(daemon, monday):
    monday.fill(12)
    one = bed(daemon, monday, register=True)
    one.start()
    made = {(hook["board"], hook["event"]) for hook in monday.hooks}
    assert len(made) == len(monday.hooks) == 17
    one.until_done("hooks", "register", "crm")
    assert len(monday.hooks) == 17
    lost = monday.hooks.pop()
    listed = daemon.sluice("hooks", "ls", "crm", "--json").stdout
    states = [json.loads(line).get("state") or json.loads(line).get("type") for line in listed.splitlines()]
    assert states.count("missing") == 1, listed
    one.until_done("hooks", "register", "crm")
    assert (lost["board"], lost["event"]) in {(hook["board"], hook["event"]) for hook in monday.hooks}
    one.until_done("hooks", "remove", "crm")
    assert monday.hooks == []
