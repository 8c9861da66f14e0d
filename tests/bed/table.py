# SPDX-License-Identifier: Apache-2.0
# table.py - what the faults' tests found, as a table in README.md, between two marks.
#
# A run of all of them begins it anew, one of some (./dev fault NAME --readme) takes their place in it: of each test
# its last run counts.
import datetime
import json
import os
import pathlib
import platform
import re
import subprocess
import tempfile

from bed import ROOT

BEGIN, END = "<!-- found: written by ./dev fault --readme -->\n", "<!-- /found -->\n"
# What the command line does not say: shares of a run that are other than --long or nothing say.
SHARES = ("SLUICE_KILLS", "SLUICE_RATE", "SLUICE_SEEDS", "SLUICE_POSITIONS", "SLUICE_EVENTS", "SLUICE_ROUNDS")
HEAD = "| # | what is done to it | tests | LOST | WRONG | IN | CRASH | seeds |\n|---|---|---|---|---|---|---|---|\n"


def known():
    """{number: what is done}, from docs/faults.md."""
    text = (ROOT / "docs" / "faults.md").read_text()
    return {int(number): what for number, what in re.findall(r"^\| (\d+) \| ([^|]+) \|", text, re.M)}


def share(bad, of):
    return f"{bad} of {of:,}".replace(",", " ") if of else "·"


def row(number, what, found):
    """found: the figures of all tests that do this, how many there were, and how many of them failed."""
    if not found:
        return f"| {number} | {what} | not run | · | · | · | · | · |\n"
    tests = f"{found['tests']}, {found['failed']} failed" if found["failed"] else str(found["tests"])
    return (f"| {number} | {what} | {tests} | {share(found['lost'], found['of'])} | {share(found['wrong'], found['rows'])} |"
            f" {share(found['let_in'], found['requests'])} | {found['crash']} | {found['seeds'] or '·'} |\n")


# --------------------------------------------------------------------- where


def said(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()


def commit():
    changed = [line for line in said("git", "status", "--porcelain", "-uno").splitlines() if not line.endswith("README.md")]
    return said("git", "rev-parse", "--short", "HEAD") + (" with changes" if changed else "")


def processor():
    found = re.search(r"^model name\s*: (.+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    return found[1] if found else platform.machine()


def disk(folder):
    """Its file system, and what that lies on."""
    device = os.stat(folder).st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    mounts = (line.split() for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines())
    kind = next((words[words.index("-") + 1] for words in mounts if words[2] == number), "an unknown file system")
    block = pathlib.Path(f"/sys/dev/block/{number}")
    for place in (block, block.resolve().parent):
        if (place / "queue" / "rotational").exists():
            name = place.resolve().name
            what = "a virtual disk" if name.startswith(("vd", "xvd")) else "NVMe" if name.startswith("nvme") else None
            turns = (place / "queue" / "rotational").read_text().strip() == "1"
            return f"{kind} on {what or ('a disk that turns' if turns else 'an SSD')}"
    return kind


def machine():
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 30
    return (f"{processor()}, {os.cpu_count()} cores, {memory} GB, Linux {platform.release().split('-')[0]},"
            f" {disk(tempfile.gettempdir())}")


# --------------------------------------------------------------------- writing


def this_run():
    shares = "".join(f"{name}={value} " for name, value in sorted(os.environ.items()) if name in SHARES)
    return f"`{shares}{os.environ['SLUICE_COMMAND'].strip()}`"


def remember(path, results, anew):
    """results: {test: [its faults, its figures, its outcome]}; returns the tables' whole memory of them."""
    kept = {} if anew or not path.exists() else json.loads(path.read_text())
    run = {"command": this_run(), "commit": commit()}
    kept.update({test: {"faults": faults, "figures": figures, "outcome": outcome, **run}
                 for test, (faults, figures, outcome) in results.items()})
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(kept, indent=0, sort_keys=True))
    return kept


def write(path, kept, found, last_line):
    """Puts the table between the marks."""
    rows = [row(number, what, found.get(number)) for number, what in sorted(known().items())]
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
    commands, commits = ({one[what]: True for one in kept.values()} for what in ("command", "commit"))
    text = (f"{today}, commit {' and '.join(commits)}; {machine()}.\n{', then '.join(commands)}:\n\n```\n{last_line}\n```\n\n"
            f"{HEAD}{''.join(rows)}")
    old = path.read_text()
    begin, end = old.index(BEGIN) + len(BEGIN), old.index(END)
    path.write_text(old[:begin] + text + old[end:])
