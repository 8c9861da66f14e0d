# SPDX-License-Identifier: Apache-2.0
# fake.py - what all fake vendors have in common: a small server, limits that it counts, faults,
# and webhooks that are sent as vendors send them: again, late, twice, or not at all.
#
# A vendor is a class below Fake in a file of its own, which tests import and people run:
#
#     class Shop(Fake):
#         def __init__(self, secret="s", **how):
#             super().__init__(**how)
#             self.limit("requests", 100, 10)
#             self.route("GET", r"/v1/orders/(\w+)", lambda request: self.objects[request.groups[0]])
#         def fill(self, count): ...    makes objects, and tells nobody
#         def change(self, count): ...  creates, changes and deletes, and pushes to self.hooks
#         def truth(self): ...          {table: [row, ...]}: what the mapping must have made of it
#
#     if __name__ == "__main__":
#         main(lambda args: Shop(secret=args.secret, **how(args)))
#
# `speed` makes the vendor's time go faster: the windows of limits, retries, and whatever a
# vendor puts through self.soon(seconds).  Handlers and all that changes objects hold self.lock.
import argparse
import asyncio
import collections
import heapq
import http.client
import itertools
import json
import random
import re
import threading
import time
import traceback
import urllib.parse

REASONS = http.client.responses


class Answer:
    """What goes back.  `body`: bytes, a text, or anything else as JSON.  `cut`: only so many bytes of it."""

    def __init__(self, status=200, body=b"", headers=None, cut=None):
        self.status, self.cut, self.headers = status, cut, dict(headers or {})
        kind = "application/json"
        if isinstance(body, str):
            kind = "text/html" if body.startswith("<") else "text/plain"
        self.body = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        for name, value in ("Content-Type", kind), ("Date", time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())):
            if not any(name.lower() == there.lower() for there in self.headers):
                self.headers[name] = value

    def bytes(self):
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Other')}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        head = "\r\n".join([*lines, f"Content-Length: {len(self.body)}", "", ""]).encode()
        return head + (self.body if self.cut is None else self.body[:self.cut])


