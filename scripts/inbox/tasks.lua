-- SPDX-License-Identifier: Apache-2.0
-- tasks.lua - a task of Teamwork as a row, by whichever of its forms it comes.
--
-- The JSON of a webhook, the API's of two ages, forms with names like "Task.TaskListID": their names differ in large
-- and small letters, and in a few words. A webhook that says only which task it is (version 1) needs `fetch`.

local told = require "told"

local tasks = {}

local INCLUDE = "projects,tasklists,users,teams,companies,tags"

-- What a column may be called, in small letters.
local NAMES = {
  title = { "name", "content" }, description = { "description" }, status = { "status" }, priority = { "priority" },
  progress = { "progress" }, start_date = { "startdate" }, due_date = { "duedate" },
  created_at = { "createdat", "datecreated" }, updated_at = { "updatedat", "dateupdated", "datechanged" },
  completed_at = { "completedat", "completedon", "datecompleted" }, created_by = { "createdby", "createdbyuserid" },
  parent_task_id = { "parenttaskid", "parentid" }, estimated_minutes = { "estimateminutes", "estimatedminutes" },
  deleted_at = { "deletedat", "datedeleted", "deletedon" },
}

-- "TASK.CREATED" -> "task"; nil if it is no type of Teamwork's webhooks.
function tasks.kind(type)
  local kind = type:match("^(%u+)%.%u+$")
  return kind and kind:lower()
end

