# SPDX-License-Identifier: MIT
"""Take the prose out of a file.

prose(path) returns (kind, blocks). A block is a paragraph, a list item, a table
cell or a comment: a list of (line number, text) pairs. Code, tables of figures,
diagrams and names of functions are no prose; inline code becomes one word, CODE.
"""
import ast
import io
import os
import re
import tokenize

DOCUMENTS, MANUAL, COMMENTS, MESSAGES = \
    "documents", "manual", "comments", "messages"
KINDS = (DOCUMENTS, MANUAL, COMMENTS, MESSAGES)

C_NAMES = (".c", ".h", ".pml")
SH_NAMES = (".sh", ".mk", ".config", ".service", ".socket", ".rules")
SH_FILES = ("Makefile", "Kbuild", "packages.txt")

# A line of a comment that is drawn, not written: three strokes, or columns.
DRAWN = re.compile(r"[-=<>|+*/\\_.^]{3,}|^\s*\||\|\s*$|\S {3,}\S|\t\S")
# What an editor or a checker reads, not a person.
DIRECTIVE = re.compile(
    r"SPDX-License-Identifier|shellcheck |clang-format |cppcheck-suppress|^!"
    r"|^lab: ")
ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+|^\s*@\w+:\s*")


def blocks_of(lines):
    """Group (number, text) pairs: an empty line, a drawing or an indented line
    ends a block, a list item begins one."""
    blocks, block = [], []
    for number, text in lines:
        item = ITEM.match(text)
        indented = re.match(r" {4,}|\t", text) and not item
        if not text.strip() or DRAWN.search(text) or DIRECTIVE.search(text) \
                or (indented and not block):
            blocks.append(block)
            block = []
            continue
        if item:
            blocks.append(block)
            block = []
            text = text[item.end():]
        block.append((number, text.strip()))
    blocks.append(block)
    return [block for block in blocks if block]


def markdown(source):
    """Paragraphs, list items, headings and table cells; no code."""
    source = re.sub(r"<!--.*?-->", lambda m: "\n" * m[0].count("\n"), source,
                    flags=re.S)
    blocks, block, fenced, before = [], [], False, ""

    def end():
        nonlocal block
        if block:
            blocks.append(block)
        block = []

    for number, line in enumerate(source.splitlines(), 1):
        if re.match(r"\s*(```|~~~)", line):
            fenced = not fenced
            end()
        elif fenced:
            pass
        elif not line.strip():
            end()
        elif re.match(r" {4,}|\t", line) and not block and \
                not ITEM.match(line):
            pass
        elif line.lstrip().startswith("|"):
            end()
            if not re.match(r"[\s|:-]+$", line):
                for cell in re.split(r"(?<!\\)\|", line)[1:-1]:
                    blocks.append([(number, inline(cell))])
        elif line.startswith("#"):
            end()
            blocks.append([(number, inline(line.lstrip("# ")))])
        else:
            item = ITEM.match(line)
            if item:
                end()
                line = line[item.end():]
            block.append((number, inline(line)))
    end()
    return blocks


