# SPDX-License-Identifier: Apache-2.0
# test_bad_master.py - what happens around the master when something is wrong: deaths by the
# dozen, stopped processes, files taken away, routes that cannot run.
import os
import pathlib
import re
import signal
import time

import pytest
from bed import children_of, is_alive, process_fields, wait_until

NOTICED = 1  # second in which a file taken away is missed


def note(number, **more):
    return {"id": str(number), "type": "note", "card": f"c{number % 3}", "text": f"note {number}", **more}


def descriptors(pid):
    """What a process has open: {number: what it is}."""
    found = {}
    for entry in os.listdir(f"/proc/{pid}/fd"):
        try:
            found[int(entry)] = os.readlink(f"/proc/{pid}/fd/{entry}")
        except OSError:
            continue
    return found


def limit(pid, name):
    """The soft and the hard limit, as text."""
    text = pathlib.Path(f"/proc/{pid}/limits").read_text()
    return re.search(rf"^{name}\s+(\S+)\s+(\S+)", text, re.MULTILINE).groups()


def zombies(pid):
    fields = [process_fields(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    return sum(1 for one in fields if one and one[0] == "Z" and one[1] == pid)


def sockets(pid):
    return {path for path in descriptors(pid).values() if path.startswith("socket:")}


def log_stat(daemon):
    return daemon.ask("ingress", "stat")[1]


# ----------------------------------------------------------------- processes


def test_each_process_has_the_descriptors_and_limits_it_needs_and_no_others(daemon):
    daemon.start()
    ingress, route = daemon.child("ingress"), daemon.child("route notes")
    hard = limit(daemon.pid, "Max open files")[1]
    assert limit(daemon.pid, "Max open files") == limit(ingress, "Max open files") == (hard, hard)
    assert limit(route, "Max open files") == ("576", "576")
    for pid in (daemon.pid, ingress, route):
        assert limit(pid, "Max core file size")[1] == "1"
    for pid in (ingress, route):
        paths = descriptors(pid).values()
        assert not any(path.endswith(("data/lock", "admin.sock", "sluice.yaml")) for path in paths), paths
    own, others = sockets(route), sockets(daemon.pid) | sockets(ingress)
    assert own and not own & others, "a route has its channel, what libcurl wakes itself with, and nothing that listens"


def test_a_route_is_begun_again_thirty_times_and_the_master_stays_as_it_was(daemon):
    daemon.start()
    mapping = (daemon.folder / "notes.lua").read_text()

    def round_trip(number):
        old = daemon.child("route notes")
        daemon.write("notes.lua", mapping + f"\n-- {number}\n")
        assert daemon.admin("POST", "/reload").status == 200
        wait_until(lambda: not is_alive(old) and daemon.route_health()["state"] == "running")

    round_trip(0)
    before = len(descriptors(daemon.pid))
    for number in range(1, 31):
        round_trip(number)
    wait_until(lambda: len(descriptors(daemon.pid)) <= before)  # a connection of ours may just be closing
    assert zombies(daemon.pid) == 0
    assert daemon.post(note(1)).status == 200
    wait_until(lambda: daemon.rows("select count(*) from notes") == [(1,)])


def test_children_that_die_one_after_the_other_leave_nothing_open(daemon):
    daemon.start()
    before = len(descriptors(daemon.pid))
    for number in range(5):
        for title in ("ingress", "route notes"):
            pid = daemon.child(title)
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not is_alive(pid))
        wait_until(lambda: daemon.post(note(number)).status == 200)
    wait_until(lambda: daemon.rows("select count(*) from notes") == [(5,)])
    wait_until(lambda: len(descriptors(daemon.pid)) <= before)  # a connection of ours may just be closing
    assert zombies(daemon.pid) == 0


def test_the_ingress_is_never_away_for_long(daemon):
    daemon.start()
    for _ in range(8):
        pid = daemon.child("ingress")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid))
    began = time.monotonic()
    assert daemon.post(note(1)).status == 200
    assert time.monotonic() - began < 4


@pytest.mark.fault(19)
def test_children_work_on_and_live_while_the_master_alone_stands_still(daemon):
    daemon.change("data: ./data", "data: ./data\ndeadline: 1s")
    daemon.start()
    before = daemon.children()
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        assert daemon.post(note(1)).status == 200
        wait_until(lambda: daemon.rows("select count(*) from notes") == [(1,)])
        time.sleep(3)
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    wait_until(lambda: daemon.get("/health").status == 200)
    time.sleep(1.5)
    assert daemon.children() == before


@pytest.mark.fault(19)
def test_a_master_that_is_killed_while_it_stops_leaves_nobody(daemon):
    daemon.start()
    children = children_of(daemon.pid)
    os.kill(daemon.child("route notes"), signal.SIGSTOP)
    os.kill(daemon.pid, signal.SIGTERM)
    wait_until(lambda: "stopping" in daemon.stderr())
    daemon.kill()
    wait_until(lambda: not any(is_alive(pid) for pid in children.values()), within=1)


def test_a_route_cannot_be_named_like_the_ingress(daemon):
    daemon.change("{ name: notes, from", "{ name: ingress, from")
    answer = daemon.sluice("check")
    assert answer.returncode == 2
    assert re.search(r"sluice\.yaml:\d+:\d+: a route cannot be named ingress", answer.stderr), answer.stderr


def test_a_data_folder_too_deep_for_the_admin_socket_is_told_before_it_runs(daemon):
    daemon.change("data: ./data", f"data: ./{'deep' * 25}")
    answer = daemon.sluice("check")
    assert answer.returncode == 2
    assert re.search(r"sluice\.yaml:\d+:\d+: .*107 bytes.*`admin:`", answer.stderr), answer.stderr


