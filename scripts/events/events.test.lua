-- SPDX-License-Identifier: Apache-2.0
-- events.test.lua - what four vendors tell, and the rows it becomes.
local APP = { id = "gid://partners/App/1234567", name = "Demo App" }
local SHOP = {
  id = "gid://partners/Shop/36550412", name = "Fixture Shop", myshopifyDomain = "fixture-dev.myshopify.com",
}
local AT = "2025-04-01T10:00:00.000000Z"

local cases = {}

local function add(name, event, emits)
  event.id = event.id or "e1"
  cases[#cases + 1] = { name = name, event = event, emits = emits }
end

-- Only the row of events is looked at; whom it is about has cases of its own.
local function row(name, event, columns)
  add(name, event, { { type = "events", has = columns }, { type = "event_identifiers" }, { type = "event_traits" } })
end

----------------------------------------------------------------------------------------------------- shopify_partner

local function partner(kind, more)
  local data = { type = kind, occurredAt = AT, app = APP, shop = SHOP }
  for name, value in pairs(more or {}) do data[name] = value end
  return { type = kind, time = AT, data = data }
end

local function charge(amount, currency)
  return { id = "gid://shopify/AppSubscription/1", name = "Pro", amount = { amount = amount, currencyCode = currency } }
end

for kind, name in pairs {
  RELATIONSHIP_INSTALLED = "app_installed", RELATIONSHIP_UNINSTALLED = "app_uninstalled",
  RELATIONSHIP_DEACTIVATED = "shop_deactivated", RELATIONSHIP_REACTIVATED = "shop_reactivated",
} do
  row(kind .. " reads like a sentence", partner(kind), {
    id = "e1", event_name = name, event_description = "Fixture Shop " .. name .. " Demo App",
    event_type = "relationship", source = "shopify_partner", occurred_at = 1743501600000, synced_at = 1767225600000,
  })
end

row("a charge has its value", partner("SUBSCRIPTION_CHARGE_ACTIVATED", { charge = charge("19.0", "USD") }), {
  event_name = "subscription_charge_activated", event_type = "charge", value = "19.0", value_unit = "USD",
  event_description = "Fixture Shop subscription_charge_activated Demo App",
})
row("a credit has its value too", partner("CREDIT_APPLIED", { appCredit = charge("5.0", "EUR") }),
  { event_type = "credit", value = "5.0", value_unit = "EUR" })
row("a kind that is new is a row", partner("MOON_2_REACHED"), { event_name = "moon_2_reached" })

add("a shop that is nobody is still an event", partner("RELATIONSHIP_INSTALLED", { shop = json.null }), {
  { type = "events", has = { event_description = "A shop app_installed Demo App" } },
  { type = "event_identifiers", data = { event_id = "e1", rows = {} } },
})

add("a shop is known by its number and its domain", partner("RELATIONSHIP_INSTALLED"), {
  { type = "events" },
  {
    type = "event_identifiers",
    data = {
      event_id = "e1",
      rows = {
        {
          row_id = "226bebb16b9416d1", kind = "group", identifier_type = "shop_id", identifier_value = "36550412",
          source = "shopify_partner", source_table = "events", occurred_at = 1743501600000,
        },
        {
          row_id = "226bebb16b9416d1", kind = "group", identifier_type = "myshopify_domain",
          identifier_value = "fixture-dev.myshopify.com", source = "shopify_partner", source_table = "events",
          occurred_at = 1743501600000,
        },
      },
    },
  },
  {
    type = "event_traits",
    data = {
      event_id = "e1",
      rows = {
        {
          row_id = "226bebb16b9416d1", kind = "group", trait = "name", value = "Fixture Shop",
          source = "shopify_partner", occurred_at = 1743501600000,
        },
      },
    },
  },
})

local sale = {
  __typename = "AppSubscriptionSale", id = "gid://partners/AppSubscriptionSale/1", createdAt = AT, app = APP,
  shop = SHOP,
  netAmount = { amount = "18.45", currencyCode = "USD" },
}
cases[#cases + 1] = { name = "a transaction is left out", event = { data = sale }, drops = "a transaction" }
cases[#cases + 1] = {
  name = "a transaction is a row where that is wanted", options = { transactions = true }, event = { data = sale },
  emits = {
    { type = "events", has = { event_name = "app_subscription_sale", event_type = "transaction", value = "18.45" } },
    { type = "event_identifiers" }, { type = "event_traits" },
  },
}

-------------------------------------------------------------------------------------------------------------- gadget

local function gadget(kind, shop)
  local id = "548380009:" .. kind .. ":" .. AT
  return {
    id = id, type = "shop_" .. kind, time = AT,
    data = {
      id = id, type = "shop_" .. kind, occurredAt = AT, shop = shop or { id = "548380009", name = "Super Toys" },
    },
  }
end

row("a shop of an app", gadget("installed"), {
  id = "548380009:installed:" .. AT, event_name = "shop_installed", event_description = "Super Toys shop_installed",
  source = "gadget", event_type = "relationship",
})
row("what an app's own action calls in another way is a row too",
  { id = "g1", type = "plan_changed", data = { type = "plan_changed", shop = { id = "5", name = "Super Toys" } } },
  { event_name = "plan_changed", event_description = "Super Toys plan_changed", source = "gadget" })
cases[#cases + 1] = {
  name = "the owner is known by the account's mail, never by shopOwner, which is a name",
  event = gadget("installed", { id = "5", shopOwner = "Pat Owner", email = "Owner@Example.com", name = "Toys" }),
  golden = "golden/gadget.json",
}
cases[#cases + 1] = {
  name = "an update is nobody's doing", event = gadget("updated"), drops = "a record was updated, by whomever",
}
cases[#cases + 1] = {
  name = "an update is a row where that is wanted, and the app may have a name",
  options = { updates = true, app = "My App" }, event = gadget("updated"),
  emits = {
    { type = "events", has = { event_description = "Super Toys shop_updated My App" } }, { type = "event_identifiers" },
    { type = "event_traits" },
  },
}

--------------------------------------------------------------------------------------------------------------- gmail

local function mail(kind, headers)
  return {
    id = "gmail:me@example.com:1", type = kind, time = AT,
    data = { account = "me@example.com", message = { id = "1", payload = { headers = headers } } },
  }
end

cases[#cases + 1] = {
  name = "a mail is about all in it, whatever its headers look like",
  event = mail("email_received", {
    { name = "FROM", value = '"Lee, Ann" <Ann@Example.com>' },
    { name = "to", value = "me@example.com, Bob <bob@example.com>" },
    { name = "Cc", value = "carol@example.com" }, { name = "CC", value = "dan@example.com" },
    { name = "Subject", value = "Order 7" }, { name = "Received", value = "x" }, "nonsense",
  }),
  golden = "golden/mail.json",
}
cases[#cases + 1] = {
  name = "a notice and a label are no mail", events = {
    { data = { emailAddress = "me@example.com", historyId = 7 }, type = "gmail_notice" },
    mail("labels_added"),
  },
  drops = { "a notice; the mail itself comes by the poll", "no new mail" },
}

-------------------------------------------------------------------------------------------------------------- manual

local function note(more)
  local data = {
    id = "n1", occurred_at = "2025-05-04T09:30:00Z", event_name = "demo_call",
    identifiers = { persons = { { email = "ann@example.com" } } },
  }
  for name, value in pairs(more or {}) do data[name] = value end
  return { id = "n1@abc", type = "demo_call", data = data }
end

cases[#cases + 1] = {
  name = "a note, all of it", event = { id = "x@1", file = "../../plugins/manual/samples/call.json" },
  now = "2026-06-01T00:00:00Z", golden = "golden/call.json",
}
add("a note takes the place of what was noted under its id before", note { value = 30, value_unit = "min" }, {
  {
    type = "events", mode = "upsert", time = "2026-01-01T00:00:00Z",
    has = {
      id = "n1", value = "30", value_unit = "min", event_description = "demo_call", event_type = "interaction",
    },
  },
  { type = "event_identifiers" }, { type = "event_traits", data = { event_id = "n1", rows = {} } },
})
for name, wrong in pairs {
  ["occurred_at must be"] = { occurred_at = "yesterday" }, ["more than a day ahead"] = { occurred_at = "2099-01-01" },
  ["event_name must be"] = { event_name = 7.5 }, ["must name a person or a group"] = { identifiers = {} },
  ["value and value_unit go together"] = { value_unit = "min" },
} do
  cases[#cases + 1] = { name = "a note that is wrong: " .. name, event = note(wrong), fails = name }
end
cases[#cases + 1] = {
  name = "a line that could not be read is a dead letter", event = { data = { unreadable = "line 2 is no object" } },
  fails = "line 2 is no object",
}
cases[#cases + 1] = {
  name = "anything else is dropped",
  events = { { data = { hello = 1 } }, { data = json.array { 1 } }, { data = { type = 7 } } },
  drops = {
    "no event of a vendor that this mapping knows", "no event of a vendor that this mapping knows",
    "no event of a vendor that this mapping knows",
  },
}

return { schema = "events", cases = cases }
