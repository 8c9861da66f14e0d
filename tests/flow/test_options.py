# SPDX-License-Identifier: Apache-2.0
# test_options.py - mistakes in sluice.yaml: each is one line with place and remedy, and editors see it too.
import json
import re
import subprocess

import jsonschema
import pytest
import yaml

from bed import ROOT, SLUICE

SHIPPED = ROOT / "schemas" / "config.schema.json"

GOOD = """\
listen: 127.0.0.1:8080
public: https://hooks.example.com
plugin_path: extra
log: { size: 1 GB }
http: {}
sources:
  boards: { use: trello, key: k, token: t, secret: [s] }
  shop: { use: shop, token: t }
  own: { use: webhook, auth: bearer, secret: s }
transforms:
  cards: { use: trello/cards }
  steps: { use: steps }
  types: { use: types, must: m, key: k }
sinks:
  local: { use: sqlite, path: ./warehouse.db, schema: { use: trello } }
routes:
  - { name: cards, from: [boards, shop, own], via: [cards, steps, types], to: local }
"""

# Every type of option there is, in Lua.
TYPES = """\
return {
	version = "1.0", summary = "Options of every type.",
	options = {
		{ "must", "text", help = "given" }, { "key", "secret" },
		{ "flag", "bool", initial = "no" }, { "count", "int", initial = "5", min = 1, max = 10 },
		{ "time", "duration", initial = "5s", min = 1000, max = 60000 },
		{ "kind", "choice", initial = "big", choices = { "big", "small" } },
		{ "some", "list", initial = "" }, { "names", "map", initial = "" }, { "file", "path", initial = "x" },
	},
	transform = function(event) emit(event) end,
}
"""

