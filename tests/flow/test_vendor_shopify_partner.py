# SPDX-License-Identifier: Apache-2.0
# test_vendor_shopify_partner.py - a partner's apps: every event once, though they have no ids and some come late.
import pytest
from vendorbed import Bed, bad_day, wait_until

from shopify_partner import Partner

CONFIG = """\
listen: 127.0.0.1:{port}
data: ./data
http: {{ allow: [127.0.0.1] }}
sources:
  partner:
    use: shopify_partner
    organization: "99"
    token: prtapi_fake
    apps: [ "1234567", "7654321" ]
    base: "{base[partner]}"
    every: 1h
    first: 0
    api: {api[partner]}
transforms:
  events: {{ use: events }}
sinks:
  local: {{ use: sqlite, path: ./warehouse.db, schema: {{ use: events }} }}
routes:
  - {{ name: events, from: [partner], via: [events], to: local }}
"""


def bed(daemon, **how):
    daemon.source, daemon.route = "partner", "events"
    return Bed(daemon, CONFIG, {"partner": Partner(**how)})


def test_a_bad_day(daemon):
    bed(daemon, **bad_day()).prove()


@pytest.fixture
def quiet(daemon):
    one = bed(daemon, speed=50)
    one.fakes["partner"].fill(250)
    one.start()
    yield one
    one.close()


def test_what_comes_late_is_found_and_nothing_comes_twice(quiet):
    fake = quiet.fakes["partner"]
    quiet.until_done("poll", "partner")
    fake.change(60)
    quiet.until_done("poll", "partner")
    wait_until(quiet.caught_up)
    quiet.compare_tables("partner", fake)
    quiet.compare_limits("partner", fake)


def test_an_app_that_is_not_shown_is_no_silence(quiet):
    fake = quiet.fakes["partner"]
    quiet.until_done("poll", "partner")
    del fake.apps["7654321"]
    refused = quiet.daemon.sluice("poll", "partner")
    assert refused.returncode != 0
    assert "shows nothing of app 7654321" in refused.stdout + refused.stderr


def test_transactions_that_may_not_be_seen_are_said_to_be(quiet):
    quiet.until_done("poll", "partner")
    quiet.fakes["partner"].financials = False
    refused = quiet.daemon.sluice("poll", "partner")
    assert refused.returncode != 0
    assert "View financials" in refused.stdout + refused.stderr
