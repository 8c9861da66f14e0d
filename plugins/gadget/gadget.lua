-- SPDX-License-Identifier: Apache-2.0
-- gadget.lua - the shops of a Shopify app that is made with Gadget: installed, gone, back, changed.
--
-- Gadget keeps a record for each shop and no history, so what happened is read off the record: when it was made, and
-- whether its state is another one than the last time. An action in the app may tell at once, by webhook (README.md).
-- Both ways an event is { id, type, occurredAt, shop = { ... } }, and its id says shop, what, and when.

local gadget = {
  version = "1.0",
  summary = "Shops of a Gadget app: installed, uninstalled, reinstalled, updated.",
  options = {
    { "secret", "secret", initial = "", help = "What the app's own action signs with; without one nothing is taken in." },
    { "token", "secret", initial = "", help = "An API key, gsk-...; without one nothing is asked." },
    { "base", "text", initial = "https://example.gadget.app", help = "The app's address; that of development is another one." },
    { "overlap", "duration", initial = "120s", min = 0, max = 86400000, help = "So much is read again at each poll." },
    { "page", "int", initial = 250, min = 1, max = 250, help = "Shops in an answer." },
  },
  webhook = {
    auth = "hmac-sha256", proof = "header:X-Sluice-Signature", prefix = "sha256=", encoding = "hex", secret = "secret",
    id = "body:/id | sha256(body)", type = "body:/type", subject = "body:/shop/id", time = "body:/occurredAt",
  },
  api = {
    base = "{base}", headers = { Authorization = "Bearer {token}" }, credential = "{token}",
    requests = 60, window = "10s", at_once = 2,
  },
  every = "5m",
}

-- Never accessToken, which is there too. What a mapping needs and no more: the set of fields changes with the
-- version of Shopify's API that the app is connected with.
local FIELDS = [[
  id createdAt updatedAt shopifyUpdatedAt state name email shopOwner customerEmail phone domain myshopifyDomain planName
  planDisplayName countryCode city currency ianaTimezone
]]

local SHOPS = "query ($first: Int!, $after: String, $filter: [ShopifyShopFilter!]) { shopifyShops(first: $first, " ..
  "after: $after, filter: $filter, sort: [{ updatedAt: Ascending }]) { edges { cursor node {" .. FIELDS .. "} } " ..
  "pageInfo { hasNextPage endCursor } } }"

local function object(value)
  return json.kind(value) == "object" and value or {}
end

-- {"created":"installed"}; a machine of more states nests deeper: {"created":{"installed":"running"}}
local function state_of(shop)
  local created = object(shop.state).created
  if json.kind(created) == "object" then created = next(json.copy(created)) end
  return created
end

local function tell(shop, kind, moment)
  emit {
    id = ("%s:%s:%s"):format(shop.id, kind, moment), type = "shop_" .. kind, subject = shop.id, time = moment,
    data = { id = ("%s:%s:%s"):format(shop.id, kind, moment), type = "shop_" .. kind, occurredAt = moment, shop = shop },
  }
end

-- What became of a shop since it was last seen; `gone`: those that were uninstalled then.
local function tell_of(shop, gone, from)
  local state, born = state_of(shop), time.parse(shop.createdAt)
  if born and (not from or born >= from) then tell(shop, "installed", shop.createdAt) end
  if state == "uninstalled" then
    if not gone[shop.id] then tell(shop, "uninstalled", shop.updatedAt) end
    gone[shop.id] = true
  elseif state == "installed" then
    if gone[shop.id] then tell(shop, "reinstalled", shop.updatedAt) end
    gone[shop.id] = nil
    if shop.updatedAt ~= shop.createdAt then tell(shop, "updated", shop.updatedAt) end
  end
end

local function shops_of(query, variables)
  local data = http.graphql(query, variables, { url = "/api/graphql" })
  local shops = object(data).shopifyShops
  if json.kind(object(shops).edges) ~= "array" then
    fail("Gadget answered without shopifyShops: " .. json.encode(data):sub(1, 200))
  end
  return shops
end

local function ask(opt, since, after)
  local filter = since and { { updatedAt = { greaterThanOrEqual = time.format(since) } } }
  return shops_of(SHOPS, { first = opt.page, after = after, filter = filter })
end

-- Takes in a page; gives where the next one begins, or nil.
local function take(shops, at, since)
  local last
  for _, edge in ipairs(shops.edges) do
    local shop = object(object(edge).node)
    local moment = time.parse(shop.updatedAt)
    if type(shop.id) == "string" and moment then
      tell_of(shop, at.gone, at.from)
      last, at.newest = moment, math.max(moment, at.newest or moment)
    else
      log("warning", "a shop without id or updatedAt is passed over: " .. json.encode(edge):sub(1, 200))
    end
  end
  local pages = object(shops.pageInfo)
  if pages.hasNextPage ~= true or not last then return nil end
  return last, last == since and pages.endCursor or nil -- a whole page of one moment
end

-- The cursor: `newest`, the latest updatedAt that was seen; `gone`, the shops that are uninstalled; and in the middle of a
-- run `from`, where it began, `since` and `after`, where its next page does. What overlaps is read in one call, so that
-- a run that finds nothing new moves nothing; then a call is a page.
function gadget.poll(cursor, opt, walk)
  local at = cursor and json.decode(cursor) or { gone = {} }
  local known = at.newest
  if not at.since then at.from = known and known - opt.overlap or walk.since end
  local since, after = at.since or at.from, at.after
  repeat
    since, after = take(ask(opt, since, after), at, since)
  until not since or at.newest ~= known
  at.since, at.after = since, after
  if not since then at.from = nil end
  local text = json.encode(at)
  if at.newest and text ~= cursor then advance(text) end
end

-- An action in the app is code, which only a person can put there.
function gadget.hooks(_, opt, hook)
  if #opt.secret == 0 then return end
  emit {
    id = "", type = "manual", subject = "actions of the app",
    data = { why = "have its install, reinstall and uninstall actions post to " .. tostring(hook.callback) .. ": see the README" },
  }
end

function gadget.discover(opt)
  local shops = shops_of("query { shopifyShops(first: 1) { edges { node { id name } } } }")
  emit { id = opt.base, type = "account", data = { name = opt.base } }
  for _, edge in ipairs(shops.edges) do
    local shop = object(object(edge).node)
    if type(shop.id) == "string" then emit { id = shop.id, type = "shop", data = { name = shop.name } } end
  end
end

return gadget
