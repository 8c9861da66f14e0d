-- SPDX-License-Identifier: Apache-2.0
-- sluice.lua - all that scripts of Sluice may call, with types, for editors that know LuaLS.
---@meta sluice
--
-- An editor finds it by a file .luarc.json beside the scripts (the path is that of your installation):
--     { "runtime.version": "Lua 5.4", "workspace.library": ["/usr/local/share/sluice/lua"] }
-- What each of these does stands in docs/lua.md.

---------------------------------------------------------------------------------------------------- what there is

---@alias sluice.Moment integer milliseconds since 1970, UTC
---@alias sluice.Json table|string|number|boolean|userdata|nil a value of a document, or what json.encode takes

---What happened. A field that is none of these is an error.
---@class sluice.Event
---@field source string
---@field id string
---@field type string
---@field subject string? what it is about; one subject's events stay in order
---@field time sluice.Moment when it happened
---@field received sluice.Moment when it came
---@field data any the document: a view
---@field request sluice.Received? if it came by webhook
---@field run string? of a source with `snapshot: true`: the poll's run, which also stands behind the id

---A request as it was stored.
---@class sluice.Received
---@field method string
---@field url string
---@field headers table<string, string> names in lower case
---@field body string

---What emit takes; what is left out is the event's own.
---@class sluice.Emitted
---@field type string? what happened; for a sink: the table
---@field id string|number|nil
---@field subject string|number|nil
---@field time sluice.Moment|string|nil milliseconds, or a text in ISO 8601
---@field mode "append"|"once"|"upsert"|"patch"|"replace"|"delete"|nil how the row is written, unless the schema says
---@field source string?
---@field scope string? in poll: the whole that its subject is a part of; see sweep()
---@field data sluice.Json

---A row on its way into a sink; read only.
---@class sluice.Row
---@field table string
---@field mode string?
---@field data table by column
---@field rows table[]? "replace": the new rows of the parent that data names
---@field key string the same for the same row of the same event, for ever
---@field event { id: string, type: string, subject: string?, time: sluice.Moment, source: string }
local Row = {}
---The row as a JSON object.
---@return string
function Row:json() end

---Tells a backfill from the poll that comes every so often.
---@class sluice.Walk
---@field backfill boolean
---@field since sluice.Moment? before it nothing is wanted; without a cursor: now less the source's `first`

---@class sluice.Hook
---@field callback string? our address
---@field id string? the one to remove; nil: all that point to us
---@field cursor string? what the last call advanced to

---@class sluice.Option
---@field [1] string its name
---@field [2] "bool"|"int"|"text"|"secret"|"duration"|"choice"|"list"|"map"|"path"
---@field initial any? without it the option has to be given
---@field min integer?
---@field max integer?
---@field choices string[]?
---@field help string?

---What a vendor's webhooks look like; data, not code.
---@class sluice.Webhook
---@field auth "hmac-sha1"|"hmac-sha256"|"hmac-sha512"|"jwt-hs256"|"standard-webhooks"|"basic"|"bearer"|"query-token"|"none"
---@field proof string? "header:X-Signature", "query:token"
---@field prefix string?
---@field encoding "hex"|"base64"|nil
---@field covers string? "{body}{callback}"
---@field timestamp string?
---@field tolerance_ms integer?
---@field audience string? of a jwt: the option that `aud` has to equal, or "{callback}"
---@field same string? "header:X-Shop = body:/shop": selectors that have to agree
---@field secret string? the option that holds the secrets
---@field id string? a selector: "body:/order/id"
---@field type string?
---@field subject string?
---@field time string?
---@field repeat_ms integer?
---@field challenge string?
---@field head boolean?
---@field scope string? text around a {SELECTOR}: the scope in which polls emit its subject: "board {body:/board}"
---@field notice boolean? a request says no more than that something changed: a poll begins
---@field status integer?

---How the far side is asked; {name} stands for an option.
---@class sluice.Api
---@field base string
---@field headers table<string, string>?
---@field query table<string, string>?
---@field credential string? whose budget it is
---@field requests integer? at most so many in any window
---@field window string|integer|nil "10s", or milliseconds
---@field points integer?
---@field points_window string|integer|nil
---@field points_flow boolean? a bucket: they flow back all the time, `points` in a window
---@field at_once integer?

