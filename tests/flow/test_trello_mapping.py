# SPDX-License-Identifier: Apache-2.0
"""test_trello_mapping.py - what Trello says, and the rows that stand in a database then.

What each body becomes is told by scripts/trello/cards.test.lua.
"""
import json

import pytest
from bed import wait_until

BOARD = {"id": "5f1a00000000000000000001", "name": "Orders", "shortLink": "aaaaaaaa"}
QUEUE = {"id": "5f1a00000000000000000010", "name": "Queue"}
DOING = {"id": "5f1a00000000000000000011", "name": "Doing"}
CARD = "61832d220000000000000000"  # made at 2021-11-04 00:45:22


def card(**more):
    return {"id": CARD, "name": "Smith & Co - 20 signs", "idShort": 7, "shortLink": "bbbbbbbb", **more}


def body(kind, **data):
    """One action about one card, in a list unless something else is said."""
    body.count += 1
    data = {"board": BOARD, "card": card(), "list": QUEUE, **data}
    action = {"id": f"62000000{body.count:016x}", "type": kind, "date": "2026-11-21T12:00:00.000Z",
              "idMemberCreator": "5f1a000000000000000000aa", "data": {k: v for k, v in data.items() if v is not ...},
              "memberCreator": {"id": "5f1a000000000000000000aa", "username": "ann", "nonPublic": {}}}
    return {"model": {"id": BOARD["id"], "name": "Orders"}, "action": action}


body.count = 0


@pytest.fixture
def trello(daemon):
    daemon.trello()
    return daemon.start()


def deliver(daemon, *bodies):
    """Posts them and waits until the route has passed them."""
    before = daemon.health()["log"]["end"]
    for one in bodies:
        assert daemon.post(one).status == 200
    wait_until(lambda: daemon.route_health()["cursor"] >= before + len(bodies))


def event(daemon, one, columns):
    deliver(daemon, one)
    row, = daemon.rows(f"select {columns} from trello_events where event_id = ?", one["action"]["id"])
    return row


def stand(daemon):
    return daemon.ask("cards", "stand")[1]


def test_the_event_keeps_who_when_and_the_body_itself(trello):
    one = body("updateCard")
    row = event(trello, one, "action_type, action_date, card_id, board_id, board_name, member_creator_id,"
                " member_creator_username, raw_payload")
    assert row[:7] == ("updateCard", "2026-11-21T12:00:00.000Z", CARD, BOARD["id"], "Orders",
                       "5f1a000000000000000000aa", "ann")
    assert json.loads(row[7]) == one


def test_what_is_not_what_it_should_be_is_a_row_or_a_counted_drop(trello):
    bodies = []
    for wrong in (None, True, 7, "text", [], [1], {"id": {}}):
        for where in ("action", "data", "card", "board", "list", "memberCreator", "listAfter", "old", "type"):
            one = body("updateCard", listAfter=DOING, listBefore=QUEUE, old={"idList": QUEUE["id"]})
            place = {"action": one, **dict.fromkeys(("data", "memberCreator", "type"), one["action"])}.get(where, one["action"]["data"])
            place[where] = wrong
            bodies.append(one)
    deliver(trello, *bodies)
    told = stand(trello)
    assert (told["delivered"] + told["dropped"], told["dead"]) == (len(bodies), 0)


def test_a_card_comes_from_createcard_and_is_never_overwritten(trello):
    deliver(trello, body("createCard"), body("updateCard", card=card(name="Other")), body("createCard", card=card(name="Third")))
    assert trello.rows("select card_id, name, board_name, closed from cards") == [
        (CARD, "Smith & Co - 20 signs", "Orders", 0)]
    assert trello.rows("select count(*) from trello_events") == [(3,)]


def test_the_newest_description_replaces_the_items(trello):
    deliver(trello, body("createCard", card=card(desc="1 Sign\n2 Banner")),
            body("updateCard", card=card(desc="5 Poster"), old={"desc": "1 Sign"}), body("updateCard"))
    assert trello.rows("select line_index, description, quantity from line_items") == [(1, "Poster", 5)]
    deliver(trello, body("updateCard", card=card(desc=""), old={"desc": "5 Poster"}))
    assert trello.rows("select * from line_items") == []
