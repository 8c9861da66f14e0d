# SPDX-License-Identifier: Apache-2.0
# test_hostile.py - scripts and plugins that do what they should not: the event is dead, and nothing else.
import itertools
import pathlib
import time

import pytest
from bed import SLUICE, is_alive, stolen, wait_until
from hostile import ENDED, HANGING, script
from oracle import LONG

PLUGINS = pathlib.Path(SLUICE).resolve().parent / "tests" / "plugins"
SANITIZED = b"__asan_init" in pathlib.Path(SLUICE).read_bytes()

# What a plugin does to its process, which is not there afterwards.
DEADLY = ["abort", "crash", "spin", "block", "exit", "lie", "close"] + ["eat"] * (not SANITIZED)

ROUTE = """\
listen: 127.0.0.1:{{port}}
data: ./data
deadline: {deadline}
sources:
{sources}
transforms:
{transforms}
sinks:
{sinks}
routes:
{routes}
"""


def configure(daemon, uses, deadline="2s"):
    """A source, a transform, a sink and a route for each name."""
    form = ROUTE.format(
        deadline=deadline,
        sources="\n".join(f"  {name}: {{{{ use: webhook, auth: none, insecure: true, id: body:/id, subject: body:/card }}}}"
                          for name in uses),
        transforms="\n".join(f"  {name}: {{{{ use: {use} }}}}" for name, use in uses.items()),
        sinks="\n".join(f"  {name}: {{{{ use: sqlite, path: ./{name}.db, schema: {{{{ use: ./notes.yaml }}}} }}}}"
                        for name in uses),
        routes="\n".join(f"  - {{{{ name: {name}, from: [{name}], via: [{name}], to: {name} }}}}" for name in uses))
    daemon.configure(form)


def note(number, **more):
    return {"id": str(number), "card": f"c{number}", "text": f"note {number}", **more}


def post(daemon, name, body):
    assert daemon.post(body, signed=False, path=f"/in/{name}").status == 200


def ids(daemon, name):
    return [int(row[0]) for row in daemon.rows("select id from notes order by cast(id as int)", database=f"{name}.db")]


def dead(daemon, name):
    """{id: reason}"""
    return dict(daemon.rows("select event_id, reason from _sluice_open where state = 'dead'", database=f"{name}.db"))


def restarts(daemon, name):
    return daemon.metrics()[f'sluice_restarts_total{{process="route",route="{name}"}}']


