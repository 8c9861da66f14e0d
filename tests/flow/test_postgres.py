# SPDX-License-Identifier: Apache-2.0
# test_postgres.py - bad days of a Postgres: nothing is lost, nothing comes twice, and each is told in a sentence.
import json
import signal
import subprocess
import time

import pytest
from conftest import Daemon, free_port, wait_until
from cutter import Cutter
from postgres import Database, Trouble, as_owner, program, small_disk, use

MAPPING = """\
return {
	summary = "a note becomes a row",
	transform = function(event)
		local note = event.data
		if note.drop then return drop(note.drop) end
		emit { type = note.table or "notes", mode = note.mode, data = note.row }
	end,
}
"""

SCHEMA = """\
help: Notes.
tables:
  notes:
    mode: upsert
    key: [id]
    indexes: [card]
    columns: { id: text, card: text, text: text, number: int, more: json }
  persons:
    mode: upsert
    key: [id]
    columns: { id: text, name: { type: text, personal: true } }
"""


def note(number, /, **row):
    """A note's event; what is given goes into its row."""
    return {"id": f"e{number}", "type": "note", "card": f"c{number}",
            "row": {"id": str(number), "card": f"c{number % 7}", "text": f"text {number}", "number": number, **row}}


def begin(daemon, database, **options):
    daemon.write("notes.lua", MAPPING)
    daemon.write("notes.yaml", SCHEMA)
    use(daemon, database, **options)
    return daemon.start()


def post(daemon, *numbers, **row):
    for number in numbers:
        assert daemon.post(note(number, **row)).status == 200


def texts(database):
    return [text for text, in database.rows("select text from notes order by number")]


def expect(database, *numbers):
    """These notes and no others."""
    wanted = [f"text {number}" for number in numbers]
    wait_until(lambda: texts(database) == wanted, what=lambda: f"{wanted[-3:]}, {len(wanted)} of them")


def dead(database):
    return database.rows("select event_id, reason from _sluice_open where state = 'dead' order by seq")


def outage(daemon, *words):
    """Waits until the route says it cannot have the sink, with these words; nothing died of it."""
    def told():
        route = daemon.route_health()
        return route["state"] != "ok" and all(word in str(route["error"]) for word in words)
    wait_until(told, what=lambda: f"an outage that says {words}: {daemon.route_health()}")
    assert daemon.route_health()["dead"] == 0
    assert daemon.get("/health").status == 503


def over(daemon, database, *numbers):
    """The outage is: all of these are there, and nobody is dead or waits."""
    expect(database, *numbers)
    wait_until(lambda: daemon.get("/health").status == 200, what=lambda: daemon.route_health())
    assert database.rows("select event_id, state, reason from _sluice_open") == []


# ------------------------------------------------------------------- all is well


def test_rows_of_all_kinds_arrive_with_where_the_route_stands(daemon, database):
    begin(daemon, database)
    post(daemon, 1, more={"b": 1, "a": [None, 1.5]})
    post(daemon, 2, text=None)
    post(daemon, 1)  # the same event once more
    wait_until(lambda: daemon.route_health()["cursor"] == 3)
    assert database.rows("select id, text, number, more, _event_id from notes order by id") == [
        ("1", "text 1", "1", '{"a": [null, 1.5], "b": 1}', "e1"), ("2", None, "2", None, "e2")]
    assert database.rows("select route, cursor, delivered, repeats from _sluice_routes") == [("notes", "3", "2", "1")]
    assert dead(database) == []


