# SPDX-License-Identifier: Apache-2.0
# test_http_limits.py - the public address keeps its limits, and honest clients are served beside it.
import concurrent.futures
import json
import os
import resource
import socket
import time

import bed
import pytest
from bed import UnixConnection, exchange, wait_until
from test_http_framing import signed, statuses, talk

LIMITS = "limits: {{ {} }}\ndata: ./data\n"


def limit(daemon, text):
    daemon.change("data: ./data\n", LIMITS.format(text))


def note(number):
    return {"id": str(number), "type": "note", "card": "c", "text": str(number)}


def stored(daemon, count):
    wait_until(lambda: daemon.rows("select count(*) from notes") == [(count,)])


@pytest.mark.fault(22)
def test_what_is_too_large_is_refused_before_it_is_read(daemon):
    limit(daemon, "body: 2 KB, header_bytes: 1 KB, headers: 10")
    daemon.start()
    start = b"POST /in/notes HTTP/1.1\r\nHost: a\r\n"
    rows = [
        (413, start + b"Content-Length: 1000000000\r\n\r\n"),
        (413, start + b"Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n"),
        (413, start + b"Transfer-Encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n401\r\n"),
        (431, start + b"X-A: " + b"x" * 2000),
        (431, start + b"A: b\r\n" * 20 + b"\r\n"),
        (414, b"GET /" + b"x" * 100000),
        (415, start + b"Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\n"),
        (417, start + b"Expect: cake\r\nContent-Length: 1\r\n\r\n"),
        (505, start.replace(b"1.1", b"2.0") + b"\r\n"),
        (404, b"POST /in/other HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"),
        (405, start.replace(b"POST", b"DELETE") + b"Content-Length: 1000\r\n\r\n"),
    ]
    for status, request in rows:
        heard, closed = talk(daemon, [request])
        assert statuses(heard) == [status] and closed, f"{request[:60]}: {heard!r}"
        assert json.loads(heard.split(b"\r\n\r\n", 1)[1])["error"]
        assert status != 405 or b"\r\nAllow: HEAD, POST\r\n" in heard or b"\r\nAllow: POST" in heard, heard
    assert daemon.post(note(1)).status == 200
    stored(daemon, 1)


def bytes_read(pid):
    """From files and sockets."""
    return int(open(f"/proc/{pid}/io").read().split("rchar: ")[1].split()[0])