class Request:
    """What was asked.  `query`: {name: [value, ...]}; `headers`: names in lower case; `groups`: of the route."""

    def __init__(self, method, target, headers, body=b""):
        url = urllib.parse.urlsplit(target)
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.path = urllib.parse.unquote(url.path)
        self.query = urllib.parse.parse_qs(url.query, keep_blank_values=True)
        self.groups = ()

    def first(self, name, otherwise=None):
        return self.query.get(name, [otherwise])[0]

    @property
    def json(self):
        """The body; None if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    @property
    def form(self):
        return urllib.parse.parse_qs(self.body.decode(errors="replace"), keep_blank_values=True)

    @property
    def bearer(self):
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token if kind.lower() == "bearer" else None


# ---------------------------------------------------------------------- limits


def too_many(_request, left):
    return Answer(429, {"error": "too many requests"}, {"Retry-After": str(max(1, round(left + 0.5)))})


class Window:
    """At most so much in any stretch of so many seconds.  What is beyond is refused and does not count; `exceeded`
    says how often that was so."""

    def __init__(self, most, seconds, cost, refuse):
        self.most, self.seconds, self.cost, self.refuse = most, seconds, cost, refuse
        self.spent = self.exceeded = self.total = 0
        self.recent = collections.deque()

    def left(self, now):
        while self.recent and self.recent[0][0] <= now - self.seconds:
            self.spent -= self.recent.popleft()[1]
        return self.most - self.spent

    def spend(self, points, now=None):
        """Also for what is known only afterwards: the cost of a query."""
        now = time.monotonic() if now is None else now
        self.recent.append((now, points))
        self.spent += points
        self.total += points

    def seconds_left(self, now, points=1):
        """Until so much is free."""
        if not self.recent or self.left(now) >= points:
            return 0
        return max(0, self.recent[0][0] + self.seconds - now)

    def admit(self, request, now):
        points = self.cost(request)
        if not points:
            return None
        if self.left(now) < points:
            self.exceeded += 1
            return self.refuse(request, self.seconds_left(now, points))
        self.spend(points, now)
        return None


class Bucket:
    """It holds `most` and is filled by `rate` a second; each request takes of it."""

    def __init__(self, most, rate, cost, refuse):
        self.most, self.rate, self.cost, self.refuse = most, rate, cost, refuse
        self.held, self.at = most, time.monotonic()
        self.exceeded = self.total = 0

    def left(self, now=None):
        now = time.monotonic() if now is None else now
        self.held, self.at = min(self.most, self.held + (now - self.at) * self.rate), max(self.at, now)
        return self.held

    def spend(self, points, now=None):
        self.left(now)
        self.held -= points
        self.total += points

    def admit(self, request, now):
        points = self.cost(request)
        if not points:
            return None
        if self.left(now) < points:
            self.exceeded += 1
            return self.refuse(request, (points - self.held) / self.rate)
        self.spend(points, now)
        return None


# ---------------------------------------------------------------------- faults

HTML = "<!DOCTYPE html><html><head><title>Sorry</title></head><body><h1>We will be right back</h1></body></html>"

# What may come instead of an answer: by name, so that a fake chooses among them and adds its own.
FAULTS = {
    "429": lambda request: too_many(request, 0.5),
    "500": lambda request: Answer(500, {"error": "internal error"}),
    "502": lambda request: Answer(502, HTML),
    "503": lambda request: Answer(503, "service unavailable", {"Retry-After": "1"}),
    "cut": lambda request: Answer(200, {"data": "x" * 500}, cut=100),
    "html": lambda request: Answer(200, HTML),  # nobody tries that again by himself, so it is asked for by name
}


# ---------------------------------------------------------------------- the server


class Connection(asyncio.Protocol):
    """HTTP/1.1 as clients of APIs speak it: keep-alive, lengths given."""

    def __init__(self, fake):
        self.fake, self.buffer, self.transport = fake, b"", None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while (request := self.take()) is not None:
            self.fake.respond(request, self)

    def take(self):
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        first, *lines = self.buffer[:end].decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        whole = end + 4 + int(headers.get("content-length", 0))
        if len(self.buffer) < whole:
            if headers.get("expect") == "100-continue" and len(self.buffer) == end + 4:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None
        body, self.buffer = self.buffer[end + 4:whole], self.buffer[whole:]
        method, target, _ = first.split(" ", 2)
        return Request(method, target, headers, body)

    def send(self, request, answer):
        text = answer.bytes()
        if request.method == "HEAD":
            text = text[:text.index(b"\r\n\r\n") + 4]
        self.transport.write(text)
        if answer.cut is not None:
            self.transport.close()


class Push:
    def __init__(self, url, headers, body, retries, name):
        self.url, self.headers, self.body, self.retries, self.name = url, headers, body, list(retries), name


class Fake:
    def __init__(self, port=0, speed=1, seed=1, doubled=0.0, lost=0.0, late=0.0, faults=0.0):
        self.port, self.speed = port, speed
        self.doubled, self.lost, self.late, self.faults = doubled, lost, late, faults
        self.unlost = 0  # pushes since one was lost
        self.dice = random.Random(seed)  # of objects and changes
        self.luck = random.Random(f"{seed} luck")  # of faults and deliveries, so that those change no object
        self.lock = threading.RLock()
        self.objects = {}
        self.hooks = []  # what subscribe() was told
        self.limits = {}
        self.routes = []
        self.moods = collections.deque()  # what is answered instead, one a request: Answers, or names of FAULTS
        self.fault_kinds = ["429", "500", "502", "503", "cut"]
        self.latency = 0.0  # seconds, as they are, until an answer goes out
        self.under_way = self.at_once = 0  # at_once: the most there ever were
        self.counts = collections.Counter()
        self.asked = collections.deque(maxlen=10000)  # (time, method, target, status)
        self.errors = []  # what went wrong in handlers: tests want it empty
        self.acknowledged = {}  # id -> how often it was
        self.gone = set()  # ids of what was never sent, or given up
        self.loop = self.server = None
        self.outgoing = Outgoing(self)

    # ---------------------------------------------------------- what it knows

    def route(self, method, pattern, handler):
        """handler(request) -> Answer, or anything that becomes the JSON of a 200.  The pattern is of the whole path."""
        self.routes.append((method, re.compile(pattern), handler))

    def limit(self, name, most, seconds, cost=lambda request: 1, refuse=too_many):
        """A sliding window; refuse(request, seconds_left) -> Answer.  A cost of 0 means: not meant."""
        self.limits[name] = Window(most, seconds / self.speed, cost, refuse)
        return self.limits[name]

    def bucket(self, name, most, rate, cost=lambda request: 1, refuse=too_many):
        """A leaky bucket: Shopify's, Gadget's."""
        self.limits[name] = Bucket(most, rate * self.speed, cost, refuse)
        return self.limits[name]

    def options(self):
        """What a source's configuration has to say, besides `base`, to be let in here: for the demo."""
        return {name: getattr(self, name) for name in ("secret", "token", "key", "shop") if getattr(self, name, None)}

    @property
    def exceeded(self):
        return sum(limit.exceeded for limit in self.limits.values())

    def fill(self, count):
        raise NotImplementedError

    def change(self, count):
        raise NotImplementedError

    def truth(self):
        raise NotImplementedError

    def subscribe(self, url, **what):
        """As if somebody had registered a webhook by hand."""
        with self.lock:
            self.hooks.append({"url": url, **what})

    # -------------------------------------------------------------- answering

    def fault(self, _request):
        if self.moods:
            mood = self.moods.popleft()
            return FAULTS[mood](_request) if isinstance(mood, str) else mood
        if self.faults and self.luck.random() < self.faults:
            return FAULTS[self.luck.choice(self.fault_kinds)](_request)
        return None

    def admitted(self, request):
        """The refusal of the first limit that has no room; nothing is spent of the others then."""
        now = time.monotonic()
        for limit in self.limits.values():
            refusal = limit.admit(request, now)
            if refusal:
                self.counts["refused"] += 1
                return refusal
        return None

    def handle(self, request):
        known = False
        for method, pattern, handler in self.routes:
            found = pattern.fullmatch(request.path)
            known = known or found
            if found and method == request.method:
                request.groups = found.groups()
                answer = handler(request)
                return answer if isinstance(answer, Answer) else Answer(200, answer)
        return Answer(405 if known else 404, {"error": f"no {request.method} {request.path}"})

    def judge(self, request):
        with self.lock:
            self.counts["requests"] += 1
            try:
                answer = self.admitted(request)
                if not answer:
                    answer = self.fault(request)
                    self.counts["faults"] += bool(answer)
                answer = answer or self.handle(request)
            except Exception:  # a fake that breaks must say so, and not hang
                self.errors.append(traceback.format_exc())
                answer = Answer(500, {"error": self.errors[-1]})
            self.asked.append((time.monotonic(), request.method, request.target, answer.status))
            return answer

    def respond(self, request, connection):
        answer = self.judge(request)
        if not self.latency:
            connection.send(request, answer)
            return
        self.under_way += 1
        self.at_once = max(self.at_once, self.under_way)
        self.loop.call_later(self.latency, self.finish, request, answer, connection)

    def finish(self, request, answer, connection):
        self.under_way -= 1
        connection.send(request, answer)

    # ------------------------------------------------------------------- life

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.loop = asyncio.new_event_loop()
        make = self.loop.create_server(lambda: Connection(self), "127.0.0.1", self.port)
        self.server = self.loop.run_until_complete(make)
        self.port = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.outgoing.start()
        return self

    def close(self):
        self.outgoing.stop()
        if self.server:
            self.loop.call_soon_threadsafe(self.server.close)
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(5)
            self.server = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    # ---------------------------------------------------------------- pushing

    def push(self, url, headers, body, retries=(30, 60, 120), id=None):  # noqa: A002 (the vendor's word)
        """From a thread, in order but for what is late.  headers: a dict, or a function of the body that is called at
        each try (signatures with a time in them).  After `retries` (seconds of the vendor) it is given up."""
        data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        with self.lock:
            self.counts["pushes"] += 1
            one = Push(url, headers, data, retries, id)
            self.unlost += 1
            if self.luck.random() < self.lost or self.lost * self.unlost > 2:  # some are lost for certain
                self.unlost = 0
                self.counts["lost"] += 1
                self.gone.add(id)
                return
            twice = self.luck.random() < self.doubled
            wait = self.luck.uniform(0.1, 2) if self.luck.random() < self.late else 0
            self.counts["late"] += bool(wait)
            self.outgoing.add(one, wait)
            if twice:
                self.counts["doubled"] += 1
                self.outgoing.add(Push(url, headers, data, retries, id), wait)

    def reader_killed(self):
        """Who asks us was killed; what it was told last it may have forgotten."""

    def soon(self, seconds):
        """So many seconds of the vendor, as they pass here."""
        return seconds / self.speed

    def drain(self, within=60):
        """Until nothing is on its way any more; false if that takes longer."""
        end = time.monotonic() + within
        while self.outgoing.busy and time.monotonic() < end:
            time.sleep(0.01)
        return not self.outgoing.busy


