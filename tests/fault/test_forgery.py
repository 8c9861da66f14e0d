# SPDX-License-Identifier: Apache-2.0
# test_forgery.py - forged requests to the running ingress, and right ones that come again.
#
# The unit test (tests/unit/forgery_test.c) tries 100 000 of all schemes; here some
# thousands go over TCP, and what counts is that nothing of them is in the log.
import base64
import hashlib
import hmac
import json
import os
import random
import socket
import time

import pytest
from bed import wait_until
from test_http_framing import statuses

LONG = os.environ.get("SLUICE_LONG") == "1"
SEED = int(os.environ.get("SLUICE_SEED", random.randrange(1 << 32)))
FORGED = 100000 if LONG else 3000
AT_ONCE = 50  # requests in one write

STAMPED = """\
    auth: hmac-sha256
    proof: header:X-Proof
    encoding: hex
    covers: "{{timestamp}}.{{body}}"
    timestamp: header:X-Time
    secret: [{secret}]
"""


def note(number, **more):
    return {"id": str(number), "type": "note", "card": "c", "text": "x", **more}


def request(body, *lines):
    head = ["POST /in/notes HTTP/1.1", "Host: a", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


# -------------------------------------------------------------------- forging


def flipped(chance, daemon, body, mac):
    raw = bytearray(mac)
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    return [f"X-Proof: {base64.b64encode(raw).decode()}"]


def cut(chance, daemon, body, mac):
    text = base64.b64encode(mac).decode()
    return [f"X-Proof: {text[:chance.randrange(len(text))]}"]


def other_key(chance, daemon, body, mac):
    return [f"X-Proof: {daemon.signature(body, chance.choice(['secret', daemon.secret[:-1], daemon.secret + ' ']))}"]


def other_digest(chance, daemon, body, mac):
    digest = hmac.new(daemon.secret.encode(), body + daemon.callback.encode(), chance.choice(["sha256", "sha512", "md5"]))
    return [f"X-Proof: {base64.b64encode(digest.digest()).decode()}"]


def in_hex(chance, daemon, body, mac):
    return [f"X-Proof: {mac.hex()}"]


def twice(chance, daemon, body, mac):
    right = f"X-Proof: {base64.b64encode(mac).decode()}"
    lines = [right, *flipped(chance, daemon, body, mac)]
    chance.shuffle(lines)
    return lines


def other_place(chance, daemon, body, mac):
    return [f"{chance.choice(['X-Proof2', 'Proof', 'X_Proof', 'Cookie'])}: {base64.b64encode(mac).decode()}"]


def over_other_words(chance, daemon, body, mac):
    words = chance.choice([body, body + b"https://hooks.example.com/in/other", daemon.callback.encode() + body])
    digest = hmac.new(daemon.secret.encode(), words, hashlib.sha1)
    return [f"X-Proof: {base64.b64encode(digest.digest()).decode()}"]


def nothing(chance, daemon, body, mac):
    return chance.choice([[], ["X-Proof:"], ["X-Proof: none"], ["Authorization: Bearer eyJhbGciOiJub25lIn0.e30."]])


FORGERS = [flipped, cut, other_key, other_digest, in_hex, twice, other_place, over_other_words, nothing]


def forged(chance, daemon, number):
    body = json.dumps(note(number)).encode()
    mac = hmac.new(daemon.secret.encode(), body + daemon.callback.encode(), hashlib.sha1).digest()
    return request(body, *FORGERS[number % len(FORGERS)](chance, daemon, body, mac))


def answers_of(daemon, requests):
    """What is answered to all of them on one connection."""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=20) as sock:
        sock.sendall(b"".join(requests[:-1]) + requests[-1].replace(b"Host: a\r\n", b"Host: a\r\nConnection: close\r\n"))
        heard = b""
        while piece := sock.recv(65536):
            heard += piece
        return statuses(heard)


@pytest.mark.fault(28)
def test_nothing_forged_is_in_the_log(daemon, tally):
    print(f"SLUICE_SEED={SEED}")
    chance = random.Random(SEED)
    daemon.start()
    assert daemon.post(note(0)).status == 200
    answered = []
    for first in range(0, FORGED, AT_ONCE):
        answered += answers_of(daemon, [forged(chance, daemon, first + n) for n in range(AT_ONCE)])
    end = daemon.ask("ingress", "stat")[1]["end"]
    tally(let_in=end - 1, requests=FORGED)
    assert end == 1, f"SLUICE_SEED={SEED}"
    assert answered == [401] * FORGED
    assert daemon.health()["ingress"]["refused"] == FORGED


@pytest.mark.fault(28)
def test_a_source_without_a_secret_is_no_source(daemon):
    for secret in ("[]", '[""]', "''"):
        daemon.notes()
        daemon.change(f"secret: [{daemon.secret}]", f"secret: {secret}")
        daemon.start(ready=False)
        assert daemon.wait() == 2, daemon.stderr()
        assert "secret" in daemon.stderr()


# --------------------------------------------------------------------- replay


def texts(daemon):
    return daemon.rows("select id, text from notes order by id")


@pytest.mark.fault(30)
def test_what_comes_again_is_thanked_for_and_has_no_second_effect(daemon, tally):
    daemon.start()
    first = json.dumps(note(1, text="first")).encode()
    for _ in range(3):
        assert daemon.post(first).status == 200
    wait_until(lambda: daemon.settled() and texts(daemon) == [("1", "first")])
    daemon.restart()
    assert daemon.post(first).status == 200
    for number in range(2, 40):
        assert daemon.post(note(number)).status == 200
    assert daemon.post(first).status == 200
    daemon.kill()
    daemon.start()
    assert daemon.post(first).status == 200
    wait_until(lambda: daemon.settled() and len(texts(daemon)) == 39)
    assert texts(daemon)[0] == ("1", "first")
    delivered = daemon.rows("select count(*), count(distinct id) from notes")[0]
    tally(wrong=delivered[0] - 39, rows=39)
    assert delivered == (39, 39)


@pytest.mark.fault(30)
def test_what_was_signed_too_long_ago_is_401(daemon, tally):
    daemon.notes(source=STAMPED)
    daemon.start()
    body, now = json.dumps(note(1)).encode(), int(time.time())

    def sent(stamp, signed_stamp=None):
        words = f"{signed_stamp or stamp}.".encode() + body
        proof = hmac.new(daemon.secret.encode(), words, hashlib.sha256).hexdigest()
        return answers_of(daemon, [request(body, f"X-Proof: {proof}", f"X-Time: {stamp}")])[0]

    assert sent(now) == 200
    refused = [sent(now - 310), sent(now + 310), sent(now - 86400), sent(0), sent("yesterday"), sent(now, now - 400)]
    tally(let_in=refused.count(200), requests=len(refused))
    assert refused == [401] * 6
