-- SPDX-License-Identifier: Apache-2.0
-- teamwork.test.lua - what a webhook of Teamwork is an event of, and what its API is asked.
local SITE = { base = "https://acme.teamwork.com", token = { "key" }, secret = { "s" } }
local NOBODY = { secret = { "s" } }
local QUIET = { tasks = json.array {}, meta = { page = { hasMore = false } } }

local function posted(event, file, delivery)
  return {
    headers = { ["X-Projects-Event"] = event, ["X-Projects-Delivery"] = delivery or "d1" }, file = "samples/" .. file,
  }
end

local function form(event, file)
  local request = posted(event, file)
  request.headers["Content-Type"] = "application/x-www-form-urlencoded"
  return request
end

local function task(id, updated, more)
  local all = { id = id, name = "Task " .. id, updatedAt = updated }
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

local function page(tasks, more, included)
  return { tasks = json.array(tasks), included = included or {}, meta = { page = { hasMore = more, count = #tasks } } }
end

local TASKS = "/projects/api/v3/tasks.json"

return {
  plugin = "teamwork",
  cases = {
    ------------------------------------------------------------------------------------------------------- webhooks
    {
      name = "a task's webhook is an event of that task, whose name is in a header",
      request = posted("TASK.CREATED", "wh_v2_task_created.json"),
      emits = { { id = "d1", type = "TASK.CREATED", subject = "task:16367318", time = "2025-05-01T17:34:45Z" } },
    },
    {
      name = "a moved task says when",
      request = posted("TASK.MOVED", "wh_v2_task_moved.json"),
      emits = { { type = "TASK.MOVED", subject = "task:16367318", time = "2025-05-02T09:30:00Z" } },
    },
    {
      name = "a form with dotted names is the same",
      request = form("TASK.UPDATED", "wh_v2_task_updated_form.txt"),
      emits = { { type = "TASK.UPDATED", subject = "task:16367318", time = "2025-05-02T09:10:11Z" } },
    },
    {
      name = "a deletion has a bare ID",
      request = form("TASK.DELETED", "wh_v2_task_deleted.txt"),
      emits = { { type = "TASK.DELETED", subject = "task:16367318" } },
    },
    {
      name = "a comment is an event of its own",
      request = form("COMMENT.CREATED", "wh_v2_comment_created_a.txt"),
      emits = { { type = "COMMENT.CREATED", subject = "comment:5216782", time = "2018-08-14T09:44:09Z" } },
    },
    {
      name = "version 1 has nothing but ids",
      request = {
        headers = { ["Content-Type"] = "application/x-www-form-urlencoded" }, file = "samples/wh_v1_task_deleted.txt",
      },
      emits = { { type = "TASK.DELETED", subject = "task:16367318" } },
    },
    {
      name = "a kind that nobody knows yet passes",
      request = {
        headers = { ["X-Projects-Event"] = "PLANET.LEFT", ["X-Projects-Delivery"] = "d2" },
        body = { planet = { id = 7, dateUpdated = "2026-01-02T03:04:05Z" } },
      },
      emits = { { id = "d2", type = "PLANET.LEFT", subject = "planet:7", time = "2026-01-02T03:04:05Z" } },
    },
    {
      name = "a body of nothing is an event all the same",
      request = { headers = { ["X-Projects-Event"] = "TASK.UPDATED", ["X-Projects-Delivery"] = "d3" }, body = "[]" },
      emits = { { id = "d3", type = "TASK.UPDATED" } },
    },
    ----------------------------------------------------------------------------------------------------------- polls
    {
      name = "without a token nobody is asked",
      options = NOBODY, poll = {}, emits = {},
    },
    {
      name = "a first poll begins where it is told, a second early, and asks for deleted ones too",
      options = SITE, poll = { since = "2026-01-01T00:00:00Z" },
      answers = {
        {
          url = TASKS,
          query = {
            updatedAfter = "2025-12-31T23:59:59Z", includeCompletedTasks = "true", orderBy = "updatedat", page = "1",
            pageSize = "500",
          },
          file = "samples/api_v3_workflow_stage_tasks.json",
        },
        { url = TASKS, query = { updatedAfter = "2026-02-03T08:00:00Z", page = "1" }, json = QUIET },
        {
          url = TASKS, query = { deletedAfter = "2025-12-31T23:57:59Z", showDeleted = "true", page = "1" },
          file = "samples/api_v3_tasks_deleted.json",
        },
      },
      golden = "golden/polled.json",
    },
    {
      name = "both generations of names are read, and names that are referred to come along",
      options = SITE, poll = { since = "2026-01-01T00:00:00Z" },
      answers = {
        {
          url = TASKS,
          json = page({ { id = 7, dateUpdated = "2026-01-05T00:00:00Z", tasklistId = 8, projectId = 9,
            createdBy = { id = 5 } } },
            false, {
              projects = { ["9"] = { name = "P" } }, tasklists = { ["8"] = { name = "L" } },
              users = { ["5"] = { firstName = "Ann", lastLogin = "today" } },
            }),
        },
        { url = TASKS, json = QUIET },
      },
      emits = { {
        id = "7@2026-01-05T00:00:00.999Z", type = "task", subject = "task:7", time = "2026-01-05T00:00:00.999Z",
        has = {
          project = { id = 9, name = "P" }, taskList = { id = 8, name = "L" },
            users = { { id = 5, firstName = "Ann" } },
        },
      } },
      cursor = { changed = "2026-01-05T00:00:00.000Z", deleted = "2026-01-01T00:00:00.000Z" },
    },
    {
      name = "pages whose tasks have all one time are read up and down, others are followed by what changed since",
      options = SITE, poll = { since = "2026-01-01T00:00:00Z" },
      answers = {
        { url = TASKS, query = { page = "1" }, json = page({ task(1, "2026-01-01T00:00:00Z") }, true) },
        { url = TASKS, query = { page = "2" }, json = page({ task(2, "2026-01-01T00:00:00Z") }, true) },
        { url = TASKS, query = { page = "3" }, json = page({ task(2, "2026-01-01T00:00:05Z") }, true) },
        { url = TASKS, query = { page = "2" }, json = page({ task(2, "2026-01-01T00:00:05Z") }, true) },
        { url = TASKS, query = { page = "1" }, json = page({ task(3, "2026-01-01T00:00:00Z") }, true) },
        { url = TASKS, query = { updatedAfter = "2026-01-01T00:00:04Z", page = "1" },
          json = page({ task(2, "2026-01-01T00:00:05Z") }, false) },
        { url = TASKS, query = { deletedAfter = "2025-12-31T23:57:59Z" }, json = QUIET },
      },
      emits = {
        { subject = "task:1" }, { subject = "task:2" }, { subject = "task:2" }, { subject = "task:2" },
          { subject = "task:3" },
        { subject = "task:2" },
      },
    },
    {
      name = "nothing new: two requests, and the cursor stays",
      options = SITE,
      poll = { cursor = '{"changed":"2026-01-05T00:00:00.000Z","deleted":"2026-01-04T00:00:00.000Z"}' },
      answers = {
        { url = TASKS, query = { updatedAfter = "2026-01-04T23:57:59Z" },
          json = page({ task(1, "2026-01-05T00:00:00Z") }, false) },
        { url = TASKS, query = { deletedAfter = "2026-01-03T23:57:59Z" }, json = QUIET },
      },
      emits = { { id = "1@2026-01-05T00:00:00.999Z" } },
    },
    {
      name = "within a second more may happen: what is read then comes before what is read later",
      options = SITE, poll = { cursor = '{"changed":"2026-01-05T00:00:00.000Z","deleted":"2026-01-04T00:00:00.000Z"}' },
      answers = {
        {
          url = TASKS, headers = { Date = "Mon, 05 Jan 2026 00:00:00 GMT" },
            json = page({ task(1, "2026-01-05T00:00:00Z") }, false),
        },
        { url = TASKS, json = QUIET },
      },
      emits = { { id = "1@2026-01-05T00:00:00.000Z+42f19738c91a02d5", time = "2026-01-05T00:00:00Z" } },
    },
    {
      name = "a site that does not order by time is read page by page, and known only at its end",
      options = SITE, poll = { since = "2026-01-01T00:00:00Z", most = 1 },
      answers = {
        { url = TASKS, json = page({ task(1, "2026-01-03T00:00:00Z"), task(2, "2026-01-02T00:00:00Z") }, true) },
      },
      emits = { { subject = "task:1" }, { subject = "task:2" } },
      cursor = {
        changed = "2026-01-01T00:00:00.000Z", deleted = "2026-01-01T00:00:00.000Z", from = "2026-01-01T00:00:00.000Z",
          page = 2,
        top = "2026-01-03T00:00:00.000Z", done = 2,
      },
    },
    {
      name = "an older site has another word for the order",
      options = SITE, poll = { since = "2026-01-01T00:00:00Z" },
      answers = {
        { url = TASKS, query = { orderBy = "updatedat" }, status = 400,
          json = { errors = { { detail = "invalid orderBy" } } } },
        { url = TASKS, query = { orderBy = "dateupdated" }, json = QUIET },
        { url = TASKS, query = { orderBy = "dateupdated" }, json = QUIET },
      },
      emits = {},
    },
    {
      name = "a time that nothing can come after moves nothing",
      options = SITE, poll = { since = "2026-01-01T00:00:00Z" },
      answers = { { url = TASKS, json = page({ task(1, "9000-01-01T00:00:00Z") }, false) },
        { url = TASKS, json = QUIET } },
      emits = { { subject = "task:1" } },
      cursor = { changed = "2026-01-01T00:00:00.000Z", deleted = "2026-01-01T00:00:00.000Z" },
    },
    {
      name = "a task without a time is named by what it says",
      options = SITE, poll = { since = "2026-01-01T00:00:00Z" },
      answers = { { url = TASKS, file = "samples/api_v3_tasks.json" }, { url = TASKS, json = QUIET } },
      golden = "golden/timeless.json",
    },
    {
      name = "an error is told as the site said it",
      options = SITE, poll = {}, answers = { { url = TASKS, status = 400, file = "samples/api_v3_error.json" } },
      fails = "invalid value for updatedAfter",
    },
    {
      name = "a page of HTML is a bad moment",
      options = SITE, poll = {}, answers = { { url = TASKS, body = "<html>Down</html>" } }, retries = "<html>Down",
    },
    {
      name = "an answer without tasks is a bad moment too",
      options = SITE, poll = {}, answers = { { url = TASKS, json = { tasks = 7 } } }, retries = "has no `tasks`",
    },
    {
      name = "what is no task is passed over",
      options = SITE, poll = { since = "2026-01-01T00:00:00Z" },
      answers = {
        {
          url = TASKS,
          json = { tasks = { 1, "x", json.array {}, { name = "no id" }, { id = json.array {} } },
            included = json.array {}, meta = 7 },
        },
        { url = TASKS, json = QUIET },
      },
      emits = {},
    },
    {
      name = "a refused token says what to do",
      options = SITE, poll = {}, answers = { { url = TASKS, status = 401, body = "" } },
        fails = "does not know the token",
    },
  },
}
