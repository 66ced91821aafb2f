# SPDX-License-Identifier: MIT
"""The machine, and the two CPUs to use."""

import os
import platform
import subprocess


def read(path, default=""):
    try:
        with open(path) as f:
            return f.read().strip()
    except OSError:
        return default


def core_of(cpu):
    top = "/sys/devices/system/cpu/cpu%d/topology/" % cpu
    return (read(top + "physical_package_id", "0"),
            read(top + "core_id", str(cpu)))


def two_cores():
    """Two allowed CPUs of one package but of different cores; without such, any
    two; without two, twice the same."""
    cpus = sorted(os.sched_getaffinity(0))
    first = cpus[0]
    package, core = core_of(first)
    best = sorted(cpus[1:], key=lambda c: (core_of(c) == (package, core),
                                           core_of(c)[0] != package, c))
    return [first, best[0] if best else first]


def cpuinfo(key):
    for line in read("/proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def caches():
    found = {}
    base = "/sys/devices/system/cpu/cpu0/cache/"
    for index in sorted(os.listdir(base) if os.path.isdir(base) else []):
        if index.startswith("index"):
            what = "L%s %s" % (read(base + index + "/level"),
                               read(base + index + "/type"))
            found[what] = read(base + index + "/size")
    return found


def describe():
    return {
        "cpu": cpuinfo("model name") or platform.machine(),
        "virtual": "hypervisor" in cpuinfo("flags").split(),
        "cpus": os.cpu_count(),
        "caches": caches(),
        "governor": read("/sys/devices/system/cpu/cpu0/cpufreq/"
                         "scaling_governor", "unknown"),
        "kernel": platform.release(),
        "gcc": first_line(["gcc", "-dumpfullversion"]),
    }


def first_line(command):
    try:
        out = subprocess.run(command, capture_output=True, text=True,
                             timeout=20, check=False).stdout
    except OSError:
        return ""
    return out.splitlines()[0] if out else ""


def ivc_version():
    """Of the library's header, and of the sources if they are in git."""
    here = os.path.dirname(os.path.abspath(__file__))
    header = read(os.path.join(here, "../../include/ivc/version.h"))
    numbers = [line.split()[2] for line in header.splitlines()
               if line.startswith("#define IVC_VERSION_M")]
    commit = first_line(["git", "-C", here, "describe", "--always", "--dirty"])
    return " ".join(filter(None, [".".join(numbers), commit]))


def package_version(name):
    return first_line(["dpkg-query", "-W", "-f", "${Version}\n", name])
