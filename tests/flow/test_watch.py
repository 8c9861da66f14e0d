# SPDX-License-Identifier: Apache-2.0
# test_watch.py - run --watch: what is saved is taken, what does not load changes nothing.
import os
import shutil
import time

import pytest
from bed import is_alive, wait_until


def note(number, **more):
    return {"id": str(number), "type": "note", "card": "c", "text": "hello", **more}


def texts(daemon):
    return [text for text, in daemon.rows("select text from notes order by id")]


def watched(daemon):
    daemon.start(words=["--watch"])
    return daemon


def reloads(daemon):
    return daemon.stderr().count("the configuration was reloaded")


def refused(daemon):
    """Why the last reload was, or "" if it was not."""
    return (daemon.health()["reload"] or {"error": ""})["error"]


def mapping(daemon, text):
    """The mapping of the small configuration with another text in its rows."""
    source = (daemon.folder / "notes.lua").read_text()
    daemon.write("notes.lua", source.replace("text = note.text", text))


def test_a_saved_script_is_taken(daemon):
    watched(daemon)
    old = daemon.child("route notes")
    mapping(daemon, 'text = "changed"')
    wait_until(lambda: not is_alive(old) and daemon.child("route notes") != old)
    daemon.post(note(1))
    wait_until(lambda: texts(daemon) == ["changed"])


def test_a_saved_configuration_is_taken(daemon):
    watched(daemon)
    daemon.change("{ name: notes, from", "{ name: fresh, from")
    wait_until(lambda: set(daemon.children()) == {"sluice: ingress", "sluice: route fresh"})


def test_a_module_that_a_script_requires_counts(daemon):
    (daemon.folder / "lib").mkdir()
    daemon.write("lib/words.lua", 'return "first"')
    daemon.write("notes.lua", 'local words = require "lib.words"\n' + (daemon.folder / "notes.lua").read_text())
    mapping(daemon, "text = words")
    watched(daemon)
    old = daemon.child("route notes")
    daemon.write("lib/words.lua", 'return "second"')
    wait_until(lambda: not is_alive(old) and daemon.child("route notes") != old)
    daemon.post(note(1))
    wait_until(lambda: texts(daemon) == ["second"])


def test_a_schema_counts_and_an_env_file(daemon):
    daemon.write("sluice.env", "SECRET=first\n")
    (daemon.folder / "sluice.env").chmod(0o600)
    daemon.change("data: ./data", "data: ./data\nenv: sluice.env")
    daemon.change(f"secret: [{daemon.secret}]", "secret: [${SECRET}]")
    watched(daemon)
    old = daemon.child("route notes")
    schema = (daemon.folder / "notes.yaml").read_text()
    daemon.write("notes.yaml", schema.replace("text: text", "text: text, more: text"))
    wait_until(lambda: not is_alive(old) and daemon.child("route notes") != old)
    assert daemon.post(note(1), secret="first").status == 200
    daemon.write("sluice.env", "SECRET=second\n")
    wait_until(lambda: daemon.post(note(2), secret="second").status == 200)


C_MAPPING = """\
#include "plugin.h"
#include "text.h"
static enum sl_outcome transform(struct sl_call *call)
{
	struct sl_event event = { .type = "notes", .data = call->host->format(call,
		"{\\"id\\":%s,\\"card\\":\\"c\\",\\"text\\":\\"WORD\\"}", call->host->quote(call, sl_text_of(call->event->id)).at) };
	call->host->emit(call, &event);
	return SL_DONE;
}
SL_PLUGIN(.name = "notes", .version = "1", .summary = "Notes.", .transform = transform);
"""


@pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")
def test_a_saved_c_file_is_built_and_taken(daemon):
    (daemon.folder / "noted").mkdir()
    daemon.write("noted/noted.c", C_MAPPING.replace("WORD", "first"))
    daemon.change("use: ./notes.lua", "use: ./noted")
    watched(daemon)
    daemon.post(note(1))
    wait_until(lambda: texts(daemon) == ["first"])
    daemon.write("noted/noted.c", "this is no C\n")
    wait_until(lambda: "cannot be built" in refused(daemon))
    daemon.write("noted/noted.c", C_MAPPING.replace("WORD", "second"))
    wait_until(lambda: not refused(daemon))
    wait_until(lambda: daemon.post(note(time.monotonic_ns())).status == 200 and "second" in texts(daemon))
    assert (daemon.folder / "noted" / "noted.so").stat().st_mode & 0o777 == 0o755


