#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Can the style check find each thing that it counts, and does it leave good
sentences alone? Run by `make lint`."""
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "../../scripts"))
from style import limits, prose, rules, terms  # noqa: E402


def sentences(text, name="text.md"):
    """[(kind, line, text)] of a file NAME with that text"""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return [(kind, sentence.line, sentence.text)
                for kind, blocks in prose.prose(path).items()
                for block in blocks
                for sentence in rules.sentences(block)]


def headless(text):
    return rules.headless(rules.Sentence(1, text))


class Headless(unittest.TestCase):
    def test_found(self):
        for text in (
                "Who asks for more waits.",
                "What was written before is read.",
                "If a guest closes, who waits is told.",
                "It is granted to who lets go.",
                "The kernel keeps what is unread.",
                "Nothing is lost; whatever happens stays in order.",
                "Both are counted, and who joins is told."):
            self.assertEqual(len(headless(text)), 1, text)

    def test_two(self):
        self.assertEqual(
            len(headless("Who says FIN is done; who gets FIN answers.")), 2)

    def test_left_alone(self):
        for text in (
                "What happens then?",
                "The client, who asks for more, waits.",
                "A client who asks for more waits.",
                "The message tells what is wrong.",
                "The list shows who is attached.",
                "The kernel keeps what the process has not read.",
                "The peer, who reads and who writes, is told.",
                "Clients above this rate wait."):
            self.assertEqual(headless(text), [], text)


class Counted(unittest.TestCase):
    def test_placeholders(self):
        found = rules.placeholders(rules.Sentence(
            1, "It's the one that says what `who` is, such as this item."))
        self.assertEqual([word.lower() for word in found],
                         ["it's", "one", "that", "what", "who", "such"])

    def test_long(self):
        word = "word " * 40
        self.assertEqual(rules.too_long(rules.Sentence(1, word)), [])
        self.assertEqual(rules.too_long(rules.Sentence(1, word + "more")),
                         ["41 words"])

    def test_terms(self):
        text = ("| term | meaning | instead of |\n|---|---|---|\n"
                "| `channel` | a **pair** of rings | **pipe**, tube |\n"
                "| hostile peer | | **enemy** |\n\nText.\n")
        self.assertEqual(terms.table(text),
                         {"pipe": "channel", "enemy": "hostile peer"})
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            avoid = terms.Terms(file.name)
        self.assertEqual(
            avoid.findings(rules.Sentence(1, "A pipe, two pipes, Enemies.")),
            ["pipe: use channel", "pipes: use channel",
             "Enemies: use hostile peer"])
        self.assertEqual(avoid.findings(
            rules.Sentence(1, "See pipe.c, --pipe, a_pipe, a tube.")), [])

    def test_glossary(self):
        """The project's glossary can be read: there are words in bold."""
        self.assertIn("fate", terms.Terms().instead)


class Prose(unittest.TestCase):
    def test_markdown(self):
        self.assertEqual(sentences(
            "# A title\n\nOne line\nand `code`. Two.\n\n    indented code\n\n"
            "```\nfenced\n```\n- an item\n\n| a cell | another |\n|---|---|\n"),
            [("documents", 1, "A title"),
             ("documents", 3, "One line and CODE."),
             ("documents", 4, "Two."),
             ("documents", 11, "an item"),
             ("documents", 13, "a cell"), ("documents", 13, "another")])

    def test_mdoc(self):
        self.assertEqual(sentences(
            ".Sh SYNOPSIS\n.Fn f void\n.Sh DESCRIPTION\n.Fn f\nreturns\n"
            ".Dv NULL ,\nelse\n.Fa a .\n.Bd -literal\nint f;\n.Ed\n.Nm\nends.\n",
            "f.3"),
            [("manual", 4, "CODE returns CODE, else CODE."),
             ("manual", 12, "CODE ends.")])

    def test_man(self):
        self.assertEqual(sentences(
            ".SH DESCRIPTION\nThe\n.BR f (3)\ncall\n\\fBreads\\fP.\n.TP\n"
            ".B EINVAL\nIs wrong.\n.nf\nint f;\n.fi\n", "f.3"),
            [("manual", 2, "The CODE call CODE."), ("manual", 8, "Is wrong.")])

    def test_c(self):
        self.assertEqual(sentences(
            "/* SPDX-License-Identifier: MIT */\n/*\n * First line\n * second.\n"
            " *\n *   A ---> B\n */\nint a; // behind\n// and below\n"
            'char s[] = "no // comment but a message " "in two parts\\n";\n',
            "a.c"),
            [("comments", 3, "First line second."),
             ("comments", 8, "behind and below"),
             ("messages", 10, "no // comment but a message in two parts")])

    def test_shell(self):
        self.assertEqual(sentences(
            "#!/bin/sh\n# One.\necho '# no' $#  # a comment\n", "a.sh"),
            [("comments", 2, "One."), ("comments", 3, "a comment")])

    def test_python(self):
        self.assertEqual(sentences(
            '"""A docstring."""\nx = "no"  # a comment\n', "a.py"),
            [("comments", 2, "a comment"), ("comments", 1, "A docstring.")])


class Figures:
    """The same value for each rule."""

    def __init__(self, number):
        self.number = number

    def value(self, _rule):
        return self.number


class Limits(unittest.TestCase):
    RULES = ("placeholder", "headless", "long", "term")

    def setUp(self):
        file, self.path = tempfile.mkstemp()
        os.write(file, b"# a remark\n. comments 9 9 9 9\n"
                 b"lib comments 8 2 2 2\n")
        os.close(file)

    def tearDown(self):
        os.unlink(self.path)

    def test_folder(self):
        known = limits.Limits(self.path, self.RULES)
        self.assertEqual(known.folder("lib/local/a.c"), "lib")
        self.assertEqual(known.folder("library/a.c"), ".")

    def test_above(self):
        known = limits.Limits(self.path, self.RULES)
        self.assertEqual(
            len(list(known.above({("lib", "comments"): Figures(3)}))), 3)
        self.assertEqual(
            list(known.above({("lib", "comments"): Figures(2)})), [])

    def lowered(self, figure):
        limits.Limits(self.path, self.RULES).lower(
            {("lib", "comments"): Figures(figure)})
        known = limits.Limits(self.path, self.RULES)
        self.assertEqual(known.lines[".", "comments"], [9, 9, 9, 9])
        return known.lines["lib", "comments"]

    def test_lower_only(self):
        self.assertEqual(self.lowered(3), [7, 2, 2, 2])
        self.assertEqual(self.lowered(9), [7, 2, 2, 2])
        self.assertEqual(self.lowered(1), [7, 1, 1, 1])


if __name__ == "__main__":
    unittest.main()
