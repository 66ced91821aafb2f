# SPDX-License-Identifier: MIT
"""The rows of all rounds, and their medians.

A round gives p10, p50 and p99 of its samples; a figure is the median of each
over the rounds. Latencies are microseconds, one way; bandwidths MB/s (10^6),
of both directions together where there are two.
"""

import collections
import statistics

PERCENTILES = ("p10", "p50", "p99")


class Rows:
    def __init__(self):
        self.rounds = collections.defaultdict(list)

    def add(self, name, rows):
        for row in rows:
            self.rounds[name, row["test"], row["size"]].append(row)

    def medians(self):
        figures = []
        for (name, test, size), rows in self.rounds.items():
            figure = {"contender": name, "test": test, "size": size,
                      "unit": "us" if test == "latency" else "MB/s",
                      "rounds": len(rows)}
            for p in PERCENTILES:
                figure[p] = statistics.median(r[p] for r in rows)
            if test != "latency":
                figure["messages_per_s"] = figure["p50"] * 1e6 / size
            figures.append(figure)
        known = index(figures)
        for f in figures:
            ours = known.get(("ivc", f["test"], f["size"]))
            if ours and ours["p50"]:
                f["ratio"] = f["p50"] / ours["p50"]
        return figures


def index(figures):
    return {(f["contender"], f["test"], f["size"]): f for f in figures}


def sizes_of(figures, test):
    return sorted({f["size"] for f in figures if f["test"] == test})
