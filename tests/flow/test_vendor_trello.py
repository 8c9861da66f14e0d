# SPDX-License-Identifier: Apache-2.0
# test_vendor_trello.py - boards, as their webhooks tell them and as their API knows them, are one history.
import json

import pytest
from vendorbed import OBJECTS, Bed, bad_day, wait_until

from fake import Answer  # vendorbed knows where it is
from trello import Trello

CONFIG = """\
listen: 127.0.0.1:{port}
public: http://127.0.0.1:{port}
data: ./data
http: {{ allow: [127.0.0.1] }}
sources:
  boards:
    use: trello
    secret: [{secret}]
    key: {key}
    token: [{token}]
    boards: [{boards}]
    base: "{base[boards]}"
    every: 1h
    api: {api[boards]}
transforms:
  cards: {{ use: trello/cards }}
sinks:
  local: {{ use: sqlite, path: ./warehouse.db, schema: {{ use: trello }} }}
routes:
  - {{ name: cards, from: [boards], via: [cards], to: local, retry: {{ first: 50ms }} }}
"""


def bed(daemon, boards=None, register=False, **how):
    fake = Trello(secret=daemon.secret, **how)
    daemon.source, daemon.route, daemon.proof = "boards", "cards", "X-Trello-Webhook"
    values = {"key": fake.key, "token": fake.token, "boards": ", ".join(boards or fake.boards)}
    return Bed(daemon, CONFIG, {"boards": fake}, events=("trello_events", "event_id"), values=values,
               register=register, changes=max(200, OBJECTS // 5))


def test_a_bad_day(daemon):
    one = bed(daemon, register=True, **bad_day())
    one.prove()
    assert one.fakes["boards"].counts["lost"], "nothing was lost: another seed"


@pytest.fixture
def quiet(daemon):
    """Two boards with a few cards, and nothing goes wrong by itself."""
    one = bed(daemon, speed=50)
    one.fakes["boards"].fill(5)
    one.start()
    wait_until(lambda: daemon.sluice("poll", "boards").returncode == 0)
    yield one
    one.close()


def fake_of(one):
    return one.fakes["boards"]


def settled(daemon):
    wait_until(daemon.settled)
    assert daemon.route_health()["dead"] == 0


# ------------------------------------------------------------------------------------ polls


def test_what_is_polled_and_pushed_is_one_event(daemon, quiet):
    fake = fake_of(quiet)
    fake.change(10)
    assert fake.drain()
    settled(daemon)
    before = daemon.rows("select count(*) from trello_events")
    assert daemon.sluice("poll", "boards").returncode == 0
    settled(daemon)
    assert daemon.rows("select count(*) from trello_events") == before


def test_a_board_that_is_gone_is_named_and_the_others_are_read(daemon, quiet):
    fake = fake_of(quiet)
    gone, other = fake.boards
    fake.webhooks.clear()
    board = fake.boards.pop(gone)
    fake.create(fake.now(), other)
    answer = daemon.sluice("poll", "boards")
    fake.boards[gone] = board
    assert answer.returncode == 1 and gone in answer.stderr and "404" in answer.stderr and other not in answer.stderr
    wait_until(lambda: daemon.rows(f"select count(*) from trello_events where board_id = '{other}'") == [(1,)])


def test_a_board_of_which_trello_says_nothing_does_not_hold_up_the_others(daemon, quiet):
    """Boards that are too large can be answered with 449 for ever."""
    fake = fake_of(quiet)
    first, second = fake.boards
    fake.webhooks.clear()
    board_actions = fake.board_actions
    for number, (method, pattern, _) in enumerate(fake.routes):
        if "actions" in pattern.pattern:
            fake.routes[number] = (method, pattern, lambda request: Answer(449, "") if request.groups[0] == first
                                   else board_actions(request))
    fake.create(fake.now(), second)
    assert quiet.ask("boards", "poll")["ok"]
    wait_until(lambda: daemon.rows(f"select count(*) from trello_events where board_id = '{second}'") == [(1,)], within=60)
    wait_until(lambda: f"board {first}: Trello gave no answer about it" in daemon.stderr())


def test_a_page_of_html_is_asked_for_again(daemon, quiet):
    fake = fake_of(quiet)
    fake.webhooks.clear()
    fake.create(fake.now())
    fake.moods.extend(["html", Answer(200, '[{"id":"1","ty', {"Content-Type": "application/json"})])
    assert wait_until(lambda: daemon.sluice("poll", "boards").returncode == 0)
    wait_until(lambda: daemon.rows("select count(*) from trello_events") == [(1,)])
    assert "Trello answered 200" in daemon.stderr()


def test_the_token_is_shown_nowhere(daemon, quiet):
    """It is in an address of Trello's API; sentences show addresses, and Trello's own errors do."""
    fake = fake_of(quiet)
    said = []
    for mood in Answer(400, "no"), Answer(404, f"Cannot GET /1/tokens/{fake.token}/webhooks"), Answer(500, "x"):
        fake.moods.extend([mood] * 10)  # the source looks for itself now and then
        said.append(daemon.sluice("hooks", "ls", "boards"))
        fake.moods.clear()
    words = [one.stdout + one.stderr for one in said]
    assert "Cannot GET /1/tokens/***/webhooks" in words[1] and "/1/tokens/***/webhooks was answered with 500" in words[2], words
    assert fake.token not in daemon.stderr() + "".join(words) + daemon.get("/health").body.decode()


# ------------------------------------------------------------------------------------ cards


def test_a_card_is_asked_for_once_however_many_of_its_events_wait(daemon, quiet):
    fake = fake_of(quiet)
    card = fake.create(fake.now())
    assert fake.drain()
    settled(daemon)
    daemon.sluice("routes", "pause", "cards")
    for number in range(10):
        fake.comment(card, fake.now())
    fake.change_field(card, fake.now(), desc="7 x Sign")
    assert fake.drain()
    fake.fetches.clear()
    daemon.sluice("routes", "resume", "cards")
    wait_until(lambda: daemon.rows(f"select quantity from line_items where card_id = '{card['id']}'") == [(7,)])
    settled(daemon)
    assert fake.fetches == {card["id"]: 1}


def test_a_card_that_was_deleted_leaves_its_events(daemon, quiet):
    fake = fake_of(quiet)
    daemon.sluice("routes", "pause", "cards")
    card = fake.create(fake.now())
    fake.delete(card, fake.now())
    assert fake.drain()
    daemon.sluice("routes", "resume", "cards")
    wait_until(lambda: daemon.rows(f"select count(*) from trello_events where card_id = '{card['id']}'") == [(2,)])
    settled(daemon)
    assert daemon.rows(f"select * from cards where card_id = '{card['id']}'") == []


def test_a_late_answer_does_not_bring_back_an_old_description(daemon, quiet):
    """The version of what is read off a card is when it was last touched, not when it was asked for."""
    fake = fake_of(quiet)
    card = fake.create(fake.now(), desc="1 x Sign")
    fake.change_field(card, fake.now(), desc="2 x Sign")
    fake.change_field(card, fake.now(), desc="3 x Sign")
    assert fake.drain()
    wait_until(lambda: daemon.rows(f"select quantity from line_items where card_id = '{card['id']}'") == [(3,)])
    daemon.sluice("routes", "rewind", "cards", "--to", "oldest", "--yes")
    settled(daemon)
    assert daemon.rows(f"select quantity from line_items where card_id = '{card['id']}'") == [(3,)]


# ------------------------------------------------------------------------------------ webhooks


def hooks_in(answer):
    """{board: state}, of a command with --json."""
    found = [json.loads(line) for line in answer.stdout.splitlines()]
    return {hook["data"]["board"]: hook["state"] for hook in found}


def test_webhooks_are_made_woken_and_removed(daemon, quiet):
    fake = fake_of(quiet)
    fake.webhooks.clear()
    callback = quiet.callback("boards")
    assert daemon.sluice("hooks", "register", "boards").returncode == 0
    assert sorted((hook["callbackURL"], hook["idModel"]) for hook in fake.webhooks.values()) == sorted(
        (callback, board) for board in fake.boards)
    first, second = fake.webhooks.values()
    first["active"] = False
    fake.webhooks.pop(second["id"])
    assert daemon.sluice("hooks", "register", "boards").returncode == 0
    assert len(fake.webhooks) == 2 and all(hook["active"] for hook in fake.webhooks.values())
    fake.create(fake.now())
    assert fake.drain() and fake.counts["answered 200"] == 1
    assert daemon.sluice("hooks", "remove", "boards").returncode == 0
    assert not fake.webhooks


def test_a_webhook_that_is_not_wanted_goes_and_one_of_others_stays(daemon, quiet):
    fake = fake_of(quiet)
    board, other = fake.boards
    fake.webhooks.clear()
    fake.add_webhook("https://others.example.com/in/boards", board)
    fake.add_webhook(quiet.callback("boards"), other)
    daemon.change(f"boards: [{board}, {other}]", f"boards: [{fake.boards[board]['shortLink']}]")
    daemon.sluice("reload")
    listed = wait_until(lambda: (lambda said: said if "extra" in said.stdout else None)(
        daemon.sluice("hooks", "ls", "boards", "--json")))
    assert hooks_in(listed) == {board: "missing", other: "extra"}
    assert daemon.sluice("hooks", "register", "boards").returncode == 0
    assert sorted((hook["callbackURL"], hook["idModel"]) for hook in fake.webhooks.values()) == [
        (quiet.callback("boards"), board), ("https://others.example.com/in/boards", board)]


def test_an_address_that_does_not_answer_is_told_in_trellos_words(daemon, quiet):
    fake = fake_of(quiet)
    fake.webhooks.clear()
    fake.head = lambda url: 405
    said = daemon.sluice("hooks", "register", "boards")
    assert said.returncode == 1 and "did not return 200 status code, got 405" in said.stdout + said.stderr
    assert not fake.webhooks


def test_a_webhook_that_is_there_already_is_fine(daemon, quiet):
    """Two who register at once: the list showed none, and then there is one."""
    fake = fake_of(quiet)
    hooks, lists = dict(fake.webhooks), []
    fake.routes = [(method, pattern, handler) for method, pattern, handler in fake.routes if "webhooks" not in pattern.pattern
                   or method != "GET"]
    fake.route("GET", r"/1/tokens/(\w+)/webhooks", lambda request: (lists.append(1), list(hooks.values()) if lists[1:] else [])[1])
    said = daemon.sluice("hooks", "register", "boards", "--json")
    assert said.returncode == 0, said.stderr
    assert hooks_in(said) == dict.fromkeys(fake.boards, "fine") and fake.webhooks == hooks


def test_discover_tells_whose_the_token_is_and_its_boards(daemon, quiet):
    fake = fake_of(quiet)
    said = daemon.sluice("check", "--connect")
    assert said.returncode == 0, said.stderr
    for board in fake.boards.values():
        assert board["id"] in said.stdout and board["name"] in said.stdout
    assert fake.member["fullName"] in said.stdout
