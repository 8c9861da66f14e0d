# SPDX-License-Identifier: Apache-2.0
# shopify_partner.py - Shopify's Partner API: events of apps and transactions, newest first, a hundred a page.
#
# Events have no id; some share a moment, some come late.  An app that a token may not see is null, without an error.
import base64
import calendar
import hashlib
import json
import time

import graphql
from fake import Answer, Fake, how, main

VERSION = "2026-04"
ORGANIZATION = "99"
HOUR = 3600
SUBSCRIBED = ["SUBSCRIPTION_CHARGE_ACCEPTED", "SUBSCRIPTION_CHARGE_ACTIVATED", "SUBSCRIPTION_CHARGE_CANCELED",
              "SUBSCRIPTION_CHARGE_FROZEN", "SUBSCRIPTION_CHARGE_UNFROZEN", "SUBSCRIPTION_CHARGE_DECLINED",
              "SUBSCRIPTION_CHARGE_EXPIRED", "SUBSCRIPTION_APPROACHING_CAPPED_AMOUNT", "SUBSCRIPTION_CAPPED_AMOUNT_UPDATED"]
CHARGED = ["ONE_TIME_CHARGE_ACCEPTED", "ONE_TIME_CHARGE_ACTIVATED", "ONE_TIME_CHARGE_DECLINED", "ONE_TIME_CHARGE_EXPIRED",
           "USAGE_CHARGE_APPLIED"]
CREDITED = ["CREDIT_APPLIED", "CREDIT_FAILED", "CREDIT_PENDING"]
RELATED = ["RELATIONSHIP_INSTALLED", "RELATIONSHIP_UNINSTALLED", "RELATIONSHIP_DEACTIVATED", "RELATIONSHIP_REACTIVATED"]
SALES = ["AppSubscriptionSale", "AppOneTimeSale", "AppUsageSale", "AppSaleAdjustment", "AppSaleCredit", "ReferralTransaction"]


def camel(kind):
    return "".join(word.capitalize() for word in kind.split("_"))


def moment(microseconds):
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(microseconds // 10**6))
    return f"{whole}.{microseconds % 10**6:06d}Z"


def micro(text):
    whole, _, fraction = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) * 10**6 + int(fraction.ljust(6, "0") or 0)


def number(gid):
    return gid.rsplit("/", 1)[1] if gid else ""


def plain(*names):
    return dict.fromkeys(names)


def inner(kind, name):
    return (kind, lambda ctx, obj, args: obj[name])


EVENT = {**plain("type", "occurredAt"), "app": inner("AppInfo", "app"), "shop": inner("Shop", "shop")}
CHARGE = {**plain("id", "name", "test"), "amount": inner("Money", "amount")}
SALE = {**plain("id", "createdAt", "chargeId"), "app": inner("AppInfo", "app"), "shop": inner("Shop", "shop"),
        **{name: inner("Money", name) for name in ("grossAmount", "shopifyFee", "netAmount")}}
SCHEMA = {
    "Query": {
        "app": ("App", lambda ctx, _, args: ctx.app(args["id"])),
        "transactions": ("TransactionConnection", lambda ctx, _, args: ctx.listed_transactions(args)),
        "publicApiVersions": ("Version", lambda *_: [{"handle": VERSION, "supported": True}]),
    },
    "Version": plain("handle", "supported"),
    "App": {**plain("id", "name"), "events": ("EventConnection", lambda ctx, app, args: ctx.listed_events(app, args))},
    "AppInfo": plain("id", "name", "apiKey"), "Shop": plain("id", "name", "myshopifyDomain"),
    "Money": plain("amount", "currencyCode"),
    "EventConnection": {"edges": inner("EventEdge", "edges"), "pageInfo": inner("PageInfo", "pageInfo")},
    "EventEdge": {"cursor": None, "node": inner("AppEvent", "node")},
    "TransactionConnection": {"edges": inner("TransactionEdge", "edges"), "pageInfo": inner("PageInfo", "pageInfo")},
    "TransactionEdge": {"cursor": None, "node": inner("Transaction", "node")},
    "PageInfo": plain("hasNextPage", "hasPreviousPage"), "AppEvent": EVENT, "Transaction": plain("id", "createdAt"),
    "Subscription": {**CHARGE, "billingOn": None}, "Charge": CHARGE,
    **{camel(kind): EVENT for kind in RELATED},
    "RelationshipUninstalled": {**EVENT, **plain("reason", "description")},
    **{camel(kind): {**EVENT, "charge": inner("Subscription", "charge")} for kind in SUBSCRIBED},
    **{camel(kind): {**EVENT, "charge": inner("Charge", "charge")} for kind in CHARGED},
    **{camel(kind): {**EVENT, "appCredit": inner("Charge", "appCredit")} for kind in CREDITED},
    **dict.fromkeys(SALES, SALE), "AppSubscriptionSale": {**SALE, "billingInterval": None},
    "ReferralTransaction": plain("id", "createdAt"),
}
ARGUMENTS = {("Query", "app"): {"id"}, ("App", "events"): {"first", "after", "occurredAtMin", "occurredAtMax", "types"},
             ("Query", "transactions"): {"first", "after", "createdAtMin", "createdAtMax"}}


