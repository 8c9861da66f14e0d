# SPDX-License-Identifier: Apache-2.0
"""measure.py - what the benches in Python share: programs, processors, rounds, and how figures are told.

A bench makes rows with row(), all of the same form:

    bench, case, figure, unit   what was measured: the median of its rounds, and of how many a `spread` (least, most)
    limit, ratio                what it is held against, measured in the same rounds, or a bound; figure / limit
    target, sense, ok           what the ratio has to be, "at least" or "at most"; None: it is told, not judged

and tells them with tell(): a table, or with --json one object a line.
"""
import argparse
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SLUICE = os.path.abspath(os.environ.get("SLUICE", os.path.join(HERE, "../../build/sluice")))
PROGRAMS = os.path.join(os.path.dirname(SLUICE), "tests")
TICKS = os.sysconf("SC_CLK_TCK")

# ------------------------------------------------------------------------ processors


def cores():
    """One for the server, one for the generator; none to choose from: no pinning."""
    mine = sorted(os.sched_getaffinity(0))
    return (mine[0], mine[1]) if len(mine) > 1 else (None, None)


def pinned(core, command):
    return command if core is None else ["taskset", "-c", str(core), *command]


def stat_fields(pid):
    """proc(5)'s words for a process from its state on; None: it is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None


def ticks_of(pid):
    """Of the processors, by a process and those of its children that have ended."""
    fields = stat_fields(pid)
    return sum(int(word) for word in fields[11:15]) if fields else 0


def seconds_of(*pids):
    return sum(ticks_of(pid) for pid in pids) / TICKS


def family(pid):
    """A process and all that come from it: {pid: its command line}."""
    parents = {}
    for entry in os.listdir("/proc"):
        fields = stat_fields(entry) if entry.isdigit() else None
        if fields:
            parents.setdefault(int(fields[1]), []).append(int(entry))
    found, waiting = {}, [pid]
    while waiting:
        one = waiting.pop()
        waiting += parents.get(one, [])
        with contextlib.suppress(OSError):
            found[one] = pathlib.Path(f"/proc/{one}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    return found


def child(pid, title):
    """Its pid, once it has its title: the master listens before the ingress runs."""
    for _ in range(1000):
        for one, line in family(pid).items():
            if line.startswith(title):
                return one
        time.sleep(0.01)
    sys.exit(f"there is no process called {title}")


def pss(pid):
    """Bytes of memory, what is shared counted in parts."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


class Taken:
    """What others do with the processors meanwhile: other processes of this machine, or other guests of the one
    below a virtual one ("steal" in proc(5)).  `ours` gives the pids that do not count."""

    def __init__(self, ours):
        self.ours = ours
        self.before = self.now()

    def now(self):
        """(ticks of all processors, those that were no idle ones, those of ours)."""
        fields = [int(word) for word in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        return sum(fields), sum(fields) - fields[3] - fields[4], sum(ticks_of(pid) for pid in [os.getpid(), *self.ours()])

    def share(self):
        total, busy, ours = (after - before for after, before in zip(self.now(), self.before))
        return (busy - ours) / max(1, total)


# -------------------------------------------------------------------------- programs


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process):
    for _ in range(2000):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.005)
    sys.exit(f"{' '.join(process.args)}: does not listen")


@contextlib.contextmanager
def running(command, core=None, **more):
    process = subprocess.Popen(pinned(core, command), **more)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def daemon(folder, port, core=None, **more):
    """`sluice run` with the folder's sluice.yaml, once it listens."""
    with open(os.path.join(folder, "said"), "w") as said:
        with running([SLUICE, "run", "-c", "sluice.yaml"], core, cwd=folder, stdout=said, stderr=said, **more) as process:
            wait_for_port(port, process)
            yield process
            if process.poll() is not None:
                sys.exit(f"the daemon ended by itself: {pathlib.Path(folder, 'said').read_text()[-2000:]}")


@contextlib.contextmanager
def work_folder(name, below=None):
    """On the disk that the program lies on, unless told otherwise: a folder in memory has no fdatasync."""
    folder = tempfile.mkdtemp(prefix=f"bench-{name}-", dir=below or os.path.dirname(SLUICE))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# ---------------------------------------------------------------------------- rounds


def in_turns(kinds, rounds, around=contextlib.nullcontext):
    """[(name, what measures it)]: every kind once a round, each round beginning with another one, so that a bad
    second hits all of them; `around` is entered for each.  Returns {name: what was measured in each round}."""
    found = {name: [] for name, _ in kinds}
    for turn in range(rounds):
        at = turn % len(kinds)
        with around():
            for name, run in kinds[at:] + kinds[:at]:
                found[name].append(run())
    return found


# --------------------------------------------------------------------------- telling


def rounded(number):
    return number if number is None or isinstance(number, int) else float(f"{number:.4g}")


def row(bench, case, figures, unit, limit=None, target=None, sense="at least", **more):
    """`figures` and `limit` are of each round (or one number).  The ratio is the median of the rounds' own ratios
    when both are of the same rounds, because the machine is another one from round to round."""
    figures = figures if isinstance(figures, list) else [figures]
    limits = limit if isinstance(limit, list) else [limit] * len(figures)
    told = {"bench": bench, "case": case, "figure": rounded(statistics.median(figures)), "unit": unit,
            "spread": [rounded(min(figures)), rounded(max(figures))], "limit": None, "ratio": None, "target": target,
            "sense": sense if target is not None else None, "ok": True}
    if limit is not None:
        ratio = statistics.median(figure / bound for figure, bound in zip(figures, limits))
        told.update(limit=rounded(statistics.median(limits)), ratio=rounded(ratio))
        told["ok"] = target is None or (ratio >= target if sense == "at least" else ratio <= target)
    return {**told, **more}


def number(value):
    if value is None:
        return ""
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.3g}"


def line(told):
    spread = f"{number(told['spread'][0])} .. {number(told['spread'][1])}"
    text = f"{told['case']:42} {number(told['figure']):>9} {told['unit']:8} {spread:>20}"
    if told["limit"] is not None:
        text += f" {number(told['limit']):>9} {number(told['ratio']):>7}"
    if told["target"] is not None:
        text += f"   {told['sense']} {told['target']}: " + ("fine" if told["ok"] else "MISSED")
    return text


def tell(rows, as_json):
    """Each as it comes; returns the exit code: 0 if no target is missed."""
    fine = True
    if not as_json:
        print(f"{'':42} {'median':>9} {'':8} {'least .. most':>20} {'limit':>9} {'ratio':>7}")
    for told in rows:
        print(json.dumps(told) if as_json else line(told), flush=True)
        fine = fine and told["ok"]
    return 0 if fine else 1


def options(doc, rounds):
    """The parser with what all benches have."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--folder", default=None, help="where the disk is; beside the program unless given")
    return parser