@pytest.mark.fault(22)
def test_an_endless_body_is_not_read_on(daemon):
    limit(daemon, "body: 64 KB")
    daemon.start()
    before = bytes_read(daemon.child("ingress"))
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=1) as sock:
        sock.sendall(b"POST /in/notes HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent, chunk = 0, b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        with pytest.raises(OSError):
            while sent < 100_000_000:
                sent += sock.send(chunk)
        # What was taken is the limit, what is thrown away, and what the kernel holds.
        assert sent < 20_000_000
        assert statuses(sock.recv(65536)) == [413]
    read = bytes_read(daemon.child("ingress")) - before
    print(f"{sent >> 10} KB were sent, {read >> 10} KB read")
    assert read <= 64 + 64 << 10  # of the body's limit, and beyond it


def rss(pid):
    """Kilobytes."""
    return int(next(line.split()[1] for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS:")))


@pytest.mark.fault(22)
def test_bombs_of_every_kind_at_once_take_no_memory(daemon):
    daemon.change("data: ./data", "data: ./data\nlimits: { request_time: 10s, per_address: 200 }")
    daemon.start()
    assert daemon.post(note(0)).status == 200
    ingress = daemon.child("ingress")
    before = rss(ingress)
    start = b"POST /in/notes HTTP/1.1\r\nHost: a\r\n"
    gzip = b"\x1f\x8b\x08" + b"\0" * 1_000_000
    bombs = [
        (431, start + b"X-A: " + b"x" * 10_000_000),
        (431, start + b"A: b\r\n" * 500_000),
        (414, b"GET /" + b"x" * 10_000_000),
        (413, start + b"Content-Length: 1000000000\r\n\r\n" + b"x" * 10_000_000),
        (413, start + b"Transfer-Encoding: chunked\r\n\r\n" + b"7fffffff\r\n" + b"x" * 10_000_000),
        (413, start + b"Transfer-Encoding: chunked\r\n\r\n" + b"ffffffffffffffff1\r\nx"),
        (415, start + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(gzip) + gzip),
    ] * 5
    with concurrent.futures.ThreadPoolExecutor(len(bombs)) as pool:
        heard = list(pool.map(lambda bomb: talk(daemon, [bomb[1]], 15), bombs))
    # A reset may overtake the answer to one who does not stop talking.
    for (status, request), (answer, closed) in zip(bombs, heard):
        assert statuses(answer) in ([status], []) and closed, (request[:80], answer)
    assert {status for answer, _ in heard for status in statuses(answer)} >= {413, 414, 415, 431}
    assert rss(ingress) - before < 32_000
    assert daemon.post(note(1)).status == 200
    stored(daemon, 2)


@pytest.mark.fault(21)
def test_slow_clients_are_408_and_others_are_served_meanwhile(daemon):
    limit(daemon, "request_time: 1s, idle_time: 1s")
    daemon.start()
    slow = [socket.create_connection(("127.0.0.1", daemon.port), timeout=5) for _ in range(60)]
    for sock in slow[:30]:
        sock.sendall(b"POST /in/no")
    for sock in slow[30:50]:
        sock.sendall(signed(daemon, 7)[:-1])
    began = time.monotonic()
    for number in range(20):
        assert daemon.post(note(number)).status == 200
    assert time.monotonic() - began < 5
    for number, sock in enumerate(slow):
        heard = b""
        while piece := sock.recv(1000):
            heard += piece
        assert statuses(heard) == ([408] if number < 50 else []), number
        sock.close()
    assert time.monotonic() - began < 6
    stored(daemon, 20)


@pytest.mark.fault(21)
def test_one_address_may_have_so_many_connections_and_a_proxy_more(daemon):
    limit(daemon, "per_address: 3, connections: 6")
    daemon.change("data: ./data\n", "data: ./data\nproxies: []\n")
    daemon.start()
    socks = [socket.create_connection(("127.0.0.1", daemon.port), timeout=5) for _ in range(3)]
    heard, closed = talk(daemon, [b""])
    assert statuses(heard) == [429] and closed and b"Retry-After: " in heard
    for sock in socks:
        sock.close()
    wait_until(lambda: daemon.post(note(1)).status == 200)
    daemon.change("proxies: []", "proxies: [127.0.0.1]")
    daemon.restart()
    socks = [socket.create_connection(("127.0.0.1", daemon.port), timeout=5) for _ in range(6)]
    heard, closed = talk(daemon, [b""])
    assert statuses(heard) == [503] and closed and b"Retry-After: " in heard
    for sock in socks:
        sock.close()
    wait_until(lambda: daemon.post(note(2)).status == 200)


def test_a_unix_socket_is_listened_on(daemon):
    path = daemon.folder / "in.sock"
    daemon.change(f"listen: 127.0.0.1:{daemon.port}", f"listen: unix:{path}")
    daemon.start()
    body = json.dumps(note(1)).encode()
    answer = exchange(UnixConnection(path, 5), "POST", "/in/notes", body, {daemon.proof: daemon.signature(body)})
    assert answer.status == 200
    stored(daemon, 1)
    daemon.kill()
    daemon.start()  # the socket the dead one left is replaced
    assert exchange(UnixConnection(path, 5), "HEAD", "/in/other").status == 404


def ticks(pid):
    """Seconds of a processor."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.fault(20)
def test_when_there_are_suddenly_no_descriptors_it_rests_and_recovers(daemon):
    daemon.start()
    ingress = daemon.child("ingress")
    held = len(os.listdir(f"/proc/{ingress}/fd"))
    before = resource.prlimit(ingress, resource.RLIMIT_NOFILE)
    resource.prlimit(ingress, resource.RLIMIT_NOFILE, (held + 10, before[1]))
    socks = [socket.create_connection(("127.0.0.1", daemon.port), timeout=5) for _ in range(40)]
    began = ticks(ingress)
    time.sleep(1)
    assert ticks(ingress) - began < 0.5
    for sock in socks:
        sock.close()
    wait_until(lambda: daemon.post(note(1)).status == 200, within=1)
    resource.prlimit(ingress, resource.RLIMIT_NOFILE, before)
    stored(daemon, 1)


@pytest.mark.fault(20)
def test_with_64_descriptors_some_are_kept_for_the_log_and_the_sinks(daemon, monkeypatch, tally):
    """500 connections idle; who came before them is served, through several segments of the log, and each row arrives."""
    program = daemon.folder / "few"
    program.write_text(f'#!/bin/sh\nulimit -n 64\nexec {bed.SLUICE} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(bed, "SLUICE", str(program))
    limit(daemon, "per_address: 1000, idle_time: 60s")
    daemon.change("data: ./data\n", "data: ./data\nlog: { segment: 64 KB }\n")
    daemon.start()
    ingress = daemon.child("ingress")
    known = socket.create_connection(("127.0.0.1", daemon.port), timeout=5)
    socks = [socket.create_connection(("127.0.0.1", daemon.port), timeout=5) for _ in range(500)]
    began, at = ticks(ingress), time.monotonic()
    for number in range(200):
        known.sendall(signed(daemon, number, more=f"X-Filling: {'x' * 1000}\r\n"))
        assert statuses(known.recv(1000)) == [200], number
    stored(daemon, 200)
    time.sleep(max(0, at + 1 - time.monotonic()))
    assert (ticks(ingress) - began) / (time.monotonic() - at) < 0.5
    assert len(list((daemon.data / "log").glob("*.seg"))) > 3
    assert len(os.listdir(f"/proc/{ingress}/fd")) < 60
    for sock in (*socks, known):
        sock.close()
    wait_until(lambda: daemon.post(note(200)).status == 200, within=1)
    stored(daemon, 201)
    tally(seeds=1, of=201, rows=201)
    assert daemon.child("ingress") == ingress


@pytest.mark.fault(18)
def test_what_has_begun_is_answered_when_the_daemon_ends(daemon):
    daemon.start()
    whole = signed(daemon, 1)
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=5) as half, \
            socket.create_connection(("127.0.0.1", daemon.port), timeout=5) as idle:
        half.sendall(whole[:-10])
        assert daemon.post(note(2)).status == 200
        daemon.process.terminate()
        wait_until(lambda: not os.path.exists(f"/proc/{daemon.pid}") or refused(daemon))
        half.sendall(whole[-10:])
        answer = half.recv(1000)
        assert statuses(answer) == [200] and b"Connection: close" in answer
        assert idle.recv(1000) == b""
    assert daemon.wait() == 0
    daemon.start()
    stored(daemon, 2)


def refused(daemon):
    try:
        socket.create_connection(("127.0.0.1", daemon.port), timeout=1).close()
        return False
    except ConnectionRefusedError:
        return True
