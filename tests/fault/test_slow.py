# SPDX-License-Identifier: Apache-2.0
# test_slow.py - slowhttptest against the running ingress: slow heads, slow bodies, slow reading.
#
# Others are served meanwhile, and each slow one is gone once its time is over.
# Where the program is not installed (`apt install slowhttptest`) only the last test runs, which needs none.
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import threading
import time

import pytest
from bed import wait_until
from beside import slowest
from bulk import timed

pytestmark = pytest.mark.fault(21)

LONG = os.environ.get("SLUICE_LONG") == "1"
SLOW = 1000 if LONG else 100
SECONDS = 20 if LONG else 4
LIMITS = "limits: { request_time: 2s, idle_time: 2s, per_address: 2000, connections: 2000 }"

MODES = {
    "heads": ["-H", "-x", "10", "-t", "POST"],
    "bodies": ["-B", "-s", "8192", "-x", "10", "-t", "POST"],
    "reading": ["-X", "-w", "1", "-y", "4", "-z", "1", "-n", "5", "-k", "10"],
}


def note(number):
    return {"id": str(number), "type": "note", "card": "c", "text": "x"}


def post_for(daemon, seconds, first):
    """Posts one after the other; how long each took."""
    took, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        assert daemon.post(note(first + len(took))).status == 200
        took.append(time.monotonic() - began)
        time.sleep(0.01)
    return took


def attack(daemon, words):
    command = ["slowhttptest", *words, "-c", str(SLOW), "-r", str(SLOW), "-i", "1", "-l", str(SECONDS), "-p", "10",
               "-u", f"http://127.0.0.1:{daemon.port}/in/notes"]
    return subprocess.Popen(command, cwd=daemon.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.skipif(not shutil.which("slowhttptest"), reason="no slowhttptest here")
@pytest.mark.parametrize("mode", MODES)
def test_others_are_served_while_many_are_slow(daemon, mode):
    daemon.change("data: ./data", f"data: ./data\n{LIMITS}")
    daemon.start()
    alone = post_for(daemon, 1, 0)
    attacker = attack(daemon, MODES[mode])
    wait_until(lambda: daemon.health()["ingress"]["connections"] >= SLOW // 2 or attacker.poll() is not None)
    beside = post_for(daemon, 2, 10000)
    told, _ = attacker.communicate(timeout=SECONDS + 30)
    assert "service available:" in told and "NO" not in told.rsplit("service available:", 1)[1], told[-1500:]
    wait_until(lambda: daemon.health()["ingress"]["connections"] == 0, within=10)
    print(f"median alone {statistics.median(alone) * 1000:.1f} ms, beside {SLOW} slow ones {statistics.median(beside) * 1000:.1f} ms")
    assert len(beside) > 3 and (not LONG or statistics.median(beside) < max(10 * statistics.median(alone), 0.25))
    wait_until(lambda: daemon.rows("select count(*) from notes") == [(len(alone) + len(beside),)])


# ------------------------------------------------------------- without a program for it

ROUNDS, POSTS = (9, 1000) if LONG else (1, 200)
DEADLINE, LONGER = 6 if LONG else 2, 30  # seconds


def slow_ones(daemon, count):
    """They begin a head, or a body, or ask for much and read nothing; one byte is all that comes later."""
    begun = [b"POST /in/notes HTTP/1.1\r\nHost: a\r\nX-", b"POST /in/notes HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{",
             b"GET /in/notes HTTP/1.1\r\nHost: a\r\n\r\n" * 50 + b"P"]
    socks = []
    for number in range(count):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        sock.settimeout(LONGER)
        sock.connect(("127.0.0.1", daemon.port))
        sock.sendall(begun[number % len(begun)])
        socks.append(sock)
    return socks


def last_status(sock):
    heard = b""
    while piece := sock.recv(65536):
        heard += piece
    sock.close()
    return int(heard.rsplit(b"HTTP/1.1 ", 1)[1][:3])


def connections(daemon):
    return daemon.health()["ingress"]["connections"]


class Honest:
    """Posts one after the other; alone, or beside as many slow ones, which hang up then."""

    def __init__(self, daemon):
        self.daemon, self.sent = daemon, 0

    def alone(self):
        bodies = [note(number) for number in range(self.sent, self.sent + POSTS)]
        self.sent += POSTS
        return timed(self.daemon, bodies)

    def beside(self):
        slow, began = slow_ones(self.daemon, SLOW), time.monotonic()
        wait_until(lambda: connections(self.daemon) >= SLOW)
        took = self.alone()
        assert time.monotonic() - began < LONGER, "they were gone before the others had finished"
        for sock in slow:
            sock.close()
        wait_until(lambda: connections(self.daemon) == 0)
        return took


def start(daemon, request_time):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    daemon.change("data: ./data", f"data: ./data\n{LIMITS.replace('request_time: 2s', f'request_time: {request_time}s')}")
    daemon.start()


def test_the_slowest_of_a_hundred_hardly_feel_them(daemon, tally):
    start(daemon, LONGER)
    honest = Honest(daemon)
    alone, beside = slowest(honest.alone, honest.beside, lambda: [daemon.pid, *daemon.children().values()], ROUNDS)
    print(f"the slowest of a hundred take {alone * 1000:.2f} ms alone, {beside * 1000:.2f} ms beside {SLOW} slow ones")
    wait_until(lambda: daemon.rows("select count(*) from notes") == [(honest.sent,)])
    tally(seeds=1, of=honest.sent, rows=honest.sent)
    assert not LONG or beside <= 2 * alone


def test_each_slow_one_is_told_so_at_its_deadline(daemon):
    start(daemon, DEADLINE)
    slow, began = slow_ones(daemon, SLOW), time.monotonic()
    ends = [last_status(sock) for sock in slow]
    took = time.monotonic() - began
    print(f"all of {SLOW} had a 408 within {took:.1f} s, their time is {DEADLINE} s")
    assert ends == [408] * SLOW and took < DEADLINE + 2, (took, set(ends))
