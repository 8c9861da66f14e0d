# SPDX-License-Identifier: Apache-2.0
"""test_trello_mapping.py - what Trello says, and the rows it becomes: scripts/trello over bodies as the vendor sends them.

Titles, buyers and line items are tried on cards that are made by one createCard each.
"""
import json

import pytest
from conftest import wait_until

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


# ------------------------------------------------------------------------ events


def test_a_move_names_the_list_left_and_the_list_entered(trello):
    move = body("updateCard", list=..., listBefore=QUEUE, listAfter=DOING, old={"idList": QUEUE["id"]},
                card=card(idList=DOING["id"]))
    assert event(trello, move, "list_before_id, list_before_name, list_after_id, list_after_name, list_id, list_name,"
                 " is_list_transition, card_closed") == (
        QUEUE["id"], "Queue", DOING["id"], "Doing", DOING["id"], "Doing", 1, None)


@pytest.mark.parametrize("kind", ["createCard", "copyCard", "convertToCardFromCheckItem", "emailCard", "moveCardToBoard"])
def test_a_card_arrives_in_its_list_from_nowhere(trello, kind):
    assert event(trello, body(kind), "list_before_id, list_after_id, list_after_name, is_list_transition") == (
        None, QUEUE["id"], "Queue", 1)


def test_what_is_no_move_is_no_transition(trello):
    assert event(trello, body("commentCard", text="soon"), "list_id, list_after_id, is_list_transition") == (
        QUEUE["id"], None, 0)


@pytest.mark.parametrize("kind, old, closed", [
    ("updateCard", {"closed": False}, 1), ("updateCard", {"closed": True}, 0), ("updateCard", {"name": "x"}, None),
    ("deleteCard", ..., 1), ("moveCardFromBoard", ..., 1), ("moveCardToBoard", ..., 0), ("commentCard", ..., None),
])
def test_whether_a_card_went_or_came_back(trello, kind, old, closed):
    assert event(trello, body(kind, old=old), "card_closed") == (closed,)


def test_the_event_keeps_who_when_and_the_body_itself(trello):
    one = body("updateCard")
    row = event(trello, one, "action_type, action_date, card_id, board_id, board_name, member_creator_id,"
                " member_creator_username, raw_payload")
    assert row[:7] == ("updateCard", "2026-11-21T12:00:00.000Z", CARD, BOARD["id"], "Orders",
                       "5f1a000000000000000000aa", "ann")
    assert json.loads(row[7]) == one


def test_a_missing_member_a_missing_list_and_nonpublic_as_a_list_are_rows(trello):
    nobody, listless, odd = body("updateCard"), body("updateCard", list=...), body("updateCard")
    del nobody["action"]["memberCreator"]
    odd["action"]["memberCreator"]["nonPublic"] = []
    assert event(trello, nobody, "member_creator_id, member_creator_username") == ("5f1a000000000000000000aa", None)
    assert event(trello, listless, "list_id, list_name, is_list_transition") == (None, None, 0)
    assert event(trello, odd, "member_creator_username") == ("ann",)


def test_an_unknown_action_about_a_card_is_a_row_and_one_about_no_card_a_counted_drop(trello):
    assert event(trello, body("paintCard"), "action_type, card_id") == ("paintCard", CARD)
    deliver(trello, body("updateBoard", card=..., list=...))
    assert stand(trello)["drops"] == {"not about a card": 1}
    assert trello.rows("select count(*) from _sluice_open") == [(0,)]


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


# ------------------------------------------------------------------------- cards


def test_a_card_comes_from_createcard_and_is_never_overwritten(trello):
    deliver(trello, body("createCard"), body("updateCard", card=card(name="Other")), body("createCard", card=card(name="Third")))
    assert trello.rows("select card_id, name, board_name, closed from cards") == [
        (CARD, "Smith & Co - 20 signs", "Orders", 0)]
    assert trello.rows("select count(*) from trello_events") == [(3,)]


def test_a_card_comes_from_a_body_whose_model_is_the_card(trello):
    one = body("updateCard")
    one["model"] = card(idBoard=BOARD["id"], desc="2 x Sign @ 1.50", closed=False, name="Jones - A sign",
                        labels=[{"name": "Urgent"}, {"name": ""}, "5f1a", {"name": "Print"}])
    deliver(trello, one)
    assert trello.rows("select name, purchaser, order_summary, labels, line_item_count, desc from cards") == [
        ("Jones - A sign", "Jones", "A sign", "Urgent, Print", 1, "2 x Sign @ 1.50")]
    assert trello.rows("select * from line_items") == []  # the action did not tell the description