# What stands there, what is written instead (» marks the place that is named), what the line says, and
# whether a JSON Schema can say it: it knows no bounds of times, and cannot follow names and variables.
BAD = {
	"unknown key of the engine": ("listen:", "»lissten:", "did you mean `listen`?", True),
	"list of maps for addresses": ("listen: 127.0.0.1:8080", "listen: »{ a: b }", "a list of plain values", True),
	"no size": ("size: 1 GB", "size: »big", "a size such as 64 MB", True),
	"size out of range": ("size: 1 GB", "size: »100", "at least 1 MB", True),
	"unknown key of the log": ("size: 1 GB", "»sise: 1 GB", "did you mean `size`?", True),
	"bad choice of the engine": ("size: 1 GB", "level: »loud", "one of: debug, info", True),
	"bad duration of the engine": ("log:", "deadline: »5 s\nlog:", "a duration such as 90s", True),
	"duration out of range": ("log:", "deadline: »1ms\nlog:", "between 1s and 10m", False),
	"int out of range": ("log:", "limits: { headers: »0 }\nlog:", "between 1 and 10000", True),
	"text for an int": ("log:", "limits: { headers: »many }\nlog:", "a whole number", True),
	"a fraction for an int": ("log:", "limits: { headers: »1.5 }\nlog:", "a whole number", True),
	"unknown key of http": ("http: {}", "http: { »alow: x }", "did you mean `allow`?", True),
	"no network": ("http: {}", "http: { allow: »here }", "addresses and networks such as 10.0.0.0/8", False),
	"no value": ("size: 1 GB }", "size: »}", "give it one or remove the line", True),
	"a list for a map": ("http: {}", "http: »[x]", "must be a map", True),
	"no use": ("{ use: trello, key: k, token: t, secret: [s] }", "»{ key: k }", "needs `use`", True),
	"a name with a slash": ("  types: {", "  »ty/pes: { use: steps }\n  types: {", "1 to 64 letters", True),
	"unknown plugin": ("use: trello/cards", "use: »trello/crads", "did you mean", False),
	"unknown key of a C source": ("key: k, token", "»kye: k, token", "`kye` is no key of source boards", True),
	"a map for a C text": ("key: k, token", "key: »{ a: b }, token", "`key` must be text", True),
	"missing webhook secret": ("{ use: trello, key: k, token: t, secret: [s] }", "»{ use: trello, key: k, token: t }",
		"give `secret: ${NAME}`", True),
	"missing api secret": ("{ use: shop, token: t }", "»{ use: shop }", "needs `token`, one secret", True),
	"missing secret of a source right here": ("auth: bearer, secret: s }", "auth: bearer }", "give `secret: ${NAME}`", True),
	"bad choice of a source right here": ("auth: bearer", "auth: »beerer", "one of: hmac-sha1", True),
	"bad status": ("auth: bearer", "auth: bearer, status: »500", "between 200 and 299", True),
	"no bool": ("auth: bearer", "auth: bearer, head: »maybe", "true or false", True),
	"unknown key of webhook": ("secret: [s]", "secret: [s], webhook: { »auht: none }", "did you mean `auth`?", True),
	"unknown key of an api": ("token: t }", "token: t, api: { »requets: 1 } }", "did you mean `requests`?", True),
	"no address of an api": ("token: t }\n  own", "token: t, api: { base: »'ftp://x' } }\n  own", "https://", False),
	"an api's number out of range": ("token: t }\n  own", "token: t, api: { at_once: »-1 } }\n  own", "between 0 and", True),
	"bad interval": ("token: t }\n  own", "token: t, every: »often }\n  own", "a duration such as", True),
	"C int out of range": ("use: steps", "use: steps, times: »10", "between 1 and 9", True),
	"C int of letters": ("use: steps", "use: steps, times: »ten", "a whole number", True),
	"unknown key of a C transform": ("use: steps", "use: steps, »tmies: 1", "did you mean `times`?", True),
	"C path missing": ("{ use: sqlite, path: ./warehouse.db,", "»{ use: sqlite,", "needs `path`", True),
	"a sink without a schema": (", schema: { use: trello }", "", "needs `schema`", True),
	"unknown key of a schema": ("schema: { use: trello", "schema: { use: trello, »complete: x", "did you mean `completed`?", True),
	"bad duration of a schema": ("schema: { use: trello", "schema: { use: trello, stuck: »long", "a duration such as", True),
	"Lua text missing": ("must: m, ", "", "needs `must`, text: given", True),
	"Lua secret missing": (", key: k }\nsinks", " }\nsinks", "needs `key`, one secret", True),
	"Lua unknown key": ("must: m", "must: m, »flagg: yes", "did you mean `flag`?", True),
	"Lua no bool": ("must: m", "must: m, flag: »7", "true or false", True),
	"Lua int out of range": ("must: m", "must: m, count: »11", "between 1 and 10", True),
	"Lua int of letters": ("must: m", "must: m, count: »few", "a whole number", True),
	"Lua duration out of range": ("must: m", "must: m, time: »2m", "between 1s and 1m", False),
	"Lua no duration": ("must: m", "must: m, time: »5", "a duration such as", True),
	"Lua bad choice": ("must: m", "must: m, kind: »huge", "one of: big, small", True),
	"Lua map for a list": ("must: m", "must: m, some: »{ a: b }", "a list of plain values", True),
	"Lua list for a map": ("must: m", "must: m, names: »[a]", "a map of names", True),
	"Lua list for a path": ("must: m", "must: m, file: »[a]", "a path", True),
	"unknown key of a route": ("name: cards, from", "name: cards, »form: x, from", "did you mean `from`?", True),
	"a route without a sink": (", to: local", "", "needs `to`", True),
	"unknown source": ("from: [boards", "from: [»bords", "did you mean `boards`?", False),
	"unknown key of retry": ("to: local", "to: local, retry: { »tries: 3 }", "is no key of `retry`", True),
	"retry out of range": ("to: local", "to: local, retry: { attempts: »0 }", "between 1 and 1000", True),
	"bad start": ("to: local", "to: local, start: »never", "one of: oldest, now", True),
	"missing variable": ("key: k, token", "key: »'${NOT_THERE}', token", "${NOT_THERE} is not set; set it", False),
}