---What a script returns.
---@class sluice.Script
---@field summary string
---@field name string?
---@field version string?
---@field options sluice.Option[]?
---@field webhook sluice.Webhook?
---@field api sluice.Api?
---@field every string|integer|nil how often poll is called
---@field batch { rows: integer?, bytes: integer? }?
---@field transform fun(event: sluice.Event, opt: table)?
---@field decode fun(event: sluice.Event, opt: table)?
---@field poll fun(cursor: any, opt: table, walk: sluice.Walk)?
---@field deliver fun(rows: sluice.Row[], opt: table)?
---@field open fun(opt: table)?
---@field close fun()?
---@field hooks fun(verb: "list"|"register"|"remove", opt: table, hook: sluice.Hook)?
---@field discover fun(opt: table)?

------------------------------------------------------------------------------------------------------------- verbs

---Hands on an event, or a row of the table `type`.
---@param event sluice.Emitted
function emit(event) end

---Nothing comes of this event; counted by reason. Ends the call.
---@param reason string
function drop(reason) end

---It can never be done: a dead letter. Ends the call.
---@param why string
function fail(why) end

---Not now: the call is made again later. Ends the call.
---@param why string
---@param seconds number?
function retry(why, seconds) end

---In poll: what the next call will be handed. Whoever advances is called again at once.
---@param cursor string|table
function advance(cursor) end

---In poll: all there is of this scope was emitted in this run. Each subject that earlier runs emitted with it and this
---one did not is gone: an event of this type, with data { id =, scope = }.
---@param scope string
---@param type string
function sweep(scope, type) end

---In poll: so many objects of so many are done since the walk began. For those who wait.
---@param done integer
---@param total integer?
function progress(done, total) end

---In deliver: how it went with one row.
---@param row sluice.Row|integer
---@param outcome "done"|"retry"|"fail"
---@param why string?
---@param seconds number?
function settle(row, outcome, why, seconds) end

---Waits, while other calls go on.
---@param seconds number
function sleep(seconds) end

---A log line that names the event.
---@param text any
---@overload fun(level: "debug"|"info"|"warning"|"error", text: any)
function log(text) end

-------------------------------------------------------------------------------------------------------------- HTTP

---@class sluice.Request
---@field url string in full, or "/..." behind the api
---@field method string?
---@field query table<string, any>?
---@field headers table<string, string>?
---@field body sluice.Json
---@field timeout number? seconds for the whole of it
---@field most integer? bytes of the answer
---@field file string? the answer's body goes there
---@field cost integer? points of the budget
---@field asks boolean? this POST changes nothing
---@field graphql boolean? errors inside a 200 are judged
---@field all boolean? 408, 423, 425, 429, 449 and 5xx come back too

---The same, where the url is said already.
---@class sluice.More
---@field url string?
---@field method string?
---@field query table<string, any>?
---@field headers table<string, string>?
---@field body sluice.Json
---@field timeout number?
---@field most integer?
---@field file string?
---@field cost integer?
---@field asks boolean?
---@field graphql boolean?
---@field all boolean?

---@class sluice.Answer
---@field status integer
---@field ok boolean 200 to 299
---@field headers table<string, string> large or small letters are the same
---@field body string
---@field json any a view; nil if it is not JSON
---@field url string that answered

---Asks an address in full, or "/..." behind the script's own api.
---@class sluice.Http
---@overload fun(request: sluice.Request): sluice.Answer
http = {}

---@param request sluice.Request
---@return sluice.Answer
function http.request(request) end

---@param url string
---@param query table<string, any>?
---@param more sluice.More?
---@return sluice.Answer
function http.get(url, query, more) end

---@param url string
---@param body sluice.Json
---@param more sluice.More?
---@return sluice.Answer
function http.post(url, body, more) end

---@param url string
---@param body sluice.Json
---@param more sluice.More?
---@return sluice.Answer
function http.put(url, body, more) end

---@param url string
---@param body sluice.Json
---@param more sluice.More?
---@return sluice.Answer
function http.patch(url, body, more) end

---@param url string
---@param body sluice.Json
---@param more sluice.More?
---@return sluice.Answer
function http.delete(url, body, more) end

---@param query string
---@param variables table?
---@param more sluice.More?
---@return any data
---@return any errors
function http.graphql(query, variables, more) end

---The same behind the api of the event's source.
source = {}

---Asks nobody: whether the event's source can be asked. One that has webhooks alone, and no token, cannot.
---@return boolean
function source.known() end

---@param request sluice.Request
---@return sluice.Answer
function source.request(request) end

---@param path string
---@param query table<string, any>?
---@param more sluice.More?
---@return sluice.Answer
function source.get(path, query, more) end

---@param path string
---@param body sluice.Json
---@param more sluice.More?
---@return sluice.Answer
function source.post(path, body, more) end

---@param path string
---@param body sluice.Json
---@param more sluice.More?
---@return sluice.Answer
function source.put(path, body, more) end

