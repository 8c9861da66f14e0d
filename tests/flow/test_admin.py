# SPDX-License-Identifier: Apache-2.0
# test_admin.py - what the admin address tells, and to whom.
import http.client
import json
import os
import signal
import sqlite3

from bed import exchange, free_port, wait_until


def note(number, **more):
    return {"id": str(number), "type": "note", "card": "c", "text": "hello", **more}


def test_the_admin_socket_is_ours_alone(daemon):
    daemon.start()
    assert os.stat(daemon.data / "admin.sock").st_mode & 0o777 == 0o600


def test_health_tells_how_everything_is(daemon):
    daemon.start()
    daemon.post(note(1))
    daemon.post(note(2), signed=False)
    wait_until(daemon.settled)
    wait_until(lambda: daemon.health()["sources"][0].get("refused") == 1)
    health = daemon.health()
    assert (health["state"], health["why"], health["pid"]) == ("green", [], daemon.pid)
    assert health["log"]["begin"] == health["log"]["end"] == 1
    assert 0 < health["log"]["bytes"] < health["log"]["limit"]
    assert (health["ingress"]["state"], health["ingress"]["accepted"], health["ingress"]["refused"]) == ("running", 1, 1)
    route, source = health["routes"][0], health["sources"][0]
    assert (route["name"], route["state"], route["behind"], route["waiting"], route["dead"]) == ("notes", "running", 0, 0, 0)
    assert (route["cursor"], route["delivered"], route["error"], route["outage_since"]) == (1, 1, None, None)
    assert (source["name"], source["accepted"], source["refused"]) == ("notes", 1, 1)
    assert source["last"].endswith("Z")


def test_metrics_can_be_read_and_count(daemon):
    daemon.start()
    daemon.post(note(1))
    daemon.post(note(2, drop="not wanted"))
    wait_until(lambda: daemon.metrics()['sluice_dropped_total{process="route",route="notes"}'] == 1)
    metrics = daemon.metrics()
    assert metrics["sluice_health"] == 0
    assert metrics['sluice_accepted_total{process="ingress"}'] == 2
    assert metrics['sluice_delivered_total{process="route",route="notes"}'] == 1
    assert metrics['sluice_cursor{process="route",route="notes"}'] == 2
    assert metrics['sluice_up{process="route",route="notes"}'] == 1


def test_a_dead_letter_turns_health_yellow_and_is_counted(daemon):
    daemon.start()
    daemon.post(note(1, fail="this one is wrong"))
    wait_until(lambda: daemon.health()["state"] == "yellow")
    assert daemon.route_health()["dead"] == 1
    assert "dead letter" in daemon.health()["why"][0]
    assert daemon.get("/health").status == 200


def test_health_turns_red_while_the_sink_cannot_be_written_and_green_after(daemon):
    daemon.start()
    daemon.post(note(1))
    wait_until(daemon.settled)
    lock = sqlite3.connect(daemon.folder / "warehouse.db", isolation_level=None)
    lock.execute("begin exclusive")
    daemon.post(note(2))
    wait_until(lambda: daemon.get("/health").status == 503, within=5)
    health = daemon.health()
    assert health["state"] == "red" and "notes" in health["why"][0]
    assert daemon.route_health()["outage_since"]
    lock.execute("rollback")
    wait_until(lambda: daemon.get("/health").status == 200, within=5)
    wait_until(daemon.settled)
    assert daemon.route_health()["dead"] == 0


def test_health_turns_red_when_the_ingress_stays_away(daemon):
    daemon.start()
    os.kill(daemon.child("ingress"), signal.SIGSTOP)
    wait_until(lambda: daemon.get("/health").status == 503, within=20)
    wait_until(lambda: daemon.get("/health").status == 200)


def test_unknown_paths_and_methods(daemon):
    daemon.start()
    assert daemon.get("/").status == 404
    assert daemon.get("/healthy").status == 404
    refused = daemon.admin("POST", "/health")
    assert (refused.status, refused.headers["allow"]) == (405, "GET")
    assert daemon.admin("HEAD", "/health").status == 200


