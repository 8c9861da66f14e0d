-- SPDX-License-Identifier: Apache-2.0
-- NAME.test.lua - how NAME brings rows away. Run: sluice test. How to write one: sluice man test
return {
  options = { url = "https://rows.example", token = "t" },
  cases = {
    {
      name = "a batch is one request, a line for a row",
      rows = {
        { type = "people", id = "1", data = { name = "Ann" } },
        { type = "people", id = "2", data = { name = "Bob" } },
      },
      answers = {
        {
          method = "POST", url = "/",
          sent = [[{"key":"test:1:0","row":{"name":"Ann"},"table":"people"}]] .. "\n" ..
            [[{"key":"test:2:0","row":{"name":"Bob"},"table":"people"}]] .. "\n",
        },
      },
      settled = { "done", "done" },
    },
    {
      name = "rows that the far side refuses are dead letters",
      rows = { { type = "people", data = { name = "Ann" } } },
      answers = { { url = "/", status = 400 } },
      settled = { "fail: the far side answered 400" },
    },
  },
}
