# SPDX-License-Identifier: Apache-2.0
# test_backup.py - a backup made under load becomes a data folder again: nothing lost, nothing doubled.
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import threading
import time

import pytest
from bed import SLUICE, wait_until
from test_poll import expect_all, expect_once, logged, poll, shop, vendor  # noqa: F401  (two are fixtures)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")

COUNTING = """\
return {
	summary = "a note becomes a row",
	transform = function(event)
		local note = event.data
		if note.fail then return fail(note.fail) end
		emit { type = "notes", data = { id = note.id, card = note.card, text = note.text } }
	end,
}
"""

# Counts each row that is handed over, also those whose key is there already.
COUNTED = """\
create table handed (id text);
create trigger counted before insert on notes begin insert into handed values (new.id); end;
"""


def note(number, **more):
    return {"id": str(number), "type": "note", "card": f"c{number % 8}", "text": f"text {number}", **more}


class Senders:
    """Post notes as fast as they are taken; `taken` is what was answered 200."""

    def __init__(self, daemon, first=0, count=4):
        self.daemon, self.count, self.going, self.taken = daemon, count, True, []
        self.threads = [threading.Thread(target=self.send, args=(first + number,)) for number in range(count)]
        for thread in self.threads:
            thread.start()

    def send(self, number):
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=10)
        while self.going:
            body = json.dumps(note(number, text="x" * 2000)).encode()
            try:
                connection.request("POST", "/in/notes", body, {"X-Proof": self.daemon.signature(body)})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                time.sleep(0.02)
                continue
            if answer.status == 200:
                self.taken.append(number)
                number += self.count

    def stop(self):
        self.going = False
        for thread in self.threads:
            thread.join(30)
        return list(self.taken)


def begin(daemon, log="segment: 256 KB"):
    daemon.write("notes.lua", COUNTING)
    daemon.change("data: ./data", f"data: ./data\nlog: {{ {log} }}")
    return daemon.start()


def fine(answer):
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def backup(daemon, to="backup", **how):
    return json.loads(fine(daemon.sluice("backup", to, "--json", **how)))


def restore(daemon, *words, of="backup"):
    return json.loads(fine(daemon.sluice("restore", of, "--json", *words)))


def refused(answer, *words):
    assert answer.returncode == 1, answer.stdout + answer.stderr
    for word in words:
        assert word in answer.stderr, answer.stderr
    return answer.stderr


def ids(daemon):
    return [int(id) for id, in daemon.rows("select id from notes order by rowid")]


def count_rows(daemon):
    with sqlite3.connect(daemon.folder / "warehouse.db", timeout=10) as connection:
        connection.executescript(COUNTED)


def handed_over(daemon):
    return sorted(int(id) for id, in daemon.rows("select id from handed"))


def post(daemon, numbers, **more):
    for number in numbers:
        assert daemon.post(note(number, **more)).status == 200


def manifest(daemon, of="backup"):
    return json.loads((daemon.folder / of / "backup.json").read_text())["backup"]


def stored(daemon, path, of="backup"):
    file = next(file for file in manifest(daemon, of)["files"] if file["path"] == path)
    return daemon.folder / of / "files" / file["sha256"]


def disaster(daemon, destination=False):
    """The machine is gone: the data folder, and perhaps the destination."""
    daemon.kill()
    wait_until(lambda: not daemon.children() if daemon.process else True)
    shutil.rmtree(daemon.data)
    for path in daemon.folder.glob("warehouse.db*") if destination else ():
        path.unlink()


# --------------------------------------------------------------- under load


@pytest.fixture
def flooded(daemon):
    """Under load, with the numbers answered before the backup began, and all."""
    begin(daemon)
    count_rows(daemon)
    senders = Senders(daemon)
    wait_until(lambda: len(senders.taken) > 400)
    before = list(senders.taken)
    told = backup(daemon)
    wait_until(lambda: len(senders.taken) > len(before) + 200)
    after = senders.stop()
    wait_until(daemon.settled)
    assert told["end"] >= len(before)
    return before, after, told


