# SPDX-License-Identifier: MIT
"""An ivcd for this run only."""

import os
import subprocess
import time


class Broker:
    def __init__(self, build, place):
        self.ivcd = os.path.join(build, "tools", "ivcd")
        self.socket = os.path.join(place, "ivcd.sock")
        # A socket of its own: other programs of the machine do not take part.
        self.env = dict(os.environ, IVC_TRANSPORT="local",
                        IVC_SOCKET=self.socket)

    def __enter__(self):
        self.process = subprocess.Popen([self.ivcd, "--socket", self.socket],
                                        stderr=subprocess.DEVNULL)
        for _ in range(500):
            if os.path.exists(self.socket):
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        self.__exit__()
        raise SystemExit("bench: ivcd does not start")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
