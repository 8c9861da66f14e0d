# SPDX-License-Identifier: Apache-2.0
# monday.py - a fake monday.com: boards of projects, subitems and hidden items, asked by GraphQL.
#
#     /usr/bin/python3 tests/vendors/monday.py --port 9100 --speed 50 --objects 1000 --push http://127.0.0.1:8080/in/crm
#
# What it does as monday.com does it, by recorded exchanges: items_page and its cursor that dies after 60 minutes, the
# complexity budget of a minute and its errors in three generations, boards that are null, settings and settings_str,
# mirrors and formulas that only say display_value and are told by no webhook, the challenge when a webhook is
# made, deliveries with a JWT and no signature of the body, tried again once a minute for thirty minutes.
import base64
import collections
import hashlib
import hmac
import http.client
import itertools
import json
import math
import time
import urllib.parse

import graphql
from fake import FAULTS, Answer, Fake, how, main
from graphql import Refusal

PROJECTS, SUBITEMS, HIDDEN = "1825117125", "1825117144", "1825138260"
STAGES = {0: "Open Enquiry", 1: "Won - Closed (Invoiced)", 2: "Lost", 5: "Not Started", 9: "Won - Open (Order Received)",
          108: "Won Via Other Ref"}
TYPES = {1: "New Build", 2: "Refurbishment"}
CATEGORIES = {1: "Education", 2: "Health", 3: "Retail"}
HIDDEN_STAGES = {0: "Designing", 1: "Quoted", 2: "Closed"}

# Columns: id -> (title, type, type in webhooks, labels).
COLUMNS = {
    PROJECTS: {
        "name": ("Name", "name", "name", None),
        "text3__1": ("Project Name", "text", "text", None),
        "status4__1": ("Pipeline Stage", "status", "color", STAGES),
        "dropdown7__1": ("Type", "dropdown", "dropdown", TYPES),
        "dropdown__1": ("Category", "dropdown", "dropdown", CATEGORIES),
        "formula_mkpp85yw": ("Gestation", "formula", "formula", None),
        "date9__1": ("Date Created", "date", "date", None),
        "date_mkpx4163": ("Follow up", "date", "date", None),
        "numbers_value": ("Project Value", "numbers", "numeric", None),
        "subitems__1": ("Subitems", "subtasks", "subtasks", None),
    },
    SUBITEMS: {
        "name": ("Name", "name", "name", None),
        "mirror_12__1": ("Account", "mirror", "lookup", None),
        "mirror875__1": ("Product Type", "mirror", "lookup", None),
        "formula_mkqa31kh": ("New Enquiry Value", "formula", "formula", None),
        "connect_hidden": ("Hidden Item", "board_relation", "board-relation", None),
        "numbers_quote": ("Quote Amount", "numbers", "numeric", None),
        "text_po": ("Customer PO", "text", "text", None),
    },
    HIDDEN: {
        "name": ("Name", "name", "name", None),
        "status": ("Status", "status", "color", HIDDEN_STAGES),
        "date__1": ("Design Completed", "date", "date", None),
        "formula63__1": ("Quote Amount", "formula", "formula", None),
        "date42__1": ("Invoice Date", "date", "date", None),
        "text_account": ("Account", "text", "text", None),
        "text_product": ("Product Type", "text", "text", None),
        "numbers_material": ("Material Value", "numbers", "numeric", None),
    },
}
NAMES = {PROJECTS: "Projects", SUBITEMS: "Subitems of Projects", HIDDEN: "Hidden Items"}
CLASSES = {"status": "StatusValue", "dropdown": "DropdownValue", "numbers": "NumbersValue", "date": "DateValue",
           "mirror": "MirrorValue", "formula": "FormulaValue", "board_relation": "BoardRelationValue",
           "subtasks": "SubtasksValue", "text": "TextValue", "name": "NameValue"}


def iso(moment, digits=0):
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment))
    return text + (f".{int(moment * 1000) % 1000:03d}" if digits else "") + "Z"


# ------------------------------------------------------------------- errors


def error_2025(message, code, status=200, **extensions):
    return {"data": None, "errors": [{"message": message, "extensions": {"code": code, "status_code": status, **extensions}}],
            "extensions": {"request_id": "fake"}}


