# SPDX-License-Identifier: Apache-2.0
# stock.py - a shop whose list is read as a whole, in versions, and the daemon that reads it.
#
# GET /v1/products?after=CURSOR&limit=N: a page of the list.  The first page of a walk is of the
# version that counts then, and so are its other pages: each row says which version it is of, so
# that a table can be looked at for a mixture.
import json
import re
import urllib.parse

from bed import wait_until
from farside import FarSide

CONFIG = """\
listen: 127.0.0.1:{port}
data: ./data
http: {{ allow: [ 127.0.0.1 ] }}
sources:
  shop: {{ use: ./far/shop.lua, base: "{base}", limit: 20, every: 1h, snapshot: true }}
transforms:
  products: {{ use: ./maps/products.lua }}
sinks:
  local: {{ use: sqlite, path: ./warehouse.db, schema: {{ use: ./products.yaml }} }}
routes:
  - {{ name: products, from: [ shop ], via: [ products ], to: local }}
"""

SHOP = """\
return {
  summary = "All products of a shop, page by page.",
  options = { { "base", "text" }, { "limit", "int" } },
  api = { base = "{base}" },
  poll = function(cursor, opt)
    local page = http.get("/v1/products", { after = cursor, limit = opt.limit })
    if not page.ok then fail("the shop answered " .. page.status) end
    for _, product in ipairs(page.json.products) do
      emit { id = product.sku, type = "product", data = product }
    end
    if page.json.next ~= json.null then advance(page.json.next) end
  end,
}
"""

PRODUCTS = """\
return {
  summary = "Products as rows.",
  transform = function(event)
    local product = event.data
    assert(event.run and event.id:sub(-#event.run - 1) == "#" .. event.run, "no run behind the id")
    if product.mood == "drop" then return drop("not for sale") end
    if product.mood == "fail" then return fail("it cannot be sold") end
    if product.mood == "retry" then return retry("not weighed yet", 0.2) end
    emit { type = "products", data = { sku = product.sku, version = product.version, stock = product.stock } }
  end,
}
"""

SCHEMA = """\
help: Products.
tables:
  products:
    mode: upsert
    key: [sku]
    snapshot: { source: shop }
    columns: { sku: text, version: int, stock: int }
  sluice_sync:
    mode: upsert
    key: [run]
    columns: { run: text, kind: text, state: text, events: int }
"""

VIEW = """\
-- view: product_count
SELECT version, count(*) AS products FROM products GROUP BY version
"""


class Stock(FarSide):
    """Each version is {sku: mood or None}; None: an ordinary product."""

    def __init__(self):
        self.versions = [{}]
        super().__init__(self.page)

    @property
    def version(self):
        return len(self.versions) - 1

    def has(self, count, **moods):
        """The next version of the list: so many products, some of them with a mood, by their sku."""
        self.versions.append({f"p{number:04}": moods.get(f"p{number:04}") for number in range(count)})
        return self.version

    def page(self, asked):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(asked.path).query)
        with self.lock:
            version, at = map(int, query.get("after", [f"{self.version}:0"])[0].split(":"))
            limit = int(query["limit"][0])
            listed = list(self.versions[version].items())
        products = [{"sku": sku, "version": version, "stock": at, "mood": mood} for sku, mood in listed[at:at + limit]]
        return 200, {}, {"products": products, "next": f"{version}:{at + limit}" if at + limit < len(listed) else None}


class Reader:
    """Sees in every look one whole version, and never an elder one than before."""

    def __init__(self, stock, look):
        self.stock, self.look = stock, look
        self.looks, self.seen = 0, 0

    def read(self):
        """One look: the table's (version, rows) pairs."""
        found = [(int(version), int(rows)) for version, rows in self.look()]
        self.looks += 1
        assert len(found) <= 1, f"a mixture of versions: {found}"
        version, rows = found[0] if found else (0, 0)
        assert rows == len(self.stock.versions[version]), f"version {version} has {rows} rows"
        assert version >= self.seen, f"version {version} after {self.seen}"
        self.seen = version
        return version


def set_up(daemon, stock):
    """The daemon reads the stock, when it is asked to."""
    daemon.source, daemon.route = "shop", "products"
    for folder in ["far", "maps"]:  # in one folder they might share a file: the source would begin anew with the mapping
        (daemon.folder / folder).mkdir()
    for name, text in [("far/shop.lua", SHOP), ("maps/products.lua", PRODUCTS), ("products.yaml", SCHEMA),
                       ("products.sqlite.sql", VIEW), ("products.postgres.sql", VIEW)]:
        daemon.write(name, text)
    daemon.text = CONFIG.format(port=daemon.port, base=stock.base)
    daemon.write("sluice.yaml", daemon.text)


def ask(daemon, what, **more):
    answer = daemon.admin("POST", "/ask/source/shop", json.dumps({"what": what, **more}).encode())
    return json.loads(answer.body)


def poll(daemon):
    """A whole run; tried until the source can be asked."""
    return wait_until(lambda: (lambda said: said if said.get("ok") else None)(ask(daemon, "poll", wait=True)))


def drops(daemon):
    """{reason: times} of the route."""
    return json.loads(daemon.sluice("routes", "show", daemon.route, "--json").stdout)["drops"]


def dead(daemon):
    """The dead letters, as objects."""
    lines = daemon.sluice("dead", "ls", daemon.route, "--each", "--json").stdout.splitlines()
    return [json.loads(line) for line in lines]


def run_of(letter):
    """Of the end of a run that is a dead letter."""
    return re.fullmatch(r"sync-(.+)-finished", letter["event_id"])[1]
