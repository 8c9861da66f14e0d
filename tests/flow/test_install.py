# SPDX-License-Identifier: Apache-2.0
# test_install.py - the installed copy, as a new user meets it: the tree it was made of is out of sight.
import json
import os
import pathlib
import re
import shutil
import subprocess

import bed
import pytest
from bed import ROOT, SLUICE, wait_until

BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", pathlib.Path(SLUICE).resolve().parent))


def run(*words, cwd=None, env=None):
    answer = subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, text=True, timeout=120, env=env)
    assert answer.returncode == 0, f"{words}\n{answer.stdout}{answer.stderr}"
    return answer.stdout


@pytest.fixture(scope="session")
def prefix(tmp_path_factory):
    """Installed below DESTDIR, and then moved to where nobody said that it would be."""
    if not (BUILD / "cmake_install.cmake").exists():
        pytest.skip(f"{BUILD} is no build folder")
    staging = tmp_path_factory.mktemp("staging")
    run("cmake", "--install", BUILD, "--prefix", "/opt/sluice", env={**os.environ, "DESTDIR": str(staging)})
    assert sorted(path.name for path in staging.iterdir()) == ["opt"]
    prefix = tmp_path_factory.mktemp("installed") / "sluice"
    (staging / "opt" / "sluice").rename(prefix)
    return prefix


def hidden(words):
    """A command in whose world neither the tree nor the build folder has anything in it."""
    script = 'mount -t tmpfs none "$1" && mount -t tmpfs none "$2" && shift 2 && exec "$@"'
    return ["unshare", "-rm", "sh", "-c", script, "sh", str(ROOT), str(BUILD), *map(str, words)]


@pytest.fixture(scope="session")
def program(prefix, tmp_path_factory):
    """The installed program; a script that hides the tree from it, where the system lets us."""
    sluice = prefix / "bin" / "sluice"
    if subprocess.run(hidden(["true"]), cwd="/", capture_output=True).returncode != 0:
        return sluice
    script = tmp_path_factory.mktemp("bin") / "sluice"
    quoted = " ".join("'" + word.replace("'", "'\\''") + "'" for word in hidden([sluice]))
    script.write_text(f"#!/bin/sh\nexec {quoted} \"$@\"\n")
    script.chmod(0o755)
    return script


# --------------------------------------------------------------------------- files


def test_everything_is_there_and_leads_nowhere_else(prefix):
    files = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()}
    assert {"bin/sluice", "lib/sluice/plugins/sqlite/sqlite.so", "lib/sluice/plugins/trello/trello.so",
            "share/sluice/scripts/trello/cards.lua", "share/sluice/scripts/trello/rules.lua",
            "share/sluice/schemas/trello.yaml", "share/sluice/schemas/trello.sqlite.sql",
            "share/sluice/schemas/config.schema.json", "share/sluice/lua/sluice.lua",
            "share/man/man1/sluice-run.1", "share/man/man5/sluice.yaml.5", "share/sluice/man/sluice-test.1.md",
            "share/bash-completion/completions/sluice", "lib/systemd/system/sluice.service",
            "share/doc/sluice/nginx.conf", "share/doc/sluice/lua.md", "share/doc/sluice/examples/webhook/sluice.yaml",
            "include/sluice/plugin.h", "include/sluice/sign.h", "include/sluice/time.h", "include/sluice/text.h",
            "include/sluice/far.h", "include/sluice/fold.h", "include/sluice/tables.h", "include/sluice/pile.h",
            "lib/libsluice-sdk.a", "lib/pkgconfig/sluice.pc", "lib/cmake/sluice/sluice-config.cmake"} <= files
    assert not [name for name in files if name.startswith("share/sluice/") and (".test.lua" in name or "golden" in name)]
    assert not [name for name in files if "json.h" in name or name.startswith("share/doc/") and name.endswith(".so")]
    assert not [path for path in prefix.rglob("*") if path.is_symlink()]
    unit = (prefix / "lib/systemd/system/sluice.service").read_text()
    assert "ExecStart=/opt/sluice/bin/sluice run" in unit and "/usr/local" not in unit
    for name in files - {"bin/sluice"}:
        path = prefix / name
        if path.suffix not in (".so", ".a"):  # which name their sources for debuggers
            assert str(BUILD).encode() not in path.read_bytes(), name


