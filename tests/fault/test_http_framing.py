# SPDX-License-Identifier: Apache-2.0
# test_http_framing.py - on the wire: what is ambiguous is 400 and close, and nothing behind it is stored.
#
# The signed request that each case tries to smuggle in would be stored if it were
# ever executed.  The table of the unit test (tests/unit/http_test.c) is longer;
# here the real ingress and its log answer.
import json
import re
import socket

import pytest
import pytest
from bed import wait_until

pytestmark = pytest.mark.fault(23, 24)


def talk(daemon, pieces, patience=5):
    """Sends the pieces on one connection; returns (all that was answered, closed by the daemon)."""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=patience) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        heard = b""
        try:
            for piece in pieces:
                sock.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            while piece := sock.recv(65536):
                heard += piece
            return heard, True
        except ConnectionResetError:
            return heard, True
        except socket.timeout:
            return heard, False


def statuses(heard):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", heard)]


def signed(daemon, number, more="", close=False):
    """A whole request that is stored when it is executed."""
    body = json.dumps({"id": str(number), "type": "note", "card": "c", "text": str(number)}).encode()
    head = f"POST /in/notes HTTP/1.1\r\nHost: a\r\n{daemon.proof}: {daemon.signature(body)}\r\n{more}"
    end = "Connection: close\r\n" if close else ""
    return f"{head}Content-Length: {len(body)}\r\n{end}\r\n".encode() + body


def chunked(daemon, number, chunk_head="{:x}\r\n", last="0\r\n\r\n", more=""):
    body = json.dumps({"id": str(number), "type": "note", "card": "c", "text": str(number)}).encode()
    head = f"POST /in/notes HTTP/1.1\r\nHost: a\r\n{daemon.proof}: {daemon.signature(body)}\r\n{more}"
    return (head + "Transfer-Encoding: chunked\r\n\r\n" + chunk_head.format(len(body))).encode() + body + b"\r\n" + last.encode()


def bad_heads(daemon, number):
    """What must not pass, each around a request that is signed."""
    inner = len(signed(daemon, 0))
    for more in (
        f"Content-Length: {inner}\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "X-A: b\nTransfer-Encoding: chunked\r\n",
        "X-A: b\rX-B: c\r\n",
        "X-A: b\r\n c\r\n",
        "X-A: b\r\n\tContent-Length: 1\r\n",
        " X-A: b\r\n",
        ": b\r\n",
        "X-A\r\n",
        "X A: b\r\n",
        "X-\0A: b\r\n",
        "X-A: b\0c\r\n",
        "X-A: \x01\r\n",
        "Host: b\r\n",
        "Connection: upgrade\r\nUpgrade: websocket\r\n",
    ):
        yield repr(more), signed(daemon, number, more)
    whole = signed(daemon, number)
    yield "a bare LF after the request line", whole.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\n", 1)
    yield "a bare LF as the empty line", whole.replace(b"\r\n\r\n", b"\r\n\n", 1)
    yield "two blanks in the request line", whole.replace(b"POST /", b"POST  /", 1)
    yield "no Host", whole.replace(b"Host: a\r\n", b"", 1)
    yield "a length with a sign", whole.replace(b"Length: ", b"Length: +", 1)
    yield "a length in hex", whole.replace(b"Length: ", b"Length: 0x", 1)
    yield "CONNECT", whole.replace(b"POST /in/notes", b"CONNECT a:80", 1)
    yield "HTTP/1.2", whole.replace(b"HTTP/1.1", b"HTTP/1.2", 1)
    yield "no HTTP", b"\x16\x03\x01\x02\0\x01" + whole


