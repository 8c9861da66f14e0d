# SPDX-License-Identifier: Apache-2.0
# test_security.py - what a process may ask of the kernel, whose rights it has, and what a binary is made of.
import os
import pathlib
import pwd
import re
import subprocess

import pytest
from bed import ROOT, SLUICE, is_alive, wait_until
from test_hostile import PLUGINS, SANITIZED, configure, dead, ids, note, post

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

# What a plugin tries, and the call it is ended for.  The sanitizers need some of them themselves.
FORBIDDEN = {"exec": "execve", "listen": "listen", "mount": "mount"}
if not SANITIZED:
    FORBIDDEN |= {"system": "another program", "fork": "clone", "trace": "ptrace", "murder": "kill"}


def status(pid):
    """Of /proc: {name: value}."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


# ---------------------------------------------------------------- the kernel


@pytest.mark.fault(37, 38)
def test_a_plugin_that_asks_the_kernel_for_what_is_not_for_it_is_ended_and_told(daemon):
    configure(daemon, {"honest": "./notes.lua", **{name: PLUGINS / "hostile.so" for name in FORBIDDEN}})
    daemon.start()
    honest = daemon.child("route honest")
    for name in FORBIDDEN:
        for body in (note(1), note(2, does=name), note(3)):
            post(daemon, name, body)
    wait_until(lambda: all(ids(daemon, name) == [1, 3] and list(dead(daemon, name)) == ["2"] for name in FORBIDDEN),
               within=60, what=lambda: daemon.stderr()[-3000:])
    for name, call in FORBIDDEN.items():
        assert re.search(rf"route {name} was ended by the kernel: it asked for {call}, which nothing in such a "
                         rf"process may in transform of {name}, event \d+", daemon.stderr()), name
    post(daemon, "honest", note(1))
    wait_until(lambda: ids(daemon, "honest") == [1])
    assert daemon.child("route honest") == honest and is_alive(daemon.pid)


@pytest.mark.fault(38)
def test_a_plugin_may_not_ask_the_admin_address(daemon):
    configure(daemon, {"honest": "./notes.lua", "admin": PLUGINS / "hostile.so"})
    daemon.start()
    post(daemon, "admin", note(1, does="admin"))
    wait_until(lambda: "the admin address said:" in daemon.stderr())
    assert "the admin address said: HTTP/1.1 403 Forbidden" in daemon.stderr()
    assert not daemon.route_health("honest")["paused"]
    assert daemon.sluice("routes", "pause", "honest").returncode == 0 and daemon.route_health("honest")["paused"]


@pytest.mark.fault(28, 38)
def test_a_plugin_hands_in_no_events(daemon):
    configure(daemon, {"forger": PLUGINS / "hostile.so"})
    daemon.start()
    post(daemon, "forger", note(1, does="forge"))
    wait_until(lambda: "the events that it brought were answered with 0 bytes" in daemon.stderr(), what=daemon.stderr)
    assert "somebody who is no source's process wants to hand in events; nothing is taken" in daemon.stderr()
    post(daemon, "forger", note(2))
    wait_until(lambda: ids(daemon, "forger") == [1, 2])
    assert len(daemon.sluice("events", "ls", "--json").stdout.splitlines()) == 2


def test_each_child_is_confined_and_status_says_so(daemon):
    daemon.start()
    children = [daemon.child("ingress"), daemon.child("route notes")]
    for pid in children:
        assert status(pid)["Seccomp"].strip() == "2" and status(pid)["NoNewPrivs"].strip() == "1"
    health = daemon.health()
    assert health["ingress"]["confined"] and health["routes"][0]["confined"]
    assert f"user     {pwd.getpwuid(os.geteuid()).pw_name}, system calls are filtered\n" in daemon.sluice("status").stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into such a process")
def test_who_listens_has_nothing_in_it_that_asks(daemon):
    daemon.start()
    maps = pathlib.Path(f"/proc/{daemon.child('ingress')}/maps").read_text()
    assert "/sluice" in maps and not re.findall(r"lib(?:curl|ldap|krb5|gnutls)[^\n]*", maps)


# ------------------------------------------------------------------- the user


def reachable(folder):
    """Whether a user without rights gets to the program and the folder at all."""
    folder.chmod(0o755)
    try:
        subprocess.run([SLUICE, "help"], user="nobody", group="nogroup", cwd=folder, capture_output=True, check=True)
        return True
    except (OSError, subprocess.CalledProcessError):
        return False


def as_nobody(daemon):
    if not reachable(daemon.folder):
        pytest.skip("the program lies where nobody can run it")
    warehouse = daemon.folder / "warehouse"
    warehouse.mkdir(exist_ok=True)
    os.chown(warehouse, pwd.getpwnam("nobody").pw_uid, -1)
    daemon.change("path: ./warehouse.db", "path: ./warehouse/notes.db")
    daemon.change("data: ./data", "data: ./data\nuser: nobody")


def owners(folder):
    return {pwd.getpwuid(path.lstat().st_uid).pw_name for path in [folder, *folder.rglob("*")]}


def note_of(number):
    return {"id": str(number), "type": "note", "card": "c", "text": "x"}


@ROOT_ONLY
def test_root_becomes_the_user_that_is_named_and_the_data_is_given_to_it(daemon):
    daemon.start()  # as root: the data is root's
    assert daemon.post(note_of(1)).status == 200
    wait_until(daemon.settled)
    daemon.stop()
    assert "running as root, and so do plugins and scripts" in daemon.stderr()
    assert owners(daemon.data) == {"root"}
    as_nobody(daemon)
    daemon.start()
    for pid in (daemon.pid, *daemon.children().values()):
        fields = status(pid)
        assert set(fields["Uid"].split()) == {str(pwd.getpwnam("nobody").pw_uid)}, fields["Name"]
        assert set(fields["Gid"].split()) == {str(pwd.getpwnam("nobody").pw_gid)}
        assert fields["CapEff"].strip("0") == "" and fields["CapPrm"].strip("0") == ""
        assert "0" not in fields["Groups"].split()
    assert re.search(r"the data folder \S+ now belongs to nobody: \d+ files and folders were root's", daemon.stderr())
    assert "running as root" not in daemon.stderr()
    assert daemon.post(note_of(2)).status == 200
    wait_until(lambda: daemon.rows("select id from notes", database="warehouse/notes.db") == [("2",)] or
               len(daemon.rows("select id from notes", database="warehouse/notes.db")) == 2)
    assert daemon.sluice("reload").returncode == 0
    assert daemon.health()["user"] == "nobody"
    assert owners(daemon.data) == {"nobody"}
    daemon.restart()
    assert "now belongs to" not in daemon.stderr()


@ROOT_ONLY
def test_plugins_are_asked_what_they_are_without_roots_rights(daemon):
    as_nobody(daemon)
    daemon.change("notes: { use: ./notes.lua }", f"notes: {{ use: {PLUGINS / 'whoami.so'} }}")
    daemon.start()
    nobody = pwd.getpwnam("nobody")
    assert daemon.stderr().count("loaded with the rights of") >= 2, "by the one that asks, and by the route"
    assert set(re.findall(r"loaded with the rights of (.*)", daemon.stderr())) == {f"{nobody.pw_uid}, in {nobody.pw_gid}"}


@ROOT_ONLY
def test_what_is_not_the_daemons_own_is_given_to_nobody(daemon):
    """Whoever could write to the data folder may have put a link there: to a file that would be theirs afterwards."""
    daemon.start()
    daemon.stop()
    as_nobody(daemon)
    precious = daemon.folder / "precious"
    precious.write_text("root's own\n")
    link = daemon.data / "link"
    link.symlink_to(precious)
    daemon.start()
    assert precious.stat().st_uid == 0
    daemon.stop()
    os.link(precious, daemon.data / "hard")
    daemon.start(ready=False)
    assert daemon.wait() == 1
    assert "belongs to user 0 and has another name elsewhere" in daemon.stderr()
    assert precious.stat().st_uid == 0


@ROOT_ONLY
def test_a_user_that_cannot_be_become_is_told(daemon):
    daemon.change("data: ./data", "data: ./data\nuser: no-such-user-here")
    daemon.start(ready=False)
    assert daemon.wait() == 2
    assert "there is no user no-such-user-here, whom `user:` names; make one: useradd" in daemon.stderr()


@ROOT_ONLY
def test_a_reload_that_could_not_read_its_files_is_foretold(daemon):
    as_nobody(daemon)
    (daemon.folder / "sluice.yaml").chmod(0o600)
    daemon.start()
    assert "sluice.yaml cannot be read by nobody, so a reload will fail: chgrp nobody" in daemon.stderr()


# ----------------------------------------------------------------- the binary


def dynamic(path):
    return subprocess.run(["readelf", "-W", "-h", "-l", "-d", "-s", path], capture_output=True, text=True, check=True).stdout


def test_the_binary_and_its_plugins_are_hardened():
    """The sanitizers' builds are not what is installed: then it is the release's, if it has been built."""
    program = ROOT / "build" / "sluice" if SANITIZED else pathlib.Path(SLUICE).resolve()
    if not program.exists():
        pytest.skip("nothing is built that would be installed")
    build = program.parent
    for path in [program, *build.glob("share/sluice/plugins/*/*.so")]:
        text = dynamic(path)
        assert re.search(r"Type:\s+DYN", text), f"{path} is at a fixed address"
        assert "GNU_RELRO" in text and re.search(r"BIND_NOW|Flags:.*NOW", text), f"{path} can have its calls redirected"
        assert re.search(r"GNU_STACK\s.*\sRW\s", text), f"{path} has a stack that can be executed"
        assert "TEXTREL" not in text
    text = dynamic(program)
    assert re.search(r"Flags:.*PIE", text) and "__stack_chk_fail" in text
    if "CMAKE_BUILD_TYPE:STRING=Release" in (build / "CMakeCache.txt").read_text():
        assert re.search(r"__\w+_chk@", text.replace("__stack_chk_fail", "")), "nothing is fortified"
