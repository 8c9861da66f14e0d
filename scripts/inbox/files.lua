-- SPDX-License-Identifier: Apache-2.0
-- files.lua - attachments as files. Their addresses are signed and hold for a short time.
local told = require "told"

local files = {}

-- Those that were fetched lately: a message that is told again need not bring them again.
local fetched = cache { size = 5000, age = "1d" }

-- A name of its own for each attachment, whatever it is called by whoever sent it.
local function name_of(one)
  local extension = (told.string(one.extension) or ""):lower():match("^%w+$")
  return hash.sha256(told.id(one.id)):sub(1, 32) .. (extension and #extension < 10 and "." .. extension or "")
end

local function fetch(address, name, opt)
  return http { url = address, file = opt.files .. "/" .. name, most = opt.file_limit, timeout = 300 }
end

-- The address that the message has for it now.
local function fresh_address(one, message)
  local answer = source.get("/messages/" .. url.encode(told.id(message.id)))
  local found = told.object(answer.json).messages
  if json.kind(found) == "array" then found = found[1] end
  for _, other in ipairs(told.list(told.object(found).attachments)) do
    if told.id(told.object(other).id) == told.id(one.id) then return told.string(other.url) end
  end
end

-- The file's name in the folder; nil if there is none to be had.
function files.path(one, message, opt)
  local name, address = name_of(one), told.string(one.url)
  if not address or (told.int(one.size) or 0) > opt.file_limit then return nil end
  return fetched:get(name, function()
    local answer = fetch(address, name, opt)
    if not answer.ok then
      address = fresh_address(one, message)
      answer = address and fetch(address, name, opt)
    end
    if answer and answer.ok then return name end
    log("warning", "an attachment cannot be fetched: " .. (answer and answer.status or "it is gone"))
  end)
end

return files
