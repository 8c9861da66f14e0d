# SPDX-License-Identifier: Apache-2.0
# gmail.py - a mailbox: profile, messages, history with an end, watch, OAuth, and notices as Pub/Sub pushes them.
#
# Its limit counts quota units, as Gmail's does. Of the history only the last `kept` records are there.
import base64
import json
import time

from fake import Answer, Fake, how, main

NOT_FOUND = {"error": {"code": 404, "message": "Requested entity was not found.", "status": "NOT_FOUND",
                       "errors": [{"message": "Requested entity was not found.", "domain": "global", "reason": "notFound"}]}}
UNITS = {"profile": 1, "labels": 1, "messages": 5, "history": 2, "watch": 100, "stop": 50}
DAY = 86400


def units(request):
    parts = request.path.split("/")
    return UNITS.get(parts[5], 0) if len(parts) > 5 else 0


class Gmail(Fake):
    def __init__(self, secret="the secret of the demo", kept=100000, **more):
        super().__init__(**more)
        self.secret, self.kept = secret, kept
        self.account, self.access, self.refresh = "owner@example.com", "access-1", "refresh-fake"
        self.expires_in, self.watched, self.stops = 3600, [], 0
        self.history_id, self.records = 86000, []
        self.ever, self.read = {}, set()
        self.limit("units", 12000, 60, cost=units)
        user = r"/gmail/v1/users/[^/]+"
        for method, path, handler in (
                ("GET", "/profile", self.profile), ("GET", "/messages", self.list), ("GET", r"/messages/(\w+)", self.get),
                ("GET", "/history", self.history), ("POST", "/watch", self.watch), ("POST", "/stop", self.stop),
                ("GET", "/labels", self.labels)):
            self.route(method, user + path, self.checked(handler))
        self.route("POST", "/token", self.token)

    # ------------------------------------------------------------- the mailbox

    def add(self, when=None):
        number = len(self.ever)
        sent = number % 3 == 0
        other = f"Customer {number} <customer{number}@example.com>"
        names = [("From", self.account if sent else other), ("to", other if sent else self.account),
                 ("Subject", f"About order {number}")]
        message = {
            "id": f"19dd{number:012x}", "threadId": f"19dd{number // 2:012x}", "labelIds": ["SENT" if sent else "INBOX"],
            "snippet": f"Dear &amp; number {number}", "sizeEstimate": 1000,
            "internalDate": str(int((when or time.time()) * 1000)),
            "payload": {"mimeType": "text/plain", "headers": [{"name": name, "value": value} for name, value in names]},
        }
        self.objects[message["id"]] = self.ever[message["id"]] = message
        return message

    def record(self, **what):
        self.history_id += self.dice.randrange(1, 20)
        self.records.append({"id": str(self.history_id), **what})
        del self.records[:-self.kept]

    def fill(self, count):
        with self.lock:
            for number in range(count):
                self.add(time.time() - 10 * DAY + number)

    def short(self, message):
        return {name: message[name] for name in ("id", "threadId", "labelIds")}

    def change(self, count):
        with self.lock:
            for _ in range(count):
                kind = self.dice.choice(["add", "add", "add", "label", "delete", "nothing"])
                message = self.dice.choice(list(self.objects.values()))
                if kind == "add":
                    message = self.add()
                    self.record(messages=[self.short(message)], messagesAdded=[{"message": self.short(message)}])
                elif kind == "label":
                    self.record(labelsAdded=[{"message": self.short(message), "labelIds": ["STARRED"]}])
                elif kind == "delete":
                    del self.objects[message["id"]]
                    self.record(messagesDeleted=[{"message": self.short(message)}])
                else:
                    self.record(messages=[self.short(message)])
                self.notify()

    def reader_killed(self):
        self.read.clear()

    def notify(self):
        notice = json.dumps({"emailAddress": self.account, "historyId": self.history_id}).encode()
        number = str(2070443601311540 + self.history_id)
        body = {"subscription": "projects/demo/subscriptions/push",
                "message": {"data": base64.urlsafe_b64encode(notice).decode(), "messageId": number, "message_id": number,
                            "publishTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}}
        for hook in self.hooks:
            self.push(f"{hook['url']}?token={self.secret.replace(' ', '%20')}", {"Content-Type": "application/json"}, body)

    def truth(self):
        """What was deleted and never read is not to be had; nor what was only read by a daemon that was killed then."""
        self.excused = {("events", self.name(one)) for one in self.ever if one not in self.objects and one not in self.read}
        return {"events": [{"id": self.name(one), "event_name": "email_sent" if "SENT" in message["labelIds"] else "email_received",
                            "event_description": self.describe(message)} for one, message in self.ever.items()]}

    def name(self, message):
        return f"gmail:{self.account}:{message}"

    def describe(self, message):
        sender, _, subject = (header["value"] for header in message["payload"]["headers"])
        kind = "email_sent" if sender == self.account else "email_received"
        return f"{sender.split('<')[-1].strip('>')} {kind} {subject}"

    def options(self):
        return {"secret": self.secret, "refresh_token": self.refresh, "client_id": "demo", "client_secret": "demo",
                "token_url": f"{self.base}/token"}

    # ----------------------------------------------------------------- the API

    def checked(self, handler):
        def check(request):
            if request.bearer != self.access:
                return Answer(401, {"error": {"code": 401, "message": "Invalid Credentials", "status": "UNAUTHENTICATED"}})
            return handler(request)

        return check

    def token(self, request):
        if request.form.get("refresh_token") != [self.refresh] or request.form.get("grant_type") != ["refresh_token"]:
            return Answer(400, {"error": "invalid_grant", "error_description": "Token has been expired or revoked."})
        return {"access_token": self.access, "expires_in": self.expires_in, "token_type": "Bearer"}

    def profile(self, _request):
        return {"emailAddress": self.account, "messagesTotal": len(self.objects), "historyId": str(self.history_id)}

    def labels(self, _request):
        return {"labels": [{"id": "INBOX", "name": "INBOX"}, {"id": "SENT", "name": "SENT"}]}

    def pages(self, request, found):
        """Some of them, and the token of the next."""
        at, most = int(request.first("pageToken", "0")), int(request.first("maxResults", "100"))
        return found[at:at + most], {"nextPageToken": str(at + most)} if at + most < len(found) else {}

    def list(self, request):
        since = int(request.first("q", "after:0").split(":")[1]) * 1000
        found = [one for one in reversed(self.ever.values()) if int(one["internalDate"]) >= since]
        page, more = self.pages(request, found)  # of all there ever were: so a deletion moves no page
        page = [{"id": one["id"], "threadId": one["threadId"]} for one in page if one["id"] in self.objects]
        return {"messages": page, "resultSizeEstimate": len(found), **more}

    def get(self, request):
        message = self.objects.get(request.groups[0])
        if not message:
            return Answer(404, NOT_FOUND)
        self.read.add(message["id"])
        return {**message, "historyId": "1"}

    def history(self, request):
        start = int(request.first("startHistoryId"))
        if self.records and start < int(self.records[0]["id"]) - 20 and len(self.records) == self.kept:
            return Answer(404, NOT_FOUND)
        page, more = self.pages(request, [record for record in self.records if int(record["id"]) > start])
        return {**({"history": page} if page else {}), "historyId": str(self.history_id), **more}

    def watch(self, request):
        self.watched.append(request.json["topicName"])
        return {"historyId": str(self.history_id), "expiration": str(int((time.time() + 7 * DAY) * 1000))}

    def stop(self, _request):
        self.stops += 1
        return Answer(204)


if __name__ == "__main__":
    main(lambda args: Gmail(secret=args.secret, **how(args)))
