# SPDX-License-Identifier: Apache-2.0
# shopify.py - a Shopify store: its Admin API in GraphQL, and its webhooks.
#
# A bucket of points is filled by 100 a second; a query has to find in it what it may cost at most, and pays what it
# did cost; what finds too little is THROTTLED inside a 200.  The search comes to know changes late.  What was
# deleted stands in a log of events.  Webhooks are sent with their slashes escaped, and eight times more over four
# hours if nobody takes them.
import base64
import calendar
import hashlib
import hmac
import json
import math
import time
import uuid

import graphql
from fake import FAULTS, Answer, Fake, how, main

SHOP = "fixture-dev.myshopify.com"
VERSION = "2026-07"
RETRIES = (56, 113, 225, 450, 900, 1800, 3600, 7200)
LAG = 5  # seconds until the search has seen a change
REACH = 25000  # objects of a connection
MOST = 1000  # points of one query
HOUR = 3600
LINES = [1] * 25 + [2] * 15 + [3] * 5 + [12] * 4 + [40]  # of an order
KINDS = {"orders": "Order", "customers": "Customer", "products": "Product"}
UPDATED = {"orders": "orders/updated", "customers": "customers/update", "products": "products/update"}
NAMES = ["Ann", "Bob", "Žofie", "Dan", "Eve", "Łukasz", "Gül", "Hal"]


def z(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def local(text):
    """As webhooks write it: in the shop's own offset."""
    seconds = calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))
    return time.strftime("%Y-%m-%dT%H:%M:%S-05:00", time.gmtime(seconds - 5 * HOUR))


def as_sent(body):
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":")).replace("/", "\\/")
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e").encode()


def enum(topic):
    return topic.replace("/", "_").upper()


def error(code, message, **more):
    return {"message": message, "extensions": {"code": code, **more}}


# ---------------------------------------------------------------------- costs


def scale(count):
    """How dear a connection's objects are together, in objects: a curve through recorded costs."""
    return min(count, 1 + 2 * math.log(count)) if count else 0


def asked_cost(fields, variables):
    """What a selection may cost at most.  Objects are a point, values nothing."""
    total = 0
    for field in fields:
        inner = field.get("fields")
        if "on" in field:
            total += asked_cost(inner, variables)
        elif inner is not None and "first" in field["args"]:
            kind, count = field["args"]["first"]
            count = variables.get(count) if kind == "variable" else count
            nodes = [one for one in inner if one.get("name") in ("nodes", "edges")]
            total += scale(count or 0) * sum(1 + asked_cost(one["fields"], variables) for one in nodes)
        elif inner is not None and field["name"] != "pageInfo":
            total += 1 + asked_cost(inner, variables)
    return total


def paid_cost(fields, data):
    """What it did cost."""
    total = 0
    for field in fields:
        inner, value = field.get("fields"), (data or {}).get(field.get("as"))
        if "on" in field:
            total += paid_cost(inner, data)
        elif inner is None or value is None or field["name"] == "pageInfo":
            continue
        elif isinstance(value, list):
            total += scale(len(value)) * (1 + sum(paid_cost(inner, one) for one in value) / max(1, len(value)))
        else:
            total += ("nodes" not in value) + paid_cost(inner, value)
    return total


# --------------------------------------------------------------------- schema


def money(name):
    return ("MoneyBag", lambda ctx, body, args: body[name] and {"shopMoney": {"amount": str(float(body[name]))}})


def plain(name):
    return (None, lambda ctx, body, args: body[name])


def utc(name):
    return (None, lambda ctx, body, args: body[name])


def upper(name, otherwise=None):
    return (None, lambda ctx, body, args: (body[name] or otherwise).upper())


def gid(kind):
    return (None, lambda ctx, body, args: f"gid://shopify/{kind}/{body['id']}")


LEGACY = (None, lambda ctx, body, args: str(body["id"]))
TAGS = (None, lambda ctx, body, args: [tag for tag in body["tags"].split(", ") if tag])
DATES = {"createdAt": utc("created_at"), "updatedAt": utc("updated_at")}


