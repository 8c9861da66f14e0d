# SPDX-License-Identifier: Apache-2.0
"""test_kill_postgres.py - the daemon, the backend and the server are killed at random under load.

A trigger in the database notes every write: none may be missing, none be there twice, each subject's in order,
and nobody dead.

    SLUICE_ROUNDS   kills; 200 in the long form
    SLUICE_SEED     repeats a run
"""
import collections
import os
import random
import time

import pytest
from bed import UNSIGNED, wait_until
from flood import Flood, kill
from postgres import use

ROUNDS = int(os.environ.get("SLUICE_ROUNDS", "8"))
PORTION = 150  # events of a round
SUBJECTS = 40

MAPPING = """\
return {
	summary = "a note becomes a row, every tenth nothing",
	transform = function(event)
		local note = event.data
		if note.number % 10 == 0 then return drop("every tenth") end
		emit { type = "notes", data = { id = note.id, subject = note.subject, number = note.number } }
		emit { type = "last", data = { subject = note.subject, number = note.number } }
	end,
}
"""

SCHEMA = """\
help: Notes, and the last one of each subject.
tables:
  notes: { mode: append, key: id, columns: { id: text, subject: text, number: int } }
  last:  { mode: upsert, key: subject, columns: { subject: text, number: int } }
"""

AUDIT = """\
create table audit (n bigserial primary key, batch bigint, id text, subject text, number int);
create function noted() returns trigger language plpgsql as $$
	begin
		insert into audit (batch, id, subject, number) values (txid_current(), new.id, new.subject, new.number);
		return null;
	end $$;
create trigger noted after insert or update on notes for each row execute function noted();
"""

# Within a transaction there is no order that anybody could see.
OVERTAKEN = """\
select * from (
	select subject, min(number) as first, lag(max(number)) over (partition by subject order by min(n)) as before
	from audit group by subject, batch) as it
where first < before
"""


def portion(turn, dice):
    numbers = range(turn * PORTION + 1, (turn + 1) * PORTION + 1)
    # What comes within one millisecond is put in order by id.
    return [{"id": f"e{number:06}", "subject": f"s{dice.randrange(SUBJECTS)}", "number": number} for number in numbers]


def disturb(daemon, database, server, dice):
    """Somebody is killed; returns who."""
    victim = dice.choice(["route notes", "route notes", "ingress", "master", "backend", "backend", "server", "power"])
    if victim == "backend":
        database.terminate_backends()
    elif victim in ("server", "power"):
        server.stop("immediate" if victim == "server" else "kill")
        time.sleep(dice.choice([0, 0, 0.5]))
        server.start()
    else:
        kill(daemon, victim)
    return victim


def settled(daemon):
    wait_until(daemon.settled, within=90, what=lambda: f"all is delivered: {daemon.route_health()}")


def compare(database, bodies, tally):
    wanted = {body["id"] for body in bodies if body["number"] % 10}
    written = [row for row, in database.rows("select id from audit order by n")]
    tally(lost=len(wanted - set(written)), of=len(bodies), wrong=len(written) - len(set(written)), rows=len(written),
          seeds=ROUNDS)
    twice = [row for row, times in collections.Counter(written).items() if times > 1]
    assert not twice, f"{len(twice)} written twice, e.g. {twice[0]}"
    assert set(written) == wanted, f"LOST {len(wanted - set(written))} of {len(wanted)}"
    assert database.number("select count(*) from notes") == len(wanted)
    assert database.rows("select * from _sluice_open") == []
    wrong = database.rows(OVERTAKEN)
    assert not wrong, f"out of order: {wrong[:5]}"
    last = "select subject, max(number) from notes group by 1 order by 1"
    assert database.rows("select subject, number from last order by 1") == database.rows(last)
    (cursor, delivered, dropped, repeats), = database.rows("select cursor, delivered, dropped, repeats from _sluice_routes")
    assert (int(delivered), int(dropped)) == (len(wanted), len(bodies) - len(wanted))
    assert int(delivered) + int(dropped) + int(repeats) == int(cursor)


@pytest.mark.fault(1, 35)
def test_kills_of_everybody_lose_nothing_and_write_nothing_twice(daemon, database, server, tally):
    seed = os.environ.get("SLUICE_SEED", str(random.randrange(1 << 30)))
    print(f"SLUICE_SEED={seed}")
    dice, bodies, victims = random.Random(seed), [], collections.Counter()
    daemon.notes(MAPPING, SCHEMA, UNSIGNED)
    daemon.change("body:/card", "body:/subject")
    daemon.change("body:/type", "body:/table")
    use(daemon, database)
    daemon.start()
    wait_until(lambda: database.rows("select * from notes") == [])
    database.do(AUDIT)
    for turn in range(ROUNDS):
        flood, more = Flood(daemon, "notes"), portion(turn, dice)
        bodies += more
        flood.begin(more)
        flood.wait(dice.randrange(PORTION))
        victims[disturb(daemon, database, server, dice)] += 1
        flood.end()
        if dice.random() < 0.5:
            settled(daemon)
    settled(daemon)
    wait_until(lambda: daemon.get("/health").status == 200)
    compare(database, bodies, tally)
    print(f"LOST=0 TWICE=0 DEAD=0 of {len(bodies)} over {ROUNDS} rounds: {dict(victims)}")
