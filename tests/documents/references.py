#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Whether the things that the documents name exist.

references.py [FILE...]     from the top folder; default: docs, without the manual
                            pages and the dated measurements

  - Each rule of docs/reference/ (P2.1-4, M2-4) names its test, or "-" for none. The
    test's file must exist below tests/, and each name behind the colon must be in it.
  - A rule that the document refers to must exist, and no rule twice.
  - Paths, links, and the names of functions and types in backquotes must exist in the
    tree.

Each thing that does not is one line; the exit status is then 1.
"""
import glob
import os
import re
import subprocess
import sys

REFERENCE = "docs/reference/"
FOLDERS = ("common|coordinator|docs|examples|include|kernel|lib|mpi|scripts|tests|"
           "tools")
RULE = re.compile(r"(?ms)^- \*\*([PM][\d.]+-\d+)\.\*\* (.*?)(?=^\S|\Z)")
NORMATIVE = re.compile(r"\b(MUST|SHOULD|MAY)\b")


def run(*args):
    return subprocess.run(args, stdout=subprocess.PIPE, text=True, check=True).stdout


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def tests_of(rule):
    """[(file, names)] of a rule's bracket; None: there is no bracket."""
    bracket = re.search(r"\[([^\]]*)\]\s*$", rule.strip())
    if not bracket:
        return None
    found = []
    for item in re.sub(r"\s+", " ", bracket.group(1)).split(";"):
        item = re.sub(r" \(.*?\)|,? (?:with|by) .*", "", item.strip())
        if item.startswith("-"):
            continue
        path, _, names = item.partition(": ")
        found.append((path, [name.strip().strip('"') for name in names.split(",")
                             if name]))
    return found


def check_rules(text):
    seen = set()
    for name, rule in RULE.findall(text):
        if name in seen:
            yield "%s: twice" % name
        seen.add(name)
        tests = tests_of(rule)
        if tests is None and NORMATIVE.search(rule):
            yield "%s: names no test" % name
        for path, names in tests or ():
            path = os.path.join("tests", path)
            if not os.path.isfile(path):
                yield "%s: no file %s" % (name, path)
                continue
            source = read(path)
            for test in names:
                if not re.search(r"(?<![\w-])%s(?![\w-])" % re.escape(test), source):
                    yield "%s: no %s in %s" % (name, test, path)
    for name in sorted(set(re.findall(r"\b[PM]\d+(?:\.\d+)*-\d+", text)) - seen):
        yield "%s: no such rule" % name


class Tree:
    """The paths that git knows, and the words of everything but the documents."""

    def __init__(self):
        self.paths = set(run("git", "ls-files", "-co", "--exclude-standard").split())
        for path in list(self.paths):
            while "/" in path:
                path = path.rsplit("/", 1)[0]
                self.paths.add(path)
        self.words = set(run("git", "grep", "-hoIE", "[A-Za-z_][A-Za-z0-9_]*",
                             "--", ":!docs").split())


def check_names(path, text, tree):
    if path.startswith(REFERENCE):
        text = re.sub(r"\[[^\]`]*\]", "", text)  # its tests are checked above
    for link in re.findall(r"\]\(([\w./-]+)\)", text):
        if os.path.normpath(os.path.join(os.path.dirname(path), link)) not in tree.paths:
            yield "no file %s" % link
    for name in re.findall(r"(?<![\w/.<$-])((?:%s)/[\w./*-]*\w)" % FOLDERS, text):
        if "*" not in name and "X" not in name and name not in tree.paths:
            yield "no file %s" % name
    for code in re.findall(r"`([^`\n]+)`", text):
        for name in re.findall(r"\b([A-Za-z_]\w+)\(\)", code) + \
                re.findall(r"^(?:struct|enum) (\w+)$", code):
            if name not in tree.words:
                yield "no %s in the tree" % name


def main():
    files = sys.argv[1:] or [path for path in glob.glob("docs/**/*.md", recursive=True)
                             if not path.startswith("docs/measurements/")]
    tree = Tree()
    bad = 0
    for path in sorted(files):
        text = read(path)
        findings = list(check_rules(text)) if path.startswith(REFERENCE) else []
        for finding in findings + sorted(set(check_names(path, text, tree))):
            print("%s: %s" % (path, finding))
            bad += 1
    print("%d passed, %d failed" % (len(files), bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
