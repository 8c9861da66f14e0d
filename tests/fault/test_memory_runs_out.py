# SPDX-License-Identifier: Apache-2.0
"""test_memory_runs_out.py - a daemon that may have so much memory and no more is sent many large bodies at once.

It says 503 instead of taking more than it may hold; the kernel ends nobody, and what was not taken is taken later.

    SLUICE_LONG   1 GB of bodies; else some
    SLUICE_SEED   repeats a run
"""
import contextlib
import json
import os
import pathlib
import socket
import threading
import time

import pytest
from bed import SLUICE, wait_until
from oracle import LONG, Plan, compare, configure, crashes, seed, settle, sound

pytestmark = pytest.mark.fault(9)
SANITIZED = b"__asan_init" in pathlib.Path(SLUICE).read_bytes()
MEMORY = (768 if SANITIZED else 64) << 20  # a sanitizer keeps for a while what was given back
BODY = 1 << 20
BODIES = 1024 if LONG else 64
SENDERS = 32
GROUPS = pathlib.Path("/sys/fs/cgroup/memory")


class Large(Plan):
    """All are dropped: it is not the destination that is to be filled."""

    def event(self, sender, number):
        return {**super().event(sender, number), "planned": "dropped", "card": f"card-{sender}", "text": "x" * BODY}


class Group:
    """A control group with so much memory: for whoever is begun while this one is in it."""

    def __init__(self, most):
        self.path = GROUPS / f"sluice-test-{os.getpid()}"
        self.before = GROUPS / pathlib.Path("/proc/self/cgroup").read_text().split("memory:", 1)[1].split("\n")[0].lstrip("/")
        (self.before / "cgroup.procs").stat()
        self.path.mkdir()
        (self.path / "memory.limit_in_bytes").write_text(str(most))

    @contextlib.contextmanager
    def entered(self):
        (self.path / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield
        finally:
            (self.before / "cgroup.procs").write_text(str(os.getpid()))

    def number(self, name, word=None):
        text = (self.path / name).read_text()
        return int(dict(line.split() for line in text.splitlines())[word] if word else text)

    def end(self):
        wait_until(lambda: not (self.path / "cgroup.procs").read_text())
        self.path.rmdir()


class NoGroup:
    """Where none can be made: what the processes take is only measured."""

    entered = contextlib.nullcontext

    def number(self, name, word=None):
        return 0

    def end(self):
        pass


@pytest.fixture
def group():
    try:
        one = Group(MEMORY)
    except (OSError, IndexError) as error:
        print(f"no control group can be made here: {error}")
        one = NoGroup()
    yield one
    one.end()


def exchange(daemon, body):
    """The status; whoever is refused in the middle of the body has its answer all the same."""
    head = (f"POST /in/notes HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nX-Proof: {daemon.signature(body)}\r\n"
            f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=30) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(head + body[:BODY // 2])
            time.sleep(0.2)  # many are half sent at the same time
            sock.sendall(body[BODY // 2:])
        with contextlib.suppress(OSError):
            answer = sock.recv(4096)
            return int(answer.split(b" ", 2)[1]) if answer else 0
    return 0


class Crowd:
    """Each posts its share, one after the other, until all are taken."""

    def __init__(self, daemon, plan):
        self.daemon, self.plan, self.acknowledged, self.statuses = daemon, plan, {}, []
        self.threads = [threading.Thread(target=self.send, args=(sender,), daemon=True) for sender in range(SENDERS)]

    def send(self, sender):
        for number in range(1, BODIES // SENDERS + 1):
            event = self.plan.event(sender, number)
            body = json.dumps(event).encode()
            while (status := exchange(self.daemon, body)) != 200:
                self.statuses.append(status)
                time.sleep(0.1)
            self.acknowledged[event["id"]] = True

    def post(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join(600)
        assert len(self.acknowledged) == BODIES // SENDERS * SENDERS, self.statuses[-5:]


def most_resident(pid):
    """Bytes, of all its life."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) << 10


def test_it_refuses_rather_than_take_more_memory_than_there_is(daemon, group, tally):
    plan = Large(seed())
    configure(daemon)
    daemon.change("log: { segment: 128 KB, size: 4 MB, reserve: 1 }", "log: { segment: 8 MB, size: 48 MB, reserve: 1, keep: 0 }\n"
                  "limits: { body: 2 MB, in_flight: 4 MB, per_address: 100 }")
    with group.entered():
        daemon.start()
    crowd = Crowd(daemon, plan)
    crowd.post()
    settle(daemon, within=120)
    refused = sum(status in (429, 503) for status in crowd.statuses)
    most = {title: most_resident(pid) >> 20 for title, pid in daemon.children().items()}
    killed = group.number("memory.oom_control", "oom_kill")
    restarts = {name: value for name, value in daemon.metrics().items() if name.startswith("sluice_restarts") and value}
    daemon.stop()
    sound(daemon)
    verdict, crashed = compare(daemon, plan, crowd.acknowledged), crashes(daemon)
    tally(seeds=1, crash=len(crashed) + killed, **verdict.figures())
    print(f"{BODIES} MB of bodies, {refused} times 429 or 503; a group of {MEMORY >> 20} MB, at most resident {most} MB")
    assert not killed and not restarts and not crashed, (killed, restarts, crashed)
    assert refused and all(megabytes <= MEMORY >> 20 for megabytes in most.values())
    verdict.assert_fine()
