# SPDX-License-Identifier: Apache-2.0
# test_master.py - the daemon begins its processes, watches them, and lets none behind.
import json
import os
import signal
import socket
import subprocess
import time

import pytest
from bed import SLUICE, is_alive, ours, wait_until


def note(number, **more):
    return {"id": str(number), "type": "note", "card": f"c{number % 3}", "text": f"note {number}", **more}


def test_it_begins_an_ingress_and_a_process_for_each_route(daemon):
    daemon.start()
    assert set(daemon.children()) == {"sluice: ingress", "sluice: route notes"}


def test_a_posted_event_becomes_a_row(daemon):
    daemon.start()
    assert daemon.post(note(1)).status == 200
    wait_until(lambda: daemon.rows("select id, card, text from notes") == [("1", "c1", "note 1")])


def test_a_configuration_with_a_fault_begins_nothing(daemon):
    daemon.change("routes:", "rutes:")
    answer = daemon.sluice("run")
    assert answer.returncode == 2
    assert "sluice.yaml:" in answer.stderr and "routes" in answer.stderr
    assert not daemon.data.exists()


def test_a_second_daemon_is_refused_at_once_and_told_the_first_ones_process(daemon):
    daemon.start()
    began = ours()
    second = daemon.sluice("run")
    assert ours() - began < 5
    assert second.returncode == 1
    assert str(daemon.pid) in second.stderr
    assert daemon.get("/health").status == 200


def test_sigterm_ends_it_cleanly(daemon):
    daemon.start()
    daemon.stop()
    assert not (daemon.data / "admin.sock").exists()


def test_sigterm_refuses_connections_at_once(daemon):
    daemon.start()
    os.kill(daemon.pid, signal.SIGTERM)

    def refused():
        try:
            daemon.post(note(1))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False

    wait_until(refused, within=2)
    assert daemon.wait() == 0


def test_sigterm_twice_ends_it_at_once(daemon):
    daemon.start()
    children = daemon.children()
    os.kill(daemon.child("route notes"), signal.SIGSTOP)
    os.kill(daemon.pid, signal.SIGTERM)
    wait_until(lambda: "stopping" in daemon.stderr())
    began = ours()
    os.kill(daemon.pid, signal.SIGTERM)
    assert daemon.wait() == 0
    assert ours() - began < 2
    assert not any(is_alive(pid) for pid in children.values())


def test_a_child_that_does_not_stop_is_killed_within_five_seconds(daemon):
    daemon.start()
    os.kill(daemon.child("route notes"), signal.SIGSTOP)
    daemon.stop()


def test_a_killed_master_leaves_no_child(daemon):
    daemon.start()
    children = daemon.kill()
    assert len(children) == 2
    wait_until(lambda: not any(is_alive(pid) for pid in children.values()), within=1)


def test_a_killed_master_can_be_begun_again_at_once(daemon):
    daemon.start()
    assert daemon.post(note(1)).status == 200
    daemon.kill()
    daemon.start()
    assert daemon.post(note(2)).status == 200
    wait_until(lambda: daemon.rows("select count(*) from notes") == [(2,)])


@pytest.mark.parametrize("title", ["ingress", "route notes"])
def test_a_killed_child_is_begun_again_and_serves(daemon, title):
    daemon.start()
    first = daemon.child(title)
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: daemon.child(title) != first)
    wait_until(lambda: daemon.post(note(1)).status == 200)
    wait_until(lambda: daemon.rows("select count(*) from notes") == [(1,)])
    wait_until(lambda: daemon.get("/health").status == 200)
    restarted = daemon.metrics()
    assert restarted['sluice_restarts_total{process="ingress"}'] + \
        restarted['sluice_restarts_total{process="route",route="notes"}'] == 1


def test_requests_wait_while_the_ingress_is_begun_again(daemon):
    daemon.start()
    os.kill(daemon.child("ingress"), signal.SIGKILL)
    assert daemon.post(note(1)).status == 200


