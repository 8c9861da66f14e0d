# SPDX-License-Identifier: Apache-2.0
# test_examples.py - what people copy and begin with works as it stands.
import contextlib
import functools
import http.server
import json
import re
import shutil
import threading

import pytest
from bed import ROOT, SAMPLES, wait_until
from farside import FarSide

EXAMPLES = ROOT / "examples"


@contextlib.contextmanager
def sample_server(folder):
    """As `python3 -m http.server` serves it."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def copied(daemon, name, secret):
    """The folder as its README says: copied, the env file made of the example and filled in."""
    shutil.copytree(EXAMPLES / name, daemon.folder, dirs_exist_ok=True)
    text = (daemon.folder / "sluice.yaml").read_text()
    daemon.write("sluice.yaml", text.replace("127.0.0.1:8080", f"127.0.0.1:{daemon.port}"))
    example = (daemon.folder / "sluice.env.example").read_text()
    daemon.write("sluice.env", re.sub(r"(?m)^(\w+_(SECRET|KEY|TOKEN)=)$", r"\1" + secret, example))
    (daemon.folder / "sluice.env").chmod(0o600)


@pytest.mark.parametrize("name", ["datacube", "in-c", "lines", "poll", "shopify", "snapshot", "teamwork-missive", "trello", "webhook"])
def test_an_example_is_fine_once_its_secret_is_there(daemon, name):
    copied(daemon, name, "")
    empty = daemon.sluice("check")
    assert empty.returncode == 2 and re.search("has no secret|token", empty.stderr), empty.stderr
    copied(daemon, name, "something long")
    filled = daemon.sluice("check")
    assert (filled.returncode, filled.stderr) == (0, ""), filled.stderr


def test_trello_becomes_rows(daemon):
    copied(daemon, "trello", "a secret")
    daemon.write("sluice.env", "TRELLO_SECRET=a secret\nTRELLO_KEY=\nTRELLO_TOKEN=\n")  # nobody asks Trello
    daemon.start()
    assert daemon.sluice("send", "boards", str(SAMPLES / "history_done.jsonl")).returncode == 0
    wait_until(lambda: daemon.rows("select name, current_list_name from card_current_state") == [("Finished Card", "Done")])


def test_a_shop_becomes_rows_and_the_newest_counts(daemon):
    copied(daemon, "webhook", "a secret")
    daemon.source, daemon.route = "shop", "orders"
    daemon.start()
    later = json.loads((daemon.folder / "order.json").read_text())
    later["order"].update(total="47.50", paid_at="2026-11-22T08:00:00Z")
    daemon.write("later.json", json.dumps(later))
    for number, file in enumerate(["later.json", "order.json"]):
        answer = daemon.sluice("send", "shop", file, "-H", f"X-Shop-Delivery: {number}", "-H", "X-Shop-Event: order.paid")
        assert answer.returncode == 0, answer.stdout + answer.stderr
    wait_until(lambda: daemon.route_health()["delivered"] == 2)
    assert daemon.rows("select id, status, customer, total from orders") == [(1042, "order.paid", "Ann", 47.5)]


@pytest.mark.parametrize("name", ["poll", "in-c"])
def test_a_vendor_that_is_asked_becomes_rows(daemon, name):
    copied(daemon, name, "anything")
    shutil.copytree(EXAMPLES / "poll" / "sample", daemon.folder / "sample", dirs_exist_ok=True)
    assert daemon.sluice("check").returncode == 0  # builds what is in C
    daemon.route = "orders"
    text = (daemon.folder / "sluice.yaml").read_text().replace("# http:", "http:").replace("# base:", "base:")
    with sample_server(daemon.folder / "sample") as port:
        daemon.write("sluice.yaml", text.replace("127.0.0.1:8081", f"127.0.0.1:{port}"))
        daemon.start()
        wait_until(lambda: daemon.route_health()["delivered"] == 5)  # three orders, and two that tell of the run
    paid = [(1041, "paid", "Bob", 12), (1042, "paid", "Ann", 45)]
    assert daemon.rows("select id, status, customer, total from orders order by id") == paid


def test_a_list_that_is_read_as_a_whole_becomes_the_table(daemon):
    copied(daemon, "snapshot", "anything")
    daemon.route = "products"
    text = (daemon.folder / "sluice.yaml").read_text().replace("# http:", "http:").replace("# base:", "base:")
    sample = daemon.folder / "sample" / "v1" / "products"
    products = json.loads(sample.read_text())
    with sample_server(daemon.folder / "sample") as port:
        daemon.write("sluice.yaml", text.replace("127.0.0.1:8081", f"127.0.0.1:{port}"))
        daemon.start()
        wait_until(lambda: daemon.rows("select sku from products order by sku") == [("A-1",), ("A-2",), ("A-3",)])
        del products["products"][2]
        sample.write_text(json.dumps(products))
        assert daemon.sluice("poll", "shop").returncode == 0
        wait_until(lambda: daemon.rows("select sku, stock from products order by sku") == [("A-1", 3), ("A-2", 1)])
        sample.write_text(json.dumps({**products, "products": []}))
        assert daemon.sluice("poll", "shop").returncode == 0
        wait_until(lambda: daemon.route_health()["dead"] == 1)
    assert "has 0 rows" in daemon.sluice("dead", "ls").stdout
    assert daemon.rows("select count(*) from products") == [(2,)]
    assert daemon.rows("select state, events from sluice_sync order by began") == [("finished", 3), ("finished", 2), ("started", None)]


def test_rows_leave_as_lines(daemon):
    copied(daemon, "lines", "a secret")
    daemon.source, daemon.route = "shop", "rows"
    far = FarSide(lambda asked: (200, {}, {}))
    text = (daemon.folder / "sluice.yaml").read_text().replace("# http:", "http:")
    daemon.write("sluice.yaml", text.replace("https://rows.example.com", far.base))
    daemon.start()
    assert daemon.sluice("send", "shop", "order.json").returncode == 0
    wait_until(lambda: daemon.route_health()["delivered"] == 1)
    far.close()
    asked, = far.asked
    line = json.loads(asked.body)
    assert asked.headers["authorization"] == "Bearer a secret"
    assert (line["table"], line["key"], line["row"]["order"]["id"]) == ("orders", "shop:e1:0", 1042)