---@param path string
---@param body sluice.Json
---@param more sluice.More?
---@return sluice.Answer
function source.patch(path, body, more) end

---@param path string
---@param body sluice.Json
---@param more sluice.More?
---@return sluice.Answer
function source.delete(path, body, more) end

---@param query string
---@param variables table?
---@param more sluice.More?
---@return any data
---@return any errors
function source.graphql(query, variables, more) end

-------------------------------------------------------------------------------------------------------------- JSON

json = {}

---null: not nil, and true in an `if`; whatever is looked up in it is nil.
---@type userdata
json.null = nil

---The value as plain tables, deeply.
---@generic T
---@param value T
---@return T
function json.copy(value) end

---@param text string
---@return any value plain tables; nil if it is not JSON
---@return string? why
function json.decode(text) end

---@param value sluice.Json
---@return string
function json.encode(value) end

---The table, marked to be [] even when it is empty.
---@param list table?
---@return table
function json.array(list) end

---The text a value has in the document: "45.00".
---@param view any
---@param name string|integer|nil
---@return string?
function json.raw(view, name) end

---@param value any
---@return "object"|"array"|"null"|"nil"|"string"|"number"|"boolean"|"table"|"function"|"userdata"|"thread"
function json.kind(value) end

-------------------------------------------------------------------------------------------------------------- time

time = {}

---@class sluice.Parts
---@field year integer
---@field month integer?
---@field day integer?
---@field hour integer?
---@field minute integer?
---@field second integer?
---@field ms integer?
---@field weekday integer? 1 is Monday
---@field yearday integer?
---@field weekyear integer?
---@field week integer? ISO 8601
---@field offset integer? minutes east of UTC

---@class sluice.Span
---@field years integer?
---@field months integer?
---@field weeks integer?
---@field days integer?
---@field hours integer?
---@field minutes integer?
---@field seconds integer?
---@field ms integer?

---@return sluice.Moment
function time.now() end

---@param text string?
---@param format string? as strftime's; left out: ISO 8601
---@param zone string? "Europe/Berlin", "UTC", "+05:30"; for a text without an offset
---@return sluice.Moment?
---@return string? why
function time.parse(text, format, zone) end

---@param n number|string|nil seconds since 1970
---@return sluice.Moment?
---@return string? why
function time.seconds(n) end

---@param n number|string|nil milliseconds since 1970
---@return sluice.Moment?
---@return string? why
function time.milliseconds(n) end

---@param moment sluice.Moment?
---@param format string?
---@param zone string?
---@return string?
function time.format(moment, format, zone) end

---@param moment sluice.Moment?
---@param zone string?
---@return string? day "2026-11-21"
function time.date(moment, zone) end

---@param moment sluice.Moment?
---@param zone string?
---@return sluice.Parts?
function time.parts(moment, zone) end

---@param parts sluice.Parts?
---@param zone string?
---@return sluice.Moment?
---@return string? why
function time.make(parts, zone) end

---@param moment sluice.Moment?
---@param parts sluice.Span
---@param zone string?
---@return sluice.Moment?
function time.add(moment, parts, zone) end

---When its year, month, ... began.
---@param moment sluice.Moment?
---@param unit "year"|"quarter"|"month"|"week"|"day"|"hour"|"minute"
---@param zone string?
---@return sluice.Moment?
function time.start(moment, unit, zone) end

---@param text string? "90s", "1h30m", "14d"
---@return integer? ms
---@return string? why
function time.duration(text) end

------------------------------------------------------------------------------------------------- numbers and money

number = {}

---"1.234,50 EUR" is "1234.50" and "EUR".
---@param text string|number|nil
---@param how { decimal: ","|"." }?
---@return string? number plain digits
---@return string? currency_or_why
function number.parse(text, how) end

---@param a string|number|nil
---@param ... string|number|nil
---@return string?
function number.add(a, ...) end

---@param a string|number|nil
---@param b string|number|nil
---@return string?
function number.subtract(a, b) end

---@param a string|number|nil
---@param b string|number|nil
---@return string?
function number.multiply(a, b) end

---Halves away from zero.
---@param a string|number|nil
---@param places integer
---@return string?
function number.round(a, places) end

---@param a string|number|nil
---@param b string|number|nil
---@return -1|0|1|nil
function number.compare(a, b) end

---@param a string|number|nil
---@param places integer? 2
---@return integer?
---@return string? why
function number.cents(a, places) end

---@param n integer?
---@param places integer? 2
---@return string?
function number.from_cents(n, places) end

-------------------------------------------------------------------------------------------------------------- text

text = {}

