-- SPDX-License-Identifier: Apache-2.0
-- rules.lua - what a card's title and description say about an order.

local rules = {}

local function or_nil(written)
  if written ~= "" then return written end
end

local DASHES = { " - ", " \u{2013} ", " \u{2014} " }

-- "Smith & Co - 20 signs" is purchaser and summary, split at the first dash; without one the title is the summary.
function rules.title(title)
  if type(title) ~= "string" then return nil, nil end
  local from, to
  for _, dash in ipairs(DASHES) do
    local a, b = title:find(dash, 1, true)
    if a and (not from or a < from) then from, to = a, b end
  end
  if not from then return nil, text.trim(title) end
  return or_nil(text.trim(title:sub(1, from - 1))), or_nil(text.trim(title:sub(to + 1)))
end

local EMAIL = "[%w._%%+-]+@[%w-]+%.[%w.-]*%w"
local BUYERS = { buyer = true, contact = true, client = true }

local function email_in(line)
  return line:sub(1, 2000):match(EMAIL)
end

-- The first line "Buyer: NAME" (or Contact, Client); the address on it, or else the first in the description, or else
-- in the comments, oldest first.
function rules.buyer(description, comments)
  local name, email
  for _, line in ipairs(text.lines(description or "")) do
    local word, rest = line:match("^%s*(%a+)%s*:(.*)$")
    rest = word and BUYERS[word:lower()] and text.trim(rest)
    if rest and rest ~= "" then
      email = email_in(rest)
      name = rest
      if email then
        local at = rest:find(email, 1, true)
        name = text.trim((rest:sub(1, at - 1) .. rest:sub(at + #email)):gsub("[<>()%[%],;]", " "))
      end
      break
    end
  end
  for _, source in ipairs { description or "", table.unpack(comments or {}) } do
    for _, line in ipairs(email and {} or text.lines(source)) do
      email = email or email_in(line)
    end
  end
  return name and or_nil(name), email
end

-- A number as people write it: 1,234.50 -> "1234.50", 3,20 -> "3.20"; nil if it is none.
local function plain(written)
  return written and (number.parse((written:gsub("[.,]+$", ""))))
end

local function times(quantity, price)
  if #quantity + #price > 40 then return nil end -- no order, whoever wrote it
  return number.round(number.multiply(quantity, price), 2)
end

-- "... @ £45.00 = £90.00" or "... 120.00 each": what it costs, and what is left of the line.
local function price_of(rest)
  local left, price, total = rest:match("^(.-)%s*@%s*[^%d%s]*%s*([%d.,]+)%s*(.*)$")
  if not left then
    left, price, total = rest:match("^(.-)%s+[^%d%s]*([%d.,]+)%s*[Ee][Aa][Cc][Hh]%f[%A]%s*(.*)$")
  end
  if not left then return rest end
  total = total:match("^=%s*[^%d%s]*%s*([%d.,]+)") or total:match("^[Tt]otal:?%s*[^%d%s]*%s*([%d.,]+)")
  return left, plain(price), plain(total)
end

local UNITS = { mm = "mm", cm = "cm", m = "m", ["in"] = "in", inch = "in", inches = "in", ft = "ft" }

local function size_of(rest)
  local a, _, width, height, unit = rest:find("%f[%w](%d+[.,]?%d*)%s*[xX]%s*(%d+[.,]?%d*)%s*(%a*)")
  if not a then return rest end
  return rest:sub(1, a - 1), plain(width), plain(height), UNITS[unit:lower()]
end

-- A letter of any alphabet, by the first byte of its UTF-8; signs such as those of currencies have others.
local LETTER = "[%a\xC3-\xDF\xE0\xE1\xE3-\xED]"

-- One line that begins with a quantity, or nil.  "2." is the second of a list, not two.
function rules.line_item(line)
  if #line > 1000 then return nil end
  local written = line:gsub("\u{00D7}", "x")
  local quantity, rest = written:match("^%s*[-*]?%s*(%d[%d.,]*)%s*[xX]?%s+(%S.*)$")
  quantity = quantity and not quantity:find("%.$") and plain(quantity)
  if not quantity then return nil end
  local left, price, total = price_of(rest)
  local named, width, height, unit = size_of(left)
  local description, material = named:match("^(.-)%s*,%s*(.-)[%s,]*$")
  description = text.trim(description or named)
  if not description:find(LETTER) then return nil end
  if material == "" then material = nil end
  return {
    description = description, quantity = quantity, unit_price = price,
    total = total or (price and times(quantity, price)), material = material,
    width = width, height = height, unit = unit, raw = text.trim(line),
  }
end

function rules.line_items(description)
  local items = {}
  for _, line in ipairs(text.lines(description)) do
    local item = rules.line_item(line)
    if item then
      item.line_index = #items + 1
      items[#items + 1] = item
    end
  end
  return items
end

-- The first eight digits of an id are the second it was made in.
function rules.created_at(id)
  if type(id) ~= "string" or not id:match("^%x+$") or #id ~= 24 then return nil end
  return tonumber(id:sub(1, 8), 16) * 1000
end

return rules
