#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""IVC beside its peers, in one run: see README.md of this folder."""

import argparse
import os
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True  # the source tree stays as it is

import broker
import channels
import contenders
import figures
import instructions
import machine
import plot
import report
import targets

LATENCY = [1, 8, 64, 256, 1024, 4096, 16384, 65536]
BANDWIDTH = [1, 8, 64, 512, 1024, 4096, 16384, 65536, 262144, 1 << 20, 4 << 20]

# Rounds, time per row, time of the idle pair, and its number of first messages.
FULL = {"reps": 7, "ms": 150, "idle_ms": 3000, "firsts": 200, "limit": 0}
QUICK = {"reps": 3, "ms": 40, "idle_ms": 3000, "firsts": 100, "limit": 0}
TINY = {"reps": 2, "ms": 1, "idle_ms": 50, "firsts": 3, "limit": 2}

PARTS = ("pairs", "channels", "instructions")


def options():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build", default="build", help="what was built into")
    p.add_argument("--out", help="where results go (BUILD/bench)")
    p.add_argument("--quick", action="store_true", help="two minutes")
    p.add_argument("--tiny", action="store_true", help="does it run at all")
    p.add_argument("--only", choices=PARTS, action="append")
    p.add_argument("--contenders", help="a,b,...: these; ivc always runs")
    p.add_argument("--reps", type=int)
    p.add_argument("--ms", type=int, help="of a row, once")
    p.add_argument("--ring", type=int, default=0, help="of ivc, bytes")
    o = p.parse_args()
    o.out = o.out or os.path.join(o.build, "bench")
    o.only = o.only or PARTS
    o.how = dict(TINY if o.tiny else QUICK if o.quick else FULL)
    o.how["reps"] = o.reps or o.how["reps"]
    o.how["ms"] = o.ms or o.how["ms"]
    return o


class Progress:
    """A line that the next one overwrites, on a terminal only."""

    def __init__(self):
        self.start = time.monotonic()
        self.shown = sys.stderr.isatty()

    def __call__(self, text):
        if self.shown:
            seconds = int(time.monotonic() - self.start)
            sys.stderr.write("\r\033[K%d:%02d %s" % (
                seconds // 60, seconds % 60, text[:100]))
            sys.stderr.flush()

    def end(self):
        if self.shown:
            sys.stderr.write("\r\033[K")


def run_pairs(o, env, cpus, results, progress):
    """Run each contender once per round, in an order that rotates, so that a
    disturbance of the machine hits all of them."""
    wanted = o.contenders.split(",") if o.contenders else None
    todo = []
    for c in contenders.every(o.build, env):
        if wanted and c.name not in wanted and c.name != "ivc":
            continue
        why = c.missing()
        if why:
            results["missing"][c.name] = why
            continue
        results["contenders"].append(
            {"name": c.name, "is": c.says, "version": c.version()})
        todo.append(c)
    sizes = {"latency": LATENCY, "uni": BANDWIDTH, "bi": BANDWIDTH}
    if o.tiny:
        sizes = {"latency": [8, 4096], "uni": [8, 65536], "bi": [8]}
    plan = contenders.Plan(sizes, cpus, o.how["ms"], o.how["limit"], o.ring)
    rows = figures.Rows()
    for rep in range(o.how["reps"]):
        turn = rep * len(todo) // o.how["reps"]
        for i, c in enumerate(todo[turn:] + todo[:turn]):
            progress("round %d of %d, %d of %d: %s" % (
                rep + 1, o.how["reps"], i + 1, len(todo), c.name))
            try:
                rows.add(c.name, c.run(plan))
            except contenders.Failed as e:
                results["failed"].setdefault(c.name, str(e))
    results["figures"] = rows.medians()


def main():
    o = options()
    progress = Progress()
    os.makedirs(o.out, exist_ok=True)
    cpus = machine.two_cores()
    results = {"program": "ivc bench", "format": 1,
               "mode": "tiny" if o.tiny else "quick" if o.quick else "full",
               "how": dict(o.how, ring=o.ring), "cpus": cpus,
               "machine": machine.describe(), "missing": {}, "failed": {},
               "contenders": [], "figures": []}
    results["machine"]["load_before"] = os.getloadavg()[0]
    place = tempfile.mkdtemp(prefix="ivc-bench-")
    try:
        with broker.Broker(o.build, place) as b:
            if "instructions" in o.only:
                progress("instructions per message")
                instructions.run(o.build, b.env, place, results)
            if "channels" in o.only:
                channels.run(o.build, b.env, cpus, o.how, results, progress)
            if "pairs" in o.only:
                run_pairs(o, b.env, cpus, results, progress)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    progress.end()
    results["machine"]["load_after"] = os.getloadavg()[0]
    results["targets"] = targets.judge(results)
    results["seconds"] = round(time.monotonic() - progress.start, 1)
    report.write_json(results, os.path.join(o.out, "results.json"))
    report.show(results, sys.stdout)
    if results["figures"]:
        plot.draw(results, o.out)
    broken = [n for n in results["failed"] if n.startswith(("ivc", "floor"))]
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