# What the engine takes, an editor may not underline.
FINE = {
	"as it stands": ("", ""),
	"numbers in quotes": ("log:", 'limits: { headers: "50", body: "1 kB" }\nlog:'),
	"bytes without a unit": ("size: 1 GB", "size: 10000000"),
	"several units": ("log:", "deadline: 1m30s\nlog:"),
	"zero for a time": ("size: 1 GB", "keep: 0"),
	"a variable anywhere": ("size: 1 GB", "size: '${SIZE}'"),
	"a variable for an int": ("use: steps", "use: steps, times: '${TIMES}'"),
	"one for a list": ("secret: [s]", "secret: s"),
	"insecure": ("key: k, token: t, secret: [s]", "insecure: true"),
	"words for truths": ("must: m", "must: m, flag: 'Yes'"),
	"a number for a text": ("key: k, token", "key: 7, token"),
	"a truth for a text": ("must: m", "must: yes"),
	"nothing for a table": ("http: {}", "http:"),
	"another address for the admin": ("http: {}", "admin: { listen: 127.0.0.1:0, token: t }"),
	"null is a plugin": ("{ use: sqlite, path: ./warehouse.db, schema: { use: trello } }", "{ use: null }"),
	"a schema by its name": ("schema: { use: trello }", "schema: trello"),
	"a plugin by its path": ("use: types", "use: ./extra/types.lua"),
	"an api": ("token: t }\n  own", "token: t, every: 1h, api: { base: 'https://x', requests: 5, window: 1s } }\n  own"),
	"a changed webhook": ("secret: [s]", "secret: [s], webhook: { status: 202, head: no }"),
	"retries": ("to: local", "to: local, retry: { attempts: 5, first: 1s, most: 1h }, start: now, patience: 0"),
}


def compile_plugin(name, folder):
	subprocess.run(["cc", "-shared", "-fPIC", "-iquote", ROOT / "engine" / "sdk", "-o", folder / f"{name}.so",
		ROOT / "tests" / "unit" / "plugins" / f"{name}.c"], check=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
	"""A folder with plugins of its own, and the JSON Schema that knows them."""
	folder = tmp_path_factory.mktemp("options")
	(folder / "extra").mkdir()
	(folder / "extra" / "types.lua").write_text(TYPES)
	for name in ("shop", "steps"):
		compile_plugin(name, folder / "extra")
	(folder / "sluice.yaml").write_text(GOOD)
	return folder


@pytest.fixture(scope="module")
def schema(place):
	return validator(sluice(place, "plugins", "schema").stdout)


def validator(text):
	schema = json.loads(text)
	jsonschema.Draft7Validator.check_schema(schema)
	return jsonschema.Draft7Validator(schema)


def sluice(folder, *words):
	return subprocess.run([SLUICE, *words], cwd=folder, capture_output=True, text=True, timeout=60,
		env={"PATH": "/usr/bin", "SIZE": "2 GB", "TIMES": "3"})


def check(folder, text):
	(folder / "sluice.yaml").write_text(text)
	return sluice(folder, "check")


def changed(old, new):
	assert not old or GOOD.count(old) >= 1, f"{old!r} does not stand there"
	return GOOD.replace(old, new, 1) if old else GOOD


def place_of(text):
	line = text[:text.index("»")].count("\n") + 1
	return line, text.index("»") - text.rfind("\n", 0, text.index("»"))


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_one_line_with_its_place_and_a_remedy(place, schema, case):
	old, new, remedy, in_schema = BAD[case]
	marked = changed(old, new)
	text = marked.replace("»", "")
	answer = check(place, text)
	assert answer.returncode == 2, answer.stdout
	lines = answer.stderr.splitlines()
	assert len(lines) == 1, answer.stderr
	found = re.match(r"\./sluice\.yaml:(\d+):(\d+): ", lines[0])
	assert found and remedy in lines[0], lines[0]
	if "»" in marked:
		assert (int(found[1]), int(found[2])) == place_of(marked), lines[0]
	if in_schema:
		assert not schema.is_valid(yaml.safe_load(text)), "an editor would not underline it"


@pytest.mark.parametrize("case", FINE)
def test_what_is_fine_is_fine_in_an_editor_too(place, schema, case):
	text = changed(*FINE[case])
	answer = check(place, text)
	assert answer.returncode == 0, answer.stderr
	faults = [error.message for error in schema.iter_errors(yaml.safe_load(text))]
	assert not faults


@pytest.mark.parametrize("path", sorted(ROOT.glob("examples/*/sluice.yaml")), ids=lambda path: path.parent.name)
def test_the_schema_that_ships_accepts_every_example(path):
	text = path.read_text()
	named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", text)
	assert named and (path.parent / named[1]).resolve() == SHIPPED, "its first line says where the schema is"
	document = yaml.safe_load(text)
	faults = [f"{list(error.path)}: {error.message}" for error in validator(SHIPPED.read_text()).iter_errors(document)]
	assert not faults


def test_the_schema_that_ships_is_the_one_that_would_be_made_now(tmp_path):
	made = sluice(tmp_path, "plugins", "schema").stdout
	assert made == SHIPPED.read_text(), "make it anew, in an empty folder: sluice plugins schema > config.schema.json"
