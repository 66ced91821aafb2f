# SPDX-License-Identifier: MIT
"""The targets, and the measured value of each."""

import figures

# Contenders that move messages through shared memory with two copies; ompi-cma
# copies once, so it is not among them.
PEERS = ("openmpi", "mpich", "ucx", "libfabric")
KIB, MIB = 1024, 1 << 20


def row(what, value, target, below, where=""):
    """A target. @value None: it could not be measured."""
    seen = None
    if value is not None:
        seen = value < target if below == "<" else (
            value <= target if below == "<=" else value >= target)
    return {"what": what, "value": value, "target": "%s %g" % (below, target),
            "seen": seen, "where": where}


class Judge:
    def __init__(self, results):
        self.results = results
        self.known = figures.index(results["figures"])

    def value(self, name, test, size):
        f = self.known.get((name, test, size))
        return f["p50"] if f else None

    def ratio(self, name, other, test, size):
        a, b = self.value(name, test, size), self.value(other, test, size)
        return a / b if a is not None and b else None

    def best(self, test, size, pick):
        found = [(self.value(p, test, size), p) for p in PEERS]
        found = [f for f in found if f[0] is not None]
        return pick(found) if found else None

    def sizes(self, test, low, high):
        return [s for s in figures.sizes_of(self.results["figures"], test)
                if low <= s <= high]

    def worst(self, test, low, high, pick, against):
        """The worst ratio of all sizes, and its size."""
        found = []
        for size in self.sizes(test, low, high):
            ours = self.value("ivc", test, size)
            other = against(size)
            if ours is not None and other and other[0]:
                found.append((ours / other[0], "%s: %s" % (
                    size_name(size), other[1])))
        return pick(found) if found else (None, "")

    def floor(self):
        return row("one-way latency, 8 B, by the floor's",
                   self.ratio("ivc", "floor", "latency", 8), 1.15, "<=")

    def latency(self):
        value, where = self.worst(
            "latency", 8, KIB, max,
            lambda size: self.best("latency", size, min))
        return row("latency, 8 B - 1 KiB, by the best peer's", value, 0.6, "<",
                   where)

    def bandwidth(self):
        value, where = self.worst("uni", KIB, 4 * MIB, min,
                                  lambda size: self.best("uni", size, max))
        return row("bandwidth, 1 KiB - 4 MiB, by the best peer's", value, 1,
                   ">=", where)

    def pipeline(self):
        def bound(size):
            value = self.value("two-copy", "uni", size)
            return (value, "two-copy") if value else None

        value, where = self.worst("uni", 64 * KIB, 4 * MIB, min, bound)
        return row("bandwidth, 64 KiB and up, by the bare pipeline's", value,
                   0.9, ">=", where)

    def rate(self):
        best = self.best("uni", 8, max)
        ours = self.value("ivc", "uni", 8)
        value = ours / best[0] if ours and best else None
        return row("message rate, 8 B, by the best peer's", value, 3, ">=",
                   best[1] if best else "")

    def instructions(self):
        found = [r["instructions"] for r in
                 self.results.get("instructions", [])
                 if r["contender"] == "ivc" and r["size"] == 8]
        return row("instructions per 8 B message, write and read",
                   found[0] if found else None, 60, "<")

    def many(self):
        rows = [r for r in self.results.get("channels", [])
                if r["busy"] == "one"]
        alone = [r["p50"] for r in rows if r["channels"] == 1]
        many = [(r["p50"], r["method"]) for r in rows if r["channels"] > 1]
        if not alone or not many:
            return row("64 idle channels and one busy, by one alone", None, 2,
                       "<")
        value, method = min(many)
        return row("64 idle channels and one busy, by one alone",
                   value / min(alone), 2, "<", method)

    def idle(self):
        idle = self.results.get("idle")
        return row("an idle waiting pair, % of a CPU",
                   idle["cpu_percent"] if idle else None, 1, "<")

    def first(self):
        idle = self.results.get("idle")
        value = idle["ivc"]["p50"] / idle["eventfd"]["p50"] if idle else None
        return row("its first message, by an eventfd's", value, 2, "<")


def size_name(size):
    for unit, name in ((MIB, "M"), (KIB, "K")):
        if size >= unit and not size % unit:
            return "%d%s" % (size // unit, name)
    return str(size)


def judge(results):
    j = Judge(results)
    return [j.floor(), j.latency(), j.bandwidth(), j.pipeline(), j.rate(),
            j.instructions(), j.many(), j.idle(), j.first()]
