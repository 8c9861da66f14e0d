# SPDX-License-Identifier: Apache-2.0
# test_cmd_new.py - folders with plugins in them that work: made, checked, built, run.
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from bed import SLUICE, wait_until

KINDS = [(kind, language) for kind in ("source", "transform", "sink") for language in ("lua", "c")]


@pytest.fixture
def sluice(tmp_path):
    """Runs a command in an empty folder."""

    def run(*words, env=None):
        return subprocess.run([SLUICE, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                              env={**os.environ, **(env or {})})

    return run


@pytest.mark.parametrize("kind, language", KINDS)
def test_what_was_made_in_an_empty_folder_is_fine(sluice, tmp_path, kind, language):
    made = sluice("new", kind, "first-one", f"--{language}")
    assert (made.returncode, made.stderr) == (0, "")
    code = (tmp_path / "first-one" / f"first-one.{language}").read_text()
    assert "NAME" not in code and "SPDX" not in code
    if language == "lua":
        library, = json.loads((tmp_path / "first-one" / ".luarc.json").read_text())["workspace.library"]
        assert (pathlib.Path(library) / "sluice.lua").exists()
    assert (tmp_path / "sluice.env").stat().st_mode & 0o777 == 0o600
    checked = sluice("check")
    assert checked.returncode == 0
    assert checked.stderr == "" or kind == "source" and "for that `token` has to be given" in checked.stderr
    tested = sluice("test", "--json", "--coverage")
    sums = json.loads(tested.stdout.splitlines()[-1])
    assert tested.returncode == 0 and sums["passed"] >= 2, tested.stdout
    assert [file["missed"] for file in sums["coverage"]] == ([[]] if language == "lua" else [])


def test_a_name_that_is_none_a_missing_language_and_a_folder_that_is_there(sluice, tmp_path):
    assert sluice("new", "sink", "Out", "--c").returncode == 2
    assert sluice("new", "sink", "../out", "--c").returncode == 2
    assert "--lua or --c?" in sluice("new", "sink", "out").stderr
    assert "--lua or --c?" in sluice("new", "sink", "out", "--lua", "--c").stderr
    (tmp_path / "out").mkdir()
    answer = sluice("new", "sink", "out", "--c")
    assert (answer.returncode, answer.stderr) == (1, "sluice new sink: out is there already; nothing was changed\n")
    assert not any((tmp_path / "out").iterdir())


def test_a_configuration_that_is_there_stays_as_it_is(sluice, tmp_path):
    (tmp_path / "sluice.yaml").write_text("data: ./data\n")
    answer = sluice("new", "transform", "hello", "--lua")
    assert answer.returncode == 0
    assert "hello: { use: ./hello, greeting: Hello }" in answer.stdout
    assert (tmp_path / "sluice.yaml").read_text() == "data: ./data\n"
    assert not (tmp_path / "sluice.env").exists()
    told = json.loads(sluice("new", "transform", "more", "--lua", "--json").stdout)
    assert told["configured"] is False and "more/more.lua" in told["files"] and "use: ./more" in told["lines"]


def test_another_folder_is_named_by_dir(sluice, tmp_path):
    (tmp_path / "far").mkdir()
    assert sluice("new", "transform", "hello", "--c", "--dir", "far").returncode == 0
    assert (tmp_path / "far" / "hello" / "plugin.h").exists()
    assert sluice("check", "-c", "far/sluice.yaml").returncode == 0


# ------------------------------------------------------------------------ building


def test_check_builds_what_is_old_and_run_builds_nothing(sluice, tmp_path):
    sluice("new", "transform", "hello", "--c")
    so = tmp_path / "hello" / "hello.so"
    run = sluice("run")
    assert run.returncode == 2 and "has not been built yet; sluice check builds it" in run.stderr
    assert not so.exists()
    assert sluice("check").returncode == 0
    first = so.stat().st_mtime_ns
    assert sluice("check").returncode == 0 and so.stat().st_mtime_ns == first
    os.utime(tmp_path / "hello" / "hello.c")
    os.utime(so, (1, 1))
    assert sluice("check").returncode == 0 and so.stat().st_mtime_ns > first
    assert so.stat().st_mode & 0o777 == 0o755
    shown = sluice("plugins", "show", "./hello")
    assert shown.returncode == 0 and "greeting" in shown.stdout


def test_run_says_that_a_plugin_is_old(daemon):
    (daemon.folder / "mine").mkdir()
    runs(daemon, "transform", "c")
    daemon.stop()
    os.utime(daemon.folder / "hello" / "hello.so", (1, 1))
    daemon.start()
    assert "hello.so is older than what it is made of; sluice check builds it" in daemon.stderr()


def test_the_compilers_words_are_shown(sluice, tmp_path):
    sluice("new", "transform", "hello", "--c")
    code = tmp_path / "hello" / "hello.c"
    code.write_text(code.read_text().replace("host->emit(", "host->emitt("))
    answer = sluice("check")
    assert answer.returncode == 2
    assert "make -s -C" in answer.stderr and "emitt" in answer.stderr
    assert "hello.so: cannot be built; the compiler's words stand above" in answer.stderr.splitlines()[-1]


def test_cc_will_do_where_there_is_no_make_and_without_both_the_remedy_is_named(sluice, tmp_path):
    sluice("new", "transform", "hello", "--c")
    tools = tmp_path / "bin"
    tools.mkdir()
    answer = sluice("check", env={"PATH": str(tools)})
    assert answer.returncode == 2 and "there is no C compiler to build it with; install cc" in answer.stderr
    (tools / "cc").write_text(f"#!/bin/sh\nPATH={os.environ['PATH']} exec {shutil.which('cc')} \"$@\"\n")
    (tools / "cc").chmod(0o755)
    assert sluice("check", env={"PATH": str(tools)}).returncode == 0
    assert (tmp_path / "hello" / "hello.so").exists()


# ------------------------------------------------------------------------- running


def runs(daemon, kind, language):
    made = daemon.sluice("new", kind, "hello", f"--{language}", "--dir", "mine")
    assert made.returncode == 0, made.stderr
    for path in (daemon.folder / "mine").iterdir():
        target = daemon.folder / path.name
        shutil.rmtree(target) if target.is_dir() else target.unlink(missing_ok=True)
        path.rename(target)
    text = (daemon.folder / "sluice.yaml").read_text()
    daemon.write("sluice.yaml", re.sub(r"127\.0\.0\.1:8080", f"127.0.0.1:{daemon.port}", text))
    daemon.route = "hello"
    checked = daemon.sluice("check")
    assert checked.returncode == 0, checked.stderr
    daemon.start()


@pytest.mark.parametrize("language", ["lua", "c"])
def test_a_transform_runs_as_it_stands(daemon, language):
    (daemon.folder / "mine").mkdir()
    runs(daemon, "transform", language)
    assert daemon.sluice("send", "demo", "hello/samples/person.json").returncode == 0
    wait_until(lambda: daemon.rows("select id, name, said from hello") == [("1", "Ann", "Hello, Ann")])


@pytest.mark.parametrize("language", ["lua", "c"])
def test_a_source_runs_as_it_stands(daemon, language):
    (daemon.folder / "mine").mkdir()
    runs(daemon, "source", language)
    assert daemon.sluice("send", "hello", "hello/samples/paid.json").returncode == 0
    wait_until(lambda: daemon.rows("select id, customer, total from orders") == [(1042, "Ann", 45)])
