# SPDX-License-Identifier: Apache-2.0
# trello.py - boards, lists and cards; what happened to them, newest first; webhooks that are signed.
#
# Its answers are made of recorded ones (plugins/trello/samples/api).  As there, some actions are told by
# webhooks only (EXCLUDED), errors are lines of text, a webhook is made only after a HEAD to its address, and each
# answer says what is left of the limits.  Actions of one moment have ids in another order than their dates.
import base64
import bisect
import collections
import datetime
import hashlib
import hmac
import http.client
import json
import pathlib
import time
import urllib.parse

from fake import Answer, Fake, how, main

SAMPLES = pathlib.Path(__file__).resolve().parent.parent.parent / "plugins" / "trello" / "samples"
DAY = 86400
EXCLUDED = {"addLabelToCard", "removeLabelFromCard", "deleteComment", "updateComment", "voteOnCard"}
LISTS = ["Queue", "Doing", "Check", "Done"]
NOT_FOUND = "The requested resource was not found."
LOOKED_AT = {"createCard", "addAttachmentToCard", "commentCard"}


def sample(name, *path):
    found = json.loads((SAMPLES / name).read_text())
    for part in path:
        found = found[part]
    return found


def moment(milliseconds):
    at = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{milliseconds % 1000:03d}Z"


def milliseconds(text):
    return round(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


def too_many(code):
    """Without Retry-After, as recorded; or with one that is a date, as some have seen."""
    def refuse(request, left):
        body = {**sample("api/http_429_api_key_limit_exceeded.json", "body"), "error": code}
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + max(1, left)))
        return Answer(429, body, {"Retry-After": date} if len(request.target) % 2 else {})
    return refuse


