-- SPDX-License-Identifier: Apache-2.0
-- NAME.test.lua - how NAME brings rows away. Run: sluice test. How to write one: sluice man test
return {
  options = { url = "https://rows.example" },
  cases = {
    {
      name = "a batch is one request, a line for a row",
      rows = {
        { type = "people", id = "1", data = { name = "Ann" } },
        { type = "people", id = "2", data = { name = "Bob" } },
      },
      answers = {
        { method = "POST", url = "/", body = {
          [[{"table":"people","key":"1","row":{"name":"Ann"}}]],
          [[{"table":"people","key":"2","row":{"name":"Bob"}}]],
        } },
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
