#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Which system calls of a run would a unit have refused?

syscalls.py UNIT TRACE: UNIT's SystemCallFilter= lines, as this machine's
systemd-analyze expands the sets in them, against what `strace -f -o TRACE` saw.
Exits with 1 and names the calls, or with 0 and their number.
"""
import re
import subprocess
import sys


def sets():
    text = subprocess.run(['systemd-analyze', '--no-pager', 'syscall-filter'],
                          check=True, capture_output=True, text=True).stdout
    found, name = {}, None
    for line in text.splitlines():
        if line.startswith('@'):
            name = line.split()[0]
            found[name] = []
        elif not line.strip():
            name = None
        elif name and not line.strip().startswith('#'):
            found[name].append(line.strip())
    return found


def expand(word, known):
    if not word.startswith('@'):
        return {word}
    return set().union(*(expand(w, known) for w in known[word]))


def allowed(unit, known):
    # systemd adds @default to every list of calls that are allowed.
    calls = expand('@default', known)
    for line in open(unit):
        m = re.match(r'SystemCallFilter=(~?)(.*)', line)
        if not m:
            continue
        for word in m.group(2).split():
            if m.group(1):
                calls -= expand(word, known)
            else:
                calls |= expand(word, known)
    return calls


def used(trace):
    return set(re.findall(r'^(?:\d+\s+)?(\w+)\(', open(trace).read(), re.M))


def main(unit, trace):
    calls = used(trace)
    if 'accept4' not in calls:
        sys.exit(trace + ': no trace of ivcd')
    refused = calls - allowed(unit, sets())
    if refused:
        sys.exit('refused: ' + ' '.join(sorted(refused)))
    print(len(calls), 'system calls, all allowed')


main(*sys.argv[1:])
