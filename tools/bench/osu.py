#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""OSU's osu_latency and osu_bw over the ivc BTL, over Open MPI's own shared
memory (vader, with two copies as IVC) and over its tcp, in turns: only ratios
within one run mean anything. All ranks are on this machine."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True  # the source tree stays as it is

import broker

WAYS = {
    "ivc": "--mca btl ivc,self",
    "vader": "--mca btl vader,self "
             "--mca btl_vader_single_copy_mechanism none",
    "tcp": "--mca btl tcp,self",
}
TESTS = {"osu_latency": "us", "osu_bw": "MB/s"}
LOAD = 0.5
LIMIT_S = 300


def options():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--build", default="build", help="what was built into")
    p.add_argument("--suites", required=True, help="where osu_bw is")
    p.add_argument("--rounds", type=int, default=7)
    p.add_argument("--ways", default=",".join(WAYS))
    p.add_argument("--tests", default=",".join(TESTS))
    p.add_argument("--mca", action="append", default=[], metavar="NAME=VALUE",
                   help="a parameter of ivc's runs")
    p.add_argument("--bind", default="core", help="mpirun's --bind-to")
    return p.parse_args()


def environment(o, env):
    """An environment without this machine's settings of Open MPI."""
    env = {k: v for k, v in env.items() if not k.startswith("OMPI_MCA_")}
    env.update({
        "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_mca_base_component_path":
            os.path.abspath(o.build) + "/mpi:SYS_DEFAULT",
        "OMPI_MCA_plm_rsh_agent": "/bin/false",
        "OMPI_MCA_btl_ivc_tcp_if_include": "lo",
        "OMPI_MCA_btl_tcp_if_include": "lo",
        "OMPI_MCA_oob_tcp_if_include": "lo",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        # Each rank has a CPU, even if Open MPI counts fewer.
        "OMPI_MCA_mpi_yield_when_idle": "0",
    })
    return env


def run(o, env, test, way):
    """Returns {size: figure} of a run."""
    command = ["mpirun.openmpi", "-n", "2", "--bind-to", o.bind]
    command += WAYS[way].split()
    if way == "ivc":
        for m in o.mca:
            command += ["--mca"] + m.split("=", 1)
    command.append(os.path.join(o.suites, test))
    out = subprocess.run(command, env=env, capture_output=True, text=True,
                         timeout=LIMIT_S, check=False)
    rows = {}
    for line in out.stdout.splitlines():
        words = line.split()
        if len(words) == 2 and words[0].isdigit():
            rows[int(words[0])] = float(words[1])
    if out.returncode or not rows:
        raise SystemExit("%s over %s: exit status %d\n%s%s" % (
            test, way, out.returncode, out.stdout, out.stderr))
    return rows


def ratio(ours, theirs):
    """The median of the rounds' ratios: a slow round is slow for both."""
    return statistics.median(a / b for a, b in zip(ours, theirs))


def show(test, ways, rounds):
    print("\n%s, %s; median of %d runs; ratio of ivc to each" % (
        test, TESTS[test], len(rounds)))
    others = [w for w in ways if w != "ivc"]
    print("%9s" % "size" + "".join("%10s" % w for w in ways) +
          "".join("%12s" % ("/ " + w) for w in others))
    for size in rounds[0][ways[0]]:
        all_of = {w: [r[w][size] for r in rounds] for w in ways}
        print("%9d" % size + "".join(
            "%10.2f" % statistics.median(all_of[w]) for w in ways) +
            "".join("%12.2f" % ratio(all_of["ivc"], all_of[w])
                    for w in others if "ivc" in ways))
    sys.stdout.flush()


def main():
    o = options()
    ways = o.ways.split(",")
    load = os.getloadavg()[0]
    print("load %.2f%s" % (load, ": busy, judge nothing by this"
                           if load > LOAD else ""))
    with tempfile.TemporaryDirectory() as place, \
            broker.Broker(o.build, place) as b:
        env = environment(o, b.env)
        for test in o.tests.split(","):
            rounds = []
            for i in range(o.rounds):
                # The order rotates.
                turn = ways[i % len(ways):] + ways[:i % len(ways)]
                rounds.append({w: run(o, env, test, w) for w in turn})
            show(test, ways, rounds)


main()
