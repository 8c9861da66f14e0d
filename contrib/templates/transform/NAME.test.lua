-- SPDX-License-Identifier: Apache-2.0
-- NAME.test.lua - what NAME makes of events. Run: sluice test. How to write one: sluice man test
return {
  {
    name = "who says a name becomes a row",
    event = { id = "1", file = "samples/person.json" },
    emits = { { type = "NAME", data = { id = "1", name = "Ann", said = "Hello, Ann" } } },
  },
  {
    name = "the greeting is an option",
    options = { greeting = "Good evening" },
    event = { id = "2", data = { name = "Bob" } },
    emits = { { type = "NAME", has = { said = "Good evening, Bob" } } },
  },
  {
    name = "who says no name is dropped, and counted",
    event = { data = { age = 7 } },
    drops = "no name",
  },
}
