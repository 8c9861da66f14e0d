#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# coverage.py - which lines of engine/ ran, for each floor the worst files first; fails when they are fewer than --least.
import argparse
import collections
import glob
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FLOORS = ["sdk", "base", "store", "io", "host", "flow", "main"]


def tool(*words):
    return subprocess.run([str(word) for word in words], check=True, stdout=subprocess.PIPE).stdout


def objects(build):
    """Everything that is compiled and counted, whether or not a program links it: what nothing links never ran."""
    targets = "sdk-counted", "json", *FLOORS[1:], "sluice"
    return sorted(path for target in targets for path in build.glob(f"CMakeFiles/{target}.dir/engine/**/*.o"))


def looked_at(build):
    """What all programs counted, and where: the words that llvm-cov wants."""
    counts = build / "counts.profdata"
    tool("llvm-profdata", "merge", "-sparse", *glob.glob(f"{build}/counts/*.profraw"), "-o", counts)
    first, *rest = objects(build)
    return [first, *(word for path in rest for word in ("-object", path)), "-instr-profile", counts]


def lines(words):
    """{floor: [(covered, all, path)]}, worst files first."""
    floors = collections.defaultdict(list)
    for file in json.loads(tool("llvm-cov", "export", "-summary-only", *words))["data"][0]["files"]:
        path = os.path.relpath(file["filename"], ROOT)
        counted = file["summary"]["lines"]
        if path.startswith("engine/") and counted["count"]:
            floors[path.split("/")[1]].append((counted["covered"], counted["count"], path))
    for files in floors.values():
        files.sort(key=lambda file: (file[0] / max(file[1], 1), file[2]))
    return floors


def row(name, covered, total):
    share = 100 * covered / max(total, 1)
    print(f"{name:<42}{covered:>7} of {total:>6} lines{share:>8.1f} %")
    return share


def total(files):
    return sum(file[0] for file in files), sum(file[1] for file in files)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--html", action="store_true")
    parser.add_argument("--least", type=float, default=0)
    wish = parser.parse_args()
    words = looked_at(wish.build.resolve())
    floors = lines(words)
    for floor in FLOORS:
        for covered, count, path in floors[floor]:
            row(path, covered, count)
        print()
    for floor in FLOORS:
        row(f"engine/{floor}", *total(floors[floor]))
    if wish.html:
        tool("llvm-cov", "show", "-format=html", f"-output-dir={wish.build}/html", *words, ROOT / "engine")
        print(f"{wish.build}/html/index.html has each line")
    share = row("engine", *total([file for files in floors.values() for file in files]))
    return share < wish.least


sys.exit(main())
