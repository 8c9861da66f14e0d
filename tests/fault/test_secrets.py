# SPDX-License-Identifier: Apache-2.0
# test_secrets.py - where a secret is: in its file, and in the memory of the processes that need it. Nowhere else.
import contextlib
import http.server
import os
import pathlib
import pwd
import subprocess
import threading

import pytest
from bed import SLUICE, children_of, free_port, wait_until

SECRETS = {  # what each of them opens
    "HOOK": "hook-9f8e7d6c5b",
    "OLD": "old-hook-1a2b3c4d",
    "FAR": "far-side-77aa88bb",
    "WAREHOUSE": "warehouse-5566",
    "ADMIN": "admin-token-3344",
}

CONFIG = """\
listen: 127.0.0.1:{{port}}
public: https://hooks.example.com
data: ./data
env: sluice.env
admin: {{{{ listen: "127.0.0.1:{admin}", token: "${{{{ADMIN}}}}" }}}}
log: {{{{ level: debug }}}}
http: {{{{ allow: [127.0.0.1] }}}}
sources:
  notes: {{{{ use: webhook, auth: hmac-sha1, proof: "header:X-Proof", encoding: base64, covers: "{{{{body}}}}{{{{callback}}}}",
           secret: ["${{{{HOOK}}}}", "${{{{OLD}}}}"], id: body:/id, type: body:/type, subject: body:/card }}}}
transforms:
  far: {{{{ use: ./far.lua, token: "${{{{FAR}}}}", base: "http://127.0.0.1:{far}" }}}}
sinks:
  local: {{{{ use: sqlite, path: ./warehouse.db, schema: {{{{ use: ./notes.yaml }}}} }}}}
  away: {{{{ use: postgres, url: "postgresql://me:${{{{WAREHOUSE}}}}@127.0.0.1:{nobody}/db", schema: {{{{ use: ./notes.yaml }}}} }}}}
routes:
  - {{{{ name: notes, from: [notes], via: [far], to: local }}}}
  - {{{{ name: away, from: [notes], via: [far], to: away }}}}
"""

FAR = """\
return {
	summary = "asks before it makes a row",
	options = { { "token", "secret", help = "opens the far side" }, { "base", "text", help = "where it is" } },
	api = { base = "{base}", headers = { Authorization = "Bearer {token}" }, query = { key = "{token}" } },
	transform = function(event, opt)
		local note = event.data
		if note.fail then return fail("it says " .. tostring(opt) .. tostring(opt.token)) end
		local answer = http.get("/" .. note.id)
		if answer.status ~= 200 then return fail("the far side says " .. answer.status .. ": " .. tostring(answer.body)) end
		emit { type = "notes", data = { id = note.id, card = note.card, text = note.text } }
	end,
}
"""


class Far(http.server.BaseHTTPRequestHandler):
    """Answers 403 with what it was sent to one, 200 to others: some do repeat it."""

    def do_GET(self):
        right = self.headers["Authorization"] == f"Bearer {SECRETS['FAR']}"
        self.server.asked.append(right)
        self.send_response(403 if self.path.startswith("/3") else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *words):
        pass


@contextlib.contextmanager
def far_side():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Far)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def far():
    with far_side() as server:
        yield server


def note(number, **more):
    return {"id": str(number), "type": "note", "card": f"c{number}", "text": "x", **more}


def told(daemon):
    """Everything that somebody can be shown."""
    commands = (["status"], ["status", "--json"], ["refused"], ["check"], ["check", "--json"], ["dead", "ls"], ["log", "stat"],
                ["dead", "ls", "--json"], ["dead", "show", "notes", "4"], ["events", "ls"], ["events", "show", "4"], ["events", "export"], ["routes", "ls"], ["hooks", "ls"],
                ["schema", "show", "local"], ["try", "notes", "--last", "5"], ["check", "--connect"])
    for words in commands:
        answer = daemon.sluice(*words)
        yield " ".join(words), answer.stdout + answer.stderr
    yield "stderr", daemon.stderr()


def seen_by_others(pid):
    """What ps shows of a process."""
    folder = pathlib.Path(f"/proc/{pid}")
    return [(folder / name).read_bytes() for name in ("cmdline", "comm", "environ")]


@pytest.mark.fault(40)
def test_no_secret_is_shown_or_kept_anywhere(daemon, far):
    daemon.write("far.lua", FAR)
    daemon.write("sluice.env", "".join(f"{name}={value}\n" for name, value in SECRETS.items()))
    (daemon.folder / "sluice.env").chmod(0o600)
    daemon.secret = SECRETS["HOOK"]
    daemon.admin_port = free_port()
    daemon.configure(CONFIG.format(admin=daemon.admin_port, far=far.server_port, nobody=free_port()))
    daemon.start(ready=False)
    wait_until(lambda: daemon.post(note(1)).status == 200)
    assert daemon.post(note(2), secret=SECRETS["OLD"]).status == 200
    assert daemon.post(note(3)).status == 200
    assert daemon.post(note(4, fail=True)).status == 200
    assert daemon.post(note(5), signed=False, headers={"X-Proof": SECRETS["HOOK"]}).status == 401
    assert daemon.post(note(6), headers={"Authorization": SECRETS["FAR"], "Cookie": SECRETS["ADMIN"]}).status == 200
    wait_until(lambda: daemon.rows("select count(*) from notes") == [(3,)] and
               daemon.rows("select count(*) from _sluice_open where state = 'dead'") == [(2,)], what=daemon.stderr)
    assert all(far.asked) and far.asked
    shown = dict(told(daemon))
    assert "dead letter" in shown["stderr"] and "refused" in shown["stderr"], "there was something to be told"
    assert "it says" in shown["dead show notes 4"] and "401" in shown["refused"], shown["dead show notes 4"]
    for pid in (daemon.pid, *daemon.children().values()):
        for bytes in seen_by_others(pid) if pid != daemon.pid else seen_by_others(pid)[:2]:
            assert not any(value.encode() in bytes for value in SECRETS.values())
        assert "Max core file size        1 " in pathlib.Path(f"/proc/{pid}/limits").read_text()
    daemon.stop()
    for name, value in SECRETS.items():
        for where, text in shown.items():
            assert value not in text, f"{name} is told by {where}"
        for path in daemon.folder.rglob("*"):
            if path.is_file() and path.name != "sluice.env":
                assert value.encode() not in path.read_bytes(), f"{name} is in {path}"


NOBODY = pwd.getpwnam("nobody")


def belongs_to_nobody(folder):
    """All of it, if nobody gets to the program at all."""
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    try:
        subprocess.run([SLUICE, "help"], user="nobody", cwd=folder, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the program lies where nobody can run it")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look as somebody else")
@pytest.mark.skipif(b"__asan_init" in pathlib.Path(SLUICE).read_bytes(), reason="the sanitizers look into processes")
def test_the_same_user_cannot_look_into_the_daemon(daemon):
    """A plugin may read what its user may: the memory of the master would be among it."""
    belongs_to_nobody(daemon.folder)
    process = subprocess.Popen([SLUICE, "run"], user="nobody", group=NOBODY.pw_gid, cwd=daemon.folder, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: daemon.get("/health").status == 200)
        for pid in (process.pid, *children_of(process.pid).values()):
            for name in ("mem", "environ", "maps"):
                looked = subprocess.run(["head", "-c1", f"/proc/{pid}/{name}"], user="nobody",
                                        group=NOBODY.pw_gid, capture_output=True)
                assert looked.returncode != 0 and b"denied" in looked.stderr, (pid, name, looked)
    finally:
        process.terminate()
        assert process.wait() == 0
