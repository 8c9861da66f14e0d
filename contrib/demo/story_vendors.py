# SPDX-License-Identifier: Apache-2.0
# story_vendors.py - a configuration of examples/ with fake vendors behind it: tests/vendors/NAME.py for `use: NAME`.
#
# Each source is pointed at its fake: `base`, and what else fake.options() says.  One without a fake is posted the
# samples of its plugin.
import glob
import importlib
import json
import re
import sys

from stage import ROOT, SECRET, heading, say, show, show_tables, table

sys.path.insert(0, str(ROOT / "tests" / "vendors"))
from fake import Fake, Request, Window  # noqa: E402 (now that it is found)

OBJECTS, CHANGES, SPEED = 60, 20, 50
MORE = ("status", "events ls", "hooks ls", "routes ls")
PLAIN = Request("GET", "/", {})
VIEWS_SHOWN, ROWS_SHOWN, CELL = 6, 5, 26

fakes = {}  # the source's name: its fake
others = {}  # the source's name: its plugin, which has none


def has_fake(plugin):
    return (ROOT / "tests" / "vendors" / f"{plugin}.py").exists()


def names():
    """The examples that can be played: those with a source that has a fake."""
    found = []
    for path in sorted(ROOT.glob("examples/*/sluice.yaml")):
        uses = [use for _, use in sources_of(path.read_text())]
        if path.parent.name != "trello" and any(map(has_fake, uses)):
            found.append(path.parent.name)
    return found


# -------------------------------------------------------------------- the configuration


def section_of(text):
    """Where `sources:` begins and ends."""
    begin = re.search(r"^sources:.*\n", text, re.M).end()
    end = re.compile(r"^\S", re.M).search(re.sub(r"(?m)^#", " ", text), begin)
    return begin, end.start() if end else len(text)


def sources_of(text):
    """[(name, plugin)]"""
    begin, end = section_of(text)
    return re.findall(r"^  ([\w.-]+):(?:[ \t]*\n(?: +#.*\n| {4,}.*\n)*?    |[ \t]*\{[ \t]*)use:[ \t]*([\w./-]+)",
                      text[begin:end], re.M)


def block_of(text, source):
    begin, end = section_of(text)
    found = re.compile(rf"^  {re.escape(source)}:(.*\n(?: {{4,}}.*\n|\s*\n)*)", re.M).search(text, begin, end)
    return found.span(1)


def with_option(block, name, value):
    """In a block, or in braces."""
    said = f"{name}: {json.dumps(value)}"
    if block.lstrip().startswith("{"):
        changed, count = re.subn(rf"\b{name}:\s*(\[[^\]]*\]|[^,}}]*)", lambda _: said, block, count=1)
        return changed if count else block.replace("{", f"{{ {said},", 1)
    changed, count = re.subn(rf"(?m)^    {name}:.*\n(?: {{6,}}.*\n)*", lambda _: f"    {said}\n", block, count=1)
    return changed if count else re.sub(r"(?m)^    use:.*\n", lambda use: f"{use[0]}    {said}\n", block, count=1)


def pointed(text, source, options):
    begin, end = block_of(text, source)
    block = text[begin:end]
    for name, value in options.items():
        block = with_option(block, name, value)
    return text[:begin] + block + text[end:]


def make_fake(plugin):
    module = importlib.import_module(plugin)
    made = next(one for one in vars(module).values()
                if isinstance(one, type) and issubclass(one, Fake) and one.__module__ == plugin)
    fake = made(secret=SECRET, speed=SPEED, doubled=0.1, lost=0.1)
    fake.start()
    fake.fill(OBJECTS)
    return fake


def budget_of(fake):
    """The limits that count requests, at the fake's speed: one of them, or two."""
    api = {}
    counting = [limit for limit in fake.limits.values() if isinstance(limit, Window) and limit.cost(PLAIN) == 1]
    for limit, (most, window) in zip(counting, (("requests", "window"), ("points", "points_window"))):
        api.update({most: limit.most, window: f"{round(limit.seconds * 1000)}ms"})
    return {"api": api} if api else {}


