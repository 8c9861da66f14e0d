# SPDX-License-Identifier: Apache-2.0
# teamwork.py - a site with projects, lists and tasks; one webhook for each event's name, signed.
#
# Its answers have the form of recorded ones (plugins/teamwork/samples). As there, times are whole seconds, `included` is
# keyed by texts while references are numbers, pages go by hasMore, deleted tasks show only where they are asked for,
# and one query reaches so many tasks only. A webhook that was given up three times is not ACTIVE any more.
import base64
import datetime
import hashlib
import hmac
import json
import time
import urllib.parse

from fake import Answer, Fake, how, main

DAY = 86400
RETRIES = (60, 300, 600)
GROUPS = ("projects", "tasklists", "users", "tags")


def stamp(seconds):
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def millis(at):
    """As a timestamp stands in SQLite."""
    return None if at is None else stamp(at)[:-1] + ".000Z"


def too_many(request, left):
    headers = {"X-Rate-Limit-Limit": "150", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": str(max(1, round(left + 0.5)))}
    if len(request.target) % 2:
        headers["Retry-After"] = headers["X-Rate-Limit-Reset"]
    return Answer(429, {"errors": [{"code": "TOO_MANY_REQUESTS", "title": "Too many requests"}]}, headers)


def error(status, detail):
    return Answer(status, {"errors": [{"code": "BAD_REQUEST", "detail": detail, "id": "6f1e", "meta": {}, "title": "Bad Request"}]})


class Teamwork(Fake):
    def __init__(self, secret="the secret of the demo", token="twp_demo", reach=50000, most_page=500, **more):
        super().__init__(**more)
        self.secret, self.token, self.reach, self.most_page = secret, token, reach, most_page
        self.tasks, self.webhooks, self.failures, self.numbers = {}, {}, {}, 1000
        self.projects = {n: {"id": n, "name": f"Project {n}", "companyId": 50, "status": "active"} for n in (740934, 740935, 740936)}
        self.tasklists = {n: {"id": n, "name": f"List {n}", "projectId": 740934 + n % 3} for n in range(3272200, 3272209)}
        self.users = {n: {"id": n, "firstName": f"Alex{n}", "lastName": "Sample", "lastLogin": "today"} for n in range(381140, 381146)}
        self.tags = {n: {"id": n, "name": f"tag-{n}", "color": "#2f8de4"} for n in (136610, 138509, 77001)}
        self.fault_kinds = [*self.fault_kinds, "html"]
        self.limit("requests", 150, 60, refuse=too_many)
        for method, pattern, handler in [
            ("GET", "/projects/api/v3/tasks.json", self.task_list), ("GET", r"/projects/api/v3/tasks/(\d+).json", self.task_one),
            ("GET", "/me.json", self.me), ("GET", "/projects.json", self.project_list),
            ("GET", "/webhooks.json", self.webhook_list), ("POST", "/webhooks.json", self.webhook_make),
            ("PUT", r"/webhooks/(\d+)/resume.json", self.webhook_resume), ("DELETE", r"/webhooks/(\d+).json", self.webhook_delete),
        ]:
            self.route(method, pattern, self.checked(handler))

    def checked(self, handler):
        def check(request):
            proof = "Basic " + base64.b64encode(f"{self.token}:X".encode()).decode()
            if request.headers.get("authorization") != proof:
                return Answer(401, {"STATUS": "Error", "MESSAGE": "Unauthorized"})
            return handler(request)
        return check

    def number(self):
        self.numbers += 1
        return self.numbers

    # -------------------------------------------------------------- what there is

    def create(self, at):
        tasklist = self.dice.choice(list(self.tasklists))
        author = self.dice.choice(list(self.users))
        task = {
            "id": 42770000 + self.number(), "name": f"Task {self.numbers} – ü & <b>", "description": self.dice.choice(["", "Line one\nline two"]),
            "priority": self.dice.choice([None, "low", "high"]), "progress": 0, "status": "new", "startDate": None,
            "dueDate": self.dice.choice([None, at + 7 * DAY]), "estimateMinutes": self.dice.choice([0, 60, 270]), "tags": [], "assignees": [],
            "tasklistId": tasklist, "parentTaskId": self.dice.choice([None, *list(self.tasks)[:1]]), "createdBy": author,
            "createdAt": at, "updatedAt": at, "completedAt": None, "deletedAt": None, "deletedBy": None,
        }
        self.tasks[task["id"]] = task
        return task

    def update(self, task, at):
        kind = self.dice.choice(["name", "assign", "progress", "move"])
        if kind == "name":
            task["name"] = f"Renamed {self.number()}"
        elif kind == "assign":
            task["assignees"] = self.dice.sample(list(self.users), self.dice.randint(0, 2))
        elif kind == "progress":
            task["progress"] = self.dice.randint(0, 99)
        else:
            task["tasklistId"] = self.dice.choice(list(self.tasklists))
        task["updatedAt"] = at
        return "TASK.MOVED" if kind == "move" else "TASK.UPDATED"

    def complete(self, task, at):
        done = task["status"] != "completed"
        task.update(status="completed" if done else "new", completedAt=at if done else None, updatedAt=at)
        return "TASK.COMPLETED" if done else "TASK.REOPENED"

    def tag(self, task, at):
        task["tags"] = self.dice.sample(list(self.tags), self.dice.randint(0, 3))
        task["updatedAt"] = at
        return "TASK.TAGGED"

    def delete(self, task, at):
        """It shows no other update: only when it went."""
        task.update(status="deleted", deletedAt=at, deletedBy=task["createdBy"])
        return "TASK.DELETED"

    def happen(self, at):
        alive = [task for task in self.tasks.values() if not task["deletedAt"]]
        kind = self.dice.choices(["create", "update", "complete", "tag", "delete"], [25, 45, 12, 10, 8])[0]
        if kind == "create" or not alive:
            return self.create(at), "TASK.CREATED"
        task = self.dice.choice(alive)
        return task, getattr(self, kind)(task, at)

    def fill(self, count):
        """So many tasks of the last month; many of them were changed in one second."""
        with self.lock:
            at = int(time.time()) - 30 * DAY
            step = 29 * DAY // max(1, count)
            for number in range(count):
                task = self.create(at)
                if number % 10 < 3:
                    self.complete(task, at)
                if number % 20 == 7:
                    self.delete(task, at + 1)
                if number % 200 > 120:
                    at += step

    def change(self, count):
        with self.lock:
            for _ in range(count):
                self.tell(*self.happen(int(time.time())))

    def truth(self):
        return {"tasks": [self.row_of(task) for task in self.tasks.values()]}

    def row_of(self, task):
        tasklist = self.tasklists[task["tasklistId"]]
        return {
            "task_id": str(task["id"]), "title": task["name"], "description": task["description"], "status": task["status"],
            "priority": task["priority"], "progress": task["progress"], "due_date": (stamp(task["dueDate"]) or "")[:10] or None,
            "created_at": millis(task["createdAt"]), "updated_at": millis(task["updatedAt"]), "completed_at": millis(task["completedAt"]),
            "created_by": str(task["createdBy"]), "parent_task_id": str(task["parentTaskId"]) if task["parentTaskId"] else None,
            "estimated_minutes": task["estimateMinutes"], "tasklist_id": str(tasklist["id"]), "tasklist_name": tasklist["name"],
            "project_id": str(tasklist["projectId"]), "project_name": self.projects[tasklist["projectId"]]["name"],
            "tags": [{"id": tag, "name": self.tags[tag]["name"]} for tag in task["tags"]],
            "assignees": [{"id": user, "name": f"Alex{user} Sample"} for user in task["assignees"]],
            "deleted": task["deletedAt"] is not None,
        }

    # ---------------------------------------------------------------- the API

    def shown(self, task):
        """As the API has it."""
        refer = {"tags": "tags", "assignees": "users"}
        whole = {**task, **{name: [{"id": one, "type": kind} for one in task[name]] for name, kind in refer.items()}}
        for name in ("createdAt", "updatedAt", "completedAt", "deletedAt", "dueDate"):
            whole[name] = stamp(task[name])
        return {**whole, "tagIds": task["tags"], "assigneeUserIds": task["assignees"], "assigneeTeamIds": [],
                "tasklist": {"id": task["tasklistId"], "type": "tasklists"},
                "workflowStages": [{"workflowId": 78859, "stageId": 452716, "stageTaskDisplayOrder": 1924.25}]}

    def included(self, tasks, wanted):
        lists = {task["tasklistId"] for task in tasks}
        ids = {
            "tasklists": lists, "projects": {self.tasklists[one]["projectId"] for one in lists},
            "users": {one for task in tasks for one in [*task["assignees"], task["createdBy"]]},
            "tags": {one for task in tasks for one in task["tags"]},
        }
        return {kind: {str(one): getattr(self, kind)[one] for one in ids[kind]} for kind in GROUPS if kind in wanted}

    def chosen(self, request):
        flags = {name: request.first(name) == "true" for name in ("includeCompletedTasks", "showDeleted")}
        tasks = [task for task in self.tasks.values()
                 if (flags["showDeleted"] or not task["deletedAt"])
                 and (flags["includeCompletedTasks"] or task["status"] != "completed")]
        if request.first("updatedAfter"):
            tasks = [task for task in tasks if task["updatedAt"] > seconds(request.first("updatedAfter"))]
        if request.first("deletedAfter"):
            tasks = [task for task in tasks if (task["deletedAt"] or 0) > seconds(request.first("deletedAfter"))]
        return sorted(tasks, key=lambda task: (task["updatedAt"], task["id"]))

    def task_list(self, request):
        if request.first("orderBy", "duedate") not in ("duedate", "updatedat"):
            return error(400, "invalid value for orderBy")
        page, size = int(request.first("page", "1")), min(int(request.first("pageSize", "50")), self.most_page)
        if page * size > self.reach:
            return error(400, f"only the first {self.reach} records can be reached")
        tasks = self.chosen(request)
        there = tasks[(page - 1) * size:page * size]
        more = len(tasks) > page * size
        return {
            "tasks": [self.shown(task) for task in there],
            "included": self.included(there, request.first("include", "").split(",")),
            "meta": {"page": {"pageOffset": page - 1, "pageSize": size, "hasMore": more,
                              "count": page * size + 1 if more else len(tasks)}},
        }

    def task_one(self, request):
        task = self.tasks.get(int(request.groups[0]))
        if not task or task["deletedAt"]:
            return Answer(404, b"")
        return {"task": self.shown(task), "included": self.included([task], request.first("include", "").split(","))}

    @staticmethod
    def me(_request):
        return {"STATUS": "OK", "person": {"id": "999", "first-name": "Demo", "last-name": "User", "company-name": "Demo 1 Company"}}

    def project_list(self, _request):
        return {"STATUS": "OK", "projects": [{**one, "id": str(one["id"]), "company": {"name": "Demo"}} for one in self.projects.values()]}

    # --------------------------------------------------------------- webhooks

    def webhook_list(self, _request):
        return {"STATUS": "OK", "webhooks": [{**hook, "validated": "1"} for hook in self.webhooks.values()]}

    def webhook_make(self, request):
        wanted = (request.json or {}).get("webhook", {})
        if not wanted.get("url") or not wanted.get("event") or wanted.get("version") != "2":
            return Answer(422, {"MESSAGE": "The webhook is not complete", "STATUS": "Error"})
        return Answer(201, {"STATUS": "OK", "id": int(self.add_webhook(wanted["url"], wanted["event"], wanted.get("token")))})

    def add_webhook(self, url, event, token):
        number = str(self.number())
        self.webhooks[number] = {"id": number, "event": event, "status": "ACTIVE", "url": url}
        self.hooks.append({"id": number, "token": token})
        return number

    def subscribe(self, url, **what):
        with self.lock:
            for event in ("CREATED", "UPDATED", "COMPLETED", "REOPENED", "DELETED", "MOVED", "TAGGED", "UNTAGGED"):
                self.add_webhook(url, f"TASK.{event}", self.secret)

    def webhook_resume(self, request):
        hook = self.webhooks.get(request.groups[0])
        if not hook:
            return Answer(404, {"STATUS": "Error", "MESSAGE": "Not found"})
        hook["status"] = "ACTIVE"
        return {"STATUS": "OK"}

    def webhook_delete(self, request):
        if not self.webhooks.pop(request.groups[0], None):
            return Answer(404, {"STATUS": "Error", "MESSAGE": "Not found"})
        self.hooks = [one for one in self.hooks if one["id"] in self.webhooks]
        return {"STATUS": "OK"}

    def stop_webhooks(self):
        """As after three that were given up."""
        with self.lock:
            for hook in self.webhooks.values():
                hook["status"] = "INACTIVE"

    def told(self, task, event):
        """The body of version 2, whose names are others than the API's."""
        author = self.users[task["createdBy"]]
        creator = {"id": author["id"], "firstName": author["firstName"], "lastName": author["lastName"], "avatar": ""}
        if event == "TASK.DELETED":
            return {"eventCreator": creator, "id": task["id"]}
        tasklist = self.tasklists[task["tasklistId"]]
        project = self.projects[tasklist["projectId"]]
        return {
            "eventCreator": creator, "project": {"id": project["id"], "name": project["name"], "status": "active", "tags": []},
            "task": {
                "id": task["id"], "name": task["name"], "description": task["description"], "priority": task["priority"],
                "status": task["status"], "assignedUserIds": task["assignees"], "parentId": task["parentTaskId"] or 0,
                "taskListId": tasklist["id"], "startDate": None, "dueDate": (stamp(task["dueDate"]) or "")[:10] or None,
                "progress": task["progress"], "estimatedMinutes": task["estimateMinutes"],
                "tags": [self.tags[tag] for tag in task["tags"]], "projectId": project["id"],
                "dateCreated": stamp(task["createdAt"]), "dateUpdated": stamp(task["updatedAt"]), "hasCustomFields": False,
            },
            "taskList": {"id": tasklist["id"], "name": tasklist["name"], "projectId": project["id"], "tags": []},
            "users": [{name: self.users[user][name] for name in ("id", "firstName", "lastName")} for user in task["assignees"]],
        }

    @staticmethod
    def as_form(event, body):
        """Dotted names in order, as a webhook without JSON has them."""
        fields = {"EventCreator.ID": body["eventCreator"]["id"]}
        if "task" in body:
            for name, part in (("Task", body["task"]), ("TaskList", body["taskList"]), ("Project", body["project"])):
                for key, value in part.items():
                    if value is not None and not isinstance(value, (list, dict)):
                        fields[f"{name}.{'ID' if key == 'id' else key[0].upper() + key[1:]}"] = value
        else:
            fields["ID"] = body["id"]
        return urllib.parse.urlencode(sorted(fields.items()))

    def tell(self, task, event, form=False):
        body = self.told(task, event)
        data = self.as_form(event, body).encode() if form else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        for hook in self.hooks:
            there = self.webhooks.get(hook["id"])
            if not there or there["event"] != event or there["status"] != "ACTIVE":
                continue
            words = "%032x" % self.dice.getrandbits(128)
            delivery = "-".join([words[:8], words[8:12], words[12:16], words[16:20], words[20:]])
            headers = {"Content-Type": "application/x-www-form-urlencoded" if form else "application/json",
                       "User-Agent": "projects-webhooks/dcf10f0", "X-Projects-Event": event, "X-Projects-Delivery": delivery}
            if hook["token"]:
                headers["X-Projects-Signature"] = hmac.new(hook["token"].encode(), data, hashlib.sha256).hexdigest()
            self.push(there["url"], headers, data, RETRIES, id=delivery)


def make(args):
    return Teamwork(secret=args.secret, **how(args))


if __name__ == "__main__":
    main(make)
