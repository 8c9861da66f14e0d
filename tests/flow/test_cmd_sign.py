# SPDX-License-Identifier: Apache-2.0
# test_cmd_sign.py - a body's proof, and why one does not match.
import base64
import hashlib
import hmac
import json
import subprocess

import pytest
from bed import SAMPLES

BODY = '{"id": "1", "text": "Z\u00fcrich \U0001f600"}'
CALLBACK = "https://hooks.example.com/in/notes"


def mac(daemon, body=BODY, callback=CALLBACK, secret=None, digest="sha1"):
    return hmac.new((secret or daemon.secret).encode(), (body + callback).encode(), digest).digest()


def base64_of(raw):
    return base64.b64encode(raw).decode()


def verify(daemon, proof, *words, body=BODY):
    daemon.write("headers", f"X-Proof: {proof}\n")
    return daemon.sluice("verify", "notes", "--headers", "headers", *words, stdin=body)


# ------------------------------------------------------------------------ sign


def test_what_is_signed_is_what_the_vendor_would_send(daemon):
    answer = daemon.sluice("sign", "notes", stdin=BODY)
    assert (answer.returncode, answer.stdout) == (0, f"X-Proof: {base64_of(mac(daemon))}\n"), answer.stderr


def test_a_file_is_signed_to_the_last_byte(daemon):
    daemon.trello()
    path = SAMPLES / "createCard__tiblu.json"
    expected = hmac.new(daemon.secret.encode(), path.read_bytes() + daemon.callback.encode(), hashlib.sha1).digest()
    answer = daemon.sluice("sign", "boards", str(path), "--json")
    assert json.loads(answer.stdout) == {"header": "X-Trello-Webhook", "value": base64_of(expected)}


def test_the_second_secret_signs_too(daemon):
    daemon.change(f"secret: [{daemon.secret}]", f"secret: [{daemon.secret}, the older one]")
    answer = daemon.sluice("sign", "notes", "--secret", "2", stdin=BODY)
    assert answer.stdout == f"X-Proof: {base64_of(mac(daemon, secret='the older one'))}\n"
    assert daemon.sluice("sign", "notes", "--secret", "3", stdin=BODY).returncode == 2


def test_the_curl_command_is_taken_by_the_daemon(daemon):
    daemon.start()
    daemon.write("it's a note.json", json.dumps({"id": "1", "type": "note", "card": "c"}))
    command = daemon.sluice("sign", "notes", "it's a note.json", "--curl", "-H", "X-Other: it's").stdout
    assert command.startswith("curl ") and daemon.secret not in command
    stub = daemon.folder / "bin"
    stub.mkdir()
    (stub / "curl").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (stub / "curl").chmod(0o755)
    words = subprocess.run(["sh", "-c", command], cwd=daemon.folder, capture_output=True, text=True,
                           env={"PATH": f"{stub}:/usr/bin:/bin"}).stdout.splitlines()
    headers = dict(words[i + 1].split(": ", 1) for i, word in enumerate(words) if word == "-H")
    file = words[words.index("--data-binary") + 1]
    assert f"http://127.0.0.1:{daemon.port}/in/notes" in words and headers["x-other"] == "it's"
    assert daemon.post((daemon.folder / file[1:]).read_bytes(), signed=False, headers=headers).status == 200


def test_a_timestamp_is_put_in(daemon):
    daemon.change('proof: header:X-Proof\n    encoding: base64\n    covers: "{body}{callback}"',
                  'proof: header:X-Proof;v1\n    encoding: hex\n    covers: "{timestamp}.{body}"\n'
                  '    timestamp: header:X-Proof;t')
    answer = daemon.sluice("sign", "notes", stdin=BODY)
    assert answer.returncode == 0 and answer.stdout.startswith("X-Proof: t="), answer.stdout + answer.stderr
    daemon.write("headers", answer.stdout)
    good = daemon.sluice("verify", "notes", "--headers", "headers", stdin=BODY)
    assert good.returncode == 0, good.stdout
    late = daemon.sluice("verify", "notes", "--headers", "headers", "--at", "2031-01-01T00:00:00Z", stdin=BODY)
    assert late.returncode == 1 and "Refused" in late.stdout


def test_a_proof_that_is_the_secret_itself_is_never_printed(daemon):
    daemon.change('auth: hmac-sha1\n    proof: header:X-Proof\n    encoding: base64\n    covers: "{body}{callback}"',
                  "auth: bearer")
    answer = daemon.sluice("sign", "notes", "--curl", stdin=BODY)
    assert answer.returncode == 1 and "secret itself" in answer.stderr
    assert daemon.secret not in answer.stdout + answer.stderr


# ---------------------------------------------------------------------- verify


def test_a_genuine_request_is_told_with_its_secret(daemon):
    daemon.change(f"secret: [{daemon.secret}]", f"secret: [{daemon.secret}, the older one]")
    first = verify(daemon, base64_of(mac(daemon)))
    assert (first.returncode, first.stdout) == (0, "Genuine: it fits secret 1 of 2.\n")
    second = verify(daemon, base64_of(mac(daemon, secret="the older one")), "--json")
    assert second.returncode == 0
    told = json.loads(second.stdout)
    assert (told["genuine"], told["secret"], told["secrets"]) == (True, 2, 2)