def prepare(daemon):
    text = daemon.config.read_text()
    for source, plugin in sources_of(text):
        if has_fake(plugin):
            fakes[source] = make_fake(plugin)
            text = pointed(text, source, {"base": fakes[source].base, **budget_of(fakes[source]), **fakes[source].options()})
        else:
            others[source] = plugin
    own = f"http://127.0.0.1:{daemon.port}"
    address = f"public: {own}\nhttp: {{ allow: [ 127.0.0.1 ] }}"
    text, count = re.subn(r"(?m)^public:.*$", address, text, count=1)
    text = text if count else f"{address}\n{text}"
    daemon.config.write_text(text.replace("https://hooks.example.com", own))


def finish():
    for fake in fakes.values():
        fake.close()


# ---------------------------------------------------------------------------- the story


def arrived(daemon):
    daemon.wait_until(daemon.settled, "all of it is delivered")


def subscribe(daemon):
    heading("Webhooks are made at the vendors, or where only a person can, as if one had")
    for source, fake in fakes.items():
        if not getattr(fake, "secret", None):
            continue  # it pushes nothing
        daemon.sluice(f"hooks register {source}")
        if not fake.hooks:
            fake.subscribe(f"http://127.0.0.1:{daemon.port}/in/{source}")


def backfill(daemon):
    heading(f"Everything there is, {OBJECTS} objects each, is asked for")
    for source in fakes:
        daemon.sluice(f"backfill {source}")
    arrived(daemon)


def change(daemon):
    heading(f"{CHANGES} changes each: webhooks come, one in ten twice, one in ten not at all")
    for source, fake in fakes.items():
        fake.change(CHANGES)
        fake.drain(20)
        told = fake.counts
        say(f"  {source}: {told['pushes']} pushed, {told['acknowledged']} thanked for, {told['doubled']} twice, {told['lost']} lost")
    for source, plugin in others.items():
        files = sorted(glob.glob(f"plugins/{plugin}/samples/*.json", root_dir=ROOT))
        if files:
            daemon.sluice(f"send {source} plugins/{plugin}/samples/*.json", files)
    heading("What was lost is asked for")
    for source in fakes:
        daemon.sluice(f"poll {source}")
    arrived(daemon)


def cell(value):
    text = "-" if value is None else str(value).replace("\n", " ")
    return text if len(text) <= CELL else text[:CELL - 1] + "…"


def show_views(daemon):
    """The first views that have rows, a few of each."""
    shown = 0
    for name in daemon.tables("view"):
        columns = [row[1] for row in daemon.rows(f'PRAGMA table_info("{name}")')][:6]
        rows = daemon.rows("SELECT {} FROM \"{}\" LIMIT {}".format(
            ", ".join(f'"{column}"' for column in columns), name, ROWS_SHOWN))
        if rows and shown < VIEWS_SHOWN:
            shown += 1
            heading(name)
            table([[cell(value) for value in row] for row in rows], *columns)


def compare(daemon):
    heading("Is all as the vendors have it?")
    for source, fake in fakes.items():
        for name, rows in fake.truth().items():
            columns = list(rows[0]) if rows else []
            excused = {key for table_, key in getattr(fake, "excused", set()) if table_ == name}
            there = {row[0] for row in daemon.rows(f'SELECT {columns[0]} FROM {name}')} if rows else set()
            missing = {row[columns[0]] for row in rows} - excused - there
            show(f"{source}: {name.split()[0]}: " + (f"{len(missing)} are missing" if missing else f"all {len(rows)} are there"))


def story(daemon):
    subscribe(daemon)
    backfill(daemon)
    change(daemon)
    show_tables(daemon)
    show_views(daemon)
    compare(daemon)
    heading("How it is")
    daemon.sluice("status")
    heading("Your own")
    say(f"  cp -r examples/{daemon.example} ~/mine && cd ~/mine && cp sluice.env.example sluice.env")
    say(f"  examples/{daemon.example}/README.md says the rest.")