def test_all_that_was_taken_before_the_backup_is_delivered_to_an_empty_destination(daemon, flooded):
    before, _, told = flooded
    disaster(daemon, destination=True)
    again = restore(daemon)
    assert (again["end"], again["next"]) == (told["end"], 1000000001)
    fine(daemon.sluice("log", "fsck"))
    daemon.start()
    wait_until(daemon.settled)
    rows = ids(daemon)
    assert set(before) <= set(rows) and len(rows) == len(set(rows)) == told["end"]


def test_a_destination_that_is_newer_keeps_what_it_has_and_goes_on(daemon, flooded):
    before, after, told = flooded
    assert sorted(ids(daemon)) == sorted(after)
    disaster(daemon)
    restore(daemon)
    daemon.start()
    post(daemon, range(1000000, 1000050))
    daemon.restart()
    post(daemon, range(1000050, 1000100))
    wait_until(daemon.settled)
    assert handed_over(daemon) == sorted(ids(daemon)) == sorted(after) + list(range(1000000, 1000100))
    assert daemon.route_health()["dead"] == 0
    assert daemon.health()["log"]["end"] == 1000000100


def test_a_destination_that_is_older_gets_what_it_lacks(daemon):
    begin(daemon)
    post(daemon, range(50))
    wait_until(daemon.settled)
    daemon.stop()
    shutil.copy(daemon.folder / "warehouse.db", daemon.folder / "old.db")
    daemon.start()
    post(daemon, range(50, 120))
    backup(daemon)
    disaster(daemon, destination=True)
    (daemon.folder / "old.db").rename(daemon.folder / "warehouse.db")
    restore(daemon)
    daemon.start()
    wait_until(daemon.settled)
    assert ids(daemon) == list(range(120))


def test_backups_one_after_the_other_under_load_are_each_whole(daemon):
    begin(daemon)
    senders = Senders(daemon, count=2)
    for number in range(6):
        least = len(senders.taken)
        assert backup(daemon)["end"] >= least
        fine(daemon.sluice("restore", "backup", "--check"))
        fine(daemon.sluice("restore", "backup", "-d", f"copy{number}"))
        fine(daemon.sluice("log", "fsck", "-d", f"copy{number}"))
    senders.stop()


# ------------------------------------------------------------- what is in it


def test_dead_letters_pauses_and_ids_come_back(daemon):
    begin(daemon)
    post(daemon, range(5))
    post(daemon, [5], fail="never")
    wait_until(lambda: daemon.route_health()["cursor"] == 6)
    assert daemon.ask("notes", "pause")[0] == 200
    post(daemon, range(6, 10))
    told = backup(daemon)
    assert told["end"] == 10
    disaster(daemon)
    restore(daemon)
    daemon.start()
    assert daemon.route_health()["paused"] and daemon.route_health()["dead"] == 1
    assert '"never"' in daemon.ask("notes", "dead show", seq=6)[1]["rows"][0]["body"]
    assert daemon.ask("notes", "resume")[0] == 200
    post(daemon, [3, 7, 10])  # two of them again
    wait_until(daemon.settled)
    assert ids(daemon) == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]


def test_what_was_read_and_waits_is_not_lost_with_a_destination_that_is_newer(daemon):
    """A dead letter of an event that the backup does not have stays one, with its own number."""
    begin(daemon)
    post(daemon, range(3))
    backup(daemon)
    post(daemon, [3], fail="never")
    wait_until(lambda: daemon.route_health()["cursor"] == 4)
    disaster(daemon)
    restore(daemon)
    daemon.start()
    post(daemon, [4])
    wait_until(daemon.settled)
    assert ids(daemon) == [0, 1, 2, 4]
    assert [row["seq"] for row in daemon.ask("notes", "dead ls")[1]["rows"]] == [4]


