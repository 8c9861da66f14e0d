-- SPDX-License-Identifier: Apache-2.0
-- stamp.test.lua - a plugin that was built elsewhere does what it says.
return {
  plugin = "stamp", -- looked up in plugin_path
  cases = { {
    name = "an event is stamped",
    options = { key = "k" }, now = "2026-11-21T12:00:00Z",
    event = { id = "e1", data = {} },
    emits = { { type = "stamps", data = {
      id = "e1", at = "2026-11-21T12:00:00.000Z", stamp = "a13ed2a73c26f4034f4956356e85c1e91b190365c3db439c80c9b17cde014900",
    } } },
  } },
}
