# SPDX-License-Identifier: Apache-2.0
# power.py - what a disk may hold that lost its power: made from the notes that the shim took while a daemon ran.
#
#     harness = Harness(daemon)                       the daemon's files are watched from here on
#     ...it runs...; recording = harness.recording()
#     recording.cut(moment, dice, folder)             the folder as it may be found after a power cut at that moment
#
# A file holds what was written before a sync of it returned.  Of what was written since, each piece may be there, or
# not, or some of its sectors, in any order; a sector is whole, and as it was in memory at some moment.  What a sync
# failed for stays like that, whatever is synced later.  A file's length is one of those it had since a sync of it
# succeeded: a truncation is no data, and certain with the next sync that succeeds.  What a write adds whose sync failed is
# certain then too where the length is noted when the write begins (ext4), and where it is noted when the write has ended
# (XFS, Btrfs) it is not, before what is written later reaches as far: the dice say which of them it is.  A new name, a
# rename, a removal is certain once its folder was synced; those since may all be there, the first few, or, as no good
# file system would have it, any of them.
import ctypes
import dataclasses
import mmap
import os
import pathlib
import shutil
import struct
import uuid

from bed import SLUICE

SHIM = pathlib.Path(SLUICE).resolve().parent / "tests" / "shim.so"
SECTOR = 512
WRITES, SYNCS, READS, ENTRIES, MEMORY, AHEAD = 1, 2, 4, 8, 16, 32
DIE, DIE_HALF, DIE_ALL = 1000, 1001, 1002
FOREVER = (1 << 63) - 1
SOON = 50  # writes: so many come soon after a failure

NOTE = struct.Struct("=IIQQQQQII")
WRITE, ZEROS, CUT, RESERVE, SYNC, MAKE, FOLDER, MOVE, LINK, GONE, MAPPED, FAILED = range(1, 13)


class Levers(ctypes.Structure):
    """As shim.c has them, in memory that all processes share."""

    _fields_ = [(name, ctypes.c_uint64) for name in ("now", "met", "hits", "kinds", "at", "times", "chance", "what", "fallen")] + [
        ("path", ctypes.c_char * 64), ("title", ctypes.c_char * 64)]

    def harm(self, kinds, what, at=1, times=FOREVER, chance=0, path="", title=""):
        """From now on: the at-th such call, and so many after it, fail with an errno, or end the process."""
        self.kinds = 0
        self.met = self.hits = self.fallen = 0
        self.at, self.times, self.chance, self.what = at, times, int(chance * 1000000), what
        self.path, self.title = path.encode(), title.encode()
        self.kinds = kinds

    def rest(self):
        self.kinds = 0


