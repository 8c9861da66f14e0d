#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""count.py - the instructions that each workload of tests/count takes for an event, held against those in `figures`.

usage: count.py PROGRAM [--write]

A time differs from one minute to the next, and so shows what became slower only once it is much slower. How many
instructions there are differs by less than 1 %. A workload that takes 10 % more than its figure fails; of one that
takes 10 % less it is told. With --write what was counted becomes the figures. What callgrind found lies beside
PROGRAM, in count.d: `callgrind_annotate FILE` tells of each function.

The last line is "N passed, M failed". Where the figures do not belong (another compiler, another processor: libraries
choose among their ways by it) nothing is counted, and the reason is told.
"""
import pathlib
import platform
import re
import shutil
import subprocess
import sys

FIGURES = pathlib.Path(__file__).with_name("figures")
HEAD = """\
# Instructions for an event: Debian 12, gcc 12, x86-64 with AVX2.  `./dev count --write` writes this file anew.
"""
LEEWAY = 0.1


def release():
    try:
        found = platform.freedesktop_os_release()
    except OSError:
        return "an unknown system"
    return f"{found.get('ID')} {found.get('VERSION_ID')}"


def elsewhere(program):
    """Why the figures do not belong here; None: they do."""
    built = subprocess.run([program, "--built"], capture_output=True, text=True, check=True).stdout.strip()
    if release() != "debian 12" or built != "gcc-12-x86_64-optimized":
        return f"the figures belong to an optimized build of Debian 12's gcc 12 for x86-64; this is {release()}, {built}"
    if "avx2" not in pathlib.Path("/proc/cpuinfo").read_text().split():
        return "the figures belong to a processor with AVX2"
    if not shutil.which("valgrind"):
        return "valgrind is not installed"
    return None


def dumped(path):
    """The instructions in a file of callgrind's."""
    return int(re.search(r"^totals: (\d+)", path.read_text(), re.MULTILINE)[1])


def counted(program):
    """{name: instructions for an event}.  Of each workload there are two dumps: up to when it is warm, and the next run."""
    folder = pathlib.Path(program).parent / "count.d"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    answer = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/out", "--dump-before=count_mark",
                             program], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)
    if answer.returncode:
        sys.exit(f"{answer.stdout}{answer.stderr}{program} ended with {answer.returncode}")
    found = {}
    for number, line in enumerate(answer.stdout.split("\n")[:-1], 1):
        name, events = line.split()
        dump = (folder / f"out.{2 * number}").rename(folder / name)
        (folder / f"out.{2 * number - 1}").unlink()
        found[name] = dumped(dump) / int(events)
    return found


def figures():
    lines = FIGURES.read_text().splitlines() if FIGURES.exists() else []
    return {name: int(figure) for name, figure in (line.split() for line in lines if not line.startswith("#"))}


def write(found):
    FIGURES.write_text(HEAD + "".join(f"{name} {figure:.0f}\n" for name, figure in found.items()))


def verdict(name, figure, was):
    if was is None:
        return False, "has no figure yet: ./dev count --write"
    if figure > was * (1 + LEEWAY):
        return False, f"TOO DEAR: {was} in tests/count/figures; callgrind_annotate build/tests/count.d/{name} tells of what"
    if figure < was * (1 - LEEWAY):
        return True, f"cheaper than the {was} in tests/count/figures, which should be lowered: ./dev count --write"
    return True, f"{figure / was:.3f} of {was}"


def main(program, *options):
    reason = elsewhere(program)
    if reason:
        print(f"count: skipped: {reason}\n0 passed, 0 failed")
        return 0
    found, failed = counted(program), 0
    if "--write" in options:
        write(found)
    known = figures()
    for name in known.keys() - found.keys():
        print(f"{name}: is in tests/count/figures, and nothing counts it")
        failed += 1
    for name, figure in found.items():
        fine, words = verdict(name, figure, known.get(name))
        failed += not fine
        print(f"{name:14} {figure:8.0f} instructions an event: {words}")
    print(f"{len(found.keys() | known.keys()) - failed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    if len(sys.argv) < 2 or set(sys.argv[2:]) - {"--write"}:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