def test_a_script_that_does_not_load_leaves_the_old_one_running(daemon):
    watched(daemon)
    route = daemon.child("route notes")
    whole = (daemon.folder / "notes.lua").read_text()
    daemon.write("notes.lua", "return {")
    health = wait_until(lambda: daemon.health()["reload"] and daemon.health())
    assert (health["state"], daemon.get("/health").status) == ("yellow", 200)
    assert "notes.lua" in health["reload"]["error"] and health["reload"]["at"].endswith("Z")
    assert "was not reloaded" in health["why"][0]
    assert any(line["level"] == "error" and "notes.lua" in line["text"] for line in daemon.lines())
    assert "was not reloaded" in daemon.sluice("status").stdout
    daemon.post(note(1))
    wait_until(lambda: texts(daemon) == ["hello"])
    assert daemon.child("route notes") == route
    daemon.write("notes.lua", whole)
    wait_until(lambda: not refused(daemon) and daemon.health()["state"] == "green")


def test_what_is_mended_before_it_was_ever_used_is_taken(daemon):
    watched(daemon)
    daemon.write("second.lua", "return {")
    daemon.change("use: ./notes.lua }", "use: ./second.lua }")
    wait_until(lambda: "second.lua" in refused(daemon))
    old = daemon.child("route notes")
    daemon.write("second.lua", (daemon.folder / "notes.lua").read_text())
    wait_until(lambda: not is_alive(old) and not refused(daemon))


def test_a_folder_that_comes_later_is_watched(daemon):
    watched(daemon)
    (daemon.folder / "late").mkdir()
    before = (daemon.folder / "notes.lua").read_text()
    daemon.write("late/late.lua", before)
    daemon.change("use: ./notes.lua", "use: ./late/late.lua")
    daemon.post(note(1))
    wait_until(lambda: texts(daemon) == ["hello"])
    old = daemon.child("route notes")
    daemon.write("late/late.lua", before.replace("text = note.text", 'text = "late"'))
    wait_until(lambda: not is_alive(old))
    daemon.post(note(2))
    wait_until(lambda: texts(daemon) == ["hello", "late"])


def test_what_the_daemon_writes_itself_and_a_mere_touch_cause_nothing(daemon):
    watched(daemon)
    for number in range(20):
        daemon.post(note(number))
        daemon.write(f"scratch.{number}", "not one of ours")
    wait_until(lambda: len(texts(daemon)) == 20)
    before = daemon.child("route notes")
    mapping(daemon, 'text = "changed"')
    wait_until(lambda: daemon.child("route notes") != before)
    wait_until(lambda: reloads(daemon) == 1)


def test_saving_many_times_in_a_row_is_one_reload_or_few(daemon):
    watched(daemon)
    whole = (daemon.folder / "notes.lua").read_text()
    for number in range(50):
        daemon.write("notes.lua", whole + f"-- {number}\n")
    old = daemon.child("route notes")
    wait_until(lambda: reloads(daemon) and daemon.health()["state"] == "green")
    assert reloads(daemon) <= 5
    assert old


def test_without_watch_nothing_is_taken_by_itself(daemon):
    daemon.start()
    before = daemon.children()
    mapping(daemon, 'text = "changed"')
    daemon.post(note(1))
    wait_until(lambda: texts(daemon) == ["hello"])
    assert daemon.children() == before and reloads(daemon) == 0


def test_a_bad_reload_by_hand_turns_health_yellow_until_a_good_one(daemon):
    daemon.start()
    whole = (daemon.folder / "notes.lua").read_text()
    daemon.write("notes.lua", "return {")
    assert daemon.sluice("reload").returncode == 1
    assert daemon.health()["state"] == "yellow" and "notes.lua" in refused(daemon)
    daemon.write("notes.lua", whole)
    assert daemon.sluice("reload").returncode == 0
    assert not refused(daemon)
    wait_until(lambda: daemon.health()["state"] == "green")


def test_a_route_that_found_a_broken_script_goes_on_once_it_is_mended(daemon):
    """Broken between the check of a reload and the start of the route: here, before a death."""
    daemon.start()
    whole = (daemon.folder / "notes.lua").read_text()
    daemon.write("notes.lua", "return {")
    os.kill(daemon.child("route notes"), 9)
    wait_until(lambda: daemon.route_health()["state"] == "failed" and "notes.lua" in daemon.route_health()["error"])
    daemon.post(note(1))
    daemon.write("notes.lua", whole)
    wait_until(lambda: texts(daemon) == ["hello"])


def test_a_module_counts_for_a_reload_by_hand_too(daemon):
    daemon.write("words.lua", 'return "first"')
    daemon.write("notes.lua", 'local words = require "words"\n' + (daemon.folder / "notes.lua").read_text())
    mapping(daemon, "text = words")
    daemon.start()
    daemon.write("words.lua", 'return "second"')
    assert "changed notes" in daemon.sluice("reload").stdout
    daemon.post(note(1))
    wait_until(lambda: texts(daemon) == ["second"])
