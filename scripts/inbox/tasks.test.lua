-- SPDX-License-Identifier: Apache-2.0
-- tasks.test.lua - tasks of Teamwork, however they are told.
local SAMPLES = "../../plugins/teamwork/samples/"
local SITE = "https://acme.teamwork.com"

local function posted(event, file)
  return {
    headers = {
      ["X-Projects-Event"] = event, ["X-Projects-Delivery"] = "d1",
      ["Content-Type"] = text.ends(file, ".txt") and "application/x-www-form-urlencoded" or "application/json",
    },
    file = SAMPLES .. file,
  }
end

local function polled(data, time) return { id = "p1", type = "task", subject = "task:7", time = time, data = data } end

return {
  plugin = "inbox",
  source = { use = "teamwork", options = { base = SITE, token = { "key" } } },
  schema = "inbox",
  now = "2026-01-02T00:00:00Z",
  cases = {
    {
      name = "a webhook gives what it tells, and leaves the rest as it was",
      options = { site = SITE }, request = posted("TASK.CREATED", "wh_v2_task_created.json"),
        golden = "golden/created.json",
    },
    {
      name = "a finished task is finished some time, which the API knows",
      request = posted("TASK.COMPLETED", "wh_v2_task_completed.json"), golden = "golden/completed.json",
    },
    {
      name = "a form says the same as JSON",
      request = posted("TASK.UPDATED", "wh_v2_task_updated_form.txt"),
      emits = { {
        type = "tasks", mode = "patch", time = "2025-05-02T09:10:11Z",
        has = {
          task_id = "16367318", title = "Menü & Co = 100%", project_id = "581677",
            project_name = "Game Development & Co",
          tasklist_id = "1404538", tasklist_name = "General tasks", status = "new",
            description = "Line one\nZeile zwei – ü",
        },
      } },
    },
    {
      name = "a deletion marks the row",
      request = posted("TASK.DELETED", "wh_v2_task_deleted.txt"),
      emits = {
        { type = "tasks", mode = "patch", data = { task_id = "16367318", status = "deleted" } },
        { type = "tasks", mode = "delete", data = { task_id = "16367318" } },
      },
    },
    {
      name = "of version 1 a deletion is all that is understood",
      request = posted("TASK.DELETED", "wh_v1_task_deleted.txt"),
      emits = {
        { type = "tasks", mode = "patch", data = { task_id = "16367318", status = "deleted" } },
        { type = "tasks", mode = "delete", data = { task_id = "16367318" } },
      },
    },
    {
      name = "what says only which task it is is dropped, and says how to get more",
      request = posted("TASK.CREATED", "wh_v1_task_created.txt"),
      drops = "it says only which task it is about; `fetch: yes` asks for it",
    },
    {
      name = "with fetch the task comes from the API",
      options = { fetch = true }, request = posted("TASK.CREATED", "wh_v1_task_created.txt"),
      answers = { {
        url = "/projects/api/v3/tasks/16367318.json",
        json = {
          task = { id = 16367318, name = "Sign", tasklistId = 8, updatedAt = "2026-01-01T10:00:00Z",
            assigneeUserIds = { 5 } },
          included = {
            users = { ["5"] = { id = 5, firstName = "Ann", lastName = "Lee" } }, projects = { ["9"] = { name = "P" } },
            tasklists = { ["8"] = { name = "L", projectId = 9 } },
          },
        },
      } },
      emits = { {
        type = "tasks", mode = "upsert", time = "2026-01-01T10:00:00.999Z",
        has = {
          task_id = "16367318", title = "Sign", project_id = "9", project_name = "P", tasklist_name = "L",
          assignees = { { id = 5, name = "Ann Lee" } },
        },
      } },
    },
    {
      name = "a task that is gone when it is fetched is as its webhook told it",
      options = { fetch = true }, request = posted("TASK.CREATED", "wh_v2_task_created.json"),
      answers = { { url = "/projects/api/v3/tasks/16367318.json", status = 404, body = "" } },
      emits = { { type = "tasks", mode = "patch", has = { title = "Write a Go program for the Game menu" } } },
    },
    {
      name = "a comment is not about a task",
      request = posted("COMMENT.CREATED", "wh_v2_comment_created_a.txt"), drops = "not about a task: comment",
    },
    {
      name = "the API's task is whole: what it does not have is nothing",
      event = polled({
        task = {
          id = 7, name = "Sign", status = "completed", progress = 100, dueDate = "20260203",
            completedAt = "2026-01-01T09:00:00Z",
          updatedAt = "2026-01-01T10:00:00Z", createdBy = { id = 5 }, parentTaskId = 0,
            tags = { { id = 3, type = "tags" } },
          assignees = { { id = 5, type = "users" }, { id = 6, type = "teams" }, { id = 5, type = "users" } },
          assigneeTeamIds = { 6 },
        },
        project = { id = 9, name = "P" }, taskList = { id = 8, name = "L" }, users = { { id = 5, firstName = "Ann" } },
        teams = { { id = 6, name = "Crew" } }, tags = { { id = 3, name = "red" } },
      }, "2026-01-01T10:00:00Z"),
      emits = { {
        type = "tasks", mode = "upsert", time = "2026-01-01T10:00:00Z",
        has = {
          task_id = "7", status = "completed", progress = 100, due_date = "2026-02-03", created_by = "5",
            project_name = "P",
          tasklist_id = "8", completed_at = 1767258000000, tags = { { id = 3, name = "red" } },
          assignees = { { id = 5, name = "Ann" }, { id = 6, name = "Crew" } },
        },
      } },
    },
    {
      name = "a task may be assigned to a team alone",
      event = polled({ task = { id = 7, name = "Sign", assigneeTeamIds = { 6 }, updatedAt = "2026-01-01T10:00:00Z" },
        teams = { { id = 6, name = "Crew" } } }),
      emits = { { type = "tasks", has = { assignees = { { id = 6, name = "Crew" } } } } },
    },
    {
      name = "a deleted task that nobody saw before is a row all the same",
      event = polled({ task = { id = 7, name = "Sign", status = "deleted", updatedAt = "2026-01-01T10:00:00Z",
        deletedAt = "2026-01-01T11:00:00Z" } },
        "2026-01-01T11:00:00Z"),
      emits = {
        { type = "tasks", mode = "upsert", time = "2026-01-01T10:00:00.999Z", has = { title = "Sign" } },
        { type = "tasks", mode = "patch", time = "2026-01-01T11:00:00Z", data = { task_id = "7", status = "deleted" } },
        { type = "tasks", mode = "delete", time = "2026-01-01T11:00:00Z", data = { task_id = "7" } },
      },
    },
    {
      name = "a task that was changed and deleted within one second is how it was at that second's end",
      event = polled({ task = { id = 7, name = "Sign", status = "deleted", updatedAt = "2026-01-01T11:00:00Z",
        deletedAt = "2026-01-01T11:00:00Z" } }, "2026-01-01T11:00:00.999Z"),
      emits = {
        { type = "tasks", mode = "upsert", time = "2026-01-01T11:00:00.999Z", has = { title = "Sign" } },
        { type = "tasks", mode = "patch", time = "2026-01-01T11:00:00.999Z",
          data = { task_id = "7", status = "deleted" } },
        { type = "tasks", mode = "delete", time = "2026-01-01T11:00:00.999Z", data = { task_id = "7" } },
      },
    },
    { name = "the older of the API's forms is read too", event = { id = "p2", type = "task",
      data = { task = { id = 7, content = "Sign", ["dateChanged"] = "2026-01-01T10:00:00Z", numEstMins = 5,
        startDate = "20171123" } } },
      emits = { { type = "tasks", has = { title = "Sign", start_date = "2017-11-23", updated_at = 1767261600000 } } } },
    {
      name = "what is nonsense is left out, and the row says the rest",
      event = polled({ task = { id = 7, name = json.array {}, progress = "much", dueDate = "soon", createdBy = {},
        tags = 7, assignees = "x", updatedAt = 5 }, users = 3 }),
      emits = { { type = "tasks", mode = "upsert", has = { task_id = "7" } } },
    },
    { name = "a task without an id is dropped", event = polled({ task = { name = "x" } }),
      drops = "a task without an id" },
  },
}
