# SPDX-License-Identifier: Apache-2.0
# bed.py - conversations with the real daemon.
#
# A test is handed a `daemon`: a temporary folder with a configuration, a mapping
# and a table, in which the program that SLUICE names is started, talked to and
# stopped.  Nothing sleeps: `wait_until` asks again until something is so, or says
# what never became true.  At the end of each test the daemon must have ended
# cleanly, left no process behind, and no report of a sanitizer.
#
#     def test_a_posted_event_becomes_a_row(daemon):
#         daemon.start()
#         assert daemon.post({"id": "1", "card": "c1", "text": "hello"}).status == 200
#         wait_until(lambda: daemon.rows("select text from notes") == [("hello",)])
import base64
import collections
import hashlib
import hmac
import http.client
import itertools
import json
import os
import pathlib
import pty
import random
import re
import signal
import socket
import sqlite3
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLUICE = os.environ.get("SLUICE", str(ROOT / "build" / "sluice"))
SAMPLES = ROOT / "plugins" / "trello" / "samples"
PATIENCE = float(os.environ.get("SLUICE_PATIENCE", "20"))

Answer = collections.namedtuple("Answer", "status headers body")

SIGNED = """\
    auth: hmac-sha1
    proof: header:X-Proof
    encoding: base64
    covers: "{{body}}{{callback}}"
    secret: [{secret}]
"""

UNSIGNED = """\
    auth: none
    insecure: true
"""

NOTES = """\
listen: 127.0.0.1:{port}
public: https://hooks.example.com
data: ./data
%ssources:
  notes:
    use: webhook
%s    id: body:/id
    type: body:/type
    subject: body:/card
transforms:
  notes: {{ use: ./notes.lua }}
sinks:
  local: {{ use: sqlite, path: ./warehouse.db, schema: {{ use: ./notes.yaml }} }}
routes:
  - {{ name: notes, from: [notes], via: [notes], to: local }}
"""

MAPPING = """\
return {
	summary = "a note becomes a row",
	transform = function(event)
		local note = event.data
		if note.drop then return drop(note.drop) end
		if note.fail then return fail(note.fail) end
		if note.spin then while true do end end
		emit { type = "notes", data = { id = note.id, card = note.card, text = note.text } }
	end,
}
"""

SCHEMA = """\
help: Notes.
tables:
  notes:
    mode: append
    key: [id]
    columns: { id: text, card: text, text: text }
"""

TRELLO = """\
listen: 127.0.0.1:{port}
public: https://hooks.example.com
data: ./data
sources:
  boards: {{ use: trello, secret: [{secret}] }}
transforms:
  cards: {{ use: trello/cards }}
sinks:
  local: {{ use: sqlite, path: ./warehouse.db, schema: {{ use: trello }} }}
routes:
  - {{ name: cards, from: [boards], via: [cards], to: local }}
"""


# ------------------------------------------------------------------- waiting


def wait_until(condition, within=PATIENCE, what=None):
    """Returns the first true value of the condition; fails if there is none in time.
    A condition that cannot be asked yet (nobody answers, no table) is not true yet.
    `what` says what was waited for: words, or a function that finds them."""
    end = ours() + within
    last = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except (OSError, http.client.HTTPException, sqlite3.Error, KeyError, IndexError) as error:
            last = error
        if ours() > end:
            words = what() if callable(what) else what or condition
            pytest.fail(f"never became true within {within} s: {words}; last seen: {last!r}")
        time.sleep(0.02)


def stolen():
    """Seconds since it was started in which the machine below this one gave a processor of ours to others."""
    ticks = int(pathlib.Path("/proc/stat").read_text().split(None, 9)[8])
    return ticks / os.sysconf("SC_CLK_TCK") / os.cpu_count()


def ours():
    """Seconds, without those that were stolen."""
    return time.monotonic() - stolen()


def terminal():
    """Both ends of one: what a person sits at, and what the program sees."""
    try:
        return pty.openpty()
    except OSError as error:
        pytest.skip(f"there are no terminals here: {error}")