class Outgoing:
    """What is to be pushed, by the time it is due.  One thread, so that what is due at once goes out in order."""

    def __init__(self, fake):
        self.fake, self.heap, self.numbers = fake, [], itertools.count()
        self.ready, self.stopped, self.sending = threading.Condition(), False, False
        self.connections = {}

    @property
    def busy(self):
        with self.ready:
            return bool(self.heap) or self.sending

    def add(self, push, wait=0):
        with self.ready:
            heapq.heappush(self.heap, (time.monotonic() + wait if wait else 0, next(self.numbers), push))
            self.ready.notify()

    def start(self):
        threading.Thread(target=self.run, daemon=True).start()

    def stop(self):
        with self.ready:
            self.stopped = True
            self.ready.notify()

    def take(self):
        """The next that is due; None at the end."""
        with self.ready:
            self.sending = False
            while not self.stopped:
                wait = self.heap[0][0] - time.monotonic() if self.heap else None
                if wait is not None and wait <= 0:
                    self.sending = True
                    return heapq.heappop(self.heap)[2]
                self.ready.wait(wait)
            return None

    def run(self):
        while (push := self.take()) is not None:
            status = self.send(push)
            with self.fake.lock:
                self.fake.counts[f"answered {status}"] += 1
                if 200 <= status < 300:
                    self.fake.counts["acknowledged"] += 1
                    self.fake.acknowledged[push.name] = self.fake.acknowledged.get(push.name, 0) + 1
                elif push.retries:
                    self.fake.counts["retries"] += 1
                    self.add(push, self.fake.soon(push.retries.pop(0)))
                else:
                    self.fake.counts["given up"] += 1
                    self.fake.gone.add(push.name)

    def send(self, push):
        """The status; 0: no answer."""
        url = urllib.parse.urlsplit(push.url)
        try:
            connection = self.connections.setdefault(url.netloc, http.client.HTTPConnection(url.netloc, timeout=10))
            headers = push.headers(push.body) if callable(push.headers) else push.headers
            connection.request("POST", urllib.parse.urlunsplit(("", "", url.path, url.query, "")), push.body, headers)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            self.connections.pop(url.netloc).close()
            return 0


