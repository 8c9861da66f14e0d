# SPDX-License-Identifier: Apache-2.0
# test_far_sides.py - who is asked by scripts and who is not, and who is told a secret.
import http.server
import pathlib
import threading

import pytest
from bed import wait_until

ASKING = """\
return {
	summary = "asks what the event says",
	options = { { "token", "secret", help = "Who we are." } },
	api = { base = "http://127.0.0.1:%d", headers = { Authorization = "Bearer {token}" }, query = { key = "{token}" } },
	transform = function(event)
		local answer = http.get(event.data.url)
		log("answered " .. answer.status)
		emit { type = "notes", data = { id = event.data.id, text = answer.body } }
	end,
}
"""


class FarSide(http.server.ThreadingHTTPServer):
    """Knows one secret, and notes what it was asked."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), FarAnswer)
        self.asked = []
        self.connections = 0
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def get_request(self):
        self.connections += 1
        return super().get_request()


class FarAnswer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        status = {"/gone": 404, "/away": 302}.get(self.path.split("?")[0], 200)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://169.254.169.254/latest")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *words):
        pass


@pytest.fixture
def far():
    with FarSide() as one:
        yield one
        one.shutdown()


other = far  # a stranger: another port is another origin


CONFIG = """\
listen: 127.0.0.1:{{port}}
data: ./data
{more}
sources:
  notes: {{{{ use: webhook, auth: none, insecure: true, id: body:/id, subject: body:/id }}}}
transforms:
  notes: {{{{ use: ./asking.lua, token: {{secret}} }}}}
sinks:
  local: {{{{ use: sqlite, path: ./warehouse.db, schema: {{{{ use: ./notes.yaml }}}} }}}}
routes:
  - {{{{ name: notes, from: [notes], via: [notes], to: local }}}}
"""


def begin(daemon, far, *more):
    daemon.write("asking.lua", ASKING % far.server_port)
    daemon.configure(CONFIG.format(more="\n".join(more)))
    daemon.start()


def fetch(daemon, number, url):
    assert daemon.post({"id": str(number), "url": url}, signed=False).status == 200


def dead(daemon):
    """{id: reason}"""
    return dict(daemon.rows("select event_id, reason from _sluice_open where state = 'dead'"))


ALLOWED = "http: {{ allow: [127.0.0.1] }}"


def test_nobody_inside_is_reached_in_whatever_notation(daemon, far):
    begin(daemon, far)
    hosts = ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0"]
    for number, host in enumerate(hosts):
        fetch(daemon, number, f"http://{host}:{far.server_port}/hello")
    wait_until(lambda: len(dead(daemon)) == len(hosts), what=lambda: (dead(daemon), daemon.stderr()[-3000:]))
    assert all("is no public address" in reason for reason in dead(daemon).values()), dead(daemon)
    assert far.connections == 0


def test_a_redirect_leads_nobody_inside(daemon, far):
    begin(daemon, far, ALLOWED)
    fetch(daemon, 1, "/away")
    wait_until(lambda: "169.254.169.254 is no public address" in dead(daemon)["1"])


def of_process(pid, name):
    """What anybody can read there: of a child's environment nothing, but for root."""
    try:
        return pathlib.Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except PermissionError:
        return ""


def told_by(daemon):
    """All that it says to anybody."""
    told = [daemon.get(path).body.decode() for path in ("/health", "/status", "/metrics")]
    for words in (["status"], ["check"], ["routes", "ls"], ["dead", "ls", "--json"], ["dead", "show", "3"]):
        answer = daemon.sluice(*words)
        told += [answer.stdout, answer.stderr]
    told += [of_process(daemon.pid, "cmdline")]
    told += [of_process(pid, name) for pid in daemon.children().values() for name in ("cmdline", "environ")]
    return told + [daemon.stderr()]


def test_a_token_is_told_to_the_far_side_and_to_nobody_else(daemon, far, other):
    daemon.secret = "tok_9f8e7d6c5b4a"
    begin(daemon, far, ALLOWED, "log: {{ level: debug }}")
    for number, url in enumerate(["/hello", "/gone", f"http://127.0.0.1:{other.server_port}/away"]):
        fetch(daemon, number, url)
    fetch(daemon, 3, "http://127.0.0.1:1/nobody")
    wait_until(lambda: len(daemon.rows("select id from notes")) == 2 and list(dead(daemon)) == ["2"])
    assert ("/hello?key=" + daemon.secret, "Bearer " + daemon.secret) in far.asked
    assert other.asked == [("/away", None)]
    for text in told_by(daemon):
        assert daemon.secret not in text
    daemon.stop()
    for path in daemon.folder.rglob("*"):
        if path.is_file() and path.name != "sluice.yaml":
            assert daemon.secret.encode() not in path.read_bytes(), path
