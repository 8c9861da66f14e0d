-- SPDX-License-Identifier: Apache-2.0
-- manual.test.lua - what people may send, and the events it is.
local function event(id, more)
  local one = {
    id = id, occurred_at = "2025-05-04T09:30:00Z", event_name = "demo_call",
    identifiers = { persons = { { email = "ann@example.com" } } },
  }
  for name, value in pairs(more or {}) do one[name] = value end
  return one
end

local csv = { ["Content-Type"] = "text/csv" }

return {
  {
    name = "an object is an event, and its id says what it says",
    request = { file = "samples/call.json" },
    golden = "golden/call.json",
  },
  {
    name = "what has no id gets one that is the same the next time",
    requests = { { body = { event_name = "call" } }, { body = { event_name = "call" } } },
    emits = {
      { id = "26d4a8db-4de6-567f-9c6e-7f66897f6180@d32b8858485a55f5", type = "call" },
      { id = "26d4a8db-4de6-567f-9c6e-7f66897f6180@d32b8858485a55f5", type = "call" },
    },
  },
  {
    name = "a correction is another event of the same subject",
    requests = { { body = event("e1") }, { body = event("e1", { value = 30, value_unit = "min" }) } },
    emits = {
      { type = "demo_call", subject = "e1", time = "2025-05-04T09:30:00Z" },
      { type = "demo_call", subject = "e1", has = { value = 30 } },
    },
  },
  {
    name = "each line is an event, and one that is none takes nobody along",
    request = { file = "samples/calls.jsonl.txt" },
    emits = {
      { subject = "l1", has = { event_name = "demo_call" } },
      { has = { unreadable = "line 2 not JSON: it ends too early at byte 6" } },
      { subject = "l3" },
    },
  },
  {
    name = "a list is as good as lines",
    request = { body = { event("a1"), event("a2") } },
    emits = { { subject = "a1" }, { subject = "a2" } },
  },
  {
    name = "a CSV names its columns in the first line",
    request = { headers = csv, file = "samples/calls.csv" },
    emits = {
      {
        subject = "c1", type = "order",
        data = {
          id = "c1", occurred_at = "2025-05-04T09:30:00Z", event_name = "order", value = "45.00", value_unit = "EUR",
          event_description = 'a "large" order, with\ncare',
          identifiers = {
            persons = { { email = "ann@example.com" } }, groups = { { shop_id = "548380009" } },
          },
        },
      },
      { subject = "c2", has = { event_name = "call", identifiers = { persons = { { email = "bob@example.com" } } } } },
      { has = { unreadable = "record 4 has not the fields of the first one" } },
    },
  },
  { name = "a CSV without lines says nothing", request = { headers = csv, body = "" }, drops = "a CSV without lines" },
  { name = "nor does its first line alone", request = { headers = csv, body = "id,event_name\n" },
    drops = "a CSV without lines" },
  { name = "a CSV that ends within a quote is for a person to look at",
    request = { headers = csv, body = 'id,"event_name' }, fails = "a CSV whose first record does not end" },
  { name = "so is half a list", request = { body = '[{"id":"a1","event_name":"call"' }, fails = "a list that is no JSON" },
  { name = "anything else is for a person to look at", request = { body = "hello" }, fails = "neither JSON, nor lines" },
}