-- The members of an object, or those of a form that begin with `prefix`, by their names in small letters.
local function members(object, prefix)
  local found = {}
  for name, value in pairs(object) do
    local rest = not prefix and name or (text.starts(name:lower(), prefix) and name:sub(#prefix + 1))
    if rest then found[rest:lower()] = value end
  end
  return found
end

-- A part of a body: `task` of JSON, "Task.Name" of a form.
local function part(body, name)
  if json.kind(body[name]) == "object" then return members(body[name]) end
  return members(body, name:lower() .. ".")
end

-- Under whichever name it is told; nil: it is not, json.null: it is none.
local function of(task, column)
  for _, name in ipairs(NAMES[column]) do
    if task[name] ~= nil then return task[name] end
  end
end

local function id_of(value)
  return told.id(json.kind(value) == "object" and value.id or value)
end

--------------------------------------------------------------------------------------------------------------- names

local function name_of(one)
  local first, last = told.string(one.firstName), told.string(one.lastName)
  return told.string(one.name) or (first and last and first .. " " .. last) or first or last
end

-- id -> name, of the lists beside a task, and of `included` of the API.
local function names_in(body, kind)
  local names = {}
  for _, one in ipairs(told.list(body[kind])) do
    local id = id_of(told.object(one).id)
    if id then names[id] = name_of(one) end
  end
  for id, one in pairs(told.object(told.object(body.included)[kind])) do
    names[id] = name_of(told.object(one))
  end
  return names
end

local function add_named(list, seen, value, names)
  local id = id_of(value)
  if not id or seen[id] then return end
  seen[id] = true
  table.insert(list, { id = math.tointeger(tonumber(id)) or id,
    name = names[id] or name_of(told.object(value)) or json.null })
end

-- References of the lists of these names, with their names; nil if a body has none of the lists.
local function named(task, lists, kind, names)
  local list, seen, there = json.array {}, {}, false
  for _, name in ipairs(lists) do
    there = there or json.kind(task[name]) == "array"
    for _, value in ipairs(told.list(task[name])) do
      local other = told.string(told.object(value).type)
      if not other or other == kind then add_named(list, seen, value, names) end
    end
  end
  return there and list or nil
end

local function assignees(task, body)
  local all = named(task, { "assigneeuserids", "assigneduserids", "assignees" }, "users", names_in(body, "users"))
  for _, more in ipairs { { "assigneeteamids", "teams" }, { "assigneecompanyids", "companies" } } do
    local others = named(task, { more[1], "assignees" }, more[2], names_in(body, more[2]))
    all = all or others and json.array {}
    for _, one in ipairs(others or {}) do table.insert(all, one) end
  end
  return all
end

---------------------------------------------------------------------------------------------------------------- rows

-- The column's value: nil if nothing is said, json.null if it is none.
local function value(task, column, read)
  local found = of(task, column)
  if found == nil then return nil end
  return read(found) or json.null
end

local function where(task, body, row)
  local project, list = part(body, "project"), part(body, "taskList")
  local included = told.object(body.included)
  row.tasklist_id = told.id(task.tasklistid) or told.id(list.id)
  local named_list = told.object(told.object(included.tasklists)[row.tasklist_id or ""])
  row.project_id = told.id(task.projectid) or told.id(project.id) or told.id(list.projectid)
    or told.id(named_list.projectId)
  row.tasklist_name = told.string(list.name) or told.string(named_list.name)
  row.project_name = told.string(project.name)
    or told.string(told.object(told.object(included.projects)[row.project_id or ""]).name)
end

local function any_text(found)
  return type(found) == "string" and found or nil
end

local function row_of(task, body, opt)
  local id = told.id(task.id)
  local row = {
    task_id = id, title = value(task, "title", any_text), description = value(task, "description", any_text),
    status = value(task, "status", told.string), priority = value(task, "priority", told.string),
    progress = value(task, "progress", told.int), start_date = value(task, "start_date", told.date),
    due_date = value(task, "due_date", told.date), created_at = value(task, "created_at", told.moment),
    updated_at = value(task, "updated_at", told.moment), completed_at = value(task, "completed_at", told.moment),
    created_by = value(task, "created_by", id_of), parent_task_id = value(task, "parent_task_id", id_of),
    estimated_minutes = value(task, "estimated_minutes", told.int),
    tags = named(task, { "tags", "tagids" }, "tags", names_in(body, "tags")), assignees = assignees(task, body),
    source_url = opt.site ~= "" and opt.site:gsub("/+$", "") .. "/app/tasks/" .. id or nil,
  }
  where(task, body, row)
  return row
end

local function emit_deleted(id, at)
  emit { type = "tasks", mode = "patch", time = at, data = { task_id = id, status = "deleted" } }
  emit { type = "tasks", mode = "delete", time = at, data = { task_id = id } }
end

-- The end of a second that is over at `now`: what was read after it is how things were then.
local function end_of(at, now)
  if at and at % 1000 == 0 and at + 1000 <= now then return at + 999 end
  return at
end

-- As the API told it, at the time `at`: whole. A deleted one's row is filled in too, in case nobody saw it before.
local function emit_whole(body, at, opt)
  local task = part(body, "task")
  local row = row_of(task, body, opt)
  local gone = told.moment(of(task, "deleted_at")) or told.string(of(task, "status")) == "deleted"
  row.raw = body.task
  local updated = gone and end_of(told.moment(of(task, "updated_at")), at + 1) -- `at` may be its own second's end
  emit { type = "tasks", mode = "upsert", time = updated or at, data = row }
  if gone then emit_deleted(row.task_id, at) end
end

-- Of a task that was read just now. Its second may not be over yet: then a poll's reading comes behind this one.
local function emit_fetched(body, opt)
  local task = part(body, "task")
  local at = told.moment(of(task, "deleted_at")) or told.moment(of(task, "updated_at")) or time.now()
  emit_whole(body, end_of(at, time.now()), opt)
end

-- As a webhook told it: what it leaves out stays.
local function emit_part(event, body, task, opt)
  local row = row_of(task, body, opt)
  if row.status and row.status ~= "completed" then row.completed_at = row.completed_at or json.null end
  if event.type == "TASK.CREATED" then row.created_by = row.created_by or id_of(part(body, "eventCreator").id) end
  row.raw = body.task or body
  emit { type = "tasks", mode = "patch", data = row }
end

-- The task with what it refers to, in the form of the API; nil if it is not there any more.
local function fetched(id)
  local answer = source.get("/projects/api/v3/tasks/" .. url.encode(id) .. ".json", { include = INCLUDE })
  if answer.status == 404 or answer.status == 410 then return nil end
  local said = answer.body:sub(1, 200)
  if not answer.ok then fail("task " .. id .. " was answered with " .. answer.status .. ": " .. said) end
  local whole = told.object(answer.json)
  if json.kind(whole.task) ~= "object" then retry("task " .. id .. ": the answer has no task: " .. said) end
  return whole
end

function tasks.rows(event, body, opt)
  local task = part(body, "task")
  local id = told.id(task.id) or told.id(body.ID) or told.id(body.id) or told.id(body.objectId)
  if not id then return drop("a task without an id") end
  if event.type == "task" then return emit_whole(body, event.time, opt) end
  if event.type == "TASK.DELETED" then return emit_deleted(id, event.time) end
  local whole = opt.fetch and fetched(id)
  if whole then return emit_fetched(whole, opt) end
  if not of(task, "title") then return drop("it says only which task it is about; `fetch: yes` asks for it") end
  emit_part(event, body, task, opt)
end

return tasks
