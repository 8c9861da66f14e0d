# SPDX-License-Identifier: Apache-2.0
# gadget.py - an app made with Gadget: shopifyShops by GraphQL, and an action of the app that posts what it did.
#
# Its limit is a window of ten seconds; what is beyond is GGT_TOO_MANY_REQUESTS inside a 200.
import copy
import hashlib
import hmac
import json
import pathlib
import time

from fake import Answer, Fake, how, main

SAMPLES = pathlib.Path(__file__).resolve().parent.parent.parent / "plugins" / "gadget" / "samples"
DAY = 86400


def moment(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds * 1000) % 1000:03d}Z"


def refusal(code, status, words):
    return Answer(200, {"errors": [{"message": f"{code}: {words}", "extensions": {"code": code, "statusCode": status}}]})


class Gadget(Fake):
    def __init__(self, secret="the secret of the demo", token="gsk-fake", **more):
        super().__init__(**more)
        self.secret, self.token, self.last = secret, token, 0
        self.told = {}  # {event id: event}: all that ever happened
        self.shop = json.loads((SAMPLES / "shops_page.json").read_text())["data"]["shopifyShops"]["edges"][0]["node"]
        self.limit("requests", 60, 10, refuse=lambda request, left: refusal("GGT_TOO_MANY_REQUESTS", 429, "Too many requests"))
        self.route("POST", "/api/graphql", self.graphql)

    # ------------------------------------------------------------- the records

    def now(self):
        """Each change has a millisecond of its own."""
        self.last = max(time.time(), self.last + 0.001)
        return moment(self.last)

    def tell(self, shop, kind, at):
        event = {"id": f"{shop['id']}:{kind}:{at}", "type": f"shop_{kind}", "occurredAt": at, "shop": copy.deepcopy(shop)}
        self.told[event["id"]] = event
        for hook in self.hooks:
            self.push(hook["url"], self.signed, event, id=None if kind == "updated" else event["id"])

    def signed(self, body):
        proof = hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        return {"Content-Type": "application/json", "X-Sluice-Signature": f"sha256={proof}"}

    def install(self, at):
        number = str(7000000 + len(self.objects))
        name = f"Store {number[3:]}"
        self.objects[number] = {**self.shop, "id": number, "createdAt": at, "updatedAt": at, "name": name,
                                "state": {"created": "installed"}, "email": f"owner{number}@example.com",
                                "myshopifyDomain": f"store-{number}.myshopify.com"}
        self.tell(self.objects[number], "installed", at)

    def turn(self, shop, kind):
        """It changes state, or is only updated."""
        shop["updatedAt"] = self.now()
        if kind != "updated":
            shop["state"] = {"created": {"uninstalled": "uninstalled", "reinstalled": "installed"}[kind]}
        self.tell(shop, kind, shop["updatedAt"])

    def fill(self, count):
        """Some of them have gone already."""
        with self.lock:
            for number in range(count):
                self.install(moment(time.time() - 30 * DAY + number))
            for shop in list(self.objects.values())[::7]:
                shop["state"] = {"created": "uninstalled"}
                shop["updatedAt"] = moment(time.time() - 20 * DAY + int(shop["id"]) % 1000)
                self.tell(shop, "uninstalled", shop["updatedAt"])

    def change(self, count):
        """A record shows its last change only, so each shop changes once, and then rests."""
        with self.lock:
            yesterday = moment(time.time() - DAY)
            for _ in range(count):
                old = [shop for shop in self.objects.values() if shop["updatedAt"] < yesterday]
                kind = self.dice.choice(["installed", "uninstalled", "reinstalled", "updated"])
                state = "uninstalled" if kind == "reinstalled" else "installed"
                old = [shop for shop in old if shop["state"]["created"] == state]
                if kind == "installed" or not old:
                    self.install(self.now())
                else:
                    self.turn(self.dice.choice(old), kind)

    def truth(self):
        """Without the updates, which a mapping passes over unless it is told otherwise."""
        return {"events": [{"id": event["id"], "event_name": event["type"], "occurred_at": event["occurredAt"],
                            "source": "gadget"} for event in self.told.values() if event["type"] != "shop_updated"]}

    def options(self):
        return {"secret": self.secret, "token": self.token}

    # ----------------------------------------------------------------- the API

    def graphql(self, request):
        asked = request.json or {}
        if request.bearer != self.token:
            return refusal("GGT_INVALID_API_KEY", 401, "The API key is not valid")
        if "accessToken" in asked.get("query", ""):
            raise AssertionError("accessToken was selected")
        values = asked.get("variables") or {}
        first, after = values.get("first", 50), values.get("after")
        if first > 250:
            return refusal("GGT_UNKNOWN", 400, "first is at most 250")
        since = ((values.get("filter") or [{}])[0].get("updatedAt") or {}).get("greaterThanOrEqual", "")
        found = sorted((shop["updatedAt"], shop["id"]) for shop in self.objects.values() if shop["updatedAt"] >= since)
        if after:
            last = tuple(json.loads(after))
            found = [one for one in found if one > last]
        edges = [{"cursor": json.dumps(one), "node": self.objects[one[1]]} for one in found[:first]]
        pages = {"hasNextPage": len(found) > first, "endCursor": edges[-1]["cursor"] if edges else None}
        return {"data": {"shopifyShops": {"edges": edges, "pageInfo": pages}}}


if __name__ == "__main__":
    main(lambda args: Gadget(secret=args.secret, **how(args)))
