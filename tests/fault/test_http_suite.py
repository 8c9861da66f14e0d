# SPDX-License-Identifier: Apache-2.0
# test_http_suite.py - llhttp's request cases, played to the running ingress over TCP: whole, and split at every byte.
#
# tests/unit/vectors/README.md says where they are from.  The unit test compares methods,
# paths and bodies; here it is the answers and the log.  Each case is played as it is, and
# aimed: its requests become POSTs to a source, so that each one that is taken for a
# request lies in the log.  What is in the log, but not in the case, was smuggled in.
import collections
import re
import select
import socket
import time

import pytest
from bed import ROOT
from test_http_framing import statuses

pytestmark = pytest.mark.fault(23, 24)

QUIET = 0.3  # s in which nobody says anything: it is over
AT_ONCE = 300  # connections
ELSEWHERE = {404, 405, 413}  # what may be said of a request that is fine
REFUSED = ELSEWHERE | {400, 414, 431, 501, 505}

CONFIG = """\
listen: 127.0.0.1:{port}
data: ./data
limits: {{ per_address: 1000, connections: 2000, request_time: 60s }}
sources:
  suite: {{ use: webhook, auth: none, insecure: true, id: header:X-Id }}
"""

Case = collections.namedtuple("Case", "title verdict bytes heard")  # heard: by a whole parser


def unescaped(text):
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


def with_host(whole):
    """The cases are about framing, and many have no Host."""
    def add(match):
        head = whole[match.end():].split(b"\r\n\r\n", 1)[0]
        return match[0] + (b"" if re.search(rb"(?i)\bhost:", head) else b"Host: a\r\n")
    return re.sub(rb" HTTP/1\.1\r\n", add, whole)


def aimed(case):
    """But for those whose very path is the case."""
    if case.title.startswith("uri:"):
        return case.bytes
    return re.sub(rb"(?:GET|PUT|POST|PATCH|DELETE|OPTIONS|HEAD|LOCK) /\S* HTTP/1", b"POST /in/suite HTTP/1", case.bytes)


def cases():
    for line in (ROOT / "tests/unit/vectors/llhttp.txt").read_text().splitlines():
        title, verdict, whole, *heard = line.split("\t")
        yield Case(title, verdict, with_host(unescaped(whole)), tuple(heard))


# --------------------------------------------------------------------- talking


class Talk:
    """One connection: sends its pieces one at a time, and keeps what is answered."""

    def __init__(self, port, pieces):
        self.pieces, self.heard, self.closed = list(pieces), b"", False
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fileno(self):
        return self.sock.fileno()

    def say(self):
        try:
            self.sock.sendall(self.pieces.pop(0))
        except OSError:
            pass

    def hear(self):
        try:
            piece = self.sock.recv(65536)
        except OSError:
            piece = b""
        self.heard += piece
        self.closed = not piece


def converse(port, plans):
    """For each plan, a list of pieces: what was answered, and whether the ingress closed the connection then."""
    talks = [Talk(port, pieces) for pieces in plans]
    while any(talk.pieces for talk in talks):
        for talk in talks:
            if talk.pieces:
                talk.say()
        time.sleep(0.002)  # or the next piece arrives with the last one
    while open_ones := [talk for talk in talks if not talk.closed]:
        ready, _, _ = select.select(open_ones, [], [], QUIET)
        if not ready:
            break
        for talk in ready:
            talk.hear()
    for talk in talks:
        talk.sock.close()
    return [(statuses(talk.heard), talk.closed) for talk in talks]


def played(port, plans):
    for first in range(0, len(plans), AT_ONCE):
        yield from converse(port, plans[first:first + AT_ONCE])


def split(whole):
    return [[whole[:at], whole[at:]] for at in range(1, len(whole))] + [[bytes([byte]) for byte in whole]]


def in_log(daemon):
    return daemon.ask("ingress", "stat")[1]["end"]


# ----------------------------------------------------------------------- tests


def test_what_is_an_error_is_refused_and_what_is_fine_is_answered(daemon):
    """As they are: nobody listens at these paths, which may be said before a body is read."""
    daemon.configure(CONFIG)
    daemon.start()
    all_cases = list(cases())
    assert len(all_cases) == 121
    for case, (answers, closed) in zip(all_cases, played(daemon.port, [[case.bytes] for case in all_cases])):
        assert not set(answers) - REFUSED, (case, answers)
        if case.verdict != "fine":
            assert answers and closed, (case, answers)
        else:
            assert len(answers) <= case.bytes.count(b" HTTP/1.") and not set(answers) - ELSEWHERE, (case, answers)
            assert closed or len(answers) == len(case.heard), (case, answers)


def test_nothing_is_smuggled_in_wherever_a_case_is_split(daemon, tally):
    daemon.configure(CONFIG)
    daemon.start()
    plans = {case: [[aimed(case)]] + split(aimed(case)) for case in cases()}
    results = played(daemon.port, [plan for each in plans.values() for plan in each])
    stored = smuggled = 0
    for case, each in plans.items():
        same = [next(results) for _ in each]
        differing = [(plan, result) for plan, result in zip(each, same) if result != same[0]]
        assert not differing, (case, same[0], differing)
        accepted = same[0][0].count(200)
        assert case.verdict == "fine" or same[0][1], (case, same[0])
        stored += accepted * len(each)
        smuggled += max(0, accepted - len(case.heard)) * len(each)
    tally(let_in=smuggled, requests=sum(map(len, plans.values())))
    assert smuggled == 0
    assert in_log(daemon) == stored > 0
