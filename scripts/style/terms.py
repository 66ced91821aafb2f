# SPDX-License-Identifier: MIT
"""Words that the glossary asks not to use.

docs/glossary.md says them in tables: the first column is the term, and a column
whose heading contains "not" or "avoid" has the words, separated by commas; what
stands in parentheses is a remark.
"""
import os
import re

GLOSSARY = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                        "../../docs/glossary.md")
# Until there is a glossary, and beside it.
ALWAYS = {"meet": "connect", "meets": "connect", "fate": "delivery",
          "fates": "delivery", "hoard": "exhaust"}


class Terms:
    """The words not to be used, each with the term that takes its place."""

    def __init__(self, path=GLOSSARY):
        self.instead = dict(ALWAYS)
        try:
            with open(path, encoding="utf-8") as file:
                self.instead.update(table(file.read()))
        except FileNotFoundError:
            pass
        words = sorted(map(re.escape, self.instead), key=len, reverse=True)
        self.pattern = re.compile(r"(?<![\w/.-])(%s)(?![\w-]|\.\w|/)" % "|".join(words),
                                  re.I)

    def findings(self, sentence):
        return ["%s: use %s" % (word, self.instead[word.lower()])
                for word in self.pattern.findall(sentence.text)]


def table(text):
    """{word: term} of the tables of a Markdown text"""
    found, column = {}, None
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            column = None
        elif column is None:
            column = -1
            for n, cell in enumerate(cells[1:], 1):
                if re.search(r"\b(not|avoid)\b", cell, re.I):
                    column = n
        elif 0 < column < len(cells) and not re.match(r":?-+", cells[0]):
            term = re.sub(r"[`*]", "", cells[0])
            for word in re.sub(r"\([^)]*\)", "", cells[column]).split(","):
                word = re.sub(r"[`*\"_]", "", word).strip().lower()
                if re.search(r"\w", word):
                    found[word] = term
    return found
