# SPDX-License-Identifier: Apache-2.0
# test_postgres_connect.py - whom a Postgres lets in, and who it is that answers: passwords, TLS, hosts.
import os
import pwd
import subprocess

import pytest
from bed import free_port, wait_until
from notes import MAPPING, SCHEMA, expect, note, outage, over
from postgres import USER, Server, owned_folder, use

HBA = """\
local all all trust
hostssl all keeper 127.0.0.1/32 scram-sha-256
hostnossl all all 127.0.0.1/32 reject
"""


def certificate(folder, name, issuer=None):
    """A key and a certificate for 127.0.0.1; of an authority of its own unless an issuer is given."""
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt", "-subj", f"/CN={name}"]
    if issuer:
        words += ["-CA", f"{folder}/{issuer}.crt", "-CAkey", f"{folder}/{issuer}.key", "-addext",
                  "subjectAltName=IP:127.0.0.1"]
    subprocess.run(words, check=True, capture_output=True)
    os.chmod(f"{folder}/{name}.key", 0o600)
    if os.geteuid() == 0:
        os.chown(f"{folder}/{name}.key", pwd.getpwnam(USER).pw_uid, -1)


@pytest.fixture(scope="module")
def guarded():
    """A server that lets `keeper` in over TLS with a password, and nobody else."""
    folder = owned_folder()
    certificate(folder, "authority")
    certificate(folder, "server", "authority")
    certificate(folder, "stranger")
    (folder / "hba").write_text(HBA)
    os.chmod(folder, 0o755)
    one = Server(folder, ssl="on", ssl_cert_file=str(folder / "server.crt"), ssl_key_file=str(folder / "server.key"),
                 hba_file=str(folder / "hba"))
    yield one
    one.end()


@pytest.fixture
def safe(guarded):
    """A database of keeper's; its password is "correct horse"."""
    database = guarded.database()
    database.do("do $$ begin create role keeper login password 'correct horse'; exception when duplicate_object then null;"
                f" end $$; alter role keeper password 'correct horse'; alter database {database.name} owner to keeper;"
                " alter schema public owner to keeper")
    yield database
    database.drop()


def url(database, authority="authority", mode="verify-full", host="127.0.0.1"):
    server = database.server
    return (f"postgresql://keeper@{host}:{server.port}/{database.name}?sslmode={mode}"
            f"&sslrootcert={server.folder}/{authority}.crt")


def begin(daemon, database, address, password, **options):
    daemon.write("notes.lua", MAPPING)
    daemon.write("notes.yaml", SCHEMA)
    use(daemon, database, url=address, password=password, **options)
    daemon.start(ready=False)
    wait_until(lambda: daemon.post(note(1)).status == 200)


def test_a_server_is_believed_by_its_certificate(daemon, safe):
    begin(daemon, safe, url(safe), "correct horse")
    over(daemon, safe, 1)
    assert safe.rows("select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid) where usename = 'keeper'") == [("t",)]


def test_a_server_that_nobody_vouches_for_gets_no_password(daemon, safe):
    begin(daemon, safe, url(safe, authority="stranger"), "correct horse")
    outage(daemon, "certificate")
    assert safe.rows("select * from pg_stat_activity where usename = 'keeper'") == []


def test_a_server_under_another_name_is_not_believed(daemon, safe):
    begin(daemon, safe, url(safe, host="localhost"), "correct horse")
    outage(daemon, "localhost")


def test_without_tls_the_server_lets_nobody_in(daemon, safe):
    begin(daemon, safe, url(safe, mode="disable"), "correct horse")
    outage(daemon, "pg_hba.conf", "sslmode")


def test_a_wrong_password_is_an_outage_and_told_to_nobody(daemon, safe):
    begin(daemon, safe, url(safe), "battery staple")
    outage(daemon, "the password is wrong")
    told = daemon.get("/health").body.decode() + daemon.stderr() + daemon.sluice("routes", "show", "notes").stdout
    assert "battery" not in told
    safe.do("alter role keeper password 'battery staple'")
    over(daemon, safe, 1)


def test_while_a_password_changes_either_is_right(daemon, safe):
    begin(daemon, safe, url(safe), "[battery staple, correct horse]")
    over(daemon, safe, 1)
    safe.do("alter role keeper password 'battery staple'")
    safe.terminate_backends()
    assert daemon.post(note(2)).status == 200
    over(daemon, safe, 1, 2)


def test_a_database_that_is_not_there_yet_is_waited_for(daemon, database):
    daemon.write("notes.lua", MAPPING)
    daemon.write("notes.yaml", SCHEMA)
    use(daemon, database, url=database.url + "_later")
    daemon.start(ready=False)
    wait_until(lambda: daemon.post(note(1)).status == 200)
    outage(daemon, "no such database")
    later = database.server.database(f"{database.name}_later")
    over(daemon, later, 1)
    daemon.stop()
    later.drop()


def test_a_server_with_no_connection_left_is_an_outage(daemon, database):
    role = f"keeper_{database.name}"
    database.do(f"create role {role} login connection limit 0; grant create, usage on schema public to {role}")
    daemon.write("notes.lua", MAPPING)
    daemon.write("notes.yaml", SCHEMA)
    use(daemon, database.as_user(role))
    daemon.start(ready=False)
    wait_until(lambda: daemon.post(note(1)).status == 200)
    outage(daemon, "no connection left")
    database.do(f"alter role {role} connection limit 2")
    over(daemon, database, 1)
    daemon.stop()
    database.do(f"drop owned by {role}; drop role {role}")


def test_the_primary_of_several_hosts_is_found(daemon, database, server):
    several = f"postgresql://postgres@127.0.0.1:{free_port()},127.0.0.1:{server.port}/{database.name}?target_session_attrs=read-write"
    daemon.write("notes.lua", MAPPING)
    daemon.write("notes.yaml", SCHEMA)
    use(daemon, database, url=several)
    daemon.start()
    assert daemon.post(note(1)).status == 200
    expect(database, 1)