def inline(text):
    """Markdown's marks within a line."""
    text = re.sub(r"``.+?``|`[^`]+`", "CODE", text)
    text = re.sub(r"!?\[([^]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"https?://\S+|<[^>]+>", "CODE", text)
    return re.sub(r"\*\*|(?<!\w)[*_]|[*_](?!\w)", "", text).strip()


# Sections of a manual page that are lists of names, and no sentences.
NO_PROSE = ("NAME", "SYNOPSIS", "SEE ALSO", "AUTHORS")
# Macros (man's and mdoc's) whose arguments stand in the sentence as a name ...
NAMES = set("Fn Fa Ft Xr Er Dv Ar Fl Nm Pa Ev Va Vt Li Ql Ic Cm In Cd Ad Tn "
            "Lk Mt Op Fo Fc Oo Oc Bx Ux B I BR RB IR RI BI IB SM SB".split())
# ... as words, or not at all.
WORDS = set("Sy Em Dq Sq Qq Pq Aq Bq No".split())
LITERAL = {"nf": "fi", "EX": "EE", "Bd": "Ed"}


def roff(source):
    """A manual page, in man(7) or mdoc(7)."""
    blocks, block, section = [], [], ""
    literal = None
    tag = False

    def end():
        nonlocal block
        if block:
            blocks.append(block)
        block = []

    for number, line in enumerate(source.splitlines(), 1):
        macro = re.match(r"['.]\s*(\w+)\s*(.*)", line)
        name, args = macro.groups() if macro else (None, line)
        if line.startswith((".\\\"", "'\\\"")):
            continue
        if literal:
            if name == literal:
                literal = None
            continue
        if name in LITERAL and (name != "Bd" or
                                re.search("literal|unfilled", args)):
            end()
            literal = LITERAL[name]
        elif name in ("Sh", "SH"):
            end()
            section = args.strip('" ')
        elif section in NO_PROSE or not section:
            pass
        elif tag:
            tag = False
        elif name in ("TP", "TQ"):
            end()
            tag = True
        elif name in NAMES or name in WORDS:
            block.append((number, macro_words(name, args)))
        elif name:
            end()
        elif not line.strip():
            end()
        else:
            block.append((number, unescape(line)))
    end()
    return blocks


def macro_words(name, args):
    """The words of a macro's line: CODE for a name, also for those of the macros
    that mdoc calls within the line; punctuation follows without a space."""
    words, named = [], name in NAMES
    fresh = True
    if named and not args.strip(" .,;:?!)"):
        args = "CODE " + args
    for token in re.findall(r'"[^"]*"|\S+', args):
        if token in NAMES or token in WORDS:
            named, fresh = token in NAMES, True
        elif re.fullmatch(r"[.,;:?!)]+", token):
            words.append((words.pop() if words else "") + token)
        elif token in ("(", "["):
            pass
        elif not named:
            words.append(unescape(token.strip('"')))
        elif fresh:
            words.append("CODE")
            fresh = False
    mark = re.search(r"[.,;:?!]$", args) if name.isupper() else None
    return " ".join(words) + (mark[0] if mark else "")


def unescape(text):
    """roff's escapes within a line; text in bold or italics is a name."""
    text = re.sub(r"\\f[BI]\S*?(\\f[RP])", "CODE", text)
    text = re.sub(r"\\f\(?\w\w?|\\f\[\w*\]|\\[&/,|^]|\\c$", "", text)
    text = text.replace("\\-", "-").replace("\\e", "\\")
    text = re.sub(r"\\\((?:lq|rq|dq|aq|oq|cq)|\\\*[LR]?q?", "'", text)
    return re.sub(r"\\\((\w\w)|\\\[\w+\]|\\.", " ", text).strip()


C_TOKEN = re.compile(
    r'/\*(?P<block>.*?)\*/|//(?P<line>[^\n]*)'
    r'|(?P<string>"(?:[^"\\\n]|\\.)*")'
    r"|'(?:[^'\\\n]|\\.)*'", re.S)


def c_source(source):
    """(comments, messages): string literals of four words and more."""
    comments, messages = [], []
    run, run_end = [], -2
    text_end, text = -1, []
    number, at = 1, 0

    def end_run():
        nonlocal run
        comments.extend(blocks_of(run))
        run = []

    for token in C_TOKEN.finditer(source):
        number += source.count("\n", at, token.start())
        at = token.start()
        if token["line"] is not None:
            if number != run_end + 1:
                end_run()
            run.append((number, token["line"].removeprefix(" ")))
            run_end = number
        elif token["block"] is not None:
            lines = [(number + n, re.sub(r"^\s*\*? ?" if n else r"^\s?", "", l))
                     for n, l in enumerate(token["block"].split("\n"))]
            comments.extend(blocks_of(lines))
        elif token["string"]:
            literal = re.sub(r"\\[ntr]", " ", token["string"][1:-1])
            literal = re.sub(r"%[-+#0-9.*]*(?:hh|h|ll|l|z|j)?[a-zA-Z]|\\.",
                             "CODE", literal)
            if text and source[text_end:token.start()].strip():
                messages.append(text)
                text = []
            text.append((number, literal))
            text_end = token.end()
    end_run()
    messages.append(text)
    return comments, [sentence for sentence in messages
                      if sum(len(re.findall(r"[a-z]{2,}", t, re.I))
                             for _, t in sentence) >= 4
                      and any(" " in t for _, t in sentence)]


def shell(source):
    """Comments that begin a line, or stand behind code with a space around."""
    lines, blocks = [], []
    for number, line in enumerate(source.splitlines(), 1):
        whole = re.match(r"\s*#+ ?(.*)", line)
        behind = re.search(r"\S\s+# (.*)", line)
        if whole:
            lines.append((number, whole[1]))
            continue
        blocks += blocks_of(lines)
        lines = []
        if behind and line[:behind.start(1)].count("'") % 2 == 0 and \
                line[:behind.start(1)].count('"') % 2 == 0:
            blocks += blocks_of([(number, behind[1])])
    return blocks + blocks_of(lines)


def python(source):
    """Comments and docstrings."""
    lines, blocks, last = [], [], -2
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            number = token.start[0]
            if number != last + 1:
                blocks += blocks_of(lines)
                lines = []
            lines.append((number, token.string.lstrip("#").removeprefix(" ")))
            last = number
    blocks += blocks_of(lines)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) \
                and ast.get_docstring(node):
            first = node.body[0].lineno
            text = node.body[0].value.value
            blocks += blocks_of([(first + n, l) for n, l in
                                 enumerate(text.split("\n"))])
    return blocks


def prose(path):
    """{kind: blocks} of a file; {} for one that has no prose."""
    name = os.path.basename(path)
    suffix = os.path.splitext(name)[1]
    try:
        with open(path, encoding="utf-8") as file:
            source = file.read()
    except (UnicodeDecodeError, IsADirectoryError):
        return {}
    if suffix == ".md":
        return {DOCUMENTS: markdown(source)}
    if re.fullmatch(r"\.[1-9]", suffix):
        return {MANUAL: roff(source)}
    if suffix in C_NAMES:
        comments, messages = c_source(source)
        return {COMMENTS: comments, MESSAGES: messages}
    first = source[:80].split("\n")[0]
    if suffix == ".py" or re.match("#!.*python", first):
        return {COMMENTS: python(source)}
    if suffix in SH_NAMES or name in SH_FILES or re.match("#!.*sh", first):
        return {COMMENTS: shell(source)}
    return {}