def complexity_2023(cost=222080, left=747, limit=10000000, seconds=1):
    text = f"Complexity budget exhausted, query cost {cost} budget remaining {left} out of {limit} reset in {seconds} seconds"
    return {"error_code": "ComplexityException", "status_code": 429, "error_message": text, "error_data": {},
            "errors": [text], "account_id": 25228442}


def complexity_2024(**what):
    return {**complexity_2023(**what), "error_code": "complexityBudgetExhausted"}


def complexity_2025(cost=6182, left=100, limit=5000000, seconds=1):
    return {"errors": [{"message": "Complexity budget exhausted", "extensions": {
        "code": "COMPLEXITY_BUDGET_EXHAUSTED", "complexity": cost, "complexity_budget_left": left,
        "complexity_budget_limit": limit, "retry_in_seconds": seconds, "status_code": 429}}]}


INTERNAL = {"data": None, "errors": [{"message": "Internal server error", "path": [], "extensions": {
    "status_code": 500, "error_code": "INTERNAL_SERVER_ERROR", "service": "monolith"}}], "extensions": {"request_id": "fake"}}

FAULTS.update({
    "monday 2023": lambda request: Answer(200, complexity_2023()),
    "monday 2024": lambda request: Answer(200, complexity_2024()),
    "monday 2025": lambda request: Answer(200, complexity_2025()),
    "monday internal": lambda request: Answer(200, INTERNAL),
    "monday blocked": lambda request: Answer(200, error_2025("API temporarily blocked", "API_TEMPORARILY_BLOCKED")),
})


def version_of(request):
    return request.headers.get("api-version", "2026-07")


class Minute:
    """So many points from a minute's first call to its end, then all of them again."""

    def __init__(self, most, seconds, cost):
        self.most, self.seconds, self.cost = most, seconds, cost
        self.began, self.spent, self.exceeded, self.total, self.last = 0, 0, 0, 0, 0

    def turn(self, now):
        if now >= self.began + self.seconds:
            self.began, self.spent = now, 0

    def left(self, now=None):
        self.turn(time.monotonic() if now is None else now)
        return self.most - self.spent

    def seconds_left(self):
        return max(1, math.ceil(self.began + self.seconds - time.monotonic()))

    def admit(self, request, now):
        points = self.cost(request)
        if self.left(now) < points:
            self.exceeded += 1
            what = {"cost": points, "left": self.left(now), "limit": self.most, "seconds": self.seconds_left()}
            old = version_of(request) < "2025-04"
            return Answer(200, complexity_2024(**what)) if old else Answer(200, complexity_2025(**what))
        self.spent, self.last, self.total = self.spent + points, points, self.total + points
        return None


# ------------------------------------------------------------------- the schema


def field(kind, name):
    return (kind, lambda fake, obj, args: obj[name])


def of_item(kind, method):
    return (kind, lambda fake, obj, args: getattr(fake, method)(obj, **args))


