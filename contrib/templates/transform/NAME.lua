-- SPDX-License-Identifier: Apache-2.0
-- NAME.lua - a row for everybody who says who they are.
local plugin = {
  version = "0.1",
  summary = "A row for everybody who says who they are.",
  options = { { "greeting", "text", initial = "Hello", help = "What is said to them." } },
}

function plugin.transform(event, opt)
  local person = event.data
  if type(person.name) ~= "string" then return drop("no name") end
  emit {
    type = "NAME", -- the table, in NAME.yaml
    data = { id = event.id, name = person.name, said = opt.greeting .. ", " .. person.name },
  }
end

return plugin
