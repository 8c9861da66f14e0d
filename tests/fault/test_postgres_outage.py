# SPDX-License-Identifier: Apache-2.0
# test_postgres_outage.py - a Postgres that cannot be had: nothing is lost, nothing comes twice, each is told in a sentence.
import signal
import subprocess
import time

import pytest
from bed import Daemon, free_port, stolen, wait_until
from bulk import bulk
from cutter import Cutter
from notes import MAPPING, SCHEMA, begin, dead, expect, note, outage, over, post, texts
from oracle import LONG
from postgres import Database, as_owner, program, small_disk, use

pytestmark = pytest.mark.fault(35)
ROUNDS, PORTION = (6, 20000) if LONG else (2, 500)  # of the events beside a dead sink


# ----------------------------------------------------------------------- outages


def test_a_server_that_is_away_is_waited_for(daemon, database, server):
    begin(daemon, database)
    post(daemon, 1)
    expect(database, 1)
    server.stop()
    post(daemon, 2, 3)
    outage(daemon, f"127.0.0.1:{server.port}", "refused")
    server.start()
    wait_until(lambda: len(texts(database)) == 3, within=5)
    over(daemon, database, 1, 2, 3)


def test_a_daemon_may_start_before_its_server(daemon, database, server):
    server.stop()
    daemon.write("notes.lua", MAPPING)
    daemon.write("notes.yaml", SCHEMA)
    use(daemon, database)
    daemon.start(ready=False)
    wait_until(lambda: daemon.post(note(1)).status == 200)
    outage(daemon, "refused")
    server.start()
    over(daemon, database, 1)


@pytest.mark.parametrize("how", ["fast", "immediate", "kill"])
def test_a_server_that_begins_again_loses_nothing(daemon, database, server, how):
    begin(daemon, database)
    for turn in range(3):
        post(daemon, *range(turn * 10, turn * 10 + 10))
        server.restart(how)
    over(daemon, database, *range(30))


def test_who_may_not_write_is_told_what_to_grant(daemon, database):
    begin(daemon, database)
    wait_until(lambda: database.rows("select * from notes") == [])
    daemon.stop()
    role = f"keeper_{database.name}"
    database.do(f"create role {role} login; grant select, insert, update, delete on all tables in schema public to {role};"
                f"revoke insert on notes from {role}")
    daemon.change(database.url, database.as_user(role).url)
    daemon.start(ready=False)
    wait_until(lambda: daemon.post(note(1)).status == 200)
    outage(daemon, "notes", "GRANT", role)
    database.do(f"grant insert on notes to {role}")
    over(daemon, database, 1)
    daemon.stop()
    database.do(f"drop owned by {role}; drop role {role}")


def test_who_may_not_make_tables_is_told_what_to_grant(daemon, database):
    role = f"keeper_{database.name}"
    database.do(f"create role {role} login")
    daemon.write("notes.lua", MAPPING)
    daemon.write("notes.yaml", SCHEMA)
    use(daemon, database.as_user(role))
    daemon.start(ready=False)
    wait_until(lambda: daemon.post(note(1)).status == 200)
    outage(daemon, "GRANT", "CREATE ON SCHEMA", role)
    database.do(f"grant usage, create on schema public to {role}")
    over(daemon, database, 1)
    daemon.stop()
    database.do(f"drop owned by {role}; drop role {role}")


def test_a_standby_that_takes_no_writes_is_an_outage(daemon, database, server):
    begin(daemon, database)
    post(daemon, 1)
    expect(database, 1)
    server.standby()
    post(daemon, 2, 3)
    outage(daemon, "standby")
    server.promote()
    over(daemon, database, 1, 2, 3)


def test_a_full_disk_at_the_server_is_an_outage(daemon, server):
    with small_disk(24) as disk:
        whole = Database(server, "postgres")
        whole.do(f"create tablespace small location '{disk}'")
        whole.do("create database small tablespace small")
        database = Database(server, "small")
        try:
            begin(daemon, database)
            post(daemon, 1000)
            expect(database, 1000)
            fill(disk)
            for number in range(200):
                assert daemon.post(note(number, text=f"text {number}", more="x" * 2000 + str(number))).status == 200
            outage(daemon, "disk is full")
            (disk / "filler").unlink()
            over(daemon, database, *range(200), 1000)
            daemon.stop()
        finally:
            database.drop()
            whole.do("drop tablespace small")


