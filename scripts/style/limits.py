# SPDX-License-Identifier: MIT
"""The file of limits: lines of FOLDER KIND and a number for each rule.

A file belongs to the line with the longest folder that it is in. A line with the
folder "." is for files that no other line names.
"""

# The least limit of placeholders: below the aim a figure may go up and down.
AIMS = {"comments": 7, "messages": 7, "documents": 5, "manual": 5}
LINE = "%-11s %-10s %11g %9g %5g %5g\n"


class Limits:
    """Reads the file PATH; without one nothing is limited."""

    def __init__(self, path, rules):
        self.path, self.rules, self.lines = path, rules, {}
        if not path:
            return
        with open(path, encoding="utf-8") as file:
            for line in file:
                fields = line.split("#")[0].split()
                if fields:
                    self.lines[fields[0], fields[1]] = \
                        [float(field) for field in fields[2:]]

    def folder(self, path):
        names = {folder for folder, _ in self.lines
                 if folder == "." or path.startswith(folder + "/")}
        return max(names, key=lambda name: (name != ".", len(name)),
                   default=None)

    def above(self, folders):
        """A line of text for each figure above its limit."""
        for key, figures in sorted(folders.items()):
            bounds = self.lines.get(key)
            if bounds is None:
                continue
            for rule, bound in zip(self.rules, bounds):
                # Compared as it is written in the file: to a tenth.
                if round(figures.value(rule), 1) > bound:
                    yield "%s, %s: %s is %.1f, the limit is %g; see " \
                        "scripts/style-check --list --only %s %s" % (
                            *key, rule, figures.value(rule), bound, rule,
                            key[0])

    def lower(self, folders):
        """Write the file anew, with lower numbers where the figures are."""
        with open(self.path, encoding="utf-8") as file:
            old = file.readlines()
        with open(self.path, "w", encoding="utf-8") as file:
            for line in old:
                fields = line.split("#")[0].split()
                if fields:
                    line = self.lowered(fields, folders)
                file.write(line)

    def lowered(self, fields, folders):
        """The line of a folder and a kind, as today's figures allow."""
        folder, kind, *bounds = fields
        figures = folders.get((folder, kind))
        numbers = []
        for rule, bound in zip(self.rules, map(float, bounds)):
            least = AIMS[kind] if rule == "placeholder" else 0
            now = round(figures.value(rule), 1) if figures else bound
            numbers.append(max(least, min(bound, now)))
        return LINE % (folder, kind, *numbers)
