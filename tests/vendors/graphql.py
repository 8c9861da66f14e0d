# SPDX-License-Identifier: Apache-2.0
# graphql.py - enough of GraphQL for a fake vendor: queries are read, checked against a schema, and answered.
#
#     SCHEMA = {"Query": {"me": ("User", lambda ctx, obj, args: ctx.user)}, "User": {"id": None, "name": None}}
#     ARGUMENTS = {("Query", "boards"): {"ids", "limit"}}
#     data, errors = execute(SCHEMA, ARGUMENTS, text, variables, ctx)
#
# A field is None (a scalar: obj[name]), or (type or None, function).  A value that is a list is answered element by
# element; "__type" of an object says which type it is, for fragments.  What is not in the schema is an error, as at
# the vendor: nothing is answered that was not understood.
import json
import re

TOKEN = re.compile(r'\s*(?:#[^\n]*\s*)*(\.\.\.|[{}()\[\]:!$=@,]|"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|[_A-Za-z]\w*)')


class Refusal(Exception):
    """An error of one field, or of the whole query."""

    def __init__(self, message, code=None, whole=False, **extensions):
        super().__init__(message)
        self.message, self.whole = message, whole
        self.extensions = {"code": code, **extensions} if code else extensions

    def error(self, path):
        return {"message": self.message, **({"path": path} if path else {}),
                **({"extensions": self.extensions} if self.extensions else {})}


class Reader:
    def __init__(self, text):
        self.tokens, at = [], 0
        text = text.rstrip()
        while at < len(text):
            found = TOKEN.match(text, at)
            if not found:
                raise Refusal(f"Syntax Error: unexpected character at {at}", whole=True)
            if found[1] != ",":
                self.tokens.append(found[1])
            at = found.end()
        self.at = 0

    @property
    def next(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self, wanted=None):
        token = self.next
        if token is None or (wanted and token != wanted):
            raise Refusal(f"Syntax Error: expected {wanted or 'more'}, found {token or '<EOF>'}.", whole=True)
        self.at += 1
        return token

    def skip(self, token):
        if self.next != token:
            return False
        self.at += 1
        return True

    def value(self):
        token = self.take()
        if token == "$":
            return ("variable", self.take())
        if token == "[":
            items = []
            while not self.skip("]"):
                items.append(self.value())
            return ("list", items)
        if token == "{":
            fields = {}
            while not self.skip("}"):
                name = self.take()
                self.take(":")
                fields[name] = self.value()
            return ("object", fields)
        if token[0] == '"' or token[0].isdigit() or token[0] == "-":
            return ("plain", json.loads(token))
        return ("plain", {"true": True, "false": False, "null": None}.get(token, token))

    def kind(self):
        """A variable's type, as it is written."""
        text = "[" + self.kind_inside() if self.skip("[") else self.take()
        return text + ("!" if self.skip("!") else "")

    def kind_inside(self):
        text = self.kind()
        self.take("]")
        return text + "]"

    def selection(self):
        fields = []
        self.take("{")
        while not self.skip("}"):
            if self.skip("..."):
                if self.skip("on"):
                    fields.append({"on": self.take(), "fields": self.selection()})
                else:
                    fields.append({"spread": self.take()})
                continue
            name, alias, args = self.take(), None, {}
            if self.skip(":"):
                alias, name = name, self.take()
            if self.skip("("):
                while not self.skip(")"):
                    key = self.take()
                    self.take(":")
                    args[key] = self.value()
            fields.append({"name": name, "as": alias or name, "args": args,
                           "fields": self.selection() if self.next == "{" else None})
        return fields

    def document(self):
        operation, fragments, variables = None, {}, {}
        while self.next:
            if self.next == "{":
                operation = ("query", None, self.selection())
                continue
            word = self.take()
            if word == "fragment":
                name = self.take()
                self.take("on")
                fragments[name] = {"on": self.take(), "fields": self.selection()}
                continue
            if word not in ("query", "mutation"):
                raise Refusal(f'Syntax Error: unexpected Name "{word}".', whole=True)
            name = self.take() if self.next not in ("{", "(") else None
            if self.skip("("):
                while not self.skip(")"):
                    self.take("$")
                    variable = self.take()
                    self.take(":")
                    variables[variable] = self.kind()
            operation = (word, name, self.selection())
        if not operation:
            raise Refusal("Syntax Error: there is no operation", whole=True)
        return operation, variables, fragments