class Neighbour:
    """A well-behaved route beside the others: it goes on all the while, in one process."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.child = daemon.child("route honest")
        self.sent = itertools.count(1)

    def goes_on(self):
        number = next(self.sent)
        post(self.daemon, "honest", note(number))
        wait_until(lambda: number in ids(self.daemon, "honest"), within=10)
        return True

    def was_not_disturbed(self):
        assert is_alive(self.daemon.pid) and self.daemon.child("route honest") == self.child
        assert restarts(self.daemon, "honest") == 0
        assert not dead(self.daemon, "honest")


# ----------------------------------------------------------------------- tests


@pytest.mark.fault(37)
def test_scripts_that_are_ended_within_their_process(daemon):
    daemon.write("bad.lua", script({name: body for name, (body, _) in ENDED.items()}))
    configure(daemon, {"honest": "./notes.lua", "bad": "./bad.lua"}, deadline="30s")
    daemon.start()
    neighbour, child = Neighbour(daemon), daemon.child("route bad")
    for number, name in enumerate(ENDED):
        post(daemon, "bad", note(2 * number, does=name))
        post(daemon, "bad", note(2 * number + 1))
    beside = [2 * number + 1 for number in range(len(ENDED))]
    wait_until(lambda: neighbour.goes_on() and ids(daemon, "bad") == beside and len(dead(daemon, "bad")) == len(ENDED),
               within=180, what=lambda: (ids(daemon, "bad"), dead(daemon, "bad"), daemon.stderr()[-3000:]))
    reasons = dead(daemon, "bad")
    for number, (name, (_, reason)) in enumerate(ENDED.items()):
        assert reason in reasons[str(2 * number)], (name, reasons[str(2 * number)])
        assert len(reasons[str(2 * number)]) < 1000
    assert daemon.child("route bad") == child
    neighbour.was_not_disturbed()


@pytest.mark.fault(37, 38, 39)
def test_scripts_and_plugins_that_end_their_process_are_tried_alone_and_put_aside(daemon):
    """One event of three does it, a route for each deed, all at once: it is dead, those beside it are delivered."""
    plugin = PLUGINS / "hostile.so"
    uses = {**{name: "./bad.lua" for name in HANGING}, **{name: plugin for name in DEADLY}}
    daemon.write("bad.lua", script(HANGING))
    configure(daemon, {"honest": "./notes.lua", **uses})
    daemon.start()
    neighbour = Neighbour(daemon)
    for name in uses:
        for body in (note(1), note(2, does=name), note(3)):
            post(daemon, name, body)

    def over(name):
        return ids(daemon, name) == [1, 3] and list(dead(daemon, name)) == ["2"]

    wait_until(lambda: neighbour.goes_on() and all(over(name) for name in uses), within=180,
               what=lambda: ([name for name in uses if not over(name)], daemon.stderr()[-3000:]))
    for name in uses:
        assert "process died" in dead(daemon, name)["2"], dead(daemon, name)
        post(daemon, name, note(4))
    wait_until(lambda: all(ids(daemon, name) == [1, 3, 4] for name in uses))
    neighbour.was_not_disturbed()


@pytest.mark.fault(38)
def test_plugins_that_leak_and_print_are_only_untidy(daemon):
    configure(daemon, {"honest": "./notes.lua", "bad": PLUGINS / "hostile.so"})
    daemon.start()
    child = daemon.child("route bad")
    for number, deed in enumerate(["print", "print", "print" if SANITIZED else "leak"]):
        post(daemon, "bad", note(number, does=deed))
    wait_until(lambda: ids(daemon, "bad") == [0, 1, 2])
    assert daemon.child("route bad") == child


@pytest.mark.parametrize("plugin, sentence", [
    ("abi_new", "update the engine"),
    ("abi_old", "compile it again"),
    ("no_symbol", "has no symbol sl_plugin"),
    ("wrong_size", "declare it with SL_PLUGIN"),
    ("load_abort", "crashed when it was loaded"),
    ("load_exit", "ended the process that loaded it"),
])
@pytest.mark.fault(38)
def test_a_plugin_that_cannot_be_loaded_changes_nothing(daemon, plugin, sentence):
    configure(daemon, {"honest": "./notes.lua"})
    daemon.start()
    neighbour = Neighbour(daemon)
    configure(daemon, {"honest": "./notes.lua", "bad": PLUGINS / f"{plugin}.so"})
    answer = daemon.sluice("reload")
    assert answer.returncode != 0 and sentence in answer.stderr, answer.stderr
    assert f"{plugin}.so" in answer.stderr
    assert neighbour.goes_on()
    neighbour.was_not_disturbed()


@pytest.mark.fault(37)
def test_what_hangs_is_ended_at_its_deadline(daemon, tally):
    daemon.write("bad.lua", script(HANGING))
    configure(daemon, {"honest": "./notes.lua", "bad": "./bad.lua"}, deadline="1s")
    daemon.start()
    neighbour, took = Neighbour(daemon), []
    names = list(HANGING) if LONG else ["pattern"]
    for number, name in enumerate(names):
        child = daemon.child("route bad")
        began = time.monotonic() - stolen()
        post(daemon, "bad", note(number, does=name))
        wait_until(lambda: not is_alive(child))
        took.append(time.monotonic() - stolen() - began)
        assert neighbour.goes_on()
        wait_until(lambda: not LONG or str(number) in dead(daemon, "bad"))
    print(f"ended after {min(took):.2f} to {max(took):.2f} s; the deadline is 1 s")
    tally(seeds=1, of=len(names), rows=len(names))
    assert not LONG or max(took) < 1.1
    neighbour.was_not_disturbed()