# -------------------------------------------------------------------- stand-alone


def arguments(more=None):
    parser = argparse.ArgumentParser(description="A fake vendor, on loopback, until Ctrl-C.")
    parser.add_argument("--port", type=int, default=0, help="where it listens; any")
    parser.add_argument("--speed", type=float, default=1, help="how much faster its time goes")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--objects", type=int, default=100, help="so many at the start")
    parser.add_argument("--push", metavar="URL", help="changes go there, as webhooks")
    parser.add_argument("--secret", default="the secret of the demo", help="webhooks are signed with it")
    parser.add_argument("--changes", type=float, default=1, metavar="N", help="so many a second, once there is --push")
    for name in ("doubled", "lost", "late", "faults"):
        parser.add_argument(f"--{name}", type=float, default=0.0, metavar="SHARE", help="0.05 is one in twenty")
    if more:
        more(parser)
    return parser.parse_args()


def how(args):
    """The arguments that Fake itself takes."""
    return {name: getattr(args, name) for name in ("port", "speed", "seed", "doubled", "lost", "late", "faults")}


def main(make, more=None):
    """make(args) -> a fake that is not started; more(parser) adds arguments of its own."""
    args = arguments(more)
    with make(args) as fake:
        fake.fill(args.objects)
        if args.push:
            fake.subscribe(args.push)
        print(f"{type(fake).__name__} with {args.objects} objects at {fake.base}", flush=True)
        try:
            while True:
                time.sleep(1 / max(args.changes, 0.001))
                if fake.hooks:
                    fake.change(1)
        except KeyboardInterrupt:
            print("\n" + ", ".join(f"{name}: {number}" for name, number in sorted(fake.counts.items())))
