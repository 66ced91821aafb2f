# SPDX-License-Identifier: MIT
"""Many channels in one process, and an idle pair."""

import json
import os
import statistics

import contenders

METHODS = ("scan", "poll", "epoll")
COUNTS = (1, 8, 64, 512)
IDLE = 64


def medians(rows):
    return {p: statistics.median(r[p] for r in rows)
            for p in ("p10", "p50", "p99")}


def words_of(cpus, ms, limit):
    return ["--cpus", "%d,%d" % tuple(cpus), "--ms", str(ms),
            "--limit", str(limit)]


def run_many(build, env, cpus, how, results, progress):
    counts = COUNTS[:2] if how["limit"] else COUNTS
    todo = [(m, n, "any") for n in counts for m in METHODS]
    # One busy channel among idle ones, and one channel alone.
    todo += [(m, n, "one") for n in (1, IDLE + 1) for m in METHODS]
    rounds = {t: [] for t in todo}
    for rep in range(how["reps"]):
        for i, t in enumerate(todo):
            progress("channels, round %d of %d: %s over %d" % (
                rep + 1, how["reps"], t[0], t[1]))
            try:
                out = contenders.output_of(
                    [os.path.join(build, "bench", "many"), t[0], str(t[1]),
                     t[2], *words_of(cpus, how["ms"], how["limit"])], env)
                rounds[t].append(json.loads(out))
            except contenders.Failed as e:
                results["failed"].setdefault("ivc, %s over %d" % t[:2], str(e))
    results["channels"] = [
        dict(medians(rows), method=m, channels=n, busy=busy, unit="us")
        for (m, n, busy), rows in rounds.items() if rows]


def run_idle(build, env, cpus, how, results, progress):
    progress("an idle pair, %d ms" % how["idle_ms"])
    try:
        out = contenders.output_of(
            [os.path.join(build, "bench", "idle"),
             *words_of(cpus, how["idle_ms"], how["firsts"])], env)
        results["idle"] = dict(json.loads(out), ms=how["idle_ms"],
                               messages=how["firsts"], unit="us")
    except contenders.Failed as e:
        results["failed"]["ivc, idle"] = str(e)


def run(build, env, cpus, how, results, progress):
    run_many(build, env, cpus, how, results, progress)
    run_idle(build, env, cpus, how, results, progress)
