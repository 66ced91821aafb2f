#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Which lines of kernel/ have been run, by any kernel of any scenario.

  coverage.py MODULES RESULTS [--missing]

MODULES has a build of the modules for each kernel, with its .gcno files;
RESULTS the scenarios' coverage.*.tgz, as the lab brings them back. A line of a
file counts once, whatever kernel ran it.
"""
import collections
import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile


def reports(modules, archive):
    """gcov's own report, for each object of one archive."""
    with tempfile.TemporaryDirectory() as tmp:
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(tmp)
        except (tarfile.TarError, EOFError):
            print(f"coverage: {archive} is cut off", file=sys.stderr)
            return
        for data in pathlib.Path(tmp).rglob("*.gcda"):
            # the kernel keeps them by the path of the build
            notes = "/" / data.relative_to(tmp).with_suffix(".gcno")
            if modules not in notes.parents or not notes.exists():
                continue
            data.with_suffix(".gcno").symlink_to(notes)
            gcov = subprocess.run(
                ["gcov", "--json-format", "--stdout", data.name],
                cwd=data.parent, capture_output=True, check=False)
            if gcov.returncode:
                print(f"coverage: {archive}: {data.stem} was built anew since, "
                      "and is left out", file=sys.stderr)
                continue
            for line in gcov.stdout.splitlines():
                yield json.loads(line)


def gather(modules, results):
    hits = collections.defaultdict(dict)
    for archive in sorted(results.rglob("coverage.*.tgz")):
        for report in reports(modules, archive):
            for entry in report["files"]:
                path = entry["file"]
                at = path.find("kernel/front/")
                if at < 0:
                    at = path.find("kernel/back/")
                if at < 0 or path.endswith(".h"):
                    continue
                lines = hits[path[at:]]
                for line in entry["lines"]:
                    number = line["line_number"]
                    lines[number] = lines.get(number, 0) + line["count"]
    return hits


def show(hits, missing):
    total = run = 0
    for path in sorted(hits):
        lines = hits[path]
        done = sum(1 for count in lines.values() if count)
        total += len(lines)
        run += done
        print(f"{path:28} {done:4} of {len(lines):4} lines "
              f"{100 * done / len(lines):5.1f} %")
        if missing:
            left = sorted(n for n, count in lines.items() if not count)
            print("    not:", " ".join(map(str, left)))
    if total:
        print(f"{'all':28} {run:4} of {total:4} lines "
              f"{100 * run / total:5.1f} %")
    return total


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    found = gather(pathlib.Path(sys.argv[1]).resolve(),
                   pathlib.Path(sys.argv[2]))
    sys.exit(0 if show(found, "--missing" in sys.argv) else "nothing was run")