def test_a_child_that_stands_still_is_killed_and_begun_again(daemon):
    daemon.change("data: ./data", "data: ./data\ndeadline: 1s")
    daemon.start()
    first = daemon.child("route notes")
    os.kill(first, signal.SIGSTOP)
    wait_until(lambda: not is_alive(first), within=8)
    wait_until(lambda: any("stood still" in line["text"] for line in daemon.lines()))
    wait_until(lambda: daemon.route_health()["state"] == "running")


def test_children_are_not_killed_for_the_time_the_master_itself_stood_still(daemon):
    daemon.change("data: ./data", "data: ./data\ndeadline: 1s")
    daemon.start()
    before = daemon.children()
    everyone = [daemon.pid, *before.values()]
    for pid in everyone:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(3)
    for pid in everyone:
        os.kill(pid, signal.SIGCONT)
    wait_until(lambda: daemon.get("/health").status == 200)
    time.sleep(1.5)
    assert daemon.children() == before


def test_a_mapping_that_never_returns_costs_its_event_and_nothing_else(daemon):
    daemon.change("data: ./data", "data: ./data\ndeadline: 1s")
    daemon.write("notes.lua", (daemon.folder / "notes.lua").read_text().replace(
        "while true do end", 'string.find(("a"):rep(50000), ("a-"):rep(50) .. "b")'))
    daemon.start()
    assert daemon.post(note(1, spin=True)).status == 200
    assert daemon.post(note(2)).status == 200
    wait_until(lambda: daemon.rows("select id from notes") == [("2",)], within=60)
    wait_until(lambda: daemon.route_health()["dead"] == 1, within=60)


def test_no_secret_in_the_arguments_or_the_environment_of_a_child(daemon):
    daemon.start()
    for pid in daemon.children().values():
        with open(f"/proc/{pid}/environ", "rb") as environment:
            assert environment.read() == b""
        with open(f"/proc/{pid}/cmdline", "rb") as arguments:
            assert daemon.secret.encode() not in arguments.read()
    assert daemon.secret not in daemon.stderr()


def test_systemd_is_told_what_happens(daemon):
    told = []
    systemd = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    systemd.bind(str(daemon.folder / "notify"))
    systemd.setblocking(False)
    daemon.environment = {"NOTIFY_SOCKET": str(daemon.folder / "notify"), "WATCHDOG_USEC": "2000000"}

    def hears(word):
        try:
            while True:
                told.extend(line.split("=")[0] for line in systemd.recv(4096).decode().splitlines())
        except BlockingIOError:
            return word in told

    daemon.start()
    wait_until(lambda: hears("READY") and hears("WATCHDOG"))
    told.clear()
    os.kill(daemon.pid, signal.SIGHUP)
    wait_until(lambda: hears("RELOADING") and hears("READY"))
    daemon.stop()
    assert hears("STOPPING")
    systemd.close()


def test_it_stops_cleanly_in_the_middle_of_a_reload(daemon):
    daemon.start()
    os.kill(daemon.pid, signal.SIGHUP)
    daemon.stop()


def test_it_runs_without_standard_descriptors(daemon):
    daemon.write("detached.sh", f'exec "{SLUICE}" run -c sluice.yaml <&- >&- 2>&-\n')
    daemon.process = subprocess.Popen(["sh", "detached.sh"], cwd=daemon.folder)
    daemon.stderr_path = daemon.folder / "detached.sh"
    wait_until(lambda: daemon.get("/health").status == 200)
    assert daemon.post(note(1)).status == 200
    wait_until(lambda: daemon.rows("select count(*) from notes") == [(1,)])
    daemon.stop()


# -------------------------------------------------------------------- reload


def test_a_reload_takes_a_new_route_and_drops_an_old_one(daemon):
    daemon.start()
    ingress, old = daemon.child("ingress"), daemon.child("route notes")
    daemon.change("{ name: notes, from", "{ name: fresh, from")
    answer = daemon.sluice("reload")
    assert answer.returncode == 0, answer.stderr
    assert "changed fresh" in answer.stdout and "removed notes" in answer.stdout
    wait_until(lambda: set(daemon.children()) == {"sluice: ingress", "sluice: route fresh"})
    assert daemon.child("ingress") == ingress and not is_alive(old)
    assert daemon.post(note(1)).status == 200
    wait_until(lambda: daemon.rows("select count(*) from notes") == [(1,)])