class Trello(Fake):
    def __init__(self, secret="the secret of the demo", key="k" * 32, token="0123456789abcdef" * 4, boards=2, **more):
        super().__init__(**more)
        self.secret, self.key, self.token, self.last, self.numbers = secret, key, token, 0, 0
        self.boards, self.cards, self.gone_cards, self.webhooks = {}, {}, set(), {}
        self.actions = collections.defaultdict(list)  # {board: [action]} in the order of their dates
        self.by_id, self.fetches = {}, collections.Counter()
        self.comments = collections.defaultdict(list)
        self.member = sample("api/http_member__rubytrello.json", "body")
        self.creator = sample("api/http_board_actions__rubytrello.json", "body")[0]["memberCreator"]
        self.blank = sample("api/api_card_2023.json")
        self.fault_kinds = [*self.fault_kinds, "html"]
        self.limit("token", 100, 10, refuse=too_many("API_TOKEN_LIMIT_EXCEEDED"))
        self.limit("key", 300, 10, refuse=too_many("API_KEY_LIMIT_EXCEEDED"))
        self.limit("member", 100, 900, cost=lambda request: int(request.path.startswith("/1/members")),
                   refuse=too_many("MEMBER_LIMIT_EXCEEDED"))
        self.routed()
        for number in range(boards):
            self.make_board(number)

    def routed(self):
        for method, pattern, handler in [
            ("GET", r"/1/boards/(\w+)/actions", self.board_actions), ("GET", r"/1/boards/(\w+)", self.board),
            ("GET", r"/1/cards/(\w+)", self.card), ("GET", "/1/members/me", lambda request: self.member),
            ("GET", "/1/members/me/boards", self.board_list), ("GET", r"/1/tokens/(\w+)", self.token_of),
            ("GET", r"/1/tokens/(\w+)/webhooks", self.webhook_list), ("POST", "/1/webhooks/?", self.webhook_make),
            ("PUT", r"/1/webhooks/(\w+)", self.webhook_change), ("DELETE", r"/1/webhooks/(\w+)", self.webhook_delete),
        ]:
            self.route(method, pattern, self.checked(handler))

    # -------------------------------------------------------------- what there is

    def new_id(self, at):
        """The second it was made in, then one of three machines, then a number."""
        self.numbers += 1
        return f"{at // 1000:08x}{self.dice.choice(['aaaaaaaaaa', '5555555555', 'bbbbbbbbbb'])}{self.numbers:06x}"

    def now(self):
        self.last = max(round(time.time() * 1000), self.last + 1)
        return self.last

    def make_board(self, number):
        at = self.now() - 40 * DAY * 1000
        board = {**sample("api/api2025_members_id_boards.json")[0], "id": self.new_id(at), "name": f"Orders {number}",
                 "shortLink": f"board{number:03d}", "url": f"https://trello.com/b/board{number:03d}/orders"}
        board["lists"] = [{"id": self.new_id(at), "name": name} for name in LISTS]
        self.boards[board["id"]] = board

    def list_of(self, card):
        board = self.boards[card["idBoard"]]
        return next(one for one in board["lists"] if one["id"] == card["idList"])

    def act(self, card, kind, at, data=None, board=None, told=None):
        """Something happens to a card: in the board's history, and to the webhooks."""
        board = self.boards[board or card["idBoard"]]
        name = {} if kind == "deleteCard" else {"name": card["name"]}
        said = {"card": {"id": card["id"], **name, "idShort": card["idShort"], "shortLink": card["shortLink"], **(told or {})},
                "board": {part: board[part] for part in ("id", "name", "shortLink")}}
        if "listAfter" not in (data or {}):
            said["list"] = self.list_of(card) if card["idBoard"] == board["id"] else board["lists"][0]
        action = {"id": self.new_id(at), "idMemberCreator": self.creator["id"], "data": {**said, **(data or {})},
                  "appCreator": None, "type": kind, "date": moment(at), "limits": None, "memberCreator": self.creator}
        card["dateLastActivity"] = action["date"]
        self.actions[board["id"]].append(action)
        self.by_id[action["id"]] = action
        if kind == "commentCard":
            self.comments[card["id"]].append(action)
        self.tell(board, action)

    # ----------------------------------------------------------- what happens

    def described(self):
        """Orders and other lines, in a form that the rules read one way only."""
        lines = [f"{self.dice.randint(1, 50)} x Sign {self.dice.randint(1, 999)}, PVC, 1200 x 800 mm @ "
                 f"\u00a3{self.dice.randint(1, 90)}.50" for _ in range(self.dice.randint(0, 3))]
        return "\n".join(["Buyer: Ann <ann@example.com>", *lines, "Thank you \U0001f600"])

    def create(self, at, board=None, kind="createCard", desc=None, data=None):
        board = self.boards[board or self.dice.choice(list(self.boards))]
        number = len(self.cards) + len(self.gone_cards) + 1
        card = {**self.blank, "id": self.new_id(at), "idShort": number, "shortLink": f"c{number:07d}",
                "name": f"Customer {number} - signs", "desc": self.described() if desc is None else desc,
                "idBoard": board["id"], "idList": board["lists"][0]["id"], "closed": False}
        self.cards[card["id"]] = card
        self.act(card, kind, at, data)
        return card

    def change_field(self, card, at, **fields):
        old = {name: card[name] for name in fields}
        card.update(fields)
        self.act(card, "updateCard", at, {"old": old}, told=fields)

    def move(self, card, at):
        board = self.boards[card["idBoard"]]
        before = self.list_of(card)
        after = self.dice.choice([one for one in board["lists"] if one["id"] != before["id"]])
        card["idList"] = after["id"]
        self.act(card, "updateCard", at, {"old": {"idList": before["id"]}, "listBefore": before, "listAfter": after},
                 told={"idList": after["id"]})

    def move_away(self, card, at):
        """To another board: told on either.  Only what is open: that it is back says that it is."""
        before = self.boards[card["idBoard"]]
        after = self.dice.choice([one for one in self.boards.values() if one is not before] or [before])
        if after is before or card["closed"]:
            return
        card.update(idBoard=after["id"], idList=after["lists"][0]["id"])
        self.act(card, "moveCardFromBoard", at, {"boardTarget": {"id": after["id"]}}, board=before["id"])
        self.act(card, "moveCardToBoard", self.after(at), {"boardSource": {"id": before["id"]}})

    def after(self, at):
        return at + 1 if at < self.last else self.now()

    def delete(self, card, at):
        self.act(card, "deleteCard", at)
        self.cards.pop(card["id"])
        self.gone_cards.add(card["id"])

    def comment(self, card, at):
        self.act(card, "commentCard", at, {"text": f"call {self.dice.randint(1, 999)}@example.com"})

    def attach(self, card, at):
        self.act(card, "addAttachmentToCard", at, {"attachment": {"id": self.new_id(at), "name": "plan.pdf"}})

    def label(self, card, at):
        """By webhook only; and what it changed, which the history has."""
        self.act(card, "addLabelToCard", at, {"label": {"id": self.new_id(at), "name": "Urgent"}, "text": "Urgent"})
        self.act(card, "updateCard", self.after(at), {"old": {"idLabels": []}}, told={"idLabels": ["x"]})

    def happen(self, at):
        """One thing, to some card."""
        kind = self.dice.choices(
            ["create", "move", "desc", "name", "comment", "attach", "label", "archive", "delete", "copy", "away"],
            [20, 30, 15, 5, 10, 4, 4, 4, 4, 2, 2])[0]
        card = self.dice.choice(list(self.cards.values())) if self.cards else None
        if kind == "create" or not card:
            self.create(at)
        elif kind == "copy":
            self.create(at, card["idBoard"], "copyCard", card["desc"], {"cardSource": {"id": card["id"]}})
        elif kind == "desc":
            self.change_field(card, at, desc=self.described())
        elif kind == "name":
            self.change_field(card, at, name=f"Customer {self.dice.randint(1, 999)} - more signs")
        elif kind == "archive":
            self.change_field(card, at, closed=not card["closed"])
        else:
            {"move": self.move, "comment": self.comment, "attach": self.attach, "label": self.label,
             "delete": self.delete, "away": self.move_away}[kind](card, at)

    def fill(self, count):
        """So many cards, with a history of three actions each; now and then several in a moment."""
        with self.lock:
            at = self.now() - 30 * DAY * 1000
            step = 20 * DAY * 1000 // max(1, count * 3)
            for number in range(count):
                self.create(at)
                for _ in range(self.dice.choice([0, 2, 4])):
                    at += self.dice.choice([1, step * 2])
                    self.happen(at)
                at += step
            for actions in self.actions.values():
                actions.sort(key=lambda action: action["date"])

    def change(self, count):
        with self.lock:
            for _ in range(count):
                self.happen(self.now())

    # --------------------------------------------------------------- webhooks

    def subscribe(self, url, **what):
        with self.lock:
            for board in self.boards:
                self.add_webhook(url, board)

    def add_webhook(self, url, board):
        hook = {**sample("api/http_webhook_create__rubytrello.json", "body"), "id": self.new_id(self.now()),
                "callbackURL": url, "idModel": board, "active": True}
        self.webhooks[hook["id"]] = hook
        self.hooks = list(self.webhooks.values())
        return hook

    def signed(self, url):
        def headers(body):
            proof = hmac.new(self.secret.encode(), body + url.encode(), hashlib.sha1).digest()
            return {"Content-Type": "application/json", "X-Trello-Webhook": base64.b64encode(proof).decode()}
        return headers

    def tell(self, board, action):
        shown = {name: value for name, value in board.items() if name != "lists"}
        told = {**action, "display": {"translationKey": "unknown", "entities": {}}}
        for hook in self.webhooks.values():
            if hook["active"] and hook["idModel"] == board["id"]:
                self.push(hook["callbackURL"], self.signed(hook["callbackURL"]), {"model": shown, "action": told},
                          id=action["id"])

    # ------------------------------------------------------------------ truth

    def rows_of(self, card):
        return [{"card_id": card["id"], "line_index": number, "raw": line} for number, line in
                enumerate((line for line in card["desc"].split("\n") if line[:1].isdigit()), 1)]

    def looked_at(self):
        """Cards of which something happened that makes a mapping ask for them."""
        return {action["data"]["card"]["id"] for action in self.by_id.values() if action["type"] in LOOKED_AT
                or (action["type"] == "updateCard" and "desc" in action["data"].get("old", {}))}

    @property
    def excused(self):
        """What the API does not tell, and no webhook told; cards that went, perhaps before anybody looked."""
        never = {("trello_events", name) for name, action in self.by_id.items()
                 if action["type"] in EXCLUDED and name not in self.acknowledged}
        tables = ("cards", "line_items", "card_current_state", "active_jobs")
        return never | {(table, card) for table in tables for card in self.gone_cards}

    def truth(self):
        seen = self.looked_at()
        cards = [card for card in self.cards.values() if card["id"] in seen]
        return {
            "trello_events": [self.event_row(action) for action in self.by_id.values()],
            "cards": [{"card_id": card["id"], "unix_timestamp": int(card["id"][:8], 16)} for card in cards],
            "line_items": [row for card in cards for row in self.rows_of(card)],
            "card_current_state": [{"card_id": card["id"], "current_list_id": card["idList"]} for card in cards],
            "active_jobs": [{"card_id": card["id"], "current_list": self.list_of(card)["name"]} for card in cards
                            if not card["closed"] and self.list_of(card)["name"] != "Done"],
        }

    @staticmethod
    def event_row(action):
        data = action["data"]
        return {"event_id": action["id"], "action_type": action["type"], "action_date": action["date"],
                "card_id": data["card"]["id"], "board_id": data["board"]["id"],
                "list_before_id": data.get("listBefore", {}).get("id"),
                "list_after_id": (data.get("listAfter") or (data["list"] if action["type"] in (
                    "createCard", "copyCard", "moveCardToBoard") else {})).get("id"),
                "member_creator_username": action["memberCreator"]["username"]}

    # ---------------------------------------------------------------- the API

    def judge(self, request):
        """Each answer says what is left."""
        answer = super().judge(request)
        now = time.monotonic()
        for name, limit in (("api-token", self.limits["token"]), ("api-key", self.limits["key"])):
            answer.headers[f"x-rate-limit-{name}-interval-ms"] = "10000"
            answer.headers[f"x-rate-limit-{name}-max"] = str(limit.most)
            answer.headers[f"x-rate-limit-{name}-remaining"] = str(limit.left(now))
        answer.headers["x-server-time"] = str(round(time.time() * 1000))
        return answer

    def credentials(self, request):
        words = request.headers.get("authorization", "")
        parts = dict(part.strip().split("=", 1) for part in words.removeprefix("OAuth ").split(",") if "=" in part)
        given = {name: value.strip('"') for name, value in parts.items()}
        return (given.get("oauth_consumer_key") or request.first("key"), given.get("oauth_token") or request.first("token"))

    def checked(self, handler):
        def check(request):
            key, token = self.credentials(request)
            if key != self.key:
                return Answer(401, "invalid key")
            return handler(request) if token == self.token else Answer(401, "invalid token")
        return check

    def handle(self, request):
        answer = super().handle(request)
        if answer.status in (404, 405) and b"no " in answer.body[:12]:
            return Answer(404, f"Cannot {request.method} {request.path}")
        return answer

    def board_of(self, request):
        name = request.groups[0]
        return self.boards.get(name) or next((one for one in self.boards.values() if one["shortLink"] == name), None)

    def board(self, request):
        board = self.board_of(request)
        return {name: board[name] for name in ("id", "name")} if board else Answer(404, NOT_FOUND)

    def board_list(self, request):
        wanted = request.first("fields", "id,name").split(",")
        return [{name: board.get(name) for name in wanted} for board in self.boards.values()]

    def board_actions(self, request):
        board, limit = self.board_of(request), int(request.first("limit", "50"))
        if not board:
            return Answer(404, NOT_FOUND)
        if not 0 <= limit <= 1000:
            return Answer(400, "invalid value for limit")
        since, before = request.first("since", ""), request.first("before", "")
        actions, found = self.actions[board["id"]], []
        end = len(actions) if not before else bisect.bisect(actions, self.end_of(before), key=lambda one: one["date"])
        for action in reversed(actions[:end]):
            if len(found) == limit or not self.is_behind(since, action):
                break
            if action["type"] not in EXCLUDED and self.is_before(action, before):
                found.append(action)
        return found

    @staticmethod
    def end_of(before):
        return before if "-" in before else moment((int(before[:8], 16) + 1) * 1000)

    @staticmethod
    def is_before(action, before):
        """A date, or an id, which is compared as such."""
        return not before or (action["date"] < before if "-" in before else action["id"] < before)

    @staticmethod
    def is_behind(since, action):
        return not since or (action["date"] >= since if "-" in since else action["id"] > since)

    def card(self, request):
        name = request.groups[0]
        card = self.cards.get(name) or next((one for one in self.cards.values() if one["shortLink"] == name), None)
        self.fetches[name] += 1
        if not card:
            return Answer(404, NOT_FOUND if len(name) == 24 else "card not found")
        found = dict(card)
        if request.first("attachments") == "true":
            found["attachments"] = []
        if request.first("actions"):
            found["actions"] = list(reversed(self.comments[card["id"]]))[:int(request.first("actions_limit", "50"))]
        if request.first("board") == "true":
            found["board"] = {name: self.boards[card["idBoard"]][name] for name in ("id", "name")}
        return found

    def token_of(self, request):
        if request.groups[0] != self.token:
            return Answer(404, NOT_FOUND)
        token = sample("api/http_token__rubytrello.json", "body")
        token.pop("webhooks")
        return token

    def webhook_list(self, request):
        return list(self.webhooks.values()) if request.groups[0] == self.token else Answer(401, "invalid token")

    def head(self, url):
        """The status; 0: nobody is there."""
        place = urllib.parse.urlsplit(url)
        try:
            connection = http.client.HTTPConnection(place.netloc, timeout=5)
            connection.request("HEAD", place.path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0

    def webhook_make(self, request):
        given = {name: values[0] for name, values in {**request.form, **request.query}.items()}
        url, board = given.get("callbackURL", ""), given.get("idModel", "")
        if not url or board not in self.boards:
            return Answer(400, f"invalid value for {'idModel' if url else 'callbackURL'}")
        if any((hook["callbackURL"], hook["idModel"]) == (url, board) for hook in self.webhooks.values()):
            return Answer(400, "A webhook with that callback, model, and token already exists")
        status = self.head(url)
        if status != 200:
            return Answer(400, {"message": f"URL ({url}) did not return 200 status code, got {status}", "error": "ERROR"})
        return {**self.add_webhook(url, board), "description": given.get("description", "")}

    def webhook_change(self, request):
        hook = self.webhooks.get(request.groups[0])
        if not hook:
            return Answer(404, NOT_FOUND)
        hook["active"] = request.first("active", "true") == "true"
        hook.update(consecutiveFailures=0, firstConsecutiveFailDate=None)
        return hook

    def webhook_delete(self, request):
        if not self.webhooks.pop(request.groups[0], None):
            return Answer(404, NOT_FOUND)
        self.hooks = list(self.webhooks.values())
        return {"_value": None}


if __name__ == "__main__":
    main(lambda args: Trello(secret=args.secret, **how(args)))