def test_the_gap_weighs_nothing(daemon):
    begin(daemon)
    post(daemon, range(20))
    wait_until(daemon.settled)
    backup(daemon)
    disaster(daemon)
    restore(daemon)
    daemon.start()
    assert daemon.ask("notes", "pause")[0] == 200
    post(daemon, range(20, 30))
    assert "events   30, from 1 to 1000000010, with a gap where it was restored" in daemon.sluice("log", "stat").stdout
    assert daemon.route_health()["behind"] == 10
    log = daemon.health()["log"]
    assert 0.2 < log["held"] / log["bytes"] < 0.5  # ten of thirty


@pytest.mark.parametrize("newer", [0, 1, 2, 7])
def test_where_the_destination_stands_in_the_gap_the_events_behind_it_are_counted(daemon, newer):
    """It has had so many that the backup does not have; the route is paused, as it was when that was made."""
    begin(daemon)
    post(daemon, range(3))
    wait_until(daemon.settled)
    assert daemon.ask("notes", "pause")[0] == 200
    backup(daemon)
    assert daemon.ask("notes", "resume")[0] == 200
    post(daemon, range(3, 3 + newer))
    wait_until(daemon.settled)
    disaster(daemon)
    restore(daemon)
    daemon.start()
    route = daemon.route_health()
    assert (route["paused"], route["cursor"], route["behind"]) == (True, 3 + newer, 0)
    for number in range(1, 4):
        post(daemon, [20 + number])
        assert daemon.route_health()["behind"] == number
    assert b'sluice_behind{process="route",route="notes"} 3' in daemon.get("/metrics").body
    daemon.stop()
    assert json.loads(fine(daemon.sluice("routes", "ls", "--json")))["behind"] == 3
    daemon.start()
    assert daemon.ask("notes", "resume")[0] == 200
    wait_until(daemon.settled)
    assert ids(daemon) == [*range(3 + newer), 21, 22, 23]


def test_a_backup_of_a_stopped_daemon_and_of_a_killed_one(daemon):
    begin(daemon)
    post(daemon, range(10))
    daemon.stop()
    assert backup(daemon)["end"] == 10
    daemon.start()
    post(daemon, range(10, 20))
    wait_until(daemon.settled)
    daemon.kill()
    assert backup(daemon)["end"] == 20
    disaster_of_nobody = daemon.folder / "elsewhere"
    fine(daemon.sluice("restore", "backup", "-d", str(disaster_of_nobody)))
    exported = fine(daemon.sluice("log", "cat", "-d", str(disaster_of_nobody), "--json"))
    assert len(exported.splitlines()) == 20


def test_a_daemon_that_has_taken_nothing_yet(daemon):
    begin(daemon)
    told = backup(daemon)
    assert told["end"] == 0
    disaster(daemon)
    assert restore(daemon)["next"] == 1000000001
    daemon.start()
    post(daemon, range(3))
    wait_until(daemon.settled)
    assert ids(daemon) == [0, 1, 2]


