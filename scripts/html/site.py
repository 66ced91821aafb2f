#!/usr/bin/python3
# SPDX-License-Identifier: MIT
# The modules are those of Debian's packages, for the Python of the system.
"""The documents as a web site of plain files: site.py FOLDER

Every document, manual page and example becomes a page at the place that it has in
the tree, and so does every other file or folder of the tree to which a document
links. A broken link is an error: FILE: link to TARGET, exit status 1.
"""
import html
import html.parser
import os
import posixpath
import re
import subprocess
import sys

from markdown_it import MarkdownIt
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_by_name, get_lexer_for_filename
from pygments.util import ClassNotFound

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
MAN = "docs/man"

# The documents of the menu. A folder of documents is one entry, and all its documents
# on the pages of that folder.
MENU = [
    ("Begin", ["README.md", "docs/user/quickstart.md"]),
    ("Use", ["docs/user/programming.md", "docs/user/mpi.md", "docs/user/admin.md",
             MAN, "examples"]),
    ("Project", ["CHANGELOG.md", "SECURITY.md", "CONTRIBUTING.md", "docs/README.md",
                 "docs/glossary.md", "docs/reference", "docs/internals",
                 "docs/measurements"]),
]
TITLES = {"README.md": "What IVC is", MAN: "Manual pages", "examples": "Examples",
          "docs/README.md": "All documents", "docs/reference": "Protocols",
          "docs/internals": "Internals", "docs/measurements": "Measurements"}

markdown = MarkdownIt("commonmark").enable("table")
formatter = HtmlFormatter(nowrap=True)


def tree():
    """The files that git knows, and those that are new."""
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=TOP,
                         stdout=subprocess.PIPE, text=True, check=True).stdout
    return sorted(f for f in out.splitlines() if os.path.exists(os.path.join(TOP, f)))


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


FILES = tree()
FOLDERS = {posixpath.dirname(f) for f in FILES}
FOLDERS |= {posixpath.dirname(d) for d in FOLDERS}


def manual_names():
    """The page of each name: ivc_read(3) is in ivc_write.3."""
    names = {}
    for path in FILES:
        if path.startswith(MAN + "/"):
            section = path.rpartition(".")[2]
            head = read(path).partition(".Sh SYNOPSIS")[0]
            for name in re.findall(r"^\.Nm (\S+)", head, re.M):
                names[f"{name}.{section}"] = path
    return names


MANUAL = manual_names()


def page_of(path):
    """The page of a file or folder of the tree."""
    if path == "README.md":
        return "index.html"
    if path in FOLDERS:
        return posixpath.join(path, "index.html")
    if path.startswith(MAN + "/"):
        return path + ".html"
    return (path[:-3] if path.endswith(".md") else path) + ".html"


def link(page, path):
    return posixpath.relpath(page_of(path), posixpath.dirname(page) or ".")


def title_of(path):
    if path in TITLES:
        return TITLES[path]
    if path.endswith(".md"):
        heading = re.search(r"^# (.*)", read(path), re.M)
        if heading:
            return heading.group(1).replace("`", "")
    name = posixpath.basename(path)
    page = re.fullmatch(r"(.*)\.(\d)", name)
    return f"{page.group(1)}({page.group(2)})" if page else name


def slug(text, seen):
    """The id of a heading, as hosts of Git repositories make it."""
    name = re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-")
    seen[name] = seen.get(name, -1) + 1
    return f"{name}-{seen[name]}" if seen[name] else name


def colored(text, language):
    try:
        lexer = get_lexer_by_name(language) if language else TextLexer()
    except ClassNotFound:
        lexer = TextLexer()
    return highlight(text, lexer, formatter)


