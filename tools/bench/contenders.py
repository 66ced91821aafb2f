# SPDX-License-Identifier: MIT
"""The contenders: how each is started, and with which settings.

All but UCX run the loops of loops.c, so they print the same rows. UCX has a
well-known program of its own, whose output is converted to such rows.
"""

import collections
import json
import math
import os
import shutil
import socket
import subprocess
import tempfile
import time

import machine

Plan = collections.namedtuple("Plan", "sizes cpus ms limit ring")

# A program that takes longer hangs.
TIMEOUT = 300


class Failed(Exception):
    pass


def stop(process):
    """Send SIGTERM to the process; mpirun then ends its job, too."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def output_of(command, env):
    process = subprocess.Popen(command, env=env, text=True,
                               stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        out, err = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        raise Failed("it hangs") from None
    finally:
        stop(process)
    if process.returncode:
        said = err.strip().splitlines()
        raise Failed("exit %d%s" % (process.returncode,
                                    ": " + said[0] if said else ""))
    return out


def plan_options(plan):
    words = ["--cpus", "%d,%d" % tuple(plan.cpus), "--ms", str(plan.ms),
             "--limit", str(plan.limit), "--ring", str(plan.ring)]
    for test, sizes in plan.sizes.items():
        words += ["--" + test, ",".join(map(str, sizes))]
    return words


class Contender:
    """A program that runs loops.c; @before are the words in front of it."""

    def __init__(self, name, says, program, env, before=(), after=(),
                 package=None, needs=(), ring=0):
        self.name, self.says = name, says
        self.program, self.before, self.after = program, before, after
        self.env, self.package, self.needs = env, package, needs
        self.ring = ring  # ivc: a ring size of its own

    def missing(self):
        for need in self.needs:
            if not shutil.which(need):
                return "no %s; make bench-deps" % need
        if not os.path.exists(self.program):
            return "not built, its package is missing; make bench-deps"
        return None

    def version(self):
        if self.package:
            return machine.package_version(self.package)
        return machine.ivc_version() if self.name.startswith("ivc") else ""

    def run(self, plan):
        if self.ring:
            plan = plan._replace(ring=self.ring)
        out = output_of([*self.before, self.program, *self.after,
                         *plan_options(plan)], self.env)
        return [json.loads(line) for line in out.splitlines()
                if line.startswith("{")]


class Ucx(Contender):
    """ucx_perftest: a server, a client, and a batch of tests.

    UCX has no test of both directions. For latencies it reports a single
    percentile, so each latency is measured once per percentile. For bandwidths it
    reports only the mean, so each is measured three times: least, median, most."""

    RANKS = {"p10": 10.0, "p50": 50.0, "p99": 99.0}
    # Estimates: ns per small message, and bytes per ns.
    NS_LATENCY, NS_UNI, RATE = 300, 150, 6

    def missing(self):
        return None if shutil.which(self.program) else (
            "no %s; make bench-deps" % self.program)

    def iterations(self, plan, ns):
        n = math.ceil(plan.ms * 1e6 / ns / len(self.RANKS))
        return max(2, min(n, 3 * plan.limit) if plan.limit else n)

    def batch(self, plan):
        for size in plan.sizes["latency"]:
            n = self.iterations(plan, 2 * (self.NS_LATENCY + size / self.RATE))
            for name, rank in self.RANKS.items():
                yield "latency/%d/%s -t tag_lat -s %d -n %d -w %d -R %s" % (
                    size, name, size, n, n // 5 + 1, rank)
        for size in plan.sizes["uni"]:
            n = self.iterations(plan, self.NS_UNI + size / self.RATE)
            for name in self.RANKS:
                yield "uni/%d/%s -t tag_bw -s %d -n %d -w %d" % (
                    size, name, size, n, n // 5 + 1)

    @staticmethod
    def free_port():
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            return s.getsockname()[1]

    @staticmethod
    def listens(port):
        with open("/proc/net/tcp") as f:
            return any(line.split()[1].endswith(":%04X" % port) and
                       line.split()[3] == "0A" for line in f)

    def run(self, plan):
        port = self.free_port()
        with tempfile.NamedTemporaryFile("w", prefix="ivc-bench-") as f:
            f.write("\n".join(self.batch(plan)) + "\n")
            f.flush()
            words = [self.program, "-p", str(port), "-b", f.name]
            server = subprocess.Popen(
                words + ["-c", str(plan.cpus[1])], env=self.env,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
            try:
                for _ in range(200):
                    if self.listens(port) or server.poll() is not None:
                        break
                    time.sleep(0.02)
                out = output_of([words[0], "127.0.0.1", *words[1:], "-c",
                                 str(plan.cpus[0]), "-t", "tag_lat", "-f",
                                 "-v"], self.env)
            finally:
                stop(server)
        return self.rows(out)

    def rows(self, out):
        found = collections.defaultdict(dict)
        for line in out.splitlines():
            words = line.split(",")
            if words[0].count("/") != 2:
                continue
            test, size, name = words[0].split("/")
            if test == "latency":
                value = float(words[2])
            else:
                value = float(words[8]) * int(size) / 1e6
            found[test, int(size)][name] = value
        for (test, size), row in found.items():
            values = sorted(row.values())
            row.update(zip(("p10", "p50", "p99"), values))
            row.update(test=test, size=size)
        return list(found.values())


def every(build, env):
    """All contenders, in the order of the table."""
    bench = os.path.join(build, "bench")
    pair = os.path.join(bench, "pair")

    def own(name, says, kind=None, **more):
        return Contender(name, says, pair, env,
                         after=("--contender", kind or name), **more)

    def mpi(name, says, kind, package, before, **more):
        # The traffic of mpirun itself stays on the loopback interface.
        return Contender(name, says, os.path.join(bench, "mpi-" + kind),
                         dict(env, **more), before=before, package=package,
                         needs=(before[0],))

    openmpi = ("mpirun.openmpi", "-n", "2", "--host", "localhost:2",
               "--bind-to", "none", "--mca", "plm", "isolated",
               "--mca", "oob_tcp_if_include", "lo", "--mca", "pml", "ob1",
               "--mca", "btl", "self,vader",
               "--mca", "mpi_yield_when_idle", "0")
    root = {"OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    no_copy = ("--mca", "btl_vader_single_copy_mechanism", "none")
    mpich = ("mpirun.mpich", "-bind-to", "none", "-iface", "lo", "-n", "2")
    posix = {"UCX_TLS": "posix,self"}
    return [
        own("floor", "bare hand-over of cache lines, sequence inline"),
        own("memcpy", "memcpy() in one process, warm"),
        own("two-copy", "bare pipeline through a shared buffer"),
        own("ivc", "ivc_write(), ivc_read()"),
        own("ivc-wait", "ivc_write_all(), ivc_read_all()"),
        own("ivc-256K", "as ivc, with rings of 256 KiB", kind="ivc",
            ring=262144),
        own("ivc-zc", "reserve/commit, peek/release; filled and looked at"),
        own("unix", "AF_UNIX stream socket"),
        own("pipe", "two pipes"),
        own("tcp", "TCP over loopback, no delay"),
        mpi("openmpi", "Open MPI, vader, two copies", "openmpi", "openmpi-bin",
            openmpi + no_copy, **root),
        mpi("ompi-cma", "Open MPI, vader, with CMA", "openmpi", "openmpi-bin",
            openmpi, **root),
        mpi("mpich", "MPICH, UCX_TLS=posix", "mpich", "mpich", mpich, **posix),
        Ucx("ucx", "ucx_perftest, UCX_TLS=posix", "ucx_perftest",
            dict(env, **posix), package="ucx-utils"),
        Contender("libfabric", "libfabric shm, without CMA",
                  os.path.join(bench, "libfabric"),
                  dict(env, FI_SHM_DISABLE_CMA="1", FI_PROVIDER="shm"),
                  package="libfabric1"),
    ]