def test_a_page_in_a_browser_may_not_ask_the_admin_address(daemon):
    daemon.start()
    answer = daemon.admin("POST", "/reload", headers={"Origin": "https://example.com"})
    assert answer.status == 403
    assert "reloaded" not in daemon.stderr()


# ------------------------------------------------------------------- secrets


@pytest.mark.fault(40)
def test_a_secret_is_nowhere_but_in_the_memory_of_those_who_need_it(daemon):
    daemon.change("data: ./data", "data: ./data\nlog: { level: debug }")
    daemon.start()
    daemon.post(note(1))
    daemon.post(note(2), signed=False)
    daemon.post(note(3), headers={"Authorization": f"Bearer {daemon.secret}", "Cookie": daemon.secret})
    wait_until(daemon.settled)
    told = [daemon.get(path).body.decode() for path in ("/health", "/status", "/metrics")]
    told += [daemon.sluice(*words).stdout for words in (["status"], ["refused"], ["check"], ["check", "--json"])]
    told.append(daemon.stderr())
    daemon.change("via: [notes]", "via: [nots]")
    told.append(daemon.sluice("reload").stderr)
    daemon.change("via: [nots]", "via: [notes]")
    daemon.stop()
    for text in told:
        assert daemon.secret not in text
    for path in daemon.folder.rglob("*"):
        if path.is_file() and path.name != "sluice.yaml":
            assert daemon.secret.encode() not in path.read_bytes(), path


def test_the_data_is_for_its_owner_alone(daemon):
    daemon.start()
    daemon.post(note(1))
    daemon.post(note(2), signed=False)
    wait_until(daemon.settled)
    for path in [daemon.data, *daemon.data.rglob("*")]:
        assert path.lstat().st_mode & 0o077 == 0, path


# ------------------------------------------------------------------- the log

BIG = "x" * 30000


def fill(daemon, first, count):
    for number in range(first, first + count):
        assert daemon.post(note(number, text=BIG)).status == 200


def small_segments(daemon, **more):
    more = "".join(f", {name}: {value}" for name, value in more.items())
    daemon.change("data: ./data", f"data: ./data\nlog: {{ segment: 64 KB{more} }}")


@pytest.mark.fault(12)
def test_a_log_that_is_moved_away_is_not_written_to_any_more(daemon):
    daemon.start()
    assert daemon.post(note(1)).status == 200
    ingress = daemon.child("ingress")
    (daemon.data / "log").rename(daemon.folder / "elsewhere")
    wait_until(lambda: "was moved or deleted under the running daemon" in daemon.stderr(), within=NOTICED)
    wait_until(lambda: not is_alive(ingress), within=5)
    wait_until(lambda: daemon.post(note(2)).status == 200)


@pytest.mark.fault(12)
@pytest.mark.parametrize("victim", ["segment", "page"])
def test_a_file_of_the_log_that_goes_away_is_noticed_and_recovered_from(daemon, victim):
    small_segments(daemon)
    daemon.start()
    fill(daemon, 1, 8)
    wait_until(daemon.settled)
    ingress = daemon.child("ingress")
    log = daemon.data / "log"
    os.unlink(log / "page" if victim == "page" else sorted(log.glob("*.seg"))[-2])
    wait_until(lambda: "was deleted under the running daemon" in daemon.stderr(), within=NOTICED)
    wait_until(lambda: not is_alive(ingress), within=5)
    wait_until(lambda: daemon.post(note(9)).status == 200)
    wait_until(lambda: daemon.rows("select count(*) from notes where id = '9'") == [(1,)])


def test_a_large_request_gets_the_room_of_what_was_delivered(daemon):
    small_segments(daemon, size="1 MB")
    daemon.start()
    large = {"id": "large", "type": "note", "card": "c", "text": "x" * 250000}
    for number in range(1, 40):
        wait_until(lambda: daemon.post(note(number, text=BIG)).status == 200)
    wait_until(daemon.settled)
    wait_until(lambda: daemon.post(large).status == 200)
    wait_until(lambda: daemon.rows("select count(*) from notes where id = 'large'") == [(1,)])


def test_delivered_segments_go_and_a_route_that_cannot_run_keeps_them(daemon):
    small_segments(daemon, keep="0s")
    daemon.start()
    fill(daemon, 1, 12)
    wait_until(lambda: log_stat(daemon)["begin"] > 1)
    assert daemon.ask("notes", "pause")[0] == 200
    wait_until(lambda: daemon.route_health()["paused"])
    begin = log_stat(daemon)["begin"]
    fill(daemon, 13, 12)
    time.sleep(1.2)  # two looks at what may go
    assert log_stat(daemon)["begin"] <= 13, "what a paused route needs was let go of"
    assert log_stat(daemon)["begin"] >= begin

    daemon.stop()
    daemon.write("warehouse.db", "this is no database")
    daemon.start(ready=False)
    wait_until(lambda: daemon.get("/health").status == 503)
    held = wait_until(lambda: log_stat(daemon)["begin"])
    fill(daemon, 25, 12)
    time.sleep(1.2)  # two looks at what may go
    assert log_stat(daemon)["begin"] == held, "what a route that cannot run needs was let go of"

    daemon.change("routes:\n  - { name: notes, from: [notes], via: [notes], to: local }",
                  "routes:\n  - { name: other, from: [notes], via: [notes], to: local }")
    (daemon.folder / "warehouse.db").unlink()
    assert daemon.sluice("reload").returncode == 0
    wait_until(lambda: daemon.route_health("other")["behind"] == 0)
    wait_until(lambda: log_stat(daemon)["begin"] > 30)