def bad_chunks(daemon, number):
    for chunk_head in ("0x{:x}\r\n", "+{:x}\r\n", " {:x}\r\n", "{:x} \r\n", "{:x}\n", "{:x}\r", "{:x};\r\n", "{:x};a\n", "\r\n"):
        yield repr(chunk_head), chunked(daemon, number, chunk_head)
    for last in ("0\r\n\n", "0\r\nA: b\n\r\n", "0\r\nA: b\r\n c\r\n\r\n", "0\r\n: b\r\n\r\n", "0\n\n"):
        yield repr(last), chunked(daemon, number, last=last)
    yield "chunked in HTTP/1.0", chunked(daemon, number).replace(b"HTTP/1.1", b"HTTP/1.0", 1)


@pytest.mark.fault(23)
def test_what_is_ambiguous_is_400_and_closed_and_nothing_after_it_is_stored(daemon):
    daemon.start()
    cases = [*bad_heads(daemon, 666), *bad_chunks(daemon, 667)]
    for title, request in cases:
        heard, closed = talk(daemon, [request + signed(daemon, 668)])
        assert statuses(heard) == [400] and closed, f"{title}: {heard!r}"
        assert b'{"error":"' in heard and b"Connection: close" in heard, title
    for title, request in cases[::4]:  # the same, byte by byte
        heard, closed = talk(daemon, [bytes([byte]) for byte in request + signed(daemon, 668)])
        assert statuses(heard) == [400] and closed, f"{title}: {heard!r}"
    heard, closed = talk(daemon, [signed(daemon, 1) + cases[0][1] + signed(daemon, 669)])
    assert statuses(heard) == [200, 400] and closed
    wait_until(lambda: daemon.rows("select id from notes") == [("1",)])


@pytest.mark.fault(23)
def test_every_clear_form_of_a_request_is_stored(daemon):
    daemon.start()
    forms = [
        signed(daemon, 1),
        chunked(daemon, 2),
        chunked(daemon, 3, "{:x};a=b;c=\"d\"\r\n", "0\r\nX-Sum: 1\r\n\r\n"),
        signed(daemon, 4).replace(b"POST /in/notes", b"POST http://a/in/notes"),
        signed(daemon, 5).replace(b"HTTP/1.1\r\nHost: a", b"HTTP/1.0\r\nConnection: keep-alive"),
        b"\r\n" + signed(daemon, 6, "X-Name: J\u00f6rg\r\n"),
        signed(daemon, 7, close=True),
    ]
    heard, closed = talk(daemon, [b"".join(forms) + signed(daemon, 8)])
    assert statuses(heard) == [200] * 7 and closed
    wait_until(lambda: daemon.rows("select id from notes order by id") == [(str(n),) for n in range(1, 8)])


@pytest.mark.fault(23)
def test_a_request_cut_at_any_byte_is_stored_once_it_is_whole(daemon):
    daemon.start()
    for number, whole in ((1, signed(daemon, 1, close=True)), (2, chunked(daemon, 2, more="Connection: close\r\n"))):
        heard, closed = talk(daemon, [bytes([byte]) for byte in whole])
        assert statuses(heard) == [200] and closed
    wait_until(lambda: len(daemon.rows("select id from notes")) == 2)


@pytest.mark.fault(24)
def test_a_hundred_requests_at_once_are_answered_in_order(daemon):
    daemon.start()
    many = b"".join(signed(daemon, n) if n % 3 else b"GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n" for n in range(100))
    heard, closed = talk(daemon, [many + signed(daemon, 100, close=True)])
    assert statuses(heard) == [200 if n % 3 else 404 for n in range(100)] + [200] and closed
    wait_until(lambda: daemon.rows("select count(*) from notes") == [(67,)])


@pytest.mark.fault(24)
def test_continue_is_said_when_the_body_is_wanted_and_not_else(daemon):
    daemon.start()
    request = signed(daemon, 1, "Expect: 100-continue\r\n", close=True)
    head, body = request.split(b"\r\n\r\n", 1)
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=5) as sock:
        sock.sendall(head + b"\r\n\r\n")
        assert sock.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
    heard, closed = talk(daemon, [head.replace(b"/in/notes", b"/in/other") + b"\r\n\r\n"])
    assert statuses(heard) == [404] and closed
