-- SPDX-License-Identifier: Apache-2.0
-- fetch.lua - items asked for through the source's API, in the form in which its polls read them.

local values = require "values"

local fetch = {}

local VALUE = [[id type text value
  ... on StatusValue { index label } ... on DropdownValue { values { id label } } ... on NumbersValue { number }
  ... on DateValue { date } ... on CheckboxValue { checked }
  ... on MirrorValue { display_value } ... on FormulaValue { display_value }
  ... on DependencyValue { display_value linked_item_ids } ... on SubtasksValue { display_value subitems_ids }
  ... on BoardRelationValue { display_value linked_item_ids %s }]]

-- Only what a table has a column for: monday.com counts what is asked.
local function column_values(ids, linked)
  if #ids == 0 then return "column_values(ids: [\"\"]) { id }" end
  return ("column_values(ids: %s) { %s }"):format(json.encode(json.array(ids)), (VALUE:format(linked or "")))
end

local function all(...)
  local out, seen = {}, {}
  for _, ids in ipairs { ... } do
    for _, id in ipairs(ids) do
      if not seen[id] then out[#out + 1], seen[id] = id, true end
    end
  end
  return out
end

local function query(known)
  local linked = "linked_items { id name " .. column_values(known.linked.ids) .. " }"
  return [[query DataCube($ids: [ID!], $limit: Int!) {
    complexity { before query after reset_in_x_seconds }
    items(ids: $ids, limit: $limit) { id name state updated_at board { id } parent_item { id } ]] ..
    column_values(all(known.projects.ids, known.subitems.ids, known.hidden_items.ids, known.back.ids), linked) ..
    " subitems { id name " .. column_values(known.subitems.ids, linked) .. " } } }"
end

-- Items by their ids; those that are gone are not among them. What the last such request cost is what the next one is
-- held to cost, so that many at once do not spend more than there is.
function fetch.items(ids, known)
  known.query = known.query or query(known)
  local data = source.graphql(known.query, { ids = json.array(ids), limit = 100 }, { cost = known.cost })
  local cost = values.object(values.object(data).complexity).query
  if math.type(cost) == "integer" and cost > 0 and cost < 5000000 then known.cost = cost end
  local found = {}
  for _, item in ipairs(values.list(values.object(data).items)) do
    local state = values.object(item).state
    local id = values.id(values.object(item).id)
    if id and state ~= "deleted" and state ~= "archived" then found[id] = item end
  end
  return found
end

return fetch
