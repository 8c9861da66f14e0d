# SPDX-License-Identifier: Apache-2.0
# club.py - a small vendor whose webhooks can be looked after, and its plugin in Lua.
#
#     club = Club()
#     club.plugin(folder)      club.lua: webhooks per team; club.base is the address it asks
#     club.hooks               {id: {"team", "url", "active"}}
#     club.silent              seconds before each answer
from farside import FarSide
import json
import time

PLUGIN = """\
local function wanted(opt)
	local teams = {}
	for _, team in ipairs(opt.teams) do teams[team] = true end
	return teams
end

local function get(url, query)
	local answer = source.get(url, query)
	if answer.status == 401 then fail("the club refuses the token (401): " .. answer.json.error .. "; make another in its settings") end
	return answer.json
end

local function say(state, hook, why)
	emit { id = hook.id or "", type = state, subject = "team " .. hook.team, data = { why = why, url = hook.url } }
end

local function one(verb, hook, teams)
	if verb == "list" then
		return say(not teams[hook.team] and "extra" or hook.active and "fine" or "off", hook)
	end
	if not teams[hook.team] then
		source.request { method = "DELETE", url = "/hooks/" .. hook.id }
		return say("removed", hook)
	end
	if hook.active then return say("fine", hook) end
	source.request { method = "PUT", url = "/hooks/" .. hook.id, body = { active = true } }
	return say("woken", hook)
end

local function remove(opt, about)
	for _, hook in ipairs(get("/hooks", { url = about.callback })) do
		if not about.id or about.id == hook.id then
			source.request { method = "DELETE", url = "/hooks/" .. hook.id }
			say("removed", hook)
		end
	end
end

return {
	summary = "what happens in a club's teams",
	options = {
		{ "token", "secret", initial = "", help = "the key" },
		{ "secret", "secret", help = "what it signs with" },
		{ "teams", "list", initial = {}, help = "to look at" },
		{ "base", "text", initial = "http://127.0.0.1:1", help = "where it is" },
		{ "byhand", "bool", initial = "no", help = "tell of one that only a person can make" },
	},
	api = { base = "{base}", headers = { ["X-Token"] = "{token}" } },
	webhook = { auth = "hmac-sha256", proof = "header:X-Club", encoding = "hex", secret = "secret", id = "body:/id" },
	hooks = function(verb, opt, about)
		log("cursor " .. tostring(about.cursor))
		if verb == "remove" then return remove(opt, about) end
		local teams, there = wanted(opt), {}
		for _, hook in ipairs(get("/hooks", { url = about.callback })) do
			there[hook.team] = true
			one(verb, hook, teams)
		end
		for _, team in ipairs(opt.teams) do
			if not there[team] and verb == "list" then
				say("missing", { team = team })
			elseif not there[team] then
				local made = source.post("/hooks", { team = team, url = about.callback }).json
				say("made", { team = team, id = made.id, url = about.callback })
			end
		end
		if opt.byhand then
			emit { id = "", type = "manual", subject = "rule", data = { why = "Open the club's settings.\\nAdd " .. about.callback } }
		end
		if verb == "register" then advance("registered") end
	end,
	discover = function(opt)
		local me = get("/me")
		emit { id = me.id, type = "account", data = { name = me.name, scopes = me.scopes, expires = me.expires } }
		for _, team in ipairs(get("/teams")) do
			emit { id = team.id, type = "team", data = { name = team.name } }
		end
	end,
}
"""


class Club(FarSide):
    def __init__(self):
        self.hooks, self.last, self.token, self.silent = {}, 0, "anything", 0
        super().__init__(self.answered)

    def plugin(self, folder, name="club.lua"):
        (folder / name).write_text(PLUGIN)

    def has(self, team, url, active=True):
        self.last += 1
        self.hooks[f"h{self.last}"] = {"id": f"h{self.last}", "team": team, "url": url, "active": active}
        return f"h{self.last}"

    def answered(self, asked):
        time.sleep(self.silent)
        if {k.lower(): v for k, v in dict(asked.headers).items()}.get("x-token") != self.token:
            return 401, {}, {"error": "the token has expired"}
        path = asked.path.split("?")[0]
        if path == "/me":
            return 200, {}, {"id": "u1", "name": "Ann Example", "scopes": ["read", "hooks"], "expires": "2027-01-01T00:00:00Z"}
        if path == "/teams":
            return 200, {}, [{"id": "t1", "name": "Red\u202e\x1b[31m"}, {"id": "t2", "name": "Blue"}]
        if path == "/hooks" and asked.method == "GET":
            return 200, {}, list(self.hooks.values())
        if path == "/hooks":
            wish = json.loads(asked.body)
            return 200, {}, self.hooks[self.has(wish["team"], wish["url"])]
        name = path.rsplit("/", 1)[1]
        if asked.method == "DELETE":
            return 200, {}, self.hooks.pop(name)
        self.hooks[name]["active"] = True
        return 200, {}, self.hooks[name]