def test_what_postgres_cannot_hold_is_mended_and_counted(daemon, database):
    begin(daemon, database)
    post(daemon, 1, text="a\0b", more={"c\0d": "\0"})
    body = json.dumps(note(2)).replace("text 2", "x\\ud800y").encode()
    assert daemon.post(body).status == 200
    wait_until(lambda: daemon.route_health()["cursor"] == 2)
    wait_until(lambda: len(texts(database)) == 2)
    assert texts(database) == ["a\ufffdb", "x\ufffdy"]
    assert json.loads(database.value("select more from notes where id = '1'")) == {"c\ufffdd": "\ufffd"}
    mended = daemon.ask("notes", "stand")[1]["mended"]
    assert sum(count for what, count in mended.items() if "U+0000" in what) >= 1, mended
    assert sum(count for what, count in mended.items() if "surrogate" in what) == 1, mended


def test_any_text_is_a_name(daemon, database):
    names = ['a "quoted" one', "sel;ect", "größe", "user", "A Capital"]
    columns = ", ".join(json.dumps(name) + ": text" for name in names)
    daemon.write("notes.lua", MAPPING.replace('note.table or "notes"', "note.table"))
    daemon.write("notes.yaml", f"help: x\ntables:\n  'my \"table\"; --': {{ mode: upsert, key: [user], columns: {{ {columns} }} }}\n")
    use(daemon, database)
    daemon.start()
    row = {name: f"of {name}" for name in names}
    assert daemon.post({"id": "1", "type": "x", "table": 'my "table"; --', "row": row}).status == 200
    wait_until(lambda: daemon.route_health()["cursor"] == 1)
    told = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
    wait_until(lambda: database.rows(f'select {told} from "my ""table""; --"') == [tuple(row.values())])


# --------------------------------------------------------------- rows that do not fit


def refused(daemon, database, *words):
    """Of the notes 1 to 9 only 5 is refused, with these words; the others are through."""
    wait_until(lambda: daemon.route_health()["cursor"] == 9, what=lambda: daemon.route_health())
    expect(database, 1, 2, 3, 4, 6, 7, 8, 9)
    (event, reason), = dead(database)
    assert event == "e5" and all(word in reason for word in words), reason


def test_a_column_that_does_not_exist_is_named(daemon, database):
    begin(daemon, database)
    post(daemon, 1, 2, 3, 4)
    post(daemon, 5, colour="red")
    post(daemon, 6, 7, 8, 9)
    refused(daemon, database, "notes", '"colour"')


def test_a_value_that_does_not_fit_its_column_is_named(daemon, database):
    begin(daemon, database)
    post(daemon, 1, 2, 3, 4)
    post(daemon, 5, number="five")
    post(daemon, 6, 7, 8, 9)
    refused(daemon, database, "notes.number", '"five"')


@pytest.mark.parametrize("rule, row, words", [
    ("alter table notes add constraint small check (number < 100)", {"number": 500}, ["notes", "small", "23514"]),
    ("alter table notes alter number type smallint", {"number": 70000}, ["notes", "22003"]),
    ("alter table notes alter text set not null", {"text": None}, ["notes.text", "23502"]),
    ("create unique index only_one on notes (text)", {"text": "text 1"}, ["notes", "only_one", "23505"]),
    ("create table cards (id text primary key); insert into cards select 'c' || n from generate_series(0, 9) n;"
     "alter table notes add constraint known foreign key (card) references cards (id)", {"card": "nobody's"},
     ["notes", "known", "23503"]),
    ("create table cards (id text primary key); insert into cards select 'c' || n from generate_series(0, 9) n; alter"
     " table notes add constraint later foreign key (card) references cards (id) deferrable initially deferred",
     {"card": "nobody's"}, ["notes", "later", "23503"]),
    ("create function no() returns trigger language plpgsql as $$ begin if new.number = 500 then raise exception"
     " 'not five hundred'; end if; return new; end $$; create trigger no before insert on notes for each row execute"
     " function no()", {"number": 500}, ["notes", "not five hundred"]),
])
def test_a_rule_of_the_database_kills_its_own_event_only(daemon, database, rule, row, words):
    begin(daemon, database)
    wait_until(lambda: database.rows("select * from notes") == [])
    database.do(rule)
    daemon.sluice("routes", "pause", "notes")
    post(daemon, 1, 2, 3, 4)
    post(daemon, 5, **row)
    post(daemon, 6, 7, 8, 9)
    daemon.sluice("routes", "resume", "notes")
    refused(daemon, database, *words)


