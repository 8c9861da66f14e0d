-- SPDX-License-Identifier: Apache-2.0
-- trello.test.lua - what a webhook of Trello is an event of.
return {
  plugin = "trello",
  cases = {
    {
      name = "an action is an event of its card",
      request = { file = "samples/updateCard__movecardfromlisttolist.json" },
      golden = "golden/move.json",
    },
    {
      name = "an action about no card is one of its board",
      request = { body = {
        action = { id = "a1", type = "updateBoard", date = "2026-11-21T12:00:00.123Z", data = { board = { id = "b1" } } },
      } },
      emits = { { id = "a1", type = "updateBoard", subject = "b1", time = "2026-11-21T12:00:00.123Z" } },
    },
    {
      name = "a body without an action has no name of its own",
      request = { body = { hello = 1 } },
      emits = { { id = "seq-1", type = "request" } },
    },
  },
}
