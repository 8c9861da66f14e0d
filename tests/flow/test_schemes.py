# SPDX-License-Identifier: Apache-2.0
# test_schemes.py - tokens, standard webhooks, basic and forms, from the vendor's request to the row.
import base64
import hashlib
import hmac
import json
import time

import pytest
from bed import wait_until

HMAC = 'auth: hmac-sha1\n    proof: header:X-Proof\n    encoding: base64\n    covers: "{body}{callback}"'
NOTE = {"id": "1", "type": "note", "card": "c", "text": "hello"}


def base64url(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(secret, alg="HS256", **claims):
    claims = {"exp": int(time.time()) + 300, "aud": "https://hooks.example.com/in/notes", **claims}
    message = f"{base64url(json.dumps({'alg': alg}).encode())}.{base64url(json.dumps(claims).encode())}"
    mac = hmac.new(secret.encode(), message.encode(), hashlib.sha256).digest()
    return f"{message}.{base64url(mac) if alg != 'none' else ''}"


def refusals(daemon):
    return [json.loads(line)["reason"] for line in daemon.sluice("refused", "--json").stdout.splitlines()]


def test_a_token_lets_its_bearer_in_and_is_never_stored(daemon):
    daemon.change(HMAC, 'auth: jwt-hs256\n    audience: "{callback}"')
    daemon.start()
    good = token(daemon.secret)
    assert daemon.post(NOTE, signed=False, headers={"Authorization": good}).status == 200
    assert daemon.post({**NOTE, "id": "2"}, signed=False, headers={"Authorization": f"Bearer {good}"}).status == 200
    wait_until(lambda: daemon.rows("select id from notes order by id") == [("1",), ("2",)])
    stored = b"".join(path.read_bytes() for path in (daemon.data / "log").iterdir())
    assert good.split(".")[2].encode() not in stored and daemon.secret.encode() not in stored


@pytest.mark.parametrize("made, says", [
    (dict(alg="none"), "its alg is none"),
    (dict(secret="another app's"), "fits none of the secrets"),
    (dict(aud="https://hooks.example.com/in/other"), "another audience"),
    (dict(exp=1606808758), "ended more than 60 s ago"),
    (dict(exp=None), "does not say when it ends"),
], ids=["unsigned", "another secret", "another audience", "expired", "endless"])
def test_a_bad_token_is_refused_and_told(daemon, made, says):
    daemon.change(HMAC, 'auth: jwt-hs256\n    audience: "{callback}"')
    daemon.start()
    answer = daemon.post(NOTE, signed=False, headers={"Authorization": token(**{"secret": daemon.secret, **made})})
    assert answer.status == 401
    assert says in refusals(daemon)[-1]


@pytest.mark.parametrize("auth, secret", [
    ('auth: jwt-hs256\n    audience: "{callback}"', None),
    ("auth: standard-webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ("auth: basic", "someone:and a word"),
], ids=["jwt", "standard", "basic"])
def test_what_send_proves_is_taken_and_what_it_forges_is_not(daemon, auth, secret):
    daemon.change(HMAC, auth)
    if secret:
        daemon.change(f"[{daemon.secret}]", f"['{secret}']")
    daemon.start()
    daemon.write("note.json", json.dumps(NOTE))
    good = daemon.sluice("send", "notes", "note.json")
    assert good.returncode == 0, good.stdout + good.stderr
    assert daemon.sluice("send", "notes", "note.json", "--forge").returncode == 1
    wait_until(lambda: daemon.rows("select text from notes") == [("hello",)])


def test_sign_and_verify_know_standard_webhooks_and_tokens(daemon):
    daemon.change(HMAC, 'auth: jwt-hs256\n    audience: "{callback}"')
    signed = daemon.sluice("sign", "notes", stdin="{}")
    assert signed.returncode == 0 and daemon.secret not in signed.stdout, signed.stderr
    daemon.write("headers", signed.stdout)
    assert daemon.sluice("verify", "notes", "--headers", "headers", stdin="{}").returncode == 0
    daemon.change('audience: "{callback}"', "audience: https://hooks.example.com/in/other")
    other = daemon.sluice("verify", "notes", "--headers", "headers", stdin="{}")
    assert other.returncode == 1 and "for the audience https://hooks.example.com/in/notes" in other.stdout
    daemon.change("auth: jwt-hs256\n    audience: https://hooks.example.com/in/other", "auth: standard-webhooks")
    daemon.change(f"[{daemon.secret}]", "[whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]")
    signed = daemon.sluice("sign", "notes", stdin="{}")
    daemon.write("headers", signed.stdout)
    assert [line.split(":")[0] for line in signed.stdout.splitlines()] == ["webhook-id", "webhook-timestamp",
                                                                          "webhook-signature"]
    assert daemon.sluice("verify", "notes", "--headers", "headers", stdin="{}").returncode == 0


def test_a_form_becomes_a_row(daemon):
    daemon.start()
    body = b"id=7&type=note&card=c&text=Caf%C3%A9+%26+bar"
    answer = daemon.post(body, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 200
    wait_until(lambda: daemon.rows("select id, card, text from notes") == [("7", "c", "Café & bar")])
    assert json.loads(daemon.sluice("log", "cat", "--json").stdout)["body"] == body.decode(), "kept as it came"
    shown = json.loads(daemon.sluice("events", "ls", "--json").stdout.splitlines()[0])
    assert (shown["id"], shown["type"]) == ("7", "note")


def test_a_hostile_form_is_a_dead_letter_that_says_why(daemon):
    daemon.start()
    body = b"&".join(b"f%d=%%" % i for i in range(10001))
    assert daemon.post(body, headers={"Content-Type": "application/x-www-form-urlencoded"}).status == 200
    wait_until(lambda: daemon.route_health()["dead"] == 1)
    assert "a form of more than 10000 fields" in daemon.sluice("dead", "ls", "--json").stdout
    daemon.write("mended", "id=8&type=note&card=c&text=mended")
    seq = json.loads(daemon.sluice("dead", "ls", "--json").stdout.splitlines()[0])["seq"]
    edited = daemon.sluice("dead", "edit", "notes", str(seq), "--with", "mended")
    assert edited.returncode == 0, edited.stderr
    wait_until(lambda: daemon.rows("select text from notes") == [("mended",)])


def test_a_header_that_contradicts_the_signed_body_is_refused(daemon):
    daemon.change("    id: body:/id", '    same: "header:X-Card = body:/card"\n    id: body:/id')
    daemon.start()
    assert daemon.post(NOTE, headers={"X-Card": "c"}).status == 200
    assert daemon.post({**NOTE, "card": None}, headers={"X-Card": "other"}).status == 200
    assert daemon.post(NOTE, headers={"X-Card": "other"}).status == 401
    assert daemon.post(NOTE).status == 401
    assert "header:X-Card = body:/card" in refusals(daemon)[-1]