def test_other_bodies_make_no_card(trello):
    deliver(trello, body("updateCard"), body("copyCard"), body("commentCard"))
    assert trello.rows("select * from cards") == []


def test_a_card_is_as_old_as_its_id_says(trello):
    deliver(trello, body("createCard"), body("createCard", card=card(id="not-hexadecimal")))
    columns = "date_created, datetime_created, year_created, month_created, year_month, unix_timestamp"
    assert trello.rows(f"select {columns} from cards where card_id = ?", CARD) == [
        ("2021-11-04", "2021-11-04T00:45:22.000Z", 2021, 11, "2021-11", 1635986722)]
    assert trello.rows("select date_created from cards where card_id = 'not-hexadecimal'") == [("2026-11-21",)]


@pytest.mark.parametrize("title, purchaser, summary", [
    ("Smith & Co - 20 signs - blue", "Smith & Co", "20 signs - blue"),
    ("Smith \u2013 signs", "Smith", "signs"), ("Smith \u2014 signs - blue", "Smith", "signs - blue"),
    ("Well-known signs", None, "Well-known signs"), (" - signs", None, "signs"), ("  signs ", None, "signs"),
])
def test_a_title_is_purchaser_and_summary(trello, title, purchaser, summary):
    deliver(trello, body("createCard", card=card(name=title)))
    assert trello.rows("select purchaser, order_summary from cards") == [(purchaser, summary)]


@pytest.mark.parametrize("desc, name, email", [
    ("Hello\nBuyer: Ann Lee <ann@example.com>\nContact: Bob", "Ann Lee", "ann@example.com"),
    ("CLIENT:  Bob \nwrite to bob.b+x@mail.example.co.uk.", "Bob", "bob.b+x@mail.example.co.uk"),
    ("contact: carol@example.com", None, "carol@example.com"),
    ("Buyer:\nContact: Dan", "Dan", None), ("somebody@example.com", None, "somebody@example.com"), ("nothing", None, None),
    ("Buyer: " + " " * 16000 + "Eve", "Eve", None),
])
def test_the_buyer_and_the_address(trello, desc, name, email):
    deliver(trello, body("createCard", card=card(desc=desc)))
    assert trello.rows("select primary_buyer_name, primary_buyer_email from cards") == [(name, email)]


# -------------------------------------------------------------------- line items

ITEM = "description, quantity, unit_price, total, material, width, height, unit"


@pytest.mark.parametrize("line, item", [
    ("2 x Acrylic sign, PVC, 1200 x 800 mm @ \u00a345.00", ("Acrylic sign", 2, 45, 90, "PVC", 1200, 800, "mm")),
    ("3 Banner 120.00 each", ("Banner", 3, 120, 360, None, None, None, None)),
    ("1,000 x Flyer @ 0.05 = 49.00", ("Flyer", 1000, 0.05, 49, None, None, None, None)),
    ("- 4x Poster 2 x 3 m", ("Poster", 4, None, None, None, 2, 3, "m")),
    ("0.5 x Day @ $300", ("Day", 0.5, 300, 150, None, None, None, None)),
])
def test_a_line_that_begins_with_a_quantity_is_an_item(trello, line, item):
    deliver(trello, body("updateCard", card=card(desc="For the shop:\n" + line + "\nThank you"), old={"desc": ""}))
    assert trello.rows(f"select {ITEM}, line_index, raw from line_items") == [(*item, 1, line)]


@pytest.mark.parametrize("line", ["Thank you", "2", "12/05 call back", "@ 45.00", "2. Call the client", "3 \u20ac", "x2 Sign", ""])
def test_anything_else_is_no_item(trello, line):
    deliver(trello, body("updateCard", card=card(desc=line), old={"desc": "before"}))
    assert trello.rows("select * from line_items") == []


def test_the_newest_description_replaces_the_items(trello):
    deliver(trello, body("createCard", card=card(desc="1 Sign\n2 Banner")),
            body("updateCard", card=card(desc="5 Poster"), old={"desc": "1 Sign"}), body("updateCard"))
    assert trello.rows("select line_index, description, quantity from line_items") == [(1, "Poster", 5)]
    deliver(trello, body("updateCard", card=card(desc=""), old={"desc": "5 Poster"}))
    assert trello.rows("select * from line_items") == []
