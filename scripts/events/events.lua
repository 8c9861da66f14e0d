-- SPDX-License-Identifier: Apache-2.0
-- events.lua - whatever happened, in one table: apps installed, charges, mail, what people noted.
--
-- One mapping for shopify_partner, gadget, gmail and manual. Which of them an event is from is seen by its form. Tables
-- and views: schemas/events.yaml.

local readers = require "readers"

local events = {
  version = "1.0",
  summary = "Events of Shopify partners, Gadget, Gmail and by hand in one table, and whom they are about.",
  options = {
    { "app", "text", initial = "", help = "The app's name, for descriptions of Gadget's events." },
    { "transactions", "bool", initial = false, help = "Keep what Shopify pays a partner too: charges are events already." },
    { "updates", "bool", initial = false, help = "Keep shop_updated too: it follows whatever Gadget does to a record." },
    { "changes", "bool", initial = false, help = "Keep changes of a mail's labels, and deletions, too." },
  },
}

-- Those of one person or group share a row_id, which is the same whenever the event is read.
local function row_id(event_id, place)
  return hash.xxh3(event_id .. ":" .. place)
end

local function names_of(of)
  local names = {}
  for name in pairs(of) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- A party is { kind =, role =, ids = { { type, value, kind }, ... }, traits = { name = value } }.
local function rows_of(row, parties)
  local identifiers, traits = json.array {}, json.array {}
  for place, party in ipairs(parties) do
    local id = row_id(row.id, place)
    for _, one in ipairs(party.ids) do
      table.insert(identifiers, {
        row_id = id, kind = one[3] or party.kind, identifier_type = one[1], identifier_value = one[2],
        role = party.role, source = row.source, source_table = "events", occurred_at = row.occurred_at,
      })
    end
    for _, trait in ipairs(names_of(party.traits or {})) do
      table.insert(traits, {
        row_id = id, kind = party.kind, trait = trait, value = party.traits[trait],
        source = row.source, occurred_at = row.occurred_at,
      })
    end
  end
  return identifiers, traits
end

function events.transform(event, opt)
  local read = readers.of(event.data)
  if not read then return drop("no event of a vendor that this mapping knows") end
  local row, parties, why = read(event, opt)
  if not row then return drop(why) end
  row.id, row.occurred_at = row.id or event.id, row.occurred_at or event.time
  row.synced_at, row.raw = event.received, event.data
  local identifiers, traits = rows_of(row, parties)
  -- A note may be entered again, corrected: what came last counts.
  local corrects = row.source == "manual"
  local moment = corrects and event.received or event.time
  emit { type = "events", mode = corrects and "upsert" or nil, time = moment, data = row }
  emit { type = "event_identifiers", time = moment, data = { event_id = row.id, rows = identifiers } }
  if #traits > 0 or corrects then
    emit { type = "event_traits", time = moment, data = { event_id = row.id, rows = traits } }
  end
end

return events