class Site:
    def __init__(self, out):
        self.out = out
        self.wanted = []    # files and folders of the tree that need a page
        self.made = set()
        self.broken = []
        self.links = {}     # page: its links
        self.ids = {}       # page: its ids

    def want(self, path):
        if path not in self.made:
            self.made.add(path)
            self.wanted.append(path)

    # A page

    def menu(self, page, path, sections):
        out = []
        for name, entries in MENU:
            out.append(f"<h2>{name}</h2>\n<ul>")
            for entry in entries:
                if entry not in FILES and entry not in FOLDERS:
                    continue
                items = [entry]
                if entry.startswith("docs/") and posixpath.dirname(path) == entry:
                    items += [f for f in FILES if posixpath.dirname(f) == entry]
                for item in items:
                    here = ' class="here"' if item == path else ""
                    out.append(f'<li><a{here} href="{link(page, item)}">'
                               f"{html.escape(title_of(item))}</a></li>")
                    if item == path and sections:
                        out.append('<li><ul class="sections">' + "".join(
                            f'<li><a href="#{id}">{html.escape(text)}</a></li>'
                            for id, text in sections) + "</ul></li>")
            out.append("</ul>")
        return "\n".join(out)

    def write(self, path, body, sections=()):
        page = page_of(path)
        css = posixpath.relpath("style.css", posixpath.dirname(page) or ".")
        text = (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
                '<meta name="viewport" content="width=device-width">\n'
                f"<title>{html.escape(title_of(path))} - IVC</title>\n"
                f'<link rel="stylesheet" href="{css}">\n</head>\n<body>\n<nav>\n'
                f"{self.menu(page, path, sections)}\n</nav>\n<main>\n{body}\n"
                "</main>\n</body>\n</html>\n")
        name = os.path.join(self.out, page)
        os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
        parser = Links()
        parser.feed(text)
        self.links[page], self.ids[page] = parser.links, parser.ids

    # Kinds of pages

    def document(self, path):
        page, folder = page_of(path), posixpath.dirname(path)
        tokens = markdown.parse(re.sub(r"(?m)^<!--.*?-->\n", "", read(path)))
        seen, sections = {}, []
        for i, token in enumerate(tokens):
            if token.type == "heading_open":
                text = tokens[i + 1].content.replace("`", "")
                token.attrSet("id", slug(text, seen))
                if token.tag == "h2":
                    sections.append((token.attrGet("id"), text))
            for child in token.children or []:
                if child.type == "link_open":
                    child.attrSet("href", self.target(path, page, folder,
                                                      child.attrGet("href")))
        for i, token in enumerate(tokens):
            if token.type == "fence":
                output = token.info == "text" and i and tokens[i - 1].info == "sh"
                kind = ' class="output"' if output else ""
                token.type, token.content = "html_block", (
                    f"<pre{kind}><code>{colored(token.content, token.info)}"
                    "</code></pre>\n")
        out = markdown.renderer.render(tokens, markdown.options, {})
        out = out.replace("<table>", '<div class="table"><table>').replace(
            "</table>", "</table></div>")
        self.write(path, self.text_links(page, out), sections)

    def target(self, path, page, folder, href):
        """Where a link of a document leads to in the site."""
        if re.match(r"[a-z]+:|#", href):
            return href
        name, _, fragment = href.partition("#")
        file = posixpath.normpath(posixpath.join(folder, name))
        if file not in FILES and file not in FOLDERS:
            self.broken.append(f"{path}: link to {href}: no such file")
            return "#"
        self.want(file)
        return link(page, file) + ("#" + fragment if fragment else "")

    def text_links(self, page, text):
        """name(3) and docs/NAME.md in running text become links, if they exist."""
        def one(match):
            file = match.group(3) or MANUAL.get(f"{match.group(1)}.{match.group(2)}")
            if file not in FILES or page_of(file) == page:
                return match.group()
            self.want(file)
            return f'<a href="{link(page, file)}">{match.group()}</a>'

        parts = re.split(r"(<pre.*?</pre>|<a .*?</a>|<[^>]*>)", text, flags=re.S)
        return "".join(part if part.startswith("<") else
                       re.sub(r"\b([a-z][\w-]*)\((\d)\)|\b(docs/[\w/.-]+\.md)\b",
                              one, part)
                       for part in parts)

    def manual(self, path):
        page = page_of(path)
        body = subprocess.run(
            ["mandoc", "-T", "html", "-O", "fragment,man=%N.%S", path], cwd=TOP,
            stdout=subprocess.PIPE, text=True, check=True).stdout

        def one(match):
            file = MANUAL.get(match.group(1))
            if not file or file == path:    # a page of the system; this page
                return match.group(2)
            return f'<a href="{link(page, file)}">{match.group(2)}</a>'

        body = re.sub(r'<a class="Xr" href="([^"]*)">(.*?)</a>', one, body, flags=re.S)
        self.write(path, body)

    def source(self, path):
        try:
            lexer = get_lexer_for_filename(path)
        except ClassNotFound:
            lexer = TextLexer()
        self.write(path, f"<h1><code>{html.escape(path)}</code></h1>\n<pre><code>"
                   f"{highlight(read(path), lexer, formatter)}</code></pre>")

    def folder(self, path):
        page = page_of(path)
        items = [f for f in FILES if posixpath.dirname(f) == path]
        rows = []
        for item in items:
            self.want(item)
            rows.append(f'<tr><td><a href="{link(page, item)}">'
                        f"{html.escape(title_of(item))}</a></td><td>"
                        f"{html.escape(about(item))}</td></tr>")
        self.write(path, f"<h1>{html.escape(title_of(path))}</h1>\n<table>\n" +
                   "\n".join(rows) + "\n</table>")

    def make(self, path):
        if path in FOLDERS:
            self.folder(path)
        elif path.endswith(".md"):
            self.document(path)
        elif path.startswith(MAN + "/"):
            self.manual(path)
        else:
            self.source(path)

    def check(self):
        for page, links in self.links.items():
            for href in links:
                name, _, fragment = href.partition("#")
                to = posixpath.normpath(posixpath.join(posixpath.dirname(page),
                                                       name)) if name else page
                if re.match(r"[a-z]+:|#$", href) or to == "style.css":
                    continue
                if to not in self.ids:
                    self.broken.append(f"{page}: link to {href}: no such page")
                elif fragment and fragment not in self.ids[to]:
                    self.broken.append(f"{page}: link to {href}: no such section")