VALUE = {"id": None, "type": None, "text": None, "value": None}
SHOWN = {**VALUE, "display_value": None}
LINKED = {**SHOWN, "linked_item_ids": None, "linked_items": of_item("Item", "linked_items")}
SCHEMA = {
    "Query": {
        "complexity": ("Complexity", lambda fake, obj, args: fake.complexity()),
        "boards": ("Board", lambda fake, obj, args: fake.boards(**args)),
        "next_items_page": ("ItemsResponse", lambda fake, obj, args: fake.next_page(**args)),
        "items": ("Item", lambda fake, obj, args: fake.items_by_id(**args)),
        "webhooks": ("Webhook", lambda fake, obj, args: fake.webhooks(**args)),
        "me": ("User", lambda fake, obj, args: {"id": "4012689", "name": "Ann", "email": "ann@example.com",
                                                 "account": {"id": "1825528", "name": "Roofs", "slug": "roofs"}}),
    },
    "Mutation": {
        "create_webhook": ("Webhook", lambda fake, obj, args: fake.create_webhook(**args)),
        "delete_webhook": ("Webhook", lambda fake, obj, args: fake.delete_webhook(**args)),
    },
    "Complexity": dict.fromkeys(["before", "query", "after", "reset_in_x_seconds"]),
    "User": {"id": None, "name": None, "email": None, "account": field("Account", "account")},
    "Account": {"id": None, "name": None, "slug": None},
    "Webhook": {"id": None, "event": None, "board_id": None, "config": None},
    "Board": {"id": None, "name": None, "type": None, "state": None,
              "items_count": (None, lambda fake, obj, args: len(fake.live(obj["id"]))),
              "columns": of_item("Column", "columns_of"), "items_page": of_item("ItemsResponse", "first_page")},
    "Column": {"id": None, "title": None, "type": None, "settings": None, "settings_str": None},
    "ItemsResponse": {"cursor": None, "items": field("Item", "items")},
    "Item": {"id": None, "name": None, "state": None, "created_at": None, "updated_at": None,
             "board": of_item("Board", "board_of"), "group": field("Group", "group"),
             "parent_item": of_item("Item", "parent_of"), "subitems": of_item("Item", "subitems_of"),
             "column_values": of_item("ColumnValue", "column_values")},
    "Group": {"id": None, "title": None},
    "ColumnValue": VALUE, "TextValue": VALUE, "NameValue": VALUE, "CheckboxValue": {**VALUE, "checked": None},
    "PeopleValue": {**VALUE, "persons_and_teams": field("PeopleEntity", "persons_and_teams")},
    "PeopleEntity": {"id": None, "kind": None},
    "StatusValue": {**VALUE, "index": None, "label": None},
    "DropdownValue": {**VALUE, "values": field("DropdownValueOption", "values")},
    "DropdownValueOption": {"id": None, "label": None},
    "NumbersValue": {**VALUE, "number": None}, "DateValue": {**VALUE, "date": None, "time": None},
    "MirrorValue": SHOWN, "FormulaValue": SHOWN, "BoardRelationValue": LINKED, "DependencyValue": LINKED,
    "SubtasksValue": {**SHOWN, "subitems_ids": None},
}
ARGUMENTS = {
    ("Query", "boards"): {"ids", "limit", "page"}, ("Query", "next_items_page"): {"cursor", "limit"},
    ("Query", "items"): {"ids", "limit", "page", "exclude_nonactive"},
    ("Query", "webhooks"): {"board_id", "app_webhooks_only"},
    ("Mutation", "create_webhook"): {"board_id", "url", "event", "config"}, ("Mutation", "delete_webhook"): {"id"},
    ("Board", "items_page"): {"limit", "query_params", "cursor"}, ("Item", "column_values"): {"ids", "types"},
}
EVENTS = {"change_column_value", "change_status_column_value", "change_subitem_column_value",
          "change_specific_column_value", "change_name", "create_item", "item_archived", "item_deleted",
          "item_moved_to_any_group", "item_moved_to_specific_group", "item_restored", "create_subitem",
          "change_subitem_name", "move_subitem", "subitem_archived", "subitem_deleted", "create_column",
          "create_update", "edit_update", "delete_update", "create_subitem_update"}