def related(name):
    return ("Related", lambda ctx, body, args: body[name] and {"legacyResourceId": str(body[name])})


def connection(node):
    return {"nodes": (node, lambda ctx, page, args: page["nodes"]), "pageInfo": ("PageInfo", lambda ctx, page, args: page)}


SCHEMA = {
    "Query": {
        **{kind: (f"{name}Connection", lambda ctx, _, args, kind=kind: ctx.search(kind, args)) for kind, name in KINDS.items()},
        **{f"{kind}Count": ("Count", lambda ctx, _, args, kind=kind: {"count": len(ctx.found(kind, args.get("query")))})
           for kind in KINDS},
        "order": ("Order", lambda ctx, _, args: ctx.objects["orders"].get(int(args["id"].rsplit("/", 1)[1]))),
        "events": ("EventConnection", lambda ctx, _, args: ctx.log(args)),
        "shop": ("Shop", lambda ctx, _, args: {}),
        "currentAppInstallation": ("AppInstallation", lambda ctx, _, args: {}),
        "webhookSubscriptions": ("SubscriptionConnection", lambda ctx, _, args: ctx.subscriptions(args)),
    },
    "Mutation": {
        "webhookSubscriptionCreate": ("Made", lambda ctx, _, args: ctx.create_subscription(**args)),
        "webhookSubscriptionDelete": ("Gone", lambda ctx, _, args: ctx.delete_subscription(args["id"])),
    },
    **{f"{name}Connection": connection(name) for name in KINDS.values()},
    "LineItemConnection": connection("LineItem"), "EventConnection": connection("BasicEvent"),
    "SubscriptionConnection": connection("Subscription"),
    "PageInfo": {"hasNextPage": None, "endCursor": None}, "Count": {"count": None},
    "MoneyBag": {"shopMoney": ("MoneyV2", lambda ctx, bag, args: bag["shopMoney"])}, "MoneyV2": {"amount": None},
    "Related": {"legacyResourceId": None},
    "Order": {
        "id": gid("Order"), "legacyResourceId": LEGACY, "name": None, "email": None, "phone": None,
        "currencyCode": plain("currency"), "displayFinancialStatus": upper("financial_status"),
        "displayFulfillmentStatus": upper("fulfillment_status", "unfulfilled"), "tags": TAGS, "test": None,
        "processedAt": utc("created_at"), "cancelledAt": utc("cancelled_at"), "closedAt": utc("closed_at"), **DATES,
        "customer": ("Related", lambda ctx, body, args: body["customer"] and {"legacyResourceId": str(body["customer"]["id"])}),
        "totalPriceSet": money("total_price"), "subtotalPriceSet": money("subtotal_price"),
        "totalTaxSet": money("total_tax"), "totalDiscountsSet": money("total_discounts"),
        "lineItems": ("LineItemConnection", lambda ctx, body, args: ctx.lines(body, args)),
    },
    "LineItem": {
        "id": gid("LineItem"), "title": None, "name": plain("title"), "sku": None, "quantity": None,
        "product": related("product_id"), "variant": related("variant_id"),
        "originalUnitPriceSet": money("price"), "totalDiscountSet": money("total_discount"),
    },
    "Customer": {
        "id": gid("Customer"), "legacyResourceId": LEGACY, "firstName": plain("first_name"), "lastName": plain("last_name"),
        "defaultEmailAddress": ("Email", lambda ctx, body, args: body["email"] and {"emailAddress": body["email"]}),
        "defaultPhoneNumber": ("Phone", lambda ctx, body, args: body["phone"] and {"phoneNumber": body["phone"]}),
        "state": upper("state"), "tags": TAGS, **DATES,
    },
    "Email": {"emailAddress": None}, "Phone": {"phoneNumber": None},
    "Product": {
        "id": gid("Product"), "legacyResourceId": LEGACY, "title": None, "handle": None, "vendor": None,
        "productType": plain("product_type"), "status": upper("status"), "tags": TAGS,
        "publishedAt": utc("published_at"), **DATES,
    },
    "BasicEvent": {name: None for name in ("id", "action", "createdAt", "subjectId", "subjectType")},
    "Shop": {
        "name": (None, lambda *_: "Fixture Shop"), "myshopifyDomain": (None, lambda ctx, *_: ctx.shop),
        "currencyCode": (None, lambda *_: "USD"), "ianaTimezone": (None, lambda *_: "America/New_York"),
        "plan": ("Plan", lambda *_: {"publicDisplayName": "Basic"}),
    },
    "Plan": {"publicDisplayName": None},
    "AppInstallation": {
        "app": ("App", lambda *_: {"id": "gid://shopify/App/1234567", "title": "Demo App"}),
        "accessScopes": ("Scope", lambda ctx, *_: [{"handle": scope} for scope in ctx.scopes]),
    },
    "App": {"id": None, "title": None}, "Scope": {"handle": None},
    "Subscription": {"id": None, "topic": None, "uri": plain("url")},
    "Made": {"webhookSubscription": ("Subscription", lambda ctx, made, args: made.get("hook")),
             "userErrors": ("UserError", lambda ctx, made, args: made["errors"])},
    "Gone": {"deletedWebhookSubscriptionId": plain("id"), "userErrors": ("UserError", lambda ctx, made, args: made["errors"])},
    "UserError": {"field": None, "message": None},
}
PAGED = {"first", "after", "sortKey", "query"}
ARGUMENTS = {
    **{("Query", kind): PAGED for kind in [*KINDS, "events", "webhookSubscriptions"]},
    **{("Query", f"{kind}Count"): {"query", "limit"} for kind in KINDS},
    ("Query", "order"): {"id"}, ("Order", "lineItems"): {"first", "after"},
    ("Mutation", "webhookSubscriptionCreate"): {"topic", "webhookSubscription"},
    ("Mutation", "webhookSubscriptionDelete"): {"id"},
}
NEEDED = {"orders": "read_orders", "customers": "read_customers", "products": "read_products"}


