-- SPDX-License-Identifier: Apache-2.0
-- readers.lua - what each vendor's event says: a row of events, and the parties it is about.
--
-- A reader is handed the event and the options, and gives both; or nil, nil and why nothing comes of it. What makes no
-- sense ends in fail(), with the field's name. What is not what it should be is as if it were not there.

local readers = {}

local function object(value)
  return json.kind(value) == "object" and value or {}
end

local function list(value)
  return json.kind(value) == "array" and value or {}
end

-- A text that says something; numbers as their digits.
local function word(value)
  if math.type(value) == "integer" then return tostring(value) end
  if type(value) == "string" and value ~= "" then return value end
end

local function joined(...)
  local words = {}
  for i = 1, select("#", ...) do words[#words + 1] = (select(i, ...)) end
  return table.concat(words, " ")
end

-- { { "email", "a@b" }, ... } of pairs whose second is there
local function ids(pairs_)
  local found = {}
  for _, pair in ipairs(pairs_) do
    if word(pair[2]) then found[#found + 1] = { pair[1], word(pair[2]) } end
  end
  return found
end

-- "gid://partners/Shop/36550412" and 36550412 are one shop
local function number_of(id)
  return word(id) and word(id):match("(%d+)$")
end

----------------------------------------------------------------------------------------------------- shopify_partner

local RENAMED = {
  RELATIONSHIP_INSTALLED = "app_installed", RELATIONSHIP_UNINSTALLED = "app_uninstalled",
  RELATIONSHIP_DEACTIVATED = "shop_deactivated", RELATIONSHIP_REACTIVATED = "shop_reactivated",
}

-- Credits come under another name than charges.
local function money_of(data)
  for _, name in ipairs { "charge", "appCredit", "credit" } do
    local amount = object(object(data[name]).amount)
    if word(amount.amount) then return word(amount.amount), word(amount.currencyCode) end
  end
end

local function told_of(event, name, kind)
  local shop, app = object(event.data.shop), object(event.data.app)
  return {
    event_name = name, event_type = kind, source = "shopify_partner",
    event_description = joined(word(shop.name) or word(shop.myshopifyDomain) or "A shop", name, word(app.name)),
  }, {
    {
      kind = "group", traits = { name = word(shop.name) },
      ids = ids { { "shop_id", number_of(shop.id) }, { "myshopify_domain", shop.myshopifyDomain } },
    },
  }
end

function readers.shopify_partner(event)
  local kind = word(event.data.type) or event.type
  local type_ = kind:find("^RELATIONSHIP") and "relationship" or kind:find("^CREDIT") and "credit" or "charge"
  local row, parties = told_of(event, RENAMED[kind] or kind:lower(), type_)
  row.value, row.value_unit = money_of(event.data)
  return row, parties
end

-- What Shopify pays out: AppSubscriptionSale and the like.  Net of its fee.
function readers.transaction(event, opt)
  if not opt.transactions then return nil, nil, "a transaction" end
  local name = word(event.data.__typename):gsub("(%l)(%u)", "%1_%2"):lower()
  local net = object(event.data.netAmount)
  local row, parties = told_of(event, name, "transaction")
  row.value, row.value_unit = word(net.amount), word(net.currencyCode)
  return row, parties
end

-------------------------------------------------------------------------------------------------------------- gadget

function readers.gadget(event, opt)
  local data, shop = event.data, object(event.data.shop)
  local name = word(data.type) or event.type
  if name == "shop_updated" and not opt.updates then return nil, nil, "a record was updated, by whomever" end
  return {
    event_name = name, source = "gadget", event_type = "relationship",
    event_description = joined(word(shop.name) or word(shop.myshopifyDomain) or "A shop", name, word(opt.app)),
  }, {
    {
      kind = "person", role = "owner", traits = { name = word(shop.shopOwner) },
      ids = ids { { "email", text.lower(word(shop.email)) }, { "phone", shop.phone } },
    },
    {
      kind = "group", traits = { name = word(shop.name), plan = word(shop.planName), country = word(shop.countryCode) },
      ids = ids { { "shop_id", number_of(shop.id) }, { "myshopify_domain", shop.myshopifyDomain } },
    },
  }
end

--------------------------------------------------------------------------------------------------------------- gmail

-- All values of a header, whose name may be written in any way and come again.
local function header(message, name)
  local found = {}
  for _, pair in ipairs(list(object(message.payload).headers)) do
    if text.lower(word(object(pair).name)) == name then found[#found + 1] = word(pair.value) end
  end
  return table.concat(found, ", ")
end

local function mail_parties(message)
  local parties = {}
  for _, role in ipairs { "from", "to", "cc" } do
    for _, address in ipairs(find.emails(header(message, role))) do
      parties[#parties + 1] = { kind = "person", role = role, ids = { { "email", text.lower(address) } } }
    end
  end
  return parties
end

function readers.gmail(event, opt)
  local data = event.data
  if data.message == nil then return nil, nil, "a notice; the mail itself comes by the poll" end
  local message = object(data.message)
  local mail = event.type == "email_sent" or event.type == "email_received"
  if not mail and not opt.changes then return nil, nil, "no new mail" end
  local sender, subject = find.emails(header(message, "from"))[1], header(message, "subject")
  return {
    event_name = event.type, source = "gmail", event_type = "email",
    event_description = joined(sender or word(data.account), event.type, word(subject)),
  }, mail_parties(message)
end

-------------------------------------------------------------------------------------------------------------- manual

local DAY = 86400000

-- "email": "a@b", or several: "email": ["a@b", "c@d"]
local function identifiers(of)
  local found = {}
  for name, value in pairs(object(of)) do
    for _, one in ipairs(json.kind(value) == "array" and value or { value }) do
      if name ~= "traits" and word(one) then found[#found + 1] = { name, word(one) } end
    end
  end
  table.sort(found, function(a, b) return a[1] .. "\0" .. a[2] < b[1] .. "\0" .. b[2] end)
  return found
end

local function traits(of)
  local found = {}
  for name, value in pairs(object(object(of).traits)) do
    found[name] = word(value) or (value ~= json.null and json.encode(value)) or nil
  end
  return found
end

-- A membership is its person and its group once more, in one party.
local function membership(member)
  local found = {}
  for _, kind in ipairs { "person", "group" } do
    for _, one in ipairs(identifiers(object(member)[kind])) do
      found[#found + 1] = { one[1], one[2], kind }
    end
  end
  return { kind = "membership", role = word(object(member).role), ids = found }
end

local function manual_parties(data)
  local all, parties = object(data.identifiers), {}
  local function add(party)
    if #party.ids > 0 then parties[#parties + 1] = party end
  end
  for _, person in ipairs(list(all.persons)) do
    add { kind = "person", ids = identifiers(person), traits = traits(person) }
  end
  for _, group in ipairs(list(all.groups)) do
    add { kind = "group", ids = identifiers(group), traits = traits(group) }
  end
  for _, member in ipairs(list(all.memberships)) do add(membership(member)) end
  return parties
end

local function amount_of(data)
  local value = word(data.value) or (type(data.value) == "number" and json.raw(data, "value")) or nil
  local unit = word(data.value_unit)
  if (value == nil) ~= (unit == nil) then fail("value and value_unit go together: only one of them is there") end
  return value, unit
end

function readers.manual(event)
  local data = event.data
  if word(data.unreadable) then fail("not an event: " .. data.unreadable) end
  local moment = time.parse(word(data.occurred_at))
  if not moment then fail("occurred_at must be a time such as 2026-05-04T09:30:00Z") end
  if moment > event.received + DAY then fail("occurred_at is more than a day ahead") end
  if not word(data.event_name) then fail("event_name must be given") end
  local parties = manual_parties(data)
  if #parties == 0 then fail("identifiers must name a person or a group") end
  local value, unit = amount_of(data)
  return {
    id = word(data.id), occurred_at = moment, event_name = data.event_name, source = "manual",
    event_description = word(data.event_description) or data.event_name,
    event_type = word(data.event_type) or "interaction", value = value, value_unit = unit,
  }, parties
end

-- The reader for a document, by what it has.
function readers.of(data)
  data = object(data)
  if data.unreadable or data.identifiers or data.event_name then return readers.manual end
  if data.message or data.historyId then return readers.gmail end
  if word(data.__typename) and data.netAmount ~= nil then return readers.transaction end
  local kind = word(data.type) or ""
  if kind:find("^%l[%l%d_]*$") and json.kind(data.shop) == "object" then return readers.gadget end
  if kind:find("^%u[%u%d_]*$") and (data.app or data.shop) then return readers.shopify_partner end
end

return readers