class Monday(Fake):
    def __init__(self, secret=None, token="monday-token", requests=1000, points=5000000, **how_):
        super().__init__(**how_)
        self.secret, self.token, self.cursors = secret, token, {}
        self.children = collections.defaultdict(list)  # of projects: ids of subitems
        self.ids, self.uuids, self.subscriptions = itertools.count(9218090006), itertools.count(1), itertools.count(466700001)
        self.unreadable = set()  # boards that the token may not read
        self.fault_kinds += ["monday 2023", "monday 2024", "monday 2025", "monday internal", "monday blocked"]
        self.limit("minute", requests, 60, refuse=self.minute_refusal)
        self.limits["complexity"] = Minute(points, 60 / self.speed, self.cost)
        self.route("POST", "/v2", self.answer)

    # ------------------------------------------------------------- answering

    def minute_refusal(self, _request, left):
        seconds = max(1, math.ceil(left))
        body = {"errors": [{"message": "Minute limit rate exceeded", "extensions": {
            "code": "RATE_LIMIT_EXCEEDED", "retry_in_seconds": seconds, "status_code": 429}}]}
        return Answer(429, body, {"Retry-After": str(seconds), "RateLimit": f'"minuteRate";r=0;t={seconds}', **self.policy()})

    def policy(self):
        minute, points = self.limits["minute"], self.limits["complexity"]
        return {"RateLimit-Policy": f'"minuteRate";q={minute.most};w=60, "concurrency";q=40;qu="concurrent-requests", '
                                    f'"complexityMinute";q={points.most};w=60;qu="content-bytes"'}

    def cost(self, request):
        """Of items: how many, times how much is asked of each."""
        body = request.json or {}
        try:
            (_, _, fields), _, _ = graphql.read(body.get("query", ""))
        except Refusal:
            return 1
        variables = body.get("variables") or {}
        many = variables.get("limit", 25) if any(f["name"] == "next_items_page" for f in fields) else 1
        if "items_page(" in body["query"]:
            many = variables.get("limit", 25)
        if any(f["name"] == "items" for f in fields):
            many = len(variables.get("ids") or []) or 1
        return 10 + many * (5 + body["query"].count("{"))

    def answer(self, request):
        version = version_of(request)
        if request.headers.get("authorization") != self.token:
            old = {"errors": ["Not Authenticated"]}
            new = {"errors": [{"message": "Not authenticated", "extensions": {"code": "NOT_AUTHENTICATED"}}]}
            return Answer(401, old if version < "2025-04" else new)
        body = request.json
        if not isinstance(body, dict) or not isinstance(body.get("query"), str):
            return Answer(400, error_2025("No query string was present", "GraphQLError"))
        self.version = version
        data, errors = graphql.execute(SCHEMA, ARGUMENTS, body["query"], body.get("variables"), self)
        headers = {"Api-Version": version, "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()), **self.policy()}
        if errors and data is None:
            self.counts["errors"] += 1
        if errors and version < "2025-04":
            first = errors[0]
            return Answer(200, {"error_message": first["message"], "error_data": {}, "status_code": 200,
                                "error_code": first.get("extensions", {}).get("code"), "account_id": 25228442}, headers)
        whole = {"data": data, **({"errors": errors} if errors else {}), "extensions": {"request_id": "fake"}}
        return Answer(200, whole, headers)

    def complexity(self):
        minute = self.limits["complexity"]
        return {"before": minute.left() + minute.last, "query": minute.last, "after": minute.left(),
                "reset_in_x_seconds": minute.seconds_left()}

    # ------------------------------------------------------------- boards, pages

    def settings(self, board, column):
        kind, labels = COLUMNS[board][column][1], COLUMNS[board][column][3]
        new = self.version >= "2025-10"
        if kind == "subtasks":
            return {"boardIds": [int(SUBITEMS)]}
        if kind == "board_relation":
            return {"boardIds": [int(HIDDEN)]}
        if not labels:
            return {}
        if kind == "status" and not new:
            return {"done_colors": [1], "labels": {str(id): label for id, label in labels.items()}}
        key = "label" if new else "name"
        return {"labels": [{"id": id, "index": place, key: label} for place, (id, label) in enumerate(labels.items())]}

    def columns_of(self, board):
        columns = []
        for name, (title, kind, _, _) in COLUMNS[board["id"]].items():
            settings = self.settings(board["id"], name)
            columns.append({"id": name, "title": title, "type": kind, "settings": settings, "settings_str": json.dumps(settings)})
        return columns

    def board(self, id):
        return {"id": id, "name": NAMES[id], "type": "sub_items_board" if id == SUBITEMS else "board", "state": "active"}

    def boards(self, ids=None, limit=25, page=1):
        wanted = [str(id) for id in ids] if ids else list(COLUMNS)[(page - 1) * limit:page * limit]
        return [None if id in self.unreadable else self.board(id) for id in wanted if id in COLUMNS]

    def board_of(self, item):
        return self.board(item["board"])

    def live(self, board):
        return [item for item in self.objects.values() if item["board"] == board and item["state"] == "active"]

    def first_page(self, board, limit=25, query_params=None, cursor=None):
        if cursor:
            return self.next_page(cursor, limit)
        if limit > 500:
            raise Refusal("limit must be at most 500", "InvalidArgumentException")
        items = self.live(board["id"])
        for rule in (query_params or {}).get("rules", []):
            day = rule["compare_value"][-1] if rule["compare_value"] else None
            if rule["column_id"] != "__last_updated__" or rule.get("operator") != "greater_than_or_equals" or not day:
                items = []  # a rule that is not understood is no error
            items = [item for item in items if iso(item["updated"])[:10] >= str(day)]
        if query_params:
            items.sort(key=lambda item: item["updated"])
        return self.page(board["id"], [item["id"] for item in items], 0, limit, time.monotonic())

    def page(self, board, ids, at, limit, born):
        cursor, behind = None, at + limit
        if behind < len(ids):
            token = f"1,{board},{next(self.uuids)},{limit},{behind},|3272723541"
            cursor = base64.b64encode(token.encode()).decode().rstrip("=")
            self.cursors[cursor] = (board, ids, behind, born)
        items = [self.objects[id] for id in ids[at:behind] if id in self.objects and self.objects[id]["state"] == "active"]
        return {"cursor": cursor, "items": items}

    def next_page(self, cursor, limit=25):
        board, ids, at, born = self.cursors.get(cursor, (None, [], 0, -1e9))
        if time.monotonic() > born + self.soon(3600):
            raise Refusal("The cursor provided for pagination has expired. Please refresh your query and obtain a new cursor",
                          "CursorExpiredError", whole=True, status_code=200)
        return self.page(board, ids, at, limit, born)

    def items_by_id(self, ids=(), limit=25, page=1, exclude_nonactive=False):
        if len(ids) > 100:
            raise Refusal("at most 100 ids", "InvalidArgumentException")
        return [self.objects[str(id)] for id in ids if str(id) in self.objects
                and self.objects[str(id)]["state"] != "deleted"][:limit]

    # ------------------------------------------------------------- values

    def parent_of(self, item):
        return self.objects.get(item["parent"])

    def subitems_of(self, item):
        if item["board"] != PROJECTS:
            return None
        return [one for one in map(self.objects.get, self.children[item["id"]]) if one["state"] == "active"]

    def linked(self, item):
        return [self.objects[id] for id in item["values"].get("connect_hidden") or []
                if self.objects[id]["state"] == "active"]

    def linked_items(self, value):
        return [self.objects[id] for id in value["linked_item_ids"]]

    def column_values(self, item, ids=None, types=None):
        return [self.value(item, column) for column in COLUMNS[item["board"]]
                if column != "name" and (not ids or column in ids)]

    def value(self, item, column):
        kind, labels = COLUMNS[item["board"]][column][1], COLUMNS[item["board"]][column][3]
        raw = item["values"].get(column)
        out = {"__type": CLASSES[kind], "id": column, "type": kind, "text": "", "value": None}
        return {**out, **getattr(self, f"value_{kind}")(item, column, raw, labels)}

    def value_text(self, item, column, raw, labels):
        return {"text": raw, "value": json.dumps(raw) if raw is not None else None}

    def value_numbers(self, item, column, raw, labels):
        return {"text": raw or "", "value": json.dumps(raw) if raw else None, "number": float(raw) if raw else None}

    def value_date(self, item, column, raw, labels):
        return {"text": raw or "", "value": json.dumps({"date": raw, "icon": None}) if raw else None, "date": raw, "time": ""}

    def value_status(self, item, column, raw, labels):
        return {"text": labels.get(raw), "label": labels.get(raw), "index": raw,
                "value": json.dumps({"index": raw, "post_id": None}) if raw is not None else None}

    def value_dropdown(self, item, column, raw, labels):
        return {"text": ", ".join(labels[id] for id in raw) if raw else None,
                "value": json.dumps({"ids": raw}) if raw else None,
                "values": [{"id": str(id), "label": labels[id]} for id in raw or []]}

    def value_formula(self, item, column, raw, labels):
        return {"text": "", "display_value": raw if raw is not None else "null"}

    def value_mirror(self, item, column, raw, labels):
        source = {"mirror_12__1": "text_account", "mirror875__1": "text_product"}[column]
        shown = [one["values"].get(source) for one in self.linked(item)]
        return {"text": None, "display_value": ", ".join(text for text in shown if text)}

    def value_board_relation(self, item, column, raw, labels):
        linked = self.linked(item)
        return {"text": None, "display_value": ", ".join(one["name"] for one in linked),
                "linked_item_ids": [one["id"] for one in linked]}

    def value_subtasks(self, item, column, raw, labels):
        subitems = self.subitems_of(item)
        return {"text": None, "display_value": ", ".join(one["name"] for one in subitems),
                "subitems_ids": [one["id"] for one in subitems]}

    # ------------------------------------------------------------- webhooks

    def webhooks(self, board_id, app_webhooks_only=False):
        return [{"id": hook["id"], "event": hook["event"], "board_id": hook["board"], "config": None}
                for hook in self.hooks if hook.get("board") == str(board_id)]

    def create_webhook(self, board_id, url, event, config=None):
        if event not in EVENTS:
            raise Refusal(f'Value "{event}" does not exist in "WebhookEventType" enum.', whole=True)
        if str(board_id) not in COLUMNS or str(board_id) in self.unreadable:
            raise Refusal("User unauthorized to perform action", "USER_UNAUTHORIZED", status_code=403)
        if len(url) > 255 or not self.challenged(url):
            raise Refusal("Webhook URL could not be verified", "InvalidWebhookConfigException", status_code=200)
        if "subitem" in event and str(board_id) != PROJECTS:
            raise Refusal("board has no subitems", "InvalidBoardIdException", status_code=200)
        hook = {"id": str(next(self.subscriptions)), "url": url, "event": event, "board": str(board_id)}
        self.hooks.append(hook)
        return {"id": hook["id"], "board_id": hook["board"], "event": event, "config": None}

    def challenged(self, url):
        """A word has to come back; it comes before anybody could have a secret."""
        word, parts = f"challenge{next(self.uuids)}", urllib.parse.urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=5)
        try:
            connection.request("POST", urllib.parse.urlunsplit(("", "", parts.path, parts.query, "")),
                               json.dumps({"challenge": word}), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status == 200 and json.loads(answer.read()) == {"challenge": word}
        except (OSError, ValueError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def delete_webhook(self, id):
        found = [hook for hook in self.hooks if hook.get("id") == str(id)]
        if not found:
            raise Refusal("Webhook not found", "ResourceNotFoundException", status_code=404)
        self.hooks.remove(found[0])
        return {"id": str(id), "board_id": found[0]["board"]}

    def authorization(self, url):
        def part(data):
            return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

        def headers(_body):
            if not self.secret:
                return {"Content-Type": "application/json"}
            now = int(time.time())
            claims = {"accountId": 1825528, "userId": 4012689, "aud": url, "exp": now + 300, "iat": now}
            text = part(b'{"alg":"HS256","typ":"JWT"}') + "." + part(json.dumps(claims).encode())
            proof = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).digest()
            return {"Content-Type": "application/json", "Authorization": text + "." + part(proof)}

        return headers

    def tell(self, event, item, **what):
        """What each subscription to it is sent; one without a board is to everything."""
        board = PROJECTS if item["board"] == SUBITEMS else item["board"]
        name = {"create_item": "create_subitem", "change_column_value": "change_subitem_column_value",
                "change_name": "change_subitem_name", "item_archived": "subitem_archived",
                "item_deleted": "subitem_deleted"}.get(event, event) if item["board"] == SUBITEMS else event
        for place, hook in enumerate(self.hooks):
            if hook.get("board", board) != board or hook.get("event", name) != name:
                continue
            subscription = int(hook.get("id", 1000 + place))
            uuid = hashlib.md5(f"{next(self.uuids)}".encode()).hexdigest()
            body = {"app": "monday", "triggerTime": iso(time.time(), 3), "subscriptionId": subscription, "isRetry": False,
                    "userId": 67214742, "originalTriggerUuid": None, "boardId": int(item["board"]), "triggerUuid": uuid, **what}
            if item["board"] == SUBITEMS:
                text = event in ("create_item", "change_column_value", "change_name")
                body["parentItemId"] = item["parent"] if text else int(item["parent"])
            self.push(hook["url"], self.authorization(hook["url"]), {"event": body}, retries=[60] * 30,
                      id=f"{uuid}:{subscription}")

    # ------------------------------------------------------------- changes

    def make(self, board, parent=None):
        number = next(self.ids)
        item = {"id": str(number), "board": board, "name": f"{NAMES[board]} {number}", "state": "active", "parent": parent,
                "created": time.time(), "updated": time.time(), "group": {"id": "topics", "title": "Enquiries"}, "values": {}}
        self.objects[item["id"]] = item
        if parent:
            self.children[parent].append(item["id"])
        for column in COLUMNS[board]:
            item["values"][column] = self.invent(board, column)
        self.stamp(item)
        return item

    def stamp(self, item):
        item["updated"] = time.time()
        item["created_at"], item["updated_at"] = iso(item["created"]), iso(item["updated"])

    def invent(self, board, column):
        kind, labels, dice = COLUMNS[board][column][1], COLUMNS[board][column][3], self.dice
        if dice.random() < 0.15:
            return None
        if kind == "status":
            return dice.choice(list(labels))
        if kind == "dropdown":
            return [dice.choice(list(labels))]
        if kind == "numbers":
            return f"{dice.randrange(200000) / 100:.2f}"
        if kind == "date":
            return f"202{dice.randrange(4, 7)}-{dice.randrange(1, 13):02d}-{dice.randrange(1, 29):02d}"
        if kind == "formula":
            return str(dice.randrange(1100)) if column == "formula_mkpp85yw" else f"{dice.randrange(9000000) / 100:.2f}"
        if kind == "board_relation":
            hidden = self.live(HIDDEN)
            return [dice.choice(hidden)["id"]] if hidden else None
        return dice.choice(["Acme Roofs", "Smith & Co", "North \u2013 Works", "Zoe's \"Shed\""]) if kind == "text" else None

    def fill(self, count):
        """A quarter hidden items, a quarter projects, and the subitems of these."""
        with self.lock:
            for _ in range(count // 4):
                self.make(HIDDEN)
            projects = [self.make(PROJECTS)["id"] for _ in range(max(1, count // 4))]
            for _ in range(count - 2 * (count // 4)):
                self.make(SUBITEMS, self.dice.choice(projects))

    def change(self, count):
        with self.lock:
            for _ in range(count):
                self.dice.choices([self.create, self.edit, self.rename, self.end, self.restore], [3, 12, 2, 2, 1])[0]()

    def create(self):
        board = self.dice.choice([PROJECTS, SUBITEMS, HIDDEN])
        projects = self.live(PROJECTS)
        item = self.make(board, self.dice.choice(projects)["id"] if board == SUBITEMS else None)
        self.tell("create_item", item, type="create_pulse", pulseId=int(item["id"]), pulseName=item["name"], groupId="topics",
                  groupName="Enquiries", groupColor="#579bfc", isTopGroup=True, columnValues={})

    def any(self):
        return self.dice.choice(self.live(self.dice.choice([PROJECTS, SUBITEMS, HIDDEN])))

    def webhook_value(self, kind, raw, labels):
        """As webhooks have it: objects, in an older form than the API's."""
        if raw is None:
            return None
        if kind == "status":
            return {"label": {"index": raw, "text": labels[raw], "style": {"color": "#fdab3d"}, "is_done": raw == 1},
                    "post_id": None}
        if kind == "dropdown":
            return {"chosenValues": [{"id": id, "name": labels[id]} for id in raw]}
        if kind == "numbers":
            return {"value": float(raw), "unit": None}
        if kind == "date":
            return {"date": raw, "icon": None, "time": None}
        if kind == "board_relation":
            return {"linkedPulseIds": [{"linkedPulseId": int(id)} for id in raw]}
        return {"value": raw}

    def edit(self):
        item = self.any()
        column = self.dice.choice([name for name in COLUMNS[item["board"]] if name != "name"])
        title, kind, old, labels = COLUMNS[item["board"]][column]
        before, item["values"][column] = item["values"][column], self.invent(item["board"], column)
        if kind in ("mirror", "formula", "subtasks"):
            return  # nobody is told, and updated_at stands still
        self.stamp(item)
        self.tell("change_column_value", item, type="update_column_value", pulseId=int(item["id"]), pulseName=item["name"],
                  groupId="topics", columnId=column, columnType=old, columnTitle=title, isTopGroup=True,
                  changedAt=item["updated"], value=self.webhook_value(kind, item["values"][column], labels),
                  previousValue=self.webhook_value(kind, before, labels))

    def rename(self):
        item = self.any()
        before, item["name"] = item["name"], f"Renamed {next(self.uuids)}"
        self.stamp(item)
        self.tell("change_name", item, type="update_name", pulseId=int(item["id"]), groupId="topics",
                  value={"name": item["name"]}, previousValue={"name": before})

    def end(self):
        item = self.any()
        if len(self.live(item["board"])) < 3:
            return
        state, event = self.dice.choice([("deleted", "item_deleted"), ("archived", "item_archived")])
        for one in [*(self.subitems_of(item) or []), item]:
            one["state"] = state
            self.stamp(one)
            more = {"pulseId": int(one["id"])} if one["board"] == SUBITEMS else {}
            self.tell(event, one, type="delete_pulse" if state == "deleted" else "archive_pulse", itemId=int(one["id"]),
                      itemName=one["name"], **more)

    def restore(self):
        gone = [item for item in self.objects.values() if item["state"] == "archived" and item["board"] != SUBITEMS]
        if not gone:
            return
        item = self.dice.choice(gone)
        item["state"] = "active"
        self.stamp(item)
        self.tell("item_restored", item, type="restore_pulse", itemId=int(item["id"]), itemName=item["name"],
                  value={"state": 1, "is_undo": True}, previousValue={"state": 2})

    # ------------------------------------------------------------- truth

    def shown(self, item, column):
        return self.value(item, column)["display_value"]

    def row(self, item):
        one = {"monday_id": item["id"], "item_name": item["name"]}
        values, labels = item["values"], {name: column[3] for name, column in COLUMNS[item["board"]].items()}
        label = lambda column: labels[column].get(values[column])
        picked = lambda column: labels[column][values[column][0]] if values[column] else None
        return one, values, label, picked

    def enquiry(self, subitem):
        """Its own, else what its hidden item was quoted at."""
        own = subitem["values"]["formula_mkqa31kh"]
        linked = [one["values"]["formula63__1"] for one in self.linked(subitem)]
        return own if own is not None else next((value for value in linked if value is not None), None)

    def project(self, item):
        one, values, label, picked = self.row(item)
        subitems = sorted(self.subitems_of(item), key=lambda sub: int(sub["id"]))
        accounts = [self.shown(sub, "mirror_12__1") for sub in subitems]
        products = [self.shown(sub, "mirror875__1") for sub in subitems]
        worth = [round(float(value) * 100) for value in map(self.enquiry, subitems) if value is not None]
        gestation = values["formula_mkpp85yw"]
        stage = label("status4__1")
        category = "Won" if (stage or "").startswith("Won") else "Lost" if stage == "Lost" else "Open"
        return {**one, "project_name": values["text3__1"], "pipeline_stage": stage, "status_category": category,
                "type": picked("dropdown7__1"), "category": picked("dropdown__1"),
                "gestation_period": int(gestation) if gestation is not None and int(gestation) <= 999 else None,
                "date_created": values["date9__1"], "follow_up_date": values["date_mkpx4163"],
                "project_value": values["numbers_value"] and float(values["numbers_value"]),
                "account": next((text for text in accounts if text), None),
                "product_type": ", ".join(dict.fromkeys(text for text in products if text)) or None,
                "new_enquiry_value": sum(worth) / 100 if worth else None}

    def subitem(self, item):
        one, values, _, _ = self.row(item)
        linked = self.linked(item)
        value = self.enquiry(item)
        return {**one, "parent_monday_id": item["parent"], "hidden_item_id": linked[0]["id"] if linked else None,
                "account": self.shown(item, "mirror_12__1") or None, "product_type": self.shown(item, "mirror875__1") or None,
                "new_enquiry_value": value and float(value), "customer_po": values["text_po"],
                "quote_amount": values["numbers_quote"] and float(values["numbers_quote"])}

    def hidden(self, item):
        one, values, label, _ = self.row(item)
        return {**one, "status": label("status"), "date_design_completed": values["date__1"],
                "quote_amount": values["formula63__1"] and float(values["formula63__1"]), "invoice_date": values["date42__1"],
                "material_value": values["numbers_material"] and float(values["numbers_material"])}

    def truth(self):
        """What is not deleted, as the tables have it."""
        with self.lock:
            return {"projects WHERE deleted IS NOT 1": [self.project(item) for item in self.live(PROJECTS)],
                    "subitems WHERE deleted IS NOT 1": [self.subitem(item) for item in self.live(SUBITEMS)],
                    "hidden_items WHERE deleted IS NOT 1": [self.hidden(item) for item in self.live(HIDDEN)]}


if __name__ == "__main__":
    main(lambda args: Monday(secret=args.secret, **how(args)))
