# SPDX-License-Identifier: Apache-2.0
# missive.py - conversations, newest activity first, with their messages; rules that post what happens, signed.
#
# Its answers have the form of recorded ones (plugins/missive/samples). As there, `until` is inclusive, a page may hold
# more than was asked for, times are whole seconds, one message comes as an object and several as a list, the body of a
# message is in no list and no webhook, and errors come in three forms. A rule stops after fifty failures one after the other.
import hashlib
import hmac
import json
import re
import time
import uuid

from fake import Answer, Fake, how, main

DAY = 86400
RETRIES = (30, 60, 90, 120, 180)  # five within about eight minutes
ERRORS = [{"errors": "Unauthorized"}, {"error": "Not found"}, {"message": "Too many requests"}]
MAKES = {"incoming_email", "incoming_sms_message", "incoming_facebook_message", "incoming_whatsapp_message",
         "incoming_twitter_message", "incoming_twilio_chat_message", "new_comment"}
BY_HAND = ["incoming_email", "outgoing_email", "label_change", "team_change", "conversation_closed", "conversation_reopened",
           "conversation_assignee_change", "new_comment"]
ORGANIZATION = {"id": "7deec8a7-439a-414c-a10a-059142216786", "name": "Demo Staging"}


def too_many(_request, left):
    wait = max(1, round(left + 0.5))
    return Answer(429, ERRORS[2], {"Retry-After": str(wait), "X-RateLimit-Limit": "900", "X-RateLimit-Remaining": "0",
                                   "X-RateLimit-Reset": str(int(time.time()) + wait)})


def millis(at):
    """As a timestamp stands in SQLite."""
    return None if at is None else time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))