def test_many_bad_rows_in_one_batch_are_all_found(daemon, database):
    begin(daemon, database)
    wait_until(lambda: database.rows("select * from notes") == [])
    database.do("alter table notes add constraint even check (number % 3 <> 0)")
    daemon.sluice("routes", "pause", "notes")
    post(daemon, *range(1, 100))
    daemon.sluice("routes", "resume", "notes")
    wait_until(lambda: daemon.route_health()["cursor"] == 99, within=60)
    expect(database, *[number for number in range(1, 100) if number % 3])
    assert [event for event, _ in dead(database)] == [f"e{number}" for number in range(3, 100, 3)]


def test_nothing_personal_is_told_of_a_row_that_was_refused(daemon, database):
    begin(daemon, database)
    wait_until(lambda: database.rows("select * from persons") == [])
    database.do("alter table persons add constraint short check (length(name) < 5)")
    assert daemon.post({"id": "1", "type": "x", "table": "persons", "row": {"id": "1", "name": "Ann Whoever"}}).status == 200
    wait_until(lambda: daemon.route_health()["dead"] == 1)
    (_, reason), = dead(database)
    assert "short" in reason and "Ann" not in reason
    assert "Ann Whoever" not in daemon.stderr()


# ------------------------------------------------ the database changes under the daemon


@pytest.mark.parametrize("change", [
    "drop table notes",
    "alter table notes drop column text",
    "alter table notes drop column text, drop column more",
    "drop index notes_card_idx; alter table notes drop constraint notes_pkey",
])
def test_what_is_dropped_under_the_daemon_is_made_again(daemon, database, change):
    begin(daemon, database)
    post(daemon, 1)
    expect(database, 1)
    try:
        database.do(change)
    except Trouble:  # its names are the sink's business
        database.do("alter table notes drop column text")
    post(daemon, 2, 3)
    wait_until(lambda: daemon.route_health()["cursor"] == 3, what=lambda: daemon.route_health())
    wait_until(lambda: database.rows("select id from notes where id > '1' and text is not null order by id") == [("2",), ("3",)])
    assert dead(database) == []


def test_a_column_that_cannot_hold_what_the_schema_puts_there_stops_the_route(daemon, database):
    begin(daemon, database)
    post(daemon, 1)
    expect(database, 1)
    database.do("alter table notes alter card type int using 1")
    post(daemon, 2)
    wait_until(lambda: daemon.route_health()["state"] == "blocked", what=lambda: daemon.route_health())
    assert "notes.card" in daemon.route_health()["error"] and "sluice schema diff" in daemon.route_health()["error"]
    assert daemon.get("/health").status == 503 and dead(database) == []
    database.do("alter table notes alter card type text")
    assert daemon.sluice("routes", "resume", "notes").returncode == 0
    over(daemon, database, 1, 2)


def test_columns_of_others_are_left_alone(daemon, database):
    begin(daemon, database)
    post(daemon, 1)
    expect(database, 1)
    database.do("alter table notes add mine text default 'mine'; alter table notes add double int generated always as (number * 2) stored")
    post(daemon, 2)
    expect(database, 1, 2)
    daemon.restart()
    post(daemon, 3)
    expect(database, 1, 2, 3)
    assert database.rows("select mine, double from notes order by id") == [("mine", "2"), ("mine", "4"), ("mine", "6")]


# ----------------------------------------------------------------------- outages


def test_a_server_that_is_away_is_waited_for(daemon, database, server):
    begin(daemon, database)
    post(daemon, 1)
    expect(database, 1)
    server.stop()
    post(daemon, 2, 3)
    outage(daemon, f"127.0.0.1:{server.port}", "refused")
    server.start()
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