def test_questions_reach_the_process_they_name(daemon):
    daemon.start()
    assert daemon.ask("nobody", "stat")[0] == 404
    assert daemon.admin("POST", "/ask/notes", b"nonsense").status == 400
    assert daemon.admin("POST", "/ask/notes", b"{}").status == 400
    status, answer = daemon.ask("ingress", "stat")
    assert status == 200 and answer["limit"] == daemon.health()["log"]["limit"]


def test_a_question_that_is_not_answered_ends_after_five_seconds(daemon):
    daemon.change("data: ./data", "data: ./data\ndeadline: 20s")
    daemon.start()
    route = daemon.child("route notes")
    os.kill(route, signal.SIGSTOP)
    status, answer = daemon.ask("notes", "stat")
    os.kill(route, signal.SIGCONT)
    assert status == 504 and "notes" in answer["error"]


def test_a_question_to_a_process_that_dies_over_it_is_answered(daemon):
    daemon.change("data: ./data", "data: ./data\ndeadline: 1s")
    daemon.start()
    os.kill(daemon.child("route notes"), signal.SIGSTOP)
    status, answer = daemon.ask("notes", "stat")
    assert status == 503 and "ended" in answer["error"]


def test_a_tcp_admin_address_wants_its_token(daemon):
    port = free_port()
    daemon.change("data: ./data", f"data: ./data\nadmin: {{ listen: '127.0.0.1:{port}', token: open sesame }}")

    def ask(token):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        return exchange(connection, "GET", "/health", headers={"Authorization": f"Bearer {token}"} if token else {})

    daemon.start(ready=False)
    wait_until(lambda: ask("open sesame").status == 200)
    assert [ask(token).status for token in (None, "", "open sesam", "open sesamE", "open sesame ")] == [401, 401, 401, 401, 200]
    assert daemon.sluice("status").returncode == 0


def test_a_tcp_admin_address_without_a_token_takes_no_command(daemon):
    port = free_port()
    daemon.change("data: ./data", f"data: ./data\nadmin: 127.0.0.1:{port}")

    def ask(method, path):
        return exchange(http.client.HTTPConnection("127.0.0.1", port, timeout=10), method, path)

    daemon.start(ready=False)
    wait_until(lambda: ask("GET", "/health").status == 200)
    assert ask("GET", "/metrics").status == 200
    answer = ask("POST", "/reload")
    assert answer.status == 403 and b"token" in answer.body
    assert daemon.sluice("routes", "pause", "notes").returncode == 1


def test_status_is_a_table_for_people_and_json_for_programs(daemon):
    daemon.start()
    daemon.post(note(1))
    wait_until(daemon.settled)
    table = daemon.sluice("status")
    assert table.returncode == 0 and table.stdout.startswith("green: sluice ")
    assert [line.split()[0] for line in table.stdout.splitlines() if line.startswith(("notes", "ROUTE", "SOURCE"))] == \
        ["ROUTE", "notes", "SOURCE", "notes"]
    assert json.loads(daemon.sluice("status", "--json").stdout)["pid"] == daemon.pid


def test_status_without_a_daemon_says_so(daemon):
    answer = daemon.sluice("status")
    assert answer.returncode == 1
    assert "no daemon" in answer.stderr


def test_a_full_log_refuses_names_who_holds_it_back_and_goes_on_by_itself(daemon):
    daemon.change("data: ./data", "data: ./data\nlog: { size: 8 MB }")
    daemon.start()
    assert daemon.ask("notes", "pause")[1]["ok"]
    large = note(1, drop="only large", filler="x" * 500_000)
    seen = set()

    def refused():
        seen.add(daemon.health()["state"])
        answer = daemon.post(large)
        return answer if answer.status == 503 else None

    answer = wait_until(refused, within=60)
    assert int(answer.headers["retry-after"]) > 0
    assert {"green", "yellow"} >= seen - {"red"} and "yellow" in seen
    wait_until(lambda: daemon.get("/health").status == 503)
    assert any("notes" in why for why in daemon.health()["why"])
    assert daemon.ask("notes", "resume")[1]["ok"]
    wait_until(lambda: daemon.post(note(2)).status == 200)
    wait_until(lambda: daemon.get("/health").status == 200)
    wait_until(lambda: daemon.rows("select id from notes") == [("2",)])