class Links(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.ids = [], set()

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if "id" in attrs:
            self.ids.add(attrs["id"])
        if "href" in attrs:
            self.links.append(attrs["href"])


def about(path):
    """What a file is about, in a line: its NAME, or its first comment."""
    text = read(path)
    name = re.search(r"^\.Nd (.*)", text, re.M)
    if name:
        return name.group(1)
    comment = re.search(r"/\*\n \* (.*?)(?:\n \*\n|\*/)", text, re.S)
    if comment and path.endswith((".c", ".h")):
        sentence = re.sub(r"\s*\n \*\s*", " ", comment.group(1)).strip()
        return re.split(r"(?<=[.:]) ", sentence)[0].rstrip(":.")
    return ""


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    site = Site(sys.argv[1])
    for _, entries in MENU:
        for entry in entries:
            if entry in FILES or entry in FOLDERS:
                site.want(entry)
    while site.wanted:
        site.make(site.wanted.pop())
    style = read("scripts/html/style.css")
    colors = HtmlFormatter(style="friendly").get_style_defs("pre")
    colors = "\n".join(line for line in colors.splitlines()
                       if line.startswith("pre ."))
    with open(os.path.join(site.out, "style.css"), "w", encoding="utf-8") as file:
        file.write(style + "@media (prefers-color-scheme: light) {\n" + colors +
                   "\n}\n")
    site.check()
    for line in site.broken:
        print("html:", line, file=sys.stderr)
    print(f"html: {len(site.links)} pages, "
          f"{sum(map(len, site.links.values()))} links, {len(site.broken)} broken")
    sys.exit(1 if site.broken else 0)


if __name__ == "__main__":
    main()
