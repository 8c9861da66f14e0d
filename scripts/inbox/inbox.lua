-- SPDX-License-Identifier: Apache-2.0
-- inbox.lua - tasks of Teamwork and messages of Missive as rows, in one place.
--
-- Tables and views: schemas/inbox.yaml. Webhooks and polls tell the same with other words: what a webhook has not said
-- stays as it was (rows of mode patch), what the API has said is whole. Both say when it was, so that neither overtakes
-- the other.

local mail = require "mail"
local tasks = require "tasks"
local told = require "told"

local inbox = {
  version = "1.0",
  summary = "Tasks of Teamwork, and messages and conversations of Missive, as rows.",
  options = {
    { "fetch", "bool", initial = false,
      help = "Ask the vendor for what a webhook leaves out: the whole task, a message's body, a conversation as it is. "
        .. "One or two requests for each webhook." },
    { "site", "text", initial = "", help = "Teamwork's address, for links to tasks: https://acme.teamwork.com." },
    { "attachments", "choice", initial = "link", choices = { "link", "file" },
      help = "Of attachments: only the address, which holds for a short time, or also the file." },
    { "files", "path", initial = "data/files", help = "Where files go, with attachments: file. It has to be there." },
    { "file_limit", "int", initial = "26214400", min = 1, max = 1073741824,
      help = "Bytes of an attachment: of a larger one there is only the address." },
  },
}

function inbox.transform(event, opt)
  local body = told.object(event.data)
  local kind = tasks.kind(event.type)
  if event.type == "task" or kind == "task" then return tasks.rows(event, body, opt) end
  if event.type == "conversation.gone" then return mail.gone(event, opt) end
  if told.id(told.object(body.conversation).id) then return mail.rows(event, body, opt) end
  if kind then return drop("not about a task: " .. kind) end
  drop("neither a task nor a conversation")
end

return inbox