class Missive(Fake):
    def __init__(self, secret="the secret of the demo", token="missive_pat-demo", **more):
        super().__init__(**more)
        self.secret, self.token = secret, token
        self.talks, self.merged, self.rules, self.downloads = {}, {}, {}, 0
        self.teams = [{"id": self.new_id(), "name": name, "organization": ORGANIZATION["id"]} for name in ("Support", "Sales")]
        self.labels = [{"id": self.new_id(), "name": name, "organization": ORGANIZATION["id"]} for name in ("VIP", "Late", "Paid")]
        self.users = [{"id": self.new_id(), "name": f"User {n}", "email": f"user{n}@example.com"} for n in range(3)]
        self.fault_kinds = [*self.fault_kinds, "html"]
        self.limit("quarter", 900, 900, refuse=too_many)
        self.limit("minute", 300, 60, refuse=too_many)
        for method, pattern, handler in [
            ("GET", "/v1/conversations", self.talk_list), ("GET", r"/v1/conversations/([\w-]+)", self.talk_one),
            ("GET", r"/v1/conversations/([\w-]+)/messages", self.message_list),
            ("GET", r"/v1/conversations/([\w-]+)/comments", self.comment_list), ("GET", r"/v1/messages/([\w,-]+)", self.message_some),
            ("GET", "/v1/organizations", self.listed("organizations", [ORGANIZATION])), ("GET", "/v1/teams", self.listed("teams", self.teams)),
            ("GET", "/v1/users", self.listed("users", self.users)), ("GET", "/v1/shared_labels", self.listed("shared_labels", self.labels)),
            ("POST", "/v1/hooks", self.hook_make), ("DELETE", r"/v1/hooks/([\w-]+)", self.hook_delete),
        ]:
            self.route(method, pattern, self.checked(handler))
        self.route("GET", r"/files/([\w-]+)", self.file)

    @property
    def base(self):
        return super().base + "/v1"

    def checked(self, handler):
        return lambda request: handler(request) if request.bearer == self.token else Answer(401, ERRORS[0])

    def new_id(self):
        return str(uuid.UUID(int=self.dice.getrandbits(128), version=4))

    @staticmethod
    def listed(name, items):
        return lambda request: {name: items[int(request.first("offset", "0")):]}

    # -------------------------------------------------------------- what there is

    def create(self, at):
        talk = {"id": self.new_id(), "created_at": at, "subject": None, "team": self.dice.choice([None, *self.teams]), "labels": [],
                "assignees": [], "closed": False, "trashed": False, "messages": [], "comments": [], "last_activity_at": at}
        self.talks[talk["id"]] = talk
        self.write(talk, at)
        return talk

    def write(self, talk, at, outgoing=False):
        """One more message in it."""
        number = self.dice.randint(1, 99999)
        sms = self.dice.random() < 0.1
        one = {"name": f"Sam {number}", "address": f"sam{number}@example.org"}
        if sms:
            one = {"id": f"+1555{number:07d}", "name": f"+1555{number:07d}", "username": None}
        message = {
            "id": self.new_id(), "preview": "Hi", "type": "sms" if sms else "email", "delivered_at": at, "updated_at": at, "created_at": at,
            "from_field": one, "to_fields": [{"name": None, "address": "ann@example.org"}], "references": [],
            "attachments": [self.attachment()] if self.dice.random() < 0.2 else [],
        }
        if not sms:
            message |= {"subject": f"Question {number}", "cc_fields": [], "bcc_fields": [], "reply_to_fields": [], "draft": False,
                        "email_message_id": f"<{number}@example.org>", "in_reply_to": [f"<{number - 1}@example.org>"]}
        talk["messages"].append({**message, "hidden": {"body": f"<p>Hi <b>Ann</b> &amp; {number}</p>"}})
        talk["last_activity_at"] = at
        return "outgoing_email" if outgoing else "incoming_sms_message" if sms else "incoming_email"

    def attachment(self):
        return {"id": self.new_id(), "filename": "plan ü.pdf", "extension": "pdf", "media_type": "application", "sub_type": "pdf", "size": 12}

    def happen(self, at):
        alive = [talk for talk in self.talks.values() if not talk["trashed"]]
        kind = self.dice.choices(["create", "write", "label", "team", "close", "assign", "comment", "trash"],
                                 [20, 35, 10, 5, 10, 8, 7, 5])[0]
        if kind == "create" or not alive:
            return self.create(at), "incoming_email"
        talk = self.dice.choice(alive)
        if kind == "write":
            return talk, self.write(talk, at, self.dice.random() < 0.3)
        talk["last_activity_at"] = at
        if kind == "label":
            talk["labels"] = self.dice.sample(self.labels, self.dice.randint(0, 2))
            return talk, "label_change"
        if kind == "team":
            talk["team"] = self.dice.choice(self.teams)
            return talk, "team_change"
        if kind == "close":
            talk["closed"] = not talk["closed"]
            return talk, "conversation_closed" if talk["closed"] else "conversation_reopened"
        if kind == "assign":
            talk["assignees"] = self.dice.sample(self.users, self.dice.randint(0, 2))
            return talk, "conversation_assignee_change"
        if kind == "comment":
            talk["comments"].append({"id": self.new_id(), "body": "look", "created_at": at, "mentions": [], "author": self.users[0]})
            return talk, "new_comment"
        talk["trashed"] = True  # nobody is told
        return talk, None

    def fill(self, count):
        """So many conversations of the last month, some of one second, some with more than a page of messages."""
        with self.lock:
            at = int(time.time()) - 30 * DAY
            step = 29 * DAY // max(1, count)
            for number in range(count):
                talk = self.create(at)
                for _ in range(self.dice.choice([0, 0, 1, 3, 12]) if number % 10 == 0 else 0):
                    self.write(talk, at)
                if number % 25 == 9:
                    talk["trashed"] = True
                if number % 10 > 3:
                    at += step

    def change(self, count):
        with self.lock:
            for _ in range(count):
                talk, event = self.happen(int(time.time()))
                if event:
                    self.tell(talk, event)

    def merge(self, from_id, into_id):
        """The messages move, and whoever asks for the old one gets the new one."""
        with self.lock:
            talk = self.talks.pop(from_id)
            self.talks[into_id]["messages"] += talk["messages"]
            self.talks[into_id]["last_activity_at"] = int(time.time())
            self.merged[from_id] = into_id

    # ------------------------------------------------------------------ truth

    def truth(self):
        talks = list(self.talks.values())
        return {
            "conversations": [self.talk_row(talk) for talk in talks],
            "emails": [self.message_row(message, talk) for talk in talks for message in talk["messages"]],
            "attachments": [{"attachment_id": one["id"], "email_id": message["id"], "filename": one["filename"], "size": 12,
                             "media_type": "application/pdf"}
                            for talk in talks for message in talk["messages"] for one in message["attachments"]],
        }

    @staticmethod
    def talk_row(talk):
        return {
            "conversation_id": talk["id"], "subject": talk["messages"][-1].get("subject"), "team": talk["team"] and talk["team"]["name"],
            "assignees": [{"id": user["id"], "name": user["name"]} for user in talk["assignees"]],
            "labels": [label["name"] for label in talk["labels"]], "closed": talk["closed"], "messages_count": len(talk["messages"]),
            "last_activity_at": millis(talk["last_activity_at"]), "deleted": talk["trashed"],
        }

    @staticmethod
    def message_row(message, talk):
        body = message["hidden"]["body"]
        return {
            "email_id": message["id"], "channel": message["type"], "thread_id": talk["id"], "subject": message.get("subject"),
            "from_address": message["from_field"].get("address") or message["from_field"]["id"], "from_name": message["from_field"]["name"],
            "to_addresses": [{"address": "ann@example.org", "name": None}], "sent_at": millis(message["delivered_at"]),
            "in_reply_to": (message.get("in_reply_to") or [None])[0], "body_html": body,
            "body_text": re.sub("<.*?>", "", body).replace("&amp;", "&"), "deleted": talk["trashed"],
        }

    # ---------------------------------------------------------------- the API

    def user_of(self, user, talk):
        states = {name: False for name in ("unassigned", "archived", "junked", "flagged", "snoozed")}
        return {**user, **states, "closed": talk["closed"], "trashed": talk["trashed"], "assigned": user in talk["assignees"]}

    def shown(self, talk, activity=True):
        """As the API has it; webhooks do not say when something last happened."""
        address = f"mail.missiveapp.com/#inbox/conversations/{talk['id']}"
        latest = talk["messages"][-1].get("subject") if talk["messages"] else None
        return {
            "id": talk["id"], "created_at": talk["created_at"], "subject": None, "latest_message_subject": latest,
            "organization": ORGANIZATION, "color": None, "assignees": [self.user_of(user, talk) for user in talk["assignees"]],
            "users": [self.user_of(user, talk) for user in self.users], "attachments_count": 0, "messages_count": len(talk["messages"]),
            "authors": [], "drafts_count": 0, "send_later_messages_count": 0, "tasks_count": 0, "completed_tasks_count": 0,
            "web_url": f"https://{address}", "app_url": f"missive://{address}", "shared_labels": talk["labels"],
            "shared_label_names": ", ".join(label["name"] for label in talk["labels"]),
            **({"team": talk["team"]} if talk["team"] else {}), **({"last_activity_at": talk["last_activity_at"]} if activity else {}),
        }

    def letter(self, message, body=False):
        """Its attachments have an address that holds for a while."""
        self.downloads += 1
        whole = {name: value for name, value in message.items() if name != "hidden"}
        whole["attachments"] = [{**one, "url": f"{Fake.base.fget(self)}/files/{one['id']}?until={int(time.time() // 60)}"}
                                for one in message["attachments"]]
        return {**whole, **(message["hidden"] if body else {})}

    @staticmethod
    def page_of(request, rows, key, most):
        """Newest first; `until` and what has the time of the last one are in it."""
        limit, until = min(int(request.first("limit", "25")), most), request.first("until")
        rows = sorted(rows, key=lambda row: (-row[key], row["id"]))
        rows = [row for row in rows if until is None or row[key] <= float(until)]
        while limit < len(rows) and rows[limit][key] == rows[limit - 1][key]:
            limit += 1
        return rows[:limit]

    def talk_list(self, request):
        boxes = {"all": lambda talk: not talk["trashed"], "trashed": lambda talk: talk["trashed"],
                 "inbox": lambda talk: not talk["trashed"] and not talk["closed"], "closed": lambda talk: talk["closed"]}
        box = next((boxes[name] for name in boxes if request.first(name) == "true"), None)
        if not box:
            return Answer(400, {"error": "One of inbox, all, assigned, closed ... is required"})
        rows = [talk for talk in self.talks.values() if box(talk)]
        return {"conversations": [self.shown(talk) for talk in self.page_of(request, rows, "last_activity_at", 50)]}

    def find(self, number):
        return self.talks.get(self.merged.get(number, number))

    def talk_one(self, request):
        talk = self.find(request.groups[0])
        return {"conversations": [self.shown(talk)]} if talk else Answer(404, ERRORS[1])

    def message_list(self, request):
        talk = self.find(request.groups[0])
        if not talk:
            return Answer(404, ERRORS[1])
        return {"messages": [self.letter(one) for one in self.page_of(request, talk["messages"], "delivered_at", 10)]}

    def comment_list(self, request):
        talk = self.find(request.groups[0])
        return {"comments": self.page_of(request, talk["comments"], "created_at", 10)} if talk else Answer(404, ERRORS[1])

    def message_some(self, request):
        wanted = request.groups[0].split(",")
        there = {one["id"]: (one, talk) for talk in self.talks.values() for one in talk["messages"]}
        if len(wanted) > 50 or any(one not in there for one in wanted):
            return Answer(404, ERRORS[1])
        found = [{**self.letter(there[one][0], body=True), "conversation": self.shown(there[one][1], activity=False)} for one in wanted]
        return {"messages": found if len(found) > 1 else found[0]}

    def file(self, request):
        if int(request.first("until", "0")) < time.time() // 60 - 5:
            return Answer(403, "expired")
        return Answer(200, b"twelve bytes", {"Content-Type": "application/pdf"})

    # --------------------------------------------------------------- webhooks

    def hook_make(self, request):
        wanted = (request.json or {}).get("hooks")
        if not isinstance(wanted, dict) or wanted.get("type") not in MAKES or not wanted.get("url"):
            return Answer(400, {"errors": "hooks.type is not valid"})
        # The API gives it no secret: as if a person had set it in the rule editor at once.
        return Answer(201, {"hooks": {"id": self.add_rule(wanted["url"], wanted["type"], self.secret)}})

    def add_rule(self, url, event, secret):
        rule = {"id": self.new_id(), "type": event, "url": url, "secret": secret}
        self.rules[rule["id"]] = rule
        self.hooks.append(rule)
        return rule["id"]

    def subscribe(self, url, **what):
        """As a person does it in the rule editor: a rule for each kind, all with one secret."""
        with self.lock:
            for event in [*BY_HAND, "incoming_sms_message"]:
                self.add_rule(url, event, self.secret)

    def hook_delete(self, request):
        rule = self.rules.pop(request.groups[0], None)
        if not rule:
            return Answer(404, ERRORS[1])
        self.hooks.remove(rule)
        return Answer(200, {})

    def told(self, rule, talk):
        told = {"rule": {"id": rule["id"], "description": rule["type"], "type": rule["type"]},
                "conversation": self.shown(talk, activity=False)}
        if rule["type"].startswith(("incoming", "outgoing")):
            told["message" if "sms" in rule["type"] else "latest_message"] = self.letter(talk["messages"][-1])
        if rule["type"] == "new_comment":
            told["comment"] = talk["comments"][-1]
        return told

    def tell(self, talk, event):
        for rule in [rule for rule in self.hooks if rule["type"] == event]:
            data = json.dumps(self.told(rule, talk), ensure_ascii=False, separators=(",", ":")).encode()
            headers = {"Content-Type": "application/json"}
            if rule["secret"]:
                headers["X-Hook-Signature"] = "sha256=" + hmac.new(rule["secret"].encode(), data, hashlib.sha256).hexdigest()
            self.push(rule["url"], headers, data, RETRIES, id=f"{rule['id']}:{hashlib.sha256(data).hexdigest()}")


def make(args):
    return Missive(secret=args.secret, **how(args))


if __name__ == "__main__":
    main(make)
