# SPDX-License-Identifier: Apache-2.0
# test_operating.py - docs/operating.md does what it says: its commands are run, in their order, by somebody who has a machine of paper.
#
# /etc, /var/lib, /mnt and /usr/local are folders of the test; sudo, useradd, systemctl and chown are
# scripts that do what matters of it. Everything else is real.
import json
import os
import pathlib
import re
import stat

import pytest
from bed import ROOT, SLUICE, UnixConnection, exchange, wait_until
from test_guide import BLOCK, Reader, Wrong

PAPER = ROOT / "docs" / "operating.md"
HEALTH = ROOT / "engine" / "main" / "health.c"
FOLDERS = ("/etc/sluice", "/var/lib/sluice", "/mnt/backup")

SYSTEMCTL = """\
#!/bin/bash
config={root}/etc/sluice/sluice.yaml
begin() {{
	setsid {sluice} run -c $config </dev/null >>{root}/journal 2>&1 &
	echo $! >{root}/pid
	for try in $(seq 200); do
		{sluice} status -c $config >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	cat {root}/journal; return 1
}}
end() {{
	pid=$(cat {root}/pid 2>/dev/null) || return 0
	kill $pid; while kill -0 $pid 2>/dev/null; do sleep 0.05; done; rm {root}/pid
}}
case "$1" in
daemon-reload) ;;
enable|start) begin ;;
stop) end ;;
restart) end; begin ;;
reload) exec {sluice} reload -c $config ;;
*) echo "systemctl: $*?"; exit 1 ;;
esac
"""
SUDO = """\
#!/bin/bash
exec "$@"
"""
INSTALL = """\
#!/bin/bash
[ "$1 $2 $4 $6" = "-d -o -g -m" ] && [ "$#" = 8 ] || exit 1
mkdir -p "$8" && chmod "$7" "$8"
"""
NOTHING = """\
#!/bin/bash
exit 0
"""


class Operator(Reader):
    def __init__(self, folder):
        super().__init__(folder, folder / "installed")
        self.root = folder
        for name in ("etc", "var/lib", "mnt/backup"):
            (folder / name).mkdir(parents=True)
        self.tool("sluice", f'#!/bin/sh\nexec {SLUICE} "$@"\n')
        self.tool("systemctl", SYSTEMCTL.format(root=folder, sluice=SLUICE))
        self.tool("sudo", SUDO)
        self.tool("install", INSTALL)
        for name in ("useradd", "chown"):
            self.tool(name, NOTHING)

    def own_port(self):
        pass  # it stands in the file from the beginning

    def here(self, text):
        for folder in FOLDERS:
            text = text.replace(folder, f"{self.root}{folder}")
        return text.replace("127.0.0.1:8080", f"127.0.0.1:{self.port}")

    def file(self, text):
        name, body = text.split("\n", 1)
        assert name.startswith("# /etc/sluice/"), name
        (self.root / name[3:]).write_text(self.here(body))

    def follow(self, language, text):
        return super().follow(language, text if language == "yaml" else self.here(text))

    @property
    def socket(self):
        return self.root / "var/lib/sluice/admin.sock"

    def get(self, path):
        return exchange(UnixConnection(self.socket, 10), "GET", path).body.decode()


@pytest.fixture
def operator(folder):
    somebody = Operator(folder)
    yield somebody
    somebody.type("systemctl stop sluice")
    somebody.close()


def test_the_paper_does_what_it_says(operator):
    paper = PAPER.read_text()
    for block in BLOCK.finditer(paper):
        try:
            operator.follow(block[1], block[2])
        except Wrong as error:
            pytest.fail(f"docs/operating.md:{paper.count(chr(10), 0, block.start()) + 2}: {error}")
    health = json.loads(operator.get("/health"))
    assert health["state"] == "green", health["why"]
    etc, data = operator.root / "etc/sluice", operator.root / "var/lib/sluice"
    assert "TRELLO_SECRET_NEW" in (etc / "sluice.yaml").read_text()
    assert (etc / "sluice.env").read_text() == "TRELLO_SECRET_NEW=what-the-vendor-shows-now\n"
    assert stat.S_IMODE(os.stat(etc / "sluice.env").st_mode) == 0o600
    assert list(data.glob("replaced-*")), "what was there before is put aside"
    assert (operator.root / "mnt/backup/before-upgrade/backup.json").exists()
    for name in set(re.findall(r"sluice_\w+", paper)):
        assert re.search(rf"^{name}\b", operator.get("/metrics"), re.M) or \
            re.search(rf"^# HELP {name} ", operator.get("/metrics"), re.M), f"there is no metric {name}"


def test_each_sentence_of_health_is_in_the_paper():
    paper = re.sub(r"\s+", " ", PAPER.read_text())
    sentences = re.findall(r'judge\(verdict, [^"]*?((?:"(?:[^"\\]|\\.)*"|PRI\w+|\s)+)', HEALTH.read_text())
    assert len(sentences) >= 14, sentences
    for sentence in sentences:
        words = re.sub(r'%?"|\bPRI\w+', "%", sentence)
        words = [part.strip(" ,:") for part in re.split(r"%(?:\.\w+)?[sdu]?", words)]
        for part in words:
            assert len(part) < 6 or part in paper, f"health can say {sentence}; docs/operating.md does not"


@pytest.mark.parametrize("file", ["poller_gap.c", "../main/master_gap.c"])
def test_each_reason_for_a_gap_is_in_the_paper(file):
    paper = re.sub(r"\s+", " ", PAPER.read_text())
    text = (ROOT / "engine" / "flow" / file).read_text()
    forms = re.findall(r'(?:why_say|note_all)\([^"]*"((?:[^"\\]|\\.)*)"', text)
    for form in forms:
        for part in re.split(r"%\w*|\\.|[`;,(]", form):
            part = part.strip()
            assert len(part) < 14 or part in paper or part == "webhook", f"{form!r}: {part!r} is not in docs/operating.md"


def test_commands_of_the_paper_exist():
    paper = PAPER.read_text()
    pages = {path.name.removeprefix("sluice-").removesuffix(".1.md") for path in (ROOT / "docs/man").glob("sluice-*.1.md")}
    for word in set(re.findall(r"`sluice (\w+)", paper)):
        assert word in pages, f"sluice {word}"
    for name in re.findall(r"`contrib/([\w.]+)`", paper):
        assert (ROOT / "contrib" / name).exists(), name
    assert pathlib.Path(SLUICE).exists()