@pytest.mark.parametrize("wrong, words", [
    (dict(callback=CALLBACK + "/"), "with a slash at its end"),
    (dict(callback=CALLBACK.replace("https", "http")), "http://hooks.example.com/in/notes"),
    (dict(digest="sha256"), "hmac-sha256"),
    (dict(body=json.dumps(json.loads(BODY), separators=(",", ":"), ensure_ascii=False)), "printed anew"),
    (dict(body=BODY + "\n"), "line break"),
])
def test_why_it_does_not_match(daemon, wrong, words):
    answer = verify(daemon, base64_of(mac(daemon, **wrong)))
    assert answer.returncode == 1
    assert words in answer.stdout
    assert daemon.secret not in answer.stdout


def test_hex_for_base64_is_found(daemon):
    answer = verify(daemon, mac(daemon).hex())
    assert answer.returncode == 1 and "in hex, not base64" in answer.stdout


@pytest.mark.parametrize("name, value", [("token", "t-123456"), ("key", "k-123456")])
def test_the_token_or_the_key_in_place_of_the_secret_is_found_and_not_shown(daemon, name, value):
    daemon.trello()
    daemon.change("use: trello,", "use: trello, key: k-123456, token: t-123456,")
    daemon.write("headers", f"X-Trello-Webhook: {base64_of(mac(daemon, callback=daemon.callback, secret=value))}\n")
    answer = daemon.sluice("verify", "boards", "--headers", "headers", stdin=BODY)
    assert answer.returncode == 1
    assert f"made with the value of `{name}`" in answer.stdout
    assert value not in answer.stdout


def test_nothing_explains_it_is_said_too(daemon):
    answer = verify(daemon, base64_of(b"x" * 20))
    assert answer.returncode == 1 and "Nothing usual explains it" in answer.stdout
    told = json.loads(verify(daemon, base64_of(b"x" * 20), "--json").stdout)
    assert (told["genuine"], told["secret"]) == (False, None) and "Nothing usual" in told["words"]


def forms(proof):
    """The ways in which people write down what they received."""
    yield f"X-PROOF: {proof}"
    yield f"Host: x\nX-Proof:{proof}\n"
    yield f"POST /in/notes HTTP/1.1\r\nHost: x\r\nX-Proof:   {proof}  \r\n\r\n"
    yield f"POST http://hooks.example.com/in/notes?a=1 HTTP/1.1\r\nX-Proof: {proof}\r\n"
    yield f"HTTP/1.1 200 OK\r\nx-proof: {proof}\r\n"
    yield json.dumps({"X-Proof": proof, "Content-Length": 7})
    yield "\n " + json.dumps({"x-proof": [proof]}, indent=2)
    yield json.dumps([["host", "x"], ["x-proof", proof]])
    yield json.dumps({"method": "POST", "headers": {"X-Proof": proof}})


def test_headers_may_be_written_down_in_many_ways(daemon):
    for form in forms(base64_of(mac(daemon))):
        daemon.write("headers", form)
        daemon.write("body", BODY)
        answer = daemon.sluice("verify", "notes", "--headers", "headers", "--body", "body")
        assert answer.returncode == 0, (form, answer.stdout, answer.stderr)


def test_a_whole_request_in_one_file(daemon):
    daemon.write("request", f"POST /in/notes HTTP/1.1\r\nX-Proof: {base64_of(mac(daemon))}\r\n\r\n{BODY}")
    assert daemon.sluice("verify", "notes", "--headers", "request").returncode == 0


def test_a_doubled_proof_is_none(daemon):
    proof = base64_of(mac(daemon))
    daemon.write("headers", f"X-Proof: {proof}\nX-Proof: {proof}\n")
    answer = daemon.sluice("verify", "notes", "--headers", "headers", stdin=BODY)
    assert answer.returncode == 1 and "more than once" in answer.stdout


@pytest.mark.parametrize("headers", ["no header here\n", '{"X-Proof": ', '["x"]', '{"a b": "c"}', '{"a": "b\\nc: d"}', ": x\n"])
def test_what_is_no_list_of_headers_is_told(daemon, headers):
    daemon.write("headers", headers)
    answer = daemon.sluice("verify", "notes", "--headers", "headers", stdin=BODY)
    assert answer.returncode == 2 and "headers: " in answer.stderr


def test_mistakes_are_told(daemon):
    assert "--headers FILE is missing" in daemon.sluice("verify", "notes", stdin=BODY).stderr
    assert "cannot be read" in daemon.sluice("verify", "notes", "--headers", "missing", stdin=BODY).stderr
    assert 'there is no source "nobody"; there is: notes' in daemon.sluice("sign", "nobody", stdin=BODY).stderr
    assert daemon.sluice("sign", "notes", "missing").returncode == 1