def test_a_program_is_told_what_a_reload_did(daemon):
    daemon.start()
    daemon.change("{ name: notes, from", "{ name: fresh, from")
    answer = daemon.sluice("reload", "--json")
    told = json.loads(answer.stdout)
    assert answer.returncode == 0 and told["changed"] == ["fresh"] and told["removed"] == ["notes"]
    daemon.change("via: [notes]", "via: [nots]")
    answer = daemon.sluice("reload", "--json")
    assert answer.returncode == 1 and "nots" in json.loads(answer.stdout)["errors"][0]
    daemon.stop()
    answer = daemon.sluice("reload", "--json")
    assert (answer.returncode, answer.stdout) == (1, "") and "no daemon answers" in answer.stderr


def test_a_reload_leaves_alone_what_has_not_changed(daemon):
    daemon.start()
    before = daemon.children()
    answer = daemon.sluice("reload")
    assert (answer.returncode, answer.stdout) == (0, "reloaded\n")
    assert daemon.children() == before


def test_a_reload_takes_a_changed_mapping(daemon):
    daemon.start()
    old = daemon.child("route notes")
    mapping = (daemon.folder / "notes.lua").read_text()
    daemon.write("notes.lua", mapping.replace("text = note.text", 'text = "changed"'))
    assert daemon.sluice("reload").returncode == 0
    wait_until(lambda: daemon.child("route notes") != old)
    daemon.post(note(1))
    wait_until(lambda: daemon.rows("select text from notes") == [("changed",)])


def test_a_reload_hands_the_ingress_a_new_secret(daemon):
    daemon.start()
    ingress = daemon.child("ingress")
    daemon.change(f"secret: [{daemon.secret}]", "secret: [another one]")
    assert daemon.sluice("reload").returncode == 0
    wait_until(lambda: daemon.post(note(1), secret="another one").status == 200)
    assert daemon.post(note(2)).status == 401
    assert daemon.child("ingress") == ingress


def test_a_bad_reload_changes_nothing_and_says_why(daemon):
    daemon.start()
    before = daemon.children()
    daemon.change("via: [notes]", "via: [nots]")
    answer = daemon.sluice("reload")
    assert answer.returncode == 1
    assert "sluice.yaml:" in answer.stderr and "nots" in answer.stderr
    assert daemon.children() == before
    assert daemon.post(note(1)).status == 200
    wait_until(lambda: daemon.rows("select count(*) from notes") == [(1,)])


def test_a_reload_with_a_script_that_does_not_load_changes_nothing(daemon):
    daemon.start()
    before = daemon.children()
    daemon.write("notes.lua", "return {")
    answer = daemon.sluice("reload")
    assert answer.returncode == 1
    assert "notes.lua" in answer.stderr
    assert daemon.children() == before


def test_a_reload_that_would_need_a_restart_says_so(daemon):
    daemon.start()
    daemon.change("data: ./data", "data: ./other")
    answer = daemon.admin("POST", "/reload")
    assert answer.status == 422
    assert b"restart" in answer.body
    assert daemon.get("/health").status == 200


def test_sighup_reloads_and_a_storm_of_it_does_no_harm(daemon):
    daemon.start()
    daemon.change("{ name: notes, from", "{ name: fresh, from")
    for _ in range(50):
        os.kill(daemon.pid, signal.SIGHUP)
    wait_until(lambda: set(daemon.children()) == {"sluice: ingress", "sluice: route fresh"})
    wait_until(lambda: daemon.get("/health").status == 200)


def test_reload_without_a_daemon_says_so(daemon):
    answer = daemon.sluice("reload")
    assert answer.returncode == 1
    assert "no daemon" in answer.stderr
