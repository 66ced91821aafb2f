# SPDX-License-Identifier: MIT
"""Words that the glossary asks not to use.

docs/glossary.md has tables: the first column is the term, and a column whose
heading contains "not", "avoid" or "instead" has the words that it replaces. Those
in bold type are looked for, also in the plural; the others have a right use, too.
"""
import os
import re

GLOSSARY = os.path.join(os.path.dirname(os.path.realpath(__file__)),
                        "../../docs/glossary.md")


class Terms:
    """The words not to be used, each with the term that takes its place."""

    def __init__(self, path=GLOSSARY):
        with open(path, encoding="utf-8") as file:
            self.instead = table(file.read())
        forms = [form for word in self.instead for form in (
            word, word + "s", re.sub("y$", "ies", word))]
        forms.sort(key=len, reverse=True)
        self.pattern = re.compile(
            r"(?<![\w/.-])(%s)(?![\w-]|\.\w|/)" % "|".join(
                map(re.escape, forms)) if forms else r"(?!)", re.I)

    def findings(self, sentence, path=""):
        if path and os.path.realpath(path) == os.path.realpath(GLOSSARY):
            return []
        return ["%s: use %s" % (word, self.term(word.lower()))
                for word in self.pattern.findall(sentence.plain)
                if not word.isupper()]  # a name of the code, as FATE is

    def term(self, form):
        singular = form.removesuffix("s")
        return next(self.instead[word] for word in (
            form, singular, re.sub("ie$", "y", singular))
            if word in self.instead)


def table(text):
    """{word: term} of the tables of a Markdown text"""
    found, column = {}, None
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            column = None
        elif column is None:
            column = next((n for n, cell in enumerate(cells) if n and
                           re.search(r"\b(not|avoid|instead)\b", cell, re.I)), 0)
        elif 0 < column < len(cells):
            for word in re.findall(r"\*\*(.+?)\*\*", cells[column]):
                found[word.lower()] = re.sub(r"[`*]", "", cells[0])
    return found
