# SPDX-License-Identifier: Apache-2.0
# vendorbed.py - a fake vendor, the daemon, and a bad day: at the end all is as the vendor has it.
#
#     CONFIG = """\
#     listen: 127.0.0.1:{port}
#     public: http://127.0.0.1:{port}
#     data: ./data
#     http: {{ allow: [127.0.0.1] }}
#     sources:
#       shop: {{ use: shop, base: "{base[shop]}", secret: [{secret}], api: {api[shop]} }}
#     ...
#     """
#
#     def test_a_bad_day(daemon):
#         shop = Shop(secret=daemon.secret, **bad_day())
#         Bed(daemon, CONFIG, {"shop": shop}, events=("shop_events", "event_id")).prove()
#
# prove() fills the fakes, starts the daemon, subscribes its addresses, makes changes (a fifth of the objects; twentieths
# of the webhooks are lost, doubled, late) beside a backfill, kills the daemon with -9 in the middle, polls at the
# end, and compares: fake.truth() with the tables, the webhooks that were acknowledged with the table of events,
# the limits of the fake with what it counted.  `{api[shop]}` is the fake's window limit in the engine's words.
#
#     SLUICE_OBJECTS   objects a fake has at first; 300
#     SLUICE_SEED      of the fakes' dice; 7, and another one each time if it is 0
import contextlib
import http.client
import json
import os
import random
import signal
import threading
import time

from bed import wait_until

OBJECTS = int(os.environ.get("SLUICE_OBJECTS", "300"))
SEED = int(os.environ.get("SLUICE_SEED", "7")) or random.randrange(1 << 30)
SPEED = float(os.environ.get("SLUICE_SPEED", "50"))
LONG = max(60, OBJECTS / 20)  # seconds until something that takes its time must have happened


def bad_day(**other):
    """What a fake is made with."""
    return {"speed": SPEED, "seed": SEED, "doubled": 0.05, "lost": 0.05, "late": 0.05, "faults": 0.02, **other}


def in_words(limit):
    """A window of the fake as the engine's `api:` has it."""
    return f"{{ requests: {limit.most}, window: {max(1, round(limit.seconds * 1000))}ms }}"