def throttled(_request=None, status=None):
    cost = {"requestedQueryCost": 100, "actualQueryCost": None, "throttleStatus": status} if status else {}
    return Answer(200, {"errors": [error("THROTTLED", "Throttled")], "extensions": {"cost": cost}})


FAULTS["throttled"] = throttled


class Shopify(Fake):
    def __init__(self, secret="the secret of the demo", token="shpat_fake", shop=SHOP, most=2000, rate=100, dearest=MOST, **more):
        super().__init__(**more)
        self.secret, self.token, self.shop, self.dearest = secret, token, shop, dearest
        self.scopes = ["read_orders", "read_all_orders", "read_customers", "read_products"]
        self.objects = {kind: {} for kind in KINDS}
        self.index = {kind: {} for kind in KINDS}  # id -> what the search takes for its updated_at
        self.unseen = []  # (when, kind, id, updated_at): what the search does not know yet
        self.deleted = []  # BasicEvents, oldest first
        self.ever = {kind: set() for kind in KINDS}  # ids of what is deleted
        self.number = 8000000000000 + self.dice.randrange(10**9)
        self.clock = int(time.time()) - 30 * 24 * HOUR
        self.fault_kinds = [*self.fault_kinds, "throttled"]
        self.points = self.bucket("points", most, rate, cost=lambda request: 0)
        self.points.seconds = most / rate / self.speed
        self.route("POST", rf"/admin/api/{VERSION}/graphql\.json", self.graphql)

    # -------------------------------------------------------------- the shop

    def tick(self):
        """Each change has a second of its own."""
        self.clock += 1
        return z(self.clock)

    def new_id(self):
        self.number += self.dice.randrange(1, 50)
        return self.number

    def price(self):
        return f"{self.dice.randrange(100, 90000) / 100:.2f}"

    def some(self, kind):
        return self.dice.choice(list(self.objects[kind])) if self.objects[kind] else None

    def new_line(self):
        return {"id": self.new_id(), "product_id": self.some("products"), "variant_id": self.dice.choice([None, self.new_id()]),
                "sku": f"S/{self.dice.randrange(99)}", "title": "Sign & <Stand>", "quantity": self.dice.randrange(1, 9),
                "price": self.price(), "total_discount": "0.00"}

    def new_order(self, number, now):
        lines = [self.new_line() for _ in range(self.dice.choice(LINES))]
        customer = self.some("customers")
        return {"id": number, "name": f"#{number % 100000}", "email": f"c{number % 997}@example.com", "phone": None,
                "currency": "USD", "total_price": self.price(), "subtotal_price": self.price(), "total_tax": self.price(),
                "total_discounts": "0.00", "financial_status": "pending", "fulfillment_status": None,
                "customer": customer and {"id": customer}, "tags": "", "test": False, "cancelled_at": None, "closed_at": None,
                "processed_at": now, "created_at": now, "updated_at": now, "note": "a/b & <c>", "line_items": lines}

    def new_customer(self, number, now):
        first = self.dice.choice(NAMES)
        return {"id": number, "email": f"{number}@example.com", "phone": None, "first_name": first, "last_name": "O'Neil",
                "state": "disabled", "tags": "", "created_at": now, "updated_at": now}

    def new_product(self, number, now):
        return {"id": number, "title": f"Sign {number % 1000}/{self.dice.randrange(9)}", "handle": f"sign-{number}", "vendor": "Acme",
                "product_type": "Signs", "status": "draft", "tags": "", "published_at": None, "created_at": now, "updated_at": now}

    def create(self, kind):
        number, now = self.new_id(), self.tick()
        make = {"orders": self.new_order, "customers": self.new_customer, "products": self.new_product}[kind]
        self.objects[kind][number] = make(number, now)
        self.later_found(kind, number, now)
        return number

    def update(self, kind, number):
        body, now = self.objects[kind][number], self.tick()
        body["updated_at"] = now
        body["tags"] = self.dice.choice(["", "new", "new, vip", "a/b"])
        if kind == "customers":
            body["state"] = self.dice.choice(["disabled", "invited", "enabled"])
        elif kind == "products":
            body["status"], body["published_at"] = self.dice.choice([("active", now), ("archived", None), ("draft", None)])
        elif self.dice.random() < 0.3:
            body["line_items"] = [self.new_line() for _ in range(self.dice.randrange(1, 5))]
        else:
            body["financial_status"] = self.dice.choice(["pending", "paid", "partially_refunded"])
            body["fulfillment_status"] = self.dice.choice([None, "fulfilled"])
        self.later_found(kind, number, now)

    def delete(self, kind, number):
        now = self.tick()
        del self.objects[kind][number]
        self.index[kind].pop(number, None)
        self.ever[kind].add(number)
        self.deleted.append({"id": f"gid://shopify/BasicEvent/{self.new_id()}", "action": "destroy", "createdAt": now,
                             "subjectId": f"gid://shopify/{KINDS[kind]}/{number}", "subjectType": KINDS[kind].upper()})

    def later_found(self, kind, number, updated_at):
        self.unseen.append((time.monotonic() + self.soon(LAG), kind, number, updated_at))

    def catch_up(self):
        """What the search has come to know meanwhile."""
        now, rest = time.monotonic(), []
        for one in self.unseen:
            if one[0] > now:
                rest.append(one)
            elif one[2] in self.objects[one[1]]:
                self.index[one[1]][one[2]] = one[3]
        self.unseen = rest

    # ------------------------------------------------- what the fake is asked for

    def fill(self, count):
        with self.lock:
            for number in range(count):
                self.create(("customers", "products", "orders")[number % 3])
            for when, kind, number, updated_at in self.unseen:
                self.index[kind][number] = updated_at
            self.unseen = []
            self.clock = int(time.time()) - 10 * HOUR

    def change(self, count):
        with self.lock:
            for _ in range(count):
                self.change_one(self.dice.choice(list(KINDS)))

    def change_one(self, kind):
        way, number = self.dice.random(), self.some(kind)
        if way < 0.3 or number is None:
            number = self.create(kind)
            self.tell(f"{kind}/create", self.objects[kind][number])
        elif way < 0.85:
            self.update(kind, number)
            body, event = self.objects[kind][number], str(uuid.UUID(int=self.dice.getrandbits(128)))
            self.tell(UPDATED[kind], body, event)
            if kind == "orders" and body["financial_status"] == "paid":
                self.tell("orders/paid", body, event)
        else:
            self.delete(kind, number)
            self.tell(f"{kind}/delete", {"id": number})

    def truth(self):
        with self.lock:
            return {
                "orders": [{
                    "order_id": str(one["id"]), "name": one["name"], "email": one["email"], "total_price": float(one["total_price"]),
                    "total_discounts": 0, "financial_status": one["financial_status"],
                    "fulfillment_status": one["fulfillment_status"], "tags": one["tags"], "test": one["test"],
                    "customer_id": one["customer"] and str(one["customer"]["id"]), "updated_at": self.stored(one["updated_at"]),
                    "closed_at": None, "deleted": False, "shop": self.shop} for one in self.objects["orders"].values()],
                "order_lines": [{
                    "order_id": str(one["id"]), "line_id": str(line["id"]), "product_id": line["product_id"] and str(line["product_id"]),
                    "variant_id": line["variant_id"] and str(line["variant_id"]), "sku": line["sku"], "title": line["title"],
                    "quantity": line["quantity"], "price": float(line["price"]), "total_discount": 0}
                    for one in self.objects["orders"].values() for line in one["line_items"]],
                "customers": [{
                    "customer_id": str(one["id"]), "email": one["email"], "first_name": one["first_name"], "state": one["state"],
                    "tags": one["tags"], "updated_at": self.stored(one["updated_at"]), "deleted": False}
                    for one in self.objects["customers"].values()],
                "products": [{
                    "product_id": str(one["id"]), "title": one["title"], "status": one["status"], "tags": one["tags"],
                    "published_at": self.stored(one["published_at"]), "updated_at": self.stored(one["updated_at"]),
                    "deleted": False} for one in self.objects["products"].values()],
            }

    @staticmethod
    def stored(text):
        return text and text.replace("Z", ".000Z")

    @property
    def excused(self):
        """Of what was deleted only that is certain."""
        return {(table, str(number)) for kind in KINDS for number in self.ever[kind]
                for table in ((kind, "order_lines") if kind == "orders" else (kind,))}

    def drain(self, within=60):
        time.sleep(self.soon(LAG))
        return super().drain(within)

    # --------------------------------------------------------------- webhooks

    def tell(self, topic, body, event=None):
        event = event or str(uuid.UUID(int=self.dice.getrandbits(128)))
        sent = as_sent({name: local(value) if name.endswith("_at") and value else value for name, value in body.items()})
        for hook in self.hooks:
            if hook.get("topic") in (None, enum(topic)):
                self.push(hook["url"], self.headers(topic, event, sent), sent, RETRIES, id=f"{topic}:{event}")

    def headers(self, topic, event, sent):
        proof = base64.b64encode(hmac.new(self.secret.encode(), sent, hashlib.sha256).digest()).decode()
        return {"Content-Type": "application/json", "User-Agent": "Shopify-Captain-Hook", "X-Shopify-Topic": topic,
                "X-Shopify-Hmac-Sha256": proof, "X-Shopify-Shop-Domain": self.shop, "X-Shopify-API-Version": VERSION,
                "X-Shopify-Webhook-Id": str(uuid.UUID(int=self.dice.getrandbits(128))), "X-Shopify-Event-Id": event,
                "X-Shopify-Triggered-At": z(self.clock)[:-1] + f".{self.dice.randrange(10**9):09d}Z"}

    def create_subscription(self, topic, webhookSubscription):
        uri = webhookSubscription.get("uri")
        wrong = None if uri.startswith(("https://", "http://127.0.0.1:")) else "Address protocol http:// is not supported"
        if any(hook["url"] == uri and hook.get("topic") == topic for hook in self.hooks):
            wrong = "Address for this topic has already been taken"
        if wrong:
            return {"errors": [{"field": ["webhookSubscription", "callbackUrl"], "message": wrong}]}
        hook = {"id": f"gid://shopify/WebhookSubscription/{self.new_id()}", "topic": topic, "url": uri}
        self.hooks.append(hook)
        return {"hook": hook, "errors": []}

    def delete_subscription(self, which):
        there = [hook for hook in self.hooks if hook.get("id") == which]
        self.hooks = [hook for hook in self.hooks if hook.get("id") != which]
        return {"id": which, "errors": [] if there else [
            {"field": ["id"], "message": "Webhook subscription does not exist"}]}

    def subscriptions(self, args):
        listed = [(hook["id"], hook["id"], hook) for hook in self.hooks if "id" in hook]
        return self.page(listed, args)

    # ---------------------------------------------------------------- paging

    def found(self, kind, query):
        """[(what it is sorted by, id, object), ...]"""
        if NEEDED[kind] not in self.scopes:
            raise graphql.Refusal(f"Access denied for {kind} field. Required access: `{NEEDED[kind]}` access scope.",
                                  "ACCESS_DENIED", requiredAccess=f"`{NEEDED[kind]}` access scope.")
        self.catch_up()
        since = query.split("'")[1] if query else ""
        return sorted((at, number, self.objects[kind][number]) for number, at in self.index[kind].items() if at >= since)

    def search(self, kind, args):
        return self.page(self.found(kind, args.get("query")), args)

    def log(self, args):
        since = args["query"].split("'")[1] if "'" in args["query"] else ""
        return self.page([(one["createdAt"], number, one) for number, one in enumerate(self.deleted) if one["createdAt"] >= since], args)

    def lines(self, body, args):
        return self.page([(number, number, line) for number, line in enumerate(body["line_items"])], args)

    def page(self, items, args):
        first, start = min(args["first"], 250), 0
        if args.get("after"):
            try:
                after = json.loads(base64.b64decode(args["after"]))
                last = (after["last_value"], after["last_id"])
                while start < len(items) and items[start][:2] <= last:
                    start += 1
            except (ValueError, KeyError, TypeError):
                raise graphql.Refusal("Invalid cursor for current pagination sort.") from None
        if start >= REACH:
            raise graphql.Refusal(f"Cannot page beyond {REACH} objects")
        some = items[start:start + first]
        end = some and base64.b64encode(json.dumps({"last_id": some[-1][1], "last_value": some[-1][0]}).encode()).decode()
        return {"nodes": [one[2] for one in some], "hasNextPage": start + first < len(items), "endCursor": end or None}

    # -------------------------------------------------------------- answering

    def status(self):
        return {"maximumAvailable": float(self.points.most), "currentlyAvailable": int(self.points.left()),
                "restoreRate": float(self.points.rate)}

    def graphql(self, request):
        if request.headers.get("x-shopify-access-token") != self.token:
            return Answer(401, {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"})
        asked = request.json or {}
        variables = asked.get("variables") or {}
        try:
            (word, _, fields), _, _ = graphql.read(asked.get("query", ""))
        except graphql.Refusal as refusal:
            return Answer(200, {"errors": [refusal.error(None)]})
        cost = 10 if word == "mutation" else round(asked_cost(fields, variables))
        if cost > self.dearest:
            return Answer(200, {"errors": [error(
                "MAX_COST_EXCEEDED", f"Query cost is {cost}, which exceeds the single query max cost limit ({self.dearest}).",
                cost=cost, maxCost=self.dearest)]})
        if self.points.left() < cost:
            self.points.exceeded += 1
            return throttled(status=self.status())
        return self.execute(asked, variables, fields, cost, word)

    def execute(self, asked, variables, fields, cost, word):
        data, errors = graphql.execute(SCHEMA, ARGUMENTS, asked["query"], variables, self)
        paid = cost if word == "mutation" else min(cost, round(paid_cost(fields, data)))
        self.points.spend(paid)
        told = {"requestedQueryCost": cost, "actualQueryCost": paid, "throttleStatus": self.status()}
        answer = {"data": data, "extensions": {"cost": told}}
        if errors:
            answer["errors"] = errors
        if data is None:
            del answer["data"], answer["extensions"]
        return Answer(200, answer, {"X-Shopify-API-Version": VERSION})


if __name__ == "__main__":
    main(lambda args: Shopify(secret=args.secret, **how(args)))
