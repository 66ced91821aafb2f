# SPDX-License-Identifier: MIT
"""Instructions per message, counted by callgrind: see instructions.c."""

import glob
import os
import re
import shutil

import contenders


def in_library(text):
    """Instructions executed in libivc itself, without its callers and libc."""
    names, here, total, skip = {}, "", 0, False
    for line in text.splitlines():
        if line.startswith("ob="):
            number, _, name = line[3:].partition(" ")
            here = names.setdefault(number, name)
        elif line.startswith("calls="):
            skip = True  # the line behind it is the callee's, once more
        elif re.match(r"[+*-]|\d", line):
            if not skip and "libivc" in here:
                total += int(line.split()[-1])
            skip = False
    return total


def parse(text):
    mark = re.search(r"^desc: Trigger: Client Request: (\S+) (\d+) (\d+)$",
                     text, re.M)
    total = re.search(r"^totals: (\d+)", text, re.M)
    if not mark or not total:
        return None
    name, size, messages = mark[1], int(mark[2]), int(mark[3])
    return {"contender": name, "size": size, "messages": messages,
            "instructions": round(in_library(text) / messages, 2),
            "with_caller": round(int(total[1]) / messages, 2)}


def run(build, env, place, results):
    program = os.path.join(build, "bench", "instructions")
    if not shutil.which("valgrind") or not os.path.exists(program):
        results["missing"]["instructions"] = "no valgrind; make bench-deps"
        return
    out = os.path.join(place, "callgrind")
    try:
        contenders.output_of(
            ["valgrind", "-q", "--tool=callgrind", "--collect-atstart=no",
             "--callgrind-out-file=" + out, program], env)
    except contenders.Failed as e:
        results["failed"]["ivc, instructions"] = str(e)
        return
    found = []
    for path in glob.glob(out + ".*"):
        with open(path) as f:
            found.append(parse(f.read()))
    results["instructions"] = sorted(
        filter(None, found), key=lambda r: (r["size"], r["contender"]))