---Without white space at both ends.
---@param text string?
---@return string?
function text.trim(text) end

---Trimmed, and each run of white space one space.
---@param text string?
---@return string?
function text.squeeze(text) end

---@param text string?
---@return string?
function text.lower(text) end

---@param text string?
---@return string?
function text.upper(text) end

---For comparing: without large and small letters, then NFC.
---@param text string?
---@return string?
function text.fold(text) end

---Unicode's composed form.
---@param text string?
---@return string?
function text.nfc(text) end

---Without accents.
---@param text string?
---@return string?
function text.plain(text) end

---@param text string?
---@return string[]?
function text.lines(text) end

---@param text string?
---@param separator string plain, not a pattern
---@param most integer?
---@return string[]?
function text.split(text, separator, most) end

---@param text string?
---@param with string
---@return boolean?
function text.starts(text, with) end

---@param text string?
---@param with string
---@return boolean?
function text.ends(text, with) end

---How many characters a person sees.
---@param text string?
---@return integer?
function text.length(text) end

---@param text string?
---@param most integer characters, the ending included
---@param ending string?
---@return string?
function text.cut(text, most, ending) end

------------------------------------------------------------------------------------------------- HTML and finding

html = {}

---What a person reads.
---@param html string?
---@param how { links: boolean }?
---@return string?
function html.text(html, how) end

---@param text string?
---@return string?
function html.unescape(text) end

---@param text string?
---@return string?
function html.escape(text) end

find = {}

---@param text string?
---@return string[]?
function find.emails(text) end

---@param text string?
---@param prefix string? "+44": also numbers without one, as people write them there
---@return string[]?
function find.phones(text, prefix) end

---@param text string?
---@return string[]?
function find.urls(text) end

--------------------------------------------------------------------------------------------- encodings and digests

---@alias sluice.Form "hex"|"base64"|"base64url"|"bytes"

base64 = {}

---@param bytes string?
---@return string?
function base64.encode(bytes) end

---@param text string?
---@return string?
---@return string? why
function base64.decode(text) end

---@param bytes string?
---@return string?
function base64.encode_url(bytes) end

---@param text string?
---@return string?
---@return string? why
function base64.decode_url(text) end

hex = {}

---@param bytes string?
---@return string?
function hex.encode(bytes) end

---@param text string?
---@return string?
---@return string? why
function hex.decode(text) end

hash = {}

---@param bytes string?
---@param form sluice.Form?
---@return string?
function hash.sha256(bytes, form) end

---@param bytes string?
---@param form sluice.Form?
---@return string?
function hash.sha1(bytes, form) end

---@param bytes string?
---@param form sluice.Form?
---@return string?
function hash.sha512(bytes, form) end

---@param bytes string?
---@param form sluice.Form?
---@return string?
function hash.md5(bytes, form) end

---@param digest "sha1"|"sha256"|"sha512"
---@param key string
---@param bytes string?
---@param form sluice.Form?
---@return string?
function hash.hmac(digest, key, bytes, form) end

---64 bits as 16 hex digits.
---@param bytes string?
---@return string?
function hash.xxh3(bytes) end

---Equal? How long it takes says nothing about where they differ.
---@param a string?
---@param b string?
---@return boolean?
function hash.same(a, b) end

uuid = {}

---@param namespace string a UUID, "dns", "url", "oid" or "x500"
---@param name string?
---@return string?
function uuid.v5(namespace, name) end

-------------------------------------------------------------------------------------------------------------- URLs

url = {}

---@param base string?
---@param parts (string|number)[]? each behind a "/", percent-encoded
---@param query table<string, any>?
---@return string?
function url.build(base, parts, query) end

---@param fields table<string, any>?
---@return string?
function url.form(fields) end

---@param text string?
---@return string?
function url.encode(text) end

---@param text string?
---@return string?
---@return string? why
function url.decode(text) end

---@class sluice.Url
---@field scheme string
---@field user string?
---@field host string
---@field port integer?
---@field path string
---@field query string?
---@field fragment string?

---@param text string?
---@return sluice.Url?
---@return string? why
function url.parse(text) end

---@param text string?
---@return table<string, string>? by_name the first of each
---@return string[][]? all
function url.query(text) end

------------------------------------------------------------------------------------------------------------- cache

---@class sluice.Cache
local Cache = {}

---@param key string|number|boolean
---@param make (fun(key: any): any)? what it returns is kept
---@return any
function Cache:get(key, make) end

---@param key string|number|boolean
---@param value any nil forgets it
function Cache:set(key, value) end

---@param how { size: integer?, age: string|integer|nil }
---@return sluice.Cache
function cache(how) end
