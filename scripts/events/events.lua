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
    { "updates", "bool", initial = false, help = "Keep shop_updated too: it follows whatever Gadget does to a record." },
    { "changes", "bool", initial = false, help = "Keep changes of a mail's labels, and deletions, too." },
  },
}

-- Those of one person or group share a row_id, which is the same whenever the event is read.
local function row_id(event_id, place)
  return hash.xxh3(event_id .. ":" .. place)
end

-- { kind =, role =, ids = { { type, value }, ... }, traits = { name = value } }, ...
local function emit_parties(row, parties)
  local identifiers, traits = json.array {}, json.array {}
  for place, party in ipairs(parties) do
    local id = row_id(row.id, place)
    for _, pair in ipairs(party.ids) do
      table.insert(identifiers, {
        row_id = id, kind = party.kind, identifier_type = pair[1], identifier_value = pair[2],
        role = party.role, source = row.source, source_table = "events", occurred_at = row.occurred_at,
      })
    end
    for trait, value in pairs(party.traits or {}) do
      table.insert(traits, {
        row_id = id, kind = party.kind, trait = trait, value = value,
        source = row.source, occurred_at = row.occurred_at,
      })
    end
  end
  emit { type = "event_identifiers", data = { event_id = row.id, rows = identifiers } }
  if #traits > 0 then emit { type = "event_traits", data = { event_id = row.id, rows = traits } } end
end

function events.transform(event, opt)
  local read = readers.of(event.data)
  if not read then return drop("no event of a vendor that this mapping knows") end
  local row, parties, why = read(event, opt)
  if not row then return drop(why) end
  row.id, row.occurred_at = row.id or event.id, row.occurred_at or event.time
  row.synced_at, row.raw = event.received, event.data
  -- A note may be entered again, corrected: what came last counts.
  local corrects = row.source == "manual"
  emit { type = "events", mode = corrects and "upsert" or nil, time = corrects and event.received or nil, data = row }
  emit_parties(row, parties)
end

return events
