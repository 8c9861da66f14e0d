# SPDX-License-Identifier: Apache-2.0
# namespace.py - a schema of a Postgres as the oracle's destination: many stand side by side, and each can be copied as it is.
#
#     tables = Namespace(database, "live")
#     configure(daemon), tables.use(daemon)      the sink writes there, and daemon.rows() asks there
#     tables.copy("then")                        another one: what was committed by now
#
# Rows of one transaction have no order that anybody could see, so the oracle is given them by their number.
import functools
import re

from bed import Daemon
from postgres import use

COPY = """\
begin isolation level repeatable read;
set local lock_timeout = '5s';
create schema {to};
do $$ declare it name; begin
	for it in select tablename from pg_tables where schemaname = '{name}' loop
		execute format('create table {to}.%I (like {name}.%I including all)', it, it);
		execute format('insert into {to}.%I select * from {name}.%I', it, it);
	end loop;
end $$;
commit;
"""


def cell(text):
    return int(text) if text and re.fullmatch(r"-?[0-9]+", text) else text


class Namespace:
    def __init__(self, database, name):
        self.database, self.name = database, name

    def use(self, daemon):
        use(daemon, self.database, namespace=self.name)
        daemon.rows = functools.partial(self.rows, daemon)

    def rows(self, daemon, sql, database=None):
        if database:  # a state file
            return Daemon.rows(daemon, sql, database=database)
        asked = self.database.rows(f"set search_path to {self.name}; " + sql.replace("order by rowid", "order by number"))
        return [tuple(map(cell, row)) for row in asked]

    def copy(self, name):
        self.database.do(COPY.format(name=self.name, to=name))
        return Namespace(self.database, name)

    def drop(self):
        self.database.do(f"set client_min_messages = warning; drop schema if exists {self.name} cascade")
