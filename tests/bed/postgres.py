# SPDX-License-Identifier: Apache-2.0
# postgres.py - a Postgres of the tests' own, in a temporary folder, gone with them.
#
# Debian's programs are asked, as its user `postgres` when the tests run as root: the server
# will not be root's.  It listens on a free port of loopback and on a socket in its folder.
#
#     def test_a_row_arrives(daemon, database):
#         use(daemon, database)
#         daemon.start()
#         ...
#         wait_until(lambda: database.rows("select text from notes") == [("hello",)])
#
# conftest.py has the fixtures: `server` is one a session (one a worker of pytest-xdist), `database` a
# new one of it for each test.  A test may stop, kill and restart the server: the next finds it running again.
import contextlib
import glob
import itertools
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile

import pytest

from bed import PATIENCE, free_port, wait_until

PROGRAMS = os.environ.get("SLUICE_POSTGRES") or max(glob.glob("/usr/lib/postgresql/*/bin"), default="/usr/bin")
USER = "postgres"
FIELD, RECORD, NULL = "\x1f", "\x1e", "\x02"  # no test has these in a value

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "max_connections": 40,
    "shared_buffers": "32MB",
    "fsync": "on",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "logging_collector": "off",
    "max_wal_size": "256MB",
    "max_prepared_transactions": 2,
    "timezone": "UTC",
}


class Trouble(ConnectionError):
    """The server answered with an error, or not at all; the text is psql's.  wait_until() waits for its end."""


def program(name):
    return os.path.join(PROGRAMS, name)


def as_owner(command, **more):
    """The command as the server's owner, ending with its parent."""
    switch = ["--reuid", USER, "--regid", USER, "--init-groups"] if os.geteuid() == 0 else []
    return subprocess.Popen(["setpriv", *switch, "--pdeathsig", "INT", *command], stdin=subprocess.DEVNULL, cwd="/", **more)


