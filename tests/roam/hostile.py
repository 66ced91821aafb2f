#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A hostile peer of ivc-roam: hostile.py connect|listen PORT DEED

The deeds listed before "hello" replace the hello; the others follow a correct one.
"""
import os
import socket
import struct
import sys
import time

HELLO, DATA, SWITCH, END = 1, 2, 3, 4


def frame(kind, data=b"", length=None):
    return struct.pack("<II", kind, len(data) if length is None else length) + data


def hello(mark=b"IVCROAM1", magic=7, me=2, peer=1, mode=0, size=64):
    return frame(HELLO, struct.pack("<8sQIIIIII", mark, magic, me, peer, mode, size, 0, 0))


def message(kind, seq, size, claim=None, mark=0x4D414F52):
    # The CRC is 0, so no message is right.
    return struct.pack("<IIQII", mark, kind, seq, claim or size, 0) + bytes(size - 24)


DEEDS = {
    "garbage": os.urandom(4096),
    "text": b"GET / HTTP/1.0\r\n\r\n",
    "silence": b"",
    "bye": None,
    "other-mark": hello(mark=b"IVCROAM2"),
    "other-magic": hello(magic=8),
    "other-id": hello(me=3),
    "no-such-mode": hello(mode=9),
    "size-0": hello(size=0),
    "size-huge": hello(size=1 << 31),
    "hello": hello(),
    "data-first": frame(DATA, bytes(64)),
    "unknown-frame": hello() + frame(9, b"x"),
    "huge-frame": hello() + frame(DATA, b"x", 1 << 31),
    "empty-data": hello() + frame(DATA),
    "short-switch": hello() + frame(SWITCH, b"x"),
    "switch-to-0": hello() + frame(SWITCH, bytes(4)),
    "switch-back": hello() + frame(SWITCH, b"\2\0\0\0") + frame(SWITCH, b"\1\0\0\0"),
    "second-hello": hello() + hello(),
    "no-message": hello() + frame(DATA, os.urandom(64)),
    "bad-sum": hello() + frame(DATA, message(1, 0, 64)),
    "bad-length": hello() + frame(DATA, message(1, 0, 64, 1 << 30)),
    "end-at-once": hello() + frame(END),
    "cut-short": hello() + frame(DATA, b"half", 64),
}

how, port, deed = sys.argv[1], int(sys.argv[2]), DEEDS[sys.argv[3]]
if how == "connect":
    for _ in range(100):
        try:
            s = socket.create_connection(("127.0.0.1", port))
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
    else:
        sys.exit(f"hostile.py: nobody listens on port {port}")
else:
    server = socket.create_server(("127.0.0.1", port))
    s = server.accept()[0]
s.settimeout(8)
try:
    if deed:
        s.sendall(deed)
    # These deeds close the connection afterwards.
    if deed is None or sys.argv[3] in ("hello", "cut-short", "end-at-once"):
        time.sleep(0.2)
        sys.exit(0)
    while s.recv(65536):
        pass
except OSError:
    pass
