#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Try what the documents say, as a reader would type it.

documents.py FLAGS FILE...: FLAGS are the compiler's flags for libivc, the files
are manual pages and Markdown documents. Each check prints one line that
begins with ok, FAIL or skip.

A manual page has programs in its EXAMPLES section: the literal blocks that
begin with #include. Each is compiled and run. The literal block after a line
with "prints" is the exact output of the program before it.

A Markdown document has fenced blocks:

  sh    Commands. All blocks of one document are run by one shell, so that
        background processes and variables last from one block to the next.
  text  The expected output of the sh block before it, see pattern(); a text block
        elsewhere is not checked.
  c     A program with main(), which is compiled and run; or a quotation.

An HTML comment on the line before a block says more about that block:

  <!-- from FILE -->       a quotation: its lines stand in FILE, in this order
  <!-- not run: REASON --> skipped, and counted
  <!-- needs COMMAND -->   skipped, and counted, where there is no such command
"""
import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PATIENCE = 300      # seconds for a program or a block: the machine may be busy


def say(verdict, what, details=""):
    print(f"{verdict:4} {what}", flush=True)
    for line in details.splitlines():
        print(f"     | {line}", flush=True)


def pattern(line):
    """An expected line as a regular expression: any number stands for any
    other, ... for any text, and the amount of white space does not matter."""
    out = []
    for part in re.split(r"(\.\.\.|\d+(?:\.\d+)?|\s+)", line.strip()):
        if part == "...":
            out.append(r".*")
        elif part and part[0].isdigit():
            out.append(r"\d+(?:\.\d+)?")
        elif part.isspace():
            out.append(r"\s+")
        else:
            out.append(re.escape(part))
    return re.compile("".join(out))


def missing(expected, got):
    """The expected lines that were not printed."""
    lines = [line.strip() for line in got.splitlines()]
    return [line for line in expected.splitlines() if line.strip() and
            not any(pattern(line).fullmatch(have) for have in lines)]


def run_program(what, source, expected, flags):
    with tempfile.TemporaryDirectory() as folder:
        name = os.path.join(folder, "program")
        with open(name + ".c", "w") as f:
            f.write(source)
        cc = [os.environ.get("CC", "cc"), "-std=gnu11", "-O2", "-Wall", "-Wextra",
              "-Wshadow", "-Werror", "-o", name, name + ".c", *flags.split()]
        done = subprocess.run(cc, capture_output=True, text=True)
        if done.returncode:
            say("FAIL", what + ": compiles", done.stderr)
            return
        try:
            done = subprocess.run([name], capture_output=True, text=True,
                                  timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            say("FAIL", what, f"has not ended after {PATIENCE} s")
            return
        got = done.stdout + done.stderr
        if done.returncode:
            say("FAIL", what, f"exit status {done.returncode}\n{got}")
        elif expected is not None and got != expected:
            say("FAIL", what, f"expected:\n{expected}printed:\n{got}")
        else:
            say("ok", what)


# Manual pages

def man_blocks(text):
    """The literal blocks of EXAMPLES, each with the line of text before it."""
    section = re.search(r"^\.Sh EXAMPLES\n(.*?)(?=^\.Sh |\Z)", text, re.S | re.M)
    before = block = None
    for line in (section.group(1) if section else "").splitlines():
        if line.startswith(".Bd -literal"):
            block = []
        elif line == ".Ed" and block is not None:
            yield before, "\n".join(block) + "\n"
            block = None
        elif block is not None:
            block.append(line.replace("\\e", "\\").replace("\\&", ""))
        else:
            before = line


def man_page(path, flags):
    with open(path) as f:
        blocks = list(man_blocks(f.read()))
    programs = 0
    for i, (_, block) in enumerate(blocks):
        if not block.startswith("#include"):
            continue
        programs += 1
        expected = None
        if i + 1 < len(blocks) and "print" in blocks[i + 1][0]:
            expected = blocks[i + 1][1]
        run_program(f"{path}: program {programs}", block, expected, flags)
    if not programs:
        say("FAIL", f"{path}: EXAMPLES has no program")


# Markdown

def md_blocks(text):
    """(line number, language, marks, text of the block) of each fenced block,
    and for a block that is indented instead its first line."""
    marks, fence, block = [], None, []
    before, indented = "", False
    for number, line in enumerate(text.splitlines(), 1):
        if fence:
            if line.strip() == "```":
                yield start, fence, marks, "\n".join(block) + "\n"
                marks, fence, block = [], None, []
            else:
                block.append(line)
            continue
        if line.startswith("    ") and not before.strip():
            if not indented:
                yield number, "indented", marks, line
            marks, indented = [], True
            continue
        if line.strip():
            indented = False
        if line.startswith("```"):
            fence, start = line[3:].strip() or "text", number
        elif line.startswith("<!--"):
            marks.append(line.strip()[4:-3].strip())
        elif line.strip():
            marks = []
        before = line


class Shell:
    """A shell that a reader types the commands of one document into."""

    def __init__(self, folder):
        self.folder, self.count, self.out = folder, 0, ""
        self.shell = subprocess.Popen(
            ["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True)
        os.set_blocking(self.shell.stdout.fileno(), False)

    def read(self, seconds):
        """More output, if there is any within that time. False at the end."""
        ready, _, _ = select.select([self.shell.stdout], [], [], seconds)
        if not ready:
            return True
        data = self.shell.stdout.read()
        self.out += (data or b"").decode(errors="replace")
        return bool(data)

    def run(self, text, expected):
        """Run the commands. Returns None, or a description of the failure."""
        self.count += 1
        self.out = ""
        done = f"@done {self.count}"
        name = os.path.join(self.folder, f"block{self.count}")
        with open(name, "w") as f:
            f.write(text)
        self.shell.stdin.write(
            f"set -e; . {name} </dev/null; echo '{done}'\n".encode())
        self.shell.stdin.flush()
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            alive = self.read(0.1)
            finished = done in self.out
            if finished and not missing(expected or "", self.out):
                return None
            if not alive and not finished:
                return "a command has failed:\n" + self.out
        lacks = missing(expected or "", self.out)
        return ("not printed:\n" + "\n".join(lacks) if finished else
                f"has not ended after {PATIENCE} s") + "\nprinted:\n" + self.out

    def close(self):
        try:
            os.killpg(self.shell.pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        self.shell.stdin.close()
        self.shell.wait()


def quotation(what, path, block):
    """Do the lines of the block stand in the file, in this order?"""
    with open(path) as f:
        have = [line.strip() for line in f]
    at = 0
    for line in (line.strip() for line in block.splitlines()):
        if not line or line == "...":
            continue
        if line not in have[at:]:
            say("FAIL", what, f"{path} has no such line at this place:\n{line}")
            return
        at = have.index(line, at) + 1
    say("ok", what)


def document(path, flags):
    with open(path) as f:
        blocks = list(md_blocks(f.read()))
    with tempfile.TemporaryDirectory() as folder, \
            contextlib.closing(Shell(folder)) as shell:
        for i, (line, language, marks, text) in enumerate(blocks):
            what = f"{path}:{line}: {language}"
            reasons = [m[8:].strip() for m in marks if m.startswith("not run:")]
            reasons += [f"no {m[6:].strip()} here" for m in marks
                        if m.startswith("needs ") and not shutil.which(m[6:].strip())]
            sources = [m[5:].strip() for m in marks if m.startswith("from ")]
            expected = None
            if i + 1 < len(blocks) and blocks[i + 1][1] == "text":
                expected = blocks[i + 1][3]
            if reasons:
                say("skip", f"{what}: {reasons[0]}")
            elif sources:
                quotation(f"{what}: as in {sources[0]}", sources[0], text)
            elif language == "sh":
                wrong = shell.run(text, expected)
                say("FAIL" if wrong else "ok", what, wrong or "")
            elif language == "c" and re.search(r"\bmain\(", text):
                run_program(what, text, None, flags)
            elif language not in ("text", "make", "ini"):
                say("FAIL", what, "neither a program nor marked as a quotation"
                    " or as not run:\n" + text)


def main():
    # Leave no process behind when this one is told to end.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if len(sys.argv) < 3 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    flags = sys.argv[1]
    for path in sys.argv[2:]:
        if path.endswith(".md"):
            document(path, flags)
        else:
            man_page(path, flags)


if __name__ == "__main__":
    main()