class Harness:
    """A daemon whose processes have the shim.  What belongs to it lies beside the daemon's folder, in `side`."""

    def __init__(self, daemon, notes=True):
        assert SHIM.exists(), f"{SHIM} is missing: build the target \"harm\""
        self.root = daemon.folder
        self.side = self.root.with_name(self.root.name + ".side")
        shutil.rmtree(self.side, ignore_errors=True)
        self.side.mkdir()
        (self.side / "levers").write_bytes(bytes(4096))
        (self.side / "boot_id").write_text(f"{uuid.uuid4()}\n")
        with open(self.side / "levers", "r+b") as file:
            self.map = mmap.mmap(file.fileno(), 4096)
        self.levers = Levers.from_buffer(self.map)
        daemon.environment = {"LD_PRELOAD": str(SHIM), "SHIM_ROOT": str(self.root), "SHIM_PAGE": str(self.side / "levers"),
                              "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}
        daemon.levers = self.levers
        if notes:
            self.base = Base(self.root)
            daemon.environment["SHIM_JOURNAL"] = str(self.side)

    def now(self):
        return self.levers.now

    def recording(self):
        notes = []
        for path in self.side.glob("*.notes"):
            notes += read_notes(path.read_bytes())
        return Recording(self.base, sorted(notes, key=lambda note: note.begun), self.now())

    def end(self):
        shutil.rmtree(self.side, ignore_errors=True)


# ----------------------------------------------------------------------- notes


@dataclasses.dataclass
class Note:
    kind: int
    begun: int
    ended: int
    file: int
    at: int
    len: int
    paths: list
    bytes: bytes
    forgotten: bool = False  # a sync of it failed: the system takes it for written, and asks the disk no more
    settled: set = dataclasses.field(default_factory=set)  # sectors of a forgotten one that were written since, and synced
    sized: bool = False  # a forgotten one: the length it gave the file is certain, by a sync that came later
    most: int = FOREVER  # and the file was made no longer than this since

    def sectors(self):
        return range(self.at // SECTOR, (self.at + self.len - 1) // SECTOR + 1) if self.len else range(0)

    def anew(self):
        self.forgotten, self.settled, self.sized, self.most = False, set(), False, FOREVER


def read_notes(data):
    """The last one may be cut short by the end of its process."""
    at = 0
    while at + NOTE.size <= len(data):
        size, kind, begun, ended, file, place, length, path_len, bytes_len = NOTE.unpack_from(data, at)
        if at + size > len(data):
            return
        paths = data[at + NOTE.size:at + NOTE.size + path_len].decode().split("\0")[:-1]
        yield Note(kind, begun, ended, file, place, length, [os.path.normpath(path) for path in paths],
                   data[at + size - bytes_len:at + size])
        at += size


# ------------------------------------------------------------------------ disk


class File:
    def __init__(self, durable=b""):
        self.durable = bytearray(durable)
        self.pending = []  # notes, the oldest first

    def size_after(self, note, size):
        if note.kind == CUT:
            return note.len
        return max(size, min(note.at + note.len, note.most))

    def apply(self, note, sectors=None):
        """All of it, or what of it falls into these sectors."""
        if note.kind == CUT:
            del self.durable[note.len:]
        self.grow(self.size_after(note, len(self.durable)))
        if note.kind not in (WRITE, ZEROS, MAPPED):
            return
        data = bytes(note.len) if note.kind == ZEROS else note.bytes
        if sectors is None:
            self.durable[note.at:note.at + note.len] = data
            return
        for sector in sectors:
            begin, end = max(note.at, sector * SECTOR), min(note.at + note.len, (sector + 1) * SECTOR)
            self.durable[begin:end] = data[begin - note.at:end - note.at]

    def grow(self, size):
        if size > len(self.durable):
            self.durable.extend(bytes(size - len(self.durable)))

    def synced(self, moment, early=True):
        """`early`: a length is noted before the data is written."""
        rest = []
        for note in self.pending:
            if note.ended < moment and not note.forgotten:
                self.remember(rest, note)
                self.apply(note)
                continue
            if note.ended < moment and not note.sized and (early or note.kind != WRITE):
                self.resize(rest, note)
            rest.append(note)
        self.pending = [note for note in rest if not (note.sized or note.kind == WRITE) or
                        not note.settled.issuperset(note.sectors())]

    def resize(self, pending, note):
        for old in pending if note.kind == CUT else ():
            old.most = min(old.most, note.len)
        size = self.size_after(note, len(self.durable))
        del self.durable[size:]
        self.grow(size)
        note.sized = True

    def remember(self, pending, note):
        """What was forgotten in a sector is written with whatever comes into it later, and is gone if it is cut off."""
        for old in pending:
            if not old.forgotten or old.kind not in (WRITE, ZEROS, MAPPED):
                continue
            both = {sector for sector in old.sectors() if sector * SECTOR >= note.len} if note.kind == CUT else \
                set(note.sectors()).intersection(old.sectors()) - old.settled
            if note.kind == CUT:
                old.most = min(old.most, note.len)
            elif note.kind in (WRITE, ZEROS, MAPPED):
                self.carry(old, sorted(both))
            if note.kind != RESERVE:
                old.settled |= both

    def carry(self, old, sectors):
        """No further than the last of the sectors."""
        end = len(self.durable)
        self.apply(old, sectors)
        del self.durable[max([end, *((sector + 1) * SECTOR for sector in sectors[-1:])]):]

    def lose(self, mood):
        """What is left when the power goes."""
        size, sizes = len(self.durable), [len(self.durable)]
        latest = {}  # sector: the last pending note that reached it, if any did
        for number, note in enumerate(self.pending):
            if not note.sized:
                size = self.size_after(note, size)
                sizes.append(size)
            if note.kind in (WRITE, ZEROS, MAPPED) and note.len:
                for sector in mood.sectors(note.sectors()[0], note.sectors()[-1] + 1):
                    latest[sector] = number
        end = mood.size(sizes)
        for number, note in enumerate(self.pending):
            if note.kind in (WRITE, ZEROS, MAPPED) and note.len:
                self.apply(note, [sector for sector in note.sectors()
                                  if latest.get(sector, -1) >= number and sector not in note.settled])
            elif note.kind == CUT and not note.sized and end <= note.len:
                self.apply(note)
        del self.durable[end:]
        self.grow(end)


class Folder:
    def __init__(self):
        self.now, self.durable, self.pending = {}, {}, []  # name: File or Folder; pending: (moment, changes)


class Disk:
    """Files and folders of the root, as they are in memory and as they are for certain."""

    def __init__(self, base, early):
        self.root, self.early, self.top, self.inodes = str(base.root), early, Folder(), {}
        for path, (inode, content) in base.entries.items():
            node = Folder() if content is None else File(content)
            self.inodes[inode] = node
            if path != self.root:
                folder, name = self.place(path)
                folder.now[name] = folder.durable[name] = node
            else:
                self.top = node

    def place(self, path):
        """(the folder, the name in it)"""
        parts = os.path.relpath(path, self.root).split("/")
        folder = self.top
        for part in parts[:-1]:
            folder = folder.now[part]
        return folder, parts[-1]

    def find(self, path):
        folder, name = self.place(path)
        return folder.now.get(name)

    def change(self, note, *changes):
        """Names that come to be or go, all at once; the last one's folder is the one whose sync makes it certain."""
        for folder, name, node in changes:
            if node is None:
                folder.now.pop(name, None)
            else:
                folder.now[name] = node
        changes[-1][0].pending.append((note.ended, changes))

    def take(self, note):
        if note.kind in (WRITE, ZEROS, CUT, RESERVE, MAPPED):
            node = self.inodes.get(note.file)
            if isinstance(node, File):
                node.pending.append(note)
        elif note.kind == FAILED:
            node = self.inodes.get(note.file)
            for pending in node.pending if isinstance(node, File) else ():
                pending.forgotten = True
        elif note.kind in (MAKE, FOLDER):
            node = self.inodes[note.file] = File() if note.kind == MAKE else Folder()
            self.change(note, (*self.place(note.paths[0]), node))
        elif note.kind == GONE:
            self.change(note, (*self.place(note.paths[0]), None))
        elif note.kind in (MOVE, LINK):
            was, node = self.place(note.paths[0]), self.find(note.paths[0])
            self.change(note, *([(*was, None)] if note.kind == MOVE else []), (*self.place(note.paths[1]), node))

    def sync(self, note):
        node = self.inodes.get(note.file)
        if isinstance(node, File):
            node.synced(note.begun, self.early)
        elif node:
            for moment, changes in node.pending:
                if moment < note.begun:
                    apply_names(changes)
            node.pending = [entry for entry in node.pending if entry[0] >= note.begun]

    def folders(self):
        return [self.top] + [node for node in self.inodes.values() if isinstance(node, Folder) and node is not self.top]

    def lose(self, mood):
        for folder in self.folders():
            for _, changes in mood.names(folder.pending):
                apply_names(changes)

    def write(self, folder, path, mood):
        path.mkdir(parents=True, exist_ok=True)
        for name, node in folder.durable.items():
            if isinstance(node, Folder):
                self.write(node, path / name, mood)
            else:
                node.lose(mood)
                (path / name).write_bytes(node.durable)
                node.pending = []


def apply_names(changes):
    for folder, name, node in changes:
        if node is None:
            folder.durable.pop(name, None)
        else:
            folder.durable[name] = node


class Mood:
    """How a disk is disposed when the power goes: by the dice, from losing all that was not synced to losing nothing."""

    def __init__(self, dice):
        self.dice = dice
        self.keeps = dice.choice([0.0, 0.1, 0.5, 0.9, 1.0])
        self.tears = dice.choice([0.0, 0.2, 0.8])
        self.ordered = dice.random() < 0.5
        self.early = dice.random() < 0.5

    @classmethod
    def worst(cls, dice):
        """Nothing is there that was not synced."""
        mood = cls(dice)
        mood.keeps = mood.tears = 0.0
        return mood

    def sectors(self, first, end):
        """Which of a write's sectors are there."""
        if self.dice.random() < self.tears:
            return [sector for sector in range(first, end) if self.dice.random() < 0.5]
        return range(first, end) if self.dice.random() < self.keeps else []

    def size(self, sizes):
        return sizes[-1] if self.dice.random() < self.keeps else self.dice.choice(sizes)

    def names(self, pending):
        if self.ordered:
            return pending[:sum(self.dice.random() < self.keeps for _ in pending)]
        return [entry for entry in pending if self.dice.random() < self.keeps]


# ------------------------------------------------------------------- recording


class Base:
    """The folder as it is before the daemon starts; all of it is on the disk."""

    def __init__(self, root):
        self.root = root
        self.entries = {}
        for path in [root, *sorted(root.rglob("*"))]:
            content = None if path.is_dir() else path.read_bytes() if path.is_file() else b""
            if path.is_dir() or path.is_file():
                self.entries[str(path)] = path.stat().st_ino, content


@dataclasses.dataclass
class Recording:
    base: Base
    notes: list
    end: int

    def mended(self, name):
        """The moments at which a file of that name was written to, soon after a sync of anything had failed."""
        files = {inode for path, (inode, _) in self.base.entries.items() if path.endswith(name)}
        files |= {note.file for note in self.notes if note.kind == MAKE and note.paths[0].endswith(name)}
        moments, soon = [], 0
        for note in self.notes:
            soon = SOON if note.kind == FAILED else soon
            if soon and note.kind == WRITE and note.file in files:
                moments.append(note.ended)
                soon -= 1
        return moments

    def cut(self, moment, dice, folder, syncs=True, mood=None):
        """Makes in `folder` what may be left.  Without `syncs` it is as if the program under test never asked for one."""
        mood = mood or Mood(dice)
        disk = Disk(self.base, mood.early)
        for note in self.notes:
            note.anew()
        for note in self.notes:
            if note.begun > moment:
                break
            if note.kind != SYNC:
                disk.take(note)
            elif syncs and note.ended <= moment:
                disk.sync(note)
        disk.lose(mood)
        disk.write(disk.top, pathlib.Path(folder), mood)
