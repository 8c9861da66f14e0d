# SPDX-License-Identifier: Apache-2.0
# test_weekend.py - a weekend without the destination, by the clock: nobody dies of it.
#
# The program under test has a clock that is moved (later.c); all else is as it ships.
#
#     SLUICE_HOURS, SLUICE_STEP   how long, and by how many hours at a time the clock goes on
import os
import pathlib
import socket
import struct
import threading

import bed
import pytest
from bed import wait_until
from notes import MAPPING, SCHEMA, expect, note
from postgres import use

HOURS = int(os.environ.get("SLUICE_HOURS", "62"))  # Friday evening to Monday morning
STEP = int(os.environ.get("SLUICE_STEP", "6"))


class Clock:
    def __init__(self, folder):
        self.path, self.seconds = folder / "clock", 0
        self.set(0)

    def set(self, seconds):
        self.seconds = seconds
        with open(self.path, "r+b" if self.path.exists() else "wb") as out:
            out.write(struct.pack("q", seconds))

    def passes(self, seconds):
        self.set(self.seconds + seconds)


class NobodyThere:
    """Listens where the server was, and hangs up; counts who came."""

    def __init__(self, port):
        self.came = 0
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.hang_up, daemon=True).start()

    def hang_up(self):
        try:
            while True:
                self.listener.accept()[0].close()
                self.came += 1
        except OSError:
            pass

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@pytest.fixture
def later(daemon, monkeypatch):
    """The daemon's clock."""
    program = pathlib.Path(bed.SLUICE).with_name("sluice-later")
    if not program.exists():
        pytest.skip("there is no program with a clock that can be moved")
    monkeypatch.setattr(bed, "SLUICE", str(program))
    return Clock(daemon.folder)


@pytest.mark.fault(17, 35)
def test_a_weekend_without_postgres_kills_no_event(daemon, database, server, later):
    daemon.write("notes.lua", MAPPING)
    daemon.write("notes.yaml", SCHEMA)
    use(daemon, database)
    daemon.start()
    assert daemon.post(note(1)).status == 200
    expect(database, 1)
    server.stop()
    nobody = NobodyThere(server.port)
    posted = [1]
    for hour in range(0, HOURS, STEP):
        came = nobody.came
        later.passes(STEP * 3600)
        posted.append(hour + 10)
        wait_until(lambda: daemon.post(note(posted[-1])).status == 200)
        wait_until(lambda came=came: later.passes(30) or nobody.came > came, what=daemon.told)
    wait_until(lambda: daemon.route_health()["seconds_behind"] > (HOURS - 2 * STEP) * 3600, what=lambda: daemon.route_health())
    assert daemon.get("/health").status == 503
    nobody.end()
    server.start()
    later.passes(60)
    expect(database, *posted)
    wait_until(lambda: daemon.get("/health").status == 200)
    assert database.rows("select * from _sluice_open") == []
    route = daemon.route_health()
    assert (route["dead"], route["died"], route["retried"], route["restarts"]) == (0, 0, 0, 0)
    print(f"{len(posted)} events over {HOURS} hours, {nobody.came} tries, none dead")
