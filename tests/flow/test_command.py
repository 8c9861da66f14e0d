# SPDX-License-Identifier: Apache-2.0
# test_command.py - how commands are typed, and what is said to those mistyped.
import subprocess

import pytest
from bed import SLUICE


def sluice(*words):
    return subprocess.run([SLUICE, *words], capture_output=True, text=True, timeout=20)


def commands():
    lines = sluice("help").stdout.splitlines()
    return [line.split("  ")[1].rstrip() for line in lines if line.startswith("  ")]


def test_version():
    answer = sluice("--version")
    assert (answer.returncode, answer.stdout.split()[0]) == (0, "sluice")


def test_help_without_a_word_is_the_list_and_no_word_at_all_is_wrong():
    assert sluice("help").stdout == sluice("--help").stdout == sluice().stderr
    assert sluice().returncode == 2 and sluice("help").returncode == 0


@pytest.mark.parametrize("typed, meant", [("rum", "run"), ("statsu", "status"), ("reloda", "reload")])
def test_a_mistyped_command_is_answered_with_the_nearest(typed, meant):
    answer = sluice(typed)
    assert answer.returncode == 2
    assert f'did you mean "{meant}"' in answer.stderr


def test_a_second_word_that_is_none_is_answered_with_those_there_are():
    answer = sluice("hooks", "frob")
    assert answer.returncode == 2
    assert "sluice hooks: ls, register, remove, open" in answer.stderr


def test_a_mistyped_option_is_answered_with_the_nearest():
    answer = sluice("status", "--jsno")
    assert answer.returncode == 2
    assert "did you mean --json" in answer.stderr


@pytest.mark.parametrize("words", [["status", "extra"], ["status", "-c"], ["status", "--json=1"], ["help", "nothing"],
                                   ["-c", "x", "run"], ["status", "-"], ["man"]])
def test_used_wrongly_is_2_and_one_sentence(words):
    answer = sluice(*words)
    assert answer.returncode == 2
    assert answer.stderr.startswith("sluice") and answer.stdout == ""


def test_every_command_has_help_and_a_page():
    rows = commands()
    assert {"run", "status", "reload", "help", "man"} <= {row.split()[0] for row in rows}
    for row in rows:
        words = [word for word in row.split() if word.islower() and word.isalpha()][:2]
        answer = sluice(*words[:2], "--help")
        if answer.returncode == 2:
            words = words[:1]
            answer = sluice(*words, "--help")
        assert answer.returncode == 0 and "Usage: sluice" in answer.stdout, row
        page = sluice("man", words[0])
        assert page.returncode == 0 and "# Synopsis" in page.stdout and "# Description" in page.stdout, row


def test_a_page_is_also_a_man_page():
    page = sluice("man", "run", "--roff").stdout
    assert page.startswith('.TH "sluice-run" 1')
    assert ".SH DESCRIPTION" in page and "`" not in page


def test_completion_is_a_script_that_bash_reads():
    script = sluice("completion", "bash").stdout
    probe = script + '\nCOMP_WORDS=(sluice relo); COMP_CWORD=1; _sluice; echo "${COMPREPLY[@]}"\n' \
        'COMP_WORDS=(sluice status --j); COMP_CWORD=2; _sluice; echo "${COMPREPLY[@]}"\n'
    answer = subprocess.run(["bash", "-c", probe], capture_output=True, text=True, timeout=20)
    assert answer.stdout.split() == ["reload", "--json"], answer.stderr


def test_completion_knows_the_names_of_the_configuration(tmp_path):
    (tmp_path / "other.yaml").write_text(
        "env: nowhere\nsources: { first: { use: x, secret: ${NONE} }, second: {} }\nsinks: { local: {} }\n"
        "routes: [ { name: cards, from: [first], to: local }, { name: lists } ]\n")
    asked = ["routes show -c other.yaml ''", "poll -c other.yaml se", "try -c other.yaml li", "dead ls -c other.yaml ''",
             "plugins show -c other.yaml sq", "events ls -c other.yaml --source f"]
    probe = sluice("completion", "bash").stdout
    for words in asked:
        count = len(words.split())
        probe += f'\nCOMP_WORDS=({SLUICE} {words}); COMP_CWORD={count}; _sluice; echo "${{COMPREPLY[@]}}"\n'
    answer = subprocess.run(["bash", "-c", probe], cwd=tmp_path, capture_output=True, text=True, timeout=20)
    found = [set(line.split()) for line in answer.stdout.splitlines()]
    assert {"cards", "lists"} <= found[0] and {"cards", "lists"} <= found[3], answer
    assert (found[1], found[2], found[4], found[5]) == ({"second"}, {"lists"}, {"sqlite"}, {"first"}), answer


def test_guides_are_pages_too():
    assert sluice("man", "lua").stdout.startswith("# Scripts in Lua")
    assert "# " in sluice("man", "plugins.md").stdout and "# Synopsis" in sluice("man", "plugins").stdout
    assert sluice("man", "design", "--roff").stdout.startswith('.TH "design" 7')
    assert sluice("man", "../../x").returncode == 1