class Run:
    def __init__(self, schema, arguments, context, variables, declared, fragments):
        self.schema, self.arguments, self.context = schema, arguments, context
        self.variables, self.declared, self.fragments, self.errors = variables, declared, fragments, []

    def plain(self, value):
        kind, inner = value
        if kind == "variable":
            if inner not in self.declared:
                raise Refusal(f'Variable "${inner}" is not defined.', whole=True)
            return self.variables.get(inner)
        if kind == "list":
            return [self.plain(one) for one in inner]
        if kind == "object":
            return {name: self.plain(one) for name, one in inner.items()}
        return inner

    def check(self, kind, fields):
        """Before anything is answered: is all of it in the schema?"""
        for field in fields:
            if "spread" in field:
                if field["spread"] not in self.fragments:
                    raise Refusal(f'Unknown fragment "{field["spread"]}".', whole=True)
                self.check(self.fragments[field["spread"]]["on"], self.fragments[field["spread"]]["fields"])
            elif "on" in field:
                if field["on"] not in self.schema:
                    raise Refusal(f'Unknown type "{field["on"]}".', whole=True)
                self.check(field["on"], field["fields"])
            elif field["name"] != "__typename":
                self.check_field(kind, field)

    def check_field(self, kind, field):
        name = field["name"]
        if name not in self.schema[kind]:
            raise Refusal(f'Cannot query field "{name}" on type "{kind}".', whole=True)
        for argument, value in field["args"].items():
            if argument not in self.arguments.get((kind, name), ()):
                raise Refusal(f'Unknown argument "{argument}" on field "{kind}.{name}".', whole=True)
            self.plain(value)
        inner = self.schema[kind][name] and self.schema[kind][name][0]
        if inner and field["fields"] is None:
            raise Refusal(f'Field "{name}" of type "{inner}" must have a selection of subfields.', whole=True)
        if not inner and field["fields"] is not None:
            raise Refusal(f'Field "{name}" must not have a selection since it has no subfields.', whole=True)
        if inner:
            self.check(inner, field["fields"])

    def fields(self, kind, fields, obj):
        """Those that hold for this object, fragments unfolded."""
        for field in fields:
            if "spread" in field:
                field = self.fragments[field["spread"]]
            if "on" not in field:
                yield field
            elif field["on"] in (kind, isinstance(obj, dict) and obj.get("__type")):
                yield from self.fields(field["on"], field["fields"], obj)

    def object(self, kind, fields, obj, path):
        out = {}
        own = (obj.get("__type") or kind) if isinstance(obj, dict) else kind
        for field in self.fields(kind, fields, obj):
            where = [*path, field["as"]]
            try:
                out[field["as"]] = self.field(own if field["name"] in self.schema.get(own, {}) else kind, field, obj, where)
            except Refusal as refusal:
                if refusal.whole:
                    raise
                out[field["as"]] = None
                self.errors.append(refusal.error(where))
        return out

    def field(self, kind, field, obj, path):
        if field["name"] == "__typename":
            return obj.get("__type", kind) if isinstance(obj, dict) else kind
        entry = self.schema[kind][field["name"]]
        if entry is None:
            return obj.get(field["name"])
        value = entry[1](self.context, obj, {name: self.plain(one) for name, one in field["args"].items()})
        return self.complete(entry[0], field["fields"], value, path)

    def complete(self, kind, fields, value, path):
        if kind is None or value is None:
            return value
        if isinstance(value, list):
            return [self.complete(kind, fields, one, [*path, i]) for i, one in enumerate(value)]
        return self.object(kind, fields, value, path)


def read(text):
    """(operation, declared variables, fragments); Refusal if it is no GraphQL."""
    return Reader(text).document()


def execute(schema, arguments, text, variables, context):
    """(data or None, errors)."""
    try:
        (word, _, fields), declared, fragments = read(text)
        run = Run(schema, arguments, context, variables or {}, declared, fragments)
        root = "Query" if word == "query" else "Mutation"
        for name, kind in declared.items():
            if kind.endswith("!") and run.variables.get(name) is None:
                raise Refusal(f'Variable "${name}" of required type "{kind}" was not provided.', whole=True)
        run.check(root, fields)
        return run.object(root, fields, {}, []), run.errors
    except Refusal as refusal:
        return None, [refusal.error(None)]
