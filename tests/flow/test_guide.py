# SPDX-License-Identifier: Apache-2.0
# test_guide.py - docs/plugins.md does what it says: each of its blocks is run, in their order, in an empty folder.
#
#   ```sh            is run by one shell, as a reader would type it; nothing in it may fail
#   ```text          is what the block before it printed; "..." stands for anything
#   ```lua, c, yaml  with "-- lines/lines.lua" in its first line is written to that file;
#                    with "-- in acme/acme.lua" it has to stand in that file, word for word
import os
import pathlib
import re
import subprocess
import sys

import pytest
from bed import PATIENCE, ROOT, SLUICE, free_port, wait_until

GUIDE = ROOT / "docs" / "plugins.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.M | re.S)
FIRST_LINE = re.compile(r"^(?:--|#|/\*) (in )?([\w./-]+)(?: \*/)?\n")

# What the reader has in another terminal stays out of the way, and who asks for rows gets them once they are there.
SLUICE_SHIM = """\
#!/bin/sh
[ "$1" = run ] || exec {sluice} "$@"
exec {sluice} "$@" >run.log 2>&1
"""
SQLITE_SHIM = """\
#!{python}
import sqlite3, sys, time
end = time.monotonic() + {patience}
while True:
    try:
        rows = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True).execute(sys.argv[2]).fetchall()
    except sqlite3.Error as error:
        rows = None
        words = error
    if rows:
        break
    if time.monotonic() > end:
        sys.exit(f"no rows: {{words if rows is None else ''}}")
    time.sleep(0.05)
print("\\n".join("|".join(str(cell) for cell in row) for row in rows))
"""


class Wrong(Exception):
    """The guide says something else."""


class Reader:
    """Somebody who follows the guide."""

    def __init__(self, folder, installed):
        self.tools = folder / "tools"
        self.tools.mkdir()
        self.port = free_port()
        self.tool("sluice", SLUICE_SHIM.format(sluice=SLUICE))
        self.tool("sqlite3", SQLITE_SHIM.format(python=sys.executable, patience=PATIENCE))
        environment = {**os.environ, "PATH": f"{self.tools}:{os.environ['PATH']}", "CMAKE_PREFIX_PATH": str(installed),
                       "PKG_CONFIG_PATH": str(installed / "lib" / "pkgconfig")}
        self.shell = subprocess.Popen(["bash", "--norc"], cwd=folder, env=environment, text=True, bufsize=1,
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.said = ""

    def tool(self, name, text):
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def type(self, text):
        """Lines into the shell; what they print, and the first that failed."""
        script = "failed=\ntrap 'failed=${failed:-$BASH_COMMAND}' ERR\n" + text + "\ntrap - ERR\n"
        self.shell.stdin.write(script + 'printf "\\n<end of %s in %s>\\n" "$failed" "$PWD"\n')
        self.shell.stdin.flush()
        lines = []
        for line in self.shell.stdout:
            found = re.match(r"<end of (.*) in (.*)>$", line)
            if found:
                self.folder = pathlib.Path(found[2])
                return "".join(lines)[:-1], found[1]
            lines.append(line)
        pytest.fail("the shell ended: " + "".join(lines))

    def close(self):
        self.shell.stdin.write("kill $(jobs -p); wait\nexit\n")
        self.shell.stdin.flush()
        self.shell.wait(PATIENCE)

    # ------------------------------------------------------------- the blocks

    def own_port(self):
        for path in self.folder.glob("*.yaml"):
            path.write_text(path.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{self.port}"))

    def sh(self, text):
        runs = re.search(r"(?m)^sluice run .*&$", text)
        if runs:
            (self.folder / "run.log").unlink(missing_ok=True)  # what an earlier one said
        self.said, failed = self.type(text)
        if failed:
            raise Wrong(f"`{failed}` failed:\n{self.said}")
        self.own_port()
        if runs:
            log = self.folder / "run.log"
            wait_until(log.exists)
            wait_until(lambda: '"ready: ' in log.read_text(), what=lambda: f"it runs\n{log.read_text()}")

    def text(self, text):
        lines = [re.escape(line).replace(re.escape("..."), ".*") for line in text.splitlines()]
        pattern = "".join(line if line == ".*" else line + r"[ \t]*\n" for line in lines)
        if not re.fullmatch(pattern, self.said, re.S):
            raise Wrong(f"it printed\n{self.said}")

    def file(self, text):
        found = FIRST_LINE.match(text)
        if not found:
            raise Wrong("the first line names no file")
        path = self.folder / found[2]
        if not found[1]:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            self.own_port()
        elif text[found.end():] not in path.read_text():
            raise Wrong(f"this does not stand in {found[2]}")

    def follow(self, language, text):
        return {"sh": self.sh, "text": self.text}.get(language, self.file)(text)


@pytest.fixture
def installed(tmp_path):
    build = pathlib.Path(os.environ.get("SLUICE_BUILD", pathlib.Path(SLUICE).resolve().parent))
    if not (build / "cmake_install.cmake").exists():
        pytest.skip(f"{build} is no build folder")
    prefix = tmp_path / "installed"
    answer = subprocess.run(["cmake", "--install", build, "--prefix", prefix], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return prefix


@pytest.fixture
def reader(tmp_path, installed):
    somebody = Reader(tmp_path, installed)
    yield somebody
    somebody.close()


def test_the_guide_does_what_it_says(reader):
    guide = GUIDE.read_text()
    for block in BLOCK.finditer(guide):
        try:
            reader.follow(block[1], block[2])
        except Wrong as error:
            pytest.fail(f"docs/plugins.md:{guide.count(chr(10), 0, block.start()) + 2}: {error}")


def test_each_verb_of_the_guide_is_there():
    header = (ROOT / "engine" / "sdk" / "plugin.h").read_text()
    scripts = (ROOT / "docs" / "lua" / "sluice.lua").read_text()
    guide = GUIDE.read_text()
    host = re.search(r"struct sl_host \{(.*?)\n\};", header, re.S)[1]
    for name in set(re.findall(r"host->(\w+)", guide)):
        assert re.search(rf"\(\*{name}\)\(", host), f"struct sl_host has no {name}"
    own = {"http", "source", "json", "time", "number", "text", "html", "find", "base64", "hex", "hash", "uuid", "url"}
    for library, name in set(re.findall(r"`[^`]*?\b(\w+)\.(\w+)\(", guide)):
        assert library not in own or f"function {library}.{name}(" in scripts, f"there is no {library}.{name}"


def test_all_verbs_of_c_are_in_the_guide():
    header = (ROOT / "engine" / "sdk" / "plugin.h").read_text()
    host = re.search(r"struct sl_host \{(.*?)\n\};", header, re.S)[1]
    guide = GUIDE.read_text()
    missing = [name for name in re.findall(r"\(\*(\w+)\)\(struct sl_call", host) if f"host->{name}" not in guide]
    assert missing == ["emit_row"]  # which only a sink with transactions needs