def fill(disk):
    """To the last byte."""
    with open(disk / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError:
            pass


def test_somebody_else_s_lock_is_an_outage_and_not_for_ever(daemon, database):
    begin(daemon, database, lock_timeout="200ms")
    post(daemon, 1)
    expect(database, 1)
    other = database.session()
    other.do("begin")
    other.do("lock table notes in share mode")
    post(daemon, 2)
    outage(daemon, "lock")
    other.end()
    over(daemon, database, 1, 2)


def test_a_row_that_somebody_else_is_writing_is_waited_for(daemon, database):
    begin(daemon, database)
    post(daemon, 1)
    expect(database, 1)
    other = database.session()
    other.do("begin")
    other.do("update notes set text = 'theirs' where id = '1'")
    assert daemon.post({**note(1), "id": "e1b", "row": {"id": "1", "number": 1, "text": "ours"}}).status == 200
    wait_until(lambda: database.number("select count(*) from pg_locks where not granted") == 1)
    other.do("commit")
    other.end()
    wait_until(lambda: texts(database) == ["ours"])
    assert dead(database) == []


def test_a_transaction_that_another_one_overtook_is_tried_again(daemon, database):
    database.do(f"alter database {database.name} set default_transaction_isolation = 'repeatable read'")
    begin(daemon, database)
    post(daemon, 1)
    expect(database, 1)
    other = database.session()
    other.do("begin")
    other.do("update notes set text = 'theirs' where id = '1'")
    assert daemon.post({**note(1), "id": "e1b", "row": {"id": "1", "number": 1, "text": "ours"}}).status == 200
    wait_until(lambda: database.number("select count(*) from pg_locks where not granted") == 1)
    other.do("commit")
    other.end()
    wait_until(lambda: texts(database) == ["ours"])
    assert dead(database) == [] and daemon.route_health()["error"] is None


def test_two_that_wait_for_each_other_come_to_an_end(daemon, database):
    begin(daemon, database)
    wait_until(lambda: database.rows("select * from notes") == [])
    database.do("alter database " + database.name + " set deadlock_timeout = '50ms'")
    post(daemon, 1)
    post(daemon, 2)
    expect(database, 1, 2)
    other = database.session()
    other.do("begin")
    other.do("update notes set text = text where id = '2'")
    daemon.sluice("routes", "pause", "notes")
    for number in (1, 2):
        assert daemon.post({**note(number), "id": f"again {number}", "row": {"id": str(number), "number": number, "text": "ours"}}).status == 200
    daemon.sluice("routes", "resume", "notes")
    wait_until(lambda: database.number("select count(*) from pg_locks where not granted") == 1)
    other.do("update notes set text = text where id = '1'")
    other.do("commit")
    other.end()
    wait_until(lambda: texts(database) == ["ours", "ours"])
    assert dead(database) == []


def test_a_statement_that_takes_too_long_is_an_outage(daemon, database):
    begin(daemon, database, statement_timeout="1s")
    post(daemon, 1)
    expect(database, 1)
    database.do("create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(30); return new; end $$;"
                "create trigger slow before insert on notes for each row execute function slow()")
    post(daemon, 2)
    outage(daemon, "statement_timeout")
    database.do("drop trigger slow on notes")
    over(daemon, database, 1, 2)


def test_a_server_that_says_nothing_is_an_outage(daemon, database, server):
    begin(daemon, database, statement_timeout="1s", answer_timeout="2s", connect_timeout="1s", idle_timeout="1s")
    post(daemon, 1)
    expect(database, 1)
    server.freeze()
    try:
        post(daemon, 2, 3)
        outage(daemon, "127.0.0.1")
    finally:
        server.thaw()
    over(daemon, database, 1, 2, 3)


def test_backends_that_are_ended_kill_nothing(daemon, database):
    begin(daemon, database)
    for number in range(20):
        post(daemon, number)
        database.terminate_backends()
    over(daemon, database, *range(20))


# ------------------------------------------------------------------- beside a dead one

SECOND = """\
  here: { use: sqlite, path: ./here.db, schema: { use: ./notes.yaml } }
routes:
  - { name: here, from: [notes], via: [notes], to: here }
"""


@pytest.mark.fault(34)
def test_a_sink_that_says_nothing_costs_the_others_nothing(daemon, database, server, tally):
    """How many events a second go into another one: while its route rests, and while it hangs."""
    daemon.change("routes:\n", SECOND)
    begin(daemon, database, statement_timeout="1s", answer_timeout="2s", connect_timeout="1s", idle_timeout="1s")
    wait_until(lambda: database.rows("select * from notes") == [])
    rates, sent = {"rests": [], "hangs": []}, 0
    for turn in range(ROUNDS):
        how = ("rests", "hangs")[turn % 2]
        assert daemon.ask("notes", "pause" if how == "rests" else "resume")[0] == 200
        (server.thaw if how == "rests" else server.freeze)()
        assert daemon.ask("here", "pause")[0] == 200
        bulk(daemon, [note(number) for number in range(sent, sent + PORTION)])
        sent += PORTION
        if how == "hangs":
            wait_until(lambda: daemon.route_health("notes")["state"] == "outage")
        began = time.monotonic() - stolen()
        assert daemon.ask("here", "resume")[0] == 200
        wait_until(lambda: daemon.route_health("here")["cursor"] == sent, within=60)
        rates[how].append(PORTION / (time.monotonic() - stolen() - began))
    server.thaw()
    best = {how: max(found) for how, found in rates.items()}
    print(f"{best['rests']:.0f}/s while the other route rests, {best['hangs']:.0f}/s while its sink hangs")
    wait_until(lambda: daemon.route_health("notes")["cursor"] == sent, within=60)
    tally(seeds=1, lost=sent - database.number("select count(*) from notes"), of=sent, rows=sent)
    assert database.number("select count(*) from notes") == sent
    assert not LONG or best["hangs"] > 0.9 * best["rests"]


# ------------------------------------------------------------- in the middle of COMMIT


@pytest.mark.parametrize("when", ["before", "after", "late"])
def test_a_connection_cut_at_commit_is_found_out_about(daemon, database, server, when):
    cutter = Cutter(server.port)
    begin(daemon, database, url=cutter.url(database))
    post(daemon, 1)
    expect(database, 1)
    for turn in range(1, 4):
        done = cutter.done
        cutter.cut(when)
        post(daemon, *range(turn * 10, turn * 10 + 5))
        wait_until(lambda done=done: cutter.done > done, what="a COMMIT was cut")
    wanted = [1, *[turn * 10 + number for turn in range(1, 4) for number in range(5)]]
    over(daemon, database, *wanted)
    assert database.rows("select delivered, repeats, cursor from _sluice_routes") == [(str(len(wanted)), "0", str(len(wanted)))]
    cutter.close()


@pytest.mark.parametrize("when", ["before", "after", "late"])
def test_a_daemon_killed_at_commit_goes_on_where_the_server_stands(daemon, database, server, when):
    cutter = Cutter(server.port)
    begin(daemon, database, url=cutter.url(database))
    post(daemon, 1)
    expect(database, 1)
    cutter.cut(when)
    post(daemon, 2, 3)
    wait_until(lambda: cutter.armed is None)
    daemon.kill()
    daemon.start(ready=False)
    over(daemon, database, 1, 2, 3)
    assert database.rows("select delivered, repeats, cursor from _sluice_routes") == [("3", "0", "3")]
    cutter.close()


# ------------------------------------------------------------------- two daemons


def test_a_second_daemon_on_a_copy_of_the_data_is_kept_out(daemon, database, folder):
    begin(daemon, database)
    post(daemon, 1)
    expect(database, 1)
    daemon.stop()
    subprocess.run(["cp", "-r", str(folder), f"{folder}-b"], check=True)
    second = Daemon(f"{folder}-b")
    second.text = daemon.text.replace(f":{daemon.port}", f":{second.port}")
    second.write("sluice.yaml", second.text)
    try:
        daemon.start()
        second.start()
        post(daemon, 2, 3)
        expect(database, 1, 2, 3)
        post(second, 20)
        wait_until(lambda: "another daemon" in str(second.route_health()["error"]), what=lambda: second.route_health())
        assert second.get("/health").status == 503
        post(daemon, 4)
        expect(database, 1, 2, 3, 4)
        second.stop()
    finally:
        second.end()
        subprocess.run(["rm", "-rf", f"{folder}-b"])


# -------------------------------------------------------------------- through a pooler

POOLER = """\
[databases]
{name} = host=127.0.0.1 port={server} dbname={name} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = any
pool_mode = transaction
default_pool_size = 3
server_reset_query_always = 0
ignore_startup_parameters = extra_float_digits,options
logfile = {folder}/pooler.log
pidfile = {folder}/pooler.pid
unix_socket_dir =
"""


class Pooler:
    """PgBouncer: each transaction may get another connection."""

    def __init__(self, folder, database):
        self.port, self.database = free_port(), database
        path = folder / "pooler.ini"
        path.write_text(POOLER.format(name=database.name, server=database.server.port, port=self.port, folder=folder))
        folder.chmod(0o777)  # it will not be root's either
        self.process = as_owner(["/usr/sbin/pgbouncer", str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    @property
    def url(self):
        return self.database.url.replace(f":{self.database.server.port}/", f":{self.port}/")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(10)


def test_a_transaction_pooler_in_between_changes_nothing(daemon, database, server, folder):
    pooler = Pooler(folder, database)
    try:
        begin(daemon, database, url=pooler.url, pooler="true")
        others = Busy(pooler)
        for turn in range(5):
            post(daemon, *range(turn * 10, turn * 10 + 10))
            wait_until(lambda turn=turn: daemon.route_health()["cursor"] == turn * 10 + 10, what=lambda: daemon.route_health())
        server.restart("immediate")
        post(daemon, 50)
        over(daemon, database, *range(51))
        others.end()
        daemon.stop()
    finally:
        pooler.end()


class Busy:
    """Somebody else who uses the pooler, so that connections change hands."""

    def __init__(self, pooler):
        words = ["/bin/sh", "-c", f"while :; do {program('psql')} -XAtq '{pooler.url}' -c 'select pg_sleep(0.01)' >/dev/null 2>&1; done"]
        self.processes = [subprocess.Popen(words, start_new_session=True) for _ in range(2)]

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()


def test_a_pooler_that_nobody_told_us_of_is_named(daemon, database, folder):
    pooler = Pooler(folder, database)
    try:
        begin(daemon, database, url=pooler.url)
        others = Busy(pooler)
        end = time.monotonic() + 10
        for number in range(1000):
            post(daemon, number)
            error = str(daemon.route_health()["error"])
            if "pooler" in error or time.monotonic() > end:
                break
        others.end()
        assert daemon.route_health()["dead"] == 0
        daemon.stop()
    finally:
        pooler.end()
