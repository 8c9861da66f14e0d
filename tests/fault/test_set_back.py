# SPDX-License-Identifier: Apache-2.0
"""test_set_back.py - an older copy of the data folder is put back, by cp, and its log goes on: with numbers of events that the
destination has had as others.  Nothing that came in since then is passed over as delivered."""
import re
import shutil
import sqlite3

import pytest
from bed import wait_until
from postgres import use

pytestmark = pytest.mark.fault(12)
TEXT = "x" * 20000


class Warehouse:
    def __init__(self, daemon):
        self.path, self.rows = daemon.folder / "warehouse.db", daemon.rows

    def do(self, sql):
        with sqlite3.connect(self.path) as connection:
            connection.execute(sql)
        connection.close()


@pytest.fixture(params=["sqlite", "postgres"])
def destination(request, daemon):
    daemon.change("data: ./data\n", "data: ./data\nlog: { segment: 128 KB, size: 16 MB, keep: 0 }\n")
    if request.param == "sqlite":
        return Warehouse(daemon)
    database = request.getfixturevalue("database")
    use(daemon, database)
    return database


def post(daemon, numbers):
    for number in numbers:
        assert daemon.post({"id": str(number), "card": f"c{number % 3}", "text": f"{number} {TEXT}"}).status == 200


def ids(destination):
    return sorted(int(row) for row, in destination.rows("select id from notes"))


def blocked(daemon):
    wait_until(lambda: daemon.route_health()["state"] == "blocked", what=daemon.told)
    return daemon.route_health()["error"]


def put_back(daemon, destination):
    """The destination has events 1 to 40, the log 20 of them."""
    daemon.start()
    post(daemon, range(20))
    wait_until(lambda: len(ids(destination)) == 20)
    daemon.stop()
    shutil.copytree(daemon.data, daemon.folder / "old")
    daemon.start()
    post(daemon, range(20, 40))
    wait_until(lambda: len(ids(destination)) == 40)
    daemon.stop()
    shutil.rmtree(daemon.data)
    (daemon.folder / "old").rename(daemon.data)
    daemon.start(ready=False)


def do_as_told(daemon, error):
    command, = re.findall(r"sluice (routes rewind notes --to \S+)", error)
    answer = daemon.sluice(*command.split())
    assert answer.returncode == 0, answer


def test_before_its_log_has_grown(daemon, destination, tally):
    put_back(daemon, destination)
    error = blocked(daemon)
    assert "the destination stands at event 40, but the log ends at 20: an older copy" in error
    post(daemon, range(100, 110))
    do_as_told(daemon, error)
    wait_until(lambda: ids(destination) == [*range(40), *range(100, 110)])
    post(daemon, range(110, 120))
    wait_until(lambda: ids(destination) == [*range(40), *range(100, 120)])
    tally(lost=0, of=60, wrong=0, rows=60, seeds=1)


@pytest.mark.parametrize("again", ["resume", "restart"])
def test_after_its_log_has_grown_past_the_destination(daemon, destination, tally, again):
    put_back(daemon, destination)
    blocked(daemon)
    post(daemon, range(100, 150))
    if again == "resume":
        assert daemon.ask("notes", "resume")[0] == 200
    else:
        daemon.stop()
        daemon.start(ready=False)
    wait_until(lambda: "is another one in this log" in str(daemon.route_health()["error"]), what=daemon.told)
    post(daemon, range(150, 160))
    assert ids(destination) == list(range(40)), "a person decides"
    do_as_told(daemon, blocked(daemon))
    wait_until(lambda: daemon.settled() and daemon.get("/health").status == 200, what=daemon.told)
    tally(lost=len(set(range(100, 160)) - set(ids(destination))), of=100, wrong=0, rows=100, seeds=1)
    assert ids(destination) == [*range(40), *range(100, 160)]
    daemon.restart()
    post(daemon, [160])
    wait_until(lambda: 160 in ids(destination))


def test_what_an_earlier_version_left_is_gone_on_with(daemon, destination):
    daemon.start()
    post(daemon, range(3))
    wait_until(lambda: len(ids(destination)) == 3)
    daemon.stop()
    destination.do("alter table _sluice_routes drop column mark")
    daemon.start()
    post(daemon, range(3, 6))
    wait_until(lambda: len(ids(destination)) == 6)
    wait_until(lambda: destination.rows("select mark from _sluice_routes where mark like '6:%'"))
    daemon.restart()


def test_a_mark_that_is_not_the_cursors_says_nothing(daemon, destination):
    """As an earlier version leaves it, which moves the cursor and does not know of the mark."""
    daemon.start()
    post(daemon, range(3))
    wait_until(lambda: len(ids(destination)) == 3)
    daemon.stop()
    destination.do("update _sluice_routes set mark = '2:0123456789abcdef'")
    daemon.start()
    post(daemon, range(3, 6))
    wait_until(lambda: len(ids(destination)) == 6)