def test_the_manual_and_what_is_installed_are_found(program, tmp_path):
    assert "NAME=value" in run(program, "man", "sluice.yaml", cwd=tmp_path)
    assert "A test file" in run(program, "man", "test", cwd=tmp_path)
    rows = [json.loads(row) for row in run(program, "plugins", "ls", "--json", cwd=tmp_path).splitlines()]
    assert {"trello", "trello/cards", "sqlite", "null"} <= {row["use"] for row in rows}
    assert not [row for row in rows if row["error"]]


# ------------------------------------------------------------------------ a new user


@pytest.fixture
def user(daemon, program, monkeypatch):
    """A folder with nothing in it, in which the installed program is called."""
    monkeypatch.setattr(bed, "SLUICE", str(program))
    for path in daemon.folder.iterdir():
        path.unlink()
    return daemon


def fine(user, *words):
    answer = user.sluice(*words, timeout=60)
    assert answer.returncode == 0, f"{words}\n{answer.stdout}{answer.stderr}"
    return answer.stdout


def test_new_check_test_run_send_rows(user):
    fine(user, "new", "transform", "hello", "--lua")
    assert "use: ./acme" in fine(user, "new", "source", "acme", "--c")
    fine(user, "check")
    assert fine(user, "test").splitlines()[-1] == "7 passed, 0 failed"
    schema = re.match(r"# yaml-language-server: \$schema=(\S+)\n", (user.folder / "sluice.yaml").read_text())[1]
    assert pathlib.Path(schema).exists()
    user.text = (user.folder / "sluice.yaml").read_text()
    user.change("127.0.0.1:8080", f"127.0.0.1:{user.port}")
    user.change("routes:\n", "routes:\n  - { name: acme, from: [ acme ], to: orders }\n")
    user.change("transforms:\n", '  acme: { use: ./acme, secret: [ "${DEMO_SECRET}" ] }\ntransforms:\n')
    user.change("sinks:\n", "sinks:\n  orders: { use: sqlite, path: ./orders.db, schema: { use: ./acme/acme.yaml } }\n")
    user.route = "hello"
    user.start()
    fine(user, "send", "demo", "hello/samples/person.json")
    fine(user, "send", "acme", "acme/samples/paid.json")
    wait_until(lambda: user.rows("select said from hello") == [("Hello, Ann",)])
    wait_until(lambda: user.rows("select customer, total from orders", database="orders.db") == [("Ann", 45)])


# ---------------------------------------------------------------- a plugin out of tree

STAMPS = """\
listen: 127.0.0.1:{port}
data: ./data
plugin_path: [ ./built ]
sources:
  demo: {{ use: webhook, auth: bearer, proof: "header:Authorization", secret: [ s ], id: "body:/id" }}
transforms:
  stamps: {{ use: stamp, key: k }}
sinks:
  local: {{ use: sqlite, path: ./warehouse.db, schema: {{ use: ./stamps.yaml }} }}
routes:
  - {{ name: stamps, from: [ demo ], via: [ stamps ], to: local }}
"""

TABLE = """\
help: Stamps.
tables:
  stamps: { mode: append, key: [id], columns: { id: text, at: timestamp, stamp: text } }
"""


def with_cmake(prefix, source, built):
    run("cmake", "-S", source, "-B", built, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", built)


def with_pkg_config(prefix, source, built):
    env = {**os.environ, "PKG_CONFIG_PATH": str(prefix / "lib" / "pkgconfig")}
    flags = run("pkg-config", "--cflags", "--libs", "--static", "sluice", env=env).split()
    built.mkdir()
    run("cc", "-std=gnu11", "-fPIC", "-shared", "-o", built / "stamp.so", source / "stamp.c", *flags)


@pytest.mark.parametrize("build", [with_cmake, with_pkg_config])
def test_a_plugin_builds_out_of_tree_and_loads_from_plugin_path(user, prefix, tmp_path, build):
    source = tmp_path / "outside"
    shutil.copytree(ROOT / "tests" / "outside", source)
    build(prefix, source, user.folder / "built")
    shutil.copy(source / "stamp.test.lua", user.folder)
    user.write("stamps.yaml", TABLE)
    user.source, user.route = "demo", "stamps"
    user.configure(STAMPS)
    fine(user, "check")
    assert fine(user, "test").splitlines()[-1] == "1 passed, 0 failed"
    user.start()
    assert user.post({"id": "e1"}, signed=False, headers={"Authorization": "Bearer s"}).status == 200
    wait_until(lambda: user.rows("select id, length(stamp) from stamps") == [("e1", 64)])
