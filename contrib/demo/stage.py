# SPDX-License-Identifier: Apache-2.0
# stage.py - what the demos have in common: the page, and a daemon of their own.
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SLUICE = os.environ.get("SLUICE", str(ROOT / "build" / "sluice"))
SECRET = "the-secret-of-the-demo"  # it may stand in an address
PATIENCE = 30  # seconds until something that should happen has not
WIDTH = 98


# ------------------------------------------------------------------------ the page


def bold(text):
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text


def say(text=""):
    print(text, flush=True)


def heading(text):
    say(f"\n{bold(text)}")


def show(line):
    """A line of output; what does not fit goes on below its last column."""
    column = line.rfind("  ") + 2
    for piece in textwrap.wrap(line, WIDTH, subsequent_indent=" " * column) or [""]:
        say(f"  {piece}")


def table(rows, *titles):
    """Columns as wide as they need to be; numbers to the right."""
    rows = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in [titles, *rows]]
    right = [all(row[i].replace(",", "").isdigit() for row in rows[1:]) for i in range(len(titles))]
    widths = [max(len(row[i]) for row in rows) for i in range(len(titles))]
    for row in rows:
        cells = [cell.rjust(width) if at_right else cell.ljust(width) for cell, width, at_right in zip(row, widths, right)]
        say(("  " + "  ".join(cells)).rstrip())


def span(hours):
    """3.5 -> "3 h 30 min", a few seconds -> "1.4 s"."""
    seconds = hours * 3600
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


# ---------------------------------------------------------------------- the daemon


class Admin(http.client.HTTPConnection):
    """The daemon's admin address, a unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Daemon:
    def __init__(self, example):
        """A configuration of examples/, on a free port."""
        self.example = example
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-demo-"))
        self.config = self.folder / "sluice.yaml"
        self.port = free_port()
        self.process = None
        shutil.copytree(ROOT / "examples" / example, self.folder, dirs_exist_ok=True)
        self.config.write_text(self.config.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{self.port}"))
        self.fill_env()

    def fill_env(self):
        """Secrets are the demo's own; what else the example wants to know is left out."""
        env = self.folder / "sluice.env"
        names = [line.partition("=")[0] for line in (self.folder / "sluice.env.example").read_text().splitlines()
                 if "=" in line and not line.startswith("#")]
        env.touch(0o600)
        env.write_text("".join(f"{name}={SECRET if 'SECRET' in name else ''}\n" for name in names))

    def start(self):
        with open(self.folder / "stderr", "wb") as stderr:
            self.process = subprocess.Popen([SLUICE, "run", "-c", self.config], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=stderr)
        self.wait_until(lambda: self.ask("GET", "/health")["state"] != "red", "the daemon is ready")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait_until(self, condition, what):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                if condition():
                    return
            except (OSError, http.client.HTTPException):
                pass  # it does not answer yet
            time.sleep(0.02)
        sys.stderr.write((self.folder / "stderr").read_text())
        sys.exit(f"demo: waited in vain until {what}")

    def ask(self, method, path, body=None):
        connection = Admin(self.folder / "data" / "admin.sock")
        try:
            connection.request(method, path, body=body and json.dumps(body))
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def route(self):
        """The first one's counts, and how many were dropped for which reason."""
        health = self.ask("GET", "/health")["routes"][0]
        return {**health, **self.ask("POST", f"/ask/{health['name']}", {"what": "stand"})}

    def settled(self):
        return all(route["behind"] == 0 and route["waiting"] == 0 for route in self.ask("GET", "/health")["routes"])

    def tables(self, kind="table"):
        """Names, without the engine's own."""
        return [name for name, in self.rows(f"SELECT name FROM sqlite_master WHERE type = '{kind}' AND name NOT LIKE '\\_%' "
                                            "ESCAPE '\\' AND name NOT LIKE 'sqlite%' AND name <> 'sluice_dead' ORDER BY name")]

    def rows(self, sql):
        connection = sqlite3.connect(f"file:{self.folder / 'warehouse.db'}?mode=ro", uri=True, timeout=PATIENCE)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def sluice(self, words, files=(), stdin=None):
        """Runs a command and shows it with its output.  `words` is what is typed."""
        piped = f"echo '{stdin}' | " if stdin else ""
        say(f"  {bold('$ ' + piped + 'sluice ' + words)}")
        typed = [word for word in words.split() if not word.startswith("plugins/")]
        command = [SLUICE, *typed, "-c", self.config, *files]
        try:
            answer = subprocess.run(command, cwd=ROOT, text=True, input=stdin and stdin + "\n", timeout=2 * PATIENCE,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        except subprocess.TimeoutExpired:
            show("... it takes its time, and goes on without us")
            return None
        for line in answer.stdout.splitlines():
            show(re.sub(r"plugins/\w+/samples/", "", line))
        return answer.returncode


def show_tables(daemon):
    heading("Tables in warehouse.db")
    table([(name, daemon.rows(f'SELECT count(*) FROM "{name}"')[0][0]) for name in daemon.tables()], "table", "rows")
