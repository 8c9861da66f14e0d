# SPDX-License-Identifier: Apache-2.0
# story_trello.py - Trello's webhooks as they were recorded, and what came of them.
import glob
import os

from stage import ROOT, SLUICE, heading, say, show_tables, span, table

SAMPLES = "plugins/trello/samples"
CARDS_SHOWN = 12


def samples(pattern):
    return sorted(glob.glob(f"{SAMPLES}/{pattern}", root_dir=ROOT))


def post(daemon):
    count = len(samples("*.json"))
    heading(f"Trello posts: {count} requests as they were recorded, then all moves of six cards")
    daemon.sluice(f"send boards {SAMPLES}/*.json", samples("*.json"))
    daemon.sluice(f"send boards {SAMPLES}/history_*.jsonl", samples("history_*.jsonl"))
    heading("It repeats itself, somebody else tries too, and something comes that is no JSON")
    daemon.sluice(f"send boards {SAMPLES}/history_done.jsonl", samples("history_done.jsonl"))
    daemon.sluice(f"send --forge boards {SAMPLES}/createCard__tiblu.json", samples("createCard__tiblu.json"))
    daemon.sluice("send boards -", stdin="this is no JSON")
    daemon.wait_until(daemon.settled, "all of it is delivered")


def show_counts(daemon):
    route, ingress = daemon.route(), daemon.ask("GET", "/health")["ingress"]
    heading("What became of them")
    rows = [(ingress["accepted"], "accepted", "signed by Trello, and on disk before it was thanked"),
            (route["delivered"], "delivered", "rows and cursor in one transaction"),
            (route["dropped"], "dropped", ", ".join(f"{reason}: {count}" for reason, count in reasons(route["drops"]))),
            (route["repeats"], "repeats", "of an action that had come before: delivered once"),
            (route["dead"], "dead", "put aside for a person: sluice dead ls"),
            (ingress["refused"], "refused", "401, nothing of it is kept: sluice refused")]
    for count, word, words in rows:
        say(f"  {count:>5}  {word:<10} {words}")


def reasons(drops):
    """[{"reason":...,"count":...}] or {reason: count}, most frequent first."""
    pairs = drops.items() if isinstance(drops, dict) else [(drop["reason"], drop["count"]) for drop in drops]
    return sorted(pairs, key=lambda pair: -pair[1])


def show_views(daemon):
    heading("Where each card is: card_current_state")
    cards = daemon.rows("SELECT name, coalesce(current_list_name, '-'), coalesce(substr(last_moved_at, 1, 16), '-') "
                        f"FROM card_current_state ORDER BY last_moved_at DESC LIMIT {CARDS_SHOWN}")
    table([(name[:40], where, moved.replace("T", " ")) for name, where, moved in cards], "card", "list", "since")

    heading("How long cards stay in a list: list_durations")
    stays = daemon.rows("SELECT list_name, total_transitions, avg_hours, median_hours, max_hours FROM list_durations "
                        "ORDER BY avg_hours DESC")
    table([(name, count, *map(span, hours)) for name, count, *hours in stays], "list", "stays", "average", "median",
          "longest")


def show_trouble(daemon):
    heading("What needs a person")
    daemon.sluice("dead ls")
    say()
    daemon.sluice("refused --last 1")


def show_own():
    heading("Your own board")
    say("  cp -r examples/trello ~/boards && cd ~/boards && cp sluice.env.example sluice.env")
    say()
    say("  1  edit sluice.env and sluice.yaml      the application's secret, key and token; the boards; our address")
    say("  2  sluice check --connect               what is wrong with them, if anything is; which boards there are")
    say("  3  sluice check && sluice run           then it serves; and in another terminal")
    say("  4  sluice hooks register boards         one webhook for each board")
    say("  5  sluice backfill boards               all that Trello still knows of the past")
    say()
    say(f"  sluice is {os.path.relpath(SLUICE)}; examples/trello/README.md says it at length.")


# What may be typed in another terminal, meanwhile.
MORE = ("status", "events ls", f"send boards {SAMPLES}/createCard__tiblu.json", "log stat")


def story(daemon):
    post(daemon)
    show_counts(daemon)
    show_tables(daemon)
    show_views(daemon)
    show_trouble(daemon)
    show_own()


def prepare(_daemon):
    """Everything is there: what is posted lies in plugins/trello/samples."""


def finish():
    """Nobody else was started."""