def comparable(value):
    """As SQLite holds it; JSON by what it says."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    if isinstance(value, (list, dict)):
        return json.dumps(value, sort_keys=True)
    return value


def difference(table, wanted, there):
    """The first few rows that are only on one side, in words; empty if there are none."""
    missing, extra = sorted(wanted - there, key=str), sorted(there - wanted, key=str)
    if not missing and not extra:
        return ""
    lines = [f"{table}: {len(missing)} of {len(wanted)} rows are not there, {len(extra)} should not be"]
    lines += [f"  wanted {row}" for row in missing[:5]] + [f"  there  {row}" for row in extra[:5]]
    return "\n".join(lines)


def killed_in_the_midst(bed, source, made):
    """`sluice hooks register`, whose process is killed when the vendor has `made` something and not said so yet."""
    fake = bed.fakes[source]

    def respond(request, connection):
        answer = fake.judge(request)
        if not made():
            connection.send(request, answer)

    fake.respond, respond = respond, fake.respond
    asking = threading.Thread(target=bed.daemon.sluice, args=("hooks", "register", source))
    asking.start()
    wait_until(made, what=bed.told)
    os.kill(bed.daemon.child(f"source {source}"), signal.SIGKILL)
    asking.join()
    fake.respond = respond
    wait_until(lambda: bed.ask(source, "state").get("open"), what=bed.told)


class Bed:
    """`fakes`: {the source's name: its fake, not started}.  `events`: a table and the column of the vendor's ids in
    it, or {source: (table, column)}; None: the model has no such table.  `values`: more for the configuration's {}.
    `victim`: what is killed: "master", or a child such as "ingress", "source shop", "route orders".
    `register`: `sluice hooks register` brings the webhooks there, instead of fake.subscribe().
    `limits`: {source: the name of the limit that `{api[source]}` tells}; its first window unless given."""

    def __init__(self, daemon, config, fakes, events=None, objects=OBJECTS, changes=None, victim="master",
                 register=False, limits=None, values=None):
        self.daemon, self.fakes, self.objects, self.victim, self.register = daemon, fakes, objects, victim, register
        self.changes = changes or max(40, objects // 5)
        self.events = events if isinstance(events, dict) or events is None else {name: events for name in fakes}
        self.limits = {name: self.limit_of(fake, (limits or {}).get(name)) for name, fake in fakes.items()}
        self.backfills = {}
        for fake in fakes.values():
            fake.start()
        self.text = config.format(port=daemon.port, secret=daemon.secret,
                                  base={name: fake.base for name, fake in fakes.items()},
                                  api={name: in_words(limit) for name, limit in self.limits.items() if limit},
                                  **(values or {}))

    @staticmethod
    def limit_of(fake, name):
        windows = [limit for limit in fake.limits.values() if hasattr(limit, "seconds")]
        return fake.limits[name] if name else windows[0] if windows else None

    def close(self):
        for fake in self.fakes.values():
            fake.close()

    # ------------------------------------------------------------- the daemon

    def ask(self, source, what):
        answer = self.daemon.admin("POST", f"/ask/source/{source}", json.dumps({"what": what}).encode())
        return json.loads(answer.body)

    def callback(self, source):
        return f"http://127.0.0.1:{self.daemon.port}/in/{source}"

    def told(self):
        counts = {name: dict(fake.counts) for name, fake in self.fakes.items()}
        return f"{counts}\n{self.daemon.stderr()[-4000:]}"

    def start(self):
        self.daemon.text = self.text
        self.daemon.write("sluice.yaml", self.text)
        self.daemon.start(ready=False)
        wait_until(self.ready, within=LONG, what=self.told)
        for name, fake in self.fakes.items():
            if self.register:
                self.until_done("hooks", "register", name)
            else:
                fake.subscribe(self.callback(name))

    def ready(self):
        assert self.daemon.process.poll() is None, self.daemon.stderr()
        return self.daemon.get("/health").status == 200

    def until_done(self, *words):
        """A command that may fail for a while: the vendor has its faults."""
        wait_until(lambda: self.daemon.sluice(*words, timeout=LONG).returncode == 0, within=LONG,
                   what=lambda: f"{words}\n{self.told()}")

    def kill(self):
        if self.victim == "master":
            self.daemon.kill()
            self.told_of_death()
            self.daemon.start(ready=False)
        else:
            os.kill(self.daemon.child(self.victim), signal.SIGKILL)
            self.told_of_death()

    def told_of_death(self):
        for fake in self.fakes.values():
            fake.reader_killed()

    # ------------------------------------------------------------- the bad day

    def backfill(self):
        for name, fake in self.fakes.items():
            self.until_done("backfill", name, "--no-wait")
            limit = self.limits[name]
            self.backfills[name] = {"began": time.monotonic(), "spent": limit.total if limit else 0, "took": None}

    def backfilled(self):
        """Whether all have ended; notes how long each took, and what it spent meanwhile."""
        for name, one in self.backfills.items():
            state = self.ask(name, "state") if one["took"] is None else {}
            if state.get("open") and state["backfill"] is None:
                one["took"] = time.monotonic() - one["began"]
                one["spent"] = (self.limits[name].total if self.limits[name] else 0) - one["spent"]
        return all(one["took"] is not None for one in self.backfills.values())

    def trouble(self):
        """The changes; in their middle somebody dies."""
        step = max(1, self.changes // 40)
        for done in range(0, self.changes, step):
            for fake in self.fakes.values():
                fake.change(min(step, self.changes - done))
            time.sleep(0.02)
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                self.backfilled()  # when it ended counts, not when all of this did
            if done < self.changes / 2 <= done + step:
                self.kill()

    def settle(self):
        """Nothing is on its way any more, and what was lost is asked for."""
        for name, fake in self.fakes.items():
            assert fake.drain(LONG), f"{name}: webhooks are still on their way\n{self.told()}"
        drained = time.time()
        wait_until(lambda: time.time() > drained + 2, within=LONG)  # vendors' times are whole seconds: theirs are over
        for name in self.fakes:
            self.until_done("poll", name)
        wait_until(self.caught_up, within=LONG, what=lambda: f"{self.daemon.health()['routes']}\n{self.told()}")

    def caught_up(self):
        return all(route["behind"] == 0 and route["waiting"] == 0 for route in self.daemon.health()["routes"])

    def prove(self):
        print(f"SLUICE_SEED={SEED} SLUICE_OBJECTS={self.objects}")
        try:
            for fake in self.fakes.values():
                fake.fill(self.objects)
            self.start()
            self.backfill()
            self.trouble()
            wait_until(self.backfilled, within=LONG * 2, what=self.told)
            self.settle()
            self.compare()
        finally:
            self.close()

    # ------------------------------------------------------------- afterwards

    def rows(self, table, columns):
        """What stands in a table, in the form of truth()."""
        found = self.daemon.rows(f"select {', '.join(columns)} from {table}")
        return {tuple(comparable(value) for value in row) for row in found}

    def compare_tables(self, name, fake):
        """fake.excused: {(table, first column)}: what nobody could have told us, left out on both sides."""
        wrong, truth = [], fake.truth()
        excused = getattr(fake, "excused", set())
        for table, wanted in truth.items():
            if not wanted:
                assert self.daemon.rows(f"select count(*) from {table}") == [(0,)], f"{name}: {table} is not empty"
                continue
            columns = list(wanted[0])
            rows = {tuple(comparable(row[column]) for column in columns) for row in wanted}
            assert len(rows) == len(wanted), f"{name}: truth() has a row of {table} twice"
            there = self.rows(table, columns)
            wrong.append(difference(table, {row for row in rows if (table, row[0]) not in excused},
                                    {row for row in there if (table, row[0]) not in excused}))
        assert not any(wrong), f"{name}: " + "\n".join(filter(None, wrong))

    def compare_events(self, name, fake):
        """What was answered with 2xx is in the table of events, once.  (A push without an id is not to be a row.)"""
        table, column = self.events[name]
        there = [row[0] for row in self.daemon.rows(f"select {column} from {table}")]
        assert len(there) == len(set(there)), f"{name}: an event is in {table} twice"
        lost = {one for one in fake.acknowledged if one is not None} - set(there)
        assert not lost, f"{name}: LOST {len(lost)} of {len(fake.acknowledged)}: {sorted(lost)[:5]}"

    def compare_limits(self, name, fake):
        assert not fake.errors, fake.errors[0]
        assert fake.exceeded == 0, f"{name}: asked for more than its budget {fake.exceeded} times"

    def compare_routes(self):
        for route in self.daemon.health()["routes"]:
            assert (route["dead"], route["waiting"]) == (0, 0), route
        assert self.daemon.rows("select * from _sluice_open") == []

    def compare(self):
        for name, fake in self.fakes.items():
            self.compare_limits(name, fake)
            self.compare_tables(name, fake)
            if self.events and name in self.events:
                self.compare_events(name, fake)
            print(self.summary(name, fake))
        self.compare_routes()

    def summary(self, name, fake):
        counts, one, limit = fake.counts, self.backfills[name], self.limits[name]
        words = (f"{name}: {self.objects} objects, {self.changes} changes, {counts['pushes']} webhooks "
                 f"({counts['lost']} lost, {counts['doubled']} doubled, {counts['late']} late, {counts['retries']} retried), "
                 f"{counts['requests']} requests ({counts['faults']} faults), backfill {one['took']:.1f} s")
        if limit:
            allowed = limit.most * one["took"] / limit.seconds
            words += f", {one['spent']} of {allowed:.0f} allowed: {100 * one['spent'] / allowed:.0f} %"
        return words