class Partner(Fake):
    def __init__(self, token="prtapi_fake", apps=("1234567", "7654321"), secret="", **more):
        super().__init__(**more)
        self.token, self.financials = token, True
        self.apps = {one: {"id": f"gid://partners/App/{one}", "name": f"App {one}", "apiKey": "0" * 32} for one in apps}
        self.events, self.transactions = [], []
        self.orders = {}  # name -> (how many, since, those as they are listed)
        self.clock = (int(time.time()) - 60 * 24 * HOUR) * 10**6
        self.limit("requests", 4, 1)
        self.route("POST", rf"/{ORGANIZATION}/api/{VERSION}/graphql\.json", self.graphql)

    # ------------------------------------------------------------ what happens

    def tick(self):
        self.clock += self.dice.randrange(10**5, 10**7)
        return self.clock

    def money(self):
        return {"amount": f"{self.dice.randrange(1, 900) / 10}", "currencyCode": "USD"}

    def shop(self):
        one = self.dice.randrange(1, 500)
        return {"id": f"gid://partners/Shop/{one}", "name": f"Shop {one}", "myshopifyDomain": f"shop-{one}.myshopify.com"}

    def happen(self, late=False):
        kind = self.dice.choice([*RELATED, *SUBSCRIBED, *CHARGED, *CREDITED])
        at = self.tick() - (self.dice.randrange(1, 20) * HOUR * 10**6 if late else 0)
        event = {"__type": camel(kind), "type": kind, "occurredAt": moment(at), "shop": self.shop(),
                 "app": self.apps[self.dice.choice(list(self.apps))]}
        charge = {"id": f"gid://shopify/AppSubscription/{self.dice.randrange(10**9)}", "amount": self.money(), "name": "Pro",
                  "test": False, "billingOn": None}
        if kind not in RELATED:
            event["appCredit" if kind in CREDITED else "charge"] = charge
        self.events.append(event)
        if kind == "SUBSCRIPTION_CHARGE_ACTIVATED":  # at the same instant, of the same charge
            other = "SUBSCRIPTION_CHARGE_ACCEPTED"
            self.events.append({**event, "type": other, "__type": camel(other)})
            self.pay(event, at)

    def pay(self, event, at):
        kind = self.dice.choice(SALES)
        self.transactions.append({
            "__type": kind, "id": f"gid://partners/{kind}/{len(self.transactions) + 1}", "createdAt": moment(at),
            "chargeId": event["charge"]["id"], "billingInterval": "EVERY_30_DAYS", "app": event["app"], "shop": event["shop"],
            "grossAmount": self.money(), "shopifyFee": self.money(), "netAmount": self.money()})

    def fill(self, count):
        with self.lock:
            while len(self.events) < count:
                self.happen()
            self.clock = (int(time.time()) - 10 * HOUR) * 10**6

    def change(self, count):
        with self.lock:
            for _ in range(count):
                self.happen(late=self.dice.random() < 0.2)

    @staticmethod
    def name(event):
        charge = (event.get("charge") or event.get("appCredit") or {}).get("id")
        parts = [number(event["app"]["id"]), event["type"], str(micro(event["occurredAt"])), number(event["shop"]["id"]),
                 number(charge)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def truth(self):
        with self.lock:
            return {"events": [{"id": self.name(event), "source": "shopify_partner"} for event in self.events]}

    def options(self):
        return {"organization": ORGANIZATION, "token": self.token, "apps": list(self.apps)}

    # --------------------------------------------------------------- answering

    def app(self, gid):
        return self.apps.get(number(gid))

    def sorted(self, name, items, moment_of, since):
        """Newest first, sorted once as long as none comes.  [(place, one), ...]"""
        known = self.orders.get(name)
        if not known or known[:2] != (len(items), since):
            order = sorted(enumerate(items), key=lambda one: (moment_of(one[1]), one[0]), reverse=True)
            order = [(place, one) for place, one in order if not since or micro(moment_of(one)) >= micro(since)]
            known = self.orders[name] = (len(items), since, order)
        return known[2]

    def page(self, name, items, moment_of, args, since):
        """The cursor is of an edge, and of its place among those of one moment."""
        items, start = self.sorted(name, items, moment_of, since), 0
        if args.get("after"):
            try:
                last = tuple(json.loads(base64.b64decode(args["after"])))
            except ValueError:
                raise graphql.Refusal("Invalid cursor", whole=True) from None
            while start < len(items) and (moment_of(items[start][1]), items[start][0]) >= last:
                start += 1
        some = items[start:start + min(args["first"], 100)]
        edges = [{"cursor": base64.b64encode(json.dumps([moment_of(one), place]).encode()).decode(), "node": one}
                 for place, one in some]
        return {"edges": edges, "pageInfo": {"hasNextPage": start + len(some) < len(items), "hasPreviousPage": start > 0}}

    def listed_events(self, app, args):
        mine = [event for event in self.events if event["app"] is app]
        return self.page(app["id"], mine, lambda one: one["occurredAt"], args, args.get("occurredAtMin"))

    def listed_transactions(self, args):
        if not self.financials:
            raise graphql.Refusal("Access denied", whole=True)
        return self.page("transactions", self.transactions, lambda one: one["createdAt"], args, args.get("createdAtMin"))

    def graphql(self, request):
        if request.headers.get("x-shopify-access-token") != self.token:
            return Answer(401, {"errors": "Unauthorized"})
        asked = request.json or {}
        data, errors = graphql.execute(SCHEMA, ARGUMENTS, asked.get("query", ""), asked.get("variables"), self)
        return Answer(200, {"data": data, **({"errors": errors} if errors else {})})


if __name__ == "__main__":
    main(lambda args: Partner(**how(args)))