def owned_folder(prefix="sluice-pg-", within=None):
    """Short, because a unix socket's path has room for 107 bytes only."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=within))
    if os.geteuid() == 0:
        owner = pwd.getpwnam(USER)
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    return folder


class Server:
    """One cluster.  `settings` go behind those above, e.g. fsync="off"."""

    def __init__(self, folder=None, **settings):
        self.folder = folder or owned_folder()
        self.port = free_port()
        self.settings = {**SETTINGS, **settings}
        self.process = None
        self.made = itertools.count(1)
        self.log = self.folder / "log"
        self.make()
        self.start()

    def make(self):
        words = [program("initdb"), "-D", str(self.data), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        with open(self.folder / "initdb", "wb") as said:
            assert as_owner(words, stdout=said, stderr=said).wait() == 0, (self.folder / "initdb").read_text()

    @property
    def data(self):
        return self.folder / "data"

    @property
    def pid(self):
        return self.process.pid

    # ------------------------------------------------------------------ life

    def start(self):
        """Returns once it answers; after a crash that is once it has recovered."""
        assert self.process is None, "it runs already"
        words = [program("postgres"), "-D", str(self.data), "-p", str(self.port), "-k", str(self.folder)]
        for name, value in self.settings.items():
            words += ["-c", f"{name}={value}"]
        with open(self.log, "ab") as said:
            self.process = as_owner(words, stdout=said, stderr=said)
        wait_until(self.is_ready, what=lambda: f"the server is ready\n{self.log.read_text()}")
        return self

    def is_ready(self):
        if self.process.poll() is not None:
            pytest.fail(f"the server ended with {self.process.returncode}:\n{self.log.read_text()}")
        return subprocess.run([program("pg_isready"), "-q", "-h", str(self.folder), "-p", str(self.port)]).returncode == 0

    def stop(self, how="fast"):
        """smart: once all have gone; fast: they are cut off; immediate: as if the power went; kill: likewise."""
        signals = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT, "kill": signal.SIGKILL}
        theirs = self.children() if how == "kill" else []  # another server starts only once they are gone
        self.process.send_signal(signals[how])
        self.process.wait(PATIENCE)
        self.process = None
        for pid in theirs:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in theirs), what="those of the server are gone")

    def restart(self, how="fast"):
        self.stop(how)
        return self.start()

    def standby(self):
        """From now on it takes no writes: it follows a primary that never says anything."""
        self.stop()
        (self.data / "standby.signal").touch()
        self.start()

    def promote(self):
        Database(self, USER).do("select pg_promote()")

    def freeze(self):
        """It is there, and says nothing: the server and those that serve someone stand still."""
        return self.signal_all(signal.SIGSTOP)

    def thaw(self):
        return self.signal_all(signal.SIGCONT)

    def signal_all(self, number):
        for pid in [self.pid, *self.children()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def children(self):
        try:
            return [int(pid) for pid in pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        except FileNotFoundError:
            return []  # it has ended

    def end(self):
        if self.process is not None:
            self.thaw()
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    # ------------------------------------------------------------- databases

    def database(self, name=None):
        name = name or f"d{next(self.made)}"
        Database(self, USER).do(f"create database {name}")
        return Database(self, name)


class Database:
    """One database of a server, and how it is asked: with psql, so that no driver is needed."""

    def __init__(self, server, name, user=USER):
        self.server, self.name, self.user = server, name, user

    @property
    def url(self):
        return f"postgresql://{self.user}@127.0.0.1:{self.server.port}/{self.name}"

    def as_user(self, user):
        return Database(self.server, self.name, user)

    def psql(self, words, sql=None, timeout=PATIENCE):
        """psql's output; raises Trouble with what it complained of."""
        where = ["-h", str(self.server.folder), "-p", str(self.server.port), "-U", self.user, "-d", self.name]
        done = subprocess.run([program("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", *where, *words], input=sql,
                              capture_output=True, text=True, timeout=timeout, env={**os.environ, "PGCONNECT_TIMEOUT": "5"})
        if done.returncode != 0:
            raise Trouble(done.stderr.strip())
        return done.stdout

    def do(self, sql, timeout=PATIENCE):
        """Statements one after the other, each on its own."""
        self.psql([], sql, timeout)

    def rows(self, sql, timeout=PATIENCE):
        """A list of tuples of strings, None for null."""
        text = self.psql(["-F", FIELD, "-R", RECORD, "-P", f"null={NULL}", "-c", sql], timeout=timeout)
        if not text:
            return []
        records = text[:-1].split(RECORD)
        return [tuple(None if cell == NULL else cell for cell in record.split(FIELD)) for record in records]

    def value(self, sql):
        """The only cell of the only row, or None."""
        rows = self.rows(sql)
        return rows[0][0] if rows else None

    def number(self, sql):
        return int(self.value(sql))

    def session(self):
        """A psql that stays: write statements to its stdin; what it holds is held until it ends."""
        where = ["-h", str(self.server.folder), "-p", str(self.server.port), "-U", self.user, "-d", self.name]
        return Session(subprocess.Popen([program("psql"), "-XAtq", *where], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, bufsize=1))

    def dump(self, *words):
        """pg_dump's data, sorted, without what depends on the moment: equal tables are equal texts."""
        where = ["-h", str(self.server.folder), "-p", str(self.server.port), "-U", self.user, "-d", self.name]
        text = subprocess.run([program("pg_dump"), "--data-only", "--inserts", "--column-inserts", *words, *where],
                              capture_output=True, text=True, check=True, timeout=300).stdout
        return sorted(line for line in text.splitlines() if line.startswith("INSERT"))

    def drop(self):
        """With whoever is in it."""
        Database(self.server, USER).do(f"drop database if exists {self.name} with (force)")

    # ------------------------------------------------------------- disasters

    def backends(self):
        """Process ids of those that serve others than us."""
        sql = ("select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
               " and backend_type = 'client backend'")
        return [int(pid) for pid, in self.rows(sql)]

    def terminate_backends(self):
        """As an administrator would; returns how many there were."""
        sql = ("select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database()"
               " and pid <> pg_backend_pid() and backend_type = 'client backend'")
        return self.number(sql)


class Session:
    def __init__(self, process):
        self.process = process

    def do(self, sql):
        """Returns once it is done."""
        self.process.stdin.write(f"{sql};\n\\echo done\n")
        self.process.stdin.flush()
        said = []
        for line in self.process.stdout:
            if line == "done\n":
                return said
            said.append(line.rstrip("\n"))
        raise Trouble("\n".join(said))

    def end(self):
        self.process.stdin.close()
        self.process.wait(PATIENCE)
        self.process.stdout.close()


@contextlib.contextmanager
def small_disk(megabytes):
    """A folder with so little room, for a tablespace; skips where nothing may be mounted."""
    folder = owned_folder("sluice-disk-")
    words = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True).returncode != 0:
        os.rmdir(folder)
        pytest.skip("nothing may be mounted here")
    owner = pwd.getpwnam(USER)
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)])
        os.rmdir(folder)


def use(daemon, database, url=None, **options):
    """The daemon's sink becomes the database."""
    more = "".join(f", {name}: {value}" for name, value in options.items())
    daemon.change("use: sqlite, path: ./warehouse.db", f'use: postgres, url: "{url or database.url}"{more}')
