# SPDX-License-Identifier: MIT
"""A picture of all results, by gnuplot."""

import os
import shutil
import subprocess

import figures

PANES = (
    ("latency", "One-way latency", "microseconds", lambda f: f["p50"]),
    ("uni", "Message rate, one way", "millions per second",
     lambda f: f["messages_per_s"] / 1e6),
    ("uni", "Bandwidth, one way", "MB/s", lambda f: f["p50"]),
    ("bi", "Bandwidth, both ways together", "MB/s", lambda f: f["p50"]),
)

HEAD = """
set terminal pngcairo size 1600,1200 font ",11"
set output "%s"
set multiplot layout 2,2
set logscale xy
set grid
set key outside right
set xlabel "message, bytes"
set format "%%g"
"""


def pane(results, known, test, title, unit, value):
    sizes = figures.sizes_of(results["figures"], test)
    blocks, curves = [], []
    for i, c in enumerate(results["contenders"]):
        points = [(s, value(known[c["name"], test, s])) for s in sizes
                  if (c["name"], test, s) in known]
        if not points:
            continue
        blocks.append("$d%d << END\n%s\nEND\n" % (
            i, "\n".join("%d %g" % p for p in points)))
        width = 3 if c["name"] == "ivc" else 1
        dash = 2 if c["name"] in ("floor", "memcpy", "two-copy") else 1
        curves.append('$d%d with linespoints lt %d lw %d dt %d title "%s"' % (
            i, i + 1, width, dash, c["name"]))
    if not curves:
        return ""
    return '%sset title "%s"\nset ylabel "%s"\nplot %s\n' % (
        "".join(blocks), title, unit, ", ".join(curves))


def draw(results, out):
    if not shutil.which("gnuplot"):
        print("no plot: gnuplot is missing; make bench-deps")
        return
    path = os.path.join(out, "bench.png")
    known = figures.index(results["figures"])
    script = HEAD % path + "".join(pane(results, known, *p) for p in PANES)
    done = subprocess.run(["gnuplot"], input=script, text=True,
                          capture_output=True, check=False)
    if done.returncode:
        print("no plot: " + done.stderr.strip())
    else:
        print("\n%s and results.json beside it" % path)