def test_files_are_for_their_owner_and_processes_files_stay_away(daemon):
    begin(daemon)
    post(daemon, range(3))
    backup(daemon)
    for path in (daemon.folder / "backup").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path
    paths = {file["path"] for file in manifest(daemon)["files"]}
    assert {"routes/notes.db", "log/id", "log/000000000001.seg"} == paths
    disaster(daemon)
    restore(daemon)
    for path in [daemon.data, *daemon.data.rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


# ---------------------------------------------------------------- again


def test_the_second_backup_copies_only_what_is_new(daemon):
    begin(daemon)
    post(daemon, range(60), text="x" * 30000)
    wait_until(daemon.settled)
    first = backup(daemon)
    post(daemon, [60])
    second = backup(daemon)
    assert second["kept"] > first["copied"] * 0.6 and second["copied"] < first["copied"] * 0.4
    wanted = {file["sha256"] for file in manifest(daemon)["files"]}
    assert {path.name for path in (daemon.folder / "backup" / "files").iterdir()} == wanted
    for path in (daemon.folder / "backup" / "files").iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == path.name
    disaster(daemon, destination=True)
    restore(daemon)
    daemon.start()
    wait_until(daemon.settled)
    assert ids(daemon) == list(range(61))


def test_a_restored_daemon_may_go_on_with_the_same_backup(daemon):
    begin(daemon)
    post(daemon, range(30), text="x" * 30000)
    for number in range(1, 4):
        backup(daemon)
        disaster(daemon)
        assert restore(daemon)["next"] == number * 1000000000 + 1
        daemon.start()
        post(daemon, range(30 * number, 30 * number + 30), text="x" * 30000)
    wait_until(daemon.settled)
    assert ids(daemon) == list(range(120))
    fine(daemon.sluice("log", "fsck"))
    daemon.stop()
    for path in daemon.folder.glob("warehouse.db*"):
        path.unlink()
    daemon.start()
    wait_until(daemon.settled)
    assert ids(daemon) == list(range(120))


# -------------------------------------------------------------- what is refused


@pytest.fixture
def kept(daemon):
    begin(daemon)
    post(daemon, range(30), text="x" * 30000)
    wait_until(daemon.settled)
    backup(daemon)
    return daemon


def flip(file):
    bytes = bytearray(file.read_bytes())
    bytes[len(bytes) // 2] ^= 1
    file.write_bytes(bytes)


def cut(file):
    os.truncate(file, file.stat().st_size - 1)


def test_a_damaged_file_is_named_and_nothing_is_touched(kept):
    kept.kill()
    before = sorted(path.name for path in kept.data.iterdir())
    for path in ("log/000000000001.seg", "routes/notes.db", "log/id"):
        for harm in (flip, cut, os.unlink):
            shutil.copytree(kept.folder / "backup", kept.folder / "bad")
            harm(stored(kept, path, of="bad"))
            refused(kept.sluice("restore", "bad", "--force"), "the backup is damaged", path)
            refused(kept.sluice("restore", "bad", "--check"), "the backup is damaged", path)
            refused(kept.sluice("restore", "bad", "-d", "elsewhere"), "the backup is damaged", path)
            shutil.rmtree(kept.folder / "bad")
    assert sorted(path.name for path in kept.data.iterdir()) == before
    assert not (kept.folder / "elsewhere").exists()


def rewrite(daemon, change):
    """The manifest, changed by somebody who knows how its checksum is made."""
    path = daemon.folder / "backup" / "backup.json"
    inner = json.loads(path.read_text())["backup"]
    change(inner)
    text = json.dumps(inner)
    path.write_text('{"backup":%s,"sha256":"%s"}' % (text, hashlib.sha256(text.encode()).hexdigest()))


def test_a_damaged_manifest_is_refused_and_not_written_over(kept):
    path = kept.folder / "backup" / "backup.json"
    text = path.read_text()
    for harm in (text.replace('"log_end":30', '"log_end":31'), text[:100], "", "{}", "[]", "null"):
        path.write_text(harm)
        refused(kept.sluice("restore", "backup", "--check"), "backup.json is damaged")
        refused(kept.sluice("backup", "backup"), "backup.json is damaged")


def test_a_later_format_is_refused_with_both_versions(kept):
    rewrite(kept, lambda inner: inner.update(format=2, version="9.9.9"))
    words = refused(kept.sluice("restore", "backup", "--check"), "sluice 9.9.9 in format 2", "which knows format 1")
    assert words.count("sluice") >= 3


def test_a_manifest_cannot_write_outside_the_data_folder(kept):
    kept.stop()
    for path in ("../outside", "/tmp/outside", "routes/../../outside", "routes//x", "routes/", "", ".."):
        rewrite(kept, lambda inner, path=path: inner["files"][0].update(path=path))
        refused(kept.sluice("restore", "backup", "-d", "elsewhere"), "makes no sense")
    assert not (kept.folder / "outside").exists() and not (kept.folder / "elsewhere").exists()


def test_folders_that_are_something_else_are_refused(kept):
    (kept.folder / "mine").mkdir()
    (kept.folder / "mine" / "letter.txt").write_text("dear")
    refused(kept.sluice("backup", "mine"), "is no backup, and has files already (letter.txt)")
    refused(kept.sluice("backup", "data/backup"), "lies in the data folder")
    refused(kept.sluice("restore", "mine"), "there is no backup in mine")
    refused(kept.sluice("restore", "nowhere"), "there is no backup in nowhere")
    refused(kept.sluice("backup", "nowhere/deeper"), "nowhere/deeper", "No such file")
    assert (kept.folder / "mine" / "letter.txt").read_text() == "dear"


def test_a_data_folder_in_use_is_refused_or_put_aside(kept):
    refused(kept.sluice("restore", "backup"), "belongs to the daemon with process id")
    refused(kept.sluice("restore", "backup", "--force"), "belongs to the daemon with process id")
    kept.stop()
    refused(kept.sluice("restore", "backup"), "is in use", "--force puts what is there aside")
    told = restore(kept, "--force")
    assert {"log", "routes"} <= {path.name for path in pathlib.Path(kept.folder / told["aside"]).iterdir()}
    kept.start()
    post(kept, [30])
    wait_until(kept.settled)
    assert ids(kept) == list(range(31))
    again = backup(kept, to="second")
    assert not [file for file in manifest(kept, "second")["files"] if file["path"].startswith("replaced")], again


def test_a_restore_that_was_cut_off_is_not_run_on(kept):
    kept.stop()
    shutil.rmtree(kept.data)
    kept.data.mkdir()
    (kept.data / "restore.unfinished").touch()
    kept.start(ready=False)
    assert kept.wait() == 1
    assert "is only half restored" in kept.stderr()
    restore(kept)
    kept.start()
    assert not (kept.data / "restore.unfinished").exists()


def test_the_daemon_was_last_alive_when_the_backup_was_made(kept):
    kept.kill()
    at = manifest(kept)["at"]
    restore(kept, "--force")
    seen = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime((kept.data / "lock").stat().st_mtime))
    assert at.startswith(seen)


# ------------------------------------------------------------------ the disk


@pytest.fixture
def small(kept):
    folder = kept.folder / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@needs_root
def test_a_full_disk_is_told_and_leaves_the_folder_as_it_was(kept, small):
    refused(kept.sluice("backup", "small"), "log/", "its copy in small", "No space left on device")
    assert list(small.iterdir()) == []
    subprocess.run(["mount", "-o", "remount,size=1500k", small], check=True)
    backup(kept, to="small")
    post(kept, range(30, 60), text="x" * 30000)
    wait_until(kept.settled)
    refused(kept.sluice("backup", "small"), "No space left on device", "the backup that was there before is whole")
    fine(kept.sluice("restore", "small", "--check"))


@needs_root
def test_a_restore_onto_a_full_disk_is_told_and_can_be_done_again(kept, small):
    kept.stop()
    refused(kept.sluice("restore", "backup", "-d", "small"), "No space left on device")
    subprocess.run(["mount", "-o", "remount,size=8m", small], check=True)
    fine(kept.sluice("restore", "backup", "-d", "small"))
    fine(kept.sluice("log", "fsck", "-d", "small"))


def test_a_limit_of_file_sizes_is_told(kept):
    answer = subprocess.run(["bash", "-c", 'ulimit -f 100; exec "$0" backup limited', SLUICE],
                            cwd=kept.folder, capture_output=True, text=True)
    refused(answer, "File too large")


# ------------------------------------------------------------------- what is polled


def test_a_source_asks_again_for_what_it_got_after_the_backup(shop, vendor):  # noqa: F811
    vendor.has(30)
    shop.start()
    poll(shop)
    expect_all(shop, 30)
    backup(shop)
    runs = set(shop.rows("select run from sluice_sync"))
    vendor.has(20, first=30)
    poll(shop)
    expect_all(shop, 50)
    lost = set(shop.rows("select run from sluice_sync")) - runs
    disaster(shop)
    restore(shop)
    vendor.has(10, first=50)
    shop.start()
    expect_all(shop, 60)
    expect_once(shop)
    events = [event["id"] for event in logged(shop)]
    assert len(events) == len(set(events))
    again = set(shop.rows("select run from sluice_sync")) - runs - lost
    assert lost and again, "no run has the name of one that the backup did not know"
    assert not {run for run, in again} & {run for run, in lost}