def ports():
    """Each port of ours in turn: below those the kernel gives to outgoing connections, and apart from those of
    the others who run tests beside us, so that nobody takes one before it is listened on."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    width = 17000 // workers
    begin = random.randrange(width)
    for step in itertools.count():
        yield 15000 + worker * width + (begin + step) % width


PORTS = ports()


def free_port():
    for port in PORTS:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


# ----------------------------------------------------------------- processes


def process_fields(pid):
    """State and parent of a process, or None if there is none."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rsplit(")", 1)[1].split()
    return fields[0], int(fields[1])


def is_alive(pid):
    fields = process_fields(pid)
    return fields is not None and fields[0] not in "ZX"


def children_of(pid):
    """{title: pid} of the living children, titles as ps shows them."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        fields = process_fields(entry)
        if fields is None or fields[1] != pid or fields[0] in "ZX":
            continue
        try:
            words = pathlib.Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        found[b" ".join(words).decode().strip()] = int(entry)
    return found


# ------------------------------------------------------------------- talking


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("sluice", timeout=timeout)
        self.unix_path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.unix_path)


def exchange(connection, method, path, body=b"", headers=None):
    """One request and its answer, on a connection of its own.  Who is refused in the middle of a long body is not
    listened to until its end, and hears why all the same."""
    try:
        try:
            connection.request(method, path, body=body, headers=headers or {})
        except BrokenPipeError:
            pass
        answer = connection.getresponse()
        return Answer(answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), answer.read())
    finally:
        connection.close()


class Daemon:
    """One daemon in its folder.  `source`, `route` and `proof` name what its configuration has."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.secret = "a well kept secret"
        self.process = None
        self.started = 0
        self.environment = {}
        self.notes()

    # ------------------------------------------------------------ what it is

    def notes(self, mapping=MAPPING, schema=SCHEMA, source=SIGNED, more=""):
        """The small configuration: a generic source, a mapping of ten lines, one table.  `source` is how a request
        proves itself, `more` is what else stands at the top."""
        self.source, self.route, self.proof = "notes", "notes", "X-Proof"
        self.write("notes.lua", mapping)
        self.write("notes.yaml", schema)
        self.configure(NOTES % (more, source))

    def trello(self):
        """Trello with the mapping and the tables that ship."""
        self.source, self.route, self.proof = "boards", "cards", "X-Trello-Webhook"
        self.configure(TRELLO)

    def configure(self, text):
        self.text = text.format(port=self.port, secret=self.secret)
        self.write("sluice.yaml", self.text)

    def change(self, old, new):
        assert old in self.text, f"{old!r} does not stand in the configuration"
        self.text = self.text.replace(old, new)
        self.write("sluice.yaml", self.text)

    def write(self, name, text):
        (self.folder / name).write_text(text)

    @property
    def data(self):
        return self.folder / "data"

    @property
    def callback(self):
        return f"https://hooks.example.com/in/{self.source}"

    # ------------------------------------------------------------------ life

    def start(self, ready=True, words=()):
        assert self.process is None, "it runs already"
        self.started += 1
        self.stderr_path = self.folder / f"stderr.{self.started}"
        with open(self.stderr_path, "wb") as stderr:
            self.process = subprocess.Popen([SLUICE, "run", "-c", "sluice.yaml", *words], cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr,
                                            env={**os.environ, **self.environment})
        if ready:
            wait_until(self.is_ready, what=self.told)
        return self

    def told(self):
        return f"the daemon is ready\n{self.get('/health').body.decode()}\n{self.stderr()}"

    def is_ready(self):
        if self.process.poll() is not None:
            pytest.fail(f"the daemon ended with {self.process.returncode}:\n{self.stderr()}")
        return self.get("/health").status == 200

    @property
    def pid(self):
        return self.process.pid

    def children(self):
        return children_of(self.pid)

    def child(self, title):
        """The process id of "ingress" or "route NAME", once it runs."""
        return wait_until(lambda: self.children()[f"sluice: {title}"], what=f"{title} runs")

    def wait(self, within=PATIENCE):
        """Waits for its end; returns the exit code."""
        code = self.process.wait(within)
        self.process = None
        return code

    def stop(self):
        """The clean end: SIGTERM, exit 0 within 5 s, nobody left."""
        children = self.children()
        began = ours()
        self.process.send_signal(signal.SIGTERM)
        assert self.wait() == 0, self.stderr()
        assert ours() - began < 5, self.stderr()
        left = [title for title, pid in children.items() if is_alive(pid)]
        assert not left, f"left behind: {left}"

    def kill(self):
        """kill -9 of the master; returns the processes it had."""
        children = self.children()
        self.process.kill()
        self.wait()
        return children

    def restart(self):
        self.stop()
        return self.start()

    def stderr(self):
        return self.stderr_path.read_text(errors="replace")

    def lines(self):
        """The log lines so far, as objects."""
        return [json.loads(line) for line in self.stderr().splitlines() if line.startswith("{")]

    # -------------------------------------------------------------- conversing

    def sluice(self, *words, stdin=None, timeout=PATIENCE):
        """Another command on the same configuration."""
        return subprocess.run([SLUICE, *words], cwd=self.folder, input=stdin, capture_output=True, text=True,
                              timeout=timeout)

    def get(self, path):
        return self.admin("GET", path)

    def admin(self, method, path, body=b"", headers=None):
        return exchange(UnixConnection(self.data / "admin.sock", PATIENCE), method, path, body, headers)

    def health(self):
        return json.loads(self.get("/health").body)

    def ask(self, route, what, **more):
        answer = self.admin("POST", f"/ask/{route}", json.dumps({"what": what, **more}).encode())
        return answer.status, json.loads(answer.body)

    def metrics(self):
        """{name{labels}: value}, after checking the form of every line."""
        found = {}
        for line in self.get("/metrics").body.decode().splitlines():
            if re.fullmatch(r"# (HELP \S+ .+|TYPE \S+ (counter|gauge))", line):
                continue
            sample = re.fullmatch(r'([a-z_]+(?:\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})?) (-?[0-9.]+)', line)
            assert sample, f"not a sample: {line!r}"
            assert sample[1] not in found, f"twice: {line!r}"
            found[sample[1]] = float(sample[2])
        return found

    def signature(self, body, secret=None):
        mac = hmac.new((secret or self.secret).encode(), body + self.callback.encode(), hashlib.sha1)
        return base64.b64encode(mac.digest()).decode()

    def post(self, body, signed=True, secret=None, headers=None, method="POST", path=None):
        """Posts a body (an object, or bytes as they are) as the vendor would."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        if signed:
            sent.setdefault(self.proof, self.signature(data, secret))
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        return exchange(connection, method, path or f"/in/{self.source}", data, sent)

    def sample(self, name):
        """A Trello body that ships with the project."""
        return (SAMPLES / name).read_bytes()

    def rows(self, sql, *values, database="warehouse.db"):
        """Asks the destination, without ever making it."""
        connection = sqlite3.connect(f"file:{self.folder / database}?mode=ro", uri=True, timeout=PATIENCE)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def route_health(self, name=None):
        return next(route for route in self.health()["routes"] if route["name"] == (name or self.route))

    def settled(self, name=None):
        """Everything in the log has been passed by the route."""
        return self.route_health(name)["behind"] == 0

    # -------------------------------------------------------------------- end

    def end(self):
        """After the test: a clean end if it still runs, and no report in what it said."""
        if self.process is not None and self.process.poll() is None:
            self.stop()
        for path in sorted(self.folder.glob("stderr.*")):
            report = re.search(r"(ERROR: \w+Sanitizer|runtime error:|Assertion .* failed).*", path.read_text(errors="replace"))
            assert not report, f"{path.name}: {path.read_text(errors='replace')[-4000:]}"
