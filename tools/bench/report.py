# SPDX-License-Identifier: MIT
"""The results: JSON for programs, 120 columns of text for people."""

import json

import figures
from targets import size_name

NAME, LABEL, CELL = 10, 6, 9
BUSY = 0.5  # load
RATE_MAX = 4096  # above that bandwidth says it better


def write_json(results, path):
    with open(path, "w") as f:
        json.dump(results, f, indent=1)
        f.write("\n")


def number(v):
    """@value with about four digits."""
    if v is None:
        return "-"
    return "%.*f" % (0 if v >= 1000 else 1 if v >= 100 else
                     2 if v >= 10 else 3, v)


def line(name, label, cells):
    return "%-*s%-*s%s" % (NAME, name, LABEL, label, "".join(
        "%*s" % (CELL, c) for c in cells))


def table(results, test, title, sizes, lines, out):
    known = figures.index(results["figures"])
    if not sizes:
        return
    out.write("\n%s\n%s\n" % (title, line("", "", map(size_name, sizes))))
    for c in results["contenders"]:
        rows = [known.get((c["name"], test, s)) for s in sizes]
        if not any(rows):
            continue
        name = c["name"]
        for label, value in lines:
            out.write(line(name, label, [
                number(value(r) if r else None) for r in rows]) + "\n")
            name = ""


def percentile(p):
    return lambda row: row[p]


def ratio(row):
    return row.get("ratio")


def rate(row):
    return row["messages_per_s"] / 1e6


def show_pairs(results, out):
    figs = results["figures"]
    every = [(p, percentile(p)) for p in ("p50", "p10", "p99")]
    every.append(("/ivc", ratio))
    table(results, "latency", "One-way latency, microseconds; /ivc: how many "
          "times that of ivc", figures.sizes_of(figs, "latency"), every, out)
    for test, way in (("uni", "one way"), ("bi", "both ways together")):
        sizes = figures.sizes_of(figs, test)
        table(results, test, "Bandwidth, MB/s (10^6), %s; p10: of the slow "
              "windows" % way, sizes, every, out)
        table(results, test, "Message rate, millions per second, %s" % way,
              [s for s in sizes if s <= RATE_MAX],
              [("p50", rate), ("/ivc", ratio)], out)


def show_instructions(results, out):
    rows = results.get("instructions")
    if not rows:
        return
    sizes = sorted({r["size"] for r in rows})
    out.write("\nInstructions per message, write and read together\n%s\n" %
              line("", "", map(size_name, sizes)))
    for name in dict.fromkeys(r["contender"] for r in rows):
        out.write(line(name, "", [number(next(
            (r["instructions"] for r in rows
             if (r["contender"], r["size"]) == (name, s)), None))
            for s in sizes]) + "\n")


def show_channels(results, out):
    rows = results.get("channels")
    if not rows:
        return
    kinds = list(dict.fromkeys((r["busy"], r["channels"]) for r in rows))
    out.write("\nA process with N channels answers on the one that is ready: "
              "half a round trip, microseconds\n")
    out.write(line("", "", ["%d %s" % (n, busy) for busy, n in kinds]) + "\n")
    for method in dict.fromkeys(r["method"] for r in rows):
        name = method
        for p in figures.PERCENTILES[1], "p10", "p99":
            cells = [next((r[p] for r in rows if (
                r["method"], r["busy"], r["channels"]) == (method, *k)), None)
                for k in kinds]
            out.write(line(name, p, map(number, cells)) + "\n")
            name = ""
    out.write("one: always the same of them is busy; any: another each time\n")


def show_idle(results, out):
    idle = results.get("idle")
    if not idle:
        return
    out.write("\nA pair that waits: %.3f %% of a CPU, both ends together, "
              "over %.1f s\nIts first message, microseconds\n%s\n" % (
                  idle["cpu_percent"], idle["ms"] / 1e3,
                  line("", "", figures.PERCENTILES)))
    for name in "ivc", "eventfd":
        out.write(line(name, "", [number(idle[name][p])
                                  for p in figures.PERCENTILES]) + "\n")


def show_who(results, out):
    m = results["machine"]
    out.write("%s%s, %d CPUs, Linux %s, CPUs %d and %d, load %.2f before and "
              "%.2f after\n" % (
                  m["cpu"], " (virtual)" if m["virtual"] else "", m["cpus"],
                  m["kernel"], *results["cpus"], m["load_before"],
                  m["load_after"]))
    if m["load_before"] > BUSY:
        out.write("The machine is busy with something else: these are no "
                  "figures to rely on.\n")
    for c in results["contenders"]:
        out.write("  %-10s %s%s\n" % (c["name"], c["is"],
                                      c["version"] and ", " + c["version"]))
    for name, why in results["missing"].items():
        out.write("  %-10s missing: %s\n" % (name, why))
    for name, why in results["failed"].items():
        out.write("  %-10s failed: %s\n" % (name, why[:90]))


def show_targets(results, out):
    out.write("\n%-48s %9s %9s  %s\n" % ("What must be seen", "measured",
                                         "target", ""))
    for t in results["targets"]:
        seen = {None: "-", True: "yes", False: "NO"}[t["seen"]]
        out.write("%-48s %9s %9s  %-3s  %s\n" % (
            t["what"], number(t["value"]), t["target"], seen, t["where"]))


def show(results, out):
    show_who(results, out)
    show_pairs(results, out)
    show_channels(results, out)
    show_idle(results, out)
    show_instructions(results, out)
    show_targets(results, out)
    out.flush()
