# SPDX-License-Identifier: Apache-2.0
# conftest.py - what a conversation is handed: a daemon in a folder of its own, a Postgres of this run.
import pathlib
import shutil
import tempfile

import pytest
from bed import Daemon
from postgres import Server


@pytest.fixture
def folder():
    """Short, because a unix socket's path has room for 107 bytes only."""
    path = tempfile.mkdtemp(prefix="sluice-")
    yield pathlib.Path(path)
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def daemon(folder):
    one = Daemon(folder)
    yield one
    try:
        one.end()
    finally:
        if one.process is not None and one.process.poll() is None:
            one.process.kill()
            one.process.wait()


# ------------------------------------------------------------------- Postgres


@pytest.fixture(scope="session")
def cluster():
    """One a session (one a worker of pytest-xdist); see postgres.py."""
    one = Server()
    yield one
    one.end()


@pytest.fixture
def server(cluster):
    """It runs, whatever the test before did to it."""
    if cluster.process is None or cluster.process.poll() is not None:
        cluster.process = None
        cluster.start()
    return cluster


@pytest.fixture
def database(server):
    """A new one, for this test."""
    one = server.database()
    yield one
    if server.process is not None and server.process.poll() is None:
        server.thaw()
        one.drop()
